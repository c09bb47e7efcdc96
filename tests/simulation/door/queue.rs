//! The queue: it brings messages late, twice, in another order, and again after they were deleted.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio::sync::Notify;

use super::ledger::{Promise, STACK, TOPIC};
use super::plan::{CALM, HIDDEN, Mishap, RECEIVES};
use super::world::{Inner, Outages};
use crate::plan::{EPOCH, Millis, SECOND};

/// A message in the queue.
#[derive(Debug, Clone)]
pub(super) struct Letter {
    pub(super) body: String,
    /// The request that it brings; none where it is a stranger's.
    pub(super) request: Option<usize>,
    visible: Millis,
    receives: u32,
    is_deleted: bool,
}

#[derive(Debug, Default)]
pub(super) struct Queue {
    letters: Vec<Letter>,
    pub(super) away: Outages,
    /// Ends a long poll: something new is there, or will be soon.
    pub(super) bell: Arc<Notify>,
}

impl Inner {
    /// CloudFormation publishes a request to the topic.
    pub(super) fn publish(&mut self, request: usize, body: &serde_json::Value) {
        let published = Duration::from_millis(EPOCH + self.at);
        let published = humantime::format_rfc3339_millis(std::time::UNIX_EPOCH + published).to_string();
        let envelope = json!({
            "Type": "Notification", "MessageId": "m", "TopicArn": TOPIC, "Message": body.to_string(),
            "Timestamp": published,
        });
        let copies = if self.strikes(Mishap::Doubled, 2) { 2 } else { 1 };
        if copies > 1 {
            self.coverage.hit("world", "a message comes twice", "");
        }
        for _ in 0..copies {
            let late = self.strikes(Mishap::Late, 3);
            let wait = if late { self.rng.u64(SECOND..200 * SECOND) } else { self.rng.u64(0..500) };
            if late {
                self.coverage.hit("world", "a message is late", "");
            }
            let visible = self.at + wait;
            self.queue.letters.push(Letter {
                body: envelope.to_string(),
                request: Some(request),
                visible,
                receives: 0,
                is_deleted: false,
            });
        }
        if self.strikes(Mishap::Strangers, 2) {
            self.stranger();
        }
        self.queue.bell.notify_one();
    }

    fn stranger(&mut self) {
        let body = match self.rng.u8(0..3) {
            0 => "not JSON".to_owned(),
            1 => json!({ "Type": "Notification", "TopicArn": "arn:aws:sns:eu-west-1:1:other" }).to_string(),
            _ => json!({
                "RequestType": "Create", "RequestId": "r", "LogicalResourceId": "Etl0", "StackId": STACK,
                "ResponseURL": "https://evil.example/k?X-Amz-Signature=x",
                "ResourceProperties": { "File": "s3://b/evil.py" },
            })
            .to_string(),
        };
        self.coverage.hit("world", "a stranger's message", "");
        let visible = self.at;
        self.queue.letters.push(Letter { body, request: None, visible, receives: 0, is_deleted: false });
    }

    /// Up to ten messages that can be seen, by their numbers.
    pub(super) fn receive(&mut self) -> Vec<usize> {
        let at = self.at;
        let mut found: Vec<usize> = (0..self.queue.letters.len())
            .filter(|number| {
                let letter = &self.queue.letters[*number];
                !letter.is_deleted && letter.visible <= at
            })
            .collect();
        self.rng.shuffle(&mut found);
        found.truncate(10);
        found.retain(|number| {
            let letter = &mut self.queue.letters[*number];
            letter.receives += 1;
            letter.visible = at + HIDDEN;
            letter.is_deleted = letter.receives > RECEIVES;
            !letter.is_deleted
        });
        for number in &found {
            if let Some(request) = self.queue.letters[*number].request {
                self.received(request);
            }
        }
        found
    }

    /// When the next message can be seen that is there already.
    pub(super) fn next_visible(&self) -> Option<Millis> {
        let waiting = self.queue.letters.iter().filter(|letter| !letter.is_deleted);
        waiting.map(|letter| letter.visible).min()
    }

    pub(super) fn body(&self, number: usize) -> String {
        self.queue.letters[number].body.clone()
    }

    pub(super) fn request_in(&self, number: usize) -> Option<usize> {
        self.queue.letters[number].request
    }

    /// `DeleteMessage` arrives.
    pub(super) fn delete_message(&mut self, number: usize) {
        match self.queue.letters[number].request {
            Some(request) => self.message_deleted(request),
            None => self.violate(Promise::StrangersStay, || "a stranger's message is deleted".to_owned()),
        }
        self.queue.letters[number].is_deleted = true;
        if self.strikes(Mishap::Redelivered, 3) {
            self.coverage.hit("world", "a message comes again after it was deleted", "");
            let at = self.at + self.rng.u64(0..150) * SECOND;
            let letter = &mut self.queue.letters[number];
            (letter.is_deleted, letter.visible, letter.receives) = (false, at, 0);
        }
    }

    /// Whether a message can still come, of the requests that matter.
    pub(super) fn may_come(&self) -> bool {
        self.at < CALM || self.queue.letters.iter().any(|letter| !letter.is_deleted)
    }
}
