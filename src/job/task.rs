//! A task and what a job is given with it.

use std::sync::Arc;
use std::time::Duration;

use sha2::{Digest, Sha256};
use tokio::sync::watch;

use super::heart::{Mark, Pacer};
use super::journal::Entry;
use super::machine::{Attempt, OnAbort, Run, State};
use super::request::{self, Defaults, OwnLivy};
use super::verdict::Waits;
use super::world::{Token, World};

/// What a task brings with it.
#[derive(Debug, Clone, Default)]
pub struct Task {
    /// The first 16 hex digits of the token's SHA-256: what logs, names and tags show.
    pub id: String,
    /// Answers the task; none where only its run is known.
    pub token: Option<Token>,
    /// The activity's ARN.
    pub activity: String,
    /// The input as it came; empty once the run is known.
    pub input: String,
    /// The execution, if the input names it.
    pub execution: Option<String>,
}

impl Task {
    /// A task as it was handed out.
    pub fn new(token: Token, activity: String, input: String) -> Task {
        let digest = Sha256::digest(token.secret().as_bytes());
        let id = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        let execution = request::execution(&input);
        Task { id, token: Some(token), activity, input, execution }
    }

    /// A task that was read back.
    pub fn read_back(entry: &Entry) -> Task {
        Task {
            id: entry.task.clone(),
            token: entry.token.clone(),
            activity: entry.activity.clone(),
            input: entry.input.clone(),
            execution: entry.execution.clone(),
        }
    }

    /// What is kept of the task in this state.
    pub(super) fn entry(&self, state: &State) -> Entry {
        Entry {
            task: self.id.clone(),
            token: self.token.clone(),
            activity: self.activity.clone(),
            execution: self.execution.clone(),
            input: self.input.clone(),
            state: state.clone(),
        }
    }

    /// Lets go of the input once it is not needed any more.
    pub(super) fn slim(&mut self, state: &State) {
        if matches!(
            state,
            State::Running { .. } | State::Ended { .. } | State::Orphaned { .. } | State::Settled
        ) {
            self.input = String::new();
        }
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
    /// How the run is followed.
    pub watch: Watching,
    /// For how long Livy may keep a task waiting.
    pub patience: Duration,
}

/// How runs are followed (`[watch]`).
#[derive(Debug, Clone, Copy)]
pub struct Watching {
    /// From look to look.
    pub interval: Duration,
    /// The waits of a verdict.
    pub waits: Waits,
    /// How old a doubt may be that leads back to a POST: less than Livy's and YARN's memory of ended jobs.
    pub doubt_limit: Duration,
    /// For how long a killed run must be absent.
    pub kill_settle: Duration,
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
    /// Told how the heart is.
    pub mark: Mark,
}

/// How a job begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// With a task that has just come.
    Fresh,
    /// With one that was read back. Nobody knows whether it was answered before.
    Resumed,
    /// With one that came during a stop: it is kept and beaten for, and the next start runs it.
    Parked,
}
