//! The fields of a Task state, which Step Functions knows by name and by query language.

use crate::nearest::nearest;

use super::finding::{Findings, did_you_mean};
use super::walk::{AslState, Language};

const BOTH: [&str; 12] = [
    "Type",
    "Comment",
    "QueryLanguage",
    "Resource",
    "Credentials",
    "Assign",
    "TimeoutSeconds",
    "HeartbeatSeconds",
    "Retry",
    "Catch",
    "Next",
    "End",
];
const JSON_PATH: [&str; 7] = [
    "InputPath",
    "Parameters",
    "ResultSelector",
    "ResultPath",
    "OutputPath",
    "TimeoutSecondsPath",
    "HeartbeatSecondsPath",
];
const JSONATA: [&str; 2] = ["Arguments", "Output"];

pub(super) fn check(state: &AslState, findings: &mut Findings) {
    let (own, other, language) = match state.language {
        Language::JsonPath => (&JSON_PATH[..], &JSONATA[..], "JSONPath"),
        Language::Jsonata => (&JSONATA[..], &JSON_PATH[..], "JSONata"),
    };
    for field in state.body.keys().map(String::as_str) {
        if BOTH.contains(&field) || own.contains(&field) {
            continue;
        }
        let (what, fix) = if other.contains(&field) {
            (format!("is no field of a state whose query language is {language}"), instead(field))
        } else {
            let near = nearest(field, BOTH.into_iter().chain(own.iter().copied()));
            ("is no field of a Task state".to_owned(), did_you_mean(near))
        };
        findings.error(state.at(field), what, fix);
    }
}

/// What the other language has instead.
fn instead(field: &str) -> String {
    match field {
        "Parameters" => "write `Arguments`, with `{% … %}` for what is computed".to_owned(),
        "Arguments" => "write `Parameters`, or set `\"QueryLanguage\": \"JSONata\"`".to_owned(),
        "Output" => {
            "write `ResultSelector` and `ResultPath`, or set `\"QueryLanguage\": \"JSONata\"`".to_owned()
        }
        "TimeoutSecondsPath" | "HeartbeatSecondsPath" => {
            format!("write `{}`", field.trim_end_matches("Path"))
        }
        _ => "write `Output`".to_owned(),
    }
}
