//! `pause` and `resume`: no polls for a while. What is open is waited for, what it brings is run, and a restart knows.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use stand_ins::WaitFor;
use stand_ins::livy::Plan;
use stand_ins::worker::{Worker, message};

use crate::admin::{endpoint, get, running, told};
use crate::harness::{PROGRAM, Stage, text};

/// `message_id::PAUSED`.
const PAUSED: &str = "8a5c0e3f7d1b4f96b2e4c7d90a6f1835";

/// Polls that end soon.
async fn stage() -> Stage {
    let stage = Stage::with_yarn().await;
    stage.sfn.hold_polls(Duration::from_millis(400));
    stage
}

fn file(stage: &Stage) -> PathBuf {
    stage.config().state.join("paused")
}

#[track_caller]
fn paused(worker: &Worker, more: &[&str]) -> String {
    let (code, out, err) = told(worker, &[&["pause"], more].concat());
    assert_eq!((code, err.as_str()), (0, ""), "{out}");
    out
}

#[track_caller]
fn resumed(worker: &Worker) {
    assert_eq!(told(worker, &["resume"]), (0, "the worker polls again\n".to_owned(), String::new()));
}

/// Waits for so many sweeps, and looks whether a poll began meanwhile.
async fn polls_none(stage: &Stage) {
    let (polls, lists) = (stage.sfn.count("GetActivityTask"), stage.livy.count("GET /batches"));
    stage.livy.wait_for(|livy| livy.count("GET /batches") >= lists + 12, None).await;
    assert_eq!(stage.sfn.count("GetActivityTask"), polls, "no poll begins");
}

async fn status(url: &str) -> Value {
    serde_json::from_str(&get(&format!("{url}/status")).await.1).expect("JSON")
}

#[tokio::test]
async fn while_paused_no_poll_begins_and_jobs_run_on_until_it_is_said_to_go_on() {
    let stage = stage().await;
    stage.livy.plan(Plan::running());
    let worker = stage.worker();
    let first = stage.task();
    let name = running(&stage, &worker).await;
    let out = paused(&worker, &[]);
    assert!(
        out.ends_with("paused until spark-job-worker resume; no poll is open, and jobs run on\n"),
        "{out}"
    );
    assert_eq!(stage.sfn.open_polls(&stage.arn), 0);
    let second = stage.task();
    polls_none(&stage).await;
    let beats = stage.sfn.heartbeats(&first).len();
    stage.sfn.wait_for(|sfn| sfn.heartbeats(&first).len() > beats, None).await;
    stage.livy.set_state(&name, "success");
    stage.output(&first).await;
    assert_eq!(stage.sfn.token(&second), None, "it waits in Step Functions");
    let again = paused(&worker, &[]);
    assert!(again.contains("until spark-job-worker resume"), "{again}");
    resumed(&worker);
    stage.sfn.wait_for(|sfn| sfn.token(&second).is_some(), None).await;
    worker.logged("polls go on");
    assert_eq!(told(&worker, &["resume"]).1, "the worker was not paused\n");
}

#[tokio::test]
async fn a_pause_is_shown_everywhere_and_is_not_unwell() {
    let stage = stage().await;
    let worker = stage.worker();
    let url = endpoint(&worker);
    stage.polling().await;
    assert_eq!(status(&url).await["paused"], json!(null));
    assert!(get(&format!("{url}/metrics")).await.1.contains("\nsjw_paused 0\n"));
    paused(&worker, &["--for", "2h"]);
    let now = status(&url).await;
    let (since, until) = (text(&now["paused"]["since"]), text(&now["paused"]["until"]));
    let seconds = |text: &str| humantime::parse_rfc3339(text).expect("a time");
    let span = seconds(until).duration_since(seconds(since)).expect("it ends after it began");
    assert!((7_199..=7_201).contains(&span.as_secs()), "{now}");
    assert_eq!((&now["paused"]["openPolls"], &now["phase"]), (&json!(0), &json!("serving")));
    assert_eq!(now["problems"], json!([]));
    let line = format!("Paused since {since}, until {until}: no task is polled, jobs run on");
    assert!(text(&now["status"]).starts_with(&line), "{now}");
    let (code, health) = get(&format!("{url}/healthz")).await;
    assert_eq!((code, health), (200, format!("ok\n{line}\n")));
    assert!(get(&format!("{url}/metrics")).await.1.contains("\nsjw_paused 1\n"));
    assert!(get(&url).await.1.contains(&line));
    let (_, out, _) = told(&worker, &["status"]);
    assert!(out.contains(&line), "{out}");
    let (_, out, _) = told(&worker, &["doctor"]);
    let note = out.lines().find(|line| line.contains("Paused since") && line.contains("resume"));
    assert!(note.is_some_and(|line| line.starts_with("ok ")), "{out}");
    let (code, out, err) = told(&worker, &["check", "--journal"]);
    assert!(code == 0 && out.contains(&format!("the worker is paused until {until}")), "{out}{err}");
    assert!(out.contains("for up to 20 jobs at once, with 1 poll open at a time"), "{out}");
    let said = worker.logged("paused until");
    assert_eq!(said["fields"]["message_id"], PAUSED);
}

#[tokio::test]
async fn pause_returns_when_open_polls_have_ended_and_what_they_bring_runs() {
    let stage = Stage::with_yarn().await;
    stage.sfn.hold_polls(Duration::from_secs(5));
    let worker = stage.worker();
    stage.polling().await;
    let mut command = command(&worker);
    let mut pausing = command.stdout(Stdio::piped()).spawn().expect("it runs");
    let mut lines = BufReader::new(pausing.stdout.take().expect("piped")).lines();
    let first = lines.next().expect("a line").expect("text");
    assert_eq!(first, "paused; waiting for 1 poll to end, a minute at most");
    let task = stage.task();
    stage.output(&task).await;
    assert!(pausing.wait().expect("it ends").success());
    polls_none(&stage).await;
}

/// `pause` against a worker.
fn command(worker: &Worker) -> Command {
    let mut command = Command::new(PROGRAM);
    command.arg("pause").arg("--config").arg(worker.config());
    command
}

#[tokio::test]
async fn who_interrupts_pause_is_told_that_the_worker_stays_paused() {
    let stage = Stage::with_yarn().await;
    stage.sfn.hold_polls(Duration::from_secs(20));
    let worker = stage.worker();
    stage.polling().await;
    let mut pausing =
        command(&worker).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it runs");
    let mut out = BufReader::new(pausing.stdout.take().expect("piped"));
    out.read_line(&mut String::new()).expect("it waits");
    let interrupted = Command::new("kill").arg("-INT").arg(pausing.id().to_string()).status();
    assert!(interrupted.expect("kill runs").success());
    let output = pausing.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(1));
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(told.contains("stays paused") && told.contains("resume"), "{told}");
    assert!(file(&stage).exists());
}

#[tokio::test]
async fn a_pause_outlives_a_crash_and_a_stop_and_is_said_at_the_start() {
    let stage = stage().await;
    let mut worker = stage.worker();
    stage.polling().await;
    paused(&worker, &[]);
    let mode = fs::metadata(file(&stage)).expect("it is kept").permissions().mode() & 0o7777;
    assert_eq!(mode, 0o600);
    let task = stage.task();
    worker.kill();
    for _ in 0..2 {
        worker = stage.worker();
        let line = worker.logged("still paused");
        assert_eq!(line["fields"]["message_id"], PAUSED);
        polls_none(&stage).await;
        assert!(worker.stop().success());
    }
    let worker = stage.worker();
    worker.logged("still paused");
    // The socket is there before the endpoint.
    endpoint(&worker);
    resumed(&worker);
    assert!(!file(&stage).exists());
    stage.output(&task).await;
}

#[tokio::test]
async fn a_pause_for_a_while_ends_by_itself_with_or_without_a_restart() {
    let stage = stage().await;
    let mut worker = stage.worker();
    stage.polling().await;
    let begun = Instant::now();
    paused(&worker, &["--for", "3s"]);
    let task = stage.task();
    stage.output(&task).await;
    assert!(begun.elapsed() >= Duration::from_secs(3), "{:?}", begun.elapsed());
    worker.logged("its time is over");
    assert!(!file(&stage).exists());
    let begun = Instant::now();
    paused(&worker, &["--for", "5s"]);
    worker.kill();
    let worker = stage.worker();
    worker.logged("still paused");
    let task = stage.task();
    stage.output(&task).await;
    let passed = begun.elapsed();
    assert!(passed >= Duration::from_secs(4) && passed < Duration::from_secs(20), "{passed:?}");
}

#[tokio::test]
async fn who_waits_for_polls_is_told_why_the_pause_ended_before_them() {
    let stage = Stage::with_yarn().await;
    stage.sfn.hold_polls(Duration::from_secs(20));
    let worker = stage.worker();
    stage.polling().await;
    let (code, _, err) = told(&worker, &["pause", "--for", "1s"]);
    let over = "the pause was over before the open polls had ended, and the worker polls again; give --for a minute or more\n";
    assert_eq!((code, err.as_str()), (1, over));
    let mut command = command(&worker);
    command.args(["--for", "2h"]).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut pausing = command.spawn().expect("it runs");
    let mut out = BufReader::new(pausing.stdout.take().expect("piped"));
    out.read_line(&mut String::new()).expect("it waits");
    resumed(&worker);
    let output = pausing.wait_with_output().expect("it ends");
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(
        (output.status.code(), told.as_str()),
        (Some(1), "the worker was resumed meanwhile, and polls again\n")
    );
}

#[tokio::test]
async fn a_pause_that_cannot_be_kept_holds_and_says_that_a_restart_forgets_it() {
    let stage = stage().await;
    let mut worker = stage.worker();
    stage.polling().await;
    // Nothing can be written there, whoever writes.
    let blocked = file(&stage).with_extension("tmp");
    fs::create_dir(&blocked).expect("made");
    let (code, _, err) = told(&worker, &["pause"]);
    assert_eq!(code, 1, "{err}");
    assert!(
        err.contains("the worker is paused, but only until it is restarted: ") && err.contains("paused"),
        "{err}"
    );
    assert!(err.ends_with("; make the state directory writable, and run pause once more\n"), "{err}");
    polls_none(&stage).await;
    let url = endpoint(&worker);
    assert!(text(&status(&url).await["status"]).contains("a restart will not know of it"));
    fs::remove_dir(&blocked).expect("removed");
    paused(&worker, &[]);
    assert!(file(&stage).exists());
    fs::remove_file(file(&stage)).expect("removed");
    fs::create_dir(file(&stage)).expect("made");
    let (code, _, err) = told(&worker, &["resume"]);
    assert!(code == 1 && err.contains("polls again, and a restart may pause it again"), "{err}");
    let polls = stage.sfn.count("GetActivityTask");
    stage.sfn.wait_for(|sfn| sfn.count("GetActivityTask") > polls, None).await;
    assert!(worker.stop().success());
}

#[tokio::test]
async fn a_file_that_cannot_be_read_pauses_loudly_and_resume_mends_it() {
    let stage = stage().await;
    fs::create_dir_all(stage.config().state).expect("made");
    fs::write(file(&stage), "spark-job-worker-paused 1 00\n{}").expect("written");
    let worker = stage.worker();
    let line = worker.logged("and cannot be read");
    assert_eq!((&line["level"], &line["fields"]["message_id"]), (&json!("ERROR"), &json!(PAUSED)));
    assert!(message(&line).contains("spark-job-worker resume"), "{line}");
    polls_none(&stage).await;
    let url = endpoint(&worker);
    let (code, why) = get(&format!("{url}/healthz")).await;
    assert!(code == 503 && why.contains("says that polls are paused, and cannot be read"), "{code} {why}");
    let (code, _, err) = told(&worker, &["check", "--journal"]);
    assert!(code == 0 && err.contains("cannot be read"), "{err}");
    resumed(&worker);
    stage.output(&stage.task()).await;
    assert_eq!(get(&format!("{url}/healthz")).await, (200, "ok\n".to_owned()));
}

#[tokio::test]
async fn a_worker_without_livy_can_be_paused_and_trouble_of_polls_is_no_problem_of_a_pause() {
    let stage = stage().await;
    let worker = stage.worker();
    stage.polling().await;
    stage.sfn.down().await;
    worker.logged("cannot be reached");
    paused(&worker, &[]);
    let url = endpoint(&worker);
    assert_eq!(get(&format!("{url}/healthz")).await.0, 200);
    stage.livy.down().await;
    worker.logged("Livy does not answer");
    let (code, why) = get(&format!("{url}/healthz")).await;
    assert!(code == 503 && why.contains("Livy does not answer") && why.contains("Paused since"), "{why}");
    stage.livy.up().await;
    stage.sfn.up().await;
    resumed(&worker);
    // The poll that the outage cut off has ended in the service, too.
    worker.logged("polls are answered again");
    stage.output(&stage.task()).await;
}

#[tokio::test]
async fn a_length_that_is_none_is_a_usage_error_and_without_a_daemon_nothing_is_paused() {
    let stage = stage().await;
    let mut worker = stage.worker();
    stage.polling().await;
    for (length, why) in
        [("0s", "from 1s to 30days"), ("31days", "from 1s to 30days"), ("soon", "90s, 20m, 2h")]
    {
        let (code, _, err) = told(&worker, &["pause", "--for", length]);
        assert!(code == 2 && err.contains(why), "{length}: {code} {err}");
    }
    assert!(!file(&stage).exists());
    assert!(worker.stop().success());
    for command in ["pause", "resume"] {
        let (code, _, err) = told(&worker, &[command]);
        assert!(code == 1 && err.contains("no daemon answers"), "{err}");
    }
    assert!(!file(&stage).exists());
}
