//! Cases about what is refused, in which shape, and what stays behind.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{Peer, assert_bare};

pub(super) async fn a_duplicate_name(peer: Arc<Peer>) {
    let (name, first) = peer.submit(&peer.expect.stays).await;
    let reply = peer.post(&json!({ "file": peer.expect.stays.file, "name": name })).await;
    peer.assert_rejected(&reply, &format!("Duplicate session name: Some({name}) for session "));
    let path = format!("/batches/{name}");
    assert_eq!(peer.get(&path).await.json()["id"], first["id"], "the first batch is unharmed");
    assert_eq!(peer.delete(&path).await.status, 200);
}

pub(super) async fn a_name_of_digits_or_nothing(peer: Arc<Peer>) {
    for name in ["20241231", ""] {
        let before = total(&peer).await;
        let reply = peer.post(&json!({ "file": peer.expect.succeeds.file, "name": name })).await;
        peer.assert_rejected(&reply, &format!("Invalid session name: {name}"));
        assert_eq!(total(&peer).await, before, "nothing stays behind");
    }
}

pub(super) async fn an_unknown_field(peer: Arc<Peer>) {
    let name = peer.name();
    let reply = peer.post(&json!({ "file": peer.expect.succeeds.file, "name": name, "bogus": 1 })).await;
    assert_bare(
        &reply,
        400,
        "Unrecognized field \"bogus\" (class org.apache.livy.server.batch.CreateBatchRequest)",
    );
    peer.assert_absent(&name).await;
}

pub(super) async fn what_is_no_json(peer: Arc<Peer>) {
    for body in ["{", "no json", "", "[]", "7"] {
        let reply = peer.post_raw("application/json", body.to_owned()).await;
        assert_bare(&reply, 400, "");
    }
}

pub(super) async fn a_form(peer: Arc<Peer>) {
    let body = json!({ "file": peer.expect.succeeds.file }).to_string();
    let reply = peer.post_raw("application/x-www-form-urlencoded", body).await;
    assert_bare(&reply, 400, "No content to map due to end-of-input");
}

pub(super) async fn wrong_types(peer: Arc<Peer>) {
    let wrong = [
        ("args", json!("one")),
        ("args", json!([["nested"]])),
        ("jars", json!({ "a": 1 })),
        ("conf", json!({ "spark.a": { "b": 1 } })),
        ("conf", json!(["spark.a=b"])),
        ("className", json!({ "a": 1 })),
        ("file", json!(["a"])),
    ];
    for (key, value) in wrong {
        let name = peer.name();
        let mut body = json!({ "file": peer.expect.succeeds.file, "name": name });
        body[key] = value;
        let reply = peer.post(&body).await;
        assert_bare(&reply, 400, "");
        peer.assert_absent(&name).await;
    }
}

pub(super) async fn a_number_as_text(peer: Arc<Peer>) {
    for value in [json!("2"), json!(2.5)] {
        let name = peer.name();
        let reply = peer
            .post(&json!({ "file": peer.expect.succeeds.file, "name": name, "numExecutors": value }))
            .await;
        assert_bare(&reply, 500, "java.lang.ClassCastException: ");
        peer.assert_zombie(&name).await;
    }
}

pub(super) async fn a_null_list(peer: Arc<Peer>) {
    for key in ["args", "jars", "pyFiles", "files", "archives", "conf"] {
        let name = peer.name();
        let mut body = json!({ "file": peer.expect.succeeds.file, "name": name });
        body[key] = Value::Null;
        let reply = peer.post(&body).await;
        assert_bare(&reply, 500, "java.lang.NullPointerException");
        // The servers under test log at INFO, where the line about the request fails before anything is kept.
        peer.assert_absent(&name).await;
    }
}

pub(super) async fn a_null_in_a_list(peer: Arc<Peer>) {
    for key in ["args", "jars"] {
        let name = peer.name();
        let mut body = json!({ "file": peer.expect.succeeds.file, "name": name });
        body[key] = json!([null]);
        let reply = peer.post(&body).await;
        assert_bare(&reply, 500, "java.lang.NullPointerException");
        peer.assert_zombie(&name).await;
    }
}

pub(super) async fn no_file(peer: Arc<Peer>) {
    let name = peer.name();
    let reply = peer.post(&json!({ "name": name })).await;
    peer.assert_rejected(&reply, "requirement failed: File is required.");
    peer.assert_zombie(&name).await;
}

pub(super) async fn an_empty_file(peer: Arc<Peer>) {
    let name = peer.name();
    let reply = peer.post(&json!({ "name": name, "file": "" })).await;
    assert_bare(&reply, 500, "java.lang.IndexOutOfBoundsException: ");
    peer.assert_zombie(&name).await;
}

pub(super) async fn a_relative_path(peer: Arc<Peer>) {
    let name = peer.name();
    let reply = peer.post(&json!({ "name": name, "file": "job.py" })).await;
    peer.assert_rejected(&reply, "requirement failed: Path 'job.py' is not absolute.");
    peer.assert_zombie(&name).await;

    let name = peer.name();
    let file = &peer.expect.succeeds.file;
    let reply = peer.post(&json!({ "name": name, "file": file, "jars": ["lib.jar"] })).await;
    peer.assert_rejected(&reply, "requirement failed: Path 'lib.jar' is not absolute.");
    peer.assert_zombie(&name).await;
}

pub(super) async fn an_illegal_path(peer: Arc<Peer>) {
    let name = peer.name();
    let reply = peer.post(&json!({ "name": name, "file": "s3://bucket/a b.py" })).await;
    peer.assert_rejected(
        &reply,
        "java.net.URISyntaxException: Illegal character in path at index 13: s3://bucket/a b.py",
    );
    peer.assert_zombie(&name).await;
}

pub(super) async fn a_file_outside_the_whitelist(peer: Arc<Peer>) {
    let outside = &peer.expect.outside;
    for file in [outside.clone(), format!("file:{outside}"), format!("file://{outside}")] {
        let name = peer.name();
        let reply = peer.post(&json!({ "name": name, "file": file })).await;
        peer.assert_rejected(
            &reply,
            &format!("requirement failed: Local path {outside} cannot be added to user sessions."),
        );
        peer.assert_zombie(&name).await;
    }
}

pub(super) async fn an_argument_that_is_too_long(peer: Arc<Peer>) {
    let (file, long) = (&peer.expect.succeeds.file, "x".repeat(131_072));
    let jars: Vec<String> = (0..2000).map(|number| format!("s3://bucket/{number:0>60}.jar")).collect();
    let bodies =
        [json!({ "args": [long] }), json!({ "conf": { "spark.long": long } }), json!({ "jars": jars })];
    for mut body in bodies {
        let name = peer.name();
        body["name"] = json!(name);
        body["file"] = json!(file);
        let reply = peer.post(&body).await;
        assert_bare(&reply, 500, "java.io.IOException: Cannot run program ");
        assert!(reply.body.contains("error=7, Argument list too long"), "{reply:?}");
        peer.assert_zombie(&name).await;
    }
}

async fn total(peer: &Peer) -> Value {
    peer.get("/batches?size=0").await.json()["total"].clone()
}
