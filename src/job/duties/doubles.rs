//! More than one application with one tag: the oldest is ours, the others are killed.

use std::collections::BTreeSet;

use tokio::time::sleep;
use tracing::{error, warn};

use crate::job::application::{AppState, YarnAnswer};
use crate::job::machine::Run;
use crate::job::world::{CountedEvent, NotKilled, World};
use crate::log::message_id;
use crate::retry;

/// How often the kill of a double is tried before the job that is ours goes on.
const KILL_TRIES: usize = 8;

/// The doubles of a run that were seen: each is counted and told of once.
#[derive(Debug, Default)]
pub(super) struct Duplicates {
    seen: BTreeSet<String>,
    /// Those that YARN does not let us kill.
    forbidden: BTreeSet<String>,
}

impl Duplicates {
    /// Whether any was seen.
    pub(super) fn were_seen(&self) -> bool {
        !self.seen.is_empty()
    }

    /// Kills what YARN has beside the oldest.
    pub(super) async fn kill_others<W: World>(&mut self, world: &W, run: &Run, answer: &YarnAnswer) {
        let YarnAnswer::Answer(found) = answer else { return };
        let others = found.iter().skip(1).filter(|application| application.state == AppState::Active);
        let others = others.map(|application| application.id.clone()).collect();
        self.kill(world, run, others).await;
    }

    /// Kills these applications; counts and logs each of them once.
    pub(super) async fn kill<W: World>(&mut self, world: &W, run: &Run, others: Vec<String>) {
        for id in others {
            if self.seen.insert(id.clone()) {
                world.count(CountedEvent::Doubled);
                error!(
                    message_id = message_id::APPLICATION_DOUBLED,
                    yarn_application_id = id,
                    "{} has a second application, {id}; it is killed",
                    run.name
                );
            }
            if let Err(reason) = kill_one(world, &id).await
                && self.forbidden.insert(id.clone())
            {
                tell_forbidden(&id, &reason, "");
            }
        }
    }
}

/// Tries for a while.
///
/// # Errors
/// Why YARN does not let us.
async fn kill_one<W: World>(world: &W, id: &str) -> Result<(), String> {
    let mut waits = retry::LOOK.start();
    for _ in 0..KILL_TRIES {
        match world.kill(id).await {
            Ok(()) => return Ok(()),
            Err(NotKilled::NotNow(reason)) => warn!("YARN does not kill {id}: {reason}"),
            Err(NotKilled::Forbidden(reason)) => return Err(reason),
        }
        sleep(waits.next(fastrand::f64())).await;
    }
    Ok(())
}

/// Only an operator can help: somebody else's ResourceManager, an ACL, Kerberos. `beside`: what else the worker does.
pub(super) fn tell_forbidden(application: &str, reason: &str, beside: &str) {
    error!(
        message_id = message_id::KILL_FORBIDDEN,
        yarn_application_id = application,
        "YARN does not let the worker kill {application}: {reason}; the worker keeps trying{beside}; give its user the permission, or kill the application by hand"
    );
}
