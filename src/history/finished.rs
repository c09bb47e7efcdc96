//! What is remembered of a task that has ended: whose it was, how it ended, its root cause and its cost. Nothing of its
//! input, its token or its output.

use serde::{Deserialize, Serialize};

use crate::cloudformation::errand::whose;
use crate::job::Task;
use crate::job::machine::Run;
use crate::job::report::{Cost, Failure, Outcome, Reached, Success, clip};
use crate::job::timestamp::Timestamp;
use crate::printable::printable;

/// The end of a task for which nobody waited any more before it had an outcome.
const ABORTED: &str = "aborted";
/// The most UTF-16 units of a root cause.
const LONGEST_CAUSE: usize = 300;
/// The most UTF-16 units of a name that an input brings: more than an ARN has.
const LONGEST_NAME: usize = 512;

/// A task that has ended. What is not known is `null`. Times are RFC 3339 in UTC.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Finished {
    /// Its id.
    pub task: String,
    /// The execution, if its input named it.
    pub execution: Option<String>,
    /// The activity's ARN; empty where a stack waited for it.
    pub activity: String,
    /// The stack's ARN, of a task that a stack waited for.
    pub stack: Option<String>,
    /// What the stack's template calls the resource.
    pub resource: Option<String>,
    /// The batch's or session's name.
    pub job: Option<String>,
    /// `succeeded`; `reached`, where less than the job's end was waited for; `aborted`, where nobody waited any more; or
    /// the error's name.
    pub outcome: String,
    /// The sentence of a failure that a person would point at: printable, masked, at most 300 characters.
    pub root_cause: Option<String>,
    /// How many Spark jobs failed in a success, where some did and Spark was asked.
    pub failed_jobs: Option<u64>,
    /// Whose word the outcome is.
    pub verdict_source: Option<String>,
    /// Livy's number of the batch.
    pub batch: Option<u64>,
    /// Livy's number of the session.
    pub session: Option<u64>,
    /// YARN's id.
    pub application: Option<String>,
    /// When the task was received.
    pub received: Option<String>,
    /// When its outcome was acknowledged, or nobody waited any more.
    pub ended: String,
    /// Whole seconds from the one to the other.
    pub seconds: Option<u64>,
    /// Seconds from the submission to the launch, by YARN's clock.
    pub queued_seconds: Option<f64>,
    /// Seconds from then to the end, by YARN's clock.
    pub run_seconds: Option<f64>,
    /// Memory in MiB times seconds, by YARN's count.
    pub memory_seconds: Option<u64>,
    /// Virtual cores times seconds, by YARN's count.
    pub vcore_seconds: Option<u64>,
}

impl Finished {
    /// A task, its run as far as it was known, and its outcome; none where nobody waited for one any more.
    pub fn of(task: &Task, run: Option<&Run>, outcome: Option<&Outcome>) -> Finished {
        let whose = task.document.as_ref().and_then(|document| whose(&document.form));
        let (stack, resource) = whose.map(|whose| (whose.stack, whose.logical)).unzip();
        let known = Finished {
            task: task.id.clone(),
            execution: task.execution.as_deref().map(|execution| clip(execution, LONGEST_NAME)),
            activity: task.activity.as_ref().to_owned(),
            stack,
            resource,
            job: run.and_then(|run| job(&run.name)),
            outcome: outcome.map_or(ABORTED, Outcome::label).to_owned(),
            batch: run.and_then(Run::batch),
            session: run.and_then(Run::session),
            application: run.and_then(|run| run.application.clone()),
            ..Finished::default()
        };
        match outcome {
            Some(Outcome::Succeeded(success)) => known.succeeding(success),
            Some(Outcome::Failed(failure)) => known.failing(failure),
            Some(Outcome::Reached(reached)) => known.reaching(reached),
            None => known,
        }
    }

    /// The same, with its times.
    #[must_use]
    pub fn from_to(mut self, received: Timestamp, ended: Timestamp) -> Finished {
        let is_known = received > Timestamp(0);
        self.received = is_known.then(|| received.rfc3339());
        self.ended = ended.rfc3339();
        self.seconds = is_known.then(|| ended.millis_since(received)).flatten().map(|millis| millis / 1_000);
        self
    }

    /// Whether it came to what was waited for.
    pub fn is_good(&self) -> bool {
        matches!(self.outcome.as_str(), "succeeded" | "reached")
    }

    fn succeeding(self, success: &Success) -> Finished {
        let seconds = |millis: Option<u64>| millis.map(|millis| (millis as f64) / 1_000.0);
        Finished {
            job: job(&success.name).or(self.job),
            failed_jobs: Some(success.failed_jobs).filter(|jobs| *jobs > 0),
            verdict_source: Some(success.verdict_source.as_str().to_owned()),
            batch: success.batch_id.or(self.batch),
            session: success.spoken.as_ref().and_then(|spoken| spoken.session).or(self.session),
            application: success.application_id.clone().or(self.application),
            queued_seconds: seconds(success.queued_millis),
            run_seconds: seconds(success.run_millis),
            ..self
        }
        .costing(success.cost)
    }

    fn failing(self, failure: &Failure) -> Finished {
        Finished {
            root_cause: failure.sentence().map(|cause| clip(&printable(&cause), LONGEST_CAUSE)),
            verdict_source: Some(failure.verdict_source.as_str().to_owned()),
            batch: failure.batch_id.or(self.batch),
            session: failure.stopped.as_ref().and_then(|stopped| stopped.session).or(self.session),
            application: failure.application_id.clone().or(self.application),
            ..self
        }
        .costing(failure.cost)
    }

    fn reaching(self, reached: &Reached) -> Finished {
        Finished {
            job: job(&reached.name).or(self.job),
            batch: reached.batch_id.or(self.batch),
            application: reached.application_id.clone().or(self.application),
            ..self
        }
    }

    fn costing(self, cost: Cost) -> Finished {
        Finished { memory_seconds: cost.memory_seconds, vcore_seconds: cost.vcore_seconds, ..self }
    }
}

/// A name, where there is one.
fn job(name: &str) -> Option<String> {
    (!name.is_empty()).then(|| clip(name, LONGEST_NAME))
}
