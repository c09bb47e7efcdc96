//! One job on the cluster, and what is known of it.

use super::super::application::AppEnd;
use super::super::timestamp::Timestamp;

/// Which of Livy's two lists has the record of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Records {
    /// `/batches`
    Batches,
    /// `/sessions`
    Sessions,
}

/// What a run does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Work {
    /// One program, as a batch of Livy's.
    Batch,
    /// Statements, in a session of Livy's.
    Session(Step),
}

/// How far the statements of a session are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The session is on its way.
    Opening,
    /// This step is said: 0 opens the session, the statements are steps from 1 on, and a result is the step behind them.
    At(u16),
    /// Every step was confirmed.
    Done,
}

/// One job on the cluster. Name and tag are fixed before anything is submitted; the rest is learned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// What it does.
    pub work: Work,
    /// Livy's name of the batch or session, unique among those of this Livy.
    pub name: String,
    /// The YARN tag of the application, in lower case.
    pub tag: String,
    /// Livy's number of the batch or session. For people: a Livy without recovery counts from 0 again.
    pub number: Option<u32>,
    /// YARN's id of the application.
    pub application: Option<String>,
    /// When the POST began of which it came. An application that is older came of an earlier one.
    pub submitted: Option<Timestamp>,
    /// On whose behalf it was asked to run.
    pub proxy_user: Option<String>,
}

impl Run {
    /// A batch of which only the identity is known yet.
    pub fn new(name: String, tag: String) -> Run {
        let work = Work::Batch;
        Run { work, name, tag, number: None, application: None, submitted: None, proxy_user: None }
    }

    /// Which list of Livy's has its record.
    pub fn records(&self) -> Records {
        match self.work {
            Work::Batch => Records::Batches,
            Work::Session(_) => Records::Sessions,
        }
    }

    /// The lists that can have it: both, where nothing but the end of its name is known.
    pub fn lists(&self) -> &'static [Records] {
        match self.records() {
            Records::Batches if self.name.starts_with('-') => &[Records::Batches, Records::Sessions],
            Records::Batches => &[Records::Batches],
            Records::Sessions => &[Records::Sessions],
        }
    }

    /// Whether statements run in it.
    pub fn is_session(&self) -> bool {
        self.records() == Records::Sessions
    }

    /// How far its statements are; `None` for a batch.
    pub fn step(&self) -> Option<Step> {
        match self.work {
            Work::Batch => None,
            Work::Session(step) => Some(step),
        }
    }

    /// The step that is said, where one is.
    pub fn said(&self) -> Option<u16> {
        match self.work {
            Work::Session(Step::At(step)) => Some(step),
            Work::Batch | Work::Session(Step::Opening | Step::Done) => None,
        }
    }

    /// Whether nothing of the task's own can have run: of a session, none of its statements.
    pub fn is_unbegun_session(&self) -> bool {
        matches!(self.work, Work::Session(Step::Opening | Step::At(0)))
    }

    /// The same session, so far.
    #[must_use]
    pub fn at(&self, step: Step) -> Run {
        Run { work: Work::Session(step), ..self.clone() }
    }

    /// Livy's number as it stands in reports of batches.
    pub fn batch(&self) -> Option<u64> {
        self.number.filter(|_| !self.is_session()).map(u64::from)
    }

    /// The same of sessions.
    pub fn session(&self) -> Option<u64> {
        self.number.filter(|_| self.is_session()).map(u64::from)
    }
}

/// Since when Livy keeps a task from going on, and what it last said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hold {
    /// The first moment; `livy.patience` counts from here.
    pub since: Timestamp,
    /// Livy's last words, or those of the failed connection.
    pub reason: String,
}

/// A run that Livy has not taken yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// What is to be submitted.
    pub run: Run,
    /// Set once Livy has kept the task waiting.
    pub held: Option<Hold>,
}

impl Attempt {
    /// The first attempt at a run.
    pub fn new(run: Run) -> Attempt {
        Attempt { run, held: None }
    }

    /// Adds a wait: the earliest beginning and the latest words are kept.
    pub(super) fn held_by(mut self, hold: Option<Hold>) -> Attempt {
        self.held = match (self.held, hold) {
            (Some(old), Some(new)) => Some(Hold { since: old.since.min(new.since), reason: new.reason }),
            (old, new) => new.or(old),
        };
        self
    }
}

/// YARN's last word about an application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FinalWord {
    /// How it ended.
    pub end: AppEnd,
    /// More than one application with the run's tag was seen, or this one is older than the last POST, so that another
    /// one may live on or still appear.
    pub doubled: bool,
    /// YARN's diagnostics, bounded.
    pub diagnostics: String,
    /// When it was submitted, if YARN says so.
    pub started: Option<Timestamp>,
    /// When its first attempt was launched, if YARN says so.
    pub launched: Option<Timestamp>,
    /// When it ended, if YARN says so.
    pub finished: Option<Timestamp>,
    /// Memory in MiB times seconds that it used.
    pub memory_seconds: Option<u64>,
    /// Virtual cores times seconds that it used.
    pub vcore_seconds: Option<u64>,
    /// Where the application can be looked at.
    pub tracking_url: Option<String>,
    /// Where the log of its first container, the driver's, is.
    pub log_url: Option<String>,
}
