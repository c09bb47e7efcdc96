//! From a request about sessions to its answer.

use std::sync::Arc;
use std::time::Instant;

use serde_json::{Value, json};

use super::super::request::{Refusal, Submission};
use super::super::routes::{Found, number};
use super::super::settings::{Master, Settings};
use super::super::world::World;
use super::super::{Shared, views};
use super::{CLOSED, Driver, Paces, Session};
use crate::http::{Answer, Request};

impl Shared {
    /// What Livy answers to a request below `/sessions`.
    pub(in crate::livy) async fn answer_session(
        self: &Arc<Self>,
        method: &str,
        path: &[&str],
        request: &Request,
    ) -> Answer {
        let found = match (method, path) {
            ("GET" | "HEAD", []) => self.list_sessions(request),
            ("POST", []) => self.open(request),
            ("GET" | "HEAD", [key]) => self.with(key, |session, settings| Ok(session.view(settings))),
            ("GET" | "HEAD", [key, "state"]) => {
                self.with(key, |session, _| Ok(json!({ "id": session.id, "state": session.state() })))
            }
            ("GET" | "HEAD", [key, "log"]) => self.with(key, |session, _| {
                let log = ["stdout: ", "\nstderr: "];
                Ok(json!({ "id": session.id, "from": 0, "total": log.len(), "log": log }))
            }),
            ("POST", [key, "connect"]) => self.with(key, |session, settings| {
                active(session)?;
                session.active = Instant::now();
                Ok(session.view(settings))
            }),
            ("DELETE", [key]) => self.close(key).await,
            ("POST", [key, "statements"]) => self.say(key, request),
            ("GET" | "HEAD", [key, "statements", number]) => self.hear(key, number).await,
            (_, []) => Ok(views::no_such_method("POST, GET, HEAD")),
            (_, [_]) => Ok(views::no_such_method("DELETE, GET, HEAD")),
            (_, _) => Ok(views::no_such_path(false)),
        };
        found.unwrap_or_else(|refused| refused)
    }

    fn list_sessions(&self, request: &Request) -> Found<Answer> {
        let from = number(request, "from")?.unwrap_or(0);
        let size = number(request, "size")?.unwrap_or(100);
        let world = self.world();
        let shown = views::window(&world.sessions, from, size);
        let sessions: Vec<Value> = shown.iter().map(|session| session.view(&world.settings)).collect();
        let body = json!({ "from": from, "total": world.sessions.len(), "sessions": sessions });
        Ok(views::json_answer(200, &body))
    }

    fn open(self: &Arc<Self>, request: &Request) -> Found<Answer> {
        let version = self.world().settings.version;
        let refused = |refusal: Refusal| views::refused(&refusal, version);
        let (asked, kind) = Submission::read_session(&request.body).map_err(refused)?;
        let (submission, view) = self.change(|world| world.open(&asked, &kind)).map_err(refused)?;
        let location = format!("/sessions/{}", view["id"]);
        let shared = Arc::clone(self);
        self.runtime.spawn(async move {
            let Paces { found, idle } = Paces::USUAL;
            tokio::time::sleep(found).await;
            shared.change(|world| world.found(submission));
            tokio::time::sleep(idle - found).await;
            // Looking for a Python and starting threads block.
            let python = tokio::task::spawn_blocking(crate::interpreter::newest).await;
            if !shared.world().settings.sessions_hang {
                shared.change(|world| world.connect(submission, &python.expect("there is a Python")));
            }
        });
        Ok(views::json_answer(201, &view).with("location", location))
    }

    /// The JSON that `look` makes of a session.
    fn with(&self, key: &str, look: impl FnOnce(&mut Session, &Settings) -> Found<Value>) -> Found<Answer> {
        let mut world = self.world();
        let settings = world.settings.clone();
        let at = find(&world, key)?;
        look(&mut world.sessions[at], &settings).map(|view| views::json_answer(200, &view))
    }

    fn say(&self, key: &str, request: &Request) -> Found<Answer> {
        let mut world = self.world();
        let at = find(&world, key)?;
        let session = &mut world.sessions[at];
        active(session)?;
        let driver = match &session.driver {
            Some(driver) if session.word.is_none() => Arc::clone(driver),
            _ => {
                let text =
                    format!("java.lang.IllegalStateException: Session is in state {}", session.state());
                return Err(views::bare(500, &text));
            }
        };
        session.active = Instant::now();
        let code = request.json()["code"].as_str().unwrap_or_default().to_owned();
        let Some(view) = driver.take(&code) else { return Err(views::bare(500, CLOSED)) };
        let location = format!("/sessions/{}/statements/{}", session.id, view["id"]);
        Ok(views::json_answer(201, &view).with("location", location))
    }

    async fn hear(&self, key: &str, number: &str) -> Found<Answer> {
        let driver = self.driver(key).await?;
        let number = number.parse().map_err(|_| views::no_such_path(false))?;
        let lags = self.world().settings.outputs_lag;
        let Some(view) = driver.statement(number, lags) else { return Err(views::bare(500, CLOSED)) };
        if view.is_null() {
            return Err(views::bare(404, "Statement not found"));
        }
        let body = view.to_string();
        if body.len() > self.world().settings.rpc_max_size {
            // It never comes, and nothing comes after it.
            driver.close();
            std::future::pending::<()>().await;
        }
        Ok(views::json_answer(200, &view))
    }

    /// The driver of a session. While it has none, Livy waits for it, without a limit.
    async fn driver(&self, key: &str) -> Found<Arc<Driver>> {
        let mut changes = self.bell.subscribe();
        loop {
            {
                let world = self.world();
                let session = &world.sessions[find(&world, key)?];
                active(session)?;
                if let (Some(driver), None) = (&session.driver, session.word) {
                    return Ok(Arc::clone(driver));
                }
            }
            if changes.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }

    async fn close(&self, key: &str) -> Found<Answer> {
        let (submission, driver, limit) = {
            let mut world = self.world();
            let at = find(&world, key)?;
            let limit = world.settings.shutdown_timeout;
            let session = &mut world.sessions[at];
            let driver = session.driver.clone().filter(|driver| driver.statement(0, false).is_some());
            session.enter("shutting_down");
            session.ended = None;
            (session.submission, driver, limit)
        };
        self.bell.ring();
        if let Some(driver) = driver {
            // An interpreter at work cannot end: Livy waits, and then kills the application.
            let begun = Instant::now();
            while driver.is_busy() && begun.elapsed() < limit {
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            }
            self.change(|world| world.end_application(submission));
        }
        // Where the driver had not called back, or cannot be reached, nobody ends the application.
        self.change(|world| world.sessions.retain(|session| session.submission != submission));
        Ok(views::message(200, "deleted"))
    }
}

impl World {
    /// Starts a session, and returns what it was submitted as, and its view. The name is looked at only after that: a
    /// duplicate takes a number, and is ended again.
    fn open(&mut self, asked: &Submission, kind: &str) -> Result<(usize, Value), Refusal> {
        let id = self.next_session;
        self.next_session += 1;
        let name = asked.name()?;
        asked.prepare_session(&self.settings)?;
        if name.is_some() && self.sessions.iter().any(|session| session.name == name) {
            let name = name.unwrap_or_default();
            return Err(Refusal::Illegal(format!("Duplicate session name: Some({name}) for session {id}")));
        }
        let own_tag = format!("livy-session-{id}-{:08x}", self.sessions.len());
        let submission = self.submit(name.clone(), &own_tag, asked);
        let mut body = asked.body();
        body["kind"] = json!(kind);
        let session = Session {
            submission,
            id,
            name,
            body,
            app_id: None,
            word: None,
            driver: None,
            active: Instant::now(),
            ended: None,
            recovered: false,
        };
        let view = session.view(&self.settings);
        self.sessions.push(session);
        Ok((submission, view))
    }

    /// Livy has found the application.
    fn found(&mut self, submission: usize) {
        let id = self.application(submission).and_then(|application| application.id.clone());
        let yarn = self.settings.master == Master::Yarn;
        if let Some(session) = self.session(submission).filter(|_| yarn) {
            session.app_id = id;
        }
    }
}

/// A session by id, if the key is all digits, or else by name.
fn find(world: &World, key: &str) -> Found<usize> {
    let is_id = key.chars().all(|letter| letter.is_ascii_digit());
    let fits = |session: &Session| {
        if is_id { session.id.to_string() == key } else { session.name.as_deref() == Some(key) }
    };
    let at = world.sessions.iter().position(fits);
    at.ok_or_else(|| views::message(404, &format!("Session '{key}' not found.")))
}

fn active(session: &Session) -> Found<()> {
    if session.is_active() {
        return Ok(());
    }
    Err(views::message(400, "requirement failed: Session isn't active."))
}
