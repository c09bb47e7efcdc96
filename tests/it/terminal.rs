//! What a terminal is shown: nothing that moves a cursor, hides a line or makes one up, whoever named it so.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use stand_ins::livy::Plan;
use stand_ins::worker::ENVIRONMENT;

use crate::admin::{endpoint, get};
use crate::harness::{PROGRAM, Stage, text};
use crate::history::ended;
use crate::structure::{root, sources};

/// Clears the screen, sets the title, colours by C1, goes back, forges a line, turns letters around and hides them.
const HOSTILE: &str =
    "a\u{1b}[2J\u{1b}]0;title\u{7}\u{9b}31m\u{7f}\rb\n! all is well\u{202e}\u{2066}\u{200b}\u{feff}";

/// Exit code, stdout and stderr.
fn told(arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = Command::new(PROGRAM).args(arguments).envs(ENVIRONMENT).output().expect("it runs");
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("UTF-8");
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

#[track_caller]
fn clean(shown: &str) {
    let is_bad = |c: char| {
        (c != '\n' && c.is_control())
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
    };
    assert!(!shown.contains(is_bad), "{shown:?}");
    assert!(!shown.lines().any(|line| line.starts_with("! all is well")), "a forged line: {shown}");
}

/// The hostile text is there, and can be seen for what it is. Paths are written as Rust writes them.
#[track_caller]
fn shows_it(shown: &str) {
    clean(shown);
    let has = |json: &str, rust: &str| shown.contains(json) || shown.contains(rust);
    assert!(has("\\u001b[2J", "\\u{1b}[2J") && has("\\u202e", "\\u{202e}"), "{shown}");
}

fn shipped() -> String {
    root().join("config/spark-job-worker.toml").to_str().expect("UTF-8").to_owned()
}

fn written(directory: &Path, name: &str, text: &str) -> String {
    let path = directory.join(name);
    fs::write(&path, text).expect("written");
    path.to_str().expect("UTF-8").to_owned()
}

#[tokio::test]
async fn status_shows_hostile_names_of_executions_and_applications_harmlessly() {
    let stage = Stage::with_yarn().await;
    stage.livy.plan(Plan::running());
    let worker = stage.worker();
    stage.schedule(&json!({ "Name": "etl", "File": "s3://b/a.py", "Execution": HOSTILE }).to_string());
    let name = stage.submitted("etl-").await;
    worker.logged(&format!("{name} is RUNNING in YARN"));
    // Somebody else's, by another client of Livy.
    stage.strangers(HOSTILE, &format!("spark-job-worker,sjw-{HOSTILE}")).await;
    let config = worker.config().to_str().expect("UTF-8").to_owned();
    let end = Instant::now() + Duration::from_secs(20);
    let (code, out, err) = loop {
        let shown = told(&["status", "--config", &config]);
        if shown.1.contains("no task here for") {
            break shown;
        }
        assert!(Instant::now() < end, "{shown:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    assert_eq!((code, err.as_str()), (Some(0), ""));
    shows_it(&out);
    let stranger = out.lines().find(|line| line.contains("no task here for")).expect("a line");
    shows_it(stranger);
    shows_it(out.lines().find(|line| line.contains(" etl ")).expect("the task's row"));
    let (_, out, _) = told(&["status", "--json", "--config", &config]);
    shows_it(&out);
    let now: Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!(text(&now["tasks"][0]["execution"]), HOSTILE, "it stays what it is");
    let (_, out, err) = told(&["doctor", "--config", &config]);
    clean(&out);
    clean(&err);
}

#[tokio::test]
async fn history_shows_hostile_names_and_last_words_harmlessly() {
    let stage = Stage::new().await;
    stage.livy.plan(Plan::ends("dead").diagnostics([&format!("User class threw exception: a.B: {HOSTILE}")]));
    let worker = stage.worker();
    let input = json!({ "Name": "etl", "File": "s3://b/a.py", "Execution": HOSTILE });
    stage.failure(&stage.schedule(&input.to_string())).await;
    let past = ended(&stage, &worker, 1).await;
    assert_eq!(text(&past["tasks"][0]["execution"]), HOSTILE, "it stays what it is");
    let config = worker.config().to_str().expect("UTF-8").to_owned();
    for arguments in [&["history", "--config", &config][..], &["history", "--json", "--config", &config]] {
        let (code, out, err) = told(arguments);
        assert_eq!((code, err.as_str()), (Some(0), ""));
        clean(&out);
        assert!(out.contains("a.B: a\\u001b[2J") || out.contains("a.B: a\\\\u001b[2J"), "{out}");
    }
    let (_, page) = get(&format!("{}/history", endpoint(&worker))).await;
    shows_it(&page);
}

#[test]
fn lint_shows_hostile_names_of_states_keys_and_files_harmlessly() {
    let directory = tempfile::tempdir().expect("a directory");
    let task = json!({ "Type": "Task", "Resource": "arn:aws:states:us-east-1:123456789012:activity:spark-job", "End": true,
                       "Parameters": { "File": "s3://b/a.py", HOSTILE: 1 } });
    let definition = json!({ "StartAt": HOSTILE, "States": { HOSTILE: task, "x": { "Type": HOSTILE } } });
    let file = written(directory.path(), "m.asl.json", &definition.to_string());
    let (code, out, err) = told(&["lint", &file, "--config", &shipped()]);
    assert_eq!((code, err.as_str()), (Some(1), ""));
    shows_it(&out);
    let nowhere = format!("/nowhere/{HOSTILE}");
    let (_, out, err) = told(&["lint", &nowhere, &file, "--config", &shipped()]);
    shows_it(&out);
    shows_it(&err);
    assert!(err.lines().count() == 1, "{err}");
}

#[test]
fn render_shows_hostile_keys_and_values_harmlessly() {
    let directory = tempfile::tempdir().expect("a directory");
    let wrong = json!({ "File": "s3://b/a.py", HOSTILE: 1 }).to_string();
    let file = written(directory.path(), "wrong.json", &wrong);
    let (code, out, err) = told(&["render", &file, "--config", &shipped()]);
    assert_eq!((code, out.as_str()), (Some(1), ""));
    shows_it(&err);
    let good = json!({ "File": "s3://b/a.py", "Args": ["\u{9b}31m\u{202e}x"] }).to_string();
    let file = written(directory.path(), "good.json", &good);
    let (code, out, err) = told(&["render", &file, "--config", &shipped()]);
    clean(&out);
    clean(&err);
    if code == Some(0) {
        let request: Value = serde_json::from_str(&out).expect("JSON");
        assert_eq!(request["args"][0], "\u{9b}31m\u{202e}x");
    }
}

#[test]
fn a_hostile_configuration_is_told_harmlessly_by_every_command() {
    let directory = tempfile::tempdir().expect("a directory");
    let key = serde_json::to_string(HOSTILE).expect("a text").replace('\u{7f}', "\\u007F");
    let config = written(directory.path(), "config.toml", &format!("{key} = {key}\n"));
    for command in ["check", "run", "render /dev/null", "lint /dev/null"] {
        let arguments: Vec<&str> = command.split(' ').chain(["--config", &config]).collect();
        let (code, out, err) = told(&arguments);
        assert_eq!((code, out.as_str()), (Some(78), ""), "{command}: {err}");
        shows_it(&err);
    }
    for command in [&["doctor"][..], &["doctor", "--json"]] {
        let (_, out, err) = told(&[command, &["--config", &config]].concat());
        shows_it(&out);
        clean(&err);
    }
    let (code, out, err) = told(&[&format!("--{HOSTILE}")]);
    assert_eq!((code, out.as_str()), (Some(2), ""));
    assert!(!err.contains(['\u{1b}', '\u{9b}', '\u{202e}', '\r']), "{err:?}");
}

#[test]
fn only_one_file_of_the_commands_prints() {
    /// A call of std's, and not a method that is called so, too.
    fn prints(line: &str) -> bool {
        let calls = |call: &str| {
            line.match_indices(call).any(|(at, _)| {
                !line[..at].ends_with(|c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.')
            })
        };
        let macros = ["println!", "eprintln!", "print!", "eprint!"];
        ["stdout()", "stderr()"].into_iter().chain(macros).any(calls)
    }
    for (path, text) in sources() {
        // The log has a way of its own, whose lines are as clean.
        let may = path == "src/cli/terminal.rs" || path == "src/log.rs" || path.ends_with("tests.rs");
        let code = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
        let found = code.lines().find(|line| prints(line) && !line.trim_start().starts_with("//"));
        assert!(may || found.is_none(), "{path} prints by itself: {found:?}");
    }
}

/// What `check` says of a configuration, with variables.
fn checked(config: &str, variables: &[(&str, &str)]) -> (PathBuf, String) {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("config.toml");
    if !config.is_empty() {
        fs::write(&path, config).expect("written");
    }
    let output = Command::new(PROGRAM)
        .args(["check", "--config"])
        .arg(&path)
        .current_dir(directory.path())
        .envs(variables.iter().copied())
        .output()
        .expect("it runs");
    assert_eq!(output.status.code(), Some(78));
    (path, String::from_utf8(output.stderr).expect("UTF-8"))
}

const ACTIVITY: &str = "[[activity]]\narn = \"arn:aws:states:us-east-1:123456789012:activity:x\"\n";

#[test]
fn a_wrong_configuration_is_told_with_key_value_and_a_place_that_can_be_opened() {
    let line = |config: &str, variables: &[(&str, &str)], begins: &str, source: &str| {
        let (path, told) = checked(config, variables);
        let source = source.replace("FILE", path.to_str().expect("UTF-8"));
        let last = told.lines().last().unwrap_or_default();
        assert!(last.starts_with(begins) || begins.is_empty(), "{told}");
        assert!(last.ends_with(&format!("({source})")), "{told} should end in {source}");
        assert!(!told.contains("src/"), "{told}");
    };
    let default = "the default: FILE does not set it";
    line("# nothing\n", &[], "activity = []: no activity to poll: add [[activity]]", default);
    line("activity = []\n", &[], "activity = []: no activity", "FILE");
    line("[[activity]]\n", &[], "activity.0 = {}: missing field `arn`", "FILE");
    line("", &[], "", "FILE");
    line("[livy\n", &[], "", "FILE");
    line(&format!("{ACTIVITY}[livy]\nurl = 7\n"), &[], "livy.url = 7: invalid type", "FILE");
    line(&format!("{ACTIVITY}[livy]\nusername = \"x\"\n"), &[], "livy.username = \"x\": needs", "FILE");
    for (name, begins) in [
        ("SPARK_JOB_WORKER_LIVY__URL", "livy.url = \"x y\": "),
        ("SPARK_JOB_WORKER_livy__url", "livy.url = \"x y\": "),
        ("SPARK_JOB_WORKER_LIVY__BOGUS", "livy.bogus = ***: unknown field"),
        ("SPARK_JOB_WORKER_BOGUS__X", "bogus = ***: unknown field"),
    ] {
        line(ACTIVITY, &[(name, "x y")], begins, &format!("the variable {name}"));
    }
    let pollers = "[{arn=\"arn:aws:states:us-east-1:123456789012:activity:x\", pollers=0}]";
    for (name, value, begins) in [
        ("SPARK_JOB_WORKER_LIVY", "hunter2", "livy = ***: invalid type: found a text, expected "),
        ("SPARK_JOB_WORKER_ACTIVITY", pollers, "activity.0.pollers = 0: "),
        ("SPARK_JOB_WORKER_LIVY__USERNAME", "u:hunter2", "livy.username = \"u:***\": needs"),
    ] {
        line(ACTIVITY, &[(name, value)], begins, &format!("the variable {name}"));
    }
}
