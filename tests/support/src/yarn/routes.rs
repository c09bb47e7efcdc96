//! From a request to its answer.

use std::sync::Arc;

use super::{Shared, views};
use crate::http::{Answer, Answering, Operation, Request, Service, decoded};
use crate::livy::Application;

/// Where the interface begins.
const ROOT: [&str; 3] = ["ws", "v1", "cluster"];

impl Service for Shared {
    fn operation(&self, request: &Request) -> Operation {
        let path = segments(request);
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        let (place, key) = match path.strip_prefix(&ROOT[..]) {
            Some(["apps"]) => ("/apps".to_owned(), request.parameter("applicationTags").unwrap_or_default()),
            Some(["apps", id]) => ("/apps/*".to_owned(), (*id).to_owned()),
            Some(["apps", id, part]) => (format!("/apps/*/{part}"), (*id).to_owned()),
            Some(["info"] | []) => ("/info".to_owned(), String::new()),
            Some(_) | None => match path[..] {
                ["node", "containerlogs", .., file] => ("/node/containerlogs".to_owned(), file.to_owned()),
                ["jobhistory", "logs", .., file] => ("/jobhistory/logs".to_owned(), file.to_owned()),
                _ => (request.path.clone(), String::new()),
            },
        };
        Operation { name: format!("{} {place}", request.method), key }
    }

    fn answer(self: Arc<Self>, request: Arc<Request>) -> Answering {
        Box::pin(async move {
            let path = segments(&request);
            let path: Vec<&str> = path.iter().map(String::as_str).collect();
            if let Some(page) = self.page(&path, &request) {
                return page;
            }
            let place = path.strip_prefix(&ROOT[..]);
            // A standby tells about itself, and about nothing else (RMWebAppFilter).
            if !matches!(place, Some(["info"]))
                && let Some(answer) = self.elsewhere(&request)
            {
                return answer;
            }
            match (request.method.as_str(), place) {
                ("GET", Some(["info"] | [])) => views::json_answer(200, &views::info(&self.mind())),
                ("GET", Some(["apps"])) => self.list(&request),
                ("GET", Some(["apps", id])) => self.find(id).map_or_else(
                    || views::not_found(id),
                    |application| views::json_answer(200, &views::one(self.view(&application))),
                ),
                ("PUT", Some(["apps", id, "state"])) => self.end(id, &request),
                _ => Answer::empty(404),
            }
        })
    }
}

fn segments(request: &Request) -> Vec<String> {
    request.path.split('/').filter(|part| !part.is_empty()).map(decoded).collect()
}

impl Shared {
    /// Where a standby sends its clients.
    fn elsewhere(&self, request: &Request) -> Option<Answer> {
        let base = self.mind().standby_of.clone()?;
        let query = request.query.as_ref().map(|query| format!("?{query}")).unwrap_or_default();
        let url = format!("{base}{}{query}", request.path);
        let text = format!("This is standby RM. The redirect url is: {url}\n");
        Some(Answer::new(307, "text/plain;charset=utf-8", text).with("location", url))
    }

    /// Everything that it remembers.
    fn known(&self) -> Vec<Application> {
        let mut applications = self.livy.applications();
        let mind = self.mind();
        let remembered = |id: &String| !mind.forgotten.contains(id);
        applications.retain(|application| application.id.as_ref().is_some_and(remembered));
        applications
    }

    fn find(&self, id: &str) -> Option<Application> {
        self.known().into_iter().find(|application| application.id.as_deref() == Some(id))
    }

    fn list(&self, request: &Request) -> Answer {
        let tags = request.parameter("applicationTags").map(|tags| tags.to_lowercase());
        let states = request.parameter("states").map(|states| states.to_uppercase());
        let mut views = Vec::new();
        for application in self.known() {
            let tagged =
                |tags: &String| tags.split(',').any(|tag| application.tags.iter().any(|own| own == tag));
            let view = self.view(&application);
            let in_state = |states: &String| states.split(',').any(|state| view["state"] == state);
            if tags.as_ref().is_none_or(tagged) && states.as_ref().is_none_or(in_state) {
                views.push(view);
            }
        }
        // Their order means nothing: newest first, so that nobody relies on it.
        views.reverse();
        views::json_answer(200, &views::list(views))
    }

    /// A change of state: only `KILLED` is taken.
    fn end(&self, id: &str, request: &Request) -> Answer {
        let Some(application) = self.find(id) else { return views::not_found(id) };
        if request.json()["state"] != "KILLED" {
            let text = "java.lang.Exception: Only '{\"state\": \"KILLED\"}' is allowed as a target state.";
            return views::exception(400, "BadRequestException", text);
        }
        let view = self.view(&application);
        if views::is_final(view["state"].as_str().unwrap_or_default()) {
            return views::json_answer(200, &views::state(view["state"].clone()));
        }
        self.livy.kill_application(id);
        views::json_answer(202, &views::state("KILLING".into()))
    }
}
