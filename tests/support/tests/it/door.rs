//! What only the stand-ins for SQS and for the bucket of answers can tell, or be made to do.

use std::time::Duration;

use serde_json::{Value, json};
use stand_ins::bucket::{Bucket, Signed};
use stand_ins::contract;
use stand_ins::contract::bucket::Urls;
use stand_ins::http::Fault;
use stand_ins::sqs::{Sqs, refusal};

use super::{Answered, client, send};

async fn call(sqs: &Sqs, operation: &str, body: &Value) -> Answered {
    let request = client()
        .post(sqs.url())
        .header("content-type", "application/x-amz-json-1.0")
        .header("x-amz-target", format!("AmazonSQS.{operation}"))
        .body(body.to_string());
    send(request).await
}

async fn receive(sqs: &Sqs) -> Vec<Value> {
    let asked = json!({ "QueueUrl": sqs.queue_url(), "MaxNumberOfMessages": 10, "WaitTimeSeconds": 0 });
    let (status, body) = call(sqs, "ReceiveMessage", &asked).await.expect("answered");
    assert_eq!(status, 200, "{body}");
    let body: Value = serde_json::from_str(&body).expect("JSON");
    body["Messages"].as_array().cloned().unwrap_or_default()
}

async fn delete(sqs: &Sqs, message: &Value) {
    let asked = json!({ "QueueUrl": sqs.queue_url(), "ReceiptHandle": message["ReceiptHandle"] });
    assert_eq!(call(sqs, "DeleteMessage", &asked).await.expect("answered").0, 200);
}

#[tokio::test]
async fn sqs_keeps_the_contract() {
    let sqs = Sqs::start().await;
    contract::sqs::cases(&sqs.url()).await;
    assert_eq!(sqs.violations(), Vec::<String>::new());
}

#[tokio::test]
async fn the_bucket_keeps_the_contract() {
    let bucket = Bucket::start().await;
    let of = |request, signed| bucket.url_for(("stack", "Etl", request), signed);
    let unsigned = of("c", Signed::V4).split('?').next().unwrap_or_default().to_owned();
    let urls = Urls { v4: of("a", Signed::V4), v2: of("b", Signed::V2), unsigned, refuses_strangers: true };
    contract::bucket::cases(&urls).await;
    bucket.expire();
    contract::bucket::expired(&urls.v4).await;
}

#[tokio::test]
async fn a_message_is_doubled_and_comes_back_after_its_deletion_on_demand() {
    let sqs = Sqs::start().await;
    sqs.publish(&json!({ "RequestType": "Create" }), "2026-11-22T10:00:00.123Z");
    sqs.double(1);
    let first = receive(&sqs).await;
    let second = receive(&sqs).await;
    assert_eq!(first[0]["MessageId"], second[0]["MessageId"]);
    assert_eq!(receive(&sqs).await.len(), 0);
    let envelope: Value = serde_json::from_str(first[0]["Body"].as_str().expect("a text")).expect("JSON");
    assert_eq!(envelope["Message"], "{\"RequestType\":\"Create\"}");
    sqs.bring_back(1);
    delete(&sqs, &second[0]).await;
    let third = receive(&sqs).await;
    delete(&sqs, &third[0]).await;
    assert_eq!(sqs.left(), 0);
}

#[tokio::test]
async fn a_queue_that_was_removed_and_one_that_throttles_refuse() {
    let sqs = Sqs::start().await;
    sqs.fault("ReceiveMessage", refusal("ThrottlingException", "Rate exceeded"));
    let asked = json!({ "QueueUrl": sqs.queue_url() });
    let (status, body) = call(&sqs, "ReceiveMessage", &asked).await.expect("answered");
    assert!(status == 400 && body.contains("ThrottlingException"), "{body}");
    sqs.remove();
    let (status, body) = call(&sqs, "ReceiveMessage", &asked).await.expect("answered");
    assert!(status == 400 && body.contains("QueueDoesNotExist"), "{body}");
}

#[tokio::test]
async fn an_answer_is_what_the_last_put_said_that_was_taken() {
    let bucket = Bucket::start().await;
    let url = bucket.url_for(("arn:aws:stack/a", "Etl", "r"), Signed::V4);
    let put = |text: &str| {
        let body = json!({ "RequestId": "r", "Status": text }).to_string();
        send(client().put(&url).body(body))
    };
    assert_eq!(put("1").await.expect("answered").0, 200);
    bucket.fault("PUT", Fault::AnswerLost);
    put("2").await.expect_err("lost");
    assert_eq!(bucket.answer("r").expect("an answer")["Status"], "2");
    bucket.fault("PUT", stand_ins::bucket::refusal(503, "SlowDown", "Please reduce your request rate."));
    assert_eq!(put("3").await.expect("answered").0, 503);
    assert_eq!(bucket.answered("r", Duration::from_secs(5)).await["Status"], "2");
    assert_eq!(bucket.puts()[0].operation.key, "/arn:aws:stack/a|Etl|r");
    assert_eq!(bucket.answer("other"), None);
}
