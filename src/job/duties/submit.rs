//! Before the run: prepare, submit, and find what a POST may have left.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;
use tracing::{info, warn};

use super::follow::kill_doubles;
use super::{Memory, ended, failure};
use crate::job::evidence::{Finding, Round, Search};
use crate::job::machine::{Attempt, Event, Hold, Run, Timestamp};
use crate::job::report::{ErrorName, Failure};
use crate::job::request::{self, Identity, JobRequest};
use crate::job::world::{BatchView, Posted, Unreachable, World};
use crate::job::{Rules, Task};
use crate::retry;

/// Validates the input, waits for Livy and for a submit slot.
pub(in crate::job) async fn prepare<W: World>(
    world: &W,
    rules: &Rules,
    task: &Task,
    attempt: &Attempt,
    memory: &mut Memory<W::Slot>,
) -> Event {
    // A wrong input is told at once; a right one does not wait in two forms.
    if let Err(failure) = parse(rules, task, &attempt.run) {
        return ended(*failure, None);
    }
    if let Some(waits) = &mut memory.submit_waits {
        sleep(waits.next(fastrand::f64())).await;
    }
    let mut waits = retry::SUBMIT.start();
    let mut held = attempt.held.clone();
    loop {
        let now = world.now();
        if let Some(hold) = held.as_ref().filter(|hold| older(now, hold.since, rules.patience)) {
            let message = format!("Livy did not take the job for {:?}: {}", rules.patience, hold.words);
            return ended(failure(task, ErrorName::LivyUnavailable, "Received", message), None);
        }
        match world.slot().await {
            Ok(slot) => {
                memory.request = parse(rules, task, &attempt.run).ok();
                memory.slot = Some(slot);
                return Event::Ready { at: world.now(), held };
            }
            Err(Unreachable(words)) => {
                held = Some(Hold { since: held.map_or(now, |hold| hold.since), words });
                sleep(waits.next(fastrand::f64()).min(rules.patience)).await;
            }
        }
    }
}

/// POSTs the batch.
pub(in crate::job) async fn submit<W: World>(
    world: Arc<W>,
    task: &Task,
    run: &Run,
    memory: &mut Memory<W::Slot>,
) -> Event {
    let Some(request) = memory.request.take() else {
        // Submitting without a request: read back, not prepared here. Nobody knows what became of that POST.
        return Event::Unsure { answered: false };
    };
    let proxy_user = request.batch.proxy_user().map(str::to_owned);
    let slot = memory.slot.take();
    let poster = Arc::clone(&world);
    let posting = tokio::spawn(async move {
        let answer = poster.post(&request.batch).await;
        drop(slot);
        answer
    });
    let answer =
        posting.await.unwrap_or_else(|panic| Posted::Unsure { answered: false, words: panic.to_string() });
    match answer {
        Posted::Accepted(view) => Event::Submitted(learn(run, &view, world.now(), proxy_user)),
        Posted::NotNow(words) => {
            info!("Livy cannot take {} now: {words}", run.name);
            memory.submit_waits.get_or_insert_with(|| retry::SUBMIT.start());
            Event::NotNow(Hold { since: world.now(), words })
        }
        Posted::Unsure { answered, words } => {
            warn!("Livy may or may not have taken {}: {words}; looking for it", run.name);
            Event::Unsure { answered }
        }
        Posted::Refused(words) => {
            // A refused POST can leave a record that holds the name for ever; it runs nothing.
            if let Err(Unreachable(words)) = world.delete(&run.name).await {
                warn!("the name {} may stay taken in Livy: {words}", run.name);
            }
            let message = format!("Livy refuses the batch: {words}");
            Event::Refused(failure(task, ErrorName::Rejected, "Submitting", message))
        }
    }
}

/// What is in doubt.
pub(in crate::job) struct Doubt<'a> {
    pub(in crate::job) run: &'a Run,
    pub(in crate::job) since: Timestamp,
    pub(in crate::job) answered: bool,
}

/// Looks for what a POST may have left: by name in Livy, by tag in YARN and among this node's processes.
pub(in crate::job) async fn find<W: World>(world: &W, rules: &Rules, task: &Task, doubt: Doubt<'_>) -> Event {
    let Doubt { run, since, answered } = doubt;
    let watch = &rules.watch;
    let mut search =
        Search::new(watch.interval, watch.waits.submit_settle, watch.doubt_limit, since, answered);
    loop {
        let (livy, yarn, memory, carried) = tokio::join!(
            world.find(&run.name),
            world.tagged(&run.tag),
            world.memory(),
            world.carried(&run.tag)
        );
        kill_doubles(world, run, &yarn).await;
        let round = Round { livy, yarn, memory: memory.ok(), carried };
        match search.look(world.now(), round) {
            Finding::Open => {}
            Finding::Batch(view) => {
                return Event::Found(learn(run, &view, world.now(), proxy_user(rules, task, run)));
            }
            Finding::Application(application) => {
                info!("YARN has {} as {}, and Livy has no record of it", run.name, application.id);
                return Event::Found(Run {
                    application: Some(application.id),
                    submitted: Some(application.started),
                    ..run.clone()
                });
            }
            Finding::Zombie => delete_empty(world, run).await,
            Finding::Absent { zombie } => {
                if zombie {
                    delete_empty(world, run).await;
                }
                let words = "a POST was lost, and nothing came of it".to_owned();
                return Event::Absent(Some(Hold { since: world.now(), words }));
            }
            Finding::Unknowable => {
                let message =
                    "Livy did not say whether it took the job, and nobody knows any more; it may have run";
                let failure = failure(task, ErrorName::Lost, "InDoubt", message.to_owned());
                return ended(failure, Some(run.clone()));
            }
        }
        sleep(watch.interval).await;
    }
}

async fn delete_empty<W: World>(world: &W, run: &Run) {
    info!("deleting the empty record that holds the name {}", run.name);
    if let Err(Unreachable(words)) = world.delete(&run.name).await {
        warn!("the record {} could not be deleted: {words}", run.name);
    }
}

fn proxy_user(rules: &Rules, task: &Task, run: &Run) -> Option<String> {
    parse(rules, task, run).ok().and_then(|request| request.batch.proxy_user().map(str::to_owned))
}

fn parse(rules: &Rules, task: &Task, run: &Run) -> Result<JobRequest, Box<Failure>> {
    let identity = Identity { name: run.name.clone(), tag: run.tag.clone() };
    request::parse(&task.input, &identity, &rules.defaults, &rules.livy).map_err(|problems| {
        Box::new(failure(task, ErrorName::InvalidInput, "Received", problems.to_string()))
    })
}

fn learn(run: &Run, view: &BatchView, now: Timestamp, proxy_user: Option<String>) -> Run {
    Run {
        batch: Some(view.id),
        application: view.application.clone(),
        submitted: Some(now),
        proxy_user,
        ..run.clone()
    }
}

/// A beginning in the future counts as too old: the clock was set back, and nobody knows how long it has been.
fn older(now: Timestamp, since: Timestamp, than: Duration) -> bool {
    now.millis_since(since).is_none_or(|ms| Duration::from_millis(ms) > than)
}
