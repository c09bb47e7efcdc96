//! One sweep for all running jobs: a single list of Livy's batches and one of YARN's active applications, however many
//! jobs run; and while sessions do, one of Livy's sessions.
//!
//! Jobs register a run and are woken when something about it changes; a job that just runs costs no wake-up. Livy's
//! sweep also tells whether Livy answers at all, and YARN's whether YARN does. The two go on side by side. Whom an
//! answer wakes is decided in `watchers.rs`, without I/O.
//!
//! A registered run costs its last observation (about 600 bytes) and no work per second.

mod clock;
mod health;
mod hiding;
mod news;
mod progress;
mod said;
mod watchers;

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, oneshot, watch};
use tokio::task::yield_now;
use tokio::time::{Instant, sleep, sleep_until};
use tracing::{error, info, warn};

use super::application::Active;
use super::machine::Run;
use super::world::{BatchView, LivyAnswer, Observed, ServiceError, Unwritable, World};
use crate::log::message_id;

pub use health::Health;
pub use progress::Progress;
pub use watchers::SweepNumber;

use clock::{Clock, ServiceKind};
use health::Service;
use hiding::Hiding;
use said::LivySaid;
use watchers::{Part, Watchers};

/// YARN counts as silent once its first unanswered question is so old: one lost answer stops no polls.
const YARN_GRACE: Duration = Duration::from_secs(10);

/// How often the sweeps are made.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// While jobs run, or a service is away.
    pub interval: Duration,
    /// While none does.
    pub idle: Duration,
}

type JobWatchers = Watchers<oneshot::Sender<Observed>>;

struct Shared {
    pace: Pace,
    began: Instant,
    watchers: Mutex<JobWatchers>,
    clock: Mutex<Clock>,
    yarn_clock: Mutex<Clock>,
    hiding: Mutex<Hiding>,
    wake_livy: Notify,
    wake_yarn: Notify,
    unsupported: Mutex<Option<String>>,
    livy: Service,
    yarn: Service,
}

/// The shared sweeps: one of Livy, and one of YARN. Copies share everything.
#[derive(Clone)]
pub struct Sweep(Arc<Shared>);

impl Sweep {
    /// Sweeps that are still to be [run](Sweep::run).
    pub fn new(pace: Pace) -> Sweep {
        Sweep(Arc::new(Shared {
            pace,
            began: Instant::now(),
            watchers: Mutex::default(),
            clock: Mutex::default(),
            yarn_clock: Mutex::new(Clock::of_yarn()),
            hiding: Mutex::default(),
            wake_livy: Notify::new(),
            wake_yarn: Notify::new(),
            unsupported: Mutex::default(),
            livy: Service::new(Duration::ZERO),
            yarn: Service::new(YARN_GRACE),
        }))
    }

    /// Whether Livy answers, from sweep to sweep.
    pub fn health(&self) -> watch::Receiver<Health> {
        self.0.livy.health.subscribe()
    }

    /// Whether YARN answers, from sweep to sweep.
    pub fn yarn_health(&self) -> watch::Receiver<Health> {
        self.0.yarn.health.subscribe()
    }

    /// Why the Livy that answers cannot be served, where that is so.
    pub fn unsupported(&self) -> Option<String> {
        locked(&self.0.unsupported).clone()
    }

    /// How long the last answered sweeps of Livy and of YARN took.
    pub fn took(&self) -> (Option<Duration>, Option<Duration>) {
        (*locked(&self.0.livy.took), *locked(&self.0.yarn.took))
    }

    /// How far the job of a tag was at YARN's last sweep.
    pub fn progress(&self, tag: &str) -> Option<Progress> {
        let seen = self.watchers().moved()?;
        seen.of(tag)
    }

    /// The first `most` jobs by name, among the tags that are `wanted`, at YARN's last sweep, and how many there are.
    pub fn first(&self, most: usize, wanted: impl Fn(&str) -> bool) -> (Vec<Progress>, usize) {
        let seen = self.watchers().moved();
        seen.map(|seen| seen.first(most, wanted)).unwrap_or_default()
    }

    /// The applications with a tag of ours that are not `known`, at YARN's last sweep; `None` where that is older than
    /// `age` or had no answer.
    pub fn strangers(&self, age: Duration, known: impl Fn(&str) -> bool) -> Option<Vec<Progress>> {
        let now = self.elapsed();
        let seen = self.watchers().moved().filter(|seen| !seen.is_older_than(age, now))?;
        Some(seen.first(usize::MAX, |tag| !known(tag)).0)
    }

    /// Time since the process began: no step of the wall clock changes it.
    pub fn elapsed(&self) -> Duration {
        self.0.began.elapsed()
    }

    /// The reading of the clock that runs while Livy and YARN both answer.
    pub fn answered(&self) -> Duration {
        locked(&self.0.clock).reading()
    }

    /// The reading of the one that runs while YARN answers.
    pub fn answered_by_yarn(&self) -> Duration {
        locked(&self.0.yarn_clock).reading()
    }

    /// The sweep of YARN that began last: a list that has to show what is known now is a later one.
    pub fn number(&self) -> SweepNumber {
        self.watchers().begun()
    }

    /// Whether YARN's lists prove no absence.
    pub fn hides(&self) -> bool {
        locked(&self.0.hiding).is_on()
    }

    /// Begins with the hidden applications that an earlier process has kept.
    pub fn resume_hidden(&self, ids: Vec<String>) {
        if !ids.is_empty() {
            info!(
                message_id = message_id::YARN_HIDES,
                "YARN hid applications from the worker before it was started: its lists prove nothing until they show a \
                 job of the worker's"
            );
        }
        locked(&self.0.hiding).resume(ids);
    }

    /// YARN does not show an application of ours that it has, for the reason in words.
    pub fn hidden(&self, id: &str, reason: &str) {
        if locked(&self.0.hiding).note(id) {
            error!(
                message_id = message_id::YARN_HIDES,
                yarn_application_id = id,
                "YARN hides applications from the worker ({reason}): its lists prove nothing until they show {id} or \
                 another job; let the worker's user view all applications (yarn.acl.enable, \
                 yarn.webapp.filter-entity-list-by-user, yarn.admin.acl)"
            );
        }
    }

    /// What the next sweeps see of `run` once that differs from `seen`. What is known of the run was known at `since`.
    pub async fn look(&self, run: &Run, since: SweepNumber, seen: Option<&Observed>) -> Observed {
        let (tell, told) = oneshot::channel();
        self.watchers().enter(run, since, seen.cloned(), tell);
        self.0.wake_livy.notify_one();
        self.0.wake_yarn.notify_one();
        let _leave = LeaveOnDrop { sweep: self, name: &run.name };
        // The sender is dropped only with the whole sweep, at the end of the process.
        let ended = || LivyAnswer::Unreachable("the sweep has ended".to_owned());
        told.await.unwrap_or_else(|_| Observed { livy: ended(), active: None, missing: false })
    }

    /// Sweeps Livy without end: every interval while jobs run or Livy is away, else at the idle pace. `moved` is told by
    /// when the next sweep must have ended; not of one that has begun, whose requests have timeouts of their own.
    pub async fn run<W: World>(self, world: Arc<W>, moved: impl Fn(Option<Instant>)) {
        let Pace { interval, idle } = self.0.pace;
        loop {
            let began = Instant::now();
            let names = Arc::new(self.watchers().names());
            moved(None);
            let answer = world.batches(Arc::clone(&names)).await;
            self.note_livy(began, &answer, world.livy_unsupported());
            self.note(ServiceKind::Livy, answer.is_ok(), &*world);
            self.said(&names, answer).await;
            self.ask_sessions(&*world).await;
            moved(Some(Instant::now() + idle * 2 + interval * 2));
            self.pause(began, &self.0.livy, &self.0.wake_livy).await;
        }
    }

    /// One list of Livy's sessions, where anybody waits for one. Whether Livy answers, its list of batches says.
    async fn ask_sessions<W: World>(&self, world: &W) {
        let names = self.watchers().sessions();
        if names.is_empty() {
            return;
        }
        let names = Arc::new(names);
        let answer = Box::pin(world.sessions(Arc::clone(&names))).await;
        self.said(&names, answer).await;
    }

    /// Tells each job that Livy was asked for what it said, and lets others have their turn meanwhile.
    async fn said(&self, names: &HashSet<String>, answer: Result<Vec<BatchView>, ServiceError>) {
        let said = LivySaid::new(answer.map_err(ServiceError::reason));
        self.tell(|watchers, after| watchers.livy(names, &said, after)).await;
    }

    async fn tell(&self, look: impl Fn(&mut JobWatchers, Option<&str>) -> Part<oneshot::Sender<Observed>>) {
        let mut after: Option<String> = None;
        loop {
            let Part { told, next } = look(&mut self.watchers(), after.as_deref());
            for (tell, observation) in told {
                // A job that has just left wants no news.
                let _ = tell.send(observation);
            }
            if next.is_none() {
                return;
            }
            after = next;
            yield_now().await;
        }
    }

    /// Sweeps YARN without end, at the same pace. `moved` as for Livy's sweep. A YARN that hangs delays nothing of
    /// Livy's.
    pub async fn run_yarn<W: World>(self, world: Arc<W>, moved: impl Fn(Option<Instant>)) {
        let Pace { interval, idle } = self.0.pace;
        loop {
            let began = Instant::now();
            moved(None);
            self.ask_yarn(&*world).await;
            moved(Some(Instant::now() + idle * 2 + interval * 2));
            self.pause(began, &self.0.yarn, &self.0.wake_yarn).await;
        }
    }

    /// One sweep of YARN.
    pub async fn ask_yarn<W: World>(&self, world: &W) {
        let began = Instant::now();
        let number = self.watchers().begin();
        let before = self.watchers().moved().map(|seen| Arc::clone(&seen.active));
        let answer = world.active(before).await;
        locked(&self.0.yarn.news).of_yarn(&answer);
        self.0.yarn.note(began, &answer);
        self.note(ServiceKind::Yarn, answer.is_ok(), world);
        self.heard(number, answer.ok());
        self.keep_hidden(world).await;
        self.tell(Watchers::of_yarn).await;
    }

    /// A restart must know what YARN hides: without that it would believe the next list.
    async fn keep_hidden<W: World>(&self, world: &W) {
        let Some(ids) = locked(&self.0.hiding).unsaved() else { return };
        if let Err(Unwritable(reason)) = world.keep_hidden(ids).await {
            warn!(message_id = message_id::DISK, "what YARN hides cannot be kept: {reason}; trying again");
            locked(&self.0.hiding).not_saved();
        }
    }

    /// Keeps what a sweep of YARN saw.
    fn heard(&self, number: SweepNumber, answer: Option<Active>) {
        let now = self.elapsed();
        let mut watchers = self.watchers();
        watchers.yarn(number, answer, now);
        let shown = watchers.moved().is_some_and(|seen| {
            let mut hiding = locked(&self.0.hiding);
            hiding.is_on() && hiding.shown(&seen.ids(), |id| watchers.follows(id))
        });
        if shown {
            info!(message_id = message_id::YARN_HIDES, "YARN shows the worker's applications again");
        }
    }

    /// Takes note of whether Livy may be given jobs. One that is not supported may not; its records are believed all the same.
    fn note_livy<T>(&self, began: Instant, answer: &Result<T, ServiceError>, unsupported: Option<String>) {
        let usable = match (answer, unsupported) {
            (Ok(_), None) => Ok(()),
            (Ok(_), Some(why)) => Err(ServiceError::Unsupported(why)),
            (Err(reason), _) => Err(reason.clone()),
        };
        locked(&self.0.livy.news).of_livy(&usable);
        self.0.livy.note(began, &usable);
        *locked(&self.0.unsupported) = match usable {
            Err(ServiceError::Unsupported(reason)) => Some(reason),
            Ok(()) | Err(ServiceError::Unavailable(_) | ServiceError::AccessDenied(_)) => None,
        };
    }

    fn note(&self, asked: ServiceKind, answered: bool, world: &impl World) {
        let now = self.elapsed();
        let (interval, has_yarn) = (self.0.pace.interval, world.has_yarn());
        locked(&self.0.clock).note(asked, answered, now, interval, has_yarn);
        if asked == ServiceKind::Yarn {
            locked(&self.0.yarn_clock).note(asked, answered, now, interval, has_yarn);
        }
    }

    /// Until the next sweep of a service is due. A job that registers ends the idle pause, not the interval.
    async fn pause(&self, began: Instant, service: &Service, wake: &Notify) {
        let Pace { interval, idle } = self.0.pace;
        sleep_until(began + interval).await;
        let away = matches!(*service.health.borrow(), Health::Down { .. });
        if away || !self.watchers().is_empty() {
            return;
        }
        tokio::select! {
            biased;
            () = sleep(idle.saturating_sub(began.elapsed())) => {}
            () = wake.notified() => {}
        }
    }

    fn watchers(&self) -> MutexGuard<'_, JobWatchers> {
        locked(&self.0.watchers)
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Takes a watcher out when its job no longer listens.
struct LeaveOnDrop<'a> {
    sweep: &'a Sweep,
    name: &'a str,
}

impl Drop for LeaveOnDrop<'_> {
    fn drop(&mut self) {
        self.sweep.watchers().leave(self.name);
    }
}
