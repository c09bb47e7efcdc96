//! Activities and the polls for their tasks.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::oneshot;

use super::Shared;
use super::ops::{ARN, Answered, NAME, checked_arn, checked_name};
use super::wire::{Members, Refusal, characters};
use super::world::{Handed, Poll};

impl Shared {
    pub(super) async fn get_activity_task(self: &Arc<Self>, body: &Value) -> Answered {
        let mut members = Members::of(body);
        let arn = members.required("activityArn", ARN, characters);
        let worker = members.optional("workerName", NAME, characters);
        members.checked()?;
        let (handed, hold) = match self.open_poll(&arn, worker)? {
            Polled::Handed(handed) => (Some(handed), None),
            Polled::Waits { number, given, hold } => (None, Some((number, given, hold))),
        };
        let handed = match hold {
            None => handed,
            Some((number, mut given, hold)) => tokio::select! {
                handed = &mut given => handed.ok(),
                () = tokio::time::sleep(hold) => match self.close_poll(&arn, number) {
                    true => None,
                    // A task was on its way to this poll in the last moment.
                    false => given.await.ok(),
                },
            },
        };
        Ok(match handed {
            Some(Handed { token, input }) => json!({ "taskToken": token, "input": input }),
            None => json!({ "taskToken": null }),
        })
    }

    fn open_poll(self: &Arc<Self>, arn: &str, worker: Option<String>) -> Result<Polled, Refusal> {
        let mut world = self.world();
        let (hold, max_pollers) = (world.hold, world.max_pollers);
        let activity = world.activities.get_mut(checked_arn(arn)?).ok_or_else(|| no_activity(arn))?;
        if activity.polls.len() >= max_pollers {
            let message =
                "The maximum number of workers concurrently polling for activity tasks has been reached.";
            return Err(Refusal::new("ActivityWorkerLimitExceeded", message));
        }
        activity.polled += 1;
        activity.workers.extend(worker.clone());
        let polled = match activity.queue.pop_front() {
            Some(task) => {
                let handed = world.hand_out(task, worker.as_deref());
                drop(world);
                self.watch_task(task);
                Polled::Handed(handed)
            }
            None => {
                let (give, given) = oneshot::channel();
                let number = activity.polled;
                activity.polls.push_back(Poll { number, worker, give });
                Polled::Waits { number, given, hold }
            }
        };
        self.bell.ring();
        Ok(polled)
    }

    /// Takes a poll out of the waiting ones; false if it had been chosen already.
    fn close_poll(&self, arn: &str, number: usize) -> bool {
        self.change(|world| {
            let Some(activity) = world.activities.get_mut(arn) else {
                return true;
            };
            let before = activity.polls.len();
            activity.polls.retain(|poll| poll.number != number);
            activity.polls.len() < before
        })
    }

    pub(super) fn create_activity(&self, body: &Value) -> Answered {
        let mut members = Members::of(body);
        let name = members.required("name", NAME, characters);
        members.checked()?;
        checked_name(&name)?;
        self.change(|world| {
            let arn = world.create_activity(&name);
            Ok(json!({ "activityArn": arn, "creationDate": world.activities[&arn].created }))
        })
    }

    pub(super) fn describe_activity(&self, body: &Value) -> Answered {
        let mut members = Members::of(body);
        let arn = members.required("activityArn", ARN, characters);
        members.checked()?;
        let world = self.world();
        let activity = world.activities.get(checked_arn(&arn)?).ok_or_else(|| no_activity(&arn))?;
        Ok(json!({ "activityArn": arn, "name": activity.name, "creationDate": activity.created }))
    }

    pub(super) fn delete_activity(&self, body: &Value) -> Answered {
        let mut members = Members::of(body);
        let arn = members.required("activityArn", ARN, characters);
        members.checked()?;
        checked_arn(&arn)?;
        self.change(|world| world.activities.remove(&arn));
        Ok(json!({}))
    }
}

enum Polled {
    Handed(Handed),
    Waits { number: usize, given: oneshot::Receiver<Handed>, hold: Duration },
}

fn no_activity(arn: &str) -> Refusal {
    Refusal::new("ActivityDoesNotExist", format!("Activity Does Not Exist: '{arn}'"))
}
