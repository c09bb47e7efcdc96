//! Jobs that have ended, and those that a bug has ended: these go on, and their tokens live.

use std::sync::Arc;

use tokio::task::JoinError;
use tracing::{Instrument, error};

use super::jobs::{Ended, JobHandle, Jobs};
use crate::job::places::Ticket;
use crate::job::rescue::{is_orphan, rescued, rest};
use crate::job::{Start, Task};
use crate::log::message_id;
use crate::retry;

impl Jobs {
    /// A job has ended. Where a bug ended it, its task is answered all the same and its run is killed, unless its end
    /// was settled already: then that is what is told.
    pub(super) async fn reap(&mut self, ended: Ended) {
        let id = ended.as_ref().map_or_else(JoinError::id, |(id, ())| *id);
        let Some(handle) = self.running.remove(&id) else { return };
        match ended {
            Ok(_) if handle.rests => self.carry_on(*handle).await,
            Ok(_) => {
                self.drops.remove(&handle.task.id);
                if let Some(door) = &self.world.door {
                    door.resources.release(&handle.task.id).await;
                }
            }
            Err(panic) => {
                error!(
                    parent: &handle.span,
                    message_id = message_id::JOB_PANICKED,
                    "a bug ended the loop of a task: {panic}; it goes on in a moment"
                );
                self.wait(*handle);
            }
        }
    }

    /// Keeps the token of a task alive for a while, longer each time.
    fn wait(&mut self, mut handle: JobHandle) {
        let pauses = handle.pauses.get_or_insert_with(|| Box::new(retry::BUG.start()));
        let pause = pauses.next(fastrand::f64());
        let (world, task, limiter) =
            (Arc::clone(&self.world), Arc::clone(&handle.task), Arc::clone(&self.limiter));
        let resting = rest(world, task, limiter, self.supervised(&handle.task.id), pause);
        let id = self.tasks.spawn(resting.instrument(handle.span.clone())).id();
        self.running.insert(id, Box::new(JobHandle { rests: true, ..handle }));
    }

    /// Goes on with what the journal has. Where it cannot be read, nothing is known of the task that may be told.
    async fn carry_on(&mut self, handle: JobHandle) {
        let JobHandle { task, span, pauses, .. } = handle;
        let kept = match self.world.journal.read(&task.id).await {
            Ok(kept) => kept,
            // It is to be killed, whatever its entry says.
            Err(_) if is_orphan(&task) => None,
            Err(error) => {
                error!(
                    parent: &span,
                    message_id = message_id::DISK,
                    "the entry of the task cannot be read: {error}; trying again"
                );
                return self.wait(JobHandle { task, span, pauses, rests: true });
            }
        };
        let state = rescued(&task, kept.map(|entry| entry.state));
        let id = self.start(Task::clone(&task), state, Start::Fresh, Ticket::NotNeeded, span);
        if let Some(started) = self.running.get_mut(&id) {
            started.pauses = pauses;
        }
    }
}
