//! What a seed's run is like: how many workers and tasks, which mishaps, and when they happen.
//!
//! A run has a few kinds of mishap and not all of them: many faults show only where nothing else hides them.

use std::time::Duration;

use fastrand::Rng;
use spark_job_worker::job::JobTimings;
use spark_job_worker::job::machine::OnAbort;
use spark_job_worker::job::sweep::Pace;
use spark_job_worker::job::verdict::VerdictTimeouts;

/// Time of the simulation: milliseconds since it began.
pub(crate) type Millis = u64;

pub(crate) const SECOND: Millis = 1_000;

/// Wall time at the beginning of a run.
pub(crate) const EPOCH: u64 = 1_800_000_000_000;
/// A task without a heartbeat for so long has timed out.
pub(crate) const HEARTBEAT_SECONDS: Millis = 60 * SECOND;
/// From heartbeat to heartbeat.
pub(crate) const BEAT: Millis = 20 * SECOND;
/// Nothing goes wrong any more after this, so that everything can come to its end.
pub(crate) const CALM: Millis = 700 * SECOND;
/// Everything must have come to its end by then.
pub(crate) const END: Duration = Duration::from_secs(4_000);
/// Livy's record of an ended batch is collected after this: more than [`DOUBT_LIMIT`].
pub(crate) const RETAIN: Millis = 300 * SECOND;
/// For so long Livy looks for the application of a batch.
pub(crate) const LOOK_UP: Millis = 40 * SECOND;
/// For so long after that it kills the application if it appears.
pub(crate) const LEAK_WINDOW: Millis = 90 * SECOND;
pub(crate) const DOUBT_LIMIT: Millis = 200 * SECOND;
/// Longer than Livy's look-up and its leak window.
pub(crate) const KILL_SETTLE: Millis = LOOK_UP + LEAK_WINDOW + 10 * SECOND;
pub(crate) const LOST_AFTER: Millis = 60 * SECOND;
pub(crate) const SETTLE: Millis = 60 * SECOND;
pub(crate) const START_TIMEOUT: Millis = 300 * SECOND;
pub(crate) const PATIENCE: Millis = 150 * SECOND;
const INTERVAL: Millis = 8 * SECOND;

/// The rules of every worker.
pub(crate) fn rules() -> JobTimings {
    let millis = Duration::from_millis;
    JobTimings {
        session_keep: Duration::from_secs(300),
        interval: millis(INTERVAL),
        waits: VerdictTimeouts {
            start_timeout: millis(START_TIMEOUT),
            lost_after: millis(LOST_AFTER),
            verdict_patience: Duration::from_secs(120),
            submit_settle: millis(SETTLE),
        },
        doubt_limit: millis(DOUBT_LIMIT),
        kill_settle: millis(KILL_SETTLE),
        patience: millis(PATIENCE),
    }
}

pub(crate) fn pace() -> Pace {
    Pace { interval: Duration::from_millis(INTERVAL), idle: Duration::from_secs(40) }
}

/// What can go wrong. A run has some of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mishap {
    /// Single calls get no answer.
    LostCalls,
    /// The worker crashes between any two calls.
    Crashes,
    /// The worker is stopped and hands its tasks to its next life.
    Handoff,
    /// The worker is stopped and gives its tasks back.
    GiveBack,
    /// The node goes down for good, and the worker is told so.
    Terminating,
    /// The node is gone without a word.
    NodeLost,
    /// Step Functions is away.
    StepFunctionsAway,
    /// Livy is away.
    LivyAway,
    /// YARN is away.
    YarnAway,
    /// Executions stop while their job runs.
    Aborts,
    /// Livy is killed and starts again without its records.
    LivyForgets,
    /// Livy is stopped, kills its batches, and starts again without its records.
    LivyKills,
    /// Livy starts again with its records.
    LivyRecovers,
    /// Livy polls YARN seldom, or is stuck.
    StaleLivy,
    /// Livy calls dead what runs.
    FalseDead,
    /// POSTs are refused, answered with errors, taken late, answered by a proxy.
    BadPosts,
    /// Livy is full.
    FullLivy,
    /// DELETE blocks, or says "deleted" and kills nothing.
    BadDeletes,
    /// YARN does not take kills.
    RefusedKills,
    /// The ResourceManager starts again, or another one takes over.
    Failover,
    /// Ended applications are forgotten after some minutes.
    ShortMemory,
    /// YARN's lists leave out our applications.
    Hides,
    /// `/proc` hides processes.
    HiddenProcesses,
    /// Applications that the worker did not start carry a task's tag.
    Doubles,
    /// spark-submit takes minutes.
    SlowSubmit,
    /// spark-submit fails, or never ends.
    BadSubmit,
    /// The disk cannot be written for a while.
    BadDisk,
    /// An entry cannot be read any more.
    CorruptEntry,
    /// The wall clock steps.
    ClockSteps,
    /// Step Functions calls a token closed that is not, once.
    FalseClosed,
    /// Step Functions refuses outcomes for good.
    RefusedReports,
    /// Reports are throttled, fail inside the service, or their answers are lost.
    BadReports,
    /// The activity is missing in the configuration of some lives.
    RemovedActivity,
    /// Inputs are wrong.
    WrongInputs,
    /// Jobs are to run as another user, and Livy does not do that.
    NoImpersonation,
    /// Jobs run long.
    LongJobs,
    /// Bugs of the worker end what it is at.
    Bugs,
    /// Applications wait for minutes before they are given a container.
    FullQueue,
}

impl Mishap {
    pub(crate) const ALL: [Mishap; 38] = [
        Mishap::LostCalls,
        Mishap::Crashes,
        Mishap::Handoff,
        Mishap::GiveBack,
        Mishap::Terminating,
        Mishap::NodeLost,
        Mishap::StepFunctionsAway,
        Mishap::LivyAway,
        Mishap::YarnAway,
        Mishap::Aborts,
        Mishap::LivyForgets,
        Mishap::LivyKills,
        Mishap::LivyRecovers,
        Mishap::StaleLivy,
        Mishap::FalseDead,
        Mishap::BadPosts,
        Mishap::FullLivy,
        Mishap::BadDeletes,
        Mishap::RefusedKills,
        Mishap::Failover,
        Mishap::ShortMemory,
        Mishap::Hides,
        Mishap::HiddenProcesses,
        Mishap::Doubles,
        Mishap::SlowSubmit,
        Mishap::BadSubmit,
        Mishap::BadDisk,
        Mishap::CorruptEntry,
        Mishap::ClockSteps,
        Mishap::FalseClosed,
        Mishap::RefusedReports,
        Mishap::BadReports,
        Mishap::RemovedActivity,
        Mishap::WrongInputs,
        Mishap::NoImpersonation,
        Mishap::LongJobs,
        Mishap::Bugs,
        Mishap::FullQueue,
    ];
}

/// What together shows what is rarely seen otherwise.
const THEMES: [&[Mishap]; 7] = [
    &[Mishap::LivyForgets, Mishap::Hides, Mishap::LongJobs],
    &[Mishap::YarnAway, Mishap::Failover, Mishap::LostCalls],
    &[Mishap::BadDisk, Mishap::FullLivy],
    &[Mishap::BadPosts, Mishap::GiveBack, Mishap::Aborts],
    &[Mishap::FullQueue, Mishap::Crashes, Mishap::RefusedKills],
    &[Mishap::FullQueue, Mishap::YarnAway, Mishap::Failover],
    &[Mishap::FullQueue, Mishap::Aborts, Mishap::LostCalls],
];

/// A guard that is broken on purpose on the side of the world, to see that the ledger notices. Guards inside the worker
/// are broken by `cargo mutants`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Broken {
    /// None.
    Nothing,
    /// The state before a POST is not kept.
    NoWriteBeforePost,
    /// A POST that may have been out is begun again after a restart.
    NoDoubt,
    /// A silent YARN counts as one that has nothing.
    SilenceIsAbsence,
    /// A process that will still submit is not looked for.
    NoProcesses,
    /// YARN's memory is believed whatever it is.
    AnyMemory,
}

impl Broken {
    /// What goes wrong where the guard is needed.
    fn theme(self) -> &'static [Mishap] {
        match self {
            Broken::Nothing => &[],
            Broken::NoWriteBeforePost | Broken::NoDoubt => &[Mishap::Crashes, Mishap::SlowSubmit],
            Broken::SilenceIsAbsence => &[Mishap::YarnAway, Mishap::LostCalls, Mishap::LivyForgets],
            Broken::NoProcesses => &[Mishap::SlowSubmit, Mishap::LivyForgets, Mishap::Aborts],
            Broken::AnyMemory => {
                &[Mishap::Failover, Mishap::LostCalls, Mishap::BadPosts, Mishap::LivyForgets]
            }
        }
    }
}

/// Whom a worker has to ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum YarnAnswer {
    /// YARN.
    On,
    /// The worker is told of no YARN; Livy runs jobs there all the same.
    Untold,
    /// There is none: spark-submit is the job.
    None,
}

/// How one seed is.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) broken: Broken,
    mishaps: u64,
    pub(crate) workers: usize,
    pub(crate) tasks: usize,
    pub(crate) places: usize,
    pub(crate) submits: usize,
    pub(crate) yarn: YarnAnswer,
    /// The ResourceManagers keep their applications over a restart.
    pub(crate) keeps: bool,
    pub(crate) on_abort: OnAbort,
    /// From one of Livy's looks at YARN to the next.
    pub(crate) livy_polls: Millis,
    /// Spark is asked what failed, in the place of YARN.
    pub(crate) asks_spark: bool,
    /// How long tasks let their job wait in YARN's queue.
    pub(crate) queue_timeout: Option<Millis>,
}

impl Plan {
    pub(crate) fn new(rng: &mut Rng, broken: Broken) -> Plan {
        let calm = rng.u8(0..12) == 0;
        let share = rng.u8(4..16);
        let mishaps: Vec<&Mishap> = Mishap::ALL.iter().filter(|_| !calm && rng.u8(0..share) == 0).collect();
        let theme: &[Mishap] = if rng.u8(0..6) == 0 { THEMES[rng.usize(0..THEMES.len())] } else { &[] };
        let mishaps = mishaps
            .into_iter()
            .chain(theme)
            .chain(broken.theme())
            .fold(0, |bits, mishap| bits | 1 << *mishap as u64);
        let workers = match rng.u8(0..10) {
            0 => 3,
            1 => 2,
            _ => 1,
        };
        let yarn = match rng.u8(0..16) {
            0 => YarnAnswer::Untold,
            1 => YarnAnswer::None,
            _ => YarnAnswer::On,
        };
        let mut plan = Plan {
            broken,
            mishaps,
            workers,
            tasks: [1, 1, 2, 2, 3][rng.usize(0..5)].max(workers - 1),
            places: rng.usize(1..=3),
            submits: rng.usize(1..=2),
            yarn,
            keeps: rng.bool() && broken != Broken::AnyMemory,
            on_abort: if rng.u8(0..8) == 0 { OnAbort::Leave } else { OnAbort::Kill },
            livy_polls: 5 * SECOND,
            asks_spark: rng.bool(),
            queue_timeout: (rng.u8(0..4) > 0).then(|| rng.u64(20..120) * SECOND),
        };
        if plan.has(Mishap::StaleLivy) {
            plan.livy_polls = rng.u64(20..400) * SECOND;
        }
        plan
    }

    pub(crate) fn has(&self, mishap: Mishap) -> bool {
        self.mishaps & (1 << mishap as u64) != 0
    }

    pub(crate) fn mishaps(&self) -> Vec<Mishap> {
        Mishap::ALL.into_iter().filter(|mishap| self.has(*mishap)).collect()
    }
}
