//! Waits that keep a promise, and the bounds between which they keep it.

use std::time::Duration;

use humantime::format_duration;

use super::super::problem::Problem;
use super::super::raw::Raw;
use super::super::settings::{ServiceLocation, Settings, StopSettings, WatchSettings};

/// `TimeoutStopSec` of the unit that is shipped: after that systemd kills a stop that is still at work.
pub const STOP_TIMEOUT: Duration = Duration::from_secs(90);
/// Livy forgets an ended batch after 600 s (`livy.server.session.state-retain.sec`), and what it has forgotten it cannot
/// deny.
const LIVY_MEMORY: Duration = Duration::from_secs(600);
/// The least that any of them makes sense with.
const LEAST: Duration = Duration::from_secs(1);
/// The most that a doubt may take to be settled.
const MOST_SETTLE: Duration = Duration::from_secs(300);

/// The most that a wait may be that has no narrower bound: more is a slip of the pen, and far more is no point in time.
const MOST: Duration = Duration::from_secs(365 * 24 * 3_600);

/// What is wrong with a wait that must not be zero.
pub(super) fn beyond(value: Duration) -> Option<String> {
    (value.is_zero() || value > MOST).then(|| "must be above zero, and at most 365days".to_owned())
}

/// Adds what is wrong with the waits to `problems`.
pub(super) fn check(raw: &Raw, problems: &mut Vec<Problem>) {
    let watch = &raw.watch;
    let mut wrong = |key: &str, what: String| problems.push(Problem::new(key, what));
    if watch.submit_settle < LEAST || watch.submit_settle > MOST_SETTLE {
        wrong("watch.submit_settle", "must be from 1s to 5m".to_owned());
    } else if watch.submit_settle > watch.doubt_limit {
        let limit = format_duration(watch.doubt_limit);
        wrong("watch.submit_settle", format!("must not be above watch.doubt_limit ({limit})"));
    }
    for (key, value) in [
        ("watch.kill_settle", watch.kill_settle),
        ("watch.lost_after", watch.lost_after),
        ("watch.start_timeout", watch.start_timeout),
    ] {
        if value < LEAST || value > MOST {
            wrong(key, "must be at least 1s, and at most 365days".to_owned());
        }
    }
    if watch.verdict_patience > MOST {
        wrong("watch.verdict_patience", "must be at most 365days".to_owned());
    }
    for (key, value) in [
        ("livy.request_timeout", raw.livy.request_timeout),
        ("livy.patience", raw.livy.patience),
        ("watch.interval", watch.interval),
        ("watch.idle_interval", watch.idle_interval),
        ("watch.session_keep", watch.session_keep),
    ] {
        if let Some(text) = beyond(value) {
            wrong(key, text);
        }
    }
    if watch.doubt_limit >= LIVY_MEMORY {
        wrong(
            "watch.doubt_limit",
            "must be below 10m, which is how long Livy remembers an ended batch".to_owned(),
        );
    }
    if raw.stop.grace >= STOP_TIMEOUT {
        let limit = format_duration(STOP_TIMEOUT);
        wrong("stop.grace", format!("must be below the unit's TimeoutStopSec ({limit})"));
    }
}

/// What is lawful and shorter than what is shipped, in words for an operator.
pub(in crate::config) fn warnings(settings: &Settings) -> Vec<String> {
    let (own, shipped) = (&settings.watch, WatchSettings::default());
    let waits = [
        ("watch.submit_settle", own.submit_settle, shipped.submit_settle, "a job may be submitted twice"),
        (
            "watch.start_timeout",
            own.start_timeout,
            shipped.start_timeout,
            "a job that starts slowly is failed",
        ),
        ("watch.lost_after", own.lost_after, shipped.lost_after, "a job that runs may be called lost"),
        (
            "watch.verdict_patience",
            own.verdict_patience,
            shipped.verdict_patience,
            "a failed job may be called a success while YARN is away",
        ),
        (
            "watch.doubt_limit",
            own.doubt_limit,
            shipped.doubt_limit,
            "a job may be called lost that could be tried again",
        ),
        (
            "watch.kill_settle",
            own.kill_settle,
            shipped.kill_settle,
            "a killed job may start later without being noticed",
        ),
        (
            "stop.grace",
            settings.stop.grace,
            StopSettings::default().grace,
            "a stop may lose the task of an open poll",
        ),
    ];
    let elsewhere = settings.doors.iter().filter(|door| !door.rules.origins.is_empty()).map(|door| {
        let (topic, origins) = (&door.topic, door.rules.origins.join(", "));
        format!(
            "cloudformation.response_origins is for tests: requests of {topic} are answered at {origins} alone, and \
             CloudFormation hears nothing"
        )
    });
    let limited = settings.activities.iter().filter(|activity| activity.defaults.queue_timeout().is_some());
    let limited = limited.filter(|_| settings.yarn.service.place == ServiceLocation::At(Vec::new()));
    let unseen = limited.map(|activity| {
        format!(
            "QueueTimeout in the defaults of {} has no effect without YARN (yarn.url is empty): nothing is known of a queue",
            activity.arn
        )
    });
    let below = waits.into_iter().filter(|(_, value, shipped, _)| value < shipped);
    below
        .map(|(key, value, shipped, risk)| {
            let (value, shipped) = (format_duration(value), format_duration(shipped));
            format!("{key} = {value} is below the shipped {shipped}: {risk}")
        })
        .chain(elsewhere)
        .chain(unseen)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::resolve;
    use super::*;
    use crate::config::raw::tests::activity;

    const ARN: &str = "arn:aws:states:us-east-1:123456789012:activity:spark-job";

    fn with(change: impl FnOnce(&mut Raw)) -> Raw {
        let mut raw = Raw { activity: vec![activity(ARN)], ..Raw::default() };
        change(&mut raw);
        raw
    }

    fn problems(raw: &Raw) -> Vec<Problem> {
        let mut problems = Vec::new();
        check(raw, &mut problems);
        problems
    }

    fn warned(raw: &Raw) -> Vec<String> {
        warnings(&resolve(raw).unwrap())
    }

    #[test]
    fn a_wait_that_cannot_keep_its_promise_is_refused_with_its_bound() {
        type Row = (fn(&mut WatchSettings, Duration), &'static str, u64, &'static str);
        let table: [Row; 10] = [
            (|w, d| w.submit_settle = d, "watch.submit_settle", 0, "from 1s to 5m"),
            (|w, d| w.submit_settle = d, "watch.submit_settle", 999, "from 1s to 5m"),
            (|w, d| w.submit_settle = d, "watch.submit_settle", 300_001, "from 1s to 5m"),
            (|w, d| w.doubt_limit = d, "watch.submit_settle", 179_000, "above watch.doubt_limit (2m 59s)"),
            (|w, d| w.kill_settle = d, "watch.kill_settle", 999, "at least 1s"),
            (|w, d| w.lost_after = d, "watch.lost_after", 0, "at least 1s"),
            (|w, d| w.start_timeout = d, "watch.start_timeout", 500, "at least 1s"),
            (|w, d| w.doubt_limit = d, "watch.doubt_limit", 600_000, "below 10m"),
            (|w, d| w.doubt_limit = d, "watch.doubt_limit", 3_600_000, "below 10m"),
            (|w, d| w.doubt_limit = d, "watch.submit_settle", 0, "above watch.doubt_limit (0s)"),
        ];
        for (set, key, millis, bound) in table {
            let found = problems(&with(|settings| set(&mut settings.watch, Duration::from_millis(millis))));
            assert!(
                found.len() == 1 && found[0].key == key && found[0].what.contains(bound),
                "{key} {millis}: {found:?}"
            );
        }
        let table: [fn(&mut Raw, Duration); 9] = [
            |s, d| s.livy.request_timeout = d,
            |s, d| s.livy.patience = d,
            |s, d| s.watch.interval = d,
            |s, d| s.watch.idle_interval = d,
            |s, d| s.watch.start_timeout = d,
            |s, d| s.watch.lost_after = d,
            |s, d| s.watch.verdict_patience = d,
            |s, d| s.watch.kill_settle = d,
            |s, d| s.watch.doubt_limit = d,
        ];
        for set in table {
            for value in [MOST + Duration::from_millis(1), Duration::MAX] {
                let found = problems(&with(|settings| set(settings, value)));
                assert!(found.len() == 1, "{found:?}");
                assert!(
                    found[0].what.contains("at most 365days") || found[0].what.contains("below 10m"),
                    "{found:?}"
                );
            }
        }
        let found = problems(&with(|settings| settings.stop.grace = STOP_TIMEOUT));
        assert!(found.len() == 1 && found[0].what.contains("TimeoutStopSec (1m 30s)"), "{found:?}");
    }

    #[test]
    fn the_bounds_themselves_are_lawful() {
        let least = |settings: &mut Raw| {
            let watch = &mut settings.watch;
            (watch.submit_settle, watch.doubt_limit) = (LEAST, LEAST);
            (watch.kill_settle, watch.lost_after, watch.start_timeout) = (LEAST, LEAST, LEAST);
            settings.stop.grace = Duration::ZERO;
        };
        let most = |settings: &mut Raw| {
            settings.watch.submit_settle = MOST_SETTLE;
            (settings.livy.request_timeout, settings.livy.patience) = (MOST, MOST);
            (settings.watch.interval, settings.watch.kill_settle) = (MOST, MOST);
            settings.watch.doubt_limit = LIVY_MEMORY - Duration::from_millis(1);
            settings.stop.grace = STOP_TIMEOUT - Duration::from_millis(1);
        };
        for settings in [Raw::default(), with(least), with(most)] {
            assert_eq!(problems(&settings), []);
        }
    }

    #[test]
    fn a_wait_in_the_queue_of_no_yarn_is_told_of() {
        let limited = |url: &str| {
            warned(&with(|raw| {
                let defaults = serde_json::json!({ "queue_timeout": "20m" });
                raw.activity[0].defaults = defaults.as_object().unwrap().clone();
                raw.yarn.url = serde_json::from_value(serde_json::json!(url)).unwrap();
            }))
        };
        assert_eq!(limited("auto"), Vec::<String>::new());
        let found = limited("");
        assert!(found.len() == 1 && found[0].contains("no effect without YARN"), "{found:?}");
    }

    #[test]
    fn what_is_shorter_than_shipped_is_told_with_its_risk() {
        assert_eq!(warned(&with(|_| {})), Vec::<String>::new());
        let found = warned(&with(|settings| {
            settings.watch.lost_after = Duration::from_secs(20);
            settings.watch.kill_settle = Duration::from_secs(3_600);
        }));
        assert_eq!(
            found,
            ["watch.lost_after = 20s is below the shipped 3m: a job that runs may be called lost"]
        );
    }
}
