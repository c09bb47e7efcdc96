//! What happens to one task: record its state, perform the state's duty, feed what happened to the machine.
//!
//! The loop is generic over [`World`]. It knows no Step Functions type and no HTTP: it is given a token, an input and a
//! way to answer. The heartbeat runs beside every duty, from receipt until the outcome is acknowledged.

pub mod application;
mod awaited;
pub mod document;
mod duties;
mod event_log;
pub mod evidence;
pub mod flag;
pub mod gate;
pub mod goal;
pub mod heartbeat;
pub mod journal;
pub mod machine;
pub mod places;
pub mod report;
pub mod request;
pub mod rescue;
#[cfg(test)]
mod samples;
pub mod statements;
pub mod steps;
pub mod sweep;
pub mod tags;
mod task;
pub mod timestamp;
pub mod token;
pub mod verdict;
pub mod world;

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tracing::{debug, error, info, trace, warn};

use crate::log::message_id;
use crate::retry;
use awaited::Outside;
use duties::{JobCache, JobServices};
use flag::Flag;
use gate::Gate;
use heartbeat::Heartbeat;
use machine::{Event, OnAbort, Stage, State, next};
use places::Ticket;
use report::{ErrorName, Outcome};
use steps::find::Doubt;
use world::{Unwritable, World};

pub use task::{ActivityRules, JobContext, JobTimings, SessionRequest, Start, Task, TaskRequest};

/// Starts the heartbeat of a task, in the span that is entered, and carries it from `state` to its end. `observe` sees
/// each state before its duty begins.
pub fn run<W: World>(
    context: JobContext<W>,
    task: Task,
    state: State,
    start: Start,
    observe: impl FnMut(&State) + Send,
) -> impl Future<Output = ()> + Send {
    let (job, state) = Job::begin(context, task, state, start);
    carry(job, state, observe)
}

#[expect(clippy::manual_async_fn, reason = "an `async fn` holds its arguments twice")]
fn carry<W: World>(
    mut job: Job<W>,
    mut state: State,
    mut observe: impl FnMut(&State) + Send,
) -> impl Future<Output = ()> + Send {
    async move {
        // A resumed state is already on disk. `InDoubt` is written again: it may have been read as `Submitting`.
        let mut kept = match job.start {
            Start::Resumed => state.stage() != Stage::InDoubt,
            Start::Kept => true,
            Start::Fresh | Start::Parked => false,
        };
        while state != State::Settled {
            let mut unwritten = false;
            if !std::mem::take(&mut kept) {
                (state, unwritten) = Box::pin(job.keep(state)).await;
            }
            let is_told = state.stage() == Stage::Ended && job.task.document.is_some();
            if is_told || state.stage() == Stage::Orphaned {
                // Nobody waits for it, or it may run on for months: it holds up no other task.
                job.place = Ticket::NotNeeded;
            }
            observe(&state);
            // What a job seldom waits in is boxed: thousands wait in `perform`.
            let event = if unwritten {
                Box::pin(job.perform_unwritten(&state)).await
            } else {
                job.perform(&state).await
            };
            state = Box::pin(job.moved(state, event)).await;
        }
        Box::pin(job.forget()).await;
        // Its place first: whoever sees the end may count on it.
        drop(job);
        observe(&state);
    }
}

/// Returns once a task that was received may go on. One that no poll has brought waits for the end of a pause here.
async fn may_begin(start: Start, heartbeat: Option<&Heartbeat>, task: &Task, gate: &Gate) {
    match (start, heartbeat) {
        (Start::Parked, _) => std::future::pending().await,
        (Start::Resumed, Some(heartbeat)) => heartbeat.accepted().await,
        (Start::Fresh | Start::Kept, _) | (Start::Resumed, None) => {}
    }
    if task.document.is_some() && gate.unpaused().await.is_none() {
        // The process ends.
        std::future::pending().await
    }
}

/// Tries again and again to make a state durable that the disk did not take, beside its duty; a restart must find the job
/// where it is. Never ends.
async fn write_once_it_can<W: World>(world: Arc<W>, task: Task, state: &State) -> Infallible {
    let mut waits = retry::WRITE.start();
    loop {
        tokio::time::sleep(waits.next(fastrand::f64())).await;
        if world.write(&task, state).await.is_ok() {
            info!("the state {} of {} is kept now", state.name(), task.id);
            return std::future::pending().await;
        }
    }
}

/// One task under way.
struct Job<W: World> {
    name: String,
    services: JobServices<W>,
    task: Task,
    heartbeat: Option<Heartbeat>,
    stop: Arc<Flag>,
    start: Start,
    place: Ticket,
    dropped: Option<Arc<Flag>>,
    cache: JobCache,
}

impl<W: World> Job<W> {
    /// Starts the heartbeat, and reads `state` as it is to be understood.
    fn begin(context: JobContext<W>, mut task: Task, state: State, start: Start) -> (Job<W>, State) {
        let JobContext { world, sweep, gate, rules, limiter, stop, on_event, place, dropped } = context;
        let heartbeat = if state.stage() == Stage::Orphaned {
            None
        } else {
            task.beat(Arc::clone(&world), limiter, on_event, start == Start::Resumed)
        };
        let name = state.run().map_or_else(|| task.id.clone(), |run| run.name.clone());
        let state = if start == Start::Resumed { state.read_back() } else { state };
        task.drop_request(&state);
        let services = JobServices { world, sweep, gate, rules };
        let cache = JobCache::default();
        (Job { name, services, task, heartbeat, stop, start, place, dropped, cache }, state)
    }

    /// Makes the state durable before its duty begins. Where that fails, a task that was not submitted is given back,
    /// and a job that runs goes on from memory: so does a session, where a restart finds by the marks and the interpreter's
    /// own count what was said meanwhile. With whether the state that it returns is still to be written.
    async fn keep(&mut self, mut state: State) -> (State, bool) {
        while let Err(reason) = self.write(&state).await {
            match state {
                State::Received { .. } | State::Submitting { .. } => {
                    let message =
                        format!("the state directory cannot be written: {reason}; nothing was submitted");
                    let failure = duties::failure(&self.task, ErrorName::WorkerFault, state.name(), message);
                    self.cache.release_slot();
                    state = State::Ended { outcome: Outcome::Failed(Box::new(failure)), leftover: None };
                }
                // Nothing was killed: a restart that does not know of it would take the kill for somebody else's.
                State::Withdrawing { run } => state = State::Running { run },
                State::Stopping { .. }
                | State::InDoubt { .. }
                | State::Running { .. }
                | State::Speaking { .. }
                | State::Listening { .. }
                | State::Judged { .. }
                | State::Ended { .. }
                | State::Orphaned { .. }
                | State::Settled => return (state, true),
            }
        }
        (state, false)
    }

    /// The state that an event leads to.
    async fn moved(&mut self, state: State, event: Event) -> State {
        if let (State::Running { run }, Event::TokenGone(OnAbort::Leave)) = (&state, &event)
            && !run.is_session()
        {
            // The job is left alone; what carries its tag beside it is not.
            duties::leave(&self.services, run, &mut self.cache).await;
        }
        trace!(state = state.name(), event = event.name(), "the duty of {} is done", self.name);
        event_log::log_event(&self.name, self.task.document.is_some(), &event);
        let state = match next(state, event) {
            Ok(next) => next,
            Err(illegal) => {
                error!(
                    message_id = message_id::ILLEGAL_EVENT,
                    "the event {} does not fit the state {}; the state is kept",
                    illegal.event.name(),
                    illegal.state.name(),
                );
                tokio::time::sleep(self.services.rules.interval).await;
                illegal.state
            }
        };
        if state.stage() != Stage::Submitting {
            self.cache.release_slot();
        }
        self.task.drop_request(&state);
        state
    }

    /// One try to make a state durable.
    async fn write(&self, state: &State) -> Result<(), String> {
        let Err(Unwritable(reason)) = self.services.world.write(&self.task, state).await else {
            debug!("{} is kept as {}", self.name, state.name());
            return Ok(());
        };
        error!(
            message_id = message_id::DISK,
            "the state {} of {} cannot be kept: {reason}",
            state.name(),
            self.name
        );
        Err(reason)
    }

    /// Performs the duty of a state that the disk did not take, and writes it once it does.
    async fn perform_unwritten(&mut self, state: &State) -> Event {
        let (world, task) = (Arc::clone(&self.services.world), self.task.clone());
        let writing = Box::pin(write_once_it_can(world, task, state));
        tokio::select! {
            biased;
            event = self.perform(state) => event,
            never = writing => match never {},
        }
    }

    /// Lets go of the entry. One that cannot be removed goes once the disk can be written, or is looked at once more by the
    /// next start.
    async fn forget(&self) {
        if let Err(Unwritable(reason)) = self.services.world.forget(&self.task.id).await {
            warn!(message_id = message_id::DISK, "the entry of {} cannot be removed: {reason}", self.name);
        }
    }

    /// Performs the state's duty until something happens. What interrupts a duty is heard beside it, except where an
    /// act under way has to be answered first. Duties are boxed: a job holds room for the one that it performs, not for
    /// the largest.
    async fn perform(&mut self, state: &State) -> Event {
        let Job { services, task, heartbeat, stop, start, place, dropped, cache, .. } = self;
        let (heartbeat, task, start) = (heartbeat.as_ref(), &*task, *start);
        let (world, has_place, dropped) = (&*services.world, AtomicBool::new(false), dropped.as_deref());
        let gate = &services.gate;
        let outside = Outside { heartbeat, dropped, stop, world, gate, task, state, has_place: &has_place };
        match state {
            State::Stopping { .. } => tokio::select! {
                biased;
                () = world.stopped(task) => Event::Killed,
                event = outside.interrupted() => event,
            },
            State::Received { attempt } => tokio::select! {
                biased;
                event = outside.interrupted() => event,
                event = Box::pin(async {
                    may_begin(start, heartbeat, task, gate).await;
                    place.granted().await;
                    has_place.store(true, Ordering::Relaxed);
                    duties::prepare(services, task, attempt, cache).await
                }) => event,
            },
            State::Submitting { attempt, since } => tokio::select! {
                biased;
                event = Box::pin(duties::submit(services, task, &attempt.run, *since, cache)) => event,
                event = outside.gives_up() => event,
            },
            State::InDoubt { attempt, since, answered } => tokio::select! {
                biased;
                event = outside.interrupted() => event,
                event = Box::pin(
                    duties::find(services, task, attempt, Doubt { since: *since, answered: *answered }, cache)
                ) => event,
            },
            State::Running { run }
            | State::Withdrawing { run }
            | State::Speaking { run, .. }
            | State::Listening { run, .. } => tokio::select! {
                biased;
                event = outside.interrupted() => event,
                event = duties::go_on(services, task, run, state, cache) => event,
            },
            State::Judged { run, word } => tokio::select! {
                biased;
                event = Box::pin(duties::gather(services, task, run, word, stop)) => event,
                event = outside.gone() => event,
            },
            State::Ended { outcome, .. } => tokio::select! {
                biased;
                event = Box::pin(duties::report(services, task, outcome, heartbeat)) => event,
                event = outside.gone() => event,
            },
            State::Orphaned { run } => {
                // Nobody waits for it: no beat is due any more.
                heartbeat.into_iter().for_each(Heartbeat::stop);
                Box::pin(duties::kill(services, run)).await
            }
            State::Settled => Event::Acknowledged,
        }
    }
}
