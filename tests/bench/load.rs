//! Many jobs at once: what they cost, and what somebody who looks costs.

use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::fs::inotify::{self, CreateFlags, ReadFlags, WatchFlags};
use stand_ins::WaitFor;
use stand_ins::livy::Plan;
use stand_ins::sfn::{Sfn, TaskId};
use stand_ins::worker::command;

use crate::board::{Board, spread};
use crate::disk::{self, NO_MOUNT};
use crate::stage::{Journal, Room, Stage, Usage, free_port, program, wait};
use crate::watch::{self, NO_COMPILER, Watch};
use crate::worker::{Peer, Worker};
use crate::{LIMIT, Length};

/// How many jobs come at once.
pub(crate) const BURST: usize = 500;
/// Of a job without faults.
const WRITES: f64 = 6.0;
/// Each write is synced; the directory is synced once for all that are written at a time.
const SYNCS: f64 = 9.0;
/// A block for each write, and what the directory and the history take.
const BYTES: f64 = 40.0;

/// Jobs that come at once and end at once.
pub(crate) async fn bursts(board: &mut Board, length: Length) {
    let (mut on_disk, mut in_memory, mut plain) = (Vec::new(), Vec::new(), Vec::new());
    let missing = Peer::Boto3.command().err();
    for round in 1..=if length == Length::Short { 1 } else { 3 } {
        let what = format!("burst {round}");
        on_disk.push(burst(board, &what, Worker::Ours(Journal::OnDisk)).await.cpu);
        in_memory.push(burst(board, &what, Worker::Ours(Journal::InMemory)).await.cpu);
        match &missing {
            None => plain.push(burst(board, &what, Worker::Peer(Peer::Boto3)).await.cpu),
            Some(why) => board.left_out(&format!("{what} of {BURST}, plain python"), why),
        }
    }
    kept(board).await;
    let least = |times: &[f64]| times.iter().copied().fold(f64::NAN, f64::min);
    let (on_disk, in_memory, plain) = (least(&on_disk), least(&in_memory), least(&plain));
    let what = "processor for a burst, disk beside memory";
    match disk::mounted() {
        Some(_) => board.at_most(what, on_disk / in_memory, length.limit(1.5, 2.5), "times"),
        None => board.left_out(what, NO_MOUNT),
    }
    if missing.is_none() {
        board.at_most(
            "processor for a burst, beside plain python",
            on_disk / plain,
            length.limit(1.0, 3.0),
            "times",
        );
    }
}

/// What a worker uses for a burst: seconds of a processor, and MB of memory at most.
pub(crate) async fn burst(board: &mut Board, what: &str, worker: Worker) -> Usage {
    let stage = Stage::new(Plan::running()).await;
    let process = stage.run(worker, Room::WIDE);
    stage.sfn.wait_for(|sfn| sfn.open_polls(&stage.arn) > 0, LIMIT).await;
    let before = process.usage().cpu;
    let (submitted, reported) = come_and_go(&stage).await;
    let mut usage = process.usage();
    usage.cpu -= before;
    board.tell(
        &format!("{what} of {BURST}, {}", worker.name()),
        &format!(
            "submitted {:.2} s, all ended to all reported {:.2} s, processor {:.2} s, peak {:.0} MB",
            submitted.as_secs_f64(),
            reported.as_secs_f64(),
            usage.cpu,
            usage.peak,
        ),
    );
    usage
}

/// A burst. Returns how long it takes from the first task to the last POST, and from the end of all to the last report.
async fn come_and_go(stage: &Stage) -> (Duration, Duration) {
    let begun = Instant::now();
    let tasks: Vec<TaskId> = (0..BURST).map(|number| stage.schedule(number)).collect();
    stage.livy.wait_for(|livy| livy.live_applications().len() == BURST, LIMIT).await;
    let submitted = begun.elapsed();
    for batch in stage.livy.batches() {
        stage.livy.set_state(batch.name.as_deref().unwrap_or_default(), "success");
    }
    let ended = Instant::now();
    let all = |sfn: &Sfn| tasks.iter().all(|task| sfn.peek(task).is_some());
    stage.sfn.wait_for(all, LIMIT).await;
    (submitted, ended.elapsed())
}

/// What the promises cost on a disk: counts of one burst.
async fn kept(board: &mut Board) {
    let stage = Stage::new(Plan::running()).await;
    let watch = Watch::new(stage.place(Journal::InMemory));
    let config = stage.roomy(Journal::OnDisk, Room::WIDE);
    let process = watch::start(&stage, &config, watch.as_ref());
    stage.sfn.wait_for(|sfn| sfn.open_polls(&stage.arn) > 0, LIMIT).await;
    let entries = Entries::watch(&stage.place(Journal::OnDisk).join("state"));
    let before = process.written();
    if let Some(watch) = &watch {
        watch.reset();
    }
    come_and_go(&stage).await;
    // The last entry goes once its outcome is taken.
    wait(Duration::from_secs(1)).await;
    let of_a_job = |count: usize| count as f64 / BURST as f64;
    let (written, removed) = entries.counts();
    board.at_most("durable writes of a job", of_a_job(written), WRITES, "entries");
    board.at_most("entries of a job removed", of_a_job(removed), 1.0, "entries");
    board.at_most("entries of a job that are left", of_a_job(BURST - removed), 0.0, "entries");
    board.at_most("bytes to the disk of a job", of_a_job(process.written() - before) / 1e3, BYTES, "KB");
    match watch.map(|watch| watch.seen().syncs as f64 / BURST as f64) {
        Some(syncs) => board.at_most("syncs of a job, directories included", syncs, SYNCS, "syncs"),
        None => board.left_out("syncs of a job", NO_COMPILER),
    }
}

/// What happens to a journal's entries, by the kernel's word.
struct Entries(OwnedFd);

impl Entries {
    fn watch(journal: &Path) -> Entries {
        let watcher = inotify::init(CreateFlags::NONBLOCK).expect("inotify");
        inotify::add_watch(&watcher, journal, WatchFlags::MOVED_TO | WatchFlags::DELETE)
            .expect("a directory");
        Entries(watcher)
    }

    /// How many were written and how many were removed.
    fn counts(&self) -> (usize, usize) {
        let mut buffer = [std::mem::MaybeUninit::uninit(); 4_096];
        let mut events = inotify::Reader::new(&self.0, &mut buffer);
        let (mut written, mut removed) = (0, 0);
        while let Ok(event) = events.next() {
            assert!(!event.events().contains(ReadFlags::QUEUE_OVERFLOW), "events were lost");
            let name = event.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            if Path::new(&name).extension().is_some_and(|extension| extension == "task") {
                if event.events().contains(ReadFlags::DELETE) { removed += 1 } else { written += 1 }
            }
        }
        (written, removed)
    }
}

/// Requests for one job and for many.
pub(crate) async fn requests(board: &mut Board) {
    for jobs in [1, 200] {
        let stage = Stage::new(Plan::running()).await;
        let _process = stage.ours(Journal::OnDisk);
        for number in 0..jobs {
            stage.schedule(number);
        }
        stage.livy.wait_for(|livy| livy.live_applications().len() == jobs, LIMIT).await;
        sweeps(board, &stage, jobs).await;
    }
}

/// At most one list of Livy and one of YARN at each look, however many jobs there are.
pub(crate) async fn sweeps(board: &mut Board, stage: &Stage, jobs: usize) {
    const SPAN: u64 = 20;
    // The first looks at new jobs ask more.
    wait(Duration::from_secs(3)).await;
    let asked = || (stage.livy.calls().len(), stage.yarn.calls().len());
    let (before, begun) = (asked(), Instant::now());
    wait(Duration::from_secs(SPAN)).await;
    let (after, looks) = (asked(), begun.elapsed().as_secs_f64() + 1.0);
    for (service, count) in [("Livy", after.0 - before.0), ("YARN", after.1 - before.1)] {
        let what = format!("requests to {service} a look, {jobs} running jobs");
        board.at_most(&what, count as f64 / looks, 1.0, "requests");
    }
}

/// A thousand running jobs, and an operator who looks at them.
pub(crate) async fn looks(board: &mut Board) {
    const JOBS: usize = 1_000;
    let stage = Stage::new(Plan::running()).await;
    let lines = "max_concurrent_jobs = 1001\npollers = 4\nheartbeat_interval = \"20s\"";
    let port = free_port();
    let config = stage
        .configured(Journal::OnDisk, lines)
        .table("admin", &format!("listen = \"127.0.0.1:{port}\""))
        .table("log", "filter = \"warn\"");
    let _process = stage.start(&config);
    for number in 0..JOBS {
        stage.schedule(number);
    }
    stage.livy.wait_for(|livy| livy.live_applications().len() == JOBS, LIMIT).await;
    wait(Duration::from_secs(3)).await;
    for path in ["/status", "/healthz", "/metrics"] {
        let (mut times, mut bytes) = (Vec::new(), 0);
        for _ in 0..50 {
            let begun = Instant::now();
            bytes = asked(port, path).await;
            times.push(begun.elapsed());
            // A different phase of sweeps and heartbeats each time.
            wait(Duration::from_millis(37)).await;
        }
        board.tell(&format!("{path} with {JOBS} jobs"), &format!("{}, {bytes} bytes", spread(&mut times)));
    }
    let mut times = Vec::new();
    for _ in 0..10 {
        let begun = Instant::now();
        let shown =
            command(&program()).args(["status", "--config"]).arg(stage.config()).output().expect("it runs");
        times.push(begun.elapsed());
        assert!(shown.status.success() && shown.stdout.len() > JOBS * 60);
    }
    board.tell(&format!("status with {JOBS} jobs"), &spread(&mut times));
}

/// GET of the worker's own endpoint. Returns how many bytes came.
pub(crate) async fn asked(port: u16, path: &str) -> usize {
    let answer = reqwest::get(format!("http://127.0.0.1:{port}{path}")).await.expect("an answer");
    assert!(answer.status().is_success(), "{path}: {}", answer.status());
    answer.bytes().await.expect("a body").len()
}

/// A thousand running jobs while Livy hangs for a minute: how late is a heartbeat?
pub(crate) async fn hang(board: &mut Board) {
    const JOBS: usize = 1_000;
    const INTERVAL: f64 = 20.0;
    let stage = Stage::new(Plan::running()).await;
    let lines = format!("max_concurrent_jobs = 1001\npollers = 4\nheartbeat_interval = \"{INTERVAL}s\"");
    let config = stage.configured(Journal::OnDisk, &lines).table("log", "filter = \"warn\"");
    let _process = stage.start(&config);
    let tasks: Vec<TaskId> = (0..JOBS).map(|number| stage.schedule(number)).collect();
    stage.livy.wait_for(|livy| livy.live_applications().len() == JOBS, LIMIT).await;
    let beaten = |sfn: &Sfn| tasks.iter().all(|task| !sfn.heartbeats(task).is_empty());
    stage.sfn.wait_for(beaten, LIMIT).await;
    stage.livy.hang_all(true);
    let hung = Instant::now();
    wait(Duration::from_secs(60)).await;
    let longest = gaps(&stage, &tasks, hung);
    let what = format!("longest gap of {INTERVAL} s heartbeats, Livy hangs");
    // A beat is sent up to 15 % early; on its way it may wait for its turn.
    board.at_most(&what, longest.as_secs_f64(), INTERVAL * 1.05, "s");
}

/// The longest time between two heartbeats of a task since then.
pub(crate) fn gaps(stage: &Stage, tasks: &[TaskId], since: Instant) -> Duration {
    let now = Instant::now();
    let of_one = |task: &TaskId| {
        let times = stage.sfn.heartbeats(task);
        let between = times.windows(2).filter(|pair| pair[1] > since).map(|pair| pair[1] - pair[0]).max();
        let last = now - *times.last().expect("it was beaten for");
        between.unwrap_or_default().max(last)
    };
    tasks.iter().map(of_one).max().unwrap_or_default()
}
