//! Faults: what befalls a call on purpose, and which call.

use std::time::Duration;

use serde_json::Value;

/// What befalls a call. "Applied" means that the server did what was asked.
#[derive(Clone, Debug)]
pub enum Fault {
    /// Not applied; this answer instead.
    Answer {
        /// The HTTP status.
        status: u16,
        /// The type of the body.
        content_type: String,
        /// The body.
        body: String,
    },
    /// Not applied; the connection is dropped without a byte.
    Close,
    /// Applied; the connection is dropped without a byte.
    AnswerLost,
    /// Applied; the answer ends in the middle of its body, short of its Content-Length.
    Truncated,
    /// Not applied until [`release`](super::Server::release); never, if the client leaves before.
    Hang,
    /// Not applied until [`release`](super::Server::release), and then also for a client who has left.
    Late,
    /// Applied at once, answered only on [`release`](super::Server::release).
    HangAfter,
    /// Not applied; sends the client elsewhere with 307, which asks it to repeat method and body there.
    Redirect(String),
    /// Applied after this time.
    Delay(Duration),
}

impl Fault {
    /// A JSON answer.
    pub fn json(status: u16, body: &Value) -> Self {
        Self::Answer { status, content_type: "application/json;charset=utf-8".into(), body: body.to_string() }
    }

    /// An HTML error page, as a proxy or a servlet container sends it.
    pub fn html(status: u16, text: &str) -> Self {
        Self::Answer {
            status,
            content_type: "text/html;charset=utf-8".into(),
            body: format!(
                "<html><head><title>Error {status}</title></head><body><h1>{text}</h1></body></html>"
            ),
        }
    }

    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Answer { .. } => "answer",
            Self::Close => "close",
            Self::AnswerLost => "answer lost",
            Self::Truncated => "truncated",
            Self::Hang => "hang",
            Self::Late => "late",
            Self::HangAfter => "hang after",
            Self::Redirect(_) => "redirect",
            Self::Delay(_) => "delay",
        }
    }
}

/// Which calls a fault is for: those of one operation (`*`: any), and of one key if given.
#[derive(Clone, Debug)]
pub struct On {
    operation: String,
    key: Option<String>,
}

impl On {
    /// Calls of this operation: `SendTaskHeartbeat`, `POST /batches`, `GET /batches/*` …
    pub fn operation(name: &str) -> Self {
        Self { operation: name.to_owned(), key: None }
    }

    /// Only those whose key (token, ARN, batch name or id) begins so.
    pub fn key(self, start: &str) -> Self {
        Self { key: Some(start.to_owned()), ..self }
    }

    pub(crate) fn fits(&self, operation: &super::Operation) -> bool {
        (self.operation == "*" || self.operation == operation.name)
            && self.key.as_ref().is_none_or(|start| operation.key.starts_with(start.as_str()))
    }
}

impl From<&str> for On {
    fn from(operation: &str) -> Self {
        Self::operation(operation)
    }
}
