//! Text that nobody here has written, as it may be shown.

use std::borrow::Cow;
use std::fmt::Write as _;

/// One line without anything that speaks to a terminal or turns letters around: each such character becomes what JSON
/// writes for it, `\u001b`. So the same may be done with a line of JSON, which stays the same JSON.
pub fn printable(line: &str) -> Cow<'_, str> {
    if !line.contains(is_unprintable) {
        return Cow::Borrowed(line);
    }
    let mut shown = String::with_capacity(line.len() + 16);
    for c in line.chars() {
        match c {
            '\n' => shown.push_str("\\n"),
            '\r' => shown.push_str("\\r"),
            '\t' => shown.push_str("\\t"),
            c if is_unprintable(c) => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    let _ = write!(shown, "\\u{unit:04x}");
                }
            }
            c => shown.push(c),
        }
    }
    Cow::Owned(shown)
}

/// Control characters (C0, DEL, C1), what sets the direction of text, what has no width, and what ends a line.
fn is_unprintable(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{ad}'
                | '\u{61c}'
                | '\u{180e}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e007f}'
        )
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::printable;

    /// What a hostile text is made of.
    const HOSTILE: &str =
        "\u{1b}[2J\u{1b}]0;x\u{7}\u{9b}31m\u{7f}\r\n\t\u{202e}\u{2066}\u{200b}\u{feff}\u{2028}\u{e0041}";

    #[test]
    fn a_harmless_text_stays_as_it_is() {
        for text in ["", "etl-3f2a", "größe 🚕 価格 é", "C:\\temp \"x\" {% $x %}"] {
            assert_eq!(printable(text), text);
        }
    }

    #[test]
    fn nothing_that_speaks_to_a_terminal_is_left_and_everything_can_still_be_seen() {
        assert_eq!(
            printable(HOSTILE),
            "\\u001b[2J\\u001b]0;x\\u0007\\u009b31m\\u007f\\r\\n\\t\\u202e\\u2066\\u200b\\ufeff\\u2028\\udb40\\udc41"
        );
    }

    #[test]
    fn json_stays_the_same_json() {
        let value = Value::from(HOSTILE);
        let line = value.to_string();
        assert!(line.contains('\u{9b}'), "JSON itself leaves some of them");
        let shown = printable(&line);
        assert!(shown.is_ascii(), "{shown}");
        assert_eq!(serde_json::from_str::<Value>(&shown).unwrap(), value);
    }
}
