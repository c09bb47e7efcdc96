//! Livy's JSON about sessions and statements, and the classification of its answers. Pure.

use std::io::Read;

use serde::Deserialize;
use serde_json::Value;

use super::livy_wire::reason;
use crate::job::world::{Heard, Said, SessionState, SessionView, StatementState, StatementView};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawSession {
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
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawInfo {
    #[serde(default)]
    driver_log_url: Option<String>,
    #[serde(default)]
    spark_ui_url: Option<String>,
}

#[derive(Deserialize)]
struct RawStatement {
    id: u64,
    code: String,
    state: String,
    #[serde(default)]
    output: Value,
}

impl From<RawSession> for SessionView {
    fn from(raw: RawSession) -> SessionView {
        let info = raw.app_info.unwrap_or_default();
        SessionView {
            id: raw.id,
            name: raw.name.unwrap_or_default(),
            state: SessionState::from(raw.state.as_str()),
            application: raw.app_id,
            proxy_user: raw.proxy_user,
            driver_log_url: info.driver_log_url,
            tracking_url: info.spark_ui_url,
        }
    }
}

impl From<RawStatement> for StatementView {
    fn from(raw: RawStatement) -> StatementView {
        StatementView {
            number: raw.id,
            mark: raw.code.lines().next().unwrap_or_default().to_owned(),
            state: match raw.state.as_str() {
                "available" => StatementState::Available,
                "cancelled" => StatementState::Cancelled,
                _ => StatementState::Under,
            },
            output: raw.output,
        }
    }
}

/// A session's view, as GET and POST answer it.
pub(super) fn session(body: &[u8]) -> Result<SessionView, serde_json::Error> {
    serde_json::from_slice::<RawSession>(body).map(SessionView::from)
}

fn statement(body: &[u8]) -> Option<StatementView> {
    serde_json::from_slice::<RawStatement>(body).ok().map(StatementView::from)
}

/// What an answered POST of a statement means. `body` is `None` where it could not be read.
///
/// Livy makes two calls for one POST, to submit and to read, so that a 500 can follow a statement that was taken
/// (`InteractiveSession.executeStatement`). Only one of its errors is known to come before.
pub(super) fn said(status: u16, body: Option<&[u8]>) -> Said {
    let Some(body) = body else { return Said::Unsure(format!("{status} (body lost)")) };
    let words = reason(body);
    match status {
        200..=299 => statement(body).map_or_else(|| Said::Unsure(format!("{status} {words}")), Said::Taken),
        400 if words.contains("Session isn't active") => Said::NotActive,
        404 if is_no_session(body) => Said::NoSession,
        // A server that asks for a name and a password has not looked at it.
        401 => Said::NotNow(format!("{status} {words}")),
        // Livy looks at the session's state before the first call (`ensureRunning`).
        500 if words.contains("Session is in state") => Said::NotNow(format!("{status} {words}")),
        _ => Said::Unsure(format!("{status} {words}")),
    }
}

/// What an answered GET of a statement means.
pub(super) fn heard(status: u16, body: &[u8], number: u64) -> Heard {
    let words = reason(body);
    match status {
        200 => match statement(body) {
            Some(view) if view.number == number => Heard::Statement(view),
            Some(_) | None => Heard::Silent("200 with something else than the statement".to_owned()),
        },
        400 if words.contains("Session isn't active") => Heard::NotActive,
        404 if is_no_session(body) => Heard::NoSession,
        404 if body.first() == Some(&b'"') && words.contains("Statement not found") => Heard::Nothing,
        _ => Heard::Silent(format!("{status} {words}")),
    }
}

/// Livy's own words for a session that it does not have. A page comes from something else, and says nothing.
pub(super) fn is_no_session(body: &[u8]) -> bool {
    body.first() == Some(&b'{') && reason(body).starts_with("Session '")
}

/// The wanted ones of a list of sessions. Each is an application that runs, so that there are never many.
pub(super) fn list(
    body: impl Read,
    wanted: impl Fn(&str) -> bool,
) -> Result<Vec<SessionView>, serde_json::Error> {
    #[derive(Deserialize)]
    struct RawList {
        sessions: Vec<RawSession>,
    }
    let list: RawList = serde_json::from_reader(body)?;
    let views = list.sessions.into_iter().map(SessionView::from);
    Ok(views.filter(|view| wanted(&view.name)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TAKEN: &str = r##"{"id":3,"code":"# sjw-1 2\n_sjw.run('1')","state":"waiting","output":null,"progress":0.0,"started":0,"completed":0}"##;
    const MISSING: &str = r#"{"msg":"Session 'a' not found."}"#;
    const INACTIVE: &str = r#"{"msg":"requirement failed: Session isn't active."}"#;

    #[derive(Debug, PartialEq)]
    enum Class {
        Taken,
        NotNow,
        Unsure,
        NoSession,
        NotActive,
    }

    #[test]
    fn every_answer_to_the_post_of_a_statement_has_its_class() {
        use Class::{NoSession, NotActive, NotNow, Taken, Unsure};
        let table: [(u16, Option<&str>, Class); 16] = [
            (201, Some(TAKEN), Taken),
            (201, Some("<html>"), Unsure),
            (201, None, Unsure),
            (302, Some(""), Unsure),
            (400, Some(INACTIVE), NotActive),
            (400, Some(r#"{"msg":"other"}"#), Unsure),
            (400, None, Unsure),
            (401, Some(""), NotNow),
            (404, Some(MISSING), NoSession),
            (404, Some("<html>Session 'a' not found.</html>"), Unsure),
            (500, Some(r#""java.lang.IllegalStateException: Session is in state starting""#), NotNow),
            (500, Some(r#""java.lang.IllegalStateException: Session is in state recovering""#), NotNow),
            // These can be of the second of Livy's two calls, which comes after the first.
            (500, Some(r#""java.util.concurrent.CancellationException""#), Unsure),
            (500, Some(r#""java.lang.IllegalStateException: RPC channel is closed.""#), Unsure),
            (502, Some("<html>Bad Gateway</html>"), Unsure),
            (503, None, Unsure),
        ];
        for (status, body, class) in table {
            let seen = match said(status, body.map(str::as_bytes)) {
                Said::Taken(view) => {
                    assert_eq!((view.number, view.mark.as_str()), (3, "# sjw-1 2"));
                    Taken
                }
                Said::NotNow(_) => NotNow,
                Said::Unsure(_) => Unsure,
                Said::NoSession => NoSession,
                Said::NotActive => NotActive,
            };
            assert_eq!(seen, class, "{status} {body:?}");
        }
    }

    #[test]
    fn every_answer_to_the_question_for_a_statement_has_its_class() {
        #[derive(Debug, PartialEq)]
        enum Answered {
            Statement,
            Nothing,
            Silent,
            NoSession,
            NotActive,
        }
        use Answered::{NoSession, NotActive, Nothing, Silent, Statement};
        let table: [(u16, &str, Answered); 10] = [
            (200, TAKEN, Statement),
            (200, &TAKEN.replace("\"id\":3", "\"id\":4"), Silent),
            (200, "{}", Silent),
            (400, INACTIVE, NotActive),
            (404, r#""Statement not found""#, Nothing),
            (404, MISSING, NoSession),
            (404, "<html>Statement not found</html>", Silent),
            (500, r#""java.lang.IllegalStateException: RPC channel is closed.""#, Silent),
            (503, "", Silent),
            (302, "", Silent),
        ];
        for (status, body, class) in table {
            let seen = match heard(status, body.as_bytes(), 3) {
                Heard::Statement(_) => Statement,
                Heard::Nothing => Nothing,
                Heard::Silent(_) => Silent,
                Heard::NoSession => NoSession,
                Heard::NotActive => NotActive,
            };
            assert_eq!(seen, class, "{status} {body:?}");
        }
    }

    #[test]
    fn a_statement_is_under_way_until_livy_says_otherwise() {
        for (word, expected) in [
            ("waiting", StatementState::Under),
            ("running", StatementState::Under),
            ("cancelling", StatementState::Under),
            ("something new", StatementState::Under),
            ("available", StatementState::Available),
            ("cancelled", StatementState::Cancelled),
        ] {
            let body = TAKEN.replace("waiting", word);
            let Heard::Statement(view) = heard(200, body.as_bytes(), 3) else { panic!("{word}") };
            assert_eq!((view.state, view.output), (expected, Value::Null), "{word}");
        }
    }

    #[test]
    fn a_session_is_read_in_every_version_and_a_list_keeps_what_is_wanted() {
        let older = r#"{"id":0,"name":"a","appId":null,"owner":null,"proxyUser":null,"state":"starting","kind":"pyspark","appInfo":{"driverLogUrl":null,"sparkUiUrl":null},"log":["x"]}"#;
        let newer = r#"{"id":1,"name":"b","appId":"application_1_1","owner":null,"proxyUser":"u","state":"idle","kind":"pyspark","appInfo":{"driverLogUrl":"d","sparkUiUrl":"t"},"log":[],"ttl":null,"driverMemory":"1g"}"#;
        assert_eq!(session(older.as_bytes()).expect("a view").state, SessionState::Starting);
        let list_of = |text: &str| list(text.as_bytes(), |name| name == "b");
        let views =
            list_of(&format!(r#"{{"from":0,"total":2,"sessions":[{older},{newer}]}}"#)).expect("a list");
        let [view] = &views[..] else { panic!("{views:?}") };
        assert_eq!((view.id, view.application.as_deref()), (1, Some("application_1_1")));
        assert_eq!((view.proxy_user.as_deref(), view.driver_log_url.as_deref()), (Some("u"), Some("d")));
        assert!(list_of(&format!(r#"{{"from":0,"sessions":[{older}"#)).is_err());
        assert!(list_of("{}").is_err() && list_of("<html>").is_err());
    }
}
