//! The last finished tasks, and the format of their file.
//!
//! A first line `spark-job-worker-history 1 <SHA-256 of the rest>`, then a line of JSON for each task, the last that
//! ended at the end. A task may have keys that this version does not know, and may lack those that it knows; anything
//! else is another format. `tests/fixtures/history/v1` has a file.

use std::collections::VecDeque;
use std::sync::Arc;

use super::Finished;
use crate::job::journal::{Unreadable, seal, unseal};

/// So many are remembered: a night's jobs.
const CAPACITY: usize = 200;
const KIND: &str = "spark-job-worker-history";
const FORMAT: u32 = 1;

/// The last finished tasks, oldest first. Copies share them.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Ring(VecDeque<Arc<Finished>>);

impl Ring {
    /// Adds a task, and drops the oldest where there are too many. A task that is there already, because a crash came
    /// between its entry and the journal's, is told once, by its last end.
    pub(super) fn push(&mut self, finished: Finished) {
        self.0.retain(|known| known.task != finished.task);
        while self.0.len() >= CAPACITY {
            self.0.pop_front();
        }
        self.0.push_back(Arc::new(finished));
    }

    /// The tasks, the last that ended at the end.
    pub(super) fn tasks(&self) -> Vec<Finished> {
        self.0.iter().map(|finished| Finished::clone(finished)).collect()
    }

    /// The file's bytes.
    ///
    /// # Errors
    /// Never, as far as is known: what is in it can be written as JSON.
    pub(super) fn encode(&self) -> serde_json::Result<Vec<u8>> {
        let mut lines = Vec::new();
        for finished in &self.0 {
            serde_json::to_writer(&mut lines, &**finished)?;
            lines.push(b'\n');
        }
        Ok(seal(KIND, FORMAT, &lines))
    }

    /// The ring of a file's bytes.
    ///
    /// # Errors
    /// Why they are none: damaged, or another version's.
    pub(super) fn decode(bytes: &[u8]) -> Result<Ring, Unreadable> {
        let (_, lines) = unseal(KIND, FORMAT, bytes)?;
        let mut ring = Ring::default();
        for line in lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            let finished = serde_json::from_slice(line);
            ring.push(finished.map_err(|error| Unreadable::Foreign(error.to_string()))?);
        }
        Ok(ring)
    }
}
