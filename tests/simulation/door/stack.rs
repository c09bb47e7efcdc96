//! CloudFormation: what it sends for a resource, in which order, and how long it waits (facts, § 1).

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use spark_job_worker::job::goal::Goal;
use tokio::time::{sleep, timeout};

use super::ledger::{Kind, ORIGIN, Promise, Request, STACK, TOPIC, task_of};
use super::plan::{CALM, Mishap};
use super::world::Sim;
use crate::plan::{Millis, SECOND};

/// A Delete that failed is tried so often at least, and until all has been calm for long.
const TRIES: u32 = 3;

/// One resource of a stack.
pub(super) struct Life {
    sim: Sim,
    number: usize,
    requests: u32,
    stop_first: bool,
}

/// What CloudFormation knows of a request when it stops to wait for it.
#[derive(Debug)]
enum Heard {
    Succeeded(String),
    Failed(String),
    /// Nothing, in time; or it did not want to wait.
    Nothing,
}

impl Life {
    pub(super) fn new(sim: Sim, number: usize) -> Life {
        let stop_first = sim.inner().rng.bool();
        Life { sim, number, requests: 0, stop_first }
    }

    fn chance(&self, of: u8) -> bool {
        self.sim.inner().rng.u8(0..of) == 0
    }

    fn strikes(&self, mishap: Mishap, of: u32) -> bool {
        self.sim.inner().strikes(mishap, of)
    }

    fn hit(&self, what: &'static str, other: &'static str) {
        self.sim.inner().coverage.hit("stack", what, other);
    }

    async fn pause(&self, longest: Millis) {
        let pause = self.sim.inner().rng.u64(1..longest);
        sleep(Duration::from_millis(pause)).await;
    }

    /// Another job, or an old one that runs anew.
    fn properties(&self) -> Value {
        let goal = Goal::ALL[self.sim.inner().rng.usize(0..3)];
        let wrong = self.strikes(Mishap::WrongInputs, 3);
        let stop_first = if self.chance(6) { !self.stop_first } else { self.stop_first };
        let mut inner = self.sim.inner();
        let (file, revision) = (inner.rng.u8(0..3), inner.rng.u8(0..3));
        let mut properties = json!({
            "ServiceToken": TOPIC, "Name": format!("job{file}"), "File": format!("s3://b/{file}.py"),
            "Revision": revision.to_string(), "WaitFor": goal.as_str(),
            "UpdateMode": if stop_first { "STOP_FIRST" } else { "REPLACE" },
        });
        if wrong {
            properties["Fils"] = json!("x");
        }
        let short = inner.strikes(Mishap::ShortTimeouts, 2);
        let timeout = if short { inner.rng.u64(20..120) } else { inner.rng.u64(240..900) };
        properties["ServiceTimeout"] = json!(timeout.to_string());
        properties
    }

    /// Publishes a request; its number.
    fn publish(&mut self, kind: Kind, named: Option<&str>, old: Option<&Value>, new: &Value) -> usize {
        self.requests += 1;
        let mut inner = self.sim.inner();
        let logical = inner.ledger.stacks[self.number].logical.clone();
        let id = format!("{logical}-r{}", self.requests);
        let url = format!("{ORIGIN}/{id}");
        let word = match kind {
            Kind::Create => "Create",
            Kind::Update => "Update",
            Kind::Delete => "Delete",
        };
        let mut body = json!({
            "RequestType": word, "RequestId": id, "LogicalResourceId": logical, "StackId": STACK,
            "ResponseURL": url, "ResourceProperties": new, "ServiceTimeout": new["ServiceTimeout"],
        });
        if let Some(named) = named {
            body["PhysicalResourceId"] = json!(named);
        }
        if let Some(old) = old {
            body["OldResourceProperties"] = old.clone();
        }
        let timeout = new["ServiceTimeout"].as_str().and_then(|text| text.parse().ok()).unwrap_or(3_600);
        let goal = Goal::ALL.into_iter().find(|goal| new["WaitFor"] == goal.as_str());
        let number = inner.ledger.requests.len();
        let (at, refused) = (inner.at, inner.strikes(Mishap::Refused, 3));
        inner.tell(|_| format!("CloudFormation sends {word} {id} of {named:?}: {new}"));
        inner.ledger.requests.push(Request::new(
            (id, task_of(&logical, &format!("{logical}-r{}", self.requests))),
            (self.number, kind, named.map(str::to_owned)),
            (at, timeout * SECOND, goal.unwrap_or(Goal::Running)),
            (url, refused),
        ));
        inner.publish(number, &body);
        number
    }

    /// Sends a request and waits for its answer as CloudFormation does. `may_cancel`: it may not want to wait.
    async fn ask(
        &mut self,
        kind: Kind,
        named: Option<&str>,
        old: Option<&Value>,
        new: &Value,
        may_cancel: bool,
    ) -> Heard {
        let number = self.publish(kind, named, old, new);
        let cancels = may_cancel && self.strikes(Mishap::Cancels, 3);
        let waits = self.sim.inner().ledger.requests[number].timeout;
        let waits = if cancels { self.sim.inner().rng.u64(1..waits.min(100 * SECOND)) } else { waits };
        let answered = Arc::clone(&self.sim.inner().ledger.stacks[self.number].answered);
        let reads = async {
            loop {
                let held = self.sim.inner().ledger.requests[number].held.clone();
                match held {
                    Some(answer) => {
                        self.pause(3 * SECOND).await;
                        return answer;
                    }
                    None => answered.notified().await,
                }
            }
        };
        let Ok(answer) = timeout(Duration::from_millis(waits), reads).await else {
            self.hit("does not wait", if cancels { "cancelled" } else { "timed out" });
            return Heard::Nothing;
        };
        self.sim.inner().ledger.requests[number].read = true;
        let id = answer["PhysicalResourceId"].as_str().unwrap_or_default().to_owned();
        if answer["Status"] == "SUCCESS" { Heard::Succeeded(id) } else { Heard::Failed(id) }
    }

    fn believe(&self, id: Option<&str>) {
        let mut inner = self.sim.inner();
        inner.tell(|_| format!("CloudFormation takes {id:?} for it"));
        inner.ledger.stacks[self.number].believed = id.map(str::to_owned);
    }

    /// From its creation to its deletion, some times.
    pub(super) async fn lives(mut self) {
        self.pause(20 * SECOND).await;
        let lives = self.sim.inner().plan.lives;
        for life in 0..lives {
            let properties = self.properties();
            let properties = self.create(properties).await;
            if let Some((id, properties)) = properties {
                let left = self.updates(id, properties).await;
                if let Some((id, properties)) = left {
                    if life + 1 == lives && self.chance(8) {
                        self.hit("is retained", "");
                        self.sim.inner().ledger.stacks[self.number].retained = true;
                    } else {
                        self.pause(80 * SECOND).await;
                        self.delete(&id, &properties).await;
                    }
                }
            }
            self.pause(20 * SECOND).await;
        }
        self.sim.inner().ledger.living -= 1;
    }

    /// A resource that is created, with its id and its properties.
    async fn create(&mut self, properties: Value) -> Option<(String, Value)> {
        match self.ask(Kind::Create, None, None, &properties, true).await {
            Heard::Succeeded(id) => {
                self.hit("is created", "");
                self.believe(Some(&id));
                return Some((id, properties));
            }
            Heard::Failed(id) => {
                self.hit("is not created", "");
                self.delete(&id, &properties).await;
            }
            Heard::Nothing => {
                // Two seconds later, under an id of its own.
                sleep(Duration::from_secs(2)).await;
                let logical = self.sim.inner().ledger.stacks[self.number].logical.clone();
                self.delete(&format!("etl-{logical}-1ABCDEFGHIJKL"), &properties).await;
            }
        }
        None
    }

    async fn updates(&mut self, mut id: String, mut properties: Value) -> Option<(String, Value)> {
        let updates = self.sim.inner().rng.u8(0..=2);
        for _ in 0..updates {
            self.pause(60 * SECOND).await;
            let next = self.properties();
            (id, properties) = self.update(id, properties, next).await;
        }
        Some((id, properties))
    }

    /// An Update, with everything that follows from how it goes.
    async fn update(&mut self, id: String, old: Value, new: Value) -> (String, Value) {
        match self.ask(Kind::Update, Some(&id), Some(&old), &new, true).await {
            Heard::Succeeded(now) if now == id => {
                self.hit("is updated", "same id");
                self.believe(Some(&id));
                if self.strikes(Mishap::Siblings, 3) {
                    self.hit("rolls back after a sibling failed", "same id");
                    return self.roll_back(id, new, old).await;
                }
                (id, new)
            }
            Heard::Succeeded(now) => {
                self.hit("is updated", "another id");
                if self.strikes(Mishap::Siblings, 3) {
                    return self.sibling_failed((id, old), (now, new)).await;
                }
                self.believe(Some(&now));
                self.clean_up(&id, &old).await;
                (now, new)
            }
            Heard::Failed(now) => {
                self.hit("is not updated", "");
                if now != id {
                    self.sim.inner().violate(Promise::KeepsId, || format!("{now} is not {id}"));
                }
                self.roll_back(id, new, old).await
            }
            Heard::Nothing => {
                self.hit("is not updated in time", "");
                self.pause(3 * SECOND).await;
                self.roll_back(id, new, old).await
            }
        }
    }

    /// The new one is deleted; whether an Update comes first is told differently.
    async fn sibling_failed(&mut self, before: (String, Value), after: (String, Value)) -> (String, Value) {
        let ((id, old), (now, new)) = (before, after);
        self.pause(30 * SECOND).await;
        if self.chance(2) {
            self.hit("rolls back after a sibling failed", "Delete of the new id");
            self.clean_up(&now, &new).await;
            return (id, old);
        }
        self.hit("rolls back after a sibling failed", "Update of the new id");
        match self.ask(Kind::Update, Some(&now), Some(&new), &old, false).await {
            Heard::Succeeded(back) => {
                self.believe(Some(&back));
                if back != now {
                    self.clean_up(&now, &new).await;
                }
                if back != id && back != now {
                    self.clean_up(&id, &old).await;
                }
                (back, old)
            }
            Heard::Failed(_) | Heard::Nothing => {
                // The stack is stuck with both: all of it is deleted in the end.
                self.believe(None);
                self.clean_up(&id, &old).await;
                (now, new)
            }
        }
    }

    /// The rollback's Update: from what failed to what was.
    async fn roll_back(&mut self, id: String, from: Value, to: Value) -> (String, Value) {
        for _ in 0..2 {
            match self.ask(Kind::Update, Some(&id), Some(&from), &to, false).await {
                Heard::Succeeded(now) => {
                    self.hit("is rolled back", if now == id { "same id" } else { "another id" });
                    self.believe(Some(&now));
                    if now != id {
                        self.clean_up(&id, &from).await;
                    }
                    return (now, to);
                }
                Heard::Failed(_) | Heard::Nothing => {
                    self.hit("is not rolled back", "");
                    self.pause(60 * SECOND).await;
                }
            }
        }
        (id, to)
    }

    /// Deletes what is not the resource any more: tried three times, then left.
    async fn clean_up(&mut self, id: &str, properties: &Value) {
        for _ in 0..3 {
            if let Heard::Succeeded(_) = self.ask(Kind::Delete, Some(id), None, properties, false).await {
                return;
            }
            self.hit("is not cleaned up", "");
            self.pause(30 * SECOND).await;
        }
    }

    /// Deletes the resource, until that succeeds.
    async fn delete(&mut self, id: &str, properties: &Value) {
        let mut tries = 0;
        loop {
            tries += 1;
            match self.ask(Kind::Delete, Some(id), None, properties, false).await {
                Heard::Succeeded(_) => {
                    self.hit("is deleted", if id.contains('/') { "" } else { "under an invented id" });
                    return self.believe(None);
                }
                Heard::Failed(_) | Heard::Nothing => self.hit("is not deleted", ""),
            }
            let (at, gone) = {
                let inner = self.sim.inner();
                (inner.at, inner.node.gone)
            };
            if gone && tries >= TRIES {
                return self.believe(None);
            }
            if at > CALM + 3_000 * SECOND && tries > 10 {
                let why = format!("{id} cannot be deleted");
                return self.sim.inner().violate(Promise::ComesToAnEnd, || why);
            }
            self.pause(100 * SECOND).await;
        }
    }
}
