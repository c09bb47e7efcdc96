//! What Livy answers.

use std::fmt;
use std::sync::Arc;

/// How Livy answered a POST of a batch or of a session, by what may be done next.
#[derive(Debug, Clone, PartialEq)]
pub enum Posted<V = BatchView> {
    /// It exists and is ours.
    Accepted(V),
    /// Refused for good; nothing was started. A record may hold the name.
    Refused(String),
    /// Surely not taken; may be tried again later.
    NotNow(String),
    /// It may have been taken.
    Unsure {
        /// Livy (or what stands before it) answered.
        answered: bool,
        /// What it said.
        reason: String,
    },
}

/// Livy's view of a batch or a session, as far as it matters to those who follow it.
#[derive(Debug, Clone, PartialEq)]
pub struct BatchView {
    /// Livy's number.
    pub id: u64,
    /// The name that identifies it.
    pub name: String,
    /// Its state.
    pub state: BatchState,
    /// YARN's id of the application, once known.
    pub application: Option<String>,
    /// On whose behalf it runs. `None` also where impersonation is off.
    pub proxy_user: Option<String>,
    /// Where the driver's log is.
    pub driver_log_url: Option<String>,
    /// Where the application can be looked at.
    pub tracking_url: Option<String>,
    /// The log is exactly `[]`: what a batch never has whose spark-submit was started.
    pub log_is_empty: bool,
}

/// A batch's or a session's state in Livy's words (`SessionState.scala`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BatchState {
    /// Being submitted.
    Starting,
    /// At work.
    Running,
    /// A session that takes statements. Batches never show this.
    Ready,
    /// Ended well.
    Success,
    /// Ended badly.
    Dead,
    /// Killed.
    Killed,
    /// Ended badly.
    Error,
    /// Any other word. Never final.
    Other(String),
}

impl From<&str> for BatchState {
    fn from(word: &str) -> BatchState {
        match word {
            "starting" => BatchState::Starting,
            "running" => BatchState::Running,
            "success" => BatchState::Success,
            "dead" => BatchState::Dead,
            "killed" => BatchState::Killed,
            "error" => BatchState::Error,
            other => BatchState::Other(other.to_owned()),
        }
    }
}

impl fmt::Display for BatchState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            BatchState::Starting => "starting",
            BatchState::Running => "running",
            BatchState::Ready => "idle",
            BatchState::Success => "success",
            BatchState::Dead => "dead",
            BatchState::Killed => "killed",
            BatchState::Error => "error",
            BatchState::Other(word) => word,
        })
    }
}

/// What the shared sweep saw of one run.
#[derive(Debug, Clone, PartialEq)]
pub enum LivyAnswer {
    /// No answer.
    Unreachable(String),
    /// An answer without such a batch.
    Missing,
    /// The batch. Shared: the sweep keeps what it last told, the job what it last heard.
    Seen(Arc<BatchView>),
}

/// What DELETE did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deleted {
    /// Livy says that it is deleted.
    Gone,
    /// Livy knows no such batch.
    NotFound,
}
