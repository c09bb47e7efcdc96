//! Reports: told until acknowledged, never turned round, within the service's limits.

use serde_json::json;
use stand_ins::http::Fault;
use stand_ins::livy::Plan;
use stand_ins::sfn::{Outcome, refusal};

use crate::harness::Stage;

#[tokio::test]
async fn a_success_whose_answer_was_lost_is_sent_again_and_closed_counts_as_done() {
    let stage = Stage::new().await;
    stage.sfn.fault("SendTaskSuccess", Fault::AnswerLost);
    let worker = stage.worker_with(&stage.config().activity("max_concurrent_jobs = 1"));
    let task = stage.task();
    stage.output(&task).await;
    worker.logged("the task is closed in Step Functions");
    // Its place is free again, and nothing was turned into a failure.
    stage.polling().await;
    let reports = stage.sfn.reports(&task);
    assert_eq!(reports.len(), 2);
    assert!(reports.iter().all(|report| report.success));
}

#[tokio::test]
async fn a_success_that_is_throttled_ten_times_arrives() {
    let stage = Stage::new().await;
    stage.sfn.fault_times("SendTaskSuccess", 10, refusal("ThrottlingException", "Rate exceeded"));
    let _worker = stage.worker();
    let task = stage.task();
    let outcome = stage.sfn.outcome_within(&task, std::time::Duration::from_secs(120)).await;
    assert!(matches!(outcome, Outcome::Succeeded { .. }), "{outcome:?}");
    assert_eq!(stage.sfn.reports(&task).len(), 11);
}

#[tokio::test]
async fn faults_of_every_passing_kind_are_tried_through() {
    let stage = Stage::new().await;
    for fault in [
        Fault::Close,
        Fault::json(500, &json!({"__type": "InternalFailure"})),
        refusal("KmsThrottlingException", "slow down"),
        refusal("KmsAccessDeniedException", "no"),
        refusal("ExpiredTokenException", "expired"),
    ] {
        stage.sfn.fault("SendTaskSuccess", fault);
    }
    let _worker = stage.worker();
    stage.output(&stage.task()).await;
}

#[tokio::test]
async fn a_success_that_is_refused_falls_back_to_its_ids() {
    let stage = Stage::new().await;
    stage.sfn.fault("SendTaskSuccess", refusal("ValidationException", "too long"));
    let _worker = stage.worker();
    let output = stage.output(&stage.task()).await;
    let keys: Vec<&String> = output.as_object().expect("an object").keys().collect();
    assert_eq!(keys, ["applicationId", "batchId"]);
}

#[tokio::test]
async fn a_failure_that_is_refused_falls_back_to_a_shorter_cause_and_then_to_none() {
    let stage = Stage::new().await;
    stage.livy.plan(Plan::ends("dead").log((0..300).map(|n| format!("line {n}"))));
    stage.sfn.fault_times("SendTaskFailure", 2, refusal("ValidationException", "too long"));
    let _worker = stage.worker();
    let task = stage.task();
    let (error, cause) = stage.failure(&task).await;
    assert_eq!(error, "SparkJob.Failed");
    assert_eq!(cause, json!(null));
    let lengths: Vec<usize> =
        stage.sfn.reports(&task).iter().map(|report| report.cause.as_ref().map_or(0, String::len)).collect();
    assert!(lengths[0] > lengths[1] && lengths[1] > 0 && lengths[2] == 0, "{lengths:?}");
}

#[tokio::test]
async fn a_success_that_is_refused_for_good_is_never_turned_into_a_failure() {
    let stage = Stage::new().await;
    stage.sfn.fault_times("SendTaskSuccess", usize::MAX, refusal("InvalidOutput", "no"));
    let worker = stage.worker();
    let task = stage.task();
    let line = worker.logged("refuses the outcome succeeded for good");
    assert!(line["fields"]["message_id"].is_string() || line["message_id"].is_string(), "{line}");
    assert_eq!(stage.sfn.count("SendTaskFailure"), 0);
    // Its heartbeats stop, so that the state machine's own timeout ends it.
    assert_eq!(stage.sfn.outcome(&task).await, Outcome::TimedOut);
}
