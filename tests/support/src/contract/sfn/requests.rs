//! Cases about activities and ill-formed requests.

use std::sync::Arc;

use serde_json::json;

use super::{Deviation, Peer};

pub(super) async fn an_activity_is_created_once(peer: Arc<Peer>) {
    let name = peer.name();
    let first = peer.must("CreateActivity", &json!({ "name": name })).await;
    let again = peer.must("CreateActivity", &json!({ "name": name })).await;
    assert_eq!(first["activityArn"], again["activityArn"]);
    assert!(first["creationDate"].is_number(), "{first}");
    let arn = first["activityArn"].as_str().unwrap_or_default();
    assert!(
        arn.starts_with("arn:aws:states:us-east-1:") && arn.ends_with(&format!(":activity:{name}")),
        "{arn}"
    );
    let view = peer.must("DescribeActivity", &json!({ "activityArn": arn })).await;
    assert_eq!((&view["activityArn"], &view["name"]), (&first["activityArn"], &json!(name)));
    assert!(view["creationDate"].is_number(), "{view}");
    assert_eq!(peer.must("DeleteActivity", &json!({ "activityArn": arn })).await, json!({}));
    let reply = peer.call("DescribeActivity", &json!({ "activityArn": arn })).await;
    peer.assert_refused(&reply, "ActivityDoesNotExist", "Activity Does Not Exist: '");
}

pub(super) async fn a_missing_activity(peer: Arc<Peer>) {
    let activity = peer.activity().await;
    let missing = json!({ "activityArn": format!("{activity}-missing") });
    for operation in ["DescribeActivity", "GetActivityTask"] {
        let reply = peer.call(operation, &missing).await;
        peer.assert_refused(
            &reply,
            "ActivityDoesNotExist",
            &format!("Activity Does Not Exist: '{activity}-missing'"),
        );
    }
}

pub(super) async fn a_bad_arn(peer: Arc<Peer>) {
    let words = if peer.has(Deviation::OtherWordsForABadArn) {
        "Invalid arn: 'no_arn'"
    } else {
        "Invalid Arn: 'Invalid ARN prefix: no_arn'"
    };
    for operation in ["DescribeActivity", "GetActivityTask", "DeleteActivity"] {
        let reply = peer.call(operation, &json!({ "activityArn": "no_arn" })).await;
        peer.assert_refused(&reply, "InvalidArn", words);
    }
}

pub(super) async fn missing_members(peer: Arc<Peer>) {
    let members = [
        ("GetActivityTask", "activityArn"),
        ("DescribeActivity", "activityArn"),
        ("CreateActivity", "name"),
        ("SendTaskHeartbeat", "taskToken"),
        ("SendTaskFailure", "taskToken"),
    ];
    for (operation, member) in members {
        let reply = peer.call(operation, &json!({})).await;
        if peer.has(Deviation::MissingMembersAreFoundLate) {
            assert!(
                reply.status == 500 || reply.json()["__type"] == "InvalidToken",
                "{operation}: {reply:?}"
            );
        } else {
            let constraint = "failed to satisfy constraint: Member must not be null";
            let message = format!("1 validation error detected: Value at '{member}' {constraint}");
            peer.assert_refused(&reply, "ValidationException", &message);
        }
    }
}

pub(super) async fn an_unknown_operation(peer: Arc<Peer>) {
    let reply = peer.call("NoSuchOperation", &json!({})).await;
    if peer.has(Deviation::OtherUnknownOperation) {
        assert!(reply.status >= 400, "{reply:?}");
    } else {
        let kind = &reply.json()["__type"];
        assert_eq!(
            (reply.status, kind),
            (400, &json!("com.amazon.coral.service#UnknownOperationException")),
            "{reply:?}"
        );
    }
}

pub(super) async fn an_invalid_name(peer: Arc<Peer>) {
    let reply = peer.call("CreateActivity", &json!({ "name": "with space" })).await;
    peer.assert_refused(&reply, "InvalidName", "Invalid Name: 'with space'");
}

pub(super) async fn an_execution_without_its_activity(peer: Arc<Peer>) {
    let activity = peer.activity().await;
    peer.must("DeleteActivity", &json!({ "activityArn": activity })).await;
    let execution = peer.begin(&activity, (None, Some(60)), "{}").await;
    let view = peer.end(&execution).await;
    assert_eq!((&view["status"], &view["error"]), (&json!("FAILED"), &json!("States.Runtime")), "{view}");
    let events = peer.events(&execution).await;
    let kinds: Vec<&str> = events.iter().filter_map(|event| event["type"].as_str()).collect();
    assert_eq!(kinds, ["ExecutionStarted", "TaskStateEntered", "ExecutionFailed"]);
}
