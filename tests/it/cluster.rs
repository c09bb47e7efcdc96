//! The clusters that people have: what is configured wrongly is refused, and Livy and YARN are found.

use std::path::Path;

use stand_ins::livy::Plan;
use stand_ins::worker::{Worker, command};

use crate::harness::{PROGRAM, Stage};

/// A command of the program, with its exit code and all that it says.
fn said(arguments: &[&str], variables: &[(&str, &str)]) -> (Option<i32>, String) {
    let output = command(Path::new(PROGRAM)).args(arguments).envs(variables.iter().copied()).output();
    let output = output.expect("it runs");
    (output.status.code(), String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
}

#[tokio::test]
async fn check_warns_of_waits_that_are_shorter_than_the_shipped_ones() {
    let stage = Stage::new().await;
    let path = stage.directory.path().join("config.toml");
    std::fs::write(&path, stage.config().text()).expect("written");
    let (code, text) = said(&["check", "--config", path.to_str().expect("UTF-8")], &[]);
    assert_eq!(code, Some(0), "{text}");
    for words in [
        "warning: watch.submit_settle = 1s is below the shipped 3m: a job may be submitted twice",
        "warning: watch.kill_settle = 3s is below the shipped 12m",
        "warning: stop.grace = 10s is below the shipped 1m 10s",
    ] {
        assert!(text.contains(words), "{words:?} is not in {text}");
    }
    assert!(!text.contains("watch.start_timeout"), "{text}");
}

#[tokio::test]
async fn a_livy_and_a_yarn_that_want_kerberos_are_told_as_that() {
    let stage = Stage::with_yarn().await;
    stage.livy.demand_kerberos();
    let worker = stage.worker();
    let task = stage.task();
    worker.logged("Livy cannot be used: it wants Kerberos (SPNEGO), which is not supported");
    assert!(stage.sfn.polls(&stage.arn) == 0 && stage.sfn.peek(&task).is_none());
    stage.yarn().demand_kerberos();
    let path = worker.config().to_str().expect("UTF-8").to_owned();
    let run = move || said(&["doctor", "--config", &path], &[]);
    let (_, text) = tokio::task::spawn_blocking(run).await.expect("no panic");
    for check in ["livy", "yarn"] {
        let told = text
            .lines()
            .any(|line| line.starts_with(&format!("fail  {check} ")) && line.contains("it wants Kerberos"));
        assert!(told, "{text}");
    }
}

#[tokio::test]
async fn the_region_is_the_arns_whatever_the_environment_says() {
    let stage = Stage::new().await;
    let path = stage.directory.path().join("config.toml");
    std::fs::write(&path, stage.config().text()).expect("written");
    let elsewhere = [("AWS_REGION", "eu-west-1"), ("AWS_DEFAULT_REGION", "eu-west-1")];
    let _worker = Worker::start_with(Path::new(PROGRAM), &path, &elsewhere);
    stage.output(&stage.task()).await;
    for call in stage.sfn.calls() {
        let signed = call.request.header("authorization").expect("calls are signed");
        assert!(signed.contains("/us-east-1/states/aws4_request"), "{signed}");
    }
}

#[tokio::test]
async fn a_journal_of_another_region_that_cannot_be_answered_ends_the_start_and_kills_nothing() {
    let stage = Stage::with_yarn().await;
    stage.livy.plan(Plan::running());
    let mut worker = stage.worker();
    let task = stage.task();
    let name = stage.submitted("etl-").await;
    worker.logged("runs as application_");
    assert!(worker.stop().success());

    let mut moved = stage.config();
    moved.activities[0].0 = stage.arn.replace("us-east-1", "eu-west-1");
    let mut moved = stage.worker_with(&moved);
    assert_eq!(moved.ended().code(), Some(78));
    let line = moved.logged(&format!("the journal has a task of {}", stage.arn));
    assert_eq!(line["level"], "ERROR");
    assert!(stage.livy.deletes().is_empty() && stage.yarn().kills().is_empty());

    let _back = stage.worker();
    stage.livy.set_state(&name, "success");
    stage.output(&task).await;
}
