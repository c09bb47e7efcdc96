//! Jobs that fail, and executions that are stopped.

use serde_json::{Value, json};

use crate::real::{On, Stage, get, stack, wait_for};

#[tokio::test]
async fn a_python_job_that_fails_says_why_with_local_spark() {
    let stage = Stage::new(On::Local, "fails").await;
    let input = json!({"Name": "fails", "File": format!("{}/fails.py", stack("JOBS"))});
    let execution = stage.start("fails", &stage.one_task(), &input).await;
    let end = stage.ended(&execution).await;
    assert_eq!(end.error, "SparkJob.Failed", "{end:?}");
    let cause: Value = serde_json::from_str(&end.cause).expect("a cause is JSON");
    assert!(cause["rootCause"].as_str().is_some_and(|line| line.starts_with("ValueError")), "{cause}");
}

#[tokio::test]
async fn a_file_that_is_not_there_fails_the_submission_on_yarn() {
    let stage = Stage::new(On::Yarn, "missing").await;
    let input = json!({"Name": "missing", "File": format!("{}/not_there.py", stack("JOBS"))});
    let execution = stage.start("missing", &stage.one_task(), &input).await;
    let end = stage.ended(&execution).await;
    assert_eq!(end.error, "SparkJob.SubmitFailed", "{end:?}");
    assert!(end.cause.contains("not_there.py"), "{end:?}");
    assert!(stage.applications("missing-").await.is_empty());
}

#[tokio::test]
async fn a_path_that_livy_refuses_is_a_rejection_and_leaves_no_record() {
    let stage = Stage::new(On::Yarn, "refused").await;
    let input = json!({"Name": "refused", "File": "/etc/hosts"});
    let execution = stage.start("refused", &stage.one_task(), &input).await;
    let end = stage.ended(&execution).await;
    assert_eq!(end.error, "SparkJob.Rejected", "{end:?}");
    assert!(end.cause.contains("cannot be added to user sessions"), "{end:?}");
    wait_for("the deletion of the record", async || stage.batches("refused-").await.is_empty().then_some(()))
        .await;
}

#[tokio::test]
async fn a_stopped_execution_kills_its_application_on_yarn() {
    let stage = Stage::new(On::Yarn, "stopped").await;
    let input = json!({"Name": "endless", "File": format!("{}/sleeps.py", stack("JOBS")), "Args": [300]});
    let execution = stage.start("stopped", &stage.one_task(), &input).await;
    let state = async || {
        let applications = stage.applications("endless-").await;
        applications
            .first()
            .map(|app| (app["id"].clone(), app["state"].as_str().unwrap_or_default().to_owned()))
    };
    let id =
        wait_for("the application", async || state().await.filter(|(_, state)| state == "RUNNING")).await.0;
    stage.stop(&execution).await;
    wait_for("the kill", async || state().await.filter(|(_, state)| state == "KILLED")).await;
    let id = id.as_str().expect("an id");
    let seen = get(&format!("{}/ws/v1/cluster/apps/{id}", stack("RM"))).await;
    assert_eq!(seen["app"]["finalStatus"], "KILLED", "{seen}");
}
