//! Whether a run has come as far as it is waited for, while it runs. Its end is another matter, and follows from YARN's
//! word.

use crate::job::application::RUNNING;
use crate::job::goal::Goal;
use crate::job::machine::Run;
use crate::job::world::Observed;

/// YARN's word for it where it has; `None` where it is still waited for. Nothing is reached before anything was seen: what
/// is seen may be somebody else's.
pub fn reached(goal: Goal, run: &Run, observed: Option<&Observed>) -> Option<String> {
    let (id, observed) = (run.application.as_ref()?, observed?);
    let active = observed.active.as_deref().unwrap_or_default();
    let word = active.iter().find(|application| application.id == *id).map(|application| &application.word);
    match goal {
        Goal::Submitted => Some(word.map_or_else(|| Goal::Submitted.as_str().to_owned(), Clone::clone)),
        Goal::Running => word.filter(|word| *word == RUNNING).cloned(),
        Goal::Succeeded => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::application::AppState;
    use crate::job::samples::application;
    use crate::job::world::LivyAnswer;

    fn observed(word: Option<&str>) -> Observed {
        let application = |word: &str| crate::job::application::Application {
            word: word.to_owned(),
            ..application("application_1_0001", AppState::Active)
        };
        let active = word.map(|word| vec![application(word)].into());
        Observed { livy: LivyAnswer::Missing, active, missing: false }
    }

    fn run(id: Option<&str>) -> Run {
        Run { application: id.map(str::to_owned), ..Run::new("a".into(), "sjw-a".into()) }
    }

    #[test]
    fn each_goal_is_reached_by_what_yarn_says_of_the_runs_own_application() {
        let ours = run(Some("application_1_0001"));
        let table = [
            (Goal::Submitted, Some("ACCEPTED"), Some("ACCEPTED")),
            (Goal::Submitted, None, Some("SUBMITTED")),
            (Goal::Running, Some("ACCEPTED"), None),
            (Goal::Running, Some("RUNNING"), Some("RUNNING")),
            (Goal::Running, None, None),
            (Goal::Succeeded, Some("RUNNING"), None),
        ];
        for (goal, word, expected) in table {
            assert_eq!(reached(goal, &ours, Some(&observed(word))).as_deref(), expected, "{goal:?} {word:?}");
        }
    }

    #[test]
    fn nothing_is_reached_before_the_application_is_known_or_by_another_one() {
        for goal in Goal::ALL {
            assert_eq!(reached(goal, &run(None), Some(&observed(Some("RUNNING")))), None);
            assert_eq!(reached(goal, &run(Some("application_1_0001")), None), None);
        }
        let other = run(Some("application_1_0002"));
        assert_eq!(reached(Goal::Running, &other, Some(&observed(Some("RUNNING")))), None);
    }
}
