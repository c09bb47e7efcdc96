//! The same cases against a stand-in and against the real server, so that both are known to answer alike.
//!
//! A case makes requests and asserts status, shape of the body and sequence of states. Where a server is
//! known to differ, the difference has a name, and the case asserts the difference: one that goes away is
//! noticed, too.

pub mod bucket;
pub mod history;
pub mod livy;
mod peer;
pub mod session;
pub mod sfn;
pub mod sqs;
pub mod yarn;

use std::any::Any;
use std::future::Future;
use std::pin::Pin;
use std::time::{Duration, Instant};

use reqwest::header::HeaderMap;
use serde_json::Value;

/// A case to be run.
type Running = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Names and starts cases: `cases![peer; one, another]`.
macro_rules! cases {
    ($peer:expr; $($case:path),* $(,)?) => {
        vec![$((stringify!($case), Box::pin($case(std::sync::Arc::clone(&$peer))) as crate::contract::Running)),*]
    };
}
use cases;

/// Runs the cases one after the other; panics at the end if any failed, naming each.
async fn run(cases: Vec<(&'static str, Running)>) -> Vec<&'static str> {
    let mut passed = Vec::new();
    let mut failed = Vec::new();
    for (path, case) in cases {
        let name = path.rsplit("::").next().unwrap_or(path);
        // As a task of its own: a failed case must not keep the others from being run.
        match tokio::spawn(case).await {
            Ok(()) => passed.push(name),
            Err(error) => failed.push(format!("{name}: {}", reason(error.into_panic().as_ref()))),
        }
    }
    assert!(
        failed.is_empty(),
        "{} of {} cases failed:\n{}",
        failed.len(),
        failed.len() + passed.len(),
        failed.join("\n")
    );
    passed
}

fn reason(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default()
}

/// An answer, read to its end.
#[derive(Debug)]
struct Reply {
    status: u16,
    headers: HeaderMap,
    body: String,
}

impl Reply {
    async fn of(request: reqwest::RequestBuilder) -> Self {
        let response = request.send().await.expect("the server answers");
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Self { status, headers, body: response.text().await.expect("the answer is whole") }
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The body as JSON; null if it is none.
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or(Value::Null)
    }
}

/// A client that does by itself nothing that a case does not ask for.
fn client(timeout: Duration) -> reqwest::Client {
    let client = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none());
    client.timeout(timeout).build().expect("a client can be built")
}

/// Looks again and again until something is seen.
async fn eventually<T, F: Future<Output = Option<T>>>(
    within: Duration,
    what: &str,
    mut look: impl FnMut() -> F,
) -> T {
    let begun = Instant::now();
    loop {
        if let Some(seen) = look().await {
            return seen;
        }
        assert!(begun.elapsed() < within, "{what}: not within {within:?}");
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
}
