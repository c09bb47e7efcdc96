//! What single looks add up to: surely dead, found, absent.
//!
//! One answer proves little: a list can miss a batch, a service can be away, an emulator can lose a token for a moment.
//! These accumulators say when it is enough. Time is an argument.

use std::time::Duration;

use super::machine::Timestamp;
use super::world::{AppState, Application, BatchState, BatchView, Beat, Look, Unreachable, Yarn, YarnMemory};

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

/// What one round of looks for a doubtful run saw.
#[derive(Debug)]
pub struct Round {
    /// Livy's record of the name.
    pub livy: Result<Option<BatchView>, Unreachable>,
    /// YARN's applications with the tag.
    pub yarn: Yarn,
    /// How far back the answering ResourceManager remembers; none where it was not asked or did not say.
    pub memory: Option<YarnMemory>,
    /// A process of this node carries the tag.
    pub carried: bool,
}

/// What the looks for a doubtful run add up to.
#[derive(Debug, Clone, PartialEq)]
pub enum Finding {
    /// Not enough to say.
    Open,
    /// Livy has it.
    Batch(BatchView),
    /// YARN has it, and Livy has no record.
    Application(Application),
    /// A record holds the name and nothing stands behind it; its POST was answered, so it may be deleted at once.
    Zombie,
    /// It is not there, and never will be.
    Absent {
        /// A record holds the name and nothing stands behind it.
        zombie: bool,
    },
    /// It is not there, and nobody can know whether it ever was.
    Unknowable,
}

/// The search for what a POST may have left.
#[derive(Debug)]
pub struct Search {
    settle: Duration,
    doubt_limit: Duration,
    since: Timestamp,
    answered: bool,
    absent: Answered,
    hollow_since: Option<Timestamp>,
}

impl Search {
    /// Begins, for a POST that began at `since`. `answered`: Livy has answered it, so it is not at work on it any more.
    pub fn new(
        interval: Duration,
        settle: Duration,
        doubt_limit: Duration,
        since: Timestamp,
        answered: bool,
    ) -> Search {
        Search { settle, doubt_limit, since, answered, absent: Answered::new(interval), hollow_since: None }
    }

    /// One more round of looks.
    pub fn look(&mut self, at: Timestamp, round: Round) -> Finding {
        let hollow = match round.livy {
            Ok(Some(view)) if !is_hollow(&view) => return Finding::Batch(view),
            Ok(Some(_)) => Some(*self.hollow_since.get_or_insert(at)),
            Ok(None) => {
                self.hollow_since = None;
                None
            }
            // YARN alone can still find it.
            Err(_) => return found_by(round.yarn).map_or(Finding::Open, Finding::Application),
        };
        let without_yarn = round.yarn == Yarn::Off;
        let silent = matches!(round.yarn, Yarn::Unreachable(_));
        if let Some(application) = found_by(round.yarn) {
            return Finding::Application(application);
        }
        if hollow.is_some_and(|since| !lasted(at, since, HOLLOW)) {
            return Finding::Open;
        }
        if hollow.is_some() && self.answered {
            return Finding::Zombie;
        }
        if round.carried {
            // It may submit with its last breath: the time counts from its end.
            self.absent.reset();
            return Finding::Open;
        }
        if silent || self.absent.add(at) < self.settle {
            return Finding::Open;
        }
        let young =
            at.millis_since(self.since).is_some_and(|ms| Duration::from_millis(ms) < self.doubt_limit);
        let remembers = round.memory.is_some_and(|memory| memory.keeps || memory.started < self.since);
        if !without_yarn && young && remembers {
            Finding::Absent { zombie: hollow.is_some() }
        } else if !without_yarn && young && round.memory.is_none() {
            // It did not say how far back it remembers; it will.
            Finding::Open
        } else {
            Finding::Unknowable
        }
    }
}

/// The oldest of what was found: that one is ours.
fn found_by(yarn: Yarn) -> Option<Application> {
    match yarn {
        Yarn::Answer(applications) => applications.into_iter().next(),
        Yarn::Off | Yarn::Unreachable(_) => None,
    }
}

fn lasted(at: Timestamp, since: Timestamp, span: Duration) -> bool {
    at.millis_since(since).is_some_and(|ms| Duration::from_millis(ms) >= span)
}

/// The mark of a record whose spark-submit never started (all Livy versions from 0.6).
fn is_hollow(view: &BatchView) -> bool {
    view.hollow && view.application.is_none() && view.state == BatchState::Starting
}

/// Whether Livy will not change its word about a batch.
pub fn is_final(state: &BatchState) -> bool {
    matches!(state, BatchState::Success | BatchState::Dead | BatchState::Killed | BatchState::Error)
}

/// What the looks after a kill add up to.
#[derive(Debug)]
pub struct Burial {
    kill_settle: Duration,
    lost_after: Duration,
    absent: Answered,
}

/// How dead a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Death {
    /// It lives, may appear, or nobody answers.
    Unproved,
    /// YARN says so.
    Verified,
    /// Livy says so, and there is no YARN to ask.
    ByLivysWord,
}

impl Burial {
    /// Begins.
    pub fn new(interval: Duration, kill_settle: Duration, lost_after: Duration) -> Burial {
        Burial { kill_settle, lost_after, absent: Answered::new(interval) }
    }

    /// One more round of looks: Livy's record of the name, and YARN's applications with the tag.
    pub fn look(&mut self, at: Timestamp, livy: &Look, yarn: &Yarn) -> Death {
        match yarn {
            Yarn::Unreachable(_) => Death::Unproved,
            Yarn::Answer(found) if !found.is_empty() => {
                self.absent.reset();
                let ended = found.iter().all(|application| application.state != AppState::Active);
                if ended { Death::Verified } else { Death::Unproved }
            }
            // Nothing there yet. Livy's leak collector and a slow spark-submit can still bring it.
            Yarn::Answer(_) => match livy {
                Look::Unreachable(_) => Death::Unproved,
                Look::Seen(view) if !is_final(&view.state) => {
                    self.absent.reset();
                    Death::Unproved
                }
                Look::Seen(_) | Look::Missing if self.absent.add(at) >= self.kill_settle => Death::Verified,
                Look::Seen(_) | Look::Missing => Death::Unproved,
            },
            Yarn::Off => match livy {
                Look::Unreachable(_) => Death::Unproved,
                Look::Missing if self.absent.add(at) >= self.lost_after => Death::ByLivysWord,
                Look::Missing => Death::Unproved,
                Look::Seen(view) => {
                    self.absent.reset();
                    if is_final(&view.state) { Death::ByLivysWord } else { Death::Unproved }
                }
            },
        }
    }
}

#[cfg(test)]
mod tests;
