//! How a service of the cluster is reached: the one place where HTTP clients are built.
//!
//! The name and password of a service go to the places that the configuration names and nowhere else, whatever it
//! redirects or links to.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use reqwest::header::WWW_AUTHENTICATE;
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode, Url, redirect, retry};

use super::addresses::ServiceAddresses;
use super::livy_wire;
use super::tls::{self, Trust};
use crate::causes::innermost;
use crate::job::world::ServiceError;

/// Idle connections go before the servers' Jetty closes them after 30 s (its default; neither sets one).
const POOL_IDLE: Duration = Duration::from_secs(20);
/// To a service on this node or its subnet, TLS included.
const CONNECT: Duration = Duration::from_secs(5);

/// TLS trust and login for one service.
#[derive(Debug, Clone)]
pub struct Access {
    /// The table of the configuration that says so, for the fix in messages.
    pub table: &'static str,
    /// Which servers are believed.
    pub trust: Trust,
    /// The login for it; none where it does not ask for one.
    pub login: Option<Login>,
}

/// A name and a password for HTTP's basic authentication. The password is never shown.
#[derive(Clone)]
pub struct Login {
    username: String,
    password: String,
}

impl Login {
    /// Takes a name, without a colon, and its password.
    pub fn new(username: String, password: String) -> Login {
        Login { username, password }
    }
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Login({}, …)", self.username)
    }
}

/// What becomes of connections after an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pool {
    /// They are kept for the next request.
    Kept,
    /// Each request has one of its own.
    None,
}

/// A client with what it needs to be let in.
#[derive(Debug, Clone)]
pub(super) struct Connection {
    client: Client,
    table: &'static str,
    login: Option<Login>,
    /// Where the login may go.
    addresses: ServiceAddresses,
}

impl Connection {
    /// A client for `addresses`: nothing is repeated or redirected by itself, and nothing goes through a proxy. Requests may
    /// take `timeout` unless they say otherwise.
    pub(super) fn new(
        access: &Access,
        addresses: &ServiceAddresses,
        timeout: Duration,
        pool: Pool,
    ) -> Result<Connection, Box<dyn Error + Send + Sync>> {
        let mut builder = Client::builder()
            .retry(retry::never())
            .redirect(redirect::Policy::none())
            .no_proxy()
            .http1_only()
            .tcp_nodelay(true)
            .timeout(timeout)
            .connect_timeout(CONNECT.min(timeout))
            .pool_idle_timeout(POOL_IDLE);
        if pool == Pool::None {
            builder = builder.pool_max_idle_per_host(0);
        }
        if let Some(config) = tls::config(&access.trust)? {
            builder = builder.tls_backend_preconfigured(config);
        }
        let (table, login) = (access.table, access.login.clone());
        Ok(Connection { client: builder.build()?, table, login, addresses: addresses.clone() })
    }

    /// A request, with the login where it is for one of the service's own places.
    pub(super) fn request(&self, method: Method, url: &str) -> RequestBuilder {
        let request = self.client.request(method, url);
        match &self.login {
            Some(login) if self.is_own_address(url) => {
                request.basic_auth(&login.username, Some(&login.password))
            }
            Some(_) | None => request,
        }
    }

    fn is_own_address(&self, url: &str) -> bool {
        let known = self.addresses.known();
        let (Ok(url), Ok(found)) = (Url::parse(url), &*known) else { return false };
        found.addresses.iter().any(|home| home.address.serves(&url))
    }

    /// Sends a request. A demand for Kerberos is an error: no login of the configuration can satisfy it.
    pub(super) async fn send(&self, request: RequestBuilder) -> Result<Response, ServiceError> {
        let response = request.send().await.map_err(|error| self.failure(&error))?;
        if response.status() == StatusCode::UNAUTHORIZED && wants_kerberos(&response) {
            return Err(ServiceError::AccessDenied(
                "it wants Kerberos (SPNEGO), which is not supported".to_owned(),
            ));
        }
        Ok(response)
    }

    /// Why a request got no answer.
    pub(super) fn failure(&self, error: &reqwest::Error) -> ServiceError {
        match tls::objection(error, self.table) {
            Some(reason) => ServiceError::AccessDenied(reason),
            None => ServiceError::Unavailable(reason(error)),
        }
    }

    /// The error that an unexpected status is.
    pub(super) fn refused(&self, status: StatusCode, body: &[u8]) -> ServiceError {
        let reason = format!("{} {}", status.as_u16(), livy_wire::reason(body));
        match &self.login {
            _ if status != StatusCode::UNAUTHORIZED => ServiceError::Unavailable(reason),
            None => ServiceError::AccessDenied(format!(
                "it wants authentication ({}): set username and password_file in [{}]",
                reason.trim_end(),
                self.table
            )),
            Some(_) => ServiceError::AccessDenied(format!(
                "it does not take username and password of [{}] ({})",
                self.table,
                reason.trim_end()
            )),
        }
    }
}

/// Whether an answer offers SPNEGO and no password.
fn wants_kerberos(response: &Response) -> bool {
    let offers = |scheme: &str| {
        let challenges = response.headers().get_all(WWW_AUTHENTICATE).iter();
        challenges.filter_map(|value| value.to_str().ok()).any(|value| {
            let first = value.split([' ', ',']).next().unwrap_or_default();
            first.eq_ignore_ascii_case(scheme)
        })
    };
    offers("negotiate") && !offers("basic")
}

/// Why a request failed.
pub(super) fn reason(error: &reqwest::Error) -> String {
    let reason = innermost(error);
    if error.is_timeout() { format!("timed out ({reason})") } else { reason.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spark::address::Address;
    use crate::spark::addresses::{KnownAddresses, ServiceAddress};

    #[test]
    fn a_login_goes_home_only_and_is_never_shown() {
        let login = Login::new("worker".to_owned(), "hunter2".to_owned());
        let access = Access { table: "yarn", trust: Trust::Anyone, login: Some(login) };
        let home = |url| ServiceAddress { address: Address::parse(url).unwrap(), source: String::new() };
        let addresses = vec![home("https://rm-1:8090"), home("http://rm-2/base")];
        let addresses = ServiceAddresses::new("YARN", move || {
            Ok(KnownAddresses { addresses: addresses.clone(), filters_lists: false })
        });
        let connection = Connection::new(&access, &addresses, Duration::from_secs(1), Pool::Kept).unwrap();
        let table = [
            ("https://rm-1:8090/ws/v1/cluster/info", true),
            ("https://RM-1:8090/", true),
            ("http://rm-2:80/base/x", true),
            ("http://rm-1:8090/", false),
            ("https://rm-1:8044/node", false),
            ("https://rm-1/", false),
            ("https://rm-1:8090@evil.example/", false),
            ("https://nm-1:8090/", false),
        ];
        for (url, expected) in table {
            let request = connection.request(Method::GET, url).build().unwrap();
            let said = request.headers().get("authorization").map(|value| value.as_bytes());
            assert_eq!(said == Some(b"Basic d29ya2VyOmh1bnRlcjI="), expected, "{url}");
            assert!(!format!("{request:?} {access:?} {connection:?}").contains("hunter2"));
        }
    }
}
