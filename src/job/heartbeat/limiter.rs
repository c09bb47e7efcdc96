//! How many heartbeats begin in a second, and how many are under way.

use std::pin::pin;
use std::time::Duration;

use tokio::sync::{Mutex, Semaphore, SemaphorePermit};
use tokio::time::{Instant, sleep_until, timeout};

/// A call that takes longer counts no more among those that are under way: a service that hangs holds nobody up.
const COUNTED: Duration = Duration::from_millis(500);
/// So many more than needed begin in a second even where none of them is answered.
const SPARE: f64 = 1.5;
/// Under way at a time where few are needed.
const FEW: usize = 32;

/// Gives every beat its turn: so many a second, first come, first served. Of those under way at a time it allows what keeps
/// all tasks alive with a slow service; each takes 30 KB with its connection, and all tasks of a burst would beat at once.
#[derive(Debug)]
pub struct RateLimiter {
    gap: Duration,
    next: Mutex<Instant>,
    places: Semaphore,
}

/// A beat may begin.
#[derive(Debug)]
pub struct Turn<'a>(SemaphorePermit<'a>);

impl RateLimiter {
    /// Allows at most `rate` calls a second, 0 counts as 1; `needed`: as many keep all tasks alive.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count, and clamped")]
    pub fn new(rate: u32, needed: f64) -> RateLimiter {
        let places = (needed * SPARE * COUNTED.as_secs_f64()).ceil() as usize;
        RateLimiter {
            gap: Duration::from_secs(1) / rate.max(1),
            next: Mutex::new(Instant::now()),
            places: Semaphore::new(places.clamp(FEW, Semaphore::MAX_PERMITS)),
        }
    }

    /// Waits for a turn.
    pub async fn acquire(&self) -> Turn<'_> {
        let place = self.place().await;
        let mine = {
            let mut next = self.next.lock().await;
            let mine = (*next).max(Instant::now());
            *next = mine + self.gap;
            mine
        };
        sleep_until(mine).await;
        Turn(place)
    }

    async fn place(&self) -> SemaphorePermit<'_> {
        match self.places.acquire().await {
            Ok(place) => place,
            // Nobody closes it.
            Err(_) => std::future::pending().await,
        }
    }
}

impl Turn<'_> {
    /// Makes the call.
    pub async fn call<F: Future>(self, call: F) -> F::Output {
        let mut call = pin!(call);
        match timeout(COUNTED, &mut call).await {
            Ok(answer) => answer,
            Err(_) => {
                drop(self.0);
                call.await
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::time::sleep;

    use super::*;

    /// Makes so many calls at once; counts those that have begun.
    fn begin<F>(limiter: &Arc<RateLimiter>, many: usize, call: fn() -> F) -> Arc<AtomicUsize>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let begun = Arc::<AtomicUsize>::default();
        for _ in 0..many {
            let (limiter, begun) = (Arc::clone(limiter), Arc::clone(&begun));
            tokio::spawn(async move {
                let turn = limiter.acquire().await;
                begun.fetch_add(1, Ordering::Relaxed);
                turn.call(call()).await;
            });
        }
        begun
    }

    async fn after(begun: &AtomicUsize, millis: u64) -> usize {
        sleep(Duration::from_millis(millis)).await;
        begun.load(Ordering::Relaxed)
    }

    #[tokio::test(start_paused = true)]
    async fn so_many_calls_begin_in_a_second() {
        let begun = begin(&Arc::new(RateLimiter::new(100, 10.0)), 500, || ready(()));
        assert!((99..=102).contains(&after(&begun, 1_000).await));
        assert!((199..=202).contains(&after(&begun, 1_000).await));
    }

    #[tokio::test(start_paused = true)]
    async fn of_calls_that_take_a_while_no_more_are_under_way_than_keep_the_tasks_alive() {
        let limiter = Arc::new(RateLimiter::new(1_000, 100.0));
        let begun = begin(&limiter, 500, || sleep(Duration::from_millis(400)));
        // The rate alone would let 390 begin.
        assert_eq!(after(&begun, 390).await, 75);
        assert_eq!(after(&begun, 400).await, 150);
    }

    #[tokio::test(start_paused = true)]
    async fn a_service_that_hangs_holds_up_no_call_that_is_needed() {
        let limiter = Arc::new(RateLimiter::new(1_000, 100.0));
        let hung = begin(&limiter, 1_000, pending);
        let three_seconds = after(&hung, 3_000).await;
        assert!(three_seconds >= 3 * 100, "{three_seconds}");
        let begun = begin(&limiter, 100, || ready(()));
        // Those before them take as long as they would at the rate that is needed, and no longer.
        assert_eq!(after(&begun, 7_000).await, 100);
    }
}
