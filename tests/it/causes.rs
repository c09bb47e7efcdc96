//! What failed jobs wrote, and the one sentence of it that a person would point at. `tests/fixtures/causes/README.md`
//! says where the files come from.

use std::path::PathBuf;

use regex_lite::Regex;
use serde::Deserialize;
use serde_json::Value;
use spark_job_worker::job::report::{
    Answer, DriverLog, ErrorName, Failure, Outcome, answers, container_ran, refine,
};

use crate::structure::root;

/// A job as the worker meets it.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Case {
    /// Where it is from.
    #[serde(rename = "source")]
    _source: String,
    /// The driver's last lines; null where the log is gone.
    stdout: Option<Vec<String>>,
    stderr: Option<Vec<String>>,
    /// What Livy has of spark-submit; on YARN seldom more than that it submitted.
    #[serde(default)]
    livy: Vec<String>,
    diagnostics: String,
    /// Null: there is no such line, and none may be taken.
    root_cause_should_match: Option<String>,
    /// The error's name; none where the job succeeded, or another rule than this one gives the name.
    #[serde(default)]
    error_should_be: Option<String>,
    /// Whether the driver's container ran.
    #[serde(default)]
    ran: Option<bool>,
}

impl Case {
    fn driver(&self) -> DriverLog {
        let lines = |lines: &Option<Vec<String>>| lines.clone().unwrap_or_default();
        DriverLog { stderr: lines(&self.stderr), stdout: lines(&self.stdout) }
    }

    fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        let found = self.root_cause();
        let right = match (&self.root_cause_should_match, &found) {
            (Some(expected), Some(found)) => Regex::new(expected).expect("an expression").is_match(found),
            (expected, found) => expected.is_none() && found.is_none(),
        };
        if !right {
            faults
                .push(format!("rootCause is {found:?} and should match {:?}", self.root_cause_should_match));
        }
        let name = refine(ErrorName::Failed, &self.diagnostics, &self.driver()).as_str();
        if self.error_should_be.as_deref().is_some_and(|expected| expected != name) {
            faults.push(format!("error is {name}"));
        }
        if self.ran.is_some_and(|ran| ran != container_ran(&self.diagnostics)) {
            faults.push(format!("container_ran is not {:?}", self.ran));
        }
        faults
    }

    fn root_cause(&self) -> Option<String> {
        let mut failure = Failure::new(ErrorName::Failed, "Running", "YARN says that the job failed")
            .with_log(self.livy.clone())
            .with_driver_log(self.driver());
        failure.diagnostics = (!self.diagnostics.is_empty()).then(|| self.diagnostics.clone());
        let answers = answers(&Outcome::Failed(Box::new(failure)));
        let Some(Answer::Failure { cause: Some(cause), .. }) = answers.first() else { panic!("a failure") };
        let cause: Value = serde_json::from_str(cause).expect("a cause is JSON");
        cause["rootCause"].as_str().map(str::to_owned)
    }
}

#[test]
fn the_root_cause_of_a_failed_job_is_the_line_that_a_person_would_point_at() {
    check("causes", 90);
}

/// What they caught and printed is theirs, and so are their WARNs and the tries of their tasks.
#[test]
fn no_line_of_a_job_that_succeeded_is_the_root_cause_of_anything() {
    check("causes-none", 5);
    for (name, case) in cases("causes-none") {
        for (stdout, stderr) in [(case.stdout.clone(), None), (None, case.stderr.clone())] {
            let part = Case { stdout, stderr, ..case.clone() };
            assert_eq!(part.root_cause(), None, "{name}");
        }
    }
}

#[track_caller]
fn check(folder: &str, at_least: usize) {
    let cases = cases(folder);
    assert!(cases.len() >= at_least, "{} cases", cases.len());
    let wrong: Vec<String> = cases
        .iter()
        .flat_map(|(name, case)| case.faults().into_iter().map(move |fault| format!("{name}: {fault}")))
        .collect();
    assert!(wrong.is_empty(), "{} faults in {} cases:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}

/// File name and case, in the order of the names.
fn cases(folder: &str) -> Vec<(String, Case)> {
    let folder = root().join("tests/fixtures").join(folder);
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder)
        .expect("the fixtures")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|end| end == "json"))
        .collect();
    paths.sort();
    let read = |path: PathBuf| {
        let text = std::fs::read_to_string(&path).expect("a fixture");
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let case = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
        (name, case)
    };
    paths.into_iter().map(read).collect()
}
