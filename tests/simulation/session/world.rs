//! Livy, YARN and Step Functions around one task with statements, from a seed.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use fastrand::Rng;
use spark_job_worker::job::Task;
use spark_job_worker::job::application::{
    Active, AppEnd, AppState, Application, MovingApplication, YarnAnswer,
};
use spark_job_worker::job::journal;
use spark_job_worker::job::machine::{Records, State};
use spark_job_worker::job::report::Answer;
use spark_job_worker::job::timestamp::Timestamp;
use spark_job_worker::job::token::Token;
use spark_job_worker::job::world::{
    BatchView, Beat, Deleted, Heard, NotKilled, Posted, Reported, Said, ServiceError, SessionState,
    SessionView, StatementState, StatementView, TagOnNode, Unreachable, Unwritable, World, YarnRetention,
};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep};

use super::KIND;
use super::driver::Driver;
use super::ledger::{Invariant, Ledger};
use super::plan::{Broken, Mishap, Plan};
use crate::coverage::Coverage;
use crate::plan::{CALM, EPOCH, Millis, SECOND};

/// The worker's own limits.
const TIMEOUT: Duration = Duration::from_secs(30);
const STATEMENT: Duration = Duration::from_secs(10);
/// A driver without a Livy ends itself after this (`livy.rsc.server.idle-timeout`).
const WITHOUT_LIVY: Millis = 150 * SECOND;

/// What happens by itself.
#[derive(Debug)]
pub(super) enum Act {
    Takes { name: String, tag: String },
    Shows(usize),
    CallsBack(usize),
    Says { name: String, code: String },
    StatementEnds { app: usize, number: usize },
    Ends { app: usize, end: AppEnd },
    EndsAll(AppEnd),
    Restarts,
    Idles,
}

#[derive(Debug)]
pub(super) struct App {
    pub(super) id: String,
    tag: String,
    /// When it began, by the node's clock.
    wall: u64,
    /// YARN has it, and spark-submit has ended.
    shown: bool,
    pub(super) over: Option<(AppEnd, Millis)>,
    pub(super) driver: Driver,
    /// The driver has called back.
    connected: bool,
    /// The last activity, as Livy counts it.
    pub(super) active: Millis,
    deleted: bool,
}

#[derive(Debug)]
pub(super) struct Session {
    name: String,
    app: usize,
    id: u64,
    recovering_until: Millis,
}

pub(super) struct Inner {
    pub(super) at: Millis,
    pub(super) plan: Plan,
    pub(super) rng: Rng,
    pub(super) ledger: Ledger,
    pub(super) task: String,
    pub(super) sessions: Vec<Session>,
    next_session: u64,
    pub(super) apps: Vec<App>,
    acts: BTreeMap<(Millis, u64), Act>,
    serial: u64,
    pub(super) disk: Option<Vec<u8>>,
    pub(super) stage: &'static str,
    /// So many writes are left until the worker is killed.
    pub(super) writes_left: Option<u32>,
    pub(super) coverage: Coverage,
    story: Option<Vec<String>>,
}

/// The world, shared with every life of the worker.
#[derive(Clone)]
pub(super) struct Sim {
    began: Instant,
    inner: Arc<Mutex<Inner>>,
    /// The worker is about to be killed.
    pub(super) crash: Arc<Notify>,
}

impl Inner {
    pub(super) fn tell(&mut self, line: impl FnOnce() -> String) {
        let at = self.at;
        if let Some(story) = &mut self.story {
            story.push(format!("{:>9.3} {}", at as f64 / 1_000.0, line()));
        }
    }

    pub(super) fn take_story(&mut self) -> Vec<String> {
        self.story.take().unwrap_or_default()
    }

    pub(super) fn reach(&mut self, what: impl Into<Cow<'static, str>>) {
        self.coverage.hit(KIND, what, "");
    }

    pub(super) fn plan_act(&mut self, at: Millis, act: Act) {
        self.serial += 1;
        self.acts.insert((at.max(self.at), self.serial), act);
    }

    /// Lets happen what was due until now.
    fn advance(&mut self, now: Millis) {
        while let Some(first) = self.acts.first_key_value().map(|(key, _)| *key).filter(|key| key.0 <= now) {
            let Some(act) = self.acts.remove(&first) else { return };
            self.at = first.0;
            self.happens(act);
        }
        self.at = now;
    }

    fn happens(&mut self, act: Act) {
        if !matches!(act, Act::Idles) {
            self.tell(|| format!("{act:?}"));
        }
        match act {
            Act::Takes { name, tag } => {
                self.takes_session(&name, &tag);
            }
            Act::Shows(app) => {
                self.apps[app].shown = true;
                if self.ledger.settled {
                    self.violate(Invariant::EndsWithItsTask, "an application begins after its task");
                }
            }
            Act::CallsBack(app) if self.apps[app].over.is_none() => self.apps[app].connected = true,
            Act::CallsBack(_) => {}
            Act::Says { name, code } => {
                if let Ok(app) = self.speaks_to(&name) {
                    self.takes_statement(app, &code);
                }
            }
            Act::StatementEnds { app, number } => self.ends_statement(app, number),
            Act::Ends { app, end } => self.ends_app(app, end),
            Act::EndsAll(end) => (0..self.apps.len()).for_each(|app| self.ends_app(app, end)),
            Act::Restarts => self.restarts(),
            Act::Idles => self.collects_idle(),
        }
    }

    fn ends_app(&mut self, app: usize, end: AppEnd) {
        let at = self.at;
        if self.apps[app].over.is_none() {
            self.apps[app].over = Some((end, at));
            self.tell(|| format!("application {app} is {end:?}"));
        }
    }

    /// Livy takes a session; false where its name is taken.
    fn takes_session(&mut self, name: &str, tag: &str) -> bool {
        if self.sessions.iter().any(|session| session.name == name) {
            return false;
        }
        self.ledger.taken = true;
        let (at, app) = (self.at, self.apps.len());
        self.apps.push(App {
            id: format!("application_1_{app:04}"),
            tag: tag.to_owned(),
            wall: self.wall(),
            shown: false,
            over: None,
            driver: Driver::default(),
            connected: false,
            active: at,
            deleted: false,
        });
        self.sessions.push(Session {
            name: name.to_owned(),
            app,
            id: self.next_session,
            recovering_until: 0,
        });
        self.next_session += 1;
        let shown = at + self.rng.u64(2 * SECOND..9 * SECOND);
        self.plan_act(shown, Act::Shows(app));
        if !self.plan.has(Mishap::NeverIdle) {
            let back = shown + self.rng.u64(SECOND..15 * SECOND);
            self.plan_act(back, Act::CallsBack(app));
        }
        if self.plan.has(Mishap::AppKilled) {
            self.plan_act(at + self.plan.end, Act::Ends { app, end: AppEnd::Killed });
        }
        if self.plan.has(Mishap::AppFails) {
            self.plan_act(at + self.plan.end, Act::Ends { app, end: AppEnd::Failed });
        }
        true
    }

    fn restarts(&mut self) {
        if self.plan.has(Mishap::LivyForgets) {
            self.reach("Livy forgets");
            self.ledger.forgot = !self.sessions.is_empty() || self.ledger.forgot;
            self.sessions.clear();
            self.next_session = 0;
            return;
        }
        self.reach("Livy comes back");
        let at = self.at + self.rng.u64(SECOND..20 * SECOND);
        self.sessions.iter_mut().for_each(|session| session.recovering_until = at);
    }

    /// Livy ends what nobody has used for too long, whether or not a statement runs.
    fn collects_idle(&mut self) {
        self.plan_act(self.at + 10 * SECOND, Act::Idles);
        let (at, limit) = (self.at, self.plan.idle_timeout);
        if self.livy_is_away() {
            return;
        }
        let idle = |session: &Session, apps: &[App]| at.saturating_sub(apps[session.app].active) > limit;
        let found = self.sessions.iter().position(|session| idle(session, &self.apps));
        if let Some(place) = found {
            self.reach("Livy ends an idle session");
            let session = self.sessions.remove(place);
            self.asked_to_end(session.app);
        }
    }

    /// The driver is asked to end: it does where it can hear that.
    fn asked_to_end(&mut self, app: usize) {
        if !self.apps[app].connected {
            return;
        }
        let busy = self.apps[app].driver.running.is_some();
        let (after, end) = if busy { (10 * SECOND, AppEnd::Killed) } else { (SECOND, AppEnd::Succeeded) };
        self.plan_act(self.at + after, Act::Ends { app, end });
    }

    /// A statement is taken late, never, or twice, and nobody hears of it.
    fn takes_badly(&mut self, luck: u8, session: &str, code: &str) {
        let (now, late) = (self.at, self.at + self.rng.u64(0..40 * SECOND));
        let act = || Act::Says { name: session.to_owned(), code: code.to_owned() };
        match luck {
            0 => {
                self.reach("statement taken late");
                self.plan_act(late, act());
            }
            1 => self.reach("statement never taken"),
            _ => {
                self.reach("statement taken twice");
                self.plan_act(now, act());
                self.plan_act(late, act());
            }
        }
    }

    /// What the node's clock shows.
    fn wall(&self) -> u64 {
        let (set, by) = self.plan.set;
        (EPOCH + self.at).saturating_add_signed(if self.at >= set { by } else { 0 })
    }

    fn livy_is_away(&self) -> bool {
        self.plan.livy_away.is_on(self.at)
    }

    /// The application whose driver answers for a session.
    fn speaks_to(&mut self, name: &str) -> Result<usize, Said> {
        let found = self.sessions.iter().find(|session| session.name == name);
        let Some((app, recovering)) = found.map(|session| (session.app, session.recovering_until)) else {
            return Err(Said::NoSession);
        };
        let at = self.at;
        let here = &self.apps[app];
        if here.over.is_some_and(|(_, ended)| self.plan.notices && at > ended + 5 * SECOND) {
            return Err(Said::NotActive);
        }
        if here.over.is_some() {
            return Err(Said::Unsure("500 RPC channel is closed.".to_owned()));
        }
        if !here.connected || at < recovering {
            return Err(Said::NotNow("500 Session is in state starting".to_owned()));
        }
        Ok(app)
    }

    fn view(&self, session: &Session) -> SessionView {
        let app = &self.apps[session.app];
        let state = match app.over {
            Some((_, ended)) if self.plan.notices && self.at > ended + 5 * SECOND => SessionState::Killed,
            _ if self.at < session.recovering_until => SessionState::Recovering,
            _ if !app.connected => SessionState::Starting,
            _ if app.driver.died => SessionState::Error,
            _ if app.driver.running.is_some() => SessionState::Busy,
            // Also where its driver is gone.
            _ => SessionState::Idle,
        };
        SessionView {
            id: session.id,
            name: session.name.clone(),
            state,
            application: app.shown.then(|| app.id.clone()),
            proxy_user: None,
            driver_log_url: None,
            tracking_url: None,
        }
    }

    fn application(&self, app: &App) -> Application {
        let over = app.over.map(|(end, _)| end);
        let over = if app.deleted && self.plan.broken == Broken::DeletedIsDead {
            Some(AppEnd::Killed)
        } else {
            over
        };
        Application {
            id: app.id.clone(),
            state: over.map_or(AppState::Active, AppState::Ended),
            word: "RUNNING".to_owned(),
            started: Some(Timestamp(app.wall)),
            launched: None,
            finished: None,
            memory_seconds: None,
            vcore_seconds: None,
            diagnostics: String::new(),
            tracking_url: None,
            log_url: None,
        }
    }

    fn shown(&self, wanted: impl Fn(&App) -> bool) -> Vec<Application> {
        let shown = self.apps.iter().filter(|app| app.shown && wanted(app));
        shown.map(|app| self.application(app)).collect()
    }
}

impl Sim {
    pub(super) fn new(plan: Plan, rng: Rng, story: bool) -> Sim {
        let first = format!("{plan:?}");
        let mut inner = Inner {
            at: 0,
            plan,
            rng,
            ledger: Ledger::default(),
            task: String::new(),
            sessions: Vec::new(),
            next_session: 0,
            apps: Vec::new(),
            acts: BTreeMap::new(),
            serial: 0,
            disk: None,
            stage: "",
            writes_left: None,
            coverage: Coverage::default(),
            story: story.then(Vec::new),
        };
        inner.tell(|| first);
        if inner.plan.has(Mishap::LivyRestarts) || inner.plan.has(Mishap::LivyForgets) {
            inner.plan_act(inner.plan.restart, Act::Restarts);
        }
        let away = inner.plan.livy_away;
        if away.to - away.from > WITHOUT_LIVY {
            inner.plan_act(away.from + WITHOUT_LIVY, Act::EndsAll(AppEnd::Succeeded));
        }
        if inner.plan.has(Mishap::Idle) {
            inner.plan_act(10 * SECOND, Act::Idles);
        }
        Sim { began: Instant::now(), inner: Arc::new(Mutex::new(inner)), crash: Arc::default() }
    }

    pub(super) fn inner(&self) -> MutexGuard<'_, Inner> {
        let now = Millis::try_from(self.began.elapsed().as_millis()).expect("a short life");
        let mut inner = self.inner.lock().expect("nobody panics while looking");
        inner.advance(now);
        inner
    }

    /// As it was when its time ended.
    pub(super) fn inner_as_it_is(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().expect("nobody panics while looking")
    }

    /// A call takes a while; the worker may be killed meanwhile.
    async fn step(&self) {
        let pause = self.inner().rng.u64(1..40);
        sleep(Duration::from_millis(pause)).await;
    }

    /// Whether a mishap of a kind strikes now; nothing does once all is calm.
    fn strikes(&self, mishap: Mishap, one_of: u64) -> bool {
        let mut inner = self.inner();
        let luck = inner.rng.u64(0..one_of) == 0;
        inner.plan.has(mishap) && luck && inner.at < CALM
    }

    /// A call of Livy's; no answer where it is away, or is lost.
    async fn livy(&self, limit: Duration) -> Result<(), Unreachable> {
        self.step().await;
        if self.inner().livy_is_away() || self.strikes(Mishap::LostCalls, 12) {
            sleep(limit).await;
            return Err(Unreachable("timed out".to_owned()));
        }
        Ok(())
    }

    /// Whether the disk takes something now.
    fn disk(&self, what: &str) -> Result<(), Unwritable> {
        let mut inner = self.inner();
        if inner.plan.disk_full.is_on(inner.at) {
            inner.reach(format!("the disk does not take {what}"));
            return Err(Unwritable("no space left on device".to_owned()));
        }
        Ok(())
    }

    async fn yarn(&self) -> Result<(), Unreachable> {
        self.step().await;
        let away = {
            let inner = self.inner();
            inner.plan.yarn_away.is_on(inner.at)
        };
        if away || self.strikes(Mishap::LostCalls, 20) {
            sleep(TIMEOUT).await;
            return Err(Unreachable("timed out".to_owned()));
        }
        Ok(())
    }
}

impl World for Sim {
    fn now(&self) -> Timestamp {
        Timestamp(self.inner().wall())
    }

    async fn write(&self, task: &Task, state: &State) -> Result<(), Unwritable> {
        self.step().await;
        let is_said = matches!(state, State::Speaking { .. } | State::Listening { .. });
        let said = state.run().and_then(|run| run.said()).filter(|_| is_said);
        if self.disk(state.name()).is_err() {
            self.inner().ledger.unkept = said;
            return Err(Unwritable("no space left on device".to_owned()));
        }
        {
            let mut inner = self.inner();
            inner.ledger.unkept = None;
            inner.disk = Some(journal::encode(task, state).expect("a task is data"));
            inner.stage = state.name();
            inner.ledger.kept = said;
            let line = format!("journal: {} {:?}", state.name(), state.run().and_then(|run| run.step()));
            inner.tell(|| line);
            inner.writes_left = inner.writes_left.and_then(|left| left.checked_sub(1));
            if inner.writes_left == Some(0) {
                self.crash.notify_one();
            }
        }
        self.step().await;
        Ok(())
    }

    async fn forget(&self, _: &str) -> Result<(), Unwritable> {
        self.step().await;
        self.disk("nothing")?;
        self.inner().disk = None;
        self.step().await;
        Ok(())
    }

    async fn post(&self, records: Records, name: &str, body: &str) -> Posted {
        assert_eq!(records, Records::Sessions, "statements are no batch");
        let body: serde_json::Value = serde_json::from_str(body).expect("the body is JSON");
        let tags = body["conf"]["spark.yarn.tags"].as_str().expect("it has tags");
        let tag = tags.rsplit(',').next().unwrap_or_default().to_owned();
        let unsure = |reason: &str| Posted::Unsure { answered: false, reason: reason.to_owned() };
        self.step().await;
        if self.inner().livy_is_away() {
            return Posted::NotNow("connection refused".to_owned());
        }
        if self.strikes(Mishap::BadOpens, 3) {
            {
                let mut inner = self.inner();
                inner.reach("POST of a session taken late");
                let at = inner.at + inner.rng.u64(0..25 * SECOND);
                inner.plan_act(at, Act::Takes { name: name.to_owned(), tag });
            }
            sleep(TIMEOUT).await;
            return unsure("timed out");
        }
        let taken = {
            let mut inner = self.inner();
            if !inner.takes_session(name, &tag) {
                return Posted::Unsure { answered: true, reason: "400 Duplicate session name".to_owned() };
            }
            let session = inner.sessions.last().expect("it was taken");
            BatchView::from(inner.view(session))
        };
        if self.strikes(Mishap::BadOpens, 3) || self.strikes(Mishap::LostCalls, 10) {
            self.inner().reach("POST of a session without an answer");
            return unsure("connection reset");
        }
        self.step().await;
        Posted::Accepted(taken)
    }

    async fn batches(&self, names: Arc<HashSet<String>>) -> Result<Vec<BatchView>, ServiceError> {
        assert!(names.is_empty(), "there is no batch");
        Ok(self.livy(TIMEOUT).await.map(|()| Vec::new())?)
    }

    async fn sessions(&self, names: Arc<HashSet<String>>) -> Result<Vec<BatchView>, ServiceError> {
        self.livy(TIMEOUT).await?;
        let inner = self.inner();
        let found = inner.sessions.iter().filter(|session| names.contains(&session.name));
        Ok(found.map(|session| inner.view(session).into()).collect())
    }

    async fn active(&self, _: Option<Arc<Active>>) -> Result<Active, ServiceError> {
        self.yarn().await?;
        let inner = self.inner();
        let mut found = Active::default();
        for app in inner.apps.iter().filter(|app| app.shown) {
            let application = inner.application(app);
            if application.state == AppState::Active {
                let moving = MovingApplication {
                    name: "taxi".to_owned(),
                    progress: 10.0,
                    memory_seconds: None,
                    vcore_seconds: None,
                    application,
                };
                found.add(&app.tag, moving, None);
            }
        }
        Ok(found)
    }

    fn has_yarn(&self) -> bool {
        true
    }

    async fn find(&self, records: Records, name: &str) -> Result<Option<BatchView>, Unreachable> {
        assert_eq!(records, Records::Sessions, "statements are no batch");
        self.livy(TIMEOUT).await?;
        let inner = self.inner();
        let found = inner.sessions.iter().find(|session| session.name == name);
        Ok(found.map(|session| inner.view(session).into()))
    }

    async fn log(&self, _: Records, _: &str) -> Result<Vec<String>, Unreachable> {
        self.livy(TIMEOUT).await.map(|()| Vec::new())
    }

    async fn delete(&self, records: Records, name: &str) -> Result<Deleted, Unreachable> {
        assert_eq!(records, Records::Sessions, "statements are no batch");
        self.livy(TIMEOUT).await?;
        let in_vain = self.strikes(Mishap::BadDeletes, 1);
        let mut inner = self.inner();
        let Some(place) = inner.sessions.iter().position(|session| session.name == name) else {
            return Ok(Deleted::NotFound);
        };
        let app = inner.sessions.remove(place).app;
        inner.apps[app].deleted = true;
        inner.tell(|| "Livy deletes the session".to_owned());
        if in_vain || !inner.apps[app].connected {
            inner.reach("DELETE that ends nothing");
        } else {
            inner.asked_to_end(app);
        }
        Ok(Deleted::Gone)
    }

    async fn say(&self, session: &str, code: &str) -> Said {
        let mark = code.lines().next().unwrap_or_default().to_owned();
        {
            let mut inner = self.inner();
            let step: Option<u16> =
                mark.rsplit(' ').next().and_then(|step| step.trim_end_matches('?').parse().ok());
            // The marks and the interpreter's count are there for what a full disk did not take.
            if inner.ledger.kept != step && inner.ledger.unkept != step {
                let kept = inner.ledger.kept;
                inner
                    .violate(Invariant::RecordedBeforeSaid, format!("{mark} is said while {kept:?} is kept"));
            }
            inner.tell(|| format!("POST of {mark}"));
        }
        if let Err(Unreachable(reason)) = self.livy(STATEMENT).await {
            return Said::Unsure(reason);
        }
        let bad = self.strikes(Mishap::BadSays, 2);
        let luck = self.inner().rng.u8(0..4);
        if bad && luck != 3 {
            self.inner().takes_badly(luck, session, code);
            sleep(STATEMENT).await;
            return Said::Unsure("timed out".to_owned());
        }
        let taken = {
            let mut inner = self.inner();
            match inner.speaks_to(session) {
                Err(said) => return said,
                Ok(app) => {
                    inner.apps[app].active = inner.at;
                    let number = inner.takes_statement(app, code);
                    StatementView {
                        number,
                        mark,
                        state: StatementState::Under,
                        output: serde_json::Value::Null,
                    }
                }
            }
        };
        if bad {
            self.inner().reach("statement taken without an answer");
            return Said::Unsure("500 RPC".to_owned());
        }
        self.step().await;
        Said::Taken(taken)
    }

    async fn hear(&self, session: &str, number: u64) -> Heard {
        if let Err(Unreachable(reason)) = self.livy(STATEMENT).await {
            return Heard::Silent(reason);
        }
        let mut inner = self.inner();
        let app = match inner.speaks_to(session) {
            Ok(app) => app,
            Err(Said::NoSession) => return Heard::NoSession,
            Err(Said::NotActive) => return Heard::NotActive,
            Err(Said::NotNow(reason) | Said::Unsure(reason)) => return Heard::Silent(reason),
            Err(Said::Taken(_)) => return Heard::Nothing,
        };
        let at = usize::try_from(number).expect("few");
        let Some(statement) = inner.apps[app].driver.statements.get(at).cloned() else {
            return Heard::Nothing;
        };
        let state = if statement.is_over { StatementState::Available } else { StatementState::Under };
        // Livy's copy of a statement is not made at one moment.
        let is_torn = statement.is_over && inner.rng.u8(0..8) == 0;
        if is_torn {
            inner.reach("an end is seen without its output");
        }
        let output = if is_torn { serde_json::Value::Null } else { statement.output };
        Heard::Statement(StatementView { number, mark: statement.mark, state, output })
    }

    async fn keep(&self, session: &str) -> Result<(), Unreachable> {
        self.livy(TIMEOUT).await?;
        let mut inner = self.inner();
        if let Ok(app) = inner.speaks_to(session) {
            inner.apps[app].active = inner.at;
        }
        Ok(())
    }

    async fn tagged(&self, tag: &str) -> YarnAnswer {
        match self.yarn().await {
            Ok(()) => YarnAnswer::Answer(self.inner().shown(|app| app.tag == tag)),
            Err(Unreachable(reason)) => YarnAnswer::Unreachable(reason),
        }
    }

    async fn application(&self, id: &str) -> YarnAnswer {
        match self.yarn().await {
            Ok(()) => YarnAnswer::Answer(self.inner().shown(|app| app.id == id)),
            Err(Unreachable(reason)) => YarnAnswer::Unreachable(reason),
        }
    }

    async fn driver_log(&self, _: &str, _: &str) -> Result<Option<Vec<String>>, Unreachable> {
        Ok(Some(Vec::new()))
    }

    async fn yarn_retention(&self) -> Result<YarnRetention, Unreachable> {
        self.yarn().await.map(|()| YarnRetention { started: Timestamp(0), keeps: true })
    }

    async fn kill(&self, id: &str) -> Result<(), NotKilled> {
        if let Err(Unreachable(reason)) = self.yarn().await {
            return Err(NotKilled::NotNow(reason));
        }
        let mut inner = self.inner();
        inner.tell(|| format!("YARN kills {id}"));
        if let Some(app) = inner.apps.iter().position(|app| app.id == id) {
            let at = inner.at + inner.rng.u64(0..8 * SECOND);
            inner.plan_act(at, Act::Ends { app, end: AppEnd::Killed });
        }
        Ok(())
    }

    async fn tag_on_node(&self, tag: &str) -> TagOnNode {
        self.step().await;
        let submits = self.inner().apps.iter().any(|app| app.tag == tag && !app.shown);
        if submits { TagOnNode::Yes } else { TagOnNode::No }
    }

    async fn beat(&self, _: &str, _: &Token) -> Beat {
        self.step().await;
        let inner = self.inner();
        if inner.plan.has(Mishap::Stopped) && inner.at >= inner.plan.stop {
            return Beat::Dead("TaskTimedOut".to_owned());
        }
        Beat::Accepted
    }

    async fn report(&self, _: &str, _: &Token, answer: &Answer) -> Reported {
        self.step().await;
        let mut inner = self.inner();
        if inner.plan.has(Mishap::Stopped) && inner.at >= inner.plan.stop {
            return Reported::Closed("TaskTimedOut".to_owned());
        }
        let line = format!("told: {answer:?}").chars().take(200).collect::<String>();
        inner.tell(|| line);
        inner.answered(answer);
        Reported::Acknowledged
    }
}
