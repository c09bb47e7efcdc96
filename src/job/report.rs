//! What Step Functions is told: output, error and cause, within the service's limits.
//!
//! An [`Outcome`] is settled once and rendered here into [`Answer`]s, best first: where Step Functions refuses one for
//! good, the next is tried. A success never becomes a failure. Causes are cut inside their log lines and never inside
//! a character.

mod cause;
mod error;
mod failed_work;
mod log;
mod mask;
mod reached;
mod refine;
mod root_cause;
mod session;
mod source;
mod told;
mod yarn;

use serde_json::{Map, Value, json};

use cause::cause;
pub use error::{ErrorName, Retry};
pub use failed_work::{FailedStage, FailedWork, MAX_STAGES};
pub use log::LivyLog;
pub(crate) use mask::mask;
pub use reached::Reached;
pub use refine::refine;
pub use session::{Exception, Spoken, Stopped};
pub use source::Source;
pub use yarn::container_ran;

/// The longest `cause` that SendTaskFailure takes, in UTF-16 units (service model: 32,768 characters).
pub const MAX_CAUSE: usize = 32_768;
/// The longest `output` that SendTaskSuccess takes, in bytes of UTF-8 (service model).
pub const MAX_OUTPUT: usize = 262_144;
/// The most characters that one free text of ours (a message, a URL, a line of a log) may have.
const MAX_TEXT: usize = 4_096;
/// The most lines of a log that a failure keeps: more than a cause can hold helps nobody.
const MAX_LINES: usize = 400;
/// The cause that is tried when the full one was refused, in UTF-16 units.
const SHORT_CAUSE: usize = 1_024;

/// How a task ends.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// SendTaskSuccess.
    Succeeded(Box<Success>),
    /// SendTaskFailure.
    Failed(Box<Failure>),
    /// What was waited for is there, and is left alone from now on.
    Reached(Box<Reached>),
}

impl Outcome {
    /// `succeeded`, `reached`, or the error's name: for logs.
    pub fn label(&self) -> &'static str {
        match self {
            Outcome::Succeeded(_) => "succeeded",
            Outcome::Failed(failure) => failure.error.as_str(),
            Outcome::Reached(_) => "reached",
        }
    }
}

/// What a succeeded job has to show.
#[derive(Debug, Clone, PartialEq)]
pub struct Success {
    /// YARN's id; none where Livy runs jobs without YARN.
    pub application_id: Option<String>,
    /// Livy's number of the batch; none of a session.
    pub batch_id: Option<u64>,
    /// The batch's or session's name.
    pub name: String,
    /// Whose word it is.
    pub verdict_source: Source,
    /// Milliseconds from the submission to the launch, by YARN's clock; none where YARN does not say.
    pub queued_millis: Option<u64>,
    /// Milliseconds from then to the end, by YARN's clock.
    pub run_millis: Option<u64>,
    /// Memory and CPU that it used (MiB·s, vcore·s).
    pub cost: Cost,
    /// Where the application can be looked at.
    pub tracking_url: Option<String>,
    /// Where the driver's log is.
    pub driver_log_url: Option<String>,
    /// The execution, if the input named it.
    pub execution: Option<String>,
    /// What statements came to; none of a batch.
    pub spoken: Option<Box<Spoken>>,
    /// How many of Spark's jobs failed in it all the same, as far as Spark was asked and says so.
    pub failed_jobs: u64,
}

/// What a job used, by YARN's count; none where YARN does not say.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Cost {
    /// Memory in MiB times seconds.
    pub memory_seconds: Option<u64>,
    /// Virtual cores times seconds.
    pub vcore_seconds: Option<u64>,
}

/// What a driver wrote. In YARN's cluster mode a Python job's traceback is in its stdout, Spark's own words in its stderr.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct DriverLog {
    /// The last lines of its stderr.
    pub stderr: Vec<String>,
    /// The last lines of its stdout.
    pub stdout: Vec<String>,
}

impl DriverLog {
    /// Nothing was found.
    pub fn is_empty(&self) -> bool {
        self.stderr.is_empty() && self.stdout.is_empty()
    }
}

fn last_lines(lines: Vec<String>) -> Vec<String> {
    let skip = lines.len().saturating_sub(MAX_LINES);
    lines.into_iter().skip(skip).map(|line| clip(&line, MAX_TEXT)).collect()
}

/// Why a job failed.
#[derive(Debug, Clone, PartialEq)]
pub struct Failure {
    /// The name that `Retry` and `Catch` see.
    pub error: ErrorName,
    /// One sentence for a person.
    pub message: String,
    /// In which state the task was.
    pub stage: String,
    /// Livy's number of the batch, once known.
    pub batch_id: Option<u64>,
    /// YARN's id, once known.
    pub application_id: Option<String>,
    /// Whose word it is.
    pub verdict_source: Source,
    /// YARN's diagnostics as Livy repeats them.
    pub diagnostics: Option<String>,
    /// The last lines of Livy's log: on YARN what spark-submit said.
    pub log: Vec<String>,
    /// The last lines of what the driver wrote.
    pub driver: DriverLog,
    /// Where the driver's log is.
    pub log_url: Option<String>,
    /// The execution, if the input named it.
    pub execution: Option<String>,
    /// Memory and CPU that it used (MiB·s, vcore·s).
    pub cost: Cost,
    /// Where the statements were; none of a batch.
    pub stopped: Option<Box<Stopped>>,
    /// What failed in it, as far as Spark was asked and says so.
    pub failed_stages: Vec<FailedStage>,
}

impl Failure {
    /// A failure of which only the name, the sentence and the stage are known.
    pub fn new(error: ErrorName, stage: &str, message: impl Into<String>) -> Failure {
        Failure {
            error,
            message: clip(&mask(&message.into()), MAX_CAUSE / 2),
            stage: stage.to_owned(),
            batch_id: None,
            application_id: None,
            verdict_source: Source::Worker,
            diagnostics: None,
            log: Vec::new(),
            driver: DriverLog::default(),
            log_url: None,
            execution: None,
            cost: Cost::default(),
            stopped: None,
            failed_stages: Vec::new(),
        }
    }

    /// Takes Livy's log: its last lines, and YARN's diagnostics where it has that part.
    #[must_use]
    pub fn with_log(mut self, lines: Vec<String>) -> Failure {
        let log = LivyLog::split(lines);
        self.diagnostics = log.diagnostics;
        self.log = last_lines(log.output);
        self
    }

    /// Takes what the driver wrote.
    #[must_use]
    pub fn with_driver_log(mut self, log: DriverLog) -> Failure {
        self.driver = DriverLog { stderr: last_lines(log.stderr), stdout: last_lines(log.stdout) };
        self
    }
}

/// One call that ends a task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// SendTaskSuccess with this output.
    Success {
        /// JSON text.
        output: String,
    },
    /// SendTaskFailure.
    Failure {
        /// The error's name.
        error: &'static str,
        /// JSON text; the last resort has none, which no encryption key can refuse (service model, SendTaskFailure).
        cause: Option<String>,
    },
}

/// The answers for an outcome, best first. Never empty.
pub fn answers(outcome: &Outcome) -> Vec<Answer> {
    match outcome {
        Outcome::Succeeded(success) if success.spoken.is_some() => {
            let outputs = success.spoken.as_deref().map(|spoken| session::outputs(success, spoken));
            outputs.unwrap_or_default().into_iter().map(|output| Answer::Success { output }).collect()
        }
        Outcome::Succeeded(success) => {
            let full = output(success).to_string();
            let bare =
                json!({"applicationId": success.application_id, "batchId": success.batch_id}).to_string();
            let fits = full.len() <= MAX_OUTPUT;
            fits.then_some(full).into_iter().chain([bare]).map(|output| Answer::Success { output }).collect()
        }
        // Nobody who has a token waits for less than the end.
        Outcome::Reached(reached) => {
            let (application, batch) = (&reached.application_id, reached.batch_id);
            let output = json!({"applicationId": application, "batchId": batch}).to_string();
            vec![Answer::Success { output }]
        }
        Outcome::Failed(failure) => {
            [Some(cause(failure, MAX_CAUSE)), Some(cause(failure, SHORT_CAUSE)), None]
                .map(|cause| Answer::Failure { error: failure.error.as_str(), cause })
                .into()
        }
    }
}

fn output(success: &Success) -> Value {
    let seconds = |millis: Option<u64>| millis.map(|ms| (ms as f64) / 1000.0);
    let mut map = Map::new();
    map.insert("applicationId".into(), json!(success.application_id));
    map.insert("batchId".into(), json!(success.batch_id));
    map.insert("name".into(), json!(success.name));
    map.insert("state".into(), json!("SUCCEEDED"));
    map.insert("verdictSource".into(), json!(success.verdict_source));
    map.insert("queuedSeconds".into(), json!(seconds(success.queued_millis)));
    map.insert("runSeconds".into(), json!(seconds(success.run_millis)));
    map.insert("memorySeconds".into(), json!(success.cost.memory_seconds));
    map.insert("vcoreSeconds".into(), json!(success.cost.vcore_seconds));
    map.insert("trackingUrl".into(), json!(success.tracking_url));
    map.insert("driverLogUrl".into(), json!(success.driver_log_url));
    map.insert("execution".into(), json!(success.execution));
    failed_work::add_jobs(&mut map, success);
    Value::Object(map)
}

fn units(text: &str) -> usize {
    text.chars().map(char::len_utf16).sum()
}

/// The first `limit` UTF-16 units, an ellipsis included where something was cut.
pub fn clip(text: &str, limit: usize) -> String {
    if units(text) <= limit {
        return text.to_owned();
    }
    let mut room = limit.saturating_sub(1);
    let end = text.char_indices().find_map(|(at, c)| match room.checked_sub(c.len_utf16()) {
        Some(rest) => {
            room = rest;
            None
        }
        None => Some(at),
    });
    format!("{}…", &text[..end.unwrap_or(text.len())])
}

#[cfg(test)]
mod tests;
