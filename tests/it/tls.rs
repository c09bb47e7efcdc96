//! Livy and YARN over TLS and behind a password: jobs run where it fits, and are waited for, with the reason, where not.

use std::fs::{Permissions, set_permissions, write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixDatagram;
use std::path::Path;

use serde_json::Value;
use sha2::{Digest, Sha256};
use spark_job_worker::log::message_id;
use stand_ins::WaitFor;
use stand_ins::http::{Authority, Fault, Identity};
use stand_ins::livy::Plan;
use stand_ins::sfn::TaskId;
use stand_ins::spark::{Application, FailedTask, Spark};
use stand_ins::worker::{Config, Worker};
use stand_ins::yarn::Yarn;

use crate::harness::{PROGRAM, Stage, text};

const PASSWORD: &str = "hunter2-and-more";

/// As openssl prints it.
fn fingerprint(identity: &Identity) -> String {
    let bytes: Vec<String> =
        Sha256::digest(identity.der()).iter().map(|byte| format!("{byte:02X}")).collect();
    bytes.join(":")
}

fn pin(identity: &Identity) -> String {
    format!("pinned_sha256 = \"{}\"", fingerprint(identity))
}

/// Livy and YARN with one certificate, as EMR has them.
async fn secured(identity: &Identity) -> Stage {
    let stage = Stage::with_yarn().await;
    stage.livy.secure(identity);
    stage.yarn().secure(identity);
    stage
}

/// The same lines in both tables.
fn both(stage: &Stage, lines: &str) -> Config {
    stage.config().table("livy", lines).table("yarn", lines)
}

/// Lines with a password of one's own.
fn login(stage: &Stage, table: &str, password: &str) -> String {
    let path = stage.directory.path().join(format!("{table}.password"));
    write(&path, format!("{password}\n")).expect("written");
    set_permissions(&path, Permissions::from_mode(0o600)).expect("changed");
    format!("username = \"worker\"\npassword_file = \"{}\"", path.display())
}

fn file(stage: &Stage, name: &str, content: &str) -> String {
    let path = stage.directory.path().join(name);
    write(&path, content).expect("written");
    path.display().to_string()
}

/// Livy is given up for now with these words, and no task is taken.
fn barred(stage: &Stage, worker: &Worker, task: &TaskId, words: &str) {
    let line = worker.logged("Livy cannot be used");
    assert!(line["message"].as_str().is_some_and(|said| said.contains(words)), "{words}: {line}");
    assert!(line.to_string().contains(message_id::LIVY_ACCESS_DENIED), "{line}");
    assert_eq!(stage.sfn.polls(&stage.arn), 0, "{words}");
    assert!(stage.sfn.peek(task).is_none() && stage.livy.posts().is_empty());
}

#[tokio::test]
async fn a_job_runs_under_an_authority_of_ones_own() {
    let authority = Authority::default();
    let stage = secured(&authority.server()).await;
    let lines = format!("ca_file = \"{}\"", file(&stage, "ca.pem", &authority.pem()));
    let worker = stage.worker_with(&both(&stage, &lines));
    let output = stage.output(&stage.task()).await;
    assert_eq!(output["verdictSource"], "yarn");
    assert_eq!(worker.count("not verified"), 0);
}

#[tokio::test]
async fn a_job_runs_with_emrs_own_certificate_pinned_and_its_drivers_log_is_read() {
    let identity = Identity::recipe();
    let stage = secured(&identity).await;
    stage.livy.plan(Plan::running());
    let worker = stage.worker_with(&both(&stage, &pin(&identity)));
    let task = stage.task();
    stage.submitted("etl-").await;
    worker.logged("runs as application_");
    let id = stage.livy.applications()[0].id.clone().expect("an id");
    stage.yarn().wrote(&id, "stdout", "Traceback (most recent call last):\nValueError: no such rate code\n");
    stage.yarn().aggregate(1);
    stage.yarn().diagnose(&id, "User application exited with status 1");
    stage.yarn().set(&id, "FINISHED", "FAILED");
    stage.livy.misjudge("etl-", "dead");
    let (error, cause) = stage.failure(&task).await;
    assert_eq!(error, "SparkJob.Failed");
    assert!(text(&cause["logUrl"]).starts_with("https://"), "{cause}");
    assert_eq!(cause["rootCause"], "ValueError: no such rate code");
}

#[tokio::test]
async fn sparks_history_server_is_believed_as_yarns_pages_are_and_sees_no_password() {
    let (identity, other) = (Identity::recipe(), Identity::recipe());
    for (shown, told) in [(&identity, true), (&other, false)] {
        let (stage, spark) = (secured(&identity).await, Spark::start().await);
        spark.secure(shown);
        spark.knows_all(Application::default().failing(&FailedTask::saying("java.lang.Error: bad")));
        stage.yarn().demand("worker", PASSWORD);
        stage.livy.plan(Plan::ends("dead").diagnostics(["User application exited with status 1"]));
        let verify = format!("spark = true\nhistory_url = \"{}\"", spark.url());
        let config = both(&stage, &pin(&identity)).table("yarn", &login(&stage, "yarn", PASSWORD));
        let _worker = stage.worker_with(&config.table("verify", &verify));
        let (_, cause) = stage.failure(&stage.task()).await;
        assert_eq!(cause.get("failedStages").is_some(), told, "{cause}");
        assert!(spark.calls().iter().all(|call| call.request.header("authorization").is_none()));
    }
}

#[tokio::test]
async fn another_certificate_than_the_pinned_one_is_shown_and_waited_out() {
    let (identity, other) = (Identity::recipe(), Identity::recipe());
    let stage = Stage::new().await;
    stage.livy.secure(&other);
    let socket = stage.directory.path().join("notify");
    let heard = UnixDatagram::bind(&socket).expect("a socket");
    heard.set_read_timeout(Some(stand_ins::worker::LIMIT)).expect("a timeout");
    let config = stage.config().table("livy", &pin(&identity));
    let path = file(&stage, "config.toml", &config.text());
    let variables = [("NOTIFY_SOCKET", socket.to_str().expect("UTF-8"))];
    let worker = Worker::start_with(Path::new(PROGRAM), Path::new(&path), &variables);
    let task = stage.task();
    let words = format!("its certificate is not a pinned one (got {})", fingerprint(&other));
    barred(&stage, &worker, &task, &words);
    let mut status = [0; 4096];
    loop {
        let length = heard.recv(&mut status).expect("a status");
        if String::from_utf8_lossy(&status[..length]).contains(&words) {
            break;
        }
    }
    assert!(stage.livy.calls().is_empty(), "nothing was said to a stranger");
    stage.livy.secure(&identity);
    stage.output(&task).await;
    worker.logged("Livy answers again");
    assert_eq!(worker.count("Livy cannot be used"), 1, "a change of condition is logged once");
}

#[tokio::test]
async fn a_certificate_that_is_not_believed_is_waited_out_and_the_fix_is_said() {
    let (authority, recipe) = (Authority::default(), Identity::recipe());
    let fix = "set ca_file or pinned_sha256 in [livy]";
    let cases = [
        (authority.server(), None, vec!["not trusted", "UnknownIssuer", fix]),
        (authority.server(), Some(Authority::default().pem()), vec!["not trusted", fix]),
        (authority.other_server(), Some(authority.pem()), vec!["127.0.0.1", "other.example", fix]),
        (recipe.clone(), None, vec!["an authority's own", "set pinned_sha256 in [livy]"]),
        (recipe.clone(), Some(recipe.pem()), vec!["an authority's own", "set pinned_sha256 in [livy]"]),
    ];
    for (identity, roots, parts) in cases {
        let stage = Stage::new().await;
        stage.livy.secure(&identity);
        let lines = roots.map(|pem| format!("ca_file = \"{}\"", file(&stage, "ca.pem", &pem)));
        let worker = stage.worker_with(&stage.config().table("livy", &lines.unwrap_or_default()));
        let task = stage.task();
        for part in parts {
            barred(&stage, &worker, &task, part);
        }
        assert!(stage.livy.calls().is_empty());
    }
}

#[tokio::test]
async fn a_copied_certificate_without_its_key_opens_nothing() {
    let identity = Identity::recipe();
    for lines in [pin(&identity), "insecure = true".to_owned()] {
        let stage = Stage::new().await;
        stage.livy.secure(&identity.stolen());
        let worker = stage.worker_with(&stage.config().table("livy", &lines));
        let task = stage.task();
        barred(&stage, &worker, &task, "the handshake is not signed with its certificate's key");
        assert!(stage.livy.calls().is_empty());
    }
}

#[tokio::test]
async fn insecure_is_obeyed_and_loud() {
    let stage = secured(&Authority::default().other_server()).await;
    let worker = stage.worker_with(&both(&stage, "insecure = true"));
    stage.output(&stage.task()).await;
    for table in ["livy", "yarn"] {
        let line = worker.logged(&format!("not verified (insecure = true in [{table}])"));
        assert_eq!(line["level"], "WARN");
        assert!(line.to_string().contains(message_id::TLS_INSECURE), "{line}");
    }
}

#[tokio::test]
async fn a_livy_without_tls_at_an_https_url_is_told_as_that() {
    let stage = Stage::new().await;
    let mut config = stage.config().table("livy", "insecure = true");
    config.livy = config.livy.replace("http://", "https://");
    let worker = stage.worker_with(&config);
    let task = stage.task();
    barred(&stage, &worker, &task, "it does not speak TLS: is url in [livy] right?");
}

#[tokio::test]
async fn a_condition_that_needs_an_operator_is_told_after_an_outage_too() {
    let stage = Stage::new().await;
    stage.livy.down().await;
    stage.livy.secure(&Identity::recipe());
    let worker = stage.worker_with(&stage.config());
    let task = stage.task();
    worker.logged("Livy does not answer");
    stage.livy.up().await;
    barred(&stage, &worker, &task, "set pinned_sha256 in [livy]");
}

#[tokio::test]
async fn a_post_that_meets_another_certificate_was_not_sent() {
    let (identity, other) = (Identity::recipe(), Identity::recipe());
    let stage = secured(&identity).await;
    let worker = stage.worker_with(&both(&stage, &pin(&identity)));
    stage.polling().await;
    // The sweep goes on over its open connection; a POST makes a new one.
    stage.livy.secure(&other);
    let task = stage.task();
    let line = worker.logged("Livy cannot take etl-");
    assert!(line.to_string().contains(&format!("not a pinned one (got {})", fingerprint(&other))), "{line}");
    assert!(stage.livy.posts().is_empty());
    assert_eq!(worker.count("may or may not"), 0, "there is no doubt");
    stage.livy.secure(&identity);
    stage.output(&task).await;
    assert_eq!(stage.livy.posts().len(), 1);
}

#[tokio::test]
async fn certificates_that_are_replaced_under_a_running_job_cost_it_nothing() {
    let (old, new) = (Identity::recipe(), Identity::recipe());
    let stage = secured(&old).await;
    stage.livy.plan(Plan::running());
    let mut worker = stage.worker_with(&both(&stage, &pin(&old)));
    let task = stage.task();
    let name = stage.submitted("etl-").await;
    worker.logged("runs as application_");
    stage.livy.down().await;
    stage.yarn().down().await;
    stage.livy.secure(&new);
    stage.yarn().secure(&new);
    stage.livy.up().await;
    stage.yarn().up().await;
    worker.logged("Livy cannot be used: its certificate is not a pinned one");
    worker.logged("YARN cannot be used: its certificate is not a pinned one");
    // Longer than `lost_after`.
    let beats = stage.sfn.heartbeats(&task).len();
    stage.sfn.wait_for(|sfn| sfn.heartbeats(&task).len() >= beats + 3, None).await;
    assert!(stage.sfn.peek(&task).is_none());
    assert!(worker.stop().success());

    let pins = format!("pinned_sha256 = [\"{}\", \"{}\"]", fingerprint(&old), fingerprint(&new));
    let _next = stage.worker_with(&both(&stage, &pins));
    stage.livy.set_state(&name, "success");
    assert_eq!(stage.output(&task).await["verdictSource"], "yarn");
    assert_eq!(stage.livy.posts().len(), 1);
}

#[tokio::test]
async fn a_standby_with_tls_is_passed_over() {
    let identity = Identity::recipe();
    let stage = secured(&identity).await;
    let active = Yarn::start(&stage.livy).await;
    active.secure(&identity);
    stage.yarn().standby(&active.url());
    let config = stage.config_of(&[stage.yarn(), &active]);
    let config = config.table("livy", &pin(&identity)).table("yarn", &pin(&identity));
    let _worker = stage.worker_with(&config);
    assert_eq!(stage.output(&stage.task()).await["verdictSource"], "yarn");
    assert!(active.count("GET /apps") > 0);
}

#[tokio::test]
async fn a_resource_manager_that_sends_to_tls_is_not_followed_and_says_where() {
    let stage = Stage::with_yarn().await;
    let secured = Yarn::start(&stage.livy).await;
    secured.secure(&Identity::recipe());
    stage.yarn().standby(&secured.url());
    let worker = stage.worker();
    stage.task();
    worker.logged(&format!("sends everybody to {}: set url in [yarn] to that", secured.url()));
    assert!(secured.calls().is_empty());
}

#[tokio::test]
async fn a_password_opens_livy_and_yarn_and_goes_nowhere_else() {
    let identity = Identity::recipe();
    let stage = secured(&identity).await;
    let elsewhere = Yarn::start(&stage.livy).await;
    elsewhere.secure(&identity);
    for server in [&*stage.livy, &**stage.yarn()] {
        server.demand("worker", PASSWORD);
    }
    stage.livy.plan(Plan::running());
    let config = stage
        .config()
        .table("livy", &pin(&identity))
        .table("livy", &login(&stage, "livy", PASSWORD))
        .table("yarn", &pin(&identity))
        .table("yarn", &login(&stage, "yarn", PASSWORD))
        .table("log", "filter = \"trace\"");
    let worker = stage.worker_with(&config);
    let task = stage.task();
    stage.submitted("etl-").await;
    worker.logged("runs as application_");
    // A NodeManager gives the log away to a log server of another address.
    let id = stage.livy.applications()[0].id.clone().expect("an id");
    elsewhere.wrote(&id, "stdout", "Traceback (most recent call last):\nValueError: no such rate code\n");
    let container = id.replacen("application", "container", 1);
    let page = format!(
        "{}/jobhistory/logs/n/{container}_01_000001/{container}_01_000001/hadoop/stdout",
        elsewhere.url()
    );
    stage.yarn().fault_times("GET /node/containerlogs", usize::MAX, Fault::Redirect(page));
    stage.yarn().diagnose(&id, "User application exited with status 1");
    stage.yarn().set(&id, "FINISHED", "FAILED");
    stage.livy.misjudge("etl-", "dead");
    let (_, cause) = stage.failure(&task).await;
    assert_eq!(cause["rootCause"], "ValueError: no such rate code");
    let calls = elsewhere.calls();
    assert!(!calls.is_empty() && calls.iter().all(|call| call.request.header("authorization").is_none()));
    assert!(stage.livy.calls().iter().all(|call| call.request.header("authorization").is_some()));

    let log: String = worker.lines().iter().map(Value::to_string).collect();
    // `worker:hunter2-and-more`, as it is sent.
    for secret in [PASSWORD, "d29ya2VyOmh1bnRlcjItYW5kLW1vcmU="] {
        assert!(!log.contains(secret), "the password is in the log");
    }
}

#[tokio::test]
async fn a_wrong_password_and_none_are_waited_out_and_the_fix_is_said() {
    for (known, words) in [
        (true, "it does not take username and password of [livy] (401"),
        (false, "it wants authentication (401"),
    ] {
        let stage = Stage::new().await;
        stage.livy.demand("worker", PASSWORD);
        let lines = if known { login(&stage, "livy", "another") } else { String::new() };
        let worker = stage.worker_with(&stage.config().table("livy", &lines));
        let task = stage.task();
        barred(&stage, &worker, &task, words);
        stage.livy.demand("worker", "another");
        if known {
            stage.output(&task).await;
        }
    }
}

#[tokio::test]
async fn a_post_that_is_asked_for_a_password_is_made_again() {
    let stage = Stage::new().await;
    stage.livy.fault_times("POST /batches", 2, Fault::html(401, "Authentication required"));
    let worker = stage.worker();
    stage.output(&stage.task()).await;
    worker.logged("Livy cannot take etl-");
    assert_eq!(stage.livy.posts().len(), 3);
    assert_eq!(stage.livy.batches().len(), 1);
}

#[tokio::test]
async fn a_password_that_others_can_read_ends_the_start_with_78_and_is_not_repeated() {
    let stage = Stage::new().await;
    let lines = login(&stage, "livy", PASSWORD);
    let path = stage.directory.path().join("livy.password");
    set_permissions(&path, Permissions::from_mode(0o644)).expect("changed");
    let mut worker = stage.worker_with(&stage.config().table("livy", &lines));
    assert_eq!(worker.ended().code(), Some(78));
    worker.logged(&format!("has mode 0644: chmod 600 {}", path.display()));
    assert!(!worker.lines().iter().any(|line| line.to_string().contains(PASSWORD)));
}
