//! Cases about a session's life.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use super::super::eventually;
use super::Peer;
use crate::livy::{Master, Version};

pub(super) async fn a_session_is_opened_found_and_deleted(peer: Arc<Peer>) {
    let (name, view) = peer.open().await;
    let keys: Vec<&str> = view.as_object().into_iter().flatten().map(|(key, _)| key.as_str()).collect();
    let known = ["id", "name", "appId", "owner", "proxyUser", "state", "kind", "appInfo", "log"];
    assert_eq!(keys[..known.len()], known);
    assert_eq!(keys.len() > known.len(), peer.expect.version >= Version::V0_8, "{keys:?}");
    assert_eq!(
        (&view["name"], &view["state"], &view["kind"]),
        (&json!(name), &json!("starting"), &json!("pyspark"))
    );
    let path = format!("/sessions/{name}");
    let idle = || async {
        let view = peer.get(&path).await.json();
        (view["state"] == "idle").then_some(view)
    };
    let idle = eventually(peer.expect.within, "an idle session", idle).await;
    let is_yarn = peer.expect.master == Master::Yarn;
    assert_eq!(idle["appId"].as_str().is_some_and(|id| id.starts_with("application_")), is_yarn, "{idle}");
    let by_id = peer.get(&format!("/sessions/{}", view["id"])).await.json();
    assert_eq!(by_id["name"], json!(name));
    let listed = peer.get("/sessions?from=0&size=1000").await.json();
    let named = listed["sessions"].as_array().into_iter().flatten().filter(|one| one["name"] == json!(name));
    assert_eq!(named.count(), 1, "{listed}");
    let kept = peer.post(&format!("{path}/connect"), &json!({})).await;
    assert_eq!((kept.status, &kept.json()["name"]), (200, &json!(name)), "{kept:?}");
    peer.ends(&name).await;
    let again = peer.delete(&path).await;
    assert_eq!(again.status, 404, "{again:?}");
}

pub(super) async fn a_name_is_taken_once(peer: Arc<Peer>) {
    let (name, view) = peer.open().await;
    let again = peer.post("/sessions", &json!({ "kind": "pyspark", "name": name })).await;
    let said = again.json()["msg"].as_str().unwrap_or_default().to_owned();
    assert_eq!(again.status, 400, "{again:?}");
    assert!(said.contains(&format!("Duplicate session name: Some({name}) for session ")), "{again:?}");
    let (other, next) = peer.open().await;
    assert_eq!(next["id"].as_u64(), view["id"].as_u64().map(|id| id + 2), "it has taken a number");
    for name in [name, other] {
        peer.ends(&name).await;
    }
}

pub(super) async fn what_is_not_there_is_a_404(peer: Arc<Peer>) {
    let name = peer.name();
    peer.assert_absent(&name).await;
    let missing = json!({ "msg": format!("Session '{name}' not found.") });
    for path in ["/statements/0", "/state"] {
        let reply = peer.get(&format!("/sessions/{name}{path}")).await;
        assert_eq!((reply.status, reply.json()), (404, missing.clone()), "{reply:?}");
    }
    for path in ["/statements", "/connect"] {
        let reply = peer.post(&format!("/sessions/{name}{path}"), &json!({ "code": "1" })).await;
        assert_eq!((reply.status, reply.json()), (404, missing.clone()), "{reply:?}");
    }
    assert_eq!(peer.delete(&format!("/sessions/{name}")).await.status, 404);
}

pub(super) async fn a_statement_for_a_session_that_starts_is_refused(peer: Arc<Peer>) {
    let (name, _) = peer.open().await;
    let reply = peer.post(&format!("/sessions/{name}/statements"), &json!({ "code": "1" })).await;
    let said = reply.json().as_str().unwrap_or_default().to_owned();
    assert_eq!(reply.status, 500, "{reply:?}");
    assert!(said.contains("Session is in state starting"), "{reply:?}");
    peer.ends(&name).await;
}

pub(super) async fn a_session_that_is_deleted_in_mid_statement_is_gone(peer: Arc<Peer>) {
    let name = peer.idle().await;
    peer.run(&name, "1").await;
    peer.say(&name, "import time; time.sleep(120)").await;
    let state = format!("/sessions/{name}/state");
    let busy = || async { (peer.get(&state).await.json()["state"] == "busy").then_some(()) };
    eventually(peer.expect.within, "a busy session", busy).await;
    let begun = std::time::Instant::now();
    peer.ends(&name).await;
    let took = begun.elapsed();
    assert!(took > Duration::from_secs(5) && took < Duration::from_secs(30), "Livy waits 10 s: {took:?}");
}
