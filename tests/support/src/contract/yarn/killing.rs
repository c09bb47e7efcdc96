//! Cases about kills. They come last: what ran has ended then.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{Client, Peer, Reply, assert_exception, is_json};

/// Asks for a state.
pub(super) async fn ask(client: &Client, path: &str, user: &str, state: &str) -> Reply {
    client.put(&format!("{path}/state?user.name={user}"), &json!({ "state": state })).await
}

/// Asserts an answer that is a state, and returns it.
fn state(reply: &Reply, status: u16) -> Value {
    assert_eq!((reply.status, is_json(reply)), (status, true), "{reply:?}");
    let mut answer = reply.json();
    assert_eq!(answer.as_object().map(serde_json::Map::len), Some(1), "{reply:?}");
    answer["state"].take()
}

pub(super) async fn only_a_kill_is_taken(peer: Arc<Peer>) {
    let path = peer.stays.url();
    for wanted in ["FINISHED", "FAILED", "ACCEPTED", "killed", "BOGUS"] {
        let reply = ask(&peer.client, &path, "contract", wanted).await;
        let message = "java.lang.Exception: Only 'KILLED' is allowed as a target state.";
        assert_exception(&reply, 400, "BadRequestException", message);
    }
    // What is so already needs no change.
    assert_eq!(state(&ask(&peer.client, &path, "contract", "RUNNING").await, 200), json!("RUNNING"));
    assert_eq!(peer.client.application(&path).await["state"], json!("RUNNING"));
}

pub(super) async fn a_kill_ends_it(peer: Arc<Peer>) {
    // As far as it has come: the end is saved before it is told.
    const ON_ITS_WAY: [&str; 3] = ["RUNNING", "KILLING", "FINAL_SAVING"];
    let path = peer.stays.url();
    let answer = state(&ask(&peer.client, &path, "contract", "KILLED").await, 202);
    assert!(ON_ITS_WAY.contains(&answer.as_str().unwrap_or_default()), "{answer}");
    // A second one at once: it is on its way, or over.
    let again = ask(&peer.client, &path, "contract", "KILLED").await;
    let expected: &[&str] = if again.status == 202 { &ON_ITS_WAY } else { &["KILLED"] };
    assert!([200, 202].contains(&again.status), "{again:?}");
    assert!(expected.contains(&again.json()["state"].as_str().unwrap_or_default()), "{again:?}");
    let view = peer.client.ended(&path).await;
    assert_eq!([&view["state"], &view["finalStatus"]], [&json!("KILLED"), &json!("KILLED")], "{view}");
    let words = format!("Application {} was killed by user contract", peer.stays.id);
    assert_eq!(view["diagnostics"], json!(words));
    let [started, finished] = ["startedTime", "finishedTime"].map(|key| super::number(&view, key));
    assert!(finished > started, "{view}");
    assert_eq!(state(&ask(&peer.client, &path, "contract", "KILLED").await, 200), json!("KILLED"));
    let listed = peer.client.list(&format!("applicationTags={}&states=KILLED", peer.stays.tag)).await;
    assert_eq!(listed.len(), 1);
}

pub(super) async fn what_has_ended_stays_as_it_ended(peer: Arc<Peer>) {
    for (life, status) in [(&peer.succeeded, "SUCCEEDED"), (&peer.failed, "FAILED")] {
        assert_eq!(
            state(&ask(&peer.client, &life.url(), "contract", "KILLED").await, 200),
            json!("FINISHED")
        );
        let view = peer.client.application(&life.url()).await;
        assert_eq!([&view["state"], &view["finalStatus"]], [&json!("FINISHED"), &json!(status)]);
        assert_eq!(view["finishedTime"], life.last()["finishedTime"]);
    }
}
