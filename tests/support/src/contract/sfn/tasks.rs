//! Cases about handing out, keeping alive and answering.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::{Deviation, Peer};

/// Long enough that nothing times out by accident.
const EASY: (Option<u64>, Option<u64>) = (Some(20), Some(60));

pub(super) async fn an_empty_poll_has_no_token(peer: Arc<Peer>) {
    let activity = peer.activity().await;
    let polled = peer.poll(&activity).await;
    if peer.has(Deviation::EmptyPollIsAnEmptyObject) {
        assert_eq!(polled, json!({}));
    } else {
        assert_eq!(polled.get("taskToken"), Some(&Value::Null), "{polled}");
    }
}

pub(super) async fn the_input_arrives(peer: Arc<Peer>) {
    let input = json!({ "Name": "etl", "Args": ["s3://in", 7, 1.5, true, null], "Conf": { "b": "2", "a": "ä\"\\\n" } });
    let held = peer.hold_with(EASY, &input.to_string()).await;
    assert_eq!(held.input, input);
    // Maps compare without regard to order; users see the order in messages.
    assert_eq!(held.input.to_string(), input.to_string(), "the order of keys is kept");
    assert!(held.token.len() <= 2048);
    peer.must("SendTaskSuccess", &json!({ "taskToken": held.token, "output": "{}" })).await;
}

pub(super) async fn a_success_ends_the_execution(peer: Arc<Peer>) {
    let held = peer.hold(EASY).await;
    let answer =
        peer.must("SendTaskSuccess", &json!({ "taskToken": held.token, "output": "{\"batchId\": 7}" })).await;
    assert_eq!(answer, json!({}));
    let view = peer.end(&held.stage.execution).await;
    assert_eq!(view["status"], "SUCCEEDED", "{view}");
    assert_eq!(parsed(&view["output"]), json!({ "batchId": 7 }));
    let events = peer.events(&held.stage.execution).await;
    let kinds: Vec<&str> = events.iter().filter_map(|event| event["type"].as_str()).collect();
    let expected = [
        "ExecutionStarted",
        "TaskStateEntered",
        "ActivityScheduled",
        "ActivityStarted",
        "ActivitySucceeded",
        "TaskStateExited",
        "ExecutionSucceeded",
    ];
    assert_eq!(kinds, expected);
    let previous: Vec<Option<u64>> = events.iter().map(|event| event["previousEventId"].as_u64()).collect();
    assert_eq!(previous, [0, 0, 2, 3, 4, 5, 6].map(Some));
    let scheduled = &events[2]["activityScheduledEventDetails"];
    assert_eq!(
        (&scheduled["resource"], &scheduled["heartbeatInSeconds"]),
        (&json!(held.stage.activity), &json!(20))
    );
    assert_eq!(scheduled["timeoutInSeconds"], json!(60));
    assert_eq!(events[3]["activityStartedEventDetails"], json!({ "workerName": "contract" }));
    assert_eq!(parsed(&events[4]["activitySucceededEventDetails"]["output"]), json!({ "batchId": 7 }));
}

pub(super) async fn a_failure_ends_the_execution(peer: Arc<Peer>) {
    let held = peer.hold(EASY).await;
    let failure = json!({ "taskToken": held.token, "error": "SparkJob.Failed", "cause": "exit 1" });
    assert_eq!(peer.must("SendTaskFailure", &failure).await, json!({}));
    let view = peer.end(&held.stage.execution).await;
    assert_eq!(
        (&view["status"], &view["error"], &view["cause"]),
        (&json!("FAILED"), &json!("SparkJob.Failed"), &json!("exit 1")),
        "{view}"
    );
    let failed = peer.event(&held.stage.execution, "ActivityFailed").await;
    assert_eq!(
        failed["activityFailedEventDetails"],
        json!({ "error": "SparkJob.Failed", "cause": "exit 1" })
    );
}

pub(super) async fn a_failure_needs_no_words(peer: Arc<Peer>) {
    let held = peer.hold(EASY).await;
    peer.must("SendTaskFailure", &json!({ "taskToken": held.token })).await;
    assert_eq!(peer.end(&held.stage.execution).await["status"], "FAILED");
}

pub(super) async fn any_language_survives(peer: Arc<Peer>) {
    let text = "Größe 東京 🚕 \u{0}\u{7f} \"'\\";
    let held = peer.hold(EASY).await;
    let output = json!({ "text": text }).to_string();
    peer.must("SendTaskSuccess", &json!({ "taskToken": held.token, "output": output })).await;
    let view = peer.end(&held.stage.execution).await;
    assert_eq!(parsed(&view["output"]), json!({ "text": text }));
}

pub(super) async fn heartbeats_keep_a_task_alive(peer: Arc<Peer>) {
    let held = peer.hold((Some(2), Some(60))).await;
    for _ in 0..8 {
        assert_eq!(peer.must("SendTaskHeartbeat", &json!({ "taskToken": held.token })).await, json!({}));
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    peer.must("SendTaskSuccess", &json!({ "taskToken": held.token, "output": "{}" })).await;
    assert_eq!(peer.end(&held.stage.execution).await["status"], "SUCCEEDED");
}

pub(super) async fn a_heartbeat_is_welcome_without_heartbeat_seconds(peer: Arc<Peer>) {
    let held = peer.hold((None, Some(60))).await;
    let reply = peer.call("SendTaskHeartbeat", &json!({ "taskToken": held.token })).await;
    if peer.has(Deviation::HeartbeatWithoutHeartbeatSecondsIsInvalidToken) {
        peer.assert_refused(&reply, "InvalidToken", "");
    } else {
        assert_eq!((reply.status, reply.json()), (200, json!({})), "{reply:?}");
    }
    peer.must("SendTaskSuccess", &json!({ "taskToken": held.token, "output": "{}" })).await;
}

pub(super) async fn one_of_two_pollers_gets_the_task(peer: Arc<Peer>) {
    let activity = peer.activity().await;
    let poll = || {
        let (peer, activity) = (Arc::clone(&peer), activity.clone());
        tokio::spawn(async move { peer.poll(&activity).await })
    };
    let (mut first, mut second) = (poll(), poll());
    let execution = peer.start_for(&activity, EASY, "{}").await;
    let polled = tokio::select! {
        polled = &mut first => polled,
        polled = &mut second => polled,
    };
    let polled = polled.expect("a poll is answered");
    assert!(polled["taskToken"].is_string(), "{polled}");
    assert!(!(first.is_finished() && second.is_finished()), "only one is answered");
    first.abort();
    second.abort();
    tokio::time::sleep(super::MOMENT).await;
    peer.must("SendTaskSuccess", &json!({ "taskToken": polled["taskToken"], "output": "{}" })).await;
    assert_eq!(peer.end(&execution).await["status"], "SUCCEEDED");
}

pub(super) async fn a_poller_that_left_swallows_a_task(peer: Arc<Peer>) {
    let activity = peer.activity().await;
    let poll =
        peer.request("GetActivityTask", &json!({ "activityArn": activity })).timeout(Duration::from_secs(1));
    assert!(poll.send().await.is_err(), "nothing is to be had yet");
    let execution = peer.start_for(&activity, (Some(3), Some(60)), "{}").await;
    peer.event(&execution, "ActivityStarted").await;
    let view = peer.end(&execution).await;
    assert_eq!((&view["status"], &view["error"]), (&json!("FAILED"), &json!("States.Timeout")), "{view}");
}

/// The JSON in a text.
fn parsed(text: &Value) -> Value {
    text.as_str().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
}
