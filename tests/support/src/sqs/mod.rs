//! SQS, as far as a receiver needs it: long polls, visibility, redelivery, dead letters; and SNS' envelope.
//!
//! Without the MD5 sums of the real one, and with messages in the order in which they were sent.

mod queue;
mod wire;

use std::collections::BTreeMap;
use std::ops::Deref;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};

use crate::http::{Answering, Bell, Operation, Request, Server, Service};
use queue::Queue;
use wire::Refusal;
pub use wire::refusal;

/// Whose queues they are.
const ACCOUNT: &str = "123456789012";
/// The dead letters of [`Sqs::start`].
const DEAD: &str = "dead";
const QUEUE: &str = "jobs";
/// For how long a message is hidden that was received, unless a queue says otherwise (service default).
const VISIBILITY: Duration = Duration::from_secs(30);
/// The topic whose envelopes [`Sqs::publish`] makes.
pub const TOPIC: &str = "arn:aws:sns:us-east-1:123456789012:spark-jobs";

/// The stand-in for SQS, with one queue and its dead letters.
#[derive(Clone)]
pub struct Sqs {
    server: Server,
    shared: Arc<Shared>,
}

struct Shared {
    world: Mutex<World>,
    bell: Bell,
}

#[derive(Default)]
struct World {
    queues: BTreeMap<String, Queue>,
    violations: Vec<String>,
    sent: usize,
}

/// The server's own powers: faults, outages, recorded calls.
impl Deref for Sqs {
    type Target = Server;

    fn deref(&self) -> &Server {
        &self.server
    }
}

impl Sqs {
    /// Starts the stand-in with a queue whose messages go to the dead letters after five receives.
    pub async fn start() -> Self {
        let bell = Bell::default();
        let shared = Arc::new(Shared { world: Mutex::default(), bell: bell.clone() });
        let mut queues = BTreeMap::new();
        queues.insert(DEAD.to_owned(), Queue::new(VISIBILITY, None));
        queues.insert(QUEUE.to_owned(), Queue::new(VISIBILITY, Some((5, DEAD.to_owned()))));
        shared.world().queues = queues;
        let service = Arc::clone(&shared);
        let server = Server::start(None, bell, |_| service).await;
        Self { server, shared }
    }

    /// The queue's URL.
    pub fn queue_url(&self) -> String {
        format!("{}/{ACCOUNT}/{QUEUE}", self.url())
    }

    /// Puts a message into the queue.
    pub fn send(&self, body: &str) {
        self.shared.send(QUEUE, body);
    }

    /// Puts a message into the queue as SNS does, published at this time (RFC 3339).
    pub fn publish(&self, message: &Value, timestamp: &str) {
        self.send(&envelope(TOPIC, message, timestamp).to_string());
    }

    /// For how long a message is hidden that was received.
    pub fn hide_for(&self, visibility: Duration) {
        self.shared.change(|queue| queue.visibility = visibility);
    }

    /// The next so many messages that are received can be received once more at once.
    pub fn double(&self, times: usize) {
        self.shared.change(|queue| queue.doubled = times);
    }

    /// The next so many messages that are deleted come back.
    pub fn bring_back(&self, times: usize) {
        self.shared.change(|queue| queue.returning = times);
    }

    /// Removes the queue.
    pub fn remove(&self) {
        self.shared.world().queues.remove(QUEUE);
        self.shared.bell.ring();
    }

    /// How many messages are in the queue, visible and hidden.
    pub fn left(&self) -> usize {
        self.shared.world().queues.get(QUEUE).map_or(0, |queue| queue.bodies().len())
    }

    /// Puts a message among the dead letters.
    pub fn bury(&self, body: &str) {
        self.shared.send(DEAD, body);
    }

    /// The dead letters.
    pub fn dead(&self) -> Vec<String> {
        self.shared.world().queues.get(DEAD).map(Queue::bodies).unwrap_or_default()
    }

    /// What calls have broken of the wire form.
    pub fn violations(&self) -> Vec<String> {
        self.shared.world().violations.clone()
    }
}

/// What SNS makes of a message where raw delivery is off (developer guide, HTTP/HTTPS and SQS notification format).
pub fn envelope(topic: &str, message: &Value, timestamp: &str) -> Value {
    json!({
        "Type": "Notification", "MessageId": "11111111-0000-4000-8000-000000000000", "TopicArn": topic,
        "Subject": "AWS CloudFormation custom resource request", "Message": message.to_string(),
        "Timestamp": timestamp, "SignatureVersion": "1", "Signature": "EXAMPLE",
        "SigningCertURL": "https://sns.us-east-1.amazonaws.com/SimpleNotificationService.pem",
        "UnsubscribeURL": "https://sns.us-east-1.amazonaws.com/?Action=Unsubscribe",
    })
}

impl Service for Shared {
    fn operation(&self, request: &Request) -> Operation {
        let body = request.json();
        let key = ["ReceiptHandle", "QueueUrl"].iter().find_map(|member| body[*member].as_str());
        Operation {
            name: wire::target(request).unwrap_or("?").to_owned(),
            key: key.unwrap_or_default().to_owned(),
        }
    }

    fn answer(self: Arc<Self>, request: Arc<Request>) -> Answering {
        Box::pin(async move {
            self.world().violations.extend(wire::violations(&request));
            match self.perform(&request).await {
                Ok(body) => wire::answer(200, &body),
                Err(refusal) => refusal.answer(),
            }
        })
    }
}

type Answered = Result<Value, Refusal>;

impl Shared {
    fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().expect("nobody panics while changing the world")
    }

    fn change(&self, change: impl FnOnce(&mut Queue)) {
        if let Some(queue) = self.world().queues.get_mut(QUEUE) {
            change(queue);
        }
        self.bell.ring();
    }

    fn send(&self, queue: &str, body: &str) -> Option<String> {
        let mut world = self.world();
        world.sent += 1;
        let id = format!("22222222-0000-4000-8000-{:012}", world.sent);
        world.queues.get_mut(queue)?.send(id.clone(), body.to_owned());
        drop(world);
        self.bell.ring();
        Some(id)
    }

    async fn perform(&self, request: &Request) -> Answered {
        let body = request.json();
        match wire::target(request) {
            Some("ReceiveMessage") => self.receive(&body).await,
            Some("DeleteMessage") => self.with_queue(&body, |queue| {
                let handle = body["ReceiptHandle"].as_str().unwrap_or_default();
                let invalid = || {
                    let message =
                        format!("The input receipt handle \"{handle}\" is not a valid receipt handle.");
                    Refusal::new("ReceiptHandleIsInvalid", message)
                };
                queue.delete(handle).map(|()| json!({})).ok_or_else(invalid)
            }),
            Some("GetQueueAttributes") => {
                let name = name(&body);
                self.with_queue(&body, |queue| Ok(attributes(&name, queue, &body)))
            }
            Some("SendMessage") => {
                let text = body["MessageBody"].as_str().unwrap_or_default();
                let id = self.send(&name(&body), text).ok_or_else(Refusal::no_queue)?;
                Ok(json!({ "MessageId": id }))
            }
            Some("CreateQueue") => Ok(self.create(&body, request)),
            Some(_) | None => Err(Refusal::new("UnknownOperationException", "")),
        }
    }

    fn with_queue(&self, body: &Value, act: impl FnOnce(&mut Queue) -> Answered) -> Answered {
        let answered =
            self.world().queues.get_mut(&name(body)).map(act).unwrap_or_else(|| Err(Refusal::no_queue()));
        self.bell.ring();
        answered
    }

    fn create(&self, body: &Value, request: &Request) -> Value {
        let queue = body["QueueName"].as_str().unwrap_or_default().to_owned();
        let attribute = |key: &str| body["Attributes"][key].as_str();
        let seconds = attribute("VisibilityTimeout").and_then(|text| text.parse().ok());
        let redrive = attribute("RedrivePolicy").and_then(|text| {
            let policy: Value = serde_json::from_str(text).ok()?;
            let most = policy["maxReceiveCount"]
                .as_u64()
                .or_else(|| policy["maxReceiveCount"].as_str()?.parse().ok());
            let target = policy["deadLetterTargetArn"].as_str()?.rsplit(':').next()?.to_owned();
            Some((usize::try_from(most?).ok()?, target))
        });
        let new = Queue::new(seconds.map_or(VISIBILITY, Duration::from_secs), redrive);
        self.world().queues.entry(queue.clone()).or_insert(new);
        let host = request.header("host").unwrap_or_default();
        json!({ "QueueUrl": format!("http://{host}/{ACCOUNT}/{queue}") })
    }

    /// A long poll: ends with the first message, or with none once its time is over.
    async fn receive(&self, body: &Value) -> Answered {
        let most = usize::try_from(body["MaxNumberOfMessages"].as_u64().unwrap_or(1)).unwrap_or(1);
        let seconds = body["WaitTimeSeconds"].as_u64().unwrap_or(0);
        if !(1..=10).contains(&most) || seconds > 20 {
            let message =
                "Value for a parameter is invalid. Reason: Must be between the limits, if provided.";
            return Err(Refusal::new("InvalidParameterValue", message));
        }
        let end = Instant::now() + Duration::from_secs(seconds);
        let mut changes = self.bell.subscribe();
        loop {
            changes.mark_unchanged();
            let (received, next) = self.look(body, most)?;
            if !received.is_empty() {
                self.bell.ring();
                return Ok(json!({ "Messages": received }));
            }
            let now = Instant::now();
            if now >= end {
                // The real one leaves the member out.
                return Ok(json!({}));
            }
            let until = next.filter(|next| *next > now).map_or(end, |next| next.min(end));
            tokio::select! {
                _ = changes.changed() => {}
                () = tokio::time::sleep_until(until.into()) => {}
            }
        }
    }

    /// What can be received now, and when that changes by itself.
    fn look(&self, body: &Value, most: usize) -> Result<(Vec<Value>, Option<Instant>), Refusal> {
        let mut world = self.world();
        let queue = world.queues.get_mut(&name(body)).ok_or_else(Refusal::no_queue)?;
        let hidden = body["VisibilityTimeout"].as_u64().map_or(queue.visibility, Duration::from_secs);
        let (dead, target) = (queue.take_dead(), queue.redrive.clone());
        let (received, next) = (queue.receive(most, hidden), queue.next_visible());
        if let Some((_, target)) = target
            && let Some(target) = world.queues.get_mut(&target)
        {
            dead.into_iter().for_each(|(id, body)| target.send(id, body));
        }
        Ok((received, next))
    }
}

/// The queue's name, from its URL.
fn name(body: &Value) -> String {
    body["QueueUrl"].as_str().and_then(|url| url.rsplit('/').next()).unwrap_or_default().to_owned()
}

/// Those that were asked for.
fn attributes(name: &str, queue: &Queue, body: &Value) -> Value {
    let (visible, hidden) = queue.counts();
    let mut all = Map::new();
    all.insert("QueueArn".to_owned(), json!(format!("arn:aws:sqs:us-east-1:{ACCOUNT}:{name}")));
    all.insert("ApproximateNumberOfMessages".to_owned(), json!(visible.to_string()));
    all.insert("ApproximateNumberOfMessagesNotVisible".to_owned(), json!(hidden.to_string()));
    all.insert("VisibilityTimeout".to_owned(), json!(queue.visibility.as_secs().to_string()));
    if let Some((most, target)) = &queue.redrive {
        let arn = format!("arn:aws:sqs:us-east-1:{ACCOUNT}:{target}");
        let policy = json!({ "deadLetterTargetArn": arn, "maxReceiveCount": most }).to_string();
        all.insert("RedrivePolicy".to_owned(), json!(policy));
    }
    let asked: Vec<&str> =
        body["AttributeNames"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    all.retain(|key, _| asked.contains(&"All") || asked.contains(&key.as_str()));
    json!({ "Attributes": all })
}
