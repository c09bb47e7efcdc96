//! `pause` and `resume` in front of a Step Functions whose polls stay open for a minute.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use stand_ins::worker::message;

use crate::crash::succeeded;
use crate::real::{On, Stage, control, wait_for};

/// What `/healthz` answers.
async fn health(stage: &Stage) -> (u16, String) {
    let answer = reqwest::get(format!("{}/healthz", stage.endpoint())).await.expect("an answer");
    (answer.status().as_u16(), answer.text().await.expect("a text"))
}

/// Waits until a poll is open.
async fn polls(stage: &Stage) {
    wait_for("a poll", async || {
        let (_, out, _) = stage.told(&["status", "--json"]);
        let status: Value = serde_json::from_str(&out).unwrap_or_default();
        (status["activities"][0]["openPolls"] == 1).then_some(())
    })
    .await;
}

/// Whether an execution's task was handed to a worker.
async fn is_taken(stage: &Stage, execution: &str) -> bool {
    let history = stage.call("GetExecutionHistory", json!({ "executionArn": execution })).await;
    let started = |event: &Value| event["type"] == "ActivityStarted";
    history["events"].as_array().is_some_and(|events| events.iter().any(started))
}

#[tokio::test]
async fn a_paused_worker_finishes_its_job_over_an_upgrade_of_livy_and_a_crash_and_takes_no_other() {
    let mut stage = Stage::new(On::Yarn, "pause").await;
    polls(&stage).await;
    let mut command = stage.command(&["pause"]);
    let mut pausing = command.stdout(Stdio::piped()).spawn().expect("it runs");
    let mut lines = BufReader::new(pausing.stdout.take().expect("piped")).lines();
    let mut line = || lines.next().expect("a line").expect("text");
    assert_eq!(line(), "paused; waiting for 1 poll to end, a minute at most");
    // The open poll still brings a task, and that is run.
    let first = stage.run("before", "sleeps.py", json!({ "Args": [20] })).await;
    assert_eq!(line(), "paused until spark-job-worker resume; no poll is open, and jobs run on");
    assert!(pausing.wait().expect("it ends").success());
    assert!(is_taken(&stage, &first).await);
    let second = stage.run("during", "sleeps.py", json!({ "Args": [1] })).await;
    stage.reaches("before-", "RUNNING").await;
    control(&["stop", "livy-yarn"], &[]);
    control(&["start", "livy-yarn"], &[]);
    stage.worker.kill();
    stage.restart();
    stage.worker.logged("still paused");
    succeeded(&stage, "before-", &first).await;
    assert!(!is_taken(&stage, &second).await, "it waits in Step Functions");
    let (code, text) = health(&stage).await;
    assert!(code == 200 && text.starts_with("ok\nPaused since "), "{code} {text}");
    assert_eq!(stage.told(&["resume"]), (0, "the worker polls again\n".to_owned(), String::new()));
    succeeded(&stage, "during-", &second).await;
    assert_eq!(health(&stage).await, (200, "ok\n".to_owned()));
}

#[tokio::test]
#[ignore = "slow: tests/stack/run --all"]
async fn pause_returns_when_an_idle_poll_has_ended_and_the_pause_ends_by_itself() {
    let stage = Stage::new(On::Yarn, "idle").await;
    polls(&stage).await;
    let begun = Instant::now();
    let (code, out, err) = stage.told(&["pause", "--for", "90s"]);
    let took = begun.elapsed();
    println!("pause took {took:?}:\n{out}{err}");
    assert_eq!((code, err.as_str()), (0, ""), "{out}");
    assert!(out.contains("waiting for 1 poll to end") && out.contains("no poll is open"), "{out}");
    assert!(took > Duration::from_secs(30) && took < Duration::from_secs(65), "{took:?}");
    let execution = stage.run("waits", "sleeps.py", json!({ "Args": [1] })).await;
    assert!(!is_taken(&stage, &execution).await);
    wait_for("the end of the pause", async || is_taken(&stage, &execution).await.then_some(())).await;
    assert!(begun.elapsed() >= Duration::from_secs(90), "{:?}", begun.elapsed());
    let went_on = stage.worker.logged("polls go on");
    assert!(message(&went_on).contains("its time is over"), "{went_on}");
    succeeded(&stage, "waits-", &execution).await;
}
