//! What a real Spark says of its jobs and stages: its history server about batches, its driver about sessions.

use serde_json::{Value, json};
use spark_job_worker::log::message_id;
use stand_ins::contract;

use crate::real::{On, Stage, control, get, stack, wait_for};

/// What the task that fails says.
const WORDS: &str = "ValueError: no such rate code: 5, password=";

/// A worker that asks Spark.
async fn stage(name: &str) -> Stage {
    control(&["start", "spark-history"], &[]);
    let more = format!("\n[verify]\nspark = true\nhistory_url = \"{}\"\n", stack("SPARK_HISTORY"));
    Stage::configured(&stack("SFN"), On::Yarn, name, &more).await
}

/// Where event logs go. A failed task is tried once, so that a test need not wait for more.
fn conf() -> Value {
    json!({ "spark.eventLog.enabled": true, "spark.eventLog.dir": stack("EVENTS"), "spark.task.maxFailures": 1 })
}

#[tokio::test]
async fn contract_of_sparks_history_server_on_yarn() {
    let stage = stage("history-contract").await;
    let input = json!({ "Args": ["swallow"], "Conf": conf() });
    let execution = stage.run("history-contract", "rows.py", input).await;
    let end = stage.ended(&execution).await;
    let id = end.output["applicationId"].as_str().unwrap_or_else(|| panic!("{end:?}")).to_owned();
    let url = format!("{}/api/v1/applications/{id}", stack("SPARK_HISTORY"));
    wait_for("the whole log", async || (get(&url).await["attempts"][0]["completed"] == true).then_some(()))
        .await;
    contract::history::cases(&stack("SPARK_HISTORY"), &id, WORDS).await;
    swallowed(&stage, &end.output);
}

/// The success has the number of its failed jobs, and the log names the task.
fn swallowed(stage: &Stage, output: &Value) {
    let said = (&output["state"], &output["verdictSource"], &output["failedJobs"]);
    assert_eq!(said, (&json!("SUCCEEDED"), &json!("yarn"), &json!(1)), "{output}");
    let is_warning = |line: &Value| line["fields"]["message_id"] == message_id::FAILED_WITHIN;
    let line = stage.worker.logged_where("the warning", is_warning).to_string();
    assert!(line.contains("task 1 of stage 1.0 (collect at ") && line.contains(WORDS), "{line}");
    assert!(!line.contains("hunter2"), "{line}");
}

#[tokio::test]
async fn a_batch_that_fails_over_a_task_says_which_from_the_history_server() {
    let stage = stage("history-batch").await;
    let execution = stage.run("history-batch", "rows.py", json!({ "Conf": conf() })).await;
    let end = stage.ended(&execution).await;
    assert_eq!((end.status.as_str(), end.error.as_str()), ("FAILED", "SparkJob.Failed"), "{end:?}");
    let cause = end.why();
    failed_stage(&cause);
    assert_eq!(cause["failedStages"][0]["job"], 1, "{cause}");
    assert!(cause["rootCause"].as_str().is_some_and(|root| root.starts_with(WORDS)), "{cause}");
    stage.nothing_left("history-batch-").await;
}

#[tokio::test]
async fn a_statement_that_fails_over_a_task_says_which_from_its_driver_not_the_history_server() {
    let stage = stage("history-session").await;
    let code = "def checked(code):
    if code == 5:
        raise ValueError('no such rate code: 5, password=hunter2')
    return code
spark.sparkContext.parallelize(range(8), 2).map(checked).collect()";
    let conf = json!({ "spark.task.maxFailures": 1 });
    let input = json!({ "Name": "history-session", "Statements": ["x = 1", code], "Conf": conf });
    let execution = stage.start("history-session", &stage.one_task(), &input).await;
    let end = stage.ended(&execution).await;
    assert_eq!((end.status.as_str(), end.error.as_str()), ("FAILED", "SparkJob.StatementFailed"), "{end:?}");
    let cause = end.why();
    failed_stage(&cause);
    assert_eq!(cause["statement"], 2, "{cause}");
    stage.nothing_left("history-session-").await;
}

/// The cause names the only stage that failed, and shows no secret.
fn failed_stage(cause: &Value) {
    let stages = cause["failedStages"].as_array().unwrap_or_else(|| panic!("{cause}"));
    assert_eq!(stages.len(), 1, "{cause}");
    let stage = &stages[0];
    assert_eq!((&stage["task"], &stage["attempt"]), (&json!(1), &json!(0)), "{cause}");
    assert!(stage["executor"].is_string() && stage["host"].is_string(), "{cause}");
    assert!(stage["reason"].as_str().is_some_and(|reason| reason.starts_with(WORDS)), "{cause}");
    assert!(!cause.to_string().contains("hunter2"), "{cause}");
}
