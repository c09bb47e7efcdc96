//! What a seed's run is like: the statements, and what befalls them.

use fastrand::Rng;

use crate::plan::{CALM, Millis, SECOND};

/// What is broken on purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Broken {
    Nothing,
    /// The interpreter runs whatever comes, also what is not next.
    AnyOrder,
    /// The interpreter calls every step that began well ended.
    AnyEnd,
    /// The interpreter answers with the result of another question.
    OldResult,
    /// YARN calls dead what Livy says that it has deleted.
    DeletedIsDead,
}

/// What can go wrong. A run has some of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mishap {
    LostCalls,
    Crashes,
    BadOpens,
    BadSays,
    LivyRestarts,
    LivyForgets,
    LivyAway,
    LivyAwayForLong,
    YarnAway,
    Shifts,
    PythonDies,
    AppKilled,
    AppFails,
    NeverIdle,
    StatementFails,
    BadDeletes,
    Stopped,
    /// Livy ends sessions in which nothing new is done, and the worker's calls against it get lost.
    Idle,
    DiskFull,
    /// The node's clock is set, forwards or back.
    ClockSet,
    /// The worker gives its tasks back.
    GivesUp,
}

const ALL: [Mishap; 21] = [
    Mishap::LostCalls,
    Mishap::Crashes,
    Mishap::BadOpens,
    Mishap::BadSays,
    Mishap::LivyRestarts,
    Mishap::LivyForgets,
    Mishap::LivyAway,
    Mishap::LivyAwayForLong,
    Mishap::YarnAway,
    Mishap::Shifts,
    Mishap::PythonDies,
    Mishap::AppKilled,
    Mishap::AppFails,
    Mishap::NeverIdle,
    Mishap::StatementFails,
    Mishap::BadDeletes,
    Mishap::Stopped,
    Mishap::Idle,
    Mishap::DiskFull,
    Mishap::ClockSet,
    Mishap::GivesUp,
];

/// A time in which somebody does not answer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Away {
    pub(super) from: Millis,
    pub(super) to: Millis,
}

impl Away {
    pub(super) fn is_on(self, at: Millis) -> bool {
        (self.from..self.to).contains(&at)
    }
}

/// A seed's run.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) broken: Broken,
    pub(super) mishaps: Vec<Mishap>,
    /// How many statements, and whether there is a result behind them.
    pub(super) statements: u16,
    pub(super) has_result: bool,
    /// The statement that a mishap is about.
    pub(super) unlucky: u16,
    pub(super) livy_away: Away,
    pub(super) yarn_away: Away,
    /// While nothing can be written.
    pub(super) disk_full: Away,
    /// When the clock is set, and how far.
    pub(super) set: (Millis, i64),
    /// When Livy is killed and comes back.
    pub(super) restart: Millis,
    /// When somebody ends the application, or it fails.
    pub(super) end: Millis,
    /// When the execution is stopped, or the worker gives its tasks back.
    pub(super) stop: Millis,
    /// Livy notices the end of an application.
    pub(super) notices: bool,
    /// How long Livy keeps a session in which nothing new is done.
    pub(super) idle_timeout: Millis,
}

impl Plan {
    pub(super) fn new(rng: &mut Rng, broken: Broken) -> Plan {
        let mut mishaps = Vec::new();
        for _ in 0..rng.usize(0..4) {
            mishaps.push(ALL[rng.usize(0..ALL.len())]);
        }
        let statements = rng.u16(1..5);
        let has_result = rng.bool();
        let mut span = |longest: u64| {
            let from = if rng.u8(0..3) == 0 { 0 } else { rng.u64(0..CALM / 2) };
            Away { from, to: from + rng.u64(SECOND..longest) }
        };
        let far = |has: bool, away: Away| if has { away } else { Away { from: 0, to: 0 } };
        let has = |mishap| mishaps.contains(&mishap);
        let long = has(Mishap::LivyAwayForLong);
        let livy_away =
            far(has(Mishap::LivyAway) || long, span(if long { 350 * SECOND } else { 60 * SECOND }));
        let yarn_away = far(has(Mishap::YarnAway), span(120 * SECOND));
        let disk_full = far(has(Mishap::DiskFull), span(120 * SECOND));
        let set = (rng.u64(0..200 * SECOND), rng.i64(-7_200..7_200) * 1_000);
        Plan {
            broken,
            statements,
            has_result,
            unlucky: rng.u16(1..=statements),
            livy_away,
            yarn_away,
            disk_full,
            set: if has(Mishap::ClockSet) { set } else { (0, 0) },
            restart: rng.u64(10 * SECOND..300 * SECOND),
            end: rng.u64(5 * SECOND..200 * SECOND),
            stop: rng.u64(5 * SECOND..200 * SECOND),
            notices: rng.bool(),
            idle_timeout: 120 * SECOND,
            mishaps,
        }
    }

    pub(super) fn has(&self, mishap: Mishap) -> bool {
        self.mishaps.contains(&mishap)
    }

    /// The last step.
    pub(super) fn last(&self) -> u16 {
        self.statements + u16::from(self.has_result)
    }
}
