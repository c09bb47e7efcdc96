//! The errors that `Retry` and `Catch` name: whether they exist.

use crate::job::report::ErrorName;
use crate::nearest::nearest;

use super::finding::{Findings, did_you_mean};
use super::walk::{State, names};

/// What Step Functions reserves.
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

/// Checks a state that this worker serves: no other errors can occur there.
pub(super) fn check_ours(state: &State, findings: &mut Findings) {
    check(state, findings, |_| true);
}

/// Checks another state: of what it names, only the names of this worker and of Step Functions are known here.
pub(super) fn check_others(state: &State, findings: &mut Findings) {
    check(state, findings, |name| {
        [OURS, RESERVED]
            .iter()
            .any(|known| name.get(..known.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(known)))
    });
}

fn check(state: &State, findings: &mut Findings, judged: impl Fn(&str) -> bool) {
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
                let what = format!("no task of this worker fails with `{name}`");
                findings.error(format!("{path}[{at}]"), what, did_you_mean(near(name)));
            }
        }
    }
}

fn exists(name: &str) -> bool {
    STATES.contains(&name) || ErrorName::ALL.iter().any(|known| known.as_str() == name)
}

/// The error that was meant: what follows the dot decides, since what stands before it is always near.
fn near(name: &str) -> Option<&'static str> {
    let last = |name: &'static str| name.rsplit('.').next().unwrap_or(name);
    let known = || ErrorName::ALL.into_iter().map(ErrorName::as_str).chain(STATES);
    let meant = nearest(name.rsplit('.').next().unwrap_or(name), known().map(last))?;
    known().find(|known| last(known) == meant)
}
