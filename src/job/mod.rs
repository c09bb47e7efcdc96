//! What happens to one task: record its state, perform the state's duty, feed what happened to the machine.
//!
//! The loop is generic over [`World`]. It knows no Step Functions type and no HTTP: it is given a token, an input and a
//! way to answer. The heartbeat runs beside every duty, from receipt until the outcome is acknowledged.

mod duties;
pub mod evidence;
pub mod heart;
pub mod journal;
pub mod machine;
pub mod report;
pub mod request;
mod task;
pub mod verdict;
pub mod world;

use std::sync::Arc;

use tokio::sync::watch;
use tracing::{debug, error, info, warn};

use crate::ops::telemetry::message_id;
use duties::{Doubt, Memory};
use heart::{Beating, Heart};
use machine::{Event, OnAbort, State, next};
use report::{ErrorName, Failure, Outcome};
use world::{Unwritable, World};

pub use task::{Lent, Rules, Start, Task, Watching};

/// Carries a task from `state` to its end. `observe` sees each state before its duty begins.
pub async fn run<W: World>(
    lent: Lent<W>,
    mut task: Task,
    mut state: State,
    start: Start,
    mut observe: impl FnMut(&State) + Send,
) {
    let Lent { world, rules, pacer, stop, mark } = lent;
    let at_once = start == Start::Resumed;
    let heart = task.token.clone().map(|token| {
        let beating = Beating { token, interval: rules.heartbeat_interval, pacer, mark, at_once };
        Heart::start(Arc::clone(&world), beating)
    });
    let name = state.run().map_or_else(|| task.id.clone(), |run| run.name.clone());
    let mut kept = start == Start::Resumed;
    if start == Start::Resumed {
        state = state.read_back();
        kept = kept && !matches!(state, State::InDoubt { .. });
    }
    task.slim(&state);
    let mut job = Job { name, world, rules, task, heart, stop, start, memory: Memory::default() };
    while state != State::Settled {
        if !std::mem::take(&mut kept) {
            state = Box::pin(job.keep(state)).await;
        }
        observe(&state);
        let event = job.perform(&state).await;
        job.tell(&event);
        state = match next(state, event) {
            Ok(next) => next,
            Err(illegal) => {
                error!(
                    message_id = message_id::ILLEGAL_EVENT,
                    "an event does not fit the state {}: {:?}; the state is kept",
                    illegal.state.name(),
                    illegal.event
                );
                tokio::time::sleep(job.rules.watch.interval).await;
                illegal.state
            }
        };
        job.task.slim(&state);
    }
    job.forget().await;
    observe(&state);
}

/// One task under way.
struct Job<W: World> {
    name: String,
    world: Arc<W>,
    rules: Arc<Rules>,
    task: Task,
    heart: Option<Heart>,
    stop: watch::Receiver<bool>,
    start: Start,
    memory: Memory<W::Slot>,
}

impl<W: World> Job<W> {
    /// Makes the state durable before its duty begins. Where that fails, a task that was not submitted is given back,
    /// and a job that runs goes on from memory.
    async fn keep(&mut self, state: State) -> State {
        let entry = self.task.entry(&state);
        let Err(Unwritable(words)) = self.world.write(&entry).await else {
            debug!("{} is kept as {}", self.name, state.name());
            return state;
        };
        error!(
            message_id = message_id::DISK,
            "the state {} of {} cannot be kept: {words}",
            state.name(),
            self.name
        );
        match state {
            State::Received { .. } | State::Submitting { .. } => {
                let message =
                    format!("the state directory cannot be written: {words}; nothing was submitted");
                let failure = duties::failure(&self.task, ErrorName::WorkerFault, state.name(), message);
                State::Ended { outcome: Outcome::Failed(Box::new(failure)), leftover: None }
            }
            State::InDoubt { .. }
            | State::Running { .. }
            | State::Ended { .. }
            | State::Orphaned { .. }
            | State::Settled => state,
        }
    }

    /// Lets go of the entry. One that stays is looked at once more by the next start.
    async fn forget(&self) {
        if let Err(Unwritable(words)) = self.world.forget(&self.task.id).await {
            warn!(message_id = message_id::DISK, "the entry of {} cannot be removed: {words}", self.name);
        }
    }

    /// Performs the state's duty until something happens. What interrupts a duty is heard beside it, except where an
    /// act under way must be heard out. Duties are boxed: a job holds room for the one that it performs, not for the
    /// largest.
    async fn perform(&mut self, state: &State) -> Event {
        let Job { world, rules, task, heart, stop, start, memory, .. } = self;
        let (heart, task, start) = (heart.as_ref(), &*task, *start);
        let stop = Stop { stop, task, state };
        let on_abort = rules.on_abort;
        match state {
            State::Received { attempt } => tokio::select! {
                biased;
                event = interrupted(heart, &stop, on_abort) => event,
                event = Box::pin(async {
                    match (start, heart) {
                        (Start::Parked, _) => std::future::pending().await,
                        (Start::Resumed, Some(heart)) => heart.accepted().await,
                        (Start::Fresh, _) | (Start::Resumed, None) => {}
                    }
                    duties::prepare(&**world, rules, task, attempt, memory).await
                }) => event,
            },
            State::Submitting { attempt, .. } => tokio::select! {
                event = Box::pin(duties::submit(Arc::clone(world), task, &attempt.run, memory)) => event,
                event = stop.said() => event,
            },
            State::InDoubt { attempt, since, answered } => {
                let doubt = Doubt { run: &attempt.run, since: *since, answered: *answered };
                tokio::select! {
                    biased;
                    event = interrupted(heart, &stop, on_abort) => event,
                    event = Box::pin(duties::find(&**world, rules, task, doubt)) => event,
                }
            }
            State::Running { run } => tokio::select! {
                biased;
                event = interrupted(heart, &stop, on_abort) => event,
                event = Box::pin(duties::watch(&**world, rules, task, run, memory)) => event,
            },
            State::Ended { outcome, .. } => tokio::select! {
                event = Box::pin(duties::report(&**world, task, outcome, heart)) => event,
                () = gone(heart) => Event::TokenGone(on_abort),
            },
            State::Orphaned { run } => {
                // Nobody waits for it: no beat is due any more.
                if let Some(heart) = heart {
                    heart.stop();
                }
                Box::pin(duties::kill(Arc::clone(world), rules, run)).await
            }
            State::Settled => Event::Acknowledged,
        }
    }

    /// Tells the story: one line an event that a person cares for.
    fn tell(&self, event: &Event) {
        match event {
            Event::Submitted(run) | Event::Found(run) => info!(
                message_id = message_id::JOB_SUBMITTED,
                livy_batch_id = run.batch,
                yarn_application_id = run.application.as_deref(),
                "{} is batch {} of Livy",
                run.name,
                run.batch.unwrap_or_default()
            ),
            Event::Learned(run) => info!(
                livy_batch_id = run.batch,
                yarn_application_id = run.application.as_deref(),
                "{} runs as {}",
                run.name,
                run.application.as_deref().unwrap_or("an unknown application")
            ),
            Event::Ended { outcome: Outcome::Succeeded(success), .. } => {
                info!(
                    message_id = message_id::TASK_SUCCEEDED,
                    livy_batch_id = success.batch_id,
                    "{} succeeded",
                    self.name
                );
            }
            Event::Ended { outcome: Outcome::Failed(failure), .. } => tell_failure(&self.name, failure),
            Event::Refused(failure) => tell_failure(&self.name, failure),
            Event::Acknowledged => info!("Step Functions has the outcome of {}", self.name),
            Event::TokenGone(on_abort) => info!(
                message_id = message_id::TOKEN_DEAD,
                "nobody waits for {} any more (on_abort: {on_abort:?})", self.name
            ),
            Event::Stop(failure) => info!("{}: {}", self.name, failure.message),
            Event::Ready { .. }
            | Event::NotNow(_)
            | Event::Unsure { .. }
            | Event::Absent(_)
            | Event::Killed => {}
        }
    }
}

fn tell_failure(name: &str, failure: &Failure) {
    let lost = failure.error == ErrorName::Lost;
    warn!(
        message_id = if lost { message_id::JOB_LOST } else { message_id::TASK_FAILED },
        livy_batch_id = failure.batch_id,
        yarn_application_id = failure.application_id.as_deref(),
        "{name} ends with {}: {}",
        failure.error.as_str(),
        failure.message
    );
}

/// What ends a duty from outside: nobody waits any more, or the worker gives the task up.
async fn interrupted(heart: Option<&Heart>, stop: &Stop<'_>, on_abort: OnAbort) -> Event {
    tokio::select! {
        () = gone(heart) => Event::TokenGone(on_abort),
        event = stop.said() => event,
    }
}

/// Returns once nobody waits for the token; never where there is none.
async fn gone(heart: Option<&Heart>) {
    match heart {
        Some(heart) => heart.gone().await,
        None => std::future::pending().await,
    }
}

/// Whether the worker gives up a task, which is in a state.
struct Stop<'a> {
    stop: &'a watch::Receiver<bool>,
    task: &'a Task,
    state: &'a State,
}

impl Stop<'_> {
    /// Returns once it does.
    async fn said(&self) -> Event {
        if self.stop.clone().wait_for(|stop| *stop).await.is_err() {
            std::future::pending::<()>().await;
        }
        let message = "the worker on this cluster is going down and gives the task back; a Retry can go to another cluster";
        let failure =
            duties::failure(self.task, ErrorName::ClusterTerminating, self.state.name(), message.to_owned());
        Event::Stop(duties::of_run(self.state.run(), failure))
    }
}
