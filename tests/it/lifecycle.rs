//! Start, stop, reload, commands and exit codes; what the service manager hears.

use std::io::ErrorKind;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use stand_ins::WaitFor;
use stand_ins::livy::Plan;
use stand_ins::sfn::Outcome;
use stand_ins::worker::{Worker, command};

use crate::harness::{INPUT, PROGRAM, Stage};

#[tokio::test]
async fn sigterm_waits_for_the_open_poll_and_the_next_start_runs_what_it_brings() {
    let stage = Stage::new().await;
    let mut worker = stage.worker();
    stage.polling().await;
    worker.signal("TERM");
    worker.logged("stopping");
    let task = stage.task();
    assert!(worker.ended().success());
    assert!(stage.livy.posts().is_empty());
    assert_eq!(stage.sfn.ghosts(), 0, "no open poll was left");
    assert!(!stage.sfn.heartbeats(&task).is_empty(), "it is beaten for until the exit");
    let _next = stage.worker();
    stage.output(&task).await;
    assert_eq!(stage.livy.posts().len(), 1);
}

#[tokio::test]
async fn a_stop_may_give_every_task_back_and_kill_its_job() {
    let stage = Stage::new().await;
    stage.livy.plan(Plan::running());
    stage.sfn.hold_polls(Duration::from_millis(500));
    let mut worker = stage.worker_with(&stage.config().table("stop", "on_stop = \"fail\""));
    let tasks = [stage.task(), stage.task()];
    stage.livy.wait_for(|livy| livy.live_applications().len() == 2, None).await;
    worker.signal("TERM");
    for task in &tasks {
        assert_eq!(stage.failure(task).await.0, "SparkJob.ClusterTerminating");
    }
    assert!(worker.ended().success());
    assert!(stage.livy.live_applications().is_empty());
}

#[tokio::test]
async fn sigterm_leaves_running_jobs_running_and_beats_once_more() {
    let stage = Stage::new().await;
    stage.livy.plan(Plan::running());
    stage.sfn.hold_polls(Duration::from_secs(1));
    let mut worker = stage.worker_with(&stage.config().activity("heartbeat_interval = \"60s\""));
    let tasks = [stage.task(), stage.task()];
    stage.livy.wait_for(|livy| livy.live_applications().len() == 2, None).await;
    stage.sfn.wait_for(|sfn| tasks.iter().all(|task| !sfn.heartbeats(task).is_empty()), None).await;
    let beats = |task| stage.sfn.heartbeats(task).len();
    let before = tasks.each_ref().map(beats);
    assert!(worker.stop().success());
    let after = tasks.each_ref().map(beats);
    assert_eq!(after, before.map(|count| count + 1));
    assert_eq!(stage.livy.live_applications().len(), 2);
    assert!(stage.livy.deletes().is_empty());
    assert!(tasks.iter().all(|task| stage.sfn.peek(task).is_none()));
}

#[tokio::test]
async fn a_stop_without_an_open_poll_is_quick() {
    let stage = Stage::new().await;
    stage.livy.down().await;
    let mut worker = stage.worker();
    worker.logged("Livy does not answer");
    let begun = Instant::now();
    assert!(worker.stop().success());
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn sighup_takes_the_log_filter_anew_and_nothing_else() {
    let stage = Stage::new().await;
    let config = stage.config().table("log", "filter = \"warn\"");
    let worker = stage.worker_with(&config);
    stage.output(&stage.task()).await;
    assert_eq!(worker.count("received a task"), 0);
    let changed = stage.config().table("log", "filter = \"info\"");
    std::fs::write(worker.config(), changed.text()).expect("written");
    worker.signal("HUP");
    worker.logged("the log filter is info");
    stage.output(&stage.task()).await;
    worker.logged("received a task");
    // A broken file changes nothing.
    std::fs::write(worker.config(), "[log]\nfilter = 7\n").expect("written");
    worker.signal("HUP");
    worker.logged("the log filter stays as it was");
    stage.output(&stage.task()).await;
}

#[tokio::test]
async fn secrets_are_not_logged_at_any_level() {
    let stage = Stage::new().await;
    stage.livy.plan(Plan::ends("dead").running_for(Duration::from_millis(200)).log(["s3cr3t-line"]));
    let config = stage.config().table("log", "filter = \"trace\"");
    let mut worker = stage.worker_with(&config);
    let task = stage.schedule(r#"{"File":"s3://b/a.py","Args":["s3cr3t-argument"]}"#);
    stage.failure(&task).await;
    stage.sfn.hold_polls(Duration::from_millis(100));
    let token = stage.sfn.token(&task).expect("handed out");
    worker.signal("TERM");
    let log: String = worker.lines().iter().map(Value::to_string).collect();
    for secret in [token.as_str(), "s3cr3t-argument", "s3cr3t-line"] {
        assert!(!log.contains(secret), "{secret} is in the log");
    }
    worker.kill();
}

#[tokio::test]
async fn every_line_about_a_task_has_its_fields() {
    let stage = Stage::new().await;
    stage.livy.plan(Plan::success().running_for(Duration::from_millis(400)));
    let worker = stage.worker();
    stage.output(&stage.task()).await;
    let line = worker.logged("Step Functions has the outcome");
    let field = |name: &str| {
        let value = line.get(name).or_else(|| line["fields"].get(name)).cloned().unwrap_or(json!(null));
        value.as_str().map_or(value.to_string(), str::to_owned)
    };
    let id = field("task_id");
    assert_eq!(id.len(), 16, "{line}");
    assert_eq!(field("sfn_execution"), "exec-1");
    assert_eq!(field("sfn_activity"), stage.arn);
    assert_eq!(field("job_name"), format!("etl-{id}"));
    assert_eq!(field("job_state"), "Ended");
    assert_eq!(field("livy_batch_id"), "0");
    assert!(field("yarn_application_id").starts_with("application_"), "{line}");
}

#[tokio::test]
async fn the_service_manager_hears_ready_status_watchdog_and_stopping() {
    let stage = Stage::new().await;
    stage.livy.plan(Plan::running());
    stage.sfn.hold_polls(Duration::from_secs(1));
    let path = stage.directory.path().join("notify");
    let socket = UnixDatagram::bind(&path).expect("a socket");
    socket.set_read_timeout(Some(Duration::from_secs(20))).expect("a timeout");
    let config = stage.directory.path().join("config.toml");
    std::fs::write(&config, stage.config().text()).expect("written");
    let variables = [("NOTIFY_SOCKET", path.to_str().expect("UTF-8")), ("WATCHDOG_USEC", "300000")];
    let mut worker = Worker::start_with(Path::new(PROGRAM), &config, &variables);
    hear(&socket, "READY=1");
    hear(&socket, "STATUS=Polling; no tasks");
    hear(&socket, "WATCHDOG=1");
    stage.task();
    hear(&socket, "STATUS=Polling; 1 task (1 Running)");
    stage.livy.down().await;
    hear(&socket, "STATUS=Waiting for Livy at");
    hear(&socket, "WATCHDOG=1");
    stage.livy.up().await;
    worker.signal("HUP");
    hear(&socket, "RELOADING=1");
    hear(&socket, "READY=1");
    worker.signal("TERM");
    hear(&socket, "STOPPING=1");
    assert!(worker.ended().success());
}

#[tokio::test]
async fn a_hung_livy_and_a_held_poll_do_not_trip_the_watchdog_and_a_stopped_process_does() {
    let stage = Stage::new().await;
    stage.livy.plan(Plan::running());
    let path = stage.directory.path().join("notify");
    let socket = UnixDatagram::bind(&path).expect("a socket");
    let config = stage.directory.path().join("config.toml");
    let limit = Duration::from_secs(1);
    let text = stage.config().table("livy", "request_timeout = \"1s\"").text();
    std::fs::write(&config, text).expect("written");
    let variables = [("NOTIFY_SOCKET", path.to_str().expect("UTF-8")), ("WATCHDOG_USEC", "300000")];
    let worker = Worker::start_with(Path::new(PROGRAM), &config, &variables);
    socket.set_read_timeout(Some(Duration::from_secs(20))).expect("a timeout");
    let task = stage.task();
    stage.submitted("etl-").await;
    stage.polling().await;
    let begun = Instant::now();
    stage.livy.hang_all(true);
    // Longer than any single request to Livy may take: two of them in a row have had no answer.
    worker.logged("Livy does not answer");
    while begun.elapsed() < limit * 3 {
        drain(&socket);
        hear(&socket, "WATCHDOG=1");
    }
    let beats = stage.sfn.heartbeats(&task).len();
    stage.sfn.wait_for(|sfn| sfn.heartbeats(&task).len() > beats, None).await;
    worker.signal("STOP");
    drain(&socket);
    socket.set_read_timeout(Some(Duration::from_secs(1))).expect("a timeout");
    assert!(socket.recv(&mut [0; 4096]).is_err(), "a stopped process says nothing");
    worker.signal("CONT");
    socket.set_read_timeout(Some(Duration::from_secs(20))).expect("a timeout");
    hear(&socket, "WATCHDOG=1");
}

#[tokio::test]
async fn a_hung_step_functions_does_not_trip_the_watchdog_however_short_the_heartbeat_interval_is() {
    let stage = Stage::new().await;
    stage.livy.plan(Plan::running());
    let path = stage.directory.path().join("notify");
    let socket = UnixDatagram::bind(&path).expect("a socket");
    // The service manager would have given up by then.
    socket.set_read_timeout(Some(Duration::from_secs(3))).expect("a timeout");
    let config = stage.directory.path().join("config.toml");
    let interval = Duration::from_secs(1);
    let text = stage.config().activity("heartbeat_interval = \"1s\"").text();
    std::fs::write(&config, text).expect("written");
    let variables = [("NOTIFY_SOCKET", path.to_str().expect("UTF-8")), ("WATCHDOG_USEC", "300000")];
    let mut worker = Worker::start_with(Path::new(PROGRAM), &config, &variables);
    let patient = || stage.sfn.schedule_with(&stage.arn, INPUT, Some(Duration::from_secs(60)), None);
    let task = patient();
    let name = stage.submitted("etl-").await;
    stage.sfn.wait_for(|sfn| !sfn.heartbeats(&task).is_empty(), None).await;
    stage.polling().await;
    let (polls, beats) = (stage.sfn.polls(&stage.arn), stage.sfn.count("SendTaskHeartbeat"));
    stage.sfn.hang_all(true);
    stage.sfn.wait_for(|sfn| sfn.count("SendTaskHeartbeat") > beats, None).await;
    let begun = Instant::now();
    while begun.elapsed() < interval * 6 {
        drain(&socket);
        hear(&socket, "WATCHDOG=1");
    }
    assert_eq!(worker.count("is stuck"), 0);
    assert_eq!((stage.sfn.open_polls(&stage.arn), stage.sfn.ghosts()), (1, 0), "the poll is still heard");
    assert_eq!(stage.sfn.polls(&stage.arn), polls);
    stage.sfn.hang_all(false);
    let next = patient();
    stage.sfn.wait_for(|sfn| !sfn.heartbeats(&next).is_empty(), None).await;
    stage.livy.set_state(&name, "success");
    stage.output(&task).await;
    assert!(worker.is_running());
}

/// Forgets what was said so far.
fn drain(socket: &UnixDatagram) {
    socket.set_nonblocking(true).expect("a mode");
    while socket.recv(&mut [0; 4096]).is_ok() {}
    socket.set_nonblocking(false).expect("a mode");
}

#[tokio::test]
async fn the_service_manager_hears_what_is_wrong_with_the_configuration() {
    let stage = Stage::new().await;
    let path = stage.directory.path().join("notify");
    let socket = UnixDatagram::bind(&path).expect("a socket");
    socket.set_read_timeout(Some(Duration::from_secs(20))).expect("a timeout");
    let config = stage.directory.path().join("config.toml");
    std::fs::write(&config, stage.config().text().replace("idle_interval", "idle_intervall"))
        .expect("written");
    let variables = [("NOTIFY_SOCKET", path.to_str().expect("UTF-8"))];
    let mut worker = Worker::start_with(Path::new(PROGRAM), &config, &variables);
    hear(&socket, "STATUS=the configuration is wrong: watch.idle_intervall");
    assert_eq!(worker.ended().code(), Some(78));
}

/// Configurations whose types fit, and whose values keep no promise or reach nobody.
fn unlawful(stage: &Stage, good: &str) -> [(String, Vec<&'static str>); 7] {
    [
        (
            good.replace(&stage.livy.url(), "http://lo cal:8998"),
            vec!["livy.url = \"http://lo cal:8998\"", "blanks", "config.toml"],
        ),
        (
            good.replace("submit_settle = \"1s\"", "submit_settle = \"0s\""),
            vec!["watch.submit_settle = \"0s\"", "from 1s to 5m", "config.toml"],
        ),
        (
            good.replace("grace = \"10s\"", "grace = \"90s\""),
            vec!["stop.grace", "1m 30s", "TimeoutStopSec", "config.toml"],
        ),
        (
            good.replace("[aws]", "[aws]\nheartbeat_rate = 19"),
            vec!["aws.heartbeat_rate = 19: must be at least 20.0", "config.toml"],
        ),
        (
            good.replace("[aws]", "[aws]\nregion = \"eu-west-1\""),
            vec!["aws.region = \"eu-west-1\"", "the activities are in us-east-1", "config.toml"],
        ),
        (
            good.to_owned() + &activity(stage).replace("us-east-1", "eu-west-1"),
            vec!["activity.1.arn", "eu-west-1", "in one region"],
        ),
        (
            good.replace(&stage.sfn.url(), "states.internal"),
            vec!["aws.endpoint_url", "must begin with http", "config.toml"],
        ),
    ]
}

#[tokio::test]
async fn a_wrong_configuration_ends_with_78_and_names_key_value_and_source() {
    let stage = Stage::new().await;
    let good = stage.config().text();
    let cases = [
        (
            "[livy]\nurl = \"ftp://x\"\n".to_owned() + &activity(&stage),
            vec!["livy.url", "ftp://x", "config.toml"],
        ),
        (good.replace("[livy]", "[livy]\nbogus = 1"), vec!["bogus", "config.toml"]),
        (
            good.replace("interval = \"100ms\"", "interval = \"soon\""),
            vec!["watch.interval", "soon", "config.toml"],
        ),
        (good.replace("arn = \"arn:aws", "arn = \"urn:aws"), vec!["activity.0.arn", "urn:aws"]),
        (String::new(), vec!["activity"]),
        ("this is not TOML".to_owned(), vec!["config.toml"]),
        (
            good.replace("arn = ", "defaults = { NumExecutors = -1 }\narn = "),
            vec!["activity.0.defaults", "NumExecutors"],
        ),
        (good.replace("filter = \"debug\"", "filter = \"loud\""), vec!["log.filter", "loud"]),
    ];
    let path = stage.directory.path().join("config.toml");
    for (text, parts) in cases.into_iter().chain(unlawful(&stage, &good)) {
        std::fs::write(&path, &text).expect("written");
        for verb in ["run", "check"] {
            let output = spawn(&[verb, "--config", path.to_str().expect("UTF-8")]);
            assert_eq!(output.0, 78, "{text}");
            for part in &parts {
                assert!(output.2.contains(part), "{part} is missing in: {}", output.2);
            }
        }
    }
    let (code, _, error) = spawn(&["check", "--config", "/nonexistent/config.toml"]);
    assert_eq!(code, 78);
    assert!(error.contains("/nonexistent/config.toml"), "{error}");
}

#[tokio::test]
async fn the_environment_overrides_the_file_and_is_named_as_the_source() {
    let stage = Stage::new().await;
    let path = stage.directory.path().join("config.toml");
    std::fs::write(&path, stage.config().text()).expect("written");
    let run = |name: &str, value: &str| {
        let output =
            command(Path::new(PROGRAM)).args(["check", "--config"]).arg(&path).env(name, value).output();
        let output = output.expect("it runs");
        (output.status.code(), String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
    };
    let (code, text) = run("SPARK_JOB_WORKER_LIVY__URL", "http://other:1234");
    assert_eq!(code, Some(0));
    assert!(text.contains("http://other:1234"), "{text}");
    let (code, text) = run("SPARK_JOB_WORKER_LIVY__URL", "nonsense");
    assert_eq!(code, Some(78));
    assert!(text.contains("livy.url") && text.contains("SPARK_JOB_WORKER_"), "{text}");
    let (code, text) = run("SPARK_JOB_WORKER_LIVY__ULR", "http://x");
    assert_eq!(code, Some(78));
    assert!(text.contains("ulr"), "{text}");
}

#[tokio::test]
async fn check_and_render_show_what_would_be_used() {
    let stage = Stage::new().await;
    let path = stage.directory.path().join("config.toml");
    std::fs::write(&path, stage.config().text()).expect("written");
    let path = path.to_str().expect("UTF-8");
    let (code, out, _) = spawn(&["check", "--config", path]);
    assert_eq!(code, 0);
    assert!(out.contains(&stage.arn) && out.contains(&stage.livy.url()), "{out}");

    let input = stage.directory.path().join("input.json");
    std::fs::write(&input, INPUT).expect("written");
    let (code, out, error) = spawn(&["render", input.to_str().expect("UTF-8"), "--config", path]);
    assert_eq!(code, 0, "{error}");
    let rendered: Value = serde_json::from_str(&out).expect("JSON");
    let _worker = stage.worker();
    let task = stage.task();
    stage.output(&task).await;
    let posted = &stage.livy.posts()[0];
    let id = posted.name.rsplit('-').next().expect("an id");
    let expected: Value = serde_json::from_str(&out.replace("0000000000000000", id)).expect("JSON");
    assert_eq!(posted.body, expected, "render prints exactly what is sent");
    assert_eq!(rendered["name"], "etl-0000000000000000");

    std::fs::write(&input, r#"{"Fiel":"a","NumExecutors":-1}"#).expect("written");
    let (code, _, error) = spawn(&["render", input.to_str().expect("UTF-8"), "--config", path]);
    assert_eq!(code, 1);
    assert!(
        error.contains("$.Fiel") && error.contains("File") && error.contains("$.NumExecutors"),
        "{error}"
    );
}

#[test]
fn usage_errors_end_with_2_and_help_with_0() {
    assert_eq!(spawn(&["frobnicate"]).0, 2);
    assert_eq!(spawn(&["render"]).0, 2);
    let (code, out, _) = spawn(&["--help"]);
    assert_eq!(code, 0);
    assert!(out.contains("render"), "{out}");
}

#[test]
fn the_version_says_what_was_built_and_for_which_target() {
    let (code, out, _) = spawn(&["--version"]);
    let version = env!("CARGO_PKG_VERSION");
    let build = out.trim_end().strip_prefix(&format!("spark-job-worker {version} ("));
    let build = build.and_then(|rest| rest.strip_suffix(')')).unwrap_or_else(|| panic!("{out}"));
    // A commit stands before it only where one was given to the build.
    let target = build.rsplit(", ").next().expect("a target");
    let arch = target.split('-').next().expect("an architecture");
    assert_eq!((code, arch), (0, std::env::consts::ARCH), "{out}");
    assert!(target.contains("-linux-"), "{out}");
}

#[tokio::test]
async fn a_restart_between_tasks_answers_none_twice() {
    let stage = Stage::new().await;
    stage.sfn.hold_polls(Duration::from_millis(300));
    for _ in 0..3 {
        let mut worker = stage.worker();
        let task = stage.task();
        assert!(matches!(stage.sfn.outcome(&task).await, Outcome::Succeeded { .. }));
        assert!(worker.stop().success());
        assert_eq!(stage.sfn.reports(&task).len(), 1);
    }
    assert_eq!(stage.livy.applications().len(), 3);
}

fn activity(stage: &Stage) -> String {
    format!("[[activity]]\narn = \"{}\"\n", stage.arn)
}

/// Runs the program: exit code, output, errors.
fn spawn(arguments: &[&str]) -> (i32, String, String) {
    let output = Command::new(PROGRAM).args(arguments).output().expect("it runs");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().unwrap_or(-1), text(&output.stdout), text(&output.stderr))
}

/// Waits for a notification that contains a line which begins so.
#[track_caller]
pub(crate) fn hear(socket: &UnixDatagram, start: &str) {
    let mut heard = Vec::new();
    let mut buffer = [0; 8192];
    let error = loop {
        let size = match socket.recv(&mut buffer) {
            Ok(size) => size,
            // A socket with a timeout is not taken up again after a signal of this process (signal(7)).
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => break error,
        };
        let message = String::from_utf8_lossy(&buffer[..size]).into_owned();
        if message.lines().any(|line| line.starts_with(start)) {
            return;
        }
        heard.push(message);
    };
    panic!("never heard {start:?} ({error}), but {heard:?}");
}
