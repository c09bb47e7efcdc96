//! Cases at the limits of the service's model, and over them.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{Deviation, Peer};

const EASY: (Option<u64>, Option<u64>) = (Some(20), Some(60));

pub(super) async fn an_output_that_is_no_json(peer: Arc<Peer>) {
    for output in ["no json", ""] {
        let held = peer.hold(EASY).await;
        let reply = peer.call("SendTaskSuccess", &json!({ "taskToken": held.token, "output": output })).await;
        if peer.has(Deviation::AcceptsOutputThatIsNoJson) {
            assert_eq!(reply.status, 200, "{reply:?}");
            assert_eq!(peer.end(&held.stage.execution).await["status"], "FAILED");
        } else {
            peer.assert_refused(&reply, "InvalidOutput", "Invalid Output: '");
            peer.must("SendTaskFailure", &json!({ "taskToken": held.token })).await;
        }
    }
}

pub(super) async fn no_output(peer: Arc<Peer>) {
    let held = peer.hold(EASY).await;
    let reply = peer.call("SendTaskSuccess", &json!({ "taskToken": held.token })).await;
    if peer.has(Deviation::AcceptsMissingOutput) {
        assert_eq!(reply.status, 200, "{reply:?}");
        assert_eq!(peer.end(&held.stage.execution).await["status"], "FAILED");
    } else {
        let message = "1 validation error detected: Value at 'output' failed to satisfy constraint: Member must not be null";
        peer.assert_refused(&reply, "ValidationException", message);
        peer.must("SendTaskFailure", &json!({ "taskToken": held.token })).await;
    }
}

pub(super) async fn an_output_at_and_over_the_limit(peer: Arc<Peer>) {
    // Two bytes each in UTF-8: the limit counts bytes, not characters.
    let output = |bytes: usize| format!("\"{}\"", "ä".repeat((bytes - 2) / 2));
    let held = peer.hold(EASY).await;
    let over = json!({ "taskToken": held.token, "output": format!("{} ", output(262_144)) });
    let reply = peer.call("SendTaskSuccess", &over).await;
    if peer.has(Deviation::AcceptsOutputOverLimit) {
        assert_eq!(reply.status, 200, "{reply:?}");
    } else {
        peer.assert_refused(&reply, "ValidationException", "1 validation error detected: Value at 'output'");
        peer.must("SendTaskSuccess", &json!({ "taskToken": held.token, "output": output(262_144) })).await;
    }
    assert_eq!(peer.end(&held.stage.execution).await["status"], "SUCCEEDED");
}

pub(super) async fn an_error_and_a_cause_at_and_over_the_limit(peer: Arc<Peer>) {
    let failure = |token: &str, error: usize, cause: usize| -> Value {
        json!({ "taskToken": token, "error": "e".repeat(error), "cause": "c".repeat(cause) })
    };
    for (error, cause, wrong) in [(257, 10, "error"), (10, 32_769, "cause")] {
        let held = peer.hold(EASY).await;
        let reply = peer.call("SendTaskFailure", &failure(&held.token, error, cause)).await;
        if peer.has(Deviation::AcceptsLongErrorAndCause) {
            assert_eq!(reply.status, 200, "{reply:?}");
        } else {
            let message = format!(
                "1 validation error detected: Value at '{wrong}' failed to satisfy constraint: Member must have length"
            );
            peer.assert_refused(&reply, "ValidationException", &message);
            peer.must("SendTaskFailure", &failure(&held.token, 256, 32_768)).await;
        }
        assert_eq!(peer.end(&held.stage.execution).await["status"], "FAILED");
    }
}

pub(super) async fn a_worker_name_over_the_limit(peer: Arc<Peer>) {
    let stage = peer.start(EASY, "{}").await;
    let poll = |name: usize| json!({ "activityArn": stage.activity, "workerName": "w".repeat(name) });
    let mut reply = peer.call("GetActivityTask", &poll(81)).await;
    if !peer.has(Deviation::AcceptsLongWorkerName) {
        peer.assert_refused(
            &reply,
            "ValidationException",
            "1 validation error detected: Value at 'workerName'",
        );
        reply = peer.call("GetActivityTask", &poll(80)).await;
    }
    assert_eq!(reply.status, 200, "{reply:?}");
    tokio::time::sleep(super::MOMENT).await;
    peer.must("SendTaskSuccess", &json!({ "taskToken": reply.json()["taskToken"], "output": "{}" })).await;
}

pub(super) async fn a_token_over_the_limit(peer: Arc<Peer>) {
    let reply = peer.call("SendTaskHeartbeat", &json!({ "taskToken": "t".repeat(2049) })).await;
    if peer.has(Deviation::LongTokenIsInvalidToken) {
        peer.assert_refused(&reply, "InvalidToken", "");
    } else {
        peer.assert_refused(
            &reply,
            "ValidationException",
            "1 validation error detected: Value at 'taskToken'",
        );
    }
}
