//! Cases about an application's life, as it was seen from its first view on.

use std::sync::Arc;

use serde_json::{Value, json};

use super::super::eventually;
use super::{ENDED, Life, Peer, number};

pub(super) async fn states_come_in_order(peer: Arc<Peer>) {
    for life in [&peer.succeeded, &peer.failed, &peer.stays] {
        let mut path =
            ["NEW", "NEW_SAVING", "SUBMITTED", "ACCEPTED", "RUNNING", "FINISHED"].into_iter().peekable();
        for view in &life.seen {
            let state = view["state"].as_str().unwrap_or_default();
            // A quick application's earlier states may be missed, but never come in another order.
            while path.peek().is_some_and(|known| *known != state) {
                path.next();
            }
            assert_eq!(path.peek(), Some(&state), "{view}");
            let over = ENDED.contains(&state);
            // An application master that has said goodbye is still RUNNING, and its word is there already.
            if !["RUNNING", "FINISHED"].contains(&state) {
                assert_eq!(view["finalStatus"], json!("UNDEFINED"), "{view}");
                assert_eq!(view["trackingUI"], json!("UNASSIGNED"), "{view}");
                assert_eq!(view["trackingUrl"], Value::Null, "{view}");
            }
            assert_eq!(number(view, "finishedTime") > 0, over, "{view}");
            let progress = view["progress"].as_f64().unwrap_or(-1.0);
            assert!((0.0..=100.0).contains(&progress), "{view}");
        }
    }
    assert_eq!(peer.stays.last()["state"], json!("RUNNING"));
}

pub(super) async fn an_end_has_a_final_status(peer: Arc<Peer>) {
    for (life, status, words) in [
        (&peer.succeeded, "SUCCEEDED", ""),
        (&peer.failed, "FAILED", "User application exited with status 1"),
    ] {
        let view = peer.client.application(&life.url()).await;
        let said = [&view["state"], &view["finalStatus"], &view["diagnostics"], &view["trackingUI"]];
        assert_eq!(said, [&json!("FINISHED"), &json!(status), &json!(words), &json!("History")], "{view}");
        assert_eq!(view["progress"], json!(100.0));
        // There an application is called `FINISHING` until its master's container is gone; every list says `FINISHED` by then.
        let over = || async {
            let state = peer.client.get(&format!("{}/state", life.url())).await;
            let is_over = state.json() == json!({ "state": "FINISHED" });
            assert!(
                state.status == 200 && (is_over || state.json() == json!({ "state": "FINISHING" })),
                "{state:?}"
            );
            is_over.then_some(())
        };
        eventually(peer.client.within, "an end by its state", over).await;
    }
}

pub(super) async fn times_are_in_order(peer: Arc<Peer>) {
    for life in [&peer.succeeded, &peer.failed] {
        let view = peer.client.application(&life.url()).await;
        let [started, launched, finished, elapsed] =
            ["startedTime", "launchTime", "finishedTime", "elapsedTime"].map(|key| number(&view, key));
        assert!(0 < started && started <= launched && launched <= finished, "{view}");
        assert_eq!(elapsed, finished - started, "{view}");
        for earlier in &life.seen {
            assert_eq!(number(earlier, "startedTime"), started, "it does not move");
            let launch = number(earlier, "launchTime");
            assert!(launch == 0 || launch == launched, "0 before the launch: {earlier}");
            assert!(launch > 0 || earlier["state"] != "RUNNING", "what runs was launched: {earlier}");
            assert!(launch == 0 || earlier["amContainerLogs"].is_string(), "it has a container: {earlier}");
        }
    }
    assert_eq!(number(peer.stays.last(), "finishedTime"), 0);
}

pub(super) async fn costs_are_counted(peer: Arc<Peer>) {
    for life in [&peer.succeeded, &peer.failed, &peer.stays] {
        let view = peer.client.application(&life.url()).await;
        let mut before = [0, 0];
        for view in life.seen.iter().chain([&view]) {
            let costs = ["memorySeconds", "vcoreSeconds"].map(|key| number(view, key));
            assert!(costs[0] >= before[0] && costs[1] >= before[1], "they only grow: {before:?}, {view}");
            before = costs;
        }
        // At least 256 MiB for each core: memory is in MiB and not in bytes or GiB.
        let [memory, cores] = before;
        assert!(cores > 0 && (256 * cores..=65_536 * cores).contains(&memory), "{view}");
    }
}

/// `yarn.app.attempt.diagnostics.limit.kc` is 64 unless somebody sets it. What begins them, the exception's name, is lost.
pub(super) async fn of_long_diagnostics_the_end_is_kept(peer: Arc<Peer>) {
    const KEPT: usize = 64 * 1_024;
    let view = peer.client.application(&peer.verbose.url()).await;
    assert_eq!([&view["state"], &view["finalStatus"]], [&json!("FINISHED"), &json!("FAILED")]);
    let said = view["diagnostics"].as_str().unwrap_or_default();
    let (heading, rest) = said.split_once(":\n...").unwrap_or_default();
    let words = format!("Diagnostic messages truncated, showing last {KEPT} chars out of ");
    let whole = heading.strip_prefix(&words).and_then(|number| number.parse::<usize>().ok());
    assert!(whole.is_some_and(|whole| whole >= peer.letters), "{heading}");
    assert_eq!(rest.chars().count(), KEPT, "{heading}");
    let list = peer.client.list(&format!("applicationTags={}", peer.verbose.tag)).await;
    assert_eq!(list[0]["diagnostics"], view["diagnostics"], "a list has them, too");
}

pub(super) async fn logs_and_pages_are_named(peer: Arc<Peer>) {
    for life in [&peer.succeeded, &peer.failed, &peer.stays] {
        let view = life.last();
        assert_log(life, view);
        let page = view["trackingUrl"].as_str().unwrap_or_default();
        assert!(page.starts_with("http") && page.contains(&life.id), "{view}");
    }
}

/// The log's page has container and user in its address.
fn assert_log(life: &Life, view: &Value) {
    let (logs, user) = (view["amContainerLogs"].as_str().unwrap_or_default(), view["user"].as_str());
    let number = life.id.trim_start_matches("application");
    assert!(logs.contains("/node/containerlogs/container_"), "{view}");
    assert!(logs.contains(&format!("{number}_01_000001/{}", user.unwrap_or("?"))), "{view}");
}
