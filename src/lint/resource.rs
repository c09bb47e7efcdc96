//! Which Task states are this worker's: by the ARN of their activity.

use std::time::Duration;

use serde_json::{Map, Value};

use crate::arn::{self, ActivityArn};
use crate::config::{ActivitySettings, HEARTBEAT_INTERVAL};
use crate::job::request::Defaults;
use crate::nearest::distance;

use super::finding::Findings;
use super::walk::AslState;

/// The activities to expect.
pub(super) struct Known<'a> {
    configured: Option<&'a [ActivitySettings]>,
}

/// Whom a state serves.
pub(super) enum Use<'a> {
    /// Not this worker.
    Other,
    /// Nobody can say yet.
    Later,
    /// This worker, or so it was meant.
    Ours(Resource<'a>),
}

/// The activity that a Task state names or means.
pub(super) struct Resource<'a> {
    /// What a configuration says of it; none where there is no configuration.
    configured: Option<&'a ActivitySettings>,
    doubt: Option<Uncertain>,
}

/// What is to say about a Resource.
enum Uncertain {
    /// Nobody polls it.
    Wrong,
    /// It is no ARN.
    NoArn,
    /// It is filled in when the machine is created.
    Later,
}

impl<'a> Known<'a> {
    pub(super) fn new(configured: Option<&'a [ActivitySettings]>) -> Known<'a> {
        Known { configured }
    }

    pub(super) fn look(&self, state: &Map<String, Value>) -> Use<'a> {
        let is_task = state.get("Type").is_some_and(|kind| kind == "Task");
        let Some(resource) = state.get("Resource").filter(|_| is_task) else { return Use::Other };
        if filled_in_later(resource) {
            return self.guess(resource, state);
        }
        let Some(arn) = resource.as_str() else { return Use::Other };
        match self.configured {
            Some(activities) => match activities.iter().find(|activity| activity.arn.as_str() == arn) {
                Some(activity) => Use::named(Some(activity), None),
                None => activities
                    .iter()
                    .find(|activity| near(arn, &activity.arn))
                    .map_or(Use::Other, |activity| Use::named(Some(activity), Some(Uncertain::Wrong))),
            },
            None if is_arn(arn) => Use::any(None),
            None if arn.contains(":activity:") => Use::any(Some(Uncertain::NoArn)),
            None => Use::Other,
        }
    }

    /// What is filled in later is the worker's where it calls itself an activity, or its input is one of ours.
    fn guess(&self, resource: &Value, state: &Map<String, Value>) -> Use<'a> {
        let text = resource.as_str().map_or_else(|| resource.to_string(), str::to_owned);
        let input = ["Parameters", "Arguments"].into_iter().find_map(|field| state.get(field)?.as_object());
        let is_input = input.is_some_and(|input| OF_OURS.iter().any(|key| input.contains_key(*key)));
        if !text.to_ascii_lowercase().contains("activity") && (text.starts_with("arn:") || !is_input) {
            return if text.starts_with("arn:") { Use::Other } else { Use::Later };
        }
        match self.configured {
            Some(activities) => Use::named(activities.first(), Some(Uncertain::Later)),
            None => Use::any(Some(Uncertain::Later)),
        }
    }
}

/// Keys that no other task's input has.
pub(super) const OF_OURS: [&str; 4] = ["File", "File.$", "LivyHost", "LivyHost.$"];

/// Whether a value is filled in when the machine is created: `${…}` of a template or of its substitutions, or a function
/// of CloudFormation (`Ref`, `Fn::GetAtt`, `Fn::Sub`, …).
pub(super) fn filled_in_later(value: &Value) -> bool {
    match value {
        Value::String(text) => has_placeholder(text),
        Value::Object(members) => {
            members.len() == 1 && members.keys().all(|key| key == "Ref" || key.starts_with("Fn::"))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => false,
    }
}

/// Whether a text has a `${…}`.
pub(super) fn has_placeholder(text: &str) -> bool {
    text.split_once("${").is_some_and(|(_, rest)| rest.contains('}'))
}

/// Whether a value is a text, or will be one.
pub(super) fn is_text(value: &Value) -> bool {
    value.is_string() || filled_in_later(value)
}

impl<'a> Use<'a> {
    fn named(activity: Option<&'a ActivitySettings>, doubt: Option<Uncertain>) -> Use<'a> {
        activity.map_or(Use::Other, |activity| Use::Ours(Resource { configured: Some(activity), doubt }))
    }

    fn any(doubt: Option<Uncertain>) -> Use<'a> {
        Use::Ours(Resource { configured: None, doubt })
    }
}

impl Resource<'_> {
    /// What its inputs inherit; none where that is not known.
    pub(super) fn defaults(&self) -> Option<&Defaults> {
        self.configured.map(|activity| &activity.defaults)
    }

    /// From heartbeat to heartbeat.
    pub(super) fn heartbeat_interval(&self) -> Duration {
        self.configured.map_or(HEARTBEAT_INTERVAL, |activity| activity.heartbeat_interval)
    }

    pub(super) fn report(&self, state: &AslState, findings: &mut Findings) {
        let path = state.at("Resource");
        match self.doubt {
            None => {}
            Some(Uncertain::Later) => findings.note(path, "is filled in later, and cannot be checked", ""),
            Some(Uncertain::NoArn) => findings.error(
                path,
                "is not an activity's ARN",
                "write arn:aws:states:REGION:ACCOUNT:activity:NAME, the account with 12 digits",
            ),
            Some(Uncertain::Wrong) => {
                let meant = self.configured.map(|activity| format!("did you mean {}?", activity.arn));
                findings.error(path, "this worker does not poll that activity", meant.unwrap_or_default());
            }
        }
    }
}

/// Whether it is an activity's ARN that Step Functions takes.
fn is_arn(arn: &str) -> bool {
    ActivityArn::parse(arn).is_some()
}

/// Whether one ARN was probably meant to be the other.
fn near(given: &str, known: &ActivityArn) -> bool {
    let (named, wanted) = (arn::name(given), known.name());
    if is_arn(given) {
        return named == wanted || (far(named, wanted) <= MAX_SLIPS && !siblings(named, wanted));
    }
    far(given, known.as_str()) <= MAX_SLIPS
}

/// So many letters may be wrong in an ARN that is still recognised.
const MAX_SLIPS: usize = 2;

fn far(a: &str, b: &str) -> usize {
    distance(&a.chars().collect::<Vec<_>>(), &b.chars().collect::<Vec<_>>())
}

/// `spark-job-a` and `spark-job-b`, `spark-job` and `spark-job2`: names that differ on purpose.
fn siblings(a: &str, b: &str) -> bool {
    fn stem(name: &str) -> &str {
        let stem = name.trim_end_matches(|c: char| c.is_ascii_digit());
        match stem.rsplit_once(['-', '_', '.']) {
            Some((stem, last)) if last.len() <= MAX_SLIPS => stem,
            Some(_) | None => stem,
        }
    }
    stem(a) == stem(b)
}
