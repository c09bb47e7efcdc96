//! EMR's shutdown action: everything that it does, and how long that can take.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use crate::structure::root;

/// What the shutdown action calls, in order; its own tools are stand-ins that write down how they are called.
fn calls() -> Vec<String> {
    let tools = tempfile::tempdir().expect("a directory");
    let record = tools.path().join("calls");
    for (tool, then) in [("timeout", ""), ("sleep", ""), ("sudo", "exec \"$@\"")] {
        let note = if then.is_empty() { "echo \"${0##*/} $*\" >>\"$CALLS\"" } else { then };
        let path = tools.path().join(tool);
        fs::write(&path, format!("#!/usr/bin/env bash\n{note}\n")).expect("written");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("executable");
    }
    let path = format!("{}:{}", tools.path().display(), std::env::var("PATH").unwrap_or_default());
    let script = root().join("bootstrap/shutdown-action");
    let ended = Command::new("bash").arg(script).env("PATH", path).env("CALLS", &record).output();
    assert!(ended.expect("bash runs").status.success());
    fs::read_to_string(record).expect("calls").lines().map(str::to_owned).collect()
}

#[test]
fn the_shutdown_action_ends_well_before_emr_ends_it_whatever_hangs() {
    let seconds = |word: &str| word.parse::<u64>().expect("seconds");
    let calls = calls();
    let longest = calls.iter().map(|call| match call.split(' ').collect::<Vec<_>>()[..] {
        ["timeout", "-k", kill, limit, ..] => seconds(kill) + seconds(limit),
        ["sleep", length] => seconds(length),
        _ => panic!("{call} may last without end"),
    });
    let all: u64 = longest.sum();
    assert!(all < 50, "{all} s, and EMR gives 60");
}

#[test]
fn the_shutdown_action_gives_the_tasks_back_before_anything_else_and_ships_the_log_last() {
    let calls = calls();
    assert!(calls.first().is_some_and(|call| call.ends_with("/spark-job-worker terminating")), "{calls:?}");
    assert!(calls.last().is_some_and(|call| call.ends_with("/ship-logs")), "{calls:?}");
}
