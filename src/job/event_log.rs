//! What an operator reads in the log about a job.

use tracing::{info, warn};

use super::machine::{Event, Run};
use super::report::{Cost, ErrorName, Failure, Outcome};
use crate::log::message_id;

/// Logs what has happened to the job of this name: one line for each event that a person cares about. `has_document`: a
/// document answers its task.
pub(super) fn log_event(name: &str, has_document: bool, event: &Event) {
    match event {
        Event::Submitted(run) | Event::Found(run) => tell_submitted(run),
        Event::Learned(run) => info!(
            livy_batch_id = run.batch(),
            livy_session_id = run.session(),
            yarn_application_id = run.application.as_deref(),
            "{} runs as {}",
            run.name,
            run.application.as_deref().unwrap_or("an unknown application")
        ),
        Event::Overdue => {
            warn!("{name} has waited in YARN's queue for as long as it may: it is taken out of it")
        }
        Event::LeftQueue => info!("{name} does not wait in YARN's queue any more, and is followed on"),
        Event::Opened => info!("the session {name} takes statements"),
        Event::Judged { run, word } => info!(
            yarn_application_id = run.application.as_deref(),
            "YARN says that {} has ended: {:?}", run.name, word.end
        ),
        Event::Ended { outcome: Outcome::Succeeded(success), .. }
        | Event::Gathered(Outcome::Succeeded(success)) => {
            info!(
                message_id = message_id::TASK_SUCCEEDED,
                livy_batch_id = success.batch_id,
                "{} succeeded{}",
                name,
                shown(success.cost)
            );
        }
        Event::Ended { outcome: Outcome::Failed(failure), .. }
        | Event::Gathered(Outcome::Failed(failure)) => {
            tell_failure(name, failure);
        }
        Event::Ended { outcome: Outcome::Reached(reached), .. }
        | Event::Gathered(Outcome::Reached(reached)) => info!(
            livy_batch_id = reached.batch_id,
            yarn_application_id = reached.application_id.as_deref(),
            "{name} is {}, which is what was waited for",
            reached.state
        ),
        Event::Refused(failure) => tell_failure(name, failure),
        Event::Acknowledged if has_document => info!("the outcome of {name} is where it is waited for"),
        Event::Acknowledged => info!("Step Functions has the outcome of {name}"),
        Event::TokenGone(on_abort) => info!(
            message_id = message_id::TOKEN_DEAD,
            "nobody waits for {} any more (on_abort: {on_abort:?})", name
        ),
        Event::Stop(failure) => info!("{}: {}", name, failure.message),
        Event::Ready { .. }
        | Event::NotNow(_)
        | Event::Unsure { .. }
        | Event::Absent
        | Event::Said(_)
        | Event::Confirmed(_)
        | Event::Killed => {}
    }
}

fn tell_submitted(run: &Run) {
    let what = if run.is_session() { "session" } else { "batch" };
    let livy = run.number.map(|number| format!("{what} {number} of Livy"));
    info!(
        message_id = message_id::JOB_SUBMITTED,
        livy_batch_id = run.batch(),
        livy_session_id = run.session(),
        yarn_application_id = run.application.as_deref(),
        "{} is {}",
        run.name,
        livy.as_deref().or(run.application.as_deref()).unwrap_or("submitted")
    );
}

fn tell_failure(name: &str, failure: &Failure) {
    let (lost, broken) = (failure.error == ErrorName::Lost, failure.error == ErrorName::SessionBroken);
    let message_id = match (lost, broken) {
        (true, _) => message_id::JOB_LOST,
        (false, true) => message_id::SESSION_BROKEN,
        (false, false) => message_id::TASK_FAILED,
    };
    warn!(
        message_id,
        livy_batch_id = failure.batch_id,
        livy_session_id = failure.stopped.as_ref().and_then(|stopped| stopped.session),
        yarn_application_id = failure.application_id.as_deref(),
        "{name} ends with {}: {}{}",
        failure.error.as_str(),
        failure.message,
        shown(failure.cost)
    );
}

/// What a job cost, where YARN said so.
fn shown(cost: Cost) -> String {
    match (cost.memory_seconds, cost.vcore_seconds) {
        (Some(memory), Some(cores)) => format!(" ({memory} MiB·s, {cores} vcore·s)"),
        (Some(_) | None, None) | (None, Some(_)) => String::new(),
    }
}
