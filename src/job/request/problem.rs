//! What is wrong with an input, and where.
//!
//! A problem names its place as a JSON path and is written for the author of the state machine. It may repeat keys,
//! tags, host names and what stands for a number or for an amount of memory, all clipped. No other value is repeated:
//! it can be a secret.

use std::fmt;

/// The most characters of a foreign text that a problem repeats.
const MAX_SHOWN: usize = 64;

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where: a JSON path such as `$.Parameters.Args[2]`.
    pub path: String,
    /// What, and where it helps, what to write instead.
    pub text: String,
    /// Whether it is the key itself that is not known.
    pub unknown_key: bool,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.text)
    }
}

/// Every problem of one input, in the order of the input. As an error it holds at least one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Problems(Vec<Problem>);

impl Problems {
    pub(super) fn one(path: impl Into<String>, text: impl Into<String>) -> Problems {
        let mut problems = Problems::default();
        problems.add(path, text);
        problems
    }

    pub(super) fn not_json(error: serde_json::Error) -> Problems {
        Problems::one("$", format!("not valid JSON: {error}"))
    }

    pub(super) fn add(&mut self, path: impl Into<String>, text: impl Into<String>) {
        self.0.push(Problem { path: path.into(), text: text.into(), unknown_key: false });
    }

    pub(super) fn add_unknown_key(&mut self, path: impl Into<String>, text: impl Into<String>) {
        self.0.push(Problem { path: path.into(), text: text.into(), unknown_key: true });
    }

    /// The problems, first the first.
    pub fn iter(&self) -> impl Iterator<Item = &Problem> {
        self.0.iter()
    }

    pub(super) fn or<T>(self, value: T) -> Result<T, Problems> {
        if self.0.is_empty() { Ok(value) } else { Err(self) }
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, problem) in self.0.iter().enumerate() {
            let separator = if at == 0 { "" } else { "; " };
            write!(f, "{separator}{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

/// The path of a member: `$.File`, or `$.Conf['spark.yarn.tags']` where the key is no plain word.
pub fn member(base: &str, key: &str) -> String {
    let plain = key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') && !key.is_empty();
    let key = clipped(key);
    if plain { format!("{base}.{key}") } else { format!("{base}['{}']", key.escape_debug()) }
}

/// A foreign text, quoted and short enough for a message.
pub fn shown(text: &str) -> String {
    format!("\"{}\"", clipped(text).escape_debug())
}

/// The beginning of a foreign text, with an ellipsis where something was cut.
pub(super) fn clipped(text: &str) -> String {
    match text.char_indices().nth(MAX_SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
