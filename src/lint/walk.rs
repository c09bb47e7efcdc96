//! Every state of a definition, also inside Parallel and Map, with what it inherits.

use serde_json::{Map, Value};

use crate::job::request::member;

/// How the values of a state are computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Language {
    JsonPath,
    Jsonata,
}

impl Language {
    /// The one that an object chooses, or the one around it.
    fn of(body: &Map<String, Value>, around: Language) -> Language {
        match body.get("QueryLanguage").and_then(Value::as_str) {
            Some("JSONata") => Language::Jsonata,
            Some("JSONPath") => Language::JsonPath,
            Some(_) | None => around,
        }
    }
}

/// One state.
#[derive(Debug)]
pub(super) struct State<'a> {
    pub(super) path: String,
    pub(super) name: &'a str,
    pub(super) body: &'a Map<String, Value>,
    pub(super) language: Language,
    /// Whether the language around it is JSONata, out of which no state can choose JSONPath.
    pub(super) inside_jsonata: bool,
    /// Whether a Parallel or Map around it catches its errors.
    pub(super) caught: bool,
}

impl<'a> State<'a> {
    /// The path of one of its fields.
    pub(super) fn at(&self, field: &str) -> String {
        member(&self.path, field)
    }

    /// What its `Retry` or `Catch` lists.
    pub(super) fn rules(&self, field: &str) -> &'a [Value] {
        self.body.get(field).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
    }

    pub(super) fn kind(&self) -> &str {
        self.body.get("Type").and_then(Value::as_str).unwrap_or_default()
    }
}

/// The errors that a rule of `Retry` or `Catch` names.
pub(super) fn names(rule: &Value) -> Vec<&str> {
    let list = rule.get("ErrorEquals").and_then(Value::as_array);
    list.into_iter().flatten().filter_map(Value::as_str).collect()
}

/// What has states: the machine, a branch of a Parallel, what a Map does with an item.
#[derive(Debug)]
pub(super) struct Program<'a> {
    pub(super) path: String,
    pub(super) body: &'a Map<String, Value>,
    states: Vec<State<'a>>,
}

impl<'a> Program<'a> {
    pub(super) fn states(&self) -> impl Iterator<Item = &State<'a>> {
        self.states.iter()
    }
}

/// All programs, the outer ones first.
pub(super) fn programs(definition: &Value) -> Vec<Program<'_>> {
    let mut programs = Vec::new();
    add(definition, "$".to_owned(), Language::JsonPath, false, &mut programs);
    programs
}

fn add<'a>(value: &'a Value, path: String, around: Language, caught: bool, programs: &mut Vec<Program<'a>>) {
    let Some(body) = value.as_object() else { return };
    let language = Language::of(body, around);
    let states = body.get("States").and_then(Value::as_object).into_iter().flatten();
    let base = member(&path, "States");
    let states: Vec<State> = states
        .filter_map(|(name, value)| {
            let body = value.as_object()?;
            let path = member(&base, name);
            let inside_jsonata = language == Language::Jsonata;
            Some(State { path, name, body, language: Language::of(body, language), inside_jsonata, caught })
        })
        .collect();
    let inner: Vec<_> = states.iter().flat_map(inner).collect();
    programs.push(Program { path, body, states });
    for (value, path, around, caught) in inner {
        add(value, path, around, caught, programs);
    }
}

/// The programs inside a state.
fn inner<'a>(state: &State<'a>) -> Vec<(&'a Value, String, Language, bool)> {
    let body = state.body;
    let caught = state.caught || body.get("Catch").and_then(Value::as_array).is_some_and(|c| !c.is_empty());
    let branches = body.get("Branches").and_then(Value::as_array).into_iter().flatten().enumerate();
    let branches = branches.map(|(at, branch)| (branch, format!("{}[{at}]", state.at("Branches"))));
    let of_map = ["ItemProcessor", "Iterator"].into_iter();
    let of_map = of_map.filter_map(|field| body.get(field).map(|program| (program, state.at(field))));
    branches.chain(of_map).map(|(program, path)| (program, path, state.language, caught)).collect()
}
