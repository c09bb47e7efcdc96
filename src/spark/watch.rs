//! One sweep for all running jobs: a single list of Livy's batches and one of YARN's active applications, however many
//! jobs run.
//!
//! Jobs register a run and are woken when something about it changes, or at each sweep while it is missing or ended; a
//! job that just runs costs no wake-up. Livy's sweep also tells whether Livy answers at all. The two go on side by side.
//!
//! A registered run costs its sight (about 600 bytes) and nothing per second.

mod news;

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, oneshot, watch};
use tokio::time::{Instant, sleep_until};

use super::connection::NoAnswer;
use super::livy::{Livy, Version};
use super::yarn::{Moving, ResourceManager};
use crate::job::machine::Run;
use crate::job::world::{Application, BatchState, BatchView, Look, Sight};
use news::News;

/// A ResourceManager has this long for the list.
const PATIENCE: Duration = Duration::from_secs(30);

/// Whether Livy answers.
#[derive(Debug, Clone, PartialEq)]
pub enum Health {
    /// Not asked yet.
    Unknown,
    /// It does.
    Up,
    /// It does not.
    Down {
        /// Since when.
        since: Instant,
        /// Why, in its or the connection's words.
        words: String,
    },
}

struct Watcher {
    tag: String,
    seen: Option<Sight>,
    tell: oneshot::Sender<Sight>,
}

/// What YARN's last sweep saw, by tag; `None` where it got no answer, or was not made yet.
type Moved = Option<HashMap<String, Tagged>>;

#[derive(Clone)]
struct Tagged {
    applications: Arc<[Application]>,
    name: String,
    progress: f32,
}

/// How far a job is by YARN's word.
#[derive(Debug, Clone, PartialEq)]
pub struct Progress {
    /// The batch's name.
    pub name: String,
    /// YARN's word for its state.
    pub word: String,
    /// In percent.
    pub percent: f32,
}

/// The shared sweeps: one of Livy, and one of YARN.
#[derive(Clone)]
pub struct Sweep {
    watchers: Arc<Mutex<HashMap<String, Box<Watcher>>>>,
    moved: Arc<Mutex<Moved>>,
    nothing: Arc<[Application]>,
    wake: Arc<[Notify; 2]>,
    health: watch::Sender<Health>,
}

impl Default for Sweep {
    fn default() -> Self {
        Sweep {
            watchers: Arc::default(),
            moved: Arc::default(),
            nothing: Arc::default(),
            wake: Arc::default(),
            health: watch::Sender::new(Health::Unknown),
        }
    }
}

impl Sweep {
    /// Whether Livy answers, from sweep to sweep.
    pub fn health(&self) -> watch::Receiver<Health> {
        self.health.subscribe()
    }

    /// How far the jobs are that YARN has, at its last sweep.
    pub fn progress(&self) -> Vec<Progress> {
        let moved = self.moved.lock().unwrap_or_else(PoisonError::into_inner);
        let mut all: Vec<Progress> = moved
            .iter()
            .flatten()
            .filter_map(|(_, tagged)| {
                let word = tagged.applications.first()?.word.clone();
                Some(Progress { name: tagged.name.clone(), word, percent: tagged.progress })
            })
            .collect();
        all.sort_by(|a, b| a.name.cmp(&b.name));
        all
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
        let mut news = News::default();
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
            let was_up = *self.health.borrow() == Health::Up;
            if answer.is_ok() && !was_up {
                // Whoever was away may have come back as another version.
                match livy.version().await {
                    Ok(version) if version.is_too_old() => return too_old(&version),
                    Ok(_) => {}
                    Err(silent) => answer = Err(silent),
                }
            }
            news.of_livy(&answer);
            self.note_health(&answer);
            match answer {
                Ok(views) => self.tell(&names, views, &Look::Missing),
                Err(reason) => self.tell(&names, Vec::new(), &Look::Unreachable(reason.words())),
            }
            moved(Some(Instant::now() + idle * 2 + interval * 2));
            self.pause(began, interval, idle).await;
        }
    }

    /// Sweeps YARN for ever, every `interval` while jobs run. `moved` as for Livy's sweep. A YARN that hangs delays
    /// nothing of Livy's.
    pub async fn run_yarn(self, yarn: ResourceManager, interval: Duration, moved: impl Fn(Option<Instant>)) {
        let mut news = News::default();
        loop {
            while self.watchers().is_empty() {
                moved(None);
                self.wake[1].notified().await;
            }
            let began = Instant::now();
            moved(Some(began + (PATIENCE + interval) * 2));
            let answer = yarn.active().await;
            news.of_yarn(&answer);
            self.tell_moved(answer.ok());
            sleep_until(began + interval).await;
        }
    }

    /// Until the next sweep is due. A job that registers ends the idle pause, not the interval.
    async fn pause(&self, began: Instant, interval: Duration, idle: Duration) {
        sleep_until(began + interval).await;
        let away = matches!(*self.health.borrow(), Health::Down { .. });
        if away || !self.watchers().is_empty() {
            return;
        }
        tokio::select! {
            () = sleep_until(began + idle) => {}
            () = self.wake[0].notified() => {}
        }
    }

    fn watchers(&self) -> MutexGuard<'_, HashMap<String, Box<Watcher>>> {
        self.watchers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn names(&self) -> HashSet<String> {
        self.watchers().keys().cloned().collect()
    }

    /// The active applications of a tag.
    fn active(&self, moved: &Moved, tag: &str) -> Option<Arc<[Application]>> {
        let moved = moved.as_ref()?;
        Some(
            moved
                .get(tag)
                .map_or_else(|| Arc::clone(&self.nothing), |tagged| Arc::clone(&tagged.applications)),
        )
    }

    /// Tells the watchers of `names`, those that registered before the question went out. What is among `views` was
    /// seen, and everything else is `absent`.
    fn tell(&self, names: &HashSet<String>, views: Vec<BatchView>, absent: &Look) {
        let mut unseen: HashSet<&str> = names.iter().map(String::as_str).collect();
        let mut watchers = self.watchers();
        let moved = self.moved.lock().unwrap_or_else(PoisonError::into_inner);
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
        let mut moved = self.moved.lock().unwrap_or_else(PoisonError::into_inner);
        *moved = answer.map(|found| found.into_iter().filter_map(tagged).collect());
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

    /// Only a change wakes who waits for one; the words are kept up to date.
    fn note_health<T>(&self, answer: &Result<T, NoAnswer>) {
        self.health.send_if_modified(|health| {
            let since = match health {
                Health::Down { since, .. } => Some(*since),
                Health::Unknown | Health::Up => None,
            };
            let (now, changed) = match answer {
                Ok(_) => (Health::Up, *health != Health::Up),
                Err(reason) => {
                    let words = reason.clone().words();
                    (Health::Down { since: since.unwrap_or_else(Instant::now), words }, since.is_none())
                }
            };
            *health = now;
            changed
        });
    }
}

fn too_old(version: &Version) -> String {
    format!(
        "Livy is {version}, and at least 0.7 is needed: before it names of batches are not unique or not shown, \
         so that a job cannot be found again"
    )
}

/// What is kept of a tag's applications: the progress is the oldest one's, which is ours.
fn tagged((tag, found): (String, Vec<Moving>)) -> Option<(String, Tagged)> {
    let (name, progress) = found.first().map(|moving| (moving.name.clone(), moving.progress))?;
    let applications = found.into_iter().map(|moving| moving.application).collect();
    Some((tag, Tagged { applications, name, progress }))
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
