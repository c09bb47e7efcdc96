//! What the end of a session says that the end of a batch does not.

use serde_json::{Map, Value, json};

use super::mask::mask;
use super::{MAX_OUTPUT, Success, failed_work};
use crate::job::statements::check::Told;

/// What is taken off the room for texts: the word that says that one was cut, for each of them, and a little more.
const SPARE: usize = 64;
/// What one cut text takes beside itself.
const CUT: usize = 16;

/// What the statements of a session came to.
#[derive(Debug, Clone, PartialEq)]
pub struct Spoken {
    /// Livy's number of the session.
    pub session: Option<u64>,
    /// JSON text: the result, where one was asked for.
    pub result: Option<String>,
    /// What each statement printed, and how long it took.
    pub statements: Vec<Told>,
}

/// Where the statements of a session were when it failed.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Stopped {
    /// Livy's number of the session.
    pub session: Option<u64>,
    /// The statement that was on, from 1; none before the first, and for the result.
    pub statement: Option<u16>,
    /// What it raised.
    pub exception: Option<Exception>,
}

/// What a statement raised.
#[derive(Debug, Clone, PartialEq)]
pub struct Exception {
    /// Its class.
    pub name: String,
    /// Its message.
    pub words: String,
    /// Its frames, and the message again.
    pub traceback: String,
}

impl Exception {
    /// Class and the first line of the message.
    pub(super) fn sentence(&self) -> String {
        match self.words.lines().find(|line| !line.trim().is_empty()) {
            Some(words) => format!("{}: {}", self.name, words.trim()),
            None => self.name.clone(),
        }
    }

    /// Without what looks like a secret.
    pub(super) fn masked(self) -> Exception {
        let masked = |text: String| mask(&text).into_owned();
        Exception { name: self.name, words: masked(self.words), traceback: masked(self.traceback) }
    }
}

/// The output of a session, best first: whole, and only what a state machine goes on with. The result is never cut; what
/// statements printed shares the room that is left, and the oldest goes first.
pub(super) fn outputs(success: &Success, spoken: &Spoken) -> Vec<String> {
    let mut map = whole(success, spoken);
    let bare = json!({
        "applicationId": map["applicationId"], "sessionId": map["sessionId"], "result": map["result"],
    });
    let empty = Value::Object(map.clone()).to_string().len();
    let room = MAX_OUTPUT.saturating_sub(empty + SPARE + CUT * spoken.statements.len());
    fill(&mut map, spoken, room);
    let full = Value::Object(map).to_string();
    let fits = full.len() <= MAX_OUTPUT;
    fits.then_some(full).into_iter().chain([bare.to_string()]).collect()
}

/// The output with empty texts.
fn whole(success: &Success, spoken: &Spoken) -> Map<String, Value> {
    let seconds = |millis: Option<u64>| millis.map(|ms| (ms as f64) / 1000.0);
    // It was read as JSON before; nothing is made up where it cannot be read.
    let result = spoken.result.as_deref().and_then(|text| serde_json::from_str::<Value>(text).ok());
    let statements: Vec<Value> = spoken
        .statements
        .iter()
        .map(|told| json!({ "kind": told.kind, "seconds": told.seconds, "text": "" }))
        .collect();
    let mut map = Map::new();
    map.insert("applicationId".into(), json!(success.application_id));
    map.insert("sessionId".into(), json!(spoken.session));
    map.insert("name".into(), json!(success.name));
    map.insert("state".into(), json!("SUCCEEDED"));
    map.insert("verdictSource".into(), json!(success.verdict_source));
    map.insert("result".into(), result.unwrap_or_default());
    map.insert("statements".into(), Value::Array(statements));
    map.insert("queuedSeconds".into(), json!(seconds(success.queued_millis)));
    map.insert("runSeconds".into(), json!(seconds(success.run_millis)));
    map.insert("memorySeconds".into(), json!(success.cost.memory_seconds));
    map.insert("vcoreSeconds".into(), json!(success.cost.vcore_seconds));
    map.insert("trackingUrl".into(), json!(success.tracking_url));
    map.insert("execution".into(), json!(success.execution));
    failed_work::add_jobs(&mut map, success);
    map
}

/// Puts the texts in, the newest first.
fn fill(map: &mut Map<String, Value>, spoken: &Spoken, mut room: usize) {
    let Some(Value::Array(statements)) = map.get_mut("statements") else { return };
    for (told, statement) in spoken.statements.iter().zip(statements).rev() {
        let text = mask(&told.text);
        let kept = end_within(&text, room);
        room -= json_len(kept);
        statement["text"] = json!(kept);
        if told.cut || kept.len() < text.len() {
            statement["cut"] = json!(true);
        }
    }
}

/// What a text takes as JSON, without its quotes.
fn json_len(text: &str) -> usize {
    Value::from(text).to_string().len() - 2
}

/// The end of a text, as much of it as so many bytes of JSON hold.
fn end_within(text: &str, room: usize) -> &str {
    if json_len(text) <= room {
        return text;
    }
    let mut left = room;
    let start = text.char_indices().rev().take_while(|(_, letter)| {
        let len = json_len(letter.encode_utf8(&mut [0; 4]));
        let fits = len <= left;
        left = left.saturating_sub(len);
        fits
    });
    start.last().map_or("", |(at, _)| &text[at..])
}

#[cfg(test)]
mod tests;
