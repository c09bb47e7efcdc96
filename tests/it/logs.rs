//! `logs`: the driver's own words while a job runs and afterwards, wherever YARN keeps them, and without its secrets.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use stand_ins::WaitFor;
use stand_ins::http::Fault;
use stand_ins::livy::Plan;
use stand_ins::worker::{LIMIT, Worker};

use crate::admin::{running, told};
use crate::crash::forgotten;
use crate::harness::{PROGRAM, Stage, text};
use crate::history::ended;
use crate::truth::Running;

/// `logs --follow` as a process, with the lines that it prints.
struct Following {
    child: Child,
    lines: Receiver<String>,
}

impl Following {
    fn start(worker: &Worker, arguments: &[&str]) -> Following {
        let mut child = Command::new(PROGRAM)
            .args(["logs", "--follow"])
            .args(arguments)
            .arg("--config")
            .arg(worker.config())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it runs");
        let (send, lines) = channel();
        let out = BufReader::new(child.stdout.take().expect("piped"));
        std::thread::spawn(move || out.lines().map_while(Result::ok).try_for_each(|line| send.send(line)));
        Following { child, lines }
    }

    /// The next line that it prints.
    #[track_caller]
    fn line(&self) -> String {
        self.lines.recv_timeout(LIMIT).expect("a line")
    }

    /// Exit code, the lines that were not read yet, and what it said beside them.
    fn end(mut self) -> (i32, Vec<String>, String) {
        let code = self.child.wait().expect("it ends").code().unwrap_or(-1);
        let mut err = String::new();
        self.child.stderr.take().expect("piped").read_to_string(&mut err).expect("UTF-8");
        (code, self.lines.iter().collect(), err)
    }
}

/// A job whose driver runs.
async fn driven() -> Running {
    let job = Running::start().await;
    job.worker.logged(&format!("{} is RUNNING in YARN", job.name));
    job
}

/// Ends the job of a stage as YARN and Livy tell it.
fn end(job: &Running, state: &str, status: &str) {
    job.yarn().set(&job.id, state, status);
    job.stage.livy.misjudge(&job.name, if status == "SUCCEEDED" { "success" } else { "dead" });
}

#[tokio::test]
async fn the_drivers_words_are_shown_by_each_name_of_the_job_and_without_secrets() {
    let job = driven().await;
    let wrote = "rate 7 für <b>\n\tat a.B.c(B.java:7)\npassword=hunter2 \u{1b}[2J\r\nlast";
    job.yarn().wrote(&job.id, "stdout", wrote);
    job.yarn().wrote(&job.id, "stderr", "26/11/28 INFO token=t0ps3cr3t\n");
    let task = job.name.rsplit('-').next().expect("an id").to_owned();
    let shown = "rate 7 für <b>\n    at a.B.c(B.java:7)\npassword=*** \\u001b[2J\nlast\n";
    for name in [task.as_str(), &job.name, "etl", "exec-1", &job.id] {
        assert_eq!(told(&job.worker, &["logs", name]), (0, shown.to_owned(), String::new()), "{name}");
    }
    let raw = shown.replace("***", "hunter2");
    assert_eq!(told(&job.worker, &["logs", "etl", "--raw", "--stdout"]), (0, raw, String::new()));
    let (code, out, err) = told(&job.worker, &["logs", "etl", "--stderr"]);
    assert_eq!((code, out.as_str(), err.as_str()), (0, "26/11/28 INFO token=***\n", ""));
    assert_eq!(told(&job.worker, &["logs", "etl", "--stderr", "--stdout"]).0, 2);
}

#[tokio::test]
async fn of_a_long_log_the_last_lines_are_shown_and_what_is_left_out_is_said() {
    let job = driven().await;
    let long: String = (0..50_000).map(|line| format!("line {line} für\n")).collect();
    job.yarn().wrote(&job.id, "stdout", &long);
    let (code, out, err) = told(&job.worker, &["logs", "etl"]);
    assert_eq!(code, 0, "{err}");
    let left = long.len() - (64 << 10);
    let note = format!("the last 64 KiB of stdout of {} ({})", job.name, job.id);
    assert_eq!(err, format!("{note}; {left} bytes before are left out\n"));
    assert!(long.ends_with(&out) && out.starts_with("line "), "whole lines: {}", &out[..40]);
    assert!(((64 << 10) - 40..=64 << 10).contains(&out.len()), "{}", out.len());
    for call in job.yarn().calls_of("GET /node/containerlogs") {
        assert!(call.request.parameter("end").is_some(), "each answer is bounded");
    }
    // Empty, and another stream has more.
    let (code, out, err) = told(&job.worker, &["logs", "etl", "--stderr"]);
    assert_eq!((code, out.as_str()), (0, ""));
    assert!(err.contains("stderr of ") && err.contains("--stdout has what the job prints"), "{err}");
}

#[tokio::test]
async fn follow_shows_what_is_new_until_the_job_has_ended_and_no_half_of_a_secret() {
    let job = driven().await;
    let mut wrote = "one\npass".to_owned();
    let write = |wrote: &str| job.yarn().wrote(&job.id, "stdout", wrote);
    write(&wrote);
    let following = Following::start(&job.worker, &["exec-1"]);
    assert_eq!(following.line(), "one");
    wrote += "word=hun";
    write(&wrote);
    let looks = job.yarn().count("GET /node/containerlogs");
    job.yarn().wait_for(|yarn| yarn.count("GET /node/containerlogs") > looks + 1, None).await;
    wrote += "ter2\nzwei ü\n";
    write(&wrote);
    assert_eq!((following.line().as_str(), following.line().as_str()), ("password=***", "zwei ü"));
    // More than one answer has.
    let many: String = (0..9_000).map(|line| format!("line {line} \"quoted\"\n")).collect();
    wrote += &many;
    write(&wrote);
    for line in many.lines() {
        assert_eq!(following.line(), line);
    }
    wrote += "and the end";
    write(&wrote);
    // Its node gives the log away meanwhile, and its task becomes a line of the history.
    job.yarn().aggregate(3);
    end(&job, "FINISHED", "SUCCEEDED");
    let output = job.stage.output(&job.task).await;
    assert_eq!(output["state"], "SUCCEEDED");
    let (code, rest, err) = following.end();
    assert_eq!((code, rest), (0, vec!["and the end".to_owned()]), "{err}");
    assert_eq!(err, "");
}

#[tokio::test]
async fn a_line_without_end_is_cut_and_what_is_no_text_moves_no_place() {
    let job = driven().await;
    let secret = format!("{} password=hunter2", "x".repeat(40_000));
    let wrote = format!("first\n{secret}\nsecond\n");
    job.yarn().wrote(&job.id, "stdout", &wrote);
    let (code, out, err) = told(&job.worker, &["logs", "etl"]);
    let lines: Vec<&str> = out.lines().collect();
    assert_eq!((code, lines[0], lines[2], err.as_str()), (0, "first", "second", ""));
    assert!(lines[1].starts_with("xxx") && lines[1].ends_with("[… more than 32 KiB in one line]"), "{err}");
    let (_, out, _) = told(&job.worker, &["logs", "etl", "--raw"]);
    assert_eq!(out.replace('\n', ""), wrote.replace('\n', ""), "nothing is left out");

    let following = Following::start(&job.worker, &["etl", "--stderr"]);
    let mut bytes = b"pat\xe9\nna\xefve\n".to_vec();
    job.yarn().wrote(&job.id, "stderr", &bytes);
    assert_eq!((following.line().as_str(), following.line().as_str()), ("pat\u{fffd}", "na\u{fffd}ve"));
    bytes.extend_from_slice(b"whole\n");
    job.yarn().wrote(&job.id, "stderr", &bytes);
    assert_eq!(following.line(), "whole");
    end(&job, "KILLED", "KILLED");
    assert_eq!(following.end().0, 0);
}

#[tokio::test]
async fn a_finished_job_is_read_from_the_log_server_after_a_restart_too() {
    let mut job = driven().await;
    job.yarn().wrote(&job.id, "stdout", "Traceback (most recent call last):\nValueError: no rate\n");
    end(&job, "FINISHED", "FAILED");
    job.stage.failure(&job.task).await;
    ended(&job.stage, &job.worker, 1).await;
    job.worker.stop();
    let worker = job.stage.worker();
    worker.logged("started");
    job.yarn().aggregate(1);
    let (code, out, err) = told(&worker, &["logs", "exec-1"]);
    assert_eq!((code, out.as_str()), (1, ""));
    assert!(err.contains("Aggregation may not be complete") && err.contains("try again"), "{err}");
    let shown = "Traceback (most recent call last):\nValueError: no rate\n";
    assert_eq!(told(&worker, &["logs", "exec-1"]), (0, shown.to_owned(), String::new()));
    assert_eq!(told(&worker, &["logs", "--follow", &job.id]), (0, shown.to_owned(), String::new()));
    assert!(job.yarn().count("GET /jobhistory/logs") >= 3);
    // Nobody collects logs.
    job.yarn().have_no_logs("Aggregation is not enabled. Try the nodemanager at localhost:8041");
    let (code, _, err) = told(&worker, &["logs", "--follow", "etl"]);
    assert_eq!(code, 1);
    assert!(
        err.contains("Aggregation is not enabled") && err.contains("yarn.log-aggregation-enable"),
        "{err}"
    );
}

#[tokio::test]
async fn before_there_is_an_application_spark_submit_speaks_and_then_the_driver() {
    let stage = Stage::with_yarn().await;
    let late = Duration::from_secs(60);
    stage.livy.plan(Plan::running().starts_after(Duration::ZERO).app_id_after(late));
    let worker = stage.worker();
    stage.polling().await;
    // Nobody knows the application.
    stage.yarn().fault_times("GET /apps", usize::MAX, Fault::Close);
    stage.task();
    let name = stage.submitted("etl-").await;
    worker.logged(&format!("{name} is batch 0 of Livy"));
    stage.livy.log(&name, ["uploading a.jar", "--password hunter2"]);
    let following = Following::start(&worker, &["etl"]);
    let first: Vec<String> = (0..3).map(|_| following.line()).collect();
    assert_eq!(first, ["stdout: ", "uploading a.jar", "--password ***"]);
    stage.yarn().clear_faults();
    running(&stage, &worker).await;
    let id = stage.livy.live_applications()[0].id.clone().expect("an id");
    stage.yarn().wrote(&id, "stdout", "the driver\n");
    while following.line() != "the driver" {}
    stage.yarn().set(&id, "FINISHED", "SUCCEEDED");
    let (code, rest, err) = following.end();
    assert_eq!((code, rest.len()), (0, 0), "{err}");
    assert!(err.contains("has no application yet: this is what spark-submit says"), "{err}");
}

#[tokio::test]
async fn what_is_in_the_way_is_said_with_what_to_do() {
    let mut job = driven().await;
    let says = |worker: &Worker, arguments: &[&str], words: &[&str]| {
        let (code, out, err) = told(worker, &[&["logs"], arguments].concat());
        assert_eq!((code, out.as_str()), (1, ""), "{arguments:?}");
        assert!(words.iter().all(|word| err.contains(word)), "{arguments:?}: {err}");
    };
    says(&job.worker, &["nobody\u{1b}[2J"], &["nothing is called", "spark-job-worker status"]);
    says(&job.worker, &["application_1_9999"], &["YARN does not know it", "yarn logs -applicationId"]);
    job.yarn().fault_times("GET /node/containerlogs/", 1, Fault::Close);
    let node = job.yarn().url().replace("http://", "");
    says(&job.worker, &["etl"], &["cannot be read", &node, "yarn node -list"]);
    // A second task of the same execution.
    job.stage.task();
    job.stage.livy.wait_for(|livy| livy.posts_named("etl-").len() == 2, None).await;
    says(&job.worker, &["exec-1"], &["\"exec-1\" is the name of 2 tasks", &job.name, "by its id"]);
    says(&job.worker, &["etl", "--follow"], &["is the name of 2 tasks"]);
    job.worker.kill();
    says(&job.worker, &["exec-1"], &["no daemon answers", "systemctl status spark-job-worker"]);
}

#[tokio::test]
async fn a_driver_that_has_not_started_is_waited_for_by_follow_alone() {
    let stage = Stage::with_yarn().await;
    stage.livy.plan(Plan::manual());
    let worker = stage.worker();
    stage.task();
    let name = stage.submitted("etl-").await;
    stage.livy.wait_for(|livy| !livy.applications().is_empty(), None).await;
    let id = stage.livy.applications()[0].id.clone().expect("an id");
    stage.livy.set_app(&name, &id);
    worker.logged(&format!("{name} is ACCEPTED in YARN"));
    let (code, _, err) = told(&worker, &["logs", &id]);
    assert_eq!(code, 1);
    assert!(err.contains("YARN names no container") && err.contains("wait for it with --follow"), "{err}");
    // It has one now, and its node has not started it.
    stage.yarn().launched(&id, Duration::ZERO);
    let (code, _, err) = told(&worker, &["logs", &id]);
    assert_eq!(code, 1);
    assert!(err.contains("Unknown container") && err.contains("wait for it with --follow"), "{err}");
    let following = Following::start(&worker, &[&id]);
    stage.yarn().wait_for(|yarn| yarn.count("GET /node/containerlogs/") >= 4, None).await;
    stage.yarn().wrote(&id, "stdout", "begun\n");
    stage.livy.set_state(&name, "running");
    assert_eq!(following.line(), "begun");
    stage.livy.set_state(&name, "success");
    let (code, rest, err) = following.end();
    assert_eq!((code, rest.len(), err.as_str()), (0, 0, ""));
}

/// One question as a client asks it that has time.
fn ask(stage: &Stage, name: &str) -> UnixStream {
    let mut stream = UnixStream::connect(stage.directory.path().join("control.sock")).expect("a daemon");
    let question = json!({ "name": name, "file": "stdout", "raw": false, "at": null, "whole": true });
    stream.write_all(format!("logs {question}\n").as_bytes()).expect("asked");
    stream
}

fn answer(stream: UnixStream) -> Value {
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).expect("an answer");
    serde_json::from_str(&line).expect("JSON")
}

#[tokio::test]
async fn a_few_read_at_once_and_one_that_has_gone_makes_room() {
    let job = driven().await;
    job.yarn().wrote(&job.id, "stdout", "here\n");
    job.yarn().fault_times("GET /node/containerlogs/", 4, Fault::Hang);
    let hanging: Vec<UnixStream> = (0..4).map(|_| ask(&job.stage, "etl")).collect();
    job.yarn().wait_for(|yarn| yarn.count("GET /node/containerlogs/") == 4, None).await;
    let began = Instant::now();
    assert_eq!(told(&job.worker, &["status"]).0, 0);
    assert!(began.elapsed() < Duration::from_secs(3), "nothing else waits for it");
    let (code, _, err) = told(&job.worker, &["logs", "etl"]);
    assert_eq!(code, 1);
    assert!(err.contains("others read logs") && err.contains("try again"), "{err}");
    drop(hanging);
    let shown = answer(ask(&job.stage, "etl"));
    assert_eq!(shown["logs"]["found"]["driver"]["lines"], json!(["here"]), "{shown}");
    assert_eq!(answer(ask(&job.stage, "nobody"))["logs"]["found"]["nothing"][0], "name");
}

#[tokio::test]
async fn a_session_has_a_driver_too() {
    let stage = Stage::with_yarn().await;
    let worker = stage.worker();
    let input =
        json!({ "Name": "taxi", "Statements": ["import time; time.sleep(600)"], "Execution": "exec-1" });
    let task = stage.schedule(&input.to_string());
    stage.livy.wait_for(|livy| !livy.live_applications().is_empty(), Duration::from_secs(60)).await;
    let id = stage.livy.live_applications()[0].id.clone().expect("an id");
    stage.yarn().wrote(&id, "stderr", "INFO RSCDriver: ready\n");
    worker.logged(" is RUNNING in YARN");
    let shown = told(&worker, &["logs", "exec-1", "--stderr"]);
    assert_eq!((shown.0, shown.1.as_str()), (0, "INFO RSCDriver: ready\n"), "{}", shown.2);
    stage.sfn.stop(&task);
    forgotten(&stage).await;
    assert_eq!(text(&ended(&stage, &worker, 1).await["tasks"][0]["application"]), id);
}
