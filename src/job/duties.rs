//! How each duty is performed: looks and acts of the [`World`](super::world::World), repeated until the rules call it
//! an event.
//!
//! Each function may be dropped at any await and performed again from the start, except [`submit()`]: its POST runs on a
//! task of its own and is always heard out.

mod finish;
mod follow;
mod logs;
mod submit;

use super::Task;
use super::machine::{Event, Run, Timestamp};
use super::report::{ErrorName, Failure, Outcome};
use super::request::JobRequest;
use super::world::Sight;
use crate::retry::Waits;

pub(super) use finish::{kill, report};
pub(super) use follow::watch;
pub(super) use submit::{Doubt, find, prepare, submit};

/// What a job remembers between its duties. All of it can be found out again.
#[derive(Debug)]
pub(super) struct Memory<S> {
    request: Option<JobRequest>,
    slot: Option<S>,
    submit_waits: Option<Waits>,
    running_since: Option<Timestamp>,
    seen: Option<Sight>,
    /// YARN's word for the application's state, as it was last told.
    word: Option<String>,
    driver_log_url: Option<String>,
    tracking_url: Option<String>,
}

impl<S> Default for Memory<S> {
    fn default() -> Self {
        Memory {
            request: None,
            slot: None,
            submit_waits: None,
            running_since: None,
            seen: None,
            word: None,
            driver_log_url: None,
            tracking_url: None,
        }
    }
}

/// A failure of a task.
pub(super) fn failure(task: &Task, error: ErrorName, stage: &str, message: String) -> Failure {
    Failure { execution: task.execution.clone(), ..Failure::new(error, stage, message) }
}

/// The same, of which the run is known.
pub(super) fn of_run(run: Option<&Run>, failure: Failure) -> Failure {
    let batch_id = run.and_then(|run| run.batch);
    Failure { batch_id, application_id: run.and_then(|run| run.application.clone()), ..failure }
}

fn ended(failure: Failure, leftover: Option<Run>) -> Event {
    Event::Ended { outcome: Outcome::Failed(Box::new(failure)), leftover }
}
