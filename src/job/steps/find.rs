//! The search for what a doubtful POST may have left.

use std::time::Duration;

use super::Now;
use crate::job::application::{Application, YarnAnswer};
use crate::job::evidence::AnsweredTime;
use crate::job::timestamp::Timestamp;
use crate::job::world::{BatchState, BatchView, TagOnNode, Unreachable, YarnRetention};

/// How long a record must have an empty log before it counts as one that was never submitted: Livy registers the name
/// of a POST a moment before its spark-submit starts.
pub const EMPTY_RECORD_GRACE: Duration = Duration::from_secs(10);

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
    pub retention: Option<YarnRetention>,
    /// Whether a process of this node carries the tag.
    pub carried: TagOnNode,
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
    EmptyRecord,
    /// It is not there, and never will be.
    Absent {
        /// A record holds the name and nothing stands behind it.
        empty_record: bool,
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
            SearchFinding::EmptyRecord => "EmptyRecord",
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

/// One search after a doubtful POST, over several rounds.
#[derive(Debug)]
pub struct Search {
    doubt: Doubt,
    patience: Patience,
    began: Now,
    absent: AnsweredTime,
    hollow_since: Option<Duration>,
}

impl Search {
    /// Starts the search.
    pub fn new(doubt: Doubt, patience: Patience, now: Now) -> Search {
        Search {
            doubt,
            patience,
            began: now,
            absent: AnsweredTime::new(patience.interval),
            hollow_since: None,
        }
    }

    /// One more round of looks.
    pub fn see(&mut self, round: SearchRound, now: Now) -> SearchFinding {
        let log_is_empty = match round.livy {
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
        if log_is_empty.is_some_and(|since| now.elapsed.saturating_sub(since) < EMPTY_RECORD_GRACE) {
            return SearchFinding::Open;
        }
        if log_is_empty.is_some() && self.doubt.answered {
            return SearchFinding::EmptyRecord;
        }
        if round.carried == TagOnNode::Yes {
            // The process can submit until it exits, so the time counts from its exit.
            self.absent.reset();
            return SearchFinding::Open;
        }
        if silent || self.absent.add(now.elapsed) < self.patience.settle {
            return SearchFinding::Open;
        }
        let proves = !hides && round.carried == TagOnNode::No;
        match self.remembers(round.retention, now) {
            _ if without_yarn || !self.is_young(now) => SearchFinding::Unknowable,
            // What a list or `/proc` does not show may be there all the same: the search goes on until the doubt is too
            // old.
            _ if !proves => SearchFinding::Open,
            Some(true) => SearchFinding::Absent { empty_record: log_is_empty.is_some() },
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
    fn remembers(&self, retention: Option<YarnRetention>, now: Now) -> Option<bool> {
        let passed = now.elapsed.saturating_sub(self.began.elapsed).as_millis();
        let expected = u128::from(self.began.wall.0) + passed;
        let set_back = u128::from(now.wall.0 + SLEW) < expected;
        retention.map(|retention| retention.keeps || (retention.started < self.doubt.since && !set_back))
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
    view.log_is_empty && view.application.is_none() && view.state == BatchState::Starting
}

#[cfg(test)]
mod tests;
