//! `awsJson1_0` as SQS speaks it, with the errors' names of its query protocol beside.

use serde_json::{Value, json};

use crate::http::{Answer, Fault, Request};

const CONTENT_TYPE: &str = "application/x-amz-json-1.0";

/// A request that the service refuses.
#[derive(Debug)]
pub(super) struct Refusal(&'static str, String);

impl Refusal {
    pub(super) fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self(code, message.into())
    }

    pub(super) fn no_queue() -> Self {
        Self::new("QueueDoesNotExist", "The specified queue does not exist.")
    }

    pub(super) fn answer(&self) -> Answer {
        refused(self.0, &self.1)
    }
}

/// The fault of being refused with this code (`ThrottlingException`, `AccessDeniedException` …), not applied.
pub fn refusal(code: &str, message: &str) -> Fault {
    let answer = refused(code, message);
    Fault::Answer {
        status: answer.status,
        content_type: CONTENT_TYPE.to_owned(),
        body: String::from_utf8_lossy(&answer.body).into_owned(),
    }
}

fn refused(code: &str, message: &str) -> Answer {
    let (status, namespace) = match code {
        "InternalFailure" | "InternalError" => (500, "com.amazon.coral.service"),
        "ServiceUnavailable" => (503, "com.amazon.coral.availability"),
        "ThrottlingException" => (400, "com.amazon.coral.availability"),
        "AccessDeniedException"
        | "ExpiredTokenException"
        | "InvalidSignatureException"
        | "SerializationException"
        | "UnknownOperationException"
        | "UnrecognizedClientException" => (400, "com.amazon.coral.service"),
        _ => (400, "com.amazonaws.sqs"),
    };
    // Clients of the older protocol know some errors by other names.
    let older = match code {
        "QueueDoesNotExist" => "AWS.SimpleQueueService.NonExistentQueue",
        other => other,
    };
    answer(status, &json!({ "__type": format!("{namespace}#{code}"), "message": message }))
        .with("x-amzn-query-error", format!("{older};Sender"))
}

pub(super) fn answer(status: u16, body: &Value) -> Answer {
    Answer::new(status, CONTENT_TYPE, body.to_string())
        .with("x-amzn-requestid", "00000000-0000-4000-8000-000000000000")
}

/// The operation's name, from the header that carries it.
pub(super) fn target(request: &Request) -> Option<&str> {
    request.header("x-amz-target")?.strip_prefix("AmazonSQS.")
}

/// What a signed request must look like, and this one does not.
pub(super) fn violations(request: &Request) -> Vec<String> {
    let signed = request.header("authorization").unwrap_or_default();
    let rules = [
        (request.method == "POST" && request.path == "/", "not POST /"),
        (
            request.header("content-type") == Some(CONTENT_TYPE),
            "Content-Type is not application/x-amz-json-1.0",
        ),
        (target(request).is_some(), "X-Amz-Target does not begin with AmazonSQS."),
        (signed.starts_with("AWS4-HMAC-SHA256 "), "Authorization is not SigV4"),
        (signed.contains("/sqs/aws4_request"), "Authorization is not for the service `sqs`"),
        (signed.contains("Signature="), "Authorization has no signature"),
    ];
    let operation = request.header("x-amz-target").unwrap_or("?");
    let broken = rules.iter().filter(|(kept, _)| !kept);
    broken.map(|(_, rule)| format!("{operation}: {rule}")).collect()
}
