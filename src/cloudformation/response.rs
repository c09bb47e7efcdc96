//! What CloudFormation is told: one JSON object of at most 4,096 bytes.
//!
//! The limits are the service's (user guide, custom resource response objects; the 4,096 bytes are inclusive). A
//! `Reason` that is null makes the whole answer void, an empty physical id replaces our reason by one of its own, and an
//! attribute that a template reads and an answer lacks fails the stack: so all of them are always there.

use serde_json::{Map, Value, json};

use crate::job::report::{Failure, Reached, Source, Success};
use crate::printable::printable;

/// The longest answer that CloudFormation reads, in bytes.
pub const MAX_BODY: usize = 4_096;
/// The longest URL that is sent.
const MAX_URL: usize = 512;
/// So many bytes of a message are worth more than any URL.
const LEAST: usize = 200;

/// What every answer has for `Fn::GetAtt`.
pub const ATTRIBUTES: [&str; 7] =
    ["ApplicationId", "BatchId", "Name", "State", "TrackingUrl", "DriverLogUrl", "VerdictSource"];

/// Whose answer it is, as the request named them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ids {
    /// The stack's ARN.
    pub stack_id: String,
    /// The request's.
    pub request_id: String,
    /// The template's.
    pub logical_id: String,
    /// The resource's, from now on.
    pub physical_id: String,
}

/// What `Fn::GetAtt` can ask for: texts, empty where they are not known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Attributes {
    /// YARN's id.
    pub application_id: String,
    /// Livy's number.
    pub batch_id: String,
    /// The batch's name.
    pub name: String,
    /// YARN's word for how far it is, or `DELETED`.
    pub state: String,
    /// Where the application can be looked at.
    pub tracking_url: String,
    /// Where the driver's log is.
    pub driver_log_url: String,
    /// Whose word it is.
    pub verdict_source: String,
}

/// How a request ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// SUCCESS, with what there is to see.
    Success(Attributes),
    /// FAILED.
    Failed {
        /// What is known of the run.
        attributes: Attributes,
        /// The error's name.
        error: String,
        /// One sentence for a person.
        message: String,
        /// The last lines of a log, the oldest first.
        log: Vec<String>,
    },
}

impl Attributes {
    /// Of a job that has ended well.
    pub fn of_success(success: &Success) -> Attributes {
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        Attributes {
            application_id: text(&success.application_id),
            batch_id: success.batch_id.map(|id| id.to_string()).unwrap_or_default(),
            name: success.name.clone(),
            state: "SUCCEEDED".to_owned(),
            tracking_url: text(&success.tracking_url),
            driver_log_url: text(&success.driver_log_url),
            verdict_source: success.verdict_source.as_str().to_owned(),
        }
    }

    /// Of one that was waited for and is left alone.
    pub fn of_reached(reached: &Reached) -> Attributes {
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        Attributes {
            application_id: text(&reached.application_id),
            batch_id: reached.batch_id.map(|id| id.to_string()).unwrap_or_default(),
            name: reached.name.clone(),
            state: reached.state.clone(),
            tracking_url: text(&reached.tracking_url),
            driver_log_url: text(&reached.driver_log_url),
            verdict_source: Source::Yarn.as_str().to_owned(),
        }
    }

    /// Of one that has not, as far as a failure knows the run.
    fn of_failure(failure: &Failure, name: &str) -> Attributes {
        Attributes {
            application_id: failure.application_id.clone().unwrap_or_default(),
            batch_id: failure.batch_id.map(|id| id.to_string()).unwrap_or_default(),
            name: name.to_owned(),
            state: "FAILED".to_owned(),
            driver_log_url: failure.log_url.clone().unwrap_or_default(),
            verdict_source: failure.verdict_source.as_str().to_owned(),
            tracking_url: String::new(),
        }
    }

    fn to_json(&self) -> Value {
        let values = [
            &self.application_id,
            &self.batch_id,
            &self.name,
            &self.state,
            &self.tracking_url,
            &self.driver_log_url,
            &self.verdict_source,
        ];
        let named = ATTRIBUTES.into_iter().zip(values);
        Value::Object(named.map(|(name, value)| (name.to_owned(), Value::from(value.as_str()))).collect())
    }
}

impl Verdict {
    /// Of a failure, without what looks like a secret. `name`: the batch's.
    pub fn failed(failure: &Failure, name: &str) -> Verdict {
        let told = failure.told();
        let message = match &told.root_cause {
            Some(cause) if !told.failure.message.contains(cause.as_str()) => {
                format!("{}: {cause}", told.failure.message)
            }
            Some(_) | None => told.failure.message.clone(),
        };
        let logs = [&told.failure.driver.stdout, &told.failure.driver.stderr, &told.failure.log];
        Verdict::Failed {
            attributes: Attributes::of_failure(&told.failure, name),
            error: told.failure.error.as_str().to_owned(),
            message,
            log: logs.into_iter().find(|log| !log.is_empty()).cloned().unwrap_or_default(),
        }
    }
}

/// The answer. The same for the same arguments, so that a second PUT changes nothing.
pub fn body(ids: &Ids, verdict: &Verdict) -> Vec<u8> {
    match verdict {
        Verdict::Success(attributes) => {
            let attributes = fitting(ids, attributes);
            let reason = match attributes.application_id.as_str() {
                "" => attributes.state.clone(),
                id => format!("{id} is {}", attributes.state),
            };
            render(ids, "SUCCESS", &reason, &attributes)
        }
        Verdict::Failed { attributes, error, message, log } => {
            let attributes = fitting(ids, attributes);
            let place = match (attributes.application_id.as_str(), attributes.driver_log_url.as_str()) {
                ("", _) => String::new(),
                (id, "") => format!(" [{id}]"),
                (id, url) => format!(" [{id}, log {url}]"),
            };
            let over = |message: &str, place: &str| {
                size(ids, &format!("{error}: {message}{place}"), &attributes).saturating_sub(MAX_BODY)
            };
            let place = if over(&"x".repeat(LEAST), &place) == 0 { place } else { String::new() };
            let message = clean(message);
            let message = shortened(&message, over(&message, &place));
            let told = format!("{error}: {message}{place}");
            let lines = last_lines(log, MAX_BODY.saturating_sub(size(ids, &told, &attributes)));
            render(ids, "FAILED", &format!("{told}{lines}"), &attributes)
        }
    }
}

/// As much of them as leaves room for a reason. A part of a URL helps nobody, so it is whole or not there.
fn fitting(ids: &Ids, attributes: &Attributes) -> Attributes {
    let mut kept = attributes.clone();
    for url in [&mut kept.tracking_url, &mut kept.driver_log_url] {
        if escaped_len(url) > MAX_URL {
            url.clear();
        }
    }
    let fits = |kept: &Attributes| size(ids, &"x".repeat(2 * LEAST), kept) <= MAX_BODY;
    if !fits(&kept) {
        kept.tracking_url.clear();
    }
    if !fits(&kept) {
        kept.driver_log_url.clear();
    }
    if fits(&kept) { kept } else { Attributes { state: kept.state, ..Attributes::default() } }
}

/// As one line, and never empty.
fn clean(text: &str) -> String {
    let line = printable(text.trim());
    if line.is_empty() { "no reason is known".to_owned() } else { line.into_owned() }
}

/// Without so many bytes of its JSON at the end, never cut inside a character, and never empty.
fn shortened(text: &str, excess: usize) -> String {
    if excess == 0 {
        return text.to_owned();
    }
    let room = escaped_len(text).saturating_sub(excess + "…".len());
    let mut used = 0;
    let end = text.char_indices().find(|(_, c)| {
        used += escaped_len(c.encode_utf8(&mut [0; 4]));
        used > room
    });
    format!("{}…", &text[..end.map_or(text.len(), |(at, _)| at)])
}

/// The last lines that have room, behind the sign that parts them from the message.
fn last_lines(log: &[String], room: usize) -> String {
    let mut lines: Vec<String> = Vec::new();
    let mut used = 0;
    for line in log.iter().rev().map(|line| printable(line.trim_end()).into_owned()) {
        used += escaped_len(&line) + " | ".len();
        if used > room {
            break;
        }
        lines.push(line);
    }
    lines.iter().rev().filter(|line| !line.is_empty()).map(|line| format!(" | {line}")).collect()
}

/// What a text takes inside a string of JSON.
fn escaped_len(text: &str) -> usize {
    Value::from(text).to_string().len() - 2
}

/// How long an answer is, whichever its status.
fn size(ids: &Ids, reason: &str, attributes: &Attributes) -> usize {
    render(ids, "SUCCESS", reason, attributes).len()
}

fn render(ids: &Ids, status: &str, reason: &str, attributes: &Attributes) -> Vec<u8> {
    let mut answer = Map::new();
    answer.insert("Status".to_owned(), json!(status));
    answer.insert("Reason".to_owned(), json!(clean(reason)));
    answer.insert("PhysicalResourceId".to_owned(), json!(ids.physical_id));
    answer.insert("StackId".to_owned(), json!(ids.stack_id));
    answer.insert("RequestId".to_owned(), json!(ids.request_id));
    answer.insert("LogicalResourceId".to_owned(), json!(ids.logical_id));
    answer.insert("NoEcho".to_owned(), json!(false));
    answer.insert("Data".to_owned(), attributes.to_json());
    Value::Object(answer).to_string().into_bytes()
}

#[cfg(test)]
mod tests;
