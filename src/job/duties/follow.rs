//! While it runs: follow it to its end.

use std::ops::ControlFlow;
use std::time::Duration;

use tokio::time::timeout;
use tracing::{error, info, trace};

use super::gather::last_log;
use super::{JobCache, JobServices, ended, failure, of_run};
use crate::job::Task;
use crate::job::application::YarnAnswer;
use crate::job::machine::{Event, Run};
use crate::job::report::{Cost, ErrorName, Outcome, Reached, Source, Success, refine};
use crate::job::steps::follow::{Follow, FollowStep, Observation, Terms};
use crate::job::steps::goal;
use crate::job::sweep::{Health, SweepNumber};
use crate::job::verdict::Verdict;
use crate::job::world::{BatchView, LivyAnswer, Observed, World};
use crate::log::message_id;

/// Follows the run until the rules call it an event. What is done between the waits is boxed: thousands of jobs wait in
/// here. `lives` hears whether a session can be asked.
pub(in crate::job) async fn follow<W: World>(
    services: &JobServices<W>,
    task: &Task,
    run: &Run,
    cache: &mut JobCache,
    lives: impl Fn(bool) + Send,
) -> Event {
    let since = services.sweep.number();
    let mut follow =
        Follow::new(run.clone(), terms(services, task), cache.doubles.were_seen(), services.now());
    let mut observation = first(cache);
    let mut acts = Acts { services, task, run, cache, log: None, unread: Unread::default() };
    loop {
        let pause = next_step(services, &mut follow, observation);
        if let Some((livy, yarn)) = follow.views() {
            trace!(?livy, ?yarn, "both views of {}", run.name);
        }
        let pause = match pause {
            Ok(pause) => pause,
            Err(step) => match Box::pin(acts.perform(*step, &follow)).await {
                ControlFlow::Continue(seen) => {
                    observation = seen;
                    continue;
                }
                ControlFlow::Break(event) => return event,
            },
        };
        lives(follow.lives());
        acts.cache.seen = follow.observed().cloned();
        tell_word(run, acts.cache);
        if let Some(word) = goal::reached(task.goal(), run, follow.observed()) {
            return reached(run, word, follow.observed());
        }
        observation = next_observation(services, run, since, acts.cache, pause).await;
    }
}

/// How long to wait for news, or what is to be done first. Boxed and made here: a step takes room that those who wait do not
/// need.
fn next_step<W: World>(
    services: &JobServices<W>,
    follow: &mut Follow,
    observation: Observation,
) -> Result<Duration, Box<FollowStep>> {
    let step = follow.see(observation, services.hides(), services.now());
    if let FollowStep::Wait(pause) = step { Ok(pause) } else { Err(Box::new(step)) }
}

/// What is done for a run between the waits.
struct Acts<'a, W> {
    services: &'a JobServices<W>,
    task: &'a Task,
    run: &'a Run,
    cache: &'a mut JobCache,
    log: Option<Vec<String>>,
    unread: Unread,
}

impl<W: World> Acts<'_, W> {
    /// Performs a step: what is seen then, or the event that ends the state.
    async fn perform(&mut self, step: FollowStep, follow: &Follow) -> ControlFlow<Event, Observation> {
        let Acts { services, task, run, cache, log, unread } = self;
        let world = &*services.world;
        ControlFlow::Continue(match step {
            FollowStep::Wait(_) => Observation::Tick,
            FollowStep::AskById(id) => {
                let answer = world.application(&id).await;
                unread.note(&id, &answer, *services.sweep.yarn_health().borrow() == Health::Up);
                Observation::Answer(answer)
            }
            FollowStep::AskByTag => {
                let answer = world.tagged(&run.tag).await;
                cache.doubles.kill_others(world, run, &answer).await;
                Observation::Answer(answer)
            }
            FollowStep::ReadLog => {
                let lines = last_log(world, run).await;
                Observation::LivyLog(log.insert(lines).clone())
            }
            FollowStep::Kill(others) => {
                cache.doubles.kill(world, run, others).await;
                Observation::Tick
            }
            FollowStep::Hide(id, reason) => {
                services.sweep.hidden(&id, &reason);
                Observation::Tick
            }
            FollowStep::Learn(run) => return ControlFlow::Break(Event::Learned(run)),
            FollowStep::Withdraw => return ControlFlow::Break(Event::Overdue),
            FollowStep::Open => return ControlFlow::Break(Event::Opened),
            FollowStep::Refuse(user) => return ControlFlow::Break(refused(task, run, user.as_deref())),
            FollowStep::Judge(run, word) => return ControlFlow::Break(Event::Judged { run, word }),
            FollowStep::End(verdict) => {
                let doubled = cache.doubles.were_seen();
                let log = log.take().unwrap_or_default();
                return ControlFlow::Break(conclude(task, (run, doubled), verdict, follow.observed(), log));
            }
        })
    }
}

fn terms<W: World>(services: &JobServices<W>, task: &Task) -> Terms {
    Terms {
        interval: services.rules.interval,
        waits: services.rules.waits,
        has_yarn: services.world.has_yarn(),
        queue_timeout: task.queue_timeout,
    }
}

/// An application of which YARN gives no answer while it answers everything else.
#[derive(Default)]
struct Unread(u8);

impl Unread {
    /// So many questions in a row without an answer are an operator's matter.
    const MANY: u8 = 3;

    fn note(&mut self, id: &str, answer: &YarnAnswer, answers_others: bool) {
        let YarnAnswer::Unreachable(reason) = answer else {
            self.0 = 0;
            return;
        };
        self.0 = if answers_others { self.0.saturating_add(1) } else { 0 };
        if self.0 == Self::MANY {
            error!(
                message_id = message_id::YARN_UNREADABLE,
                yarn_application_id = id,
                "YARN answers other requests but not the one about {id}: {reason}; the end of the job waits for that answer"
            );
        }
    }
}

/// What was heard before this state began is heard of first.
fn first(cache: &JobCache) -> Observation {
    match &cache.seen {
        // A list that was made before the id was known says nothing about it.
        Some(seen) => Observation::Observed(Observed { missing: false, ..seen.clone() }),
        None => Observation::Tick,
    }
}

/// The sweeps' next news, or none for so long.
async fn next_observation<W: World>(
    services: &JobServices<W>,
    run: &Run,
    since: SweepNumber,
    cache: &JobCache,
    pause: Duration,
) -> Observation {
    let looking = services.sweep.look(run, since, cache.seen.as_ref());
    timeout(pause, looking).await.map_or(Observation::Tick, Observation::Observed)
}

/// Tells how far it is, in YARN's word, when that changes.
fn tell_word(run: &Run, cache: &mut JobCache) {
    let active = cache.seen.as_ref().and_then(|seen| seen.active.as_deref()).unwrap_or_default();
    let Some(application) = active.iter().find(|one| Some(&one.id) == run.application.as_ref()) else {
        return;
    };
    if cache.word.as_ref() == Some(&application.word) {
        return;
    }
    let place = application.tracking_url.as_deref().map(|url| format!(" at {url}")).unwrap_or_default();
    info!(
        yarn_application_id = application.id.as_str(),
        "{} is {} in YARN{place}", run.name, application.word
    );
    cache.word = Some(application.word.clone());
}

/// It has come as far as it is waited for. The run goes with the outcome: nobody kills it unless nobody wanted to know.
fn reached(run: &Run, word: String, observed: Option<&Observed>) -> Event {
    let active = observed.and_then(|observed| observed.active.as_deref()).unwrap_or_default();
    let application = active.iter().find(|one| Some(&one.id) == run.application.as_ref());
    let view = observed.and_then(|observed| match &observed.livy {
        LivyAnswer::Seen(view) => Some(view),
        LivyAnswer::Missing | LivyAnswer::Unreachable(_) => None,
    });
    let of_livy = |url: fn(&BatchView) -> &Option<String>| view.and_then(|view| url(view).clone());
    let reached = Reached {
        application_id: run.application.clone(),
        batch_id: run.batch(),
        name: run.name.clone(),
        state: word,
        tracking_url: application
            .and_then(|one| one.tracking_url.clone())
            .or_else(|| of_livy(|view| &view.tracking_url)),
        driver_log_url: application
            .and_then(|one| one.log_url.clone())
            .or_else(|| of_livy(|view| &view.driver_log_url)),
    };
    Event::Ended { outcome: Outcome::Reached(Box::new(reached)), leftover: Some(run.clone()) }
}

fn refused(task: &Task, run: &Run, user: Option<&str>) -> Event {
    let message = format!(
        "the job was to run as {} and Livy runs it as {}: is livy.impersonation.enabled set?",
        run.proxy_user.as_deref().unwrap_or_default(),
        user.unwrap_or("its own user")
    );
    let failure = failure(task, ErrorName::Rejected, "Running", message);
    ended(of_run(task, Some(run), failure), Some(run.clone()))
}

/// The end that is not YARN's word: Livy's, or nobody's. `doubled`: the run was not alone with its tag, so that
/// something of it may live on.
fn conclude(
    task: &Task,
    (run, doubled): (&Run, bool),
    verdict: Verdict,
    observed: Option<&Observed>,
    log: Vec<String>,
) -> Event {
    let look = observed.map(|observed| &observed.livy);
    let view = look.and_then(|look| match look {
        LivyAnswer::Seen(view) => Some(&**view),
        LivyAnswer::Missing | LivyAnswer::Unreachable(_) => None,
    });
    let (error, source, leftover) = match verdict {
        Verdict::Succeeded(source) => return succeeded(task, (run, doubled), source, view),
        Verdict::Failed(error, source) => {
            let left = doubled || run.is_session();
            (of_session(run, error), source, left.then(|| run.clone()))
        }
        Verdict::Open(ErrorName::Lost) => {
            (of_session(run, ErrorName::Lost), Source::Worker, Some(run.clone()))
        }
        Verdict::Open(error) => (of_session(run, error), Source::Livy, Some(run.clone())),
        // The rules never return this; if they did, the job would be followed on.
        Verdict::Running => return Event::Learned(run.clone()),
    };
    let mut failure = failure(task, error, "Running", String::new()).with_log(log);
    failure.error = refine(error, failure.diagnostics.as_deref().unwrap_or_default(), &failure.driver);
    failure.message = message(failure.error, look);
    failure.verdict_source = source;
    failure.log_url = view.and_then(|view| view.driver_log_url.clone());
    ended(of_run(task, Some(run), failure), leftover)
}

/// What the end of a session is called that Livy or nobody tells of. Where it was not ended from outside, what the
/// statements came to is lost with it.
fn of_session(run: &Run, error: ErrorName) -> ErrorName {
    if error == ErrorName::Killed || !run.is_session() {
        error
    } else if run.is_unbegun_session() {
        ErrorName::SessionFailed
    } else {
        ErrorName::Lost
    }
}

fn message(error: ErrorName, look: Option<&LivyAnswer>) -> String {
    let word = match look {
        Some(LivyAnswer::Seen(batch)) => format!("Livy says {}", batch.state),
        Some(LivyAnswer::Missing) | None => "Livy has no record of it".to_owned(),
        Some(LivyAnswer::Unreachable(reason)) => format!("Livy does not answer: {reason}"),
    };
    match error {
        ErrorName::SubmitFailed => format!("spark-submit gave no application ({word})"),
        ErrorName::Lost => format!("the result of the job is unknown ({word})"),
        ErrorName::Killed => "Livy says that the job was killed".to_owned(),
        ErrorName::SessionFailed => {
            format!("the session did not come to take statements ({word}); none of the task's has run")
        }
        ErrorName::OutOfMemory
        | ErrorName::NodeLost
        | ErrorName::Failed
        | ErrorName::StatementFailed
        | ErrorName::ResultTooLarge
        | ErrorName::SessionBroken
        | ErrorName::QueueTimeout
        | ErrorName::InvalidInput
        | ErrorName::Rejected
        | ErrorName::LivyUnavailable
        | ErrorName::ClusterTerminating
        | ErrorName::WorkerFault
        | ErrorName::StillRunning
        | ErrorName::Superseded
        | ErrorName::NotStopped => format!("Livy says that the job failed ({word})"),
    }
}

/// A success by Livy's word: YARN, whose clock and counts these are, does not say.
fn succeeded(task: &Task, (run, doubled): (&Run, bool), source: Source, view: Option<&BatchView>) -> Event {
    let success = Success {
        application_id: run.application.clone(),
        batch_id: run.batch(),
        name: run.name.clone(),
        verdict_source: source,
        queued_millis: None,
        run_millis: None,
        cost: Cost::default(),
        tracking_url: view.and_then(|view| view.tracking_url.clone()),
        driver_log_url: view.and_then(|view| view.driver_log_url.clone()),
        execution: task.execution.clone(),
        spoken: None,
        failed_jobs: 0,
    };
    Event::Ended { outcome: Outcome::Succeeded(Box::new(success)), leftover: doubled.then(|| run.clone()) }
}
