//! What is wrong with the configuration, in words: key, value, and where the value comes from. That is always something
//! that can be opened: the file, or a variable by its name.

use std::path::Path;

use figment::value::Value;
use figment::{Figment, Metadata, Source};

use super::reach::Problem;
use super::{Invalid, PREFIX};
use crate::job::report::mask;
use crate::printable::printable;

/// Problems with what the configuration at `path` says.
pub(super) fn invalid(figment: &Figment, path: &Path, problems: Vec<Problem>) -> Invalid {
    let lines = problems.into_iter().map(|(key, text)| {
        let (value, source) = origin(figment, path, &key);
        format!("{}{value}: {} ({source})", printable(&key), printable(&text))
    });
    Invalid(lines.collect())
}

/// An error of figment's with key, value and source.
pub(super) fn describe(figment: &Figment, path: &Path, error: &figment::Error) -> String {
    let key = error.path.join(".");
    let (value, found) = origin(figment, path, &key);
    let source = error.metadata.as_ref().map_or(found, |metadata| place(metadata, path, &key));
    let kind = error.kind.to_string();
    if key.is_empty() {
        // What TOML itself finds shows the place in lines of its own.
        format!("{} ({source})", kind.trim_end())
    } else {
        format!("{}{value}: {} ({source})", printable(&key), printable(&kind))
    }
}

/// A key's value and where it comes from. What looks like a secret is masked: somebody may have written one where only
/// its file belongs.
fn origin(figment: &Figment, path: &Path, key: &str) -> (String, String) {
    let value = find(figment, key);
    let source = value.as_ref().and_then(|value| figment.get_metadata(value.tag()));
    let source = source.map_or_else(|| unset(path), |metadata| place(metadata, path, key));
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

/// The variable that sets a key, or something in it.
fn variable(key: &str) -> String {
    let name = format!("{PREFIX}{}", key.replace('.', "__"));
    let sets = |set: &str| {
        set.eq_ignore_ascii_case(&name)
            || set.get(..name.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(&name))
                && set[name.len()..].starts_with("__")
    };
    // Its own spelling, as it has to be looked for.
    let set = std::env::vars_os().filter_map(|(set, _)| set.into_string().ok()).find(|set| sets(set));
    format!("the variable {}", set.unwrap_or_else(|| name.to_ascii_uppercase()))
}
