//! State machines, as far as the stand-in runs them: one activity Task.

use std::time::Duration;

use serde_json::Value;

use super::wire::Refusal;

/// A state machine with one Task.
#[derive(Clone, Debug)]
pub(super) struct Machine {
    pub(super) state: String,
    pub(super) activity: String,
    pub(super) heartbeat: Option<Duration>,
    pub(super) timeout: Option<Duration>,
    /// The limit of a whole execution.
    pub(super) execution_timeout: Option<Duration>,
}

/// The keys of a Task that the stand-in obeys. Others would be ignored silently, and so are refused.
const KNOWN: [&str; 6] = ["Type", "Resource", "HeartbeatSeconds", "TimeoutSeconds", "End", "Comment"];

impl Machine {
    /// Reads a definition in the Amazon States Language.
    pub(super) fn parse(definition: &str) -> Result<Self, Refusal> {
        let definition: Value =
            serde_json::from_str(definition).map_err(|error| invalid(&error.to_string()))?;
        let states = definition["States"].as_object().ok_or_else(|| invalid("no States"))?;
        let [(name, state)] = states.iter().collect::<Vec<_>>()[..] else {
            return Err(invalid("the stand-in runs exactly one state"));
        };
        if definition["StartAt"] != **name || state["Type"] != "Task" || state["End"] != true {
            return Err(invalid("the stand-in runs one Task that starts and ends the execution"));
        }
        let keys = state.as_object().into_iter().flat_map(|state| state.keys());
        if let Some(unknown) = keys.into_iter().find(|key| !KNOWN.contains(&key.as_str())) {
            return Err(invalid(&format!("the stand-in does not know {unknown}")));
        }
        let heartbeat = seconds(&state["HeartbeatSeconds"])?;
        let timeout = seconds(&state["TimeoutSeconds"])?;
        if matches!((heartbeat, timeout), (Some(beat), Some(end)) if beat >= end) {
            return Err(invalid("HeartbeatSeconds must be smaller than TimeoutSeconds"));
        }
        Ok(Self {
            state: name.clone(),
            activity: state["Resource"].as_str().ok_or_else(|| invalid("no Resource"))?.to_owned(),
            heartbeat,
            timeout,
            execution_timeout: seconds(&definition["TimeoutSeconds"])?,
        })
    }
}

fn seconds(value: &Value) -> Result<Option<Duration>, Refusal> {
    match value {
        Value::Null => Ok(None),
        // The default of 99999999 s is no limit that a test could meet.
        value => match value.as_u64() {
            Some(seconds) if seconds > 0 => {
                Ok(Some(Duration::from_secs(seconds)).filter(|_| seconds < 99_999_999))
            }
            _ => Err(invalid("seconds must be a positive integer")),
        },
    }
}

fn invalid(reason: &str) -> Refusal {
    Refusal::new("InvalidDefinition", format!("Invalid State Machine Definition: '{reason}'"))
}
