//! The worker asks as a user of its own, and the applications belong to another one: what it can see and do where YARN's
//! access control is on.

use serde_json::{Value, json};

use crate::real::{On, Stage, control, get, stack};

fn restart(acl: &str) {
    control(&["stop", "rm"], &[]);
    control(&["start", "rm"], &[("YARN_ACL", acl)]);
}

#[tokio::test]
async fn with_acls_in_yarn_a_job_is_followed_to_its_end_and_a_stopped_one_is_dead() {
    restart("on");
    followed("acl").await;
    stopped("acl-stopped").await;
    restart("off");
}

#[tokio::test]
#[ignore = "slow: tests/stack/run --all"]
async fn with_lists_by_user_in_yarn_a_job_is_followed_to_its_end_and_a_stopped_one_is_dead() {
    restart("filter");
    followed("filter").await;
    stopped("filter-stopped").await;
    restart("off");
}

/// A job's success and another one's failure are YARN's word, with what others may know.
async fn followed(name: &str) {
    let stage = Stage::new(On::Yarn, name).await;
    let well = stage.run(&format!("{name}-well"), "sleeps.py", json!({"Args": [1]})).await;
    let badly = stage.run(&format!("{name}-badly"), "fails.py", json!({})).await;
    let end = stage.ended(&well).await;
    assert_eq!((end.status.as_str(), &end.output["verdictSource"]), ("SUCCEEDED", &json!("yarn")), "{end:?}");
    assert!(end.output["applicationId"].as_str().is_some_and(|id| id.starts_with("application_")), "{end:?}");
    // YARN tells others no times, and the worker makes none up.
    for key in ["queuedSeconds", "runSeconds"] {
        let seconds = &end.output[key];
        assert!(
            seconds.is_null() || seconds.as_f64().is_some_and(|it| (0.0..300.0).contains(&it)),
            "{end:?}"
        );
    }
    let end = stage.ended(&badly).await;
    assert_eq!(
        (end.error.as_str(), &end.why()["verdictSource"]),
        ("SparkJob.Failed", &json!("yarn")),
        "{end:?}"
    );
    assert!(end.why()["diagnostics"].to_string().contains("exited with status 1"), "{end:?}");
    stage.nothing_left(name).await;
}

/// YARN lets the worker kill nothing; Livy may, and YARN's word is waited for.
async fn stopped(name: &str) {
    let stage = Stage::new(On::Yarn, name).await;
    let execution = stage.run(name, "sleeps.py", json!({"Args": [300]})).await;
    let id = running(&stage, name).await;
    stage.stop(&execution).await;
    stage.worker.logged("is dead by YARN's word");
    let application = own(&id).await;
    assert_eq!(application["state"], "KILLED", "{application}");
    stage.nothing_left(name).await;
}

/// The id of an application that runs.
async fn running(stage: &Stage, name: &str) -> String {
    let application = stage.reaches(&format!("{name}-"), "RUNNING").await;
    application["id"].as_str().expect("an id").to_owned()
}

/// An application as its owner sees it.
async fn own(id: &str) -> Value {
    get(&format!("{}/ws/v1/cluster/apps/{id}?user.name={}", stack("RM"), stack("USER"))).await["app"].take()
}
