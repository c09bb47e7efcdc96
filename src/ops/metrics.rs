//! Counts and times since the start, and how things are, as OpenMetrics.

use std::fmt;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use prometheus_client::encoding::text::{encode_eof, encode_registry};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};

use super::admin::Overview;
use crate::job::machine::{Stage, State};
use crate::job::report::{ErrorName, Outcome};
use crate::job::world::Counted;

/// What the text is, for `Content-Type`.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Bounds of the histograms, in seconds: from a call that goes well to one that is tried for minutes.
const BOUNDS: [f64; 10] = [0.005, 0.02, 0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 1_800.0];

type Labels = [(&'static str, String); 1];
type Decimal = Gauge<f64, AtomicU64>;

/// What is counted and timed. Some 10 KB, however many tasks there are.
pub struct Metrics {
    registry: Registry,
    received: Counter,
    resumed: Counter,
    succeeded: Counter,
    failed: Family<Labels, Counter>,
    doubled: Counter,
    kills: Family<Labels, Counter>,
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
            resumed: Counter::default(),
            succeeded: Counter::default(),
            failed: Family::default(),
            doubled: Counter::default(),
            kills: Family::default(),
            submits: Histogram::new(BOUNDS),
            reports: Histogram::new(BOUNDS),
        };
        // What is not there yet cannot be alarmed by: a series begins with zero.
        for error in ErrorName::ALL {
            drop(metrics.failed.get_or_create(&[("error", error.as_str().to_owned())]));
        }
        for who in [Counted::KillVerified, Counted::KillUnverified].into_iter().filter_map(witness) {
            drop(metrics.kills.get_or_create(&[("by", who.to_owned())]));
        }
        let registry = &mut metrics.registry;
        registry.register("tasks_received", "Tasks that polls brought", metrics.received.clone());
        registry.register("tasks_resumed", "Tasks taken over from the journal", metrics.resumed.clone());
        registry.register("tasks_succeeded", "Tasks whose job succeeded", metrics.succeeded.clone());
        registry.register("tasks_failed", "Tasks that failed, by error", metrics.failed.clone());
        registry.register(
            "applications_doubled",
            "Second applications of a task that were seen and killed",
            metrics.doubled.clone(),
        );
        registry.register(
            "kills",
            "Jobs that were killed and are dead, by who says so",
            metrics.kills.clone(),
        );
        let seconds = || Unit::Seconds;
        let help = "From the beginning of a POST to a batch that is ours";
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

    /// A task was taken over from the journal.
    pub fn resumed(&self) {
        self.resumed.inc();
    }

    /// Counts what no state shows.
    pub fn count(&self, what: Counted) {
        match witness(what) {
            Some(who) => self.kills.get_or_create(&[("by", who.to_owned())]).inc(),
            None => self.doubled.inc(),
        };
    }

    /// A task went on: `from` a state in which it was for so long, unless it is new here, `to` another.
    pub fn moved(&self, from: Option<(Stage, Duration)>, to: &State) {
        match (from, to.stage()) {
            (Some((Stage::Submitting, time)), Stage::Running) => self.submits.observe(time.as_secs_f64()),
            (Some((Stage::Ended, time)), _) => self.reports.observe(time.as_secs_f64()),
            (Some(_) | None, _) => {}
        }
        match to {
            State::Ended { outcome: Outcome::Succeeded(_), .. } => {
                self.succeeded.inc();
            }
            State::Ended { outcome: Outcome::Failed(failure), .. } => {
                self.failed.get_or_create(&[("error", failure.error.as_str().to_owned())]).inc();
            }
            State::Received { .. }
            | State::Submitting { .. }
            | State::InDoubt { .. }
            | State::Running { .. }
            | State::Judged { .. }
            | State::Orphaned { .. }
            | State::Settled => {}
        }
    }

    /// All of it as OpenMetrics text.
    ///
    /// # Errors
    /// Only where a text cannot be written to, which does not happen.
    pub fn encode(&self, now: &Overview) -> Result<String, fmt::Error> {
        let mut text = String::new();
        encode_registry(&mut text, &self.registry)?;
        encode_registry(&mut text, &gauges(now))?;
        encode_eof(&mut text)?;
        Ok(text)
    }
}

/// Who says that a killed job is dead.
fn witness(what: Counted) -> Option<&'static str> {
    match what {
        Counted::Doubled => None,
        Counted::KillVerified => Some("yarn"),
        Counted::KillUnverified => Some("livy"),
    }
}

/// How things are.
fn gauges(now: &Overview) -> Registry {
    let mut registry = Registry::with_prefix("sjw");
    registry.register("build", "The worker", Info::new([("version", now.version.clone())]));
    let states = Family::<Labels, Gauge>::default();
    for (state, count) in &now.states {
        states.get_or_create(&[("state", state.clone())]).set(whole(*count));
    }
    registry.register("tasks", "Tasks that are held, by state", states);
    let entries = Gauge::<i64>::default();
    entries.set(whole(now.states.values().sum()));
    registry.register("journal_entries", "Tasks that the journal keeps", entries);
    let age = decimal(now.oldest_heartbeat.unwrap_or_default() as f64);
    registry.register_with_unit("heartbeat_age", "The oldest last heartbeat of a task", Unit::Seconds, age);
    let (open, free) = (Family::<Labels, Gauge>::default(), Family::<Labels, Gauge>::default());
    let unanswered = Family::<Labels, Decimal>::default();
    for activity in &now.activities {
        let labels = [("activity", activity.name().to_owned())];
        open.get_or_create(&labels).set(whole(activity.open_polls));
        free.get_or_create(&labels).set(whole(activity.free));
        unanswered.get_or_create(&labels).set(activity.unanswered.unwrap_or_default() as f64);
    }
    registry.register("polls_open", "Polls under way", open);
    registry.register("places_free", "Tasks that may still be taken", free);
    let help = "How long a poll is allowed and none was answered";
    registry.register_with_unit("poll_unanswered", help, Unit::Seconds, unanswered);
    let (up, took) = (Family::<Labels, Gauge>::default(), Family::<Labels, Decimal>::default());
    for (name, service) in [("livy", &now.livy), ("yarn", &now.yarn)] {
        let labels = [("service", name.to_owned())];
        if let Some(answers) = service.up {
            up.get_or_create(&labels).set(i64::from(answers));
        }
        if let Some(millis) = service.sweep_millis {
            took.get_or_create(&labels).set(millis as f64 / 1_000.0);
        }
    }
    registry.register("up", "Whether Livy and YARN answered when they were last asked", up);
    registry.register_with_unit("sweep", "How long the last answered sweep took", Unit::Seconds, took);
    let disk = Gauge::<i64>::default();
    disk.set(i64::from(now.state_directory.writable));
    registry.register("state_writable", "Whether the state directory can be written", disk);
    registry
}

fn whole(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn decimal(value: f64) -> Decimal {
    let gauge = Decimal::default();
    gauge.set(value);
    gauge
}
