//! The queue: receive, delete, and look whether it is there.
//!
//! A receive that is dropped loses nothing: the message comes back once it is visible again. Errors become what the
//! caller must do; nobody outside this file sees a code of the service.

use std::time::Duration;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::config::Builder;
use aws_sdk_sqs::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_sqs::types::{MessageSystemAttributeName, QueueAttributeName};

use crate::aws::{self, Fault};
use crate::job::timestamp::Timestamp;

/// The longest long poll (developer guide, long polling).
const WAIT: i32 = 20;
/// It ends by itself before this.
pub const READ: Duration = Duration::from_secs(25);
/// The most that one receive brings (API reference, `ReceiveMessage`).
const MOST: i32 = 10;

/// A queue.
#[derive(Debug, Clone)]
pub struct Queue {
    url: String,
    calls: Client,
    /// The same with a patience for long polls.
    polls: Client,
}

/// A message that was received. It is hidden from others for a while, and comes back unless it is deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The same each time that it comes.
    pub id: String,
    /// What deletes it: another one each time.
    pub handle: String,
    /// What it says.
    pub body: String,
    /// When the queue took it.
    pub sent: Timestamp,
    /// How often it has been received.
    pub receives: u32,
}

/// What a look at the queue tells.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Looked {
    /// The queue's ARN.
    pub arn: String,
    /// Messages that wait.
    pub waiting: Option<u64>,
    /// The queue that dead letters go to.
    pub dead_letters: Option<DeadLetters>,
}

/// The queue of what was received too often.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetters {
    /// The queue's ARN.
    pub arn: String,
    /// How many are in it, or why that cannot be seen.
    pub letters: Result<u64, Trouble>,
}

/// Why a call got no answer; what to do is always the same: wait and go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// What is the matter.
    pub condition: Condition,
    /// In the service's or the connection's words.
    pub reason: String,
}

/// What keeps a receive from being answered. A change of it is worth a line in the log, a repetition is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condition {
    /// The queue does not exist (yet), or its URL is wrong.
    NoQueue,
    /// What can befall every call.
    Fault(Fault),
}

impl Condition {
    /// What an operator reads.
    pub fn describe(self) -> &'static str {
        match self {
            Condition::Fault(Fault::Throttled) => "SQS throttles receives",
            Condition::NoQueue => "the queue does not exist",
            Condition::Fault(Fault::Credentials) => "there are no valid AWS credentials",
            Condition::Fault(Fault::NotAllowed) => {
                "the queue may not be read (sqs:ReceiveMessage, sqs:DeleteMessage)"
            }
            Condition::Fault(Fault::Key) => "the queue's encryption key cannot be used",
            Condition::Fault(Fault::Service) => "SQS has a fault",
            Condition::Fault(Fault::Unreachable) => "SQS cannot be reached",
            Condition::Fault(Fault::Other) => "a call to SQS failed",
        }
    }
}

impl Queue {
    /// Sets up the clients, from what [`aws::load`] read for the topic's region, which is the queue's. The calls go to
    /// the origin of the queue's URL.
    pub fn new(shared: &aws::Shared, url: &str) -> Queue {
        let builder = Builder::from(shared).endpoint_url(origin(url));
        let polls = builder.clone().timeout_config(aws::patient(READ)).build();
        Queue {
            url: url.to_owned(),
            calls: Client::from_conf(builder.build()),
            polls: Client::from_conf(polls),
        }
    }

    /// Waits up to 20 s for messages. May be dropped at any moment.
    ///
    /// # Errors
    /// [`Trouble`].
    pub async fn receive(&self) -> Result<Vec<Message>, Trouble> {
        let call = self.polls.receive_message().queue_url(&self.url).wait_time_seconds(WAIT);
        let call = call
            .max_number_of_messages(MOST)
            .message_system_attribute_names(MessageSystemAttributeName::SentTimestamp)
            .message_system_attribute_names(MessageSystemAttributeName::ApproximateReceiveCount);
        let answer = call.send().await.map_err(|error| trouble(&error))?;
        Ok(answer.messages.unwrap_or_default().into_iter().filter_map(message).collect())
    }

    /// Deletes a message, by the handle of its last receive.
    ///
    /// # Errors
    /// [`Trouble`]; the message comes back then.
    pub async fn delete(&self, handle: &str) -> Result<(), Trouble> {
        let call = self.calls.delete_message().queue_url(&self.url).receipt_handle(handle);
        call.send().await.map(|_| ()).map_err(|error| trouble(&error))
    }

    /// Asks what the queue is, without taking anything out of it.
    ///
    /// # Errors
    /// [`Trouble`].
    pub async fn look(&self) -> Result<Looked, Trouble> {
        let call = self.calls.get_queue_attributes().queue_url(&self.url);
        let call = call
            .attribute_names(QueueAttributeName::QueueArn)
            .attribute_names(QueueAttributeName::ApproximateNumberOfMessages)
            .attribute_names(QueueAttributeName::RedrivePolicy);
        let answer = call.send().await.map_err(|error| trouble(&error))?;
        let attributes = answer.attributes.unwrap_or_default();
        let waiting = attributes.get(&QueueAttributeName::ApproximateNumberOfMessages);
        let policy = attributes.get(&QueueAttributeName::RedrivePolicy);
        let policy: Option<serde_json::Value> = policy.and_then(|text| serde_json::from_str(text).ok());
        let dead_letters = match policy.as_ref().and_then(|policy| policy["deadLetterTargetArn"].as_str()) {
            Some(arn) => Some(DeadLetters { arn: arn.to_owned(), letters: self.letters(arn).await }),
            None => None,
        };
        Ok(Looked {
            arn: attributes.get(&QueueAttributeName::QueueArn).cloned().unwrap_or_default(),
            waiting: waiting.and_then(|text| text.parse().ok()),
            dead_letters,
        })
    }

    /// How many messages are in the queue of an ARN, hidden ones too: it is in the same region and account.
    async fn letters(&self, arn: &str) -> Result<u64, Trouble> {
        let call = self.calls.get_queue_attributes().queue_url(beside(&self.url, arn));
        let counts = [
            QueueAttributeName::ApproximateNumberOfMessages,
            QueueAttributeName::ApproximateNumberOfMessagesNotVisible,
        ];
        let call = call.attribute_names(counts[0].clone()).attribute_names(counts[1].clone());
        let answer = call.send().await.map_err(|error| trouble(&error))?;
        let attributes = answer.attributes.unwrap_or_default();
        let count = |name| attributes.get(name)?.parse::<u64>().ok();
        let all: Option<Vec<u64>> = counts.iter().map(count).collect();
        let silent = || Trouble {
            condition: Condition::Fault(Fault::Other),
            reason: "it does not say how many".to_owned(),
        };
        all.map(|all| all.iter().sum()).ok_or_else(silent)
    }
}

/// The URL of the queue with this ARN, made as that of another one.
fn beside(url: &str, arn: &str) -> String {
    let mut parts = arn.rsplit(':');
    let (name, account) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    format!("{}/{account}/{name}", origin(url))
}

/// What a URL says before its path.
fn origin(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    format!("{scheme}://{}", rest.split('/').next().unwrap_or_default())
}

/// A message without an id or a handle is none that could be deleted.
fn message(message: aws_sdk_sqs::types::Message) -> Option<Message> {
    let attributes = message.attributes.unwrap_or_default();
    let number = |name: &MessageSystemAttributeName| {
        attributes.get(name).and_then(|text| text.parse::<u64>().ok()).unwrap_or_default()
    };
    Some(Message {
        id: message.message_id?,
        handle: message.receipt_handle?,
        body: message.body.unwrap_or_default(),
        sent: Timestamp(number(&MessageSystemAttributeName::SentTimestamp)),
        receives: u32::try_from(number(&MessageSystemAttributeName::ApproximateReceiveCount))
            .unwrap_or(u32::MAX),
    })
}

fn trouble<E>(error: &SdkError<E>) -> Trouble
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    let condition = match error.code() {
        Some("QueueDoesNotExist" | "AWS.SimpleQueueService.NonExistentQueue" | "InvalidAddress") => {
            Condition::NoQueue
        }
        Some(_) | None => Condition::Fault(aws::fault(error)),
    };
    Trouble { condition, reason: aws::reason(error) }
}

#[cfg(test)]
mod tests {
    use super::{beside, origin};

    #[test]
    fn calls_go_to_the_origin_of_the_queue() {
        for (url, expected) in [
            ("https://sqs.eu-west-1.amazonaws.com/123456789012/jobs", "https://sqs.eu-west-1.amazonaws.com"),
            ("http://127.0.0.1:4566/000000000000/jobs", "http://127.0.0.1:4566"),
            ("https://sqs.eu-west-1.amazonaws.com", "https://sqs.eu-west-1.amazonaws.com"),
        ] {
            assert_eq!(origin(url), expected);
        }
    }

    #[test]
    fn a_queue_of_an_arn_is_beside_the_other() {
        let url = "https://sqs.eu-west-1.amazonaws.com/123456789012/jobs";
        let dead = beside(url, "arn:aws:sqs:eu-west-1:123456789012:dead");
        assert_eq!(dead, "https://sqs.eu-west-1.amazonaws.com/123456789012/dead");
    }
}
