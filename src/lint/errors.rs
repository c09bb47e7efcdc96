//! The errors that `Retry` and `Catch` name: whether they exist.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::job::report::ErrorName;
use crate::nearest::nearest;

use super::expression::is_expression;
use super::finding::{Findings, did_you_mean};
use super::resource::filled_in_later;
use super::walk::{AslState, Program, names};

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

/// Whose errors can occur in a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    /// This worker's and those of Step Functions: the state is one of its tasks.
    Ours,
    /// This worker's among others: one of its tasks is inside.
    OursAndOthers,
    /// Any.
    Others,
}

impl Source {
    /// That of a state which is no task of this worker.
    pub(super) fn around(state: &AslState, is_ours: impl Fn(&AslState) -> bool) -> Source {
        let inside = state.inside();
        let mut inside = inside.iter().flat_map(Program::states);
        if inside.clone().any(is_ours) && !inside.any(fails_with_any) {
            Source::OursAndOthers
        } else {
            Source::Others
        }
    }

    /// Whether an error of this name has to be one that is known.
    fn judges(self, name: &str) -> bool {
        match self {
            Source::Ours => true,
            Source::OursAndOthers => begins(name, OURS) || begins(name, RESERVED),
            Source::Others => begins(name, RESERVED),
        }
    }
}

/// Whether it is a Fail state whose error the definition does not fix.
fn fails_with_any(state: &AslState) -> bool {
    let is_open = |error: &Value| is_expression(error, state.language) || filled_in_later(error);
    state.kind() == "Fail"
        && (state.body.contains_key("ErrorPath") || state.body.get("Error").is_some_and(is_open))
}

/// The errors that Fail states raise under names like this worker's.
pub(super) fn raised<'a>(programs: &[Program<'a>]) -> BTreeSet<&'a str> {
    let states = programs.iter().flat_map(Program::states).filter(|state| state.kind() == "Fail");
    let names = states.filter_map(|state| state.body.get("Error")?.as_str());
    names.filter(|name| name.starts_with(OURS)).collect()
}

/// Checks what a state retries and catches.
pub(super) fn check(state: &AslState, source: Source, raised: &BTreeSet<&str>, findings: &mut Findings) {
    let is_wrong = |name: &str| source.judges(name) && !exists(name) && !raised.contains(name);
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
            for (at, name) in names.iter().enumerate().filter(|(_, name)| is_wrong(name)) {
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
