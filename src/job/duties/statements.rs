//! While statements run: one is said, then it is listened for how it ended, and all the while the session is followed.
//!
//! Livy's calls about statements can hang. What has become of the session is seen beside them, by the sweeps.

use std::convert::Infallible;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::time::{sleep, timeout};
use tracing::{debug, info};

use super::follow::follow;
use super::gather::swallowed;
use super::{JobCache, JobServices, ended, failure, of_run};
use crate::job::Task;
use crate::job::application::{Application, YarnAnswer};
use crate::job::machine::{Event, Run, Stage, Step};
use crate::job::report::{
    Cost, ErrorName, Exception, FailedStage, FailedWork, Failure, Outcome, Source, Spoken, Stopped, Success,
};
use crate::job::statements::check::{Checked, MAX_RESULT, Told};
use crate::job::statements::script::Turn;
use crate::job::steps::ask::{Ask, AskStep, Observation, Terms};
use crate::job::steps::listen::{Listen, ListenStep, Patience};
use crate::job::timestamp::Timestamp;
use crate::job::world::{Unreachable, World};

/// For how long YARN is asked what a session has used.
const LAST_LOOK: Duration = Duration::from_secs(5);
/// For how long calls may stay unanswered at least, whatever the configuration says: a slow one alone takes 10 s.
const LEAST_PATIENCE: Duration = Duration::from_secs(15);

/// Says the run's step until Livy has it, or listens for its end until that is known; or until the session has ended.
/// `stage` says which; `number`: the first that the step can have, or has.
pub(in crate::job) async fn talk<W: World>(
    services: &JobServices<W>,
    task: &Task,
    run: &Run,
    (stage, number): (Stage, u64),
    cache: &mut JobCache,
) -> Event {
    let lives = AtomicBool::new(false);
    let note = |lives_now| lives.store(lives_now, Ordering::Relaxed);
    let talk = Talk { services, task, run, lives: &lives };
    let talking = async {
        if stage == Stage::Speaking {
            Talked::Event(Box::new(talk.speak(number).await))
        } else {
            talk.listen(number).await
        }
    };
    let talked = tokio::select! {
        biased;
        event = follow(services, task, run, cache, note) => Talked::Event(Box::new(event)),
        talked = talking => talked,
        never = keep(services, run) => match never {},
    };
    match talked {
        Talked::Event(event) => *event,
        // Nobody looks at the session any more: that it ends now takes nothing back.
        Talked::Checked { step, checked, next } => Box::pin(talk.ended(step, checked, next)).await,
    }
}

/// What came of listening.
enum Talked {
    Event(Box<Event>),
    /// The interpreter has said how a step ended, and the number that the next turn can have.
    Checked {
        step: u16,
        checked: Checked,
        next: u64,
    },
}

/// A statement that runs does not keep its session, and neither does a look at it.
async fn keep<W: World>(services: &JobServices<W>, run: &Run) -> Infallible {
    loop {
        sleep(services.rules.session_keep).await;
        if let Err(Unreachable(reason)) = Box::pin(services.world.keep(&run.name)).await {
            debug!("the session {} is not kept: {reason}; trying again", run.name);
        }
    }
}

/// What is said and heard about one step.
struct Talk<'a, W> {
    services: &'a JobServices<W>,
    task: &'a Task,
    run: &'a Run,
    /// The session can be asked, as far as the sweeps see.
    lives: &'a AtomicBool,
}

impl<W: World> Talk<'_, W> {
    async fn speak(&self, number: u64) -> Event {
        let Some(step) = self.run.said() else { return self.without_step() };
        let turn = Turn::Step(usize::from(step));
        let patience = self.patience();
        let mut ask = Ask::new(Terms { task: &self.task.id, turn, patience }, number, false);
        let mut observation = Observation::Tick;
        loop {
            let now = self.services.now();
            observation = match ask.see(observation, self.lives.load(Ordering::Relaxed), now) {
                AskStep::Look(number) => self.look(number).await,
                AskStep::Post => match self.post(turn).await {
                    Some(said) => said,
                    None => return self.without_step(),
                },
                AskStep::Wait(pause) => wait(pause).await,
                AskStep::Known(number) | AskStep::Done { number, .. } => return Event::Said(number),
                AskStep::Broken(reason) => return self.broken(&reason),
            };
        }
    }

    /// How long calls about statements may stay unanswered.
    fn patience(&self) -> Duration {
        self.services.rules.waits.verdict_patience.max(LEAST_PATIENCE)
    }

    async fn listen(&self, number: u64) -> Talked {
        let Some(step) = self.run.said() else { return Talked::Event(Box::new(self.without_step())) };
        let patience = Patience { unanswered: self.patience(), dead: self.services.rules.waits.lost_after };
        let mut listen = Listen::new(&self.task.id, usize::from(step), number, patience);
        let mut observation = Observation::Tick;
        loop {
            let now = self.services.now();
            observation = match listen.see(observation, self.lives.load(Ordering::Relaxed), now) {
                ListenStep::Look(number) => self.look(number).await,
                ListenStep::Post(turn) => match self.post(turn).await {
                    Some(said) => said,
                    None => return Talked::Event(Box::new(self.without_step())),
                },
                ListenStep::Wait(pause) => wait(pause).await,
                ListenStep::Ended { checked, next } => return Talked::Checked { step, checked, next },
                ListenStep::Broken(reason) => return Talked::Event(Box::new(self.broken(&reason))),
            };
        }
    }

    async fn look(&self, number: u64) -> Observation {
        Observation::Heard(Box::pin(self.services.world.hear(&self.run.name, number)).await)
    }

    /// `None` where the text of the turn is lost.
    async fn post(&self, turn: Turn) -> Option<Observation> {
        let text = self.task.script()?.text(&self.task.id, turn)?;
        Some(Observation::Said(Box::pin(self.services.world.say(&self.run.name, &text)).await))
    }

    /// What the interpreter says of the step.
    async fn ended(&self, step: u16, checked: Checked, next: u64) -> Event {
        match checked {
            Checked::Done { result, told } => {
                let last = self.task.script().map_or(0, |script| script.last());
                if usize::from(step) == last {
                    return self.succeeded(result, told).await;
                }
                if step == 0 {
                    info!("the interpreter of {} is ready", self.run.name);
                } else {
                    info!("statement {step} of {} has ended well", self.run.name);
                }
                Event::Confirmed(next)
            }
            Checked::Failed { name, words, traceback } => {
                let what = self
                    .task
                    .statement(step)
                    .map_or("the result".to_owned(), |number| format!("statement {number}"));
                let message = format!("{what} raised {name}");
                let exception = Some(Exception { name, words, traceback });
                let stopped = Some(Box::new(Stopped { exception, ..Stopped::default() }));
                let failure = self.failure(ErrorName::StatementFailed, message);
                let failed_stages = self.failed_stages().await;
                self.left(Failure { stopped, verdict_source: Source::Session, failed_stages, ..failure })
            }
            Checked::TooLarge { bytes } => {
                let message = format!(
                    "the result has {bytes} bytes as JSON, and {} are allowed; every statement has ended well: write \
                     large results to S3, and return where they are",
                    MAX_RESULT
                );
                let failure = self.failure(ErrorName::ResultTooLarge, message);
                self.left(Failure { verdict_source: Source::Session, ..failure })
            }
            // The rules tell these in other words.
            Checked::Died => self.broken("its interpreter died"),
            Checked::Broken(reason) => self.broken(&reason),
        }
    }

    /// Every step is confirmed: the task has succeeded, whatever becomes of the session.
    async fn succeeded(&self, result: Option<String>, statements: Vec<Told>) -> Event {
        let run = self.run;
        let application = self.application().await;
        let failed_work = self.failed_work(application.as_ref()).await;
        swallowed(&run.name, &failed_work);
        let of = |time: fn(&Application) -> Option<Timestamp>| application.as_ref().and_then(time);
        let (started, launched) = (of(|it| it.started), of(|it| it.launched));
        let now = self.services.world.now();
        let success = Success {
            application_id: run.application.clone(),
            batch_id: None,
            name: run.name.clone(),
            verdict_source: Source::Session,
            queued_millis: started.zip(launched).and_then(|(from, to)| to.millis_since(from)),
            run_millis: launched.or(started).and_then(|from| now.millis_since(from)),
            cost: application.as_ref().map_or_else(Cost::default, |it| Cost {
                memory_seconds: it.memory_seconds,
                vcore_seconds: it.vcore_seconds,
            }),
            tracking_url: application.as_ref().and_then(|it| it.tracking_url.clone()),
            driver_log_url: application.and_then(|it| it.log_url),
            execution: self.task.execution.clone(),
            spoken: Some(Box::new(Spoken { session: run.session(), result, statements })),
            failed_jobs: failed_work.jobs,
        };
        let leftover = Some(run.at(Step::Done));
        Event::Ended { outcome: Outcome::Succeeded(Box::new(success)), leftover }
    }

    /// What YARN has of the session so far, where it says so soon.
    async fn application(&self) -> Option<Application> {
        let id = self.run.application.as_ref().filter(|_| self.services.world.has_yarn())?;
        match timeout(LAST_LOOK, Box::pin(self.services.world.application(id))).await {
            Ok(YarnAnswer::Answer(found)) => found.into_iter().next(),
            Ok(YarnAnswer::Off | YarnAnswer::Unreachable(_) | YarnAnswer::Hidden(_)) | Err(_) => None,
        }
    }

    /// The stages that failed in the session so far.
    async fn failed_stages(&self) -> Vec<FailedStage> {
        if !self.services.world.asks_spark() {
            return Vec::new();
        }
        let asking = async { self.failed_work(self.application().await.as_ref()).await };
        timeout(LAST_LOOK, Box::pin(asking)).await.unwrap_or_default().stages
    }

    /// What Spark says of the session so far, where its driver says so soon: it lives, below the page that YARN has of it.
    async fn failed_work(&self, application: Option<&Application>) -> FailedWork {
        let world = &self.services.world;
        let page = application.and_then(|application| application.tracking_url.as_deref());
        let (Some(application), Some(page), true) = (application, page, world.asks_spark()) else {
            return FailedWork::default();
        };
        match timeout(LAST_LOOK, Box::pin(world.failed_work(&application.id, Some(page)))).await {
            Ok(Ok(found)) => found.unwrap_or_default(),
            Ok(Err(Unreachable(reason))) => {
                debug!("the driver of {} says nothing about failed jobs: {reason}", self.run.name);
                FailedWork::default()
            }
            Err(_) => FailedWork::default(),
        }
    }

    fn broken(&self, reason: &str) -> Event {
        let step = self.run.said().unwrap_or_default();
        if step == 0 {
            let message =
                format!("the session does not take statements: {reason}; none of the task's has run");
            return self.left(self.failure(ErrorName::SessionFailed, message));
        }
        let confirmed = match step - 1 {
            0 => "no statement is confirmed".to_owned(),
            last => format!("statements are confirmed up to {last}"),
        };
        let message = format!("what the session answers cannot be trusted: {reason}; {confirmed}");
        self.left(self.failure(ErrorName::SessionBroken, message))
    }

    fn without_step(&self) -> Event {
        let message = "the worker has lost the statements of this task";
        self.left(self.failure(ErrorName::WorkerFault, message.to_owned()))
    }

    fn failure(&self, error: ErrorName, message: String) -> Failure {
        failure(self.task, error, "Listening", message)
    }

    /// A failure after which the session is to be ended.
    fn left(&self, failure: Failure) -> Event {
        ended(of_run(self.task, Some(self.run), failure), Some(self.run.clone()))
    }
}

async fn wait(pause: Duration) -> Observation {
    sleep(pause).await;
    Observation::Tick
}
