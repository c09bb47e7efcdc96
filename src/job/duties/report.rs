//! After the end: tell Step Functions until it has the outcome.

use tokio::time::sleep;
use tracing::{error, info, warn};

use super::JobServices;
use crate::job::Task;
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
