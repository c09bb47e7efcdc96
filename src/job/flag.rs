//! Something that comes true once and stays so: a token that is dead, a worker that gives up its tasks.

use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

/// Down at first; once it is raised it stays up. A `watch` would take five times the room, and each who waits for it twice
/// as much: thousands of jobs do.
#[derive(Debug, Default)]
pub struct Flag {
    is_up: AtomicBool,
    news: Notify,
}

impl Flag {
    /// Raises it, and wakes all who wait for that.
    pub fn raise(&self) {
        if !self.is_up.swap(true, Ordering::AcqRel) {
            self.news.notify_waiters();
        }
    }

    /// Whether it is up.
    pub fn is_up(&self) -> bool {
        self.is_up.load(Ordering::Acquire)
    }

    /// Returns once it is up.
    pub async fn raised(&self) {
        // It hears what is raised from here on.
        let news = self.news.notified();
        if !self.is_up() {
            news.await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::Flag;

    #[tokio::test]
    async fn all_who_wait_hear_of_it_and_so_do_those_who_come_later() {
        let flag = Arc::new(Flag::default());
        let waits = |flag: &Arc<Flag>| {
            let flag = Arc::clone(flag);
            tokio::spawn(async move { flag.raised().await })
        };
        let early = [waits(&flag), waits(&flag)];
        tokio::task::yield_now().await;
        assert!(!flag.is_up() && early.iter().all(|waiting| !waiting.is_finished()));
        flag.raise();
        flag.raise();
        for waiting in early.into_iter().chain([waits(&flag)]) {
            waiting.await.unwrap();
        }
        assert!(flag.is_up());
    }
}
