//! What it costs where nothing happens, and how soon it is there.

use std::time::{Duration, Instant};

use stand_ins::WaitFor;
use stand_ins::livy::Plan;

use crate::board::{Board, median, spread};
use crate::stage::{Journal, Room, Stage, program, wait};
use crate::worker::{Peer, Worker};
use crate::{LIMIT, Length};

/// A node's memory is the jobs'.
const RESIDENT: f64 = 12.5;
/// Of one processor, in percent.
const PROCESSOR: f64 = 0.5;

pub(crate) async fn rest(board: &mut Board, length: Length) {
    let size = std::fs::metadata(program()).expect("the program").len();
    board.tell("binary", &format!("{:.2} MB", size as f64 / 1e6));
    let mut ours = starts(Worker::Ours(Journal::OnDisk), 10).await;
    board.tell("start to first poll", &spread(&mut ours));
    match Peer::Boto3.command() {
        Ok(_) => {
            let mut plain = starts(Worker::Peer(Peer::Boto3), 10).await;
            board.tell("start to first poll, plain python", &spread(&mut plain));
            let share = median(&mut ours) / median(&mut plain);
            board.at_most("start to first poll beside plain python", share, 0.5, "times");
        }
        Err(why) => board.left_out("start to first poll beside plain python", &why),
    }
    let stage = Stage::new(Plan::success()).await;
    let process = stage.ours(Journal::OnDisk);
    stage.sfn.wait_for(|sfn| sfn.open_polls(&stage.arn) == 4, LIMIT).await;
    let (before, span) = (process.usage().cpu, if length == Length::Short { 20 } else { 60 });
    wait(Duration::from_secs(span)).await;
    let usage = process.usage();
    board.at_most("idle, resident memory", usage.resident, length.limit(RESIDENT, 15.0), "MB");
    board.tell("idle, open files and threads", &format!("{} and {}", usage.files, usage.threads));
    let share = (usage.cpu - before) / span as f64 * 100.0;
    board.at_most(&format!("idle, processor in {span} s"), share, PROCESSOR, "%");
}

/// From the start of a process to its first poll, each time with a world of its own.
pub(crate) async fn starts(worker: Worker, times: usize) -> Vec<Duration> {
    let mut starts = Vec::new();
    for _ in 0..times {
        let stage = Stage::new(Plan::success()).await;
        let begun = Instant::now();
        let _process = stage.run(worker, Room::WIDE);
        stage.sfn.wait_for(|sfn| sfn.open_polls(&stage.arn) > 0, LIMIT).await;
        starts.push(begun.elapsed());
    }
    starts
}
