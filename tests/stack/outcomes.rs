//! What becomes of a job on YARN, by scenario: what Step Functions sees, how many applications there are, and that
//! nothing is left running. Success, crashes and restarts are in `crash.rs`, what never reaches YARN in `abort.rs`.

use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use crate::crash::succeeded;
use crate::real::{On, Stage, control, has_processes, input, stack, wait_for};

/// For jobs that somebody ends.
const LONG: u32 = 300;

#[tokio::test]
async fn a_python_job_that_fails_says_why_from_its_node() {
    let stage = Stage::new(On::Yarn, "python").await;
    let execution = stage.run("python", "fails.py", json!({})).await;
    fails_in_python(&stage, "python-", &execution).await;
}

#[tokio::test]
async fn a_python_job_that_fails_says_why_from_the_log_server() {
    let stage = Stage::new(On::Yarn, "aggregated").await;
    control(&["stop", "nm"], &[]);
    control(&["start", "nm"], &[("LOG_AGGREGATION", "on")]);
    let execution = stage.run("aggregated", "fails.py", json!({})).await;
    fails_in_python(&stage, "aggregated-", &execution).await;
    given_away(&stage, "aggregated-").await;
    // And so a second job's log comes from where the first one's is now, or will be.
    let execution = stage.run("again", "fails.py", json!({})).await;
    fails_in_python(&stage, "again-", &execution).await;
    control(&["stop", "nm"], &[]);
    control(&["start", "nm"], &[]);
}

/// Waits until the node has given the log of a job away: whoever asks it is sent on.
async fn given_away(stage: &Stage, prefix: &str) {
    let application = stage.only(prefix).await;
    let page = format!("{}/stdout/?start=-4096", application["amContainerLogs"].as_str().unwrap_or_default());
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build();
    let client = client.expect("a client");
    wait_for("the aggregation", async || {
        let status = client.get(&page).send().await.ok()?.status();
        status.is_redirection().then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_drivers_log_is_followed_to_its_end_and_read_from_the_log_server_afterwards() {
    let stage = Stage::new(On::Yarn, "logs").await;
    control(&["stop", "nm"], &[]);
    control(&["start", "nm"], &[("LOG_AGGREGATION", "on")]);
    let execution = stage.run("logs", "fails.py", json!({})).await;
    let batch = stage.posted("logs-").await;
    let name = batch["name"].as_str().unwrap_or_default();
    let (code, out, err) = logs(&stage, &["--follow", name]);
    println!("followed:\n{out}\n{err}");
    assert_eq!(code, 0, "{err}");
    let words = ["about to fail", "Traceback (most recent call last):", "ValueError: no such rate code: 99"];
    assert!(words.iter().all(|word| out.lines().any(|line| line == *word)), "{out}");
    assert_eq!(out.lines().filter(|line| *line == words[0]).count(), 1, "nothing is shown twice: {out}");
    fails_in_python(&stage, "logs-", &execution).await;
    let driver = &out[out.find(words[0]).unwrap_or_default()..];
    given_away(&stage, "logs-").await;
    wait_for("the log server", async || {
        let (code, out, err) = logs(&stage, &[name]);
        println!("afterwards: {code}\n{err}");
        (code == 0 && out == driver).then_some(())
    })
    .await;
    let (code, out, err) = logs(&stage, &[name, "--stderr", "--follow"]);
    assert_eq!(code, 0, "{err}");
    assert!(out.contains("SparkUserAppException") || out.contains("exited with status 1"), "{out}");
    control(&["stop", "nm"], &[]);
    control(&["start", "nm"], &[]);
}

/// `logs` of the stage's daemon.
fn logs(stage: &Stage, arguments: &[&str]) -> (i32, String, String) {
    stage.told(&[&["logs"], arguments].concat())
}

/// The cause has YARN's diagnostics and the driver's own words.
async fn fails_in_python(stage: &Stage, prefix: &str, execution: &str) {
    let cause = failed(stage, prefix, execution, "SparkJob.Failed", "FAILED").await;
    assert!(cause["diagnostics"].to_string().contains("exited with status 1"), "{cause}");
    assert_eq!(cause["rootCause"], "ValueError: no such rate code: 99", "{cause}");
    let lines = |key: &str| cause[key].as_array().cloned().unwrap_or_default();
    assert!(
        lines("driverStdout").iter().any(|line| *line == "Traceback (most recent call last):"),
        "{cause}"
    );
    assert!(!lines("driverStderr").is_empty(), "{cause}");
}

#[tokio::test]
async fn a_java_job_that_fails_says_what_caused_it() {
    let stage = Stage::new(On::Yarn, "java").await;
    let execution = stage.run("java", "jobs.jar", json!({"ClassName": "Fails"})).await;
    let cause = failed(&stage, "java-", &execution, "SparkJob.Failed", "FAILED").await;
    let root = cause["rootCause"].as_str().unwrap_or_default();
    assert!(root.contains("java.lang.NumberFormatException: For input string: \"99 miles\""), "{cause}");
    assert!(cause.to_string().contains("java.lang.IllegalStateException: no such rate code"), "{cause}");
}

#[tokio::test]
#[ignore = "slow: tests/stack/run --all"]
async fn a_class_that_is_not_in_the_jar() {
    let stage = Stage::new(On::Yarn, "class").await;
    let execution = stage.run("class", "jobs.jar", json!({"ClassName": "com.example.Nowhere"})).await;
    let cause = failed(&stage, "class-", &execution, "SparkJob.Failed", "FAILED").await;
    let root = cause["rootCause"].as_str().unwrap_or_default();
    assert!(root.contains("ClassNotFoundException: com.example.Nowhere"), "{cause}");
}

#[tokio::test]
async fn a_queue_that_does_not_exist_fails_the_application() {
    let stage = Stage::new(On::Yarn, "queue").await;
    let execution = stage.run("queue", "sleeps.py", json!({"Args": [1], "Queue": "nosuch"})).await;
    let cause = failed(&stage, "queue-", &execution, "SparkJob.Failed", "FAILED").await;
    assert!(cause.to_string().contains("unknown queue: nosuch"), "{cause}");
}

#[tokio::test]
async fn an_application_killed_through_the_resource_manager_is_killed() {
    let stage = Stage::new(On::Yarn, "operator").await;
    let execution = stage.run("operator", "sleeps.py", json!({"Args": [LONG]})).await;
    let application = stage.reaches("operator-", "RUNNING").await;
    let id = application["id"].as_str().expect("an id");
    let put = reqwest::Client::new()
        .put(format!("{}/ws/v1/cluster/apps/{id}/state", stack("RM")))
        .header("content-type", "application/json")
        .body(json!({"state": "KILLED"}).to_string());
    let answer = put.send().await.expect("an answer");
    assert!(answer.status().is_success(), "{answer:?}");
    failed(&stage, "operator-", &execution, "SparkJob.Killed", "KILLED").await;
}

#[tokio::test]
#[ignore = "slow: tests/stack/run --all"]
async fn a_batch_deleted_by_hand_takes_its_application_with_it() {
    let stage = Stage::new(On::Yarn, "deleted").await;
    let execution = stage.run("deleted", "sleeps.py", json!({"Args": [LONG]})).await;
    stage.reaches("deleted-", "RUNNING").await;
    let batch = stage.posted("deleted-").await;
    let url = format!("{}/batches/{}", stack("LIVY_YARN"), batch["id"]);
    let answer = reqwest::Client::new().delete(url).send().await.expect("an answer");
    assert!(answer.status().is_success(), "{answer:?}");
    failed(&stage, "deleted-", &execution, "SparkJob.Killed", "KILLED").await;
}

#[tokio::test]
async fn an_execution_stopped_while_queued_kills_its_application() {
    let stage = Stage::new(On::Yarn, "queued").await;
    // The second job's driver needs nearly the whole node, so the first one keeps it waiting.
    let first = stage.run("first", "sleeps.py", json!({"Args": [LONG]})).await;
    stage.reaches("first-", "RUNNING").await;
    let second = stage.run("second", "sleeps.py", json!({"Args": [LONG], "DriverMemory": "7g"})).await;
    stage.reaches("second-", "ACCEPTED").await;
    stage.stop(&second).await;
    killed(&stage, "second-", &second).await;
    assert_eq!(stage.only("first-").await["state"], "RUNNING", "nobody stopped this one");
    stage.stop(&first).await;
    killed(&stage, "first-", &first).await;
    stage.nothing_left("second-").await;
    stage.nothing_left("first-").await;
}

#[tokio::test]
#[ignore = "slow: tests/stack/run --all"]
async fn an_execution_stopped_while_starting_kills_its_application() {
    let stage = Stage::new(On::Yarn, "starting").await;
    let execution = stage.run("starting", "sleeps.py", json!({"Args": [LONG]})).await;
    stage.posted("starting-").await;
    stage.stop(&execution).await;
    killed(&stage, "starting-", &execution).await;
    stage.nothing_left("starting-").await;
}

#[tokio::test]
async fn an_execution_stopped_while_running_kills_its_application() {
    let stage = Stage::new(On::Yarn, "stopped").await;
    let execution = stage.run("endless", "sleeps.py", json!({"Args": [LONG]})).await;
    let application = stage.reaches("endless-", "RUNNING").await;
    assert!(has_processes(&application), "what finds nothing left finds what runs");
    stage.stop(&execution).await;
    killed(&stage, "endless-", &execution).await;
    killed_in_time(&stage, "endless-").await;
    stage.nothing_left("endless-").await;
}

#[tokio::test]
async fn a_task_that_the_service_calls_timed_out_has_its_application_killed() {
    let stage = Stage::at(&stack("FAULTS"), On::Yarn, "timedout").await;
    let execution = stage.run("timedout", "sleeps.py", json!({"Args": [LONG]})).await;
    stage.reaches("timedout-", "RUNNING").await;
    let fault =
        json!([{"operation": "SendTaskHeartbeat", "error": {"code": "TaskTimedOut", "message": "gone"}}]);
    faults(&fault).await;
    stage.reaches("timedout-", "KILLED").await;
    faults(&json!([])).await;
    killed_in_time(&stage, "timedout-").await;
    stage.stop(&execution).await;
    stage.nothing_left("timedout-").await;
    stage.only("timedout-").await;
}

/// Sets the rules of the fault proxy.
async fn faults(rules: &Value) {
    let url = format!("{}/_microburst/rules", stack("FAULTS"));
    let post = reqwest::Client::new().post(url).header("content-type", "application/json");
    let answer = post.body(rules.to_string()).send().await.expect("an answer");
    assert!(answer.status().is_success(), "{answer:?}");
}

/// From the heartbeat's answer to KILLED in YARN.
async fn killed_in_time(stage: &Stage, prefix: &str) {
    let line = stage.worker.logged("nobody waits for");
    let told = humantime::parse_rfc3339(line["timestamp"].as_str().unwrap_or_default()).expect("a time");
    let told = told.duration_since(SystemTime::UNIX_EPOCH).expect("after 1970");
    let finished = stage.only(prefix).await["finishedTime"].as_u64().expect("a time");
    let took = Duration::from_millis(finished).saturating_sub(told);
    println!("{prefix}: from the heartbeat's answer to KILLED in YARN {took:?}");
    assert!(took <= Duration::from_secs(10), "{took:?}");
}

#[tokio::test]
async fn a_worker_paused_for_longer_than_its_heartbeats_kills_what_nobody_waits_for() {
    let stage = Stage::new(On::Yarn, "paused").await;
    let mut definition = stage.one_task();
    definition["States"]["Job"]["HeartbeatSeconds"] = json!(10);
    let execution =
        stage.start("paused", &definition, &input("paused", "sleeps.py", json!({"Args": [LONG]}))).await;
    stage.reaches("paused-", "RUNNING").await;
    stage.worker.signal("STOP");
    let end = stage.ended(&execution).await;
    // LocalStack says States.Timeout where the service says States.HeartbeatTimeout; Retry takes either.
    assert!(["States.Timeout", "States.HeartbeatTimeout"].contains(&end.error.as_str()), "{end:?}");
    assert_eq!(stage.only("paused-").await["state"], "RUNNING", "nobody is there to kill it");
    stage.worker.signal("CONT");
    stage.reaches("paused-", "KILLED").await;
    stage.nothing_left("paused-").await;
    stage.only("paused-").await;
}

#[tokio::test]
#[ignore = "slow: tests/stack/run --all"]
async fn a_node_manager_killed_mid_job_loses_the_driver() {
    let stage = Stage::new(On::Yarn, "node").await;
    let execution = stage.run("node", "sleeps.py", json!({"Args": [20]})).await;
    stage.reaches("node-", "RUNNING").await;
    // Its containers outlive it, and the next one knows nothing of them.
    control(&["kill", "nm"], &[]);
    control(&["start", "nm"], &[]);
    let cause = failed(&stage, "node-", &execution, "SparkJob.NodeLost", "FAILED").await;
    assert!(cause.to_string().contains("Container released on a *lost* node"), "{cause}");
}

#[tokio::test]
#[ignore = "slow: tests/stack/run --all"]
async fn two_jobs_with_one_name_at_once_are_two_applications() {
    let stage = Stage::new(On::Yarn, "twins").await;
    let mut executions = Vec::new();
    for _ in 0..2 {
        executions.push(stage.run("twin", "sleeps.py", json!({"Args": [10]})).await);
    }
    wait_for("two applications at once", async || {
        let applications = stage.applications("twin-").await;
        (applications.len() == 2 && applications.iter().all(|app| app["finalStatus"] == "UNDEFINED"))
            .then_some(())
    })
    .await;
    let mut outputs = Vec::new();
    for execution in &executions {
        let end = stage.ended(execution).await;
        assert_eq!(end.status, "SUCCEEDED", "{end:?}");
        assert_eq!(end.output["verdictSource"], "yarn", "{end:?}");
        outputs.push(end.output);
    }
    stage.nothing_left("twin-").await;
    for key in ["name", "batchId", "applicationId"] {
        assert_ne!(outputs[0][key], outputs[1][key], "{outputs:?}");
    }
    let applications = stage.applications("twin-").await;
    assert_eq!(applications.len(), 2, "{applications:?}");
    assert!(applications.iter().all(|app| app["finalStatus"] == "SUCCEEDED"), "{applications:?}");
}

#[tokio::test]
#[ignore = "slow: tests/stack/run --all"]
async fn a_java_job_succeeds_on_yarn() {
    let stage = Stage::new(On::Yarn, "pi").await;
    let execution = stage.run("pi", "jobs.jar", json!({"ClassName": "Pi", "Args": [1000]})).await;
    succeeded(&stage, "pi-", &execution).await;
}

/// The execution failed, by YARN's word, with one application that ended so, and nothing is left. Returns the cause.
async fn failed(stage: &Stage, prefix: &str, execution: &str, error: &str, status: &str) -> Value {
    let end = stage.ended(execution).await;
    assert_eq!((end.status.as_str(), end.error.as_str()), ("FAILED", error), "{end:?}");
    let cause = end.why();
    assert_eq!(cause["verdictSource"], "yarn", "{cause}");
    let application = stage.only(prefix).await;
    assert_eq!(application["finalStatus"], status, "{application}");
    assert_eq!(cause["applicationId"], application["id"], "{cause}");
    stage.nothing_left(prefix).await;
    stage.only(prefix).await;
    cause
}

/// The execution was stopped, and its one application is killed.
async fn killed(stage: &Stage, prefix: &str, execution: &str) {
    stage.reaches(prefix, "KILLED").await;
    let application = stage.only(prefix).await;
    assert_eq!(application["finalStatus"], "KILLED", "{application}");
    let end = stage.ended(execution).await;
    // ABORTED with the service; LocalStack ends a stopped execution as FAILED.
    assert!(["ABORTED", "FAILED"].contains(&end.status.as_str()), "{end:?}");
    assert_ne!(end.error, "SparkJob.Killed", "nobody waits for a report: {end:?}");
}
