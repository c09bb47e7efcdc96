//! The second to the fifth format of an entry: contracts with every later version, apart from the types of the machine.
//!
//! The third is the second with sessions, the fourth has what Spark says of failed jobs and stages as well, the fifth how
//! long a job may wait in YARN's queue: an entry without is written as the one before, byte for byte, so that an older
//! version reads it. A change here needs a new format. `tests/fixtures/journal/v2` to `v5` have a file of each kind.

mod convert;
mod failed;
mod outcome;
mod queue;
mod session;

use serde::{Deserialize, Serialize};

use failed::FailedStage;
use session::{Script, Spoken, Step, Stopped};

/// An entry as it stands in the file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct EntryV3 {
    task: String,
    token: Option<String>,
    door: Door,
    execution: Option<String>,
    heartbeat_interval_ms: u64,
    on_abort: Abort,
    received: u64,
    /// From the fifth format on; none where it may wait for ever, or waits no more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    queue_timeout_ms: Option<u64>,
    request: Option<Request>,
    state: State,
}

/// Where a task comes from.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
enum Door {
    /// The ARN of an activity; empty where only the run is known.
    Activity(String),
    /// Where a document goes that answers it, and what it is made from.
    Document(Document),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Document {
    place: String,
    form: String,
    goal: Goal,
    deadline: u64,
    expires: u64,
    adopted: bool,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Goal {
    Submitted,
    Running,
    Succeeded,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Abort {
    Kill,
    Leave,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
enum Request {
    /// What is sent to Livy.
    #[serde(rename_all = "camelCase")]
    Checked { body: Box<str>, proxy_user: Option<Box<str>> },
    /// What is sent to Livy for a session, and what is run in it. From the third format on.
    #[serde(rename_all = "camelCase")]
    Session { body: Box<str>, proxy_user: Option<Box<str>>, script: Script },
    /// What is wrong with it.
    Wrong(Box<str>),
    /// An input of the first format.
    Unchecked(Box<str>),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
enum State {
    Stopping {
        then: Then,
    },
    Received {
        attempt: Attempt,
    },
    Submitting {
        attempt: Attempt,
        since: u64,
    },
    InDoubt {
        attempt: Attempt,
        since: u64,
        answered: bool,
    },
    Running {
        run: Run,
    },
    /// From the fifth format on.
    Withdrawing {
        run: Run,
    },
    /// From the third format on.
    Speaking {
        run: Run,
        number: u64,
    },
    /// From the third format on.
    Listening {
        run: Run,
        number: u64,
    },
    Judged {
        run: Run,
        word: Word,
    },
    Ended {
        outcome: Outcome,
        leftover: Option<Run>,
    },
    Orphaned {
        run: Run,
    },
    Settled,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
enum Then {
    Run(Attempt),
    End(Outcome),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Run {
    name: String,
    tag: String,
    /// Livy's number, of a session as well.
    batch: Option<u64>,
    application: Option<String>,
    submitted: Option<u64>,
    proxy_user: Option<String>,
    /// From the third format on; none of a batch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    session: Option<Step>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Attempt {
    run: Run,
    held: Option<Hold>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Hold {
    since: u64,
    words: String,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum End {
    Succeeded,
    Failed,
    Killed,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Word {
    end: End,
    doubled: bool,
    diagnostics: String,
    started: Option<u64>,
    launched: Option<u64>,
    finished: Option<u64>,
    memory_seconds: Option<u64>,
    vcore_seconds: Option<u64>,
    tracking_url: Option<String>,
    log_url: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Source {
    Yarn,
    Livy,
    /// From the third format on.
    Session,
    Worker,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
enum Outcome {
    Succeeded(Box<Success>),
    Failed(Box<Failure>),
    Reached(Box<Reached>),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Reached {
    application_id: Option<String>,
    batch_id: Option<u64>,
    name: String,
    state: String,
    tracking_url: Option<String>,
    driver_log_url: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Success {
    application_id: Option<String>,
    batch_id: Option<u64>,
    name: String,
    verdict_source: Source,
    queued_ms: Option<u64>,
    run_ms: Option<u64>,
    memory_seconds: Option<u64>,
    vcore_seconds: Option<u64>,
    tracking_url: Option<String>,
    driver_log_url: Option<String>,
    execution: Option<String>,
    /// From the third format on; none of a batch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    spoken: Option<Spoken>,
    /// From the fourth format on; 0 where none is known.
    #[serde(default, skip_serializing_if = "failed::is_none")]
    failed_jobs: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Failure {
    /// The name on the wire: `SparkJob.Failed`.
    error: String,
    message: String,
    stage: String,
    batch_id: Option<u64>,
    application_id: Option<String>,
    verdict_source: Source,
    diagnostics: Option<String>,
    log: Vec<String>,
    driver_stderr: Vec<String>,
    driver_stdout: Vec<String>,
    log_url: Option<String>,
    execution: Option<String>,
    memory_seconds: Option<u64>,
    vcore_seconds: Option<u64>,
    /// From the third format on; none of a batch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    stopped: Option<Stopped>,
    /// From the fourth format on; empty where none is known.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    failed_stages: Vec<FailedStage>,
}
