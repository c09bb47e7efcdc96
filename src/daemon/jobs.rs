//! The jobs under way: started, seen through, and answered even where a bug ends their loop.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::{Instant, timeout_at};
use tracing::{Instrument, Span, error, field, info, info_span};

use super::poll::{Arrival, Served};
use crate::edges::Edges;
use crate::job::heart::{Pacer, Pulse};
use crate::job::journal::Entry;
use crate::job::machine::{Run, State};
use crate::job::report::{ErrorName, Failure, Outcome};
use crate::job::world::World;
use crate::job::{self, Lent, Rules, Start, Task};
use crate::ops::board::Board;
use crate::ops::systemd::Watchdog;
use crate::ops::telemetry::message_id;

/// For how long the stop waits for the last heartbeats.
const LAST_BEATS: Duration = Duration::from_secs(5);
/// How many of them are under way at a time.
const LAST_BEATS_AT_ONCE: usize = 64;

/// All jobs, and what they share.
pub(super) struct Jobs {
    pub(super) edges: Arc<Edges>,
    pub(super) board: Arc<Board>,
    pub(super) watchdog: Watchdog,
    pub(super) pacer: Arc<Pacer>,
    pub(super) give_up: watch::Sender<bool>,
    tasks: JoinSet<()>,
    running: HashMap<Id, Box<Running>>,
}

/// What a stop leaves behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Leave {
    /// Jobs that the next start takes over: no POST is out, and what came is kept.
    Handoff,
    /// Nobody waits any more: every task is given back. Jobs that live on go down with the node.
    GivenBack,
    /// Nothing: every task is given back, and its job is dead.
    Nothing,
}

/// What is needed to carry on where a job's loop was ended by a bug.
struct Running {
    task: Arc<Task>,
    run: Option<Run>,
    rules: Arc<Rules>,
    span: Span,
}

impl Jobs {
    pub(super) fn new(edges: Edges, watchdog: Watchdog, heartbeat_rate: u32) -> Jobs {
        Jobs {
            edges: Arc::new(edges),
            board: Arc::default(),
            watchdog,
            pacer: Arc::new(Pacer::new(heartbeat_rate)),
            give_up: watch::Sender::new(false),
            tasks: JoinSet::new(),
            running: HashMap::new(),
        }
    }

    /// Starts the job of a task that has come.
    pub(super) fn accept(&mut self, arrival: Arrival, start: Start) {
        let Arrival { task, permit, served } = arrival;
        self.edges.metrics.received();
        let state = task.received(&served.rules.defaults);
        let span = span_of(&task, &served.arn, &state);
        let (size, parked) = (task.input.len(), start == Start::Parked);
        let remark = if parked { "; the next start runs it" } else { "" };
        info!(parent: &span, message_id = message_id::TASK_RECEIVED, "received a task of {size} bytes{remark}");
        self.start(task, state, start, Some(permit), Arc::clone(&served.rules), span);
    }

    /// Takes up a task that was read back. It has a place as long as there are any; one too many waits for nobody.
    pub(super) fn resume(&mut self, entry: Entry, served: &Served) {
        let permit = Arc::clone(&served.permits).try_acquire_owned().ok();
        self.edges.metrics.resumed();
        let task = Task::read_back(&entry);
        let span = span_of(&task, &served.arn, &entry.state);
        info!(parent: &span, "taking over {} in state {}", name_of(&entry), entry.state.name());
        self.start(task, entry.state, Start::Resumed, permit, Arc::clone(&served.rules), span);
    }

    /// Whether a stop needs to wait no longer.
    pub(super) fn may_end(&self, leave: Leave) -> bool {
        // A task is on the board once it is kept.
        let all_kept = self.running.len() <= self.board.held();
        match leave {
            Leave::Handoff => all_kept && !self.board.any_in("Submitting"),
            Leave::GivenBack => all_kept && !self.board.any_awaited(),
            Leave::Nothing => self.board.held() == 0 && all_kept,
        }
    }

    /// Waits for the end of a job; never where there is none.
    pub(super) async fn ended(&mut self) {
        match self.tasks.join_next_with_id().await {
            Some(ended) => self.reap(ended),
            None => std::future::pending().await,
        }
    }

    fn start(
        &mut self,
        task: Task,
        state: State,
        start: Start,
        permit: Option<OwnedSemaphorePermit>,
        rules: Arc<Rules>,
        span: Span,
    ) {
        let supervised = self.watchdog.supervise("heartbeat of a task");
        let (board, known) =
            (Arc::clone(&self.board), Arc::new(Task { input: String::new(), ..task.clone() }));
        let id = known.id.clone();
        let lent = Lent {
            world: Arc::clone(&self.edges),
            rules: Arc::clone(&rules),
            pacer: Arc::clone(&self.pacer),
            stop: self.give_up.subscribe(),
            mark: Box::new(move |pulse| match pulse {
                Pulse::MovesBy(deadline) => supervised.must_move_by(deadline),
                Pulse::Waits => supervised.rest(),
                Pulse::Accepted => board.beaten(&id),
            }),
        };
        let running = Box::new(Running {
            task: Arc::clone(&known),
            run: state.run().cloned(),
            rules: Arc::clone(&rules),
            span: span.clone(),
        });
        let shown = Shown {
            edges: Arc::clone(&self.edges),
            board: Arc::clone(&self.board),
            task: known,
            interval: rules.heartbeat_interval,
            span: span.clone(),
        };
        let observe = observer(shown, permit, start);
        let job = job::run(lent, task, state, start, observe).instrument(span);
        let id = self.tasks.spawn(job).id();
        self.running.insert(id, running);
    }

    /// A job has ended. Where a bug ended it, its task is answered all the same and its run is killed.
    fn reap(&mut self, ended: Result<(Id, ()), JoinError>) {
        let id = ended.as_ref().map_or_else(JoinError::id, |(id, ())| *id);
        let Some(running) = self.running.remove(&id) else { return };
        let Err(panic) = ended else { return };
        error!(
            parent: &running.span,
            message_id = message_id::JOB_PANICKED,
            "a bug ended the loop of a task: {panic}"
        );
        let execution = running.task.execution.clone();
        let failure = Failure::new(ErrorName::WorkerFault, "Running", "a bug in the worker ended this task");
        let failure = Failure { execution, ..failure };
        let state = State::Ended { outcome: Outcome::Failed(Box::new(failure)), leftover: running.run };
        self.start(Task::clone(&running.task), state, Start::Fresh, None, running.rules, running.span);
    }

    /// One last heartbeat for every token, so that the next start has a whole `HeartbeatSeconds`.
    pub(super) async fn beat_once_more(&self) {
        let mut beats = JoinSet::new();
        let end = Instant::now() + LAST_BEATS;
        for token in self.board.tokens() {
            if beats.len() >= LAST_BEATS_AT_ONCE && timeout_at(end, beats.join_next()).await.is_err() {
                break;
            }
            let edges = Arc::clone(&self.edges);
            beats.spawn(async move { edges.beat(&token).await });
        }
        // What is late counts as missed: the state machine's HeartbeatSeconds has room for one.
        let _ = timeout_at(end, async { while beats.join_next().await.is_some() {} }).await;
    }
}

/// A run's name, or the task's id where only that is known.
fn name_of(entry: &Entry) -> &str {
    entry.state.run().map(|run| run.name.as_str()).filter(|name| !name.is_empty()).unwrap_or(&entry.task)
}

fn span_of(task: &Task, arn: &str, state: &State) -> Span {
    info_span!(
        "task",
        task_id = task.id,
        sfn_execution = task.execution,
        sfn_activity = arn,
        job_name = state.run().map(|run| run.name.as_str()),
        job_state = state.name(),
        livy_batch_id = field::Empty,
        yarn_application_id = field::Empty,
    )
}

/// Where a task is shown.
struct Shown {
    edges: Arc<Edges>,
    board: Arc<Board>,
    task: Arc<Task>,
    interval: Duration,
    span: Span,
}

/// Keeps board, counts and span up to date, and gives the permit back once the job occupies nothing any more.
fn observer(
    shown: Shown,
    mut permit: Option<OwnedSemaphorePermit>,
    start: Start,
) -> impl FnMut(&State) + Send + use<> {
    let Shown { edges, board, task, interval, span } = shown;
    let mut last: Option<(&'static str, Instant)> = None;
    move |state| {
        span.record("job_state", state.name());
        if let Some(run) = state.run() {
            if let Some(batch) = run.batch {
                span.record("livy_batch_id", batch);
            }
            if let Some(application) = &run.application {
                span.record("yarn_application_id", application.as_str());
            }
        }
        // What a state that was read back counts for was counted when it was reached.
        if last.is_some() || start != Start::Resumed {
            edges.metrics.moved(last.map(|(name, since)| (name, since.elapsed())), state);
        }
        // A state that is entered anew goes on: its beginning stays.
        if last.is_none_or(|(name, _)| name != state.name()) {
            last = Some((state.name(), Instant::now()));
        }
        if *state == State::Settled {
            board.remove(&task.id);
        } else {
            board.put(&task, state, interval);
        }
        if matches!(state, State::Orphaned { .. } | State::Settled) {
            drop(permit.take());
        }
    }
}
