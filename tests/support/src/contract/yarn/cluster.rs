//! Cases about the cluster itself.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use super::{Peer, is_json, number};

pub(super) async fn it_tells_since_when_it_is_up_and_what_it_keeps(peer: Arc<Peer>) {
    let reply = peer.client.get("/info").await;
    assert_eq!((reply.status, is_json(&reply)), (200, true), "{reply:?}");
    let info = reply.json()["clusterInfo"].take();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock is past 1970").as_millis();
    let started = number(&info, "startedOn");
    assert!(started > 0 && u128::from(started) <= now, "{info}");
    assert_eq!(info["id"], info["startedOn"], "its id is the time of its start");
    assert_eq!((info["state"].as_str(), info["haState"].as_str()), (Some("STARTED"), Some("ACTIVE")));
    let store = info["rmStateStoreName"].as_str().unwrap_or_default();
    let package = "org.apache.hadoop.yarn.server.resourcemanager.recovery.";
    assert!(store.starts_with(package) && store.ends_with("RMStateStore"), "{info}");
    for key in ["resourceManagerVersion", "hadoopVersion"] {
        let version = info[key].as_str().unwrap_or_default();
        assert!(
            version.split('.').count() >= 3 && version.starts_with(|c: char| c.is_ascii_digit()),
            "{info}"
        );
    }
    // The same under the interface's own address.
    assert_eq!(peer.client.get("").await.json()["clusterInfo"]["startedOn"], info["startedOn"]);
    assert!(peer.succeeded.last()["clusterId"].as_u64().is_some_and(|id| id <= started), "an earlier start");
}

pub(super) async fn what_is_nowhere_is_a_page(peer: Arc<Peer>) {
    let reply = peer.client.get("/nosuch").await;
    assert_eq!((reply.status, is_json(&reply)), (404, false), "{reply:?}");
    assert!(reply.header("content-type").starts_with("text/html"), "{reply:?}");
    assert!(!reply.body.contains("NotFoundException"), "only what is asked about is said to be missing so");
}
