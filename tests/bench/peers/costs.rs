//! What a worker costs, and how soon it does things.

use std::time::Duration;

use stand_ins::WaitFor;
use stand_ins::livy::Plan;
use stand_ins::sfn::TaskId;

use super::at_once;
use crate::LIMIT;
use crate::board::{Board, median, spread};
use crate::latency::{job, ways};
use crate::load::burst;
use crate::rest::starts;
use crate::stage::{Room, Stage, Usage, wait};
use crate::worker::Worker;

/// A row of the table.
pub(super) struct Costs {
    /// From its start to its first poll, milliseconds.
    pub(super) start: f64,
    /// Resident memory without a task, MB.
    pub(super) idle: f64,
    /// Milliseconds of a processor in [`SPAN`] without a task.
    rest: f64,
    /// From a token to the POST, milliseconds.
    pub(super) post: f64,
    /// From a job's end to its report, milliseconds.
    report: f64,
    /// What a burst takes.
    pub(super) burst: Usage,
    /// To Livy, a second and running job.
    pub(super) requests: f64,
}

/// For as long is counted what happens where nothing new does.
const SPAN: Duration = Duration::from_secs(10);
/// How many jobs run while requests are counted.
const JOBS: usize = 50;

impl Costs {
    pub(super) const HEADS: [&str; 8] = [
        "start to first poll, ms",
        "idle, MB",
        "idle, processor in 10 s, ms",
        "token to POST, ms",
        "end to report, ms",
        "burst, processor, s",
        "burst, peak MB",
        "Livy/s",
    ];

    pub(super) fn cells(&self) -> [String; 8] {
        [
            format!("{:.0}", self.start),
            format!("{:.1}", self.idle),
            format!("{:.0}", self.rest),
            format!("{:.1}", self.post),
            format!("{:.0}", self.report),
            format!("{:.2}", self.burst.cpu),
            format!("{:.0}", self.burst.peak),
            format!("{:.2}", self.requests),
        ]
    }
}

/// Times one after the other, since they share the processors; counts all at once.
pub(super) async fn costs(board: &mut Board, workers: &[Worker]) -> Vec<Costs> {
    let idle = at_once(workers, idle).await;
    let requests = at_once(workers, requests).await;
    let mut costs = Vec::new();
    for (at, &worker) in workers.iter().enumerate() {
        let mut starts = starts(worker, 5).await;
        board.tell(&format!("start to first poll, {}", worker.name()), &spread(&mut starts));
        let (post, report) = latency(board, worker).await;
        let burst = burst(board, "burst", worker).await;
        let (idle, rest) = idle[at];
        costs.push(Costs {
            start: median(&mut starts),
            idle,
            rest,
            post,
            report,
            burst,
            requests: requests[at],
        });
    }
    costs
}

/// Memory, and milliseconds of a processor.
async fn idle(worker: Worker) -> (f64, f64) {
    let stage = Stage::new(Plan::success()).await;
    let process = stage.run(worker, Room::WIDE);
    stage.sfn.wait_for(|sfn| sfn.open_polls(&stage.arn) > 0, LIMIT).await;
    // What a start does besides.
    wait(Duration::from_secs(3)).await;
    let before = process.usage().cpu;
    wait(SPAN).await;
    let usage = process.usage();
    (usage.resident, (usage.cpu - before) * 1e3)
}

/// Requests to Livy, a second and running job.
async fn requests(worker: Worker) -> f64 {
    let stage = Stage::new(Plan::running()).await;
    let _process = stage.run(worker, Room::WIDE);
    for number in 0..JOBS {
        stage.schedule(number);
    }
    stage.livy.wait_for(|livy| livy.live_applications().len() == JOBS, LIMIT).await;
    // The first looks at new jobs ask more.
    wait(Duration::from_secs(3)).await;
    let before = stage.livy.calls().len();
    wait(SPAN).await;
    (stage.livy.calls().len() - before) as f64 / SPAN.as_secs_f64() / JOBS as f64
}

/// From a token to its POST, and from a job's end to its report: jobs that come one after the other, some at a time.
async fn latency(board: &Board, worker: Worker) -> (f64, f64) {
    let stage = Stage::new(Plan::running()).await;
    let _process = stage.run(worker, Room::WIDE);
    stage.sfn.wait_for(|sfn| sfn.open_polls(&stage.arn) > 0, LIMIT).await;
    // A worker that looks at a job every second from its POST on sees each end in another phase of that.
    let run = |number: usize| Duration::from_millis(1_000 + 37 * (number as u64 % 27));
    let mut tasks: Vec<TaskId> = Vec::new();
    for number in 0..54 {
        tasks.push(job(&stage, number, run(number)));
        wait(Duration::from_millis(131)).await;
    }
    stage.sfn.wait_for(|sfn| tasks.iter().all(|task| sfn.peek(task).is_some()), LIMIT).await;
    let each = tasks.iter().enumerate().map(|(number, task)| ways(&stage, number, task, run(number)));
    let (mut posts, mut reports): (Vec<_>, Vec<_>) = each.unzip();
    board.tell(&format!("token to POST, {}", worker.name()), &spread(&mut posts));
    board.tell(&format!("end to report, {}", worker.name()), &spread(&mut reports));
    (median(&mut posts), median(&mut reports))
}
