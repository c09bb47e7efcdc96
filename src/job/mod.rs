//! What happens to one task: record its state, perform the state's duty, feed what happened to the machine.
//!
//! The loop is generic over [`World`]. It knows no Step Functions type and no HTTP: it is given a token, an input and a
//! way to answer. The heartbeat runs beside every duty, from receipt until the outcome is acknowledged.

mod duties;
pub mod evidence;
pub mod heart;
pub mod machine;
pub mod report;
pub mod request;
pub mod verdict;
pub mod world;

use std::sync::Arc;
use std::time::Duration;

use sha2::{Digest, Sha256};
use tokio::sync::watch;
use tracing::{error, info, warn};

use crate::ops::telemetry::message_id;
use duties::Memory;
use heart::{Heart, Mark, Pacer};
use machine::{Attempt, Event, OnAbort, Run, State, next};
use report::{ErrorName, Failure, Outcome};
use request::{Defaults, OwnLivy};
use world::{Token, World};

/// What a task brings with it.
#[derive(Debug, Clone)]
pub struct Task {
    /// The first 16 hex digits of the token's SHA-256: what logs, names and tags show.
    pub id: String,
    /// Answers the task.
    pub token: Token,
    /// The input as it came.
    pub input: String,
    /// The execution, if the input names it.
    pub execution: Option<String>,
}

impl Task {
    /// A task as it was handed out.
    pub fn new(token: Token, input: String) -> Task {
        let digest = Sha256::digest(token.secret().as_bytes());
        let id = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        let execution = request::execution(&input);
        Task { id, token, input, execution }
    }

    /// The state of a task that was just received. Its run's identity is fixed here, once and for all.
    pub fn received(&self, defaults: &Defaults) -> State {
        let identity = request::identity(&self.input, &self.id, defaults);
        State::Received { attempt: Attempt::new(Run::new(identity.name, identity.tag)) }
    }
}

/// What the configuration says about the tasks of an activity.
#[derive(Debug)]
pub struct Rules {
    /// What inputs inherit.
    pub defaults: Defaults,
    /// The names of our own Livy.
    pub livy: OwnLivy,
    /// What becomes of a job whose execution no longer waits.
    pub on_abort: OnAbort,
    /// From heartbeat to heartbeat.
    pub heartbeat_interval: Duration,
    /// From look to look.
    pub interval: Duration,
    /// For how long "not there" must be answered before a doubtful POST is believed to have failed.
    pub submit_settle: Duration,
    /// For how long a run may be missing before it is lost.
    pub lost_after: Duration,
    /// For how long Livy may keep a task waiting.
    pub patience: Duration,
}

/// What the daemon lends to a job.
pub struct Lent<W: World> {
    /// The outside.
    pub world: Arc<W>,
    /// The activity's rules.
    pub rules: Arc<Rules>,
    /// Spreads heartbeats.
    pub pacer: Arc<Pacer>,
    /// Becomes true when the worker gives up its tasks.
    pub stop: watch::Receiver<bool>,
    /// Told by when the heart must have moved next.
    pub mark: Mark,
}

/// Carries a task from `state` to its end. `observe` sees each state before its duty begins.
pub async fn run<W: World>(
    lent: Lent<W>,
    task: Task,
    mut state: State,
    mut observe: impl FnMut(&State) + Send,
) {
    let Lent { world, rules, pacer, stop, mark } = lent;
    let heart = Heart::start(Arc::clone(&world), task.token.clone(), rules.heartbeat_interval, pacer, mark);
    let name = state.run().map_or_else(|| task.id.clone(), |run| run.name.clone());
    let mut job = Job { name, world, rules, task, heart, stop, memory: Memory::default() };
    while state != State::Settled {
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
                tokio::time::sleep(job.rules.interval).await;
                illegal.state
            }
        };
    }
    observe(&state);
}

/// One task under way.
struct Job<W: World> {
    name: String,
    world: Arc<W>,
    rules: Arc<Rules>,
    task: Task,
    heart: Heart,
    stop: watch::Receiver<bool>,
    memory: Memory<W::Slot>,
}

impl<W: World> Job<W> {
    /// Performs the state's duty until something happens. What interrupts a duty is heard beside it, except where an
    /// act under way must be heard out.
    async fn perform(&mut self, state: &State) -> Event {
        let interrupted = interrupted(&self.heart, self.stop.clone(), self.rules.on_abort, state.name());
        let on_abort = self.rules.on_abort;
        match state {
            State::Received { attempt } => tokio::select! {
                biased;
                event = interrupted => event,
                event = duties::prepare(&*self.world, &self.rules, &self.task, attempt, &mut self.memory) => event,
            },
            State::Submitting { attempt, .. } => {
                let submit =
                    duties::submit(Arc::clone(&self.world), &self.task, &attempt.run, &mut self.memory);
                tokio::select! {
                    event = submit => event,
                    () = stopped(self.stop.clone()) => Event::Stop(terminating(state.name())),
                }
            }
            State::InDoubt { attempt, answered, .. } => tokio::select! {
                biased;
                event = interrupted => event,
                event = duties::find(&*self.world, &self.rules, &self.task, &attempt.run, *answered) => event,
            },
            State::Running { run } => tokio::select! {
                biased;
                event = interrupted => event,
                event = duties::watch(&*self.world, &self.rules, &self.task, run, &mut self.memory) => event,
            },
            State::Ended { outcome, .. } => tokio::select! {
                event = duties::report(&*self.world, &self.task, outcome, &self.heart) => event,
                () = self.heart.gone() => Event::TokenGone(on_abort),
            },
            State::Orphaned { run } => {
                self.heart.stop();
                duties::kill(&*self.world, &self.rules, run).await
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
    warn!(
        message_id = message_id::TASK_FAILED,
        livy_batch_id = failure.batch_id,
        yarn_application_id = failure.application_id.as_deref(),
        "{name} ends with {}: {}",
        failure.error.as_str(),
        failure.message
    );
}

/// What may end a duty from outside: a dead token, or the worker giving up its tasks.
async fn interrupted(
    heart: &Heart,
    stop: watch::Receiver<bool>,
    on_abort: OnAbort,
    stage: &'static str,
) -> Event {
    tokio::select! {
        () = heart.gone() => Event::TokenGone(on_abort),
        () = stopped(stop) => Event::Stop(terminating(stage)),
    }
}

async fn stopped(mut stop: watch::Receiver<bool>) {
    if stop.wait_for(|stop| *stop).await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// The failure of a task that the worker gives up.
pub fn terminating(stage: &str) -> Failure {
    Failure::new(
        ErrorName::ClusterTerminating,
        stage,
        "the worker on this cluster is going down and gives the task back; a Retry can go to another cluster",
    )
}
