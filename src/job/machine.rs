//! The states of a task and what each event makes of them.
//!
//! A state has exactly one duty, and every duty may be performed twice; so recovery is the same loop entered with a
//! state that was read back. [`next`] is the only way from one state to another. An event that does not fit is an
//! [`Illegal`], which gives the state back unchanged. Nothing here knows a clock: times arrive inside events.

use serde::{Deserialize, Serialize};

use super::application::AppEnd;
use super::report::{Failure, Outcome};
use super::timestamp::Timestamp;

/// One job on the cluster. Name and tag are fixed before anything is submitted; the rest is learned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// Livy's name of the batch, unique among the batches of this Livy.
    pub name: String,
    /// The YARN tag of the application, in lower case.
    pub tag: String,
    /// Livy's number of the batch. For people: a Livy without recovery counts from 0 again.
    pub batch: Option<u64>,
    /// YARN's id of the application.
    pub application: Option<String>,
    /// When Livy accepted the batch, or when it was found again: for people.
    pub submitted: Option<Timestamp>,
    /// On whose behalf it was asked to run.
    pub proxy_user: Option<String>,
}

impl Run {
    /// A run of which only the identity is known yet.
    pub fn new(name: String, tag: String) -> Run {
        Run { name, tag, batch: None, application: None, submitted: None, proxy_user: None }
    }
}

/// Since when Livy keeps a task from going on, and what it last said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hold {
    /// The first moment; `livy.patience` counts from here.
    pub since: Timestamp,
    /// Livy's last words, or those of the failed connection.
    pub words: String,
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
    fn held_by(mut self, hold: Option<Hold>) -> Attempt {
        self.held = match (self.held, hold) {
            (Some(old), Some(new)) => Some(Hold { since: old.since.min(new.since), words: new.words }),
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
    /// More than one application with the run's tag was seen, so that another one may live on.
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

/// The kind of a [`State`], without what is in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// [`State::Received`]
    Received,
    /// [`State::Submitting`]
    Submitting,
    /// [`State::InDoubt`]
    InDoubt,
    /// [`State::Running`]
    Running,
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
    pub const ALL: [Stage; 8] = [
        Stage::Received,
        Stage::Submitting,
        Stage::InDoubt,
        Stage::Running,
        Stage::Judged,
        Stage::Ended,
        Stage::Orphaned,
        Stage::Settled,
    ];

    /// As logs, fields and causes show it.
    pub fn as_str(self) -> &'static str {
        match self {
            Stage::Received => "Received",
            Stage::Submitting => "Submitting",
            Stage::InDoubt => "InDoubt",
            Stage::Running => "Running",
            Stage::Judged => "Judged",
            Stage::Ended => "Ended",
            Stage::Orphaned => "Orphaned",
            Stage::Settled => "Settled",
        }
    }
}

/// Where a task stands.
#[derive(Debug, Clone, PartialEq)]
pub enum State {
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
    /// Livy or YARN has the run.
    Running {
        /// What is being followed.
        run: Run,
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
            State::Received { .. }
            | State::InDoubt { .. }
            | State::Running { .. }
            | State::Judged { .. }
            | State::Ended { .. }
            | State::Orphaned { .. }
            | State::Settled => self,
        }
    }

    /// The kind of state.
    pub fn stage(&self) -> Stage {
        match self {
            State::Received { .. } => Stage::Received,
            State::Submitting { .. } => Stage::Submitting,
            State::InDoubt { .. } => Stage::InDoubt,
            State::Running { .. } => Stage::Running,
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
            State::Received { attempt }
            | State::Submitting { attempt, .. }
            | State::InDoubt { attempt, .. } => Some(&attempt.run),
            State::Running { run } | State::Judged { run, .. } | State::Orphaned { run } => Some(run),
            State::Ended { leftover, .. } => leftover.as_ref(),
            State::Settled => None,
        }
    }
}

/// What becomes of a running job whose execution no longer waits (`on_abort`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnAbort {
    /// Kill it.
    Kill,
    /// Let it run to its end, unwatched.
    Leave,
}

/// What happened.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// The input is good, Livy answers and a submit slot is ours.
    Ready {
        /// The moment that counts as the beginning of the POST.
        at: Timestamp,
        /// How long Livy had kept the task waiting before.
        held: Option<Hold>,
    },
    /// Livy has the run.
    Submitted(Run),
    /// Livy refuses it for good, and nothing was started.
    Refused(Failure),
    /// Livy surely did not take it and may do so later. Without a hold it was not Livy that kept the task from going on.
    NotNow(Option<Hold>),
    /// Livy may have taken it.
    Unsure {
        /// Livy answered the POST.
        answered: bool,
        /// What it said, or how the connection was lost.
        words: String,
    },
    /// What was in doubt exists.
    Found(Run),
    /// What was in doubt surely does not exist and never will.
    Absent,
    /// More is known about the run.
    Learned(Run),
    /// YARN's final word was heard.
    Judged {
        /// The run, its application known.
        run: Run,
        /// The word.
        word: Box<FinalWord>,
    },
    /// What there is to say about a judged run was gathered.
    Gathered(Outcome),
    /// It is settled what to tell.
    Ended {
        /// What to tell.
        outcome: Outcome,
        /// The run, where an application may live on or still appear.
        leftover: Option<Run>,
    },
    /// Step Functions took the outcome, or says that the task is closed.
    Acknowledged,
    /// Nobody waits for the task any more.
    TokenGone(OnAbort),
    /// The run is dead.
    Killed,
    /// The worker gives the task up, with this failure.
    Stop(Failure),
}

impl Event {
    /// The kind of event, without what is in it, which may be the words of a job.
    pub fn name(&self) -> &'static str {
        match self {
            Event::Ready { .. } => "Ready",
            Event::Submitted(_) => "Submitted",
            Event::Refused(_) => "Refused",
            Event::NotNow(_) => "NotNow",
            Event::Unsure { .. } => "Unsure",
            Event::Found(_) => "Found",
            Event::Absent => "Absent",
            Event::Learned(_) => "Learned",
            Event::Judged { .. } => "Judged",
            Event::Gathered(_) => "Gathered",
            Event::Ended { .. } => "Ended",
            Event::Acknowledged => "Acknowledged",
            Event::TokenGone(_) => "TokenGone",
            Event::Killed => "Killed",
            Event::Stop(_) => "Stop",
        }
    }
}

/// An event that its state does not know. The state is inside, unchanged.
#[derive(Debug)]
pub struct Illegal {
    /// The state as it was.
    pub state: State,
    /// What does not fit.
    pub event: Event,
}

/// The state that follows.
///
/// # Errors
/// [`Illegal`] where the event does not fit; the caller logs it and keeps the state.
pub fn next(state: State, event: Event) -> Result<State, Box<Illegal>> {
    use Event as E;
    use State as S;
    let next = match (state, event) {
        (S::Received { attempt }, E::Ready { at, held }) => {
            S::Submitting { attempt: attempt.held_by(held), since: at }
        }
        // Nothing was submitted, so nothing can be left over.
        (S::Received { .. }, E::Ended { outcome, .. }) => S::Ended { outcome, leftover: None },
        (S::Received { .. }, E::TokenGone(_)) => S::Settled,
        (S::Received { .. }, E::Stop(failure)) => ended(failure, None),

        (S::Submitting { .. }, E::Submitted(run)) => S::Running { run },
        (S::Submitting { .. }, E::Refused(failure)) => ended(failure, None),
        (S::Submitting { attempt, .. }, E::NotNow(hold)) => S::Received { attempt: attempt.held_by(hold) },
        (S::Submitting { attempt, since }, E::Unsure { answered, words }) => {
            S::InDoubt { attempt: attempt.held_by(Some(Hold { since, words })), since, answered }
        }
        // A POST that may be out is always killed, whatever `on_abort` says: nobody would know that it runs.
        (S::Submitting { attempt, .. } | S::InDoubt { attempt, .. }, E::TokenGone(_)) => {
            S::Orphaned { run: attempt.run }
        }
        (S::Submitting { attempt, .. } | S::InDoubt { attempt, .. }, E::Stop(failure)) => {
            ended(failure, Some(attempt.run))
        }

        (S::InDoubt { .. }, E::Found(run)) => S::Running { run },
        // What Livy last said stays with the attempt, and so does the time from which its patience counts.
        (S::InDoubt { attempt, .. }, E::Absent) => S::Received { attempt },
        (S::InDoubt { .. } | S::Running { .. }, E::Ended { outcome, leftover }) => {
            S::Ended { outcome, leftover }
        }

        (S::Running { .. }, E::Learned(run)) => S::Running { run },
        (S::Running { .. }, E::Judged { run, word }) => S::Judged { run, word },
        (S::Running { .. }, E::TokenGone(OnAbort::Leave)) => S::Settled,
        (S::Running { run }, E::TokenGone(OnAbort::Kill)) => S::Orphaned { run },
        (S::Running { run }, E::Stop(failure)) => ended(failure, Some(run)),

        (S::Judged { run, word }, E::Gathered(outcome)) => {
            S::Ended { outcome, leftover: word.doubled.then_some(run) }
        }
        (S::Judged { run, word }, E::TokenGone(_)) if word.doubled => S::Orphaned { run },
        (S::Judged { .. }, E::TokenGone(_)) => S::Settled,

        (S::Ended { leftover, .. }, E::Acknowledged | E::TokenGone(_)) => match leftover {
            Some(run) => S::Orphaned { run },
            None => S::Settled,
        },

        (S::Orphaned { .. }, E::Learned(run)) => S::Orphaned { run },
        (S::Orphaned { .. }, E::Killed) => S::Settled,

        // The token of these is spent already, and what is settled or being killed needs no giving up.
        (state @ (S::Orphaned { .. } | S::Settled), E::TokenGone(_) | E::Stop(_)) => state,
        (state @ (S::Judged { .. } | S::Ended { .. }), E::Stop(_)) => state,

        (state, event) => return Err(Box::new(Illegal { state, event })),
    };
    Ok(next)
}

fn ended(failure: Failure, leftover: Option<Run>) -> State {
    State::Ended { outcome: Outcome::Failed(Box::new(failure)), leftover }
}

#[cfg(test)]
mod tests;
