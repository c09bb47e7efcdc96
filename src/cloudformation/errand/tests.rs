//! From a decision to the task, and from its outcome to the bytes.

use serde_json::{Map, Value, json};

use super::*;
use crate::cloudformation::request::{Fingerprint, Kind, Properties};
use crate::cloudformation::resource::{Known, Proof, RunRecord, Which};
use crate::job::request::{Defaults, OwnLivy};

const STACK: &str = "arn:aws:cloudformation:eu-west-1:123456789012:stack/etl/1";
const NOW: Timestamp = Timestamp(1_000_500);

fn rules() -> Rules {
    Rules {
        topic: String::new(),
        stacks: vec!["*".to_owned()],
        origins: vec!["http://127.0.0.1:1".to_owned()],
        margin: Duration::from_secs(60),
        goal: Goal::Running,
    }
}

fn order(kind: Kind, properties: Value) -> Order {
    let body = json!({
        "RequestType": "Create", "RequestId": "r", "StackId": STACK, "LogicalResourceId": "Etl",
        "ResponseURL": "http://127.0.0.1:1/secret", "ServiceTimeout": "600", "ResourceProperties": properties,
    });
    let order = Order::read(&body.to_string(), Timestamp(1_000_000), &rules()).expect("it is good");
    Order { kind, ..order }
}

fn update(properties: Value) -> Order {
    let old = Properties::new(Map::new()).fingerprint();
    order(Kind::Update { physical_id: "etl/c".to_owned(), old }, properties)
}

fn good() -> Value {
    json!({ "File": "s3://b/etl.py", "WaitFor": "SUCCEEDED" })
}

/// A resource whose generation `c` has one run, which stands so.
fn resource(fate: Fate) -> Resource {
    let run = RunRecord {
        request: "c".to_owned(),
        at: Timestamp(1),
        name: "etl".to_owned(),
        application: Some("application_1_0001".to_owned()),
        fate,
    };
    let generation = Generation {
        id: "c".to_owned(),
        name: "etl".to_owned(),
        fingerprint: Fingerprint(String::new()),
        begun: Timestamp(1),
        newest: Timestamp(1),
        deleted: false,
        runs: vec![run],
    };
    let known = Known { id: "c".to_owned(), at: Timestamp(1), open: false, act: Act::Stale };
    Resource {
        stack_id: STACK.to_owned(),
        logical_id: "Etl".to_owned(),
        requests: vec![known],
        generations: vec![generation],
        ..Resource::default()
    }
}

fn made(order: &Order, act: &Act, resource: &Resource) -> Option<(Task, State)> {
    let check = |identity: &Identity| {
        let livy = OwnLivy::new(Vec::new(), 8998);
        order.properties.check(identity, &Defaults::none(false), &livy, Goal::Running)
    };
    task((order, act, resource), "etl", check, &rules(), NOW)
}

fn told(task: &Task, outcome: &Outcome) -> Value {
    let document = task.document.as_ref().expect("a document");
    serde_json::from_slice(&answer(&document.form, outcome).expect("a form of ours")).expect("JSON")
}

fn run_of(generation: &str, stops_first: bool) -> Act {
    Act::Run { generation: generation.to_owned(), stops_first }
}

#[test]
fn a_create_is_a_task_whose_run_has_the_tags_of_all_that_it_belongs_to() {
    let order = order(Kind::Create, good());
    let (task, state) = made(&order, &run_of("r", false), &resource(Fate::Standing)).expect("a task");
    let id = task_id(STACK, "Etl", "r");
    assert_eq!((&task.id, &task.token, task.on_abort), (&id, &None, OnAbort::Kill));
    let State::Received { attempt } = state else { panic!("{state:?}") };
    assert_eq!((attempt.run.name, attempt.run.tag), (format!("etl-{id}"), format!("sjw-{id}")));
    let Some(TaskRequest::Checked { body, proxy_user: None }) = &task.request else { panic!("a request") };
    let body: Value = serde_json::from_str(body).expect("JSON");
    let resource = resource_id(STACK, "Etl");
    let tags = format!("spark-job-worker,sjw-{id},sjw-g-{id},sjw-r-{resource}");
    assert_eq!(
        (&body["name"], &body["conf"]["spark.yarn.tags"]),
        (&json!(format!("etl-{id}")), &json!(tags))
    );
    let document = task.document.as_ref().expect("a document");
    assert_eq!((document.goal, document.adopted), (Goal::Succeeded, false));
    assert_eq!(document.deadline, Timestamp(1_000_000 + 540_000));
    assert_eq!(document.expires, Timestamp(1_000_000 + 7_199_000));
    assert_eq!(document.place.secret(), "http://127.0.0.1:1/secret");
    assert!(!format!("{task:?}").contains("secret"));
}

#[test]
fn a_replacing_update_is_answered_with_its_own_id_or_with_the_old_one_where_it_failed() {
    let (task, _) = made(&update(good()), &run_of("r", false), &resource(Fate::Standing)).expect("a task");
    let reached = Outcome::Reached(Box::new(Reached {
        application_id: Some("application_1_0002".to_owned()),
        state: "RUNNING".to_owned(),
        ..Reached::default()
    }));
    let answer = told(&task, &reached);
    assert_eq!((&answer["Status"], &answer["PhysicalResourceId"]), (&json!("SUCCESS"), &json!("etl/r")));
    assert_eq!(answer["Data"]["ApplicationId"], "application_1_0002");
    assert_eq!((&answer["RequestId"], &answer["LogicalResourceId"]), (&json!("r"), &json!("Etl")));
    let failure = Outcome::Failed(Box::new(Failure::new(ErrorName::Failed, "Judged", "it broke")));
    let answer = told(&task, &failure);
    assert_eq!((&answer["Status"], &answer["PhysicalResourceId"]), (&json!("FAILED"), &json!("etl/c")));
    assert_eq!(answer["Reason"], "SparkJob.Failed: it broke");
    assert_eq!(answer["Data"]["Name"], format!("etl-{}", task.id));
}

#[test]
fn stop_first_waits_before_its_run_and_keeps_the_id() {
    let (task, state) = made(&update(good()), &run_of("c", true), &resource(Fate::Dying)).expect("a task");
    assert!(matches!(state, State::Stopping { then: Then::Run(_) }), "{state:?}");
    assert_eq!(told(&task, &reached(None, "RUNNING"))["PhysicalResourceId"], "etl/c");
}

#[test]
fn what_is_adopted_is_followed_from_where_it_is_and_left_whatever_happens() {
    let act = Act::Adopt { generation: "c".to_owned() };
    let (task, state) = made(&update(good()), &act, &resource(Fate::Standing)).expect("a task");
    let id = task_id(STACK, "Etl", "c");
    let State::Running { run } = &state else { panic!("{state:?}") };
    assert_eq!((&run.name, &run.tag), (&format!("etl-{id}"), &format!("sjw-{id}")));
    assert_eq!(run.application.as_deref(), Some("application_1_0001"));
    let document = task.document.as_ref().expect("a document");
    assert_eq!((document.adopted, document.goal, task.on_abort), (true, Goal::Succeeded, OnAbort::Leave));
    let (task, state) = made(&update(good()), &act, &resource(Fate::Succeeded)).expect("a task");
    let State::Ended { outcome, leftover: None } = &state else { panic!("{state:?}") };
    let answer = told(&task, outcome);
    assert_eq!(
        (&answer["Data"]["State"], &answer["PhysicalResourceId"]),
        (&json!("SUCCEEDED"), &json!("etl/c"))
    );
}

#[test]
fn what_runs_nothing_is_answered_at_once() {
    let keep = Act::Keep { generation: Some("c".to_owned()) };
    for (act, status, reason, physical_id) in [
        (keep, "SUCCESS", "application_1_0001 is UNCHANGED", "etl/c"),
        (Act::Keep { generation: None }, "SUCCESS", "UNCHANGED", "etl/c"),
        (Act::Refuse(Refusal::Superseded), "FAILED", "SparkJob.Superseded: a newer request", "etl/c"),
        (
            Act::Refuse(Refusal::Lost),
            "FAILED",
            "SparkJob.Lost: the worker's file of this resource was damaged",
            "etl/c",
        ),
        (Act::Refuse(Refusal::InvalidInput), "FAILED", "SparkJob.InvalidInput: $.Fil: unknown key", "etl/c"),
    ] {
        let order = update(json!({ "Fil": "s3://b/etl.py" }));
        let (task, state) = made(&order, &act, &resource(Fate::Standing)).expect("a task");
        let State::Ended { outcome, leftover: None } = &state else { panic!("{state:?}") };
        let answer = told(&task, outcome);
        assert_eq!((&answer["Status"], &answer["PhysicalResourceId"]), (&json!(status), &json!(physical_id)));
        assert!(answer["Reason"].as_str().is_some_and(|told| told.starts_with(reason)), "{answer}");
    }
}

#[test]
fn a_delete_waits_for_the_end_and_keeps_the_id_that_it_names() {
    let kind = Kind::Delete { physical_id: "stack-Etl-1X".to_owned() };
    let act = Act::End { which: Which::UpTo(Timestamp(5)), proof: Proof::Settled, late: false };
    let (task, state) = made(&order(kind, json!({})), &act, &resource(Fate::Dying)).expect("a task");
    let State::Stopping { then: Then::End(outcome) } = &state else { panic!("{state:?}") };
    let answer = told(&task, outcome);
    assert_eq!(
        (&answer["Status"], &answer["PhysicalResourceId"]),
        (&json!("SUCCESS"), &json!("stack-Etl-1X"))
    );
    assert_eq!(answer["Data"]["State"], "DELETED");
}

#[test]
fn what_came_before_and_what_nobody_waits_for_is_no_task() {
    for act in [Act::Known, Act::Stale] {
        assert_eq!(made(&order(Kind::Create, good()), &act, &resource(Fate::Standing)), None);
    }
}

#[test]
fn a_form_of_another_version_is_told() {
    answer("{}", &reached(None, "RUNNING")).expect_err("it lacks everything");
}
