//! Cases about a job's whole life.

use std::sync::Arc;

use serde_json::{Value, json};

use super::Peer;
use crate::livy::Master;

pub(super) async fn a_job_succeeds(peer: Arc<Peer>) {
    let (name, _) = peer.submit(&peer.expect.succeeds).await;
    let (view, states) = peer.end(&name).await;
    assert_path(&states, "success");
    assert_application(&peer, &view);
    let state = peer.get(&format!("/batches/{name}/state")).await.json();
    assert_eq!(state, json!({ "id": view["id"], "state": "success" }));
    peer.delete(&format!("/batches/{name}")).await;
}

pub(super) async fn a_job_fails(peer: Arc<Peer>) {
    let (name, _) = peer.submit(&peer.expect.fails).await;
    let (view, states) = peer.end(&name).await;
    assert_path(&states, "dead");
    assert_application(&peer, &view);
    peer.delete(&format!("/batches/{name}")).await;
}

pub(super) async fn a_running_job_is_deleted(peer: Arc<Peer>) {
    let (name, _) = peer.submit(&peer.expect.stays).await;
    let path = format!("/batches/{name}");
    let running = || async { (peer.get(&path).await.json()["state"] == "running").then_some(()) };
    super::eventually(peer.expect.within, "running", running).await;
    let reply = peer.delete(&path).await;
    assert_eq!((reply.status, reply.json()), (200, json!({ "msg": "deleted" })), "{reply:?}");
    peer.assert_absent(&name).await;
    let again = peer.delete(&path).await;
    let missing = json!({ "msg": format!("Session '{name}' not found.") });
    assert_eq!((again.status, again.json()), (404, missing), "{again:?}");
}

pub(super) async fn a_finished_job_is_deleted(peer: Arc<Peer>) {
    let job = &peer.expect.succeeds;
    let (name, first) = peer.submit(job).await;
    peer.end(&name).await;
    let path = format!("/batches/{name}");
    let reply = peer.delete(&path).await;
    assert_eq!((reply.status, reply.json()), (200, json!({ "msg": "deleted" })), "{reply:?}");
    peer.assert_absent(&name).await;
    let again = peer.post(&json!({ "file": job.file, "args": job.args, "name": name })).await;
    assert_eq!(again.status, 201, "the name is free: {again:?}");
    assert!(again.json()["id"].as_u64() > first["id"].as_u64(), "ids are not used twice");
    peer.delete(&path).await;
}

pub(super) async fn a_log_is_a_window(peer: Arc<Peer>) {
    let (name, _) = peer.submit(&peer.expect.succeeds).await;
    let (view, _) = peer.end(&name).await;
    let log = async |query: &str| peer.get(&format!("/batches/{name}/log{query}")).await.json();
    let whole = log("?size=-1").await;
    let lines = whole["log"].as_array().cloned().unwrap_or_default();
    let total = lines.len();
    assert_eq!((&whole["from"], &whole["total"]), (&json!(0), &json!(total)), "{whole}");
    assert_headings(&peer, &lines);
    assert_eq!(
        view["log"].as_array().map(Vec::as_slice),
        Some(&lines[total.saturating_sub(10)..]),
        "a view shows ten"
    );

    let tail = log("").await;
    assert_eq!(tail["from"], json!(total.saturating_sub(100)));
    assert_eq!(log("?from=0&size=1").await["log"], json!([lines[0]]));
    assert_eq!(
        log("?size=1").await,
        json!({ "id": view["id"], "from": total - 1, "total": total, "log": [lines[total - 1]] })
    );
    assert_eq!(log("?size=0").await, json!({ "id": view["id"], "from": total, "total": total, "log": [] }));
    assert_eq!(log("?from=9999").await, json!({ "id": view["id"], "from": 9999, "total": total, "log": [] }));
    let reply = peer.get(&format!("/batches/{name}/log?from=x")).await;
    assert_eq!((reply.status, reply.json()), (400, json!({ "msg": "For input string: \"x\"" })), "{reply:?}");
    peer.delete(&format!("/batches/{name}")).await;
}

pub(super) async fn a_log_keeps_200_lines(peer: Arc<Peer>) {
    let job = peer.expect.chatty.clone().expect("only run with a chatty job");
    let (name, _) = peer.submit(&job).await;
    peer.end(&name).await;
    let headings = if peer.expect.master == Master::Yarn { 3 } else { 2 };
    // Livy reads the output beside watching the process, and may come last.
    let path = format!("/batches/{name}/log?size=-1");
    let full = || async {
        let log = peer.get(&path).await.json();
        (log["log"][200] == "line 499").then_some(log)
    };
    let log = super::eventually(peer.expect.within, "the last line", full).await;
    assert_eq!(log["total"], json!(200 + headings));
    assert_eq!((&log["log"][0], &log["log"][1]), (&json!("stdout: "), &json!("line 300")));
    peer.delete(&format!("/batches/{name}")).await;
}

/// A quick job's earlier states may be missed, but never come in another order.
fn assert_path(states: &[String], end: &str) {
    let mut path = ["starting", "running", end].into_iter();
    assert!(states.iter().all(|state| path.any(|known| known == state)), "{states:?}");
    assert_eq!(states.last().map(String::as_str), Some(end));
}

fn assert_application(peer: &Peer, view: &Value) {
    match peer.expect.master {
        Master::Local => {
            assert_eq!((&view["appId"], &view["appInfo"]["sparkUiUrl"]), (&Value::Null, &Value::Null))
        }
        Master::Yarn => {
            let id = view["appId"].as_str().unwrap_or_default();
            assert!(id.starts_with("application_"), "{view}");
            assert!(view["appInfo"]["sparkUiUrl"].as_str().is_some_and(|url| url.contains(id)), "{view}");
        }
    }
}

fn assert_headings(peer: &Peer, lines: &[Value]) {
    assert_eq!(lines.first(), Some(&json!("stdout: ")));
    let last = match peer.expect.master {
        Master::Local => lines.last() == Some(&json!("\nstderr: ")),
        Master::Yarn => {
            lines.contains(&json!("\nstderr: ")) && lines.contains(&json!("\nYARN Diagnostics: "))
        }
    };
    assert!(last, "{lines:?}");
}
