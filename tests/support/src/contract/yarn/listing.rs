//! Cases that look for applications.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{ACTIVE, Life, Peer, assert_exception};

/// Which of the two are found.
async fn found(peer: &Peer, query: &str) -> Vec<String> {
    let known = [&peer.succeeded.id, &peer.failed.id, &peer.stays.id];
    let list = peer.client.list(query).await;
    let mut ids: Vec<String> = list
        .iter()
        .filter_map(|view| view["id"].as_str())
        .filter(|id| known.iter().any(|known| known == id))
        .map(str::to_owned)
        .collect();
    ids.sort_unstable();
    ids
}

fn ids(lives: &[&Life]) -> Vec<String> {
    let mut ids: Vec<String> = lives.iter().map(|life| life.id.clone()).collect();
    ids.sort_unstable();
    ids
}

pub(super) async fn a_tag_is_found_in_any_case_and_whole(peer: Arc<Peer>) {
    let life = &peer.succeeded;
    for tag in [life.tag.clone(), life.tag.to_lowercase(), life.tag.to_uppercase()] {
        let query = format!("applicationTags={tag}&deSelects=resourceRequests");
        assert_eq!(found(&peer, &query).await, ids(&[life]), "{tag}");
    }
    let part = &life.tag[..life.tag.len() - 1];
    assert!(found(&peer, &format!("applicationTags={part}")).await.is_empty(), "a part of a tag is none");
    let tags: Vec<&str> = life.last()["applicationTags"].as_str().unwrap_or_default().split(',').collect();
    assert!(tags.contains(&life.tag.to_lowercase().as_str()) && tags.contains(&"contract-yarn"), "{tags:?}");
    assert!(tags.iter().any(|tag| tag.starts_with("livy-batch-")), "{tags:?}");
    assert!(tags.is_sorted(), "they are a set: {tags:?}");
    assert_eq!(life.last()["name"], json!(life.name));
}

pub(super) async fn tags_are_alternatives(peer: Arc<Peer>) {
    let (one, other) = (&peer.succeeded, &peer.failed);
    let both = format!("applicationTags={},none,{}", one.tag, other.tag);
    assert_eq!(found(&peer, &both).await, ids(&[one, other]));
    let common = found(&peer, "applicationTags=contract-yarn").await;
    assert_eq!(common, ids(&[one, other, &peer.stays]));
    // An empty value chooses nothing.
    assert_eq!(found(&peer, "applicationTags=&states=").await, ids(&[one, other, &peer.stays]));
}

pub(super) async fn nothing_is_an_empty_object(peer: Arc<Peer>) {
    let reply = peer.client.get("/apps?applicationTags=no-such-tag").await;
    assert_eq!((reply.status, reply.json()), (200, json!({ "apps": {} })), "{reply:?}");
}

pub(super) async fn states_choose_among_them(peer: Arc<Peer>) {
    let query =
        |states: &str| format!("applicationTags=contract-yarn&states={states}&deSelects=resourceRequests");
    assert_eq!(found(&peer, &query(ACTIVE)).await, ids(&[&peer.stays]));
    assert_eq!(found(&peer, &query("running")).await, ids(&[&peer.stays]));
    assert_eq!(found(&peer, &query("Finished,FAILED")).await, ids(&[&peer.succeeded, &peer.failed]));
    assert!(found(&peer, &query("NEW")).await.is_empty());
    let list = peer.client.list(&query("FINISHED")).await;
    let listed = list.iter().find(|view| view["id"] == peer.succeeded.id.as_str()).expect("it is listed");
    let by_id = peer.client.application(&peer.succeeded.url()).await;
    for key in
        ["state", "finalStatus", "startedTime", "finishedTime", "applicationTags", "user", "diagnostics"]
    {
        assert_eq!(listed[key], by_id[key], "{key}");
        assert_ne!(listed[key], Value::Null, "{key}");
    }
}

pub(super) async fn an_unknown_state_is_a_400(peer: Arc<Peer>) {
    let reply = peer.client.get("/apps?states=RUNNING,BOGUS").await;
    let message =
        "java.lang.Exception: Invalid application-state BOGUS specified. It should be one of [NEW, ";
    assert_exception(&reply, 400, "BadRequestException", message);
}

pub(super) async fn what_is_not_there_is_a_404(peer: Arc<Peer>) {
    let message = "java.lang.Exception: app with id: application_1_0001 not found";
    for path in ["/apps/application_1_0001", "/apps/application_1_0001/state"] {
        assert_exception(&peer.client.get(path).await, 404, "NotFoundException", message);
    }
    let killed = peer.client.put("/apps/application_1_0001/state", &json!({ "state": "KILLED" })).await;
    assert_exception(&killed, 404, "NotFoundException", message);
}

pub(super) async fn what_is_no_id_is_a_400(peer: Arc<Peer>) {
    let message = "java.lang.IllegalArgumentException: Invalid ApplicationId prefix: batch_1_0001.";
    let killed = peer.client.put("/apps/batch_1_0001/state", &json!({ "state": "KILLED" })).await;
    for reply in [peer.client.get("/apps/batch_1_0001").await, killed] {
        assert_exception(&reply, 400, "BadRequestException", message);
    }
    let message = "java.lang.IllegalArgumentException: Invalid ApplicationId: application_x_1";
    let reply = peer.client.get("/apps/application_x_1").await;
    assert_exception(&reply, 400, "BadRequestException", message);
}
