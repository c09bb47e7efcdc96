//! The ResourceManager's REST interface: applications by id or tag, its memory, kill.
//!
//! With several ResourceManagers, one is active. YARN lower-cases tags, and so does its query.

mod about;
mod application;
mod asking;
mod list;

use std::error::Error;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use reqwest::{Method, Response, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::addresses::ServiceAddresses;
use super::connection::{Access, Connection, Pool};
use super::{read_body, read_streaming};
use crate::job::application::{Active, YarnAnswer, oldest_first};
use crate::job::tags;
use crate::job::world::{NotKilled, ServiceError};
pub use about::About;
use application::One;
use asking::{LastActive, Question};
use list::{Answer, Moving, Whole};

/// A ResourceManager answers from memory. One that hangs must not keep a kill from the next one.
const ANSWER: Duration = Duration::from_secs(5);
/// Its list of thousands of active applications takes longer.
const LIST: Duration = Duration::from_secs(30);
/// The user that asks, where YARN's simple authentication wants one.
const USER: &str = "user.name=spark-job-worker";

/// What is not ended (`YarnApplicationState`).
const ACTIVE: &str = "NEW,NEW_SAVING,SUBMITTED,ACCEPTED,RUNNING";

/// A client of one or several ResourceManagers; off where there is none.
#[derive(Debug, Clone)]
pub struct ResourceManager {
    addresses: ServiceAddresses,
    /// The one that answered last; none until one has.
    active: Arc<Mutex<Option<LastActive>>>,
    connection: Connection,
    /// The longest that a list may take.
    list: Duration,
}

/// An answer: the one that was asked for, or another.
enum Read<T> {
    Answer(T),
    Refused(StatusCode, Vec<u8>),
}

impl ResourceManager {
    /// A client of the ResourceManagers at `addresses`, whose requests take at most `timeout`, and 5 s; the list of what
    /// is active 30 s.
    ///
    /// # Errors
    /// Where the TLS library cannot be set up.
    pub fn new(
        addresses: ServiceAddresses,
        access: &Access,
        timeout: Duration,
    ) -> Result<ResourceManager, Box<dyn Error + Send + Sync>> {
        let connection = Connection::new(access, &addresses, timeout.min(ANSWER), Pool::Kept)?;
        Ok(ResourceManager { addresses, active: Arc::default(), connection, list: timeout.min(LIST) })
    }

    /// Whether there is none to be asked.
    pub fn is_off(&self) -> bool {
        matches!(&*self.addresses.known(), Ok(found) if found.addresses.is_empty())
    }

    /// Whether the node's own configuration has the ResourceManager list to each user only what is that user's own: then
    /// what it does not list may be there all the same.
    pub fn filters_lists(&self) -> bool {
        matches!(&*self.addresses.known(), Ok(found) if found.filters_lists)
    }

    /// Where they are, and what says so.
    pub fn addresses(&self) -> &ServiceAddresses {
        &self.addresses
    }

    /// All active applications of ours by tag, in one request: what the cluster ran before is not in it. Parsed as it
    /// streams in; what is as in the list `before` is shared with that.
    ///
    /// # Errors
    /// Where YARN does not answer.
    pub async fn active(&self, before: Option<Arc<Active>>) -> Result<Active, ServiceError> {
        let path = format!(
            "/ws/v1/cluster/apps?applicationTags={}&states={ACTIVE}&deSelects=resourceRequests",
            tags::OURS
        );
        let list = || Answer(Moving { found: Active::default(), before: before.clone() });
        Ok(self.ask_streaming(&path, list).await?.found)
    }

    /// All applications with a tag, oldest first.
    pub async fn tagged(&self, tag: &str) -> YarnAnswer {
        if self.is_off() {
            return YarnAnswer::Off;
        }
        let path = format!("/ws/v1/cluster/apps?applicationTags={tag}&deSelects=resourceRequests");
        match self.read::<Whole>(&path).await {
            Ok(Read::Answer(Whole(mut found))) => {
                found.sort_by(oldest_first);
                YarnAnswer::Answer(found)
            }
            Ok(Read::Refused(status, body)) => {
                YarnAnswer::Unreachable(self.connection.refused(status, &body).reason())
            }
            Err(reason) => YarnAnswer::Unreachable(reason.reason()),
        }
    }

    /// The application of an id.
    pub async fn application(&self, id: &str) -> YarnAnswer {
        if self.is_off() {
            return YarnAnswer::Off;
        }
        let path = format!("/ws/v1/cluster/apps/{id}?deSelects=resourceRequests");
        match self.read::<One>(&path).await {
            Ok(Read::Answer(one)) => YarnAnswer::Answer(vec![one.app.into()]),
            // The ResourceManager's own 404 names its exception; a page of something else says nothing.
            Ok(Read::Refused(StatusCode::NOT_FOUND, body))
                if String::from_utf8_lossy(&body).contains("NotFoundException") =>
            {
                YarnAnswer::Answer(Vec::new())
            }
            Ok(Read::Refused(status, body)) => {
                let reason = self.connection.refused(status, &body).reason();
                let hides = matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN);
                if hides { YarnAnswer::Hidden(reason) } else { YarnAnswer::Unreachable(reason) }
            }
            Err(reason) => YarnAnswer::Unreachable(reason.reason()),
        }
    }

    /// One question, its answer parsed as it streams in: of a text without limit only the beginning and the end are kept.
    async fn read<T: DeserializeOwned + Send + 'static>(&self, path: &str) -> Result<Read<T>, ServiceError> {
        let connection = &self.connection;
        let read = move |response: Response| async move {
            let status = response.status();
            if status == StatusCode::OK {
                return Ok(Read::Answer(read_streaming(response, serde_json::from_reader::<_, T>).await?));
            }
            let body = read_body(response).await.unwrap_or_default();
            if status.is_server_error() {
                return Err(connection.refused(status, &body));
            }
            Ok(Read::Refused(status, body))
        };
        self.ask_each(Question { method: &Method::GET, path, body: None, within: None }, read).await
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
        let (status, body) = asked.map_err(|reason| NotKilled::NotNow(reason.reason()))?;
        let refused = || self.connection.refused(status, &body).reason();
        match status {
            // A standby without an active one answers 200 and a text.
            _ if status.is_success() && serde_json::from_slice::<Taken>(&body).is_ok() => Ok(()),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Err(NotKilled::Forbidden(refused())),
            _ => Err(NotKilled::NotNow(refused())),
        }
    }
}
