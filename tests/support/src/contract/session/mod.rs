//! What every Livy must answer about sessions, by release and master.

mod life;
mod speaking;

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::{Reply, cases, eventually, run};
use crate::livy::{Master, Version};

/// What is known of the Livy under test.
#[derive(Clone, Debug)]
pub struct Expect {
    /// Its release.
    pub version: Version,
    /// Where its drivers run.
    pub master: Master,
    /// How long a session may take to become idle, and a statement to end that does nothing.
    pub within: Duration,
}

/// Runs all cases against the Livy at `base_url`, which nobody else uses meanwhile; returns their names.
///
/// # Panics
/// If a case fails.
pub async fn cases(base_url: &str, expect: &Expect) -> Vec<&'static str> {
    let patience = Duration::from_secs(60);
    let peer = Arc::new(Peer::new(base_url, expect.clone(), "session", patience));
    run(cases![peer;
        life::a_session_is_opened_found_and_deleted,
        life::a_name_is_taken_once,
        life::what_is_not_there_is_a_404,
        life::a_statement_for_a_session_that_starts_is_refused,
        life::a_session_that_is_deleted_in_mid_statement_is_gone,
        speaking::statements_are_numbered_and_echoed,
        speaking::errors_have_a_name_a_value_and_a_traceback,
        speaking::magics_give_json_and_false_successes,
        speaking::a_line_on_standard_output_shifts_every_later_answer,
        speaking::what_cannot_be_json_ends_the_interpreter,
    ])
    .await
}

/// The Livy under test.
type Peer = super::peer::Peer<Expect>;

impl Peer {
    async fn post(&self, path: &str, body: &Value) -> Reply {
        let request = self.request("POST", path).header("content-type", "application/json");
        Reply::of(request.body(body.to_string())).await
    }

    /// Opens a session that starts.
    async fn open(&self) -> (String, Value) {
        let name = self.name();
        let reply = self.post("/sessions", &json!({ "kind": "pyspark", "name": name })).await;
        assert_eq!(reply.status, 201, "{reply:?}");
        let view = reply.json();
        assert_eq!(reply.header("location"), format!("/sessions/{}", view["id"]));
        (name, view)
    }

    /// Opens a session, and waits until it is idle.
    async fn idle(&self) -> String {
        let (name, _) = self.open().await;
        let path = format!("/sessions/{name}/state");
        let idle = || async { (self.get(&path).await.json()["state"] == "idle").then_some(()) };
        eventually(self.expect.within, "an idle session", idle).await;
        name
    }

    async fn say(&self, name: &str, code: &str) -> Value {
        let reply = self.post(&format!("/sessions/{name}/statements"), &json!({ "code": code })).await;
        assert_eq!(reply.status, 201, "{reply:?}");
        reply.json()
    }

    /// The output of a statement.
    async fn run(&self, name: &str, code: &str) -> Value {
        let number = &self.say(name, code).await["id"];
        let path = format!("/sessions/{name}/statements/{number}");
        // Fields are copied for Livy one by one: for a moment `available` can have no output yet.
        let ended = || async {
            let view = self.get(&path).await.json();
            (view["state"] == "available" && !view["output"].is_null()).then(|| view["output"].clone())
        };
        eventually(self.expect.within, code, ended).await
    }

    async fn assert_absent(&self, name: &str) {
        let reply = self.get(&format!("/sessions/{name}")).await;
        let missing = json!({ "msg": format!("Session '{name}' not found.") });
        assert_eq!((reply.status, reply.json()), (404, missing), "{reply:?}");
    }

    async fn ends(&self, name: &str) {
        let reply = self.delete(&format!("/sessions/{name}")).await;
        assert_eq!((reply.status, reply.json()), (200, json!({ "msg": "deleted" })), "{reply:?}");
        self.assert_absent(name).await;
    }
}
