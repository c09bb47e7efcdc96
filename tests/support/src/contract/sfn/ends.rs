//! Cases about tokens whose task has ended.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::{Deviation, Peer, Reply};

fn beat(token: &str) -> Value {
    json!({ "taskToken": token })
}

fn success(token: &str) -> Value {
    json!({ "taskToken": token, "output": "{}" })
}

pub(super) async fn a_token_that_never_was(peer: Arc<Peer>) {
    for token in ["garbage", "AAAAKgAAAAIAAAAAAAAAAQ=="] {
        for operation in ["SendTaskHeartbeat", "SendTaskSuccess", "SendTaskFailure"] {
            let body = if operation == "SendTaskSuccess" { success(token) } else { beat(token) };
            let reply = peer.call(operation, &body).await;
            peer.assert_refused(&reply, "InvalidToken", "Invalid Token: 'Invalid token'");
        }
    }
}

pub(super) async fn a_second_success(peer: Arc<Peer>) {
    let held = peer.hold((Some(20), Some(60))).await;
    let first = json!({ "taskToken": held.token, "output": "{\"first\":true}" });
    peer.must("SendTaskSuccess", &first).await;
    let view = peer.end(&held.stage.execution).await;
    peer.assert_gone(&peer.call("SendTaskSuccess", &success(&held.token)).await);
    let output = view["output"].as_str().unwrap_or_default();
    assert!(output.contains("first"), "the first one counts: {view}");
}

pub(super) async fn after_the_end(peer: Arc<Peer>) {
    let held = peer.hold((Some(20), Some(60))).await;
    peer.must("SendTaskFailure", &json!({ "taskToken": held.token, "error": "E" })).await;
    peer.end(&held.stage.execution).await;
    assert_dead(&peer, &held.token).await;
}

pub(super) async fn a_missed_heartbeat(peer: Arc<Peer>) {
    let held = peer.hold((Some(2), Some(60))).await;
    let view = peer.end(&held.stage.execution).await;
    assert_eq!((&view["status"], &view["error"]), (&json!("FAILED"), &json!("States.Timeout")), "{view}");
    let timed_out = peer.event(&held.stage.execution, "ActivityTimedOut").await;
    assert_eq!(timed_out["activityTimedOutEventDetails"]["error"], "States.Timeout");
    assert_dead(&peer, &held.token).await;
}

pub(super) async fn timeout_seconds_in_spite_of_heartbeats(peer: Arc<Peer>) {
    let held = peer.hold((Some(2), Some(4))).await;
    let mut accepted = 0;
    let refused = loop {
        let reply = peer.call("SendTaskHeartbeat", &beat(&held.token)).await;
        if reply.status != 200 {
            break reply;
        }
        accepted += 1;
        assert!(accepted < 60, "TimeoutSeconds does not end the task");
        tokio::time::sleep(Duration::from_millis(500)).await;
    };
    assert!(accepted >= 4, "ended early: {refused:?}");
    peer.assert_gone(&refused);
    let view = peer.end(&held.stage.execution).await;
    assert_eq!((&view["status"], &view["error"]), (&json!("FAILED"), &json!("States.Timeout")), "{view}");
}

pub(super) async fn a_stopped_execution(peer: Arc<Peer>) {
    let held = peer.hold((Some(3), Some(60))).await;
    let execution = &held.stage.execution;
    peer.must("SendTaskHeartbeat", &beat(&held.token)).await;
    let stopped = json!({ "executionArn": execution, "error": "Operator", "cause": "enough" });
    assert!(peer.must("StopExecution", &stopped).await["stopDate"].is_number());
    if peer.has(Deviation::StopExecutionNoticedAtSecondHeartbeat) {
        peer.must("SendTaskHeartbeat", &beat(&held.token)).await;
        assert_eq!(peer.end(execution).await["status"], "FAILED");
    } else {
        let view = peer.end(execution).await;
        assert_eq!(view["status"], "ABORTED", "{view}");
        assert_eq!((&view["error"], &view["cause"]), (&json!("Operator"), &json!("enough")));
    }
    assert_dead(&peer, &held.token).await;
}

/// Asserts that nothing more is accepted for the token.
async fn assert_dead(peer: &Peer, token: &str) {
    peer.assert_gone(&peer.call("SendTaskHeartbeat", &beat(token)).await);
    peer.assert_gone(&peer.call("SendTaskSuccess", &success(token)).await);
    let reply: Reply = peer.call("SendTaskFailure", &json!({ "taskToken": token, "error": "E" })).await;
    if peer.has(Deviation::EndedTaskAcceptsFailure) {
        assert_eq!(reply.status, 200, "{reply:?}");
    } else {
        peer.assert_gone(&reply);
    }
}
