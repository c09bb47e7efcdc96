//! Cases about what is accepted, and what it looks like then.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{Peer, is_json};
use crate::livy::{Master, Version};

pub(super) async fn a_post_is_answered_with_the_batch(peer: Arc<Peer>) {
    let name = peer.name();
    let job = &peer.expect.stays;
    let reply = peer.post(&json!({ "file": job.file, "args": job.args, "name": name })).await;
    assert_eq!((reply.status, is_json(&reply)), (201, true), "{reply:?}");
    let view = reply.json();
    assert_eq!(reply.header("location"), format!("/batches/{}", view["id"]));
    let keys: Vec<&str> = view.as_object().into_iter().flatten().map(|(key, _)| key.as_str()).collect();
    assert_eq!(keys, ["id", "name", "owner", "proxyUser", "state", "appId", "appInfo", "log"]);
    assert!(view["id"].is_u64());
    assert_eq!(
        (&view["name"], &view["owner"], &view["proxyUser"]),
        (&json!(name), &Value::Null, &Value::Null)
    );
    assert!(["starting", "running"].contains(&view["state"].as_str().unwrap_or_default()), "{view}");
    assert_eq!(view["appId"], Value::Null);
    let mut info = json!({ "driverLogUrl": null, "sparkUiUrl": null });
    if peer.expect.version >= Version::V0_9 {
        info["executorLogUrls"] = Value::Null;
    }
    assert_eq!(view["appInfo"], info);
    let mut log = vec!["stdout: ", "\nstderr: "];
    if peer.expect.master == Master::Yarn {
        log.push("\nYARN Diagnostics: ");
    }
    let shown: Vec<&str> = view["log"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    // A quick spark-submit may have printed something already.
    assert_eq!(shown.first(), log.first(), "{view}");
    assert!(log.iter().all(|heading| shown.contains(heading)), "{view}");
    assert_eq!(peer.delete(&format!("/batches/{name}")).await.status, 200);
}

pub(super) async fn numbers_among_texts_become_texts(peer: Arc<Peer>) {
    let name = peer.name();
    let job = &peer.expect.succeeds;
    let mut args: Vec<Value> = job.args.iter().map(|text| json!(text)).collect();
    args.extend([json!(7), json!(true), json!(0.5)]);
    let conf = json!({ "spark.one": 1, "spark.yes": true });
    let reply = peer.post(&json!({ "file": job.file, "args": args, "name": name, "conf": conf })).await;
    assert_eq!(reply.status, 201, "{reply:?}");
    assert_eq!(peer.delete(&format!("/batches/{name}")).await.status, 200);
}

pub(super) async fn odd_names_work_when_encoded(peer: Arc<Peer>) {
    let name = format!("{} b/c:d.e ü", peer.name());
    let job = &peer.expect.succeeds;
    let reply = peer.post(&json!({ "file": job.file, "args": job.args, "name": name })).await;
    assert_eq!(reply.status, 201, "{reply:?}");
    let path = format!(
        "/batches/{}",
        name.replace(' ', "%20").replace('/', "%2F").replace(':', "%3A").replace('ü', "%C3%BC")
    );
    let view = peer.get(&path).await;
    assert_eq!((view.status, &view.json()["name"]), (200, &json!(name)), "{view:?}");
    assert_eq!(peer.delete(&path).await.status, 200);
}

pub(super) async fn plain_text_is_read_as_json(peer: Arc<Peer>) {
    let name = peer.name();
    let job = &peer.expect.succeeds;
    let body = json!({ "file": job.file, "args": job.args, "name": name }).to_string();
    let reply = peer.post_raw("text/plain", body).await;
    assert_eq!(reply.status, 201, "{reply:?}");
    assert_eq!(peer.delete(&format!("/batches/{name}")).await.status, 200);
}

pub(super) async fn what_follows_the_json_is_ignored(peer: Arc<Peer>) {
    let name = peer.name();
    let job = &peer.expect.succeeds;
    let body = format!("{} and more", json!({ "file": job.file, "args": job.args, "name": name }));
    assert_eq!(peer.post_raw("application/json", body).await.status, 201);
    assert_eq!(peer.delete(&format!("/batches/{name}")).await.status, 200);
}

pub(super) async fn the_longest_argument_is_taken(peer: Arc<Peer>) {
    let name = peer.name();
    let job = &peer.expect.succeeds;
    let mut args = job.args.clone();
    args.push("x".repeat(131_071));
    let reply = peer.post(&json!({ "file": job.file, "args": args, "name": name })).await;
    assert_eq!(reply.status, 201, "{reply:?}");
    assert_eq!(peer.delete(&format!("/batches/{name}")).await.status, 200);
}

pub(super) async fn a_deploy_mode_is_refused_from_0_8(peer: Arc<Peer>) {
    let name = peer.name();
    let job = &peer.expect.stays;
    let conf = json!({ "spark.submit.deployMode": "client" });
    let reply = peer.post(&json!({ "file": job.file, "args": job.args, "name": name, "conf": conf })).await;
    if peer.expect.version >= Version::V0_8 {
        let reason = "Blacklisted configuration values in session config: spark.submit.deployMode";
        peer.assert_rejected(&reply, reason);
        peer.assert_zombie(&name).await;
    } else {
        assert_eq!(reply.status, 201, "{reply:?}");
        assert_eq!(peer.delete(&format!("/batches/{name}")).await.status, 200);
    }
}

pub(super) async fn dots_are_seen_through_from_0_9(peer: Arc<Peer>) {
    let name = peer.name();
    let (directory, _) = peer.expect.succeeds.file.rsplit_once('/').expect("a path");
    let file = format!("{directory}/../outside.py");
    let reply = peer.post(&json!({ "file": file, "name": name })).await;
    if peer.expect.version >= Version::V0_9 {
        let reason = format!("requirement failed: Local path {file} cannot be added to user sessions.");
        peer.assert_rejected(&reply, &reason);
        peer.assert_zombie(&name).await;
    } else {
        assert_eq!(reply.status, 201, "{reply:?}");
        assert_eq!(peer.delete(&format!("/batches/{name}")).await.status, 200);
    }
}
