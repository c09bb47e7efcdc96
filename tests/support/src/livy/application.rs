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
    /// YARN's word for how it ended: `SUCCEEDED`, `FAILED` or `KILLED`; `UNDEFINED` while it has not.
    pub final_status: &'static str,
    /// YARN's diagnostics.
    pub diagnostics: Vec<String>,
    /// When it was submitted.
    pub started: Instant,
    /// When its first container was started; never, if it ended before it ran.
    pub launched: Option<Instant>,
    /// When it ended.
    pub ended: Option<Instant>,
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

    /// Follows what Livy would call this state; any word that is neither `running` nor final changes nothing.
    pub(super) fn follow(&mut self, state: &str) {
        (self.state, self.final_status) = match state {
            "running" => (AppState::Running, "UNDEFINED"),
            "success" => (AppState::Finished, "SUCCEEDED"),
            "dead" | "error" => (AppState::Finished, "FAILED"),
            "killed" => (AppState::Killed, "KILLED"),
            _ => return,
        };
        if self.state == AppState::Running {
            self.launched.get_or_insert_with(Instant::now);
        }
        self.ended = (!self.is_live()).then(Instant::now);
    }

    /// What a Livy that looks at it for the first time makes of it, if anything.
    pub(super) fn verdict(&self) -> Option<&'static str> {
        match self.final_status {
            "SUCCEEDED" => Some("success"),
            "KILLED" => Some("killed"),
            "UNDEFINED" => (self.state == AppState::Running).then_some("running"),
            _ => Some("dead"),
        }
    }
}
