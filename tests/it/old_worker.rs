//! The observed faults of the worker that this one replaces, each by its letter in the comparison, as they end here.
//! Others are tests elsewhere: a (Livy down), b2 (too many sessions), c (dead), c3 (recovering), d3 (SIGTERM), f and f2
//! (stopped, timed out), i (outage), j (missing activity), k (names without dots).

use std::time::Duration;

use serde_json::json;
use stand_ins::http::Fault;
use stand_ins::livy::Plan;
use stand_ins::sfn::Outcome;

use crate::harness::Stage;

#[tokio::test]
async fn b_a_500_on_the_post_keeps_livys_message() {
    let stage = Stage::new().await;
    stage.livy.fault("POST /batches", Fault::json(500, &json!("java.lang.IllegalStateException: disk full")));
    let worker = stage.worker();
    let (error, cause) = stage.failure(&stage.task()).await;
    assert_eq!(error, "SparkJob.Lost", "nobody knows what a 500 left behind");
    worker.logged("may or may not have taken");
    // In the execution, and not only in the log of a node that may be gone.
    assert!(cause.to_string().contains("java.lang.IllegalStateException: disk full"), "{cause}");
}

#[tokio::test]
async fn b3_one_bad_answer_to_a_look_ends_no_job() {
    let stage = Stage::new().await;
    stage.livy.plan(Plan::success().running_for(Duration::from_secs(1)));
    let _worker = stage.worker();
    let task = stage.task();
    stage.submitted("etl-").await;
    stage.livy.fault_times("GET /batches", 3, Fault::html(404, "Not Found"));
    stage.output(&task).await;
    assert!(stage.livy.deletes().is_empty());
}

#[tokio::test]
async fn b4_a_slow_livy_fails_nothing_and_orphans_nothing() {
    let stage = Stage::new().await;
    stage.livy.fault_times("POST /batches", 1, Fault::Delay(Duration::from_millis(1_500)));
    stage.livy.fault_times("GET /batches", 5, Fault::Delay(Duration::from_millis(800)));
    let _worker = stage.worker();
    stage.output(&stage.task()).await;
    assert_eq!(stage.livy.applications().len(), 1);
}

#[tokio::test]
async fn b5_a_post_whose_connection_breaks_is_never_repeated_by_itself() {
    for fault in [Fault::AnswerLost, Fault::Close] {
        let stage = Stage::new().await;
        stage.livy.plan(Plan::success().running_for(Duration::from_millis(300)));
        stage.livy.fault("POST /batches", fault);
        let _worker = stage.worker();
        stage.sfn.outcome(&stage.task()).await;
        assert_eq!(stage.livy.posts().len(), 1);
    }
}

#[tokio::test]
async fn g_the_last_lines_of_a_long_log_are_in_the_cause() {
    let stage = Stage::new().await;
    let lines = (0..2_000).map(|n| format!("line {n}"));
    stage.livy.plan(Plan::ends("dead").running_for(Duration::from_millis(200)).log(lines));
    let _worker = stage.worker();
    let (_, cause) = stage.failure(&stage.task()).await;
    let log = cause["log"].as_array().expect("lines");
    assert_eq!(log.last(), Some(&json!("line 1999")));
    assert!(log.len() >= 100, "{}", log.len());
}

#[tokio::test]
async fn h_more_tasks_than_places_cost_no_token_and_no_second_run() {
    let stage = Stage::new().await;
    stage.livy.plan(Plan::success().running_for(Duration::from_millis(300)));
    let _worker = stage.worker_with(&stage.config().activity("max_concurrent_jobs = 5\npollers = 2"));
    let tasks: Vec<_> = (0..25).map(|_| stage.task()).collect();
    for task in &tasks {
        assert!(matches!(stage.sfn.outcome(task).await, Outcome::Succeeded { .. }));
    }
    assert_eq!(stage.livy.applications().len(), 25);
    assert!(stage.sfn.max_held() <= 5);
}
