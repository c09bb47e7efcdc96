//! The application has waited in YARN's queue for as long as it was to: take it out, unless it has begun.
//!
//! The order to kill comes after an answer of YARN's that shows it still waiting, and the outcome after its death: so no
//! job is killed that was seen to run, and nothing of one that is told to have waited too long can still begin.

use std::time::Duration;

use tokio::time::sleep;

use super::kill::kill;
use super::{JobServices, ended, failure, of_run};
use crate::job::Task;
use crate::job::application::{AppEnd, AppState, Application, YarnAnswer};
use crate::job::machine::{Event, Run};
use crate::job::report::{Cost, ErrorName, Failure, Source};
use crate::job::world::World;

/// Takes the run out of YARN's queue.
pub(in crate::job) async fn withdraw<W: World>(services: &JobServices<W>, task: &Task, run: &Run) -> Event {
    // A restart can find it killed, and what else carries its tag not yet.
    let may_be_killed = |application: &Application| application.waits() || is_killed(application);
    let Some(waiting) = look(services, run).await.filter(may_be_killed) else {
        return Event::LeftQueue;
    };
    let killed = kill(services, run).await;
    if killed != Event::Killed {
        return killed;
    }
    match look(services, run).await {
        Some(application) if is_killed(&application) => told(task, run, waiting.diagnostics, application),
        Some(_) | None => Event::LeftQueue,
    }
}

fn is_killed(application: &Application) -> bool {
    application.state == AppState::Ended(AppEnd::Killed)
}

/// YARN's view of the run's application; `None` where it has none any more, or is not to tell (a restart can find YARN
/// switched off). Without an answer it is asked again.
async fn look<W: World>(services: &JobServices<W>, run: &Run) -> Option<Application> {
    let id = run.application.as_ref()?;
    loop {
        match services.world.application(id).await {
            YarnAnswer::Answer(found) => return found.into_iter().next(),
            YarnAnswer::Off | YarnAnswer::Hidden(_) => return None,
            YarnAnswer::Unreachable(_) => {}
        }
        sleep(services.rules.interval).await;
    }
}

/// What is told of a killed application. Only one that never had a container has waited for nothing, and `why` it waited,
/// YARN no longer says once it is killed; of one that began just before that nobody knows what it has done.
fn told(task: &Task, run: &Run, why: String, application: Application) -> Event {
    let limit = task.queue_timeout.map(humantime::format_duration);
    let limit = limit.map_or_else(|| "queue_timeout".to_owned(), |limit| format!("queue_timeout ({limit})"));
    let waited = waited(&application);
    let (error, message, diagnostics) = if application.had_container() {
        let message = format!(
            "it had waited in YARN's queue for {limit} and was to be taken out of it; it began just then, and was killed"
        );
        (ErrorName::Killed, message, application.diagnostics)
    } else {
        let message = format!(
            "it waited in YARN's queue{waited}, for longer than {limit}, was killed there, and has never run"
        );
        (ErrorName::QueueTimeout, message, why)
    };
    let failure = Failure {
        verdict_source: Source::Yarn,
        diagnostics: Some(diagnostics).filter(|text| !text.is_empty()),
        cost: Cost { memory_seconds: application.memory_seconds, vcore_seconds: application.vcore_seconds },
        ..failure(task, error, "Withdrawing", message)
    };
    ended(of_run(task, Some(run), failure), None)
}

/// For how long it was there, in words, by YARN's clock.
fn waited(application: &Application) -> String {
    let waited = application.started.zip(application.finished).map(|(from, to)| to.0.saturating_sub(from.0));
    let seconds = |millis: u64| humantime::format_duration(Duration::from_secs(millis / 1_000));
    waited.map(|millis| format!(" for {}", seconds(millis))).unwrap_or_default()
}
