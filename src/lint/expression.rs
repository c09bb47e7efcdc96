//! Which values of a Task are computed when it is entered, and which only look as if they were.

use std::iter;

use serde_json::Value;

use crate::job::request::{Template, member};
use crate::nearest::nearest;

use super::finding::{Findings, did_you_mean};
use super::resource::filled_in_later;
use super::walk::Language;

/// The intrinsic functions of JSONPath.
const FUNCTIONS: [&str; 18] = [
    "States.Array",
    "States.ArrayContains",
    "States.ArrayGetItem",
    "States.ArrayLength",
    "States.ArrayPartition",
    "States.ArrayRange",
    "States.ArrayUnique",
    "States.Base64Decode",
    "States.Base64Encode",
    "States.Format",
    "States.Hash",
    "States.JsonMerge",
    "States.JsonToString",
    "States.MathAdd",
    "States.MathRandom",
    "States.StringSplit",
    "States.StringToJson",
    "States.UUID",
];

/// Whether a value is an expression of JSONata as a whole.
pub(super) fn is_expression(value: &Value, language: Language) -> bool {
    let whole = |text: &str| text.starts_with("{%") && text.ends_with("%}");
    language == Language::Jsonata && value.as_str().is_some_and(whole)
}

/// What `Parameters` or `Arguments` say about the input.
pub(super) fn template(value: &Value, path: &str, language: Language, findings: &mut Findings) -> Template {
    match value {
        // What fills it in will say what it is.
        value if filled_in_later(value) => Template::Open,
        Value::Array(elements) => {
            let elements = elements.iter().enumerate();
            let element = |(at, value)| template(value, &format!("{path}[{at}]"), language, findings);
            Template::List(elements.map(element).collect())
        }
        Value::Object(members) => {
            let members = members.iter();
            Template::Object(
                members.map(|(key, value)| field(key, value, path, language, findings)).collect(),
            )
        }
        Value::String(text) if is_expression(value, language) || meant(text, path, language, findings) => {
            Template::Open
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Template::Fixed(value.clone()),
    }
}

fn field(
    key: &str,
    value: &Value,
    path: &str,
    language: Language,
    findings: &mut Findings,
) -> (String, Template) {
    let path = member(path, key);
    match key.strip_suffix(".$") {
        Some(name) if language == Language::JsonPath => {
            if let Err((what, fix)) = computed(value)
                && !filled_in_later(value)
            {
                findings.error(path, what, fix);
            }
            (name.to_owned(), Template::Open)
        }
        // JSONata knows no such key, which is reported with the unknown ones.
        Some(_) => (key.to_owned(), Template::Open),
        None => (key.to_owned(), template(value, &path, language, findings)),
    }
}

/// Whether Step Functions can compute a key that ends in `.$`.
fn computed(value: &Value) -> Result<(), (String, String)> {
    let text = value.as_str().unwrap_or_default();
    if text.starts_with('$') {
        return Ok(());
    }
    let Some((function, rest)) = text.split_once('(') else {
        let fix = "for a fixed value leave out the `.$` of the key";
        return Err((
            "is neither a path, which begins with `$`, nor an intrinsic function".to_owned(),
            fix.to_owned(),
        ));
    };
    let inside = called(rest).into_iter().filter(|name| name.starts_with("States."));
    if let Some(unknown) = iter::once(function).chain(inside).find(|name| !FUNCTIONS.contains(name)) {
        let near = did_you_mean(nearest(unknown, FUNCTIONS));
        return Err((format!("there is no intrinsic function `{unknown}`"), near));
    }
    if !rest.ends_with(')') {
        return Err((format!("the brackets of `{function}` are not closed"), String::new()));
    }
    Ok(())
}

/// What stands before each bracket of an intrinsic function's arguments, outside of quoted text. Beside names of
/// functions that can be a path, which begins with `$`.
fn called(arguments: &str) -> Vec<&str> {
    let (mut names, mut begin) = (Vec::new(), 0);
    let (mut quoted, mut escaped) = (false, false);
    for (at, c) in arguments.char_indices() {
        if quoted {
            quoted = escaped || c != '\'';
            escaped = c == '\\' && !escaped;
        } else if c == '\'' {
            quoted = true;
        } else if c == '(' {
            names.push(&arguments[begin..at]);
        } else if c.is_alphanumeric() || "._$@-".contains(c) {
            continue;
        }
        begin = at + c.len_utf8();
    }
    names
}

/// Whether a fixed text was meant to be computed; reported if so.
fn meant(text: &str, path: &str, language: Language, findings: &mut Findings) -> bool {
    let (begins, ends) = (text.trim_start().starts_with("{%"), text.trim_end().ends_with("%}"));
    match language {
        Language::JsonPath if begins && ends => findings.warning(
            path,
            "an expression of JSONata is a fixed text here, because the query language is JSONPath",
            "set `\"QueryLanguage\": \"JSONata\"`, or write a path",
        ),
        Language::JsonPath if is_path(text) || is_call(text) => findings.warning(
            path,
            format!("`{text}` looks like a path, and is a fixed text here"),
            fixed_path(text, path),
        ),
        Language::Jsonata if begins || ends => findings.error(
            path,
            "an expression must begin with `{%` and end with `%}`, without white space around them",
            "",
        ),
        Language::Jsonata if text.contains("{%") => findings.warning(
            path,
            "an expression is a fixed text unless it is the whole string",
            "write `{% 'text' & $expression %}`",
        ),
        Language::Jsonata if is_path(text) => findings.warning(
            path,
            format!("`{text}` looks like an expression, and is a fixed text here"),
            format!("write `{{% {text} %}}`"),
        ),
        Language::JsonPath | Language::Jsonata => return false,
    }
    true
}

fn fixed_path(text: &str, path: &str) -> String {
    if path.ends_with(']') && !path.ends_with("']") {
        format!("write the whole list as `States.Array(…, {text})`, under a key that ends in `.$`")
    } else {
        "end the key with `.$`".to_owned()
    }
}

/// `$`, `$.x`, `$$.Execution.Id`, `$states.input.x`, `$name`; not `$HOME/x`.
fn is_path(text: &str) -> bool {
    let Some(rest) = text.strip_prefix('$') else { return false };
    let part_of_path = |c: char| c.is_ascii_alphanumeric() || "$._-[]'\":*@()".contains(c);
    let begins = |c: char| c.is_ascii_alphabetic() || "$.[_".contains(c);
    rest.chars().all(part_of_path) && rest.chars().next().is_none_or(begins)
}

fn is_call(text: &str) -> bool {
    text.split_once('(').is_some_and(|(function, _)| FUNCTIONS.contains(&function))
}
