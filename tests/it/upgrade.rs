//! What an installer asks the new binary before it replaces the one that runs.

use std::fs;
use std::path::Path;

use stand_ins::WaitFor;
use stand_ins::livy::Plan;
use stand_ins::worker::command;

use crate::harness::{PROGRAM, Stage};

#[tokio::test]
async fn check_reads_the_journal_of_a_running_worker_and_leaves_it_as_it_is() {
    let stage = Stage::new().await;
    stage.livy.plan(Plan::running());
    let worker = stage.worker();
    stage.task();
    stage.submitted("etl").await;
    // Once as a batch, and once more when its application is known.
    let limit = std::time::Duration::from_secs(20);
    stage.livy.wait_for(|_| worker.count("is kept as Running") >= 2, limit).await;
    let state = stage.directory.path().join("state");
    let before = files(&state);
    let (code, out, _) = check(&stage);
    assert_eq!(code, Some(0));
    assert!(out.contains("can be read; tasks in it: 1"), "{out}");
    assert_eq!(files(&state), before);
}

#[tokio::test]
async fn check_names_every_entry_that_this_version_cannot_read_and_touches_none() {
    let stage = Stage::new().await;
    let state = stage.directory.path().join("state");
    fs::create_dir(&state).expect("made");
    fs::write(state.join("0123456789abcdef.task"), "spark-job-worker 99 00\n{}").expect("written");
    fs::write(state.join("fedcba9876543210.task"), "spark-job-worker 1 00\n{}").expect("written");
    fs::write(state.join("README"), "not ours").expect("written");
    let before = files(&state);
    let (code, _, error) = check(&stage);
    assert_eq!(code, Some(1));
    for told in ["0123456789abcdef.task was written by a newer", "fedcba9876543210.task cannot be read"] {
        assert!(error.contains(told), "{error}");
    }
    assert_eq!(files(&state), before);
}

#[tokio::test]
async fn check_finds_no_tasks_where_there_is_no_state_directory_yet() {
    let stage = Stage::new().await;
    let (code, out, _) = check(&stage);
    assert_eq!(code, Some(0));
    assert!(out.contains("tasks in it: 0"), "{out}");
    assert!(!stage.directory.path().join("state").exists());
}

#[tokio::test]
async fn a_script_is_told_where_the_journal_is_and_how_many_tasks_it_has_whatever_else_is_wrong() {
    let stage = Stage::new().await;
    let state = stage.directory.path().join("elsewhere");
    fs::create_dir(&state).expect("made");
    fs::write(state.join("0123456789abcdef.task"), "spark-job-worker 99 00\n{}").expect("written");
    fs::write(state.join("fedcba9876543210.task"), "torn").expect("written");
    let path = stage.directory.path().join("new.toml");
    let text = format!("bogus = 1\nstate = {{ directory = '{}' }} # not \"/here\"\n", state.display());
    fs::write(&path, text).expect("written");
    let print = |value: &str| {
        let output =
            command(Path::new(PROGRAM)).args(["check", "--print", value, "--config"]).arg(&path).output();
        let output = output.expect("it runs");
        (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
    };
    assert_eq!(print("state.directory"), (Some(0), format!("{}\n", state.display())));
    assert_eq!(print("tasks"), (Some(0), "2\n".to_owned()));
    assert_eq!(print("standing"), (Some(0), "0\n".to_owned()));
    fs::write(&path, "[state").expect("written");
    assert_eq!(print("state.directory"), (Some(78), String::new()));
    assert_eq!(print("tasks"), (Some(78), String::new()));
}

/// `check --journal` with the stage's usual configuration: exit code, stdout, stderr.
fn check(stage: &Stage) -> (Option<i32>, String, String) {
    let path = stage.directory.path().join("new.toml");
    fs::write(&path, stage.config().text()).expect("written");
    let output = command(Path::new(PROGRAM)).args(["check", "--journal", "--config"]).arg(&path).output();
    let output = output.expect("it runs");
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

/// Name and content of every file.
fn files(directory: &Path) -> Vec<(String, Vec<u8>)> {
    let listed = fs::read_dir(directory).expect("it can be listed").map(|file| file.expect("listed"));
    let mut files: Vec<_> = listed
        .map(|file| (file.file_name().to_string_lossy().into_owned(), fs::read(file.path()).expect("read")))
        .collect();
    files.sort();
    files
}
