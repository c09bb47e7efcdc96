//! After the end: report until acknowledged, kill until dead.

use std::time::Duration;

use tokio::time::sleep;
use tracing::{error, info, warn};

use crate::job::evidence::Burial;
use crate::job::heart::Heart;
use crate::job::machine::{Event, Run};
use crate::job::report::{Answer, Outcome, answers};
use crate::job::world::{Look, Reported, Unreachable, World};
use crate::job::{Rules, Task};
use crate::ops::telemetry::message_id;
use crate::retry;

/// From try to try of a report that no fall-back could save.
const HOPELESS: Duration = Duration::from_secs(60);

/// Tells Step Functions until it acknowledges.
pub(in crate::job) async fn report<W: World>(
    world: &W,
    task: &Task,
    outcome: &Outcome,
    heart: &Heart,
) -> Event {
    let answers: Vec<Answer> = answers(outcome);
    let mut at = 0;
    let mut waits = retry::REPORT.start();
    let mut hopeless = false;
    loop {
        let Some(answer) = answers.get(at).or(answers.last()) else { return Event::Acknowledged };
        let pause = match world.report(&task.token, answer).await {
            Reported::Acknowledged => return Event::Acknowledged,
            Reported::Closed(words) => {
                info!("the task is closed in Step Functions: {words}");
                return Event::Acknowledged;
            }
            Reported::Refused(words) if at + 1 < answers.len() => {
                warn!(
                    "Step Functions refuses the outcome {}: {words}; trying a shorter one",
                    outcome.label()
                );
                at += 1;
                continue;
            }
            Reported::Refused(words) => {
                if !std::mem::replace(&mut hopeless, true) {
                    error!(
                        message_id = message_id::REPORT_REFUSED,
                        "Step Functions refuses the outcome {} for good: {words}; the task will time out",
                        outcome.label()
                    );
                }
                heart.stop();
                HOPELESS
            }
            Reported::Again(_) if hopeless => HOPELESS,
            Reported::Again(words) => {
                info!("Step Functions did not take the outcome {}: {words}; trying again", outcome.label());
                waits.next(fastrand::f64())
            }
        };
        sleep(pause).await;
    }
}

/// Kills the run, as far as Livy can, and sees that it stays dead.
pub(in crate::job) async fn kill<W: World>(world: &W, rules: &Rules, run: &Run) -> Event {
    let mut burial = Burial::new(rules.interval, rules.lost_after);
    let mut waits = retry::KILL.start();
    loop {
        let look = match world.find(&run.name).await {
            Ok(Some(view)) => Look::Seen(view),
            Ok(None) => Look::Missing,
            Err(Unreachable(words)) => Look::Unreachable(words),
        };
        if burial.look(world.now(), &look) {
            info!(
                message_id = message_id::KILL_UNVERIFIED,
                "{} is dead by Livy's word; YARN was not asked", run.name
            );
            return Event::Killed;
        }
        let pause = match look {
            Look::Missing => rules.interval,
            Look::Unreachable(_) => waits.next(fastrand::f64()),
            Look::Seen(_) => match world.delete(&run.name).await {
                Ok(_) => {
                    info!("Livy was told to delete {}", run.name);
                    rules.interval
                }
                Err(Unreachable(words)) => {
                    warn!("Livy does not delete {}: {words}; trying again", run.name);
                    waits.next(fastrand::f64())
                }
            },
        };
        sleep(pause).await;
    }
}
