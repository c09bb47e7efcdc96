//! Answers as Spark 2.4 and 3.5 write them, and what is made of them.

use serde_json::{Value, json};

use super::*;

/// As `TaskSetManager` and `DAGScheduler` word it.
fn aborted(lost: &str, words: &str) -> String {
    format!(
        "Job aborted due to stage failure: Task 3 in stage 5.0 failed 4 times, most recent failure: Lost task 3.3 in \
         stage 5.0 {lost}: {words}\nDriver stacktrace:"
    )
}

fn job(id: u64, status: &str, stages: &[u64]) -> Value {
    json!({ "jobId": id, "name": "collect at etl.py:12", "status": status, "stageIds": stages, "numFailedTasks": 4 })
}

fn stage(id: u64, attempt: u64, reason: Option<&str>) -> Value {
    json!({ "status": "FAILED", "stageId": id, "attemptId": attempt, "numFailedTasks": 4, "failureReason": reason,
            "name": "collect at etl.py:12", "details": "org.apache.spark…", "accumulatorUpdates": [] })
}

fn read(jobs: Value, stages: Value) -> (u64, Vec<FailedStage>) {
    let jobs: Vec<JobView> = serde_json::from_value(jobs).expect("jobs");
    let (count, suspects) = failed(&jobs, serde_json::from_value(stages).expect("stages"));
    (count, suspects.into_iter().map(|suspect| suspect.told(Vec::new())).collect())
}

#[test]
fn a_stages_reason_names_task_executor_and_host_in_each_version() {
    let words = "java.lang.RuntimeException: bad row\n\tat com.example.Etl.f(Etl.java:7)\n\t... 3 more";
    for lost in ["(TID 12) (ip-10-0-0-2 executor 1)", "(TID 12, ip-10-0-0-2, executor 1)"] {
        let (jobs, stages) =
            read(json!([job(2, "FAILED", &[4, 5])]), json!([stage(5, 0, Some(&aborted(lost, words)))]));
        let found = FailedStage {
            stage: 5,
            attempt: 0,
            name: "collect at etl.py:12".to_owned(),
            job: Some(2),
            task: Some(3),
            executor: Some("1".to_owned()),
            host: Some("ip-10-0-0-2".to_owned()),
            reason: "java.lang.RuntimeException: bad row".to_owned(),
        };
        assert_eq!((jobs, stages), (1, vec![found]), "{lost}");
    }
}

#[test]
fn of_a_python_task_the_reason_is_what_python_said() {
    let words = "org.apache.spark.api.python.PythonException: Traceback (most recent call last):\n  File \"w.py\", line 1, \
                 in main\n    f()\nValueError: bad row\n\n\tat org.apache.spark.api.python.X.f(X.scala:1)";
    let (_, stages) = read(
        json!([job(0, "FAILED", &[5])]),
        json!([stage(5, 0, Some(&aborted("(TID 12) (h executor driver)", words)))]),
    );
    assert_eq!((&*stages[0].reason, stages[0].executor.as_deref()), ("ValueError: bad row", Some("driver")));
    let lost =
        "ExecutorLostFailure (executor 1 exited caused by one of the running tasks) Reason: Container killed";
    let (_, stages) = read(
        json!([job(0, "FAILED", &[5])]),
        json!([stage(5, 0, Some(&aborted("(TID 12) (h executor 1)", lost)))]),
    );
    assert_eq!(stages[0].reason, lost);
}

#[test]
fn a_stage_without_such_a_reason_is_told_by_its_last_failed_task() {
    let most = "ShuffleMapStage 3 (x) has failed the maximum allowable number of times: 4.";
    let tasks = json!([
        { "taskId": 6, "index": 1, "attempt": 0, "status": "SUCCESS", "executorId": "1", "host": "a" },
        { "taskId": 7, "index": 0, "attempt": 0, "status": "FAILED", "executorId": "1", "host": "a",
          "errorMessage": "java.io.IOException: first" },
        { "taskId": 9, "index": 0, "attempt": 1, "status": "FAILED", "executorId": "2", "host": "b",
          "errorMessage": "java.io.IOException: second\n\tat a.b.C.d(C.java:1)" },
        { "taskId": 10, "index": 2, "attempt": 2, "status": "KILLED", "executorId": "2", "host": "b" },
    ]);
    for (reason, expected) in [(Some(most), most), (None, "java.io.IOException: second")] {
        let stages = serde_json::from_value(json!([stage(3, 1, reason)])).expect("stages");
        let (_, mut suspects) = failed(&[], stages);
        let suspect = suspects.remove(0);
        assert_eq!(suspect.tasks().as_deref(), Some("/stages/3/1/taskList"));
        let told = suspect.told(serde_json::from_value(tasks.clone()).expect("tasks"));
        assert_eq!((told.task, told.executor.as_deref(), &*told.reason), (Some(0), Some("2"), expected));
        assert_eq!(told.job, None, "no job failed over it");
    }
}

#[test]
fn stages_of_failed_jobs_come_first_and_what_only_ended_with_others_is_left_out() {
    let own = aborted("(TID 12) (h executor 1)", "java.lang.Error: x");
    let shut = "Job 7 cancelled because SparkContext was shut down";
    let stages = json!([
        stage(9, 0, Some(shut)),
        stage(6, 0, Some(&own)),
        stage(5, 0, Some(&own)),
        stage(8, 0, Some("FetchFailed(…)")),
        stage(2, 0, Some("Total size of serialized results is bigger")),
        { "status": "COMPLETE", "stageId": 10, "attemptId": 0, "name": "x" },
    ]);
    let jobs = json!([
        job(7, "FAILED", &[9]),
        job(2, "FAILED", &[5, 6]),
        job(1, "FAILED", &[2]),
        job(3, "RUNNING", &[8]),
        job(4, "FAILED", &[99])
    ]);
    let (count, stages) = read(jobs, stages);
    let told: Vec<_> = stages.iter().map(|stage| (stage.stage, stage.job)).collect();
    assert_eq!(told, [(5, Some(2)), (2, Some(1)), (8, None)]);
    assert_eq!(count, 3, "one only ended with the application, and of one the stages are forgotten");
}

#[test]
fn of_many_stages_five_are_kept_with_short_reasons() {
    let long = format!("{} last", "é".repeat(5_000));
    let stages: Vec<Value> = (0..40).map(|id| stage(id, 0, Some(&long))).collect();
    let (_, stages) = read(json!([]), Value::Array(stages));
    assert_eq!(stages.iter().map(|stage| stage.stage).collect::<Vec<_>>(), [39, 38, 37, 36, 35]);
    assert!(stages.iter().all(|stage| stage.reason.chars().count() == 1_024 && stage.reason.ends_with('…')));
}

#[test]
fn the_last_try_of_an_application_is_asked_about() {
    let view = |attempts: Value| -> ApplicationView {
        serde_json::from_value(json!({ "id": "application_1_1", "attempts": attempts })).expect("a view")
    };
    let table = [
        (
            json!([{ "attemptId": "2", "completed": true }, { "attemptId": "1" }]),
            Some(("/2".to_owned(), true)),
        ),
        (
            json!([{ "attemptId": "9" }, { "attemptId": "10", "completed": false }]),
            Some(("/10".to_owned(), false)),
        ),
        (json!([{ "completed": true }]), Some((String::new(), true))),
        (json!([]), None),
        (json!([{ "attemptId": "../x", "completed": true }]), None),
    ];
    for (attempts, expected) in table {
        assert_eq!(view(attempts.clone()).last(), expected, "{attempts}");
    }
}

#[test]
fn what_names_no_lost_task_names_none() {
    for text in ["", "Lost task", "Lost task 1 in stage x (TID 3) (h executor 1): y", "Job 0 cancelled"] {
        assert_eq!(LostTask::read(text), None, "{text}");
    }
}
