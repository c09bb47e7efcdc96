//! What a template says about a resource: the job, and a few keys of the door's own.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use crate::job::goal::Goal;
use crate::job::request::{self, Defaults, Identity, Input, JobRequest, OwnLivy, shown};
use crate::nearest::nearest;

/// The keys that belong to the door and to CloudFormation, beside those of a job; in the nested shape they stand beside
/// `Parameters`.
pub const OWN: [&str; 5] = ["ServiceToken", "ServiceTimeout", "WaitFor", "UpdateMode", "Revision"];
/// How many groups a resource's run belongs to: each has a YARN tag.
pub const GROUPS: usize = 2;
/// Those of them that say nothing about the job.
const SILENT: [&str; 4] = ["ServiceToken", "ServiceTimeout", "WaitFor", "UpdateMode"];

/// How a job is replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// The new one runs first; CloudFormation deletes the old one then.
    Replace,
    /// The old one is ended, verified, before the new one starts.
    StopFirst,
}

/// What tells whether two sets of properties ask for the same job: SHA-256 of them in a form of their own, in hex.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fingerprint(pub String);

/// A resource's properties, as they came. Values can be secrets: none is shown.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Properties(Map<String, Value>);

/// Checked properties.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// What is waited for.
    pub goal: Goal,
    /// How a job that is there is replaced.
    pub mode: Mode,
    /// The job.
    pub job: JobRequest,
}

impl Properties {
    /// Takes them as they were sent, or brought back from the journal.
    pub fn new(properties: Map<String, Value>) -> Properties {
        Properties(properties)
    }

    /// Reads the JSON text of an object.
    ///
    /// # Errors
    /// Why it is none.
    pub fn read(json: &str) -> Result<Properties, String> {
        serde_json::from_str(json).map(Properties).map_err(|error| error.to_string())
    }

    /// A request's; none count as no keys, because a Delete needs none.
    pub(super) fn of(fields: &Map<String, Value>, key: &str) -> Properties {
        Properties(fields.get(key).and_then(Value::as_object).cloned().unwrap_or_default())
    }

    pub(super) fn get(&self, key: &str) -> Option<&Value> {
        self.0.get(key)
    }

    /// JSON of all of them.
    pub fn to_json(&self) -> String {
        Value::Object(self.0.clone()).to_string()
    }

    /// The input of the job: what is left without the door's own keys.
    pub fn input(&self) -> String {
        let is_own = |key: &str| OWN.contains(&key);
        let job = self.0.iter().filter(|(key, _)| !is_own(key));
        Value::Object(job.map(|(key, value)| (key.clone(), value.clone())).collect()).to_string()
    }

    /// What the job is called.
    pub fn job_name(&self, defaults: &Defaults) -> String {
        Input::read(&self.input()).job_name(defaults)
    }

    /// Which job they ask for. `1` and `"1"` are the same, because CloudFormation makes texts of all scalars at some
    /// times and not at others; the order of keys and a null mean nothing.
    pub fn fingerprint(&self) -> Fingerprint {
        let job = self.0.iter().filter(|(key, _)| !SILENT.contains(&key.as_str()));
        let job = job.map(|(key, value)| (key.clone(), value.clone())).collect();
        let digest = Sha256::digest(canonical(&Value::Object(job)).unwrap_or_default());
        Fingerprint(digest.iter().map(|byte| format!("{byte:02x}")).collect())
    }

    /// How a job that is there would be replaced; `None` where they do not say it rightly.
    pub fn mode(&self) -> Option<Mode> {
        match self.0.get("UpdateMode") {
            None | Some(Value::Null) => Some(Mode::Replace),
            Some(Value::String(word)) if word == "REPLACE" => Some(Mode::Replace),
            Some(Value::String(word)) if word == "STOP_FIRST" => Some(Mode::StopFirst),
            Some(_) => None,
        }
    }

    fn goal(&self, unless: Goal) -> Option<Goal> {
        match self.0.get("WaitFor") {
            None | Some(Value::Null) => Some(unless),
            Some(Value::String(word)) => Goal::ALL.into_iter().find(|goal| goal.as_str() == word),
            Some(_) => None,
        }
    }

    /// Checks all of them.
    ///
    /// # Errors
    /// Every problem, in one text.
    pub fn check(
        &self,
        identity: &Identity,
        defaults: &Defaults,
        livy: &OwnLivy,
        unless: Goal,
    ) -> Result<Wanted, String> {
        let (goal, mode) = (self.goal(unless), self.mode());
        let mut problems = self.problems_of_own();
        let input = self.input();
        let job = Input::read(&input).check(identity, defaults, livy);
        match (goal, mode, job) {
            (Some(goal), Some(mode), Ok(job)) if problems.is_empty() => Ok(Wanted { goal, mode, job }),
            (_, _, job) => {
                let of_job = job.err();
                problems.extend(of_job.iter().flat_map(|found| found.iter().map(hinted)));
                Err(problems.join("; "))
            }
        }
    }

    /// What is wrong with the door's own keys: for each its path and what is wrong, joined by `: `.
    pub fn problems_of_own(&self) -> Vec<String> {
        let mut problems = Vec::new();
        if self.goal(Goal::Running).is_none() {
            problems.push(self.not_one_of("WaitFor", &Goal::ALL.map(Goal::as_str)));
        }
        if self.mode().is_none() {
            problems.push(self.not_one_of("UpdateMode", &["REPLACE", "STOP_FIRST"]));
        }
        if matches!(self.0.get("Revision"), Some(Value::Array(_) | Value::Object(_))) {
            problems.push("$.Revision: expected a text".to_owned());
        }
        problems
    }

    fn not_one_of(&self, key: &str, words: &[&str]) -> String {
        let found = match self.0.get(key) {
            Some(Value::String(text)) => shown(text),
            Some(_) | None => "another value".to_owned(),
        };
        format!("$.{key}: expected one of {}, found {found}", words.join(", "))
    }
}

/// A problem, and for a key that is not known the nearest of the door's own where the job has none.
fn hinted(problem: &request::Problem) -> String {
    match near_own(problem) {
        Some(known) => format!("{problem}; did you mean `{known}`?"),
        None => problem.to_string(),
    }
}

/// The nearest of the door's own keys to one that a job does not know, and has nothing near to.
pub fn near_own(problem: &request::Problem) -> Option<&'static str> {
    let key = problem.path.strip_prefix("$.").filter(|key| problem.unknown_key && !key.contains(['.', '[']));
    key.and_then(|key| nearest(key, OWN)).filter(|_| !problem.text.contains("did you mean"))
}

/// A form in which equal values are the same text; `None` for what counts as absent.
fn canonical(value: &Value) -> Option<String> {
    Some(match value {
        Value::Null => return None,
        Value::Bool(flag) => Value::from(flag.to_string()).to_string(),
        Value::Number(number) => Value::from(number.to_string()).to_string(),
        Value::String(text) => Value::from(text.as_str()).to_string(),
        Value::Array(elements) => {
            let elements: Vec<String> = elements
                .iter()
                .map(|element| canonical(element).unwrap_or_else(|| "null".to_owned()))
                .collect();
            format!("[{}]", elements.join(","))
        }
        Value::Object(members) => {
            let members: BTreeMap<&String, String> =
                members.iter().filter_map(|(key, value)| Some((key, canonical(value)?))).collect();
            let members: Vec<String> = members
                .into_iter()
                .map(|(key, value)| format!("{}:{value}", Value::from(key.as_str())))
                .collect();
            format!("{{{}}}", members.join(","))
        }
    })
}

impl fmt::Debug for Properties {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Properties").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn properties(value: Value) -> Properties {
        let Value::Object(fields) = value else { panic!("an object") };
        Properties::new(fields)
    }

    fn check(value: Value) -> Result<Wanted, String> {
        let identity = Identity {
            name: "etl-0".to_owned(),
            tag: "sjw-0".to_owned(),
            groups: vec!["sjw-g-0".to_owned(), "sjw-r-0".to_owned()],
        };
        let livy = OwnLivy::new(["livy.here".to_owned()], 8998);
        properties(value).check(&identity, &Defaults::none(false), &livy, Goal::Running)
    }

    #[test]
    fn a_job_runs_with_the_texts_that_cloudformation_makes_of_scalars() {
        let wanted = check(json!({
            "ServiceToken": "arn:aws:sns:eu-west-1:123456789012:jobs", "ServiceTimeout": "900", "Revision": "7",
            "File": "s3://b/etl.py", "Args": ["true", "4"], "NumExecutors": "4", "ExecutorMemory": "2g",
        }));
        let wanted = wanted.expect("it is good");
        assert_eq!((wanted.goal, wanted.mode), (Goal::Running, Mode::Replace));
        let batch = serde_json::to_value(&wanted.job.batch).unwrap();
        assert_eq!(batch["numExecutors"], 4);
        assert_eq!(batch["args"], json!(["true", "4"]));
        assert_eq!(batch["conf"]["spark.yarn.tags"], "spark-job-worker,sjw-0,sjw-g-0,sjw-r-0");
    }

    #[test]
    fn the_doors_keys_stand_beside_parameters_in_the_nested_shape() {
        let wanted = check(json!({
            "LivyHost": "livy.here", "WaitFor": "SUCCEEDED", "UpdateMode": "STOP_FIRST", "Revision": "a",
            "Parameters": { "File": "s3://b/etl.py" },
        }));
        let wanted = wanted.expect("it is good");
        assert_eq!((wanted.goal, wanted.mode), (Goal::Succeeded, Mode::StopFirst));
        let inside = check(json!({ "Parameters": { "File": "s3://b/etl.py", "WaitFor": "RUNNING" } }));
        assert!(inside.expect_err("inside").contains("$.Parameters.WaitFor: unknown key"));
    }

    #[test]
    fn every_problem_is_told_at_once_with_the_nearest_key() {
        let told = check(json!({
            "WaitFr": "RUNNING", "WaitFor": "running", "UpdateMode": ["x"], "Revision": {}, "Flie": "s3://b/etl.py",
            "LivyHost": "elsewhere", "Parameters": null,
        }))
        .expect_err("all of it is wrong");
        for part in [
            "$.WaitFor: expected one of SUBMITTED, RUNNING, SUCCEEDED, found \"running\"",
            "$.UpdateMode: expected one of REPLACE, STOP_FIRST, found another value",
            "$.Revision: expected a text",
            "$.WaitFr: unknown key; did you mean `WaitFor`?",
            "$.Flie: unknown key; did you mean `File`?",
            "\"elsewhere\" is not this cluster's own Livy",
            "$.File: is required",
        ] {
            assert!(told.contains(part), "{part} is missing in {told}");
        }
    }

    #[test]
    fn a_resource_has_room_for_five_tags_of_the_users() {
        let with = |tags: &str| check(json!({ "File": "s3://b/a.py", "Conf": { "spark.yarn.tags": tags } }));
        with("1,2,3,4,5").expect("five");
        assert!(with("1,2,3,4,5,6").expect_err("six").contains("6 tags"));
        assert!(with("1,2,3,4,5,6,7,8").expect_err("eight").contains("8 tags"));
    }

    #[test]
    fn scalars_order_and_nulls_do_not_change_which_job_it_is() {
        let print = |value: Value| properties(value).fingerprint();
        let one =
            print(json!({ "File": "a", "NumExecutors": 4, "Conf": { "a": true, "b": "1" }, "Queue": null }));
        let same = json!({
            "Conf": { "b": 1, "a": "true" }, "NumExecutors": "4", "File": "a", "ServiceToken": "x",
            "ServiceTimeout": "9", "WaitFor": "RUNNING", "UpdateMode": "REPLACE",
        });
        assert_eq!(one, print(same));
        for other in [
            json!({ "File": "a", "NumExecutors": 5, "Conf": { "a": true, "b": "1" } }),
            json!({ "File": "a", "NumExecutors": 4, "Conf": { "a": true, "b": "1" }, "Revision": "1" }),
            json!({ "File": "a", "NumExecutors": 4, "Conf": { "a": true, "b": ["1"] } }),
            json!({ "File": "a", "NumExecutors": 4, "Conf": { "a": "true,b:1" } }),
            json!({}),
        ] {
            assert_ne!(one, print(other.clone()), "{other}");
        }
        assert_ne!(
            print(json!({ "Args": ["a", "b"] })),
            print(json!({ "Args": ["b", "a"] })),
            "order counts"
        );
        assert_ne!(print(json!({ "Args": ["a", "b"] })), print(json!({ "Args": ["a\",\"b"] })));
    }

    #[test]
    fn values_are_not_shown() {
        assert!(!format!("{:?}", properties(json!({ "Args": ["secret"] }))).contains("secret"));
    }
}
