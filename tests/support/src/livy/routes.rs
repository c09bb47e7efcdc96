//! From a request to its answer.

use std::sync::Arc;

use serde_json::{Value, json};

use super::request::{Refusal, Submission};
use super::settings::Master;
use super::world::World;
use super::{Shared, views};
use crate::http::{Answer, Answering, Operation, Request, Service, decoded};

/// Why DELETE and the reads of one batch end early: the answer says it.
pub(super) type Found<T> = Result<T, Answer>;

impl Service for Shared {
    fn operation(&self, request: &Request) -> Operation {
        let path = segments(&request.path);
        let (place, key) = match path.iter().map(String::as_str).collect::<Vec<_>>()[..] {
            ["batches"] => {
                let name = request.json()["name"].as_str().unwrap_or_default().to_owned();
                ("/batches".to_owned(), name)
            }
            ["batches", key] => ("/batches/*".to_owned(), key.to_owned()),
            ["batches", key, part] => (format!("/batches/*/{part}"), key.to_owned()),
            ["sessions"] => {
                let name = request.json()["name"].as_str().unwrap_or_default().to_owned();
                ("/sessions".to_owned(), name)
            }
            ["sessions", key] => ("/sessions/*".to_owned(), key.to_owned()),
            ["sessions", key, part] => (format!("/sessions/*/{part}"), key.to_owned()),
            ["sessions", key, part, _] => (format!("/sessions/*/{part}/*"), key.to_owned()),
            _ => (request.path.clone(), String::new()),
        };
        Operation { name: format!("{} {place}", request.method), key }
    }

    fn answer(self: Arc<Self>, request: Arc<Request>) -> Answering {
        Box::pin(async move {
            self.change(World::collect_garbage);
            if let Some(refused) = self.filter(&request) {
                return refused;
            }
            let path = segments(&request.path);
            let path: Vec<&str> = path.iter().map(String::as_str).collect();
            match (request.method.as_str(), &path[..]) {
                ("GET" | "HEAD", []) => Answer::empty(302).with("location", "/ui"),
                ("GET" | "HEAD", ["version"]) => {
                    views::json_answer(200, &views::version(self.world().settings.version))
                }
                ("GET" | "HEAD", ["batches"]) => self.list(&request).unwrap_or_else(|refused| refused),
                ("POST", ["batches"]) => self.create(&request).await,
                ("GET" | "HEAD", ["batches", key]) => self.show(key, &request, None),
                ("GET" | "HEAD", ["batches", key, part @ ("state" | "log")]) => {
                    self.show(key, &request, Some(part))
                }
                ("DELETE", ["batches", key]) => self.delete(key).await,
                (method, ["sessions", rest @ ..]) => self.answer_session(method, rest, &request).await,
                (_, ["version"] | ["batches", _, "state" | "log"]) => views::no_such_method("GET, HEAD"),
                (_, ["batches"]) => views::no_such_method("POST, GET, HEAD"),
                (_, ["batches", _]) => views::no_such_method("DELETE, GET, HEAD"),
                (_, path) => views::no_such_path(path.first() == Some(&"batches")),
            }
        })
    }
}

fn segments(path: &str) -> Vec<String> {
    path.split('/').filter(|part| !part.is_empty()).map(decoded).collect()
}

impl Shared {
    /// What stands before all routes.
    fn filter(&self, request: &Request) -> Option<Answer> {
        let reads = matches!(request.method.as_str(), "GET" | "HEAD" | "OPTIONS");
        if self.world().settings.csrf && !reads && request.header("x-requested-by").is_none() {
            let text = "Missing Required Header for CSRF protection.";
            return Some(views::page(400, &request.path, text));
        }
        let version =
            request.header("accept")?.strip_prefix("application/vnd.livy.v")?.strip_suffix("+json")?;
        (version != "0.1").then(|| views::message(406, &format!("No value found for '{version}'")))
    }

    fn list(&self, request: &Request) -> Found<Answer> {
        let from = number(request, "from")?.unwrap_or(0);
        let size = number(request, "size")?.unwrap_or(100);
        let world = self.world();
        let shown = views::window(&world.records, from, size);
        let sessions: Vec<Value> = shown.iter().map(|record| views::batch(record, &world.settings)).collect();
        let body = json!({ "from": from, "total": world.records.len(), "sessions": sessions });
        Ok(views::json_answer(200, &body))
    }

    fn show(&self, key: &str, request: &Request, part: Option<&str>) -> Answer {
        let shown = || {
            let world = self.world();
            let record = &world.records[find(&world, key)?];
            Ok(match part {
                None => views::batch(record, &world.settings),
                Some("state") => json!({ "id": record.id, "state": record.state }),
                Some(_) => {
                    let (from, size) = (number(request, "from")?, number(request, "size")?);
                    views::log(record, world.settings.master, from, size)
                }
            })
        };
        shown().map_or_else(|refused| refused, |body| views::json_answer(200, &body))
    }

    async fn create(self: &Arc<Self>, request: &Request) -> Answer {
        // Livy creates one batch at a time.
        let _turn = self.creating.lock().await;
        let (version, takes) = {
            let world = self.world();
            if world.children() >= world.settings.max_creation {
                return views::message(400, "Rejected, too many sessions are being created!");
            }
            (world.settings.version, world.settings.start_takes)
        };
        // A form's body is gone before Livy reads it.
        let form = request
            .header("content-type")
            .is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"));
        let registered = Submission::read(if form { &[] } else { &request.body })
            .and_then(|asked| Ok((self.register(&asked)?, asked)));
        let (submission, asked) = match registered {
            Ok(registered) => registered,
            Err(refusal) => return views::refused(&refusal, version),
        };
        if !takes.is_zero() {
            tokio::time::sleep(takes).await;
        }
        match self.launch(submission, &asked) {
            Ok(view) => {
                let location = format!("/batches/{}", view["id"]);
                views::json_answer(201, &view).with("location", location)
            }
            Err(refusal) => views::refused(&refusal, version),
        }
    }

    fn register(&self, asked: &Submission) -> Result<usize, Refusal> {
        self.change(|world| {
            let id = world.take_id();
            if world.settings.logs_at_info {
                asked.log()?;
            }
            let name = asked.name()?;
            if name.is_some() && world.records.iter().any(|record| record.name == name) {
                let name = name.unwrap_or_default();
                return Err(Refusal::Illegal(format!(
                    "Duplicate session name: Some({name}) for session {id}"
                )));
            }
            Ok(world.register(id, name, asked.body()))
        })
    }

    /// Starts what was registered; a refusal leaves the record behind, `starting` without end.
    fn launch(self: &Arc<Self>, submission: usize, asked: &Submission) -> Result<Value, Refusal> {
        let (view, timeline) = self.change(|world| {
            asked.prepare(&world.settings)?;
            if let Some(record) = world.record(submission) {
                record.stored = true;
            }
            asked.start(&world.settings)?;
            let timeline = world.launch(submission, asked);
            let settings = world.settings.clone();
            if settings.master == Master::Local {
                // Beside Livy itself a job runs before the POST is answered.
                let at_once = timeline.iter().take_while(|(at, _)| at.is_zero()).take(1);
                at_once.for_each(|(_, event)| world.happen(submission, event.clone()));
            }
            let view = world.record(submission).map(|record| views::batch(record, &settings));
            Ok((view.unwrap_or(Value::Null), timeline))
        })?;
        self.drive(submission, timeline);
        Ok(view)
    }

    async fn delete(&self, key: &str) -> Answer {
        let submission = {
            let world = self.world();
            match find(&world, key) {
                Ok(at) => world.records[at].submission,
                Err(refused) => return refused,
            }
        };
        self.find_application(submission).await;
        let kill_takes = self.world().settings.kill_takes;
        if !kill_takes.is_zero() {
            tokio::time::sleep(kill_takes).await;
        }
        self.change(|world| {
            let spared = world.settings.kill_fails;
            if let Some(application) = world.application(submission).filter(|app| app.is_live() && !spared) {
                application.follow("killed");
            }
            world.records.retain(|record| record.submission != submission);
        });
        views::message(200, "deleted")
    }

    /// On YARN a kill waits until the application is known, for as long as Livy looks for one.
    async fn find_application(&self, submission: usize) {
        let mut changes = self.bell.subscribe();
        let limit = {
            let world = self.world();
            if world.settings.master == Master::Local {
                return;
            }
            world.settings.lookup_timeout
        };
        let found = async {
            loop {
                let unknown = self
                    .world()
                    .record(submission)
                    .is_some_and(|record| record.started && !record.is_final() && record.app_id.is_none());
                if !unknown || changes.changed().await.is_err() {
                    return;
                }
            }
        };
        // After that Livy gives the kill up, and says "deleted" all the same.
        let _ = tokio::time::timeout(limit, found).await;
    }
}

/// A batch by id, if the key is all digits, or else by name.
fn find(world: &World, key: &str) -> Found<usize> {
    let at = if key.chars().all(|letter| letter.is_ascii_digit()) {
        let id = key.parse::<i32>().map_err(|_| not_a_number(key))?;
        world.records.iter().position(|record| i64::from(record.id) == i64::from(id))
    } else {
        world.records.iter().position(|record| record.name.as_deref() == Some(key))
    };
    at.ok_or_else(|| views::message(404, &format!("Session '{key}' not found.")))
}

pub(super) fn number(request: &Request, name: &str) -> Found<Option<i64>> {
    let Some(text) = request.parameter(name) else { return Ok(None) };
    text.parse::<i32>().map(|number| Some(number.into())).map_err(|_| not_a_number(&text))
}

fn not_a_number(text: &str) -> Answer {
    views::message(400, &format!("For input string: \"{text}\""))
}
