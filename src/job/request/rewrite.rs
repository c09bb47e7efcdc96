//! A JSON object or list, written so that it arrives: the same value in other letters.
//!
//! Only what would be changed on the way (`arrival.rs`) is written in another way that JSON has for it. Numbers, the
//! order of keys, keys that are given twice and all other bytes stay.

use super::json::{Json, Type};
use super::markers::{MARKERS, outside_ascii};

/// The text with which an object or a list arrives, where `text` is one.
pub(super) fn structure(text: &str, utf8: bool) -> Option<String> {
    let begins = text.trim_start().starts_with(['{', '[']);
    let json = begins.then(|| Json::parse(text).ok()).flatten()?;
    matches!(json.kind(), Type::Object | Type::List).then(|| rewritten(text, utf8))
}

fn rewritten(text: &str, utf8: bool) -> String {
    let mut out = String::with_capacity(text.len());
    let mut letters = text.char_indices();
    let mut quoted = false;
    while let Some((at, letter)) = letters.next() {
        match letter {
            '\\' if quoted => match letters.next() {
                Some((_, letter @ ('\\' | '"'))) => escape(letter, &mut out),
                Some((_, letter)) => out.extend(['\\', letter]),
                None => out.push('\\'),
            },
            '"' => {
                quoted = !quoted;
                out.push('"');
            }
            _ if quoted && changes(text, at, letter, utf8) => escape(letter, &mut out),
            '\r' => out.push(' '),
            '}' if !quoted && out.ends_with('}') => out.push_str(" }"),
            _ => out.push(letter),
        }
    }
    out
}

/// Whether a letter inside a string would be changed where it stands.
fn changes(text: &str, at: usize, letter: char, utf8: bool) -> bool {
    match letter {
        '`' => true,
        '{' | '}' => text[..at].ends_with(letter) || text[at + 1..].starts_with(letter),
        '<' => MARKERS.iter().any(|marker| text[at..].starts_with(marker)),
        _ => !utf8 && outside_ascii(letter),
    }
}

/// `\u` and four digits for each UTF-16 unit.
fn escape(letter: char, out: &mut String) {
    for unit in letter.encode_utf16(&mut [0; 2]) {
        out.push_str(&format!("\\u{unit:04x}"));
    }
}
