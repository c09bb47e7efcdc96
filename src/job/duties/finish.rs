//! After the end: report until acknowledged, kill until dead.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::sleep;
use tracing::{Instrument, error, info, warn};

use crate::job::evidence::{Burial, Death, is_final};
use crate::job::heart::Heart;
use crate::job::machine::{Event, Run};
use crate::job::report::{Answer, Outcome, answers};
use crate::job::world::{AppState, Counted, Look, NotKilled, Reported, Unreachable, World, Yarn};
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
    heart: Option<&Heart>,
) -> Event {
    let Some(token) = &task.token else { return Event::Acknowledged };
    let answers: Vec<Answer> = answers(outcome);
    let mut at = 0;
    let mut waits = retry::REPORT.start();
    let mut hopeless = false;
    loop {
        let Some(answer) = answers.get(at).or(answers.last()) else { return Event::Acknowledged };
        let pause = match world.report(token, answer).await {
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
                if let Some(heart) = heart {
                    heart.stop();
                }
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

/// Kills the run and sees that it is dead. Livy's DELETE and YARN's kill go on side by side: DELETE can block for
/// minutes and says "deleted" also where it killed nothing.
pub(in crate::job) async fn kill<W: World>(world: Arc<W>, rules: &Rules, run: &Run) -> Event {
    let watch = &rules.watch;
    let (tell, livy) = watch::channel(Look::Unreachable("not asked yet".to_owned()));
    let deleting = delete_until_gone(Arc::clone(&world), run.name.clone(), watch.interval, tell);
    let _deleting = AbortOnDrop(tokio::spawn(deleting.in_current_span()));
    let mut forbidden = false;
    let mut burial = Burial::new(watch.interval, watch.kill_settle, watch.waits.lost_after);
    loop {
        let yarn = world.tagged(&run.tag).await;
        let look = livy.borrow().clone();
        match burial.look(world.now(), &look, &yarn) {
            Death::Unproved => {}
            Death::Verified => {
                world.count(Counted::KillVerified);
                info!("{} is dead by YARN's word", run.name);
                return Event::Killed;
            }
            Death::ByLivysWord => {
                world.count(Counted::KillUnverified);
                warn!(
                    message_id = message_id::KILL_UNVERIFIED,
                    "{} is dead by Livy's word; there is no YARN to ask", run.name
                );
                return Event::Killed;
            }
        }
        if let Yarn::Answer(found) = yarn {
            for application in found.iter().filter(|application| application.state == AppState::Active) {
                match world.kill(&application.id).await {
                    Ok(()) => info!("YARN was told to kill {}", application.id),
                    Err(NotKilled::NotNow(words)) => {
                        warn!("YARN does not kill {}: {words}; trying again", application.id)
                    }
                    Err(NotKilled::Forbidden(words)) if !forbidden => {
                        forbidden = true;
                        tell_forbidden(&application.id, &words);
                    }
                    Err(NotKilled::Forbidden(_)) => {}
                }
            }
        }
        sleep(watch.interval).await;
    }
}

/// Only an operator can mend it: somebody else's ResourceManager, an ACL, Kerberos.
pub(super) fn tell_forbidden(application: &str, words: &str) {
    error!(
        message_id = message_id::KILL_FORBIDDEN,
        yarn_application_id = application,
        "YARN does not let the worker kill {application}: {words}; trying on, and Livy is asked to; \
         allow it, or kill the application by hand"
    );
}

/// Livy's side of a kill: looks, and deletes what lives. Tells what it sees.
async fn delete_until_gone<W: World>(
    world: Arc<W>,
    name: String,
    interval: Duration,
    tell: watch::Sender<Look>,
) {
    let mut waits = retry::KILL.start();
    loop {
        let look = match world.find(&name).await {
            Ok(Some(view)) => Look::Seen(view.into()),
            Ok(None) => Look::Missing,
            Err(Unreachable(words)) => Look::Unreachable(words),
        };
        let lives = match &look {
            Look::Seen(view) if !is_final(&view.state) => Some(view.name.clone()),
            Look::Seen(_) | Look::Missing | Look::Unreachable(_) => None,
        };
        let silent = matches!(look, Look::Unreachable(_));
        tell.send_replace(look);
        let mut pause = if silent { waits.next(fastrand::f64()) } else { interval };
        if let Some(name) = lives {
            match world.delete(&name).await {
                Ok(_) => info!("Livy was told to delete {name}"),
                Err(Unreachable(words)) => {
                    warn!("Livy does not delete {name}: {words}; trying again");
                    pause = waits.next(fastrand::f64());
                }
            }
        }
        sleep(pause).await;
    }
}

/// A task that ends with its owner.
struct AbortOnDrop(JoinHandle<()>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}
