//! From a request to its answer.

use std::sync::Arc;

use serde_json::{Value, json};

use super::views::{ANY, Application};
use super::{Shared, views};
use crate::http::{Answer, Answering, Operation, Request, Service, decoded};

/// Of jobs, stages and tasks (`JobExecutionStatus`, `StageStatus`, `TaskStatus`).
const STATES: [&str; 9] =
    ["RUNNING", "SUCCEEDED", "FAILED", "UNKNOWN", "ACTIVE", "COMPLETE", "PENDING", "SKIPPED", "KILLED"];

impl Service for Shared {
    fn operation(&self, request: &Request) -> Operation {
        let path = place(request);
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        let (place, key) = path.strip_prefix(&["api", "v1"]).map_or_else(|| ("", ""), operation);
        let place = if place.is_empty() { request.path.as_str() } else { place };
        Operation { name: format!("{} {place}", request.method), key: key.to_owned() }
    }

    fn answer(self: Arc<Self>, request: Arc<Request>) -> Answering {
        Box::pin(async move {
            let path = place(&request);
            let path: Vec<&str> = path.iter().map(String::as_str).collect();
            match path.strip_prefix(&["api", "v1"]) {
                Some(path) => self.ask(path, &request, false),
                None => views::nowhere(),
            }
        })
    }
}

/// The parts of a path.
fn place(request: &Request) -> Vec<String> {
    request.path.split('/').filter(|part| !part.is_empty()).map(decoded).collect()
}

/// What is asked for below `/api/v1`, and about which application.
fn operation<'a>(path: &[&'a str]) -> (&'static str, &'a str) {
    match path {
        ["version"] => ("/version", ""),
        ["applications"] => ("/applications", ""),
        ["applications", id, .., "jobs"] => ("/applications/*/jobs", id),
        ["applications", id, .., "stages"] => ("/applications/*/stages", id),
        ["applications", id, .., "taskList"] => ("/applications/*/taskList", id),
        ["applications", id, ..] => ("/applications/*", id),
        _ => ("", ""),
    }
}

impl Shared {
    /// The answer to a question below `/api/v1`; `live`: of the driver itself, which knows no tries.
    pub(crate) fn ask(&self, path: &[&str], request: &Request, live: bool) -> Answer {
        match path {
            ["version"] => {
                let version = if self.mind().spark_2 { "2.4.8" } else { "3.5.6" };
                views::answer(200, &json!({ "spark": version }))
            }
            ["applications"] => {
                let limit = request.parameter("limit").and_then(|limit| limit.parse().ok());
                let mind = self.mind();
                let known = mind.applications.iter().filter(|(id, _)| *id != ANY);
                let known = known.map(|(id, application)| application.view(id));
                views::answer(200, &Value::Array(known.take(limit.unwrap_or(usize::MAX)).collect()))
            }
            ["applications", id] => match self.find(id, live) {
                Some(application) => views::answer(200, &application.view(id)),
                None => views::refusal(&format!("unknown app: {id}")),
            },
            ["applications", id, rest @ ..] => self.about(id, rest, request, live),
            _ => views::nowhere(),
        }
    }

    fn find(&self, id: &str, live: bool) -> Option<Application> {
        let mut mind = self.mind();
        if mind.unseen > 0 && !live {
            mind.unseen -= 1;
            return None;
        }
        mind.applications.get(id).or_else(|| mind.applications.get(ANY)).cloned()
    }

    fn about(&self, id: &str, path: &[&str], request: &Request, live: bool) -> Answer {
        let (attempt, path) = match path {
            [attempt, path @ ..] if attempt.parse::<u32>().is_ok() => (Some(*attempt), path),
            path => (None, path),
        };
        let key = attempt.map_or_else(|| id.to_owned(), |attempt| format!("{id}/{attempt}"));
        let found = self.find(id, live);
        let own = |application: &Application| attempt == application.attempt().filter(|_| !live);
        let Some(application) = found.filter(own) else {
            return views::refusal(&format!("no such app: {key}"));
        };
        let state = request.parameter("status").map(|state| state.to_uppercase());
        if state.as_ref().is_some_and(|state| !STATES.contains(&state.as_str())) {
            return views::nowhere();
        }
        let of_state = |mut list: Vec<Value>| {
            list.retain(|view| state.as_ref().is_none_or(|state| view["status"] == state.as_str()));
            Value::Array(list)
        };
        match path {
            ["jobs"] => views::answer(200, &of_state(application.jobs())),
            ["stages"] => views::answer(200, &of_state(application.stages())),
            ["stages", stage, try_of_it, "taskList"] => {
                let (Ok(stage), Ok(number)) = (stage.parse(), try_of_it.parse()) else {
                    return views::nowhere();
                };
                let mut tasks = application.tasks(stage, number);
                if !self.mind().spark_2 {
                    tasks.retain(|view| state.as_ref().is_none_or(|state| view["status"] == state.as_str()));
                }
                let length = request.parameter("length").and_then(|length| length.parse().ok());
                tasks.truncate(length.unwrap_or(20));
                views::answer(200, &Value::Array(tasks))
            }
            _ => views::nowhere(),
        }
    }
}
