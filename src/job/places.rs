//! Places of an activity: how many of its jobs may be under way at a time.
//!
//! A place is given in the order in which it was asked for. What runs already after a restart takes one whether or not
//! one is free, so there can be more jobs than places (also after the number was lowered); then none is given until as
//! many have ended. A task that was taken over and is not submitted yet asks before any poll does.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

/// The places of one activity. Copies share them.
#[derive(Debug, Clone)]
pub struct Places(Arc<Mutex<Inner>>);

#[derive(Debug)]
struct Inner {
    total: usize,
    used: usize,
    waiting: VecDeque<oneshot::Sender<Place>>,
}

/// A place. Dropping it gives it to the next one who waits.
#[derive(Debug)]
pub struct Place(Places);

/// A place, or a turn in the queue for one.
#[derive(Debug)]
pub enum Ticket {
    /// A place.
    Held(Place),
    /// A position in the queue.
    Waits(oneshot::Receiver<Place>),
    /// None is needed.
    NotNeeded,
}

impl Places {
    /// Creates `total` places.
    pub fn new(total: usize) -> Places {
        Places(Arc::new(Mutex::new(Inner { total, used: 0, waiting: VecDeque::new() })))
    }

    /// A place for what runs already, free or not.
    pub fn take(&self) -> Place {
        self.inner().used += 1;
        Place(self.clone())
    }

    /// A place, or else the next turn.
    pub fn ask(&self) -> Ticket {
        let mut inner = self.inner();
        // Those who left the queue do not count.
        inner.waiting.retain(|waiting| !waiting.is_closed());
        if inner.used < inner.total && inner.waiting.is_empty() {
            inner.used += 1;
            return Ticket::Held(Place(self.clone()));
        }
        let (give, given) = oneshot::channel();
        inner.waiting.push_back(give);
        Ticket::Waits(given)
    }

    /// How many there are.
    pub fn total(&self) -> usize {
        self.inner().total
    }

    /// How many are free.
    pub fn free(&self) -> usize {
        let inner = self.inner();
        inner.total.saturating_sub(inner.used)
    }

    /// How many are taken; more than there are after some restarts.
    pub fn used(&self) -> usize {
        self.inner().used
    }

    fn give_back(&self) {
        self.inner().used -= 1;
        loop {
            let next = {
                let mut inner = self.inner();
                if inner.used >= inner.total {
                    return;
                }
                let Some(next) = inner.waiting.pop_front() else { return };
                inner.used += 1;
                next
            };
            // One who left meanwhile hands it back, without a second round through here.
            if let Err(place) = next.send(Place(self.clone())) {
                std::mem::forget(place);
                self.inner().used -= 1;
            } else {
                return;
            }
        }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.give_back();
    }
}

impl Ticket {
    /// Waits for the place. May be dropped and called again.
    pub async fn granted(&mut self) {
        if let Ticket::Waits(given) = self
            && let Ok(place) = given.await
        {
            *self = Ticket::Held(place);
        }
    }

    /// The place, if it was given.
    pub fn into_place(self) -> Option<Place> {
        match self {
            Ticket::Held(place) => Some(place),
            Ticket::Waits(_) | Ticket::NotNeeded => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_held(ticket: &Ticket) -> bool {
        matches!(ticket, Ticket::Held(_))
    }

    #[tokio::test]
    async fn a_place_that_comes_free_goes_to_who_asked_first() {
        let places = Places::new(1);
        let first = places.ask();
        assert!(is_held(&first));
        let (mut second, mut third) = (places.ask(), places.ask());
        assert!(!is_held(&second) && !is_held(&third));
        drop(first);
        second.granted().await;
        assert!(is_held(&second));
        assert_eq!((places.used(), places.free()), (1, 0));
        drop(second);
        third.granted().await;
        assert!(is_held(&third));
        drop(third);
        assert_eq!((places.used(), places.free()), (0, 1));
    }

    #[tokio::test]
    async fn nothing_is_given_while_more_run_than_there_are_places() {
        let places = Places::new(1);
        let (one, two) = (places.take(), places.take());
        assert_eq!((places.used(), places.free()), (2, 0));
        let mut waits = places.ask();
        drop(one);
        assert_eq!(places.used(), 1);
        assert!(tokio::time::timeout(std::time::Duration::ZERO, waits.granted()).await.is_err());
        drop(two);
        waits.granted().await;
        assert!(is_held(&waits));
    }

    #[tokio::test]
    async fn a_task_that_left_the_queue_is_passed_over_and_keeps_nothing() {
        let places = Places::new(1);
        let held = places.ask();
        let gone = places.ask();
        let mut last = places.ask();
        drop(gone);
        drop(held);
        last.granted().await;
        assert!(is_held(&last));
        drop(last);
        assert_eq!(places.used(), 0);
    }

    #[test]
    fn a_place_that_was_given_and_never_fetched_comes_back() {
        let places = Places::new(1);
        let held = places.ask();
        let waits = places.ask();
        drop(held);
        assert_eq!(places.used(), 1, "it was given");
        drop(waits);
        assert_eq!(places.used(), 0);
    }
}
