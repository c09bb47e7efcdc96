//! Livy's record of a batch.

use std::collections::VecDeque;
use std::time::Instant;

use serde_json::Value;

use super::settings::Master;

/// How many lines of spark-submit's output Livy keeps.
const KEPT_LINES: usize = 200;

/// Livy's record of a batch.
#[derive(Clone, Debug)]
pub(super) struct Record {
    pub(super) submission: usize,
    pub(super) id: u32,
    pub(super) name: Option<String>,
    pub(super) body: Value,
    pub(super) tag: String,
    pub(super) state: String,
    pub(super) app_id: Option<String>,
    pub(super) stdout: VecDeque<String>,
    pub(super) diagnostics: Vec<String>,
    /// spark-submit was started; without it the log has not even headings.
    pub(super) started: bool,
    /// The recovery store has it.
    pub(super) stored: bool,
    pub(super) ended: Option<Instant>,
}

impl Record {
    pub(super) fn is_final(&self) -> bool {
        is_final(&self.state)
    }

    /// The whole log, with its headings.
    pub(super) fn log(&self, master: Master) -> Vec<String> {
        if !self.started {
            return Vec::new();
        }
        let mut lines = vec!["stdout: ".to_owned()];
        lines.extend(self.stdout.iter().cloned());
        lines.push("\nstderr: ".to_owned());
        if master == Master::Yarn {
            lines.push("\nYARN Diagnostics: ".to_owned());
            // Livy has them from YARN, where it has not looked yet.
            let known = self.state != "recovering";
            lines.extend(self.diagnostics.iter().filter(|_| known).cloned());
        }
        lines
    }

    pub(super) fn print(&mut self, line: String) {
        if self.stdout.len() == KEPT_LINES {
            self.stdout.pop_front();
        }
        self.stdout.push_back(line);
    }

    pub(super) fn enter(&mut self, state: &str) {
        self.state = state.to_owned();
        self.ended = is_final(state).then(Instant::now);
    }

    /// Livy has looked for the application for as long as it does.
    pub(super) fn give_up(&mut self) {
        let tag = self.tag.to_lowercase();
        self.diagnostics = vec![format!(
            "No YARN application is found with tag {tag} in 120 seconds. This may be because 1) spark-submit fail to submit \
             application to YARN; or 2) YARN cluster doesn't have enough resources to start the application in time. Please \
             check Livy log and YARN log to know the details."
        )];
        self.enter("dead");
    }
}

pub(super) fn is_final(state: &str) -> bool {
    matches!(state, "success" | "dead" | "killed" | "error")
}
