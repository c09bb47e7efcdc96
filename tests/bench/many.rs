//! Ten thousand running jobs, with 2 KB of input each.

use std::time::{Duration, Instant};

use stand_ins::WaitFor;
use stand_ins::livy::Plan;
use stand_ins::sfn::{Sfn, TaskId};

use crate::board::{Board, spread};
use crate::load::{asked, gaps, sweeps};
use crate::stage::{Journal, Process, Stage, free_port, wait};
use crate::watch::{self, NO_COMPILER, Watch};
use crate::{LIMIT, Length};

/// At the most, MB: a node's memory is the jobs'. The short form has a fifth of them.
fn peak(length: Length) -> f64 {
    length.limit(100.0, 50.0)
}

/// What a running job takes, KB. What the lists of both services take while they are read is shared by fewer jobs.
fn of_a_job(length: Length) -> f64 {
    length.limit(10.0, 18.0)
}

/// Milliseconds for which the loop may be at one thing after the other before it looks what else there is.
const TURN: f64 = 20.0;
/// Seconds from the start to polling, with all jobs taken over.
const SUPERVISED: f64 = 1.0;
/// From one heartbeat of a task to the next, seconds.
const INTERVAL: f64 = 60.0;
/// Heartbeats a second, as many as the service allows an account.
const RATE: f64 = 500.0;

/// They come as fast as they can; a disk would slow that down. The worker is killed and started again.
pub(crate) async fn many(board: &mut Board, jobs: usize, length: Length) {
    let stage = Stage::new(Plan::running()).await;
    let padding = "x".repeat(2_000);
    let lines =
        format!("max_concurrent_jobs = {}\npollers = 4\nheartbeat_interval = \"{INTERVAL}s\"", jobs + 1);
    let port = free_port();
    let config = stage
        .configured(Journal::InMemory, &lines)
        .table("aws", &format!("heartbeat_rate = {RATE}"))
        .table("admin", &format!("listen = \"127.0.0.1:{port}\""))
        .table("log", "filter = \"warn\"");
    let watch = Watch::new(stage.place(Journal::InMemory));
    let first = watch::start(&stage, &config, watch.as_ref());
    stage.sfn.wait_for(|sfn| sfn.open_polls(&stage.arn) == 4, LIMIT).await;
    if let Some(watch) = &watch {
        // What it does before it polls holds nobody up.
        watch.reset();
    }
    let before = first.usage().resident;
    let input = |number| format!(r#"{{"Name":"job-{number}","File":"s3://b/a.py","Args":["{padding}"]}}"#);
    let tasks: Vec<TaskId> = (0..jobs).map(|number| stage.sfn.schedule(&stage.arn, &input(number))).collect();
    stage.livy.wait_for(|livy| livy.count("POST /batches") >= jobs, LIMIT * 3).await;
    sweeps(board, &stage, jobs).await;
    let usage = first.usage();
    board.at_most(&format!("peak, {jobs} jobs arrive and run"), usage.peak, peak(length), "MB");
    board.at_most(
        "resident memory of a job",
        (usage.resident - before) * 1024.0 / jobs as f64,
        of_a_job(length),
        "KB",
    );
    held_up(board, &format!("{jobs} jobs arrive"), watch.as_ref(), length);
    if length == Length::Full {
        looked_at(board, &stage, &tasks, port).await;
        board.tell("peak, beside a looker", &format!("{:.2} MB", first.usage().peak));
        held_up(board, "a looker", watch.as_ref(), length);
    }
    drop(first);
    let second = started_again(board, &stage, jobs, length, || stage.start(&config)).await;
    board.at_most(&format!("peak, {jobs} jobs taken over"), second.usage().peak, peak(length), "MB");
    assert_eq!(stage.livy.count("POST /batches"), jobs, "nothing was submitted twice");
}

/// The longest that what waits for the loop has had to wait since it was last looked at, but for what other processes took
/// of the two processors meanwhile.
fn held_up(board: &mut Board, when: &str, watch: Option<&Watch>, length: Length) {
    let what = format!("longest turn of the loop, {when}");
    let Some(watch) = watch else { return board.left_out(&what, NO_COMPILER) };
    let longest = watch.seen();
    watch.reset();
    board.at_most(&what, longest.processor, length.limit(TURN, TURN * 2.0), "ms of a processor");
    let told = format!("{:.1} ms on the clock, {} turns", longest.wall, longest.turns);
    board.tell(&what, &told);
}

/// Somebody asks for all that there is to see, without a pause, while another one asks for the least.
async fn looked_at(board: &mut Board, stage: &Stage, tasks: &[TaskId], port: u16) {
    let beaten = |sfn: &Sfn| tasks.iter().all(|task| !sfn.heartbeats(task).is_empty());
    stage.sfn.wait_for(beaten, LIMIT).await;
    let since = Instant::now();
    let looker = tokio::spawn(async move {
        loop {
            asked(port, "/status").await;
            asked(port, "/metrics").await;
        }
    });
    let mut times = Vec::new();
    while since.elapsed().as_secs_f64() < INTERVAL * 1.2 {
        let begun = Instant::now();
        asked(port, "/healthz").await;
        times.push(begun.elapsed());
        wait(Duration::from_millis(50)).await;
    }
    assert!(!looker.is_finished(), "the looker was answered all the time");
    looker.abort();
    board.tell("/healthz beside a looker", &spread(&mut times));
    let longest = gaps(stage, tasks, since).as_secs_f64();
    board.at_most(
        &format!("longest gap of {INTERVAL} s heartbeats, a looker"),
        longest,
        INTERVAL * 1.05,
        "s",
    );
}

async fn started_again(
    board: &mut Board,
    stage: &Stage,
    jobs: usize,
    length: Length,
    start: impl Fn() -> Process,
) -> Process {
    let (polls, beats) = (stage.sfn.polls(&stage.arn), stage.sfn.count("SendTaskHeartbeat"));
    let begun = Instant::now();
    let second = start();
    stage.sfn.wait_for(|sfn| sfn.polls(&stage.arn) > polls, LIMIT).await;
    board.at_most(
        "killed and started again, to polling",
        begun.elapsed().as_secs_f64(),
        length.limit(SUPERVISED, 5.0),
        "s",
    );
    stage.sfn.wait_for(|sfn| sfn.count("SendTaskHeartbeat") >= beats + jobs, LIMIT).await;
    let least = jobs as f64 / RATE;
    board.at_most(
        "and all beaten for, beside the quota",
        begun.elapsed().as_secs_f64(),
        length.limit(least * 1.2 + 2.0, least * 5.0),
        "s",
    );
    second
}
