//! An application as a ResourceManager writes it down.
//!
//! Answers are read leniently: fields come and go between Hadoop 2.7 and 3.4, numbers can be `INF` or `NaN` (YARN-7699),
//! and diagnostics have no limit before Hadoop 2.9. Each field is bounded, so that no answer is too long to be read.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::job::application::{AppEnd, AppState, Application};
use crate::job::tags;
use crate::job::timestamp::Timestamp;

/// The most bytes that are kept of one text. Its beginning and its end say the most. It has room for the 65,536
/// characters of diagnostics that a ResourceManager keeps, and for its words about that.
const MAX_TEXT: usize = 65 * 1024;

/// The answer about one application.
#[derive(Deserialize)]
pub(super) struct One {
    pub(super) app: RawApplication,
}

/// The fields that matter.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RawApplication {
    id: String,
    #[serde(default, deserialize_with = "bounded")]
    pub(super) name: String,
    state: String,
    #[serde(default, deserialize_with = "bounded")]
    application_tags: String,
    #[serde(default)]
    progress: Number,
    #[serde(default)]
    final_status: String,
    #[serde(default)]
    started_time: Number,
    #[serde(default)]
    launch_time: Number,
    #[serde(default)]
    finished_time: Number,
    #[serde(default)]
    memory_seconds: Number,
    #[serde(default)]
    vcore_seconds: Number,
    #[serde(default, deserialize_with = "bounded")]
    diagnostics: String,
    #[serde(default, deserialize_with = "bounded")]
    tracking_url: String,
    #[serde(default, deserialize_with = "bounded")]
    am_container_logs: String,
}

impl RawApplication {
    /// The tag of its run.
    pub(super) fn run_tag(&self) -> Option<&str> {
        tags::run_among(&self.application_tags)
    }

    /// Progress in percent; 0 where YARN says none.
    #[expect(clippy::cast_possible_truncation, reason = "a percentage")]
    pub(super) fn progress(&self) -> f32 {
        self.progress.0.filter(|number| number.is_finite()).unwrap_or_default() as f32
    }
}

impl From<RawApplication> for Application {
    fn from(raw: RawApplication) -> Application {
        let some = |text: String| (!text.is_empty()).then_some(text);
        // 0 is what YARN says of a time that has not come, or that the asker may not see; -1 of a count.
        let time = |number: Number| number.whole().filter(|time| *time > 0).map(Timestamp);
        let finished = time(raw.finished_time);
        let is_visible = raw.started_time.whole().is_some_and(|time| time > 0);
        Application {
            state: state(&raw.state, &raw.final_status),
            word: raw.state,
            id: raw.id,
            started: time(raw.started_time),
            launched: time(raw.launch_time),
            finished,
            memory_seconds: raw.memory_seconds.whole().filter(|_| is_visible),
            vcore_seconds: raw.vcore_seconds.whole().filter(|_| is_visible),
            diagnostics: raw.diagnostics,
            tracking_url: some(raw.tracking_url),
            log_url: some(raw.am_container_logs),
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

/// A number, also where it is written as a text, or is none.
#[derive(Default, Clone, Copy)]
struct Number(Option<f64>);

impl Number {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "within its bounds")]
    fn whole(self) -> Option<u64> {
        // Below 2^53 a float is exact; no time and no count of ours is larger.
        self.0.filter(|number| (0.0..9.007_199_254_740_992e15).contains(number)).map(|number| number as u64)
    }
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Number, D::Error> {
        let value = serde_json::Value::deserialize(deserializer)?;
        Ok(Number(match &value {
            serde_json::Value::Number(number) => number.as_f64(),
            serde_json::Value::String(text) => text.parse().ok(),
            serde_json::Value::Null
            | serde_json::Value::Bool(_)
            | serde_json::Value::Array(_)
            | serde_json::Value::Object(_) => None,
        }))
    }
}

/// A text of which the middle is left out where it is too long. Anything else counts as empty.
fn bounded<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    struct Text;
    impl<'de> Visitor<'de> for Text {
        type Value = String;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a text")
        }

        fn visit_str<E>(self, text: &str) -> Result<String, E> {
            Ok(shortened(text))
        }

        fn visit_unit<E>(self) -> Result<String, E> {
            Ok(String::new())
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<String, A::Error> {
            while seq.next_element::<IgnoredAny>()?.is_some() {}
            Ok(String::new())
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<String, A::Error> {
            while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
            Ok(String::new())
        }
    }
    deserializer.deserialize_any(Text)
}

/// The first and the last quarter of what may be kept twice over.
fn shortened(text: &str) -> String {
    if text.len() <= MAX_TEXT {
        return text.to_owned();
    }
    let half = MAX_TEXT / 2;
    let (head, tail) = (text.floor_char_boundary(half), text.ceil_char_boundary(text.len() - half));
    format!("{}\n[{} bytes left out]\n{}", &text[..head], tail - head, &text[tail..])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::application::oldest_first;

    fn read(text: &str) -> Application {
        serde_json::from_str::<One>(text).expect("it is read").app.into()
    }

    #[test]
    fn a_text_without_limit_is_kept_in_part() {
        let long = format!("first {} last", "é".repeat(4 << 20));
        let text = serde_json::json!({"app": {"id": "a_1_1", "state": "FAILED", "diagnostics": long}});
        let said = read(&text.to_string()).diagnostics;
        assert!(said.len() < MAX_TEXT + 100, "{}", said.len());
        assert!(said.starts_with("first é") && said.ends_with("é last"), "both ends are kept");
    }

    #[test]
    fn what_a_resource_manager_keeps_of_diagnostics_is_read_whole() {
        let end = "e".repeat(65_536);
        let said =
            format!("Diagnostic messages truncated, showing last 65536 chars out of 1048576000:\n...{end}");
        let text = serde_json::json!({"app": {"id": "a_1_1", "state": "FAILED", "diagnostics": said}});
        assert!(read(&text.to_string()).diagnostics == said);
    }

    #[test]
    fn numbers_that_are_none_and_fields_of_another_kind_are_no_reason_not_to_read_the_rest() {
        let said = read(
            r#"{"app": {"id": "a_1_1", "state": "FINISHED", "finalStatus": "SUCCEEDED", "progress": "NaN",
                "startedTime": 5, "finishedTime": "9", "memorySeconds": "INF", "vcoreSeconds": -1,
                "diagnostics": null, "trackingUrl": {"x": [1]}, "name": [1, {}]}}"#,
        );
        assert_eq!(said.state, AppState::Ended(AppEnd::Succeeded));
        assert_eq!((said.started, said.finished), (Some(Timestamp(5)), Some(Timestamp(9))));
        assert_eq!((said.memory_seconds, said.vcore_seconds, said.tracking_url), (None, None, None));
    }

    #[test]
    fn times_that_may_not_be_seen_are_unknown_and_then_the_lowest_id_is_the_oldest() {
        let app = |id: &str, started: u64| {
            read(&format!(r#"{{"app": {{"id": "{id}", "state": "RUNNING", "startedTime": {started}}}}}"#))
        };
        assert_eq!(app("application_1_0001", 0).started, None);
        let mut hidden = [app("application_1_10000", 0), app("application_1_9999", 0)];
        hidden.sort_by(oldest_first);
        assert_eq!(hidden[0].id, "application_1_9999");
        let mut seen = [app("application_1_0002", 7), app("application_1_0003", 6)];
        seen.sort_by(oldest_first);
        assert_eq!(seen[0].id, "application_1_0003");
    }

    #[test]
    fn json_of_something_else_is_no_answer() {
        for odd in ["{}", r#"{"app": null}"#, r#"{"app": {}}"#, r#"{"app": {"id": "a_1_1"}}"#] {
            assert!(serde_json::from_str::<One>(odd).is_err(), "{odd}");
        }
    }

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
