//! CloudFormation's door on real servers: a driver plays CloudFormation, as its documentation and recorded requests have
//! it, through LocalStack's SNS, SQS and S3; the jobs run in Livy, Spark and YARN.
//!
//! LocalStack checks signatures (both versions), and enforces no policy: those of `bootstrap/cloudformation-door.yaml`
//! are for AWS alone to judge.

use std::io::Write as _;
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};
use stand_ins::contract;
use stand_ins::contract::bucket::Urls;

use crate::real::{On, Stage, input, stack, wait_for};

/// For jobs that somebody ends.
const LONG: u32 = 300;

/// CloudFormation, as far as one resource of one stack sees it, and the worker that it talks to.
pub(crate) struct CloudFormation {
    pub(crate) stage: Stage,
    pub(crate) name: String,
    pub(crate) topic: String,
    stack: String,
    signed: &'static str,
}

/// A request that was sent.
struct Request {
    id: String,
    key: String,
    body: Value,
}

/// Asks one of the servers, as `aws.py` says.
pub(crate) fn aws(server: &str, words: &[&str], stdin: &str) -> Output {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/stack/aws.py");
    let mut python = Command::new(stack("PYTHON"));
    python.arg(script).arg(stack(server)).args(words);
    let mut child = python.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("it starts");
    child.stdin.take().expect("a pipe").write_all(stdin.as_bytes()).expect("it reads");
    child.wait_with_output().expect("it ends")
}

/// What LocalStack says.
fn said(words: &[&str], stdin: &str) -> String {
    said_by("SFN", words, stdin)
}

/// What one of the servers says.
pub(crate) fn said_by(server: &str, words: &[&str], stdin: &str) -> String {
    let output = aws(server, words, stdin);
    assert!(output.status.success(), "{words:?}: {output:?}");
    String::from_utf8(output.stdout).expect("a text").trim_end().to_owned()
}

impl CloudFormation {
    /// A door of its own, and a worker for it.
    pub(crate) async fn new(name: &str) -> CloudFormation {
        let name = format!("{name}-{}", fastrand::u64(..));
        let door: Value = serde_json::from_str(&said(&["door", &name], "")).expect("JSON");
        let (topic, queue) = (text(&door, "topic"), text(&door, "queue"));
        let more = format!(
            "[[cloudformation]]\nqueue_url = \"{queue}\"\ntopic_arn = \"{topic}\"\nresponse_origins = [\"{}\", \"{}\"]\n",
            stack("SFN"),
            stack("MINISTACK")
        );
        let stage = Stage::configured(&stack("SFN"), On::Yarn, &name, &more).await;
        let stack = format!("arn:aws:cloudformation:us-east-1:000000000000:stack/{name}/{name}");
        CloudFormation { stage, name, stack, topic, signed: "v4" }
    }

    /// A request for the resource `Etl`, not sent yet.
    fn request(&self, kind: &str, physical: Option<&str>, properties: Value, old: Option<Value>) -> Request {
        let id = format!("{:032x}", fastrand::u128(..));
        let key = format!("{}|Etl|{id}", self.stack);
        let with_token = |mut properties: Value| {
            properties["ServiceToken"] = json!(self.topic);
            properties
        };
        let mut body = json!({
            "RequestType": kind,
            "RequestId": id,
            "ResponseURL": said(&["sign", &self.name, &key, "7200", self.signed], ""),
            "StackId": self.stack,
            "ResourceType": "Custom::SparkJob",
            "LogicalResourceId": "Etl",
            "ServiceToken": self.topic,
            "ResourceProperties": with_token(properties),
        });
        if let Some(physical) = physical {
            body["PhysicalResourceId"] = json!(physical);
        }
        if let Some(old) = old {
            body["OldResourceProperties"] = with_token(old);
        }
        Request { id, key, body }
    }

    /// Sends it, once more where it was sent before.
    fn send(&self, request: &Request) {
        said(&["publish", &self.topic], &request.body.to_string());
    }

    fn create(&self, properties: &Value) -> Request {
        let request = self.request("Create", None, properties.clone(), None);
        self.send(&request);
        request
    }

    fn update(&self, physical: &str, properties: &Value, old: &Value) -> Request {
        let request = self.request("Update", Some(physical), properties.clone(), Some(old.clone()));
        self.send(&request);
        request
    }

    fn delete(&self, physical: &str, properties: &Value) -> Request {
        let request = self.request("Delete", Some(physical), properties.clone(), None);
        self.send(&request);
        request
    }

    /// The answer, which keeps CloudFormation's rules.
    fn answer(&self, request: &Request) -> Value {
        let text = said(&["read", &self.name, &request.key], "");
        assert!(text.len() <= 4_096, "{} bytes", text.len());
        let answer: Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(
            (&answer["StackId"], &answer["RequestId"], &answer["LogicalResourceId"]),
            (&json!(self.stack), &json!(request.id), &json!("Etl"))
        );
        assert!(
            answer["Reason"].is_string() && !text_of(&answer, "PhysicalResourceId").is_empty(),
            "{answer}"
        );
        for name in
            ["ApplicationId", "BatchId", "Name", "State", "TrackingUrl", "DriverLogUrl", "VerdictSource"]
        {
            assert!(answer["Data"][name].is_string(), "{name}: {answer}");
        }
        answer
    }

    fn succeeds(&self, request: &Request) -> Value {
        let answer = self.answer(request);
        assert_eq!(answer["Status"], "SUCCESS", "{answer}");
        answer
    }

    fn fails(&self, request: &Request, reason: &str) -> Value {
        let answer = self.answer(request);
        assert_eq!(answer["Status"], "FAILED", "{answer}");
        assert!(text_of(&answer, "Reason").contains(reason), "{answer}");
        answer
    }

    /// The states of the applications of the jobs of a name, the oldest first.
    pub(crate) async fn states(&self, prefix: &str) -> Vec<String> {
        let mut applications = self.stage.applications(prefix).await;
        applications.sort_by_key(|application| application["startedTime"].as_u64());
        let state = |one: &Value| format!("{} {}", text_of(one, "state"), text_of(one, "finalStatus"));
        applications.iter().map(state).collect()
    }
}

fn text(value: &Value, key: &str) -> String {
    text_of(value, key).to_owned()
}

pub(crate) fn text_of<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_else(|| panic!("{key} is no text: {value}"))
}

fn id_of(answer: &Value) -> String {
    text(answer, "PhysicalResourceId")
}

/// LocalStack's S3 keeps the contract of the stand-in, and takes no URL that has expired.
pub(crate) async fn contract_of_the_bucket() {
    let name = format!("contract-{}", fastrand::u64(..));
    said(&["door", &name], "");
    let sign = |key: &str, seconds: &str, version: &str| said(&["sign", &name, key, seconds, version], "");
    let unsigned = format!("{}/{name}/c", stack("SFN"));
    let (v4, v2) = (sign("a|b", "7200", "v4"), sign("b|c", "7200", "v2"));
    let urls = Urls { v4, v2, unsigned, refuses_strangers: false };
    contract::bucket::cases(&urls).await;
    let short = sign("d", "1", "v4");
    wait_for("the URL's end", async || {
        let answer = reqwest::Client::new().put(&short).body("{}").send().await.ok()?;
        (answer.status() == 403).then_some(())
    })
    .await;
    contract::bucket::expired(&short).await;
}

/// A job that sleeps, as a template writes it: numbers are texts.
fn sleeps(name: &str, seconds: u32, wait_for: &str) -> Value {
    let more = json!({"Args": [seconds.to_string()], "WaitFor": wait_for, "ServiceTimeout": "140"});
    input(name, "sleeps.py", more)
}

#[tokio::test]
async fn a_resource_is_created_replaced_and_deleted() {
    let cloudformation = CloudFormation::new("cfnlife").await;
    let one = sleeps("cfnlife", 1, "SUCCEEDED");
    let created = cloudformation.succeeds(&cloudformation.create(&one));
    assert_eq!(created["Data"]["State"], "SUCCEEDED");
    assert_eq!(created["Data"]["VerdictSource"], "yarn");
    let application = cloudformation.stage.only("cfnlife").await;
    assert_eq!(created["Data"]["ApplicationId"], application["id"]);

    let same = cloudformation.update(&id_of(&created), &one, &one);
    assert_eq!(id_of(&cloudformation.succeeds(&same)), id_of(&created), "nothing runs");
    assert_eq!(cloudformation.states("cfnlife").await, ["FINISHED SUCCEEDED"]);

    let mut two = sleeps("cfnlife", LONG, "RUNNING");
    let updated = cloudformation.succeeds(&cloudformation.update(&id_of(&created), &two, &one));
    assert_ne!(id_of(&updated), id_of(&created));
    assert_eq!(cloudformation.states("cfnlife").await, ["FINISHED SUCCEEDED", "RUNNING UNDEFINED"]);
    cloudformation.succeeds(&cloudformation.delete(&id_of(&created), &one));
    assert_eq!(cloudformation.states("cfnlife").await[1], "RUNNING UNDEFINED", "the new one runs on");

    // A Delete never validates: what was once accepted may come back in any form.
    two["NoSuchProperty"] = json!("x");
    cloudformation.succeeds(&cloudformation.delete(&id_of(&updated), &two));
    assert_eq!(cloudformation.states("cfnlife").await, ["FINISHED SUCCEEDED", "KILLED KILLED"]);
    cloudformation.stage.nothing_left("cfnlife").await;
}

#[tokio::test]
#[ignore = "slow: tests/stack/run --all"]
async fn a_job_that_fails_fails_its_resource_and_can_be_deleted() {
    let mut cloudformation = CloudFormation::new("cfnfails").await;
    // The older signature, which a content type would break.
    cloudformation.signed = "v2";
    let properties = input("cfnfails", "fails.py", json!({"WaitFor": "SUCCEEDED", "ServiceTimeout": "140"}));
    let create = cloudformation.create(&properties);
    let failed = cloudformation.fails(&create, "ValueError: no such rate code: 99");
    assert_eq!(failed["Data"]["State"], "FAILED", "{failed}");
    cloudformation.succeeds(&cloudformation.delete(&id_of(&failed), &properties));
    cloudformation.stage.nothing_left("cfnfails").await;
}

#[tokio::test]
async fn a_delete_with_an_invented_id_ends_the_job_whose_create_is_not_answered() {
    let cloudformation = CloudFormation::new("cfnsibling").await;
    let properties = sleeps("cfnsibling", LONG, "SUCCEEDED");
    let create = cloudformation.create(&properties);
    cloudformation.stage.reaches("cfnsibling", "RUNNING").await;
    // A sibling failed: CloudFormation makes an id up.
    cloudformation.succeeds(&cloudformation.delete("etl-Etl-1ABCDEFGHIJKL", &properties));
    assert_eq!(cloudformation.states("cfnsibling").await, ["KILLED KILLED"]);
    // The Create comes once more, after its Delete: SQS neither orders nor counts.
    cloudformation.send(&create);
    cloudformation.stage.nothing_left("cfnsibling").await;
    let next = cloudformation.create(&sleeps("cfnsibling", 1, "SUCCEEDED"));
    cloudformation.succeeds(&next);
    assert_eq!(cloudformation.states("cfnsibling").await.len(), 2, "the old request started nothing");
}

#[tokio::test]
#[ignore = "slow: tests/stack/run --all"]
async fn stop_first_starts_the_new_job_after_the_end_of_the_old_one() {
    let cloudformation = CloudFormation::new("cfnstream").await;
    let stream = |revision: &str| {
        let mut properties = sleeps("cfnstream", LONG, "RUNNING");
        properties["UpdateMode"] = json!("STOP_FIRST");
        properties["Revision"] = json!(revision);
        properties
    };
    let created = cloudformation.succeeds(&cloudformation.create(&stream("1")));
    let update = cloudformation.update(&id_of(&created), &stream("2"), &stream("1"));
    let updated = cloudformation.succeeds(&update);
    assert_eq!(id_of(&updated), id_of(&created), "it is the same resource");
    let mut applications = cloudformation.stage.applications("cfnstream").await;
    applications.sort_by_key(|application| application["startedTime"].as_u64());
    let [old, new] = &applications[..] else { panic!("{applications:?}") };
    assert_eq!((&old["state"], &new["state"]), (&json!("KILLED"), &json!("RUNNING")));
    assert!(old["finishedTime"].as_u64() <= new["startedTime"].as_u64(), "{applications:?}");
    cloudformation.succeeds(&cloudformation.delete(&id_of(&updated), &stream("2")));
    cloudformation.stage.nothing_left("cfnstream").await;
}

#[tokio::test]
#[ignore = "slow: tests/stack/run --all"]
async fn a_request_that_comes_twice_and_meets_a_killed_worker_runs_once() {
    let mut cloudformation = CloudFormation::new("cfntwice").await;
    let properties = sleeps("cfntwice", 20, "SUCCEEDED");
    let create = cloudformation.create(&properties);
    cloudformation.send(&create);
    cloudformation.stage.posted("cfntwice").await;
    cloudformation.stage.worker.kill();
    cloudformation.send(&create);
    cloudformation.stage.restart();
    let created = cloudformation.succeeds(&create);
    assert_eq!(created["Data"]["State"], "SUCCEEDED");
    cloudformation.stage.nothing_left("cfntwice").await;
    assert_eq!(cloudformation.states("cfntwice").await, ["FINISHED SUCCEEDED"]);
}

#[tokio::test]
async fn what_cannot_be_answered_becomes_a_dead_letter_and_runs_nothing() {
    let cloudformation = CloudFormation::new("cfndead").await;
    let mut hostile = cloudformation.request("Create", None, sleeps("cfndead", 1, "RUNNING"), None);
    hostile.body["ResponseURL"] = json!(
        "https://cloudformation-custom-resource-response-useast1.s3.amazonaws.com.evil.example/x?X-Amz-Signature=secret"
    );
    cloudformation.send(&hostile);
    said(&["publish", &cloudformation.topic], "no JSON");
    said(&["dead", &cloudformation.name, "2"], "");
    assert!(cloudformation.stage.batches("cfndead").await.is_empty());
    let log = cloudformation.stage.worker.lines();
    assert!(!log.iter().any(|line| line.to_string().contains("secret")), "the URL is a secret");
}
