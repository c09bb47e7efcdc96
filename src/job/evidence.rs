//! What single looks add up to.
//!
//! One answer proves little: a list can miss a batch, a service can be away, an emulator can lose a token for a moment.
//! These accumulators say when it is enough. Time is an argument.

use std::time::Duration;

use super::world::{BatchState, Beat};

/// Time in which a service has answered, summed over looks. A gap counts for two intervals at most, so that an outage
/// or a paused process adds next to nothing.
#[derive(Debug, Clone)]
pub struct AnsweredTime {
    interval: Duration,
    total: Duration,
    last: Option<Duration>,
}

impl AnsweredTime {
    /// Nothing yet; looks are made every `interval`.
    pub fn new(interval: Duration) -> AnsweredTime {
        AnsweredTime { interval, total: Duration::ZERO, last: None }
    }

    /// One more answer, at `at` since the process began; the sum so far.
    pub fn add(&mut self, at: Duration) -> Duration {
        let gap = self.last.map_or(Duration::ZERO, |last| at.saturating_sub(last));
        self.total += gap.min(self.interval * 2);
        self.last = Some(at);
        self.total
    }

    /// The time until the next answer does not count.
    pub fn skip(&mut self) {
        self.last = None;
    }

    /// What was missing is there: the sum begins anew.
    pub fn reset(&mut self) {
        *self = AnsweredTime::new(self.interval);
    }
}

/// What is known of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenLiveness {
    /// Somebody waits, as far as is known.
    Alive,
    /// One beat said "nobody waits"; the next one decides.
    Suspect,
    /// Two beats in a row said so.
    Gone,
}

impl TokenLiveness {
    /// What the next beat makes of it. A beat without an answer proves nothing.
    #[must_use]
    pub fn after(self, beat: &Beat) -> TokenLiveness {
        match (self, beat) {
            (_, Beat::Accepted) => TokenLiveness::Alive,
            (TokenLiveness::Alive, Beat::Dead(_)) => TokenLiveness::Suspect,
            (TokenLiveness::Suspect | TokenLiveness::Gone, Beat::Dead(_)) => TokenLiveness::Gone,
            (life, Beat::Unanswered(_)) => life,
        }
    }
}

/// Whether Livy will not change its word about a batch.
pub fn is_final(state: &BatchState) -> bool {
    matches!(state, BatchState::Success | BatchState::Dead | BatchState::Killed | BatchState::Error)
}

#[cfg(test)]
mod tests;
