//! From a part of a log to whole lines: what is masked must be seen as a whole, wherever parts end.

use super::LogPlace;
use crate::spark::driver_log::{PART, Part};

/// The lines that a part which begins at a place ends, and the place behind them. What is left is read again with more
/// of its line. `whole`: the log's last line counts without an end. A line that is longer than a part is shown in pieces
/// where it is `raw`, and otherwise without its rest: in a piece nobody knows whether it continues a secret.
pub(super) fn cut(part: &Part, at: LogPlace, whole: bool, raw: bool) -> (Vec<String>, LogPlace) {
    let LogPlace { container, mut byte, mut within } = at;
    let mut text = part.text.as_str();
    if within {
        let (skipped, rest) = text.split_at(text.find('\n').map_or(text.len(), |end| end + 1));
        byte += bytes(skipped);
        within = !skipped.ends_with('\n');
        text = rest;
    }
    let (ended, rest) = text.split_at(text.rfind('\n').map_or(0, |end| end + 1));
    let mut lines: Vec<String> = ended.lines().map(str::to_owned).collect();
    byte += bytes(ended);
    let is_last = part.is_end && whole;
    let is_too_long = !part.is_end && text.len() == part.text.len() && ended.is_empty();
    if !rest.is_empty() && (is_last || is_too_long) {
        let is_cut = is_too_long && !raw;
        let end =
            if is_cut { format!(" [… more than {} KiB in one line]", PART >> 10) } else { String::new() };
        lines.push(format!("{rest}{end}"));
        byte += bytes(rest);
        within = is_cut || is_last;
    }
    (lines, LogPlace { container, byte, within })
}

/// How many bytes of the log a text stands for: U+FFFD for one that is not UTF-8. Where the log itself has that
/// character, two are counted too few, and a later place is a little before the end of the line.
fn bytes(text: &str) -> u64 {
    text.chars().map(|c| if c == char::REPLACEMENT_CHARACTER { 1 } else { c.len_utf8() as u64 }).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(byte: u64, within: bool) -> LogPlace {
        LogPlace { container: "container_1".to_owned(), byte, within }
    }

    #[track_caller]
    fn cuts(text: &str, is_end: bool, from: (u64, bool), how: (bool, bool), expected: (&[&str], u64, bool)) {
        let part = Part { text: text.to_owned(), is_end };
        let (lines, place) = cut(&part, at(from.0, from.1), how.0, how.1);
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        assert_eq!((&lines[..], place.byte, place.within), expected, "{text:?}");
    }

    const MASKED: (bool, bool) = (false, false);

    #[test]
    fn a_line_without_its_end_is_held_back_until_the_log_is_over() {
        cuts("a\r\nü\npass", true, (10, false), MASKED, (&["a", "ü"], 16, false));
        cuts("password=hunter2", true, (16, false), MASKED, (&[], 16, false));
        cuts("password=hunter2", true, (16, false), (true, false), (&["password=hunter2"], 32, true));
        cuts("", true, (32, true), (true, false), (&[], 32, true));
    }

    #[test]
    fn half_a_line_at_the_beginning_is_left_out_as_is_the_rest_of_one_that_was_cut() {
        cuts("hunter2\nb\nc", false, (5, true), MASKED, (&["b"], 15, false));
        cuts("hunter2", false, (5, true), MASKED, (&[], 12, true));
        cuts("hunter2", true, (5, true), (true, false), (&[], 12, true));
    }

    #[test]
    fn a_line_longer_than_a_part_loses_its_rest_or_comes_in_pieces_without_the_mask() {
        cuts("long", false, (0, false), MASKED, (&["long [… more than 32 KiB in one line]"], 4, true));
        cuts("long", false, (0, false), (false, true), (&["long"], 4, false));
        cuts("a\nlong", false, (0, false), MASKED, (&["a"], 2, false));
        cuts("a\nlong", false, (0, true), MASKED, (&[], 2, false));
    }

    #[test]
    fn what_is_not_utf_8_counts_as_the_byte_that_it_was() {
        cuts("caf\u{fffd}\n", true, (0, false), MASKED, (&["caf\u{fffd}"], 5, false));
    }
}
