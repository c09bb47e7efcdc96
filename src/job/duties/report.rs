//! After the end: tell the outcome until it is taken.

use tokio::time::sleep;
use tracing::{error, info, warn};

use super::{JobServices, until};
use crate::job::Task;
use crate::job::document::Document;
use crate::job::heartbeat::Heartbeat;
use crate::job::machine::Event;
use crate::job::report::{Outcome, answers};
use crate::job::steps::report::{ReportStep, Tries};
use crate::job::world::{Reported, World};
use crate::log::message_id;

/// Tells Step Functions until it acknowledges.
pub(in crate::job) async fn report<W: World>(
    services: &JobServices<W>,
    task: &Task,
    outcome: &Outcome,
    heartbeat: Option<&Heartbeat>,
) -> Event {
    if let Some(document) = &task.document {
        return deliver(services, task, document, outcome).await;
    }
    let Some(token) = &task.token else { return Event::Acknowledged };
    let mut answers = answers(outcome).into_iter();
    let Some(mut answer) = answers.next() else { return Event::Acknowledged };
    let mut tries = Tries::new(answers.len() + 1);
    let mut told = false;
    loop {
        let reported = services.world.report(&task.activity, token, &answer).await;
        match &reported {
            Reported::Again { reason, .. } => {
                info!("Step Functions did not take the outcome {}: {reason}; trying again", outcome.label());
            }
            Reported::Closed(reason) => info!("the task is closed in Step Functions: {reason}"),
            Reported::Acknowledged | Reported::Refused(_) => {}
        }
        match tries.see(reported, fastrand::f64()) {
            ReportStep::Done => return Event::Acknowledged,
            ReportStep::Again(pause) => sleep(pause).await,
            ReportStep::Shorter(reason) => {
                warn!(
                    "Step Functions refuses the outcome {}: {reason}; trying a shorter one",
                    outcome.label()
                );
                if let Some(next) = answers.next() {
                    answer = next;
                }
            }
            ReportStep::GiveUp(reason, pause) => {
                if !std::mem::replace(&mut told, true) {
                    error!(
                        message_id = message_id::REPORT_REFUSED,
                        "Step Functions refuses the outcome {} for good: {reason}; the task will time out",
                        outcome.label()
                    );
                }
                if let Some(heartbeat) = heartbeat {
                    heartbeat.stop();
                }
                sleep(pause).await;
            }
        }
    }
}

/// Sends the document until it is taken, nobody can read it any more, or its place refuses it for good. Always the same:
/// nobody knows which of several is read.
async fn deliver<W: World>(
    services: &JobServices<W>,
    task: &Task,
    document: &Document,
    outcome: &Outcome,
) -> Event {
    let world = &*services.world;
    let mut tries = Tries::of_document();
    let trying = async {
        loop {
            let reported = world.deliver(task, document, outcome).await;
            match &reported {
                Reported::Again { reason, .. } | Reported::Refused(reason) => {
                    info!("the outcome {} was not taken: {reason}; trying again", outcome.label());
                }
                Reported::Closed(reason) => info!("the outcome {} is refused: {reason}", outcome.label()),
                Reported::Acknowledged => {}
            }
            match tries.see(reported, fastrand::f64()) {
                ReportStep::Done => break,
                ReportStep::Again(pause) | ReportStep::GiveUp(_, pause) => sleep(pause).await,
                ReportStep::Shorter(_) => {}
            }
        }
    };
    let expired = tokio::select! {
        biased;
        () = trying => false,
        () = until(world, document.expires) => true,
    };
    if expired {
        error!(
            message_id = message_id::REPORT_REFUSED,
            "the outcome {} was not taken while somebody could read it",
            outcome.label()
        );
    }
    // Refused from the first try on, nobody has heard of it; otherwise somebody may have, and will say what comes next.
    if tries.was_never_heard() { Event::TokenGone(task.on_abort) } else { Event::Acknowledged }
}
