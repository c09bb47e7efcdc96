//! Which job waits for which news: who is told what, and when it is called missing.

use super::*;
use crate::job::application::{AppState, MovingApplication};
use crate::job::samples::{application, view};
use crate::job::world::{BatchState, BatchView};

const ID: &str = "application_1_0001";

fn run(application: Option<&str>) -> Run {
    Run { application: application.map(str::to_owned), ..Run::new("a".into(), "sjw-a".into()) }
}

fn list(ids: &[&str]) -> Option<Active> {
    let mut active = Active::default();
    for id in ids {
        let moving = MovingApplication {
            name: "a".into(),
            progress: 0.0,
            memory_seconds: None,
            vcore_seconds: None,
            application: application(id, AppState::Active),
        };
        active.add("sjw-a", moving, None);
    }
    Some(active)
}

type Told = Vec<(&'static str, Observed)>;

fn said(
    watchers: &mut Watchers<&'static str>,
    names: &HashSet<String>,
    answer: Result<Vec<BatchView>, &str>,
) -> Told {
    watchers.livy(names, &LivySaid::new(answer.map_err(str::to_owned)), None).told
}

fn livy(watchers: &mut Watchers<&'static str>, state: BatchState) -> Told {
    let names = watchers.names();
    said(watchers, &names, Ok(vec![view(state)]))
}

fn listed(watchers: &mut Watchers<&'static str>, began: SweepNumber, answer: Option<Active>) -> Told {
    watchers.yarn(began, answer, Duration::ZERO);
    watchers.of_yarn(None).told
}

fn yarn(watchers: &mut Watchers<&'static str>, ids: &[&str]) -> Told {
    let number = watchers.begin();
    listed(watchers, number, list(ids))
}

/// The one observation that is told.
fn only(told: Vec<(&'static str, Observed)>) -> Observed {
    let mut told = told.into_iter();
    let (_, observation) = told.next().expect("somebody is told");
    assert!(told.next().is_none(), "nobody else is");
    observation
}

#[test]
fn a_job_is_told_first_of_all_and_then_only_what_changes() {
    let mut watchers = Watchers::default();
    watchers.enter(&run(None), watchers.begun(), None, "job");
    let first = only(livy(&mut watchers, BatchState::Starting));
    assert_eq!((first.active.clone(), first.missing), (None, false));
    watchers.enter(&run(None), watchers.begun(), Some(first), "job");
    assert!(livy(&mut watchers, BatchState::Starting).is_empty());
    let second = only(yarn(&mut watchers, &[]));
    assert_eq!(second.active.as_deref(), Some(&[][..]), "YARN answers now");
    watchers.enter(&run(None), watchers.begun(), Some(second), "job");
    assert!(yarn(&mut watchers, &[]).is_empty());
    let third = only(livy(&mut watchers, BatchState::Running));
    assert!(matches!(&third.livy, LivyAnswer::Seen(view) if view.state == BatchState::Running));
}

#[test]
fn an_application_is_missing_from_the_first_list_that_was_asked_for_after_it_was_known() {
    let mut watchers = Watchers::default();
    let early = watchers.begin();
    watchers.enter(&run(Some(ID)), watchers.begun(), None, "job");
    let first = only(listed(&mut watchers, early, list(&[])));
    assert!(!first.missing, "that list was asked for before");
    watchers.enter(&run(Some(ID)), early, Some(first), "job");
    let second = only(yarn(&mut watchers, &[]));
    assert!(second.missing);
    watchers.enter(&run(Some(ID)), early, Some(second), "job");
    assert!(yarn(&mut watchers, &[]).is_empty(), "the same again is no news");
    assert!(!only(yarn(&mut watchers, &[ID])).missing);
}

#[test]
fn a_run_without_an_id_is_never_missing() {
    let mut watchers = Watchers::default();
    watchers.enter(&run(None), watchers.begun(), None, "job");
    assert!(!only(yarn(&mut watchers, &[])).missing);
}

#[test]
fn a_silent_yarn_shows_nothing_and_misses_nothing() {
    let mut watchers = Watchers::default();
    watchers.enter(&run(Some(ID)), watchers.begun(), None, "job");
    let number = watchers.begin();
    let observation = only(listed(&mut watchers, number, None));
    assert_eq!((observation.active, observation.missing), (None, false));
}

#[test]
fn why_livy_is_silent_is_not_worth_a_word_and_that_it_is_is() {
    let mut watchers = Watchers::default();
    watchers.enter(&run(None), watchers.begun(), None, "job");
    let names = watchers.names();
    let first = only(said(&mut watchers, &names, Err("refused")));
    watchers.enter(&run(None), watchers.begun(), Some(first), "job");
    assert!(said(&mut watchers, &names, Err("timed out")).is_empty());
    let second = only(said(&mut watchers, &names, Ok(Vec::new())));
    assert_eq!(second.livy, LivyAnswer::Missing);
}

#[test]
fn a_job_that_registered_after_the_question_or_left_is_told_nothing_of_its_answer() {
    let mut watchers = Watchers::default();
    let before = watchers.names();
    watchers.enter(&run(None), watchers.begun(), None, "job");
    assert!(said(&mut watchers, &before, Ok(Vec::new())).is_empty(), "it was not asked about");
    assert!(!watchers.is_empty());
    watchers.leave("a");
    assert!(watchers.is_empty() && yarn(&mut watchers, &[]).is_empty());
}

#[test]
fn sessions_are_asked_for_by_a_list_of_their_own() {
    let mut watchers = Watchers::default();
    let session = Run { name: "s".into(), ..run(None) }.at(crate::job::machine::Step::Opening);
    watchers.enter(&run(None), watchers.begun(), None, "job");
    watchers.enter(&session, watchers.begun(), None, "session");
    let only_one = |names: HashSet<String>| names.into_iter().collect::<Vec<_>>();
    assert_eq!(
        (only_one(watchers.names()), only_one(watchers.sessions())),
        (vec!["a".into()], vec!["s".into()])
    );
    let names = watchers.sessions();
    let told = said(&mut watchers, &names, Ok(Vec::new()));
    assert_eq!(told.len(), 1);
    assert_eq!((told[0].0, watchers.sessions().len(), watchers.names().len()), ("session", 0, 1));
    watchers.enter(&session, watchers.begun(), None, "session");
    watchers.leave("s");
    assert!(watchers.sessions().is_empty());
}

#[test]
fn of_many_jobs_some_are_looked_at_at_a_time_and_each_once() {
    let mut watchers = Watchers::default();
    let count = 2 * AT_ONCE + 1;
    for number in 0..count {
        watchers.enter(
            &Run { name: format!("job-{number:05}"), ..run(None) },
            watchers.begun(),
            None,
            number,
        );
    }
    let names = watchers.names();
    let seen = |number: usize| BatchView { name: format!("job-{number:05}"), ..view(BatchState::Running) };
    let answer = LivySaid::new(Ok((0..count).rev().map(seen).collect()));
    let (mut told, mut sizes, mut after) = (Vec::new(), Vec::new(), None::<String>);
    loop {
        let part = watchers.livy(&names, &answer, after.as_deref());
        sizes.push(part.told.len());
        told.extend(part.told.into_iter().map(|(number, observed)| match observed.livy {
            LivyAnswer::Seen(view) => (number, view.name.clone()),
            other @ (LivyAnswer::Missing | LivyAnswer::Unreachable(_)) => panic!("{other:?}"),
        }));
        after = part.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(sizes, [AT_ONCE, AT_ONCE, 1]);
    assert!(told.iter().enumerate().all(|(at, (number, name))| at == *number && *name == seen(at).name));
    assert!(watchers.is_empty());
}

#[test]
fn of_two_batches_of_a_name_the_last_one_counts() {
    let mut watchers = Watchers::default();
    watchers.enter(&run(None), watchers.begun(), None, "job");
    let names = watchers.names();
    let both = vec![view(BatchState::Dead), BatchView { id: 1, ..view(BatchState::Running) }];
    let told = only(said(&mut watchers, &names, Ok(both)));
    assert!(matches!(told.livy, LivyAnswer::Seen(view) if view.id == 1));
}

#[test]
fn a_job_that_waits_for_an_application_follows_it() {
    let mut watchers = Watchers::default();
    watchers.enter(&run(Some(ID)), watchers.begun(), None, "job");
    assert!(watchers.follows(ID) && !watchers.follows("application_1_0002"));
}
