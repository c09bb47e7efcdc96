//! What tests can see of batches, applications and the requests about them.

use std::time::Instant;

use serde_json::Value;

use super::application::Application;
use super::record::Record;
use super::{Livy, Master};
use crate::http::Call;

/// A batch as Livy knows it at this moment.
#[derive(Clone, Debug)]
pub struct Batch {
    /// Livy's number for it; not unique over restarts without recovery.
    pub id: u32,
    /// Its name.
    pub name: Option<String>,
    /// Livy's word for its state.
    pub state: String,
    /// The application, once Livy knows it.
    pub app_id: Option<String>,
    /// The whole log, with headings.
    pub log: Vec<String>,
    /// What was posted.
    pub request: Value,
    /// It was refused, and its record stayed behind.
    pub zombie: bool,
}

/// One POST /batches, also if it was refused or a fault befell it.
#[derive(Clone, Debug)]
pub struct Post {
    /// When it arrived.
    pub at: Instant,
    /// `name` of the body, or nothing.
    pub name: String,
    /// The body; null if it was no JSON.
    pub body: Value,
    /// The status that was answered, if any.
    pub status: Option<u16>,
    /// The id that was answered, if any.
    pub id: Option<u64>,
    /// The call itself: headers, connection, fault.
    pub call: Call,
}

/// One DELETE /batches/…, also if it was refused or a fault befell it.
#[derive(Clone, Debug)]
pub struct Delete {
    /// When it arrived.
    pub at: Instant,
    /// The name or id in its path.
    pub key: String,
    /// The status that was answered, if any.
    pub status: Option<u16>,
    /// The call itself.
    pub call: Call,
}

impl Livy {
    /// All batches that Livy knows, in the order of its list.
    pub fn batches(&self) -> Vec<Batch> {
        let world = self.shared.world();
        world.records.iter().map(|record| Batch::of(record, world.settings.master)).collect()
    }

    /// The batch of this name, or else the first whose name begins so.
    pub fn batch(&self, name: &str) -> Option<Batch> {
        let batches = self.batches();
        let fitting = |whole: bool| {
            let fits = move |found: &str| if whole { found == name } else { found.starts_with(name) };
            batches.iter().find(|batch| batch.name.as_deref().is_some_and(fits))
        };
        fitting(true).or_else(|| fitting(false)).cloned()
    }

    /// Livy's word for the state of the session whose name begins so, where there is one.
    pub fn session_state(&self, prefix: &str) -> Option<&'static str> {
        let world = self.shared.world();
        let fits = |name: &Option<String>| name.as_deref().is_some_and(|name| name.starts_with(prefix));
        world.sessions.iter().find(|session| fits(&session.name)).map(|session| session.state())
    }

    /// The first lines of all statements that a session of such a name was told, in their order.
    pub fn statements(&self, prefix: &str) -> Vec<String> {
        let mut calls = self.calls_of("POST /sessions/*/statements");
        calls.retain(|call| call.operation.key.starts_with(prefix) && call.status == Some(201));
        let first = |call: &Call| {
            let code = call.request.json();
            code["code"].as_str().unwrap_or_default().lines().next().unwrap_or_default().to_owned()
        };
        calls.iter().map(first).collect()
    }

    /// Every POST /batches so far.
    pub fn posts(&self) -> Vec<Post> {
        self.calls_of("POST /batches").into_iter().map(Post::of).collect()
    }

    /// Every POST /batches whose name begins so.
    pub fn posts_named(&self, prefix: &str) -> Vec<Post> {
        let mut calls = self.calls_of("POST /batches");
        calls.retain(|call| call.operation.key.starts_with(prefix));
        calls.into_iter().map(Post::of).collect()
    }

    /// Every DELETE of a batch so far.
    pub fn deletes(&self) -> Vec<Delete> {
        let calls = self.calls_of("DELETE /batches/*").into_iter();
        calls
            .map(|call| Delete { at: call.at, key: call.operation.key.clone(), status: call.status, call })
            .collect()
    }

    /// Everything that was ever started, whatever Livy knows of it.
    pub fn applications(&self) -> Vec<Application> {
        self.shared.world().applications.clone()
    }

    /// Everything that was ever started with this YARN tag.
    pub fn applications_tagged(&self, tag: &str) -> Vec<Application> {
        self.look_at_applications(|all| {
            all.iter().filter(|application| application.tags.contains(&tag.to_lowercase())).cloned().collect()
        })
    }

    /// What has not ended.
    pub fn live_applications(&self) -> Vec<Application> {
        self.look_at_applications(|all| {
            all.iter().filter(|application| application.is_live()).cloned().collect()
        })
    }

    /// What is made of everything that was ever started: after ten thousand jobs that is too much for a copy a look.
    pub(crate) fn look_at_applications<T>(&self, look: impl FnOnce(&[Application]) -> T) -> T {
        look(&self.shared.world().applications)
    }
}

impl Batch {
    fn of(record: &Record, master: Master) -> Self {
        Self {
            id: record.id,
            name: record.name.clone(),
            state: record.state.clone(),
            app_id: record.app_id.clone(),
            log: record.log(master),
            request: record.body.clone(),
            zombie: !record.started,
        }
    }
}

impl Post {
    fn of(call: Call) -> Self {
        let answer: Value =
            call.answer.as_deref().and_then(|body| serde_json::from_slice(body).ok()).unwrap_or_default();
        Self {
            at: call.at,
            name: call.operation.key.clone(),
            body: call.request.json(),
            status: call.status,
            id: answer["id"].as_u64(),
            call,
        }
    }
}
