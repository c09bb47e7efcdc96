//! What the fourth format has beside the third.

use super::*;
use crate::job::report;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct FailedStage {
    stage: u64,
    attempt: u64,
    name: String,
    job: Option<u64>,
    task: Option<u64>,
    executor: Option<String>,
    host: Option<String>,
    reason: String,
}

/// No number is written where the third format has none.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
pub(super) fn is_none(jobs: &u64) -> bool {
    *jobs == 0
}

impl EntryV3 {
    /// Whether anything is in it that Spark said of failed jobs and stages, which the third format has no place for.
    pub(in crate::job::journal) fn tells_of_failed_work(&self) -> bool {
        let (State::Ended { outcome, .. } | State::Stopping { then: Then::End(outcome) }) = &self.state
        else {
            return false;
        };
        match outcome {
            Outcome::Succeeded(success) => success.failed_jobs > 0,
            Outcome::Failed(failure) => !failure.failed_stages.is_empty(),
            Outcome::Reached(_) => false,
        }
    }
}

impl From<&report::FailedStage> for FailedStage {
    fn from(stage: &report::FailedStage) -> FailedStage {
        FailedStage {
            stage: stage.stage,
            attempt: stage.attempt,
            name: stage.name.clone(),
            job: stage.job,
            task: stage.task,
            executor: stage.executor.clone(),
            host: stage.host.clone(),
            reason: stage.reason.clone(),
        }
    }
}

impl FailedStage {
    pub(super) fn read(self) -> report::FailedStage {
        report::FailedStage {
            stage: self.stage,
            attempt: self.attempt,
            name: self.name,
            job: self.job,
            task: self.task,
            executor: self.executor,
            host: self.host,
            reason: self.reason,
        }
    }
}
