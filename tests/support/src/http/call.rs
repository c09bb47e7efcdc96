//! What arrives, what goes back, and what is remembered of both.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use hyper::HeaderMap;
use serde_json::Value;

/// A request, read to its end.
#[derive(Debug)]
pub struct Request {
    /// `GET`, `POST` …
    pub method: String,
    /// The path as sent, percent-encoded.
    pub path: String,
    /// What follows the `?`, as sent.
    pub query: Option<String>,
    /// All header fields.
    pub headers: HeaderMap,
    /// The body, whole.
    pub body: Bytes,
}

impl Request {
    /// A header field as text, if it was sent.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The body as JSON; null if it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    /// One parameter of the query, percent-decoded.
    pub fn parameter(&self, name: &str) -> Option<String> {
        let pairs = self.query.as_deref()?.split('&').filter_map(|pair| pair.split_once('='));
        pairs.filter(|(key, _)| *key == name).map(|(_, value)| decoded(value)).next()
    }
}

/// Percent-decoded text; what is no UTF-8 is replaced.
pub(crate) fn decoded(text: &str) -> String {
    percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned()
}

/// The kind of a request, by which faults and tests choose it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Operation {
    /// `SendTaskHeartbeat`, `POST /batches` …
    pub name: String,
    /// What it is about: a token, an ARN, a batch's name or id. Empty if nothing in particular.
    pub key: String,
}

/// An answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// Header fields beside `Content-Length` and `Date`.
    pub headers: Vec<(&'static str, String)>,
    /// The body, whole.
    pub body: Bytes,
}

impl Answer {
    /// An answer with a body of this type.
    pub fn new(status: u16, content_type: &str, body: impl Into<Bytes>) -> Self {
        Self { status, headers: vec![("content-type", content_type.to_owned())], body: body.into() }
    }

    /// An answer without a body and its type.
    pub fn empty(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Bytes::new() }
    }

    /// The same answer with one more header field.
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

/// One recorded call.
#[derive(Clone, Debug)]
pub struct Call {
    /// Its place in the order of arrival, from 0.
    pub seq: usize,
    /// When it had arrived whole.
    pub at: Instant,
    /// Which connection brought it, from 0: equal numbers mean that the connection was used again.
    pub connection: u64,
    /// Its kind.
    pub operation: Operation,
    /// The request itself.
    pub request: Arc<Request>,
    /// The fault that befell it.
    pub fault: Option<&'static str>,
    /// The status that was answered; none as long as nothing was.
    pub status: Option<u16>,
    /// The body that was answered, if it is no longer than 16 KiB.
    pub answer: Option<Bytes>,
    /// When the answer was handed to the connection.
    pub answered: Option<Instant>,
    /// The client left before it had an answer.
    pub left: bool,
}
