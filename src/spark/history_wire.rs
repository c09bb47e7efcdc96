//! What Spark's own REST interface says, as the history server and a driver's UI write it (`api.scala` of Spark 2.4 to 4).

use serde::Deserialize;

use crate::job::report::{FailedStage, MAX_STAGES};

/// How Spark ends the reason of what ended only because the application did (`DAGScheduler.cleanUpAfterSchedulerStop`).
const SHUT_DOWN: &str = "SparkContext was shut down";

/// `/version`.
#[derive(Debug, Deserialize)]
pub(super) struct Version {
    pub(super) spark: String,
}

/// `/applications/{id}`.
#[derive(Debug, Deserialize)]
pub(super) struct ApplicationView {
    attempts: Vec<AttemptView>,
}

/// One try of an application.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct AttemptView {
    /// YARN's number; none outside of its cluster mode.
    attempt_id: Option<String>,
    #[serde(default)]
    completed: bool,
}

impl ApplicationView {
    /// The last try: what comes after the application's id to ask about it, and whether its log has come to its end.
    pub(super) fn last(&self) -> Option<(String, bool)> {
        let number = |attempt: &&AttemptView| {
            attempt.attempt_id.as_deref().and_then(|id| id.parse::<u32>().ok()).unwrap_or_default()
        };
        let last = self.attempts.iter().max_by_key(number)?;
        let id = last.attempt_id.as_deref().map(|id| format!("/{id}")).unwrap_or_default();
        // It goes into a path.
        let lawful = id.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '/' | '_' | '-'));
        lawful.then_some((id, last.completed))
    }
}

/// One of `/jobs`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct JobView {
    job_id: u64,
    status: String,
    #[serde(default)]
    stage_ids: Vec<u64>,
}

/// One of `/stages`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct StageView {
    status: String,
    stage_id: u64,
    attempt_id: u64,
    #[serde(default)]
    num_failed_tasks: u64,
    /// From Spark 2.3 on.
    failure_reason: Option<String>,
    #[serde(default)]
    name: String,
}

/// One of `/stages/{stage}/{attempt}/taskList`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TaskView {
    task_id: u64,
    index: u64,
    attempt: u64,
    status: String,
    executor_id: Option<String>,
    host: Option<String>,
    error_message: Option<String>,
}

/// A stage that failed, before the task is known that failed in it.
#[derive(Debug)]
pub(super) struct Suspect {
    stage: FailedStage,
    words: String,
    has_failed_tasks: bool,
}

/// Which jobs failed, and the stages to be told of. Neither list needs to be asked for failures alone.
pub(super) fn failed(jobs: &[JobView], stages: Vec<StageView>) -> (u64, Vec<Suspect>) {
    let jobs: Vec<&JobView> = jobs.iter().filter(|job| job.status == "FAILED").collect();
    let is_failed = |stage: &StageView| stage.status == "FAILED";
    let (ended, stages): (Vec<StageView>, Vec<StageView>) =
        stages.into_iter().filter(is_failed).partition(|stage| stage.words().contains(SHUT_DOWN));
    let has = |job: &JobView, stages: &[StageView]| {
        stages.iter().any(|stage| job.stage_ids.contains(&stage.stage_id))
    };
    let failed = jobs.into_iter().filter(|job| has(job, &stages) || !has(job, &ended));
    let failed: Vec<&JobView> = failed.collect();
    let mut suspects: Vec<Suspect> = stages.into_iter().map(|stage| suspect(stage, &failed)).collect();
    // Others of the same job end with it, for a reason that is not theirs.
    suspects.retain(Suspect::is_its_own);
    suspects.sort_by_key(|found| {
        std::cmp::Reverse((found.stage.job.is_some(), found.stage.stage, found.stage.attempt))
    });
    suspects.truncate(MAX_STAGES);
    (u64::try_from(failed.len()).unwrap_or(u64::MAX), suspects)
}

impl StageView {
    fn words(&self) -> &str {
        self.failure_reason.as_deref().unwrap_or_default()
    }
}

fn suspect(view: StageView, failed: &[&JobView]) -> Suspect {
    let needs = failed.iter().filter(|job| job.stage_ids.contains(&view.stage_id));
    let stage = FailedStage {
        stage: view.stage_id,
        attempt: view.attempt_id,
        name: view.name,
        job: needs.map(|job| job.job_id).max(),
        ..FailedStage::default()
    };
    let words = view.failure_reason.unwrap_or_default();
    Suspect { stage, words, has_failed_tasks: view.num_failed_tasks > 0 }
}

impl Suspect {
    /// Whether the stage failed by a task of its own, as far as its reason says.
    fn is_its_own(&self) -> bool {
        LostTask::read(&self.words).is_none_or(|lost| lost.stage == self.stage.stage)
    }

    /// Where the tasks are found that failed, if they must be looked for: what comes after the application's id.
    pub(super) fn tasks(&self) -> Option<String> {
        let unnamed = self.has_failed_tasks && LostTask::read(&self.words).is_none();
        unnamed.then(|| format!("/stages/{}/{}/taskList", self.stage.stage, self.stage.attempt))
    }

    /// What is told of it. Its tasks need not be known, nor be failures alone: before Spark 3.1 all are given.
    pub(super) fn told(self, tasks: Vec<TaskView>) -> FailedStage {
        let Suspect { stage, words, .. } = self;
        if let Some(lost) = LostTask::read(&words) {
            let (executor, host) = (Some(lost.executor.to_owned()), Some(lost.host.to_owned()));
            return FailedStage { task: Some(lost.task), executor, host, ..stage }.because(lost.words);
        }
        let failed = tasks.into_iter().filter(|task| task.status == "FAILED");
        match failed.max_by_key(|task| (task.attempt, task.task_id)) {
            Some(task) => {
                let reason = Some(words).filter(|words| !words.is_empty()).or(task.error_message);
                FailedStage { task: Some(task.index), executor: task.executor_id, host: task.host, ..stage }
                    .because(&reason.unwrap_or_default())
            }
            None => stage.because(&words),
        }
    }
}

/// The last try of a task, as the reason of its stage repeats it (`TaskSetManager.handleFailedTask`): `Lost task 0.3 in
/// stage 1.0 (TID 7) (host executor 1): words`; before Spark 3.1 `(TID 7, host, executor 1)`.
#[derive(Debug, PartialEq)]
struct LostTask<'a> {
    task: u64,
    stage: u64,
    host: &'a str,
    executor: &'a str,
    words: &'a str,
}

impl LostTask<'_> {
    fn read(text: &str) -> Option<LostTask<'_>> {
        let (_, rest) = text.split_once("Lost task ")?;
        let (task, rest) = rest.split_once(" in stage ")?;
        let (stage, rest) = rest.split_once(" (TID ")?;
        let (place, words) = rest.split_once("): ")?;
        let place = place.trim_start_matches(|c: char| c.is_ascii_digit());
        let (host, executor) = place.trim_start_matches([')', ',', ' ', '(']).rsplit_once("executor ")?;
        let host = host.trim_end_matches([',', ' ']);
        let number = |pair: &str| pair.split('.').next()?.parse().ok();
        Some(LostTask { task: number(task)?, stage: number(stage)?, host, executor, words })
    }
}

#[cfg(test)]
mod tests;
