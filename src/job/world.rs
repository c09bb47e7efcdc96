//! The one trait through which a job touches the outside, and the words in which the outside answers.
//!
//! A [`World`] offers single looks and acts, nothing more: every rule about what they mean stands above it, in pure
//! code. The daemon implements it on the real services (`src/world.rs`); a simulated world can take its place.

mod livy;
mod session;

use std::collections::HashSet;
use std::future::Future;
use std::sync::Arc;

use super::Task;
use super::application::{Active, Application, YarnAnswer};
use super::document::Document;
use super::machine::{Records, State};
use super::report::{Answer, FailedWork, Outcome};
use super::timestamp::Timestamp;
use super::token::Token;

pub use livy::{BatchState, BatchView, Deleted, LivyAnswer, Posted};
pub use session::{Heard, Said, SessionState, SessionView, StatementState, StatementView};

/// A service gave no answer that says anything, for the reason in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreachable(pub String);

/// Why a service that is swept gives no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServiceError {
    /// Nobody answers, or nothing that can be understood.
    Unavailable(String),
    /// Somebody is there with whom we may not talk: its certificate is not trusted, or it does not know us.
    AccessDenied(String),
    /// It answers and is one that cannot be served; another try will not help.
    Unsupported(String),
}

impl ServiceError {
    /// The reason.
    pub fn reason(self) -> String {
        match self {
            ServiceError::Unavailable(reason)
            | ServiceError::AccessDenied(reason)
            | ServiceError::Unsupported(reason) => reason,
        }
    }
}

impl From<ServiceError> for Unreachable {
    fn from(reason: ServiceError) -> Unreachable {
        Unreachable(reason.reason())
    }
}

impl From<Unreachable> for ServiceError {
    fn from(Unreachable(reason): Unreachable) -> ServiceError {
        ServiceError::Unavailable(reason)
    }
}

/// What the shared sweeps saw of one run.
#[derive(Debug, Clone, PartialEq)]
pub struct Observed {
    /// Livy's record.
    pub livy: LivyAnswer,
    /// The run's applications that YARN calls active, oldest first; `None` where YARN is off or its sweep got no answer.
    /// That one is missing here proves nothing by itself: the sweep may have been before it.
    pub active: Option<Arc<[Application]>>,
    /// A sweep of YARN that began after the run's application was known does not have it among the active ones.
    pub missing: bool,
}

/// Whether a process of this node carries a tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TagOnNode {
    /// One does.
    Yes,
    /// None does.
    No,
    /// Processes of other users are hidden, or cannot be read: nothing follows from it.
    Unknown,
}

/// How far back a ResourceManager remembers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct YarnRetention {
    /// When it was started.
    pub started: Timestamp,
    /// It keeps its applications over a restart.
    pub keeps: bool,
}

/// An entry could not be made durable, for the reason in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unwritable(pub String);

/// Why YARN does not kill an application, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotKilled {
    /// It does not let us: nothing but an operator helps.
    Forbidden(String),
    /// It did not take it now.
    NotNow(String),
}

/// What Step Functions says to a heartbeat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Beat {
    /// Somebody waits.
    Accepted,
    /// Nobody waits for this token (TaskTimedOut, TaskDoesNotExist, InvalidToken).
    Dead(String),
    /// No statement about the token.
    Unanswered(String),
}

/// What Step Functions says to a report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reported {
    /// Taken.
    Acknowledged,
    /// The token is closed: answered before, or nobody waits.
    Closed(String),
    /// This answer will never be taken.
    Refused(String),
    /// Not now.
    Again {
        /// Why not.
        reason: String,
        /// It may have been taken all the same: the answer was lost, or is that of a fault inside the service.
        maybe_applied: bool,
    },
}

/// What is counted where it happens, because no state of the task shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CountedEvent {
    /// A second application with a task's tag was seen, for the first time, and is killed.
    Doubled,
    /// A kill was verified in YARN.
    KillVerified,
    /// A kill counts as done without YARN's word.
    KillUnverified,
}

/// Single looks and acts of the outside.
pub trait World: Send + Sync + 'static {
    /// Wall time.
    fn now(&self) -> Timestamp;
    /// Makes a task in a state durable.
    fn write(&self, task: &Task, state: &State) -> impl Future<Output = Result<(), Unwritable>> + Send;
    /// Removes a task's entry.
    fn forget(&self, task: &str) -> impl Future<Output = Result<(), Unwritable>> + Send;
    /// Makes durable which applications YARN hides, in the place of what was kept before. A world without a disk has
    /// nothing to do.
    fn keep_hidden(&self, _ids: Vec<String>) -> impl Future<Output = Result<(), Unwritable>> + Send {
        async { Ok(()) }
    }
    /// POST of a batch or a session of this name, with this JSON text as its body.
    fn post(&self, records: Records, name: &str, body: &str) -> impl Future<Output = Posted> + Send;
    /// Livy's list: its records of these names. Without a name only whether Livy answers.
    fn batches(
        &self,
        names: Arc<HashSet<String>>,
    ) -> impl Future<Output = Result<Vec<BatchView>, ServiceError>> + Send;
    /// Livy's list of sessions: its records of these names. Asked only where there are any. A world without sessions has
    /// none, here and below.
    fn sessions(
        &self,
        _names: Arc<HashSet<String>>,
    ) -> impl Future<Output = Result<Vec<BatchView>, ServiceError>> + Send {
        async { Ok(Vec::new()) }
    }
    /// Why the Livy that answered last gets nothing more, where that is so. What it has is believed all the same.
    fn livy_unsupported(&self) -> Option<String> {
        None
    }
    /// YARN's list of the active applications of ours; what is as in the list `before` may be shared with that. Never
    /// asked where [`World::has_yarn`] says that there is none.
    fn active(
        &self,
        before: Option<Arc<Active>>,
    ) -> impl Future<Output = Result<Active, ServiceError>> + Send;
    /// Whether there is a YARN to ask.
    fn has_yarn(&self) -> bool;
    /// Whether YARN is configured to list to each user only what is that user's own
    /// (`yarn.webapp.filter-entity-list-by-user`).
    fn filters_lists(&self) -> bool {
        false
    }
    /// Livy's record of a name; `None` where it has none.
    fn find(
        &self,
        records: Records,
        name: &str,
    ) -> impl Future<Output = Result<Option<BatchView>, Unreachable>> + Send;
    /// The last lines of the log of a batch or a session; none where Livy has no such one.
    fn log(
        &self,
        records: Records,
        name: &str,
    ) -> impl Future<Output = Result<Vec<String>, Unreachable>> + Send;
    /// DELETE of a batch or a session by name.
    fn delete(
        &self,
        records: Records,
        name: &str,
    ) -> impl Future<Output = Result<Deleted, Unreachable>> + Send;
    /// POST of a statement to the session of this name.
    fn say(&self, _session: &str, _code: &str) -> impl Future<Output = Said> + Send {
        async { Said::NoSession }
    }
    /// What Livy has under a number of the session of this name.
    fn hear(&self, _session: &str, _number: u64) -> impl Future<Output = Heard> + Send {
        async { Heard::NoSession }
    }
    /// Keeps Livy from ending a session in which nothing new is done.
    fn keep(&self, _session: &str) -> impl Future<Output = Result<(), Unreachable>> + Send {
        async { Ok(()) }
    }
    /// YARN's applications with a tag.
    fn tagged(&self, tag: &str) -> impl Future<Output = YarnAnswer> + Send;
    /// YARN's application of an id.
    fn application(&self, id: &str) -> impl Future<Output = YarnAnswer> + Send;
    /// The last lines of a driver's `file` (`stderr`, `stdout`) below the page of its container; `None` where it is not
    /// there, or not yet.
    fn driver_log(
        &self,
        page: &str,
        file: &str,
    ) -> impl Future<Output = Result<Option<Vec<String>>, Unreachable>> + Send;
    /// Whether Spark is to be asked what failed in an application.
    fn asks_spark(&self) -> bool {
        false
    }
    /// What Spark says of an application: its driver where `tracking_url` is given, below that page of YARN's, else the
    /// history server. `None` where it does not know the application, or not yet. Never asked where
    /// [`World::asks_spark`] says no.
    fn failed_work(
        &self,
        _application: &str,
        _tracking_url: Option<&str>,
    ) -> impl Future<Output = Result<Option<FailedWork>, Unreachable>> + Send {
        async { Ok(None) }
    }
    /// How far back YARN remembers.
    fn yarn_retention(&self) -> impl Future<Output = Result<YarnRetention, Unreachable>> + Send;
    /// YARN's kill of an application.
    fn kill(&self, id: &str) -> impl Future<Output = Result<(), NotKilled>> + Send;
    /// Whether a process of this node carries a tag: a spark-submit outlives its Livy.
    fn tag_on_node(&self, tag: &str) -> impl Future<Output = TagOnNode> + Send;
    /// A heartbeat for a token of an activity.
    fn beat(&self, activity: &str, token: &Token) -> impl Future<Output = Beat> + Send;
    /// The end of a task of an activity.
    fn report(&self, activity: &str, token: &Token, answer: &Answer)
    -> impl Future<Output = Reported> + Send;
    /// The end of a task that a document answers: tells it once. A world without such tasks has nobody who would hear it.
    fn deliver(
        &self,
        _task: &Task,
        _document: &Document,
        _outcome: &Outcome,
    ) -> impl Future<Output = Reported> + Send {
        async { Reported::Closed("nobody takes documents here".to_owned()) }
    }
    /// Returns once nothing lives any more that had to be dead before this task goes on. A world without such tasks has
    /// nothing to wait for.
    fn stopped(&self, _task: &Task) -> impl Future<Output = ()> + Send {
        async {}
    }
    /// Counts an event for the metrics; does nothing by default.
    fn count(&self, _what: CountedEvent) {}
}
