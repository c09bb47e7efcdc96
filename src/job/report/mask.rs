//! Takes secrets out of what a state machine's history will show.
//!
//! A history is read by more people than a driver's log, and kept longer. A secret is known by the name before it, in
//! each form in which a log writes a name and a value: `password=…`, `"password": "…"` (in JSON inside JSON too),
//! `password -> …`, `--password …`, `'--password', '…'`, `(password,…)`.

mod name;

use std::borrow::Cow;
use std::ops::Range;
use std::sync::LazyLock;

use regex_lite::Regex;

use name::{Between, is_secret, is_word};

/// The ids of AWS keys (IAM user guide, unique identifiers), and the key that may follow.
#[expect(clippy::expect_used, reason = "a constant that a test compiles")]
static AWS: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b").expect("it is an expression"));
/// `scheme://user:password@host`.
#[expect(clippy::expect_used, reason = "a constant that a test compiles")]
static URL: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"\b([a-zA-Z][a-zA-Z0-9+.\-]*://)[^\s/@:]*:[^\s/@]+@").expect("it is an expression")
});
/// `Authorization: Bearer …` and its kin.
#[expect(clippy::expect_used, reason = "a constant that a test compiles")]
static BEARER: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)\b((?:bearer|basic)\s+)[a-z0-9._~+/=\-]{8,}").expect("it is an expression")
});
/// What makes a URL work for everybody who has it: AWS, `CloudFront` and Google (`Signature`), Azure (`sig`).
#[expect(clippy::expect_used, reason = "a constant that a test compiles")]
static SIGNATURE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#"(?i)([?&](?:x-amz-|x-goog-)?sig(?:nature)?=)[^&\s"'<>\\)]+"#).expect("it is an expression")
});

/// The text without what looks like a secret. A text without one is not copied.
pub(crate) fn mask(text: &str) -> Cow<'_, str> {
    let mut masked = Cow::Borrowed(text);
    for (expression, with) in
        [(&*URL, "${1}***@"), (&*BEARER, "${1}***"), (&*SIGNATURE, "${1}***"), (&*AWS, "***")]
    {
        if let Cow::Owned(replaced) = expression.replace_all(&masked, with) {
            masked = Cow::Owned(replaced);
        }
    }
    match named(&masked) {
        Some(replaced) => Cow::Owned(replaced),
        None => masked,
    }
}

/// The text without the values of secret names; none where there are no such.
fn named(text: &str) -> Option<String> {
    let lower = text.to_ascii_lowercase();
    let mut masked = String::new();
    let mut copied = 0;
    let mut at = 0;
    while let Some(found) = next_name(&lower, at) {
        at = found.end;
        let Some((start, end)) = value_of(text, found.start, found.end) else { continue };
        let value = &text[start..end];
        let with = match within(value) {
            Some(inner) => inner,
            None => "***".to_owned(),
        };
        masked.push_str(&text[copied..start]);
        masked.push_str(&with);
        copied = end;
        at = end;
    }
    (copied > 0).then(|| masked + &text[copied..])
}

/// The next name from `at` on that may say that a secret follows, in a text in lower case.
fn next_name(lower: &str, at: usize) -> Option<Range<usize>> {
    let rest = &lower[at..];
    let found = name::HINTS.iter().filter_map(|hint| rest.find(hint)).min()?;
    let of_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '$' | '-');
    let start = rest[..found].trim_end_matches(of_name).len();
    let end = rest[found..].find(|c| !of_name(c)).map_or(rest.len(), |length| found + length);
    Some(at + start..at + end)
}

/// JSON in a quoted value, without its own secrets; none where it has none that is known by its name.
fn within(value: &str) -> Option<String> {
    let (quote, rest) = opening(value)?;
    let inner = rest.strip_suffix(quote)?;
    if !inner.starts_with(['{', '[']) {
        return None;
    }
    Some(format!("{quote}{}{quote}", named(inner)?))
}

/// Where the secret is whose name stands from `start` to `end`.
fn value_of(text: &str, start: usize, end: usize) -> Option<(usize, usize)> {
    let name = &text[start..end];
    let before = &text[..start];
    let rest = &text[end..];
    let (between, length) = between(before, name, rest)?;
    let from = end + length;
    let value = &text[from..];
    let length = length_of(value, between)?;
    let said = &value[..length];
    let closes = between != Between::Pair || value[length..].starts_with(')');
    // A path has such names, and so has the ARN of a secret.
    let part = before.ends_with('/') || (before.ends_with(':') && rest.starts_with(':'));
    let secret = closes && !part && is_secret(name, between, said) && !is_word(said, between);
    secret.then_some((from, from + length))
}

/// What stands between a name and its value, and how long that is.
fn between(before: &str, name: &str, rest: &str) -> Option<(Between, usize)> {
    let closing = rest.len() - rest.trim_start_matches('\\').len();
    let quoted = rest[closing..].starts_with(['"', '\'']);
    let after = if quoted { &rest[closing + 1..] } else { rest };
    let text = after.trim_start();
    let length = |left: &str| rest.len() - left.trim_start().len();
    for arrow in ["=>", "->"] {
        if let Some(left) = text.strip_prefix(arrow) {
            return Some((Between::Sign, length(left)));
        }
    }
    if let Some(left) = text.strip_prefix('=') {
        return Some((Between::Sign, length(left)));
    }
    if let Some(left) = text.strip_prefix(':') {
        // In prose, a word follows a blank.
        let prose = !quoted && left.starts_with(' ');
        return Some((if prose { Between::Colon } else { Between::Sign }, length(left)));
    }
    if let Some(left) =
        after.strip_prefix("</name>").and_then(|left| left.trim_start().strip_prefix("<value>"))
    {
        return Some((Between::Sign, rest.len() - left.len()));
    }
    let comma = after.strip_prefix(',');
    if name.starts_with('-') {
        let left =
            comma.filter(|_| quoted).or_else(|| after.starts_with(char::is_whitespace).then_some(after))?;
        // How Spark hands arguments to the application master.
        let left = left.trim_start();
        let left = left.strip_prefix("--arg ").unwrap_or(left);
        return (!left.starts_with('-')).then(|| (Between::Option, length(left)));
    }
    let pair = before.trim_end_matches(['"', '\'']).ends_with('(');
    comma.filter(|_| pair && before.ends_with('(') != quoted).map(|left| (Between::Pair, length(left)))
}

/// How long a value is that begins here.
fn length_of(text: &str, between: Between) -> Option<usize> {
    if let Some((quote, rest)) = opening(text) {
        let escapes = quote.len() - 1;
        let sign = quote.chars().last()?;
        let end = rest.match_indices(sign).find(|(at, _)| {
            let before = &rest[..*at];
            before.len() - before.trim_end_matches('\\').len() <= escapes
        });
        return Some(end.map_or(text.len(), |(at, _)| quote.len() + at + 1));
    }
    if text.starts_with('[') && !text.contains('{') {
        return text.find(']').map(|at| at + 1);
    }
    if text.starts_with(['{', '[']) {
        return None;
    }
    let stop = |c: char| match between {
        Between::Option => c.is_whitespace() || matches!(c, '"' | '\''),
        Between::Sign | Between::Colon | Between::Pair => {
            c.is_whitespace() || matches!(c, '"' | '\'' | ',' | ';' | '&' | '}' | ']' | ')' | '<')
        }
    };
    let value = text[..text.find(stop).unwrap_or(text.len())].trim_end_matches('\\');
    (!value.is_empty()).then_some(value.len())
}

/// The quote that opens a value, with the backslashes that it has inside another string.
fn opening(text: &str) -> Option<(&str, &str)> {
    let escapes = text.len() - text.trim_start_matches('\\').len();
    let quoted = text[escapes..].starts_with(['"', '\'']);
    quoted.then(|| text.split_at(escapes + 1))
}

#[cfg(test)]
mod tests;
