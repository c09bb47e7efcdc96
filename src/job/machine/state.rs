//! Where a task can stand.

use super::super::report::Outcome;
use super::super::timestamp::Timestamp;
use super::run::{Attempt, FinalWord, Run};

/// The kind of a [`State`], without what is in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// [`State::Stopping`]
    Stopping,
    /// [`State::Received`]
    Received,
    /// [`State::Submitting`]
    Submitting,
    /// [`State::InDoubt`]
    InDoubt,
    /// [`State::Running`]
    Running,
    /// [`State::Withdrawing`]
    Withdrawing,
    /// [`State::Speaking`]
    Speaking,
    /// [`State::Listening`]
    Listening,
    /// [`State::Judged`]
    Judged,
    /// [`State::Ended`]
    Ended,
    /// [`State::Orphaned`]
    Orphaned,
    /// [`State::Settled`]
    Settled,
}

impl Stage {
    /// Every stage, in the order in which a task goes through them.
    pub const ALL: [Stage; 12] = [
        Stage::Stopping,
        Stage::Received,
        Stage::Submitting,
        Stage::InDoubt,
        Stage::Running,
        Stage::Withdrawing,
        Stage::Speaking,
        Stage::Listening,
        Stage::Judged,
        Stage::Ended,
        Stage::Orphaned,
        Stage::Settled,
    ];

    /// As logs, fields and causes show it.
    pub fn as_str(self) -> &'static str {
        match self {
            Stage::Stopping => "Stopping",
            Stage::Received => "Received",
            Stage::Submitting => "Submitting",
            Stage::InDoubt => "InDoubt",
            Stage::Running => "Running",
            Stage::Withdrawing => "Withdrawing",
            Stage::Speaking => "Speaking",
            Stage::Listening => "Listening",
            Stage::Judged => "Judged",
            Stage::Ended => "Ended",
            Stage::Orphaned => "Orphaned",
            Stage::Settled => "Settled",
        }
    }
}

/// What a task does once others are dead.
#[derive(Debug, Clone, PartialEq)]
pub enum Then {
    /// Its own run begins.
    Run(Attempt),
    /// It has ended: that was all that was asked for.
    End(Outcome),
}

/// Where a task stands.
#[derive(Debug, Clone, PartialEq)]
pub enum State {
    /// Others must be dead first.
    Stopping {
        /// What comes then.
        then: Then,
    },
    /// The token is ours and no POST has begun.
    Received {
        /// What will be submitted.
        attempt: Attempt,
    },
    /// The POST may be out.
    Submitting {
        /// What is being submitted.
        attempt: Attempt,
        /// When the POST began.
        since: Timestamp,
    },
    /// Nobody knows whether Livy took the POST.
    InDoubt {
        /// What may have been submitted.
        attempt: Attempt,
        /// When the POST began.
        since: Timestamp,
        /// Livy answered the POST (with an error), so it is not at work on it any more.
        answered: bool,
    },
    /// Livy or YARN has the run: a batch, or a session that takes no statements yet.
    Running {
        /// What is being followed.
        run: Run,
    },
    /// The run has waited in YARN's queue for as long as it was to: it is taken out of it, unless it has begun.
    Withdrawing {
        /// What is to be killed before its driver begins.
        run: Run,
    },
    /// The run's step is to be said to the session, or may have been said.
    Speaking {
        /// What is being followed, and the step.
        run: Run,
        /// The first number that the step can have in Livy.
        number: u64,
    },
    /// Livy has the run's step; how it ended is still to be heard.
    Listening {
        /// What is being followed, and the step.
        run: Run,
        /// Livy's number of the step.
        number: u64,
    },
    /// YARN's final word is known. What it says is not asked again; logs are still to be gathered.
    Judged {
        /// What has ended.
        run: Run,
        /// What YARN said of it.
        word: Box<FinalWord>,
    },
    /// What Step Functions will be told is settled and is not judged again.
    Ended {
        /// What will be told.
        outcome: Outcome,
        /// The run, where an application may live on or still appear.
        leftover: Option<Run>,
    },
    /// Nobody waits for this run any more; it must not live on.
    Orphaned {
        /// What is to be killed.
        run: Run,
    },
    /// Nothing is left to do. Never kept.
    Settled,
}

impl State {
    /// What the state means after a restart: nobody knows whether a POST that may have been out was taken.
    #[must_use]
    pub fn read_back(self) -> State {
        match self {
            State::Submitting { attempt, since } => State::InDoubt { attempt, since, answered: false },
            State::Stopping { .. }
            | State::Received { .. }
            | State::InDoubt { .. }
            | State::Running { .. }
            | State::Withdrawing { .. }
            | State::Speaking { .. }
            | State::Listening { .. }
            | State::Judged { .. }
            | State::Ended { .. }
            | State::Orphaned { .. }
            | State::Settled => self,
        }
    }

    /// The kind of state.
    pub fn stage(&self) -> Stage {
        match self {
            State::Stopping { .. } => Stage::Stopping,
            State::Received { .. } => Stage::Received,
            State::Submitting { .. } => Stage::Submitting,
            State::InDoubt { .. } => Stage::InDoubt,
            State::Running { .. } => Stage::Running,
            State::Withdrawing { .. } => Stage::Withdrawing,
            State::Speaking { .. } => Stage::Speaking,
            State::Listening { .. } => Stage::Listening,
            State::Judged { .. } => Stage::Judged,
            State::Ended { .. } => Stage::Ended,
            State::Orphaned { .. } => Stage::Orphaned,
            State::Settled => Stage::Settled,
        }
    }

    /// The state's name, as logs and fields show it.
    pub fn name(&self) -> &'static str {
        self.stage().as_str()
    }

    /// The run that this state is about, if one is left.
    pub fn run(&self) -> Option<&Run> {
        match self {
            State::Stopping { then: Then::Run(attempt) }
            | State::Received { attempt }
            | State::Submitting { attempt, .. }
            | State::InDoubt { attempt, .. } => Some(&attempt.run),
            State::Running { run }
            | State::Withdrawing { run }
            | State::Speaking { run, .. }
            | State::Listening { run, .. }
            | State::Judged { run, .. }
            | State::Orphaned { run } => Some(run),
            State::Ended { leftover, .. } => leftover.as_ref(),
            State::Stopping { then: Then::End(_) } | State::Settled => None,
        }
    }
}
