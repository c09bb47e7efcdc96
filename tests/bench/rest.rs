//! What it costs where nothing happens, and how soon it is there.

use std::time::{Duration, Instant};

use stand_ins::WaitFor;
use stand_ins::livy::Plan;

use crate::board::{Board, median, spread};
use crate::stage::{Journal, NO_PYTHON, Process, Stage, program, python, wait};
use crate::{LIMIT, Length};

/// A node's memory is the jobs'.
const RESIDENT: f64 = 12.5;
/// Of one processor, in percent.
const PROCESSOR: f64 = 0.5;

pub(crate) async fn rest(board: &mut Board, length: Length) {
    let size = std::fs::metadata(program()).expect("the program").len();
    board.tell("binary", &format!("{:.2} MB", size as f64 / 1e6));
    let mut ours = starts(&|stage| stage.ours(Journal::OnDisk)).await;
    board.tell("start to first poll", &spread(&mut ours));
    match python() {
        Some(python) => {
            let mut plain = starts(&|stage| stage.plain(python.as_os_str())).await;
            board.tell("start to first poll, plain python", &spread(&mut plain));
            let share = median(&mut ours) / median(&mut plain);
            board.at_most("start to first poll beside plain python", share, 0.5, "times");
        }
        None => board.left_out("start to first poll beside plain python", NO_PYTHON),
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

async fn starts(start: &dyn Fn(&Stage) -> Process) -> Vec<Duration> {
    let mut starts = Vec::new();
    for _ in 0..10 {
        let stage = Stage::new(Plan::success()).await;
        let begun = Instant::now();
        let _process = start(&stage);
        stage.sfn.wait_for(|sfn| sfn.open_polls(&stage.arn) > 0, LIMIT).await;
        starts.push(begun.elapsed());
    }
    starts
}
