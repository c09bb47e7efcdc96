//! What is to be submitted for a task.

use std::sync::Arc;
use std::time::Duration;

use super::ActivityRules;
use crate::job::request::{Identity, Input, JobRequest, OwnLivy};
use crate::job::statements::script::Script;

/// What is to be submitted for a task.
#[derive(Clone, PartialEq, Eq)]
pub enum TaskRequest {
    /// A checked input: the body of POST /batches, as it will be sent, and on whose behalf the job is to run.
    Checked {
        /// JSON text.
        body: Box<str>,
        /// Livy's `proxyUser`.
        proxy_user: Option<Box<str>>,
    },
    /// A checked input with statements. It is needed until they have ended.
    Session(Arc<SessionRequest>),
    /// An input that was refused, for these problems.
    Wrong(Box<str>),
    /// An input that is still to be checked: the first format of the journal kept it as it came.
    Unchecked(Box<str>),
}

/// What a task with statements asks for.
#[derive(Clone, PartialEq, Eq)]
pub struct SessionRequest {
    /// The body of POST /sessions: JSON text.
    pub body: Box<str>,
    /// Livy's `proxyUser`.
    pub proxy_user: Option<Box<str>>,
    /// What is run in the session.
    pub script: Script,
}

/// Values of a task can be secrets.
impl std::fmt::Debug for SessionRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SessionRequest(…)")
    }
}

/// Values of a task can be secrets.
impl std::fmt::Debug for TaskRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            TaskRequest::Checked { .. } => "Checked(…)",
            TaskRequest::Session(_) => "Session(…)",
            TaskRequest::Wrong(_) => "Wrong(…)",
            TaskRequest::Unchecked(_) => "Unchecked(…)",
        })
    }
}

impl TaskRequest {
    /// Checks an input by the rules of its activity, on a node whose Livy is this one. With how long its job may wait in
    /// YARN's queue.
    pub(super) fn check(
        input: Input,
        identity: &Identity,
        activity: &ActivityRules,
        livy: &OwnLivy,
    ) -> (TaskRequest, Option<Duration>) {
        match input.check(identity, &activity.defaults, livy) {
            Ok(JobRequest { batch, script, queue_timeout, .. }) => {
                let proxy_user = batch.proxy_user().map(Into::into);
                // A map of texts, numbers and lists can always be written as JSON.
                let request = match (serde_json::to_string(&batch), script) {
                    (Err(error), _) => TaskRequest::Wrong(error.to_string().into()),
                    (Ok(body), None) => TaskRequest::Checked { body: body.into(), proxy_user },
                    (Ok(body), Some(script)) => {
                        let body = body.into();
                        TaskRequest::Session(Arc::new(SessionRequest { body, proxy_user, script }))
                    }
                };
                (request, queue_timeout)
            }
            Err(problems) => (TaskRequest::Wrong(problems.to_string().into()), None),
        }
    }
}
