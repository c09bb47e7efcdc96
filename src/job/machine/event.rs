//! What can happen to a task.

use serde::{Deserialize, Serialize};

use super::super::report::{Failure, Outcome};
use super::super::timestamp::Timestamp;
use super::run::{FinalWord, Hold, Run};
use super::state::State;

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
        reason: String,
    },
    /// What was in doubt exists.
    Found(Run),
    /// What was in doubt surely does not exist and never will.
    Absent,
    /// More is known about the run.
    Learned(Run),
    /// Its application has waited in YARN's queue for as long as it was to.
    Overdue,
    /// It does not wait there any more, or nobody can say what it does: it is followed on.
    LeftQueue,
    /// The session takes statements.
    Opened,
    /// Livy has the step that is said, under this number.
    Said(u64),
    /// The step ended well, and it is not the last; the number is the first that the next one can have.
    Confirmed(u64),
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
            Event::Overdue => "Overdue",
            Event::LeftQueue => "LeftQueue",
            Event::Opened => "Opened",
            Event::Said(_) => "Said",
            Event::Confirmed(_) => "Confirmed",
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
