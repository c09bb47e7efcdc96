//! From an order to a task on disk: what is looked at before it is decided, and what is kept in which order.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::errand::{self, identity};
use super::files::Store;
use super::request::{Order, Rules};
use super::resource::Act;
use super::resources::{Known, Resources, Taken};
use crate::job::Task;
use crate::job::application::{AppEnd, AppState, YarnAnswer};
use crate::job::machine::{OnAbort, Run, State};
use crate::job::request::{Defaults, Identity, OwnLivy};
use crate::job::world::{Unwritable, World};

/// For how long YARN is asked whether a job lives that could be adopted. A YARN that is silent for longer
/// does not say that it is dead, and then it is adopted: following it tells, and a second one beside it would be wrong.
const LIVES: Duration = Duration::from_secs(10);
const LOOK: Duration = Duration::from_secs(1);

/// What orders are decided with.
#[derive(Debug)]
pub struct Intake<'a, W, S> {
    /// All external services.
    pub world: &'a W,
    /// The resources.
    pub resources: &'a Resources<S>,
    /// What the configuration says about requests.
    pub rules: &'a Rules,
    /// What jobs inherit.
    pub defaults: &'a Defaults,
    /// What becomes of an answered job when its resource is deleted.
    pub on_delete: OnAbort,
    /// Which Livy a job may name.
    pub livy: &'a OwnLivy,
}

/// A task that an order has become, on disk.
#[derive(Debug)]
pub struct Begun {
    /// What was decided.
    pub act: Act,
    /// The task.
    pub task: Task,
    /// Its first state.
    pub state: State,
}

impl<W: World, S: Store> Intake<'_, W, S> {
    /// Decides about an order and keeps that. `None`: nothing is to be done about it, except to delete its message.
    ///
    /// # Errors
    /// Why it is not kept: its message is to come again.
    pub async fn take(&self, order: &Order) -> Result<Option<Begun>, Unwritable> {
        let Intake { world, resources, rules, defaults, on_delete, livy } = *self;
        let name = order.properties.job_name(defaults);
        let check = |identity: &Identity| order.properties.check(identity, defaults, livy, rules.goal);
        let valid = check(&identity(order, &order.request_id, &name)).is_ok();
        let candidate_lives = match resources.candidate(order).await {
            Some(run) => lives(world, &run).await,
            None => false,
        };
        let now = world.now();
        let known = Known { valid, candidate_lives, name: &name, on_delete };
        let taken = resources.take(order, known, now).await;
        let Some(Taken { act, resource }) = taken.map_err(|error| Unwritable(error.to_string()))? else {
            return Ok(None);
        };
        let Some((mut task, state)) = errand::task((order, &act, &resource), &name, check, rules, now) else {
            return Ok(None);
        };
        if matches!(act, Act::End { .. }) {
            task.on_abort = on_delete;
        }
        if let Err(unwritable) = world.write(&task, &state).await {
            resources.release(&task.id).await;
            return Err(unwritable);
        }
        Ok(Some(Begun { act, task, state }))
    }
}

/// Whether a run that nobody watches lives, or has ended well.
async fn lives(world: &impl World, run: &Run) -> bool {
    let Some(id) = &run.application else { return false };
    let end = Instant::now() + LIVES;
    loop {
        match world.application(id).await {
            YarnAnswer::Answer(found) => {
                let good = |state: AppState| match state {
                    AppState::Active | AppState::Ended(AppEnd::Succeeded) => true,
                    AppState::Ended(AppEnd::Failed | AppEnd::Killed) => false,
                };
                return found.iter().any(|application| good(application.state));
            }
            YarnAnswer::Off | YarnAnswer::Hidden(_) | YarnAnswer::Unreachable(_) if Instant::now() >= end => {
                return true;
            }
            YarnAnswer::Off | YarnAnswer::Hidden(_) | YarnAnswer::Unreachable(_) => sleep(LOOK).await,
        }
    }
}
