//! What Spark itself says of an application: which of its jobs and stages failed.
//!
//! It can say less than there was, and nothing of what failed outside of Spark's jobs, so that nothing found proves nothing.

use serde_json::{Map, Value, json};

use super::mask::mask;
use super::{Success, clip, root_cause, units};

/// The most stages that are kept, and told.
pub const MAX_STAGES: usize = 5;
/// The most characters of why a stage failed.
const MAX_REASON: usize = 1_024;
/// The most characters of a name: a stage's is a method and a line of code, but its author may set it.
const MAX_NAME: usize = 200;

/// What failed in an application.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct FailedWork {
    /// Spark has heard of the application's end: nothing will be added.
    pub is_complete: bool,
    /// How many jobs failed.
    pub jobs: u64,
    /// Stages that failed, [`MAX_STAGES`] at most: those of failed jobs first, the newest first.
    pub stages: Vec<FailedStage>,
}

/// One try of a stage that failed.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct FailedStage {
    /// Its number.
    pub stage: u64,
    /// Which try of it.
    pub attempt: u64,
    /// What Spark calls it: `collect at etl.py:12`.
    pub name: String,
    /// The failed job that needed it; none where no job failed over it.
    pub job: Option<u64>,
    /// The task that failed, by its place in the stage.
    pub task: Option<u64>,
    /// The executor on which it ran.
    pub executor: Option<String>,
    /// That executor's host.
    pub host: Option<String>,
    /// Why, in one sentence.
    pub reason: String,
}

impl FailedStage {
    /// Takes why it failed in Spark's words, and keeps the sentence that a person would point at.
    #[must_use]
    pub fn because(self, words: &str) -> FailedStage {
        let said = words.split("\nDriver stacktrace:").next().unwrap_or_default();
        let sentence = root_cause::of_task(said).unwrap_or_else(|| said.trim().to_owned());
        FailedStage { reason: clip(&sentence, MAX_REASON), name: clip(&self.name, MAX_NAME), ..self }
    }

    /// Where it failed and why, in one line.
    pub fn sentence(&self) -> String {
        let FailedStage { stage, attempt, name, reason, .. } = self;
        let task = self.task.map(|task| format!("task {task} of ")).unwrap_or_default();
        let executor = self.executor.as_ref().map(|executor| format!(" on executor {executor}"));
        let host = self.host.as_ref().map(|host| format!(" ({host})")).filter(|_| executor.is_some());
        let place = format!("{}{}", executor.unwrap_or_default(), host.unwrap_or_default());
        mask(&format!("{task}stage {stage}.{attempt} ({name}){place}: {reason}")).into_owned()
    }

    /// Without what looks like a secret.
    pub(super) fn masked(self) -> FailedStage {
        let masked = |text: String| mask(&text).into_owned();
        let FailedStage { name, executor, host, reason, .. } = self;
        let (executor, host) = (executor.map(masked), host.map(masked));
        FailedStage { name: masked(name), executor, host, reason: masked(reason), ..self }
    }

    fn value(&self) -> Value {
        let mut value = json!({ "stage": self.stage, "attempt": self.attempt, "name": self.name });
        let more = [
            ("job", json!(self.job)),
            ("task", json!(self.task)),
            ("executor", json!(self.executor)),
            ("host", json!(self.host)),
            ("reason", json!(self.reason)),
        ];
        for (key, more) in more.into_iter().filter(|(_, more)| !more.is_null()) {
            value[key] = more;
        }
        value
    }
}

/// As many of the stages as so many UTF-16 units of JSON hold, the first ones.
pub(super) fn fitting(stages: &[FailedStage], mut room: usize) -> Vec<Value> {
    let values = stages.iter().map(FailedStage::value);
    let fits = |value: &Value| {
        let left = room.checked_sub(units(&value.to_string()) + 1);
        room = left.unwrap_or_default();
        left.is_some()
    };
    values.take_while(fits).collect()
}

/// Adds what failed in a success to its output.
pub(super) fn add_jobs(map: &mut Map<String, Value>, success: &Success) {
    if success.failed_jobs > 0 {
        map.insert("failedJobs".into(), json!(success.failed_jobs));
    }
}

#[cfg(test)]
mod tests;
