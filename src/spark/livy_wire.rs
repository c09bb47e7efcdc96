//! Livy's JSON and the classification of its answers. Pure.
//!
//! Livy answers errors in three shapes (`{"msg": …}`, a bare JSON string, an HTML page), and its 400 means four
//! different things, so the body is read before the status.

use std::fmt;
use std::io::Read;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::job::report::clip;
use crate::job::world::{BatchState, BatchView, Posted};

/// The most characters of an error body that go into a message.
const MAX_WORDS: usize = 2_000;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawView {
    id: u64,
    #[serde(default)]
    name: Option<String>,
    state: String,
    #[serde(default)]
    app_id: Option<String>,
    #[serde(default)]
    proxy_user: Option<String>,
    #[serde(default)]
    app_info: Option<RawInfo>,
    #[serde(default)]
    log: LogShape,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawInfo {
    #[serde(default)]
    driver_log_url: Option<String>,
    #[serde(default)]
    spark_ui_url: Option<String>,
}

impl From<RawView> for BatchView {
    fn from(raw: RawView) -> BatchView {
        let info = raw.app_info.unwrap_or(RawInfo { driver_log_url: None, spark_ui_url: None });
        BatchView {
            id: raw.id,
            name: raw.name.unwrap_or_default(),
            state: BatchState::from(raw.state.as_str()),
            application: raw.app_id,
            proxy_user: raw.proxy_user,
            driver_log_url: info.driver_log_url,
            tracking_url: info.spark_ui_url,
            log_is_empty: raw.log == LogShape::Empty,
        }
    }
}

/// Whether a log is exactly `[]`; its lines are passed over unread.
#[derive(Default, PartialEq)]
enum LogShape {
    #[default]
    Unknown,
    Empty,
    Lines,
}

impl<'de> Deserialize<'de> for LogShape {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<LogShape, D::Error> {
        struct Shape;
        impl<'de> Visitor<'de> for Shape {
            type Value = LogShape;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of lines or null")
            }

            fn visit_unit<E>(self) -> Result<LogShape, E> {
                Ok(LogShape::Unknown)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut lines: A) -> Result<LogShape, A::Error> {
                let mut shape = LogShape::Empty;
                while lines.next_element::<IgnoredAny>()?.is_some() {
                    shape = LogShape::Lines;
                }
                Ok(shape)
            }
        }
        deserializer.deserialize_any(Shape)
    }
}

/// A batch view, as GET and POST answer it.
pub(super) fn view(body: &[u8]) -> Result<BatchView, serde_json::Error> {
    serde_json::from_slice::<RawView>(body).map(BatchView::from)
}

/// The lines of `/batches/{id}/log`.
pub(super) fn log(body: &[u8]) -> Result<Vec<String>, serde_json::Error> {
    #[derive(Deserialize)]
    struct RawLog {
        log: Vec<String>,
    }
    serde_json::from_slice::<RawLog>(body).map(|raw| raw.log)
}

/// What `/version` calls Livy's version.
pub(super) fn version(body: &[u8]) -> Result<String, serde_json::Error> {
    #[derive(Deserialize)]
    struct RawVersion {
        version: String,
    }
    serde_json::from_slice::<RawVersion>(body).map(|raw| raw.version)
}

/// Reads a list of batches as it arrives and keeps the wanted ones, so that memory follows our jobs and not the list.
pub(super) fn list(
    body: impl Read,
    wanted: impl Fn(&str) -> bool,
) -> Result<Vec<BatchView>, serde_json::Error> {
    let mut deserializer = serde_json::Deserializer::from_reader(body);
    let views = List(&wanted).deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok(views)
}

struct List<'a, F>(&'a F);

impl<'de, F: Fn(&str) -> bool> DeserializeSeed<'de> for List<'_, F> {
    type Value = Vec<BatchView>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de, F: Fn(&str) -> bool> Visitor<'de> for List<'_, F> {
    type Value = Vec<BatchView>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of batches")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut sessions = None;
        while let Some(key) = map.next_key::<String>()? {
            if key == "sessions" {
                sessions = Some(map.next_value_seed(Sessions(self.0))?);
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        sessions.ok_or_else(|| serde::de::Error::missing_field("sessions"))
    }
}

struct Sessions<'a, F>(&'a F);

impl<'de, F: Fn(&str) -> bool> DeserializeSeed<'de> for Sessions<'_, F> {
    type Value = Vec<BatchView>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de, F: Fn(&str) -> bool> Visitor<'de> for Sessions<'_, F> {
    type Value = Vec<BatchView>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("batches")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut views = Vec::new();
        while let Some(raw) = seq.next_element::<RawView>()? {
            if raw.name.as_deref().is_some_and(self.0) {
                views.push(raw.into());
            }
        }
        Ok(views)
    }
}

/// What an answered POST of a batch means. `body` is `None` where it could not be read.
pub(super) fn posted(status: u16, body: Option<&[u8]>, name: &str) -> Posted {
    classed(status, body, |body| view(body).ok().filter(|view| view.name == name))
}

/// What an answered POST of a batch or a session means; `ours` reads the view that a 2xx must have.
pub(super) fn classed<V>(status: u16, body: Option<&[u8]>, ours: impl Fn(&[u8]) -> Option<V>) -> Posted<V> {
    let reason = format!("{status} {}", body.map(reason).unwrap_or_else(|| "(body lost)".to_owned()));
    let text = body.map(String::from_utf8_lossy).unwrap_or_default();
    match status {
        200..=299 => match body.and_then(ours) {
            Some(view) => Posted::Accepted(view),
            None => Posted::Unsure { answered: false, reason },
        },
        400 if body.is_none() => Posted::Unsure { answered: false, reason },
        400 if text.contains("too many sessions") => Posted::NotNow(reason),
        // Ours by construction, and perhaps of a POST that Livy is still at work on: looked for, never deleted.
        400 if text.contains("Duplicate session name") => Posted::Unsure { answered: false, reason },
        // It says nothing about the batch: a server that asks for a name and a password has not looked at it.
        401 => Posted::NotNow(reason),
        400 | 403 | 404 | 405 | 406 => Posted::Refused(reason),
        // Livy's own 500 is a JSON string: it has let go of the request. Others may stand between us and Livy.
        500 => Posted::Unsure { answered: text.starts_with('"'), reason },
        _ => Posted::Unsure { answered: false, reason },
    }
}

/// The message in an error body of any of the three shapes, in one line.
pub(super) fn reason(body: &[u8]) -> String {
    #[derive(Deserialize)]
    struct Message {
        msg: String,
    }
    let message = serde_json::from_slice::<Message>(body)
        .map(|message| message.msg)
        .or_else(|_| serde_json::from_slice::<String>(body))
        .unwrap_or_else(|_| without_tags(&String::from_utf8_lossy(body)));
    clip(&message.split_whitespace().collect::<Vec<_>>().join(" "), MAX_WORDS)
}

/// A page's text. Jetty's error pages are plain enough for this.
fn without_tags(page: &str) -> String {
    let mut text = String::new();
    let mut inside = false;
    for c in page.chars() {
        match c {
            '<' => inside = true,
            '>' => {
                inside = false;
                text.push(' ');
            }
            c if !inside => text.push(c),
            _ => {}
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_answer_to_a_post_has_its_class() {
        #[derive(Debug, PartialEq)]
        enum Class {
            Accepted,
            Refused,
            NotNow,
            Unsure(bool),
        }
        use Class::{Accepted, NotNow, Refused, Unsure};
        let ours = r#"{"id":0,"name":"a","state":"starting","appId":null,"appInfo":{},"log":[]}"#;
        let table: [(u16, Option<&str>, Class); 22] = [
            (201, Some(ours), Accepted),
            (201, Some(r#"{"id":0,"name":"b","state":"starting"}"#), Unsure(false)),
            (201, Some("<html>"), Unsure(false)),
            (201, None, Unsure(false)),
            (204, Some(""), Unsure(false)),
            (302, Some(""), Unsure(false)),
            (307, Some(ours), Unsure(false)),
            (400, Some(r#"{"msg":"Rejected, too many sessions are being created!"}"#), NotNow),
            (400, Some(r#""Rejected, too many sessions are being created!""#), NotNow),
            (400, Some(r#"{"msg":"Duplicate session name: Some(a) for session 12"}"#), Unsure(false)),
            (400, Some(r#"{"msg":"Rejected, Reason: Duplicate session name: Some(a)"}"#), Unsure(false)),
            (400, Some(r#"{"msg":"requirement failed: Path 'x' is not absolute."}"#), Refused),
            (400, Some("<html>Missing Required Header for CSRF protection.</html>"), Refused),
            (400, None, Unsure(false)),
            (401, Some(""), NotNow),
            (403, Some(""), Refused),
            (404, Some("<html>"), Refused),
            (405, Some(""), Refused),
            (406, Some(""), Refused),
            (500, Some(r#""java.lang.NullPointerException""#), Unsure(true)),
            (502, Some("<html>Bad Gateway</html>"), Unsure(false)),
            (503, None, Unsure(false)),
        ];
        for (status, body, class) in table {
            let seen = match posted(status, body.map(str::as_bytes), "a") {
                Posted::Accepted(_) => Accepted,
                Posted::Refused(_) => Refused,
                Posted::NotNow(_) => NotNow,
                Posted::Unsure { answered, .. } => Unsure(answered),
            };
            assert_eq!(seen, class, "{status} {body:?}");
        }
    }

    #[test]
    fn words_come_out_of_all_three_shapes() {
        assert_eq!(reason(br#"{"msg":"Session '9' not found."}"#), "Session '9' not found.");
        assert_eq!(reason(br#""java.io.IOException: error=7""#), "java.io.IOException: error=7");
        assert_eq!(reason(b"<html><h2>HTTP ERROR 404</h2>\n<p>gone</p></html>"), "HTTP ERROR 404 gone");
        assert_eq!(reason(b""), "");
    }

    #[test]
    fn only_a_log_that_is_exactly_empty_is_hollow() {
        let with = |log: &str| view(format!(r#"{{"id":1,"name":"a","state":"starting"{log}}}"#).as_bytes());
        assert!(with(r#","log":[]"#).expect("a view").log_is_empty);
        assert!(!with(r#","log":["stdout: ","\nstderr: "]"#).expect("a view").log_is_empty);
        assert!(!with(r#","log":null"#).expect("a view").log_is_empty);
        assert!(!with("").expect("a view").log_is_empty);
    }

    #[test]
    fn a_list_keeps_what_is_wanted_and_refuses_a_cut_one() {
        let text = r#"{"from":0,"total":2,"sessions":[{"id":0,"name":"a","state":"running","log":["x"]},
            {"id":1,"name":null,"state":"dead"},{"id":2,"name":"b","state":"odd","extra":{"y":[1]}}]}"#;
        let views = list(text.as_bytes(), |name| name == "b").expect("a list");
        assert_eq!(views.len(), 1);
        assert_eq!(views[0].state, BatchState::Other("odd".into()));
        assert!(list(&text.as_bytes()[..text.len() - 3], |_| true).is_err());
        assert!(list(&b"{}"[..], |_| true).is_err());
        assert!(list(&b"<html>"[..], |_| true).is_err());
    }
}
