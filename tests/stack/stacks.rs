//! Whole stacks: ministack's CloudFormation creates, replaces, rolls back and deletes, and its requests go through SNS
//! and SQS of LocalStack to the worker; the jobs run in Livy, Spark and YARN.
//!
//! What ministack has not (a Delete after a Create that failed, a cancelled operation, presigned URLs) is in `door.rs`.

use serde_json::{Value, json};

use crate::door::{CloudFormation, said_by, text_of};
use crate::real::{stack, wait_for};

/// A stack, and the function that stands between ministack and the topic.
struct Stacks {
    cloudformation: CloudFormation,
    bridge: String,
}

/// How a stack stands.
struct Seen {
    status: String,
    outputs: Value,
    events: Vec<Value>,
}

impl Stacks {
    async fn new(name: &str) -> Stacks {
        let cloudformation = CloudFormation::new(name).await;
        let words = ["bridge", &cloudformation.name, &stack("SFN"), &cloudformation.topic];
        let bridge = said_by("MINISTACK", &words, "");
        Stacks { cloudformation, bridge }
    }

    /// `create`, `update` or `delete`, and where that led.
    fn becomes(&self, verb: &str, template: &str, status: &str) -> Seen {
        said_by("MINISTACK", &[verb, &self.cloudformation.name], template);
        let seen: Value =
            serde_json::from_str(&said_by("MINISTACK", &["stack", &self.cloudformation.name], ""))
                .expect("JSON");
        let seen = Seen {
            status: text_of(&seen, "status").to_owned(),
            outputs: seen["outputs"].clone(),
            events: seen["events"].as_array().cloned().unwrap_or_default(),
        };
        assert_eq!(seen.status, status, "{:?}", seen.events);
        seen
    }

    /// A template of such resources; those that say nothing else come one after the other.
    fn template(&self, resources: &[(&str, Value)]) -> String {
        let mut all = json!({});
        let mut before: Option<&str> = None;
        for (name, properties) in resources {
            let mut properties = properties.clone();
            properties["ServiceToken"] = json!(self.bridge);
            all[*name] = json!({"Type": "Custom::SparkJob", "Properties": properties});
            if let Some(before) = before.replace(name) {
                all[*name]["DependsOn"] = json!(before);
            }
        }
        json!({ "Resources": all }).to_string()
    }

    /// The example that is shipped, with jobs of the stack's own.
    fn example(&self, build: &str) -> String {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/bootstrap/cloudformation-jobs.yaml");
        let text = std::fs::read_to_string(path).expect("the example");
        let (mut lines, mut stream) = (Vec::new(), false);
        for line in text.lines() {
            stream |= line.trim() == "Stream:";
            let indent = &line[..line.len() - line.trim_start().len()];
            let key = line.trim_start().split(':').next().unwrap_or_default();
            lines.push(match key {
                "ServiceToken" => format!("{indent}ServiceToken: {}", self.bridge),
                "File" => format!("{indent}File: {}/sleeps.py", stack("JOBS")),
                "Args" => format!("{indent}Args: [\"{}\"]", if stream { 300 } else { 1 }),
                "NumExecutors" => continue,
                "Revision" => format!("{indent}Revision: \"{build}\""),
                _ => line.to_owned(),
            });
        }
        lines
            .join("\n")
            .replace("    Type: String\n    Description", "    Type: String\n    Default: x\n    Description")
    }

    /// The applications of this stack's jobs, the oldest first: state, final status, start and end.
    async fn applications(&self, prefix: &str) -> Vec<(String, u64, u64)> {
        let mut applications = self.cloudformation.stage.applications(prefix).await;
        applications.sort_by_key(|one| one["startedTime"].as_u64());
        let time = |one: &Value, key: &str| one[key].as_u64().unwrap_or_default();
        applications
            .iter()
            .map(|one| {
                let state = format!("{} {}", text_of(one, "state"), text_of(one, "finalStatus"));
                (state, time(one, "startedTime"), time(one, "finishedTime"))
            })
            .collect()
    }
}

impl Seen {
    fn said(&self, words: &str) -> bool {
        self.events
            .iter()
            .any(|event| event["ResourceStatusReason"].as_str().unwrap_or_default().contains(words))
    }
}

fn sleeps(name: &str, seconds: u32, goal: &str, more: Value) -> Value {
    let mut properties = crate::real::input(name, "sleeps.py", more);
    properties["Args"] = json!([seconds.to_string()]);
    properties["WaitFor"] = json!(goal);
    properties["ServiceTimeout"] = json!(140);
    properties
}

#[tokio::test]
async fn the_example_of_jobs_is_created_updated_and_deleted() {
    let stacks = Stacks::new("stackexample").await;
    let created = stacks.becomes("create", &stacks.example("1"), "CREATE_COMPLETE");
    let first = stacks.applications("sleeps").await;
    let [rates, report, stream] = &first[..] else { panic!("{first:?}") };
    let states = [&rates.0, &report.0, &stream.0];
    assert!(states.iter().filter(|state| **state == "FINISHED SUCCEEDED").count() == 2, "{first:?}");
    let id = text_of(&created.outputs, "StreamApplication");
    assert!(id.starts_with("application_"), "{}", created.outputs);

    let updated = stacks.becomes("update", &stacks.example("2"), "UPDATE_COMPLETE");
    assert_ne!(updated.outputs["StreamApplication"], created.outputs["StreamApplication"]);
    let all = stacks.applications("sleeps").await;
    let count = |state: &str| all.iter().filter(|one| one.0 == state).count();
    assert_eq!(
        (all.len(), count("FINISHED SUCCEEDED"), count("KILLED KILLED"), count("RUNNING UNDEFINED")),
        (6, 4, 1, 1),
        "{all:?}"
    );
    let (old, new) = (
        all.iter().find(|one| one.0.starts_with("KILLED")),
        all.iter().find(|one| one.0.starts_with("RUNNING")),
    );
    assert!(old.expect("killed").2 <= new.expect("running").1, "never two of a stream at once: {all:?}");

    stacks.becomes("delete", "", "DELETE_COMPLETE");
    stacks.cloudformation.stage.nothing_left("sleeps").await;
}

#[tokio::test]
#[ignore = "slow: tests/stack/run --all"]
async fn a_sibling_that_fails_rolls_the_stack_back_and_ends_the_job() {
    let stacks = Stacks::new("stackfails").await;
    let fails = crate::real::input("stackfails-b", "fails.py", json!({"WaitFor": "SUCCEEDED"}));
    let template =
        stacks.template(&[("Stream", sleeps("stackfails-a", 300, "RUNNING", json!({}))), ("Fails", fails)]);
    let seen = stacks.becomes("create", &template, "ROLLBACK_COMPLETE");
    assert!(seen.said("ValueError: no such rate code: 99"), "{:?}", seen.events);
    assert_eq!(stacks.applications("stackfails-a").await[0].0, "KILLED KILLED");
    stacks.cloudformation.stage.nothing_left("stackfails").await;
}

#[tokio::test]
#[ignore = "slow: tests/stack/run --all"]
async fn an_update_that_fails_leaves_the_old_job_running_as_it_was() {
    let stacks = Stacks::new("stackback").await;
    let stream = |seconds| sleeps("stackback-a", seconds, "RUNNING", json!({}));
    let old = stacks.template(&[("Stream", stream(300))]);
    stacks.becomes("create", &old, "CREATE_COMPLETE");
    let fails = crate::real::input("stackback-b", "fails.py", json!({"WaitFor": "SUCCEEDED"}));
    let new = stacks.template(&[("Stream", stream(299)), ("Fails", fails)]);
    stacks.becomes("update", &new, "UPDATE_ROLLBACK_COMPLETE");
    wait_for("an end of the new one", async || {
        let states: Vec<_> = stacks.applications("stackback-a").await.into_iter().map(|one| one.0).collect();
        (states == ["RUNNING UNDEFINED", "KILLED KILLED"]).then_some(())
    })
    .await;
    stacks.becomes("delete", "", "DELETE_COMPLETE");
    stacks.cloudformation.stage.nothing_left("stackback").await;
}

#[tokio::test]
#[ignore = "slow: tests/stack/run --all"]
async fn a_job_that_takes_longer_than_its_stack_waits_is_killed_and_said_to_be() {
    let stacks = Stacks::new("stacklong").await;
    let mut long = sleeps("stacklong", 300, "SUCCEEDED", json!({}));
    long["ServiceTimeout"] = json!(40);
    let seen = stacks.becomes("create", &stacks.template(&[("Etl", long)]), "ROLLBACK_COMPLETE");
    assert!(seen.said("SparkJob.StillRunning"), "{:?}", seen.events);
    stacks.cloudformation.stage.nothing_left("stacklong").await;
    assert_eq!(stacks.applications("stacklong").await[0].0, "KILLED KILLED");
}
