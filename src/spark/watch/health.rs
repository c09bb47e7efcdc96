//! Whether a service answers, and how long that takes it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use super::locked;
use super::news::News;
use crate::spark::connection::NoAnswer;

/// Whether a service answers.
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

/// A service that is swept. Copies share what is known.
#[derive(Clone)]
pub(super) struct Service {
    pub(super) health: watch::Sender<Health>,
    /// How long the last answered sweep took.
    pub(super) took: Arc<Mutex<Option<Duration>>>,
    pub(super) news: Arc<Mutex<News>>,
}

impl Default for Service {
    fn default() -> Self {
        let health = watch::Sender::new(Health::Unknown);
        Service { health, took: Arc::default(), news: Arc::default() }
    }
}

impl Service {
    /// Takes note of the answer to a sweep. Only a change wakes who waits for one; the words are kept up to date.
    pub(super) fn note<T>(&self, began: Instant, answer: &Result<T, NoAnswer>) {
        if answer.is_ok() {
            *locked(&self.took) = Some(began.elapsed());
        }
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
