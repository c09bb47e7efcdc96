//! The operations: a checked request in, a change of the world, an answer out.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::Shared;
use super::executions::describe;
use super::wire::{self, Members, Refusal, bytes, characters};
use super::world::{Outcome, World};
use crate::http::{Answering, Operation, Request, Service};

/// The service's own limits.
pub(super) const ARN: (usize, usize) = (1, 256);
pub(super) const NAME: (usize, usize) = (1, 80);
const TOKEN: (usize, usize) = (1, 2048);
const OUTPUT: (usize, usize) = (0, 262_144);
const ERROR: (usize, usize) = (0, 256);
const CAUSE: (usize, usize) = (0, 32_768);
const POLL_HOLD: Duration = Duration::from_secs(60);
const POLLERS: usize = 1000;

pub(super) type Answered = Result<Value, Refusal>;

pub(super) fn empty_world() -> World {
    World {
        activities: BTreeMap::new(),
        machines: BTreeMap::new(),
        tasks: Vec::new(),
        tokens: HashMap::new(),
        violations: Vec::new(),
        held: 0,
        max_held: 0,
        hold: POLL_HOLD,
        max_pollers: POLLERS,
    }
}

impl Service for Shared {
    fn operation(&self, request: &Request) -> Operation {
        let body = request.json();
        let key = ["taskToken", "activityArn", "executionArn", "stateMachineArn", "name"]
            .iter()
            .find_map(|member| body[*member].as_str())
            .unwrap_or_default();
        Operation { name: wire::target(request).unwrap_or("?").to_owned(), key: key.to_owned() }
    }

    fn answer(self: Arc<Self>, request: Arc<Request>) -> Answering {
        Box::pin(async move {
            self.world().violations.extend(wire::violations(&request));
            match self.perform(&request).await {
                Ok(body) => wire::answer(200, &body),
                Err(refusal) => refusal.answer(),
            }
        })
    }
}

impl Shared {
    async fn perform(self: &Arc<Self>, request: &Request) -> Answered {
        let unknown = || Refusal::new("UnknownOperationException", "");
        let operation = wire::target(request).ok_or_else(unknown)?;
        let body = request.json();
        if !body.is_object() {
            return Err(Refusal::new("SerializationException", ""));
        }
        match operation {
            "GetActivityTask" => self.get_activity_task(&body).await,
            "SendTaskHeartbeat" => self.heartbeat(&body),
            "SendTaskSuccess" => self.success(&body),
            "SendTaskFailure" => self.failure(&body),
            "CreateActivity" => self.create_activity(&body),
            "DescribeActivity" => self.describe_activity(&body),
            "DeleteActivity" => self.delete_activity(&body),
            "CreateStateMachine" => self.create_machine(&body),
            "StartExecution" => self.start_execution(&body),
            "StopExecution" => self.stop_execution(&body),
            "DescribeExecution" => self.with_execution(&body, describe),
            "GetExecutionHistory" => {
                self.with_execution(&body, |task| json!({ "events": task.history.events() }))
            }
            _ => Err(unknown()),
        }
    }

    fn heartbeat(&self, body: &Value) -> Answered {
        let mut members = Members::of(body);
        let token = members.required("taskToken", TOKEN, characters);
        members.checked()?;
        self.with_open_task(&token, |world, task| world.tasks[task].beats.push(Instant::now()))
    }

    fn success(&self, body: &Value) -> Answered {
        let mut members = Members::of(body);
        let token = members.required("taskToken", TOKEN, characters);
        let output = members.required("output", OUTPUT, bytes);
        members.checked()?;
        if serde_json::from_str::<Value>(&output).is_err() {
            return Err(Refusal::new("InvalidOutput", "Invalid Output: 'Output is not valid JSON'"));
        }
        self.with_open_task(&token, |world, task| world.close(task, Outcome::Succeeded { output }))
    }

    fn failure(&self, body: &Value) -> Answered {
        let mut members = Members::of(body);
        let token = members.required("taskToken", TOKEN, characters);
        let error = members.optional("error", ERROR, characters);
        let cause = members.optional("cause", CAUSE, characters);
        members.checked()?;
        self.with_open_task(&token, |world, task| world.close(task, Outcome::Failed { error, cause }))
    }

    fn with_open_task(&self, token: &str, act: impl FnOnce(&mut World, usize)) -> Answered {
        self.change(|world| {
            let task = *world.tokens.get(token).ok_or_else(Refusal::invalid_token)?;
            if world.tasks[task].outcome.is_some() {
                return Err(Refusal::task_timed_out());
            }
            act(world, task);
            Ok(json!({}))
        })
    }
}

pub(super) fn checked_arn(arn: &str) -> Result<&str, Refusal> {
    if arn.starts_with("arn:") {
        return Ok(arn);
    }
    Err(Refusal::new("InvalidArn", format!("Invalid Arn: 'Invalid ARN prefix: {arn}'")))
}

pub(super) fn checked_name(name: &str) -> Result<(), Refusal> {
    let bad = |letter: char| {
        letter.is_whitespace() || letter.is_control() || "<>{}[]?*\"#%\\^|~`$&,;:/".contains(letter)
    };
    if name.contains(bad) {
        return Err(Refusal::new("InvalidName", format!("Invalid Name: '{name}'")));
    }
    Ok(())
}
