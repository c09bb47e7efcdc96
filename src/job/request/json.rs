//! JSON text, looked at in place: every number stays as it was written.
//!
//! A parsed `serde_json::Value` knows `1e3` only as `1e+3` and `-0` only as `0`, also with arbitrary precision, and of
//! a key that is given twice only the last value. So `serde_json` checks the text once, and what follows only cuts
//! pieces out of text that is known to be valid.

use serde_json::Value;

use super::problem::clipped;

/// What stands in a template's text for a value that is not known yet. It is no JSON, so no input contains it.
pub(super) const OPEN: &str = "?";

/// The text of one valid JSON value, without white space around it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Json<'a>(&'a str);

/// What a JSON value can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Type {
    Null,
    Bool,
    Number,
    Text,
    List,
    Object,
    /// Not known yet: only in a [`Template`](super::Template).
    Open,
}

impl<'a> Json<'a> {
    /// Checks a whole text. Nesting beyond `serde_json`'s 128 levels is an error, so no text can exhaust the stack.
    pub(super) fn parse(text: &'a str) -> Result<Json<'a>, serde_json::Error> {
        serde_json::from_str::<Value>(text)?;
        Ok(Json(text.trim()))
    }

    /// A template's text, which is valid but for [`OPEN`] in the place of values.
    pub(super) fn template(text: &'a str) -> Json<'a> {
        Json(text)
    }

    pub(super) fn kind(self) -> Type {
        match self.0.as_bytes().first() {
            Some(b'"') => Type::Text,
            Some(b'[') => Type::List,
            Some(b'{') => Type::Object,
            Some(b't' | b'f') => Type::Bool,
            Some(b'n') | None => Type::Null,
            Some(b'?') => Type::Open,
            Some(_) => Type::Number,
        }
    }

    /// The text as it was written.
    pub(super) fn whole(self) -> &'a str {
        self.0
    }

    /// A string's content.
    pub(super) fn text(self) -> Option<String> {
        serde_json::from_str(self.0).ok()
    }

    /// A string's content, or a number or boolean as it was written. What is not known yet counts as an empty string,
    /// which breaks no rule for an element or a property.
    pub(super) fn scalar(self) -> Option<String> {
        match self.kind() {
            Type::Open => Some(String::new()),
            Type::Text => self.text(),
            Type::Number | Type::Bool => Some(self.0.to_owned()),
            Type::Null | Type::List | Type::Object => None,
        }
    }

    /// The elements of a list.
    pub(super) fn elements(self) -> Vec<Json<'a>> {
        self.parts('[', ']').into_iter().map(|part| Json(part.trim())).collect()
    }

    /// The members of an object in their order; a key that is given twice comes twice.
    pub(super) fn members(self) -> Vec<(String, Json<'a>)> {
        let member = |part: &'a str| match split(part, b':')[..] {
            [key, value] => Json(key.trim()).text().map(|key| (key, Json(value.trim()))),
            _ => None,
        };
        self.parts('{', '}').into_iter().filter_map(member).collect()
    }

    /// What the value is, in words for `found …`: numbers are shown.
    pub(super) fn described(self) -> String {
        match self.kind() {
            Type::Null => "null".to_owned(),
            Type::Bool => "a boolean".to_owned(),
            Type::Number => format!("the number {}", clipped(self.0)),
            Type::Text => "a string".to_owned(),
            Type::List => "a list".to_owned(),
            Type::Object => "an object".to_owned(),
            Type::Open => "a value that is not known yet".to_owned(),
        }
    }

    fn parts(self, open: char, close: char) -> Vec<&'a str> {
        let inner = self.0.strip_prefix(open).and_then(|rest| rest.strip_suffix(close)).unwrap_or_default();
        if inner.trim().is_empty() { Vec::new() } else { split(inner, b',') }
    }
}

/// Cuts a valid text at the separators that stand outside strings and brackets.
fn split(text: &str, separator: u8) -> Vec<&str> {
    let (mut parts, mut start) = (Vec::new(), 0);
    let (mut depth, mut quoted, mut escaped) = (0_usize, false, false);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = quoted,
            b'"' => quoted = !quoted,
            _ if quoted => {}
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ if byte == separator && depth == 0 => {
                parts.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts
}
