//! What every ResourceManager must answer about the applications behind a Livy: found, followed, counted and killed.
//!
//! The applications are started by the Livy in front of it, once for all cases: on a real cluster each takes some 15 s.

mod cluster;
mod killing;
mod life;
mod listing;
mod rights;
mod standby;

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use super::{Reply, cases, client, eventually, run};
pub use rights::Restricted;
pub use standby::{leaderless, standby};

/// What the worker asks for: everything that has not ended.
const ACTIVE: &str = "NEW,NEW_SAVING,SUBMITTED,ACCEPTED,RUNNING";
const ENDED: [&str; 3] = ["FINISHED", "FAILED", "KILLED"];
/// It runs, or never will.
const RUNNING: [&str; 4] = ["RUNNING", "FINISHED", "FAILED", "KILLED"];

/// What is known of the cluster under test. Jobs are bodies of Livy's `POST /batches`, without name and tags.
#[derive(Clone, Debug)]
pub struct Expect {
    /// A job that succeeds.
    pub succeeds: Value,
    /// A job that fails.
    pub fails: Value,
    /// A job that fails with diagnostics of at least [`Expect::letters`].
    pub verbose: Value,
    /// A job that runs for much longer than all cases.
    pub stays: Value,
    /// How long the longest diagnostics are at least, before YARN cuts them.
    pub letters: usize,
    /// How long a job may take to reach a state.
    pub within: Duration,
}

impl Expect {
    /// A cluster whose jobs obey their arguments; one whose name begins with `contract-verbose` has diagnostics of 200,000
    /// letters.
    pub fn scripted(file: &str) -> Self {
        let job = |arguments: &[&str]| json!({ "file": file, "args": arguments });
        Self {
            succeeds: job(&["sleep=0.5"]),
            fails: job(&["sleep=0.5", "exit=1"]),
            verbose: job(&["sleep=0.5", "exit=1"]),
            stays: job(&["sleep=600"]),
            letters: 200_000,
            within: Duration::from_secs(20),
        }
    }
}

/// Runs all cases against the ResourceManager at `manager`, behind the Livy at `livy`; returns their names.
///
/// # Panics
/// If a case fails.
pub async fn cases(manager: &str, livy: &str, expect: &Expect) -> Vec<&'static str> {
    let client = Client::new(manager, livy, expect.within);
    let (succeeded, failed, verbose, stays) = tokio::join!(
        client.follow("succeeds", &expect.succeeds, &ENDED),
        client.follow("fails", &expect.fails, &ENDED),
        client.follow("verbose", &expect.verbose, &ENDED),
        client.follow("stays", &expect.stays, &RUNNING),
    );
    let peer = Arc::new(Peer { client, letters: expect.letters, succeeded, failed, verbose, stays });
    run(cases![peer;
        cluster::it_tells_since_when_it_is_up_and_what_it_keeps,
        cluster::what_is_nowhere_is_a_page,
        listing::a_tag_is_found_in_any_case_and_whole,
        listing::tags_are_alternatives,
        listing::nothing_is_an_empty_object,
        listing::states_choose_among_them,
        listing::an_unknown_state_is_a_400,
        listing::what_is_not_there_is_a_404,
        listing::what_is_no_id_is_a_400,
        life::states_come_in_order,
        life::an_end_has_a_final_status,
        life::times_are_in_order,
        life::costs_are_counted,
        life::of_long_diagnostics_the_end_is_kept,
        life::logs_and_pages_are_named,
        killing::only_a_kill_is_taken,
        killing::a_kill_ends_it,
        killing::what_has_ended_stays_as_it_ended,
    ])
    .await
}

/// The cluster under test, and what was started on it.
struct Peer {
    client: Client,
    letters: usize,
    succeeded: Life,
    failed: Life,
    verbose: Life,
    /// Runs until a case kills it.
    stays: Life,
}

/// An application, and how it was seen by its tag until it was where it should be.
struct Life {
    tag: String,
    name: String,
    id: String,
    seen: Vec<Value>,
}

impl Life {
    fn last(&self) -> &Value {
        self.seen.last().expect("it was seen")
    }

    fn url(&self) -> String {
        format!("/apps/{}", self.id)
    }
}

/// Who asks.
#[derive(Clone)]
struct Client {
    client: reqwest::Client,
    manager: String,
    livy: String,
    within: Duration,
}

impl Client {
    fn new(manager: &str, livy: &str, within: Duration) -> Self {
        let client = client(Duration::from_secs(60));
        Self { client, manager: manager.to_owned(), livy: livy.to_owned(), within }
    }

    async fn get(&self, path: &str) -> Reply {
        let url = format!("{}/ws/v1/cluster{path}", self.manager);
        Reply::of(self.client.get(url).header("accept", "application/json")).await
    }

    async fn put(&self, path: &str, body: &Value) -> Reply {
        let url = format!("{}/ws/v1/cluster{path}", self.manager);
        let request = self.client.put(url).header("accept", "application/json");
        Reply::of(request.header("content-type", "application/json").body(body.to_string())).await
    }

    /// The applications that a query finds.
    async fn list(&self, query: &str) -> Vec<Value> {
        let reply = self.get(&format!("/apps?{query}")).await;
        assert_eq!((reply.status, is_json(&reply)), (200, true), "{reply:?}");
        reply.json()["apps"]["app"].as_array().cloned().unwrap_or_default()
    }

    /// An application by its id.
    async fn application(&self, path: &str) -> Value {
        let reply = self.get(path).await;
        assert_eq!((reply.status, is_json(&reply)), (200, true), "{reply:?}");
        reply.json()["app"].take()
    }

    /// Starts a job with a tag of its own, and looks at its application until it is in one of these states.
    async fn follow(&self, kind: &str, job: &Value, until: &[&str]) -> Life {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock is past 1970");
        let name = format!("contract-{kind}-{}", since.as_millis());
        let tag = format!("Contract-{kind}-{}", since.as_millis());
        let mut body = job.clone();
        body["name"] = json!(name);
        body["conf"]["spark.yarn.tags"] = json!(format!("{tag},contract-yarn"));
        body["conf"]["spark.yarn.maxAppAttempts"] = json!("1");
        let posted = self.client.post(format!("{}/batches", self.livy)).header("x-requested-by", "contract");
        let posted =
            Reply::of(posted.header("content-type", "application/json").body(body.to_string())).await;
        assert_eq!(posted.status, 201, "{posted:?}");
        let mut seen: Vec<Value> = Vec::new();
        let there = async || {
            let found = self.list(&format!("applicationTags={tag}")).await;
            assert!(found.len() <= 1, "{found:?}");
            found.into_iter().next()
        };
        let begun = std::time::Instant::now();
        loop {
            if let Some(view) = there().await {
                let there = until.iter().any(|state| view["state"] == *state);
                seen.push(view);
                if there {
                    break;
                }
            }
            assert!(begun.elapsed() < self.within, "{name} does not get there: {:?}", seen.last());
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
        let id = seen[0]["id"].as_str().expect("an id").to_owned();
        Life { tag, name, id, seen }
    }

    /// Waits until an application has ended; its last view.
    async fn ended(&self, path: &str) -> Value {
        let over = || async {
            let view = self.application(path).await;
            ENDED.iter().any(|state| view["state"] == *state).then_some(view)
        };
        eventually(self.within, "an end", over).await
    }
}

fn is_json(reply: &Reply) -> bool {
    reply.header("content-type").starts_with("application/json")
}

fn number(view: &Value, key: &str) -> u64 {
    view[key].as_u64().unwrap_or_else(|| panic!("no {key}: {view}"))
}

/// Asserts an exception by name, and how its message begins.
fn assert_exception(reply: &Reply, status: u16, name: &str, message: &str) {
    let said = reply.json()["RemoteException"].take();
    assert_eq!((reply.status, is_json(reply), &said["exception"]), (status, true, &json!(name)), "{reply:?}");
    assert!(said["message"].as_str().is_some_and(|said| said.starts_with(message)), "{reply:?}");
    let class = format!("org.apache.hadoop.yarn.webapp.{name}");
    assert_eq!(said["javaClassName"], json!(class));
}
