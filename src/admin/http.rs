//! The loopback endpoint: the page at `/`, `/status`, `/history`, `/healthz` and `/metrics`. It only reads, and answers only those who name
//! this node in `Host`: a web page that a browser on the node shows must not get at it.

use std::convert::Infallible;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{
    ALLOW, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HOST, HeaderValue, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS,
};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use serde::Serialize;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinError;
use tokio::time::{sleep, timeout};
use tracing::warn;

use super::{Admin, Overview};
use super::{openmetrics, page};
use crate::printable::printable;

/// Connections at once: some scrapers and a person.
const CONNECTIONS: usize = 16;
/// A connection may be silent for so long.
const IDLE: Duration = Duration::from_secs(10);
/// A connection may live so long.
const LIFE: Duration = Duration::from_secs(120);
const TEXT: &str = "text/plain; charset=utf-8";
const JSON: &str = "application/json";

/// The endpoint.
#[derive(Debug)]
pub struct Endpoint(TcpListener);

impl Endpoint {
    /// Listens at `address`.
    ///
    /// # Errors
    /// Where that cannot be had.
    pub async fn bind(address: SocketAddr) -> io::Result<Endpoint> {
        TcpListener::bind(address).await.map(Endpoint)
    }

    /// Where it listens.
    ///
    /// # Errors
    /// Where the system does not say.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }

    /// Answers until it is dropped.
    pub async fn serve(self, admin: Arc<Admin>) {
        let places = Arc::new(Semaphore::new(CONNECTIONS));
        loop {
            let place = Arc::clone(&places).acquire_owned().await;
            match self.0.accept().await {
                Ok((stream, _)) => {
                    let admin = Arc::clone(&admin);
                    tokio::spawn(async move {
                        let _place = place;
                        // A connection that ends early, or stays too long, is no error.
                        let _ = timeout(LIFE, converse(stream, admin)).await;
                    });
                }
                Err(error) => {
                    warn!("the HTTP endpoint cannot accept connections: {error}");
                    sleep(Duration::from_secs(1)).await;
                }
            }
        }
    }
}

async fn converse(stream: TcpStream, admin: Arc<Admin>) -> Result<(), hyper::Error> {
    let service = service_fn(|request| {
        let admin = Arc::clone(&admin);
        async move { Ok::<_, Infallible>(answer(&request, &admin).await) }
    });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(IDLE);
    http.serve_connection(TokioIo::new(stream), service).await
}

async fn answer(request: &Request<Incoming>, admin: &Arc<Admin>) -> Response<Full<Bytes>> {
    let host = request.headers().get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    if !is_this_node(host) {
        return text(StatusCode::FORBIDDEN, "this endpoint answers to localhost alone\n");
    }
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let mut refused = text(StatusCode::METHOD_NOT_ALLOWED, "this endpoint only reads\n");
        refused.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return refused;
    }
    match request.uri().path() {
        "/status" => made(JSON, admin.shown(|admin| shown(&pretty(&admin.overview()))).await),
        "/history" => respond(StatusCode::OK, JSON, shown(&pretty(&admin.finished()))),
        "/metrics" => {
            made(openmetrics::CONTENT_TYPE, admin.shown(|admin| admin.metrics().into_bytes()).await)
        }
        "/healthz" => admin.summed_up().await.map_or_else(bug, |now| healthz(&now)),
        "/" => made(page::TYPE, admin.shown(|admin| admin.page().into_bytes()).await),
        "/page.css" => respond(StatusCode::OK, "text/css; charset=utf-8", page::STYLE.into()),
        "/page.js" => respond(StatusCode::OK, "text/javascript; charset=utf-8", page::SCRIPT.into()),
        _ => text(StatusCode::NOT_FOUND, "there are /, /status, /history, /healthz and /metrics\n"),
    }
}

/// Well, or what is not. A pause was asked for, and is said beside either.
fn healthz(now: &Overview) -> Response<Full<Bytes>> {
    let (status, mut lines) = match now.problems.is_empty() {
        true => (StatusCode::OK, vec!["ok".into()]),
        false => {
            let problems = now.problems.iter().map(|problem| printable(problem)).collect();
            (StatusCode::SERVICE_UNAVAILABLE, problems)
        }
    };
    let paused = now.paused.as_ref().map(|paused| paused.line(!now.queues.is_empty()));
    lines.extend(paused.as_deref().map(printable));
    text(status, &(lines.join("\n") + "\n"))
}

fn pretty(value: &impl Serialize) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}

fn made(kind: &'static str, body: Result<Vec<u8>, JoinError>) -> Response<Full<Bytes>> {
    body.map_or_else(bug, |body| respond(StatusCode::OK, kind, body))
}

/// What the panic says is a line of the log.
fn bug(_: JoinError) -> Response<Full<Bytes>> {
    text(StatusCode::INTERNAL_SERVER_ERROR, "a bug in the worker: its log says more\n")
}

/// Whether a `Host` header means this node's loopback. A name that somebody's DNS points here is not among them.
fn is_this_node(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        Some(_) | None => host,
    };
    let name = name.trim_start_matches('[').trim_end_matches(']');
    name.eq_ignore_ascii_case("localhost")
        || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn text(status: StatusCode, body: &str) -> Response<Full<Bytes>> {
    respond(status, TEXT, shown(body))
}

/// A text whose lines are printable: somebody looks at it in a terminal.
fn shown(text: &str) -> Vec<u8> {
    let mut shown = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        let end = if line.ends_with('\n') { "\n" } else { "" };
        shown.push_str(&printable(&line[..line.len() - end.len()]));
        shown.push_str(end);
    }
    shown.into_bytes()
}

fn respond(status: StatusCode, kind: &'static str, body: Vec<u8>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    for (name, value) in [
        (CONTENT_TYPE, kind),
        (CACHE_CONTROL, "no-store"),
        (CONTENT_SECURITY_POLICY, page::POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "no-referrer"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::is_this_node;

    #[test]
    fn only_names_of_the_loopback_are_this_node() {
        for host in ["localhost", "LOCALHOST:9108", "127.0.0.1:9108", "127.1.2.3", "[::1]:9108", "[::1]"] {
            assert!(is_this_node(host), "{host}");
        }
        for host in ["", "example.org", "localhost.example.org:9108", "10.0.0.1:9108", "[fe80::1]", "a:b"] {
            assert!(!is_this_node(host), "{host}");
        }
    }
}
