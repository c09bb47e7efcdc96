//! What tests can see of tasks, polls and workers.

use std::collections::BTreeSet;
use std::time::Instant;

use serde_json::Value;

use super::{Sfn, TaskId};
use crate::http::Call;

/// One SendTaskSuccess or SendTaskFailure, also if it was refused or a fault befell it.
#[derive(Clone, Debug)]
pub struct Report {
    /// When it arrived.
    pub at: Instant,
    /// SendTaskSuccess, not SendTaskFailure.
    pub success: bool,
    /// `output` of a success.
    pub output: Option<String>,
    /// `error` of a failure.
    pub error: Option<String>,
    /// `cause` of a failure.
    pub cause: Option<String>,
    /// The status that was answered, if any.
    pub status: Option<u16>,
}

impl Sfn {
    /// The task's token, once it was handed out.
    pub fn token(&self, task: &TaskId) -> Option<String> {
        self.shared.world().tasks[task.0].token.clone()
    }

    /// When the task was handed out.
    pub fn handed_out(&self, task: &TaskId) -> Option<Instant> {
        self.shared.world().tasks[task.0].handed
    }

    /// When heartbeats of the task were accepted.
    pub fn heartbeats(&self, task: &TaskId) -> Vec<Instant> {
        self.shared.world().tasks[task.0].beats.clone()
    }

    /// Every report about the task that arrived, also the refused ones.
    pub fn reports(&self, task: &TaskId) -> Vec<Report> {
        let Some(token) = self.token(task) else {
            return Vec::new();
        };
        let mut calls = self.calls_of("SendTaskSuccess");
        calls.extend(self.calls_of("SendTaskFailure"));
        calls.retain(|call| call.operation.key == token);
        calls.sort_by_key(|call| call.seq);
        calls.iter().map(Report::of).collect()
    }

    /// The events of the task's execution, as GetExecutionHistory shows them.
    pub fn history(&self, task: &TaskId) -> Vec<Value> {
        self.shared.world().tasks[task.0].history.events().to_vec()
    }

    /// How many polls of the activity wait for a task, ghosts among them.
    pub fn open_polls(&self, activity_arn: &str) -> usize {
        self.shared.world().activities.get(activity_arn).map_or(0, |activity| activity.polls.len())
    }

    /// How many polls of the activity were accepted so far.
    pub fn polls(&self, activity_arn: &str) -> usize {
        self.shared.world().activities.get(activity_arn).map_or(0, |activity| activity.polled)
    }

    /// How many clients have left an open poll: each may have swallowed a task.
    pub fn ghosts(&self) -> usize {
        self.calls_of("GetActivityTask").iter().filter(|call| call.left).count()
    }

    /// The names under which workers have polled the activity.
    pub fn workers(&self, activity_arn: &str) -> BTreeSet<String> {
        let world = self.shared.world();
        world.activities.get(activity_arn).map(|activity| activity.workers.clone()).unwrap_or_default()
    }

    /// How many tasks are handed out and unanswered.
    pub fn held(&self) -> usize {
        self.shared.world().held
    }

    /// The greatest number of tasks that were handed out and unanswered at once.
    pub fn max_held(&self) -> usize {
        self.shared.world().max_held
    }

    /// What requests lacked of the real service's wire form, its signature among it. Real AWS would refuse them.
    pub fn violations(&self) -> Vec<String> {
        self.shared.world().violations.clone()
    }
}

impl Report {
    fn of(call: &Call) -> Self {
        let body = call.request.json();
        let text = |name: &str| body[name].as_str().map(str::to_owned);
        Self {
            at: call.at,
            success: call.operation.name == "SendTaskSuccess",
            output: text("output"),
            error: text("error"),
            cause: text("cause"),
            status: call.status,
        }
    }
}
