//! Spark properties: what a task may set, and what the worker adds.
//!
//! Most properties travel in a file of Spark's own. Some get into a command, an environment or a script of YARN, where
//! a shell reads them (`arrival.rs`): [`reaches_a_shell`] knows which.
//!
//! The worker finds an application again by its YARN tag, and judges it in cluster mode only. So a task can neither
//! displace the tag nor choose the master or the deploy mode.

use std::collections::{BTreeMap, BTreeSet};

use super::super::tags;
use super::Identity;
use super::arrival;
use super::json::{Json, Type};
use super::limits::{argument_len, expected, fits, not_coordinates, scalar};
use super::names;
use super::problem::{Problems, member, shown};

/// Livy puts a tag of its own in front, everything else is kept (`SparkApp.prepareSparkConf`).
const TAGS: &str = "spark.yarn.tags";
/// YARN starts a failed application master again by default, which would run the job twice under one application.
const MAX_ATTEMPTS: &str = "spark.yarn.maxAppAttempts";

/// YARN takes ten tags, each of at most 100 ASCII characters (`ApplicationSubmissionContext`). One is Livy's and two
/// are the worker's.
const MAX_TAGS: usize = 7;
const MAX_TAG_LEN: usize = 100;

/// Checks a map of properties. `None` means that at least one problem was added.
pub(super) fn check(
    value: Json,
    path: &str,
    utf8: bool,
    problems: &mut Problems,
) -> Option<BTreeMap<String, String>> {
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
        match property(&key, value, utf8) {
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
pub(super) fn complete(conf: &mut BTreeMap<String, String>, identity: &Identity) {
    let given = conf.get(TAGS).map(String::as_str).unwrap_or_default();
    let own = [tags::OURS, &identity.tag].into_iter().chain(identity.groups.iter().map(String::as_str));
    let tags = user_tags(given).into_iter().chain(own).collect::<Vec<&str>>().join(",");
    conf.insert(TAGS.to_owned(), tags);
    conf.entry(MAX_ATTEMPTS.to_owned()).or_insert_with(|| "1".to_owned());
}

fn property(key: &str, value: Json, utf8: bool) -> Result<String, String> {
    refused(key)?;
    let text = scalar(value)?;
    arrival::sendable(key, utf8)?;
    // Tags have a rule of their own.
    arrival::sendable(&text, utf8 || key == TAGS)?;
    fits(argument_len(key, text.len()))?;
    if text.trim() != text && key != TAGS {
        // The application master reads a file of properties (`Utils.getPropertiesFromFile`).
        return Err("has white space at an end, which Spark drops on the way".to_owned());
    }
    reaches_a_shell(key, &text)?;
    Ok(text)
}

/// Java options of commands.
const JAVA_OPTIONS: [&str; 5] = [
    "spark.driver.extraJavaOptions",
    "spark.driver.defaultJavaOptions",
    "spark.executor.extraJavaOptions",
    "spark.executor.defaultJavaOptions",
    "spark.yarn.am.extraJavaOptions",
];
/// What Livy or Spark joins with the lists of the same meaning, or keeps its own files in.
const FILES: [&str; 12] = [
    "spark.jars",
    "spark.files",
    "spark.archives",
    "spark.submit.pyFiles",
    "spark.yarn.dist.jars",
    "spark.yarn.dist.files",
    "spark.yarn.dist.archives",
    "spark.yarn.dist.pyFiles",
    "spark.yarn.jars",
    "spark.yarn.archive",
    "spark.yarn.secondary.jars",
    "spark.yarn.user.jar",
];
/// Variables of containers: the rest of the key is the name.
const VARIABLES: [&str; 2] = ["spark.yarn.appMasterEnv.", "spark.executorEnv."];
/// Search paths end so. They are parts of the environment, and the libraries' also of the command.
const SEARCH_PATHS: [&str; 2] = [".extraLibraryPath", ".extraClassPath"];
/// Search paths of Hadoop's own, which end so.
const HADOOP_CLASSPATH: &str = ".application.classpath";
/// What gets into the environment as it is.
const STAGING: &str = "spark.yarn.stagingDir";
/// What executors are given as `-Dkey=value` (`SparkConf.isExecutorStartupConf`; ports as well).
const EXECUTOR_START: [&str; 5] = ["spark.auth", "spark.rpc", "spark.network", "spark.ssl", "spark.port."];

/// Whether a property arrives, where one of the containers' shells reads it (`Client`, `ExecutorRunnable` of Spark).
fn reaches_a_shell(key: &str, value: &str) -> Result<(), String> {
    if JAVA_OPTIONS.contains(&key) {
        return arrival::java_options(key, value);
    }
    if FILES.contains(&key) {
        not_coordinates(key, value)?;
        return names::of_list(value);
    }
    if let Some(name) = VARIABLES.iter().find_map(|prefix| key.strip_prefix(prefix)) {
        arrival::variable(name)?;
        return arrival::value_of(name, value);
    }
    if key.ends_with(HADOOP_CLASSPATH) {
        return arrival::hadoop_classpath(value);
    }
    if SEARCH_PATHS.iter().any(|end| key.ends_with(end)) || key == STAGING {
        return arrival::environment(value);
    }
    if EXECUTOR_START.iter().any(|start| key.starts_with(start)) || key.ends_with(".port") {
        return arrival::plain(&format!("{key}={value}"));
    }
    Ok(())
}

fn refused(key: &str) -> Result<(), String> {
    let bare = key.trim();
    let reason = match key {
        _ if bare.is_empty() => "a property needs a name",
        "spark.master" => "may not be set: the master is a setting of Livy",
        "spark.submit.deployMode" => {
            "may not be set: jobs run in YARN's cluster mode, a setting of Livy, which refuses this key, too"
        }
        // In variables, search paths and options Spark writes the one where it finds the other.
        "spark.yarn.config.gatewayPath" | "spark.yarn.config.replacementPath" => {
            "may not be set: it is a setting of the cluster, and changes other values on their way"
        }
        _ if key.ends_with(".$") => UNEVALUATED,
        _ if bare != key => {
            "has blanks around it, with which it would be another property: write it without them"
        }
        // `spark.yarn.tags=x` with any value reaches Spark as `spark.yarn.tags`, because it splits `--conf` arguments
        // at the first `=` (`SparkSubmitUtils.parseSparkConfProperty`).
        _ if key.contains('=') => {
            "a property's name cannot hold `=`: Spark would take what follows for its value"
        }
        // `SparkSubmitArguments.ignoreNonSparkProperties`
        _ if !key.starts_with("spark.") => {
            return Err(format!(
                "Spark ignores what does not begin with `spark.`: for Hadoop or Hive `spark.hadoop.{key}`"
            ));
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
    let mut seen = BTreeSet::from([tags::OURS.to_owned()]);
    let tags = value.split(',').map(str::trim).filter(|tag| !tag.is_empty());
    tags.filter(|tag| seen.insert(tag.to_ascii_lowercase())).collect()
}

/// Whether there is room for the tags of so many groups beside those that are given, and the worker's other two.
pub(super) fn has_room(conf: &BTreeMap<String, String>, groups: usize) -> Result<(), String> {
    let given = conf.get(TAGS).map_or(0, |given| user_tags(given).len());
    if given <= MAX_TAGS && given + groups > MAX_TAGS {
        return Err(format!(
            "has {given} tags in {TAGS}, which are too many: YARN takes ten, of which Livy needs one and this worker {}",
            groups + 2
        ));
    }
    Ok(())
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
    let reason = if tags::is_reserved(tag) {
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
