//! What Step Functions refuses in any definition: states that are not there, not reached, or lead nowhere.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::job::request::member;
use crate::nearest::nearest;

use super::finding::{Findings, did_you_mean};
use super::resource::{filled_in_later, has_placeholder, is_text};
use super::walk::{AslState, Language, Program};

const TYPES: [&str; 8] = ["Task", "Parallel", "Map", "Pass", "Wait", "Choice", "Succeed", "Fail"];
/// The longest name of a state, in characters.
const MAX_NAME: usize = 80;

pub(super) fn check(definition: &Value, programs: &[Program], findings: &mut Findings) {
    if !definition.is_object() {
        findings.error("$", "a state machine is a JSON object", "");
    }
    let mut names = BTreeSet::new();
    for program in programs {
        targets(program, findings);
        for state in program.states() {
            one(state, findings);
            if !names.insert(state.name) {
                findings.error(&state.path, "another state of this machine has the same name", "rename one");
            }
        }
    }
}

/// Whether each state that is named exists, and each that exists is named, as far as their names are known yet.
fn targets(program: &Program, findings: &mut Findings) {
    let names: BTreeSet<&str> = program.states().map(|state| state.name).collect();
    let start = program.body.get("StartAt").filter(|start| is_text(start));
    if names.is_empty() {
        findings.error(&program.path, "has no States", "");
    }
    if start.is_none() {
        findings.error(&program.path, "has no StartAt", "name the first state");
    }
    let start = start.map(|start| (member(&program.path, "StartAt"), start));
    let named = start.into_iter().chain(program.states().flat_map(successors));
    let mut reached = BTreeSet::new();
    let open_state = names.iter().any(|name| has_placeholder(name));
    let mut open = open_state;
    for (path, target) in named {
        match target.as_str() {
            Some(name) if names.contains(name) => {
                reached.insert(name);
            }
            _ if filled_in_later(target) => open = true,
            // It may be what a state is called in the end.
            Some(_) if open_state => {}
            Some(name) => {
                let near = nearest(name, names.iter().copied());
                findings.error(path, format!("there is no state `{name}` here"), did_you_mean(near));
            }
            None => {}
        }
    }
    for state in program.states().filter(|state| !open && !reached.contains(state.name)) {
        findings.error(&state.path, "no state leads here", "give it a Next, or remove it");
    }
}

/// What a state says of the states that follow it, each with its path.
fn successors<'a>(state: &AslState<'a>) -> Vec<(String, &'a Value)> {
    let mut found: Vec<_> = ["Next", "Default"]
        .into_iter()
        .filter_map(|field| state.body.get(field).map(|name| (state.at(field), name)))
        .collect();
    for field in ["Choices", "Catch"] {
        let Some(rules) = state.body.get(field) else { continue };
        if filled_in_later(rules) {
            found.push((state.at(field), rules));
        }
        for (at, rule) in rules.as_array().into_iter().flatten().enumerate() {
            let next = rule.get("Next").or_else(|| filled_in_later(rule).then_some(rule));
            found.extend(next.map(|next| (format!("{}[{at}].Next", state.at(field)), next)));
        }
    }
    found
}

fn one(state: &AslState, findings: &mut Findings) {
    if state.name.chars().count() > MAX_NAME {
        findings.error(&state.path, "a state's name has 80 characters at most", "shorten it");
    }
    if state.around.machine == Language::Jsonata && state.language == Language::JsonPath {
        findings.error(state.at("QueryLanguage"), "in a machine of JSONata no state can choose JSONPath", "");
    }
    let ends = state.body.get("End").is_some_and(|end| end == true);
    let goes_on = state.body.contains_key("Next");
    match state.kind() {
        "Task" | "Parallel" | "Map" | "Pass" | "Wait" if ends == goes_on => {
            findings.error(&state.path, "needs either a Next or `\"End\": true`", "");
        }
        kind if !TYPES.contains(&kind) => {
            let near = did_you_mean(nearest(kind, TYPES));
            findings.error(state.at("Type"), format!("there is no type `{kind}`"), near);
        }
        _ => {}
    }
    parts(state, findings);
}

/// Checks that a state has what it is made of.
fn parts(state: &AslState, findings: &mut Findings) {
    let has = |field: &str| state.body.contains_key(field);
    let what = match state.kind() {
        "Task" if !state.body.get("Resource").is_some_and(is_text) => "a Task needs a Resource",
        "Choice" if is_empty(state, "Choices") => "a Choice needs Choices, one or more",
        "Parallel" if is_empty(state, "Branches") => "a Parallel needs Branches, one or more",
        "Map" if !has("ItemProcessor") && !has("Iterator") => "a Map needs an ItemProcessor",
        _ => return,
    };
    findings.error(&state.path, what, "");
}

/// Whether a list has nothing in it, and nothing will be filled in.
fn is_empty(state: &AslState, field: &str) -> bool {
    let is_there =
        |list: &Value| filled_in_later(list) || list.as_array().is_some_and(|list| !list.is_empty());
    !state.body.get(field).is_some_and(is_there)
}
