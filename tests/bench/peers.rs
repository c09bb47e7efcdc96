//! Our worker and its peers, each doing the same jobs on the same stand-ins in the same run.

mod costs;
mod truth;

use std::future::Future;

use crate::Length;
use crate::board::Board;
use crate::load::BURST;
use crate::stage::Journal;
use crate::worker::{Peer, Worker};
use costs::Costs;
use truth::Truth;

/// Processor for a burst, beside a peer that keeps nothing: durable on disk, where most is the file system's, and without.
const ON_DISK: f64 = 1.5;
const IN_MEMORY: f64 = 0.75;
/// Of a start, and of memory where nothing happens.
const IDLE: f64 = 0.5;
/// Memory at most, in a burst.
const PEAK: f64 = 1.0;
/// Requests to Livy.
const REQUESTS: f64 = 0.1;
/// A token's way to its POST where nothing is durable, beside the fastest peer.
const POST: f64 = 2.0;

/// The figures of all workers that are there, a row each.
pub(crate) async fn peers(board: &mut Board, length: Length) {
    let mut workers = vec![Worker::Ours(Journal::OnDisk), Worker::Ours(Journal::InMemory)];
    let (mut peers, mut missing) = (Vec::new(), Vec::new());
    for peer in Peer::ALL {
        match peer.command() {
            Ok(_) => peers.push(Worker::Peer(peer)),
            Err(why) => missing.push((peer, why)),
        }
    }
    workers.extend(&peers);
    let truths = at_once(&workers, truth::truth).await;
    tell_truth(board, &workers, &truths);
    let mut costs = Vec::new();
    if length == Length::Full {
        costs = costs::costs(board, &workers).await;
        compare(board, &workers, &costs);
    }
    table(&workers, &costs, &truths);
    for (peer, why) in missing {
        println!("| {} | left out: {why} |", peer.name());
    }
    println!("{}", legend());
}

/// Measures what does not depend on how busy the machine is, of all workers at once.
async fn at_once<T, Measured>(workers: &[Worker], measure: impl Fn(Worker) -> Measured) -> Vec<T>
where
    T: Send + 'static,
    Measured: Future<Output = T> + Send + 'static,
{
    let begun: Vec<_> = workers.iter().map(|worker| tokio::spawn(measure(*worker))).collect();
    let mut measured = Vec::new();
    for one in begun {
        measured.push(one.await.expect("nothing surprised it"));
    }
    measured
}

/// Ours keeps its promises; what the others do stands in the table.
fn tell_truth(board: &mut Board, workers: &[Worker], truths: &[Truth]) {
    for (worker, truth) in workers.iter().zip(truths) {
        if let Worker::Ours(_) = worker {
            let what = |what: &str| format!("{what}, {}", worker.name());
            board.at_most(&what("false successes"), f64::from(u8::from(truth.believed)), 0.0, "tasks");
            board.at_most(&what("submitted twice"), f64::from(u8::from(truth.twice)), 0.0, "jobs");
            board.at_most(&what("lost"), f64::from(u8::from(truth.lost)), 0.0, "tasks");
        }
    }
}

/// Ours beside each of the others.
fn compare(board: &mut Board, workers: &[Worker], costs: &[Costs]) {
    let (on_disk, in_memory, peers) = (&costs[0], &costs[1], &costs[2..]);
    for (worker, peer) in workers[2..].iter().zip(peers) {
        let mut beside = |what: &str, share: f64, limit: f64| {
            board.at_most(&format!("{what} beside {}", worker.name()), share, limit, "times");
        };
        beside("start", on_disk.start / peer.start, IDLE);
        beside("idle memory", on_disk.idle / peer.idle, IDLE);
        beside("burst, processor, on disk", on_disk.burst.cpu / peer.burst.cpu, ON_DISK);
        beside("burst, processor, in memory", in_memory.burst.cpu / peer.burst.cpu, IN_MEMORY);
        beside("burst, peak", on_disk.burst.peak / peer.burst.peak, PEAK);
        beside("requests to Livy", on_disk.requests / peer.requests, REQUESTS);
    }
    let fastest = peers.iter().map(|peer| peer.post).fold(f64::INFINITY, f64::min);
    if fastest.is_finite() {
        board.at_most("token to POST beside the fastest peer", in_memory.post / fastest, POST, "times");
    }
}

fn table(workers: &[Worker], costs: &[Costs], truths: &[Truth]) {
    let heads = if costs.is_empty() { vec![] } else { Costs::HEADS.to_vec() };
    let heads = [vec!["worker"], heads, Truth::HEADS.to_vec()].concat();
    println!("\n| {} |\n|{}", heads.join(" | "), " --- |".repeat(heads.len()));
    for (at, (worker, truth)) in workers.iter().zip(truths).enumerate() {
        let mut cells = vec![worker.name()];
        cells.extend(costs.get(at).into_iter().flat_map(Costs::cells));
        cells.extend(truth.cells());
        println!("| {} |", cells.join(" | "));
    }
}

fn legend() -> String {
    format!(
        "\nJournal on disk: as it is shipped, in memory: without its promises; no other worker keeps anything. Each has \
         room for 600 jobs, beats every 20 s and looks every second; Java has at most 64 MB of heap, the package of npm a \
         poll a place. processor: to 10 ms. token to POST, end to report: p50 of jobs that come one after the other. burst: \
         {BURST} jobs that come at once and end at once. Livy/s: requests to Livy a second and job, of 50 running jobs. \
         false success: what becomes of a task of whose job Livy says success and YARN FAILED. killed: by SIGKILL, and \
         started again, with two running jobs without a Name (Livy refuses the second of a live name): one whose state has \
         HeartbeatSeconds and a Retry, and one whose has neither."
    )
}
