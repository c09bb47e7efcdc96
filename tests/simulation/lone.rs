//! A world with one job in which nothing goes wrong unless it is told to, for what a seed would show late or never.

use std::collections::{HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use spark_job_worker::job::application::{
    Active, AppEnd, AppState, Application, MovingApplication, YarnAnswer,
};
use spark_job_worker::job::document::Document;
use spark_job_worker::job::flag::Flag;
use spark_job_worker::job::gate::Gate;
use spark_job_worker::job::heartbeat::RateLimiter;
use spark_job_worker::job::journal::Journal;
use spark_job_worker::job::machine::{Records, State};
use spark_job_worker::job::places::Ticket;
use spark_job_worker::job::report::{Answer, Outcome};
use spark_job_worker::job::sweep::Sweep;
use spark_job_worker::job::timestamp::Timestamp;
use spark_job_worker::job::token::Token;
use spark_job_worker::job::world::{
    BatchState, BatchView, Beat, Deleted, NotKilled, Posted, Reported, ServiceError, TagOnNode, Unreachable,
    Unwritable, World, YarnRetention,
};
use spark_job_worker::job::{self, JobContext, Start, Task};
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use crate::plan::{pace, rules};

pub(crate) const ID: &str = "application_1_0001";
/// Wall time at the beginning.
pub(crate) const START: u64 = 1_800_000_000_000;
/// When the application is known, and when its driver is at work, after the POST.
pub(crate) const KNOWN: Duration = Duration::from_secs(10);
pub(crate) const AT_WORK: Duration = Duration::from_secs(60);

/// A cluster for one job, a disk, and somebody who hears of its end.
pub(crate) struct Lone {
    began: Instant,
    journal: Option<Journal>,
    /// When the job succeeds after its POST; never where there is none.
    pub(crate) succeeds: Option<Duration>,
    /// Whether nothing lives any more that has to be dead first.
    pub(crate) clear: Arc<Flag>,
    inner: Mutex<Inner>,
}

#[derive(Default)]
pub(crate) struct Inner {
    /// The batch's name and the run's tag, and when Livy took it.
    pub(crate) taken: Option<(String, String, Instant)>,
    pub(crate) killed: bool,
    /// What is said to an end that is told.
    pub(crate) answers: VecDeque<Reported>,
    /// What was told, and after how many seconds.
    pub(crate) told: Vec<(Outcome, u64)>,
    /// How often a token was used.
    pub(crate) tokens: usize,
    /// The states that were written, and `unlink`.
    pub(crate) writes: Vec<&'static str>,
    /// What the lists of Livy and YARN say in the place of what is there.
    pub(crate) livy: Option<Result<Vec<BatchView>, ServiceError>>,
    pub(crate) yarn: Option<Result<Active, ServiceError>>,
    pub(crate) unsupported: Option<String>,
    /// How long those lists take.
    pub(crate) slow: Duration,
    /// When they were asked for, in milliseconds.
    pub(crate) asked: [Vec<u128>; 2],
    /// What was to be kept as hidden, and whether it is.
    pub(crate) hidden: Vec<Vec<String>>,
    pub(crate) is_full: bool,
}

impl Lone {
    /// `clear`: as [`Lone::clear`].
    pub(crate) fn new(inner: Inner, journal: Option<Journal>, clear: Arc<Flag>) -> Lone {
        Lone { began: Instant::now(), journal, succeeds: None, clear, inner: Mutex::new(inner) }
    }

    pub(crate) fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().expect("nobody panics while looking")
    }

    fn age(&self) -> Option<Duration> {
        self.inner().taken.as_ref().map(|(_, _, at)| at.elapsed())
    }

    fn has_succeeded(&self) -> bool {
        self.age().zip(self.succeeds).is_some_and(|(age, succeeds)| age >= succeeds)
    }

    fn view(&self) -> Option<BatchView> {
        let age = self.age()?;
        let (name, killed) = {
            let inner = self.inner();
            (inner.taken.as_ref().map(|(name, ..)| name.clone())?, inner.killed)
        };
        let state = match age {
            _ if killed => BatchState::Killed,
            age if self.succeeds.is_some() && age < AT_WORK / 2 => BatchState::Starting,
            _ => BatchState::Running,
        };
        Some(BatchView {
            id: 7,
            name,
            state,
            application: (age >= KNOWN).then(|| ID.to_owned()),
            proxy_user: None,
            driver_log_url: Some("http://nm/log".to_owned()),
            tracking_url: None,
            log_is_empty: false,
        })
    }

    fn applications(&self) -> Vec<Application> {
        let Some(age) = self.age().filter(|age| *age >= KNOWN) else { return Vec::new() };
        let state = match self.inner().killed {
            true => AppState::Ended(AppEnd::Killed),
            false => AppState::Active,
        };
        let state = if self.has_succeeded() { AppState::Ended(AppEnd::Succeeded) } else { state };
        vec![Application {
            id: ID.to_owned(),
            state,
            word: if age < AT_WORK { "ACCEPTED" } else { "RUNNING" }.to_owned(),
            started: Some(Timestamp(START)),
            launched: None,
            finished: None,
            memory_seconds: None,
            vcore_seconds: None,
            diagnostics: String::new(),
            tracking_url: Some("http://rm/proxy".to_owned()),
            log_url: None,
        }]
    }

    async fn is_asked(&self, which: usize) {
        let at = self.began.elapsed().as_millis();
        self.inner().asked[which].push(at);
        let slow = self.inner().slow;
        sleep(slow).await;
    }
}

/// What was there before is gone.
pub(crate) fn clear() -> Arc<Flag> {
    let clear = Arc::<Flag>::default();
    clear.raise();
    clear
}

/// What YARN's list says of an application.
pub(crate) fn moving(name: &str, application: Application) -> MovingApplication {
    MovingApplication {
        name: name.to_owned(),
        progress: 1.0,
        memory_seconds: None,
        vcore_seconds: None,
        application,
    }
}

/// Lives a task's life to its end, beside the sweeps; `dropped`: something newer has come.
pub(crate) async fn live(
    world: &Arc<Lone>,
    (task, state): (Task, State),
    place: Ticket,
    dropped: Option<Arc<Flag>>,
) -> Option<State> {
    let sweep = Sweep::new(pace());
    let (_disk, disk) = watch::channel(true);
    let (_draining, draining) = watch::channel(false);
    let sweeping = [
        tokio::spawn(sweep.clone().run(Arc::clone(world), |_| {})),
        tokio::spawn(sweep.clone().run_yarn(Arc::clone(world), |_| {})),
    ];
    let context = JobContext {
        world: Arc::clone(world),
        gate: Gate::new(1, &sweep, true, disk, draining),
        sweep,
        rules: Arc::new(rules()),
        limiter: Arc::new(RateLimiter::new(100, 100.0)),
        stop: Arc::default(),
        on_event: Box::new(|_| {}),
        place,
        dropped,
    };
    let mut last = None;
    job::run(context, task, state, Start::Fresh, |state| last = Some(state.clone())).await;
    sweeping.iter().for_each(tokio::task::JoinHandle::abort);
    last
}

impl World for Lone {
    fn now(&self) -> Timestamp {
        let since = u64::try_from(self.began.elapsed().as_millis()).expect("a short test");
        Timestamp(START + since)
    }

    async fn write(&self, task: &Task, state: &State) -> Result<(), Unwritable> {
        self.inner().writes.push(state.name());
        let Some(journal) = &self.journal else { return Ok(()) };
        journal.write(task, state).map_err(|error| Unwritable(error.to_string()))
    }

    async fn forget(&self, task: &str) -> Result<(), Unwritable> {
        self.inner().writes.push("unlink");
        let Some(journal) = &self.journal else { return Ok(()) };
        journal.remove(task).map_err(|error| Unwritable(error.to_string()))
    }

    async fn keep_hidden(&self, ids: Vec<String>) -> Result<(), Unwritable> {
        let mut inner = self.inner();
        inner.hidden.push(ids);
        if inner.is_full { Err(Unwritable("no space left".to_owned())) } else { Ok(()) }
    }

    async fn post(&self, _: Records, name: &str, body: &str) -> Posted {
        let tag = body.split('"').flat_map(|text| text.split(',')).find(|tag| tag.starts_with("sjw-"));
        let taken = (name.to_owned(), tag.expect("it has a tag").to_owned(), Instant::now());
        self.inner().taken = Some(taken);
        self.view().map_or_else(|| Posted::NotNow(String::new()), Posted::Accepted)
    }

    async fn batches(&self, names: Arc<HashSet<String>>) -> Result<Vec<BatchView>, ServiceError> {
        self.is_asked(0).await;
        if let Some(told) = self.inner().livy.clone() {
            return told;
        }
        Ok(self.view().into_iter().filter(|view| names.contains(&view.name)).collect())
    }

    fn livy_unsupported(&self) -> Option<String> {
        self.inner().unsupported.clone()
    }

    async fn active(&self, _: Option<Arc<Active>>) -> Result<Active, ServiceError> {
        self.is_asked(1).await;
        if let Some(told) = self.inner().yarn.clone() {
            return told;
        }
        let Some((name, tag, _)) = self.inner().taken.clone() else { return Ok(Active::default()) };
        let mut active = Active::default();
        for one in self.applications().into_iter().filter(|one| one.state == AppState::Active) {
            active.add(&tag, moving(&name, one), None);
        }
        Ok(active)
    }

    fn has_yarn(&self) -> bool {
        true
    }

    async fn find(&self, _: Records, _: &str) -> Result<Option<BatchView>, Unreachable> {
        Ok(self.view())
    }

    async fn log(&self, _: Records, _: &str) -> Result<Vec<String>, Unreachable> {
        Ok(Vec::new())
    }

    async fn delete(&self, _: Records, _: &str) -> Result<Deleted, Unreachable> {
        self.inner().killed = true;
        Ok(Deleted::Gone)
    }

    async fn tagged(&self, _: &str) -> YarnAnswer {
        YarnAnswer::Answer(self.applications())
    }

    async fn application(&self, _: &str) -> YarnAnswer {
        YarnAnswer::Answer(self.applications())
    }

    async fn driver_log(&self, _: &str, _: &str) -> Result<Option<Vec<String>>, Unreachable> {
        Ok(Some(Vec::new()))
    }

    async fn yarn_retention(&self) -> Result<YarnRetention, Unreachable> {
        Ok(YarnRetention { started: Timestamp(0), keeps: true })
    }

    async fn kill(&self, _: &str) -> Result<(), NotKilled> {
        self.inner().killed = true;
        Ok(())
    }

    async fn tag_on_node(&self, _: &str) -> TagOnNode {
        TagOnNode::No
    }

    async fn beat(&self, _: &str, _: &Token) -> Beat {
        self.inner().tokens += 1;
        Beat::Accepted
    }

    async fn report(&self, _: &str, _: &Token, _: &Answer) -> Reported {
        self.inner().tokens += 1;
        Reported::Acknowledged
    }

    async fn deliver(&self, _: &Task, _: &Document, outcome: &Outcome) -> Reported {
        let mut inner = self.inner();
        inner.told.push((outcome.clone(), self.began.elapsed().as_secs()));
        inner.answers.pop_front().unwrap_or(Reported::Acknowledged)
    }

    async fn stopped(&self, _: &Task) {
        self.clear.raised().await;
    }
}
