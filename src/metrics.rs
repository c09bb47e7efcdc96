//! Counts and times since the start. `admin/openmetrics.rs` writes them out.

use std::fmt;
use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use crate::job::machine::{Run, Stage, State, Step};
use crate::job::report::{ErrorName, Outcome};
use crate::job::world::CountedEvent;

/// Bounds of the histograms, in seconds: from a call that goes well to one that is tried for minutes.
const BOUNDS: [f64; 10] = [0.005, 0.02, 0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 1_800.0];

/// How a statement can end.
const CONFIRMED: &str = "confirmed";
const FAILED: &str = "failed";

type Labels = [(&'static str, String); 1];

/// What is counted and timed. Some 10 KB, however many tasks there are.
pub struct Metrics {
    registry: Registry,
    received: Counter,
    requests: Family<Labels, Counter>,
    refused: Counter,
    resumed: Counter,
    succeeded: Counter,
    failed: Family<Labels, Counter>,
    doubled: Counter,
    kills: Family<Labels, Counter>,
    statements: Family<Labels, Counter>,
    submits: Histogram,
    reports: Histogram,
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Metrics")
    }
}

impl Default for Metrics {
    fn default() -> Metrics {
        let mut metrics = Metrics {
            registry: Registry::with_prefix("sjw"),
            received: Counter::default(),
            requests: Family::default(),
            refused: Counter::default(),
            resumed: Counter::default(),
            succeeded: Counter::default(),
            failed: Family::default(),
            doubled: Counter::default(),
            kills: Family::default(),
            statements: Family::default(),
            submits: Histogram::new(BOUNDS),
            reports: Histogram::new(BOUNDS),
        };
        // What is not there yet cannot be alarmed by: a series begins with zero.
        for error in ErrorName::ALL {
            drop(metrics.failed.get_or_create(&[("error", error.as_str().to_owned())]));
        }
        for who in [CountedEvent::KillVerified, CountedEvent::KillUnverified].into_iter().filter_map(witness)
        {
            drop(metrics.kills.get_or_create(&[("by", who.to_owned())]));
        }
        for end in [CONFIRMED, FAILED] {
            drop(metrics.statements.get_or_create(&[("end", end.to_owned())]));
        }
        for kind in ["Create", "Update", "Delete"] {
            drop(metrics.requests.get_or_create(&[("type", kind.to_owned())]));
        }
        let registry = &mut metrics.registry;
        let help = "Requests of CloudFormation that were decided about, by type";
        registry.register("cloudformation_requests", help, metrics.requests.clone());
        let help = "Messages of queues that are not run and stay for the dead letters";
        registry.register("cloudformation_refused", help, metrics.refused.clone());
        registry.register("tasks_received", "Tasks received from Step Functions", metrics.received.clone());
        registry.register("tasks_resumed", "Tasks taken over from the journal", metrics.resumed.clone());
        registry.register("tasks_succeeded", "Tasks whose job succeeded", metrics.succeeded.clone());
        registry.register("tasks_failed", "Tasks that failed, by error", metrics.failed.clone());
        registry.register(
            "applications_doubled",
            "Second applications of a task that were seen and killed",
            metrics.doubled.clone(),
        );
        registry.register("kills", "Killed jobs, by the service that confirmed it", metrics.kills.clone());
        let help = "Statements of sessions whose end is known, a result counted as one";
        registry.register("statements", help, metrics.statements.clone());
        let seconds = || Unit::Seconds;
        let help = "Time from the start of a submission until the batch is known";
        registry.register_with_unit("submit", help, seconds(), metrics.submits.clone());
        let help = "From a settled outcome to Step Functions' acknowledgement";
        registry.register_with_unit("report", help, seconds(), metrics.reports.clone());
        metrics
    }
}

impl Metrics {
    /// A poll brought a task.
    pub fn received(&self) {
        self.received.inc();
    }

    /// A request of CloudFormation's was decided about.
    pub fn requested(&self, kind: &'static str) {
        self.requests.get_or_create(&[("type", kind.to_owned())]).inc();
    }

    /// A message of a queue was no request that may be answered.
    pub fn refused(&self) {
        self.refused.inc();
    }

    /// A task was taken over from the journal.
    pub fn resumed(&self) {
        self.resumed.inc();
    }

    /// Counts what no state shows.
    pub fn count(&self, what: CountedEvent) {
        match witness(what) {
            Some(who) => self.kills.get_or_create(&[("by", who.to_owned())]).inc(),
            None => self.doubled.inc(),
        };
    }

    /// A task went on: `from` a state in which it was for so long, unless it is new here, `to` another.
    pub fn moved(&self, from: Option<(Stage, Duration)>, to: &State) {
        match (from, to.stage()) {
            (Some((Stage::Submitting, time)), Stage::Running) => self.submits.observe(time.as_secs_f64()),
            (Some((Stage::Listening, _)), Stage::Speaking | Stage::Ended) => self.heard(to),
            (Some((Stage::Ended, time)), _) => self.reports.observe(time.as_secs_f64()),
            (Some(_) | None, _) => {}
        }
        match to {
            State::Ended { outcome: Outcome::Succeeded(_) | Outcome::Reached(_), .. } => {
                self.succeeded.inc();
            }
            State::Ended { outcome: Outcome::Failed(failure), .. } => {
                self.failed.get_or_create(&[("error", failure.error.as_str().to_owned())]).inc();
            }
            State::Stopping { .. }
            | State::Received { .. }
            | State::Submitting { .. }
            | State::InDoubt { .. }
            | State::Running { .. }
            | State::Withdrawing { .. }
            | State::Speaking { .. }
            | State::Listening { .. }
            | State::Judged { .. }
            | State::Orphaned { .. }
            | State::Settled => {}
        }
    }

    /// It is known how a step of a session ended.
    fn heard(&self, to: &State) {
        let confirmed = match to.run().and_then(Run::step) {
            // What opens the session is nobody's statement.
            Some(Step::At(step)) => to.stage() == Stage::Speaking && step > 1,
            Some(Step::Done) => true,
            Some(Step::Opening) | None => false,
        };
        let failed = matches!(to, State::Ended { outcome: Outcome::Failed(failure), .. }
            if failure.error == ErrorName::StatementFailed);
        let ends = [(confirmed, CONFIRMED), (failed, FAILED)];
        for end in ends.into_iter().filter(|(is, _)| *is).map(|(_, end)| end) {
            self.statements.get_or_create(&[("end", end.to_owned())]).inc();
        }
    }

    /// Everything that is counted, to be written out.
    pub fn counters(&self) -> &Registry {
        &self.registry
    }
}

/// The service that says that a killed job is dead.
fn witness(what: CountedEvent) -> Option<&'static str> {
    match what {
        CountedEvent::Doubled => None,
        CountedEvent::KillVerified => Some("yarn"),
        CountedEvent::KillUnverified => Some("livy"),
    }
}
