//! Asks SQS about each queue, and the places of answers whether they are there. Takes no message.

use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};

use super::super::facts::QueueFacts;
use super::ANSWERS;
use crate::aws;
use crate::aws::Fault;
use crate::cloudformation::queue::{Condition, Looked, Queue, Trouble};
use crate::cloudformation::request::ResponseUrl;
use crate::config::{DoorSettings, Settings};
use crate::spark::presigned::Presigned;

/// Every queue of the configuration; without one nothing is asked.
pub(super) async fn queues(settings: &Settings, by: Instant) -> Vec<QueueFacts> {
    if settings.doors.is_empty() {
        return Vec::new();
    }
    let shared = aws::load(&settings.aws.region).await;
    let mut looks = JoinSet::new();
    for (at, door) in settings.doors.iter().cloned().enumerate() {
        let queue = Queue::new(&shared, &door.queue_url);
        looks.spawn(async move { (at, look(&door, queue, by).await) });
    }
    let mut looked = looks.join_all().await;
    looked.sort_by_key(|(at, _)| *at);
    looked.into_iter().map(|(_, facts)| facts).collect()
}

async fn look(door: &DoorSettings, queue: Queue, by: Instant) -> QueueFacts {
    let (looked, places) = tokio::join!(timeout_at(by, queue.look()), places(door, by));
    let late = || Trouble { condition: Condition::Fault(Fault::Unreachable), reason: silence() };
    let looked: Result<Looked, Trouble> = looked.unwrap_or_else(|_| Err(late()));
    QueueFacts { topic: door.topic.clone(), url: door.queue_url.clone(), looked, places }
}

/// Where answers to stacks of the topic's region go.
async fn places(door: &DoorSettings, by: Instant) -> Vec<(String, Option<String>)> {
    let origins = match &door.rules.origins[..] {
        [] => ResponseUrl::usual_origin(&door.topic).into_iter().collect(),
        origins => origins.to_vec(),
    };
    let mut found = Vec::new();
    for origin in origins {
        let answers = match Presigned::new() {
            Ok(client) => timeout_at(by, client.answers(&origin)).await.unwrap_or_else(|_| Err(silence())),
            Err(error) => Err(error.to_string()),
        };
        found.push((origin, answers.err()));
    }
    found
}

fn silence() -> String {
    format!("no answer within {} s", ANSWERS.as_secs())
}
