//! The states of a task and what each event makes of them.
//!
//! A state has exactly one [`Duty`], and every duty may be performed twice; so recovery is the same loop entered with
//! a state that was read back. [`next`] is the only way from one state to another. An event that does not fit is an
//! [`Illegal`], which gives the state back unchanged. Nothing here knows a clock: times arrive inside events.

use serde::{Deserialize, Serialize};

use super::report::{Failure, Outcome};

/// Wall time in milliseconds since the Unix epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(pub u64);

impl Timestamp {
    /// Milliseconds from `earlier` to here; `None` where the clock was set back in between.
    pub fn millis_since(self, earlier: Timestamp) -> Option<u64> {
        self.0.checked_sub(earlier.0)
    }
}

/// One job on the cluster. Name and tag are fixed before anything is submitted; the rest is learned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// Livy's name of the batch, unique among the batches of this Livy.
    pub name: String,
    /// The YARN tag of the application, in lower case.
    pub tag: String,
    /// Livy's number of the batch. For people: a Livy without recovery counts from 0 again.
    pub batch: Option<u64>,
    /// YARN's id of the application.
    pub application: Option<String>,
    /// When Livy accepted the batch, or when it was found again.
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// The first moment; `livy.patience` counts from here.
    pub since: Timestamp,
    /// Livy's last words, or those of the failed connection.
    pub words: String,
}

/// A run that Livy has not taken yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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

/// Where a task stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
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
            | State::Ended { .. }
            | State::Orphaned { .. }
            | State::Settled => self,
        }
    }

    /// The state's name, as logs and fields show it.
    pub fn name(&self) -> &'static str {
        match self {
            State::Received { .. } => "Received",
            State::Submitting { .. } => "Submitting",
            State::InDoubt { .. } => "InDoubt",
            State::Running { .. } => "Running",
            State::Ended { .. } => "Ended",
            State::Orphaned { .. } => "Orphaned",
            State::Settled => "Settled",
        }
    }

    /// The run that this state is about, if one is left.
    pub fn run(&self) -> Option<&Run> {
        match self {
            State::Received { attempt }
            | State::Submitting { attempt, .. }
            | State::InDoubt { attempt, .. } => Some(&attempt.run),
            State::Running { run } | State::Orphaned { run } => Some(run),
            State::Ended { leftover, .. } => leftover.as_ref(),
            State::Settled => None,
        }
    }

    /// The one thing to do in this state.
    pub fn duty(&self) -> Duty {
        match self {
            State::Received { .. } => Duty::Prepare,
            State::Submitting { .. } => Duty::Submit,
            State::InDoubt { .. } => Duty::Find,
            State::Running { .. } => Duty::Watch,
            State::Ended { .. } => Duty::Report,
            State::Orphaned { .. } => Duty::Kill,
            State::Settled => Duty::Forget,
        }
    }
}

/// What a state obliges to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Duty {
    /// Validate the input, wait for Livy and for a submit slot.
    Prepare,
    /// POST the batch.
    Submit,
    /// Look for what the POST may have left.
    Find,
    /// Follow the run to its end.
    Watch,
    /// Tell Step Functions until it acknowledges.
    Report,
    /// Kill the run and see that it is dead.
    Kill,
    /// Let go of the task.
    Forget,
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
    /// Livy surely did not take it and may do so later.
    NotNow(Hold),
    /// Livy may have taken it.
    Unsure {
        /// Livy answered the POST.
        answered: bool,
    },
    /// What was in doubt exists.
    Found(Run),
    /// What was in doubt surely does not exist and never will.
    Absent(Option<Hold>),
    /// More is known about the run.
    Learned(Run),
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
        (S::Submitting { attempt, .. }, E::NotNow(hold)) => {
            S::Received { attempt: attempt.held_by(Some(hold)) }
        }
        (S::Submitting { attempt, since }, E::Unsure { answered }) => S::InDoubt { attempt, since, answered },
        // A POST that may be out is always killed, whatever `on_abort` says: nobody would know that it runs.
        (S::Submitting { attempt, .. } | S::InDoubt { attempt, .. }, E::TokenGone(_)) => {
            S::Orphaned { run: attempt.run }
        }
        (S::Submitting { attempt, .. } | S::InDoubt { attempt, .. }, E::Stop(failure)) => {
            ended(failure, Some(attempt.run))
        }

        (S::InDoubt { .. }, E::Found(run)) => S::Running { run },
        (S::InDoubt { attempt, .. }, E::Absent(hold)) => S::Received { attempt: attempt.held_by(hold) },
        (S::InDoubt { .. } | S::Running { .. }, E::Ended { outcome, leftover }) => {
            S::Ended { outcome, leftover }
        }

        (S::Running { .. }, E::Learned(run)) => S::Running { run },
        (S::Running { .. }, E::TokenGone(OnAbort::Leave)) => S::Settled,
        (S::Running { run }, E::TokenGone(OnAbort::Kill)) => S::Orphaned { run },
        (S::Running { run }, E::Stop(failure)) => ended(failure, Some(run)),

        (S::Ended { leftover, .. }, E::Acknowledged | E::TokenGone(_)) => match leftover {
            Some(run) => S::Orphaned { run },
            None => S::Settled,
        },

        (S::Orphaned { .. }, E::Learned(run)) => S::Orphaned { run },
        (S::Orphaned { .. }, E::Killed) => S::Settled,

        // The token of these is spent already, and what is settled or being killed needs no giving up.
        (state @ (S::Orphaned { .. } | S::Settled), E::TokenGone(_) | E::Stop(_)) => state,
        (state @ S::Ended { .. }, E::Stop(_)) => state,

        (state, event) => return Err(Box::new(Illegal { state, event })),
    };
    Ok(next)
}

fn ended(failure: Failure, leftover: Option<Run>) -> State {
    State::Ended { outcome: Outcome::Failed(Box::new(failure)), leftover }
}

#[cfg(test)]
mod tests;
