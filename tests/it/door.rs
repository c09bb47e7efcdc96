//! The edges of the second door against their stand-ins: the queue, and the answer's PUT.

use std::time::Duration;

use aws_sdk_sqs::config::{BehaviorVersion, Credentials, Region, SharedCredentialsProvider};
use serde_json::{Value, json};
use spark_job_worker::arn::StackArn;
use spark_job_worker::aws::{self, Shared};
use spark_job_worker::cloudformation::answer::put;
use spark_job_worker::cloudformation::queue::{Condition, DeadLetters, Queue};
use spark_job_worker::cloudformation::request::ResponseUrl;
use spark_job_worker::job::timestamp::Timestamp;
use spark_job_worker::job::world::Reported;
use spark_job_worker::spark::presigned::Presigned;
use stand_ins::WaitFor;
use stand_ins::bucket::{self, Bucket, Signed};
use stand_ins::http::Fault;
use stand_ins::sqs::{Sqs, refusal};

const STACK: &str = "arn:aws:cloudformation:us-east-1:123456789012:stack/etl/1";

fn queue(url: &str) -> Queue {
    let credentials = Credentials::new("test", "test", None, None, "test");
    let shared = Shared::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .retry_config(aws_sdk_sqs::config::retry::RetryConfig::disabled());
    Queue::new(&shared.build(), url)
}

#[tokio::test]
async fn a_message_is_received_with_all_that_is_needed_and_deleted() {
    let sqs = Sqs::start().await;
    let queue = queue(&sqs.queue_url());
    let (received, ()) = tokio::join!(queue.receive(), async {
        sqs.wait_for(|sqs| sqs.count("ReceiveMessage") == 1, None).await;
        sqs.publish(&json!({ "RequestType": "Create" }), "2026-11-22T10:00:00.123Z");
    });
    let messages = received.expect("answered");
    let [message] = &messages[..] else { panic!("{messages:?}") };
    assert!(message.sent > Timestamp(1_700_000_000_000) && message.receives == 1 && !message.id.is_empty());
    let envelope: Value = serde_json::from_str(&message.body).expect("JSON");
    assert_eq!(envelope["TopicArn"], stand_ins::sqs::TOPIC);
    queue.delete(&message.handle).await.expect("deleted");
    assert_eq!(sqs.left(), 0);
    let asked = sqs.calls_of("ReceiveMessage")[0].request.json();
    assert_eq!((&asked["WaitTimeSeconds"], &asked["MaxNumberOfMessages"]), (&json!(20), &json!(10)));
    assert_eq!(sqs.violations(), Vec::<String>::new());
}

#[tokio::test]
async fn what_is_not_deleted_comes_back_and_what_comes_too_often_is_a_dead_letter() {
    let sqs = Sqs::start().await;
    sqs.hide_for(Duration::from_millis(20));
    let queue = queue(&sqs.queue_url());
    sqs.send("poison");
    for receives in 1..=5 {
        let messages = queue.receive().await.expect("answered");
        assert_eq!((messages.len(), messages[0].receives), (1, receives));
    }
    let dropped = tokio::time::timeout(Duration::from_millis(500), queue.receive()).await;
    dropped.expect_err("nothing is left to be received");
    assert_eq!((sqs.left(), sqs.dead()), (0, vec!["poison".to_owned()]));
}

#[tokio::test]
async fn each_trouble_of_the_queue_is_named_by_its_condition() {
    let sqs = Sqs::start().await;
    let queue = queue(&sqs.queue_url());
    for (code, condition) in [
        ("ThrottlingException", Condition::Fault(aws::Fault::Throttled)),
        ("RequestThrottled", Condition::Fault(aws::Fault::Throttled)),
        ("AccessDeniedException", Condition::Fault(aws::Fault::NotAllowed)),
        ("ExpiredTokenException", Condition::Fault(aws::Fault::Credentials)),
        ("KmsDisabled", Condition::Fault(aws::Fault::Key)),
        ("ServiceUnavailable", Condition::Fault(aws::Fault::Service)),
        ("InvalidParameterValue", Condition::Fault(aws::Fault::Other)),
    ] {
        sqs.fault("ReceiveMessage", refusal(code, "words"));
        let trouble = queue.receive().await.expect_err(code);
        assert_eq!((trouble.condition, trouble.reason.contains("words")), (condition, true), "{trouble:?}");
    }
    assert_eq!(sqs.count("ReceiveMessage"), 7, "nothing is repeated by itself");
    sqs.remove();
    assert_eq!(queue.receive().await.expect_err("gone").condition, Condition::NoQueue);
    assert_eq!(queue.look().await.expect_err("gone").condition, Condition::NoQueue);
    assert_eq!(queue.delete("handle-1").await.expect_err("gone").condition, Condition::NoQueue);
    sqs.down().await;
    assert_eq!(queue.receive().await.expect_err("down").condition, Condition::Fault(aws::Fault::Unreachable));
}

#[tokio::test]
async fn a_look_at_the_queue_takes_nothing_out_of_it() {
    let sqs = Sqs::start().await;
    sqs.send("a");
    sqs.bury("b");
    let looked = queue(&sqs.queue_url()).look().await.expect("answered");
    assert_eq!(looked.arn, "arn:aws:sqs:us-east-1:123456789012:jobs");
    assert_eq!(looked.waiting, Some(1));
    let dead = DeadLetters { arn: "arn:aws:sqs:us-east-1:123456789012:dead".to_owned(), letters: Ok(1) };
    assert_eq!(looked.dead_letters, Some(dead));
    assert_eq!((sqs.left(), sqs.dead().len()), (1, 1));
}

fn checked(bucket: &Bucket, request: &str, signed: Signed) -> ResponseUrl {
    let url = bucket.url_for((STACK, "Etl", request), signed);
    let stack = StackArn::parse(STACK).expect("a stack");
    ResponseUrl::check(url, &stack, &[bucket.url()]).expect("an origin of ours")
}

/// The bytes of an answer to a request.
fn answer(request: &str) -> Vec<u8> {
    json!({ "RequestId": request, "Status": "SUCCESS" }).to_string().into_bytes()
}

#[tokio::test]
async fn an_answer_is_put_without_a_type_whatever_signed_its_url() {
    let (bucket, client) = (Bucket::start().await, Presigned::new().expect("a client"));
    for signed in [Signed::V2, Signed::V4] {
        let reported = put(&client, &checked(&bucket, "r", signed), answer("r")).await;
        assert_eq!(reported, Reported::Acknowledged, "{signed:?}");
    }
    assert_eq!(bucket.answer("r").expect("stored")["Status"], "SUCCESS");
    let call = &bucket.puts()[0];
    assert_eq!(call.request.header("content-type"), None);
    assert_eq!(call.request.header("content-length"), Some(&*answer("r").len().to_string()));
    assert_eq!(call.operation.key, format!("/{STACK}|Etl|r"));
    assert!(call.request.path.contains("%3A") && call.request.path.contains("%7C"), "as it was signed");
}

#[tokio::test]
async fn each_fault_of_a_put_says_what_may_be_done_and_never_where_it_went() {
    let (bucket, client) = (Bucket::start().await, Presigned::new().expect("a client"));
    let url = checked(&bucket, "r", Signed::V4);
    let elsewhere = Bucket::start().await;
    let again = |reported: Reported, expected: bool| match reported {
        Reported::Again { reason, maybe_applied } => {
            assert_eq!(maybe_applied, expected, "{reason}");
            for part in ["secret", "stack", "%7C", "http://"] {
                assert!(!reason.contains(part), "{reason}");
            }
        }
        other => panic!("{other:?}"),
    };
    for (fault, maybe) in [
        (Fault::Close, true),
        (Fault::AnswerLost, true),
        (bucket::refusal(500, "InternalError", "secret"), true),
        (bucket::refusal(503, "SlowDown", "secret"), true),
        (Fault::Redirect(format!("{}/secret", elsewhere.url())), false),
    ] {
        bucket.fault("PUT", fault);
        again(put(&client, &url, answer("r")).await, maybe);
    }
    assert_eq!(elsewhere.calls().len(), 0, "a redirect is not followed");
    bucket.expire();
    assert_eq!(put(&client, &url, answer("r")).await, Reported::Closed("HTTP 403 AccessDenied".to_owned()));
    bucket.down().await;
    again(put(&client, &url, answer("r")).await, false);
}
