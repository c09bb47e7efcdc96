//! Jobs that wait in a real YARN's queue for longer than they are to: killed there, and only then told. What has run is not
//! taken out, whatever a ResourceManager calls it.

use serde_json::{Value, json};

use crate::crash::succeeded;
use crate::real::{On, Stage, control, get, has_processes, processes, signal, stack, wait_for};

/// For a job that somebody ends.
const LONG: u32 = 300;

/// Fills the node until its execution is stopped, so that no driver of [`large`] finds room.
async fn fills(stage: &Stage, name: &str) -> String {
    let conf = json!({ "spark.dynamicAllocation.enabled": false });
    let more = json!({ "Args": [LONG], "ExecutorMemory": "5g", "NumExecutors": 1, "Conf": conf });
    let execution = stage.run(name, "sleeps.py", more).await;
    wait_for("a full node", async || {
        let application = stage.applications(&format!("{name}-")).await.into_iter().next()?;
        (application["runningContainers"] == 2).then_some(())
    })
    .await;
    execution
}

/// What a job says whose driver the first job leaves no room for.
fn large(timeout: &str) -> Value {
    json!({ "Args": [1], "DriverMemory": "3g", "QueueTimeout": timeout })
}

/// What YARN's clock says of an ended application, in milliseconds.
fn lifetime(application: &Value) -> u64 {
    let time = |key: &str| application[key].as_u64().expect("a time");
    time("finishedTime") - time("startedTime")
}

/// Nothing runs or waits in YARN, and no memory is taken or set aside for anything.
async fn nothing_in_yarn() {
    wait_for("an empty YARN", async || {
        // Not its metrics: those of a ResourceManager that was started again may stay wrong for ever.
        let cluster = format!("{}/ws/v1/cluster", stack("RM"));
        let active = get(&format!("{cluster}/apps?states=NEW,NEW_SAVING,SUBMITTED,ACCEPTED,RUNNING")).await;
        let nodes = get(&format!("{cluster}/nodes")).await["nodes"]["node"].take();
        let is_free = |node: &Value| node["usedMemoryMB"] == 0 && node["numContainers"] == 0;
        let are_free = nodes.as_array().is_some_and(|nodes| !nodes.is_empty() && nodes.iter().all(is_free));
        (are_free && active["apps"]["app"].is_null()).then_some(())
    })
    .await;
}

/// The execution failed since its job waited too long, and its one application never had a container. Returns the cause.
async fn taken_out(stage: &Stage, prefix: &str, execution: &str, millis: u64) -> Value {
    let end = stage.ended(execution).await;
    assert_eq!((end.status.as_str(), end.error.as_str()), ("FAILED", "SparkJob.QueueTimeout"), "{end:?}");
    let cause = end.why();
    println!("{cause}");
    let application = stage.only(prefix).await;
    assert_eq!((&application["state"], &application["finalStatus"]), (&json!("KILLED"), &json!("KILLED")));
    assert_eq!((&cause["verdictSource"], &cause["applicationId"]), (&json!("yarn"), &application["id"]));
    assert_eq!(application["amContainerLogs"], Value::Null, "it never had a container");
    assert!(lifetime(&application) >= millis, "{application}");
    assert!(cause["message"].as_str().is_some_and(|message| message.contains("has never run")), "{cause}");
    assert!(!has_processes(&application), "not even its spark-submit goes on");
    cause
}

#[tokio::test]
async fn a_job_that_waits_too_long_is_taken_out_and_one_that_gets_its_room_in_time_runs() {
    let stage = Stage::new(On::Yarn, "full").await;
    let first = fills(&stage, "first").await;
    let late = stage.run("late", "sleeps.py", large("8s")).await;
    stage.reaches("late-", "ACCEPTED").await;
    let cause = taken_out(&stage, "late-", &late, 8_000).await;
    let why = "Application is Activated, waiting for resources to be assigned for AM.";
    assert_eq!(cause["rootCause"], why, "{cause}");
    assert_eq!(stage.only("first-").await["state"], "RUNNING", "nobody stopped this one");
    let next = stage.run("next", "sleeps.py", large("2m")).await;
    stage.reaches("next-", "ACCEPTED").await;
    stage.stop(&first).await;
    succeeded(&stage, "next-", &next).await;
    assert_eq!(stage.worker.count("has waited in YARN's queue"), 1);
    for prefix in ["first-", "late-"] {
        stage.nothing_left(prefix).await;
    }
    nothing_in_yarn().await;
}

/// The queue's limit for drivers is reached while the node has room: YARN has not even begun to look for some.
#[tokio::test]
async fn a_session_that_waits_too_long_is_taken_out_also_where_the_worker_is_killed_meanwhile() {
    let mut stage = Stage::new(On::Yarn, "drivers").await;
    let first = stage.run("driver", "sleeps.py", json!({ "Args": [LONG] })).await;
    stage.reaches("driver-", "RUNNING").await;
    let input = json!({ "Name": "late", "Statements": ["1"], "DriverMemory": "7g", "QueueTimeout": "5s" });
    let late = stage.start("late", &stage.one_task(), &input).await;
    stage.worker.logged("has waited in YARN's queue");
    stage.worker.kill();
    stage.restart();
    taken_out(&stage, "late-", &late, 5_000).await;
    let sessions = get(&format!("{}/sessions?from=0&size=1000", stack("LIVY_YARN"))).await;
    let ours = |session: &Value| session["name"].as_str().is_some_and(|name| name.starts_with("late-"));
    assert!(!sessions["sessions"].as_array().is_some_and(|all| all.iter().any(ours)), "{sessions}");
    stage.stop(&first).await;
    for prefix in ["driver-", "late-"] {
        stage.nothing_left(prefix).await;
    }
    nothing_in_yarn().await;
}

/// A ResourceManager that was restarted calls what runs ACCEPTED, until the driver has registered with it again.
#[tokio::test]
async fn a_job_that_runs_is_not_taken_out_where_a_restarted_resource_manager_calls_it_accepted() {
    let stage = Stage::new(On::Yarn, "anew").await;
    let input = json!({ "Args": [5], "QueueTimeout": "15s" });
    let execution = stage.run("anew", "sleeps.py", input).await;
    let application = stage.reaches("anew-", "RUNNING").await;
    control(&["kill", "rm"], &[]);
    let drivers = processes(&application);
    signal("STOP", &drivers);
    control(&["start", "rm"], &[]);
    let age = |application: &Value| application["elapsedTime"].as_u64().expect("an age");
    let before = age(&stage.reaches("anew-", "ACCEPTED").await);
    wait_for("more than the timeout by YARN's clock", async || {
        let application = stage.only("anew-").await;
        assert_eq!(application["state"], "ACCEPTED", "{application}");
        (age(&application) >= before + 22_000).then_some(())
    })
    .await;
    signal("CONT", &drivers);
    succeeded(&stage, "anew-", &execution).await;
    assert_eq!(stage.worker.count("has waited in YARN's queue"), 0);
}
