//! The simulated world: Step Functions, Livy with its spark-submit children, YARN, a disk and a clock.
//!
//! Every call takes a while, may get no answer, and may be the last one before the worker crashes. What the world
//! decides comes from one generator, so a seed repeats a run exactly.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use fastrand::Rng;
use spark_job_worker::job::journal::Entry;
use spark_job_worker::job::machine::{Run, State, Timestamp};
use spark_job_worker::job::report::Answer;
use spark_job_worker::job::request::Batch;
use spark_job_worker::job::world::{
    AppEnd, AppState, Application, BatchState, BatchView, Beat, Deleted, Look, NotKilled, Posted, Reported,
    Sight, Token, Unreachable, Unwritable, World, Yarn, YarnMemory,
};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep};

/// Wall time at the beginning of a run.
const EPOCH: u64 = 1_800_000_000_000;
/// Livy's record of an ended batch is collected after this.
const RETAIN: u64 = 600_000;
/// A task without a heartbeat for so long has timed out.
const HEARTBEAT_SECONDS: u64 = 60_000;

/// A guard that is broken on purpose, to see that the simulation notices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Broken {
    /// None.
    Nothing,
    /// The state before a POST is not kept.
    NoWriteBeforePost,
    /// A POST that may have been out is begun again after a restart.
    NoDoubt,
    /// A silent YARN counts as one that has nothing.
    SilenceIsAbsence,
    /// A batch is followed by its number.
    NoIdentity,
    /// Nothing is kept of what an outcome may leave behind.
    NoLeftover,
    /// A process that will still submit is not looked for.
    NoProcesses,
    /// YARN's memory is believed whatever it is.
    AnyMemory,
    /// A POST that is out is dropped, and its task let go, when the token dies.
    DroppedPost,
}

/// A task as Step Functions has it.
#[derive(Debug)]
pub(crate) struct Ticket {
    pub(crate) token: String,
    pub(crate) beaten: u64,
    pub(crate) handed_out: bool,
    /// Closed by an answer: was it a success?
    pub(crate) answered: Option<bool>,
    /// Closed by a stop or a timeout, at this time.
    pub(crate) dead: Option<u64>,
    pub(crate) stop_at: Option<u64>,
}

#[derive(Debug, Clone)]
struct Record {
    id: u64,
    name: String,
    tag: String,
    hollow: bool,
    ended: Option<(BatchState, u64)>,
}

/// A spark-submit under way: it outlives its Livy.
#[derive(Debug, Clone)]
struct Child {
    tag: String,
    submits_at: u64,
    fails: bool,
}

/// An application in YARN.
#[derive(Debug, Clone)]
pub(crate) struct App {
    pub(crate) id: String,
    pub(crate) tag: String,
    pub(crate) started: u64,
    pub(crate) ends_at: u64,
    pub(crate) end: AppEnd,
    pub(crate) killed_at: Option<u64>,
    forgotten: bool,
}

impl App {
    pub(crate) fn ended(&self, now: u64) -> Option<(AppEnd, u64)> {
        match self.killed_at {
            Some(at) if at <= self.ends_at => Some((AppEnd::Killed, at)),
            _ if self.ends_at <= now => Some((self.end, self.ends_at)),
            _ => None,
        }
    }
}

/// A service's outages: from, to.
type Outages = Vec<(u64, u64)>;

pub(crate) struct Inner {
    pub(crate) rng: Rng,
    pub(crate) broken: Broken,
    began: Instant,
    pub(crate) tickets: Vec<Ticket>,
    records: Vec<Record>,
    next_id: u64,
    children: Vec<Child>,
    pub(crate) apps: Vec<App>,
    pub(crate) disk: BTreeMap<String, String>,
    outages: [Outages; 3],
    yarn_started: u64,
    yarn_keeps: bool,
    livy_dies_at: Option<u64>,
    yarn_dies_at: Option<u64>,
    answers_lost_until: u64,
    /// Nothing goes wrong any more after this, so that everything can come to its end.
    pub(crate) calm_from: u64,
    crash_chance: f64,
    pub(crate) story: Vec<String>,
}

/// The world, as the worker and the test share it.
#[derive(Clone)]
pub(crate) struct Sim {
    inner: Arc<Mutex<Inner>>,
    pub(crate) crash: Arc<Notify>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Service {
    StepFunctions,
    Livy,
    Yarn,
}

impl Sim {
    pub(crate) fn new(seed: u64, broken: Broken) -> Sim {
        let mut rng = Rng::with_seed(seed);
        let calm_from = EPOCH + 1_500_000;
        let outages = [0, 1, 2].map(|_| {
            (0..rng.u32(0..3))
                .map(|_| {
                    let from = EPOCH + rng.u64(0..1_200_000);
                    (from, from + rng.u64(1_000..240_000))
                })
                .collect()
        });
        let tickets = (0..rng.usize(1..=2)).map(|n| Ticket {
            token: format!("token-{seed}-{n}"),
            beaten: 0,
            handed_out: false,
            answered: None,
            dead: None,
            stop_at: rng.bool().then(|| EPOCH + rng.u64(1_000..900_000)),
        });
        let inner = Inner {
            tickets: tickets.collect(),
            crash_chance: if rng.bool() { 0.0 } else { 0.02 },
            yarn_keeps: rng.bool(),
            rng,
            broken,
            began: Instant::now(),
            records: Vec::new(),
            next_id: 0,
            children: Vec::new(),
            apps: Vec::new(),
            disk: BTreeMap::new(),
            outages,
            yarn_started: EPOCH - 1_000_000,
            livy_dies_at: None,
            yarn_dies_at: None,
            answers_lost_until: 0,
            calm_from,
            story: Vec::new(),
        };
        Sim { inner: Arc::new(Mutex::new(inner)), crash: Arc::default() }
    }

    pub(crate) fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().expect("no poison")
    }

    /// A step of the world's own: Livy and YARN are killed and start again.
    pub(crate) async fn upheavals(self) {
        loop {
            let pause = self.inner().rng.u64(20_000..400_000);
            sleep(Duration::from_millis(pause)).await;
            let mut inner = self.inner();
            let now = inner.now();
            if now >= inner.calm_from {
                return;
            }
            match inner.rng.u8(0..3) {
                0 => inner.restart_livy(false),
                1 => inner.restart_livy(true),
                _ => inner.restart_yarn(),
            }
        }
    }

    /// What every call goes through: time, silence, and the end of the worker.
    async fn pass(&self, service: Option<Service>) -> Result<(), Unreachable> {
        let (before, silent) = {
            let mut inner = self.inner();
            let now = inner.now();
            let calm = now >= inner.calm_from;
            if !calm && inner.rng.f64() < inner.crash_chance {
                inner.tell("the worker crashes");
                self.crash.notify_one();
            }
            let down = service.is_some_and(|service| inner.is_down(service, now));
            let lost = !calm && service.is_some() && inner.rng.f64() < 0.03;
            (inner.rng.u64(1..200), down || lost)
        };
        sleep(Duration::from_millis(before)).await;
        if silent { Err(Unreachable("silence".to_owned())) } else { Ok(()) }
    }

    /// Whether the answer of something that was done gets lost on its way back.
    async fn answer_lost(&self) -> bool {
        let lost = {
            let mut inner = self.inner();
            let now = inner.now();
            now < inner.calm_from && (now < inner.answers_lost_until || inner.rng.f64() < 0.1)
        };
        if lost {
            sleep(Duration::from_secs(10)).await;
        }
        lost
    }
}

impl Inner {
    pub(crate) fn now(&self) -> u64 {
        EPOCH + u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    pub(crate) fn tell(&mut self, what: impl Into<String>) {
        let at = (self.now() - EPOCH) as f64 / 1e3;
        self.story.push(format!("{at:9.3} {}", what.into()));
    }

    fn is_down(&self, service: Service, now: u64) -> bool {
        now < self.calm_from
            && self.outages[service as usize].iter().any(|(from, to)| (*from..*to).contains(&now))
    }

    /// Time passes: children submit, executions stop, heartbeats are missed, records are collected.
    pub(crate) fn catch_up(&mut self) {
        let now = self.now();
        if self.livy_dies_at.is_some_and(|at| at <= now) {
            self.livy_dies_at = None;
            self.restart_livy(false);
        }
        if self.yarn_dies_at.is_some_and(|at| at <= now) {
            self.yarn_dies_at = None;
            self.restart_yarn();
        }
        let due: Vec<Child> = self.children.iter().filter(|child| child.submits_at <= now).cloned().collect();
        self.children.retain(|child| child.submits_at > now);
        for child in due.into_iter().filter(|child| !child.fails) {
            let id = format!("application_1_{:04}", self.apps.len() + 1);
            let end = match self.rng.u8(0..10) {
                0..=6 => AppEnd::Succeeded,
                7 | 8 => AppEnd::Failed,
                _ => AppEnd::Killed,
            };
            let ends_at = child.submits_at + self.rng.u64(1_000..400_000);
            self.tell(format!("{} starts for {}, will end {end:?}", id, child.tag));
            self.apps.push(App {
                id,
                tag: child.tag,
                started: child.submits_at,
                ends_at,
                end,
                killed_at: None,
                forgotten: false,
            });
        }
        for at in 0..self.tickets.len() {
            let ticket = &mut self.tickets[at];
            if !ticket.handed_out || ticket.answered.is_some() || ticket.dead.is_some() {
                continue;
            }
            let missed = ticket.beaten + HEARTBEAT_SECONDS;
            let stopped = ticket.stop_at.unwrap_or(u64::MAX);
            if missed.min(stopped) <= now {
                ticket.dead = Some(missed.min(stopped));
                let what = format!("{} dies", ticket.token);
                self.tell(what);
            }
        }
        for at in 0..self.records.len() {
            let record = self.records[at].clone();
            if record.ended.is_none() && !record.hollow {
                let child = self.children.iter().any(|child| child.tag == record.tag);
                let app = self.apps.iter().find(|app| app.tag == record.tag);
                let ended = match app.and_then(|app| app.ended(now)) {
                    Some((AppEnd::Succeeded, when)) => Some((BatchState::Success, when)),
                    Some((AppEnd::Failed, when)) => Some((BatchState::Dead, when)),
                    Some((AppEnd::Killed, when)) => Some((BatchState::Killed, when)),
                    None if !child && app.is_none() => Some((BatchState::Dead, now)),
                    None => None,
                };
                self.records[at].ended = ended;
            }
        }
        self.records.retain(|record| record.ended.as_ref().is_none_or(|(_, when)| when + RETAIN > now));
    }

    fn restart_livy(&mut self, recovery: bool) {
        self.catch_up();
        self.tell(format!("Livy restarts, recovery {recovery}"));
        if recovery {
            self.records.retain(|record| !record.hollow);
        } else {
            // Somebody else's batches get the numbers from 0 on, and succeed.
            let now = self.now();
            self.records = (0..3)
                .map(|id| Record {
                    id,
                    name: format!("stranger-{id}-{now}"),
                    tag: format!("stranger-{id}"),
                    hollow: false,
                    ended: Some((BatchState::Success, now)),
                })
                .collect();
            self.next_id = 3;
        }
    }

    fn restart_yarn(&mut self) {
        self.catch_up();
        let keeps = self.yarn_keeps;
        self.tell(format!("YARN restarts, keeps {keeps}"));
        self.yarn_started = self.now();
        if !keeps {
            let now = self.now();
            for app in &mut self.apps {
                // Without a store applications end with the ResourceManager, and nobody remembers them.
                app.killed_at = app.killed_at.or(Some(now));
                app.forgotten = true;
            }
        }
    }

    /// What goes wrong together: Livy loses the record of what it has just taken, while the application is on its way,
    /// and YARN is silent, or has forgotten, when somebody asks.
    fn misfortune(&mut self, submits_at: u64) {
        let at = self.now() + self.rng.u64(0..20_000);
        self.livy_dies_at = Some(at);
        self.answers_lost_until = self.now() + 30_000;
        match self.rng.u8(0..3) {
            0 => self.outages[Service::Yarn as usize].push((at, submits_at + self.rng.u64(60_000..200_000))),
            1 => self.yarn_dies_at = Some(submits_at + self.rng.u64(500..60_000)),
            _ => {}
        }
    }

    fn view(&self, record: &Record) -> BatchView {
        let app = self.apps.iter().find(|app| app.tag == record.tag);
        let state = match &record.ended {
            Some((state, _)) => state.clone(),
            None if app.is_some() => BatchState::Running,
            None => BatchState::Starting,
        };
        BatchView {
            id: record.id,
            name: record.name.clone(),
            state,
            application: app.map(|app| app.id.clone()),
            proxy_user: None,
            driver_log_url: None,
            tracking_url: None,
            hollow: record.hollow,
        }
    }

    fn application(&self, app: &App) -> Application {
        let ended = app.ended(self.now());
        Application {
            id: app.id.clone(),
            state: ended.map_or(AppState::Active, |(end, _)| AppState::Ended(end)),
            word: if ended.is_some() { "FINISHED" } else { "RUNNING" }.to_owned(),
            started: Timestamp(app.started),
            finished: ended.map(|(_, at)| Timestamp(at)),
            diagnostics: String::new(),
            tracking_url: None,
            log_url: None,
        }
    }

    fn apps_where(&self, wanted: impl Fn(&App) -> bool) -> Yarn {
        let found = self.apps.iter().filter(|app| !app.forgotten && wanted(app));
        Yarn::Answer(found.map(|app| self.application(app)).collect())
    }

    /// Livy takes a POST: a record, and a child that will submit, or one of the ways in which that goes wrong.
    fn take(&mut self, name: &str, tag: &str) -> Posted {
        if self.records.iter().any(|record| record.name == name) {
            return Posted::Unsure { answered: false, words: "Duplicate session name".to_owned() };
        }
        let calm = self.now() >= self.calm_from;
        let luck = if calm { 100 } else { self.rng.u8(0..100) };
        if luck < 5 {
            return Posted::NotNow("too many sessions".to_owned());
        }
        let (id, hollow) = (self.next_id, (5..10).contains(&luck));
        self.next_id += 1;
        self.records.push(Record { id, name: name.to_owned(), tag: tag.to_owned(), hollow, ended: None });
        if hollow {
            self.tell(format!("Livy answers 500 and keeps an empty record of {name}"));
            return Posted::Unsure { answered: true, words: "500".to_owned() };
        }
        // Some have much to upload.
        let takes =
            if self.rng.u8(0..6) == 0 { self.rng.u64(40_000..200_000) } else { self.rng.u64(500..40_000) };
        let (submits_at, fails) = (self.now() + takes, self.rng.u8(0..20) == 0);
        if !calm && self.rng.u8(0..4) == 0 {
            self.misfortune(submits_at);
        }
        self.children.push(Child { tag: tag.to_owned(), submits_at, fails });
        self.tell(format!("Livy takes {name} as batch {id}"));
        match self.records.last() {
            Some(record) => Posted::Accepted(self.view(record)),
            None => Posted::NotNow("nothing".to_owned()),
        }
    }

    pub(crate) fn is_dead(&mut self, token: &str) -> bool {
        self.catch_up();
        self.ticket(token).dead.is_some()
    }

    pub(crate) fn ticket(&mut self, token: &str) -> &mut Ticket {
        self.tickets.iter_mut().find(|ticket| ticket.token == token).expect("a known token")
    }
}

impl World for Sim {
    type Slot = ();

    fn now(&self) -> Timestamp {
        Timestamp(self.inner().now())
    }

    async fn write(&self, entry: &Entry) -> Result<(), Unwritable> {
        let _ = self.pass(None).await;
        let mut inner = self.inner();
        if inner.broken == Broken::NoWriteBeforePost && matches!(entry.state, State::Submitting { .. }) {
            return Ok(());
        }
        let text = serde_json::to_string(entry).expect("an entry is data");
        inner.tell(format!("disk: {} {}", entry.task, entry.state.name()));
        inner.disk.insert(entry.task.clone(), text);
        Ok(())
    }

    async fn forget(&self, task: &str) -> Result<(), Unwritable> {
        let _ = self.pass(None).await;
        let mut inner = self.inner();
        inner.tell(format!("disk: {task} is removed"));
        inner.disk.remove(task);
        Ok(())
    }

    async fn slot(&self) -> Result<(), Unreachable> {
        self.pass(Some(Service::Livy)).await
    }

    async fn post(&self, batch: &Batch) -> Posted {
        // Down: the connection does not come up. Lost: the request may be taken, late.
        let down = {
            let inner = self.inner();
            inner.is_down(Service::Livy, inner.now())
        };
        let arrived = self.pass(Some(Service::Livy)).await;
        if down {
            return Posted::NotNow("connection refused".to_owned());
        }
        let (name, tag) = (batch.name().to_owned(), tag_of(batch));
        if arrived.is_err() {
            let late = self.inner().rng.bool();
            if late {
                let (sim, pause) = (self.clone(), self.inner().rng.u64(1_000..25_000));
                tokio::spawn(async move {
                    sleep(Duration::from_millis(pause)).await;
                    sim.inner().take(&name, &tag);
                });
            }
            sleep(Duration::from_secs(10)).await;
            return Posted::Unsure { answered: false, words: "timed out".to_owned() };
        }
        let posted = self.inner().take(&name, &tag);
        if self.answer_lost().await {
            return Posted::Unsure { answered: false, words: "answer lost".to_owned() };
        }
        posted
    }

    async fn find(&self, name: &str) -> Result<Option<BatchView>, Unreachable> {
        self.pass(Some(Service::Livy)).await?;
        let mut inner = self.inner();
        inner.catch_up();
        Ok(inner.records.iter().find(|record| record.name == name).map(|record| inner.view(record)))
    }

    async fn log(&self, _name: &str) -> Result<Vec<String>, Unreachable> {
        self.pass(Some(Service::Livy)).await?;
        Ok(vec!["stdout: ".into(), "\nstderr: ".into(), "\nYARN Diagnostics: ".into()])
    }

    async fn delete(&self, name: &str) -> Result<Deleted, Unreachable> {
        self.pass(Some(Service::Livy)).await?;
        let mut inner = self.inner();
        inner.catch_up();
        let Some(at) = inner.records.iter().position(|record| record.name == name) else {
            return Ok(Deleted::NotFound);
        };
        let record = inner.records.remove(at);
        inner.tell(format!("Livy deletes {name}"));
        // DELETE says so also where it killed nothing.
        if inner.rng.u8(0..4) > 0 {
            let now = inner.now();
            for app in inner.apps.iter_mut().filter(|app| app.tag == record.tag) {
                app.killed_at = app.killed_at.or(Some(now));
            }
            inner.children.retain(|child| child.tag != record.tag);
        }
        Ok(Deleted::Gone)
    }

    async fn look(&self, run: &Run, seen: Option<&Sight>) -> Sight {
        let name = run.name.as_str();
        let number = match seen.map(|sight| &sight.livy) {
            Some(Look::Seen(view)) => Some(view.id),
            _ => None,
        };
        loop {
            sleep(Duration::from_secs(5)).await;
            let look = match self.pass(Some(Service::Livy)).await {
                Err(Unreachable(words)) => Look::Unreachable(words),
                Ok(()) => {
                    let mut inner = self.inner();
                    inner.catch_up();
                    let by_number = inner.broken == Broken::NoIdentity && number.is_some();
                    let found = inner
                        .records
                        .iter()
                        .find(
                            |record| if by_number { Some(record.id) == number } else { record.name == name },
                        )
                        .map(|record| inner.view(record));
                    match found {
                        Some(view) if by_number => {
                            Look::Seen(BatchView { name: name.to_owned(), ..view }.into())
                        }
                        Some(view) => Look::Seen(view.into()),
                        None => Look::Missing,
                    }
                }
            };
            let active = match self.pass(Some(Service::Yarn)).await {
                Err(_) => None,
                Ok(()) => match self.inner().apps_where(|app| app.tag == run.tag) {
                    Yarn::Answer(found) => {
                        Some(found.into_iter().filter(|app| app.state == AppState::Active).collect())
                    }
                    Yarn::Off | Yarn::Unreachable(_) => None,
                },
            };
            let look = Sight { livy: look, active };
            let live = matches!(&look.livy, Look::Seen(view) if matches!(view.state, BatchState::Starting | BatchState::Running));
            if !live || seen != Some(&look) {
                return look;
            }
        }
    }

    async fn tagged(&self, tag: &str) -> Yarn {
        let answer = self.pass(Some(Service::Yarn)).await;
        let mut inner = self.inner();
        inner.catch_up();
        match answer {
            Ok(()) => inner.apps_where(|app| app.tag == tag),
            Err(_) if inner.broken == Broken::SilenceIsAbsence => Yarn::Answer(Vec::new()),
            Err(Unreachable(words)) => Yarn::Unreachable(words),
        }
    }

    async fn application(&self, id: &str) -> Yarn {
        match self.pass(Some(Service::Yarn)).await {
            Ok(()) => {
                let mut inner = self.inner();
                inner.catch_up();
                inner.apps_where(|app| app.id == id)
            }
            Err(Unreachable(words)) => Yarn::Unreachable(words),
        }
    }

    async fn driver_log(&self, _: &str, _: &str) -> Result<Option<Vec<String>>, Unreachable> {
        self.pass(None).await?;
        Ok(None)
    }

    async fn memory(&self) -> Result<YarnMemory, Unreachable> {
        let answer = self.pass(Some(Service::Yarn)).await;
        let inner = self.inner();
        let believed = matches!(inner.broken, Broken::AnyMemory | Broken::SilenceIsAbsence);
        answer.or_else(
            |silence| if inner.broken == Broken::SilenceIsAbsence { Ok(()) } else { Err(silence) },
        )?;
        Ok(YarnMemory { started: Timestamp(inner.yarn_started), keeps: inner.yarn_keeps || believed })
    }

    async fn kill(&self, id: &str) -> Result<(), NotKilled> {
        self.pass(Some(Service::Yarn)).await.map_err(|Unreachable(words)| NotKilled::NotNow(words))?;
        let mut inner = self.inner();
        let now = inner.now();
        inner.tell(format!("YARN kills {id}"));
        for app in inner.apps.iter_mut().filter(|app| app.id == id) {
            app.killed_at = app.killed_at.or(Some(now));
        }
        Ok(())
    }

    async fn carried(&self, tag: &str) -> bool {
        let mut inner = self.inner();
        inner.catch_up();
        inner.broken != Broken::NoProcesses && inner.children.iter().any(|child| child.tag == tag)
    }

    async fn beat(&self, token: &Token) -> Beat {
        if let Err(Unreachable(words)) = self.pass(Some(Service::StepFunctions)).await {
            return Beat::Unanswered(words);
        }
        let mut inner = self.inner();
        inner.catch_up();
        let now = inner.now();
        let ticket = inner.ticket(token.secret());
        if ticket.answered.is_some() || ticket.dead.is_some() {
            return Beat::Dead("TaskTimedOut".to_owned());
        }
        ticket.beaten = now;
        Beat::Accepted
    }

    async fn report(&self, token: &Token, answer: &Answer) -> Reported {
        if let Err(Unreachable(words)) = self.pass(Some(Service::StepFunctions)).await {
            return Reported::Again(words);
        }
        {
            let mut inner = self.inner();
            inner.catch_up();
            let ticket = inner.ticket(token.secret());
            if ticket.answered.is_some() || ticket.dead.is_some() {
                return Reported::Closed("TaskTimedOut".to_owned());
            }
            ticket.answered = Some(matches!(answer, Answer::Success { .. }));
            let what = format!("{} is answered {answer:?}", token.secret());
            inner.tell(what);
        }
        if self.answer_lost().await {
            Reported::Again("answer lost".to_owned())
        } else {
            Reported::Acknowledged
        }
    }
}

/// The worker's own tag, the last of the batch's.
fn tag_of(batch: &Batch) -> String {
    let body = serde_json::to_value(batch).expect("a batch is data");
    let tags = body["conf"]["spark.yarn.tags"].as_str().unwrap_or_default();
    tags.rsplit(',').next().unwrap_or_default().to_owned()
}
