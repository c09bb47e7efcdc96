//! One value of a known key, checked and put into the form that Livy takes.

use std::collections::BTreeMap;
use std::time::Duration;

use humantime::format_duration;
use serde::Serialize;

use super::arrival;
use super::conf;
use super::json::{Json, Type};
use super::keys::Kind;
use super::limits::{argument_len, expected, fits, joined_len, not_coordinates, scalar};
use super::names;
use super::problem::{Problems, shown};

/// A checked value. Serializes as Livy's field of the same name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub(super) enum Setting {
    Text(String),
    Count(i32),
    List(Vec<String>),
    Map(BTreeMap<String, String>),
}

/// Checks a value that is not null. `None` means that at least one problem was added.
pub(super) fn check(
    kind: Kind,
    value: Json,
    path: &str,
    utf8: bool,
    problems: &mut Problems,
) -> Option<Setting> {
    let argument = |value: Json| text(value).and_then(|text| sent(text, utf8));
    let checked = match kind {
        Kind::Host | Kind::Execution | Kind::Name => text(value),
        Kind::Text => argument(value),
        Kind::Class => argument(value).and_then(|text| arrival::plain(&text).map(|()| text)),
        Kind::User => argument(value).and_then(|text| arrival::user(&text).map(|()| text)),
        Kind::Path => {
            let sound = |text: &str| absolute(text).and_then(|()| names::of_program(text));
            argument(value).and_then(|text| sound(&text).map(|()| text))
        }
        Kind::Memory(property) => memory(value, property),
        Kind::QueueTimeout => {
            text(value).and_then(|text| queue_timeout(&text).map(|wait| format_duration(wait).to_string()))
        }
        Kind::Count(least) => return count(value, least, path, problems),
        Kind::Port => return number(value, 1, "a port number", path, problems),
        Kind::Args => {
            let element =
                |text| arrival::argument(text, utf8).and_then(|text| fits(text.len()).map(|()| text));
            return list(value, path, problems, element).map(Setting::List);
        }
        Kind::Paths(property) => return paths(value, property, path, utf8, problems).map(Setting::List),
        Kind::Conf => return conf::check(value, path, utf8, problems).map(Setting::Map),
        // The object in it is read as a table of its own, and so is what belongs to statements.
        Kind::Parameters | Kind::Statements | Kind::Variables | Kind::Language | Kind::Result => return None,
    };
    checked.map_err(|text| problems.add(path, text)).ok().map(Setting::Text)
}

/// A text that is an argument of its own.
fn sent(text: String, utf8: bool) -> Result<String, String> {
    arrival::sendable(&text, utf8)?;
    fits(text.len()).map(|()| text)
}

fn text(value: Json) -> Result<String, String> {
    match value.text() {
        None => Err(expected("a string", value)),
        Some(text) if text.is_empty() => {
            Err("must not be empty: leave the key out, or give null, for none".to_owned())
        }
        Some(text) => Ok(text),
    }
}

/// Livy puts the default file system before a path without a scheme and refuses one that is not absolute
/// (`Session.resolveURI`). Whether it exists and whether Livy allows it is left to Livy.
fn absolute(path: &str) -> Result<(), String> {
    let before = path.find(['/', '?', '#']).unwrap_or(path.len());
    let has_scheme = path[..before].contains(':');
    if has_scheme || path.starts_with('/') {
        return Ok(());
    }
    Err("must be an absolute path, or a URI with a scheme such as s3: (Livy refuses others)".to_owned())
}

/// `JavaUtils.byteStringAs` of Spark, which ignores case and white space around the string. Without a unit Spark takes
/// MiB in some places and bytes in others, so a unit is asked for.
fn memory(value: Json, property: &str) -> Result<String, String> {
    const UNITS: [&str; 11] = ["b", "k", "kb", "m", "mb", "g", "gb", "t", "tb", "p", "pb"];
    const WANTED: &str = "digits and a unit (b, k, kb, m, mb, g, gb, t, tb, p or pb), such as 512m or 4g";
    let text = match value.kind() {
        Type::Text => text(value)?,
        Type::Null | Type::Bool | Type::Number | Type::List | Type::Object | Type::Open => {
            return Err(expected(&format!("a string of {WANTED}"), value));
        }
    };
    let text = text.trim();
    let unit = text.trim_start_matches(|c: char| c.is_ascii_digit());
    let digits = text.len() - unit.len();
    if digits == 0 || !UNITS.contains(&unit.to_ascii_lowercase().as_str()) {
        return Err(format!("expected {WANTED}, found {}", shown(text)));
    }
    fits(argument_len(property, text.len())).map(|()| text.to_owned())
}

/// How long a job may wait in YARN's queue, written as the configuration's durations are, and within the bounds of its
/// waits.
pub(super) fn queue_timeout(text: &str) -> Result<Duration, String> {
    const LEAST: Duration = Duration::from_secs(1);
    const MOST: Duration = Duration::from_secs(365 * 24 * 3_600);
    let wait = humantime::parse_duration(text).map_err(|error| {
        format!("expected a duration such as 90s, 20m or 2h, found {} ({error})", shown(text))
    })?;
    if (LEAST..=MOST).contains(&wait) {
        Ok(wait)
    } else {
        Err(format!("must be at least 1s, and at most 365days, found {}", shown(text)))
    }
}

fn count(value: Json, least: u8, path: &str, problems: &mut Problems) -> Option<Setting> {
    let wanted = match least {
        0 => "an integer from 0 to 2147483647",
        _ => "a positive integer up to 2147483647",
    };
    number(value, least, wanted, path, problems)
}

/// An integer in any form that inputs have: `4`, `4.0` (from `JSONata`) and `"4"` (inputs for other workers).
fn number(value: Json, least: u8, wanted: &str, path: &str, problems: &mut Problems) -> Option<Setting> {
    let range = f64::from(least)..=f64::from(i32::MAX);
    let found = match value.scalar() {
        None => value.described(),
        Some(text) => match text.trim().parse::<f64>() {
            Ok(number) if range.contains(&number) && number.fract() == 0.0 => {
                return Some(Setting::Count(number as i32));
            }
            _ if value.kind() == Type::Text => shown(&text),
            _ => value.described(),
        },
    };
    problems.add(path, format!("expected {wanted}, found {found}"));
    None
}

fn paths(
    value: Json,
    property: &str,
    path: &str,
    utf8: bool,
    problems: &mut Problems,
) -> Option<Vec<String>> {
    let element = |text: String| {
        let text = sent(text, utf8)?;
        // Livy leaves out empty elements (`Session.resolveURIs`).
        if !text.is_empty() {
            not_coordinates(property, &text)?;
            absolute(&text)?;
            if text.contains(',') {
                return Err("holds a comma, at which Spark would make two of it: give each file an element of its own, or rename it".to_owned());
            }
            names::of_file(&text)?;
        }
        Ok(text)
    };
    let paths = list(value, path, problems, element)?;
    let len = argument_len(property, joined_len(&paths));
    match fits(len) {
        Ok(()) => Some(paths),
        Err(text) => {
            problems.add(path, format!("joined by commas, {text}"));
            None
        }
    }
}

fn list(
    value: Json,
    path: &str,
    problems: &mut Problems,
    sound: impl Fn(String) -> Result<String, String>,
) -> Option<Vec<String>> {
    if value.kind() != Type::List {
        problems.add(path, expected("a list", value));
        return None;
    }
    let mut texts = Vec::new();
    let elements = value.elements();
    for (at, element) in elements.iter().enumerate() {
        match scalar(*element).and_then(&sound) {
            Ok(text) => texts.push(text),
            Err(text) => problems.add(format!("{path}[{at}]"), text),
        }
    }
    (texts.len() == elements.len()).then_some(texts)
}
