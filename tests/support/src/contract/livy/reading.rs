//! Cases that read.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{Peer, Reply, is_json};
use crate::livy::Version;

pub(super) async fn version_names_the_release(peer: Arc<Peer>) {
    let reply = peer.get("/version").await;
    assert_eq!((reply.status, is_json(&reply)), (200, true), "{reply:?}");
    let view = reply.json();
    for key in ["url", "branch", "revision", "version", "date", "user"] {
        assert!(view[key].is_string(), "no {key}: {view}");
    }
    let release = match peer.expect.version {
        Version::V0_7 => "0.7.",
        Version::V0_8 => "0.8.",
        Version::V0_9 => "0.9.",
    };
    assert!(view["version"].as_str().is_some_and(|version| version.starts_with(release)), "{view}");
}

pub(super) async fn a_batch_is_found_by_id_and_by_name(peer: Arc<Peer>) {
    let (name, view) = peer.submit(&peer.expect.stays).await;
    let id = &view["id"];
    for key in [name.clone(), id.to_string()] {
        let found = peer.get(&format!("/batches/{key}")).await;
        assert_eq!((found.status, is_json(&found)), (200, true), "{found:?}");
        assert_eq!((&found.json()["id"], &found.json()["name"]), (id, &json!(name)));
        let state = peer.get(&format!("/batches/{key}/state")).await.json();
        assert_eq!(keys(&state), ["id", "state"]);
        let log = peer.get(&format!("/batches/{key}/log")).await.json();
        assert_eq!(keys(&log), ["from", "id", "log", "total"]);
        assert_eq!((&state["id"], &log["id"]), (id, id));
    }
    assert_eq!(peer.delete(&format!("/batches/{id}")).await.status, 200);
}

pub(super) async fn what_is_not_there_is_a_404(peer: Arc<Peer>) {
    for key in ["2000000000", "no-such-batch"] {
        let expected = json!({ "msg": format!("Session '{key}' not found.") });
        for part in ["", "/state", "/log"] {
            let reply = peer.get(&format!("/batches/{key}{part}")).await;
            assert_eq!((reply.status, reply.json()), (404, expected.clone()), "{reply:?}");
            assert!(is_json(&reply));
        }
        let reply = peer.delete(&format!("/batches/{key}")).await;
        assert_eq!((reply.status, reply.json()), (404, expected), "{reply:?}");
    }
}

pub(super) async fn an_id_beyond_an_int_is_a_400(peer: Arc<Peer>) {
    let reply = peer.get("/batches/99999999999").await;
    let expected = json!({ "msg": "For input string: \"99999999999\"" });
    assert_eq!((reply.status, reply.json()), (400, expected), "{reply:?}");
}

pub(super) async fn a_list_is_a_window(peer: Arc<Peer>) {
    let first = peer.submit(&peer.expect.succeeds).await.0;
    let second = peer.submit(&peer.expect.succeeds).await.0;
    let whole = peer.get("/batches?size=100000").await.json();
    assert_eq!(keys(&whole), ["from", "sessions", "total"]);
    let total = whole["total"].as_u64().expect("a total");
    let names: Vec<&Value> =
        whole["sessions"].as_array().into_iter().flatten().map(|view| &view["name"]).collect();
    assert_eq!(names.len() as u64, total);
    assert!(names.ends_with(&[&json!(first), &json!(second)]), "not in the order of their coming: {names:?}");

    let last = peer.get(&format!("/batches?from={}&size=1", total - 1)).await.json();
    assert_eq!((last["from"].as_u64(), last["total"].as_u64()), (Some(total - 1), Some(total)));
    assert_eq!(last["sessions"][0]["name"], json!(second));
    for nothing in ["size=0", "from=100000", "size=-1"] {
        let list = peer.get(&format!("/batches?{nothing}")).await.json();
        assert_eq!(
            (list["total"].as_u64(), &list["sessions"]),
            (Some(total), &json!([])),
            "{nothing}: {list}"
        );
    }
    let reply = peer.get("/batches?size=many").await;
    assert_eq!(
        (reply.status, reply.json()),
        (400, json!({ "msg": "For input string: \"many\"" })),
        "{reply:?}"
    );
    for name in [first, second] {
        peer.end(&name).await;
        peer.delete(&format!("/batches/{name}")).await;
    }
}

pub(super) async fn other_methods_and_paths_have_no_body(peer: Arc<Peer>) {
    let methods = [
        ("PUT", "/batches", "POST, GET, HEAD"),
        ("DELETE", "/batches", "POST, GET, HEAD"),
        ("PATCH", "/batches/1", "DELETE, GET, HEAD"),
        ("POST", "/batches/1", "DELETE, GET, HEAD"),
    ];
    for (method, path, allowed) in methods {
        let reply = Reply::of(peer.request(method, path)).await;
        assert_eq!(
            (reply.status, reply.header("allow"), reply.body.as_str()),
            (405, allowed, ""),
            "{method} {path}"
        );
    }
    for (path, kind) in [("/nosuch", "text/html"), ("/batches/1/nosuch", "application/json")] {
        let reply = peer.get(path).await;
        assert_eq!((reply.status, reply.body.as_str()), (404, ""), "{path}: {reply:?}");
        assert!(reply.header("content-type").starts_with(kind), "{path}: {reply:?}");
    }
    let reply = peer.get("/").await;
    assert!(reply.status == 302 && reply.header("location").ends_with("/ui"), "{reply:?}");
}

pub(super) async fn another_api_version_is_a_406(peer: Arc<Peer>) {
    for (version, status) in [("0.1", 200), ("2.0", 406)] {
        let accept = format!("application/vnd.livy.v{version}+json");
        let reply = Reply::of(peer.request("GET", "/batches").header("accept", accept)).await;
        assert_eq!(reply.status, status, "{version}: {reply:?}");
        if status == 406 {
            assert_eq!(reply.json(), json!({ "msg": "No value found for '2.0'" }));
        }
    }
}

/// The keys of an object, sorted.
fn keys(object: &Value) -> Vec<&str> {
    let mut keys: Vec<&str> = object.as_object().into_iter().flatten().map(|(key, _)| key.as_str()).collect();
    keys.sort_unstable();
    keys
}
