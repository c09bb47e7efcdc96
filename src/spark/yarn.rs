//! The ResourceManager's REST interface: applications by id or tag, its memory, kill.
//!
//! With several ResourceManagers, one is active. YARN lower-cases tags, and so does its query.

mod about;
mod asking;

use std::collections::HashMap;
use std::error::Error;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde::Deserialize;

use super::connection::{Access, Connection, NoAnswer};
use super::homes::Homes;
use super::odd;
use crate::job::machine::Timestamp;
use crate::job::world::{AppEnd, AppState, Application, NotKilled, Yarn};
pub use about::About;
use asking::Active;

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
    homes: Homes,
    /// The one that answered last; none until one has.
    active: Arc<Mutex<Option<Active>>>,
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
    /// A client of the ResourceManagers at `homes`, whose requests take at most `timeout`, and 5 s.
    ///
    /// # Errors
    /// Where the TLS library cannot be set up.
    pub fn new(
        homes: Homes,
        access: &Access,
        timeout: Duration,
    ) -> Result<ResourceManager, Box<dyn Error + Send + Sync>> {
        let connection = Connection::new(access, &homes, timeout.min(ANSWER), true)?;
        Ok(ResourceManager { homes, active: Arc::default(), connection })
    }

    /// Whether there is none to be asked.
    pub fn is_off(&self) -> bool {
        matches!(&*self.homes.known(), Ok(found) if found.homes.is_empty())
    }

    /// Whether the node's own configuration has the ResourceManager list to each user only what is that user's own: then
    /// what it does not list may be there all the same.
    pub fn filters_lists(&self) -> bool {
        matches!(&*self.homes.known(), Ok(found) if found.filters_lists)
    }

    /// Where they are, and what says so.
    pub fn homes(&self) -> &Homes {
        &self.homes
    }

    /// All active applications of ours by tag, in one request: what the cluster ran before is not in it. Parsed as it
    /// streams in.
    ///
    /// # Errors
    /// Where YARN does not answer.
    pub async fn active(&self) -> Result<HashMap<String, Vec<Moving>>, NoAnswer> {
        let path =
            format!("/ws/v1/cluster/apps?applicationTags={OURS}&states={ACTIVE}&deSelects=resourceRequests");
        let list: List = self.ask_streaming(&path).await?;
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
        if self.is_off() {
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
        if self.is_off() {
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
