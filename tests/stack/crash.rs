//! The worker, Livy and the ResourceManager are killed while a job runs on YARN: one application, one truth.

use serde_json::json;
use tokio::net::TcpListener;

use crate::real::{On, Stage, control, stack};

#[tokio::test]
async fn a_killed_worker_takes_its_job_over() {
    let mut stage = Stage::new(On::Yarn, "killed").await;
    let execution = stage.run("killed", "sleeps.py", json!({"Args": [20]})).await;
    stage.reaches("killed-", "RUNNING").await;
    stage.worker.kill();
    stage.restart();
    succeeded(&stage, "killed-", &execution).await;
}

#[tokio::test]
async fn a_worker_killed_right_after_its_post_finds_what_it_started() {
    let mut stage = Stage::new(On::Yarn, "posted").await;
    let execution = stage.run("posted", "sleeps.py", json!({"Args": [5]})).await;
    stage.posted("posted-").await;
    stage.worker.kill();
    stage.restart();
    succeeded(&stage, "posted-", &execution).await;
}

#[tokio::test]
async fn livy_killed_mid_job_with_recovery_changes_nothing() {
    let stage = Stage::new(On::Yarn, "recovered").await;
    let execution = stage.run("recovered", "sleeps.py", json!({"Args": [20]})).await;
    stage.reaches("recovered-", "RUNNING").await;
    control(&["kill", "livy-yarn"], &[]);
    control(&["start", "livy-yarn"], &[]);
    succeeded(&stage, "recovered-", &execution).await;
}

#[tokio::test]
async fn livy_killed_mid_job_without_recovery_leaves_the_truth_to_yarn() {
    let stage = Stage::new(On::Yarn, "forgotten").await;
    let execution = stage.run("forgotten", "sleeps.py", json!({"Args": [20]})).await;
    stage.reaches("forgotten-", "RUNNING").await;
    control(&["kill", "livy-yarn"], &[("LIVY_RECOVERY", "off")]);
    control(&["start", "livy-yarn"], &[("LIVY_RECOVERY", "off")]);
    succeeded(&stage, "forgotten-", &execution).await;
    control(&["stop", "livy-yarn"], &[]);
    control(&["start", "livy-yarn"], &[]);
}

#[tokio::test]
async fn livy_killed_between_post_and_application_doubles_nothing() {
    let stage = Stage::new(On::Yarn, "between").await;
    let execution = stage.run("between", "sleeps.py", json!({"Args": [5]})).await;
    stage.posted("between-").await;
    control(&["kill", "livy-yarn"], &[]);
    control(&["start", "livy-yarn"], &[]);
    succeeded(&stage, "between-", &execution).await;
}

#[tokio::test]
async fn a_resource_manager_restarted_mid_job_changes_nothing() {
    let stage = Stage::new(On::Yarn, "restarted").await;
    let execution = stage.run("restarted", "sleeps.py", json!({"Args": [20]})).await;
    stage.reaches("restarted-", "RUNNING").await;
    control(&["kill", "rm"], &[]);
    control(&["start", "rm"], &[]);
    succeeded(&stage, "restarted-", &execution).await;
}

#[tokio::test]
async fn a_worker_killed_while_it_fetches_the_drivers_log_tells_the_failure_once() {
    let mut stage = Stage::new(On::Yarn, "fetching").await;
    control(&["stop", "nm"], &[]);
    control(&["stop", "history"], &[]);
    control(&["start", "nm"], &[("LOG_AGGREGATION", "on")]);
    // Where the log server was is somebody who takes the question and answers nothing.
    let address = stack("HISTORY").trim_start_matches("http://").to_owned();
    let server = TcpListener::bind(address).await.expect("the log server is down");
    let execution = stage.run("fetching", "fails.py", json!({})).await;
    let (asking, _) = server.accept().await.expect("the worker asks for the log");
    let application = stage.only("fetching-").await;
    assert_eq!((&application["state"], &application["finalStatus"]), (&json!("FINISHED"), &json!("FAILED")));
    stage.worker.kill();
    drop((asking, server));
    control(&["start", "history"], &[]);
    stage.restart();
    let end = stage.ended(&execution).await;
    assert_eq!((end.status.as_str(), end.error.as_str()), ("FAILED", "SparkJob.Failed"), "{end:?}");
    assert_eq!(end.why()["verdictSource"], "yarn", "{end:?}");
    assert_eq!(stage.only("fetching-").await["id"], application["id"], "one run");
    stage.nothing_left("fetching-").await;
    control(&["stop", "nm"], &[]);
    control(&["start", "nm"], &[]);
}

/// The execution succeeded, by YARN's word, with one application, and nothing is left.
pub(crate) async fn succeeded(stage: &Stage, prefix: &str, execution: &str) {
    let end = stage.ended(execution).await;
    assert_eq!(end.status, "SUCCEEDED", "{end:?}");
    assert_eq!(end.output["verdictSource"], "yarn", "{end:?}");
    let application = stage.only(prefix).await;
    assert_eq!(application["finalStatus"], "SUCCEEDED");
    assert_eq!(end.output["applicationId"], application["id"]);
    stage.nothing_left(prefix).await;
}
