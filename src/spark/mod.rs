//! The cluster: Livy, YARN, this node's processes, and the one sweep that follows all running jobs.

pub mod livy;
mod livy_wire;
pub mod processes;
pub mod watch;
pub mod yarn;

use reqwest::Response;

use crate::job::world::Unreachable;

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
