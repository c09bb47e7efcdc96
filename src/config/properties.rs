//! Files of Java properties, as Livy and Spark read theirs.

/// The last value of a key in the lines of a file of Java properties.
pub(super) fn property<'a>(lines: &'a [String], key: &str) -> Option<&'a str> {
    let pairs = lines.iter().filter_map(|line| {
        let end = line.find(|c: char| c == '=' || c == ':' || c.is_whitespace())?;
        let value = line[end..].trim_start();
        // Blanks, one sign at most, blanks: an IPv6 address begins with more of them.
        Some((&line[..end], value.strip_prefix(['=', ':']).unwrap_or(value).trim()))
    });
    pairs.rev().find(|(found, _)| *found == key).map(|(_, value)| value)
}

/// The lines of a file of Java properties without its comments. One that ends in a backslash goes on in the next one,
/// after its blanks; two backslashes stand for one.
pub(super) fn lines(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut goes_on = false;
    for part in text.lines().map(str::trim_start) {
        if !goes_on && part.starts_with(['#', '!']) {
            continue;
        }
        let backslashes = part.len() - part.trim_end_matches('\\').len();
        let odd = backslashes % 2 == 1;
        let kept = if odd { &part[..part.len() - 1] } else { part };
        match lines.last_mut() {
            Some(line) if goes_on => line.push_str(kept),
            _ => lines.push(kept.to_owned()),
        }
        goes_on = odd;
    }
    lines
}
