//! What single looks add up to: surely dead, found, absent.
//!
//! One answer proves little: a list can miss a batch, a service can be away, an emulator can lose a token for a moment.
//! These accumulators say when it is enough. Time is an argument.

use std::time::Duration;

use super::machine::Timestamp;
use super::world::{BatchState, BatchView, Beat, Look, Unreachable};

/// How long a hollow record must stay hollow before it counts as a zombie: a POST that Livy is still at work on
/// registers the name a moment before its spark-submit starts.
pub const HOLLOW: Duration = Duration::from_secs(10);

/// Time in which a service has answered, summed over looks. A gap counts for two intervals at most, so that an outage
/// or a paused process adds next to nothing.
#[derive(Debug, Clone)]
pub struct Answered {
    interval: Duration,
    total: Duration,
    last: Option<Timestamp>,
}

impl Answered {
    /// Nothing yet; looks are made every `interval`.
    pub fn new(interval: Duration) -> Answered {
        Answered { interval, total: Duration::ZERO, last: None }
    }

    /// One more answer; the sum so far.
    pub fn add(&mut self, at: Timestamp) -> Duration {
        let gap =
            self.last.and_then(|last| at.millis_since(last)).map_or(Duration::ZERO, Duration::from_millis);
        self.total += gap.min(self.interval * 2);
        self.last = Some(at);
        self.total
    }

    /// What was missing is there: the sum begins anew.
    pub fn reset(&mut self) {
        *self = Answered::new(self.interval);
    }
}

/// What is known of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Life {
    /// Somebody waits, as far as is known.
    Alive,
    /// One beat said "nobody waits"; the next one decides.
    Suspect,
    /// Two beats in a row said so.
    Gone,
}

impl Life {
    /// What the next beat makes of it. A beat without an answer proves nothing.
    #[must_use]
    pub fn after(self, beat: &Beat) -> Life {
        match (self, beat) {
            (_, Beat::Accepted) => Life::Alive,
            (Life::Alive, Beat::Dead(_)) => Life::Suspect,
            (Life::Suspect | Life::Gone, Beat::Dead(_)) => Life::Gone,
            (life, Beat::Unanswered(_)) => life,
        }
    }
}

/// What the looks for a doubtful run add up to.
#[derive(Debug, Clone, PartialEq)]
pub enum Finding {
    /// Not enough to say.
    Open,
    /// It exists.
    Found(BatchView),
    /// A record holds the name and nothing stands behind it; its POST was answered, so it may be deleted at once.
    Zombie,
    /// It is not there, and has not been for `submit_settle`.
    Absent,
}

/// The search for what a POST may have left.
#[derive(Debug)]
pub struct Search {
    settle: Duration,
    answered: bool,
    absent: Answered,
    hollow_since: Option<Timestamp>,
}

impl Search {
    /// Begins. `answered`: Livy has answered the POST, so it is not at work on it any more.
    pub fn new(interval: Duration, settle: Duration, answered: bool) -> Search {
        Search { settle, answered, absent: Answered::new(interval), hollow_since: None }
    }

    /// One more look by name.
    pub fn look(&mut self, at: Timestamp, look: Result<Option<BatchView>, Unreachable>) -> Finding {
        match look {
            Err(_) => Finding::Open,
            Ok(Some(view)) if !is_hollow(&view) => Finding::Found(view),
            Ok(Some(_)) => {
                let since = *self.hollow_since.get_or_insert(at);
                if at.millis_since(since).is_none_or(|ms| Duration::from_millis(ms) < HOLLOW) {
                    return Finding::Open;
                }
                if self.answered { Finding::Zombie } else { self.not_there(at) }
            }
            Ok(None) => {
                self.hollow_since = None;
                self.not_there(at)
            }
        }
    }

    fn not_there(&mut self, at: Timestamp) -> Finding {
        if self.absent.add(at) >= self.settle { Finding::Absent } else { Finding::Open }
    }
}

/// The mark of a record whose spark-submit never started (all Livy versions from 0.6).
fn is_hollow(view: &BatchView) -> bool {
    view.hollow && view.application.is_none() && view.state == BatchState::Starting
}

/// What the looks after a kill add up to.
#[derive(Debug)]
pub struct Burial {
    lost_after: Duration,
    absent: Answered,
}

impl Burial {
    /// Begins.
    pub fn new(interval: Duration, lost_after: Duration) -> Burial {
        Burial { lost_after, absent: Answered::new(interval) }
    }

    /// One more look by name: is the run as dead as Livy alone can say?
    pub fn look(&mut self, at: Timestamp, look: &Look) -> bool {
        match look {
            Look::Unreachable(_) => false,
            Look::Missing => self.absent.add(at) >= self.lost_after,
            Look::Seen(view) => {
                self.absent.reset();
                matches!(
                    view.state,
                    BatchState::Success | BatchState::Dead | BatchState::Killed | BatchState::Error
                )
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn view(state: &str, hollow: bool) -> BatchView {
        BatchView {
            id: 0,
            name: "a".into(),
            state: state.into(),
            application: None,
            proxy_user: None,
            driver_log_url: None,
            tracking_url: None,
            hollow,
        }
    }

    #[test]
    fn a_gap_without_answers_counts_for_two_intervals() {
        let mut answered = Answered::new(SECOND);
        answered.add(Timestamp(0));
        answered.add(Timestamp(1_000));
        assert_eq!(answered.add(Timestamp(600_000)), Duration::from_secs(3));
    }

    #[test]
    fn a_clock_that_is_set_back_adds_nothing() {
        let mut answered = Answered::new(SECOND);
        answered.add(Timestamp(5_000));
        assert_eq!(answered.add(Timestamp(1_000)), Duration::ZERO);
    }

    #[test]
    fn one_dead_beat_is_a_suspicion_and_two_are_certainty() {
        let dead = Beat::Dead("TaskTimedOut".into());
        let silent = Beat::Unanswered("reset".into());
        assert_eq!(Life::Alive.after(&dead), Life::Suspect);
        assert_eq!(Life::Suspect.after(&dead), Life::Gone);
        assert_eq!(Life::Suspect.after(&Beat::Accepted), Life::Alive);
        assert_eq!(Life::Suspect.after(&silent), Life::Suspect);
        assert_eq!(Life::Alive.after(&silent), Life::Alive);
    }

    #[test]
    fn a_record_with_a_log_is_found_at_once() {
        let mut search = Search::new(SECOND, SECOND * 180, false);
        assert_eq!(
            search.look(Timestamp(0), Ok(Some(view("starting", false)))),
            Finding::Found(view("starting", false))
        );
    }

    #[test]
    fn a_hollow_record_is_a_zombie_after_ten_seconds_where_the_post_was_answered() {
        let mut search = Search::new(SECOND, SECOND * 180, true);
        assert_eq!(search.look(Timestamp(0), Ok(Some(view("starting", true)))), Finding::Open);
        assert_eq!(search.look(Timestamp(9_999), Ok(Some(view("starting", true)))), Finding::Open);
        assert_eq!(search.look(Timestamp(10_000), Ok(Some(view("starting", true)))), Finding::Zombie);
    }

    #[test]
    fn a_hollow_record_of_an_unanswered_post_guards_the_name_until_absence_is_believed() {
        let mut search = Search::new(SECOND, SECOND * 3, false);
        let mut at = 0;
        while search.look(Timestamp(at), Ok(Some(view("starting", true)))) != Finding::Absent {
            at += 1_000;
        }
        assert_eq!(at, 13_000, "ten seconds of hollowness and three of absence");
    }

    #[test]
    fn absence_needs_answers_and_silence_adds_none() {
        let mut search = Search::new(SECOND, SECOND * 4, false);
        assert_eq!(search.look(Timestamp(0), Ok(None)), Finding::Open);
        assert_eq!(search.look(Timestamp(60_000), Err(Unreachable("refused".into()))), Finding::Open);
        assert_eq!(search.look(Timestamp(120_000), Ok(None)), Finding::Open);
        assert_eq!(search.look(Timestamp(121_000), Ok(None)), Finding::Open);
        assert_eq!(search.look(Timestamp(122_000), Ok(None)), Finding::Absent);
    }

    #[test]
    fn a_run_is_dead_when_livy_says_ended_or_has_long_had_no_record() {
        let mut burial = Burial::new(SECOND, SECOND * 2);
        assert!(!burial.look(Timestamp(0), &Look::Seen(view("running", false))));
        assert!(!burial.look(Timestamp(1_000), &Look::Missing));
        assert!(!burial.look(Timestamp(2_000), &Look::Unreachable("down".into())));
        assert!(burial.look(Timestamp(3_000), &Look::Missing));
        assert!(burial.look(Timestamp(4_000), &Look::Seen(view("killed", false))));
    }
}
