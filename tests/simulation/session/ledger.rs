//! What is true while the world runs, and the promises that are held against it.

use std::collections::BTreeMap;

use serde_json::Value;
use spark_job_worker::job::application::AppEnd;
use spark_job_worker::job::report::Answer;

use super::plan::Mishap;
use super::world::Inner;
use crate::plan::{CALM, SECOND};

/// A promise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Invariant {
    /// Each statement is started at most once, whatever crashes.
    StartedOnce,
    /// A success is told only where every step has ended well.
    ConfirmedSuccess,
    /// A result is what the last step made.
    OwnResult,
    /// An error says what happened.
    TrueError,
    /// No session lives on once its task is done with, and none begins after that.
    EndsWithItsTask,
    /// A step is said only once it is journaled.
    RecordedBeforeSaid,
    /// Every run comes to its end.
    ComesToAnEnd,
}

#[derive(Debug, Default)]
pub(super) struct Ledger {
    pub(super) broken: Option<(Invariant, String)>,
    /// How often each step was started.
    pub(super) started: BTreeMap<u16, u32>,
    /// Whether a step ended well.
    pub(super) ended: BTreeMap<u16, bool>,
    /// What the last step made.
    pub(super) result: Option<String>,
    /// A session was taken.
    pub(super) taken: bool,
    pub(super) forgot: bool,
    pub(super) shifted: bool,
    /// What was told, and when.
    pub(super) told: Option<u64>,
    /// The step that the journal has as said: step, or none.
    pub(super) kept: Option<u16>,
    /// The same of a state that the disk did not take.
    pub(super) unkept: Option<u16>,
    pub(super) settled: bool,
}

impl Inner {
    pub(super) fn violate(&mut self, invariant: Invariant, why: impl Into<String>) {
        let why = why.into();
        self.tell(|| format!("BROKEN {invariant:?}: {why}"));
        self.ledger.broken.get_or_insert((invariant, why));
    }

    pub(super) fn starts(&mut self, step: u16) {
        let count = self.ledger.started.entry(step).or_default();
        *count += 1;
        if *count > 1 {
            let count = *count;
            self.violate(Invariant::StartedOnce, format!("step {step} is started {count} times"));
        }
    }

    /// Somebody took the outcome.
    pub(super) fn answered(&mut self, answer: &Answer) {
        if self.ledger.told.replace(self.at).is_some() {
            return;
        }
        match answer {
            Answer::Success { output } => {
                self.reach("answered succeeded");
                let output: Value = serde_json::from_str(output).expect("an output is JSON");
                let last = self.plan.last();
                let well = (1..=last).all(|step| self.ledger.ended.get(&step) == Some(&true));
                if !well {
                    let ended = format!("{:?}", self.ledger.ended);
                    self.violate(Invariant::ConfirmedSuccess, format!("of {last} steps ended {ended}"));
                }
                let made = self.ledger.result.clone().map_or(Value::Null, Value::from);
                if output["result"] != made {
                    self.violate(Invariant::OwnResult, format!("{} instead of {made}", output["result"]));
                }
            }
            Answer::Failure { error, cause } => {
                self.reach(format!("answered {error}"));
                let cause: Value =
                    cause.as_deref().map_or(Value::Null, |cause| serde_json::from_str(cause).expect("JSON"));
                if let Err(why) = self.is_true(error, &cause) {
                    self.violate(Invariant::TrueError, format!("{error}: {why}; {}", cause["message"]));
                }
            }
        }
    }

    fn is_true(&self, error: &str, cause: &Value) -> Result<(), String> {
        let known = |is: bool, why: &str| if is { Ok(()) } else { Err(why.to_owned()) };
        let over = |end: AppEnd| self.apps.iter().any(|app| app.over.is_some_and(|(ended, _)| ended == end));
        let has = |mishap| self.plan.has(mishap);
        let (ledger, none_began) = (&self.ledger, self.ledger.started.is_empty());
        match error {
            "SparkJob.StatementFailed" => {
                let step = cause["statement"].as_u64().and_then(|step| u16::try_from(step).ok());
                let step = step.unwrap_or(self.plan.last());
                known(ledger.ended.get(&step) == Some(&false), "that statement did not fail")
            }
            "SparkJob.SessionFailed" => known(none_began, "a statement had begun"),
            "SparkJob.SessionBroken" => known(
                ledger.shifted || has(Mishap::PythonDies) || has(Mishap::LostCalls) || has(Mishap::BadSays),
                "nothing broke it",
            ),
            "SparkJob.Lost" => known(
                ledger.forgot || over(AppEnd::Succeeded) || has(Mishap::Idle) || self.sessions.is_empty(),
                "it could be known",
            ),
            "SparkJob.Killed" => known(over(AppEnd::Killed), "nobody killed it"),
            "SparkJob.Failed" => known(over(AppEnd::Failed), "it did not fail"),
            "SparkJob.ClusterTerminating" => known(has(Mishap::GivesUp), "nobody gave it back"),
            "SparkJob.WorkerFault" => known(has(Mishap::DiskFull) && !ledger.taken, "the disk was well"),
            "SparkJob.LivyUnavailable" => known(!ledger.taken, "a session was taken"),
            _ => Err("nothing here ends so".to_owned()),
        }
    }

    /// The task is done with.
    pub(super) fn settles(&mut self) {
        self.ledger.settled = true;
        let live = self.apps.iter().find(|app| app.over.is_none()).map(|app| app.id.clone());
        if let Some(id) = live {
            self.violate(Invariant::EndsWithItsTask, format!("{id} lives on"));
        }
        // Everything answers, and nothing crashes any more: the rules of the kill say how long it may take.
        if let (Some(told), Some(last)) =
            (self.ledger.told, self.apps.iter().filter_map(|app| app.over).max_by_key(|over| over.1))
            && told > CALM
            && last.1 > told + 90 * SECOND
        {
            self.violate(
                Invariant::EndsWithItsTask,
                format!("it ended {} ms after the answer", last.1 - told),
            );
        }
    }
}
