//! `doctor` as a command: what it says of a stage that is well, and of one that is not.

use std::fs::{self, Permissions};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use stand_ins::http::{Fault, Identity};
use stand_ins::livy::Plan;
use stand_ins::sfn::refusal;
use stand_ins::spark::Spark;
use stand_ins::worker::{Config, command};

use crate::harness::{PROGRAM, Stage, text};

/// However much hangs, an operator has the lines by then, on a slow machine, too.
const BOUND: Duration = Duration::from_secs(15);

/// What `doctor` said.
struct Said {
    code: Option<i32>,
    out: String,
    took: Duration,
}

impl Said {
    /// The one finding of a check.
    fn finding(&self, check: &str) -> Value {
        let report: Value = serde_json::from_str(&self.out).expect("JSON");
        let checks = report["checks"].as_array().expect("a list");
        let found: Vec<&Value> = checks.iter().filter(|finding| finding["check"] == check).collect();
        assert_eq!(found.len(), 1, "{check} in {}", self.out);
        found[0].clone()
    }

    #[track_caller]
    fn assert(&self, check: &str, status: &str, words: &str) {
        let finding = self.finding(check);
        assert_eq!(finding["status"], status, "{finding}");
        let told = format!("{} {}", text(&finding["found"]), text(&finding["fix"]));
        assert!(told.contains(words), "{words:?} is not in {finding}");
        assert_eq!(finding["fix"].is_string(), matches!(status, "warn" | "fail"), "{finding}");
    }
}

fn written(stage: &Stage, config: &Config) -> PathBuf {
    let path = stage.directory.path().join("config.toml");
    fs::write(&path, config.text()).expect("written");
    fs::set_permissions(&path, Permissions::from_mode(0o644)).expect("changed");
    path
}

/// Asked with a file, which is waited for elsewhere: the stand-ins answer meanwhile.
async fn asked(path: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Said {
    let mut command = command(Path::new(PROGRAM));
    command.arg("doctor").args(arguments).arg("--config").arg(path);
    for (name, value) in variables {
        // An empty value takes the variable away.
        if value.is_empty() {
            command.env_remove(name)
        } else {
            command.env(name, value)
        };
    }
    command.stderr(Stdio::inherit());
    let began = Instant::now();
    let output =
        tokio::task::spawn_blocking(move || command.output()).await.expect("no panic").expect("it runs");
    let out = String::from_utf8(output.stdout).expect("UTF-8");
    Said { code: output.status.code(), out, took: began.elapsed() }
}

async fn doctor(stage: &Stage, config: &Config) -> Said {
    let said = asked(&written(stage, config), &["--json"], &[]).await;
    assert_eq!(stage.sfn.count("GetActivityTask"), 0, "no task is taken");
    assert!(stage.livy.posts().is_empty(), "nothing is submitted");
    said
}

/// A stage whose state directory is there, as an installer leaves it.
async fn ready() -> Stage {
    let stage = Stage::with_yarn().await;
    state(&stage, 0o700);
    stage
}

fn state(stage: &Stage, mode: u32) -> PathBuf {
    let path = stage.directory.path().join("state");
    fs::create_dir_all(&path).expect("made");
    fs::set_permissions(&path, Permissions::from_mode(mode)).expect("changed");
    path
}

fn denied() -> Fault {
    refusal("AccessDeniedException", "User: arn:aws:iam::1:role/r is not authorized to perform it")
}

#[tokio::test]
async fn where_all_is_well_nothing_fails_and_nothing_is_touched() {
    let stage = ready().await;
    let said = doctor(&stage, &stage.config()).await;
    assert_eq!(said.code, Some(0), "{}", said.out);
    for (check, words) in [
        ("configuration", "is good"),
        ("region", "us-east-1"),
        ("clock", " s "),
        ("credentials", "takes them"),
        ("activity", "states:GetActivityTask cannot be tried without taking a task"),
        ("answers", "states:SendTaskHeartbeat, states:SendTaskSuccess, states:SendTaskFailure are allowed"),
        ("livy", "answers"),
        ("livy-version", "0."),
        ("yarn", "answers"),
        ("yarn-version", "3.3.4"),
        ("yarn-tag", "active: 0"),
        ("state-directory", "0700"),
        ("journal", "tasks: 0"),
    ] {
        said.assert(check, "ok", words);
    }
    said.assert("daemon", "warn", "sudo systemctl start spark-job-worker");
    let left = fs::read_dir(stage.directory.path().join("state")).expect("there").count();
    assert_eq!(left, 0, "the state directory is as it was");
    assert!(stage.livy.calls().iter().all(|call| call.operation.name.starts_with("GET ")));
    assert!(stage.yarn().calls().iter().all(|call| call.operation.name.starts_with("GET ")));
    assert_eq!(stage.sfn.violations(), Vec::<String>::new());
}

#[tokio::test]
async fn sparks_history_server_is_a_line_where_it_is_to_be_asked() {
    let (stage, spark) = (ready().await, Spark::start().await);
    let said = doctor(&stage, &stage.config()).await;
    assert!(!said.out.contains("spark-history"), "{}", said.out);
    assert_eq!(spark.calls().len(), 0);
    let config = stage.config().table("verify", &format!("spark = true\nhistory_url = \"{}\"", spark.url()));
    doctor(&stage, &config).await.assert("spark-history", "ok", "answers, Spark 3.5.6");
    let asked: Vec<String> = spark.calls().into_iter().map(|call| call.operation.name).collect();
    assert_eq!(asked, ["GET /version", "GET /applications"]);
    spark.hang_all(true);
    let said = doctor(&stage, &config).await;
    assert!(said.took < BOUND, "{:?}", said.took);
    said.assert("spark-history", "warn", "ends are told without failed stages");
    spark.down().await;
    let said = doctor(&stage, &config).await;
    said.assert("spark-history", "warn", "systemctl status spark-history-server");
    assert_eq!(said.code, Some(0), "nothing depends on it");
}

#[tokio::test]
async fn each_check_is_a_line_and_the_last_line_counts() {
    let stage = ready().await;
    let path = written(&stage, &stage.config());
    let lines = asked(&path, &[], &[]).await;
    let report = asked(&path, &["--json"], &[]).await;
    let report: Value = serde_json::from_str(&report.out).expect("JSON");
    let checks = report["checks"].as_array().expect("a list");
    let keys: Vec<&String> = checks[0].as_object().expect("an object").keys().collect();
    assert_eq!(keys, ["check", "status", "found", "fix"]);
    let mut printed: Vec<&str> = lines.out.lines().collect();
    let counts = ["ok", "warn", "fail", "skip"].map(|status| format!("{} {status}", report[status]));
    assert_eq!(printed.pop(), Some(counts.join(", ").as_str()));
    assert_eq!(printed.len(), checks.len());
    for (line, finding) in printed.iter().zip(checks) {
        let words: Vec<&str> = line.split_whitespace().take(2).collect();
        assert_eq!(words, [text(&finding["status"]), text(&finding["check"])]);
        assert_eq!(line.contains(" -> "), finding["fix"].is_string(), "{line}");
    }
}

#[tokio::test]
async fn a_running_daemon_says_how_it_is_and_that_its_polls_are_answered() {
    let stage = ready().await;
    stage.sfn.hold_polls(Duration::from_millis(100));
    stage.livy.plan(Plan::running());
    let worker = stage.worker();
    stage.task();
    let name = stage.submitted("etl-").await;
    worker.logged(&format!("{name} is RUNNING in YARN"));
    let said = asked(worker.config(), &["--json"], &[]).await;
    assert_eq!(said.code, Some(0), "{}", said.out);
    said.assert("daemon", "ok", "1 task (1 Running)");
    said.assert("activity", "ok", "the daemon's last poll was answered");
    said.assert("yarn-tag", "ok", "active: 1");
    said.assert("journal", "ok", "tasks: 1");
    stage.livy.down().await;
    worker.logged("Livy does not answer");
    let said = asked(worker.config(), &["--json"], &[]).await;
    assert_eq!(said.code, Some(1), "{}", said.out);
    said.assert("daemon", "warn", "Livy does not answer");
    said.assert("livy", "fail", "systemctl status livy-server");
}

#[tokio::test]
async fn what_hangs_becomes_a_line_in_time() {
    let stage = ready().await;
    for server in [&*stage.sfn, &*stage.livy, &**stage.yarn()] {
        server.hang_all(true);
    }
    let said = doctor(&stage, &stage.config()).await;
    assert!(said.took < BOUND, "{:?}", said.took);
    assert_eq!(said.code, Some(1));
    for check in ["activity", "livy", "yarn"] {
        said.assert(check, "fail", "");
    }
    for check in ["clock", "credentials", "answers", "livy-version"] {
        said.assert(check, "skip", "");
    }
}

#[tokio::test]
async fn a_server_that_accepts_and_says_nothing_is_not_waited_for() {
    let stage = ready().await;
    let silent: Vec<TcpListener> =
        (0..3).map(|_| TcpListener::bind("127.0.0.1:0").expect("a port")).collect();
    let urls: Vec<String> =
        silent.iter().map(|silent| format!("http://{}", silent.local_addr().expect("an address"))).collect();
    let config = Config::new(&urls[0], &urls[0], &stage.arn, stage.directory.path());
    let config = config.table("livy", "request_timeout = \"5m\"");
    let config = config.table("yarn", &format!("url = {urls:?}"));
    let said = doctor(&stage, &config).await;
    assert!(said.took < BOUND, "{:?}", said.took);
    for (check, words) in [("activity", "no answer within"), ("livy", ""), ("yarn", "no answer within")] {
        said.assert(check, "fail", words);
    }
}

#[tokio::test]
async fn step_functions_is_told_apart_by_what_it_refuses() {
    let stage = ready().await;
    let config = stage.config();
    let missing = Config { activities: vec![(format!("{}-2", stage.arn), String::new())], ..config.clone() };
    let said = doctor(&stage, &missing).await;
    assert_eq!(said.code, Some(1));
    said.assert(
        "activity",
        "fail",
        "aws stepfunctions create-activity --region us-east-1 --name spark-job-2",
    );
    stage.sfn.fault("DescribeActivity", denied());
    let said = doctor(&stage, &config).await;
    assert_eq!(said.code, Some(0), "{}", said.out);
    said.assert("activity", "warn", "bootstrap/iam-policy.json");
    stage.sfn.fault("SendTaskSuccess", denied());
    let said = doctor(&stage, &config).await;
    assert_eq!(said.code, Some(1));
    said.assert("answers", "fail", "no permission for states:SendTaskSuccess");
    stage.sfn.fault("DescribeActivity", refusal("KmsAccessDeniedException", "no key"));
    doctor(&stage, &config).await.assert("activity", "fail", "kms:Decrypt");
    stage.sfn.fault_times("*", 4, refusal("ExpiredTokenException", "expired"));
    let said = doctor(&stage, &config).await;
    said.assert("credentials", "fail", "aws sts get-caller-identity");
    said.assert("activity", "skip", "see credentials");
    let elsewhere = config.table("aws", "region = \"eu-west-1\"");
    let words = "aws.region = \"eu-west-1\": the activities are in us-east-1";
    doctor(&stage, &elsewhere).await.assert("configuration", "fail", words);
}

#[tokio::test]
async fn without_credentials_it_says_so() {
    let stage = ready().await;
    let path = written(&stage, &stage.config());
    let none = [("AWS_ACCESS_KEY_ID", ""), ("AWS_SECRET_ACCESS_KEY", ""), ("HOME", "/nowhere")];
    let said = asked(&path, &["--json"], &none).await;
    assert_eq!(said.code, Some(1));
    said.assert("credentials", "fail", "instance profile");
    assert_eq!(stage.sfn.calls().len(), 0);
}

#[tokio::test]
async fn a_metadata_service_that_hangs_is_not_waited_for() {
    let stage = ready().await;
    let path = written(&stage, &stage.config());
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", silent.local_addr().expect("an address"));
    let variables = [
        ("AWS_ACCESS_KEY_ID", ""),
        ("AWS_SECRET_ACCESS_KEY", ""),
        ("AWS_REGION", ""),
        ("HOME", "/nowhere"),
        ("AWS_EC2_METADATA_DISABLED", "false"),
        ("AWS_EC2_METADATA_SERVICE_ENDPOINT", &url),
    ];
    let said = asked(&path, &["--json"], &variables).await;
    assert!(said.took < BOUND, "{:?}", said.took);
    assert_eq!(said.code, Some(1));
    assert!(said.out.contains("metadata service"), "{}", said.out);
    said.assert("livy", "ok", "answers");
    assert_eq!(stage.sfn.calls().len(), 0);
}

#[tokio::test]
async fn livy_is_told_by_its_version_and_its_certificate() {
    let stage = ready().await;
    stage.livy.fault("GET /version", Fault::json(200, &json!({ "version": "0.6.0-incubating" })));
    let said = doctor(&stage, &stage.config()).await;
    assert_eq!(said.code, Some(1));
    said.assert("livy-version", "fail", "older than 0.7");
    stage.livy.secure(&Identity::recipe());
    let said = doctor(&stage, &stage.config()).await;
    said.assert("livy", "fail", "set pinned_sha256 in [livy]");
    said.assert("livy-version", "skip", "see livy");
}

#[tokio::test]
async fn yarn_may_be_off() {
    let stage = Stage::new().await;
    state(&stage, 0o700);
    let said = doctor(&stage, &stage.config()).await;
    assert_eq!(said.code, Some(0), "{}", said.out);
    said.assert("yarn", "warn", "only Livy says how jobs end");
}

#[tokio::test]
async fn a_wrong_configuration_is_a_line_and_the_rest_of_the_node_is_looked_at() {
    let stage = ready().await;
    let said = doctor(&stage, &stage.config().table("watch", "intervall = \"1s\"")).await;
    assert_eq!(said.code, Some(1));
    said.assert("configuration", "fail", "watch.intervall");
    for check in ["daemon", "activity", "livy", "yarn", "state-directory", "disk"] {
        said.assert(check, "skip", "the configuration cannot be had");
    }
    said.finding("node");
    said.finding("systemd");
    assert!(stage.sfn.calls().is_empty() && stage.livy.calls().is_empty());
    let said = asked(Path::new("/nowhere/config.toml"), &["--json"], &[]).await;
    assert_eq!(said.code, Some(1));
    said.assert("configuration", "fail", "/nowhere/config.toml");
}

#[tokio::test]
async fn a_password_that_others_can_read_is_a_line() {
    let stage = ready().await;
    let password = stage.directory.path().join("password");
    fs::write(&password, "hunter2\n").expect("written");
    fs::set_permissions(&password, Permissions::from_mode(0o644)).expect("changed");
    let lines = format!("username = \"worker\"\npassword_file = \"{}\"", password.display());
    let said = doctor(&stage, &stage.config().table("livy", &lines)).await;
    assert_eq!(said.code, Some(1));
    said.assert("configuration", "fail", "chmod 600");
    said.assert("livy", "skip", "see configuration");
    assert!(!said.out.contains("hunter2"));
}

#[tokio::test]
async fn the_state_directory_is_told_by_mode_and_content() {
    let stage = ready().await;
    let config = stage.config();
    let path = state(&stage, 0o500);
    let said = doctor(&stage, &config).await;
    assert_eq!(said.code, Some(1));
    said.assert("state-directory", "fail", "its owner cannot write");
    state(&stage, 0o750);
    doctor(&stage, &config).await.assert("state-directory", "warn", "chmod 700");
    state(&stage, 0o700);
    fs::write(path.join("0123456789abcdef.corrupt"), "x").expect("written");
    doctor(&stage, &config).await.assert("journal", "warn", "could not be read: 1");
    fs::write(path.join("0123456789abcdef.task"), "spark-job-worker 99 00\n").expect("written");
    doctor(&stage, &config).await.assert("journal", "fail", "written by a newer spark-job-worker");
    fs::remove_dir_all(&path).expect("removed");
    doctor(&stage, &config).await.assert("state-directory", "warn", "is not there");
    assert!(!path.exists(), "it is not made");
}

#[tokio::test]
async fn a_clock_that_is_wrong_is_seen() {
    let stage = ready().await;
    let body = json!({ "__type": "InvalidToken", "message": "Invalid Token" }).to_string();
    // Whoever answers first says the time; the stand-in's own clock is this machine's.
    let late = late(&body);
    let config = stage.config().table("aws", &format!("endpoint_url = {late:?}"));
    let said = doctor(&stage, &config).await;
    assert_eq!(said.code, Some(1));
    said.assert("clock", "fail", "signatures are refused");
}

/// A server that answers everything with this, in the year 2020.
fn late(body: &str) -> String {
    use std::io::{Read, Write};
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let answer = format!(
        "HTTP/1.1 400 Bad Request\r\ndate: Wed, 01 Jan 2020 00:00:00 GMT\r\nconnection: close\r\n\
         content-type: application/x-amz-json-1.0\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let (answer, mut stream) = (answer.clone(), stream);
            std::thread::spawn(move || {
                let mut asked = [0; 8192];
                let _ = stream.read(&mut asked);
                let _ = stream.write_all(answer.as_bytes());
            });
        }
    });
    url
}
