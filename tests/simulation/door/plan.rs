//! What a seed's run of the second door is like: how many resources live, which mishaps there are, and when all is calm.

use fastrand::Rng;
use spark_job_worker::job::machine::OnAbort;

use crate::plan::{Millis, SECOND};

/// Nothing goes wrong any more after this, so that everything can come to its end.
pub(super) const CALM: Millis = 600 * SECOND;
/// Everything must have come to its end by then.
pub(super) const END: Millis = 20_000 * SECOND;
/// So long after its publication a URL works.
pub(super) const EXPIRES: Millis = 7_200 * SECOND;
/// A message that was received is hidden for so long.
pub(super) const HIDDEN: Millis = 60 * SECOND;
/// A message that was received more often is a dead letter.
pub(super) const RECEIVES: u32 = 5;

/// What can go wrong. A run has some of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mishap {
    /// Single calls get no answer.
    LostCalls,
    /// The worker is killed between any two steps.
    Crashes,
    /// The worker is stopped, and its next life goes on.
    Handoff,
    /// The worker is stopped and gives its tasks back.
    GiveBack,
    /// The node goes down for good, and the worker is told so.
    Terminating,
    /// SQS is away.
    QueueAway,
    /// Messages come twice.
    Doubled,
    /// Messages come late, and so in another order.
    Late,
    /// Messages come again after they were deleted.
    Redelivered,
    /// The queue brings what is nobody's to answer.
    Strangers,
    /// The bucket is away.
    BucketAway,
    /// The bucket answers 503.
    BucketBusy,
    /// The answer to a PUT is lost, and the PUT may have been applied, or is later.
    LostPuts,
    /// The bucket says 403 once, by mistake.
    FalseRefusal,
    /// The bucket refuses a URL for good.
    Refused,
    /// Livy is away.
    LivyAway,
    /// Answers to POSTs are lost, and the POST may be taken late.
    LostPosts,
    /// Livy is full.
    FullLivy,
    /// Livy starts again without its records.
    LivyForgets,
    /// DELETE says "deleted" and kills nothing.
    BadDeletes,
    /// YARN is away.
    YarnAway,
    /// YARN shows the worker no lists of applications.
    Hides,
    /// YARN does not take kills.
    RefusedKills,
    /// Ended applications are forgotten after some minutes.
    ShortMemory,
    /// spark-submit takes long, or fails.
    SlowSubmit,
    /// The disk cannot be written for a while.
    BadDisk,
    /// A resource's file cannot be read any more.
    LostFile,
    /// CloudFormation does not wait for an answer: an operation is cancelled.
    Cancels,
    /// Another resource of the stack fails after ours is done.
    Siblings,
    /// CloudFormation waits for a few minutes only.
    ShortTimeouts,
    /// Properties are wrong.
    WrongInputs,
    /// Jobs fail.
    BadJobs,
}

impl Mishap {
    pub(super) const ALL: [Mishap; 32] = [
        Mishap::LostCalls,
        Mishap::Crashes,
        Mishap::Handoff,
        Mishap::GiveBack,
        Mishap::Terminating,
        Mishap::QueueAway,
        Mishap::Doubled,
        Mishap::Late,
        Mishap::Redelivered,
        Mishap::Strangers,
        Mishap::BucketAway,
        Mishap::BucketBusy,
        Mishap::LostPuts,
        Mishap::FalseRefusal,
        Mishap::Refused,
        Mishap::LivyAway,
        Mishap::LostPosts,
        Mishap::FullLivy,
        Mishap::LivyForgets,
        Mishap::BadDeletes,
        Mishap::YarnAway,
        Mishap::Hides,
        Mishap::RefusedKills,
        Mishap::ShortMemory,
        Mishap::SlowSubmit,
        Mishap::BadDisk,
        Mishap::LostFile,
        Mishap::Cancels,
        Mishap::Siblings,
        Mishap::ShortTimeouts,
        Mishap::WrongInputs,
        Mishap::BadJobs,
    ];

    /// What is so much of the point that most runs have it.
    fn is_usual(self) -> bool {
        matches!(self, Mishap::Crashes | Mishap::Cancels | Mishap::Siblings)
    }
}

/// What together shows what is rarely seen otherwise.
const THEMES: [&[Mishap]; 5] = [
    &[Mishap::Late, Mishap::Doubled, Mishap::Redelivered, Mishap::Cancels],
    &[Mishap::LostPosts, Mishap::Cancels, Mishap::SlowSubmit, Mishap::Crashes],
    &[Mishap::LostPuts, Mishap::FalseRefusal, Mishap::ShortTimeouts, Mishap::Crashes],
    &[Mishap::LostFile, Mishap::Crashes, Mishap::SlowSubmit],
    &[Mishap::Late, Mishap::ShortTimeouts, Mishap::Crashes],
];

/// A guard that is broken on purpose, to see that the ledger notices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Broken {
    /// None.
    Nothing,
    /// A POST that may have been out is begun again after a restart.
    NoDoubt,
    /// What is shown of YARN's applications by a group's tag is left out.
    NoGroups,
    /// A kill is believed at once, and so is what waits for it.
    NoSettling,
    /// What has to wait for the end of others does not.
    NoWaiting,
    /// An answer is made anew each time.
    OtherBytes,
    /// An answer is said to be at its place, and is not.
    NoPut,
    /// Nobody is told that nobody waits for it any more.
    NoDrops,
    /// What is decided is not kept.
    NoFile,
    /// A message is deleted before it is decided about.
    DeletedFirst,
    /// Nothing is ever forgotten.
    NoTidying,
    /// Everybody may be answered.
    AnyOrigin,
    /// What runs is killed whoever it belongs to.
    KillsAll,
    /// An application that waits is shown as one that runs.
    RunsEarly,
    /// Every answer names another physical id.
    OtherId,
    /// The worker's clock is ten minutes slow.
    SlowClock,
    /// Runs that must not live on are left alone.
    NoKills,
    /// Entries are not removed.
    NoUnlink,
    /// A place is not given back.
    KeptPlace,
}

impl Broken {
    /// What goes wrong where the guard is needed.
    fn theme(self) -> &'static [Mishap] {
        match self {
            Broken::NoDoubt | Broken::NoFile | Broken::DeletedFirst => &[Mishap::Crashes],
            Broken::NoGroups | Broken::NoSettling => {
                &[Mishap::SlowSubmit, Mishap::LostPosts, Mishap::Cancels, Mishap::LostFile, Mishap::Crashes]
            }
            Broken::OtherBytes => &[Mishap::LostPuts],
            Broken::NoDrops | Broken::NoKills => &[Mishap::Cancels, Mishap::LostPosts],
            Broken::AnyOrigin => &[Mishap::Strangers],
            Broken::SlowClock => &[Mishap::ShortTimeouts, Mishap::YarnAway],
            Broken::Nothing
            | Broken::NoWaiting
            | Broken::NoPut
            | Broken::NoTidying
            | Broken::KillsAll
            | Broken::RunsEarly
            | Broken::OtherId
            | Broken::NoUnlink
            | Broken::KeptPlace => &[],
        }
    }
}

/// How one seed is.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    pub(super) broken: Broken,
    mishaps: u64,
    pub(super) resources: usize,
    /// How often each of them is created and deleted.
    pub(super) lives: u32,
    pub(super) places: usize,
    pub(super) submits: usize,
    pub(super) on_delete: OnAbort,
}

impl Plan {
    pub(super) fn new(rng: &mut Rng, broken: Broken) -> Plan {
        let calm = rng.u8(0..16) == 0;
        let share = rng.u8(4..14);
        let mut strikes = |mishap: &Mishap| {
            let of = if mishap.is_usual() { 2 } else { share };
            !calm && rng.u8(0..of) == 0
        };
        let some: Vec<Mishap> = Mishap::ALL.into_iter().filter(|mishap| strikes(mishap)).collect();
        let theme: &[Mishap] = if rng.u8(0..4) == 0 { THEMES[rng.usize(0..THEMES.len())] } else { &[] };
        let bits =
            some.iter().chain(theme).chain(broken.theme()).fold(0, |bits, mishap| bits | 1 << *mishap as u64);
        Plan {
            broken,
            mishaps: bits,
            resources: if rng.u8(0..6) == 0 { 2 } else { 1 },
            lives: if rng.u8(0..6) == 0 { 2 } else { 1 },
            places: rng.usize(1..=3),
            submits: rng.usize(1..=2),
            on_delete: if rng.u8(0..10) == 0 { OnAbort::Leave } else { OnAbort::Kill },
        }
    }

    pub(super) fn has(&self, mishap: Mishap) -> bool {
        self.mishaps & (1 << mishap as u64) != 0
    }

    pub(super) fn mishaps(&self) -> Vec<Mishap> {
        Mishap::ALL.into_iter().filter(|mishap| self.has(*mishap)).collect()
    }
}
