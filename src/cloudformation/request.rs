//! A message of the queue becomes an [`Order`], or stays in the queue for the reason that is said.
//!
//! CloudFormation publishes a request to the topic, SNS wraps it (an *envelope*, with the time at which it was published
//! and the topic) unless the subscription asks for raw delivery, SQS hands it out. What is refused here was written by
//! nobody who can be answered, or names a place that may not be answered: it is never run and never deleted, and the
//! queue moves it to the dead letters.

mod properties;
mod url;

use std::fmt;
use std::time::{Duration, UNIX_EPOCH};

use serde_json::{Map, Value};

use crate::arn::StackArn;
use crate::job::goal::Goal;
use crate::job::request::shown;
use crate::job::timestamp::Timestamp;
use crate::printable::printable;
pub use properties::{Fingerprint, GROUPS, Mode, OWN, Properties, Wanted, near_own};
pub use url::ResponseUrl;

/// How long CloudFormation waits at most, and where a template says nothing
/// (`AWS::CloudFormation::CustomResource`, `ServiceTimeout`: 1 to 3600 seconds).
const LONGEST: u64 = 3_600;
/// The longest `PhysicalResourceId` (user guide, custom resource response objects: up to 1 KB).
const MAX_PHYSICAL_ID: usize = 1_024;
/// The longest of the other ids, which are far shorter: an answer must have room for all of them.
const MAX_ID: usize = 256;

/// What the configuration says about the requests of one door.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules {
    /// The topic that they come through.
    pub topic: String,
    /// Patterns of the stacks that may send them; `*` stands for any text.
    pub stacks: Vec<String>,
    /// Exact origins that may be answered, in the place of AWS's own; for tests.
    pub origins: Vec<String>,
    /// How long before CloudFormation gives up the answer is sent at the latest.
    pub margin: Duration,
    /// What a resource waits for that does not say it.
    pub goal: Goal,
}

/// What CloudFormation wants of one resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// Tells the requests of a resource apart.
    pub request_id: String,
    /// The stack's ARN.
    pub stack_id: String,
    /// What the template calls the resource.
    pub logical_id: String,
    /// What is to be done.
    pub kind: Kind,
    /// What the template says about the job.
    pub properties: Properties,
    /// When it was published.
    pub at: Timestamp,
    /// For how long CloudFormation waits from then on.
    pub timeout: Duration,
    /// Where it is answered.
    pub url: ResponseUrl,
}

/// What is to be done with a resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// There is none yet.
    Create,
    /// Its properties have changed.
    Update {
        /// What CloudFormation takes for the resource.
        physical_id: String,
        /// The properties that it had.
        old: Fingerprint,
    },
    /// It is to go.
    Delete {
        /// What CloudFormation takes for the resource; invented by it where a Create was never answered.
        physical_id: String,
    },
}

impl Kind {
    /// As CloudFormation writes it.
    pub fn as_str(&self) -> &'static str {
        match self {
            Kind::Create => "Create",
            Kind::Update { .. } => "Update",
            Kind::Delete { .. } => "Delete",
        }
    }
}

impl Order {
    /// Reads a message's body. `sent`: when SQS took it, for a message that does not say when it was published.
    ///
    /// # Errors
    /// [`Refused`]: why it is left in the queue.
    pub fn read(body: &str, sent: Timestamp, rules: &Rules) -> Result<Order, Refused> {
        let outer = object(body)?;
        let (fields, at) = match outer.get("Type").and_then(Value::as_str) {
            Some("Notification") => {
                let topic = text(&outer, "TopicArn").map_err(Refused::NoRequest)?;
                if topic != rules.topic {
                    return Err(Refused::OtherTopic(topic));
                }
                let published = text(&outer, "Timestamp").map_err(Refused::NoRequest)?;
                (object(&text(&outer, "Message").map_err(Refused::NoRequest)?)?, time(&published)?)
            }
            Some(_) | None => (outer, sent),
        };
        let stack_id = id(&fields, "StackId")?;
        let stack = StackArn::parse(&stack_id).ok_or_else(|| Refused::ForeignStack(stack_id.clone()))?;
        if !rules.stacks.iter().any(|pattern| matches(pattern, &stack_id)) {
            return Err(Refused::ForeignStack(stack_id));
        }
        let url = text(&fields, "ResponseURL").map_err(Refused::NoRequest)?;
        let url = ResponseUrl::check(url, &stack, &rules.origins).map_err(Refused::Url)?;
        let properties = Properties::of(&fields, "ResourceProperties");
        let kind = match text(&fields, "RequestType").map_err(Refused::NoRequest)?.as_str() {
            "Create" => Kind::Create,
            "Update" => {
                let old = Properties::of(&fields, "OldResourceProperties").fingerprint();
                Kind::Update { physical_id: id(&fields, "PhysicalResourceId")?, old }
            }
            "Delete" => Kind::Delete { physical_id: id(&fields, "PhysicalResourceId")? },
            other => return Err(Refused::NoRequest(format!("RequestType is {}", shown(other)))),
        };
        let timeout = timeout(fields.get("ServiceTimeout").or_else(|| properties.get("ServiceTimeout")));
        let (request_id, logical_id) = (id(&fields, "RequestId")?, id(&fields, "LogicalResourceId")?);
        Ok(Order { request_id, stack_id, logical_id, kind, properties, at, timeout, url })
    }

    /// What CloudFormation takes for the resource; `None` where there is none yet.
    pub fn named(&self) -> Option<&str> {
        match &self.kind {
            Kind::Create => None,
            Kind::Update { physical_id, .. } | Kind::Delete { physical_id } => Some(physical_id),
        }
    }

    /// By when it must be answered: a while before CloudFormation gives up.
    pub fn deadline(&self, margin: Duration) -> Timestamp {
        self.after(self.timeout - margin.min(self.timeout / 4))
    }

    /// Whether CloudFormation has given up.
    pub fn is_stale(&self, now: Timestamp) -> bool {
        now >= self.after(self.timeout)
    }

    fn after(&self, wait: Duration) -> Timestamp {
        Timestamp(self.at.0.saturating_add(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX)))
    }
}

/// Why a message is left in the queue. Shows no URL: who has one can answer for us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refused {
    /// It is not JSON, or no object.
    NotJson(String),
    /// It is no request of CloudFormation's.
    NoRequest(String),
    /// It came through another topic.
    OtherTopic(String),
    /// The stack may not send requests here.
    ForeignStack(String),
    /// Its answer would go to a place that is not CloudFormation's.
    Url(String),
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refused::NotJson(why) => write!(f, "it is no JSON object ({why})"),
            Refused::NoRequest(why) => write!(f, "it is no request for a custom resource ({why})"),
            Refused::OtherTopic(topic) => {
                write!(f, "it came through the topic {}, not through topic_arn", shown(topic))
            }
            Refused::ForeignStack(stack) => {
                write!(f, "its stack {} is none of `stacks`", printable(&shown_id(stack)))
            }
            Refused::Url(why) => write!(f, "its ResponseURL is not CloudFormation's: {why}"),
        }
    }
}

/// An ARN is worth more than the beginning of it.
fn shown_id(id: &str) -> String {
    format!("\"{}\"", id.chars().take(MAX_ID).collect::<String>())
}

fn object(json: &str) -> Result<Map<String, Value>, Refused> {
    match serde_json::from_str(json) {
        Ok(Value::Object(fields)) => Ok(fields),
        Ok(_) => Err(Refused::NotJson("it is another value".to_owned())),
        Err(error) => Err(Refused::NotJson(error.to_string())),
    }
}

fn text(fields: &Map<String, Value>, key: &str) -> Result<String, String> {
    match fields.get(key) {
        Some(Value::String(text)) if !text.is_empty() => Ok(text.clone()),
        Some(_) => Err(format!("{key} is no text")),
        None => Err(format!("it has no {key}")),
    }
}

/// An id that is sent back as it came: one that has room in an answer.
fn id(fields: &Map<String, Value>, key: &str) -> Result<String, Refused> {
    let id = text(fields, key).map_err(Refused::NoRequest)?;
    let longest = if key == "PhysicalResourceId" { MAX_PHYSICAL_ID } else { MAX_ID };
    if id.len() > longest || id.chars().any(char::is_control) {
        return Err(Refused::NoRequest(format!("{key} is none of CloudFormation's")));
    }
    Ok(id)
}

fn time(published: &str) -> Result<Timestamp, Refused> {
    let wrong = || Refused::NoRequest(format!("Timestamp is {}", shown(published)));
    let at = humantime::parse_rfc3339(published).map_err(|_| wrong())?;
    let since = at.duration_since(UNIX_EPOCH).map_err(|_| wrong())?;
    Ok(Timestamp(u64::try_from(since.as_millis()).map_err(|_| wrong())?))
}

/// CloudFormation writes a text and has checked it. What cannot be read counts as its own default.
fn timeout(given: Option<&Value>) -> Duration {
    let seconds = match given {
        Some(Value::String(text)) => text.trim().parse().ok(),
        Some(Value::Number(number)) => number.as_u64(),
        Some(_) | None => None,
    };
    Duration::from_secs(seconds.filter(|seconds| (1..=LONGEST).contains(seconds)).unwrap_or(LONGEST))
}

/// Whether a text is what a pattern says, in which `*` stands for any text, also for none.
fn matches(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|start| text.strip_prefix(start)) else { return false };
    let parts: Vec<&str> = parts.collect();
    let Some((last, between)) = parts.split_last() else { return rest.is_empty() };
    for part in between {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests;
