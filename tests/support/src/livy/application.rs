//! The cluster behind Livy: what really runs.

use std::time::Instant;

/// What really runs, whatever Livy knows of it.
#[derive(Clone, Debug)]
pub struct Application {
    /// Counts submissions over all lives of Livy, unlike a batch's id.
    pub submission: usize,
    /// `application_…`; none beside Livy itself.
    pub id: Option<String>,
    /// The batch's name.
    pub name: Option<String>,
    /// Its YARN tags, in lower case as YARN keeps them: the user's, and Livy's own first.
    pub tags: Vec<String>,
    /// What has become of it.
    pub state: AppState,
    /// When it was submitted.
    pub started: Instant,
}

/// What has become of an application.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AppState {
    /// Submitted, not yet running.
    Accepted,
    /// Running.
    Running,
    /// Ended by itself, well or badly.
    Finished,
    /// Killed.
    Killed,
}

impl Application {
    /// Whether it has not ended.
    pub fn is_live(&self) -> bool {
        matches!(self.state, AppState::Accepted | AppState::Running)
    }
}
