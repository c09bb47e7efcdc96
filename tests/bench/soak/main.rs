//! A soak: jobs of seconds come and go for half an hour while Step Functions, Livy and YARN fail at random, and
//! afterwards the worker is as it was.
//!
//! `cargo bench --bench soak`; `SOAK_MINUTES=2` for a short look, `SEED=6` for other faults: it names the seed of a run,
//! which repeats what is done to the worker, not when the worker does what. `SJW_BENCH_PROGRAM` names another binary.
//!
//! Two fifths of the time fill what has a bound (the finished tasks, Livy's memory of ended batches, the allocator's) and
//! end in a rest, the measure of all that follows; after each quarter that comes then there is another rest, and the first
//! and the last are compared: what was lost with every job is seen in both. In the last tenth the worker is stopped, killed
//! and started again. A ledger (`ledger.rs`) holds every task against what really
//! ran. The rests, some minutes each, come on top: what is left of connections closes by itself.
//!
//! The worker has the shipped defaults, but for waits of minutes, which are made shorter so that they end within the run.

#![expect(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a measurement prints, and ends at the first surprise"
)]

#[path = "../board.rs"]
#[expect(dead_code, reason = "the other benchmark times more")]
mod board;
#[path = "../disk.rs"]
#[expect(dead_code, reason = "the other benchmark compares disks")]
mod disk;
mod jobs;
mod ledger;
mod looker;
mod rest;
mod sky;
#[path = "../stage.rs"]
#[expect(dead_code, reason = "the other benchmark has more workers")]
mod stage;
#[path = "../watch.rs"]
#[expect(dead_code, reason = "the other benchmark watches turns and syncs")]
mod watch;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use stand_ins::WaitFor;
use stand_ins::livy::Plan;
use stand_ins::worker::Config;
use stand_ins::yarn::Store;

use board::Board;
use jobs::Jobs;
use sky::Sky;
use stage::{Journal, Process, Stage, free_port, wait};
use watch::Watch;

/// The longest that anything of the worker is waited for.
const LIMIT: Duration = Duration::from_secs(60);
/// Jobs at once.
const PLACES: usize = 300;
/// So many come before the first rest, however short the run is: more than the finished tasks that are remembered.
const LEAST: usize = 600;
/// How often the worker is stopped or killed, and started again.
const RESTARTS: u32 = 6;

/// Everything that a phase needs.
struct Soak {
    stage: Stage,
    /// None where there is no compiler.
    watch: Option<Watch>,
    config: Config,
    port: u16,
    jobs: Jobs,
    sky: Sky,
}

fn main() -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let mut board = Board::default();
        let number = |name: &str, else_: u64| {
            std::env::var(name).ok().map_or(else_, |text| text.parse().expect("a number"))
        };
        let (seed, minutes) = (number("SEED", 5), number("SOAK_MINUTES", 30));
        println!("SEED={seed} SOAK_MINUTES={minutes}");
        soak(&mut board, seed, Duration::from_secs(minutes * 60)).await;
        ExitCode::from(u8::from(!board.is_kept()))
    })
}

async fn soak(board: &mut Board, seed: u64, time: Duration) {
    let soak = Soak::new(seed).await;
    let mut process = watch::start(&soak.stage, &soak.config, soak.watch.as_ref());
    soak.stage.sfn.wait_for(|sfn| sfn.open_polls(&soak.stage.arn) > 0, LIMIT).await;
    soak.traffic(&process, time * 2 / 5, LEAST).await;
    soak.drained(board, "first").await;
    let before = rest::rest(&soak, &process).await;
    before.tell(board, "first rest");
    let jobs = soak.jobs.count();
    soak.traffic(&process, time / 4, 0).await;
    soak.drained(board, "second").await;
    rest::rest(&soak, &process).await.tell(board, "second rest");
    soak.traffic(&process, time / 4, 0).await;
    soak.drained(board, "third").await;
    let after = rest::rest(&soak, &process).await;
    after.tell(board, "third rest");
    after.compare(board, &before, soak.jobs.count() - jobs);
    soak.restarts(&mut process, time / 10).await;
    soak.drained(board, "last").await;
    soak.jobs.tell(board, &soak.stage);
    ledger::tell(board, &soak.stage, &soak.jobs);
    soak.sky.tell(board, &soak.stage);
}

impl Soak {
    async fn new(seed: u64) -> Soak {
        let mut dice = fastrand::Rng::with_seed(seed);
        let stage = Stage::new(Plan::success()).await;
        // Livy's own limit, not that of a burst.
        stage.livy.configure(|settings| settings.max_creation = 100);
        stage.yarn.keep_in(Store::FileSystem);
        stage.yarn.kill_takes(Duration::from_millis(500));
        jobs::plan(&stage.livy);
        let port = free_port();
        let activity = format!("max_concurrent_jobs = {PLACES}\npollers = 4\nheartbeat_interval = \"20s\"");
        let config = stage
            .configured(Journal::OnDisk, &activity)
            .table("livy", "patience = \"10m\"")
            .table("watch", "submit_settle = \"20s\"\nlost_after = \"30s\"\nkill_settle = \"60s\"")
            .table("admin", &format!("listen = \"127.0.0.1:{port}\""))
            .table("log", "filter = \"info\"")
            .table("stop", "grace = \"70s\"");
        let watch = Watch::new(stage.place(Journal::InMemory));
        Soak { jobs: Jobs::new(dice.fork()), sky: Sky::new(dice.fork()), stage, watch, config, port }
    }

    /// Jobs come for so long, and at least so many, in all weathers; somebody looks at the worker.
    async fn traffic(&self, process: &Process, span: Duration, least: usize) {
        tokio::select! {
            () = self.jobs.come(&self.stage, span, least) => {}
            never = self.jobs.are_seen_to(&self.stage) => match never {},
            never = self.sky.storms(&self.stage) => match never {},
            never = self.sky.gusts(&self.stage) => match never {},
            never = looker::looks(&self.stage, self.port) => match never {},
            never = self.minutes(process) => match never {},
        }
    }

    /// A line a minute: what grows can be seen to grow.
    async fn minutes(&self, process: &Process) -> std::convert::Infallible {
        for minute in 1.. {
            wait(Duration::from_secs(60)).await;
            let usage = process.usage();
            println!(
                "  minute {minute}: {:.2} MB resident, {} files, {} threads, {} jobs so far, {} held",
                usage.resident,
                usage.files,
                usage.threads,
                self.jobs.count(),
                self.stage.sfn.held(),
            );
        }
        unreachable!("minutes have no end")
    }

    /// The sky clears, no more jobs come, and all end. Holds each against the truth.
    async fn drained(&self, board: &mut Board, what: &str) {
        self.sky.clears(&self.stage).await;
        let begun = Instant::now();
        tokio::select! {
            () = self.jobs.end(&self.stage) => {}
            never = self.jobs.are_seen_to(&self.stage) => match never {},
        }
        board.tell(&format!("{what} drain"), &format!("{:.0} s", begun.elapsed().as_secs_f64()));
        let breaches = ledger::breaches(&self.stage, &self.jobs, &self.sky);
        for breach in breaches.iter().take(5) {
            println!("{breach}");
        }
        board.at_most(&format!("broken promises, {what} drain"), breaches.len() as f64, 0.0, "tasks");
    }

    /// The worker is stopped, as an upgrade does it, or killed, and started again, while jobs come.
    async fn restarts(&self, process: &mut Process, span: Duration) {
        let renewed = async {
            for restart in 0..RESTARTS {
                wait(span / (RESTARTS + 1)).await;
                if restart % 3 == 2 {
                    process.0.kill().expect("it runs");
                } else {
                    let stopped = std::process::Command::new("kill").arg(process.0.id().to_string()).status();
                    assert!(stopped.expect("kill runs").success(), "the worker is there to be stopped");
                }
                while process.0.try_wait().expect("a child can be waited for").is_none() {
                    wait(Duration::from_millis(20)).await;
                }
                *process = watch::start(&self.stage, &self.config, self.watch.as_ref());
            }
            wait(span / (RESTARTS + 1)).await;
        };
        tokio::select! {
            () = renewed => {}
            () = self.jobs.come(&self.stage, LIMIT * 60, 0) => {}
            never = self.jobs.are_seen_to(&self.stage) => match never {},
            never = self.sky.gusts(&self.stage) => match never {},
        }
    }
}
