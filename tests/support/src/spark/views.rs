//! What Spark shows of an application.

use serde_json::{Value, json};

use crate::http::Answer;

/// Stands for every application.
pub(super) const ANY: &str = "*";

pub(super) fn answer(status: u16, body: &Value) -> Answer {
    Answer::new(status, "application/json", body.to_string())
}

/// How it says no about an application.
pub(super) fn refusal(text: &str) -> Answer {
    Answer::new(404, "text/plain", text.to_owned())
}

/// How Jersey says no, which knows no such place, and no such value of a parameter.
pub(super) fn nowhere() -> Answer {
    let page = "<html>\n<head>\n<title>Error 404 Not Found</title>\n</head>\n<body><h2>HTTP ERROR 404 Not Found</h2>\n</body>\n</html>\n";
    Answer::new(404, "text/html;charset=iso-8859-1", page)
}

/// An application, as its event log has it.
#[derive(Clone, Debug)]
pub struct Application {
    attempt: Option<String>,
    completed: bool,
    jobs: Vec<Value>,
    stages: Vec<Value>,
    tasks: Vec<(u64, u64, Value)>,
}

impl Default for Application {
    fn default() -> Self {
        let attempt = Some("1".to_owned());
        Self { attempt, completed: true, jobs: Vec::new(), stages: Vec::new(), tasks: Vec::new() }
    }
}

/// A task that failed as often as it may, and its job with it.
#[derive(Clone, Debug)]
pub struct FailedTask {
    /// The job's number.
    pub job: u64,
    /// The stage's number.
    pub stage: u64,
    /// Its place in the stage.
    pub index: u64,
    /// The last executor on which it was tried.
    pub executor: String,
    /// That executor's host.
    pub host: String,
    /// What it said.
    pub words: String,
}

impl FailedTask {
    /// A task of job 1 and stage 4 on executor 2.
    pub fn saying(words: &str) -> Self {
        let (executor, host) = ("2".to_owned(), "ip-10-0-0-7.ec2.internal".to_owned());
        Self { job: 1, stage: 4, index: 3, executor, host, words: words.to_owned() }
    }

    fn reason(&self) -> String {
        let FailedTask { stage, index, executor, host, words, .. } = self;
        format!(
            "Job aborted due to stage failure: Task {index} in stage {stage}.0 failed 4 times, most recent failure: Lost \
             task {index}.3 in stage {stage}.0 (TID 9) ({host} executor {executor}): {words}\n\nDriver stacktrace:"
        )
    }
}

impl Application {
    /// Outside of YARN's cluster mode there are no tries.
    #[must_use]
    pub fn without_tries(self) -> Self {
        Self { attempt: None, ..self }
    }

    /// Its log has not come to its end.
    #[must_use]
    pub fn incomplete(self) -> Self {
        Self { completed: false, ..self }
    }

    /// A job of two stages ended well.
    #[must_use]
    pub fn succeeding(mut self, job: u64) -> Self {
        let stage = job * 2;
        self.jobs.push(job_view(job, "SUCCEEDED", &[stage, stage + 1]));
        self.stages.push(stage_view(stage, "COMPLETE", None));
        self.stages.push(stage_view(stage + 1, "COMPLETE", None));
        self
    }

    /// A job failed over a task.
    #[must_use]
    pub fn failing(self, task: &FailedTask) -> Self {
        self.failing_because(task, Some(&task.reason()))
    }

    /// A job failed, and its stage says why in other words, or in none.
    #[must_use]
    pub fn failing_because(mut self, task: &FailedTask, reason: Option<&str>) -> Self {
        self.jobs.push(job_view(task.job, "FAILED", &[task.stage]));
        self.stages.push(stage_view(task.stage, "FAILED", reason));
        self.tasks.push((task.stage, 0, task_view(task, 0, "SUCCESS", None)));
        self.tasks.extend(
            (0..4).map(|number| (task.stage, 0, task_view(task, number, "FAILED", Some(&task.words)))),
        );
        self
    }

    pub(super) fn attempt(&self) -> Option<&str> {
        self.attempt.as_deref()
    }

    /// The newest first.
    pub(super) fn jobs(&self) -> Vec<Value> {
        self.jobs.iter().rev().cloned().collect()
    }

    pub(super) fn stages(&self) -> Vec<Value> {
        self.stages.iter().rev().cloned().collect()
    }

    pub(super) fn tasks(&self, stage: u64, number: u64) -> Vec<Value> {
        let of = self.tasks.iter().filter(|(of, tried, _)| (*of, *tried) == (stage, number));
        of.map(|(_, _, view)| view.clone()).collect()
    }

    pub(super) fn view(&self, id: &str) -> Value {
        let mut attempt = json!({
            "startTime": "2026-11-27T10:00:00.000GMT", "endTime": "2026-11-27T10:01:00.000GMT",
            "lastUpdated": "2026-11-27T10:01:05.000GMT", "duration": 60_000, "sparkUser": "hadoop",
            "completed": self.completed, "appSparkVersion": "3.5.6", "startTimeEpoch": 1_795_773_600_000_u64,
        });
        if let Some(number) = &self.attempt {
            attempt["attemptId"] = json!(number);
        }
        json!({ "id": id, "name": "etl", "attempts": [attempt] })
    }
}

fn job_view(id: u64, status: &str, stages: &[u64]) -> Value {
    json!({
        "jobId": id, "name": "collect at etl.py:12", "submissionTime": "2026-11-27T10:00:10.000GMT",
        "stageIds": stages, "status": status, "numTasks": 4, "numActiveTasks": 0, "numCompletedTasks": 3,
        "numSkippedTasks": 0, "numFailedTasks": 4, "numKilledTasks": 0, "numCompletedIndices": 3,
        "numActiveStages": 0, "numCompletedStages": 0, "numSkippedStages": 0, "numFailedStages": 1,
        "killedTasksSummary": {},
    })
}

fn stage_view(id: u64, status: &str, reason: Option<&str>) -> Value {
    let mut view = json!({
        "status": status, "stageId": id, "attemptId": 0, "numTasks": 4, "numActiveTasks": 0, "numCompleteTasks": 3,
        "numFailedTasks": if status == "FAILED" { 4 } else { 0 }, "numKilledTasks": 0, "executorRunTime": 420,
        "name": "collect at etl.py:12", "details": "org.apache.spark.api.python.PythonRDD.collectAndServe",
        "schedulingPool": "default", "rddIds": [1], "accumulatorUpdates": [], "killedTasksSummary": {},
    });
    if let Some(reason) = reason {
        view["failureReason"] = json!(reason);
    }
    view
}

fn task_view(task: &FailedTask, number: u64, status: &str, words: Option<&str>) -> Value {
    let index = if status == "FAILED" { task.index } else { 0 };
    let mut view = json!({
        "taskId": 5 + number, "index": index, "attempt": number, "partitionId": index,
        "launchTime": "2026-11-27T10:00:11.000GMT", "duration": 40, "executorId": task.executor, "host": task.host,
        "status": status, "taskLocality": "PROCESS_LOCAL", "speculative": false, "accumulatorUpdates": [],
        "executorLogs": {}, "schedulerDelay": 0, "gettingResultTime": 0,
    });
    if let Some(words) = words {
        view["errorMessage"] = json!(words);
    }
    view
}
