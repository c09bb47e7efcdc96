//! One sweep for all running jobs: a single list of batches, however many jobs run.
//!
//! Jobs register a name and are woken when something about it changes, or at each sweep while it is missing or ended; a
//! job that just runs costs no wake-up. The sweep also tells whether Livy answers at all.
//!
//! A registered name costs its look (about 300 bytes) and nothing per second.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, oneshot, watch};
use tokio::time::{Instant, sleep_until};
use tracing::{info, warn};

use super::livy::{Livy, Version};
use crate::job::world::{BatchState, BatchView, Look, Unreachable};
use crate::ops::telemetry::message_id;

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
    seen: Option<Look>,
    tell: oneshot::Sender<Look>,
}

/// The shared sweep.
#[derive(Clone)]
pub struct Sweep {
    watchers: Arc<Mutex<HashMap<String, Box<Watcher>>>>,
    wake: Arc<Notify>,
    health: watch::Sender<Health>,
}

impl Default for Sweep {
    fn default() -> Self {
        Sweep { watchers: Arc::default(), wake: Arc::default(), health: watch::Sender::new(Health::Unknown) }
    }
}

impl Sweep {
    /// Whether Livy answers, from sweep to sweep.
    pub fn health(&self) -> watch::Receiver<Health> {
        self.health.subscribe()
    }

    /// What the next sweep sees of `name`: at once where it is missing, ended or differs from `seen`, else on change.
    pub async fn look(&self, name: &str, seen: Option<&Look>) -> Look {
        let (tell, told) = oneshot::channel();
        let watcher = Box::new(Watcher { seen: seen.cloned(), tell });
        self.watchers.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned(), watcher);
        self.wake.notify_one();
        let _leave = Leave { sweep: self, name };
        // The sender is dropped only with the whole sweep, at the end of the process.
        told.await.unwrap_or_else(|_| Look::Unreachable("the sweep has ended".to_owned()))
    }

    /// Sweeps for ever: every `interval` while jobs run or Livy is away, else every `idle`. `moved` is told by when the
    /// next sweep must have ended. Ends only where Livy turns out to be one that cannot be served, and says why.
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
            let was_up = *self.health.borrow() == Health::Up;
            if answer.is_ok() && !was_up {
                // Whoever was away may have come back as another version.
                match livy.version().await {
                    Ok(version) if version.is_too_old() => return too_old(&version),
                    Ok(_) => {}
                    Err(silent) => answer = Err(silent),
                }
            }
            self.note_health(&answer);
            match answer {
                Ok(views) => self.tell(&names, views, &Look::Missing),
                Err(Unreachable(words)) => self.tell(&names, Vec::new(), &Look::Unreachable(words)),
            }
            moved(Some(Instant::now() + idle * 2 + interval * 2));
            self.pause(began, interval, idle).await;
        }
    }

    /// Until the next sweep is due. A job that registers ends the idle pause, not the interval.
    async fn pause(&self, began: Instant, interval: Duration, idle: Duration) {
        sleep_until(began + interval).await;
        let away = matches!(*self.health.borrow(), Health::Down { .. });
        if away || !self.watchers.lock().unwrap_or_else(PoisonError::into_inner).is_empty() {
            return;
        }
        tokio::select! {
            () = sleep_until(began + idle) => {}
            () = self.wake.notified() => {}
        }
    }

    fn names(&self) -> HashSet<String> {
        self.watchers.lock().unwrap_or_else(PoisonError::into_inner).keys().cloned().collect()
    }

    /// Tells the watchers of `names`, those that registered before the question went out. What is among `views` was
    /// seen, and everything else is `absent`.
    fn tell(&self, names: &HashSet<String>, views: Vec<BatchView>, absent: &Look) {
        let mut unseen: HashSet<&str> = names.iter().map(String::as_str).collect();
        let mut watchers = self.watchers.lock().unwrap_or_else(PoisonError::into_inner);
        let mut news = |name: &str, look: Look| {
            let told = watchers
                .get(name)
                .is_some_and(|watcher| may_wait(&look) && watcher.seen.as_ref() == Some(&look));
            if !told && let Some(watcher) = watchers.remove(name) {
                // A job that has just left wants no news.
                let _ = watcher.tell.send(look);
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

    fn note_health<T>(&self, answer: &Result<T, Unreachable>) {
        self.health.send_if_modified(|health| match (answer, &*health) {
            (Ok(_), Health::Up) => false,
            (Ok(_), Health::Unknown) => {
                info!("Livy answers");
                *health = Health::Up;
                true
            }
            (Ok(_), Health::Down { since, .. }) => {
                info!(
                    message_id = message_id::LIVY_BACK,
                    "Livy answers again after {} s",
                    since.elapsed().as_secs()
                );
                *health = Health::Up;
                true
            }
            (Err(Unreachable(words)), Health::Down { since, .. }) => {
                *health = Health::Down { since: *since, words: words.clone() };
                false
            }
            (Err(Unreachable(words)), Health::Up | Health::Unknown) => {
                warn!(
                    message_id = message_id::LIVY_UNREACHABLE,
                    "Livy does not answer: {words}; no task is polled until it does"
                );
                *health = Health::Down { since: Instant::now(), words: words.clone() };
                true
            }
        });
    }
}

fn too_old(version: &Version) -> String {
    format!(
        "Livy is {version}, and at least 0.7 is needed: before it names of batches are not unique or not shown, \
         so that a job cannot be found again"
    )
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
        self.sweep.watchers.lock().unwrap_or_else(PoisonError::into_inner).remove(self.name);
    }
}
