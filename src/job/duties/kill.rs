//! Nobody waits any more: kill the run and see that it is dead.

use std::convert::Infallible;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::sleep;
use tracing::{debug, info, warn};

use super::doubles::tell_forbidden;
use super::{JobCache, JobServices};
use crate::job::application::YarnAnswer;
use crate::job::evidence::is_final;
use crate::job::machine::{Event, Records, Run};
use crate::job::steps::follow::others;
use crate::job::steps::kill::{Grace, KillCheck, KillRound, KillStatus};
use crate::job::world::{CountedEvent, LivyAnswer, NotKilled, TagOnNode, Unreachable, World};
use crate::log::message_id;
use crate::retry;

/// How often a record is deleted that only takes room.
const FORGET_TRIES: usize = 5;

/// Kills the run. Livy's DELETE and YARN's kill go on side by side: DELETE can block for minutes and says "deleted" also
/// where it killed nothing.
pub(in crate::job) async fn kill<W: World>(services: &JobServices<W>, run: &Run) -> Event {
    let (world, rules) = (&services.world, &services.rules);
    let (tell, livy) = watch::channel(LivyAnswer::Unreachable("not asked yet".to_owned()));
    // Boxed: what is done seldom takes no room in every job.
    let deleting = Box::pin(delete_until_gone(&**world, run, rules.interval, tell));
    let event = tokio::select! {
        biased;
        event = kill_in_yarn(services, run, &livy) => event,
        never = deleting => match never {},
    };
    if event == Event::Killed && run.is_session() {
        // Livy keeps some sessions for as long as it lives.
        Box::pin(forget(&**world, run)).await;
    }
    event
}

/// Takes the record of a dead session out of Livy, unless Livy does not answer: the record does nothing.
async fn forget<W: World>(world: &W, run: &Run) {
    let mut waits = retry::LOOK.start();
    for _ in 0..FORGET_TRIES {
        match world.delete(run.records(), &run.name).await {
            Ok(_) => return,
            Err(Unreachable(reason)) => debug!("Livy keeps the record of {}: {reason}", run.name),
        }
        sleep(waits.next(fastrand::f64())).await;
    }
}

/// YARN's side of a kill, until the run is dead.
async fn kill_in_yarn<W: World>(
    services: &JobServices<W>,
    run: &Run,
    livy: &watch::Receiver<LivyAnswer>,
) -> Event {
    let (world, rules) = (&services.world, &services.rules);
    let mut forbidden = false;
    let grace = Grace::new(run, services.now());
    let mut killed = false;
    let mut check = KillCheck::new(rules.interval, rules.kill_settle, rules.waits.lost_after);
    loop {
        let round = look(services, run, livy).await;
        if let Some(id) = round.learned(run) {
            return Event::Learned(Run { application: Some(id), ..run.clone() });
        }
        match check.see(&round, services.now()) {
            KillStatus::Unproved => {}
            KillStatus::Verified => {
                if killed || !run.is_session() {
                    world.count(CountedEvent::KillVerified);
                }
                info!("{} is dead by YARN's word", run.name);
                return Event::Killed;
            }
            KillStatus::ByLivysWord => {
                world.count(CountedEvent::KillUnverified);
                warn!(
                    message_id = message_id::KILL_UNVERIFIED,
                    "{} counts as dead: Livy says so, and YARN is not configured", run.name
                );
                return Event::Killed;
            }
        }
        if !grace.is_over(services.now()) {
            sleep(rules.interval).await;
            continue;
        }
        // What may not be seen may still be killed.
        let hidden =
            matches!(round.by_id, Some(YarnAnswer::Hidden(_))).then(|| run.application.clone()).flatten();
        for id in round.active().into_iter().chain(hidden) {
            match world.kill(&id).await {
                Ok(()) => {
                    killed = true;
                    info!("YARN was told to kill {id}");
                }
                Err(NotKilled::NotNow(reason)) => warn!("YARN does not kill {id}: {reason}; trying again"),
                Err(NotKilled::Forbidden(reason)) if !forbidden => {
                    forbidden = true;
                    tell_forbidden(&id, &reason, " and also asks Livy to kill it");
                }
                Err(NotKilled::Forbidden(_)) => {}
            }
        }
        sleep(rules.interval).await;
    }
}

/// One round of looks.
async fn look<W: World>(
    services: &JobServices<W>,
    run: &Run,
    livy: &watch::Receiver<LivyAnswer>,
) -> KillRound {
    let world = &*services.world;
    let by_id = async {
        match &run.application {
            Some(id) if world.has_yarn() => Some(world.application(id).await),
            Some(_) | None => None,
        }
    };
    let (by_id, by_tag) = tokio::join!(by_id, world.tagged(&run.tag));
    if let (Some(YarnAnswer::Hidden(reason)), Some(id)) = (&by_id, &run.application) {
        services.sweep.hidden(id, reason);
    }
    let livy = livy.borrow().clone();
    let mut round = KillRound { livy, by_id, by_tag, carried: TagOnNode::Unknown, hides: services.hides() };
    if round.active().is_empty() {
        // Only where nothing lives it matters what may still come.
        round.carried = world.tag_on_node(&run.tag).await;
    }
    round
}

/// Livy's side of a kill: looks, and deletes what lives. Tells what it sees.
async fn delete_until_gone<W: World>(
    world: &W,
    run: &Run,
    interval: Duration,
    tell: watch::Sender<LivyAnswer>,
) -> Infallible {
    let mut waits = retry::KILL.start();
    loop {
        let (list, look) = find(world, run).await;
        let lives = match &look {
            LivyAnswer::Seen(view) if !is_final(&view.state) => Some(view.name.clone()),
            LivyAnswer::Seen(_) | LivyAnswer::Missing | LivyAnswer::Unreachable(_) => None,
        };
        let silent = matches!(look, LivyAnswer::Unreachable(_));
        tell.send_replace(look);
        let mut pause = if silent { waits.next(fastrand::f64()) } else { interval };
        if let Some(name) = lives {
            match world.delete(list, &name).await {
                Ok(_) => info!("Livy was told to delete {name}"),
                Err(Unreachable(reason)) => {
                    warn!("Livy does not delete {name}: {reason}; trying again");
                    pause = waits.next(fastrand::f64());
                }
            }
        }
        sleep(pause).await;
    }
}

/// Livy's record of the run, and in which list it is. Missing only where no list has it that could.
async fn find<W: World>(world: &W, run: &Run) -> (Records, LivyAnswer) {
    for &list in run.lists() {
        match world.find(list, &run.name).await {
            Ok(Some(view)) => return (list, LivyAnswer::Seen(view.into())),
            Ok(None) => {}
            Err(Unreachable(reason)) => return (list, LivyAnswer::Unreachable(reason)),
        }
    }
    (run.records(), LivyAnswer::Missing)
}

/// The run is left alone, and nobody waits for it. What carries its tag beside it has to be dead all the same.
pub(in crate::job) async fn leave<W: World>(services: &JobServices<W>, run: &Run, cache: &mut JobCache) {
    let world = &*services.world;
    loop {
        match world.tagged(&run.tag).await {
            YarnAnswer::Off => return,
            YarnAnswer::Answer(found) => {
                let first = found.first().map(|first| first.id.clone());
                let others = others(&found, run.application.as_ref().or(first.as_ref()).map(String::as_str));
                if others.is_empty() {
                    return;
                }
                cache.doubles.kill(world, run, others).await;
            }
            YarnAnswer::Unreachable(_) | YarnAnswer::Hidden(_) => {}
        }
        sleep(services.rules.interval).await;
    }
}
