//! What the ResourceManager shows.

use serde_json::{Value, json};

use super::{Mind, Shared, millis};
use crate::http::Answer;
use crate::livy::{AppState, Application};

/// Where Hadoop keeps its classes.
const HADOOP: &str = "org.apache.hadoop.yarn";

pub(super) fn json_answer(status: u16, body: &Value) -> Answer {
    Answer::new(status, "application/json;charset=utf-8", body.to_string())
}

/// How it says no.
pub(super) fn exception(status: u16, name: &str, message: &str) -> Answer {
    let class = format!("{HADOOP}.webapp.{name}");
    let body =
        json!({ "RemoteException": { "exception": name, "message": message, "javaClassName": class } });
    json_answer(status, &body)
}

pub(super) fn not_found(id: &str) -> Answer {
    exception(404, "NotFoundException", &format!("java.lang.Exception: app with id: {id} not found"))
}

/// The cluster itself.
pub(super) fn info(mind: &Mind) -> Value {
    let store = if mind.keeps { "FileSystemRMStateStore" } else { "NullRMStateStore" };
    json!({ "clusterInfo": {
        "id": mind.started_on,
        "startedOn": mind.started_on,
        "state": "STARTED",
        "haState": if mind.standby_of.is_some() { "STANDBY" } else { "ACTIVE" },
        "rmStateStoreName": format!("{HADOOP}.server.resourcemanager.recovery.{store}"),
        "resourceManagerVersion": "3.3.6",
        "hadoopVersion": "3.3.6",
    } })
}

/// Several applications; none are null, as Hadoop 3.3 has it.
pub(super) fn list(views: Vec<Value>) -> Value {
    if views.is_empty() { json!({ "apps": null }) } else { json!({ "apps": { "app": views } }) }
}

pub(super) fn one(view: Value) -> Value {
    json!({ "app": view })
}

pub(super) fn state(state: Value) -> Value {
    json!({ "state": state })
}

pub(super) fn is_final(state: &str) -> bool {
    matches!(state, "FINISHED" | "FAILED" | "KILLED")
}

impl Shared {
    /// An application as it is shown.
    pub(super) fn view(&self, application: &Application) -> Value {
        let id = application.id.as_deref().unwrap_or_default();
        let mind = self.mind();
        let (state, status) = match mind.told.get(id) {
            Some((state, status)) => (state.as_str(), status.as_str()),
            None => (word(application.state), application.final_status),
        };
        let over = is_final(state);
        let started = self.wall(application.started);
        let now = millis(std::time::SystemTime::now());
        let ended = application.ended.map_or(now, |ended| self.wall(ended));
        let container = id.replacen("application", "container", 1);
        let diagnostics =
            mind.diagnosed.get(id).cloned().unwrap_or_else(|| application.diagnostics.join("\n"));
        json!({
            "id": id,
            "user": "hadoop",
            "name": application.name,
            "queue": "default",
            "state": state,
            "finalStatus": status,
            "progress": if over { 100.0 } else if state == "RUNNING" { 10.0 } else { 0.0 },
            "trackingUI": if over { "History" } else { "ApplicationMaster" },
            "trackingUrl": format!("http://localhost:8088/proxy/{id}/"),
            "diagnostics": diagnostics,
            "applicationType": "SPARK",
            "applicationTags": application.tags.join(","),
            "startedTime": started,
            "finishedTime": if over { ended } else { 0 },
            "elapsedTime": ended.saturating_sub(started),
            "amContainerLogs":
                format!("{}/node/containerlogs/{container}_01_000001/hadoop", mind.url),
        })
    }
}

fn word(state: AppState) -> &'static str {
    match state {
        AppState::Accepted => "ACCEPTED",
        AppState::Running => "RUNNING",
        AppState::Finished => "FINISHED",
        AppState::Killed => "KILLED",
    }
}
