//! From a request to its answer.

use std::sync::Arc;
use std::time::Instant;

use super::mind::{Mind, Rights, Role};
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
                ["node", "containerlogs", _, _, file] => ("/node/containerlogs".to_owned(), file.to_owned()),
                ["node", "containerlogs", ..] => ("/node/containerlogs/".to_owned(), String::new()),
                ["jobhistory", "logs", .., file] => ("/jobhistory/logs".to_owned(), file.to_owned()),
                ["proxy", id, .., part] => (format!("/proxy/*/{part}"), id.to_owned()),
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
                ("GET", Some(["apps", id])) => self.by_id(id, &request, |application, full| {
                    views::json_answer(200, &views::one(self.view(application, full)))
                }),
                ("GET", Some(["apps", id, "state"])) => self.by_id(id, &request, |application, full| {
                    let killing = self.mind().killing.contains(*id);
                    let state = self.view(application, full)["state"].take();
                    let dying = killing && !views::is_final(state.as_str().unwrap_or_default());
                    views::json_answer(200, &views::state(if dying { "KILLING".into() } else { state }))
                }),
                ("PUT", Some(["apps", id, "state"])) => self.end(id, &request),
                _ => views::page_not_found(),
            }
        })
    }
}

fn segments(request: &Request) -> Vec<String> {
    request.path.split('/').filter(|part| !part.is_empty()).map(decoded).collect()
}

/// When the first of those ended that are remembered; all are, where that is none. It is the oldest ends that are forgotten
/// (`RMAppManager`).
fn oldest_end(all: &[Application], most: usize) -> Option<Instant> {
    let mut ends: Vec<Instant> = all.iter().filter_map(|application| application.ended).collect();
    let beyond = ends.len().checked_sub(most)?;
    (beyond < ends.len()).then(|| *ends.select_nth_unstable(beyond).1)
}

/// Who asks: nobody in particular is everybody's `dr.who`.
fn user(request: &Request) -> String {
    request.parameter("user.name").unwrap_or_else(|| "dr.who".to_owned())
}

impl Shared {
    /// Where a standby sends its clients.
    fn elsewhere(&self, request: &Request) -> Option<Answer> {
        let query = request.query.as_ref().map(|query| format!("?{query}")).unwrap_or_default();
        // Written anew from what was understood: commas in values are escaped then.
        let place = format!("{}{}", request.path, query.replace(',', "%2C"));
        let text = |text: String| Answer::new(307, "text/plain;charset=utf-8", text);
        let mind = self.mind();
        match &mind.role {
            Role::Active => None,
            Role::StandbyOf(base) => {
                let shown = place.replace('&', "&amp;");
                let said = text(format!("This is standby RM. The redirect url is: {shown}\n"));
                Some(said.with("location", format!("{base}{place}")))
            }
            Role::Leaderless => {
                let said = text(
                    "Can not find any active RM. Will retry in next 3 seconds.\nHA Zookeeper Connection State: Could not \
                     find leader elector. Verify both HA and automatic failover are enabled.\n"
                        .to_owned(),
                );
                let next = if request.query.is_some() { '&' } else { '?' };
                let again = format!("3;url={}{place}{next}next.refresh.interval=1", mind.url);
                Some(said.with("refresh", again))
            }
        }
    }

    /// What is wanted of everything that it remembers.
    fn known(&self, wanted: impl Fn(&Application, &Mind) -> bool) -> Vec<Application> {
        let mind = self.mind();
        self.livy.look_at_applications(|all| {
            let oldest = oldest_end(all, mind.most_completed);
            let remembered = |application: &&Application| {
                application.id.as_ref().is_some_and(|id| !mind.forgotten.contains(id))
                    && application.ended.is_none_or(|ended| oldest.is_none_or(|oldest| ended >= oldest))
            };
            all.iter().filter(|application| wanted(application, &mind)).filter(remembered).cloned().collect()
        })
    }

    fn find(&self, id: &str) -> Option<Application> {
        self.known(|application, _| application.id.as_deref() == Some(id)).pop()
    }

    /// Whether whoever asks may see and do everything.
    fn is_allowed(&self, request: &Request) -> bool {
        self.mind().rights == Rights::All || user(request) == views::OWNER
    }

    /// An answer about an application, and whether all of it may be told.
    fn by_id(&self, id: &str, request: &Request, tell: impl FnOnce(&Application, bool) -> Answer) -> Answer {
        if let Some(refusal) = views::no_id(id) {
            return refusal;
        }
        let Some(application) = self.find(id) else { return views::not_found(id) };
        let rights = self.mind().rights;
        match rights {
            Rights::Nothing(status) if !self.is_allowed(request) => {
                views::forbidden(status, request.path.as_str())
            }
            _ => tell(&application, self.is_allowed(request)),
        }
    }

    fn list(&self, request: &Request) -> Answer {
        let given = |name: &str| request.parameter(name).filter(|value| !value.is_empty());
        let tags = given("applicationTags").map(|tags| tags.to_lowercase());
        let states = given("states");
        let known = |state: &&str| views::STATES.contains(&state.to_uppercase().as_str());
        if let Some(state) = states.iter().flat_map(|states| states.split(',')).find(|state| !known(state)) {
            return views::no_state(state);
        }
        let states = states.map(|states| states.to_uppercase());
        let full = self.is_allowed(request);
        let mut views = Vec::new();
        if !full && !self.mind().rights.lists() {
            return views::json_answer(200, &views::list(views, self.mind().hadoop_2));
        }
        let wanted = |application: &Application, mind: &Mind| {
            let tagged =
                |tags: &String| tags.split(',').any(|tag| application.tags.iter().any(|own| own == tag));
            let in_state =
                |states: &String| states.split(',').any(|state| mind.words(application).0 == state);
            tags.as_ref().is_none_or(tagged) && states.as_ref().is_none_or(in_state)
        };
        for application in self.known(wanted) {
            views.push(self.view(&application, full));
        }
        // Their order means nothing: newest first, so that nobody relies on it.
        views.reverse();
        views::json_answer(200, &views::list(views, self.mind().hadoop_2))
    }

    /// A change of state: only `KILLED` is taken, and what is so already.
    fn end(&self, id: &str, request: &Request) -> Answer {
        if let Some(refusal) = views::no_id(id) {
            return refusal;
        }
        let Some(application) = self.find(id) else { return views::not_found(id) };
        let view = self.view(&application, true);
        let state = view["state"].as_str().unwrap_or_default();
        let target = request.json()["state"].clone();
        if views::is_final(state) || target == view["state"] {
            return views::json_answer(200, &views::state(view["state"].clone()));
        }
        if target != "KILLED" {
            let text = "java.lang.Exception: Only 'KILLED' is allowed as a target state.";
            return views::exception(400, "BadRequestException", text);
        }
        let user = user(request);
        if !self.is_allowed(request) {
            // A text, and called JSON.
            let text = format!("Unauthorized attempt to kill appid {id} by remote user {user}");
            return Answer::new(403, "application/json;charset=utf-8", text);
        }
        self.change(|mind| {
            let said = format!("Application {id} was killed by user {user}");
            mind.diagnosed.entry(id.to_owned()).or_insert(said);
            mind.killing.insert(id.to_owned());
        });
        let time = self.mind().kill_takes;
        if time.is_zero() {
            self.livy.kill_application(id);
        } else {
            let (livy, id) = (self.livy.clone(), id.to_owned());
            self.runtime.spawn(async move {
                tokio::time::sleep(time).await;
                livy.kill_application(&id);
            });
        }
        views::json_answer(202, &views::state("KILLING".into()))
    }
}
