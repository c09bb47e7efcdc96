//! The bucket that CloudFormation reads answers from, as far as a presigned PUT shows it.
//!
//! The URL's signature is not computed; what depends on it is: with `Signature=` (version 2) a content type must not be
//! sent, with `X-Amz-Signature=` (version 4, only the host signed) no `x-amz-` field may be. That an URL has expired is
//! said by [`Bucket::expire`].

use std::future::Future;
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::Value;

use crate::http::{Answer, Answering, Bell, Call, Fault, Operation, Request, Server, Service};

/// The stand-in for the bucket.
#[derive(Clone)]
pub struct Bucket {
    server: Server,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    expired: AtomicBool,
}

/// How a URL was signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signed {
    /// Signature Version 2, seen until 2018.
    V2,
    /// Signature Version 4.
    V4,
}

/// The server's own powers: faults, outages, recorded calls.
impl Deref for Bucket {
    type Target = Server;

    fn deref(&self) -> &Server {
        &self.server
    }
}

impl Bucket {
    /// Starts the stand-in.
    pub async fn start() -> Self {
        let shared = Arc::new(Shared::default());
        let service = Arc::clone(&shared);
        Self { server: Server::start(None, Bell::default(), |_| service).await, shared }
    }

    /// A presigned URL for the answer to a request.
    pub fn url_for(&self, (stack, logical, request): (&str, &str, &str), signed: Signed) -> String {
        let key = format!("{stack}|{logical}|{request}").replace(':', "%3A").replace('|', "%7C");
        let query = match signed {
            Signed::V2 => "AWSAccessKeyId=AKIAEXAMPLE&Expires=1795341600&Signature=secret%3D",
            Signed::V4 => {
                "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Date=20261122T100000Z&X-Amz-SignedHeaders=host\
                 &X-Amz-Expires=7200&X-Amz-Credential=AKIAEXAMPLE&X-Amz-Signature=secret"
            }
        };
        format!("{}/{key}?{query}", self.url())
    }

    /// From now on every URL has expired.
    pub fn expire(&self) {
        self.shared.expired.store(true, Ordering::Relaxed);
    }

    /// The PUTs so far.
    pub fn puts(&self) -> Vec<Call> {
        self.calls_of("PUT")
    }

    /// What is stored as the answer to a request: what the last PUT that was taken said.
    pub fn answer(&self, request: &str) -> Option<Value> {
        let taken = |call: &Call| call.status == Some(200) || call.fault == Some("answer lost");
        let mut answers = self.puts().into_iter().filter(taken).map(|call| call.request.json());
        answers.rfind(|answer| answer["RequestId"] == request)
    }

    /// Waits for the answer to a request, for as long as [`PATIENCE`](crate::http::PATIENCE).
    #[track_caller]
    pub fn answered<'a>(
        &'a self,
        request: &'a str,
        limit: impl Into<Option<Duration>>,
    ) -> impl Future<Output = Value> + 'a {
        self.server.wait_to_see(move || self.answer(request), limit)
    }
}

/// An error in S3's XML.
pub fn refusal(status: u16, code: &str, message: &str) -> Fault {
    Fault::Answer { status, content_type: XML.to_owned(), body: xml(code, message) }
}

const XML: &str = "application/xml";

fn xml(code: &str, message: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code><Message>{message}</Message></Error>"
    )
}

impl Service for Shared {
    fn operation(&self, request: &Request) -> Operation {
        Operation { name: request.method.clone(), key: crate::http::decoded(&request.path) }
    }

    fn answer(self: Arc<Self>, request: Arc<Request>) -> Answering {
        Box::pin(async move {
            match self.refuses(&request) {
                Some((status, code, message)) => Answer::new(status, XML, xml(code, message)),
                None => Answer::empty(200).with("etag", "\"0123456789abcdef0123456789abcdef\""),
            }
        })
    }
}

impl Shared {
    fn refuses(&self, request: &Request) -> Option<(u16, &'static str, &'static str)> {
        let typed = request.header("content-type").is_some_and(|kind| !kind.is_empty());
        let v4 = request.parameter("X-Amz-Signature").is_some();
        let more = request.headers.keys().any(|name| name.as_str().starts_with("x-amz-"));
        let mismatch = "The request signature we calculated does not match the signature you provided.";
        match () {
            () if request.method != "PUT" => Some((403, "SignatureDoesNotMatch", mismatch)),
            () if !v4 && request.parameter("Signature").is_none() => {
                Some((403, "AccessDenied", "Access Denied"))
            }
            () if self.expired.load(Ordering::Relaxed) => Some((403, "AccessDenied", "Request has expired")),
            () if !v4 && typed => Some((403, "SignatureDoesNotMatch", mismatch)),
            () if v4 && more => {
                Some((403, "AccessDenied", "There were headers present in the request which were not signed"))
            }
            () => None,
        }
    }
}
