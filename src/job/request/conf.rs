//! Spark properties: what a task may set, and what the worker adds.
//!
//! The worker finds an application again by its YARN tag, and judges it in cluster mode only. So a task can neither
//! displace the tag nor choose the master or the deploy mode.

use std::collections::{BTreeMap, BTreeSet};

use super::json::{Json, Type};
use super::problem::{Problems, member, shown};
use super::value::{argument_len, expected, fits};

/// Livy puts a tag of its own in front, everything else is kept (`SparkApp.prepareSparkConf`).
const TAGS: &str = "spark.yarn.tags";
/// YARN starts a failed application master again by default, which would run the job twice under one application.
const MAX_ATTEMPTS: &str = "spark.yarn.maxAppAttempts";
/// On every application of this worker.
const WORKER_TAG: &str = "spark-job-worker";
/// What the tag of a single run begins with.
pub(super) const RUN_TAG_PREFIX: &str = "sjw-";

/// YARN takes ten tags, each of at most 100 ASCII characters (`ApplicationSubmissionContext`). One is Livy's and two
/// are the worker's.
const MAX_TAGS: usize = 7;
const MAX_TAG_LEN: usize = 100;

/// Checks a map of properties. `None` means that at least one problem was added.
pub(super) fn check(value: Json, path: &str, problems: &mut Problems) -> Option<BTreeMap<String, String>> {
    if value.kind() != Type::Object {
        problems.add(path, expected("an object", value));
        return None;
    }
    let mut conf = BTreeMap::new();
    let mut sound = true;
    for (key, value) in value.members() {
        let mut wrong = |text: String| {
            problems.add(member(path, &key), text);
            sound = false;
        };
        match property(&key, value) {
            Err(text) => wrong(text),
            Ok(text) => {
                if key == TAGS {
                    tag_problems(&text).into_iter().for_each(&mut wrong);
                }
                if conf.contains_key(&key) {
                    wrong("is given twice".to_owned());
                }
                conf.insert(key, text);
            }
        }
    }
    sound.then_some(conf)
}

/// Adds what the worker sets on every run.
pub(super) fn complete(conf: &mut BTreeMap<String, String>, run_tag: &str) {
    let given = conf.get(TAGS).map(String::as_str).unwrap_or_default();
    let tags: Vec<&str> = user_tags(given).into_iter().chain([WORKER_TAG, run_tag]).collect();
    let tags = tags.join(",");
    conf.insert(TAGS.to_owned(), tags);
    conf.entry(MAX_ATTEMPTS.to_owned()).or_insert_with(|| "1".to_owned());
}

fn property(key: &str, value: Json) -> Result<String, String> {
    refused(key)?;
    let text = value.scalar().ok_or_else(|| expected("a string, number or boolean", value))?;
    fits(key, 0)?;
    fits(&text, argument_len(key, text.len()))?;
    Ok(text)
}

fn refused(key: &str) -> Result<(), String> {
    let reason = match key {
        "" => "a property needs a name",
        "spark.master" => "may not be set: the master is a setting of Livy",
        "spark.submit.deployMode" => {
            "may not be set: jobs run in YARN's cluster mode, a setting of Livy, which refuses this key, too"
        }
        _ if key.ends_with(".$") => UNEVALUATED,
        // `spark.yarn.tags=x` with any value reaches Spark as `spark.yarn.tags`, because it splits `--conf` arguments
        // at the first `=` (`SparkSubmitUtils.parseSparkConfProperty`).
        _ if key.contains('=') => {
            "a property's name cannot hold `=`: Spark would take what follows for its value"
        }
        _ => return Ok(()),
    };
    Err(reason.to_owned())
}

/// What a key that ends in `.$` means wherever it arrives.
pub(super) const UNEVALUATED: &str = "the state machine did not evaluate this key: it replaces keys ending \
    in `.$` only in the Parameters of a Task state, and only where the query language is JSONPath (in JSONata, write \
    `{% … %}`)";

/// The tags in a property's value: Spark splits it at commas and trims each. YARN writes all in lower case, so a
/// repetition in other letters is one, too; the worker's own tag is added later.
fn user_tags(value: &str) -> Vec<&str> {
    let mut seen = BTreeSet::from([WORKER_TAG.to_owned()]);
    let tags = value.split(',').map(str::trim).filter(|tag| !tag.is_empty());
    tags.filter(|tag| seen.insert(tag.to_ascii_lowercase())).collect()
}

fn tag_problems(value: &str) -> Vec<String> {
    let tags = user_tags(value);
    let mut problems: Vec<String> = tags.iter().filter_map(|tag| tag_problem(tag)).collect();
    if tags.len() > MAX_TAGS {
        problems.push(format!(
            "{} tags are too many: YARN takes ten, of which Livy needs one and this worker two",
            tags.len()
        ));
    }
    problems
}

fn tag_problem(tag: &str) -> Option<String> {
    let reason = if tag.to_ascii_lowercase().starts_with(RUN_TAG_PREFIX) {
        "by tags beginning with `sjw-` this worker knows its own runs"
    } else if !tag.is_ascii() {
        "YARN takes ASCII only"
    } else if tag.len() > MAX_TAG_LEN {
        "YARN takes at most 100 characters"
    } else {
        return None;
    };
    Some(format!("the tag {} cannot be used: {reason}", shown(tag)))
}
