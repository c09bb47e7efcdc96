//! A task and what a job is given with it.

mod asked;

use std::sync::Arc;
use std::time::Duration;

use super::document::Document;
use super::flag::Flag;
use super::gate::Gate;
use super::goal::Goal;
use super::heartbeat::{Heartbeat, HeartbeatConfig, HeartbeatObserver, RateLimiter};
use super::machine::{Attempt, OnAbort, Run, Stage, State, Step};
use super::places::Ticket;
use super::request::{Defaults, Identity, Input, OwnLivy};
use super::statements::script::Script;
use super::sweep::Sweep;
use super::tags;
use super::timestamp::Timestamp;
use super::token::Token;
use super::verdict::VerdictTimeouts;
use super::world::World;

pub use asked::{SessionRequest, TaskRequest};

/// What a task brings with it, and the rules that it was taken under. All of it outlives a restart and a change of the
/// configuration.
#[derive(Debug, Clone, PartialEq)]
pub struct Task {
    /// The first 16 hex digits of the token's SHA-256: what logs, names and tags show.
    pub id: String,
    /// Answers the task; none where only its run is known, or where a document does.
    pub token: Option<Token>,
    /// Answers the task in the place of a token.
    pub document: Option<Box<Document>>,
    /// The activity's ARN.
    pub activity: Arc<str>,
    /// The execution, if the input names it.
    pub execution: Option<String>,
    /// What is to be submitted; none once the run is known.
    pub request: Option<TaskRequest>,
    /// The time between two heartbeats.
    pub heartbeat_interval: Duration,
    /// What becomes of a job whose execution no longer waits.
    pub on_abort: OnAbort,
    /// How long its application may wait in YARN's queue; none: for ever, or it waits no more.
    pub queue_timeout: Option<Duration>,
    /// When the task was received; 0 where that is not known.
    pub received: Timestamp,
}

impl Task {
    /// A task as it was handed out, and its first state. The input is checked here; the identity of its run is fixed
    /// here, once and for all.
    pub fn received(
        token: Token,
        arn: &str,
        input: &str,
        activity: &ActivityRules,
        livy: &OwnLivy,
        now: Timestamp,
    ) -> (Task, State) {
        let id = tags::short_id(&[token.secret()]);
        let input = Input::read(input);
        let identity = input.identity(&id, &activity.defaults);
        let execution = input.execution();
        let (request, queue_timeout) = TaskRequest::check(input, &identity, activity, livy);
        let mut run = Run::new(identity.name, identity.tag);
        if let TaskRequest::Session(_) = request {
            run = run.at(Step::Opening);
        }
        let task = Task {
            id,
            token: Some(token),
            document: None,
            activity: arn.into(),
            execution,
            request: Some(request),
            heartbeat_interval: activity.heartbeat_interval,
            on_abort: activity.on_abort,
            queue_timeout,
            received: now,
        };
        (task, State::Received { attempt: Attempt::new(run) })
    }

    /// What is left of a task of which nothing but the id is known: its run must not live on.
    pub fn orphan(id: &str) -> (Task, State) {
        let task = Task {
            id: id.to_owned(),
            token: None,
            document: None,
            activity: "".into(),
            execution: None,
            request: None,
            heartbeat_interval: Duration::from_secs(20),
            on_abort: OnAbort::Kill,
            queue_timeout: None,
            received: Timestamp(0),
        };
        // Every run's name ends with the task id; no more is known of it.
        (task, State::Orphaned { run: Run::new(format!("-{id}"), tags::of_run(id)) })
    }

    /// Brings a task that the first format of the journal kept under the rules of its activity: that format had neither
    /// these rules nor a checked input.
    pub fn upgrade_from_v1(&mut self, run: Option<&Run>, activity: &ActivityRules, livy: &OwnLivy) {
        (self.heartbeat_interval, self.on_abort) = (activity.heartbeat_interval, activity.on_abort);
        if let (Some(TaskRequest::Unchecked(input)), Some(run)) = (&self.request, run) {
            let identity = Identity { name: run.name.clone(), tag: run.tag.clone(), groups: Vec::new() };
            let (request, queue_timeout) = TaskRequest::check(Input::read(input), &identity, activity, livy);
            self.queue_timeout = queue_timeout;
            self.request = Some(match request {
                TaskRequest::Session(_) => {
                    TaskRequest::Wrong("$.Statements: the version that took this task ran files only".into())
                }
                other @ (TaskRequest::Checked { .. } | TaskRequest::Wrong(_) | TaskRequest::Unchecked(_)) => {
                    other
                }
            });
        }
    }

    /// Lets go of what is not needed any more: of the request of a batch once Livy has it, of that of a session at the end
    /// of its statements; and of the wait in YARN's queue once it can be over no more.
    pub(super) fn drop_request(&mut self, state: &State) {
        if matches!(state.stage(), Stage::Speaking | Stage::Listening | Stage::Judged)
            || matches!(state.stage(), Stage::Ended | Stage::Orphaned | Stage::Settled)
        {
            self.queue_timeout = None;
        }
        let is_needed = match state {
            State::Received { .. }
            | State::Submitting { .. }
            | State::InDoubt { .. }
            | State::Stopping { .. } => true,
            State::Running { run }
            | State::Withdrawing { run }
            | State::Speaking { run, .. }
            | State::Listening { run, .. }
            | State::Judged { run, .. } => run.is_session(),
            State::Ended { .. } | State::Orphaned { .. } | State::Settled => false,
        };
        if !is_needed {
            self.request = None;
        }
    }

    /// What is sent to Livy first.
    pub(super) fn body(&self) -> Option<&str> {
        match &self.request {
            Some(TaskRequest::Checked { body, .. }) => Some(body),
            Some(TaskRequest::Session(request)) => Some(&request.body),
            Some(TaskRequest::Wrong(_) | TaskRequest::Unchecked(_)) | None => None,
        }
    }

    /// The statements, where it has any.
    pub fn script(&self) -> Option<&Script> {
        match &self.request {
            Some(TaskRequest::Session(request)) => Some(&request.script),
            Some(TaskRequest::Checked { .. } | TaskRequest::Wrong(_) | TaskRequest::Unchecked(_)) | None => {
                None
            }
        }
    }

    /// How many statements it has.
    pub fn statements(&self) -> u16 {
        let many = self.script().map_or(0, |script| script.statements.len());
        u16::try_from(many).unwrap_or(u16::MAX)
    }

    /// Which of its statements a step is, counted from 1; none for what opens the session and for the result.
    pub(super) fn statement(&self, step: u16) -> Option<u16> {
        let many = self.script().map_or(usize::MAX, |script| script.statements.len());
        Some(step).filter(|step| *step > 0 && usize::from(*step) <= many)
    }

    /// Starts to beat for its token, where it has one.
    pub(super) fn beat<W: World>(
        &self,
        world: Arc<W>,
        limiter: Arc<RateLimiter>,
        on_event: HeartbeatObserver,
        first_is_immediate: bool,
    ) -> Option<Heartbeat> {
        let beating = HeartbeatConfig {
            activity: Arc::clone(&self.activity),
            token: self.token.clone()?,
            interval: self.heartbeat_interval,
            limiter,
            on_event,
            first_is_immediate,
        };
        Some(Heartbeat::start(world, beating))
    }

    /// What its run must have come to.
    pub(super) fn goal(&self) -> Goal {
        self.document.as_ref().map_or(Goal::Succeeded, |document| document.goal)
    }

    /// Whether its run was there before it, and does not end with it.
    pub fn is_adopted(&self) -> bool {
        self.document.as_ref().is_some_and(|document| document.adopted)
    }

    /// On whose behalf the job is to run.
    pub(super) fn proxy_user(&self) -> Option<String> {
        match &self.request {
            Some(TaskRequest::Checked { proxy_user, .. }) => proxy_user.as_deref().map(str::to_owned),
            Some(TaskRequest::Session(request)) => request.proxy_user.as_deref().map(str::to_owned),
            Some(TaskRequest::Wrong(_) | TaskRequest::Unchecked(_)) | None => None,
        }
    }
}

/// What the configuration says about the tasks of an activity.
#[derive(Debug)]
pub struct ActivityRules {
    /// What inputs inherit.
    pub defaults: Defaults,
    /// What becomes of a job whose execution no longer waits.
    pub on_abort: OnAbort,
    /// The time between two heartbeats.
    pub heartbeat_interval: Duration,
}

/// How every run is followed, and for how long Livy may keep one waiting.
#[derive(Debug, Clone, Copy)]
pub struct JobTimings {
    /// The time between two looks.
    pub interval: Duration,
    /// The timeouts of a verdict (`[watch]`).
    pub waits: VerdictTimeouts,
    /// How old a doubt may be that leads back to a POST: less than Livy's and YARN's memory of ended jobs.
    pub doubt_limit: Duration,
    /// How long a killed run that YARN never showed must stay absent (`[watch] kill_settle`).
    pub kill_settle: Duration,
    /// For how long Livy may keep a task waiting.
    pub patience: Duration,
    /// How often a session is kept from being ended while a statement runs.
    pub session_keep: Duration,
}

/// What the daemon lends to a job.
pub struct JobContext<W: World> {
    /// All external services.
    pub world: Arc<W>,
    /// The shared sweeps of Livy and YARN.
    pub sweep: Sweep,
    /// What polls and POSTs wait for.
    pub gate: Gate,
    /// How runs are followed.
    pub rules: Arc<JobTimings>,
    /// Spreads heartbeats.
    pub limiter: Arc<RateLimiter>,
    /// Up once the worker gives up its tasks.
    pub stop: Arc<Flag>,
    /// Called on every event of the heartbeat.
    pub on_event: HeartbeatObserver,
    /// Its place among the jobs of its activity.
    pub place: Ticket,
    /// Up once something newer has made the task pointless; none where nothing can.
    pub dropped: Option<Arc<Flag>>,
}

/// How a job begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// With a task that has just come.
    Fresh,
    /// With one that has just come and is on disk already.
    Kept,
    /// With one that was read back. Nobody knows whether it was answered before.
    Resumed,
    /// With one that came during a stop: it is kept, its heartbeats go on, and the next start runs it.
    Parked,
}
