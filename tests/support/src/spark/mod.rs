//! Spark's own REST interface: the history server, and what a driver shows while it lives, which YARN's stand-in has
//! below `/proxy/<id>/` ([`crate::yarn::Yarn::show`]).
//!
//! Operations are named `GET /applications/*`, `GET /applications/*/jobs`, `…/stages`, `…/taskList` (key: the
//! application's id), `GET /applications` and `GET /version`; the paths begin with `/api/v1`.
//!
//! It answers as Spark 3.5 does (`contract::history` runs against both), or as Spark 2.4 where a test says so.

mod routes;
mod views;

use std::collections::BTreeMap;
use std::ops::Deref;
use std::sync::{Arc, Mutex, MutexGuard};

use crate::http::{Bell, Server};

pub use views::{Application, FailedTask};

/// The stand-in for the history server, and what drivers know.
#[derive(Clone)]
pub struct Spark {
    server: Server,
    shared: Arc<Shared>,
}

#[derive(Default)]
pub(crate) struct Shared {
    mind: Mutex<Mind>,
}

#[derive(Default)]
struct Mind {
    applications: BTreeMap<String, Application>,
    /// So many questions find that the event log has not been looked at.
    unseen: usize,
    spark_2: bool,
}

impl Shared {
    fn mind(&self) -> MutexGuard<'_, Mind> {
        self.mind.lock().expect("nobody panics while changing a mind")
    }
}

/// The server's own powers: faults, outages, recorded calls.
impl Deref for Spark {
    type Target = Server;

    fn deref(&self) -> &Server {
        &self.server
    }
}

impl Spark {
    /// Starts a history server that knows nothing.
    pub async fn start() -> Self {
        let shared = Arc::new(Shared::default());
        let service = Arc::clone(&shared);
        Self { server: Server::start(None, Bell::default(), |_| service).await, shared }
    }

    /// What there is to know of an application: its event log, and what its driver shows.
    pub fn knows(&self, id: &str, application: Application) {
        self.shared.mind().applications.insert(id.to_owned(), application);
    }

    /// The same for every application that it is asked about and does not know.
    pub fn knows_all(&self, application: Application) {
        self.knows(views::ANY, application);
    }

    /// The next `questions` about an application find that its event log was not looked at yet
    /// (`spark.history.fs.update.interval`).
    pub fn looks_later(&self, questions: usize) {
        self.shared.mind().unseen = questions;
    }

    /// Answers as Spark 2.4 did: lists of tasks know no states.
    pub fn is_spark_2(&self) {
        self.shared.mind().spark_2 = true;
    }

    pub(crate) fn shared(&self) -> Arc<Shared> {
        Arc::clone(&self.shared)
    }
}
