//! The search for what a doubtful POST may have left.

use std::time::Duration;

use super::Now;
use crate::job::application::{Application, YarnAnswer};
use crate::job::evidence::Answered;
use crate::job::timestamp::Timestamp;
use crate::job::world::{BatchState, BatchView, Carried, Unreachable, YarnMemory};

/// How long a hollow record must stay hollow before it counts as a zombie: a POST that Livy is still at work on
/// registers the name a moment before its spark-submit starts.
pub const HOLLOW: Duration = Duration::from_secs(10);

/// A wall clock that goes slower than the process's own by more than this was set back.
const SLEW: u64 = 1_000;

/// What one round of looks saw.
#[derive(Debug)]
pub struct SearchRound {
    /// Livy's record of the name.
    pub livy: Result<Option<BatchView>, Unreachable>,
    /// YARN's applications with the tag.
    pub yarn: YarnAnswer,
    /// How far back the answering ResourceManager remembers; none where it was not asked or did not say.
    pub memory: Option<YarnMemory>,
    /// Whether a process of this node carries the tag.
    pub carried: Carried,
    /// YARN's lists prove no absence.
    pub hides: bool,
}

/// What the looks add up to.
#[derive(Debug, Clone, PartialEq)]
pub enum SearchFinding {
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

impl SearchFinding {
    /// The kind of finding, without what is in it.
    pub fn name(&self) -> &'static str {
        match self {
            SearchFinding::Open => "Open",
            SearchFinding::Batch(_) => "Batch",
            SearchFinding::Application(_) => "Application",
            SearchFinding::Zombie => "Zombie",
            SearchFinding::Absent { .. } => "Absent",
            SearchFinding::Unknowable => "Unknowable",
        }
    }
}

/// A POST in doubt.
#[derive(Debug, Clone, Copy)]
pub struct Doubt {
    /// When it began.
    pub since: Timestamp,
    /// Livy has answered it (with an error), so it is not at work on it any more.
    pub answered: bool,
}

/// How long the search takes.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// From round to round.
    pub interval: Duration,
    /// For how long Livy and YARN must have answered "not there".
    pub settle: Duration,
    /// How old a doubt may be that leads back to a POST.
    pub doubt_limit: Duration,
}

/// The search.
#[derive(Debug)]
pub struct Search {
    doubt: Doubt,
    patience: Patience,
    began: Now,
    absent: Answered,
    hollow_since: Option<Duration>,
}

impl Search {
    /// Begins.
    pub fn new(doubt: Doubt, patience: Patience, now: Now) -> Search {
        Search { doubt, patience, began: now, absent: Answered::new(patience.interval), hollow_since: None }
    }

    /// One more round of looks.
    pub fn see(&mut self, round: SearchRound, now: Now) -> SearchFinding {
        let hollow = match round.livy {
            Ok(Some(view)) if !is_hollow(&view) => {
                // YARN may have forgotten it by the time Livy looks for it.
                let application = view.application.clone();
                let application = application.or_else(|| found_by(round.yarn).map(|found| found.id));
                return SearchFinding::Batch(BatchView { application, ..view });
            }
            Ok(Some(_)) => Some(*self.hollow_since.get_or_insert(now.elapsed)),
            Ok(None) => {
                self.hollow_since = None;
                None
            }
            // YARN alone can still find it.
            Err(_) => return found_by(round.yarn).map_or(SearchFinding::Open, SearchFinding::Application),
        };
        let without_yarn = round.yarn == YarnAnswer::Off;
        let silent = matches!(round.yarn, YarnAnswer::Unreachable(_));
        let hides = round.hides || matches!(round.yarn, YarnAnswer::Hidden(_));
        if let Some(application) = found_by(round.yarn) {
            return SearchFinding::Application(application);
        }
        if hollow.is_some_and(|since| now.elapsed.saturating_sub(since) < HOLLOW) {
            return SearchFinding::Open;
        }
        if hollow.is_some() && self.doubt.answered {
            return SearchFinding::Zombie;
        }
        if round.carried == Carried::Yes {
            // It may submit with its last breath: the time counts from its end.
            self.absent.reset();
            return SearchFinding::Open;
        }
        if silent || self.absent.add(now.elapsed) < self.patience.settle {
            return SearchFinding::Open;
        }
        let proves = !hides && round.carried == Carried::No;
        match self.remembers(round.memory, now) {
            _ if without_yarn || !self.is_young(now) => SearchFinding::Unknowable,
            // What a list or `/proc` does not show may be there all the same: only time can tell, and it cannot.
            _ if !proves => SearchFinding::Open,
            Some(true) => SearchFinding::Absent { zombie: hollow.is_some() },
            Some(false) => SearchFinding::Unknowable,
            // It did not say how far back it remembers; it will.
            None => SearchFinding::Open,
        }
    }

    /// Whether Livy and YARN still have what ended since the POST. A POST in the future counts as too old: the clock was
    /// set back, and nobody knows how long it has been.
    fn is_young(&self, now: Now) -> bool {
        let age = |wall: Timestamp| wall.millis_since(self.doubt.since).map(Duration::from_millis);
        let at_least = age(self.began.wall).map(|age| age + now.elapsed.saturating_sub(self.began.elapsed));
        let ages = [age(now.wall), at_least];
        ages.into_iter().all(|age| age.is_some_and(|age| age < self.patience.doubt_limit))
    }

    /// Whether YARN would have it, had it ever been there. A ResourceManager that seems to be older than the POST may be
    /// younger where the wall clock was set back in between.
    fn remembers(&self, memory: Option<YarnMemory>, now: Now) -> Option<bool> {
        let passed = now.elapsed.saturating_sub(self.began.elapsed).as_millis();
        let expected = u128::from(self.began.wall.0) + passed;
        let set_back = u128::from(now.wall.0 + SLEW) < expected;
        memory.map(|memory| memory.keeps || (memory.started < self.doubt.since && !set_back))
    }
}

/// The oldest of what was found: that one is ours.
fn found_by(yarn: YarnAnswer) -> Option<Application> {
    match yarn {
        YarnAnswer::Answer(applications) => applications.into_iter().next(),
        YarnAnswer::Off | YarnAnswer::Unreachable(_) | YarnAnswer::Hidden(_) => None,
    }
}

/// The mark of a record whose spark-submit never started (all Livy versions from 0.6).
fn is_hollow(view: &BatchView) -> bool {
    view.hollow && view.application.is_none() && view.state == BatchState::Starting
}

#[cfg(test)]
mod tests;
