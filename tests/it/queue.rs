//! Jobs that wait in YARN's queue for longer than they are to: killed there, seen dead, and only then told.

use std::time::Duration;

use serde_json::{Value, json};
use stand_ins::WaitFor;
use stand_ins::http::Fault;
use stand_ins::livy::{AppState, Plan};
use stand_ins::sfn::TaskId;

use crate::crash::{forgotten, in_state};
use crate::harness::{Stage, text};

const LONG: Duration = Duration::from_secs(3_600);

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// A task that may wait so long.
fn waits(stage: &Stage, timeout: &str) -> TaskId {
    stage.schedule(
        &json!({ "Name": "etl", "File": "s3://b/a.py", "QueueTimeout": timeout, "Execution": "exec-1" })
            .to_string(),
    )
}

/// A stage on which Livy's DELETE kills nothing, and YARN's kill takes so long.
async fn slow_kills(time: Duration) -> Stage {
    let stage = Stage::with_yarn().await;
    stage.livy.fault_times("DELETE /batches/*", usize::MAX, Fault::Hang);
    stage.yarn().kill_takes(time);
    stage
}

fn state(stage: &Stage) -> AppState {
    stage.livy.applications()[0].state
}

#[tokio::test]
async fn a_job_that_waits_too_long_is_killed_and_told_once_it_is_dead() {
    let stage = slow_kills(seconds(1)).await;
    stage.livy.plan(Plan::running().starts_after(LONG));
    let worker = stage.worker();
    let task = waits(&stage, "2s");
    let (error, cause) = stage.failure(&task).await;
    assert_eq!(error, "SparkJob.QueueTimeout");
    let application = &stage.livy.applications()[0];
    assert_eq!((application.state, application.launched), (AppState::Killed, None));
    let (ended, told) = (application.ended.expect("it is dead"), stage.sfn.reports(&task)[0].at);
    assert!(ended < told, "it is dead before anybody hears of it");
    assert!(ended - application.started >= seconds(2), "{:?}", ended - application.started);
    let message = text(&cause["message"]);
    assert!(message.contains("YARN's queue") && message.contains("(2s)"), "{message}");
    assert!(message.contains("never run"), "{message}");
    // Why it waited, and not who killed it: that was the worker.
    let why =
        "Application is added to the scheduler and is not yet activated. Queue's AM resource limit exceeded.";
    assert_eq!(cause["rootCause"], why, "{cause}");
    assert!(text(&cause["diagnostics"]).contains("Queue Resource Limit for AM = <memory:7424"), "{cause}");
    assert_eq!(cause["stage"], "Withdrawing");
    assert_eq!(cause["verdictSource"], "yarn");
    assert_eq!(cause["execution"], "exec-1");
    assert_eq!(cause["applicationId"], json!(application.id));
    forgotten(&stage).await;
    assert_eq!(stage.livy.posts().len(), 1);
    assert_eq!(stage.livy.posts()[0].body.get("queueTimeout"), None, "Livy knows no such key");
    assert_eq!(stage.sfn.reports(&task).len(), 1);
    worker.logged("has waited in YARN's queue");
}

#[tokio::test]
async fn an_activitys_default_holds_where_the_input_says_nothing() {
    let stage = Stage::with_yarn().await;
    stage.livy.plan(Plan::running().starts_after(LONG));
    let config = stage.config().activity("defaults = { queue_timeout = \"2s\" }");
    let _worker = stage.worker_with(&config);
    let patient = waits(&stage, "1h");
    stage.submitted("etl-").await;
    assert_eq!(stage.failure(&stage.task()).await.0, "SparkJob.QueueTimeout");
    assert_eq!(stage.sfn.peek(&patient), None, "the input's own is an hour");
    let live = stage.livy.live_applications();
    assert_eq!(live.len(), 1, "{live:?}");
}

#[tokio::test]
async fn without_the_key_a_job_waits_and_a_job_that_runs_is_left_alone() {
    let stage = Stage::with_yarn().await;
    stage.livy.plan(Plan::success().starts_after(seconds(4)));
    let _worker = stage.worker();
    let forever = stage.task();
    stage.submitted("etl-").await;
    stage.livy.plan(Plan::success().running_for(seconds(4)));
    let quick = waits(&stage, "1s");
    assert_eq!(stage.output(&quick).await["state"], "SUCCEEDED");
    assert_eq!(stage.output(&forever).await["state"], "SUCCEEDED");
    assert!(stage.yarn().kills().is_empty());
}

#[tokio::test]
async fn a_job_that_succeeds_before_its_kill_is_a_success() {
    let stage = slow_kills(seconds(20)).await;
    stage.livy.plan(Plan::success().starts_after(seconds(3)).running_for(Duration::from_millis(500)));
    let _worker = stage.worker();
    let task = waits(&stage, "1s");
    let output = stage.output(&task).await;
    assert_eq!((&output["state"], &output["verdictSource"]), (&json!("SUCCEEDED"), &json!("yarn")));
    assert!(!stage.yarn().kills().is_empty(), "YARN had been told to kill it");
    assert_eq!(state(&stage), AppState::Finished);
}

#[tokio::test]
async fn a_job_that_began_just_before_it_was_killed_is_no_job_that_never_ran() {
    let stage = slow_kills(seconds(4)).await;
    stage.livy.plan(Plan::running().starts_after(seconds(3)));
    let _worker = stage.worker();
    let task = waits(&stage, "1s");
    let (error, cause) = stage.failure(&task).await;
    assert_eq!(error, "SparkJob.Killed", "{cause}");
    assert!(text(&cause["message"]).contains("it began just then"), "{cause}");
    assert!(stage.livy.applications()[0].launched.is_some());
}

#[tokio::test]
async fn a_job_with_a_container_is_not_in_the_queue_whatever_yarn_calls_it() {
    let stage = Stage::with_yarn().await;
    stage.livy.plan(Plan::success().starts_after(seconds(5)));
    let _worker = stage.worker();
    let task = waits(&stage, "2s");
    stage.livy.wait_for(|livy| !livy.applications().is_empty(), None).await;
    let id = stage.livy.applications()[0].id.clone().expect("an id");
    stage.yarn().launched(&id, Duration::from_millis(500));
    assert_eq!(stage.output(&task).await["state"], "SUCCEEDED");
    assert!(stage.yarn().kills().is_empty());
}

#[tokio::test]
async fn while_a_kill_is_refused_nothing_is_told_and_the_token_lives() {
    let stage = slow_kills(Duration::ZERO).await;
    stage.livy.plan(Plan::running().starts_after(LONG));
    stage.yarn().fault_times("PUT /apps/*/state", usize::MAX, Fault::json(403, &json!("no")));
    let _worker = stage.worker();
    let task = waits(&stage, "1s");
    stage.yarn().wait_for(|yarn| yarn.kills().len() >= 5, None).await;
    let beats = stage.sfn.heartbeats(&task).len();
    stage.sfn.wait_for(|sfn| sfn.heartbeats(&task).len() > beats, None).await;
    assert_eq!(stage.sfn.peek(&task), None);
    stage.yarn().clear_faults();
    assert_eq!(stage.failure(&task).await.0, "SparkJob.QueueTimeout");
}

#[tokio::test]
async fn a_worker_that_is_killed_meanwhile_comes_to_the_same_end() {
    let stage = slow_kills(seconds(3)).await;
    stage.livy.plan(Plan::running().starts_after(LONG));
    let mut worker = stage.worker();
    let task = waits(&stage, "2s");
    // It is on disk before YARN hears of it.
    in_state(&stage, "Withdrawing", 1).await;
    worker.kill();
    stage
        .yarn()
        .wait_for(|_| state(&stage) == AppState::Killed || stage.yarn().kills().is_empty(), None)
        .await;
    let _worker = stage.worker();
    let (error, cause) = stage.failure(&task).await;
    assert_eq!(error, "SparkJob.QueueTimeout", "{cause}");
    assert!(!cause["rootCause"].to_string().contains("killed by"), "{cause}");
    forgotten(&stage).await;
    assert_eq!(stage.sfn.reports(&task).len(), 1);
    assert_eq!(stage.livy.posts().len(), 1);
}

/// Nobody is left to say whether it still waits: Livy's word counts from then on.
#[tokio::test]
async fn where_yarn_was_switched_off_meanwhile_the_job_is_followed_on() {
    let stage = slow_kills(LONG).await;
    stage.livy.plan(Plan::running().starts_after(LONG));
    let mut worker = stage.worker();
    let task = waits(&stage, "2s");
    in_state(&stage, "Withdrawing", 1).await;
    worker.kill();
    let _worker = stage.worker_with(&stage.config_of(&[]));
    let name = stage.livy.posts()[0].name.clone();
    stage.livy.set_state(&name, "success");
    assert_eq!(stage.output(&task).await["verdictSource"], "livy");
}

#[tokio::test]
async fn a_restart_does_not_begin_the_wait_anew() {
    let stage = Stage::with_yarn().await;
    stage.livy.plan(Plan::running().starts_after(LONG));
    let mut worker = stage.worker();
    let task = waits(&stage, "6s");
    in_state(&stage, "Running", 1).await;
    for _ in 0..3 {
        let seen = stage.yarn().count("GET /apps");
        stage.yarn().wait_for(|yarn| yarn.count("GET /apps") >= seen + 15, None).await;
        worker.kill();
        worker = stage.worker();
    }
    let submitted = stage.livy.posts()[0].at;
    assert_eq!(stage.failure(&task).await.0, "SparkJob.QueueTimeout");
    let waited = stage.sfn.reports(&task)[0].at - submitted;
    assert!(waited >= seconds(6), "{waited:?}");
}

#[tokio::test]
async fn wrong_waits_are_refused_with_their_path_and_their_bounds() {
    let stage = Stage::with_yarn().await;
    let _worker = stage.worker();
    let wrong: [(Value, &str); 5] = [
        (json!("0s"), "must be at least 1s"),
        (json!("400days"), "at most 365days"),
        (json!("soon"), "expected a duration such as 90s, 20m or 2h"),
        (json!(90), "expected a string, found the number 90"),
        (json!("90"), "expected a duration"),
    ];
    for (value, part) in wrong {
        let input = json!({ "File": "s3://b/a.py", "QueueTimeout": value }).to_string();
        let (error, cause) = stage.failure(&stage.schedule(&input)).await;
        assert_eq!(error, "SparkJob.InvalidInput");
        let message = text(&cause["message"]);
        assert!(message.contains("$.QueueTimeout") && message.contains(part), "{message}");
    }
    assert!(stage.livy.posts().is_empty());
}

#[tokio::test]
async fn a_stopped_execution_takes_a_job_with_it_that_is_being_taken_out() {
    let stage = slow_kills(seconds(3)).await;
    stage.livy.plan(Plan::running().starts_after(LONG));
    let config = stage.config().activity("on_abort = \"leave\"\nheartbeat_interval = \"1s\"");
    let _worker = stage.worker_with(&config);
    let task = waits(&stage, "1s");
    in_state(&stage, "Withdrawing", 1).await;
    stage.sfn.stop(&task);
    forgotten(&stage).await;
    assert_eq!(state(&stage), AppState::Killed);
    assert!(stage.sfn.reports(&task).is_empty());
}
