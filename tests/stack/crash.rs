//! The worker, Livy and the ResourceManager are killed while a job runs on YARN: one application, one truth.

use std::process::Command;

use serde_json::{Value, json};

use crate::real::{On, Stage, stack, wait_for};

#[tokio::test]
async fn a_killed_worker_takes_its_job_over() {
    let mut stage = Stage::new(On::Yarn, "killed").await;
    let execution = start(&stage, "killed", 20).await;
    running(&stage, "killed-").await;
    stage.worker.kill();
    stage.restart();
    succeeded(&stage, "killed-", &execution).await;
}

#[tokio::test]
async fn a_worker_killed_right_after_its_post_finds_what_it_started() {
    let mut stage = Stage::new(On::Yarn, "posted").await;
    let execution = start(&stage, "posted", 5).await;
    wait_for("the batch", async || (!stage.batches("posted-").await.is_empty()).then_some(())).await;
    stage.worker.kill();
    stage.restart();
    succeeded(&stage, "posted-", &execution).await;
}

#[tokio::test]
async fn livy_killed_mid_job_with_recovery_changes_nothing() {
    let stage = Stage::new(On::Yarn, "recovered").await;
    let execution = start(&stage, "recovered", 20).await;
    running(&stage, "recovered-").await;
    control(&["kill", "livy-yarn"], "recovery");
    control(&["start", "livy-yarn"], "recovery");
    succeeded(&stage, "recovered-", &execution).await;
}

#[tokio::test]
async fn livy_killed_mid_job_without_recovery_leaves_the_truth_to_yarn() {
    let stage = Stage::new(On::Yarn, "forgotten").await;
    let execution = start(&stage, "forgotten", 20).await;
    running(&stage, "forgotten-").await;
    control(&["kill", "livy-yarn"], "off");
    control(&["start", "livy-yarn"], "off");
    succeeded(&stage, "forgotten-", &execution).await;
    control(&["stop", "livy-yarn"], "recovery");
    control(&["start", "livy-yarn"], "recovery");
}

#[tokio::test]
async fn livy_killed_between_post_and_application_doubles_nothing() {
    let stage = Stage::new(On::Yarn, "between").await;
    let execution = start(&stage, "between", 5).await;
    wait_for("the batch", async || (!stage.batches("between-").await.is_empty()).then_some(())).await;
    control(&["kill", "livy-yarn"], "recovery");
    control(&["start", "livy-yarn"], "recovery");
    succeeded(&stage, "between-", &execution).await;
}

#[tokio::test]
async fn a_resource_manager_restarted_mid_job_changes_nothing() {
    let stage = Stage::new(On::Yarn, "restarted").await;
    let execution = start(&stage, "restarted", 20).await;
    running(&stage, "restarted-").await;
    control(&["kill", "rm"], "recovery");
    control(&["start", "rm"], "recovery");
    succeeded(&stage, "restarted-", &execution).await;
}

async fn start(stage: &Stage, name: &str, seconds: u32) -> String {
    let input = json!({"Name": name, "File": format!("{}/sleeps.py", stack("JOBS")), "Args": [seconds]});
    stage.start(name, &stage.one_task(), &input).await
}

async fn running(stage: &Stage, prefix: &str) {
    wait_for("the application to run", async || {
        stage.applications(prefix).await.iter().any(|app| app["state"] == "RUNNING").then_some(())
    })
    .await;
}

/// The execution succeeded, by YARN's word, with one application.
async fn succeeded(stage: &Stage, prefix: &str, execution: &str) {
    let end = stage.ended(execution).await;
    assert_eq!(end.status, "SUCCEEDED", "{end:?}");
    assert_eq!(end.output["verdictSource"], "yarn", "{end:?}");
    let applications: Vec<Value> = stage.applications(prefix).await;
    assert_eq!(applications.len(), 1, "{applications:?}");
    assert_eq!(applications[0]["finalStatus"], "SUCCEEDED");
    assert_eq!(end.output["applicationId"], applications[0]["id"]);
}

/// Kills or starts one of the real servers.
fn control(arguments: &[&str], recovery: &str) {
    let status = Command::new(stack("CONTROL")).args(arguments).env("LIVY_RECOVERY", recovery).status();
    assert!(status.expect("the script runs").success(), "{arguments:?}");
}
