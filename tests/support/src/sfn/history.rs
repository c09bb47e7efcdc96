//! The history of an execution, as GetExecutionHistory shows it.

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

/// The events so far.
#[derive(Clone, Debug, Default)]
pub(super) struct History(Vec<Value>);

impl History {
    /// Adds an event; `details` is the name of its object and the object.
    pub(super) fn add(&mut self, kind: &str, details: Option<(&str, Value)>) {
        let id = self.0.len() + 1;
        // The first two both follow upon nothing.
        let previous = if id == 2 { 0 } else { id - 1 };
        let mut event = json!({ "id": id, "previousEventId": previous, "timestamp": now(), "type": kind });
        if let Some((name, mut details)) = details {
            for (text, about) in [("input", "inputDetails"), ("output", "outputDetails")] {
                if details.get(text).is_some() {
                    details[about] = json!({ "truncated": false });
                }
            }
            event[name] = details;
        }
        self.0.push(event);
    }

    pub(super) fn events(&self) -> &[Value] {
        &self.0
    }
}

/// An object of the members that are there.
pub(super) fn members<const N: usize>(pairs: [(&str, Option<&str>); N]) -> Value {
    let present = pairs.into_iter().filter_map(|(name, text)| Some((name.to_owned(), json!(text?))));
    Value::Object(present.collect())
}

/// Seconds since 1970, with a fraction: how awsJson writes a time.
pub(super) fn now() -> f64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock is past 1970");
    (since.as_secs_f64() * 1000.0).round() / 1000.0
}
