//! Interactive sessions: their records, and the drivers in which their statements run.

mod driver;
mod routes;

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::record::is_final;
use super::settings::{Master, Settings, Version};
use super::world::World;
use crate::interpreter::Python;
pub(super) use driver::Driver;

/// What Livy answers about a statement of a session whose driver it cannot reach.
const CLOSED: &str = "java.lang.IllegalStateException: RPC channel is closed.";

/// Livy's record of a session.
#[derive(Clone, Debug)]
pub(super) struct Session {
    pub(super) submission: usize,
    pub(super) id: u32,
    pub(super) name: Option<String>,
    pub(super) body: Value,
    pub(super) app_id: Option<String>,
    /// What Livy itself says of it; else the state is the driver's.
    pub(super) word: Option<&'static str>,
    /// The driver, once it has called back.
    pub(super) driver: Option<Arc<Driver>>,
    /// The last activity, as Livy counts it.
    pub(super) active: Instant,
    pub(super) ended: Option<Instant>,
    /// Livy was restarted since: before 0.8, and again from 0.9 on, nobody looks at its application.
    pub(super) recovered: bool,
}

impl Session {
    /// Livy's word for its state.
    pub(super) fn state(&self) -> &'static str {
        let driver = || self.driver.as_ref().map_or("starting", |driver| driver.state());
        self.word.unwrap_or_else(driver)
    }

    /// Whether statements are answered.
    pub(super) fn is_active(&self) -> bool {
        !matches!(self.state(), "shutting_down" | "dead" | "killed")
    }

    pub(super) fn enter(&mut self, word: &'static str) {
        self.word = Some(word);
        self.ended = is_final(word).then(Instant::now);
    }

    /// As POST, GET and the list show it.
    pub(super) fn view(&self, settings: &Settings) -> Value {
        let yarn = self.app_id.as_deref().filter(|_| settings.master == Master::Yarn);
        let log = yarn.map(|id| {
            let container = id.replacen("application", "container", 1);
            format!("http://localhost:8042/node/containerlogs/{container}_01_000001/hadoop")
        });
        let mut view = json!({
            "id": self.id,
            "name": self.name,
            "appId": self.app_id,
            "owner": null,
            "proxyUser": null,
            "state": self.state(),
            "kind": self.kind(),
            "appInfo": {
                "driverLogUrl": log,
                "sparkUiUrl": yarn.map(|id| format!("http://localhost:8088/proxy/{id}/")),
            },
            "log": ["stdout: ", "\nstderr: "],
        });
        if settings.version >= Version::V0_8 {
            view["ttl"] = Value::Null;
            for key in ["driverMemory", "driverCores", "executorMemory", "executorCores", "conf", "queue"] {
                view[key] = self.body[key].clone();
            }
        }
        view
    }

    fn kind(&self) -> &str {
        self.body["kind"].as_str().unwrap_or("shared")
    }
}

impl World {
    /// The record of a session, by what it was submitted as.
    pub(super) fn session(&mut self, submission: usize) -> Option<&mut Session> {
        self.sessions.iter_mut().find(|session| session.submission == submission)
    }

    /// The driver has called back, from an application that runs.
    pub(super) fn connect(&mut self, submission: usize, python: &Python) {
        let lives = self.application(submission).is_some_and(|application| {
            application.follow("running");
            application.is_live()
        });
        let retained = self.settings.retained_statements;
        let bell = self.bell.clone();
        if let Some(session) = self.session(submission).filter(|_| lives) {
            session.driver = Some(Driver::start(python.clone(), retained, bell));
            session.active = Instant::now();
        }
    }

    /// An application is gone, and its driver with it.
    pub(super) fn driver_dies(&mut self, submission: usize) {
        let unwatched = self.settings.version != Version::V0_8;
        let Some(session) = self.session(submission) else { return };
        if let Some(driver) = &session.driver {
            driver.kill();
        }
        if !(session.recovered && unwatched) {
            session.enter("killed");
        }
    }

    /// Ends what nobody has used for too long, and forgets what ended long enough ago.
    pub(super) fn collect_sessions(&mut self) {
        let (timeout, retain) = (self.settings.session_timeout, self.settings.retain);
        let idle: Vec<usize> = self
            .sessions
            .iter()
            .filter(|session| {
                let active =
                    session.driver.as_ref().map_or(session.active, |driver| driver.active(session.active));
                active.elapsed() > timeout
            })
            .map(|session| session.submission)
            .collect();
        for submission in idle {
            self.end_application(submission);
            self.sessions.retain(|session| session.submission != submission);
        }
        self.sessions.retain(|session| session.ended.is_none_or(|ended| ended.elapsed() < retain));
    }

    /// The driver is asked to end: it ends by itself where no statement runs.
    pub(super) fn end_application(&mut self, submission: usize) {
        let driver = self.session(submission).and_then(|session| session.driver.clone());
        let busy = driver.as_ref().is_some_and(|driver| driver.is_busy());
        if let Some(driver) = driver {
            driver.kill();
        }
        if let Some(application) = self.application(submission).filter(|application| application.is_live()) {
            application.follow(if busy { "killed" } else { "success" });
        }
    }

    /// Livy dies and comes back: statements live in drivers, not in Livy.
    pub(super) fn restart_sessions(&mut self, recovery: bool) {
        if !recovery {
            self.sessions.clear();
            self.next_session = 0;
            return;
        }
        for session in &mut self.sessions {
            session.recovered = true;
            // Without the driver's address there is nothing to come back to.
            session.enter(if session.driver.is_some() { "recovering" } else { "dead" });
        }
    }

    /// The drivers have answered.
    pub(super) fn sessions_recovered(&mut self) {
        self.sessions.iter_mut().filter(|session| session.word == Some("recovering")).for_each(|session| {
            session.word = None;
        });
    }
}

/// How long what takes its time in a session takes here.
#[derive(Clone, Copy, Debug)]
pub(super) struct Paces {
    /// From the POST to the application's id, and to a driver that has called back.
    pub(super) found: Duration,
    pub(super) idle: Duration,
}

impl Paces {
    pub(super) const USUAL: Paces =
        Paces { found: Duration::from_millis(50), idle: Duration::from_millis(150) };
}
