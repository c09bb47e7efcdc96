//! The jobs that come: what each does, what Livy says of it, and what Step Functions does to its task.

use std::cell::{Cell, Ref, RefCell};
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::time::{Duration, Instant};

use stand_ins::livy::{Livy, Plan};
use stand_ins::sfn::{Outcome, TaskId};

use crate::PLACES;
use crate::board::Board;
use crate::stage::{Stage, wait};

/// HeartbeatSeconds: three intervals, as the examples have it.
const HEARTBEAT: Duration = Duration::from_secs(60);
/// From one job to the next, milliseconds: four to twenty a second.
const GAP: std::ops::Range<u64> = 50..250;
/// The longest life of a job, seconds.
const LONGEST: u64 = 20;
/// How long all that is left may take to end.
const DRAIN: Duration = Duration::from_secs(300);
/// What a driver writes before it fails.
const TRACEBACK: &str =
    "Traceback (most recent call last):\n  File \"etl.py\", line 7, in <module>\nValueError: no such rate\n";

/// What becomes of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Succeeds,
    Fails,
    /// YARN's word for its end is KILLED.
    IsKilled,
    /// Somebody kills its application.
    IsKilledBySomebody,
    /// It succeeds, and Livy says `dead` meanwhile.
    DeadByLivy,
    /// It fails, and Livy says `success` meanwhile.
    SuccessByLivy,
    /// Livy forgets the batch, and it succeeds.
    Forgotten,
    /// Livy finds its application after seconds.
    FoundLate,
    /// Livy never finds its application, which is killed.
    NeverFound,
    /// spark-submit fails.
    SubmitFails,
    /// Livy refuses the batch.
    Rejected,
    /// The input is wrong.
    Invalid,
    /// Its TimeoutSeconds are over before it ends.
    TimesOut,
    /// Its execution is stopped.
    IsStopped,
}

use Kind::*;

/// All of them, with the word that their names begin with, and how many of a hundred are so.
const KINDS: [(Kind, &str, usize); 14] = [
    (Succeeds, "succeeds", 46),
    (Fails, "fails", 12),
    (IsKilled, "killed", 4),
    (IsKilledBySomebody, "somebody", 3),
    (DeadByLivy, "dead-by-livy", 5),
    (SuccessByLivy, "success-by-livy", 4),
    (Forgotten, "forgotten", 4),
    (FoundLate, "found-late", 4),
    (NeverFound, "never-found", 2),
    (SubmitFails, "submit-fails", 3),
    (Rejected, "rejected", 2),
    (Invalid, "invalid", 1),
    (TimesOut, "times-out", 5),
    (IsStopped, "stopped", 5),
];

/// Tells Livy's stand-in what jobs do, by the beginning of their names.
pub(crate) fn plan(livy: &Livy) {
    for (kind, word, _) in KINDS {
        for seconds in 1..=LONGEST {
            livy.plan_for(&format!("{word}-{seconds}s-"), planned(kind, Duration::from_secs(seconds)));
        }
    }
}

fn planned(kind: Kind, life: Duration) -> Plan {
    let late = Duration::from_secs(2) + life / 4;
    match kind {
        Succeeds | Rejected | Invalid => Plan::success().running_for(life),
        Fails => Plan::ends("dead")
            .running_for(life)
            .log(["Spark says much.", "And then it says more."])
            .diagnostics(["User application exited with status 1"]),
        IsKilled => Plan::ends("killed").running_for(life),
        DeadByLivy => Plan::success().running_for(life + late).misjudged_after(late, "dead"),
        SuccessByLivy => Plan::ends("dead").running_for(life + late).misjudged_after(late, "success"),
        Forgotten => Plan::success().running_for(life + late).forgotten_after(late),
        FoundLate => Plan::success().running_for(life + late).app_id_after(late),
        NeverFound => Plan::running().app_id_never(),
        SubmitFails => {
            Plan::submission_fails(["Exception in thread \"main\" java.io.IOException: no such queue"])
        }
        IsKilledBySomebody | TimesOut | IsStopped => Plan::running(),
    }
}

/// A task, and its job.
pub(crate) struct Job {
    pub(crate) task: TaskId,
    pub(crate) kind: Kind,
    pub(crate) scheduled: Instant,
    /// When somebody stopped its execution.
    pub(crate) stopped: Cell<Option<Instant>>,
    /// When something is done to it from outside.
    due: Instant,
}

/// All that have come, by their numbers.
pub(crate) struct Jobs {
    all: RefCell<Vec<Job>>,
    dice: RefCell<fastrand::Rng>,
}

impl Jobs {
    pub(crate) fn new(dice: fastrand::Rng) -> Jobs {
        Jobs { all: RefCell::default(), dice: RefCell::new(dice) }
    }

    pub(crate) fn count(&self) -> usize {
        self.all.borrow().len()
    }

    pub(crate) fn all(&self) -> Ref<'_, Vec<Job>> {
        self.all.borrow()
    }

    /// They come for so long, and at least so many: first as many at once as there are places, so that the most that
    /// memory ever has to hold is the same before each rest.
    pub(crate) async fn come(&self, stage: &Stage, span: Duration, least: usize) {
        let begun = Instant::now();
        (0..PLACES).for_each(|_| self.comes(stage));
        while begun.elapsed() < span || self.count() < least {
            self.comes(stage);
            let gap = self.dice.borrow_mut().u64(GAP);
            wait(Duration::from_millis(gap)).await;
        }
    }

    fn comes(&self, stage: &Stage) {
        let mut dice = self.dice.borrow_mut();
        let mut at = dice.usize(0..KINDS.iter().map(|(_, _, share)| share).sum());
        let chosen = KINDS.iter().find(|(_, _, share)| {
            let is_it = at < *share;
            at = at.saturating_sub(*share);
            is_it
        });
        let (kind, word, _) = *chosen.expect("the shares are all that is thrown for");
        let seconds = dice.u64(1..=LONGEST);
        let mut all = self.all.borrow_mut();
        let name = format!("{word}-{seconds}s-{:06}", all.len());
        let padding = "x".repeat(dice.usize(0..2_000));
        let file = if kind == Rejected { "file:/etc/hosts" } else { "s3://b/etl.py" };
        let argument = if kind == Invalid { "Arguments" } else { "Args" };
        let input = format!(r#"{{"Name":"{name}","File":"{file}","{argument}":["in","{padding}"]}}"#);
        let timeout = (kind == TimesOut).then(|| Duration::from_secs(2 + seconds / 3));
        let task = stage.sfn.schedule_with(&stage.arn, &input, Some(HEARTBEAT), timeout);
        let scheduled = Instant::now();
        let due = scheduled + Duration::from_secs(seconds);
        all.push(Job { task, kind, scheduled, stopped: Cell::default(), due });
    }

    /// What befalls jobs from outside: executions are stopped, applications are killed, drivers write.
    pub(crate) async fn are_seen_to(&self, stage: &Stage) -> Infallible {
        let mut seen = 0;
        loop {
            wait(Duration::from_millis(200)).await;
            let all = self.all.borrow();
            let over = |job: &Job| stage.sfn.peek(&job.task).is_some();
            while all.get(seen).is_some_and(over) {
                seen += 1;
            }
            let now = Instant::now();
            for job in all[seen..].iter().filter(|job| job.due <= now) {
                if job.kind == IsStopped && job.stopped.get().is_none() && !over(job) {
                    stage.sfn.stop(&job.task);
                    job.stopped.set(Some(now));
                }
            }
            for application in stage.livy.live_applications() {
                let number = application.name.as_deref().and_then(number);
                let Some(job) = number.and_then(|number| all.get(number)) else { continue };
                let id = application.id.as_deref().unwrap_or_default();
                if matches!(job.kind, IsKilledBySomebody | NeverFound) && job.due <= now {
                    stage.livy.kill_application(id);
                }
                if job.kind == Fails && application.started.elapsed() < Duration::from_millis(400) {
                    stage.yarn.wrote(id, "stderr", TRACEBACK);
                }
            }
        }
    }

    /// Waits until every task has ended, every application is dead, and the journal is empty.
    pub(crate) async fn end(&self, stage: &Stage) {
        let begun = Instant::now();
        let mut open: Vec<TaskId> = self.all.borrow().iter().map(|job| job.task).collect();
        loop {
            open.retain(|task| stage.sfn.peek(task).is_none());
            let (live, entries) = (stage.livy.live_applications().len(), crate::rest::entries(stage));
            if (open.len(), live, entries) == (0, 0, 0) {
                return;
            }
            if begun.elapsed() > DRAIN {
                println!(
                    "after {DRAIN:?}: {} tasks have not ended, {live} applications live, the journal has {entries}",
                    open.len()
                );
                return;
            }
            wait(Duration::from_millis(250)).await;
        }
    }

    /// How many ended how.
    pub(crate) fn tell(&self, board: &Board, stage: &Stage) {
        let mut ends: BTreeMap<String, usize> = BTreeMap::new();
        for job in self.all.borrow().iter() {
            *ends.entry(end(stage.sfn.peek(&job.task).as_ref()).to_owned()).or_default() += 1;
        }
        let ends: Vec<String> = ends.iter().map(|(end, count)| format!("{count} {end}")).collect();
        board.tell("jobs", &format!("{}: {}", self.count(), ends.join(", ")));
        board.tell("most at once", &stage.sfn.max_held().to_string());
    }
}

/// How a task ended, in a word.
pub(crate) fn end(outcome: Option<&Outcome>) -> &str {
    match outcome {
        Some(Outcome::Failed { error, .. }) => error.as_deref().unwrap_or("failed"),
        Some(Outcome::Succeeded { .. }) => "succeeded",
        Some(Outcome::TimedOut) => "timed out",
        Some(Outcome::Aborted) => "stopped",
        None => "open",
    }
}

/// The number of the job that a batch or an application of this name is.
pub(crate) fn number(name: &str) -> Option<usize> {
    name.rsplit('-').nth(1)?.parse().ok()
}
