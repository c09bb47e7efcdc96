//! `awsJson1_0` as Step Functions speaks it: refusals with their namespaces, and the checks of the service's model.

use serde_json::{Value, json};

use crate::http::{Answer, Fault, Request};

/// What every answer is typed as.
const CONTENT_TYPE: &str = "application/x-amz-json-1.0";

/// A request that the service refuses.
#[derive(Debug)]
pub(super) struct Refusal {
    code: &'static str,
    message: String,
}

impl Refusal {
    pub(super) fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    /// The token belongs to no task that is still open.
    pub(super) fn task_timed_out() -> Self {
        Self::new("TaskTimedOut", "Task Timed Out: 'Provided task does not exist anymore'")
    }

    /// The token was never handed out.
    pub(super) fn invalid_token() -> Self {
        Self::new("InvalidToken", "Invalid Token: 'Invalid token'")
    }

    fn validation(wrong: &[String]) -> Self {
        let errors = if wrong.len() == 1 { "error" } else { "errors" };
        let message = format!("{} validation {errors} detected: {}", wrong.len(), wrong.join("; "));
        Self::new("ValidationException", message)
    }

    pub(super) fn answer(&self) -> Answer {
        refused(self.code, &self.message)
    }
}

/// The fault of being refused with this code (`ThrottlingException`, `TaskTimedOut`, `KmsThrottlingException` …), not applied.
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
        "ValidationException" => (400, "com.amazon.coral.validate"),
        "ThrottlingException" => (400, "com.amazon.coral.availability"),
        "ServiceUnavailable" => (503, "com.amazon.coral.availability"),
        "InternalFailure" | "InternalServerError" => (500, "com.amazon.coral.service"),
        "AccessDeniedException"
        | "ExpiredTokenException"
        | "InvalidSignatureException"
        | "MissingAuthenticationTokenException"
        | "SerializationException"
        | "UnknownOperationException"
        | "UnrecognizedClientException" => (400, "com.amazon.coral.service"),
        _ => (400, "com.amazonaws.swf.service.v2.model"),
    };
    let mut body = json!({ "__type": format!("{namespace}#{code}") });
    if !message.is_empty() {
        body["message"] = json!(message);
    }
    answer(status, &body)
}

pub(super) fn answer(status: u16, body: &Value) -> Answer {
    // The real ids are random; these need only be there.
    Answer::new(status, CONTENT_TYPE, body.to_string())
        .with("x-amzn-requestid", "00000000-0000-4000-8000-000000000000")
}

/// The operation's name, from the header that carries it.
pub(super) fn target(request: &Request) -> Option<&str> {
    request.header("x-amz-target")?.strip_prefix("AWSStepFunctions.")
}

/// What a signed `awsJson1_0` request must look like, and this one does not.
pub(super) fn violations(request: &Request) -> Vec<String> {
    let signed = request.header("authorization").unwrap_or_default();
    let json_1_0 = request.header("content-type") == Some(CONTENT_TYPE);
    let rules = [
        (request.method == "POST" && request.path == "/", "not POST /"),
        (json_1_0, "Content-Type is not application/x-amz-json-1.0"),
        (target(request).is_some(), "X-Amz-Target does not begin with AWSStepFunctions."),
        (signed.starts_with("AWS4-HMAC-SHA256 "), "Authorization is not SigV4"),
        (signed.contains("/states/aws4_request"), "Authorization is not for the service `states`"),
        (signed.contains("Signature="), "Authorization has no signature"),
        (request.header("x-amz-date").is_some(), "X-Amz-Date is missing"),
    ];
    let broken = rules.iter().filter(|(kept, _)| !kept);
    let operation = request.header("x-amz-target").unwrap_or("?");
    broken.map(|(_, rule)| format!("{operation}: {rule}")).collect()
}

/// The members of a request, checked against the model's limits. All that is wrong is told at once.
pub(super) struct Members<'a> {
    body: &'a Value,
    wrong: Vec<String>,
}

impl<'a> Members<'a> {
    pub(super) fn of(body: &'a Value) -> Self {
        Self { body, wrong: Vec::new() }
    }

    /// A text that must be there, of `min` to `max` units as `length` counts them.
    pub(super) fn required(
        &mut self,
        name: &str,
        limits: (usize, usize),
        length: fn(&str) -> usize,
    ) -> String {
        if self.body.get(name).is_none_or(Value::is_null) {
            self.wrong
                .push(format!("Value at '{name}' failed to satisfy constraint: Member must not be null"));
        }
        self.optional(name, limits, length).unwrap_or_default()
    }

    /// The same, if it is there.
    pub(super) fn optional(
        &mut self,
        name: &str,
        (min, max): (usize, usize),
        length: fn(&str) -> usize,
    ) -> Option<String> {
        let text = self.body.get(name).and_then(Value::as_str)?;
        let bound = match length(text) {
            long if long > max => Some(format!("less than or equal to {max}")),
            short if short < min => Some(format!("greater than or equal to {min}")),
            _ => None,
        };
        if let Some(bound) = bound {
            // The values are left out: outputs, errors and causes count as secrets of the customer.
            self.wrong.push(format!(
                "Value at '{name}' failed to satisfy constraint: Member must have length {bound}"
            ));
        }
        Some(text.to_owned())
    }

    pub(super) fn checked(self) -> Result<(), Refusal> {
        if self.wrong.is_empty() { Ok(()) } else { Err(Refusal::validation(&self.wrong)) }
    }
}

/// Length in characters.
pub(super) fn characters(text: &str) -> usize {
    text.chars().count()
}

/// Length in bytes of UTF-8.
pub(super) fn bytes(text: &str) -> usize {
    text.len()
}
