//! From a part of a log to whole lines: what is masked must be seen as a whole, wherever parts end.

use super::LogPlace;
use crate::spark::driver_log::{PART, Part};

/// The lines that a part which begins at a place ends, and the place behind them: before the end of the last line, so
/// that the next part begins with it, or within that line where [`bytes`] has counted too few. What is left is read again
/// with more of its line. `whole`: the log's last line counts without an end. A line that is longer than a part is shown
/// in pieces where it is `raw`, and otherwise without its rest: in a piece nobody knows whether it continues a secret.
pub(super) fn cut(part: &Part, at: LogPlace, whole: bool, raw: bool) -> (Vec<String>, LogPlace) {
    let LogPlace { container, byte, mut within } = at;
    let first_end = part.text.find('\n').map_or(part.text.len(), |end| end + 1);
    let (skipped, text) = part.text.split_at(if within { first_end } else { 0 });
    within &= !skipped.ends_with('\n');
    let (ended, rest) = text.split_at(text.rfind('\n').map_or(0, |end| end + 1));
    let mut lines: Vec<String> = ended.lines().map(str::to_owned).collect();
    let mut read = skipped.len() + ended.len();
    let is_last = part.is_end && whole;
    // Nothing but an end was before it, and there is no room for its own.
    let is_too_long = !part.is_end && ended.is_empty() && matches!(skipped, "" | "\n");
    if !rest.is_empty() && (is_last || is_too_long) {
        let is_cut = is_too_long && !raw;
        let end =
            if is_cut { format!(" [… more than {} KiB in one line]", PART >> 10) } else { String::new() };
        lines.push(format!("{rest}{end}"));
        read += rest.len();
        within = is_cut || is_last;
    }
    if part.text[..read].ends_with('\n') {
        (read, within) = (read - 1, true);
    }
    (lines, LogPlace { container, byte: byte + bytes(&part.text[..read]), within })
}

/// How many bytes of the log a text stands for: U+FFFD for one that is not UTF-8. Where the log itself has that
/// character, two are counted too few, and lines that have many of them may be shown again.
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
        cuts("a\r\nü\npass", true, (0, false), MASKED, (&["a", "ü"], 5, true));
        cuts("\npassword=hunter2", true, (5, true), MASKED, (&[], 5, true));
        cuts("\npassword=hunter2", true, (5, true), (true, false), (&["password=hunter2"], 22, true));
        cuts("", true, (22, true), (true, false), (&[], 22, true));
        cuts("pass", true, (0, false), MASKED, (&[], 0, false));
    }

    #[test]
    fn half_a_line_at_the_beginning_is_left_out_as_is_the_rest_of_one_that_was_cut() {
        cuts("hunter2\nb\nc", false, (5, true), MASKED, (&["b"], 14, true));
        cuts("hunter2", false, (5, true), MASKED, (&[], 12, true));
        cuts("hunter2", true, (5, true), (true, false), (&[], 12, true));
        cuts("hunter2\n", true, (5, true), MASKED, (&[], 12, true));
    }

    #[test]
    fn a_line_longer_than_a_part_loses_its_rest_or_comes_in_pieces_without_the_mask() {
        let cut = "long [… more than 32 KiB in one line]";
        cuts("long", false, (0, false), MASKED, (&[cut], 4, true));
        cuts("\nlong", false, (6, true), MASKED, (&[cut], 11, true));
        cuts("\nlong", false, (6, true), (false, true), (&["long"], 11, false));
        cuts("er\nb", false, (11, false), (false, true), (&["er"], 13, true));
        cuts("a\nlong", false, (0, false), MASKED, (&["a"], 1, true));
        cuts("a\nlong", false, (0, true), MASKED, (&[], 1, true));
    }

    #[test]
    fn what_is_not_utf_8_counts_as_the_byte_that_it_was_and_a_place_too_early_is_made_good() {
        cuts("pat\u{fffd}\n", true, (0, false), MASKED, (&["pat\u{fffd}"], 4, true));
        // Where it is the log's own, the next part begins two bytes before the line's end.
        cuts("\u{fffd}\nnew\n", true, (4, true), MASKED, (&["new"], 9, true));
    }
}
