//! The queues of CloudFormation's requests: whether they are there and allowed, whose they are, and whether an answer
//! can go out.

use super::super::Finding;
use super::super::facts::{Configured, Facts, QueueFacts};
use crate::arn;
use crate::aws::Fault;
use crate::cloudformation::queue::{Condition, DeadLetters, Looked, Trouble};
use crate::log::message_id;

const POLICY: &str = "allow the cluster's instance profile sqs:ReceiveMessage, sqs:DeleteMessage and sqs:GetQueueAttributes \
                      on the queue, as bootstrap/cloudformation-door.yaml does, in the queue's own policy, too";

/// None where there is no queue.
pub(super) fn judge(facts: &Facts, configured: &Configured) -> Vec<Finding> {
    configured.queues.iter().flat_map(|queue| of(facts, queue)).collect()
}

fn of(facts: &Facts, queue: &QueueFacts) -> Vec<Finding> {
    let name = arn::name(queue.topic.as_str());
    let mut findings = match &queue.looked {
        Ok(looked) => vec![whose(facts, queue, looked), dead_letters(name, looked)],
        Err(trouble) => vec![troubled(facts, queue, trouble)],
    };
    findings.extend(queue.places.iter().map(|(origin, silent)| match silent {
        None => Finding::ok("answer-place", format!("{origin} answers")),
        Some(reason) => Finding::fail(
            "answer-place",
            format!("{origin}, where CloudFormation is answered, cannot be reached: {reason}"),
            "the subnet needs a way to S3, and the policy of a VPC endpoint for S3 has to allow this bucket: stacks wait \
             for an hour otherwise",
        ),
    }));
    findings
}

/// A queue of another account or region is none that the topic's policy is made for.
fn whose(facts: &Facts, queue: &QueueFacts, looked: &Looked) -> Finding {
    let (topic, arn) = (&queue.topic, &looked.arn);
    let parts: Vec<&str> = arn.split(':').collect();
    if parts.get(3..5) != Some(&[topic.region(), topic.account()]) {
        return Finding::fail(
            "queue",
            format!("{arn} is in another account or region than {topic}"),
            format!("correct queue_url or topic_arn in {}", facts.configuration.path),
        );
    }
    let waiting = looked.waiting.map(|count| format!("; messages that wait: {count}")).unwrap_or_default();
    Finding::ok("queue", format!("{arn} is there{waiting}"))
}

fn dead_letters(name: &str, looked: &Looked) -> Finding {
    let Some(DeadLetters { arn, letters }) = &looked.dead_letters else {
        return Finding::warn(
            "dead-letters",
            format!("{} has no dead-letter queue: what cannot be answered comes again and again", looked.arn),
            "give it a RedrivePolicy, as bootstrap/cloudformation-door.yaml does",
        );
    };
    match letters {
        Ok(0) => {
            Finding::ok("dead-letters", format!("what {name} cannot answer goes to {arn}, which is empty"))
        }
        Ok(count) => Finding::warn(
            "dead-letters",
            format!("messages of {name} that could not be answered lie in {arn}: {count}"),
            format!(
                "see why: journalctl MESSAGE_ID={} -x; then empty that queue",
                message_id::REQUEST_REFUSED
            ),
        ),
        Err(Trouble { reason, .. }) => Finding::warn(
            "dead-letters",
            format!(
                "what {name} cannot answer goes to {arn}, and whether that is empty cannot be seen: {reason}"
            ),
            "allow the cluster's instance profile sqs:GetQueueAttributes on it, as bootstrap/cloudformation-door.yaml does",
        ),
    }
}

fn troubled(facts: &Facts, queue: &QueueFacts, trouble: &Trouble) -> Finding {
    let Trouble { condition, reason } = trouble;
    let found = format!("{}: {}: {reason}", queue.url, condition.describe());
    match condition {
        Condition::NoQueue => Finding::fail(
            "queue",
            found,
            format!("correct queue_url in {}, or create it", facts.configuration.path),
        ),
        Condition::Fault(Fault::NotAllowed) => Finding::fail("queue", found, POLICY),
        Condition::Fault(Fault::Credentials) => Finding::fail(
            "queue",
            found,
            "create the cluster with an instance profile, and see who you are: aws sts get-caller-identity",
        ),
        Condition::Fault(Fault::Key) => Finding::fail(
            "queue",
            found,
            "allow the cluster's instance profile kms:Decrypt on the queue's key",
        ),
        Condition::Fault(Fault::Unreachable) => {
            Finding::fail("queue", found, "the subnet needs a NAT gateway or a VPC endpoint for SQS")
        }
        Condition::Fault(Fault::Throttled)
        | Condition::Fault(Fault::Service)
        | Condition::Fault(Fault::Other) => Finding::warn("queue", found, "run doctor again in a minute"),
    }
}
