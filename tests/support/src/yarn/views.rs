//! What the ResourceManager shows.

use serde_json::{Map, Value, json};

use super::mind::{Cost, Mind, Role};
use super::{Shared, millis};
use crate::http::Answer;
use crate::livy::{AppState, Application};

/// Where Hadoop keeps its classes.
const HADOOP: &str = "org.apache.hadoop.yarn";

/// Whose applications these are.
pub(super) const OWNER: &str = "hadoop";

/// `YarnApplicationState`, in its order.
pub(super) const STATES: [&str; 8] =
    ["NEW", "NEW_SAVING", "SUBMITTED", "ACCEPTED", "RUNNING", "FINISHED", "FAILED", "KILLED"];

/// What a driver and an executor hold: memory in MiB, and cores.
const HELD: (u64, u64) = (2_048, 2);

/// Around what is written letter by letter: no JSON text contains it by itself.
const LETTERS: &str = "\u{e000}";

pub(super) fn json_answer(status: u16, body: &Value) -> Answer {
    // Quotes around letters are left out; the parts between two marks are those.
    let text = body.to_string().replace(&format!("\"{LETTERS}"), "").replace(&format!("{LETTERS}\""), "");
    Answer::new(status, "application/json;charset=utf-8", text)
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

/// The answer to what cannot be an id.
pub(super) fn no_id(id: &str) -> Option<Answer> {
    let why = match id.split('_').collect::<Vec<_>>()[..] {
        ["application", cluster, number]
            if cluster.parse::<u64>().is_ok() && number.parse::<u32>().is_ok() =>
        {
            return None;
        }
        ["application", ..] => format!("Invalid ApplicationId: {id}"),
        _ => format!(
            "Invalid ApplicationId prefix: {id}. The valid ApplicationId should start with prefix application"
        ),
    };
    let why = format!("java.lang.IllegalArgumentException: {why}");
    Some(exception(400, "BadRequestException", &why))
}

pub(super) fn no_state(state: &str) -> Answer {
    let known = STATES.join(", ");
    let why = format!(
        "java.lang.Exception: Invalid application-state {state} specified. It should be one of [{known}]"
    );
    exception(400, "BadRequestException", &why)
}

pub(super) fn forbidden(status: u16, path: &str) -> Answer {
    let page =
        format!("<html><body><h2>HTTP ERROR {status}</h2><p>Problem accessing {path}</p></body></html>");
    Answer::new(status, "text/html;charset=utf-8", page)
}

/// The page for people, where nothing is.
pub(super) fn page_not_found() -> Answer {
    let page = "<!DOCTYPE html PUBLIC \"-//W3C//DTD HTML 4.01//EN\" \"http://www.w3.org/TR/html4/strict.dtd\">\n<html>\n  \
                <title>\n    Sorry, got error 404\n  </title>\n</html>\n";
    Answer::new(404, "text/html;charset=utf-8", page)
}

/// The cluster itself.
pub(super) fn info(mind: &Mind) -> Value {
    let version = if mind.hadoop_2 { "2.10.1" } else { "3.3.4" };
    json!({ "clusterInfo": {
        "id": mind.started_on,
        "startedOn": mind.started_on,
        "state": "STARTED",
        "haState": if matches!(mind.role, Role::Active) { "ACTIVE" } else { "STANDBY" },
        "rmStateStoreName":
            format!("{HADOOP}.server.resourcemanager.recovery.{}", mind.store.class()),
        "resourceManagerVersion": version,
        "resourceManagerBuildVersion": format!("{version} from a stand-in"),
        "resourceManagerVersionBuiltOn": "2022-07-29T12:51Z",
        "hadoopVersion": version,
        "hadoopBuildVersion": format!("{version} from a stand-in"),
        "hadoopVersionBuiltOn": "2022-07-29T12:32Z",
        "haZooKeeperConnectionState":
            "Could not find leader elector. Verify both HA and automatic failover are enabled.",
    } })
}

/// Several applications; where there is none, Hadoop 2 says null.
pub(super) fn list(views: Vec<Value>, hadoop_2: bool) -> Value {
    match views.is_empty() {
        true if hadoop_2 => json!({ "apps": null }),
        true => json!({ "apps": {} }),
        false => json!({ "apps": { "app": views } }),
    }
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

/// Milliseconds since 1970, 0 where it has not happened.
struct Times {
    started: u64,
    launched: u64,
    finished: u64,
    now: u64,
}

impl Mind {
    /// State and final status of an application.
    pub(super) fn words<'a>(&'a self, application: &Application) -> (&'a str, &'a str) {
        let told = application.id.as_ref().and_then(|id| self.told.get(id));
        told.map_or_else(
            || (word(application.state), application.final_status),
            |(state, status)| (state.as_str(), status.as_str()),
        )
    }
}

impl Shared {
    fn times(&self, application: &Application, mind: &Mind, over: bool) -> Times {
        let id = application.id.as_deref().unwrap_or_default();
        let started = self.wall(application.started);
        let now = millis(std::time::SystemTime::now());
        let finished = application.ended.map_or(now, |ended| self.wall(ended));
        let planned = mind.launched.get(id).map(|after| started + after.as_millis() as u64);
        let launched = planned.or_else(|| application.launched.map(|launched| self.wall(launched)));
        Times {
            started,
            launched: launched.filter(|launched| *launched <= finished).unwrap_or(0),
            finished: if over { finished } else { 0 },
            now: if over { finished } else { now },
        }
    }

    /// An application as it is shown: all of it, or what those see who may not see it (`AppInfo` without access).
    pub(super) fn view(&self, application: &Application, full: bool) -> Value {
        let id = application.id.as_deref().unwrap_or_default();
        let mind = self.mind();
        let (state, status) = mind.words(application);
        let over = is_final(state);
        let running = state == "RUNNING";
        let times = self.times(application, &mind, over);
        let cost = mind.costs.get(id).copied().unwrap_or_else(|| {
            // A restart counts anew what then still runs. What has been launched has cost something.
            let since = if times.now < mind.started_on { 0 } else { mind.started_on };
            let seconds = match times.launched {
                0 => 0,
                launched => times.now.saturating_sub(launched.max(since)) / 1_000 + 1,
            };
            Cost { memory_seconds: seconds * HELD.0, vcore_seconds: seconds * HELD.1 }
        });
        let diagnostics = mind.diagnosed.get(id).cloned();
        let mut tags = application.tags.clone();
        tags.sort_unstable();
        let mut view = json!({
            "id": id,
            "user": OWNER,
            "name": application.name,
            "queue": "default",
            "state": state,
            "finalStatus": status,
            "progress": if over { 100.0 } else if running { 10.0 } else { 0.0 },
            "trackingUI": if over { "History" } else if running { "ApplicationMaster" } else { "UNASSIGNED" },
            "trackingUrl": format!("{}/proxy/{id}/", mind.url),
            "diagnostics":
                cut(diagnostics.unwrap_or_else(|| said(application, state, times.launched > 0)), mind.most_said),
            "clusterId": mind.started_on,
            "applicationType": "SPARK",
            "applicationTags": tags.join(","),
            "priority": 0,
            "startedTime": if full { times.started } else { 0 },
            "launchTime": if full { times.launched } else { 0 },
            "finishedTime": if full { times.finished } else { 0 },
            "elapsedTime": if full { times.now.saturating_sub(times.started) } else { 0 },
            "amContainerLogs": logs(id, &mind.url),
            "memorySeconds": cost.memory_seconds,
            "vcoreSeconds": cost.vcore_seconds,
            "queueUsagePercentage": if running { 25.0 } else { 0.0 },
            "clusterUsagePercentage": if running { 12.5 } else { 0.0 },
            "logAggregationStatus": "DISABLED",
            "unmanagedApplication": false,
        });
        let fields = view.as_object_mut().expect("it is an object");
        // What has run or ended by itself had one, also where a test skipped the launch.
        let has_container = times.launched > 0 || running || (over && state != "KILLED");
        leave_out(fields, &mind, (running || over, has_container), full);
        for (key, letters) in mind.written.get(id).into_iter().flatten() {
            fields.insert(key.clone(), format!("{LETTERS}{letters}{LETTERS}").into());
        }
        view
    }
}

/// What is not there yet, or was not at that time, or is not for everybody.
fn leave_out(
    fields: &mut Map<String, Value>,
    mind: &Mind,
    (tracked, has_container): (bool, bool),
    full: bool,
) {
    let mut absent = Vec::new();
    // The page of a log has the container in its address (`AppInfo`: `getMasterContainer`).
    if !has_container {
        absent.push("amContainerLogs");
    }
    if !tracked {
        absent.push("trackingUrl");
    }
    if !full {
        absent.extend(["amContainerLogs", "logAggregationStatus"]);
    }
    if mind.hadoop_2 {
        absent.push("launchTime");
    }
    fields.retain(|key, _| !absent.contains(&key.as_str()));
}

/// How YARN 3.3.4 speaks of an application whose queue has its share of drivers; in one line.
const WAITING: &str = "[Sat Nov 28 08:33:27 +0000 2026] Application is added to the scheduler and is not yet activated. \
    Queue's AM resource limit exceeded.  Details : AM Partition = <DEFAULT_PARTITION>; \
    AM Resource Request = <memory:7936, vCores:1>; Queue Resource Limit for AM = <memory:7424, vCores:1>; \
    User AM Resource Limit of the queue = <memory:7424, vCores:1>; Queue AM Resource Usage = <memory:1024, vCores:1>; ";

/// Diagnostics that nobody has set. Those of an application that waits are for people, and change.
fn said(application: &Application, state: &str, launched: bool) -> String {
    if state == "ACCEPTED" && application.diagnostics.is_empty() {
        return if launched {
            "AM container is launched, waiting for AM container to Register with RM".to_owned()
        } else {
            WAITING.to_owned()
        };
    }
    application.diagnostics.join("\n")
}

/// Of long diagnostics the end is kept (`BoundedAppender`).
fn cut(text: String, most: usize) -> String {
    let length = text.chars().count();
    if length <= most {
        return text;
    }
    let kept: String = text.chars().skip(length - most).collect();
    format!("Diagnostic messages truncated, showing last {most} chars out of {length}:\n...{kept}")
}

fn logs(id: &str, url: &str) -> String {
    let container = id.replacen("application", "container", 1);
    format!("{url}/node/containerlogs/{container}_01_000001/{OWNER}")
}

fn word(state: AppState) -> &'static str {
    match state {
        AppState::Accepted => "ACCEPTED",
        AppState::Running => "RUNNING",
        AppState::Finished => "FINISHED",
        AppState::Killed => "KILLED",
    }
}
