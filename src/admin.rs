//! How an operator looks at the running daemon, and tells it that the node goes down: a control socket for `status`,
//! `history`, `logs`, `pause`, `resume` and `terminating`, and a loopback endpoint that only reads.

mod control;
mod finished;
mod http;
mod logs;
mod openmetrics;
mod overview;
mod page;
mod pausing;
mod table;
mod view;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, watch};
use tokio::task::{JoinError, spawn_blocking};
use tokio::time::{Instant, timeout};

use crate::cloudformation::errand::whose;
use crate::history::{FinishedTasks, History};
use crate::job::machine::Run;
use crate::job::places::Places;
use crate::job::sweep::{Health, Progress, Sweep};
use crate::job::tags;
use crate::job::timestamp::Timestamp;
use crate::job::world::World;
use crate::log::Drops;
use crate::pause::Pause;
use crate::registry::{HeldTask, Phase, TaskRegistry};
use crate::spark::addresses::AddressInUse;
use crate::world::RealWorld;

pub use control::{Control, Reply, Unanswered, ask, ask_for_log};
pub use finished::finished_table;
pub use http::Endpoint;
pub use logs::{FoundLog, LogAnswer, LogFile, LogPlace, LogQuestion, NoLog};
pub use overview::{Overview, PauseOverview};
pub use table::table;

/// So many jobs are named in `STATUS=`: a line is what `systemctl status` has room for.
const SHOWN: usize = 3;
/// What is asked of YARN on behalf of `status` may take so long.
const LOOK: Duration = Duration::from_secs(3);

/// An activity and how many jobs it may have.
#[derive(Debug)]
pub struct ActivityPlaces {
    /// Its ARN.
    pub arn: String,
    /// Its jobs' places.
    pub places: Places,
}

/// What does not change while the daemon runs.
#[derive(Debug)]
pub struct AdminInfo {
    /// The activities.
    pub activities: Vec<ActivityPlaces>,
    /// The queues that requests come through, by their topics.
    pub queues: Vec<ActivityPlaces>,
    /// The state directory.
    pub directory: PathBuf,
    /// What the log could not take.
    pub drops: Drops,
}

/// Sees everything that an operator is shown.
pub struct Admin {
    info: AdminInfo,
    world: Arc<RealWorld>,
    sweep: Sweep,
    registry: Arc<TaskRegistry>,
    history: Arc<History>,
    pause: Arc<Pause>,
    terminating: watch::Sender<bool>,
    readers: logs::Readers,
    /// Held while all tasks are written down: with thousands of them that takes megabytes.
    turn: Mutex<()>,
}

impl Admin {
    /// Looks at these.
    pub fn new(
        info: AdminInfo,
        world: &Arc<RealWorld>,
        sweep: &Sweep,
        registry: &Arc<TaskRegistry>,
        (history, pause): (&Arc<History>, &Arc<Pause>),
    ) -> Admin {
        let (world, sweep, registry) = (Arc::clone(world), sweep.clone(), Arc::clone(registry));
        let (history, pause, terminating) =
            (Arc::clone(history), Arc::clone(pause), watch::Sender::new(false));
        let turn = Mutex::default();
        let readers = logs::Readers::default();
        Admin { info, world, sweep, registry, history, pause, terminating, readers, turn }
    }

    /// Becomes true once somebody says that the node goes down for good.
    pub fn terminating(&self) -> watch::Receiver<bool> {
        self.terminating.subscribe()
    }

    /// The summary, made where it holds up no heartbeat: with thousands of tasks it takes milliseconds.
    ///
    /// # Errors
    /// Where a bug keeps it from being made.
    pub async fn summed_up(self: &Arc<Admin>) -> Result<Overview, JoinError> {
        let admin = Arc::clone(self);
        spawn_blocking(move || admin.summary()).await
    }

    /// How things are, without a line for each task.
    fn summary(&self) -> Overview {
        let (now, sweep) = (Instant::now(), &self.sweep);
        let (livy_took, yarn_took) = sweep.took();
        let held = self.registry.all();
        let is_held = |id: &str| held.binary_search_by(|held| held.task.id.as_str().cmp(id)).is_ok();
        let (moving, moving_count) = sweep.first(SHOWN, |tag| tags::task_of(tag).is_some_and(is_held));
        let phase = match self.registry.phase() {
            Phase::Serving => "serving",
            Phase::Stopping => "stopping",
            Phase::Terminating => "terminating",
        };
        let mut overview = Overview {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            phase: phase.to_owned(),
            activities: self.info.activities.iter().map(|places| self.activity(places, now)).collect(),
            queues: self.info.queues.iter().map(|places| self.queue(places, now)).collect(),
            livy: service(self.world.livy.place(), &sweep.health().borrow(), livy_took, now),
            yarn: service(self.world.yarn.place(), &sweep.yarn_health().borrow(), yarn_took, now),
            state_directory: overview::DirectoryOverview {
                path: self.info.directory.display().to_string(),
                writable: *self.world.disk.borrow(),
            },
            moving: moving.iter().map(moving_of).collect(),
            moving_count,
            paused: self.paused(),
            ..Overview::default()
        };
        count(&held, &mut overview, now);
        overview.problems = overview.find_problems();
        overview.status = overview.line();
        overview
    }

    /// How things are, task by task.
    pub fn overview(&self) -> Overview {
        let (now, wall) = (Instant::now(), self.world.now());
        let at = self.registry.statements();
        let held = self.registry.all();
        let tasks = held.iter().map(|held| self.task(held, at.get(&held.task.id), now, wall)).collect();
        Overview { tasks, strangers: self.strangers(), ..self.summary() }
    }

    /// Asks YARN now. One that hangs is shown as it was last seen.
    async fn ask_yarn(&self) {
        if self.world.has_yarn() {
            let _ = timeout(LOOK, self.sweep.ask_yarn(&*self.world)).await;
        }
    }

    /// What is shown of all tasks, made where it holds up no heartbeat; one after the other.
    ///
    /// # Errors
    /// Where a bug keeps it from being made.
    async fn shown<T: Send + 'static>(
        self: &Arc<Admin>,
        make: impl FnOnce(&Admin) -> T + Send + 'static,
    ) -> Result<T, JoinError> {
        let _turn = self.turn.lock().await;
        let admin = Arc::clone(self);
        spawn_blocking(move || make(&admin)).await
    }

    /// The tasks that have ended lately.
    fn finished(&self) -> FinishedTasks {
        self.history.shown()
    }

    /// All counts and times as OpenMetrics text.
    fn metrics(&self) -> String {
        openmetrics::encode(&self.world.metrics, &self.summary(), &self.info.drops).unwrap_or_default()
    }

    /// Whether a tag is that of a task that is held.
    fn knows(&self, tag: &str) -> bool {
        tags::task_of(tag).is_some_and(|id| self.registry.holds(id))
    }

    /// Whether a tag is that of a job that a stack has waited for, and that was left alone then.
    fn stands(&self, tag: &str) -> bool {
        let door = self.world.door.as_ref();
        tags::task_of(tag).is_some_and(|id| door.is_some_and(|door| door.resources.stands(id)))
    }

    fn activity(&self, served: &ActivityPlaces, now: Instant) -> overview::ActivityOverview {
        let mut polls = self.registry.polls(&served.arn);
        if polls.open == 0 && self.pause.paused().is_some() {
            // Of polls that nobody makes nothing can be wrong.
            (polls.waiting, polls.trouble) = (None, None);
        }
        overview::ActivityOverview {
            arn: served.arn.clone(),
            places: served.places.total(),
            free: served.places.free(),
            open_polls: polls.open,
            last_poll: polls.completed.map(|at| seconds(at, now)),
            unanswered: polls.waiting.map(|since| seconds(since, now)),
            trouble: polls.trouble.map(|trouble| overview::TroubleOverview {
                condition: trouble.trouble.condition.describe().to_owned(),
                reason: trouble.trouble.reason,
                seconds: seconds(trouble.since, now),
            }),
        }
    }

    fn queue(&self, served: &ActivityPlaces, now: Instant) -> overview::QueueOverview {
        let receives = self.registry.receives(&served.arn);
        overview::QueueOverview {
            topic: served.arn.clone(),
            places: served.places.total(),
            free: served.places.free(),
            last_receive: receives.completed.map(|at| seconds(at, now)),
            unanswered: receives.waiting.map(|since| seconds(since, now)),
            trouble: receives.trouble.map(|trouble| overview::TroubleOverview {
                condition: trouble.condition.to_owned(),
                reason: trouble.reason,
                seconds: seconds(trouble.since, now),
            }),
        }
    }

    fn task(
        &self,
        held: &HeldTask,
        at: Option<&(u16, u16)>,
        now: Instant,
        wall: Timestamp,
    ) -> overview::TaskOverview {
        let run = held.run.as_deref();
        let progress = run.and_then(|run| self.sweep.progress(&run.tag));
        let document = held.task.document.as_ref();
        let (stack, resource) = document
            .and_then(|document| whose(&document.form))
            .map(|whose| (whose.stack, whose.logical))
            .unzip();
        overview::TaskOverview {
            stack,
            resource,
            task: held.task.id.clone(),
            execution: held.task.execution.clone(),
            activity: held.task.activity.as_ref().to_owned(),
            job: run.map(|run| run.name.clone()).filter(|name| !name.is_empty()),
            state: held.stage.as_str().to_owned(),
            batch: run.and_then(Run::batch),
            session: run.and_then(Run::session),
            statement: at.map(|at| at.0),
            statements: at.map(|at| at.1),
            application: run.and_then(|run| run.application.clone()),
            yarn_state: progress.as_ref().map(|progress| progress.word.clone()),
            percent: progress.as_ref().map(percent),
            memory_seconds: progress.as_ref().and_then(|progress| progress.memory_seconds),
            vcore_seconds: progress.as_ref().and_then(|progress| progress.vcore_seconds),
            tracking_url: progress.as_ref().and_then(|progress| progress.tracking_url.clone()),
            driver_log_url: progress.and_then(|progress| progress.log_url),
            age: view::age(held, now, wall).as_secs(),
            heartbeat: held.is_beaten_for().then(|| seconds(held.last_heartbeat, now)),
        }
    }
}

fn count(held: &[HeldTask], overview: &mut Overview, now: Instant) {
    let mut states = BTreeMap::<&'static str, usize>::new();
    for held in held {
        *states.entry(held.stage.as_str()).or_default() += 1;
        if held.is_beaten_for() {
            let age = now.saturating_duration_since(held.last_heartbeat);
            overview.oldest_heartbeat = overview.oldest_heartbeat.max(Some(age.as_secs()));
            overview.late_heartbeats += usize::from(view::is_late(held, now));
        }
    }
    overview.states = states.into_iter().map(|(state, count)| (state.to_owned(), count)).collect();
}

fn service(
    place: AddressInUse,
    health: &Health,
    took: Option<Duration>,
    now: Instant,
) -> overview::ServiceOverview {
    let down = match health {
        Health::Down { since, reason } => Some((reason.clone(), seconds(*since, now))),
        Health::Up | Health::Unknown => None,
    };
    overview::ServiceOverview {
        url: place.url,
        source: place.source,
        up: (*health != Health::Unknown).then_some(down.is_none()),
        reason: down.as_ref().map(|(reason, _)| reason.clone()),
        seconds: down.map(|(_, seconds)| seconds),
        sweep_millis: took.map(|took| u64::try_from(took.as_millis()).unwrap_or(u64::MAX)),
    }
}

fn moving_of(progress: &Progress) -> overview::JobProgress {
    overview::JobProgress {
        name: progress.name.clone(),
        state: progress.word.clone(),
        percent: percent(progress),
    }
}

/// Whole percents; YARN says -1 or NaN where it knows none.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to 0..=100 before")]
fn percent(progress: &Progress) -> u8 {
    progress.percent.clamp(0.0, 100.0).round() as u8
}

fn seconds(since: Instant, now: Instant) -> u64 {
    now.saturating_duration_since(since).as_secs()
}
