//! What each fault does to a call, and what it leaves undone.

use std::time::{Duration, Instant};

use serde_json::json;
use stand_ins::WaitFor;
use stand_ins::http::{Fault, On};
use stand_ins::livy::{Livy, Master, Settings, Version};

use super::{client, get, post, send};

async fn livy() -> Livy {
    Livy::start(Version::V0_8, Master::Yarn).await
}

#[tokio::test]
async fn a_closed_call_is_not_applied_and_not_answered() {
    let livy = livy().await;
    livy.fault("POST /batches", Fault::Close);
    post(&livy, "a").await.expect_err("the connection is dropped");
    assert_eq!((livy.batches().len(), livy.posts()[0].status), (0, None));
    assert_eq!(post(&livy, "a").await.expect("the fault is over").0, 201);
}

#[tokio::test]
async fn a_lost_answer_was_applied() {
    let livy = livy().await;
    livy.fault("POST /batches", Fault::AnswerLost);
    post(&livy, "a").await.expect_err("the connection is dropped");
    assert_eq!(livy.applications().len(), 1);
}

#[tokio::test]
async fn a_truncated_answer_was_applied_and_arrives_in_part() {
    let livy = livy().await;
    livy.fault("POST /batches", Fault::Truncated);
    let body = json!({ "file": "s3://b/a.py", "name": "a" }).to_string();
    let mut response =
        client().post(format!("{}/batches", livy.url())).body(body).send().await.expect("a head");
    assert_eq!(response.status(), 201);
    let promised = response.content_length().expect("a length") as usize;
    let part = response.chunk().await.expect("a part arrives").expect("it is not empty");
    assert!(part.len() < promised);
    response.chunk().await.expect_err("the rest never arrives");
    assert_eq!(livy.applications().len(), 1);
}

#[tokio::test]
async fn a_hanging_call_is_applied_when_released() {
    let livy = livy().await;
    livy.fault("POST /batches", Fault::Hang);
    let (answer, ()) = tokio::join!(post(&livy, "a"), async {
        livy.wait_for(|livy| livy.posts().len() == 1, None).await;
        assert!(livy.batches().is_empty());
        livy.release();
    });
    assert_eq!(answer.expect("released").0, 201);
}

#[tokio::test]
async fn a_hanging_call_is_never_applied_once_the_client_has_left() {
    let livy = livy().await;
    livy.fault("POST /batches", Fault::Hang);
    leave(&livy).await;
    livy.release();
    assert_eq!(post(&livy, "a").await.expect("the name is free").0, 201);
}

#[tokio::test]
async fn a_late_call_is_applied_although_the_client_has_left() {
    let livy = livy().await;
    livy.fault("POST /batches", Fault::Late);
    leave(&livy).await;
    assert!(livy.batches().is_empty());
    livy.release();
    livy.wait_for(|livy| livy.batch("a").is_some(), None).await;
}

#[tokio::test]
async fn a_call_that_hangs_after_is_applied_at_once() {
    let livy = livy().await;
    livy.fault("POST /batches", Fault::HangAfter);
    leave(&livy).await;
    livy.wait_for(|livy| livy.batch("a").is_some(), None).await;
}

/// Posts `a`, and leaves without waiting for the answer.
async fn leave(livy: &Livy) {
    let leaving = tokio::time::timeout(Duration::from_millis(200), post(livy, "a"));
    leaving.await.expect_err("there is no answer");
    livy.wait_for(|livy| livy.calls()[0].left, None).await;
}

#[tokio::test]
async fn a_frozen_server_works_off_what_arrived() {
    let livy = livy().await;
    livy.hang_all(true);
    leave(&livy).await;
    assert!(livy.batches().is_empty());
    livy.hang_all(false);
    livy.wait_for(|livy| livy.batch("a").is_some(), None).await;
    assert_eq!(get(&livy, "/version").await.expect("it answers again").0, 200);
}

#[tokio::test]
async fn a_redirect_and_an_answer_are_not_applied() {
    let livy = livy().await;
    livy.fault("POST /batches", Fault::Redirect("http://127.0.0.1:1/batches".into()));
    livy.fault("POST /batches", Fault::html(502, "Bad Gateway"));
    assert_eq!(post(&livy, "a").await.expect("redirected").0, 307);
    let (status, body) = post(&livy, "a").await.expect("answered");
    assert_eq!((status, body.contains("Bad Gateway")), (502, true));
    assert!(livy.applications().is_empty());
    assert_eq!(livy.faults_left(), 0);
}

#[tokio::test]
async fn a_delayed_call_is_applied_later() {
    let livy = livy().await;
    livy.fault("*", Fault::Delay(Duration::from_millis(300)));
    let begun = Instant::now();
    assert_eq!(post(&livy, "a").await.expect("answered").0, 201);
    assert!(begun.elapsed() >= Duration::from_millis(300));
}

#[tokio::test]
async fn a_fault_can_be_for_one_key_and_for_ever() {
    let livy = livy().await;
    livy.fault_times(On::operation("POST /batches").key("bad"), usize::MAX, Fault::Close);
    for _ in 0..3 {
        post(&livy, "bad-1").await.expect_err("always");
        post(&livy, "good").await.expect("never");
    }
    livy.clear_faults();
    assert_eq!(post(&livy, "bad-1").await.expect("cleared").0, 201);
}

#[tokio::test]
async fn a_server_that_is_down_refuses_and_comes_back_on_its_port() {
    let livy = livy().await;
    livy.fault("GET /version", Fault::Hang);
    let (dropped, ()) = tokio::join!(get(&livy, "/version"), async {
        livy.wait_for(|livy| livy.count("GET /version") == 1, None).await;
        livy.down().await;
    });
    dropped.expect_err("open connections are dropped");
    for _ in 0..5 {
        assert!(get(&livy, "/version").await.expect_err("refused").is_connect());
    }
    livy.up().await;
    assert_eq!(get(&livy, "/version").await.expect("it is back").0, 200);
}

#[tokio::test]
async fn connections_are_kept_and_closed_when_idle() {
    let settings = Settings::new(Version::V0_8, Master::Yarn);
    let livy = Livy::idle_after(settings, Duration::from_millis(300)).await;
    let (client, url) = (client(), format!("{}/version", livy.url()));
    for _ in 0..2 {
        send(client.get(&url)).await.expect("answered");
    }
    tokio::time::sleep(Duration::from_millis(600)).await;
    send(client.get(&url)).await.expect("answered");
    let connections: Vec<u64> = livy.calls().iter().map(|call| call.connection).collect();
    assert_eq!(connections, [0, 0, 1]);
}

#[tokio::test]
#[should_panic(expected = "GET /version  → 200")]
async fn a_wait_in_vain_shows_the_calls() {
    let livy = livy().await;
    get(&livy, "/version").await.expect("answered");
    livy.wait_for(|livy| livy.posts().len() == 1, Duration::from_millis(50)).await;
}
