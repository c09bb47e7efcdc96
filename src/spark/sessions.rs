//! Livy's REST interface for sessions and their statements.
//!
//! What `livy.rs` says of batches holds here, too: nothing is repeated or redirected by itself. And more: a call about a
//! statement can hang for as long as Livy lives, because Livy asks the driver without a limit of time (LIVY-1013). So
//! these calls have a short limit of their own, and connections that nothing else waits for. All statements at once
//! are never asked for: their outputs together can be more than Livy can carry, and then the session is lost.

use std::error::Error;
use std::time::Duration;

use reqwest::{Method, RequestBuilder, StatusCode};

use super::addresses::ServiceAddresses;
use super::connection::{Access, Connection, Pool};
use super::{livy, livy_wire, read_body, read_streaming, sessions_wire, unparsable};
use crate::job::world::{Deleted, Heard, Posted, Said, ServiceError, SessionView, Unreachable};

/// Livy waits 10 s for the driver to end, and then kills the application (`livy.rsc.client.shutdown-timeout`).
const DELETE: Duration = Duration::from_secs(150);
/// For one call about a statement. A sound Livy answers within some milliseconds.
const STATEMENT: Duration = Duration::from_secs(10);
/// More sessions than any Livy keeps: the list is a positional window, so all are asked for at once.
const ALL: u32 = 1_000_000;

/// A client of the sessions of one Livy. Each is called by its name, never by its number: a Livy that forgot gives the
/// number to somebody else's.
#[derive(Debug, Clone)]
pub struct Sessions {
    addresses: ServiceAddresses,
    /// For looks at sessions: pooled.
    pooled: Connection,
    /// For looks at statements: pooled, with their own limit.
    statements: Connection,
    /// For acts: a connection each.
    unpooled: Connection,
    /// For one call about a statement.
    limit: Duration,
}

impl Sessions {
    /// A client of the Livy at the first of `addresses`, whose requests take at most `timeout` (those about statements
    /// 10 s, DELETE 150 s).
    ///
    /// # Errors
    /// Where the TLS library cannot be set up.
    pub fn new(
        addresses: ServiceAddresses,
        access: &Access,
        timeout: Duration,
    ) -> Result<Sessions, Box<dyn Error + Send + Sync>> {
        let connection = |timeout, pool| Connection::new(access, &addresses, timeout, pool);
        let limit = STATEMENT.min(timeout);
        Ok(Sessions {
            pooled: connection(timeout, Pool::Kept)?,
            statements: connection(limit, Pool::Kept)?,
            unpooled: connection(timeout, Pool::None)?,
            limit,
            addresses,
        })
    }

    /// POST /sessions of a session of this name, with this JSON text as its body.
    pub async fn open(&self, name: &str, body: &str) -> Posted<SessionView> {
        let request = match self.request(&self.unpooled, Method::POST, "/sessions").await {
            Ok(request) => request,
            Err(reason) => return Posted::NotNow(reason.reason()),
        };
        match request.header("Content-Type", "application/json").body(body.to_owned()).send().await {
            Ok(response) => {
                let status = response.status().as_u16();
                let ours = |body: &[u8]| sessions_wire::session(body).ok().filter(|view| view.name == name);
                livy_wire::classed(status, read_body(response).await.ok().as_deref(), ours)
            }
            // The connection never came up, so not a byte of the request was sent.
            Err(error) if error.is_connect() => Posted::NotNow(self.unpooled.failure(&error).reason()),
            Err(error) => Posted::Unsure { answered: false, reason: self.unpooled.failure(&error).reason() },
        }
    }

    /// The session of this name; `None` where Livy has none. Of a name that begins with a hyphen only the end is known.
    /// This keeps no session: see [`Sessions::keep`].
    ///
    /// # Errors
    /// [`Unreachable`] for everything that is neither a session nor Livy's 404.
    pub async fn find(&self, name: &str) -> Result<Option<SessionView>, Unreachable> {
        if name.starts_with('-') {
            let end = name.to_owned();
            return Ok(self.list(move |name| name.ends_with(&end)).await?.into_iter().next());
        }
        let (status, body) = self.call(Method::GET, &format!("/sessions/{name}")).await?;
        self.record(status, &body)
    }

    /// POST /sessions/{name}/connect: only what is new counts as activity to Livy, not that a statement runs, and after
    /// `livy.server.session.timeout` without any it ends the session. `None` where Livy has none of the name.
    ///
    /// # Errors
    /// As [`Sessions::find`].
    pub async fn keep(&self, name: &str) -> Result<Option<SessionView>, Unreachable> {
        let (status, body) = self.call(Method::POST, &format!("/sessions/{name}/connect")).await?;
        self.record(status, &body)
    }

    fn record(&self, status: StatusCode, body: &[u8]) -> Result<Option<SessionView>, Unreachable> {
        match status {
            StatusCode::OK => sessions_wire::session(body).map(Some).map_err(|error| unparsable(&error)),
            StatusCode::NOT_FOUND if sessions_wire::is_no_session(body) => Ok(None),
            _ => Err(self.pooled.refused(status, body).into()),
        }
    }

    /// The last lines of what spark-submit said of a session; none where Livy has no such session.
    ///
    /// # Errors
    /// As [`Sessions::find`].
    pub async fn log(&self, name: &str) -> Result<Vec<String>, Unreachable> {
        let path = format!("/sessions/{name}/log?size={}", livy::LOG_LINES);
        let (status, body) = self.call(Method::GET, &path).await?;
        match status {
            StatusCode::OK => livy_wire::log(&body).map_err(|error| unparsable(&error)),
            StatusCode::NOT_FOUND if sessions_wire::is_no_session(&body) => Ok(Vec::new()),
            _ => Err(self.pooled.refused(status, &body).into()),
        }
    }

    /// POST of a statement. The code is ASCII: Livy writes to the interpreter in the charset of its platform.
    pub async fn say(&self, name: &str, code: &str) -> Said {
        let path = format!("/sessions/{name}/statements");
        let request = match self.request(&self.unpooled, Method::POST, &path).await {
            Ok(request) => request,
            Err(reason) => return Said::NotNow(reason.reason()),
        };
        let body = serde_json::json!({ "code": code }).to_string();
        let request = request.header("Content-Type", "application/json").body(body).timeout(self.limit);
        match request.send().await {
            Ok(response) => {
                let status = response.status().as_u16();
                sessions_wire::said(status, read_body(response).await.ok().as_deref())
            }
            Err(error) if error.is_connect() => Said::NotNow(self.unpooled.failure(&error).reason()),
            Err(error) => Said::Unsure(self.unpooled.failure(&error).reason()),
        }
    }

    /// GET of the statement of a number.
    pub async fn hear(&self, name: &str, number: u64) -> Heard {
        let path = format!("/sessions/{name}/statements/{number}");
        let answer = async {
            let request = self.request(&self.statements, Method::GET, &path).await?;
            let response = self.statements.send(request).await?;
            let status = response.status().as_u16();
            Ok::<_, ServiceError>((status, read_body(response).await?))
        };
        match answer.await {
            Ok((status, body)) => sessions_wire::heard(status, &body, number),
            Err(reason) => Heard::Silent(reason.reason()),
        }
    }

    /// DELETE /sessions/{name}. Livy says "deleted" also where the application lives on.
    ///
    /// # Errors
    /// [`Unreachable`] where it did not say so; the request may still be at work in Livy.
    pub async fn delete(&self, name: &str) -> Result<Deleted, Unreachable> {
        let request = self.request(&self.unpooled, Method::DELETE, &format!("/sessions/{name}")).await?;
        let response = self.unpooled.send(request.timeout(DELETE)).await?;
        let status = response.status();
        let body = read_body(response).await.unwrap_or_default();
        match status {
            status if status.is_success() => Ok(Deleted::Gone),
            StatusCode::NOT_FOUND if sessions_wire::is_no_session(&body) => Ok(Deleted::NotFound),
            _ => Err(self.unpooled.refused(status, &body).into()),
        }
    }

    /// All sessions of the `wanted` names.
    ///
    /// # Errors
    /// As [`Sessions::find`]; a list that is cut short is no answer.
    pub async fn list(
        &self,
        wanted: impl Fn(&str) -> bool + Send + 'static,
    ) -> Result<Vec<SessionView>, Unreachable> {
        let path = format!("/sessions?from=0&size={ALL}");
        let response = self.pooled.send(self.request(&self.pooled, Method::GET, &path).await?).await?;
        if response.status() != StatusCode::OK {
            let status = response.status();
            return Err(self.pooled.refused(status, &read_body(response).await.unwrap_or_default()).into());
        }
        read_streaming(response, |chunks| sessions_wire::list(chunks, wanted)).await
    }

    async fn call(&self, method: Method, path: &str) -> Result<(StatusCode, Vec<u8>), ServiceError> {
        livy::call(&self.addresses, &self.pooled, method, path).await
    }

    async fn request(
        &self,
        connection: &Connection,
        method: Method,
        path: &str,
    ) -> Result<RequestBuilder, ServiceError> {
        livy::request(&self.addresses, connection, method, path).await
    }
}

#[cfg(test)]
mod tests;
