//! While it runs: follow it to its end, and say what that was.

use std::time::Duration;

use tokio::time::sleep;
use tracing::{error, info, warn};

use super::finish::tell_forbidden;
use super::logs::{driver_log, last_log};
use super::{Memory, ended, failure, of_run};
use crate::job::evidence::Answered;
use crate::job::machine::{Event, Run, Timestamp};
use crate::job::report::{DriverLog, ErrorName, Failure, Outcome, Source, Success, refine};
use crate::job::verdict::{Known, LivyView, Verdict, YarnView, judge, livy_view, yarn_view};
use crate::job::world::{
    AppState, Application, BatchState, BatchView, Counted, Look, NotKilled, Sight, World, Yarn,
};
use crate::job::{Rules, Task};
use crate::ops::telemetry::message_id;
use crate::retry;

/// How often the kill of a double is tried before the job that is ours goes on.
const KILL_TRIES: usize = 8;
/// From question to question to YARN about a job of which Livy says nothing.
const SILENT: Duration = Duration::from_secs(10);
/// What Livy's log says where it stopped looking for an application that may still appear (`SparkYarnApp`).
const GAVE_UP: &str = "No YARN application is found with tag";

/// For how long a pair of views has been as it is.
struct Clock {
    pair: Option<(LivyView, YarnView)>,
    since: Timestamp,
    answered: Answered,
}

impl Clock {
    fn see(&mut self, now: Timestamp, livy: LivyView, yarn: YarnView) -> Duration {
        if self.pair != Some((livy, yarn)) {
            self.pair = Some((livy, yarn));
            self.since = now;
            self.answered.reset();
        }
        let answered = self.answered.add(now);
        if yarn == YarnView::Unreachable {
            // Nobody answers, so there are no answers to count.
            return Duration::from_millis(now.millis_since(self.since).unwrap_or_default());
        }
        answered
    }
}

/// Follows the run to its end. What is done once and takes room is boxed: thousands of jobs wait in here.
pub(in crate::job) async fn watch<W: World>(
    world: &W,
    rules: &Rules,
    task: &Task,
    run: &Run,
    memory: &mut Memory<W::Slot>,
) -> Event {
    let mut clock = Clock { pair: None, since: world.now(), answered: Answered::new(rules.watch.interval) };
    let mut log: Option<Vec<String>> = None;
    loop {
        let sight = next_sight(world, rules, run, memory).await;
        memory.seen = Some(sight.clone());
        let look = sight.livy;
        let active = sight.active.as_deref().unwrap_or_default();
        let now = world.now();
        let livy = livy_view(run, &look);
        if let Look::Seen(batch) = &look
            && livy != LivyView::NotOurs
            && let Some(event) = notice(now, task, run, batch, memory)
        {
            return event;
        }
        if let Some(event) = Box::pin(notice_active(world, run, active, memory)).await {
            return event;
        }
        let without = without_application(now, run);
        if livy == LivyView::Live && without < rules.watch.waits.start_timeout {
            continue;
        }
        let answer = match active.iter().find(|application| Some(&application.id) == run.application.as_ref())
        {
            // Livy says nothing, and YARN's sweep says that it runs: that one answer serves all jobs.
            Some(application) if livy_says_nothing(livy) => Yarn::Answer(vec![application.clone()]),
            Some(_) | None => Box::pin(ask(world, run)).await,
        };
        let (yarn, application) = yarn_view(&answer);
        if let Some(application) = application
            && run.application.is_none()
        {
            return learned(run, &application.id, memory);
        }
        if matches!(livy, LivyView::Dead | LivyView::Killed) && log.is_none() {
            log = Some(Box::pin(last_log(world, run)).await);
        }
        let lines = log.as_deref().unwrap_or_default();
        let known = Known {
            unchanged_for: clock.see(now, livy, yarn),
            without_application_for: without,
            has_application: run.application.is_some(),
            on_yarn: lines.iter().any(|line| line.trim() == "YARN Diagnostics:"),
            gave_up_looking: lines.iter().any(|line| line.contains(GAVE_UP)),
        };
        let verdict = judge(livy, yarn, known, rules.watch.waits);
        let driver = Box::pin(driver_log(world, verdict, application)).await;
        let logs = (log.clone().unwrap_or_default(), driver);
        if let Some(event) = conclude(now, task, run, verdict, &look, application, logs, memory) {
            return event;
        }
    }
}

/// Whether it is neither at work nor ended by Livy's word.
fn livy_says_nothing(livy: LivyView) -> bool {
    matches!(livy, LivyView::Unreachable | LivyView::NotFound | LivyView::NotOurs)
}

/// The next sight that may mean something: the sweeps', or the last one again where a clock runs without news.
async fn next_sight<W: World>(world: &W, rules: &Rules, run: &Run, memory: &Memory<W::Slot>) -> Sight {
    let silent = SILENT.min(rules.watch.interval * 10);
    let seen = memory.seen.as_ref();
    let doubled = seen.and_then(|sight| sight.active.as_ref()).is_some_and(|active| active.len() > 1);
    let wait = match seen.map(|sight| &sight.livy) {
        _ if doubled => silent,
        Some(Look::Unreachable(_)) => silent,
        Some(Look::Seen(_)) if run.application.is_none() => {
            rules.watch.waits.start_timeout.saturating_sub(without_application(world.now(), run))
                + rules.watch.interval
        }
        Some(Look::Seen(_) | Look::Missing) | None => Duration::MAX,
    };
    match (tokio::time::timeout(wait, world.look(run, seen)).await, seen) {
        (Ok(sight), _) => sight,
        (Err(_), Some(seen)) => seen.clone(),
        // A first look is waited for.
        (Err(_), None) => Sight { livy: Look::Missing, active: None },
    }
}

/// Takes what YARN's sweep teaches: the application where it was unknown, a double, and how far it is. An event where
/// that is worth a state of its own.
async fn notice_active<W: World>(
    world: &W,
    run: &Run,
    active: &[Application],
    memory: &mut Memory<W::Slot>,
) -> Option<Event> {
    let Some(known) = &run.application else {
        let application = active.first()?;
        return Some(learned(run, &application.id, memory));
    };
    let (ours, doubles): (Vec<&Application>, Vec<&Application>) =
        active.iter().partition(|application| application.id == *known);
    kill_each(world, run, &doubles).await;
    let application = ours.first()?;
    memory.tracking_url = application.tracking_url.clone().or(memory.tracking_url.take());
    if memory.word.as_ref() != Some(&application.word) {
        let place = application.tracking_url.as_deref().map(|url| format!(" at {url}")).unwrap_or_default();
        info!(yarn_application_id = known.as_str(), "{} is {} in YARN{place}", run.name, application.word);
        memory.word = Some(application.word.clone());
    }
    None
}

fn without_application(now: Timestamp, run: &Run) -> Duration {
    match (&run.application, run.submitted) {
        (None, Some(since)) => Duration::from_millis(now.millis_since(since).unwrap_or_default()),
        (Some(_), _) | (None, None) => Duration::ZERO,
    }
}

/// What YARN says: by id once it is known, else by tag, where more than one is settled at once.
async fn ask<W: World>(world: &W, run: &Run) -> Yarn {
    match &run.application {
        Some(id) => world.application(id).await,
        None => {
            let answer = world.tagged(&run.tag).await;
            kill_doubles(world, run, &answer).await;
            answer
        }
    }
}

/// More than one application with one tag: the oldest is ours, the others are killed.
pub(in crate::job) async fn kill_doubles<W: World>(world: &W, run: &Run, answer: &Yarn) {
    let Yarn::Answer(found) = answer else { return };
    let doubles: Vec<&Application> = found.iter().skip(1).collect();
    kill_each(world, run, &doubles).await;
}

async fn kill_each<W: World>(world: &W, run: &Run, doubles: &[&Application]) {
    for double in doubles.iter().filter(|application| application.state == AppState::Active) {
        world.count(Counted::Doubled);
        error!(
            message_id = message_id::APPLICATION_DOUBLED,
            yarn_application_id = double.id,
            "{} has a second application, {}; it is killed",
            run.name,
            double.id
        );
        let mut waits = retry::LOOK.start();
        for _ in 0..KILL_TRIES {
            match world.kill(&double.id).await {
                Ok(()) => break,
                Err(NotKilled::NotNow(words)) => warn!("YARN does not kill {}: {words}", double.id),
                Err(NotKilled::Forbidden(words)) => {
                    tell_forbidden(&double.id, &words);
                    break;
                }
            }
            sleep(waits.next(fastrand::f64())).await;
        }
    }
}

/// Takes what a look of our own batch teaches. An event where that is worth a state of its own.
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
    match (&batch.application, &run.application) {
        (Some(id), None) => Some(learned(run, id, memory)),
        (Some(_) | None, Some(_)) | (None, None) => None,
    }
}

/// The run has an application now; what was seen of it before is to be seen anew.
fn learned<S>(run: &Run, id: &str, memory: &mut Memory<S>) -> Event {
    memory.seen = None;
    Event::Learned(Run { application: Some(id.to_owned()), ..run.clone() })
}

/// The event of a verdict; none while it is to go on.
#[expect(clippy::too_many_arguments, reason = "all that is known at the end, each used once")]
fn conclude<S>(
    now: Timestamp,
    task: &Task,
    run: &Run,
    verdict: Verdict,
    look: &Look,
    application: Option<&Application>,
    (log, driver): (Vec<String>, DriverLog),
    memory: &Memory<S>,
) -> Option<Event> {
    let (error, source, leftover) = match verdict {
        Verdict::Running => return None,
        Verdict::Succeeded(source) => return Some(succeeded(now, task, run, source, application, memory)),
        Verdict::Failed(error, source) => (error, source, None),
        Verdict::Open(error) => {
            let source = if error == ErrorName::Lost { Source::Worker } else { Source::Livy };
            (error, source, Some(run.clone()))
        }
    };
    let diagnostics = application.map(|application| application.diagnostics.clone()).unwrap_or_default();
    let error = refine(error, &diagnostics, &driver);
    let message = message(error, source, look);
    let mut failure = about(run, memory, failure(task, error, "Running", message));
    failure = failure.with_log(log).with_driver_log(driver);
    failure.verdict_source = source;
    if !diagnostics.is_empty() {
        failure.diagnostics = Some(diagnostics);
    }
    if let Some(application) = application {
        failure.log_url = application.log_url.clone().or(failure.log_url);
    }
    Some(ended(failure, leftover))
}

fn message(error: ErrorName, source: Source, look: &Look) -> String {
    let word = match look {
        Look::Seen(batch) => format!("Livy says {}", batch.state),
        Look::Missing => "Livy has no record of it".to_owned(),
        Look::Unreachable(words) => format!("Livy does not answer: {words}"),
    };
    let who = if source == Source::Yarn { "YARN" } else { "Livy" };
    match error {
        ErrorName::SubmitFailed => format!("spark-submit gave no application ({word})"),
        ErrorName::Killed => format!("{who} says that the job was killed"),
        ErrorName::OutOfMemory => "the job was killed for its memory".to_owned(),
        ErrorName::NodeLost => "the node of the job's driver was lost".to_owned(),
        ErrorName::Lost => format!("what became of the job cannot be known any more ({word})"),
        ErrorName::Failed
        | ErrorName::InvalidInput
        | ErrorName::Rejected
        | ErrorName::LivyUnavailable
        | ErrorName::ClusterTerminating
        | ErrorName::WorkerFault => format!("{who} says that the job failed ({word})"),
    }
}

fn succeeded<S>(
    now: Timestamp,
    task: &Task,
    run: &Run,
    source: Source,
    application: Option<&Application>,
    memory: &Memory<S>,
) -> Event {
    let running = memory.running_since;
    let end = application.and_then(|application| application.finished).unwrap_or(now);
    let tracking = application.and_then(|application| application.tracking_url.clone());
    let log = application.and_then(|application| application.log_url.clone());
    let success = Success {
        application_id: run.application.clone(),
        batch_id: run.batch,
        name: run.name.clone(),
        verdict_source: source,
        queued_millis: running.zip(run.submitted).and_then(|(running, since)| running.millis_since(since)),
        run_millis: running.map(|running| end.millis_since(running).unwrap_or_default()),
        tracking_url: tracking.or_else(|| memory.tracking_url.clone()),
        driver_log_url: log.or_else(|| memory.driver_log_url.clone()),
        execution: task.execution.clone(),
    };
    Event::Ended { outcome: Outcome::Succeeded(Box::new(success)), leftover: None }
}

fn about<S>(run: &Run, memory: &Memory<S>, failure: Failure) -> Failure {
    Failure { log_url: memory.driver_log_url.clone(), ..of_run(Some(run), failure) }
}
