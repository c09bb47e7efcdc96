//! YARN's word is known: gather what spark-submit and the driver said, and put the outcome together.
//!
//! The word is on disk by now, so a crash in here costs lines of a log at most.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use tracing::{debug, info};

use super::{JobServices, failure, of_run};
use crate::job::Task;
use crate::job::application::AppEnd;
use crate::job::machine::{Event, FinalWord, Run};
use crate::job::report::{
    Cost, DriverLog, ErrorName, Failure, Outcome, Source, Success, container_ran, refine,
};
use crate::job::timestamp::Timestamp;
use crate::job::world::{Unreachable, World};
use crate::retry;

/// How often the log of a failed job is asked for before the failure is reported without it.
const LOG_TRIES: usize = 5;
/// For how long logs are waited for in all. A driver's log that its node has given away and the log server has not got
/// yet is nowhere for some seconds.
const PATIENCE: Duration = Duration::from_secs(15);

/// Puts the outcome of a judged run together. `stop`: the worker gives up its tasks, and no log is waited for.
pub(in crate::job) async fn gather<W: World>(
    services: &JobServices<W>,
    task: &Task,
    run: &Run,
    word: &FinalWord,
    stop: &watch::Receiver<bool>,
) -> Event {
    let outcome = match word.end {
        AppEnd::Succeeded if !run.is_session() => Outcome::Succeeded(Box::new(succeeded(task, run, word))),
        // The driver of a session had more to say, and it is gone.
        AppEnd::Failed | AppEnd::Killed | AppEnd::Succeeded => {
            let (log, driver) = Box::pin(logs(&*services.world, run, word, stop)).await;
            Outcome::Failed(Box::new(failed(task, run, word, log, driver)))
        }
    };
    Event::Gathered(outcome)
}

/// What spark-submit and the driver said, as far as that can be had soon.
async fn logs<W: World>(
    world: &W,
    run: &Run,
    word: &FinalWord,
    stop: &watch::Receiver<bool>,
) -> (Vec<String>, DriverLog) {
    let mut stop = stop.clone();
    if *stop.borrow() {
        return (Vec::new(), DriverLog::default());
    }
    let failed = word.end == AppEnd::Failed || (run.is_session() && word.end == AppEnd::Succeeded);
    let ran = failed && container_ran(&word.diagnostics);
    let page = word.log_url.as_deref().filter(|_| ran);
    if page.is_some() {
        info!(
            "{} has ended by YARN's word; its driver's log is waited for, {} s at most",
            run.name,
            PATIENCE.as_secs()
        );
    }
    let (mut lines, mut driver) = (Vec::new(), DriverLog::default());
    let reading = async {
        let livy = async { lines = last_log(world, run).await };
        let (stdout, stderr) = (&mut driver.stdout, &mut driver.stderr);
        let stdout = async {
            if let Some(page) = page {
                *stdout = driver_file(world, page, "stdout").await;
            }
        };
        let stderr = async {
            if let Some(page) = page {
                *stderr = driver_file(world, page, "stderr").await;
            }
        };
        tokio::join!(livy, stdout, stderr);
    };
    tokio::select! {
        biased;
        // What was read until then counts.
        _ = timeout(PATIENCE, reading) => {}
        _ = stop.wait_for(|stop| *stop) => {}
    }
    (lines, driver)
}

/// The batch's log, or nothing where Livy does not give it soon: a failure is told all the same.
pub(super) async fn last_log<W: World>(world: &W, run: &Run) -> Vec<String> {
    let mut waits = retry::LOOK.start();
    for _ in 0..LOG_TRIES {
        match world.log(run.records(), &run.name).await {
            Ok(lines) => return lines,
            Err(_) => sleep(waits.next(fastrand::f64())).await,
        }
    }
    Vec::new()
}

async fn driver_file<W: World>(world: &W, page: &str, file: &str) -> Vec<String> {
    let mut waits = retry::LOOK.start();
    let mut silences = 0;
    loop {
        match world.driver_log(page, file).await {
            Ok(Some(lines)) => return lines,
            Ok(None) => {}
            Err(Unreachable(reason)) => {
                silences += 1;
                if silences == LOG_TRIES {
                    debug!("the driver's {file} cannot be read: {reason}");
                    return Vec::new();
                }
            }
        }
        sleep(waits.next(fastrand::f64())).await;
    }
}

fn succeeded(task: &Task, run: &Run, word: &FinalWord) -> Success {
    Success {
        application_id: run.application.clone(),
        batch_id: run.batch(),
        name: run.name.clone(),
        verdict_source: Source::Yarn,
        queued_millis: between(word.started, word.launched),
        run_millis: between(word.launched.or(word.started), word.finished),
        cost: cost(word),
        tracking_url: word.tracking_url.clone(),
        driver_log_url: word.log_url.clone(),
        execution: task.execution.clone(),
        spoken: None,
    }
}

fn failed(task: &Task, run: &Run, word: &FinalWord, log: Vec<String>, driver: DriverLog) -> Failure {
    let error = match word.end {
        AppEnd::Killed => ErrorName::Killed,
        AppEnd::Succeeded => ErrorName::Lost,
        AppEnd::Failed => ErrorName::Failed,
    };
    let refined = refine(error, &word.diagnostics, &driver);
    let says_little = matches!(refined, ErrorName::Failed | ErrorName::Lost);
    let error = if says_little && run.is_unbegun_session() { ErrorName::SessionFailed } else { refined };
    let message = match error {
        ErrorName::Killed => "YARN says that the job was killed",
        ErrorName::OutOfMemory => "the job was killed for its memory",
        ErrorName::NodeLost => "the node of the job's driver was lost",
        ErrorName::SessionFailed => "the session ended before any statement of the task began",
        ErrorName::Lost => {
            "the session ended while its statements were not all confirmed, and what they came to is lost with it"
        }
        ErrorName::SubmitFailed
        | ErrorName::StatementFailed
        | ErrorName::ResultTooLarge
        | ErrorName::SessionBroken
        | ErrorName::Failed
        | ErrorName::InvalidInput
        | ErrorName::Rejected
        | ErrorName::LivyUnavailable
        | ErrorName::ClusterTerminating
        | ErrorName::WorkerFault
        | ErrorName::StillRunning
        | ErrorName::Superseded
        | ErrorName::NotStopped => "YARN says that the job failed",
    };
    let told = failure(task, error, "Running", message.to_owned()).with_log(log).with_driver_log(driver);
    let said = (!word.diagnostics.is_empty()).then(|| word.diagnostics.clone());
    let told = Failure {
        verdict_source: Source::Yarn,
        diagnostics: said.or(told.diagnostics.clone()),
        log_url: word.log_url.clone(),
        cost: cost(word),
        ..told
    };
    of_run(task, Some(run), told)
}

fn cost(word: &FinalWord) -> Cost {
    Cost { memory_seconds: word.memory_seconds, vcore_seconds: word.vcore_seconds }
}

fn between(from: Option<Timestamp>, to: Option<Timestamp>) -> Option<u64> {
    to?.millis_since(from?)
}
