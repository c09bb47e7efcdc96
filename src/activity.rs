//! Step Functions: poll an activity, beat for a task, end it.
//!
//! The SDK's own retries are off: `retry.rs` has a policy for each call, and who calls decides. Errors become what the
//! caller must do; nobody outside this file sees a code of the service.

mod look;
mod regions;

use std::time::Duration;

use aws_sdk_sfn::error::{ProvideErrorMetadata, SdkError};
use sha2::{Digest, Sha256};

use crate::aws::{self, Fault};
use crate::job::report::Answer;
use crate::job::token::Token;
use crate::job::world::{Beat, Reported};
pub use look::Looked;
use regions::Regions;

/// The service holds a poll for up to 60 s and wants at least 5 s more (API reference, GetActivityTask). A poll that
/// the client leaves earlier can swallow a task.
pub const POLL_READ: Duration = Duration::from_secs(70);
/// The longest worker name (service model).
const MAX_WORKER_NAME: usize = 80;

/// Step Functions, as far as a worker needs it.
#[derive(Debug, Clone)]
pub struct StepFunctions {
    regions: Regions,
}

/// An answered poll.
#[derive(Debug)]
pub enum Polled {
    /// A task, handed out to us alone.
    Task {
        /// Answers it.
        token: Token,
        /// Its input as it came.
        input: String,
    },
    /// No task in a minute.
    Nothing,
}

/// Why a poll got no answer. What to do is always the same: wait and go on; the condition is for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// What is the matter.
    pub condition: Condition,
    /// In the service's or the connection's words.
    pub reason: String,
}

/// What keeps a poll from being answered. A change of it is worth a line in the log, a repetition is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condition {
    /// More than 1,000 pollers at this activity.
    TooManyPollers,
    /// The activity does not exist (yet), or its ARN is wrong.
    NoActivity,
    /// What can befall every call.
    Fault(Fault),
}

impl Condition {
    /// What an operator reads.
    pub fn describe(self) -> &'static str {
        match self {
            Condition::Fault(Fault::Throttled) => "Step Functions throttles polls",
            Condition::TooManyPollers => "the activity has too many pollers",
            Condition::NoActivity => "the activity does not exist",
            Condition::Fault(Fault::Credentials) => "there are no valid AWS credentials",
            Condition::Fault(Fault::NotAllowed) => {
                "polling the activity is not allowed (states:GetActivityTask)"
            }
            Condition::Fault(Fault::Key) => "the activity's encryption key cannot be used",
            Condition::Fault(Fault::Service) => "Step Functions has a fault",
            Condition::Fault(Fault::Unreachable) => "Step Functions cannot be reached",
            Condition::Fault(Fault::Other) => "a poll failed",
        }
    }
}

impl StepFunctions {
    /// Creates the clients for `region`, that of the activities. Those of other regions are created when a token from
    /// there is to be answered. Credentials, and an endpoint where `endpoint_url` is none, come from the SDK's own
    /// chain.
    pub async fn connect(region: &str, endpoint_url: Option<&str>) -> StepFunctions {
        StepFunctions { regions: Regions::load(region, endpoint_url).await }
    }

    /// Why the tokens of one of these ARNs cannot be answered, if so. Asked at the start with those of the journal: a
    /// token that is asked about elsewhere looks dead, and its job would be killed.
    pub fn unanswerable<'a>(&self, arns: impl IntoIterator<Item = &'a str>) -> Option<String> {
        self.regions.unanswerable(arns)
    }

    /// One long poll, up to a minute. Must not be dropped before it answers: its task would be lost.
    ///
    /// # Errors
    /// [`Trouble`]; a task may have been lost with the answer.
    pub async fn poll(&self, arn: &str, worker: &str) -> Result<Polled, Trouble> {
        let call = self.regions.of(arn).polls.get_activity_task().activity_arn(arn).worker_name(worker);
        let answer = call.send().await.map_err(|error| trouble(&error))?;
        // Absent, null and empty all mean that there was no task.
        match answer.task_token.filter(|token| !token.is_empty()) {
            Some(token) => {
                Ok(Polled::Task { token: Token::new(token), input: answer.input.unwrap_or_default() })
            }
            None => Ok(Polled::Nothing),
        }
    }

    /// SendTaskHeartbeat, in the region of the activity `arn` that handed the token out.
    pub async fn beat(&self, arn: &str, token: &Token) -> Beat {
        match self.regions.of(arn).calls.send_task_heartbeat().task_token(token.secret()).send().await {
            Ok(_) => Beat::Accepted,
            Err(error) if is_token_dead(error.code()) => Beat::Dead(aws::reason(&error)),
            Err(error) => Beat::Unanswered(aws::reason(&error)),
        }
    }

    /// SendTaskSuccess or SendTaskFailure, in the region of the activity `arn` that handed the token out.
    pub async fn report(&self, arn: &str, token: &Token, answer: &Answer) -> Reported {
        let calls = self.regions.of(arn).calls;
        match answer {
            Answer::Success { output } => {
                let call = calls.send_task_success().task_token(token.secret()).output(output);
                reported(call.send().await)
            }
            Answer::Failure { error, cause } => {
                let call = calls.send_task_failure().task_token(token.secret());
                reported(call.error(*error).set_cause(cause.clone()).send().await)
            }
        }
    }
}

/// The name of poller `number` on `node`. Of what is longer than the service takes a hash remains: the ends of two nodes'
/// names may be all that tells them apart.
pub fn worker_name(node: &str, number: usize) -> String {
    let tail = format!("/{number}");
    let room = MAX_WORKER_NAME - tail.len();
    if node.chars().count() <= room {
        return format!("{node}{tail}");
    }
    let hash: String = Sha256::digest(node).iter().take(4).map(|byte| format!("{byte:02x}")).collect();
    let head: String = node.chars().take(room - hash.len() - 1).collect();
    format!("{head}-{hash}{tail}")
}

/// The service's three ways of saying that a token answers nothing any more (emulators mix them).
fn is_token_dead(code: Option<&str>) -> bool {
    matches!(code, Some("TaskTimedOut" | "TaskDoesNotExist" | "InvalidToken"))
}

fn reported<T, E>(result: Result<T, SdkError<E>>) -> Reported
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    match result {
        Ok(_) => Reported::Acknowledged,
        Err(error) => {
            let reason = aws::reason(&error);
            match error.code() {
                code if is_token_dead(code) => Reported::Closed(reason),
                Some("InvalidOutput" | "ValidationException" | "SerializationException") => {
                    Reported::Refused(reason)
                }
                _ => Reported::Again { maybe_applied: aws::maybe_applied(&error), reason },
            }
        }
    }
}

fn trouble<E>(error: &SdkError<E>) -> Trouble
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    let condition = match error.code() {
        Some("ActivityDoesNotExist" | "InvalidArn") => Condition::NoActivity,
        Some("ActivityWorkerLimitExceeded") => Condition::TooManyPollers,
        Some(_) | None => Condition::Fault(aws::fault(error)),
    };
    Trouble { condition, reason: aws::reason(error) }
}

#[cfg(test)]
mod tests {
    use super::{MAX_WORKER_NAME, worker_name};

    #[test]
    fn long_names_of_nodes_are_told_apart_within_the_services_limit() {
        assert_eq!(worker_name("j-1/ip-10-0-0-1", 2), "j-1/ip-10-0-0-1/2");
        let long = |end: &str| worker_name(&format!("j-1/{}-{end}", "ü".repeat(100)), 1_000);
        assert_eq!(long("1").chars().count(), MAX_WORKER_NAME);
        assert!(long("1") != long("2") && long("1").ends_with("/1000"));
    }
}
