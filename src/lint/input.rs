//! What a Task hands to the worker, as far as the definition fixes it.

use crate::job::request::review;

use super::expression::template;
use super::finding::Findings;
use super::resource::Resource;
use super::walk::{AslState, Language};

/// Checks the keys and the fixed values of the input.
pub(super) fn check(state: &AslState, resource: &Resource, utf8: bool, findings: &mut Findings) {
    let field = match state.language {
        Language::JsonPath => "Parameters",
        Language::Jsonata => "Arguments",
    };
    let Some(value) = state.body.get(field) else { return };
    let path = state.at(field);
    if state.language == Language::JsonPath && !value.is_object() {
        findings.error(path, "must be an object", "");
        return;
    }
    let template = template(value, &path, state.language, findings);
    for problem in review(&template, resource.defaults(), utf8, 0).iter() {
        let path = format!("{path}{}", problem.path.trim_start_matches('$'));
        if problem.unknown_key {
            findings.error(path, &problem.text, "");
        } else {
            findings.warning(path, &problem.text, "");
        }
    }
}
