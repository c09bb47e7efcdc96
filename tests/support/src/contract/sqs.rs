//! What SQS must answer to a receiver.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use super::{Reply, cases, client, run};

/// How long a message is hidden in the queues of these cases.
const HIDDEN: u64 = 1;

/// Runs all cases against the service at `base_url`; returns their names.
///
/// # Panics
/// If a case fails.
pub async fn cases(base_url: &str) -> Vec<&'static str> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock is past 1970");
    let peer = Arc::new(Peer {
        client: client(Duration::from_secs(25)),
        url: base_url.to_owned(),
        run: format!("contract-{}", since.as_millis()),
        names: AtomicUsize::new(0),
    });
    let all = cases![peer;
        an_empty_receive_has_no_messages,
        a_long_poll_ends_with_the_first_message,
        a_message_is_hidden_and_comes_back_with_another_handle,
        a_deleted_message_stays_away,
        an_old_handle_is_taken_and_an_odd_one_is_not,
        what_is_received_too_often_becomes_a_dead_letter,
        the_queue_tells_its_attributes,
        a_queue_that_is_not_there,
    ];
    run(all).await
}

/// The service under test.
struct Peer {
    client: reqwest::Client,
    url: String,
    run: String,
    names: AtomicUsize,
}

impl Peer {
    /// A call that looks signed; who checks signatures is no server for these cases.
    async fn call(&self, operation: &str, body: &Value) -> Reply {
        let scope = "test/20240101/us-east-1/sqs/aws4_request";
        let signed = "SignedHeaders=content-type;host;x-amz-date;x-amz-target";
        let authorization = format!("AWS4-HMAC-SHA256 Credential={scope}, {signed}, Signature={:0>64}", "0");
        let request = self
            .client
            .post(format!("{}/", self.url))
            .header("content-type", "application/x-amz-json-1.0")
            .header("x-amz-target", format!("AmazonSQS.{operation}"))
            .header("x-amz-date", "20240101T000000Z")
            .header("authorization", authorization);
        Reply::of(request.body(body.to_string())).await
    }

    async fn must(&self, operation: &str, body: &Value) -> Value {
        let reply = self.call(operation, body).await;
        assert_eq!(reply.status, 200, "{operation}: {reply:?}");
        reply.json()
    }

    async fn queue(&self, attributes: &Value) -> String {
        let name = format!("{}-{}", self.run, self.names.fetch_add(1, Ordering::Relaxed));
        let created = self.must("CreateQueue", &json!({ "QueueName": name, "Attributes": attributes })).await;
        created["QueueUrl"].as_str().expect("a URL").to_owned()
    }

    async fn short_lived(&self) -> String {
        self.queue(&json!({ "VisibilityTimeout": HIDDEN.to_string() })).await
    }

    async fn send(&self, queue: &str, body: &str) {
        self.must("SendMessage", &json!({ "QueueUrl": queue, "MessageBody": body })).await;
    }

    async fn receive(&self, queue: &str, wait: u64) -> Vec<Value> {
        let body = json!({
            "QueueUrl": queue, "MaxNumberOfMessages": 10, "WaitTimeSeconds": wait,
            "MessageSystemAttributeNames": ["SentTimestamp", "ApproximateReceiveCount"],
        });
        let answer = self.must("ReceiveMessage", &body).await;
        answer["Messages"].as_array().cloned().unwrap_or_default()
    }

    async fn delete(&self, queue: &str, handle: &Value) -> Reply {
        self.call("DeleteMessage", &json!({ "QueueUrl": queue, "ReceiptHandle": handle })).await
    }

    async fn attributes(&self, queue: &str) -> Value {
        let asked = json!({ "QueueUrl": queue, "AttributeNames": ["All"] });
        self.must("GetQueueAttributes", &asked).await["Attributes"].clone()
    }
}

async fn an_empty_receive_has_no_messages(peer: Arc<Peer>) {
    let queue = peer.short_lived().await;
    let begun = Instant::now();
    let answer = peer.must("ReceiveMessage", &json!({ "QueueUrl": queue, "WaitTimeSeconds": 1 })).await;
    assert!(answer["Messages"].as_array().is_none_or(Vec::is_empty), "{answer}");
    assert!(begun.elapsed() >= Duration::from_millis(900), "it waits");
}

async fn a_long_poll_ends_with_the_first_message(peer: Arc<Peer>) {
    let queue = peer.short_lived().await;
    let (received, ()) = tokio::join!(peer.receive(&queue, 20), async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        peer.send(&queue, "größe").await;
    });
    assert_eq!(received.len(), 1, "{received:?}");
    assert_eq!(received[0]["Body"], "größe");
    assert_eq!(received[0]["Attributes"]["ApproximateReceiveCount"], "1");
    let sent = received[0]["Attributes"]["SentTimestamp"].as_str().and_then(|text| text.parse::<u64>().ok());
    assert!(sent.is_some_and(|sent| sent > 1_700_000_000_000), "milliseconds: {sent:?}");
    assert!(received[0]["MessageId"].is_string());
}

async fn a_message_is_hidden_and_comes_back_with_another_handle(peer: Arc<Peer>) {
    let queue = peer.short_lived().await;
    peer.send(&queue, "a").await;
    let first = peer.receive(&queue, 5).await;
    assert_eq!(peer.receive(&queue, 0).await, Vec::<Value>::new());
    let second = peer.receive(&queue, 5).await;
    assert_eq!(second[0]["MessageId"], first[0]["MessageId"]);
    assert_eq!(second[0]["Attributes"]["SentTimestamp"], first[0]["Attributes"]["SentTimestamp"]);
    assert_eq!(second[0]["Attributes"]["ApproximateReceiveCount"], "2");
    assert_ne!(second[0]["ReceiptHandle"], first[0]["ReceiptHandle"]);
}

async fn a_deleted_message_stays_away(peer: Arc<Peer>) {
    let queue = peer.short_lived().await;
    peer.send(&queue, "a").await;
    let received = peer.receive(&queue, 5).await;
    assert_eq!(peer.delete(&queue, &received[0]["ReceiptHandle"]).await.status, 200);
    assert_eq!(peer.delete(&queue, &received[0]["ReceiptHandle"]).await.status, 200, "as often as one likes");
    assert_eq!(peer.receive(&queue, HIDDEN + 1).await, Vec::<Value>::new());
}

async fn an_old_handle_is_taken_and_an_odd_one_is_not(peer: Arc<Peer>) {
    let queue = peer.short_lived().await;
    peer.send(&queue, "a").await;
    let first = peer.receive(&queue, 5).await;
    let second = peer.receive(&queue, 5).await;
    assert_eq!(second.len(), 1);
    assert_eq!(peer.delete(&queue, &first[0]["ReceiptHandle"]).await.status, 200);
    let odd = peer.delete(&queue, &json!("no handle")).await;
    assert_eq!(odd.status, 400);
    assert!(
        odd.json()["__type"].as_str().is_some_and(|kind| kind.ends_with("ReceiptHandleIsInvalid")),
        "{odd:?}"
    );
}

async fn what_is_received_too_often_becomes_a_dead_letter(peer: Arc<Peer>) {
    let dead = peer.short_lived().await;
    let arn = peer.attributes(&dead).await["QueueArn"].clone();
    let policy = json!({ "deadLetterTargetArn": arn, "maxReceiveCount": 2 }).to_string();
    let queue =
        peer.queue(&json!({ "VisibilityTimeout": HIDDEN.to_string(), "RedrivePolicy": policy })).await;
    peer.send(&queue, "a").await;
    for _ in 0..2 {
        assert_eq!(peer.receive(&queue, 5).await.len(), 1);
    }
    assert_eq!(peer.receive(&queue, HIDDEN + 1).await, Vec::<Value>::new());
    assert_eq!(peer.receive(&dead, 5).await[0]["Body"], "a");
}

async fn the_queue_tells_its_attributes(peer: Arc<Peer>) {
    let queue = peer.short_lived().await;
    for body in ["a", "b"] {
        peer.send(&queue, body).await;
    }
    let attributes = peer.attributes(&queue).await;
    assert_eq!(attributes["ApproximateNumberOfMessages"], "2");
    assert_eq!(attributes["VisibilityTimeout"], HIDDEN.to_string());
    assert!(attributes["QueueArn"].as_str().is_some_and(|arn| arn.starts_with("arn:aws:sqs:us-east-1:")));
}

async fn a_queue_that_is_not_there(peer: Arc<Peer>) {
    let queue = peer.short_lived().await;
    let gone = format!("{queue}-gone");
    for operation in ["ReceiveMessage", "GetQueueAttributes"] {
        let reply = peer.call(operation, &json!({ "QueueUrl": gone, "AttributeNames": ["All"] })).await;
        assert_eq!(reply.status, 400);
        let kind = reply.json()["__type"].as_str().unwrap_or_default().to_owned();
        assert!(kind.ends_with("QueueDoesNotExist"), "{reply:?}");
        assert!(
            reply.header("x-amzn-query-error").starts_with("AWS.SimpleQueueService.NonExistentQueue"),
            "{reply:?}"
        );
    }
}
