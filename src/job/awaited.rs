//! What ends a duty from outside: nobody waits any more, or the worker gives the task up, or the time is over.

use std::future::pending;
use std::sync::atomic::{AtomicBool, Ordering};

use super::document::Document;
use super::duties;
use super::flag::Flag;
use super::gate::Gate;
use super::heartbeat::Heartbeat;
use super::machine::{Event, State};
use super::report::{ErrorName, Outcome};
use super::task::Task;
use super::world::World;

/// What can end the duty of a task's state from outside.
pub(super) struct Outside<'a, W> {
    pub(super) heartbeat: Option<&'a Heartbeat>,
    pub(super) dropped: Option<&'a Flag>,
    pub(super) stop: &'a Flag,
    pub(super) world: &'a W,
    pub(super) gate: &'a Gate,
    pub(super) task: &'a Task,
    pub(super) state: &'a State,
    /// It holds a place.
    pub(super) has_place: &'a AtomicBool,
}

impl<W: World> Outside<'_, W> {
    /// Whichever comes first.
    pub(super) async fn interrupted(&self) -> Event {
        tokio::select! {
            biased;
            event = self.gone() => event,
            event = self.gives_up() => event,
        }
    }

    /// Returns once nobody waits; never where nothing tells.
    pub(super) async fn gone(&self) -> Event {
        match (self.heartbeat, self.dropped) {
            // A task with a token hears it from its heartbeat alone, another one from the door alone.
            (Some(heartbeat), _) => heartbeat.gone().await,
            (None, Some(dropped)) => dropped.raised().await,
            (None, None) => pending().await,
        }
        Event::TokenGone(self.task.on_abort)
    }

    /// Returns once the worker gives the task up, or its time is over.
    pub(super) async fn gives_up(&self) -> Event {
        tokio::select! {
            biased;
            () = self.stop.raised() => {
                let message = "the worker on this cluster is going down and gives the task back; a Retry can go to another cluster";
                self.with(ErrorName::ClusterTerminating, message.to_owned())
            }
            () = over(self.world, self.task.document.as_deref()) => self.late(),
        }
    }

    /// The time is over in which it had to be answered.
    fn late(&self) -> Event {
        match self.state {
            State::Stopping { .. } => {
                let message = "what had to be ended first still lives; killing goes on, so try again later";
                self.with(ErrorName::NotStopped, message.to_owned())
            }
            State::Received { attempt } => {
                let message = match &attempt.held {
                    Some(hold) => format!("Livy did not take the job in time: {}", hold.reason),
                    None if self.has_place.load(Ordering::Relaxed) => {
                        "Livy did not take the job in time".to_owned()
                    }
                    None if self.gate.is_paused() => {
                        "the worker is paused and begins no job; deploy again once it goes on".to_owned()
                    }
                    None => "all places were taken".to_owned(),
                };
                self.with(ErrorName::LivyUnavailable, message)
            }
            State::Submitting { .. }
            | State::InDoubt { .. }
            | State::Running { .. }
            | State::Withdrawing { .. }
            | State::Speaking { .. }
            | State::Listening { .. }
            | State::Judged { .. }
            | State::Ended { .. }
            | State::Orphaned { .. }
            | State::Settled => {
                let fate = if self.task.is_adopted() { "it runs on" } else { "it is killed" };
                let message = format!("the job was not {} in time; {fate}", self.task.goal().as_str());
                self.with(ErrorName::StillRunning, message)
            }
        }
    }

    fn with(&self, error: ErrorName, message: String) -> Event {
        let failure = duties::failure(self.task, error, self.state.name(), message);
        let failure = duties::of_run(self.task, self.state.run(), failure);
        match self.state {
            // What was there before the task is not the task's to end.
            State::Running { .. } if self.task.is_adopted() => {
                Event::Ended { outcome: Outcome::Failed(Box::new(failure)), leftover: None }
            }
            State::Stopping { .. }
            | State::Received { .. }
            | State::Submitting { .. }
            | State::InDoubt { .. }
            | State::Running { .. }
            | State::Withdrawing { .. }
            | State::Speaking { .. }
            | State::Listening { .. }
            | State::Judged { .. }
            | State::Ended { .. }
            | State::Orphaned { .. }
            | State::Settled => Event::Stop(failure),
        }
    }
}

/// Returns at the deadline; never where there is none. Boxed: of thousands of jobs few have one.
async fn over<W: World>(world: &W, document: Option<&Document>) {
    match document {
        Some(document) => Box::pin(duties::until(world, document.deadline)).await,
        None => pending().await,
    }
}
