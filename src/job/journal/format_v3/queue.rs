//! What the fifth format has beside the fourth.

use std::time::Duration;

use super::*;
use crate::job::report::ErrorName;

/// A wait as it is written.
pub(super) fn millis(wait: Option<Duration>) -> Option<u64> {
    wait.map(|wait| u64::try_from(wait.as_millis()).unwrap_or(u64::MAX))
}

impl EntryV3 {
    /// Whether anything is in it of a wait in YARN's queue that can be over, which the fourth format has no place for: a
    /// version that knows nothing of it would let the job wait for ever, or start it anew where it is being killed.
    pub(in crate::job::journal) fn tells_of_queue(&self) -> bool {
        let ended = match &self.state {
            State::Ended { outcome, .. } | State::Stopping { then: Then::End(outcome) } => {
                matches!(outcome, Outcome::Failed(failure) if failure.error == ErrorName::QueueTimeout.as_str())
            }
            State::Withdrawing { .. } => true,
            State::Stopping { then: Then::Run(_) }
            | State::Received { .. }
            | State::Submitting { .. }
            | State::InDoubt { .. }
            | State::Running { .. }
            | State::Speaking { .. }
            | State::Listening { .. }
            | State::Judged { .. }
            | State::Orphaned { .. }
            | State::Settled => false,
        };
        ended || self.queue_timeout_ms.is_some()
    }
}
