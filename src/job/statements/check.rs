//! What the answer to a check says about its step.

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

/// What Livy says of every statement once the interpreter's process has ended. It is also the last that is heard where
/// the whole application was killed.
const DIED: &str = "Interpreter died";

/// The most bytes that a result has as JSON: what the interpreter refuses above.
pub const MAX_RESULT: u64 = 200_000;

/// What a step printed and how long it took.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Told {
    /// The kind of statement.
    pub kind: String,
    /// How long it ran.
    pub seconds: f64,
    /// The end of what it printed.
    pub text: String,
    /// Something of that is missing.
    pub cut: bool,
}

/// How a step ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Checked {
    /// It ran to its end.
    Done {
        /// JSON text: the value that the step was to give, where it was to give one.
        result: Option<String>,
        /// What all statements printed; only the last check says it.
        told: Vec<Told>,
    },
    /// It ended with an exception.
    Failed {
        /// The exception's class.
        name: String,
        /// Its message.
        words: String,
        /// Its frames and the message again, in several lines.
        traceback: String,
    },
    /// It ran, and its value is too large for a result.
    TooLarge {
        /// The size of the value as JSON.
        bytes: u64,
    },
    /// The interpreter is dead, or its whole application.
    Died,
    /// This is not the answer of our interpreter to this check, for this reason.
    Broken(String),
}

#[derive(Deserialize)]
struct View {
    sjw: String,
    #[serde(rename = "for")]
    task: String,
    asked: usize,
    last: usize,
    end: Option<End>,
    #[serde(default)]
    statements: Vec<Told>,
}

#[derive(Deserialize)]
#[serde(tag = "status")]
enum End {
    #[serde(rename = "ok")]
    Done {
        #[serde(default)]
        result: Option<String>,
    },
    #[serde(rename = "failed")]
    Failed { ename: String, evalue: String, traceback: String },
    #[serde(rename = "too large")]
    TooLarge { bytes: u64 },
}

/// Reads the output of a check of `step`, as Livy shows it.
pub fn read(output: &Value, task: &str, step: usize) -> Checked {
    let data = &output["data"];
    if output["status"] == "error" && output["evalue"].as_str().is_some_and(|said| said.starts_with(DIED)) {
        return Checked::Died;
    }
    // A magic that failed is a success to Livy, with the error among the data.
    if output["status"] != "ok" || data.get("content").is_some() {
        return Checked::Broken(format!("the interpreter could not be asked: {}", words(output)));
    }
    let Some(view) = data.get("application/json").and_then(|data| View::deserialize(data).ok()) else {
        return Checked::Broken("the answer is not the interpreter's to this question".to_owned());
    };
    if view.sjw != task || view.task != task || view.asked != step {
        return Checked::Broken("the answer belongs to another question".to_owned());
    }
    if view.last != step {
        return Checked::Broken(format!("the last step that began is {}", view.last));
    }
    match view.end {
        // To open the session is all that step 0 does.
        None if step == 0 => Checked::Done { result: None, told: Vec::new() },
        None => Checked::Broken("it never ended".to_owned()),
        Some(End::Done { result: Some(text) }) if !is_json(&text) => {
            Checked::Broken("its result is no JSON".to_owned())
        }
        Some(End::Done { result }) => Checked::Done { result, told: view.statements },
        Some(End::Failed { ename, evalue, traceback }) => {
            Checked::Failed { name: ename, words: evalue, traceback }
        }
        Some(End::TooLarge { bytes }) => Checked::TooLarge { bytes },
    }
}

/// Whether a result can be passed on. What runs in the interpreter can change what runs beside it.
fn is_json(text: &str) -> bool {
    u64::try_from(text.len()).is_ok_and(|len| len <= MAX_RESULT)
        && serde_json::from_str::<IgnoredAny>(text).is_ok()
}

/// What an error says, wherever it stands.
pub fn words(output: &Value) -> String {
    let error = output["data"].get("content").unwrap_or(output);
    let text = |key: &str| error[key].as_str().unwrap_or_default().to_owned();
    format!("{}: {}", text("ename"), text("evalue"))
}
