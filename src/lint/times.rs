//! HeartbeatSeconds and TimeoutSeconds: what brings a task back whose worker died.

use std::time::Duration;

use serde_json::Value;

use super::expression::is_expression;
use super::finding::Findings;
use super::resource::filled_in_later;
use super::walk::AslState;

/// So many heartbeats must have been missed before Step Functions gives up a task.
const HEARTBEATS: u32 = 3;
/// The longest time that Step Functions takes, in seconds, which is also what it waits where none is given.
pub(super) const MAX_SECONDS: u32 = 99_999_999;

/// What a state says about one of the two times.
enum Time {
    Absent,
    Seconds(f64),
    /// Computed when the state is entered, or filled in when the machine is created.
    Open,
    /// Refused, and reported.
    Wrong,
}

/// Checks both times against a worker that beats every `interval`.
pub(super) fn check(state: &AslState, interval: Duration, findings: &mut Findings) {
    let needed = (interval * HEARTBEATS).as_secs_f64().ceil();
    let heartbeat = read(state, "HeartbeatSeconds", findings);
    let interval = humantime::format_duration(interval);
    match heartbeat {
        Time::Absent => findings.error(
            &state.path,
            "has no HeartbeatSeconds: nothing brings back a task whose worker died",
            format!("add `\"HeartbeatSeconds\": {needed}`"),
        ),
        Time::Seconds(given) if given < needed => findings.error(
            state.at("HeartbeatSeconds"),
            format!("{given} is less than three times the worker's heartbeat_interval of {interval}"),
            format!("make it {needed} or more"),
        ),
        Time::Open => findings.warning(
            state.at("HeartbeatSeconds"),
            "is computed or filled in later, and cannot be checked",
            format!("see to it that it is {needed} or more"),
        ),
        Time::Seconds(_) | Time::Wrong => {}
    }
    let timeout = read(state, "TimeoutSeconds", findings);
    if matches!(timeout, Time::Absent) {
        findings.warning(
            &state.path,
            "has no TimeoutSeconds: a job that hangs is waited for without end",
            "add the longest that the job may take, YARN's queue included",
        );
    }
    if let (Time::Seconds(timeout), Time::Seconds(heartbeat)) = (timeout, heartbeat)
        && timeout <= heartbeat
    {
        let what = format!("{timeout} is not more than HeartbeatSeconds, {heartbeat}");
        findings.error(state.at("TimeoutSeconds"), what, "");
    }
}

fn read(state: &AslState, field: &str, findings: &mut Findings) -> Time {
    let with_path = format!("{field}Path");
    match (state.body.get(field), state.body.contains_key(&with_path)) {
        (None, false) => Time::Absent,
        (None, true) => Time::Open,
        (Some(_), true) => {
            findings.error(state.at(&with_path), format!("stands beside {field}"), "keep one of them");
            Time::Wrong
        }
        (Some(value), false) => match seconds(value) {
            Some(seconds) if seconds > f64::from(MAX_SECONDS) => {
                findings.error(state.at(field), format!("may be {MAX_SECONDS} at most"), "");
                Time::Wrong
            }
            Some(seconds) => Time::Seconds(seconds),
            None if is_expression(value, state.language) || filled_in_later(value) => Time::Open,
            None => {
                findings.error(state.at(field), "must be a positive integer", "");
                Time::Wrong
            }
        },
    }
}

fn seconds(value: &Value) -> Option<f64> {
    value.as_f64().filter(|seconds| *seconds >= 1.0 && seconds.fract() == 0.0)
}
