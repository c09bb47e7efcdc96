//! What Livy answers about sessions and their statements.

use std::fmt;

use serde_json::Value;

use super::livy::{BatchState, BatchView, Posted};

/// Livy's view of a session, as far as it matters.
#[derive(Debug, Clone, PartialEq)]
pub struct SessionView {
    /// Livy's number.
    pub id: u64,
    /// The name that identifies it.
    pub name: String,
    /// Its state.
    pub state: SessionState,
    /// YARN's id of the application, once known.
    pub application: Option<String>,
    /// On whose behalf it runs. `None` also where impersonation is off.
    pub proxy_user: Option<String>,
    /// Where the driver's log is.
    pub driver_log_url: Option<String>,
    /// Where the application can be looked at.
    pub tracking_url: Option<String>,
}

/// A session's state in Livy's words (`SessionState.scala`). Most are hints: a session can be called idle for as long as
/// Livy lives although its driver is gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SessionState {
    /// The driver has not answered yet.
    Starting,
    /// No statement runs. The interpreter may still be starting.
    Idle,
    /// A statement runs.
    Busy,
    /// Livy was restarted and has not heard of the driver yet.
    Recovering,
    /// The interpreter died; the driver lives, or is about to be found dead.
    Error,
    /// It ends.
    ShuttingDown,
    /// Ended.
    Dead,
    /// Killed.
    Killed,
    /// Any other word.
    Other(String),
}

impl From<&str> for SessionState {
    fn from(word: &str) -> SessionState {
        match word {
            "starting" | "not_started" => SessionState::Starting,
            "idle" => SessionState::Idle,
            "busy" => SessionState::Busy,
            "recovering" => SessionState::Recovering,
            "error" => SessionState::Error,
            "shutting_down" => SessionState::ShuttingDown,
            "dead" => SessionState::Dead,
            "killed" => SessionState::Killed,
            other => SessionState::Other(other.to_owned()),
        }
    }
}

impl fmt::Display for SessionState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            SessionState::Starting => "starting",
            SessionState::Idle => "idle",
            SessionState::Busy => "busy",
            SessionState::Recovering => "recovering",
            SessionState::Error => "error",
            SessionState::ShuttingDown => "shutting_down",
            SessionState::Dead => "dead",
            SessionState::Killed => "killed",
            SessionState::Other(word) => word,
        })
    }
}

/// What those see of a session who follow batches and sessions alike. That an interpreter died ends no session: its
/// driver may live.
impl From<SessionView> for BatchView {
    fn from(view: SessionView) -> BatchView {
        let state = match view.state {
            SessionState::Starting => BatchState::Starting,
            SessionState::Idle | SessionState::Busy => BatchState::Ready,
            SessionState::Dead => BatchState::Dead,
            SessionState::Killed => BatchState::Killed,
            other @ (SessionState::Recovering
            | SessionState::Error
            | SessionState::ShuttingDown
            | SessionState::Other(_)) => BatchState::Other(other.to_string()),
        };
        BatchView {
            id: view.id,
            name: view.name,
            state,
            application: view.application,
            proxy_user: view.proxy_user,
            driver_log_url: view.driver_log_url,
            tracking_url: view.tracking_url,
            // No record of a session is left behind by a POST that failed.
            log_is_empty: false,
        }
    }
}

impl<V> Posted<V> {
    /// The same answer with another view.
    pub fn map<U>(self, change: impl FnOnce(V) -> U) -> Posted<U> {
        match self {
            Posted::Accepted(view) => Posted::Accepted(change(view)),
            Posted::Refused(reason) => Posted::Refused(reason),
            Posted::NotNow(reason) => Posted::NotNow(reason),
            Posted::Unsure { answered, reason } => Posted::Unsure { answered, reason },
        }
    }
}

/// How Livy answered the POST of a statement, by what may be done next.
#[derive(Debug, Clone, PartialEq)]
pub enum Said {
    /// It has a number.
    Taken(StatementView),
    /// Surely not taken; may be tried again later.
    NotNow(String),
    /// It may have been taken, or may still be.
    Unsure(String),
    /// Livy has no such session.
    NoSession,
    /// The session has ended, as Livy sees it. Not taken.
    NotActive,
}

/// What Livy has under a number.
#[derive(Debug, Clone, PartialEq)]
pub enum Heard {
    /// A statement.
    Statement(StatementView),
    /// Nothing, yet: a POST that is still under way is applied later.
    Nothing,
    /// No answer that says anything.
    Silent(String),
    /// Livy has no such session.
    NoSession,
    /// The session has ended, as Livy sees it.
    NotActive,
}

/// A statement.
#[derive(Debug, Clone, PartialEq)]
pub struct StatementView {
    /// Its number, from 0 on.
    pub number: u64,
    /// The first line of its code, by which it is known.
    pub mark: String,
    /// Where it stands.
    pub state: StatementState,
    /// What Livy takes for its output; null where there is none.
    pub output: Value,
}

/// Where a statement stands (`StatementState.java`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatementState {
    /// It waits or runs.
    Under,
    /// It has an output.
    Available,
    /// Somebody cancelled it. It may have run.
    Cancelled,
}
