//! What kind of line one line of a log is.

/// How Python opens the list of its frames.
pub(super) const TRACEBACK: &str = "Traceback (most recent call last):";

const LEVELS: [&str; 8] = ["TRACE", "DEBUG", "INFO", "WARN", "WARNING", "ERROR", "FATAL", "CRITICAL"];
/// Lines that a JVM or a logger writes about itself.
const OF_THE_RUNTIME: [&str; 5] =
    ["SLF4J:", "log4j:", "Picked up ", "OpenJDK 64-Bit Server VM warning", "Setting default log level"];

/// Whether a logger wrote it: a time and a level (`26/11/24 02:00:07 INFO X: …`), or a level (`ERROR:root:…`). An
/// exception's message ends before such a line.
pub(super) fn is_log(line: &str) -> bool {
    let level = |word: &str| {
        let word = word.trim_matches(|c: char| !c.is_ascii_alphabetic());
        LEVELS.contains(&word)
    };
    let first = line.chars().next().unwrap_or_default();
    if first.is_ascii_digit() || first == '[' {
        return line.split_whitespace().take(6).any(level);
    }
    let word = line.split([':', ' ']).next().unwrap_or_default();
    LEVELS.contains(&word) || OF_THE_RUNTIME.iter().any(|start| line.starts_with(start))
}

/// `\tat java.lang.Thread.run(Thread.java:840)`, `\t... 12 more`.
pub(super) fn is_frame(line: &str) -> bool {
    let text = line.trim_start();
    let Some(place) = text.strip_prefix("at ") else { return text.starts_with("... ") };
    let word = place.split(' ').next().unwrap_or_default();
    word.starts_with(|c: char| c.is_alphabetic() || matches!(c, '$' | '_')) && word.contains('(')
}

/// `[812 bytes left out]`: where this worker cut a long text of YARN's (`spark::yarn`).
pub(super) fn is_gap(line: &str) -> bool {
    let count = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(" bytes left out]"));
    count.is_some_and(|count| count.parse::<usize>().is_ok())
}

/// Whether it stands at the left edge and says something.
pub(super) fn is_flush(line: &str) -> bool {
    line.chars().next().is_some_and(|c| !c.is_whitespace())
}

/// The name before the message: `java.io.IOException`, `ValueError`, `KeyError`.
pub(super) fn class(head: &str) -> &str {
    head.split([':', ' ']).next().unwrap_or_default()
}

/// `org.apache.spark.SparkException`, `com.example.Etl$Boom`: packages, and a class in the end.
pub(super) fn is_java_class(word: &str) -> bool {
    let name = word.rsplit('.').next().unwrap_or_default();
    word.contains('.')
        && word.chars().all(|c| c.is_alphanumeric() || matches!(c, '.' | '_' | '$'))
        && name.starts_with(|c: char| c.is_uppercase())
}

/// The head, with the first line of its message where that begins on a line below.
pub(super) fn with_message(head: &str, below: &[&str]) -> String {
    let head = head.trim();
    let Some(class) = head.strip_suffix(':') else { return head.to_owned() };
    let next = below.iter().map(|line| line.trim()).find(|line| !line.is_empty());
    match next.filter(|line| !is_frame(line) && !line.starts_with("Caused by:") && !is_log(line)) {
        Some(message) => format!("{class}: {message}"),
        None => class.to_owned(),
    }
}
