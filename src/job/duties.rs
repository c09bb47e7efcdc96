//! How each duty is performed: looks and acts of the [`World`], repeated until the rules call it
//! an event.
//!
//! Each function may be dropped at any await and performed again from the start, except [`submit()`]: its POST runs on a
//! task of its own, and its answer is always waited for.

mod doubles;
mod find;
mod follow;
mod gather;
mod kill;
mod report;
mod statements;
mod submit;
mod withdraw;

use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;

use super::gate::{Gate, Slot};
use super::machine::{Event, Run, State};
use super::report::{ErrorName, Failure, Outcome, Stopped};
use super::steps::Now;
use super::sweep::Sweep;
use super::timestamp::Timestamp;
use super::world::{Observed, World};
use super::{JobTimings, Task};
use crate::retry::Pauses;

pub(super) use find::find;
pub(super) use gather::gather;
pub(super) use kill::{kill, leave};
pub(super) use report::report;
pub(super) use submit::{prepare, submit};

use doubles::Duplicates;
use follow::follow;
use statements::talk;
use withdraw::withdraw;

/// What every duty may use.
pub(super) struct JobServices<W> {
    pub(super) world: Arc<W>,
    pub(super) sweep: Sweep,
    pub(super) gate: Gate,
    pub(super) rules: Arc<JobTimings>,
}

impl<W: World> JobServices<W> {
    /// This moment, on all clocks.
    fn now(&self) -> Now {
        Now {
            wall: self.world.now(),
            elapsed: self.sweep.elapsed(),
            answered: self.sweep.answered(),
            yarn: self.sweep.answered_by_yarn(),
        }
    }

    /// Whether YARN's lists prove no absence.
    fn hides(&self) -> bool {
        self.sweep.hides() || self.world.filters_lists()
    }
}

/// What a job remembers between its duties. All of it can be found out again.
#[derive(Debug, Default)]
pub(super) struct JobCache {
    slot: Option<Slot>,
    /// Boxed: few jobs have to wait, and thousands are there.
    submit_waits: Option<Box<Pauses>>,
    seen: Option<Observed>,
    doubles: Duplicates,
    /// YARN's word for the application's state, as it was last told.
    word: Option<String>,
}

impl JobCache {
    /// Gives back the slot of a POST that will not be made.
    pub(super) fn release_slot(&mut self) {
        self.slot = None;
    }
}

/// Goes on with a run that Livy or YARN has, as its state says. Each duty is boxed.
pub(super) async fn go_on<W: World>(
    services: &JobServices<W>,
    task: &Task,
    run: &Run,
    state: &State,
    cache: &mut JobCache,
) -> Event {
    match state {
        State::Withdrawing { .. } => Box::pin(withdraw(services, task, run)).await,
        State::Speaking { number, .. } | State::Listening { number, .. } => {
            Box::pin(talk(services, task, run, (state.stage(), *number), cache)).await
        }
        State::Running { .. }
        | State::Stopping { .. }
        | State::Received { .. }
        | State::Submitting { .. }
        | State::InDoubt { .. }
        | State::Judged { .. }
        | State::Ended { .. }
        | State::Orphaned { .. }
        | State::Settled => Box::pin(follow(services, task, run, cache, |_| {})).await,
    }
}

/// A failure of a task.
pub(super) fn failure(task: &Task, error: ErrorName, stage: &str, message: String) -> Failure {
    Failure { execution: task.execution.clone(), ..Failure::new(error, stage, message) }
}

/// Adds the ids of batch, session and application to a failure, and which statement was on.
pub(super) fn of_run(task: &Task, run: Option<&Run>, failure: Failure) -> Failure {
    let Some(run) = run else { return failure };
    let stopped = run.is_session().then(|| {
        let exception = failure.stopped.and_then(|stopped| stopped.exception);
        let statement = run.said().and_then(|step| task.statement(step));
        Box::new(Stopped { session: run.session(), statement, exception })
    });
    Failure { batch_id: run.batch(), application_id: run.application.clone(), stopped, ..failure }
}

fn ended(failure: Failure, leftover: Option<Run>) -> Event {
    Event::Ended { outcome: Outcome::Failed(Box::new(failure)), leftover }
}

/// Returns at a time of the wall clock, which can be set meanwhile.
pub(super) async fn until<W: World>(world: &W, at: Timestamp) {
    /// No step of the clock goes unnoticed for longer.
    const LOOK: u64 = 10_000;
    while let Some(left) = at.millis_since(world.now()).filter(|left| *left > 0) {
        sleep(Duration::from_millis(left.min(LOOK))).await;
    }
}
