//! The way of a task, where nothing goes wrong but the job.

use std::time::Duration;

use serde_json::json;
use stand_ins::WaitFor;
use stand_ins::livy::{Master, Plan, Version};

use crate::harness::{Stage, text};

#[tokio::test]
async fn a_job_succeeds_on_each_livy_and_its_output_names_what_ran() {
    for version in [Version::V0_7, Version::V0_8, Version::V0_9] {
        let stage = Stage::with(version, Master::Yarn).await;
        stage.livy.plan(Plan::success().running_for(Duration::from_millis(300)));
        let _worker = stage.worker();
        let task = stage.task();
        let output = stage.output(&task).await;
        let batch = stage.livy.batch("etl-").expect("the batch");
        assert_eq!(output["batchId"], batch.id);
        assert_eq!(output["applicationId"], json!(batch.app_id));
        assert_eq!(output["name"], json!(batch.name));
        assert_eq!(output["state"], "SUCCEEDED");
        assert_eq!(output["verdictSource"], "livy");
        assert_eq!(output["execution"], "exec-1");
        assert!(text(&output["trackingUrl"]).contains("/proxy/application_"), "{output}");
        // These are YARN's to say, and it is not asked here.
        for unknown in ["queuedSeconds", "runSeconds", "memorySeconds", "vcoreSeconds"] {
            assert_eq!(output.get(unknown), Some(&json!(null)), "{output}");
        }
        assert_eq!(stage.livy.posts().len(), 1);
        assert_eq!(stage.sfn.reports(&task).len(), 1);
        assert!(stage.sfn.violations().is_empty(), "{:?}", stage.sfn.violations());
    }
}

#[tokio::test]
async fn a_livy_without_yarn_runs_jobs_too() {
    let stage = Stage::with(Version::V0_7, Master::Local).await;
    let _worker = stage.worker();
    let output = stage.output(&stage.task()).await;
    assert_eq!(output["applicationId"], json!(null));
    assert_eq!(output["state"], "SUCCEEDED");
}

#[tokio::test]
async fn what_reaches_livy_is_what_the_task_asked_for() {
    let stage = Stage::new().await;
    let _worker = stage.worker();
    let input = json!({
        "Name": "Taxi Trips", "File": "s3://b/etl.py", "ClassName": "com.example.Etl", "NumExecutors": 4.0,
        "DriverMemory": "2g", "ExecutorMemory": "4G", "ExecutorCores": "2", "Args": ["s3://in", 7, true, 1.50],
        "Conf": {"spark.sql.shuffle.partitions": 10, "spark.yarn.tags": "mine"},
    });
    stage.output(&stage.schedule(&input.to_string())).await;
    let post = &stage.livy.posts()[0];
    let id = post.name.rsplit('-').next().expect("the task id").to_owned();
    assert_eq!(id.len(), 16);
    let tags = format!("mine,spark-job-worker,sjw-{id}");
    assert_eq!(
        post.body,
        json!({
            "file": "s3://b/etl.py", "className": "com.example.Etl", "args": ["s3://in", "7", "true", "1.5"],
            "driverMemory": "2g", "executorMemory": "4G", "executorCores": 2, "numExecutors": 4,
            "name": format!("taxi-trips-{id}"),
            "conf": {
                "spark.sql.shuffle.partitions": "10", "spark.yarn.tags": tags, "spark.yarn.maxAppAttempts": "1",
            },
        })
    );
    assert_eq!(post.call.request.header("x-requested-by"), Some("spark-job-worker"));
    assert_eq!(stage.livy.applications_tagged(&format!("sjw-{id}")).len(), 1);
}

#[tokio::test]
async fn a_failed_job_says_why_in_its_cause() {
    let stage = Stage::with(Version::V0_8, Master::Local).await;
    stage.livy.plan(Plan::ends("dead").running_for(Duration::from_millis(200)).log([
        "Traceback (most recent call last):",
        "ValueError: no such rate code: 99",
        "26/11/24 02:00:07 INFO ShutdownHookManager: Shutdown hook called",
    ]));
    let _worker = stage.worker();
    let (error, cause) = stage.failure(&stage.task()).await;
    assert_eq!(error, "SparkJob.Failed");
    assert_eq!(cause["error"], "SparkJob.Failed");
    assert_eq!(cause["rootCause"], "ValueError: no such rate code: 99");
    assert_eq!(cause["verdictSource"], "livy");
    assert_eq!(cause["batchId"], 0);
    let log = cause["log"].as_array().expect("the last lines");
    assert!(text(&log[log.len() - 1]).contains("Shutdown hook called"), "{log:?}");
}

#[tokio::test]
async fn yarns_diagnostics_are_in_the_cause() {
    let stage = Stage::new().await;
    let plan = Plan::ends("dead").running_for(Duration::from_millis(200));
    stage.livy.plan(plan.diagnostics(["User application exited with status 1", "second line"]));
    let _worker = stage.worker();
    let (error, cause) = stage.failure(&stage.task()).await;
    assert_eq!(error, "SparkJob.Failed");
    assert!(text(&cause["diagnostics"]).contains("User application exited with status 1"), "{cause}");
    assert!(text(&cause["applicationId"]).starts_with("application_"));
}

#[tokio::test]
async fn a_submission_without_an_application_is_a_failed_submission() {
    let stage = Stage::new().await;
    stage.livy.plan(Plan::submission_fails([
        "java.io.FileNotFoundException: File s3://bucket/etl.py does not exist",
    ]));
    let _worker = stage.worker();
    let (error, cause) = stage.failure(&stage.task()).await;
    assert_eq!(error, "SparkJob.SubmitFailed");
    assert!(text(&cause["rootCause"]).contains("FileNotFoundException"), "{cause}");
}

#[tokio::test]
async fn every_end_of_a_batch_ends_the_task_under_its_name() {
    for (state, expected) in
        [("dead", "SparkJob.Failed"), ("killed", "SparkJob.Killed"), ("error", "SparkJob.Failed")]
    {
        let stage = Stage::new().await;
        stage.livy.plan(Plan::ends(state).running_for(Duration::from_millis(200)));
        let _worker = stage.worker();
        assert_eq!(stage.failure(&stage.task()).await.0, expected, "{state}");
    }
}

#[tokio::test]
async fn states_that_are_not_final_are_waited_out() {
    let stage = Stage::new().await;
    stage.livy.plan(Plan::manual());
    let worker = stage.worker();
    let task = stage.task();
    let name = stage.submitted("etl-").await;
    let lists = |stage: &Stage| stage.livy.count("GET /batches");
    for state in ["recovering", "idle", "busy", "shutting_down", "not_started", "something_new"] {
        stage.livy.set_state(&name, state);
        let seen = lists(&stage);
        stage.livy.wait_for(|livy| livy.count("GET /batches") >= seen + 3, None).await;
        assert_eq!(stage.sfn.peek(&task), None, "{state} is not final");
    }
    stage.livy.set_state(&name, "success");
    stage.output(&task).await;
    drop(worker);
}

#[tokio::test]
async fn fifty_jobs_cost_livy_as_many_requests_a_minute_as_one() {
    let stage = Stage::new().await;
    stage.livy.plan(Plan::running());
    let config = stage.config().activity("max_concurrent_jobs = 100\npollers = 4");
    let _worker = stage.worker_with(&config);
    let first = stage.task();
    let span = Duration::from_secs(2);
    stage.livy.wait_for(|livy| livy.live_applications().len() == 1, None).await;
    let one = requests_in(&stage, span).await;
    for _ in 0..49 {
        stage.task();
    }
    stage.livy.wait_for(|livy| livy.live_applications().len() == 50, None).await;
    let fifty = requests_in(&stage, span).await;
    assert!(fifty <= one + 2, "{one} requests for one job, {fifty} for fifty");
    assert_eq!(stage.sfn.peek(&first), None);
}

/// Requests to Livy, POSTs apart, over a span of the stand-in's own clock.
async fn requests_in(stage: &Stage, span: Duration) -> usize {
    let looks = |livy: &stand_ins::livy::Livy| livy.calls().len() - livy.count("POST /batches");
    let before = looks(&stage.livy);
    let end = std::time::Instant::now() + span;
    stage.livy.wait_for(|_| std::time::Instant::now() >= end, None).await;
    looks(&stage.livy) - before
}
