//! Where lines end: the contract, and printing them as text or JSON.

use std::io::Write;
use std::time::SystemTime;

use serde_json::{Map, Value, json};

use super::Format;
use super::line::Line;
use crate::printable::printable;

/// Takes lines one by one. May block; whatever goes wrong stays in here, because nobody is left to be told.
pub(super) trait Sink: Send {
    /// Writes one line.
    fn write(&mut self, line: &Line);
}

/// Prints each line, in one call.
#[derive(Debug)]
pub(super) struct Printed<W> {
    out: W,
    format: Format,
}

impl<W> Printed<W> {
    /// Prints to `out`.
    pub(super) fn new(out: W, format: Format) -> Printed<W> {
        Printed { out, format }
    }
}

impl<W: Write + Send> Sink for Printed<W> {
    fn write(&mut self, line: &Line) {
        let mut text = match self.format {
            Format::Text => text(line),
            Format::Json => printable(&json(line)).into_owned(),
        };
        text.push('\n');
        let _ = self.out.write_all(text.as_bytes());
    }
}

fn text(line: &Line) -> String {
    let mut text = format!("{} {} ", timestamp(line), line.origin.level);
    text.push_str(&printable(&line.message));
    for (name, value) in &line.fields {
        push_field(&mut text, name, value);
    }
    text
}

fn json(line: &Line) -> String {
    let fields = line.fields.iter().map(|(name, value)| ((*name).to_owned(), Value::from(value.as_str())));
    json!({
        "timestamp": timestamp(line).to_string(),
        "level": line.origin.level.as_str(),
        "message": line.message,
        "target": line.origin.target,
        "fields": fields.collect::<Map<_, _>>(),
    })
    .to_string()
}

fn timestamp(line: &Line) -> humantime::Rfc3339Timestamp {
    humantime::format_rfc3339_millis(line.time.max(SystemTime::UNIX_EPOCH))
}

/// Appends ` name=value`, the value in quotes where it would not end at the next space.
pub(super) fn push_field(text: &mut String, name: &str, value: &str) {
    text.push(' ');
    text.push_str(name);
    text.push('=');
    let is_plain = !value.is_empty() && !value.contains(|c: char| c.is_whitespace() || c == '"');
    if is_plain {
        text.push_str(&printable(value));
    } else {
        text.push('"');
        text.push_str(&printable(&value.replace('\\', "\\\\").replace('"', "\\\"")));
        text.push('"');
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tracing::Level;

    use super::super::line::Origin;
    use super::*;

    #[test]
    fn a_line_of_text_has_time_level_message_and_fields() {
        check(
            Format::Text,
            "the job ended",
            &[("task_id", "0123456789abcdef"), ("job_name", "taxi of today"), ("error", "")],
            "2026-11-24T18:20:00.123Z INFO the job ended task_id=0123456789abcdef job_name=\"taxi of today\" error=\"\"\n",
        );
    }

    #[test]
    fn a_line_of_text_stays_one_line() {
        check(
            Format::Text,
            "first\nsecond\r\u{1b}[31m",
            &[("error", "a \"b\"\nc\\d")],
            "2026-11-24T18:20:00.123Z INFO first\\nsecond\\r\\u001b[31m error=\"a \\\"b\\\"\\nc\\\\d\"\n",
        );
    }

    #[test]
    fn a_line_of_json_is_one_object() {
        check(
            Format::Json,
            "first\nsecond",
            &[("task_id", "0123456789abcdef")],
            "{\"timestamp\":\"2026-11-24T18:20:00.123Z\",\"level\":\"INFO\",\"message\":\"first\\nsecond\",\
             \"target\":\"spark_job_worker::job\",\"fields\":{\"task_id\":\"0123456789abcdef\"}}\n",
        );
    }

    #[track_caller]
    fn check(format: Format, message: &str, fields: &[(&'static str, &str)], expected: &str) {
        let mut sink = Printed::new(Vec::new(), format);
        sink.write(&Line {
            time: SystemTime::UNIX_EPOCH + Duration::from_millis(1_795_544_400_123),
            origin: Origin { level: Level::INFO, target: "spark_job_worker::job", file: None, line: None },
            message: message.to_owned(),
            fields: fields.iter().map(|(name, value)| (*name, (*value).to_owned())).collect(),
        });
        assert_eq!(String::from_utf8(sink.out).unwrap(), expected);
    }
}
