//! The shipped file, the manual and the types have the same keys and values.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::{Raw, RawActivity, layers};

#[test]
fn the_shipped_configuration_is_complete_and_is_the_defaults() {
    let shipped = shipped();
    let activity = vec![activity(&shipped.activity[0].arn)];
    assert_eq!(shipped, Raw { activity, ..Raw::default() });
    // Complete: every key stands in the file, if only as a comment.
    let text = std::fs::read_to_string(shipped_file()).unwrap();
    for key in keys(&complete(shipped)) {
        let is_set = |line: &str| line.trim_start_matches("# ").starts_with(&format!("{key} ="));
        assert!(text.lines().any(is_set), "{key} is not in the shipped file");
    }
}

#[test]
fn every_key_of_the_configuration_is_in_the_manual_and_vice_versa() {
    let manual = std::fs::read_to_string(root().join("config/README.md")).unwrap();
    let heading = manual.find("## Configuration").expect("the manual has the heading");
    let section = manual[heading..].split("\n## ").next().unwrap();
    let rows = section.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    let documented: BTreeSet<String> = rows.map(str::to_owned).collect();
    assert_eq!(documented, keys(&complete(shipped())));
}

/// The shipped configuration with one table of each kind, as JSON.
fn complete(shipped: Raw) -> Value {
    let door = json!({ "queue_url": "", "topic_arn": "" });
    let cloudformation = vec![serde_json::from_value(door).expect("these are all that a queue needs")];
    serde_json::to_value(Raw { cloudformation, ..shipped }).unwrap()
}

/// An activity with nothing but its ARN.
pub(in crate::config) fn activity(arn: &str) -> RawActivity {
    serde_json::from_value(json!({ "arn": arn })).expect("an ARN is all that an activity needs")
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn shipped_file() -> PathBuf {
    root().join("config/spark-job-worker.toml")
}

fn shipped() -> Raw {
    layers(&shipped_file()).extract().expect("the shipped configuration is good")
}

/// The names of all keys of all tables, but for what is in `defaults`.
fn keys(value: &Value) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for content in value.as_object().unwrap().values() {
        let table = content.as_array().map_or(content, |list| &list[0]);
        found.extend(table.as_object().unwrap().keys().filter(|key| *key != "defaults").cloned());
    }
    found
}
