//! Before the run: prepare, and submit.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;
use tracing::{info, warn};

use super::{JobCache, JobServices, ended, failure};
use crate::job::Task;
use crate::job::gate::SubmitBlocked;
use crate::job::machine::{Attempt, Event, Hold, Run};
use crate::job::report::ErrorName;
use crate::job::task::TaskRequest;
use crate::job::timestamp::Timestamp;
use crate::job::world::{BatchView, Posted, Unreachable, World};
use crate::retry;

/// Refuses a wrong input, waits for Livy and for a submit slot.
pub(in crate::job) async fn prepare<W: World>(
    services: &JobServices<W>,
    task: &Task,
    attempt: &Attempt,
    cache: &mut JobCache,
) -> Event {
    match &task.request {
        Some(TaskRequest::Checked { .. } | TaskRequest::Session(_)) => {}
        Some(TaskRequest::Wrong(problems)) => {
            return ended(failure(task, ErrorName::InvalidInput, "Received", problems.to_string()), None);
        }
        Some(TaskRequest::Unchecked(_)) | None => {
            let message = "the worker has lost the input of this task; nothing was submitted";
            return ended(failure(task, ErrorName::WorkerFault, "Received", message.to_owned()), None);
        }
    }
    if let Some(waits) = &mut cache.submit_waits {
        sleep(waits.next(fastrand::f64())).await;
    }
    let (world, patience) = (&*services.world, services.rules.patience);
    let mut waits = retry::SUBMIT.start();
    let mut held = attempt.held.clone();
    loop {
        let now = world.now();
        if let Some(hold) = held.as_ref().filter(|hold| older(now, hold.since, patience)) {
            let message = format!("Livy did not take the job for {patience:?}: {}", hold.reason);
            return ended(failure(task, ErrorName::LivyUnavailable, "Received", message), None);
        }
        match services.gate.slot().await {
            Ok(slot) => {
                cache.slot = Some(slot);
                return Event::Ready { at: world.now(), held };
            }
            // The next start goes on with it.
            Err(SubmitBlocked::Draining) => std::future::pending().await,
            Err(SubmitBlocked::Livy(reason)) => {
                held = Some(Hold { since: held.map_or(now, |hold| hold.since), reason });
                sleep(waits.next(fastrand::f64()).min(patience)).await;
            }
        }
    }
}

/// POSTs the batch or the session, where that may still be done. `since`: when the POST was recorded.
pub(in crate::job) async fn submit<W: World>(
    services: &JobServices<W>,
    task: &Task,
    run: &Run,
    since: Timestamp,
    cache: &mut JobCache,
) -> Event {
    let (Some(body), Some(slot)) = (task.body(), cache.slot.take()) else {
        // Submitting without a request or a slot: not prepared here. Nobody knows what became of that POST.
        let reason = "it was not prepared by this process".to_owned();
        return Event::Unsure { answered: false, reason };
    };
    match services.gate.look() {
        Ok(()) => {}
        Err(SubmitBlocked::Draining) => return Event::NotNow(None),
        Err(SubmitBlocked::Livy(reason)) => {
            return Event::NotNow(Some(Hold { since, reason }));
        }
    }
    let (poster, records) = (Arc::clone(&services.world), run.records());
    let (name, body) = (run.name.clone(), Box::<str>::from(body));
    let posting = tokio::spawn(async move {
        let answer = poster.post(records, &name, &body).await;
        drop(slot);
        answer
    });
    // What the panic says is a line of the log by itself.
    let answer = posting.await.unwrap_or_else(|_panic| Posted::Unsure {
        answered: false,
        reason: "a bug in the worker ended it".to_owned(),
    });
    let world = &*services.world;
    match answer {
        Posted::Accepted(view) => Event::Submitted(learn(run, &view, since, task.proxy_user())),
        Posted::NotNow(reason) => {
            info!("Livy cannot take {} now: {reason}", run.name);
            cache.submit_waits.get_or_insert_with(|| Box::new(retry::SUBMIT.start()));
            Event::NotNow(Some(Hold { since, reason }))
        }
        Posted::Unsure { answered, reason } => {
            warn!("Livy may or may not have taken {}: {reason}; looking for it", run.name);
            Event::Unsure { answered, reason }
        }
        Posted::Refused(reason) => {
            // A refused POST can leave a record that holds the name without end; it runs nothing.
            if let Err(Unreachable(reason)) = world.delete(records, &run.name).await {
                warn!("the name {} may stay taken in Livy: {reason}", run.name);
            }
            let what = if run.is_session() { "session" } else { "batch" };
            let message = format!("Livy refuses the {what}: {reason}");
            Event::Refused(failure(task, ErrorName::Rejected, "Submitting", message))
        }
    }
}

/// What a record of Livy's tells about a run whose POST began at `since`.
pub(super) fn learn(run: &Run, view: &BatchView, since: Timestamp, proxy_user: Option<String>) -> Run {
    Run {
        number: u32::try_from(view.id).ok(),
        application: view.application.clone(),
        submitted: Some(since),
        proxy_user,
        ..run.clone()
    }
}

/// A beginning in the future counts as too old: the clock was set back, and nobody knows how long it has been.
fn older(now: Timestamp, since: Timestamp, than: Duration) -> bool {
    now.millis_since(since).is_none_or(|ms| Duration::from_millis(ms) > than)
}
