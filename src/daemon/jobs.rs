//! The jobs under way: started, seen through, and answered even where a bug ends their loop.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::{Instant, timeout_at};
use tracing::{Instrument, Span, error, info, warn};

use super::door::Errand;
use super::poll::Arrival;
use super::rules::rules;
use super::shown::{Shown, name_of, observer, span_of};
use crate::cloudformation::resource::Kill;
use crate::config::Settings;
use crate::job::gate::Gate;
use crate::job::heartbeat::{HeartbeatEvent, RateLimiter};
use crate::job::journal::Entry;
use crate::job::machine::{Stage, State};
use crate::job::places::{Places, Ticket};
use crate::job::report::{ErrorName, Failure, Outcome};
use crate::job::request::OwnLivy;
use crate::job::sweep::Sweep;
use crate::job::world::World;
use crate::job::{self, JobContext, JobTimings, Start, Task};
use crate::log::message_id;
use crate::registry::TaskRegistry;
use crate::systemd::Watchdog;
use crate::world::RealWorld;

/// For how long the stop waits for the last heartbeats.
const LAST_BEATS: Duration = Duration::from_secs(5);
/// How many of them are under way at a time.
const LAST_BEATS_AT_ONCE: usize = 64;

/// All jobs, and what they share.
pub(super) struct Jobs {
    pub(super) world: Arc<RealWorld>,
    pub(super) sweep: Sweep,
    pub(super) gate: Gate,
    pub(super) registry: Arc<TaskRegistry>,
    pub(super) watchdog: Watchdog,
    pub(super) give_up: watch::Sender<bool>,
    rules: JobTimings,
    own_livy: OwnLivy,
    limiter: Arc<RateLimiter>,
    tasks: JoinSet<()>,
    running: HashMap<Id, Box<JobHandle>>,
    /// Tells a task without a token that nobody waits for it any more, by its id.
    drops: HashMap<String, watch::Sender<bool>>,
}

/// What a stop leaves behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum StopMode {
    /// Jobs that the next start takes over: no POST is out, and what came is kept.
    Handoff,
    /// Nobody waits any more: every task is given back. Jobs that live on go down with the node.
    GiveBack,
    /// Nothing: every task is given back, and its job is dead.
    GiveBackAndKill,
}

/// How a job's loop has ended.
pub(super) type Ended = Result<(Id, ()), JoinError>;

/// What is needed to carry on where a job's loop was ended by a bug. How far it was is in the journal.
struct JobHandle {
    task: Arc<Task>,
    span: Span,
}

impl Jobs {
    pub(super) fn new(
        settings: &Settings,
        world: Arc<RealWorld>,
        sweep: Sweep,
        gate: Gate,
        watchdog: Watchdog,
    ) -> Jobs {
        Jobs {
            world,
            sweep,
            gate,
            registry: Arc::default(),
            watchdog,
            give_up: watch::Sender::new(false),
            rules: rules(settings),
            own_livy: settings.own_livy(),
            limiter: Arc::new(RateLimiter::new(settings.aws.heartbeat_rate)),
            tasks: JoinSet::new(),
            running: HashMap::new(),
            drops: HashMap::new(),
        }
    }

    /// Starts the job of a task that has come.
    pub(super) fn accept(&mut self, arrival: Arrival, start: Start) {
        let Arrival { token, input, place, served } = arrival;
        self.world.metrics.received();
        let now = self.world.now();
        let (task, state) = Task::received(token, &served.arn, &input, &served.rules, self.own_livy(), now);
        let span = span_of(&task, &state);
        let (size, parked) = (input.len(), start == Start::Parked);
        let remark = if parked { "; the next start runs it" } else { "" };
        info!(parent: &span, message_id = message_id::TASK_RECEIVED, "received a task of {size} bytes{remark}");
        self.start(task, state, start, Ticket::Held(place), span);
    }

    /// Starts the job of a request for a resource. What ends jobs or says only what is so needs no place.
    pub(super) fn take(&mut self, errand: Errand) {
        let Errand { task, state, served } = errand;
        let ticket = match (state.stage(), state.run()) {
            (Stage::Stopping | Stage::Received, Some(_)) => served.places.ask(),
            _ => Ticket::NotNeeded,
        };
        let span = span_of(&task, &state);
        self.start(task, state, Start::Kept, ticket, span);
    }

    /// Tells tasks of resources that nobody waits for them any more, and begins what ends runs that nobody is at.
    pub(super) async fn tend(&mut self) {
        let world = Arc::clone(&self.world);
        let Some(door) = &world.door else { return };
        let duties = door.resources.duties().await;
        for task in duties.drop {
            if let Some(drop) = self.drops.get(&task) {
                drop.send_replace(true);
            }
        }
        for Kill { task, run, proof } in duties.kill {
            let (task, _) = Task::orphan(&task);
            let state = State::Orphaned { run };
            let span = span_of(&task, &state);
            info!(parent: &span, "{} must not live on: it is ended", name_of(&task, &state));
            self.start_with(proof.timings(self.rules), task, state, Start::Fresh, Ticket::NotNeeded, span);
        }
    }

    /// Which Livy an input may name: the one that is asked at this moment, or was last where nobody knows it now.
    pub(super) fn own_livy(&mut self) -> &OwnLivy {
        if let Some(address) = self.world.livy.address() {
            self.own_livy.is_found_at(address.host(), address.port());
        }
        &self.own_livy
    }

    /// Takes up a task that was read back. A submitted job takes a place even if none is free. A job that is not
    /// submitted yet waits for one. An orphaned job, and one of an activity that is no longer polled, needs none.
    pub(super) fn resume(&mut self, entry: Entry, places: Option<&Places>) {
        let ticket = match (entry.state.stage(), places) {
            (Stage::Orphaned | Stage::Settled, _) | (_, None) => Ticket::NotNeeded,
            // Others end, or it only says what is so.
            (Stage::Stopping, _) if entry.state.run().is_none() => Ticket::NotNeeded,
            (Stage::Ended, _) if entry.task.document.is_some() => Ticket::NotNeeded,
            (Stage::Stopping | Stage::Received, Some(places)) => places.ask(),
            (
                Stage::Submitting | Stage::InDoubt | Stage::Running | Stage::Judged | Stage::Ended,
                Some(places),
            ) => Ticket::Held(places.take()),
        };
        self.world.metrics.resumed();
        let Entry { task, state, .. } = entry;
        let span = span_of(&task, &state);
        info!(parent: &span, "taking over {} in state {}", name_of(&task, &state), state.name());
        self.start(task, state, Start::Resumed, ticket, span);
    }

    /// Whether a stop needs to wait no longer.
    pub(super) fn may_end(&self, leave: StopMode) -> bool {
        // A task is in the registry once its first journal entry is written.
        let all_kept = self.running.len() <= self.registry.held();
        match leave {
            StopMode::Handoff => all_kept && !self.registry.any_in(Stage::Submitting),
            StopMode::GiveBack => all_kept && !self.registry.any_awaited(),
            StopMode::GiveBackAndKill => self.registry.held() == 0 && all_kept,
        }
    }

    /// Whether no task is held, and none has just come.
    pub(super) fn is_idle(&self) -> bool {
        self.running.is_empty() && self.registry.held() == 0
    }

    /// Waits for the end of a job, which is to be reaped then; never where there is none. May be dropped at any moment.
    pub(super) async fn ended(&mut self) -> Ended {
        match self.tasks.join_next_with_id().await {
            Some(ended) => ended,
            None => std::future::pending().await,
        }
    }

    fn start(&mut self, task: Task, state: State, start: Start, place: Ticket, span: Span) {
        self.start_with(self.rules, task, state, start, place, span);
    }

    fn start_with(
        &mut self,
        rules: JobTimings,
        task: Task,
        state: State,
        start: Start,
        place: Ticket,
        span: Span,
    ) {
        let dropped = task.token.is_none().then(|| {
            let drop = watch::Sender::new(false);
            let dropped = drop.subscribe();
            self.drops.insert(task.id.clone(), drop);
            dropped
        });
        let supervised = self.watchdog.supervise("heartbeat of a task");
        let (registry, known) =
            (Arc::clone(&self.registry), Arc::new(Task { request: None, ..task.clone() }));
        let id = known.id.clone();
        let context = JobContext {
            world: Arc::clone(&self.world),
            sweep: self.sweep.clone(),
            gate: self.gate.clone(),
            rules,
            limiter: Arc::clone(&self.limiter),
            stop: self.give_up.subscribe(),
            on_event: Box::new(move |event| match event {
                HeartbeatEvent::MovesBy(deadline) => supervised.must_move_by(deadline),
                HeartbeatEvent::Waits => supervised.rest(),
                HeartbeatEvent::Accepted => registry.heartbeat_accepted(&id),
            }),
            place,
            dropped,
        };
        let running = Box::new(JobHandle { task: Arc::clone(&known), span: span.clone() });
        let shown = Shown {
            world: Arc::clone(&self.world),
            registry: Arc::clone(&self.registry),
            task: known,
            span: span.clone(),
        };
        let observe = observer(shown, start);
        let job = job::run(context, task, state, start, observe).instrument(span);
        let id = self.tasks.spawn(job).id();
        self.running.insert(id, running);
    }

    /// A job has ended. Where a bug ended it, its task is answered all the same and its run is killed, unless its end
    /// was settled already: then that is what is told.
    pub(super) async fn reap(&mut self, ended: Ended) {
        let id = ended.as_ref().map_or_else(JoinError::id, |(id, ())| *id);
        let Some(running) = self.running.remove(&id) else { return };
        let Err(panic) = ended else {
            self.drops.remove(&running.task.id);
            if let Some(door) = &self.world.door {
                door.resources.release(&running.task.id).await;
            }
            return;
        };
        error!(
            parent: &running.span,
            message_id = message_id::JOB_PANICKED,
            "a bug ended the loop of a task: {panic}"
        );
        let JobHandle { task, span } = *running;
        let kept = self.world.journal.read(&task.id).await.unwrap_or_else(|error| {
            warn!(parent: &span, "the entry of the task cannot be read: {error}");
            None
        });
        let state = rescued(&task, kept.map(|entry| entry.state));
        self.start(Task::clone(&task), state, Start::Fresh, Ticket::NotNeeded, span);
    }

    /// One last heartbeat for every token, so that the next start has a whole `HeartbeatSeconds`.
    pub(super) async fn beat_once_more(&self) {
        let mut beats = JoinSet::new();
        let end = Instant::now() + LAST_BEATS;
        for (activity, token) in self.registry.tokens() {
            if beats.len() >= LAST_BEATS_AT_ONCE && timeout_at(end, beats.join_next()).await.is_err() {
                break;
            }
            let world = Arc::clone(&self.world);
            beats.spawn(async move { world.beat(&activity, &token).await });
        }
        // What is late counts as missed: the state machine's HeartbeatSeconds has room for one.
        let _ = timeout_at(end, async { while beats.join_next().await.is_some() {} }).await;
    }
}

/// The state in which a task goes on after its loop has panicked, from its journal entry.
fn rescued(task: &Task, kept: Option<State>) -> State {
    match kept {
        // What was settled is never told otherwise.
        Some(
            state @ (State::Judged { .. } | State::Ended { .. } | State::Orphaned { .. } | State::Settled),
        ) => state,
        kept => {
            let failure =
                Failure::new(ErrorName::WorkerFault, "Running", "a bug in the worker ended this task");
            let failure = Failure { execution: task.execution.clone(), ..failure };
            let leftover = match kept {
                // Nothing was submitted.
                Some(State::Stopping { .. } | State::Received { .. }) => None,
                Some(state) if task.is_adopted() => state.run().and(None),
                Some(state) => state.run().cloned(),
                None => Task::orphan(&task.id).1.run().cloned(),
            };
            State::Ended { outcome: Outcome::Failed(Box::new(failure)), leftover }
        }
    }
}
