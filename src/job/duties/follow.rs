//! While it runs: follow it to its end, and say what that was.

use std::time::Duration;

use tokio::time::sleep;

use super::{Memory, ended, failure};
use crate::job::evidence::Answered;
use crate::job::machine::{Event, Run, Timestamp};
use crate::job::report::{ErrorName, Failure, Log, Outcome, Source, Success};
use crate::job::verdict::{Known, LivyView, Verdict, judge, livy_view};
use crate::job::world::{BatchState, BatchView, Look, World};
use crate::job::{Rules, Task};
use crate::retry;

/// How often the log of a failed job is asked for before the failure is reported without it.
const LOG_TRIES: usize = 5;

/// Follows the run to its end.
pub(in crate::job) async fn watch<W: World>(
    world: &W,
    rules: &Rules,
    task: &Task,
    run: &Run,
    memory: &mut Memory<W::Slot>,
) -> Event {
    let mut missing = Answered::new(rules.interval);
    loop {
        let look = world.look(&run.name, memory.seen.as_ref()).await;
        memory.seen = Some(look.clone());
        let now = world.now();
        let view = livy_view(run, &look);
        let missing_for = match view {
            LivyView::NotFound | LivyView::NotOurs => missing.add(now),
            LivyView::Unreachable => Duration::ZERO,
            LivyView::Live | LivyView::Ended(_) => {
                missing.reset();
                Duration::ZERO
            }
        };
        if let (Look::Seen(batch), LivyView::Live | LivyView::Ended(_)) = (&look, view)
            && let Some(event) = notice(now, task, run, batch, memory)
        {
            return event;
        }
        let mut known = Known {
            missing_for,
            lost_after: rules.lost_after,
            has_application: run.application.is_some(),
            on_yarn: false,
        };
        match judge(view, known) {
            Verdict::Running => {}
            Verdict::Succeeded => return succeeded(task, run, now, memory),
            Verdict::Lost => {
                let message = format!("Livy has had no record of the batch for {:?}", rules.lost_after);
                let failure = about(run, memory, failure(task, ErrorName::Lost, "Running", message));
                return ended(failure, Some(run.clone()));
            }
            Verdict::Failed(_) => {
                let lines = last_log(world, run).await;
                known.on_yarn = Log::split(lines.clone()).diagnostics.is_some();
                if let Verdict::Failed(error) = judge(view, known) {
                    return failed(task, run, error, &look, lines, memory);
                }
            }
        }
    }
}

/// Takes what a live look teaches. An event where that is worth a state of its own.
fn notice<S>(
    now: Timestamp,
    task: &Task,
    run: &Run,
    batch: &BatchView,
    memory: &mut Memory<S>,
) -> Option<Event> {
    if run.proxy_user.is_some() && batch.proxy_user != run.proxy_user {
        let message = format!(
            "the batch was to run as {} and Livy runs it as {}: is livy.impersonation.enabled set?",
            run.proxy_user.as_deref().unwrap_or_default(),
            batch.proxy_user.as_deref().unwrap_or("its own user")
        );
        let failure = about(run, memory, failure(task, ErrorName::Rejected, "Running", message));
        return Some(ended(failure, Some(run.clone())));
    }
    if batch.state == BatchState::Running {
        memory.running_since.get_or_insert(now);
    }
    memory.driver_log_url = batch.driver_log_url.clone().or(memory.driver_log_url.take());
    memory.tracking_url = batch.tracking_url.clone().or(memory.tracking_url.take());
    if batch.application.is_some() && run.application.is_none() {
        memory.seen = None;
        return Some(Event::Learned(Run { application: batch.application.clone(), ..run.clone() }));
    }
    None
}

/// The batch's log, or nothing where Livy does not give it soon: a failure is told all the same.
async fn last_log<W: World>(world: &W, run: &Run) -> Vec<String> {
    let mut waits = retry::LOOK.start();
    for _ in 0..LOG_TRIES {
        match world.log(&run.name).await {
            Ok(lines) => return lines,
            Err(_) => sleep(waits.next(fastrand::f64())).await,
        }
    }
    Vec::new()
}

fn succeeded<S>(task: &Task, run: &Run, now: Timestamp, memory: &Memory<S>) -> Event {
    let running = memory.running_since;
    let success = Success {
        application_id: run.application.clone(),
        batch_id: run.batch,
        name: run.name.clone(),
        verdict_source: Source::Livy,
        queued_millis: running.zip(run.submitted).and_then(|(running, since)| running.millis_since(since)),
        run_millis: running.and_then(|running| now.millis_since(running)),
        tracking_url: memory.tracking_url.clone(),
        driver_log_url: memory.driver_log_url.clone(),
        execution: task.execution.clone(),
    };
    Event::Ended { outcome: Outcome::Succeeded(Box::new(success)), leftover: None }
}

fn failed<S>(
    task: &Task,
    run: &Run,
    error: ErrorName,
    look: &Look,
    lines: Vec<String>,
    memory: &Memory<S>,
) -> Event {
    let word = if let Look::Seen(batch) = look { batch.state.to_string() } else { String::new() };
    let message = match error {
        ErrorName::SubmitFailed => format!("spark-submit ended without an application (Livy says {word})"),
        ErrorName::Killed => "the job was killed".to_owned(),
        ErrorName::InvalidInput
        | ErrorName::Rejected
        | ErrorName::Failed
        | ErrorName::Lost
        | ErrorName::LivyUnavailable
        | ErrorName::ClusterTerminating
        | ErrorName::WorkerFault => format!("the job failed (Livy says {word})"),
    };
    let mut failure = about(run, memory, failure(task, error, "Running", message)).with_log(lines);
    failure.verdict_source = Source::Livy;
    // Without an application Livy may still be starting one, until its look-up gives up.
    let leftover = (error == ErrorName::SubmitFailed).then(|| run.clone());
    ended(failure, leftover)
}

fn about<S>(run: &Run, memory: &Memory<S>, failure: Failure) -> Failure {
    Failure {
        batch_id: run.batch,
        application_id: run.application.clone(),
        log_url: memory.driver_log_url.clone(),
        ..failure
    }
}
