//! A Livy under test, as the cases of batches and of sessions talk to it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::{Reply, client};

/// The Livy under test. `E` is what is known of it.
pub(super) struct Peer<E> {
    pub(super) expect: E,
    client: reqwest::Client,
    url: String,
    run: String,
    names: AtomicUsize,
}

impl<E> Peer<E> {
    /// `kind`: what its names begin with. `patience`: how long an answer may take.
    pub(super) fn new(base_url: &str, expect: E, kind: &str, patience: Duration) -> Peer<E> {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock is past 1970");
        let run = format!("{kind}-{}", since.as_millis());
        Peer { expect, client: client(patience), url: base_url.to_owned(), run, names: AtomicUsize::new(0) }
    }

    /// A name that nothing has had.
    pub(super) fn name(&self) -> String {
        format!("{}-{}", self.run, self.names.fetch_add(1, Ordering::Relaxed))
    }

    pub(super) fn request(&self, method: &str, path: &str) -> reqwest::RequestBuilder {
        let method = method.parse().expect("a method");
        self.client.request(method, format!("{}{path}", self.url)).header("x-requested-by", "contract")
    }

    pub(super) async fn get(&self, path: &str) -> Reply {
        Reply::of(self.request("GET", path)).await
    }

    pub(super) async fn delete(&self, path: &str) -> Reply {
        Reply::of(self.request("DELETE", path)).await
    }
}
