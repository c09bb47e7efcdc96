//! One sweep for all running jobs: a single list of Livy's batches and one of YARN's active applications, however many
//! jobs run.
//!
//! Jobs register a run and are woken when something about it changes, or at each sweep while it is missing or ended; a
//! job that just runs costs no wake-up. Livy's sweep also tells whether Livy answers at all. The two go on side by side.
//!
//! A registered run costs its sight (about 600 bytes) and nothing per second.

mod health;
mod news;
mod progress;

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, oneshot, watch};
use tokio::time::{Instant, sleep, sleep_until};

use super::livy::{Livy, Version};
use super::yarn::{Moving, ResourceManager};
use crate::job::machine::Run;
use crate::job::world::{Application, BatchState, BatchView, Look, Sight};

pub use health::Health;
pub use progress::Progress;

use health::Service;
use progress::Seen;

/// A ResourceManager has this long for the list.
const PATIENCE: Duration = Duration::from_secs(30);

struct Watcher {
    tag: String,
    seen: Option<Sight>,
    tell: oneshot::Sender<Sight>,
}

/// What YARN's last sweep saw; `None` where it got no answer, or was not made yet.
type Moved = Option<Seen>;

/// The shared sweeps: one of Livy, and one of YARN.
#[derive(Clone, Default)]
pub struct Sweep {
    watchers: Arc<Mutex<HashMap<String, Box<Watcher>>>>,
    moved: Arc<Mutex<Moved>>,
    nothing: Arc<[Application]>,
    wake: Arc<[Notify; 2]>,
    livy: Service,
    yarn: Service,
}

impl Sweep {
    /// Whether Livy answers, from sweep to sweep.
    pub fn health(&self) -> watch::Receiver<Health> {
        self.livy.health.subscribe()
    }

    /// Whether YARN answered its last sweep.
    pub fn yarn_health(&self) -> Health {
        self.yarn.health.borrow().clone()
    }

    /// How long the last answered sweeps of Livy and of YARN took.
    pub fn took(&self) -> (Option<Duration>, Option<Duration>) {
        (*locked(&self.livy.took), *locked(&self.yarn.took))
    }

    /// How far the job of a tag was at YARN's last sweep.
    pub fn progress(&self, tag: &str) -> Option<Progress> {
        locked(&self.moved).as_ref()?.of(tag)
    }

    /// The first `most` jobs by name, among the tags that are `wanted`, at YARN's last sweep, and how many there are.
    pub fn first(&self, most: usize, wanted: impl Fn(&str) -> bool) -> (Vec<Progress>, usize) {
        locked(&self.moved).as_ref().map(|seen| seen.first(most, wanted)).unwrap_or_default()
    }

    /// The applications with a tag of ours that are not `known`, at YARN's last sweep; `None` where that is older than
    /// `age` or had no answer.
    pub fn strangers(&self, age: Duration, known: impl Fn(&str) -> bool) -> Option<Vec<Progress>> {
        let moved = locked(&self.moved);
        let seen = moved.as_ref().filter(|seen| !seen.is_older_than(age))?;
        Some(seen.first(usize::MAX, |tag| !known(tag)).0)
    }

    /// What the next sweeps see of `run`: at once where it is missing, ended or differs from `seen`, else on change.
    pub async fn look(&self, run: &Run, seen: Option<&Sight>) -> Sight {
        let (tell, told) = oneshot::channel();
        let watcher = Box::new(Watcher { tag: run.tag.clone(), seen: seen.cloned(), tell });
        self.watchers().insert(run.name.clone(), watcher);
        self.wake.iter().for_each(Notify::notify_one);
        let _leave = Leave { sweep: self, name: &run.name };
        // The sender is dropped only with the whole sweep, at the end of the process.
        let ended = || Look::Unreachable("the sweep has ended".to_owned());
        told.await.unwrap_or_else(|_| Sight { livy: ended(), active: None })
    }

    /// Sweeps Livy for ever: every `interval` while jobs run or Livy is away, else every `idle`. `moved` is told by when
    /// the next sweep must have ended. Ends only where Livy turns out to be one that cannot be served, and says why.
    pub async fn run(
        self,
        livy: Livy,
        interval: Duration,
        idle: Duration,
        moved: impl Fn(Option<Instant>),
    ) -> String {
        loop {
            let began = Instant::now();
            let names = Arc::new(self.names());
            moved(None);
            let mut answer = if names.is_empty() {
                livy.ping().await.map(|()| Vec::new())
            } else {
                let wanted = Arc::clone(&names);
                livy.list(move |name| wanted.contains(name)).await
            };
            let was_up = *self.livy.health.borrow() == Health::Up;
            if answer.is_ok() && !was_up {
                // Whoever was away may have come back as another version.
                match livy.version().await {
                    Ok(version) if version.is_too_old() => return too_old(&version),
                    Ok(_) => {}
                    Err(silent) => answer = Err(silent),
                }
            }
            locked(&self.livy.news).of_livy(&answer);
            self.livy.note(began, &answer);
            match answer {
                Ok(views) => self.tell(&names, views, &Look::Missing),
                Err(reason) => self.tell(&names, Vec::new(), &Look::Unreachable(reason.words())),
            }
            moved(Some(Instant::now() + idle * 2 + interval * 2));
            self.pause(began, interval, idle).await;
        }
    }

    /// Sweeps YARN for ever: every `interval` while jobs run, and every `idle` while it does not answer. `moved` as for
    /// Livy's sweep. A YARN that hangs delays nothing of Livy's.
    pub async fn run_yarn(
        self,
        yarn: ResourceManager,
        interval: Duration,
        idle: Duration,
        moved: impl Fn(Option<Instant>),
    ) {
        loop {
            while self.watchers().is_empty() {
                moved(None);
                let silent = matches!(self.yarn_health(), Health::Down { .. });
                tokio::select! {
                    () = self.wake[1].notified() => {}
                    () = sleep(idle), if silent => break,
                }
            }
            let began = Instant::now();
            moved(Some(began + (PATIENCE + interval) * 2));
            self.ask_yarn(&yarn).await;
            sleep_until(began + interval).await;
        }
    }

    /// One sweep of YARN.
    pub async fn ask_yarn(&self, yarn: &ResourceManager) {
        let began = Instant::now();
        let answer = yarn.active().await;
        locked(&self.yarn.news).of_yarn(&answer);
        self.yarn.note(began, &answer);
        self.tell_moved(answer.ok());
    }

    /// Until the next sweep is due. A job that registers ends the idle pause, not the interval.
    async fn pause(&self, began: Instant, interval: Duration, idle: Duration) {
        sleep_until(began + interval).await;
        let away = matches!(*self.livy.health.borrow(), Health::Down { .. });
        if away || !self.watchers().is_empty() {
            return;
        }
        tokio::select! {
            () = sleep_until(began + idle) => {}
            () = self.wake[0].notified() => {}
        }
    }

    fn watchers(&self) -> MutexGuard<'_, HashMap<String, Box<Watcher>>> {
        locked(&self.watchers)
    }

    fn names(&self) -> HashSet<String> {
        self.watchers().keys().cloned().collect()
    }

    /// The active applications of a tag.
    fn active(&self, moved: &Moved, tag: &str) -> Option<Arc<[Application]>> {
        Some(moved.as_ref()?.active(tag).unwrap_or_else(|| Arc::clone(&self.nothing)))
    }

    /// Tells the watchers of `names`, those that registered before the question went out. What is among `views` was
    /// seen, and everything else is `absent`.
    fn tell(&self, names: &HashSet<String>, views: Vec<BatchView>, absent: &Look) {
        let mut unseen: HashSet<&str> = names.iter().map(String::as_str).collect();
        let mut watchers = self.watchers();
        let moved = locked(&self.moved);
        let mut news = |name: &str, livy: Look| {
            let Some(watcher) = watchers.get(name) else { return };
            let sight = Sight { active: self.active(&moved, &watcher.tag), livy };
            let told = may_wait(&sight.livy) && watcher.seen.as_ref() == Some(&sight);
            if !told && let Some(watcher) = watchers.remove(name) {
                // A job that has just left wants no news.
                let _ = watcher.tell.send(sight);
            }
        };
        for view in views {
            if unseen.remove(view.name.as_str()) {
                let name = view.name.clone();
                news(&name, Look::Seen(view.into()));
            }
        }
        for name in unseen {
            news(name, absent.clone());
        }
    }

    /// Keeps what YARN's sweep saw, and tells those for whom it is news. Who has not heard of Livy yet hears both from
    /// Livy's sweep.
    fn tell_moved(&self, answer: Option<HashMap<String, Vec<Moving>>>) {
        let mut watchers = self.watchers();
        let mut moved = locked(&self.moved);
        *moved = answer.map(Seen::new);
        let changed: Vec<String> = watchers
            .iter()
            .filter(|(_, watcher)| {
                let active = self.active(&moved, &watcher.tag);
                watcher.seen.as_ref().is_some_and(|seen| seen.active != active)
            })
            .map(|(name, _)| name.clone())
            .collect();
        for name in changed {
            if let Some(watcher) = watchers.remove(&name)
                && let Some(seen) = watcher.seen
            {
                let _ = watcher.tell.send(Sight { active: self.active(&moved, &watcher.tag), ..seen });
            }
        }
    }
}

fn too_old(version: &Version) -> String {
    format!(
        "Livy is {version}, and at least 0.7 is needed: before it names of batches are not unique or not shown, \
         so that a job cannot be found again"
    )
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether a job learns nothing from seeing the same once more: only what is missing or ended has a clock.
fn may_wait(look: &Look) -> bool {
    match look {
        Look::Seen(view) => {
            matches!(view.state, BatchState::Starting | BatchState::Running | BatchState::Other(_))
        }
        Look::Unreachable(_) => true,
        Look::Missing => false,
    }
}

/// Takes a watcher out when its job no longer listens.
struct Leave<'a> {
    sweep: &'a Sweep,
    name: &'a str,
}

impl Drop for Leave<'_> {
    fn drop(&mut self) {
        self.sweep.watchers().remove(self.name);
    }
}
