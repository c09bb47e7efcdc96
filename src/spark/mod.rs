//! The cluster: Livy, YARN, this node's processes, and the one sweep that follows all running jobs.

pub mod driver_log;
pub mod livy;
mod livy_wire;
pub mod processes;
pub mod watch;
pub mod yarn;

use std::time::Duration;

use reqwest::{ClientBuilder, Response, redirect, retry};

use crate::job::world::Unreachable;

/// Idle connections go before the servers' Jetty closes them after 30 s (its default; neither sets one).
const POOL_IDLE: Duration = Duration::from_secs(20);
/// To a service on this node or its subnet.
const CONNECT: Duration = Duration::from_secs(5);
/// The most bytes of one answer, lists of batches apart.
const MAX_BODY: usize = 4 << 20;

/// A body, up to its limit.
async fn read_body(mut response: Response) -> Result<Vec<u8>, Unreachable> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| Unreachable(chain(&error)))? {
        if body.len() + chunk.len() > MAX_BODY {
            return Err(Unreachable(format!("an answer of more than {MAX_BODY} bytes")));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// The innermost reason is the one that helps: "connection refused" rather than "error sending request".
fn chain(error: &reqwest::Error) -> String {
    let mut reason: &dyn std::error::Error = error;
    while let Some(source) = reason.source() {
        reason = source;
    }
    if error.is_timeout() { format!("timed out ({reason})") } else { reason.to_string() }
}

/// What all clients have in common: nothing is repeated or redirected by itself, and nothing goes through a proxy.
fn client(timeout: Duration) -> ClientBuilder {
    reqwest::Client::builder()
        .retry(retry::never())
        .redirect(redirect::Policy::none())
        .no_proxy()
        .http1_only()
        .tcp_nodelay(true)
        .connect_timeout(CONNECT.min(timeout))
        .pool_idle_timeout(POOL_IDLE)
}
