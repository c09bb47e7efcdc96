//! The names under which a job fails, and which of them are worth a Retry.

/// What `Retry` and `Catch` match on. These names are a promise: state machines contain them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorName {
    /// The input is wrong.
    InvalidInput,
    /// Livy refuses the batch for good.
    Rejected,
    /// spark-submit ended, or ran too long, without an application.
    SubmitFailed,
    /// The application failed.
    Failed,
    /// The application was killed for its memory.
    OutOfMemory,
    /// The driver's node was lost or taken.
    NodeLost,
    /// Somebody killed the application.
    Killed,
    /// A statement raised an exception.
    StatementFailed,
    /// The result of statements is larger than a result may be.
    ResultTooLarge,
    /// What a session answers cannot be trusted, or it answers nothing any more.
    SessionBroken,
    /// A session never took statements.
    SessionFailed,
    /// The application waited in YARN's queue for longer than it was to, and was taken out of it.
    QueueTimeout,
    /// What became of the job cannot be known any more.
    Lost,
    /// Livy stayed unreachable or full for too long, and nothing was submitted.
    LivyUnavailable,
    /// The worker is going down and gives the task back.
    ClusterTerminating,
    /// The worker cannot keep its promises.
    WorkerFault,
    /// The job had not come as far as it was waited for when the time was over.
    StillRunning,
    /// A newer request came first.
    Superseded,
    /// What was to be ended still lives when the time is over.
    NotStopped,
}

impl ErrorName {
    /// Those that only a task without a token ends with: no state machine sees them.
    pub const OF_DOCUMENTS: [ErrorName; 3] =
        [ErrorName::StillRunning, ErrorName::Superseded, ErrorName::NotStopped];

    /// The error of a name, of both kinds.
    pub fn of(name: &str) -> Option<ErrorName> {
        let known = ErrorName::ALL.into_iter().chain(ErrorName::OF_DOCUMENTS);
        known.into_iter().find(|known| known.as_str() == name)
    }

    /// Every name that a state machine sees, in the order of the README.
    pub const ALL: [ErrorName; 16] = [
        ErrorName::InvalidInput,
        ErrorName::Rejected,
        ErrorName::SubmitFailed,
        ErrorName::Failed,
        ErrorName::OutOfMemory,
        ErrorName::NodeLost,
        ErrorName::Killed,
        ErrorName::StatementFailed,
        ErrorName::ResultTooLarge,
        ErrorName::SessionBroken,
        ErrorName::SessionFailed,
        ErrorName::QueueTimeout,
        ErrorName::Lost,
        ErrorName::LivyUnavailable,
        ErrorName::ClusterTerminating,
        ErrorName::WorkerFault,
    ];

    /// The name on the wire, at most 256 characters.
    pub fn as_str(self) -> &'static str {
        match self {
            ErrorName::InvalidInput => "SparkJob.InvalidInput",
            ErrorName::Rejected => "SparkJob.Rejected",
            ErrorName::SubmitFailed => "SparkJob.SubmitFailed",
            ErrorName::Failed => "SparkJob.Failed",
            ErrorName::OutOfMemory => "SparkJob.OutOfMemory",
            ErrorName::NodeLost => "SparkJob.NodeLost",
            ErrorName::Killed => "SparkJob.Killed",
            ErrorName::StatementFailed => "SparkJob.StatementFailed",
            ErrorName::ResultTooLarge => "SparkJob.ResultTooLarge",
            ErrorName::SessionBroken => "SparkJob.SessionBroken",
            ErrorName::SessionFailed => "SparkJob.SessionFailed",
            ErrorName::QueueTimeout => "SparkJob.QueueTimeout",
            ErrorName::Lost => "SparkJob.Lost",
            ErrorName::LivyUnavailable => "SparkJob.LivyUnavailable",
            ErrorName::ClusterTerminating => "SparkJob.ClusterTerminating",
            ErrorName::WorkerFault => "SparkJob.WorkerFault",
            ErrorName::StillRunning => "SparkJob.StillRunning",
            ErrorName::Superseded => "SparkJob.Superseded",
            ErrorName::NotStopped => "SparkJob.NotStopped",
        }
    }

    /// Whether a state machine gains by trying again.
    pub fn retry(self) -> Retry {
        match self {
            ErrorName::NodeLost
            | ErrorName::LivyUnavailable
            | ErrorName::ClusterTerminating
            | ErrorName::WorkerFault
            | ErrorName::NotStopped => Retry::Yes,
            ErrorName::SubmitFailed
            | ErrorName::QueueTimeout
            | ErrorName::Lost
            | ErrorName::SessionBroken
            | ErrorName::SessionFailed => Retry::ByChoice,
            ErrorName::InvalidInput
            | ErrorName::Rejected
            | ErrorName::Failed
            | ErrorName::OutOfMemory
            | ErrorName::Killed
            | ErrorName::StatementFailed
            | ErrorName::ResultTooLarge
            | ErrorName::StillRunning
            | ErrorName::Superseded => Retry::No,
        }
    }
}

/// Whether an error is worth a Retry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// Another try can end well, and no job runs twice by it.
    Yes,
    /// The author of the state machine must know whether the job may run again.
    ByChoice,
    /// The same input comes to the same end.
    No,
}
