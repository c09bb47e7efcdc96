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
use crate::job::heart::Pacer;
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

/// What is needed to carry on where a job's loop was ended by a bug.
struct Running {
    task: Task,
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
        let task = Task::read_back(&entry);
        let span = span_of(&task, &served.arn, &entry.state);
        info!(parent: &span, "taking over {} in state {}", name_of(&entry), entry.state.name());
        self.start(task, entry.state, Start::Resumed, permit, Arc::clone(&served.rules), span);
    }

    /// Whether a stop needs to wait no longer: with a handoff until no POST is out and what came is kept; else until
    /// every task is given back and its job dead.
    pub(super) fn may_end(&self, handoff: bool) -> bool {
        // A task is on the board once it is kept.
        let all_kept = self.running.len() <= self.board.held();
        if handoff {
            all_kept && !self.board.any_in("Submitting")
        } else {
            self.board.held() == 0 && all_kept
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
        let lent = Lent {
            world: Arc::clone(&self.edges),
            rules: Arc::clone(&rules),
            pacer: Arc::clone(&self.pacer),
            stop: self.give_up.subscribe(),
            mark: Box::new(move |deadline| match deadline {
                Some(deadline) => supervised.must_move_by(deadline),
                None => supervised.rest(),
            }),
        };
        let running = Box::new(Running {
            task: Task { input: String::new(), ..task.clone() },
            run: state.run().cloned(),
            rules,
            span: span.clone(),
        });
        let observe = observer(Arc::clone(&self.board), &task, permit, span.clone());
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
        let failure = Failure::new(ErrorName::WorkerFault, "Running", "a bug in the worker ended this task");
        let state = State::Ended { outcome: Outcome::Failed(Box::new(failure)), leftover: running.run };
        self.start(running.task, state, Start::Fresh, None, running.rules, running.span);
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

/// Keeps board and span up to date, and gives the permit back once the job occupies nothing any more.
fn observer(
    board: Arc<Board>,
    task: &Task,
    mut permit: Option<OwnedSemaphorePermit>,
    span: Span,
) -> impl FnMut(&State) + Send + use<> {
    let (id, token) = (task.id.clone(), task.token.clone());
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
        if *state == State::Settled {
            board.remove(&id);
        } else {
            board.put(&id, token.as_ref(), state.name());
        }
        if matches!(state, State::Orphaned { .. } | State::Settled) {
            drop(permit.take());
        }
    }
}
