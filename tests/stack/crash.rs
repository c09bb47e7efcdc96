//! The worker, Livy and the ResourceManager are killed while a job runs on YARN: one application, one truth.

use std::fs;

use serde_json::json;

use crate::real::{On, Stage, control, stack, wait_for, wait_for_soon};

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
    // The node is frozen between the end of the application and the question for its log; the worker looks once a second,
    // and so it may be quicker.
    for attempt in 0..5 {
        let name = format!("fetching{attempt}");
        let execution = stage.run(&name, "fails.py", json!({})).await;
        wait_for_soon("an end", async || {
            let applications = stage.applications(&format!("{name}-")).await;
            applications.iter().any(|application| application["finalStatus"] == "FAILED").then_some(())
        })
        .await;
        control(&["freeze", "nm"], &[]);
        let fetching = wait_for("a question for the log, or the answer to the task", async || {
            let asked = is_connected(stage.worker.pid(), &stack("NM"));
            (asked || stage.has_ended(&execution).await).then_some(asked)
        })
        .await;
        let told = stage.has_ended(&execution).await;
        if fetching && !told {
            stage.worker.kill();
            control(&["thaw", "nm"], &[]);
            stage.restart();
        } else {
            control(&["thaw", "nm"], &[]);
        }
        let end = stage.ended(&execution).await;
        assert_eq!((end.status.as_str(), end.error.as_str()), ("FAILED", "SparkJob.Failed"), "{end:?}");
        assert_eq!(end.why()["verdictSource"], "yarn", "{end:?}");
        stage.only(&format!("{name}-")).await;
        stage.nothing_left(&format!("{name}-")).await;
        if fetching && !told {
            return;
        }
    }
    panic!("five times the log was there before its node could be frozen");
}

/// Whether a process has a connection to the port of this address.
fn is_connected(process: u32, url: &str) -> bool {
    let port: u16 = url.rsplit(':').next().and_then(|port| port.parse().ok()).expect("an address has a port");
    let remote = format!(":{port:04X}");
    let table = fs::read_to_string(format!("/proc/{process}/net/tcp")).unwrap_or_default();
    let ours: Vec<String> = fs::read_dir(format!("/proc/{process}/fd"))
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|file| Some(fs::read_link(file.path()).ok()?.to_string_lossy().into_owned()))
        .collect();
    // sl local_address rem_address st … inode; 01: established.
    table.lines().any(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let [_, _, to, "01", inode] = [0, 1, 2, 3, 9].map(|at| fields.get(at).copied().unwrap_or_default())
        else {
            return false;
        };
        to.ends_with(&remote) && ours.contains(&format!("socket:[{inode}]"))
    })
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
