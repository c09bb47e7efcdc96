//! What becomes of a task whose loop was ended by a bug.
//!
//! Whoever runs jobs beats for it through [`rest`] while it waits, and then goes on with what [`rescued`] says. The waits
//! grow ([`crate::retry::BUG`]): a bug that comes back at once costs a line of the log now and then, and no token.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;

use super::heartbeat::{HeartbeatObserver, RateLimiter};
use super::machine::State;
use super::report::{ErrorName, Failure, Outcome};
use super::task::Task;
use super::world::World;

/// Keeps a task's token alive for so long, and does nothing else.
pub async fn rest<W: World>(
    world: Arc<W>,
    task: Arc<Task>,
    limiter: Arc<RateLimiter>,
    on_event: HeartbeatObserver,
    pause: Duration,
) {
    let _heartbeat = task.beat(world, limiter, on_event, true);
    sleep(pause).await;
}

/// The state in which a task goes on after its loop has panicked, from its journal entry. What was settled is never told
/// otherwise; a task whose end was open is answered, and its run is killed.
pub fn rescued(task: &Task, kept: Option<State>) -> State {
    let orphaned = || Task::orphan(&task.id).1;
    match kept {
        Some(state @ (State::Orphaned { .. } | State::Settled)) => state,
        // Nobody can be told anything.
        kept if is_orphan(task) => {
            let run = kept.as_ref().and_then(State::run).cloned();
            run.map_or_else(orphaned, |run| State::Orphaned { run })
        }
        Some(state @ (State::Judged { .. } | State::Ended { .. })) => state,
        kept => {
            let failure =
                Failure::new(ErrorName::WorkerFault, "Running", "a bug in the worker ended this task");
            let failure = Failure { execution: task.execution.clone(), ..failure };
            let leftover = match kept {
                // Nothing was submitted.
                Some(State::Stopping { .. } | State::Received { .. }) => None,
                Some(state) if task.is_adopted() => state.run().and(None),
                Some(state) => state.run().cloned(),
                None => orphaned().run().cloned(),
            };
            State::Ended { outcome: Outcome::Failed(Box::new(failure)), leftover }
        }
    }
}

/// Whether nothing but the run of a task is left, which must not live on.
pub fn is_orphan(task: &Task) -> bool {
    task.token.is_none() && task.document.is_none()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::application::{AppEnd, AppState};
    use crate::job::document::Document;
    use crate::job::goal::Goal;
    use crate::job::machine::{Attempt, FinalWord, Run};
    use crate::job::samples::application;
    use crate::job::timestamp::Timestamp;
    use crate::job::token::Token;

    fn task() -> Task {
        let execution = Some("exec-1".to_owned());
        Task { token: Some(Token::new("t".to_owned())), execution, ..Task::orphan("0123456789abcdef").0 }
    }

    fn run() -> Run {
        Run::new("etl-0123456789abcdef".to_owned(), "sjw-0123456789abcdef".to_owned())
    }

    #[test]
    fn what_is_settled_is_not_told_otherwise() {
        let word = FinalWord::of(application("a_1_1", AppState::Ended(AppEnd::Succeeded)), false).unwrap();
        let outcome = Outcome::Failed(Box::new(Failure::new(ErrorName::Killed, "Running", "no")));
        let settled = [
            State::Judged { run: run(), word: Box::new(word) },
            State::Ended { outcome, leftover: Some(run()) },
            State::Orphaned { run: run() },
        ];
        for state in settled {
            assert_eq!(rescued(&task(), Some(state.clone())), state);
        }
    }

    #[test]
    fn a_task_whose_end_was_open_is_answered_and_what_may_run_is_killed() {
        let attempt = Attempt::new(run());
        let since = Timestamp(1);
        let open = [
            (Some(State::Received { attempt: attempt.clone() }), None),
            (Some(State::Submitting { attempt: attempt.clone(), since }), Some(run())),
            (Some(State::InDoubt { attempt, since, answered: true }), Some(run())),
            (Some(State::Running { run: run() }), Some(run())),
            // Nothing is on disk: its name is not known, its end is.
            (None, Some(Run::new("-0123456789abcdef".to_owned(), "sjw-0123456789abcdef".to_owned()))),
        ];
        for (kept, killed) in open {
            let State::Ended { outcome: Outcome::Failed(failure), leftover } = rescued(&task(), kept.clone())
            else {
                panic!("{kept:?}")
            };
            assert_eq!((failure.error, leftover), (ErrorName::WorkerFault, killed), "{kept:?}");
            assert_eq!(failure.execution.as_deref(), Some("exec-1"));
        }
    }

    #[test]
    fn a_run_that_was_there_before_its_task_is_left_alone() {
        let document = Document {
            place: Token::new("https://s3/answer".to_owned()),
            form: String::new(),
            goal: Goal::Running,
            deadline: Timestamp(1),
            expires: Timestamp(1),
            adopted: true,
        };
        let adopts = Task { token: None, document: Some(Box::new(document)), ..task() };
        let state = rescued(&adopts, Some(State::Running { run: run() }));
        assert!(matches!(state, State::Ended { leftover: None, .. }), "{state:?}");
    }

    #[test]
    fn a_run_that_nobody_waits_for_is_killed_whatever_its_entry_says() {
        let (orphan, state) = Task::orphan("0123456789abcdef");
        assert_eq!(rescued(&orphan, None), state);
        let received = State::Received { attempt: Attempt::new(run()) };
        assert_eq!(rescued(&orphan, Some(received)), State::Orphaned { run: run() });
    }
}
