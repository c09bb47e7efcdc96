//! The real loop and the real rules in a simulated world that delays, loses, restarts and crashes, from a seed.
//!
//! `SEED=17 cargo test --test simulation -- one_seed --nocapture` tells the story of one; `SEEDS=1000000` asks for more.

#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::wildcard_enum_match_arm,
    reason = "a test tells what it found, and ends at the first surprise"
)]

mod world;
mod writes;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use spark_job_worker::job::heart::Pacer;
use spark_job_worker::job::journal::Entry;
use spark_job_worker::job::machine::{OnAbort, State};
use spark_job_worker::job::request::{Defaults, OwnLivy};
use spark_job_worker::job::verdict::Waits;
use spark_job_worker::job::world::AppEnd;
use spark_job_worker::job::world::Token;
use spark_job_worker::job::{self, Lent, Rules, Start, Task, Watching};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::sleep;

use world::{Broken, Sim};

/// Seeds in an ordinary run, over all threads.
const SEEDS: u64 = 10_000;
/// Simulated time after which everything must have come to its end.
const END: Duration = Duration::from_secs(4_000);
const INPUT: &str = r#"{"Name":"etl","File":"s3://b/etl.py"}"#;

#[test]
fn no_seed_finds_a_lost_a_doubled_or_a_forgotten_job() {
    let seeds = std::env::var("SEEDS").ok().and_then(|seeds| seeds.parse().ok()).unwrap_or(SEEDS);
    let found = search(Broken::Nothing, seeds);
    assert!(found.is_none(), "{}", found.unwrap_or_default());
    println!("{seeds} seeds: nothing lost, nothing twice, nothing left");
}

#[test]
fn one_seed() {
    let Some(seed) = std::env::var("SEED").ok().and_then(|seed| seed.parse().ok()) else { return };
    let (story, problem) = run(seed, Broken::Nothing);
    println!("{}", story.join("\n"));
    assert_eq!(problem, None);
}

#[test]
fn each_guard_is_missed_when_it_is_broken() {
    for broken in [
        Broken::NoWriteBeforePost,
        Broken::NoDoubt,
        Broken::SilenceIsAbsence,
        Broken::NoIdentity,
        Broken::NoLeftover,
        Broken::NoProcesses,
        Broken::AnyMemory,
        Broken::DroppedPost,
    ] {
        let found = search(broken, 4 * SEEDS);
        assert!(found.is_some(), "no seed notices {broken:?}");
        println!("{broken:?}: {}", found.unwrap_or_default().lines().next().unwrap_or_default());
    }
}

/// Runs seeds on all processors; the first problem that turns up.
fn search(broken: Broken, seeds: u64) -> Option<String> {
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get) as u64;
    let stop = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        let (stop, run) = (&stop, &run);
        let running: Vec<_> = (0..threads)
            .map(|first| {
                scope.spawn(move || {
                    for seed in (first..seeds).step_by(threads as usize) {
                        if stop.load(std::sync::atomic::Ordering::Relaxed) {
                            return None;
                        }
                        if let (story, Some(problem)) = run(seed, broken) {
                            stop.store(true, std::sync::atomic::Ordering::Relaxed);
                            return Some(format!("seed {seed}: {problem}\n{}", story.join("\n")));
                        }
                    }
                    None
                })
            })
            .collect();
        running.into_iter().filter_map(|thread| thread.join().expect("no panic")).next()
    })
}

/// One seed: its story, and what is wrong at the end.
fn run(seed: u64, broken: Broken) -> (Vec<String>, Option<String>) {
    fastrand::seed(seed);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.expect("a runtime").block_on(async {
        let sim = Sim::new(seed, broken);
        let upheavals = tokio::spawn(sim.clone().upheavals());
        let lives = tokio::time::timeout(END, live(&sim)).await;
        upheavals.abort();
        // A token that was lost before the first write comes to its end by itself.
        sleep(Duration::from_secs(120)).await;
        let problem = lives.err().map(|_| "it does not come to an end".to_owned()).or_else(|| problem(&sim));
        let story = std::mem::take(&mut sim.inner().story);
        (story, problem)
    })
}

/// The worker's lives, one after the other, until nothing is left to do.
async fn live(sim: &Sim) {
    loop {
        let mut jobs = JoinSet::new();
        for entry in read_disk(sim) {
            let task = Task::read_back(&entry);
            start(sim, &mut jobs, task, entry.state, Start::Resumed);
        }
        let crashed = tokio::select! {
            () = sim.crash.notified() => true,
            () = work(sim, &mut jobs) => false,
        };
        jobs.shutdown().await;
        if !crashed {
            return;
        }
        let pause = sim.inner().rng.u64(100..90_000);
        sleep(Duration::from_millis(pause)).await;
    }
}

/// Polls for tasks and sees all jobs through.
async fn work(sim: &Sim, jobs: &mut JoinSet<()>) {
    loop {
        let next = {
            let mut inner = sim.inner();
            let now = inner.now();
            let ticket = inner.tickets.iter_mut().find(|ticket| !ticket.handed_out);
            ticket.map(|ticket| {
                (ticket.handed_out, ticket.beaten) = (true, now);
                ticket.token.clone()
            })
        };
        match next {
            Some(token) => {
                let task = Task::new(Token::new(token), "arn".to_owned(), INPUT.to_owned());
                let state = task.received(&Defaults::empty());
                start(sim, jobs, task, state, Start::Fresh);
                let pause = sim.inner().rng.u64(1_000..60_000);
                sleep(Duration::from_millis(pause)).await;
            }
            None => match jobs.join_next().await {
                Some(ended) => ended.expect("no panic"),
                None => return,
            },
        }
    }
}

/// Starts a job. Two guards are broken by letting it go, entry and all: once its outcome is told although something is
/// left over, and when its token dies while its POST is out.
fn start(sim: &Sim, jobs: &mut JoinSet<()>, task: Task, state: State, start: Start) {
    let now_in = Arc::new(Mutex::new(""));
    let (mut told, entry, broken) = (false, task.clone(), sim.inner().broken);
    let (lent, seen) = (lent(sim), Arc::clone(&now_in));
    let observe = move |state: &State| {
        let orphaned = matches!(state, State::Orphaned { .. });
        *seen.lock().expect("no poison") = if told && orphaned { "Leftover" } else { state.name() };
        told = matches!(state, State::Ended { .. });
    };
    let sim = sim.clone();
    jobs.spawn(async move {
        let let_go = async {
            loop {
                let here = *now_in.lock().expect("no poison");
                let token = entry.token.as_ref().map(Token::secret).unwrap_or_default();
                let leave = match broken {
                    Broken::NoLeftover => here == "Leftover",
                    Broken::DroppedPost => here == "Submitting" && sim.inner().is_dead(token),
                    _ => std::future::pending().await,
                };
                if leave {
                    sim.inner().disk.remove(&entry.id);
                    return;
                }
                sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::select! {
            biased;
            () = let_go => {}
            () = job::run(lent, task, state, start, observe) => {}
        }
    });
}

fn read_disk(sim: &Sim) -> Vec<Entry> {
    let inner = sim.inner();
    let entries = inner.disk.values().map(|text| serde_json::from_str::<Entry>(text).expect("an entry"));
    entries
        .map(|entry| match entry.state {
            State::Submitting { attempt, .. } if inner.broken == Broken::NoDoubt => {
                Entry { state: State::Received { attempt }, ..entry }
            }
            state => Entry { state, ..entry },
        })
        .collect()
}

fn lent(sim: &Sim) -> Lent<Sim> {
    let seconds = Duration::from_secs;
    let rules = Rules {
        defaults: Defaults::empty(),
        livy: OwnLivy::new(Vec::new(), 8998),
        on_abort: OnAbort::Kill,
        heartbeat_interval: seconds(20),
        watch: Watching {
            interval: seconds(5),
            waits: Waits {
                start_timeout: seconds(600),
                lost_after: seconds(60),
                verdict_patience: seconds(300),
                submit_settle: seconds(60),
            },
            doubt_limit: seconds(400),
            kill_settle: seconds(200),
        },
        patience: seconds(600),
    };
    Lent {
        world: Arc::new(sim.clone()),
        rules: Arc::new(rules),
        pacer: Arc::new(Pacer::new(100)),
        stop: watch::channel(false).1,
        mark: Box::new(|_| {}),
    }
}

/// What must hold at the end of every run.
fn problem(sim: &Sim) -> Option<String> {
    let mut inner = sim.inner();
    inner.catch_up();
    let now = inner.now();
    if !inner.disk.is_empty() {
        return Some(format!("entries are left: {:?}", inner.disk.keys()));
    }
    for ticket in &inner.tickets {
        let task = Task::new(Token::new(ticket.token.clone()), String::new(), String::new());
        let tag = job::request::tag(&task.id);
        let apps: Vec<_> = inner.apps.iter().filter(|app| app.tag == tag).collect();
        if apps.len() > 1 {
            return Some(format!("{} ran {} times", ticket.token, apps.len()));
        }
        let ends: Vec<_> = apps.iter().map(|app| app.ended(now)).collect();
        if ends.iter().any(Option::is_none) {
            return Some(format!("{} has an application that nobody watches", ticket.token));
        }
        // A crash between the poll and the first write loses a token: only its timeout brings it back.
        if ticket.answered.is_none()
            && ticket.dead.is_none()
            && ticket.handed_out
            && now < ticket.beaten + 60_000
        {
            return Some(format!("{} is neither answered nor dead", ticket.token));
        }
        let succeeded = ends.iter().any(|end| matches!(end, Some((AppEnd::Succeeded, _))));
        if ticket.answered == Some(true) && !succeeded {
            return Some(format!("{} was called a success and was none", ticket.token));
        }
        if let (Some(dead), Some((AppEnd::Succeeded | AppEnd::Failed, at))) =
            (ticket.dead, ends.first().copied().flatten())
            && at > dead + 1_500_000
        {
            return Some(format!("{} was left running for long after nobody waited", ticket.token));
        }
    }
    None
}
