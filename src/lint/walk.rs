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
pub(super) struct AslState<'a> {
    pub(super) path: String,
    pub(super) name: &'a str,
    pub(super) body: &'a Map<String, Value>,
    pub(super) language: Language,
    /// What it is part of.
    pub(super) around: Around,
}

/// What a state inherits.
#[derive(Debug, Clone, Copy)]
pub(super) struct Around {
    /// The machine's language. States have it unless they choose; a Map or Parallel around them hands on nothing.
    pub(super) machine: Language,
    /// Whether a Parallel or Map catches the errors.
    pub(super) caught: bool,
    /// Whether a Map runs it in Express workflows.
    pub(super) express: bool,
}

impl<'a> AslState<'a> {
    /// The path of one of its fields.
    pub(super) fn at(&self, field: &str) -> String {
        member(&self.path, field)
    }

    /// What its `Retry` or `Catch` lists.
    pub(super) fn rules(&self, field: &str) -> &'a [Value] {
        self.body.get(field).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
    }

    /// All programs inside it: a Parallel's branches, what a Map does with an item, and what is in their states.
    pub(super) fn inside(&self) -> Vec<Program<'a>> {
        let mut programs = Vec::new();
        for (value, path, around) in inner(self) {
            add(value, path, around, &mut programs);
        }
        programs
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
    states: Vec<AslState<'a>>,
}

impl<'a> Program<'a> {
    pub(super) fn states(&self) -> impl Iterator<Item = &AslState<'a>> + Clone {
        self.states.iter()
    }
}

/// All programs, the outer ones first.
pub(super) fn programs(definition: &Value) -> Vec<Program<'_>> {
    let mut programs = Vec::new();
    let machine = definition.as_object();
    let machine = machine.map_or(Language::JsonPath, |machine| Language::of(machine, Language::JsonPath));
    let around = Around { machine, caught: false, express: false };
    add(definition, "$".to_owned(), around, &mut programs);
    programs
}

fn add<'a>(value: &'a Value, path: String, around: Around, programs: &mut Vec<Program<'a>>) {
    let Some(body) = value.as_object() else { return };
    let language = Language::of(body, around.machine);
    let states = body.get("States").and_then(Value::as_object).into_iter().flatten();
    let base = member(&path, "States");
    let states: Vec<AslState> = states
        .filter_map(|(name, value)| {
            let body = value.as_object()?;
            Some(AslState {
                path: member(&base, name),
                name,
                body,
                language: Language::of(body, language),
                around,
            })
        })
        .collect();
    let inner: Vec<_> = states.iter().flat_map(inner).collect();
    programs.push(Program { path, body, states });
    for (value, path, around) in inner {
        add(value, path, around, programs);
    }
}

/// The programs inside a state.
fn inner<'a>(state: &AslState<'a>) -> Vec<(&'a Value, String, Around)> {
    let body = state.body;
    let catches = body.get("Catch").and_then(Value::as_array).is_some_and(|rules| !rules.is_empty());
    let around = Around { caught: state.around.caught || catches, ..state.around };
    let branches = body.get("Branches").and_then(Value::as_array).into_iter().flatten().enumerate();
    let branches = branches.map(|(at, branch)| (branch, format!("{}[{at}]", state.at("Branches"))));
    let of_map = ["ItemProcessor", "Iterator"].into_iter();
    let of_map = of_map.filter_map(|field| body.get(field).map(|program| (program, state.at(field))));
    let programs = branches.chain(of_map);
    programs
        .map(|(program, path)| {
            let kind = program.pointer("/ProcessorConfig/ExecutionType").and_then(Value::as_str);
            (program, path, Around { express: around.express || kind == Some("EXPRESS"), ..around })
        })
        .collect()
}
