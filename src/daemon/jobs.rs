//! The jobs under way: started, seen through, and answered even where a bug ends their loop.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::{Instant, timeout_at};
use tracing::{Instrument, Span, info};

use super::door::Errand;
use super::poll::Arrival;
use super::rules::rules;
use super::shown::{Shown, name_of, observer, span_of};
use crate::cloudformation::resource::Kill;
use crate::config::Settings;
use crate::history::History;
use crate::job::flag::Flag;
use crate::job::gate::Gate;
use crate::job::heartbeat::{HeartbeatEvent, HeartbeatObserver, RateLimiter};
use crate::job::journal::Entry;
use crate::job::machine::{Stage, State};
use crate::job::places::{Places, Ticket};
use crate::job::request::OwnLivy;
use crate::job::sweep::Sweep;
use crate::job::world::World;
use crate::job::{self, JobContext, JobTimings, Start, Task};
use crate::log::message_id;
use crate::registry::TaskRegistry;
use crate::retry::Pauses;
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
    pub(super) history: Arc<History>,
    pub(super) watchdog: Watchdog,
    pub(super) give_up: Arc<Flag>,
    rules: Arc<JobTimings>,
    own_livy: OwnLivy,
    pub(super) limiter: Arc<RateLimiter>,
    pub(super) tasks: JoinSet<()>,
    pub(super) running: HashMap<Id, Box<JobHandle>>,
    /// Tells a task without a token that nobody waits for it any more, by its id.
    pub(super) drops: HashMap<String, Arc<Flag>>,
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
pub(super) struct JobHandle {
    pub(super) task: Arc<Task>,
    pub(super) span: Span,
    /// What is under way only keeps its token alive: a bug has ended its loop.
    pub(super) rests: bool,
    /// The waits after bugs.
    pub(super) pauses: Option<Box<Pauses>>,
}

impl Jobs {
    pub(super) fn new(
        settings: &Settings,
        world: Arc<RealWorld>,
        sweep: Sweep,
        gate: Gate,
        history: Arc<History>,
        watchdog: Watchdog,
    ) -> Jobs {
        Jobs {
            world,
            sweep,
            gate,
            registry: Arc::default(),
            history,
            watchdog,
            give_up: Arc::default(),
            rules: Arc::new(rules(settings)),
            own_livy: settings.own_livy(),
            limiter: Arc::new(RateLimiter::new(settings.aws.heartbeat_rate, settings.aws.heartbeats_needed)),
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
                drop.raise();
            }
        }
        for Kill { task, run, proof } in duties.kill {
            let (task, _) = Task::orphan(&task);
            let state = State::Orphaned { run };
            let span = span_of(&task, &state);
            info!(parent: &span, "{} must not live on: it is ended", name_of(&task, &state));
            self.start_with(
                Arc::new(proof.timings(*self.rules)),
                task,
                state,
                Start::Fresh,
                Ticket::NotNeeded,
                span,
            );
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
                Stage::Submitting
                | Stage::InDoubt
                | Stage::Running
                | Stage::Withdrawing
                | Stage::Speaking
                | Stage::Listening
                | Stage::Judged
                | Stage::Ended,
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

    pub(super) fn start(&mut self, task: Task, state: State, start: Start, place: Ticket, span: Span) -> Id {
        self.start_with(Arc::clone(&self.rules), task, state, start, place, span)
    }

    fn start_with(
        &mut self,
        rules: Arc<JobTimings>,
        task: Task,
        state: State,
        start: Start,
        place: Ticket,
        span: Span,
    ) -> Id {
        let dropped = task.token.is_none().then(|| {
            let dropped = Arc::<Flag>::default();
            self.drops.insert(task.id.clone(), Arc::clone(&dropped));
            dropped
        });
        let known = Arc::new(Task { request: None, ..task.clone() });
        let context = JobContext {
            world: Arc::clone(&self.world),
            sweep: self.sweep.clone(),
            gate: self.gate.clone(),
            rules,
            limiter: Arc::clone(&self.limiter),
            stop: Arc::clone(&self.give_up),
            on_event: self.supervised(&known.id),
            place,
            dropped,
        };
        let running =
            Box::new(JobHandle { task: Arc::clone(&known), span: span.clone(), rests: false, pauses: None });
        let shown = Shown {
            world: Arc::clone(&self.world),
            registry: Arc::clone(&self.registry),
            history: Arc::clone(&self.history),
            task: known,
            statements: task.statements(),
            span: span.clone(),
        };
        let observe = observer(shown, start);
        let job = span.in_scope(|| job::run(context, task, state, start, observe)).instrument(span);
        let id = self.tasks.spawn(job).id();
        self.running.insert(id, running);
        id
    }

    /// Watches a task's heartbeat.
    pub(super) fn supervised(&self, task: &str) -> HeartbeatObserver {
        let supervised = self.watchdog.supervise("heartbeat of a task");
        let (registry, id) = (Arc::clone(&self.registry), task.to_owned());
        Box::new(move |event| match event {
            HeartbeatEvent::MovesBy(deadline) => supervised.must_move_by(deadline),
            HeartbeatEvent::Waits => supervised.rest(),
            HeartbeatEvent::Accepted => registry.heartbeat_accepted(&id),
        })
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
