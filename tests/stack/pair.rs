//! Two real ResourceManagers in HA, with a NodeManager and a Livy that follow the active one: a job outlives its
//! ResourceManager's turn, and a standby is the way to the active one.

use std::time::Instant;

use serde_json::{Value, json};

use crate::real::{On, Stage, control, get, stack};

/// The first of the pair is the active one, with a node.
fn start() {
    control(&["start", "pair-1", "pair-2"], &[]);
    control(&["activate", "pair-1"], &[]);
    control(&["start", "nm-pair", "livy-pair"], &[]);
}

/// The second of the pair takes over.
async fn switch() {
    control(&["retire", "pair-1"], &[]);
    control(&["activate", "pair-2"], &[]);
    assert_eq!((role("PAIR_1").await, role("PAIR_2").await), (json!("STANDBY"), json!("ACTIVE")));
}

async fn role(name: &str) -> Value {
    get(&format!("{}/ws/v1/cluster/info", stack(name))).await["clusterInfo"]["haState"].take()
}

#[tokio::test]
#[ignore = "slow: tests/stack/run --all"]
async fn a_job_outlives_the_turn_of_its_resource_manager_and_a_standby_is_the_way_to_kill_one() {
    let begun = Instant::now();
    start();
    let stage = Stage::new(On::Pair, "pair").await;
    stage.worker.logged(&format!("YARN is asked at {} (", stack("PAIR_1")));
    let execution = stage.run("turns", "sleeps.py", json!({ "Args": [15] })).await;
    let application = stage.reaches("turns-", "RUNNING").await;
    switch().await;
    assert!(!stage.has_ended(&execution).await, "it changed in the middle of the job");
    let end = stage.ended(&execution).await;
    assert_eq!((end.status.as_str(), &end.output["verdictSource"]), ("SUCCEEDED", &json!("yarn")), "{end:?}");
    assert_eq!(end.output["applicationId"], application["id"], "{end:?}");
    stage.nothing_left("turns-").await;
    stage.only("turns-").await;

    // Of this worker's YARN only the standby is known, and Livy is not there to kill anything.
    let stage = Stage::new(On::FirstOfPair, "standby").await;
    let execution = stage.run("redirected", "sleeps.py", json!({ "Args": [300] })).await;
    let application = stage.reaches("redirected-", "RUNNING").await;
    let id = application["id"].as_str().expect("an id");
    stage.worker.logged(&format!("runs as {id}"));
    control(&["kill", "livy-pair"], &[]);
    stage.stop(&execution).await;
    stage.worker.logged("is dead by YARN's word");
    let seen = get(&format!("{}/ws/v1/cluster/apps/{id}", stack("PAIR_2"))).await;
    assert_eq!(seen["app"]["finalStatus"], "KILLED", "{seen}");
    stage.nothing_left("redirected-").await;
    assert_eq!(role("PAIR_1").await, json!("STANDBY"));
    for name in ["nm-pair", "pair-1", "pair-2"] {
        control(&["kill", name], &[]);
    }
    println!("pair: {:?}", begun.elapsed());
}
