//! YARN's word is known: gather what spark-submit, the driver and Spark's history server said, and put the outcome
//! together.
//!
//! The word is on disk by now, so a crash in here costs lines of a log at most.

use std::time::Duration;

use tokio::time::{sleep, timeout};
use tracing::{debug, info, warn};

use super::{JobServices, failure, of_run};
use crate::job::Task;
use crate::job::application::AppEnd;
use crate::job::flag::Flag;
use crate::job::machine::{Event, FinalWord, Run};
use crate::job::report::{
    Cost, DriverLog, ErrorName, FailedWork, Failure, Outcome, Source, Success, container_ran, refine,
};
use crate::job::timestamp::Timestamp;
use crate::job::world::{Unreachable, World};
use crate::log::message_id;
use crate::retry;

/// How often the log of a failed job is asked for before the failure is reported without it.
const LOG_TRIES: usize = 5;
/// For how long logs are waited for in all. A driver's log that its node has given away and the log server has not got
/// yet is nowhere for some seconds.
const PATIENCE: Duration = Duration::from_secs(15);

/// What is said about an end beside YARN's word.
#[derive(Default)]
struct Heard {
    /// The batch's log.
    log: Vec<String>,
    /// What the driver wrote.
    driver: DriverLog,
    /// What Spark says.
    failed_work: FailedWork,
}

/// Puts the outcome of a judged run together. `stop`: the worker gives up its tasks, and nothing is waited for.
pub(in crate::job) async fn gather<W: World>(
    services: &JobServices<W>,
    task: &Task,
    run: &Run,
    word: &FinalWord,
    stop: &Flag,
) -> Event {
    let mut heard = Heard::default();
    if !stop.is_up() {
        let hearing = Box::pin(hear(&*services.world, run, word, &mut heard));
        tokio::select! {
            biased;
            // What was read until then counts.
            _ = timeout(PATIENCE, hearing) => {}
            () = stop.raised() => {}
        }
    }
    let outcome = match word.end {
        AppEnd::Succeeded if !run.is_session() => {
            swallowed(&run.name, &heard.failed_work);
            Outcome::Succeeded(Box::new(succeeded(task, run, word, heard.failed_work.jobs)))
        }
        AppEnd::Failed | AppEnd::Killed | AppEnd::Succeeded => {
            Outcome::Failed(Box::new(failed(task, run, word, heard)))
        }
    };
    Event::Gathered(outcome)
}

/// What spark-submit, the driver and Spark said, as far as that can be had soon.
async fn hear<W: World>(world: &W, run: &Run, word: &FinalWord, heard: &mut Heard) {
    // The driver of a session had more to say, and it is gone.
    let has_failed = word.end == AppEnd::Failed || (run.is_session() && word.end == AppEnd::Succeeded);
    let ran = word.end != AppEnd::Killed && container_ran(&word.diagnostics);
    let page = word.log_url.as_deref().filter(|_| has_failed && ran);
    let application = run.application.as_deref().filter(|_| ran && world.asks_spark());
    let awaited = match (page, application) {
        (Some(_), Some(_)) => "its driver's log and Spark's history server are",
        (Some(_), None) => "its driver's log is",
        (None, Some(_)) => "Spark's history server is",
        (None, None) => "",
    };
    if !awaited.is_empty() {
        info!(
            "{} has ended by YARN's word; {awaited} waited for, {} s at most",
            run.name,
            PATIENCE.as_secs()
        );
    }
    let Heard { log, driver: DriverLog { stdout, stderr }, failed_work } = heard;
    let livy = async {
        if has_failed || word.end == AppEnd::Killed {
            *log = last_log(world, run).await;
        }
    };
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
    let spark = async {
        if let Some(application) = application {
            ask_history(world, application, failed_work).await;
        }
    };
    tokio::join!(livy, stdout, stderr, spark);
}

/// Asks the history server until it has seen the whole of the application. What it says before is kept: the log of a
/// driver that was killed never comes to its end.
async fn ask_history<W: World>(world: &W, application: &str, found: &mut FailedWork) {
    let mut waits = retry::LOOK.start();
    let mut silences = 0;
    loop {
        match world.failed_work(application, None).await {
            Ok(Some(work)) => {
                *found = work;
                if found.is_complete {
                    return;
                }
            }
            Ok(None) => {}
            Err(Unreachable(reason)) => {
                silences += 1;
                if silences == LOG_TRIES {
                    debug!("Spark's history server says nothing about {application}: {reason}");
                    return;
                }
            }
        }
        sleep(waits.next(fastrand::f64())).await;
    }
}

/// Warns where jobs of Spark's failed in what has succeeded: it may have swallowed their errors.
pub(super) fn swallowed(name: &str, work: &FailedWork) {
    let FailedWork { jobs, stages, .. } = work;
    if *jobs == 0 {
        return;
    }
    let first = stages.iter().find(|stage| stage.job.is_some());
    let first = first.map(|stage| format!(", the last one in {}", stage.sentence())).unwrap_or_default();
    warn!(
        message_id = message_id::FAILED_WITHIN,
        "{name} has succeeded, and {jobs} of its Spark jobs failed{first}"
    );
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

fn succeeded(task: &Task, run: &Run, word: &FinalWord, failed_jobs: u64) -> Success {
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
        failed_jobs,
    }
}

fn failed(task: &Task, run: &Run, word: &FinalWord, heard: Heard) -> Failure {
    let Heard { log, driver, failed_work } = heard;
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
        | ErrorName::QueueTimeout
        | ErrorName::NotStopped => "YARN says that the job failed",
    };
    let told = failure(task, error, "Running", message.to_owned()).with_log(log).with_driver_log(driver);
    let said = (!word.diagnostics.is_empty()).then(|| word.diagnostics.clone());
    let told = Failure {
        verdict_source: Source::Yarn,
        diagnostics: said.or(told.diagnostics.clone()),
        log_url: word.log_url.clone(),
        cost: cost(word),
        failed_stages: failed_work.stages,
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
