//! What is wrong with the configuration, in words: key, value, and where the value comes from. That is always something
//! that can be opened: the file, or a variable by its name.

use std::path::Path;

use figment::error::{Actual, Kind};
use figment::value::Value;
use figment::{Figment, Metadata, Source};

use super::Invalid;
use super::problem::Problem;
use super::raw::PREFIX;
use crate::job::report::mask;
use crate::printable::printable;

/// Problems with what the configuration at `path` says.
pub(super) fn invalid(figment: &Figment, path: &Path, problems: Vec<Problem>) -> Invalid {
    let lines = problems.into_iter().map(|Problem { key, what }| {
        let (value, source) = origin(figment, path, &key);
        format!("{}{value}: {} ({source})", printable(&key), printable(&what))
    });
    Invalid(lines.collect())
}

/// An error of figment's with key, value and source. What is no known key, or stands where a table belongs, may be a
/// password that somebody wrote at the wrong place: then the value is not shown.
pub(super) fn describe(figment: &Figment, path: &Path, error: &figment::Error) -> String {
    let key = error.path.join(".");
    let (value, found) = origin(figment, path, &key);
    let source = error.metadata.as_ref().map_or(found, |metadata| place(metadata, path, &key));
    if key.is_empty() {
        return format!("{} ({source})", without_lines(&error.kind.to_string()));
    }
    let is_missing = matches!(error.kind, Kind::MissingField(_));
    let is_unknown = matches!(error.kind, Kind::UnknownField(..));
    let hidden = is_unknown || holds_more(figment, &key) || (is_table(&key) && !is_missing);
    let value = if hidden { MASKED } else { value.as_str() };
    let kind = match (&error.kind, hidden) {
        (Kind::InvalidType(found, expected), true) => {
            format!("invalid type: found {}, expected {expected}", kind_of(found))
        }
        (Kind::InvalidValue(found, expected), true) => {
            format!("invalid value: found {}, expected {expected}", kind_of(found))
        }
        (kind, _) => kind.to_string(),
    };
    format!("{}{value}: {} ({source})", printable(&key), printable(&kind))
}

/// Stands for a value that is not shown.
const MASKED: &str = " = ***";

/// Whether a key is one of a table, or of a list of them.
fn is_table(key: &str) -> bool {
    let place = ["activity.", "cloudformation."].into_iter().find_map(|list| key.strip_prefix(list));
    let place = place.unwrap_or_default();
    !key.contains('.') || place.strip_suffix(".defaults").unwrap_or(place).parse::<usize>().is_ok()
}

/// Whether a key's value is a table or list with something in it.
fn holds_more(figment: &Figment, key: &str) -> bool {
    match find(figment, key) {
        Some(Value::Dict(_, table)) => !table.is_empty(),
        Some(Value::Array(_, list)) => !list.is_empty(),
        _ => false,
    }
}

/// What kind of value was found, without the value.
fn kind_of(found: &Actual) -> &'static str {
    match found {
        Actual::Bool(_) => "a boolean",
        Actual::Unsigned(_) | Actual::Signed(_) | Actual::Float(_) => "a number",
        Actual::Char(_) | Actual::Str(_) => "a text",
        Actual::Seq => "a list",
        Actual::Map => "a table",
        Actual::Bytes(_)
        | Actual::Unit
        | Actual::Option
        | Actual::NewtypeStruct
        | Actual::Enum
        | Actual::UnitVariant
        | Actual::NewtypeVariant
        | Actual::TupleVariant
        | Actual::StructVariant
        | Actual::Other(_) => "something else",
    }
}

/// What TOML itself finds, without the lines that show the file's own, which may have a password in them:
/// `TOML parse error at line 3, column 12: string values must be quoted`.
fn without_lines(error: &str) -> String {
    let shows = |line: &&str| {
        line.trim_start().trim_start_matches(|c: char| c.is_ascii_digit()).trim_start().starts_with('|')
    };
    let kept: Vec<_> = error
        .lines()
        .filter(|line| !shows(line))
        .map(str::trim_end)
        .filter(|line| !line.is_empty())
        .collect();
    printable(&kept.join(": ")).into_owned()
}

/// A key's value and where it comes from. What looks like a secret is masked: somebody may have written one where only
/// its file belongs, or behind the name to which it belongs.
fn origin(figment: &Figment, path: &Path, key: &str) -> (String, String) {
    let mut value = find(figment, key);
    let source = value.as_ref().and_then(|value| figment.get_metadata(value.tag()));
    let source = source.map_or_else(|| unset(path), |metadata| place(metadata, path, key));
    if let Some(Value::String(_, name)) = &mut value
        && key.ends_with(".username")
        && let Some(end) = name.find(':')
    {
        name.replace_range(end + 1.., "***");
    }
    let shown = value.and_then(|value| serde_json::to_string(&value).ok()).map(|value| {
        let line = format!("{key} = {value}");
        let line = if key.ends_with("_file") { line } else { mask(&line).into_owned() };
        printable(line.strip_prefix(key).unwrap_or_default()).into_owned()
    });
    (shown.unwrap_or_default(), source)
}

/// The value of a key; parts of it may be places in a list.
fn find(figment: &Figment, key: &str) -> Option<Value> {
    let mut parts = key.split('.');
    let mut value = figment.find_value(parts.next()?).ok()?;
    for part in parts {
        let inner = match &value {
            Value::Dict(_, table) => table.get(part).cloned(),
            Value::Array(_, list) => part.parse().ok().and_then(|at: usize| list.get(at).cloned()),
            Value::String(..) | Value::Char(..) | Value::Bool(..) | Value::Num(..) | Value::Empty(..) => None,
        };
        value = inner?;
    }
    Some(value)
}

fn place(metadata: &Metadata, path: &Path, key: &str) -> String {
    match &metadata.source {
        Some(Source::File(file)) => file.display().to_string(),
        // The defaults, whose place figment takes for ours in the source.
        Some(_) => unset(path),
        None => variable(key),
    }
}

/// The value is the default.
fn unset(path: &Path) -> String {
    format!("the default: {} does not set it", path.display())
}

/// The variable that sets a key, or something in it, or what it is in.
fn variable(key: &str) -> String {
    let name = |key: &str| format!("{PREFIX}{}", key.replace('.', "__"));
    let own = name(key);
    let is = |set: &str, name: &str| set.eq_ignore_ascii_case(name);
    let is_in = |set: &str| {
        set.get(..own.len()).is_some_and(|begin| is(begin, &own)) && set[own.len()..].starts_with("__")
    };
    // Its own spelling, as it has to be looked for.
    let set: Vec<_> = std::env::vars_os().filter_map(|(set, _)| set.into_string().ok()).collect();
    let around = || {
        let mut outer = key.match_indices('.').rev().map(|(end, _)| name(&key[..end]));
        outer.find_map(|outer| set.iter().find(|set| is(set, &outer)))
    };
    let found = set.iter().find(|set| is(set, &own) || is_in(set)).or_else(around);
    format!("the variable {}", found.cloned().unwrap_or_else(|| own.to_ascii_uppercase()))
}
