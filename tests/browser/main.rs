//! The page at `/` in a real browser. Started by `tests/browser/run`, which brings Chromium and what drives it; what is
//! looked at stands in `look.mjs`, and this is the worker that it looks at.

#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::panic,
    reason = "tests wait for a browser, and end at the first surprise"
)]

mod stage;

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use stage::{EXECUTION, HOSTILE, Stage};
use stand_ins::livy::Plan;

/// Looks at a scene. What the browser asks for on the way is done by `perform`.
fn look(scene: &str, url: &str, mut perform: impl FnMut(&str)) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser/look.mjs");
    let mut browser = Command::new("node")
        .args([script.as_os_str(), scene.as_ref(), url.as_ref(), HOSTILE.as_ref()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("Node starts");
    let mut answers = browser.stdin.take().expect("piped");
    for line in BufReader::new(browser.stdout.take().expect("piped")).lines() {
        let line = line.expect("text");
        perform(&line);
        writeln!(answers, "{line}").expect("it listens");
    }
    let status = browser.wait().expect("it can be waited for");
    assert!(status.success(), "see above what is wrong with the page: {scene}");
}

fn nothing(asked: &str) {
    panic!("nothing is to be done: {asked}");
}

#[tokio::test]
async fn a_page_with_tasks_reads_well_in_every_light_and_width() {
    let stage = Stage::new().await;
    stage.ended_before(false);
    let worker = stage.worker();
    for (job, run, gib_hours) in [
        ("taxi-miles", "2026-11-28", 41.2),
        ("rate-codes", "2026-11-28", 3.27),
        ("fleet-sessions", "hourly-04", 0.61),
    ] {
        stage.running(&worker, job, &format!("{EXECUTION}:{run}"), gib_hours).await;
    }
    look("busy", &stage.url(), nothing);
}

#[tokio::test]
async fn a_page_without_tasks_says_so() {
    let stage = Stage::new().await;
    let worker = stage.worker();
    worker.logged("Livy answers");
    look("empty", &stage.url(), nothing);
}

#[tokio::test]
async fn trouble_is_seen_and_hostile_names_stay_text() {
    let stage = Stage::new().await;
    stage.ended_before(true);
    let worker = stage.worker();
    stage.running(&worker, "taxi-miles", HOSTILE, 41.2).await;
    stage.somebody_elses(HOSTILE).await;
    stage.livy.down().await;
    worker.logged("Livy does not answer");
    look("trouble", &stage.url(), nothing);
}

#[tokio::test]
async fn the_page_follows_the_worker_and_says_when_it_is_gone() {
    let stage = Stage::new().await;
    let mut worker = Some(stage.worker());
    let first = worker.as_ref().expect("it runs");
    stage.livy.plan(Plan::running());
    stage.running(first, "goes", "goes-1", 1.0).await;
    stage.running(first, "stays", "stays-1", 1.0).await;
    let perform = |asked: &str| match asked {
        "end" => stage.end("goes"),
        "kill" => worker = None,
        "start" => worker = Some(stage.worker()),
        other => panic!("{other}"),
    };
    look("live", &stage.url(), perform);
}
