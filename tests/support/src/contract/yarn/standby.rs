//! Cases about a pair of `ResourceManager`s of which at most one is active.

use serde_json::json;

use super::{Client, Reply, is_json, number};

/// Asserts that the ResourceManager at `url` is a standby that knows of no active one; returns since when it is up.
///
/// # Panics
/// If it is not so.
pub async fn leaderless(url: &str) -> u64 {
    let client = Client::new(url, "", std::time::Duration::ZERO);
    for reply in sent_on(&client).await {
        assert_eq!((reply.status, reply.header("location")), (307, ""), "{reply:?}");
        assert!(reply.header("refresh").contains(";url=http"), "{reply:?}");
        assert!(reply.header("content-type").starts_with("text/plain"), "{reply:?}");
        assert!(reply.body.starts_with("Can not find any active RM. Will retry in next"), "{reply:?}");
    }
    since(&client, "STANDBY").await
}

/// Asserts that the ResourceManager at `url` is a standby and sends everybody to the one at `active`, with all that was
/// asked; returns since when the active one is active.
///
/// # Panics
/// If it is not so.
pub async fn standby(url: &str, active: &str) -> u64 {
    let client = Client::new(url, "", std::time::Duration::ZERO);
    let port = active.rsplit(':').next().unwrap_or_default();
    let [list, one, kill] = sent_on(&client).await;
    let places = [
        "/ws/v1/cluster/apps?applicationTags=a%2Cb&user.name=x",
        "/ws/v1/cluster/apps/application_1_0001",
        "/ws/v1/cluster/apps/application_1_0001/state",
    ];
    for (reply, place) in [list, one, kill].iter().zip(places) {
        assert_eq!((reply.status, reply.header("refresh")), (307, ""), "{reply:?}");
        assert!(reply.header("location").ends_with(&format!(":{port}{place}")), "{place}: {reply:?}");
        assert!(reply.header("content-type").starts_with("text/plain"), "{reply:?}");
        assert!(
            reply.body.starts_with("This is standby RM. The redirect url is: /ws/v1/cluster/apps"),
            "{reply:?}"
        );
    }
    assert_eq!(client.get("").await.status, 307, "its own address is sent on, and /info is not");
    since(&client, "STANDBY").await;
    let active = Client::new(active, "", std::time::Duration::ZERO);
    assert_eq!(active.get("/apps").await.status, 200);
    since(&active, "ACTIVE").await
}

/// What a standby answers to each kind of question.
async fn sent_on(client: &Client) -> [Reply; 3] {
    let kill = json!({ "state": "KILLED" });
    [
        client.get("/apps?applicationTags=a,b&user.name=x").await,
        client.get("/apps/application_1_0001").await,
        client.put("/apps/application_1_0001/state", &kill).await,
    ]
}

async fn since(client: &Client, role: &str) -> u64 {
    let reply = client.get("/info").await;
    assert_eq!((reply.status, is_json(&reply)), (200, true), "{reply:?}");
    let info = reply.json()["clusterInfo"].take();
    assert_eq!(info["haState"], json!(role), "{info}");
    number(&info, "startedOn")
}
