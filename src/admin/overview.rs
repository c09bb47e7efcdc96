//! How things are, in one picture: `STATUS=`, `/status`, `/healthz`, `/metrics` and `status` all show parts of it.

mod summary;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// How things are. Ages and lengths are in seconds.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Overview {
    /// The worker's version.
    pub version: String,
    /// `serving`, `stopping` or `terminating`.
    pub phase: String,
    /// What it does or waits for, how many tasks there are, and how far the first jobs are: what `systemctl status` shows.
    #[serde(default)]
    pub status: String,
    /// The pause that is on: no task is polled, jobs run on; `null` where none is.
    #[serde(default)]
    pub paused: Option<PauseOverview>,
    /// What is not well; empty where all is.
    pub problems: Vec<String>,
    /// The activities that are polled.
    pub activities: Vec<ActivityOverview>,
    /// The queues that requests for resources come through.
    #[serde(default)]
    pub queues: Vec<QueueOverview>,
    /// Livy.
    pub livy: ServiceOverview,
    /// The ResourceManager. Asked only while jobs run.
    pub yarn: ServiceOverview,
    /// Where the journal is.
    pub state_directory: DirectoryOverview,
    /// How many tasks are in each state.
    pub states: BTreeMap<String, usize>,
    /// The age of the oldest last heartbeat.
    pub oldest_heartbeat: Option<u64>,
    /// Tasks whose last heartbeat is older than two intervals.
    pub late_heartbeats: usize,
    /// Jobs of tasks that YARN has: the first few by name.
    pub moving: Vec<JobProgress>,
    /// How many there are.
    pub moving_count: usize,
    /// Each task, where they were asked for.
    pub tasks: Vec<TaskOverview>,
    /// Applications with a tag of ours and no task here; `null` where YARN was not asked just now.
    pub strangers: Option<Vec<Stranger>>,
}

/// A pause that an operator has asked for.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PauseOverview {
    /// Since when, in UTC; `null` where its file cannot be understood.
    pub since: Option<String>,
    /// Until when; `null`: until `resume`.
    pub until: Option<String>,
    /// For how long it is on; `null` where that is not known.
    pub seconds: Option<u64>,
    /// Polls that were open when it began, and still are: what they bring is run.
    pub open_polls: usize,
    /// Why a restart would not know of it.
    pub unkept: Option<String>,
    /// Why its file cannot be understood.
    pub unread: Option<String>,
}

/// An activity.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ActivityOverview {
    /// Its ARN.
    pub arn: String,
    /// Jobs at once.
    pub places: usize,
    /// How many more it may take.
    pub free: usize,
    /// Polls under way.
    pub open_polls: usize,
    /// Since the last answered poll.
    pub last_poll: Option<u64>,
    /// For how long a poll is allowed and none was answered.
    pub unanswered: Option<u64>,
    /// What keeps polls from being answered, and for how long.
    pub trouble: Option<TroubleOverview>,
}

/// A queue that requests for resources come through.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct QueueOverview {
    /// The ARN of its topic.
    pub topic: String,
    /// Jobs at once that are waited for.
    pub places: usize,
    /// How many more there may be.
    pub free: usize,
    /// Since the last answered receive.
    pub last_receive: Option<u64>,
    /// For how long none was answered.
    pub unanswered: Option<u64>,
    /// What keeps receives from being answered, and for how long.
    pub trouble: Option<TroubleOverview>,
}

/// What keeps polls from being answered.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct TroubleOverview {
    /// For a person.
    pub condition: String,
    /// In the service's words.
    pub reason: String,
    /// For how long.
    pub seconds: u64,
}

/// Livy or YARN.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ServiceOverview {
    /// Where it is; empty: switched off, or not known.
    pub url: String,
    /// What says that it is there.
    #[serde(default)]
    pub source: String,
    /// Whether it answers; `null` where it was not asked yet.
    pub up: Option<bool>,
    /// Why not.
    pub reason: Option<String>,
    /// For how long not.
    pub seconds: Option<u64>,
    /// How long its last answered sweep took, in milliseconds.
    pub sweep_millis: Option<u64>,
}

/// The state directory.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct DirectoryOverview {
    /// Where it is.
    pub path: String,
    /// Whether it can be written.
    pub writable: bool,
}

/// An application on its way.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct JobProgress {
    /// The batch's name.
    pub name: String,
    /// YARN's word for its state.
    pub state: String,
    /// In percent.
    pub percent: u8,
}

/// A task.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TaskOverview {
    /// Its id.
    pub task: String,
    /// The execution, if its input names it.
    pub execution: Option<String>,
    /// The activity's ARN.
    pub activity: String,
    /// The stack's ARN, of a task that a stack waits for.
    #[serde(default)]
    pub stack: Option<String>,
    /// What the stack's template calls the resource.
    #[serde(default)]
    pub resource: Option<String>,
    /// The batch's or session's name.
    pub job: Option<String>,
    /// The worker's state of it.
    pub state: String,
    /// Livy's number of the batch.
    pub batch: Option<u64>,
    /// Livy's number of the session.
    #[serde(default)]
    pub session: Option<u64>,
    /// Which statement is on, from 1; 0 before the first, and one more than there are for the result.
    #[serde(default)]
    pub statement: Option<u16>,
    /// How many statements there are.
    #[serde(default)]
    pub statements: Option<u16>,
    /// YARN's id.
    pub application: Option<String>,
    /// YARN's word for its state.
    pub yarn_state: Option<String>,
    /// In percent, by YARN's word.
    pub percent: Option<u8>,
    /// Memory in MiB times seconds that it has used so far, by YARN's count.
    pub memory_seconds: Option<u64>,
    /// Virtual cores times seconds that it has used so far, by YARN's count.
    pub vcore_seconds: Option<u64>,
    /// Where the application can be looked at.
    pub tracking_url: Option<String>,
    /// Where the log of its driver is.
    #[serde(default)]
    pub driver_log_url: Option<String>,
    /// Since it was submitted, or else since this process holds it.
    pub age: u64,
    /// Since its last accepted heartbeat.
    pub heartbeat: Option<u64>,
}

/// An application with a tag of ours and no task here: another worker's of this cluster, or one that nobody follows.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Stranger {
    /// YARN's id.
    pub application: String,
    /// Its name.
    pub name: String,
    /// The task's tag.
    pub tag: String,
    /// YARN's word for its state.
    pub state: String,
}
