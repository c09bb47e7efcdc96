//! The first format of an entry (version 0.1.0): read, never written.
//!
//! It kept the input as it came and none of the rules that a task was taken under, so what is read here still has to be
//! brought under the rules of its activity ([`Task::upgrade_from_v1`]). `tests/fixtures/journal/v1` has files that 0.1.0 wrote.

use std::time::Duration;

use serde::Deserialize;

use super::Entry;
use crate::job::machine::{self, OnAbort};
use crate::job::report::{self, ErrorName};
use crate::job::timestamp::Timestamp;
use crate::job::token::Token;
use crate::job::{self, Task};

/// The shipped `heartbeat_interval` of 0.1.0.
const HEARTBEAT_INTERVAL: Duration = Duration::from_secs(20);

/// An entry as it stands in the file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EntryV1 {
    task: String,
    token: Option<String>,
    activity: String,
    execution: Option<String>,
    input: String,
    state: State,
}

#[derive(Deserialize)]
enum State {
    Received { attempt: Attempt },
    Submitting { attempt: Attempt, since: u64 },
    InDoubt { attempt: Attempt, since: u64, answered: bool },
    Running { run: Run },
    Ended { outcome: Outcome, leftover: Option<Run> },
    Orphaned { run: Run },
    Settled,
}

#[derive(Deserialize)]
struct Run {
    name: String,
    tag: String,
    batch: Option<u64>,
    application: Option<String>,
    submitted: Option<u64>,
    proxy_user: Option<String>,
}

#[derive(Deserialize)]
struct Hold {
    since: u64,
    words: String,
}

#[derive(Deserialize)]
struct Attempt {
    run: Run,
    held: Option<Hold>,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Source {
    Yarn,
    Livy,
    Worker,
}

#[derive(Deserialize)]
enum Outcome {
    Succeeded(Box<Success>),
    Failed(Box<Failure>),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Success {
    application_id: Option<String>,
    batch_id: Option<u64>,
    name: String,
    verdict_source: Source,
    queued_millis: Option<u64>,
    run_millis: Option<u64>,
    tracking_url: Option<String>,
    driver_log_url: Option<String>,
    execution: Option<String>,
}

#[derive(Deserialize, Default)]
struct DriverLog {
    stderr: Vec<String>,
    stdout: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Failure {
    error: String,
    message: String,
    stage: String,
    batch_id: Option<u64>,
    application_id: Option<String>,
    verdict_source: Source,
    diagnostics: Option<String>,
    log: Vec<String>,
    #[serde(default)]
    driver: DriverLog,
    log_url: Option<String>,
    execution: Option<String>,
}

impl EntryV1 {
    /// What was read; an error in words where a name is none that 0.1.0 had.
    pub(super) fn read(self) -> Result<Entry, String> {
        let task = Task {
            id: self.task,
            token: self.token.map(Token::new),
            document: None,
            activity: self.activity.into(),
            execution: self.execution,
            request: (!self.input.is_empty()).then(|| job::TaskRequest::Unchecked(self.input.into())),
            heartbeat_interval: HEARTBEAT_INTERVAL,
            on_abort: OnAbort::Kill,
            queue_timeout: None,
            received: Timestamp(0),
        };
        Ok(Entry { task, state: self.state.read()?, is_old: true })
    }
}

impl State {
    fn read(self) -> Result<machine::State, String> {
        Ok(match self {
            State::Received { attempt } => machine::State::Received { attempt: attempt.read() },
            State::Submitting { attempt, since } => {
                machine::State::Submitting { attempt: attempt.read(), since: Timestamp(since) }
            }
            State::InDoubt { attempt, since, answered } => {
                machine::State::InDoubt { attempt: attempt.read(), since: Timestamp(since), answered }
            }
            State::Running { run } => machine::State::Running { run: run.read() },
            State::Ended { outcome, leftover } => {
                machine::State::Ended { outcome: outcome.read()?, leftover: leftover.map(Run::read) }
            }
            State::Orphaned { run } => machine::State::Orphaned { run: run.read() },
            State::Settled => machine::State::Settled,
        })
    }
}

impl Run {
    fn read(self) -> machine::Run {
        machine::Run {
            name: self.name,
            tag: self.tag,
            work: machine::Work::Batch,
            number: self.batch.and_then(|number| u32::try_from(number).ok()),
            application: self.application,
            submitted: self.submitted.map(Timestamp),
            proxy_user: self.proxy_user,
        }
    }
}

impl Attempt {
    fn read(self) -> machine::Attempt {
        let held = self.held.map(|hold| machine::Hold { since: Timestamp(hold.since), reason: hold.words });
        machine::Attempt { run: self.run.read(), held }
    }
}

impl From<Source> for report::Source {
    fn from(source: Source) -> report::Source {
        match source {
            Source::Yarn => report::Source::Yarn,
            Source::Livy => report::Source::Livy,
            Source::Worker => report::Source::Worker,
        }
    }
}

impl Outcome {
    fn read(self) -> Result<report::Outcome, String> {
        Ok(match self {
            Outcome::Succeeded(success) => report::Outcome::Succeeded(Box::new(success.read())),
            Outcome::Failed(failure) => report::Outcome::Failed(Box::new(failure.read()?)),
        })
    }
}

impl Success {
    fn read(self) -> report::Success {
        report::Success {
            application_id: self.application_id,
            batch_id: self.batch_id,
            name: self.name,
            verdict_source: self.verdict_source.into(),
            queued_millis: self.queued_millis,
            run_millis: self.run_millis,
            cost: report::Cost::default(),
            tracking_url: self.tracking_url,
            driver_log_url: self.driver_log_url,
            execution: self.execution,
            spoken: None,
            failed_jobs: 0,
        }
    }
}

impl Failure {
    fn read(self) -> Result<report::Failure, String> {
        let wire = format!("SparkJob.{}", self.error);
        let known = ErrorName::ALL.into_iter().find(|name| name.as_str() == wire);
        Ok(report::Failure {
            error: known.ok_or_else(|| format!("it names an error that is not known: {}", self.error))?,
            message: self.message,
            stage: self.stage,
            batch_id: self.batch_id,
            application_id: self.application_id,
            verdict_source: self.verdict_source.into(),
            diagnostics: self.diagnostics,
            log: self.log,
            driver: report::DriverLog { stderr: self.driver.stderr, stdout: self.driver.stdout },
            log_url: self.log_url,
            execution: self.execution,
            cost: report::Cost::default(),
            stopped: None,
            failed_stages: Vec::new(),
        })
    }
}
