//! One queue: which messages can be received now, and what becomes of those that were.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

/// A queue.
#[derive(Debug)]
pub(super) struct Queue {
    /// For how long a message is hidden that was received.
    pub(super) visibility: Duration,
    /// After how many receives a message goes to which queue.
    pub(super) redrive: Option<(usize, String)>,
    messages: Vec<Message>,
    /// Messages that come back once more after they were deleted.
    pub(super) returning: usize,
    /// Messages that are handed out once more although they are hidden.
    pub(super) doubled: usize,
    handles: usize,
}

#[derive(Debug)]
struct Message {
    id: String,
    body: String,
    sent: u128,
    receives: usize,
    handle: String,
    visible: Instant,
    doubled: bool,
}

impl Queue {
    pub(super) fn new(visibility: Duration, redrive: Option<(usize, String)>) -> Self {
        Self { visibility, redrive, messages: Vec::new(), returning: 0, doubled: 0, handles: 0 }
    }

    pub(super) fn send(&mut self, id: String, body: String) {
        let sent = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        let (handle, visible) = (String::new(), Instant::now());
        self.messages.push(Message { id, body, sent, receives: 0, handle, visible, doubled: false });
    }

    pub(super) fn bodies(&self) -> Vec<String> {
        self.messages.iter().map(|message| message.body.clone()).collect()
    }

    /// Visible and hidden ones.
    pub(super) fn counts(&self) -> (usize, usize) {
        let now = Instant::now();
        let visible = self.messages.iter().filter(|message| message.visible <= now).count();
        (visible, self.messages.len() - visible)
    }

    /// When the next hidden message can be received.
    pub(super) fn next_visible(&self) -> Option<Instant> {
        self.messages.iter().map(|message| message.visible).min()
    }

    /// The messages that have been received too often.
    pub(super) fn take_dead(&mut self) -> Vec<(String, String)> {
        let Some((most, _)) = self.redrive else { return Vec::new() };
        let now = Instant::now();
        let is_dead = |message: &Message| message.receives >= most && message.visible <= now;
        let dead = self.messages.iter().filter(|message| is_dead(message));
        let dead = dead.map(|message| (message.id.clone(), message.body.clone())).collect();
        self.messages.retain(|message| !is_dead(message));
        dead
    }

    /// Receives up to so many messages, hidden for `visibility` from now on.
    pub(super) fn receive(&mut self, most: usize, visibility: Duration) -> Vec<Value> {
        let now = Instant::now();
        let mut received = Vec::new();
        for message in self.messages.iter_mut().filter(|message| message.visible <= now).take(most) {
            self.handles += 1;
            message.receives += 1;
            message.handle = format!("handle-{}-{}", message.id, self.handles);
            let again = self.doubled > 0 && !message.doubled;
            if again {
                self.doubled -= 1;
                message.doubled = true;
            }
            message.visible = if again { now } else { now + visibility };
            received.push(json!({
                "MessageId": message.id, "ReceiptHandle": message.handle, "Body": message.body,
                "Attributes": {
                    "SentTimestamp": message.sent.to_string(),
                    "ApproximateReceiveCount": message.receives.to_string(),
                },
            }));
        }
        received
    }

    /// Deletes by the handle of the last receive; an older one is taken and deletes nothing. `None`: it is none.
    pub(super) fn delete(&mut self, handle: &str) -> Option<()> {
        handle.strip_prefix("handle-")?;
        let at = self.messages.iter().position(|message| message.handle == handle);
        if let Some(at) = at {
            if self.returning > 0 {
                self.returning -= 1;
                // A server that kept a copy shows it again (SQS developer guide, at-least-once delivery).
                self.messages[at].visible = Instant::now();
            } else {
                self.messages.remove(at);
            }
        }
        Some(())
    }
}
