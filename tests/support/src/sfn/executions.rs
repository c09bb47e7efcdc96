//! State machines and their executions.

use std::sync::Arc;

use serde_json::{Value, json};

use super::history::now;
use super::machine::Machine;
use super::ops::{ARN, Answered, NAME, checked_name};
use super::wire::{Members, Refusal, characters};
use super::world::{Outcome, Task, World};
use super::{PREFIX, Shared};

impl Shared {
    pub(super) fn create_machine(&self, body: &Value) -> Answered {
        let mut members = Members::of(body);
        let name = members.required("name", NAME, characters);
        let definition = members.required("definition", (1, 1_048_576), characters);
        members.checked()?;
        checked_name(&name)?;
        let machine = Machine::parse(&definition)?;
        let arn = format!("{PREFIX}stateMachine:{name}");
        self.change(|world| world.machines.insert(arn.clone(), (definition, machine)));
        Ok(json!({ "stateMachineArn": arn, "creationDate": now() }))
    }

    pub(super) fn start_execution(self: &Arc<Self>, body: &Value) -> Answered {
        let mut members = Members::of(body);
        let machine_arn = members.required("stateMachineArn", ARN, characters);
        let name = members.optional("name", NAME, characters);
        members.checked()?;
        let input = body["input"].as_str().unwrap_or("{}");
        if serde_json::from_str::<Value>(input).is_err() {
            return Err(Refusal::new("InvalidExecutionInput", "Invalid State Machine Execution Input"));
        }
        let (machine, name) = {
            let world = self.world();
            let missing = || {
                Refusal::new(
                    "StateMachineDoesNotExist",
                    format!("State Machine Does Not Exist: '{machine_arn}'"),
                )
            };
            let (_, machine) = world.machines.get(&machine_arn).ok_or_else(missing)?;
            let name = name.unwrap_or_else(|| format!("execution-{}", world.tasks.len()));
            let taken = |task: &Task| task.machine_arn == machine_arn && task.name == name;
            if world.tasks.iter().any(taken) {
                return Err(Refusal::new(
                    "ExecutionAlreadyExists",
                    format!("Execution Already Exists: '{name}'"),
                ));
            }
            (machine.clone(), name)
        };
        let task = self.start(&machine_arn, &machine, &name, input);
        let task = &self.world().tasks[task];
        Ok(json!({ "executionArn": task.arn, "startDate": task.started }))
    }

    pub(super) fn stop_execution(&self, body: &Value) -> Answered {
        let text = |name: &str| body[name].as_str().map(str::to_owned);
        self.change(|world| {
            let task = find(world, body)?;
            if world.tasks[task].outcome.is_none() {
                world.tasks[task].stop_reason = (text("error"), text("cause"));
            }
            world.close(task, Outcome::Aborted);
            Ok(json!({ "stopDate": world.tasks[task].stopped }))
        })
    }

    pub(super) fn with_execution(&self, body: &Value, show: impl FnOnce(&Task) -> Value) -> Answered {
        let world = self.world();
        find(&world, body).map(|task| show(&world.tasks[task]))
    }
}

fn find(world: &World, body: &Value) -> Result<usize, Refusal> {
    let mut members = Members::of(body);
    let arn = members.required("executionArn", ARN, characters);
    members.checked()?;
    let missing = || Refusal::new("ExecutionDoesNotExist", format!("Execution Does Not Exist: '{arn}'"));
    world.tasks.iter().position(|task| task.arn == arn).ok_or_else(missing)
}

pub(super) fn describe(task: &Task) -> Value {
    let mut view = json!({
        "executionArn": task.arn,
        "stateMachineArn": task.machine_arn,
        "name": task.name,
        "status": task.status(),
        "startDate": task.started,
        "input": task.input,
        "inputDetails": { "included": true },
    });
    if let Some(stopped) = task.stopped {
        view["stopDate"] = json!(stopped);
    }
    let (error, cause) = match &task.outcome {
        Some(Outcome::Succeeded { output }) => {
            view["output"] = json!(output);
            view["outputDetails"] = json!({ "included": true });
            (None, None)
        }
        Some(Outcome::Failed { error, cause }) => (error.clone(), cause.clone()),
        Some(Outcome::TimedOut) if !task.execution_timed_out => (Some("States.Timeout".to_owned()), None),
        Some(Outcome::Aborted) => task.stop_reason.clone(),
        Some(Outcome::TimedOut) | None => (None, None),
    };
    for (name, text) in [("error", error), ("cause", cause)] {
        if let Some(text) = text {
            view[name] = json!(text);
        }
    }
    view
}
