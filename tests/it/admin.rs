//! What an operator sees of a running daemon, and how it is told that the node goes down.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;
use stand_ins::WaitFor;
use stand_ins::http::Fault;
use stand_ins::livy::Plan;
use stand_ins::worker::{Worker, message};

use crate::harness::{INPUT, PROGRAM, Stage, text};
use crate::lifecycle::hear;

/// Exit code, stdout and stderr of a command against the stage's configuration.
pub(crate) fn told(worker: &Worker, arguments: &[&str]) -> (i32, String, String) {
    let output = Command::new(PROGRAM).args(arguments).arg("--config").arg(worker.config()).output();
    let output = output.expect("it runs");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().unwrap_or(-1), text(&output.stdout), text(&output.stderr))
}

fn status(worker: &Worker) -> Value {
    let (code, out, err) = told(worker, &["status", "--json"]);
    assert_eq!(code, 0, "{err}");
    serde_json::from_str(&out).expect("JSON")
}

/// The endpoint's URL, as the log says it.
pub(crate) fn endpoint(worker: &Worker) -> String {
    let line = worker.logged("/healthz and /metrics are at");
    message(&line).rsplit(' ').next().expect("a URL").to_owned()
}

pub(crate) async fn get(url: &str) -> (u16, String) {
    let response = reqwest::get(url).await.expect("an answer");
    (response.status().as_u16(), response.text().await.expect("a text"))
}

/// Waits until a job of the stage runs in YARN, and until the worker knows it.
pub(crate) async fn running(stage: &Stage, worker: &Worker) -> String {
    let name = stage.submitted("etl-").await;
    worker.logged(&format!("{name} is RUNNING in YARN"));
    name
}

/// The one that runs.
fn application(stage: &Stage) -> String {
    stage.livy.live_applications()[0].id.clone().expect("YARN gives ids")
}

#[tokio::test]
async fn status_shows_each_task_with_execution_state_progress_and_application() {
    let stage = Stage::with_yarn().await;
    stage.livy.plan(Plan::running());
    let worker = stage.worker();
    stage.task();
    let name = running(&stage, &worker).await;
    let application = application(&stage);
    let (code, out, err) = told(&worker, &["status"]);
    assert_eq!(code, 0, "{err}");
    let lines: Vec<&str> = out.lines().collect();
    assert!(lines[0].ends_with(&format!("Polling; 1 task (1 Running); {name} 10 %")), "{out}");
    let row = lines.last().expect("a row");
    for part in ["exec-1", " etl ", "Running", "[#.........]  10 %", &application] {
        assert!(row.contains(part), "{part} in {out}");
    }
    let now = status(&worker);
    let task = &now["tasks"][0];
    assert_eq!(text(&task["job"]), name);
    assert_eq!(text(&task["application"]), application);
    assert_eq!((text(&task["yarnState"]), &task["percent"]), ("RUNNING", &Value::from(10)));
    assert_eq!(now["problems"], Value::Array(Vec::new()));
    assert_eq!(now["strangers"], Value::Array(Vec::new()));
    assert_eq!(now["livy"]["up"], Value::Bool(true));
    assert_eq!((&now["activities"][0]["places"], &now["activities"][0]["free"]), (&20.into(), &18.into()));
    assert_eq!(now["activities"][0]["openPolls"], 1);
}

#[tokio::test]
async fn status_says_which_application_of_ours_nobody_here_follows() {
    let stage = Stage::with_yarn().await;
    stage.livy.plan(Plan::running());
    let mut worker = stage.worker();
    stage.task();
    running(&stage, &worker).await;
    worker.kill();
    fs::remove_dir_all(stage.directory.path().join("state")).expect("it goes");
    let worker = stage.worker();
    worker.logged("started");
    let application = application(&stage);
    let (_, out, _) = told(&worker, &["status"]);
    assert!(out.contains(&format!("! no task here for {application}")), "{out}");
    assert_eq!(text(&status(&worker)["strangers"][0]["application"]), application);
}

#[tokio::test]
async fn where_all_places_are_taken_every_view_says_so() {
    let stage = Stage::with_yarn().await;
    stage.livy.plan(Plan::running());
    let config = stage.config().activity("max_concurrent_jobs = 1");
    let worker = stage.worker_with(&config);
    let url = endpoint(&worker);
    stage.polling().await;
    assert_eq!(text(&status(&worker)["status"]), "Polling; no tasks");
    stage.task();
    let name = running(&stage, &worker).await;
    let line = format!("All places taken (1); 1 task (1 Running); {name} 10 %");
    let (_, out, _) = told(&worker, &["status"]);
    assert!(out.lines().next().is_some_and(|first| first.ends_with(&format!(": {line}"))), "{out}");
    assert_eq!(text(&status(&worker)["status"]), line);
    let shown: Value = serde_json::from_str(&get(&format!("{url}/status")).await.1).expect("JSON");
    assert_eq!(text(&shown["status"]), line);
    let (_, page) = get(&format!("{url}/")).await;
    assert!(page.contains(&line), "{page}");
    assert_eq!(get(&format!("{url}/healthz")).await.0, 200, "a full worker is well");
    stage.livy.set_state(&name, "success");
    stage.polling().await;
    assert!(text(&status(&worker)["status"]).starts_with("Polling; "));
}

#[tokio::test]
async fn status_and_terminating_work_with_a_broken_configuration() {
    let stage = Stage::with_yarn().await;
    stage.livy.plan(Plan::running());
    let worker = stage.worker();
    let task = stage.task();
    running(&stage, &worker).await;
    let good = fs::read_to_string(worker.config()).expect("a configuration");
    fs::write(worker.config(), format!("bogus = 1\n{good}\n[bogus_too]\n")).expect("written");
    assert_eq!(told(&worker, &["check"]).0, 78, "it is broken");
    let (code, out, err) = told(&worker, &["status"]);
    assert_eq!((code, err.as_str()), (0, ""));
    assert!(out.contains("1 Running"), "{out}");
    // Nothing of it can be read now: the unit's variables say where the socket is.
    fs::write(worker.config(), "[admin\n").expect("written");
    let variables = worker.config().with_file_name("environment");
    let socket = stage.directory.path().join("control.sock");
    fs::write(variables, format!("SPARK_JOB_WORKER_ADMIN__SOCKET={}\n", socket.display())).expect("written");
    assert_eq!(told(&worker, &["status", "--json"]).0, 0);
    let (code, out, err) = told(&worker, &["terminating"]);
    assert_eq!((code, out.trim()), (0, "every task is given back"), "{err}");
    assert_eq!(stage.failure(&task).await.0, "SparkJob.ClusterTerminating");
}

#[test]
fn without_any_configuration_the_default_socket_is_asked_and_that_is_said() {
    let output = Command::new(PROGRAM).args(["status", "--config", "/nowhere/config.toml"]).output();
    let output = output.expect("it runs");
    let err = String::from_utf8_lossy(&output.stderr);
    if output.status.success() {
        println!("a daemon runs on this machine, so nothing can be seen here");
        return;
    }
    assert_eq!(output.status.code(), Some(1), "{err}");
    assert!(err.contains("/run/spark-job-worker/control.sock"), "{err}");
    assert!(err.contains("the default socket was asked, because the configuration cannot be read"), "{err}");
    assert!(err.contains("/nowhere/config.toml"), "{err}");
}

#[tokio::test]
async fn status_without_a_daemon_says_what_to_do() {
    let stage = Stage::new().await;
    let mut worker = stage.worker();
    stage.polling().await;
    worker.kill();
    let (code, _, err) = told(&worker, &["status"]);
    assert_eq!(code, 1);
    assert!(err.contains("no daemon answers") && err.contains("systemctl status spark-job-worker"), "{err}");
    // The socket that a killed daemon left is in nobody's way, and is the user's own.
    let next = stage.worker();
    next.logged("started");
    assert_eq!(text(&status(&next)["phase"]), "serving");
    let socket = stage.directory.path().join("control.sock");
    let mode = fs::metadata(&socket).expect("a socket").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[tokio::test]
async fn a_second_daemon_leaves_socket_and_port_to_the_first_and_works_all_the_same() {
    let stage = Stage::new().await;
    let first = stage.worker();
    let url = endpoint(&first);
    let other = tempfile::tempdir().expect("a directory");
    let mut config = stage.config().table("admin", &format!("listen = {:?}", url.replace("http://", "")));
    config = config.table("state", &format!("directory = {:?}", other.path().join("state")));
    config = config.table("admin", &format!("socket = {:?}", stage.directory.path().join("control.sock")));
    let second = Worker::start(Path::new(PROGRAM), other.path(), &config);
    second.logged("there is no control socket");
    second.logged("there is no HTTP endpoint");
    stage.sfn.wait_for(|sfn| sfn.open_polls(&stage.arn) == 2, None).await;
    assert_eq!(text(&status(&first)["phase"]), "serving");
}

#[tokio::test]
async fn healthz_is_well_until_livy_is_gone_and_says_why_it_is_not() {
    let stage = Stage::new().await;
    let worker = stage.worker();
    let url = endpoint(&worker);
    stage.polling().await;
    assert_eq!(get(&format!("{url}/healthz")).await, (200, "ok\n".to_owned()));
    stage.livy.down().await;
    worker.logged("Livy does not answer");
    let (code, why) = get(&format!("{url}/healthz")).await;
    assert_eq!(code, 503);
    assert!(why.starts_with("Livy does not answer ("), "{why}");
    stage.livy.up().await;
    worker.logged("Livy answers again");
    assert_eq!(get(&format!("{url}/healthz")).await.0, 200);
}

#[tokio::test]
async fn healthz_names_an_activity_that_is_not_there_and_late_heartbeats() {
    let stage = Stage::new().await;
    stage.livy.plan(Plan::running());
    let worker = stage.worker();
    let url = endpoint(&worker);
    stage.task();
    stage.submitted("etl-").await;
    stage.sfn.fault_times("SendTaskHeartbeat", 1_000, Fault::Close);
    let late = "had no heartbeat accepted for two intervals";
    let end = Instant::now() + Duration::from_secs(20);
    while !get(&format!("{url}/healthz")).await.1.contains(late) {
        assert!(Instant::now() < end, "never late");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    stage.sfn.clear_faults();
    drop(worker);
    let config = stage.config();
    let text = config.text().replace("activity:spark-job", "activity:not-there");
    let path = stage.directory.path().join("config.toml");
    fs::write(&path, text).expect("written");
    let worker = Worker::start_with(Path::new(PROGRAM), &path, &[]);
    let url = endpoint(&worker);
    worker.logged("polling goes on");
    let (code, why) = get(&format!("{url}/healthz")).await;
    assert_eq!(code, 503);
    assert!(why.contains("not-there: the activity does not exist"), "{why}");
}

#[tokio::test]
async fn metrics_are_read_by_an_independent_parser_and_count_what_happened() {
    let stage = Stage::with_yarn().await;
    stage.livy.plan_for("bad", Plan::ends("dead").running_for(Duration::from_millis(100)));
    stage.livy.plan_for("etl", Plan::success().running_for(Duration::from_millis(100)));
    stage.livy.plan_for("long", Plan::running());
    let worker = stage.worker();
    let url = endpoint(&worker);
    stage.output(&stage.task()).await;
    stage.failure(&stage.schedule(r#"{"Name":"bad","File":"s3://b/a.py"}"#)).await;
    stage.schedule(r#"{"Name":"long","File":"s3://b/a.py"}"#);
    let name = stage.submitted("long-").await;
    worker.logged(&format!("{name} is RUNNING in YARN"));
    stage.polling().await;
    let response = reqwest::get(format!("{url}/metrics")).await.expect("an answer");
    let kind = response.headers()["content-type"].to_str().expect("ASCII").to_owned();
    assert!(kind.starts_with("application/openmetrics-text"), "{kind}");
    let body = response.text().await.expect("a text");
    assert!(body.ends_with("# EOF\n"), "{body}");
    let readme = include_str!("../../bootstrap/README.md");
    for line in body.lines().filter_map(|line| line.strip_prefix("# TYPE ")) {
        let (name, kind) = line.split_once(' ').expect("a name and a type");
        let end = match kind {
            "counter" => "_total",
            "info" => "_info",
            _ => "",
        };
        assert!(readme.contains(&format!("`{name}{end}")), "{name}{end} is not in bootstrap/README.md");
    }
    let lines = body.lines().filter(|line| *line != "# EOF").map(|line| Ok(line.to_owned()));
    let scrape = prometheus_parse::Scrape::parse(lines).expect("it can be read");
    let value = |name: &str, label: Option<(&str, &str)>| {
        let found = scrape.samples.iter().find(|sample| {
            sample.metric == name && label.is_none_or(|(key, value)| sample.labels.get(key) == Some(value))
        });
        match &found.unwrap_or_else(|| panic!("no {name} in\n{body}")).value {
            prometheus_parse::Value::Counter(value)
            | prometheus_parse::Value::Gauge(value)
            | prometheus_parse::Value::Untyped(value) => *value,
            other => panic!("{name} is {other:?}"),
        }
    };
    assert_eq!(value("sjw_tasks_received_total", None), 3.0);
    assert_eq!(value("sjw_tasks_succeeded_total", None), 1.0);
    assert_eq!(value("sjw_tasks_failed_total", Some(("error", "SparkJob.Failed"))), 1.0);
    // What has not happened yet is there, too: a rule cannot be made on a series that is not.
    assert_eq!(value("sjw_tasks_failed_total", Some(("error", "SparkJob.Lost"))), 0.0);
    assert_eq!(value("sjw_kills_total", Some(("by", "yarn"))), 0.0);
    assert_eq!(value("sjw_log_lines_dropped_total", None), 0.0);
    assert_eq!(value("sjw_tasks", Some(("state", "Running"))), 1.0);
    assert_eq!(value("sjw_journal_entries", None), 1.0);
    assert_eq!(value("sjw_polls_open", Some(("activity", "spark-job"))), 1.0);
    assert_eq!(value("sjw_up", Some(("service", "livy"))), 1.0);
    assert_eq!(value("sjw_up", Some(("service", "yarn"))), 1.0);
    assert_eq!(value("sjw_submit_seconds_count", None), 3.0);
    assert_eq!(value("sjw_report_seconds_count", None), 2.0);
    assert!(value("sjw_heartbeat_age_seconds", None) < 10.0);
}

#[tokio::test]
async fn the_endpoint_only_reads_and_answers_only_those_who_mean_this_node() {
    let stage = Stage::new().await;
    let worker = stage.worker();
    let url = endpoint(&worker);
    let client = reqwest::Client::new();
    let code =
        |request: reqwest::RequestBuilder| async { request.send().await.expect("sent").status().as_u16() };
    assert_eq!(code(client.get(format!("{url}/status")).header("host", "rebound.example.org")).await, 403);
    assert_eq!(code(client.get(format!("{url}/status")).header("host", "localhost:1")).await, 200);
    assert_eq!(code(client.post(format!("{url}/status"))).await, 405);
    assert_eq!(code(client.head(format!("{url}/healthz"))).await, 200);
    assert_eq!(code(client.get(format!("{url}/nothing"))).await, 404);
    let shown: Value = serde_json::from_str(&get(&format!("{url}/status")).await.1).expect("JSON");
    assert_eq!(text(&shown["phase"]), "serving");
}

#[tokio::test]
async fn an_endpoint_that_is_not_on_the_loopback_is_a_wrong_configuration() {
    let stage = Stage::new().await;
    let config = stage.config().table("admin", "listen = \"0.0.0.0:9108\"");
    let mut worker = stage.worker_with(&config);
    assert_eq!(worker.ended().code(), Some(78));
}

#[tokio::test]
async fn terminating_gives_every_task_back_takes_no_more_and_kills_the_jobs() {
    let stage = Stage::with_yarn().await;
    stage.livy.plan(Plan::running());
    let mut worker = stage.worker();
    let tasks = [stage.task(), stage.task()];
    stage.livy.wait_for(|livy| livy.live_applications().len() == 2, None).await;
    for application in stage.livy.live_applications() {
        worker.logged(&format!("runs as {}", application.id.expect("YARN gives ids")));
    }
    stage.polling().await;
    let began = Instant::now();
    let (code, out, err) = told(&worker, &["terminating"]);
    assert_eq!((code, out.trim()), (0, "every task is given back"), "{err}");
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    for task in &tasks {
        let (error, cause) = stage.failure(task).await;
        assert_eq!(error, "SparkJob.ClusterTerminating");
        assert_eq!((text(&cause["execution"]), text(&cause["stage"])), ("exec-1", "Running"));
        assert!(cause["batchId"].is_u64() && cause["applicationId"].is_string(), "{cause}");
    }
    // A poll that is open still may bring a task: it is given back at once, and its job never begins.
    let late = stage.task();
    assert_eq!(stage.failure(&late).await.0, "SparkJob.ClusterTerminating");
    assert_eq!(stage.livy.posts().len(), 2);
    stage.livy.wait_for(|livy| livy.live_applications().is_empty(), None).await;
    stage.sfn.wait_for(|sfn| sfn.open_polls(&stage.arn) == 0, None).await;
    assert!(worker.is_running(), "it stays until it is stopped");
    assert_eq!(text(&status(&worker)["phase"]), "terminating");
    let untouched = stage.schedule(INPUT);
    assert!(worker.stop().success());
    assert!(stage.sfn.token(&untouched).is_none(), "it was never handed out");
}

#[tokio::test]
async fn a_crash_does_not_make_a_worker_forget_that_the_node_goes_down_and_a_stop_does() {
    let stage = Stage::with_yarn().await;
    stage.livy.plan(Plan::running());
    stage.sfn.hold_polls(Duration::from_millis(500));
    let mut worker = stage.worker();
    stage.polling().await;
    assert_eq!(told(&worker, &["terminating"]).0, 0);
    stage.sfn.wait_for(|sfn| sfn.open_polls(&stage.arn) == 0, None).await;
    worker.kill();
    let task = stage.task();
    let mut next = stage.worker();
    next.logged("the node goes down for good");
    next.logged("started");
    next.logged("Livy answers");
    assert_eq!(text(&status(&next)["phase"]), "terminating");
    assert!(next.stop().success());
    assert!(stage.sfn.token(&task).is_none(), "it was never handed out");
    let _another = stage.worker();
    stage.submitted("etl-").await;
}

/// A worker that a service manager started, whose `systemctl list-jobs` says this. It ends with 1 then, as that of
/// systemd 219 does.
fn managed(stage: &Stage, jobs: &str) -> (Worker, UnixDatagram) {
    let tools = stage.directory.path().join("bin");
    fs::create_dir(&tools).expect("a directory");
    let systemctl = tools.join("systemctl");
    let script = format!("#!/bin/sh\n[ \"$1\" = list-jobs ] || exit 2\necho '{jobs}'\nexit 1\n");
    fs::write(&systemctl, script).expect("written");
    fs::set_permissions(&systemctl, fs::Permissions::from_mode(0o755)).expect("executable");
    let notify = stage.directory.path().join("notify");
    let socket = UnixDatagram::bind(&notify).expect("a socket");
    socket.set_read_timeout(Some(Duration::from_secs(20))).expect("a timeout");
    let config = stage.directory.path().join("config.toml");
    fs::write(&config, stage.config().text()).expect("written");
    let path = format!("{}:{}", tools.display(), std::env::var("PATH").unwrap_or_default());
    let variables = [("NOTIFY_SOCKET", notify.to_str().expect("UTF-8")), ("PATH", path.as_str())];
    (Worker::start_with(Path::new(PROGRAM), &config, &variables), socket)
}

#[tokio::test]
async fn a_stop_for_a_poweroff_gives_every_task_back() {
    let stage = Stage::with_yarn().await;
    stage.livy.plan(Plan::running());
    stage.sfn.hold_polls(Duration::from_secs(1));
    let (mut worker, socket) = managed(&stage, " 7 poweroff.target start waiting");
    let task = stage.task();
    running(&stage, &worker).await;
    worker.signal("TERM");
    assert_eq!(stage.failure(&task).await.0, "SparkJob.ClusterTerminating");
    hear(&socket, "STATUS=Terminating");
    assert!(worker.ended().success());
}

#[tokio::test]
async fn a_stop_for_a_reboot_hands_its_jobs_to_the_next_start() {
    let stage = Stage::with_yarn().await;
    stage.livy.plan(Plan::running());
    stage.sfn.hold_polls(Duration::from_secs(1));
    let (mut worker, _socket) = managed(&stage, " 7 reboot.target start waiting");
    let task = stage.task();
    let name = running(&stage, &worker).await;
    assert!(worker.stop().success());
    assert!(stage.sfn.peek(&task).is_none());
    let _next = stage.worker();
    stage.livy.set_state(&name, "success");
    stage.output(&task).await;
}
