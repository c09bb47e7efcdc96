//! Counts and times since the start, and how things are, as OpenMetrics text.

use std::fmt;
use std::sync::atomic::AtomicU64;

use prometheus_client::encoding::text::{encode_eof, encode_registry};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};

use super::overview::Overview;
use crate::arn;
use crate::log::Drops;
use crate::metrics::Metrics;

/// What the text is, for `Content-Type`.
pub(super) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

type Labels = [(&'static str, String); 1];
type Decimal = Gauge<f64, AtomicU64>;

/// All of it as text.
///
/// # Errors
/// Only where a text cannot be written to, which does not happen.
pub(super) fn encode(metrics: &Metrics, now: &Overview, drops: &Drops) -> Result<String, fmt::Error> {
    let mut text = String::new();
    encode_registry(&mut text, metrics.counters())?;
    encode_registry(&mut text, &log(drops))?;
    encode_registry(&mut text, &gauges(now))?;
    encode_eof(&mut text)?;
    Ok(text)
}

/// What the log counts by itself: it begins before anything else is counted.
fn log(drops: &Drops) -> Registry {
    let mut registry = Registry::with_prefix("sjw");
    let help = "Log lines dropped because journald or stderr did not take them in time";
    registry.register("log_lines_dropped", help, ConstCounter::new(drops.count()));
    registry
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
    let (free, unanswered) = (Family::<Labels, Gauge>::default(), Family::<Labels, Decimal>::default());
    for queue in &now.queues {
        let labels = [("topic", arn::name(&queue.topic).to_owned())];
        free.get_or_create(&labels).set(whole(queue.free));
        unanswered.get_or_create(&labels).set(queue.unanswered.unwrap_or_default() as f64);
    }
    let help = "Jobs of a queue that may still be waited for at once";
    registry.register("queue_places_free", help, free);
    let help = "How long no receive from a queue was answered";
    registry.register_with_unit("queue_unanswered", help, Unit::Seconds, unanswered);
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
    let paused = Gauge::<i64>::default();
    paused.set(i64::from(now.paused.is_some()));
    registry.register("paused", "Whether an operator has paused polls", paused);
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
