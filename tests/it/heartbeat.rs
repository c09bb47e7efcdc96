//! Heartbeats: from receipt, beside everything, and the only way in which a stopped execution is heard of.

use std::time::Duration;

use serde_json::json;
use stand_ins::WaitFor;
use stand_ins::http::{Fault, On};
use stand_ins::livy::{Master, Plan, Settings, Version};
use stand_ins::sfn::{TaskId, refusal};
use stand_ins::worker::Worker;

use crate::harness::Stage;

#[tokio::test]
async fn a_stopped_execution_kills_its_running_job() {
    let stage = Stage::new().await;
    stage.livy.plan(Plan::running());
    let worker = stage.worker();
    let task = stage.task();
    stage.submitted("etl-").await;
    worker.logged("runs as application_");
    stage.sfn.stop(&task);
    stage.livy.wait_for(|livy| livy.live_applications().is_empty(), None).await;
    assert!(stage.sfn.reports(&task).is_empty(), "nobody waits for an answer");
    worker.logged("nobody waits for etl-");
}

#[tokio::test]
async fn each_way_of_saying_that_nobody_waits_kills_once_a_second_beat_confirms_it() {
    for code in ["TaskTimedOut", "TaskDoesNotExist", "InvalidToken"] {
        let stage = Stage::new().await;
        stage.livy.plan(Plan::running());
        let _worker = stage.worker();
        let task = stage.task();
        stage.submitted("etl-").await;
        let token = stage.sfn.token(&task).expect("handed out");
        let on = On::operation("SendTaskHeartbeat").key(&token);
        // One alone is a doubt, and the next beat settles it.
        stage.sfn.fault(on.clone(), refusal(code, "once"));
        stage.sfn.wait_for(|sfn| sfn.faults_left() == 0, None).await;
        let beats = stage.sfn.heartbeats(&task).len();
        stage.sfn.wait_for(|sfn| sfn.heartbeats(&task).len() > beats, None).await;
        assert_eq!(stage.livy.live_applications().len(), 1, "{code} once kills nothing");
        stage.sfn.fault_times(on, 2, refusal(code, "twice"));
        stage.livy.wait_for(|livy| livy.live_applications().is_empty(), None).await;
    }
}

#[tokio::test]
async fn other_errors_of_a_heartbeat_kill_nothing_and_are_tried_again_within_the_interval() {
    let stage = Stage::new().await;
    stage.livy.plan(Plan::running());
    let _worker = stage.worker_with(&stage.config().activity("heartbeat_interval = \"3s\""));
    let task = stage.task();
    stage.submitted("etl-").await;
    stage.sfn.wait_for(|sfn| !sfn.heartbeats(&task).is_empty(), None).await;
    for fault in [
        refusal("ThrottlingException", "Rate exceeded"),
        Fault::json(500, &json!({"__type": "InternalFailure"})),
        Fault::Close,
        refusal("ExpiredTokenException", "The security token included in the request is expired"),
    ] {
        stage.sfn.fault("SendTaskHeartbeat", fault);
    }
    stage.sfn.wait_for(|sfn| sfn.faults_left() == 0, None).await;
    let beats = stage.sfn.heartbeats(&task);
    stage.sfn.wait_for(|sfn| sfn.heartbeats(&task).len() > beats.len(), None).await;
    assert_eq!(stage.livy.live_applications().len(), 1);
    assert_eq!(stage.sfn.peek(&task), None);
}

#[tokio::test]
async fn a_task_is_beaten_for_before_livy_takes_it() {
    let mut settings = Settings::new(Version::V0_8, Master::Yarn);
    settings.max_creation = 0;
    let stage = Stage::of(settings).await;
    let _worker = stage.worker();
    let task = stage.task();
    stage.sfn.wait_for(|sfn| sfn.heartbeats(&task).len() >= 3, None).await;
    assert!(stage.livy.applications().is_empty());
}

#[tokio::test]
async fn a_task_that_dies_while_livy_is_full_is_dropped_without_a_post() {
    let mut settings = Settings::new(Version::V0_8, Master::Yarn);
    settings.max_creation = 0;
    let stage = Stage::of(settings).await;
    let worker = stage.worker();
    let task = stage.task();
    stage.livy.wait_for(|livy| !livy.posts().is_empty(), None).await;
    die(&stage, &worker, &task).await;
    stage.polling().await;
    stage.livy.configure(|settings| settings.max_creation = 100);
    let next = stage.schedule(r#"{"Name":"next","File":"s3://b/next.py"}"#);
    stage.output(&next).await;
    assert_eq!(stage.livy.applications().len(), 1, "only the next one ran");
}

#[tokio::test]
async fn a_task_that_dies_while_its_post_is_out_has_what_the_post_started_killed() {
    let stage = Stage::new().await;
    stage.livy.plan(Plan::running());
    stage.livy.fault("POST /batches", Fault::HangAfter);
    let worker = stage.worker_with(&stage.config().table("livy", "request_timeout = \"20s\""));
    let task = stage.task();
    stage.livy.wait_for(|livy| livy.applications().len() == 1, None).await;
    die(&stage, &worker, &task).await;
    stage.livy.release();
    stage.livy.wait_for(|livy| livy.live_applications().is_empty(), None).await;
}

#[tokio::test]
async fn a_task_that_dies_in_doubt_has_what_turns_up_killed() {
    let stage = Stage::new().await;
    stage.livy.plan(Plan::running());
    stage.livy.fault("POST /batches", Fault::AnswerLost);
    stage.livy.fault_times("GET /batches/*", 1_000, Fault::json(500, &json!("java.lang.Error")));
    let worker = stage.worker();
    let task = stage.task();
    worker.logged("may or may not have taken");
    die(&stage, &worker, &task).await;
    stage.livy.clear_faults();
    stage
        .livy
        .wait_for(|livy| livy.live_applications().is_empty() && livy.applications().len() == 1, None)
        .await;
}

#[tokio::test]
async fn a_task_that_dies_while_its_outcome_is_reported_is_let_go() {
    let stage = Stage::new().await;
    stage.livy.plan(Plan::success());
    stage.sfn.fault_times("SendTaskSuccess", 1_000, refusal("ThrottlingException", "Rate exceeded"));
    let worker = stage.worker();
    let task = stage.task();
    stage.sfn.wait_for(|sfn| !sfn.reports(&task).is_empty(), None).await;
    die(&stage, &worker, &task).await;
    stage.polling().await;
    assert_eq!(stage.livy.posts().len(), 1);
}

#[tokio::test]
async fn a_job_may_be_left_to_itself_when_its_execution_stops() {
    let stage = Stage::new().await;
    stage.livy.plan(Plan::running());
    let worker = stage.worker_with(&stage.config().activity("on_abort = \"leave\"\nmax_concurrent_jobs = 1"));
    let task = stage.task();
    stage.submitted("etl-").await;
    worker.logged("runs as application_");
    die(&stage, &worker, &task).await;
    // Its place is free again.
    stage.polling().await;
    assert_eq!(stage.livy.live_applications().len(), 1);
    assert!(stage.livy.deletes().is_empty());
}

#[tokio::test]
async fn a_second_application_of_a_job_that_is_left_to_itself_is_killed_all_the_same() {
    let stage = Stage::with_yarn().await;
    stage.livy.plan(Plan::running());
    let worker = stage.worker_with(&stage.config().activity("on_abort = \"leave\"\nmax_concurrent_jobs = 1"));
    let task = stage.task();
    let name = stage.submitted("etl-").await;
    worker.logged("runs as application_");
    let ours = stage.livy.live_applications()[0].id.clone();
    stage.yarn().fault_times("PUT /apps/*/state", usize::MAX, Fault::html(503, "not yet"));
    let tag = name.rsplit('-').next().map(|id| format!("spark-job-worker,sjw-{id}")).expect("an id");
    let body = json!({"file": "s3://b/other.py", "name": "stranger", "conf": {"spark.yarn.tags": tag}});
    let posted = reqwest::Client::new()
        .post(format!("{}/batches", stage.livy.url()))
        .header("content-type", "application/json")
        .body(body.to_string())
        .send();
    assert_eq!(posted.await.expect("an answer").status(), 201);
    worker.logged("has a second application");
    die(&stage, &worker, &task).await;
    stage.yarn().clear_faults();
    stage.livy.wait_for(|livy| livy.live_applications().len() == 1, None).await;
    stage.polling().await;
    let live = stage.livy.live_applications();
    assert_eq!((live.len(), &live[0].id), (1, &ours), "ours is left alone");
}

#[tokio::test]
async fn many_tasks_are_beaten_for_at_the_configured_rate_and_none_is_forgotten() {
    let stage = Stage::new().await;
    stage.livy.plan(Plan::running());
    let config = stage.config().activity("max_concurrent_jobs = 40\npollers = 4");
    let _worker = stage.worker_with(&config.table("aws", "heartbeat_rate = 50"));
    let tasks: Vec<TaskId> = (0..40).map(|_| stage.task()).collect();
    stage.sfn.wait_for(|sfn| tasks.iter().all(|task| sfn.heartbeats(task).len() >= 4), None).await;
    let mut beats: Vec<_> = tasks.iter().flat_map(|task| stage.sfn.heartbeats(task)).collect();
    beats.sort();
    // 50 a second and a little for what was on its way.
    let most = beats
        .iter()
        .map(|at| beats.iter().filter(|beat| **beat >= *at && **beat < *at + Duration::from_secs(1)).count());
    assert!(most.max().unwrap_or_default() <= 60);
}

/// Stops the execution and waits until the worker has understood.
async fn die(stage: &Stage, worker: &Worker, task: &TaskId) {
    let refused = |stage: &Stage| stage.sfn.count("SendTaskHeartbeat");
    let before = refused(stage);
    stage.sfn.stop(task);
    stage.sfn.wait_for(|sfn| sfn.count("SendTaskHeartbeat") >= before + 2, None).await;
    worker.logged("nobody waits for this task: ");
}
