//! Which errors a Task retries, which it should, and whether it catches the rest.

use serde_json::Value;

use crate::job::report::{ErrorName, Retry};
use crate::nearest::nearest;

use super::finding::{Findings, did_you_mean};
use super::resource::{filled_in_later, is_text};
use super::times::MAX_SECONDS;
use super::walk::{self, AslState};

/// A missed heartbeat comes under either name.
const TIMEOUTS: [&str; 2] = ["States.Timeout", "States.HeartbeatTimeout"];
const RETRIER: [&str; 7] = [
    "ErrorEquals",
    "Comment",
    "IntervalSeconds",
    "MaxAttempts",
    "BackoffRate",
    "MaxDelaySeconds",
    "JitterStrategy",
];
const CATCHER: [&str; 6] = ["ErrorEquals", "Comment", "Next", "ResultPath", "Output", "Assign"];

pub(super) fn check(state: &AslState, findings: &mut Findings) {
    keys(state, "Retry", &RETRIER, findings);
    keys(state, "Catch", &CATCHER, findings);
    missing(state, findings);
    in_vain(state, findings);
    if state.rules("Catch").is_empty() && !state.around.caught {
        let fix = "catch States.ALL, and read the error's name and cause there";
        findings.warning(&state.path, "has no Catch: a failed job fails the execution", fix);
    }
}

fn worth(retry: Retry) -> impl Iterator<Item = &'static str> {
    ErrorName::ALL.into_iter().filter(move |name| name.retry() == retry).map(ErrorName::as_str)
}

/// What should be retried and is not.
fn missing(state: &AslState, findings: &mut Findings) {
    let retriers = state.rules("Retry");
    let wanted: Vec<&str> = worth(Retry::Yes).chain(TIMEOUTS).collect();
    if retriers.is_empty() {
        let fix = format!("retry {}", wanted.join(", "));
        findings.warning(&state.path, "has no Retry: what passes by itself fails the execution", fix);
        return;
    }
    let missing: Vec<&str> = wanted.into_iter().filter(|name| retrier(retriers, name).is_none()).collect();
    if !missing.is_empty() {
        let what = format!("does not retry {}", missing.join(", "));
        findings.warning(state.at("Retry"), what, "add what is worth a Retry");
    }
}

/// What is retried and should not be.
fn in_vain(state: &AslState, findings: &mut Findings) {
    let retriers = state.rules("Retry");
    for at in 0..retriers.len() {
        let retried = worth(Retry::No).filter(|name| retrier(retriers, name) == Some(at));
        let retried: Vec<&str> = retried.collect();
        if !retried.is_empty() {
            findings.warning(
                format!("{}[{at}]", state.at("Retry")),
                format!("retries {}: the same input comes to the same end", retried.join(", ")),
                "name only what is worth a Retry",
            );
        }
    }
}

/// Which retrier tries again after an error: the first that matches, if it has an attempt.
fn retrier(retriers: &[Value], name: &str) -> Option<usize> {
    let at = retriers.iter().position(|retrier| {
        walk::names(retrier).iter().any(|pattern| match *pattern {
            "States.ALL" => true,
            "States.TaskFailed" => !TIMEOUTS.contains(&name),
            pattern => pattern == name,
        })
    })?;
    let attempts = retriers[at].get("MaxAttempts").and_then(Value::as_u64);
    (attempts != Some(0)).then_some(at)
}

/// What Step Functions refuses in a rule.
fn keys(state: &AslState, field: &str, known: &[&str], findings: &mut Findings) {
    if state.body.get(field).is_some_and(|value| !value.is_array()) {
        findings.error(state.at(field), "must be a list", "");
    }
    for (at, rule) in state.rules(field).iter().enumerate() {
        let path = format!("{}[{at}]", state.at(field));
        for key in rule.as_object().into_iter().flat_map(|rule| rule.keys()) {
            if !known.contains(&key.as_str()) {
                let near = did_you_mean(nearest(key, known.iter().copied()));
                findings.error(format!("{path}.{key}"), format!("is no field of a {field}"), near);
            }
        }
        if field == "Catch" && !rule.get("Next").is_some_and(is_text) {
            findings.error(&path, "needs a Next", "");
        }
        values(rule, &path, findings);
    }
}

/// The integers of a retrier, each with the least and the most that Step Functions takes (the schema of
/// github.com/aws/amazon-states-language-service has the most, and the documentation of the fields the least).
const INTEGERS: [(&str, u32, u32); 3] =
    [("IntervalSeconds", 1, MAX_SECONDS), ("MaxAttempts", 0, 99_999_999), ("MaxDelaySeconds", 1, 31_622_400)];
const JITTER: [&str; 2] = ["FULL", "NONE"];

/// What Step Functions refuses as a value of a rule.
fn values(rule: &Value, path: &str, findings: &mut Findings) {
    let mut refuse = |key: &str, is_right: &dyn Fn(&Value) -> bool, what: String| {
        if rule.get(key).is_some_and(|value| !is_right(value) && !filled_in_later(value)) {
            findings.error(format!("{path}.{key}"), what, "");
        }
    };
    for (key, least, most) in INTEGERS {
        let range = f64::from(least)..=f64::from(most);
        let is_right = |value: &Value| value.as_f64().is_some_and(|n| n.fract() == 0.0 && range.contains(&n));
        refuse(key, &is_right, format!("must be an integer from {least} to {most}"));
    }
    let is_rate = |value: &Value| value.as_f64().is_some_and(|rate| rate >= 1.0);
    refuse("BackoffRate", &is_rate, "must be a number, 1 or more".to_owned());
    let is_jitter = |value: &Value| value.as_str().is_some_and(|word| JITTER.contains(&word));
    refuse("JitterStrategy", &is_jitter, "must be `FULL` or `NONE`".to_owned());
}
