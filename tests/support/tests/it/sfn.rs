//! What only a stand-in for Step Functions can tell, or be made to do.

use std::time::Duration;

use serde_json::{Value, json};
use stand_ins::WaitFor;
use stand_ins::http::{Fault, On};
use stand_ins::sfn::{Outcome, Sfn, refusal};

use super::{Answered, client, send};

async fn call(sfn: &Sfn, operation: &str, body: &Value) -> Answered {
    let request = client()
        .post(sfn.url())
        .header("content-type", "application/x-amz-json-1.0")
        .header("x-amz-target", format!("AWSStepFunctions.{operation}"))
        .body(body.to_string());
    send(request).await
}

/// Polls as `worker`, and returns the token.
async fn poll(sfn: &Sfn, arn: &str, worker: &str) -> String {
    let (_, body) = call(sfn, "GetActivityTask", &json!({ "activityArn": arn, "workerName": worker }))
        .await
        .expect("answered");
    let body: Value = serde_json::from_str(&body).expect("JSON");
    body["taskToken"].as_str().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn a_task_is_followed_from_the_hand_out_to_its_report() {
    let sfn = Sfn::start().await;
    let arn = sfn.activity("spark-job");
    let task = sfn.schedule(&arn, r#"{"Name":"etl"}"#);
    assert_eq!((sfn.peek(&task), sfn.token(&task), sfn.held()), (None, None, 0));
    let token = poll(&sfn, &arn, "node/1").await;
    assert_eq!((sfn.token(&task), sfn.held()), (Some(token.clone()), 1));
    call(&sfn, "SendTaskHeartbeat", &json!({ "taskToken": token })).await.expect("answered");
    sfn.fault(On::operation("SendTaskFailure").key(&token), refusal("ThrottlingException", "Rate exceeded"));
    let failure = json!({ "taskToken": token, "error": "E", "cause": "C" });
    for status in [400, 200, 400] {
        assert_eq!(call(&sfn, "SendTaskFailure", &failure).await.expect("answered").0, status);
    }
    assert_eq!(
        sfn.outcome(&task).await,
        Outcome::Failed { error: Some("E".into()), cause: Some("C".into()) }
    );
    let statuses: Vec<Option<u16>> = sfn.reports(&task).iter().map(|report| report.status).collect();
    assert_eq!(statuses, [Some(400), Some(200), Some(400)]);
    assert_eq!((sfn.heartbeats(&task).len(), sfn.held(), sfn.max_held()), (1, 0, 1));
    assert_eq!(sfn.workers(&arn).into_iter().collect::<Vec<_>>(), ["node/1"]);
    assert_eq!(sfn.polls(&arn), 1);
}

#[tokio::test]
async fn a_poll_whose_client_has_left_is_a_ghost() {
    let sfn = Sfn::start().await;
    let arn = sfn.activity("spark-job");
    let leaving = tokio::time::timeout(Duration::from_millis(200), poll(&sfn, &arn, "gone"));
    leaving.await.expect_err("there is no task");
    sfn.wait_for(|sfn| sfn.ghosts() == 1, None).await;
    assert_eq!(sfn.open_polls(&arn), 1);
    let task = sfn.schedule_with(&arn, "{}", Some(Duration::from_millis(300)), None);
    assert!(sfn.token(&task).is_some(), "the ghost has it");
    assert_eq!(sfn.outcome(&task).await, Outcome::TimedOut);
}

#[tokio::test]
async fn a_stopped_task_is_not_handed_out() {
    let sfn = Sfn::start().await;
    sfn.hold_polls(Duration::from_millis(100));
    let arn = sfn.activity("spark-job");
    let task = sfn.schedule(&arn, "{}");
    sfn.stop(&task);
    assert_eq!(sfn.outcome(&task).await, Outcome::Aborted);
    assert_eq!(poll(&sfn, &arn, "node/1").await, "");
}

#[tokio::test]
async fn too_many_pollers_are_refused() {
    let sfn = Sfn::start().await;
    sfn.limit_pollers(0);
    let arn = sfn.activity("spark-job");
    let (status, body) =
        call(&sfn, "GetActivityTask", &json!({ "activityArn": arn })).await.expect("answered");
    assert_eq!((status, body.contains("ActivityWorkerLimitExceeded")), (400, true));
}

#[tokio::test]
async fn an_unsigned_request_is_a_violation() {
    let sfn = Sfn::start().await;
    call(&sfn, "CreateActivity", &json!({ "name": "a" })).await.expect("answered");
    assert!(
        sfn.violations().contains(&"AWSStepFunctions.CreateActivity: Authorization is not SigV4".to_owned())
    );
}

#[tokio::test]
async fn an_answer_can_be_lost_after_the_task_was_handed_out() {
    let sfn = Sfn::start().await;
    let arn = sfn.activity("spark-job");
    let task = sfn.schedule(&arn, "{}");
    sfn.fault("GetActivityTask", Fault::AnswerLost);
    call(&sfn, "GetActivityTask", &json!({ "activityArn": arn })).await.expect_err("lost");
    assert!(sfn.token(&task).is_some());
}
