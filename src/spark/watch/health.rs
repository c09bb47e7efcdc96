//! Whether a service answers, and what is logged when that changes: a change is worth a line, a repetition is not.

use tokio::sync::watch;
use tokio::time::Instant;
use tracing::{info, warn};

use crate::job::world::Unreachable;
use crate::ops::telemetry::message_id;

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

/// A service whose health is followed.
pub(super) struct Followed {
    name: &'static str,
    unreachable: &'static str,
    back: &'static str,
    meanwhile: &'static str,
}

/// Livy.
pub(super) const LIVY: Followed = Followed {
    name: "Livy",
    unreachable: message_id::LIVY_UNREACHABLE,
    back: message_id::LIVY_BACK,
    meanwhile: "no task is polled until it does",
};

/// YARN.
pub(super) const YARN: Followed = Followed {
    name: "YARN",
    unreachable: message_id::YARN_UNREACHABLE,
    back: message_id::YARN_BACK,
    meanwhile: "jobs are followed in Livy, and an end that only YARN can judge waits",
};

impl Followed {
    /// Takes note of an answer, or of none. Who waits for a change is woken by one only.
    pub(super) fn note<T>(&self, health: &watch::Sender<Health>, answer: &Result<T, Unreachable>) {
        health.send_if_modified(|health| {
            let (changed, now) = self.after(health, answer);
            *health = now;
            changed
        });
    }

    fn after<T>(&self, known: &Health, answer: &Result<T, Unreachable>) -> (bool, Health) {
        match (answer, known) {
            (Ok(_), Health::Up) => (false, Health::Up),
            (Ok(_), Health::Unknown) => {
                info!("{} answers", self.name);
                (true, Health::Up)
            }
            (Ok(_), Health::Down { since, .. }) => {
                let seconds = since.elapsed().as_secs();
                info!(message_id = self.back, "{} answers again after {seconds} s", self.name);
                (true, Health::Up)
            }
            (Err(Unreachable(words)), Health::Down { since, .. }) => {
                (false, Health::Down { since: *since, words: words.clone() })
            }
            (Err(Unreachable(words)), Health::Up | Health::Unknown) => {
                let (name, meanwhile) = (self.name, self.meanwhile);
                warn!(message_id = self.unreachable, "{name} does not answer: {words}; {meanwhile}");
                (true, Health::Down { since: Instant::now(), words: words.clone() })
            }
        }
    }
}
