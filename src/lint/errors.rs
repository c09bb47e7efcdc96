//! The errors that `Retry` and `Catch` name: whether they exist.

use serde_json::Value;

use crate::job::report::ErrorName;
use crate::nearest::nearest;

use super::finding::{Findings, did_you_mean};
use super::walk::{AslState, names};

/// What Step Functions reserves, and refuses nobody: its own list has grown before.
const RESERVED: &str = "States.";
/// What this worker's errors begin with.
const OURS: &str = "SparkJob.";
/// The errors of Step Functions itself.
const STATES: [&str; 17] = [
    "States.ALL",
    "States.BranchFailed",
    "States.DataLimitExceeded",
    "States.ExceedToleratedFailureThreshold",
    "States.HeartbeatTimeout",
    "States.Http.Socket",
    "States.IntrinsicFailure",
    "States.ItemReaderFailed",
    "States.NoChoiceMatched",
    "States.ParameterPathFailure",
    "States.Permissions",
    "States.QueryEvaluationError",
    "States.ResultPathMatchFailure",
    "States.ResultWriterFailed",
    "States.Runtime",
    "States.TaskFailed",
    "States.Timeout",
];

/// What an HTTP Task's errors begin with; three digits follow.
const STATUS_CODE: &str = "States.Http.StatusCode.";

/// Checks a state that this worker serves: no other errors can occur there.
pub(super) fn check_ours(state: &AslState, findings: &mut Findings) {
    check(state, findings, |_| true);
}

/// Checks another state: of what it names, only the names of this worker and of Step Functions are known here.
pub(super) fn check_others(state: &AslState, findings: &mut Findings) {
    check(state, findings, |name| begins(name, OURS) || begins(name, RESERVED));
}

fn check(state: &AslState, findings: &mut Findings, judged: impl Fn(&str) -> bool) {
    for field in ["Retry", "Catch"] {
        let rules = state.rules(field);
        for (at, rule) in rules.iter().enumerate() {
            let path = format!("{}[{at}].ErrorEquals", state.at(field));
            let names = names(rule);
            if names.is_empty() {
                findings.error(&path, "names no error", "");
            }
            if names.contains(&"States.ALL") && (names.len() > 1 || at + 1 < rules.len()) {
                findings.error(&path, "States.ALL must stand alone, and last", "");
            }
            for (at, name) in names.iter().enumerate().filter(|(_, name)| judged(name) && !exists(name)) {
                let (path, fix) = (format!("{path}[{at}]"), did_you_mean(near(name)));
                if begins(name, RESERVED) {
                    let what =
                        format!("`{name}` is not known here as an error of Step Functions, {NOT_YOURS}");
                    findings.warning(path, what, fix);
                } else {
                    findings.error(path, format!("no task of this worker fails with `{name}`"), fix);
                }
            }
        }
    }
}

/// Checks the error that a Fail state makes up.
pub(super) fn check_made_up(state: &AslState, findings: &mut Findings) {
    let name = state.body.get("Error").and_then(Value::as_str).filter(|_| state.kind() == "Fail");
    if name.is_some_and(|name| name.starts_with(RESERVED)) {
        findings.warning(state.at("Error"), format!("is not for Step Functions to report, {NOT_YOURS}"), "");
    }
}

/// The rule of the language's specification; the service does not enforce it.
const NOT_YOURS: &str = "and names of your own should not begin with `States.`";

/// Whether a name begins so, in whatever case.
fn begins(name: &str, with: &str) -> bool {
    name.get(..with.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(with))
}

fn exists(name: &str) -> bool {
    let is_code = |code: &str| code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_digit());
    STATES.contains(&name)
        || name.strip_prefix(STATUS_CODE).is_some_and(is_code)
        || ErrorName::ALL.iter().any(|known| known.as_str() == name)
}

/// The error that was meant: what follows the dot decides, since what stands before it is always near.
fn near(name: &str) -> Option<&'static str> {
    let last = |name: &'static str| name.rsplit('.').next().unwrap_or(name);
    let known = || ErrorName::ALL.into_iter().map(ErrorName::as_str).chain(STATES);
    let meant = nearest(name.rsplit('.').next().unwrap_or(name), known().map(last))?;
    known().find(|known| last(known) == meant)
}
