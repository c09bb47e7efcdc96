//! What was decided about an order becomes a task and its first state; and an outcome becomes the bytes of the answer.
//!
//! Everything that an answer needs is settled here, before anything runs, and travels with the task: a restart with
//! another configuration says the same.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::request::{Order, Rules, Wanted};
use super::resource::{
    Act, Fate, Generation, Refusal, Resource, answered_as, generation_id, resource_id, task_id,
};
use super::response::{Attributes, Ids, Verdict, body};
use crate::job::document::Document;
use crate::job::goal::Goal;
use crate::job::machine::{Attempt, OnAbort, Run, State, Then};
use crate::job::report::{ErrorName, Failure, Outcome, Reached};
use crate::job::request::Identity;
use crate::job::timestamp::Timestamp;
use crate::job::token::Token;
use crate::job::{Task, TaskRequest, tags};

/// For how long the URL of an order works (recorded: `X-Amz-Expires` of 7200 and 7199 s).
const READABLE: u64 = 7_199_000;
/// Nothing beats for a document; a task says what it would be.
const NO_BEAT: Duration = Duration::from_secs(20);

/// What the answer to an order is made from, beside its outcome.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Form {
    stack: String,
    logical: String,
    request: String,
    /// The topic that it came through.
    topic: String,
    /// The physical id that a SUCCESS has.
    succeeded: String,
    /// The one that FAILED has.
    failed: String,
    /// The batch's name; empty where there is none.
    name: String,
}

/// The names and tags of a run that is made for an order.
pub fn identity(order: &Order, generation: &str, name: &str) -> Identity {
    let (stack, logical) = (&order.stack_id, &order.logical_id);
    let task = task_id(stack, logical, &order.request_id);
    Identity {
        name: format!("{name}-{task}"),
        tag: tags::of_run(&task),
        groups: vec![
            tags::of_generation(&generation_id(stack, logical, generation)),
            tags::of_resource(&resource_id(stack, logical)),
        ],
    }
}

/// The task that an order becomes, and its first state; `None` where nobody is answered. `resource`: as it is after the
/// decision. `name`: what the order's job is called. `check`: reads the properties for a run of these names and tags.
pub fn task(
    (order, act, resource): (&Order, &Act, &Resource),
    name: &str,
    check: impl Fn(&Identity) -> Result<Wanted, String>,
    rules: &Rules,
    now: Timestamp,
) -> Option<(Task, State)> {
    let Begun { state, request, goal, batch, queue_timeout } = begin((order, act, resource), name, check)?;
    let adopted = matches!(act, Act::Adopt { .. });
    let form = Form {
        stack: order.stack_id.clone(),
        logical: order.logical_id.clone(),
        request: order.request_id.clone(),
        topic: rules.topic.clone(),
        succeeded: answered_as(resource, order, act, name, true),
        failed: answered_as(resource, order, act, name, false),
        name: batch,
    };
    let document = Document {
        place: Token::new(order.url.secret().to_owned()),
        // A map of texts can always be written as JSON.
        form: serde_json::to_string(&form).unwrap_or_default(),
        goal: goal.unwrap_or(rules.goal),
        deadline: order.deadline(rules.margin),
        expires: Timestamp(order.at.0.saturating_add(READABLE)),
        adopted,
    };
    let task = Task {
        id: task_id(&order.stack_id, &order.logical_id, &order.request_id),
        token: None,
        document: Some(Box::new(document)),
        activity: "".into(),
        execution: None,
        request,
        heartbeat_interval: NO_BEAT,
        on_abort: if adopted { OnAbort::Leave } else { OnAbort::Kill },
        queue_timeout,
        received: now,
    };
    Some((task, state))
}

/// How a task begins.
struct Begun {
    state: State,
    request: Option<TaskRequest>,
    goal: Option<Goal>,
    batch: String,
    /// None where its run was there before.
    queue_timeout: Option<Duration>,
}

impl From<State> for Begun {
    fn from(state: State) -> Begun {
        Begun { state, request: None, goal: None, batch: String::new(), queue_timeout: None }
    }
}

fn begin(
    (order, act, resource): (&Order, &Act, &Resource),
    name: &str,
    check: impl Fn(&Identity) -> Result<Wanted, String>,
) -> Option<Begun> {
    let own = |generation: &str| identity(order, generation, name);
    Some(match act {
        Act::Known | Act::Stale => return None,
        Act::Run { generation, stops_first } => {
            let identity = own(generation);
            let checked = check(&identity);
            let wanted = checked.as_ref().ok();
            let (goal, queue_timeout) =
                (wanted.map(|it| it.goal), wanted.and_then(|it| it.job.queue_timeout));
            let batch = identity.name.clone();
            let attempt = Attempt::new(Run::new(identity.name, identity.tag));
            let state = match *stops_first || resource.dies_by_tag() {
                true => State::Stopping { then: Then::Run(attempt) },
                false => State::Received { attempt },
            };
            Begun { state, request: Some(requested(checked)), goal, batch, queue_timeout }
        }
        Act::Adopt { generation } => {
            let goal = check(&own(generation)).ok().map(|wanted| wanted.goal);
            let (run, fate) = newest(resource, generation)?;
            let batch = run.name.clone();
            let state = match fate {
                Fate::Succeeded => ended(reached(Some(&run), Goal::Succeeded.as_str())),
                Fate::Pending | Fate::Standing | Fate::Dying | Fate::Over => State::Running { run },
            };
            Begun { state, request: None, goal, batch, queue_timeout: None }
        }
        Act::Keep { generation } => {
            let run = generation.as_ref().and_then(|generation| newest(resource, generation));
            ended(reached(run.as_ref().map(|(run, _)| run), "UNCHANGED")).into()
        }
        Act::Refuse(Refusal::Superseded) => {
            let message = "a newer request for this resource came first; nothing of this one runs";
            failed(ErrorName::Superseded, message).into()
        }
        Act::Refuse(Refusal::Lost) => {
            let message = "the worker's file of this resource was damaged, and this request may have been carried out \
                           before; nothing of it runs now, so deploy again";
            failed(ErrorName::Lost, message).into()
        }
        Act::Refuse(Refusal::InvalidInput) => {
            let problems = check(&own(&order.request_id)).err();
            let message = problems.as_deref().unwrap_or("the properties cannot be read");
            failed(ErrorName::InvalidInput, message).into()
        }
        Act::End { .. } => State::Stopping { then: Then::End(reached(None, "DELETED")) }.into(),
    })
}

/// Whose task it is, for people and to find its places again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Whose {
    /// The stack's ARN.
    pub stack: String,
    /// What the template calls the resource.
    pub logical: String,
    /// Its request.
    pub request: String,
    /// The physical id that a SUCCESS has.
    pub succeeded: String,
    /// The topic that its request came through.
    pub topic: String,
}

/// Whose task it is, from what it brought along.
pub fn whose(form: &str) -> Option<Whose> {
    let Form { stack, logical, request, succeeded, topic, .. } = serde_json::from_str(form).ok()?;
    Some(Whose { stack, logical, request, succeeded, topic })
}

/// Whether a task that brought this along fails under another physical id than it would have succeeded under.
pub fn fails_under_another_id(form: &str) -> bool {
    serde_json::from_str::<Form>(form).is_ok_and(|form| form.failed != form.succeeded)
}

/// The answer that says this outcome, from what a task brought along.
///
/// # Errors
/// Where the form is none of ours, which another version may have written.
pub fn answer(form: &str, outcome: &Outcome) -> Result<Vec<u8>, String> {
    let form: Form = serde_json::from_str(form).map_err(|error| error.to_string())?;
    let (physical_id, verdict) = match outcome {
        Outcome::Succeeded(success) => (form.succeeded, Verdict::Success(Attributes::of_success(success))),
        Outcome::Reached(reached) => (form.succeeded, Verdict::Success(Attributes::of_reached(reached))),
        Outcome::Failed(failure) => (form.failed, Verdict::failed(failure, &form.name)),
    };
    let ids = Ids { stack_id: form.stack, request_id: form.request, logical_id: form.logical, physical_id };
    Ok(body(&ids, &verdict))
}

/// What is sent to Livy, or what is wrong with it.
fn requested(checked: Result<Wanted, String>) -> TaskRequest {
    let written = checked.and_then(|wanted| {
        let body = serde_json::to_string(&wanted.job.batch).map_err(|error| error.to_string())?;
        let proxy_user = wanted.job.batch.proxy_user().map(Into::into);
        Ok(TaskRequest::Checked { body: body.into(), proxy_user })
    });
    written.unwrap_or_else(|problems| TaskRequest::Wrong(problems.into()))
}

/// The newest run of a generation, as far as it is remembered, and how it stands.
fn newest(resource: &Resource, generation: &str) -> Option<(Run, Fate)> {
    let generation: &Generation = resource.generation(generation)?;
    let record = generation.runs.last()?;
    Some((resource.run_of(generation, record), record.fate))
}

fn reached(run: Option<&Run>, state: &str) -> Outcome {
    Outcome::Reached(Box::new(Reached {
        application_id: run.and_then(|run| run.application.clone()),
        name: run.map(|run| run.name.clone()).unwrap_or_default(),
        state: state.to_owned(),
        ..Reached::default()
    }))
}

fn ended(outcome: Outcome) -> State {
    State::Ended { outcome, leftover: None }
}

fn failed(error: ErrorName, message: &str) -> State {
    ended(Outcome::Failed(Box::new(Failure::new(error, "Received", message))))
}

#[cfg(test)]
mod tests;
