//! The time in which Livy and YARN both answered.
//!
//! A job that is missing is given up after so many minutes of answers that do not have it; minutes in which nobody
//! answered prove nothing. All jobs count on this one clock: each notes its reading and counts from there.

use std::time::Duration;

/// One of the services that are swept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ServiceKind {
    /// Livy.
    Livy,
    /// The ResourceManager.
    Yarn,
}

/// Grows while both answer. A gap between answers counts for two intervals at most, so that a paused process or a
/// service that hangs adds next to nothing.
#[derive(Debug, Default)]
pub(super) struct Clock {
    total: Duration,
    livy: bool,
    yarn: bool,
    last: Option<Duration>,
}

impl Clock {
    /// One that is told of YARN's answers alone.
    pub(super) fn of_yarn() -> Clock {
        Clock { livy: true, ..Clock::default() }
    }

    /// `who` answered, or did not, at `at` since the process began. Sweeps are made every `interval`. Without a YARN
    /// Livy's answers are enough.
    pub(super) fn note(
        &mut self,
        who: ServiceKind,
        answered: bool,
        at: Duration,
        interval: Duration,
        has_yarn: bool,
    ) {
        match who {
            ServiceKind::Livy => self.livy = answered,
            ServiceKind::Yarn => self.yarn = answered,
        }
        if !self.livy || (has_yarn && !self.yarn) {
            self.last = None;
            return;
        }
        if let Some(last) = self.last {
            self.total += at.saturating_sub(last).min(interval * 2);
        }
        self.last = Some(at);
    }

    /// The sum so far.
    pub(super) fn reading(&self) -> Duration {
        self.total
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn seconds(clock: &Clock) -> u64 {
        clock.reading().as_secs()
    }

    #[test]
    fn it_grows_only_while_both_answer() {
        let mut clock = Clock::default();
        let mut note = |who, answered, at| {
            clock.note(who, answered, Duration::from_secs(at), SECOND, true);
            seconds(&clock)
        };
        assert_eq!(note(ServiceKind::Livy, true, 0), 0, "YARN has not answered yet");
        assert_eq!(note(ServiceKind::Yarn, true, 1), 0);
        assert_eq!(note(ServiceKind::Livy, true, 2), 1);
        assert_eq!(note(ServiceKind::Yarn, false, 3), 1);
        assert_eq!(note(ServiceKind::Livy, true, 3_600), 1, "an hour's outage does not count");
        assert_eq!(note(ServiceKind::Yarn, true, 3_601), 1, "it counts from the first answer on");
        assert_eq!(note(ServiceKind::Livy, true, 3_602), 2);
        assert_eq!(note(ServiceKind::Livy, false, 3_603), 2);
        assert_eq!(note(ServiceKind::Yarn, true, 3_604), 2);
    }

    #[test]
    fn a_gap_counts_for_two_intervals_at_most() {
        let mut clock = Clock::default();
        clock.note(ServiceKind::Livy, true, SECOND, SECOND, false);
        clock.note(ServiceKind::Livy, true, SECOND * 500, SECOND, false);
        assert_eq!(seconds(&clock), 2);
    }
}
