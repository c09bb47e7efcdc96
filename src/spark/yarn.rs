//! The ResourceManager's REST interface: applications by id or tag, its memory, kill.
//!
//! With several ResourceManagers, one is active; a standby answers with a redirect, for PUT too, which is followed by
//! asking the next one. YARN lower-cases tags, and so does its query.

mod about;

use std::collections::HashMap;
use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use reqwest::header::LOCATION;
use reqwest::{Method, Response, StatusCode, Url};
use serde::Deserialize;

use super::connection::{Access, Connection, NoAnswer};
use super::{odd, read_body, read_streaming};
use crate::job::machine::Timestamp;
use crate::job::world::{AppEnd, AppState, Application, NotKilled, Yarn};
pub use about::About;

/// A ResourceManager answers from memory. One that hangs must not keep a kill from the next one.
const ANSWER: Duration = Duration::from_secs(5);
/// Who asks, where YARN's simple authentication wants to know.
const USER: &str = "user.name=spark-job-worker";

/// The tag of every application that we submit, and the beginning of the one that tells them apart.
const OURS: &str = "spark-job-worker";
const TAG: &str = "sjw-";
/// What is not ended (`YarnApplicationState`).
const ACTIVE: &str = "NEW,NEW_SAVING,SUBMITTED,ACCEPTED,RUNNING";

/// A client of one or several ResourceManagers; off where there is none.
#[derive(Debug, Clone)]
pub struct ResourceManager {
    bases: Vec<String>,
    /// The one that answered last.
    active: Arc<AtomicUsize>,
    connection: Connection,
}

/// An application on its way.
#[derive(Debug, Clone)]
pub struct Moving {
    /// The batch's name, unless the job calls itself otherwise.
    pub name: String,
    /// In percent, as the application master says it.
    pub progress: f32,
    /// The rest.
    pub application: Application,
}

#[derive(Deserialize)]
struct List {
    apps: Option<Apps>,
}

#[derive(Deserialize)]
struct Apps {
    #[serde(default)]
    app: Vec<RawApplication>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawApplication {
    id: String,
    #[serde(default)]
    name: String,
    state: String,
    #[serde(default)]
    application_tags: String,
    #[serde(default)]
    progress: f32,
    #[serde(default)]
    final_status: String,
    #[serde(default)]
    started_time: u64,
    #[serde(default)]
    finished_time: u64,
    #[serde(default)]
    diagnostics: Option<String>,
    #[serde(default)]
    tracking_url: Option<String>,
    #[serde(default)]
    am_container_logs: Option<String>,
}

impl From<RawApplication> for Application {
    fn from(raw: RawApplication) -> Application {
        Application {
            state: state(&raw.state, &raw.final_status),
            word: raw.state,
            id: raw.id,
            started: Timestamp(raw.started_time),
            finished: (raw.finished_time > 0).then_some(Timestamp(raw.finished_time)),
            diagnostics: raw.diagnostics.unwrap_or_default(),
            tracking_url: raw.tracking_url.filter(|url| !url.is_empty()),
            log_url: raw.am_container_logs.filter(|url| !url.is_empty()),
        }
    }
}

/// FINISHED with UNDEFINED is a failure: the application master left without a word.
fn state(state: &str, status: &str) -> AppState {
    match (state, status) {
        ("KILLED", _) | ("FINISHED", "KILLED") => AppState::Ended(AppEnd::Killed),
        ("FINISHED", "SUCCEEDED") => AppState::Ended(AppEnd::Succeeded),
        ("FINISHED" | "FAILED", _) => AppState::Ended(AppEnd::Failed),
        _ => AppState::Active,
    }
}

impl ResourceManager {
    /// A client of the ResourceManagers at `bases`, whose requests take at most `timeout`, and 5 s.
    ///
    /// # Errors
    /// Where the TLS library cannot be set up.
    pub fn new(
        bases: &[String],
        access: &Access,
        timeout: Duration,
    ) -> Result<ResourceManager, Box<dyn Error + Send + Sync>> {
        let connection = Connection::new(access, bases, timeout.min(ANSWER), true)?;
        let bases = bases.iter().map(|base| base.trim_end_matches('/').to_owned()).collect();
        Ok(ResourceManager { bases, active: Arc::default(), connection })
    }

    /// Whether there is any.
    pub fn is_off(&self) -> bool {
        self.bases.is_empty()
    }

    /// All active applications of ours by tag, in one request: what the cluster ran before is not in it. Parsed as it
    /// streams in.
    ///
    /// # Errors
    /// Where YARN does not answer.
    pub async fn active(&self) -> Result<HashMap<String, Vec<Moving>>, NoAnswer> {
        let path =
            format!("/ws/v1/cluster/apps?applicationTags={OURS}&states={ACTIVE}&deSelects=resourceRequests");
        let response = self.ask_for(&Method::GET, &path, None).await?;
        if response.status() != StatusCode::OK {
            let status = response.status();
            return Err(self.connection.refused(status, &read_body(response).await.unwrap_or_default()));
        }
        let list = read_streaming(response, serde_json::from_reader::<_, List>).await?;
        let mut found: HashMap<String, Vec<Moving>> = HashMap::new();
        for raw in list.apps.map(|apps| apps.app).unwrap_or_default() {
            let Some(tag) = raw.application_tags.split(',').find(|tag| tag.starts_with(TAG)) else {
                continue;
            };
            let (tag, name, progress) = (tag.to_owned(), raw.name.clone(), raw.progress);
            // What a waiting application says changes all the time and means nothing.
            let application = Application { diagnostics: String::new(), ..raw.into() };
            found.entry(tag).or_default().push(Moving { name, progress, application });
        }
        for applications in found.values_mut() {
            applications.sort_by(|a, b| {
                let key = |moving: &Moving| (moving.application.started, moving.application.id.clone());
                key(a).cmp(&key(b))
            });
        }
        Ok(found)
    }

    /// All applications with a tag, oldest first.
    pub async fn tagged(&self, tag: &str) -> Yarn {
        if self.bases.is_empty() {
            return Yarn::Off;
        }
        let path = format!("/ws/v1/cluster/apps?applicationTags={tag}&deSelects=resourceRequests");
        match self.ask(Method::GET, &path, None).await {
            Ok((StatusCode::OK, body)) => match serde_json::from_slice::<List>(&body) {
                Ok(list) => {
                    let found = list.apps.map(|apps| apps.app).unwrap_or_default();
                    let mut found: Vec<Application> = found.into_iter().map(Application::from).collect();
                    found.sort_by(|a, b| (a.started, &a.id).cmp(&(b.started, &b.id)));
                    Yarn::Answer(found)
                }
                Err(error) => Yarn::Unreachable(odd(&error).0),
            },
            Ok((status, body)) => Yarn::Unreachable(self.connection.refused(status, &body).words()),
            Err(reason) => Yarn::Unreachable(reason.words()),
        }
    }

    /// The application of an id.
    pub async fn application(&self, id: &str) -> Yarn {
        #[derive(Deserialize)]
        struct One {
            app: RawApplication,
        }
        if self.bases.is_empty() {
            return Yarn::Off;
        }
        let path = format!("/ws/v1/cluster/apps/{id}?deSelects=resourceRequests");
        match self.ask(Method::GET, &path, None).await {
            Ok((StatusCode::OK, body)) => match serde_json::from_slice::<One>(&body) {
                Ok(one) => Yarn::Answer(vec![one.app.into()]),
                Err(error) => Yarn::Unreachable(odd(&error).0),
            },
            // The ResourceManager's own 404 names its exception; a page of something else says nothing.
            Ok((StatusCode::NOT_FOUND, body))
                if String::from_utf8_lossy(&body).contains("NotFoundException") =>
            {
                Yarn::Answer(Vec::new())
            }
            Ok((status, body)) => Yarn::Unreachable(self.connection.refused(status, &body).words()),
            Err(reason) => Yarn::Unreachable(reason.words()),
        }
    }

    /// Asks for the end of an application. That it ended is to be seen by looking.
    ///
    /// # Errors
    /// [`NotKilled`] where YARN does not say that it takes it: a 401, a 403, or anything but a state.
    pub async fn kill(&self, id: &str) -> Result<(), NotKilled> {
        #[derive(Deserialize)]
        struct Taken {
            #[serde(rename = "state")]
            _state: String,
        }
        let path = format!("/ws/v1/cluster/apps/{id}/state");
        let asked = self.ask(Method::PUT, &path, Some(r#"{"state":"KILLED"}"#)).await;
        let (status, body) = asked.map_err(|reason| NotKilled::NotNow(reason.words()))?;
        let refused = || self.connection.refused(status, &body).words();
        match status {
            // A standby without an active one answers 200 and a text.
            _ if status.is_success() && serde_json::from_slice::<Taken>(&body).is_ok() => Ok(()),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Err(NotKilled::Forbidden(refused())),
            _ => Err(NotKilled::NotNow(refused())),
        }
    }

    /// One request, and its whole answer.
    async fn ask(
        &self,
        method: Method,
        path: &str,
        body: Option<&'static str>,
    ) -> Result<(StatusCode, Vec<u8>), NoAnswer> {
        let response = self.ask_for(&method, path, body).await?;
        let status = response.status();
        Ok((status, read_body(response).await?))
    }

    /// One request, to each ResourceManager in turn until one is active.
    async fn ask_for(
        &self,
        method: &Method,
        path: &str,
        body: Option<&'static str>,
    ) -> Result<Response, NoAnswer> {
        let first = self.active.load(Ordering::Relaxed);
        let mut trouble = NoAnswer::Silent("no ResourceManager is configured".to_owned());
        for step in 0..self.bases.len() {
            let at = (first + step) % self.bases.len();
            match self.ask_one(at, method, path, body).await {
                Ok(answer) => {
                    self.active.store(at, Ordering::Relaxed);
                    return Ok(answer);
                }
                Err(reason) => trouble = telling(trouble, reason),
            }
        }
        Err(trouble)
    }

    /// One request to one of them. A standby's redirect is no answer.
    async fn ask_one(
        &self,
        at: usize,
        method: &Method,
        path: &str,
        body: Option<&'static str>,
    ) -> Result<Response, NoAnswer> {
        let (base, connection) = (&self.bases[at], &self.connection);
        let and = if path.contains('?') { '&' } else { '?' };
        let mut request = connection
            .request(method.clone(), &format!("{base}{path}{and}{USER}"))
            .header("Accept", "application/json");
        if let Some(body) = body {
            request = request.header("Content-Type", "application/json").body(body);
        }
        let response = connection.send(request).await?;
        if response.status().is_redirection() {
            let to = response.headers().get(LOCATION).and_then(|to| to.to_str().ok()).unwrap_or_default();
            return Err(NoAnswer::Silent(passed_on(base, to)));
        }
        Ok(response)
    }
}

/// What a redirect means: a standby's, or the way from http to https, which is for an operator to take.
fn passed_on(base: &str, to: &str) -> String {
    let host = |url: &str| Url::parse(url).ok().and_then(|url| url.host_str().map(str::to_owned));
    if base.starts_with("http:") && to.starts_with("https:") && host(base) == host(to) {
        let place: String = to.splitn(4, '/').take(3).collect::<Vec<_>>().join("/");
        return format!("{base} sends everybody to {place}: set url in [yarn] to that");
    }
    format!("{base} is a standby")
}

/// Of two ResourceManagers' reasons the one that an operator can mend.
fn telling(first: NoAnswer, second: NoAnswer) -> NoAnswer {
    match first {
        NoAnswer::Barred(_) => first,
        NoAnswer::Silent(_) => second,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn state_and_final_status_are_read_together() {
        use AppEnd::{Failed, Killed, Succeeded};
        let table = [
            ("NEW", "UNDEFINED", AppState::Active),
            ("ACCEPTED", "UNDEFINED", AppState::Active),
            ("ACCEPTED", "FAILED", AppState::Active),
            ("RUNNING", "UNDEFINED", AppState::Active),
            ("RUNNING", "SUCCEEDED", AppState::Active),
            ("FINAL_SAVING", "SUCCEEDED", AppState::Active),
            ("FINISHING", "SUCCEEDED", AppState::Active),
            ("FINISHED", "SUCCEEDED", AppState::Ended(Succeeded)),
            ("FINISHED", "FAILED", AppState::Ended(Failed)),
            ("FINISHED", "UNDEFINED", AppState::Ended(Failed)),
            ("FINISHED", "KILLED", AppState::Ended(Killed)),
            ("FAILED", "FAILED", AppState::Ended(Failed)),
            ("KILLED", "KILLED", AppState::Ended(Killed)),
            ("KILLED", "UNDEFINED", AppState::Ended(Killed)),
        ];
        for (word, status, expected) in table {
            assert_eq!(state(word, status), expected, "{word} {status}");
        }
    }
}
