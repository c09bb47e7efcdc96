//! Which Task states are this worker's: by the ARN of their activity.

use std::borrow::Cow;

use serde_json::{Map, Value};

use crate::arn::{self, ActivityArn};
use crate::config::Activity;
use crate::job::request::Defaults;
use crate::nearest::distance;

use super::finding::Findings;
use super::walk::State;

/// The activities to expect.
pub(super) struct Known<'a> {
    configured: Option<&'a [Activity]>,
}

/// Whom a state serves.
pub(super) enum Use<'a> {
    /// Not this worker.
    Other,
    /// This worker, or so it was meant.
    Ours(Resource<'a>),
}

/// The activity that a Task state names or means.
pub(super) struct Resource<'a> {
    pub(super) activity: Cow<'a, Activity>,
    /// Whether the activity's keys are those of a configuration.
    pub(super) configured: bool,
    doubt: Option<Doubt>,
}

/// What is to say about a Resource.
enum Doubt {
    /// Nobody polls it.
    Wrong,
    /// It is no ARN.
    NoArn,
    /// It is filled in when the machine is created.
    Later,
}

impl<'a> Known<'a> {
    pub(super) fn new(configured: Option<&'a [Activity]>) -> Known<'a> {
        Known { configured }
    }

    pub(super) fn look(&self, state: &Map<String, Value>) -> Use<'a> {
        let is_task = state.get("Type").is_some_and(|kind| kind == "Task");
        let Some(arn) = state.get("Resource").and_then(Value::as_str).filter(|_| is_task) else {
            return Use::Other;
        };
        let later = arn.contains("${") && arn.to_ascii_lowercase().contains("activity");
        match self.configured {
            Some(activities) if later => Use::named(activities.first(), Some(Doubt::Later)),
            Some(activities) => match activities.iter().find(|activity| activity.arn == arn) {
                Some(activity) => Use::named(Some(activity), None),
                None => activities
                    .iter()
                    .find(|activity| near(arn, &activity.arn))
                    .map_or(Use::Other, |activity| Use::named(Some(activity), Some(Doubt::Wrong))),
            },
            None if later => Use::any(arn, Some(Doubt::Later)),
            None if is_arn(arn) => Use::any(arn, None),
            None if arn.contains(":activity:") => Use::any(arn, Some(Doubt::NoArn)),
            None => Use::Other,
        }
    }
}

impl<'a> Use<'a> {
    fn named(activity: Option<&'a Activity>, doubt: Option<Doubt>) -> Use<'a> {
        activity.map_or(Use::Other, |activity| {
            Use::Ours(Resource { activity: Cow::Borrowed(activity), configured: true, doubt })
        })
    }

    fn any(arn: &str, doubt: Option<Doubt>) -> Use<'a> {
        Use::Ours(Resource { activity: Cow::Owned(Activity::new(arn)), configured: false, doubt })
    }
}

impl Resource<'_> {
    /// What its inputs inherit; none where that is not known.
    pub(super) fn defaults(&self, utf8: bool) -> Option<Defaults> {
        let table = self.configured.then(|| self.activity.defaults.clone())?;
        Some(Defaults::new(table, utf8).unwrap_or_default())
    }

    pub(super) fn report(&self, state: &State, findings: &mut Findings) {
        let path = state.at("Resource");
        match self.doubt {
            None => {}
            Some(Doubt::Later) => findings.note(path, "is filled in later, and cannot be checked", ""),
            Some(Doubt::NoArn) => findings.error(
                path,
                "is not an activity's ARN",
                "write arn:aws:states:REGION:ACCOUNT:activity:NAME, the account with 12 digits",
            ),
            Some(Doubt::Wrong) => findings.error(
                path,
                "this worker does not poll that activity",
                format!("did you mean {}?", self.activity.arn),
            ),
        }
    }
}

/// Whether it is an activity's ARN that Step Functions takes.
fn is_arn(arn: &str) -> bool {
    ActivityArn::parse(arn)
        .is_some_and(|arn| arn.account.len() == 12 && arn.account.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Whether one ARN was probably meant to be the other.
fn near(given: &str, known: &str) -> bool {
    let (named, wanted) = (arn::name(given), arn::name(known));
    if is_arn(given) {
        return named == wanted || (far(named, wanted) <= MAX_SLIPS && !siblings(named, wanted));
    }
    far(given, known) <= MAX_SLIPS
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
