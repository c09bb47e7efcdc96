//! How one of several ResourceManagers comes to answer: each is asked in turn, beginning with the one that answered last.
//!
//! A standby answers with a redirect to the active one (`RMWebAppFilter`), for PUT too. Only its server is taken from
//! it, and asked the same question: one step, for the ResourceManager's own interface, and never from https to http. A
//! server that answers with a 5xx or with something else than JSON is treated as one that does not answer.

use std::collections::{HashSet, VecDeque};
use std::future::Future;
use std::sync::PoisonError;
use std::time::Duration;

use reqwest::header::LOCATION;
use reqwest::{Method, Response, StatusCode, Url};
use serde::de::{DeserializeSeed, IgnoredAny};

use super::{ResourceManager, USER};
use crate::job::world::ServiceError;
use crate::spark::addresses::{AddressInUse, KnownAddresses};
use crate::spark::{read_body, read_streaming, unparsable};

/// Where the interface begins, here and where a standby may send us.
const INTERFACE: &str = "/ws/v1/cluster";

/// The one that answered last.
#[derive(Debug, Clone)]
pub(super) struct LastActive {
    base: String,
    /// The standby that named it.
    named_by: Option<String>,
}

/// One HTTP request, to be sent to one ResourceManager after the other.
#[derive(Clone, Copy)]
pub(super) struct Question<'a> {
    pub(super) method: &'a Method,
    pub(super) path: &'a str,
    pub(super) body: Option<&'static str>,
    /// How long its answer may take, where that is not the connection's timeout.
    pub(super) within: Option<Duration>,
}

/// An answer, or a standby's redirect.
enum Reply {
    Answer(Response),
    /// A standby's way to the active one's server.
    Redirect(String),
}

impl ResourceManager {
    /// Which one is used, and why; all of them while none has answered.
    pub fn place(&self) -> AddressInUse {
        let known = self.addresses.known();
        let Ok(found) = &*known else { return AddressInUse::default() };
        match self.last_active() {
            Some(active) => shown(&active, found),
            None => {
                let urls =
                    found.addresses.iter().map(|home| home.address.base()).collect::<Vec<_>>().join(" ");
                let mut sources: Vec<&str> =
                    found.addresses.iter().map(|home| home.source.as_str()).collect();
                sources.dedup();
                AddressInUse { url: urls, source: sources.join(", ") }
            }
        }
    }

    /// One request, and its whole answer.
    pub(super) async fn ask(
        &self,
        method: Method,
        path: &str,
        body: Option<&'static str>,
    ) -> Result<(StatusCode, Vec<u8>), ServiceError> {
        let connection = &self.connection;
        let read = move |response: Response| async move {
            let status = response.status();
            let body = read_body(response).await?;
            if status.is_server_error() {
                return Err(connection.refused(status, &body));
            }
            if status.is_success() {
                serde_json::from_slice::<IgnoredAny>(&body).map_err(|error| unparsable(&error))?;
            }
            Ok((status, body))
        };
        self.ask_each(Question { method: &method, path, body, within: None }, read).await
    }

    /// GET of a list, read as it streams in into what `list` makes.
    pub(super) async fn ask_streaming<S, T>(
        &self,
        path: &str,
        list: impl Fn() -> S,
    ) -> Result<T, ServiceError>
    where
        S: for<'de> DeserializeSeed<'de, Value = T> + Send + 'static,
        T: Send + 'static,
    {
        let connection = &self.connection;
        let read = |response: Response| {
            let list = list();
            async move {
                let status = response.status();
                if status != StatusCode::OK {
                    return Err(connection.refused(status, &read_body(response).await.unwrap_or_default()));
                }
                let parse = |chunks| {
                    let mut text = serde_json::Deserializer::from_reader(chunks);
                    let read = list.deserialize(&mut text)?;
                    text.end().map(|()| read)
                };
                Ok(read_streaming(response, parse).await?)
            }
        };
        let question = Question { method: &Method::GET, path, body: None, within: Some(self.list) };
        self.ask_each(question, read).await
    }

    /// A question to each ResourceManager in turn, until one gives an answer that can be read.
    pub(super) async fn ask_each<T, F>(
        &self,
        question: Question<'_>,
        read: impl Fn(Response) -> F,
    ) -> Result<T, ServiceError>
    where
        F: Future<Output = Result<T, ServiceError>>,
    {
        let addresses = self.addresses.all().await?;
        let last = self.last_active();
        let configured = addresses.iter().map(|home| home.address.base().to_owned());
        let first = last.as_ref().map(|active| active.base.clone());
        let mut waiting: VecDeque<(String, Option<String>)> =
            first.into_iter().chain(configured).map(|base| (base, None)).collect();
        let mut asked = HashSet::new();
        let mut trouble = ServiceError::Unavailable("no ResourceManager is configured".to_owned());
        while let Some((base, named_by)) = waiting.pop_front() {
            if !asked.insert(base.clone()) {
                continue;
            }
            let reason = match self.ask_one(&base, question).await {
                Ok(Reply::Answer(response)) => match read(response).await {
                    Ok(answer) => {
                        self.remember(last.as_ref(), base, named_by);
                        return Ok(answer);
                    }
                    Err(reason) => reason,
                },
                Ok(Reply::Redirect(active)) => {
                    // One step: the one that it names is asked next, and followed no further.
                    if named_by.is_none() {
                        waiting.push_front((active, Some(base.clone())));
                    }
                    ServiceError::Unavailable(format!("{base} is a standby"))
                }
                Err(reason) => reason,
            };
            trouble = telling(trouble, reason);
        }
        // A redirect may have led to one that is gone.
        *self.active.lock().unwrap_or_else(PoisonError::into_inner) = None;
        self.addresses.mark_stale();
        Err(trouble)
    }

    /// One question to one of them.
    async fn ask_one(&self, base: &str, question: Question<'_>) -> Result<Reply, ServiceError> {
        let Question { method, path, body, within } = question;
        let and = if path.contains('?') { '&' } else { '?' };
        let mut request = self
            .connection
            .request(method.clone(), &format!("{base}{path}{and}{USER}"))
            .header("Accept", "application/json");
        if let Some(body) = body {
            request = request.header("Content-Type", "application/json").body(body);
        }
        if let Some(within) = within {
            request = request.timeout(within);
        }
        let response = self.connection.send(request).await?;
        if !response.status().is_redirection() {
            return Ok(Reply::Answer(response));
        }
        let to = response.headers().get(LOCATION).and_then(|to| to.to_str().ok()).unwrap_or_default();
        elsewhere(base, to).map(Reply::Redirect).map_err(ServiceError::Unavailable)
    }

    fn last_active(&self) -> Option<LastActive> {
        self.active.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Keeps which one answered. One that is known already keeps its reason.
    fn remember(&self, last: Option<&LastActive>, base: String, named_by: Option<String>) {
        let known = last.filter(|last| last.base == base).and_then(|last| last.named_by.clone());
        let active = LastActive { base, named_by: named_by.or(known) };
        *self.active.lock().unwrap_or_else(PoisonError::into_inner) = Some(active);
    }
}

/// The active one, and why it is asked.
fn shown(active: &LastActive, found: &KnownAddresses) -> AddressInUse {
    let home = found.addresses.iter().find(|home| home.address.base() == active.base);
    let source = match (home, &active.named_by) {
        (Some(home), _) if found.addresses.len() > 1 => {
            format!("{}, the active one of {}", home.source, found.addresses.len())
        }
        (Some(home), _) => home.source.clone(),
        (None, Some(standby)) => format!("the active one, named by the standby {standby}"),
        (None, None) => String::new(),
    };
    AddressInUse { url: active.base.clone(), source }
}

/// The server to which a redirect leads; an error says why it is not gone to.
fn elsewhere(base: &str, to: &str) -> Result<String, String> {
    let standby = || format!("{base} is a standby");
    let (from, to) = (Url::parse(base).map_err(|_| standby())?, Url::parse(to).map_err(|_| standby())?);
    let server = to.origin().ascii_serialization();
    if from.scheme() == "http" && to.scheme() == "https" && from.host_str() == to.host_str() {
        // Not another ResourceManager, but the way to TLS, which is for an operator to take.
        return Err(format!("{base} sends everybody to {server}: set url in [yarn] to that"));
    }
    let lawful = match to.scheme() {
        "https" => true,
        "http" => from.scheme() == "http",
        _ => false,
    };
    if !lawful || !to.path().starts_with(INTERFACE) || from.origin() == to.origin() {
        return Err(format!("{base} is a standby, and its redirect is not followed"));
    }
    Ok(server)
}

/// Of two ResourceManagers' reasons the one that an operator can fix.
fn telling(first: ServiceError, second: ServiceError) -> ServiceError {
    match first {
        ServiceError::AccessDenied(_) => first,
        ServiceError::Unavailable(_) | ServiceError::Unsupported(_) => second,
    }
}

#[cfg(test)]
mod tests {
    use super::elsewhere;

    #[test]
    fn a_redirect_is_followed_to_another_server_of_the_interface_and_never_away_from_tls() {
        let followed = [
            ("http://rm1:8088", "http://rm2:8088/ws/v1/cluster/apps?user.name=x", "http://rm2:8088"),
            ("https://rm1:8090", "https://rm2:8090/ws/v1/cluster/apps", "https://rm2:8090"),
            ("http://rm1:8088", "https://rm2:8090/ws/v1/cluster/apps", "https://rm2:8090"),
            ("http://rm1:8088", "http://me:secret@rm2:8088/ws/v1/cluster/apps", "http://rm2:8088"),
        ];
        for (base, to, server) in followed {
            assert_eq!(elsewhere(base, to).as_deref(), Ok(server), "{to}");
        }
        let refused = [
            ("https://rm1:8090", "http://rm2:8088/ws/v1/cluster/apps", "not followed"),
            ("http://rm1:8088", "http://login.example/?back=/ws/v1/cluster/apps", "not followed"),
            ("http://rm1:8088", "file:///ws/v1/cluster/apps", "not followed"),
            ("http://rm1:8088", "http://rm1:8088/ws/v1/cluster/apps", "not followed"),
            ("http://rm1:8088", "/ws/v1/cluster/apps", "is a standby"),
            ("http://rm1:8088", "", "is a standby"),
            ("http://rm1:8088", "https://rm1:8090/ws/v1/cluster", "sends everybody to https://rm1:8090"),
        ];
        for (base, to, reason) in refused {
            let said = elsewhere(base, to).unwrap_err();
            assert!(said.contains(reason), "{to}: {said}");
        }
    }
}
