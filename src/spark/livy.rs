//! Livy's REST interface: submit, find by name, list, log, delete.
//!
//! Nothing here repeats a request by itself, because a repeated POST is a second job: the client's retries are off,
//! redirects are not followed, and a POST gets a connection of its own, so that no stale one can swallow it. Every
//! answer becomes one of few, named by what the caller may do next.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use reqwest::{Method, RequestBuilder, StatusCode};

use super::address::Address;
use super::addresses::{AddressInUse, ServiceAddresses};
use super::connection::{Access, Connection, Pool};
use super::{livy_wire, read_body, read_streaming, unparsable};
use crate::job::world::{BatchView, Deleted, Posted, ServiceError, Unreachable};

/// DELETE waits for the application id for up to 120 s (`livy.server.yarn.app-lookup-timeout`) before it kills.
const DELETE: Duration = Duration::from_secs(150);
/// More batches than any Livy keeps: the list is a positional window, so all are asked for at once.
const ALL: u32 = 1_000_000;
/// How many lines of a log are asked for: Livy keeps 200, and its headings.
pub(super) const LOG_LINES: u32 = 300;

/// A client of one Livy.
#[derive(Debug, Clone)]
pub struct Livy {
    addresses: ServiceAddresses,
    /// For looks: pooled.
    pooled: Connection,
    /// For acts: a connection each.
    unpooled: Connection,
}

/// What Livy calls its version: `0.7.1-incubating`, `0.8.0-amzn-1`.
#[derive(Debug, Clone)]
pub struct Version(String);

impl Version {
    /// Names of batches are unique and shown from 0.7 on. What cannot be read is not called old.
    pub fn is_too_old(&self) -> bool {
        let mut numbers = self.0.split(['.', '-']).map(str::parse::<u32>);
        matches!((numbers.next(), numbers.next()), (Some(Ok(0)), Some(Ok(minor))) if minor < 7)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Livy {
    /// A client of the Livy at the first of `addresses`, whose requests take at most `timeout` (DELETE: 150 s).
    ///
    /// # Errors
    /// Where the TLS library cannot be set up.
    pub fn new(
        addresses: ServiceAddresses,
        access: &Access,
        timeout: Duration,
    ) -> Result<Livy, Box<dyn Error + Send + Sync>> {
        let pooled = Connection::new(access, &addresses, timeout, Pool::Kept)?;
        Ok(Livy { pooled, unpooled: Connection::new(access, &addresses, timeout, Pool::None)?, addresses })
    }

    /// Where it is, and what says so.
    pub fn place(&self) -> AddressInUse {
        self.addresses.first().map_or_else(AddressInUse::default, |home| AddressInUse {
            url: home.address.base().to_owned(),
            source: home.source,
        })
    }

    /// Where it is, as far as that is known now.
    pub fn address(&self) -> Option<Address> {
        self.addresses.first().map(|home| home.address)
    }

    /// POST /batches of a batch of this name, with this JSON text as its body.
    pub async fn submit(&self, name: &str, body: &str) -> Posted {
        let request = match self.request(&self.unpooled, Method::POST, "/batches").await {
            Ok(request) => request,
            Err(reason) => return Posted::NotNow(reason.reason()),
        };
        match request.header("Content-Type", "application/json").body(body.to_owned()).send().await {
            Ok(response) => {
                let status = response.status().as_u16();
                livy_wire::posted(status, read_body(response).await.ok().as_deref(), name)
            }
            // The connection never came up (TLS is part of it), so not a byte of the request was sent.
            Err(error) if error.is_connect() => Posted::NotNow(self.unpooled.failure(&error).reason()),
            Err(error) => Posted::Unsure { answered: false, reason: self.unpooled.failure(&error).reason() },
        }
    }

    /// GET /batches/{name}; `None` where Livy has no such record. Of a name that begins with `-` only the end is known
    /// (an unreadable journal entry), and the list is searched.
    ///
    /// # Errors
    /// [`Unreachable`] for everything that is neither a record nor Livy's 404.
    pub async fn find(&self, name: &str) -> Result<Option<BatchView>, Unreachable> {
        if name.starts_with('-') {
            let end = name.to_owned();
            return Ok(self.list(move |name| name.ends_with(&end)).await?.into_iter().next());
        }
        let (status, body) = self.get(&format!("/batches/{name}")).await?;
        match status {
            StatusCode::OK => livy_wire::view(&body).map(Some).map_err(|error| unparsable(&error)),
            StatusCode::NOT_FOUND if is_livys(&body) => Ok(None),
            _ => Err(self.pooled.refused(status, &body).into()),
        }
    }

    /// The last lines of a batch's log; none where Livy has no such batch.
    ///
    /// # Errors
    /// As [`Livy::find`].
    pub async fn log(&self, name: &str) -> Result<Vec<String>, Unreachable> {
        let (status, body) = self.get(&format!("/batches/{name}/log?size={LOG_LINES}")).await?;
        match status {
            StatusCode::OK => livy_wire::log(&body).map_err(|error| unparsable(&error)),
            StatusCode::NOT_FOUND if is_livys(&body) => Ok(Vec::new()),
            _ => Err(self.pooled.refused(status, &body).into()),
        }
    }

    /// DELETE /batches/{name}. Livy says "deleted" also where it killed nothing.
    ///
    /// # Errors
    /// [`Unreachable`] where it did not say so; the request may still be at work in Livy.
    pub async fn delete(&self, name: &str) -> Result<Deleted, Unreachable> {
        let request = self.request(&self.unpooled, Method::DELETE, &format!("/batches/{name}")).await?;
        let response = self.unpooled.send(request.timeout(DELETE)).await?;
        let status = response.status();
        let body = read_body(response).await.unwrap_or_default();
        match status {
            status if status.is_success() => Ok(Deleted::Gone),
            StatusCode::NOT_FOUND if is_livys(&body) => Ok(Deleted::NotFound),
            _ => Err(self.pooled.refused(status, &body).into()),
        }
    }

    /// Whether Livy answers at all.
    ///
    /// # Errors
    /// [`ServiceError`] with the reason.
    pub async fn ping(&self) -> Result<(), ServiceError> {
        self.mark_stale_on_error(self.pinged().await)
    }

    async fn pinged(&self) -> Result<(), ServiceError> {
        let (status, body) = self.get("/batches?from=0&size=0").await?;
        if status != StatusCode::OK {
            return Err(self.pooled.refused(status, &body));
        }
        livy_wire::list(body.as_slice(), |_| false).map(drop).map_err(|error| unparsable(&error).into())
    }

    /// Livy's version.
    ///
    /// # Errors
    /// As [`Livy::ping`].
    pub async fn version(&self) -> Result<Version, ServiceError> {
        let (status, body) = self.get("/version").await?;
        if status != StatusCode::OK {
            return Err(self.pooled.refused(status, &body));
        }
        livy_wire::version(&body).map(Version).map_err(|error| unparsable(&error).into())
    }

    /// All batches of the `wanted` names, parsed as the answer streams in.
    ///
    /// # Errors
    /// As [`Livy::ping`]; a list that is cut short is no answer.
    pub async fn list(
        &self,
        wanted: impl Fn(&str) -> bool + Send + 'static,
    ) -> Result<Vec<BatchView>, ServiceError> {
        self.mark_stale_on_error(self.listed(wanted).await)
    }

    async fn listed(
        &self,
        wanted: impl Fn(&str) -> bool + Send + 'static,
    ) -> Result<Vec<BatchView>, ServiceError> {
        let path = format!("/batches?from=0&size={ALL}");
        let response = self.pooled.send(self.request(&self.pooled, Method::GET, &path).await?).await?;
        if response.status() != StatusCode::OK {
            let status = response.status();
            return Err(self.pooled.refused(status, &read_body(response).await.unwrap_or_default()));
        }
        Ok(read_streaming(response, |chunks| livy_wire::list(chunks, wanted)).await?)
    }

    async fn get(&self, path: &str) -> Result<(StatusCode, Vec<u8>), ServiceError> {
        call(&self.addresses, &self.pooled, Method::GET, path).await
    }

    async fn request(
        &self,
        connection: &Connection,
        method: Method,
        path: &str,
    ) -> Result<RequestBuilder, ServiceError> {
        request(&self.addresses, connection, method, path).await
    }

    /// A Livy that does not answer a sweep may be elsewhere by now.
    fn mark_stale_on_error<T>(&self, answer: Result<T, ServiceError>) -> Result<T, ServiceError> {
        if answer.is_err() {
            self.addresses.mark_stale();
        }
        answer
    }
}

/// A request to the Livy at the first of `addresses`.
pub(super) async fn request(
    addresses: &ServiceAddresses,
    connection: &Connection,
    method: Method,
    path: &str,
) -> Result<RequestBuilder, ServiceError> {
    let addresses = addresses.all().await?;
    let base = addresses.first().map(|home| home.address.base()).unwrap_or_default();
    let request = connection.request(method, &format!("{base}{path}"));
    // Livy's CSRF filter wants it on everything that changes something.
    Ok(request.header("X-Requested-By", "spark-job-worker"))
}

/// Such a request, and its whole answer.
pub(super) async fn call(
    addresses: &ServiceAddresses,
    connection: &Connection,
    method: Method,
    path: &str,
) -> Result<(StatusCode, Vec<u8>), ServiceError> {
    let response = connection.send(request(addresses, connection, method, path).await?).await?;
    let status = response.status();
    Ok((status, read_body(response).await?))
}

/// Livy's own 404 is JSON; a page comes from something else, and says nothing about batches.
fn is_livys(body: &[u8]) -> bool {
    matches!(body.first(), Some(b'{' | b'"'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn livy_before_0_7_is_too_old() {
        let table = [
            ("0.4.0-incubating", true),
            ("0.6.0-incubating", true),
            ("0.7.0-incubating", false),
            ("0.7.1-incubating-amzn-0", false),
            ("0.8.0", false),
            ("0.10.0-incubating-SNAPSHOT", false),
            ("1.0.0", false),
            ("latest", false),
        ];
        for (version, expected) in table {
            assert_eq!(Version(version.to_owned()).is_too_old(), expected, "{version}");
        }
    }
}
