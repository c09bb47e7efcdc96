//! The promises, and what the ledger knows of each task.

use spark_job_worker::job::machine::Stage;
use spark_job_worker::job::report::Outcome;

use crate::plan::Millis;

/// A promise that can be broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Invariant {
    /// A token has one application at most, ever.
    OneApplication,
    /// Of applications with one tag that a worker was shown all but one die.
    DoublesDie,
    /// A job is submitted with the input of its own task.
    OwnInput,
    /// An outcome is one of those that are true.
    TrueOutcome,
    /// A token is told one outcome.
    OneOutcome,
    /// What was recorded as the end is not changed.
    EndIsFinal,
    /// An outcome is recorded before it is told.
    RecordedBeforeTold,
    /// A POST is recorded before it is sent.
    RecordedBeforePost,
    /// What could not be written is written once the disk takes it.
    WrittenOnceItCan,
    /// YARN's final word counts at once, whatever Livy says.
    YarnDecides,
    /// A token is never silent for longer than its HeartbeatSeconds while Step Functions answers and the worker runs.
    NeverSilent,
    /// A task is forgotten only once it is answered or its token is dead.
    NotForgotten,
    /// An application is dead within the kill rules once its token's death could be known.
    DeadInTime,
    /// A job that was not given a container is taken out of the queue within its time and the kill rules.
    OutOfQueueInTime,
    /// Nothing of a run lives when its task is let go.
    NothingLeft,
    /// Nothing of a run appears after its task was let go.
    NothingAppears,
    /// No POST begins after the worker was told to drain.
    NoPostInDrain,
    /// Never more jobs at once than the larger of places and resumed ones.
    Places,
    /// Places and slots are all returned.
    PlacesReturned,
    /// No entry is left over.
    NoEntryLeft,
    /// A run comes to its end.
    ComesToAnEnd,
    /// No loop of a job panics.
    NoPanic,
}

/// What is known of one task, across lives.
#[derive(Debug, Default)]
pub(crate) struct Facts {
    /// Its id, once a worker knows it.
    pub(crate) task: String,
    /// This life of the worker has it.
    pub(crate) held: bool,
    /// What is on disk.
    pub(crate) kept: Option<Stage>,
    /// An application of its run is on disk: whatever happens, no other one is taken for it.
    pub(crate) keeps_id: bool,
    /// Where this life's job stands.
    pub(crate) stage: Option<Stage>,
    /// What it ends with, and whether that is on disk.
    pub(crate) decided: Option<(Outcome, bool)>,
    /// States of it that the disk did not take: one before a POST, and an end, since the last write that was taken.
    pub(crate) unwritten_before_post: bool,
    pub(crate) unwritten_end: bool,
    /// When its last POST was recorded, before it began.
    pub(crate) posted: Option<Millis>,
    /// How often a spark-submit was started for it.
    pub(crate) submits: u32,
    pub(crate) refused_post: bool,
    /// Livy's final words, as they were told.
    pub(crate) livy_said: [bool; 3],
    /// Livy's records showed an application in this life.
    pub(crate) livy_showed: bool,
    /// How often YARN showed it an application in this life. A list can come while its job does not look.
    pub(crate) yarn_showed: u32,
    /// The application of its run, once this life of the worker knows it.
    pub(crate) knows: Option<String>,
    /// A DELETE was said to be done and killed nothing.
    pub(crate) in_vain: bool,
    /// It has more than one application, by a YARN that hid the first one from a worker that knew no id.
    pub(crate) left: bool,
    /// Its run is left alone (`on_abort`).
    pub(crate) spared: bool,
    /// Its application was to be taken out of YARN's queue.
    pub(crate) withdrawn: bool,
    /// A bug has ended its loop.
    pub(crate) broke: bool,
    /// Its entry became unreadable.
    pub(crate) corrupt: bool,
    /// So many reports were refused for good.
    pub(crate) refused: u32,
    /// Nothing of the outcome is taken any more.
    pub(crate) hopeless: bool,
    /// Its task was let go.
    pub(crate) forgotten: bool,
    /// For so long it could have been beaten without a break.
    pub(crate) beatable: Millis,
    /// For so long its run could have been killed.
    pub(crate) killable: Millis,
    /// For so long two of its applications were there to be seen.
    pub(crate) doubled: Millis,
    /// For so long this life could have seen its application wait in the queue.
    pub(crate) queued: Millis,
    /// For so long what was to be taken out of the queue could have been killed.
    pub(crate) removable: Millis,
    /// For so long YARN's final word was there to be heard.
    pub(crate) judgeable: Millis,
    /// For so long YARN has shown an application of its to whoever asks.
    pub(crate) visible: Millis,
    /// For so long the disk could have taken what it does not have.
    pub(crate) unwritten: Millis,
}

impl Facts {
    /// What a life of the worker knew ends with it.
    pub(crate) fn end_life(&mut self) {
        (self.held, self.stage) = (false, None);
        (self.livy_showed, self.yarn_showed, self.knows) = (false, 0, None);
        (self.beatable, self.killable, self.doubled, self.judgeable, self.visible) = (0, 0, 0, 0, 0);
        (self.unwritten, self.queued, self.removable) = (0, 0, 0);
    }
}

/// The first promise that was broken.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    pub(crate) broken: Option<(Invariant, String)>,
}
