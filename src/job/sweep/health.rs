//! Whether a service answers, and how long that takes it.

use std::sync::Mutex;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use super::locked;
use super::news::News;
use crate::job::world::ServiceError;

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
        reason: String,
    },
}

/// A service that is swept.
pub(super) struct Service {
    pub(super) health: watch::Sender<Health>,
    /// How long the last answered sweep took.
    pub(super) took: Mutex<Option<Duration>>,
    pub(super) news: Mutex<News>,
    /// For how long silence does not count where it answered before.
    grace: Duration,
    /// When the first question was asked that got no answer.
    silent_since: Mutex<Option<Instant>>,
}

impl Service {
    /// A service that was not asked yet.
    pub(super) fn new(grace: Duration) -> Service {
        Service {
            health: watch::Sender::new(Health::Unknown),
            took: Mutex::default(),
            news: Mutex::default(),
            grace,
            silent_since: Mutex::default(),
        }
    }

    /// Takes note of the answer to a sweep that began at `began`. Only a change wakes who waits for one; the words are
    /// kept up to date.
    pub(super) fn note<T>(&self, began: Instant, answer: &Result<T, ServiceError>) {
        let mut silent_since = locked(&self.silent_since);
        let reason = match answer {
            Ok(_) => {
                *locked(&self.took) = Some(began.elapsed());
                *silent_since = None;
                None
            }
            Err(reason) => Some(reason.clone().reason()),
        };
        self.health.send_if_modified(|health| {
            let Some(reason) = reason else {
                return std::mem::replace(health, Health::Up) != Health::Up;
            };
            let since = *silent_since.get_or_insert(began);
            let was_down = matches!(health, Health::Down { .. });
            if *health == Health::Up && since.elapsed() < self.grace {
                return false;
            }
            *health = Health::Down { since, reason };
            !was_down
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn silence() -> Result<(), ServiceError> {
        Err(ServiceError::Unavailable("it hangs".to_owned()))
    }

    #[tokio::test(start_paused = true)]
    async fn silence_counts_after_its_grace_and_from_the_first_question_on() {
        let service = Service::new(Duration::from_secs(10));
        let began = Instant::now();
        service.note(began, &Ok(()));
        service.note(began, &silence());
        assert_eq!(*service.health.borrow(), Health::Up, "one lost answer is none");
        tokio::time::advance(Duration::from_secs(10)).await;
        service.note(Instant::now(), &silence());
        assert_eq!(*service.health.borrow(), Health::Down { since: began, reason: "it hangs".to_owned() });
        service.note(Instant::now(), &Ok(()));
        assert_eq!(*service.health.borrow(), Health::Up);
        service.note(Instant::now(), &silence());
        assert_eq!(*service.health.borrow(), Health::Up, "its grace begins anew");
    }

    #[tokio::test(start_paused = true)]
    async fn only_a_change_wakes_and_the_words_of_a_silence_are_kept_up_to_date() {
        let service = Service::new(Duration::ZERO);
        let mut health = service.health.subscribe();
        let mut wakes = |answer: &Result<(), ServiceError>| {
            service.note(Instant::now(), answer);
            let changed = health.has_changed().expect("the service is there");
            health.mark_unchanged();
            changed
        };
        assert!(wakes(&Ok(())) && !wakes(&Ok(())));
        assert!(wakes(&silence()) && !wakes(&silence()));
        assert!(!wakes(&Err(ServiceError::AccessDenied("who are you".to_owned()))));
        assert!(matches!(&*service.health.borrow(), Health::Down { reason, .. } if reason == "who are you"));
        assert!(wakes(&Ok(())));
    }

    #[tokio::test(start_paused = true)]
    async fn a_service_that_never_answered_has_no_grace() {
        let service = Service::new(Duration::from_secs(10));
        service.note(Instant::now(), &silence());
        assert!(matches!(*service.health.borrow(), Health::Down { .. }));
    }
}
