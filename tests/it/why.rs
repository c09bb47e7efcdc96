//! Why a job failed: what its driver wrote is in the cause, wherever YARN keeps it.

use std::time::Duration;

use serde_json::Value;
use stand_ins::http::Fault;

use crate::harness::text;
use crate::truth::Running;

/// What a Python driver in cluster mode writes into its stdout.
const TRACEBACK: &str = "about to fail\nTraceback (most recent call last):\n  File \"etl.py\", line 9, in <module>\n    \
                         raise ValueError(\"no such <rate> & code für: 99\")\nValueError: no such <rate> & code für: 99\n";
/// And what Spark writes beside it.
const STDERR: &str = "26/11/24 02:00:07 ERROR ApplicationMaster: User application exited with status 1\n\
                      org.apache.spark.SparkUserAppException: User application exited with 1\n\
                      26/11/24 02:00:07 INFO ShutdownHookManager: Shutdown hook called\n";

/// A job whose driver has written something and which has not ended yet.
async fn started() -> Running {
    let job = Running::start().await;
    job.yarn().wrote(&job.id, "stdout", TRACEBACK);
    job.yarn().wrote(&job.id, "stderr", STDERR);
    job
}

/// It fails now; the cause.
async fn cause(job: &Running) -> Value {
    let (error, cause) = end(job, "FINISHED", "User application exited with status 1").await;
    assert_eq!(error, "SparkJob.Failed");
    assert!(text(&cause["logUrl"]).contains("/node/containerlogs/"), "{cause}");
    cause
}

async fn end(job: &Running, state: &str, diagnostics: &str) -> (String, Value) {
    job.yarn().diagnose(&job.id, diagnostics);
    job.yarn().set(&job.id, state, "FAILED");
    job.stage.livy.misjudge(&job.name, "dead");
    job.stage.failure(&job.task).await
}

#[tokio::test]
async fn the_cause_has_the_drivers_own_words_from_its_node() {
    let job = started().await;
    let cause = cause(&job).await;
    assert_eq!(cause["rootCause"], "ValueError: no such <rate> & code für: 99");
    assert_eq!(cause["driverStdout"][1], "Traceback (most recent call last):");
    assert_eq!(cause["driverStdout"][2], "  File \"etl.py\", line 9, in <module>");
    assert_eq!(
        cause["driverStderr"][1],
        "org.apache.spark.SparkUserAppException: User application exited with 1"
    );
    assert_eq!(cause["diagnostics"], "User application exited with status 1");
}

#[tokio::test]
async fn a_log_that_is_being_aggregated_is_waited_for_at_the_log_server() {
    let job = started().await;
    job.yarn().aggregate(4);
    let cause = cause(&job).await;
    assert_eq!(cause["rootCause"], "ValueError: no such <rate> & code für: 99");
    assert!(job.yarn().count("GET /jobhistory/logs") >= 6);
}

#[tokio::test]
async fn a_log_that_never_comes_delays_the_outcome_by_seconds_and_no_heartbeat() {
    let job = started().await;
    job.yarn().aggregate(usize::MAX);
    let beats = job.stage.sfn.heartbeats(&job.task).len();
    let began = std::time::Instant::now();
    let cause = cause(&job).await;
    assert!(began.elapsed() < Duration::from_secs(25), "{:?}", began.elapsed());
    assert!(job.stage.sfn.heartbeats(&job.task).len() >= beats + 5);
    assert!(cause.get("driverStdout").is_none(), "{cause}");
    assert_eq!(cause["diagnostics"], "User application exited with status 1");
}

#[tokio::test]
async fn a_dead_node_costs_the_log_and_not_the_outcome() {
    let job = started().await;
    job.yarn().fault_times("GET /node/containerlogs", 100, Fault::Close);
    let cause = cause(&job).await;
    assert!(cause.get("driverStdout").is_none(), "{cause}");
}

#[tokio::test]
async fn only_the_end_of_a_long_log_is_asked_for_and_told() {
    let job = started().await;
    let long: String = (0..50_000).map(|line| format!("line {line}\n")).collect();
    job.yarn().wrote(&job.id, "stderr", &long);
    let cause = cause(&job).await;
    let lines = cause["driverStderr"].as_array().expect("lines");
    assert_eq!(lines.last().map(text), Some("line 49999"));
    assert!((100..=400).contains(&lines.len()), "{}", lines.len());
    assert_eq!(cause["driverStdout"].as_array().map(Vec::len), Some(5), "the short log is whole");
    let asked = &job.yarn().calls_of("GET /node/containerlogs")[0];
    assert_eq!(asked.request.parameter("start").as_deref(), Some("-65536"));
}

#[tokio::test]
async fn secrets_in_a_drivers_log_are_masked() {
    let job = started().await;
    job.yarn().wrote(
        &job.id,
        "stdout",
        "db_password=hunter2\nAKIAIOSFODNN7EXAMPLE\nhttp://u:hunter2@host/\n",
    );
    let cause = cause(&job).await.to_string();
    assert!(!cause.contains("hunter2") && !cause.contains("AKIAIOSFODNN7EXAMPLE"), "{cause}");
    assert!(cause.contains("db_password=***"), "{cause}");
}

#[tokio::test]
async fn the_exit_of_the_drivers_container_gives_the_error_its_name() {
    let table = [
        (
            "Application application_1_0001 failed 1 times due to AM Container for appattempt_1_0001_000001 exited with \
             exitCode: -104\nDiagnostics: Container is running beyond the 'PHYSICAL' memory limit.",
            "SparkJob.OutOfMemory",
        ),
        (
            "AM Container exited with exitCode: 137\njava.lang.OutOfMemoryError: Java heap space",
            "SparkJob.OutOfMemory",
        ),
        (
            "Application application_1_0001 failed 1 times due to AM Container for appattempt_1_0001_000001 exited with \
             exitCode: -100\nDiagnostics: Container released on a *lost* node",
            "SparkJob.NodeLost",
        ),
        ("AM Container exited with exitCode: 137", "SparkJob.Failed"),
        ("User application exited with status 1", "SparkJob.Failed"),
    ];
    for (diagnostics, expected) in table {
        let job = started().await;
        let (error, cause) = end(&job, "FAILED", diagnostics).await;
        assert_eq!(error, expected, "{diagnostics}");
        assert_eq!(cause["verdictSource"], "yarn");
    }
}
