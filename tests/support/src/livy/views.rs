//! What Livy shows: views of batches, and its three shapes of an error.

use serde_json::{Value, json};

use super::record::Record;
use super::request::Refusal;
use super::settings::{Master, Settings, Version};
use crate::http::Answer;

const JSON: &str = "application/json;charset=utf-8";

/// How many lines of the log a view shows.
const SHOWN_LINES: usize = 10;

pub(super) fn json_answer(status: u16, body: &Value) -> Answer {
    Answer::new(status, JSON, body.to_string())
}

/// The shape of most errors.
pub(super) fn message(status: u16, text: &str) -> Answer {
    json_answer(status, &json!({ "msg": text }))
}

/// The shape of what Jackson or an unforeseen exception says.
pub(super) fn bare(status: u16, text: &str) -> Answer {
    json_answer(status, &json!(text))
}

/// The page that the servlet container makes of an error of its own.
pub(super) fn page(status: u16, path: &str, text: &str) -> Answer {
    let body = format!(
        "<html>\n<head>\n<meta http-equiv=\"Content-Type\" content=\"text/html;charset=ISO-8859-1\"/>\n\
         <title>Error {status} </title>\n</head>\n<body>\n<h2>HTTP ERROR: {status}</h2>\n\
         <p>Problem accessing {path}. Reason:\n<pre>    {text}</pre></p>\n\
         <hr /><a href=\"http://eclipse.org/jetty\">Powered by Jetty:// 9.3.24.v20180605</a><hr/>\n</body>\n</html>\n"
    );
    Answer::new(status, "text/html;charset=iso-8859-1", body)
}

/// A path that nobody serves: no body, typed by whose it would be.
pub(super) fn no_such_path(of_batches: bool) -> Answer {
    Answer::new(404, if of_batches { JSON } else { "text/html;charset=utf-8" }, "")
}

/// A method that a path does not take: no body.
pub(super) fn no_such_method(allowed: &str) -> Answer {
    Answer::new(405, JSON, "").with("allow", allowed)
}

/// The answer to a POST that is refused.
pub(super) fn refused(refusal: &Refusal, version: Version) -> Answer {
    match refusal {
        Refusal::Unreadable(reason) => bare(400, reason),
        Refusal::Illegal(reason) => message(400, &version.rejection(reason)),
        Refusal::Exception(reason) => bare(500, reason),
    }
}

/// A batch, as POST, GET and the list show it.
pub(super) fn batch(record: &Record, settings: &Settings) -> Value {
    let log = record.log(settings.master);
    json!({
        "id": record.id,
        "name": record.name,
        "owner": null,
        "proxyUser": null,
        "state": record.state,
        "appId": record.app_id,
        "appInfo": app_info(record, settings),
        "log": log[log.len().saturating_sub(SHOWN_LINES)..],
    })
}

fn app_info(record: &Record, settings: &Settings) -> Value {
    let looked = settings.master == Master::Yarn && record.state != "recovering";
    let yarn = record.app_id.as_deref().filter(|_| looked);
    let container = yarn.map(|id| id.replacen("application", "container", 1));
    let log = container
        .filter(|_| record.state != "success")
        .map(|container| format!("http://localhost:8042/node/containerlogs/{container}_01_000001/hadoop"));
    let mut info = json!({
        "driverLogUrl": log,
        "sparkUiUrl": yarn.map(|id| format!("http://localhost:8088/proxy/{id}/")),
    });
    if settings.version >= Version::V0_9 {
        info["executorLogUrls"] = Value::Null;
    }
    info
}

/// A window of a batch's log.
pub(super) fn log(record: &Record, master: Master, from: Option<i64>, size: Option<i64>) -> Value {
    let lines = record.log(master);
    let total = lines.len() as i64;
    let size = size.map_or(100, |size| if size < 0 { total } else { size });
    let from = from.filter(|from| *from >= 0).unwrap_or((total - size).max(0));
    json!({ "id": record.id, "from": from, "total": total, "log": window(&lines, from, size) })
}

/// The items of a positional window; fewer, or none, where it lies beyond the end.
pub(super) fn window<T>(items: &[T], from: i64, size: i64) -> &[T] {
    let bound = |at: i64| usize::try_from(at.max(0)).unwrap_or(usize::MAX).min(items.len());
    let start = bound(from);
    &items[start..bound(from.saturating_add(size)).max(start)]
}

pub(super) fn version(version: Version) -> Value {
    json!({
        "url": "https://github.com/apache/incubator-livy.git",
        "branch": "stand-in",
        "revision": "0000000000000000000000000000000000000000",
        "version": version.text(),
        "date": "2024-01-01T00:00:00Z",
        "user": "stand-in",
    })
}
