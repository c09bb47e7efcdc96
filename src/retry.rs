//! How long to wait before the next try: a named policy for each kind of call.
//!
//! The arithmetic is that of `backoff`, with its own randomisation off: the dice are an argument, so that this module
//! stays pure. Nothing ever gives up here; who asks decides when it is enough.

use std::time::Duration;

use backoff::ExponentialBackoff;
use backoff::backoff::Backoff;

/// First and longest wait of a kind of call.
#[derive(Debug, Clone, Copy)]
pub struct Policy {
    first: Duration,
    longest: Duration,
}

/// A poll that was refused or lost. The longest wait bounds how late the end of an outage is noticed.
pub const POLL: Policy = Policy { first: Duration::from_millis(500), longest: Duration::from_secs(20) };
/// A heartbeat without an answer: several tries fit into one interval.
pub const HEARTBEAT: Policy = Policy { first: Duration::from_millis(500), longest: Duration::from_secs(5) };
/// A report without an answer.
pub const REPORT: Policy = Policy { first: Duration::from_millis(200), longest: Duration::from_secs(5) };
/// A submission that Livy cannot take now: its slots are held while spark-submit starts an application, some seconds.
pub const SUBMIT: Policy = Policy { first: Duration::from_millis(500), longest: Duration::from_secs(10) };
/// A look for something that should be there soon.
pub const LOOK: Policy = Policy { first: Duration::from_millis(250), longest: Duration::from_secs(5) };
/// A kill that has no effect yet.
pub const KILL: Policy = Policy { first: Duration::from_secs(1), longest: Duration::from_secs(10) };

/// A write that the disk did not take: once it can be written, what is on it must soon be what is so.
pub const WRITE: Policy = Policy { first: Duration::from_secs(2), longest: Duration::from_secs(30) };
/// A task whose loop a bug has ended: whatever it does in its first moments is not repeated without a pause.
pub const BUG: Policy = Policy { first: Duration::from_secs(1), longest: Duration::from_secs(60) };

impl Policy {
    /// Begins a series of waits.
    pub fn start(self) -> Pauses {
        Pauses(ExponentialBackoff {
            current_interval: self.first,
            initial_interval: self.first,
            randomization_factor: 0.0,
            multiplier: 2.0,
            max_interval: self.longest,
            max_elapsed_time: None,
            ..ExponentialBackoff::default()
        })
    }
}

/// A series of growing waits.
#[derive(Debug)]
pub struct Pauses(ExponentialBackoff);

impl Pauses {
    /// The next wait: between half of the step and the whole, by `dice` from 0 to 1.
    pub fn next(&mut self, dice: f64) -> Duration {
        let step = self.0.next_backoff().unwrap_or(self.0.max_interval);
        step.mul_f64(0.5 + dice.clamp(0.0, 1.0) / 2.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest() {
        let mut waits = SUBMIT.start();
        let steps: Vec<u128> = (0..7).map(|_| waits.next(1.0).as_millis()).collect();
        assert_eq!(steps, [500, 1_000, 2_000, 4_000, 8_000, 10_000, 10_000]);
    }

    #[test]
    fn the_dice_take_away_half_at_most() {
        assert_eq!(POLL.start().next(0.0), POLL.first / 2);
        assert_eq!(POLL.start().next(1.0), POLL.first);
    }
}
