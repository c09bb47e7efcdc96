//! Clients for the cluster: Livy, YARN, Spark itself and this node's processes.

pub mod address;
pub mod addresses;
pub mod connection;
pub mod driver_log;
pub mod history;
mod history_wire;
pub mod livy;
mod livy_wire;
pub mod presigned;
pub mod processes;
pub mod sessions;
mod sessions_wire;
pub mod tls;
pub mod yarn;

use std::io::{self, Read};

use reqwest::Response;
use tokio::sync::mpsc;

use crate::job::world::Unreachable;
use connection::reason;

/// The most bytes of one answer, lists of batches apart.
const MAX_BODY: usize = 4 << 20;

/// A body, up to the usual limit.
async fn read_body(response: Response) -> Result<Vec<u8>, Unreachable> {
    read_at_most(response, MAX_BODY).await
}

/// A body, up to `limit` bytes.
async fn read_at_most(mut response: Response, limit: usize) -> Result<Vec<u8>, Unreachable> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| Unreachable(reason(&error)))? {
        if body.len() + chunk.len() > limit {
            return Err(Unreachable(format!("an answer of more than {limit} bytes")));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// A long JSON body, parsed as it streams in, so that memory follows what is kept of it.
async fn read_streaming<T: Send + 'static>(
    mut response: Response,
    parse: impl FnOnce(Chunks) -> Result<T, serde_json::Error> + Send + 'static,
) -> Result<T, Unreachable> {
    let (feed, chunks) = mpsc::channel(4);
    let parser = tokio::task::spawn_blocking(move || parse(Chunks { chunks, rest: Vec::new(), at: 0 }));
    loop {
        match response.chunk().await {
            // A parser that has left says why below.
            Ok(Some(chunk)) => {
                if feed.send(chunk.to_vec()).await.is_err() {
                    break;
                }
            }
            Ok(None) => break,
            Err(error) => return Err(Unreachable(reason(&error))),
        }
    }
    drop(feed);
    match parser.await {
        Ok(parsed) => parsed.map_err(|error| unparsable(&error)),
        Err(panic) => Err(Unreachable(panic.to_string())),
    }
}

fn unparsable(error: &serde_json::Error) -> Unreachable {
    Unreachable(format!("an answer that cannot be understood: {error}"))
}

/// Chunks of a body as a blocking reader.
struct Chunks {
    chunks: mpsc::Receiver<Vec<u8>>,
    rest: Vec<u8>,
    at: usize,
}

impl Read for Chunks {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while self.at == self.rest.len() {
            match self.chunks.blocking_recv() {
                Some(chunk) => (self.rest, self.at) = (chunk, 0),
                None => return Ok(0),
            }
        }
        let count = out.len().min(self.rest.len() - self.at);
        out[..count].copy_from_slice(&self.rest[self.at..self.at + count]);
        self.at += count;
        Ok(count)
    }
}
