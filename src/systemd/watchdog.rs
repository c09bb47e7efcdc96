//! The sign of life goes out only while everything that must move does.
//!
//! A loop publishes the instant by which it must have moved next, and none while it waits on purpose. So a long poll or
//! a hung server never trips the watchdog, and a stuck loop or a blocked executor does: the signs are sent from the
//! executor itself.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::{self, Instant, MissedTickBehavior};

use super::Notifier;

/// How often the loops are looked at where nobody waits for a sign of life.
const IDLE_INTERVAL: Duration = Duration::from_secs(10);

/// The loops that must move.
#[derive(Debug, Clone, Default)]
pub struct Watchdog {
    table: Arc<Mutex<Table>>,
}

/// 32 bytes for each loop, in places that are used again: what the table takes is the most that ever ran at once.
#[derive(Debug, Default)]
struct Table {
    loops: Vec<Option<Loop>>,
    free: Vec<usize>,
}

#[derive(Debug)]
struct Loop {
    name: &'static str,
    deadline: Option<Instant>,
}

/// One loop's way to say by when it must have moved. 16 bytes, beside the 32 in the watchdog's table; saying it
/// allocates nothing. Dropping it ends the supervision.
#[derive(Debug)]
pub struct Supervised {
    table: Arc<Mutex<Table>>,
    place: usize,
}

impl Watchdog {
    /// Supervises nothing yet.
    pub fn new() -> Watchdog {
        Watchdog::default()
    }

    /// Takes a loop under supervision, at rest.
    pub fn supervise(&self, name: &'static str) -> Supervised {
        let entry = Some(Loop { name, deadline: None });
        let mut table = lock(&self.table);
        let place = match table.free.pop() {
            Some(place) => {
                table.loops[place] = entry;
                place
            }
            None => {
                table.loops.push(entry);
                table.loops.len() - 1
            }
        };
        Supervised { table: Arc::clone(&self.table), place }
    }

    /// Which loop should have moved before `now`, the one that is latest, and by how much.
    pub fn overdue(&self, now: Instant) -> Option<String> {
        let table = lock(&self.table);
        let late = table.loops.iter().flatten().filter_map(|entry| {
            let late = now.checked_duration_since(entry.deadline?)?;
            (!late.is_zero()).then_some((late, entry.name))
        });
        let (count, latest) =
            late.fold((0_usize, None), |(count, latest), one| (count + 1, latest.max(Some(one))));
        let (late, name) = latest?;
        let late = late.as_secs_f64();
        Some(match count {
            1 => format!("\"{name}\" is {late:.1} s late"),
            _ => format!("\"{name}\" is {late:.1} s late, the latest of {count}"),
        })
    }

    /// Sends a sign of life every third of the interval in which the service manager wants one, unless a loop is
    /// overdue, and logs it once when one is. Never ends.
    pub async fn run(self, notifier: Notifier) {
        let interval = notifier.watchdog_interval().map_or(IDLE_INTERVAL, |limit| limit / 3);
        let mut ticks = time::interval(interval);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut was_overdue = false;
        loop {
            ticks.tick().await;
            let overdue = self.overdue_after_a_turn().await;
            match &overdue {
                None => notifier.beat(),
                Some(which) if !was_overdue => tracing::error!("a loop of the worker is stuck: {which}"),
                Some(_) => {}
            }
            if was_overdue && overdue.is_none() {
                tracing::info!("every loop of the worker moves again");
            }
            was_overdue = overdue.is_some();
        }
    }

    /// After a pause of the whole process every loop is late, and none is stuck: each gets its turn first.
    async fn overdue_after_a_turn(&self) -> Option<String> {
        self.overdue(Instant::now())?;
        tokio::task::yield_now().await;
        self.overdue(Instant::now())
    }
}

impl Supervised {
    /// The loop must call this, or [`rest`](Self::rest), again before `deadline` has passed.
    pub fn must_move_by(&self, deadline: Instant) {
        self.set(Some(deadline));
    }

    /// The loop waits on purpose, however long.
    pub fn rest(&self) {
        self.set(None);
    }

    fn set(&self, deadline: Option<Instant>) {
        if let Some(Some(entry)) = lock(&self.table).loops.get_mut(self.place) {
            entry.deadline = deadline;
        }
    }
}

impl Drop for Supervised {
    fn drop(&mut self) {
        let mut table = lock(&self.table);
        if let Some(entry) = table.loops.get_mut(self.place) {
            *entry = None;
            table.free.push(self.place);
        }
    }
}

fn lock(table: &Mutex<Table>) -> MutexGuard<'_, Table> {
    table.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc as blocking;
    use std::thread;

    use tokio::sync::mpsc;

    use super::super::tests::Listener;
    use super::*;

    /// What the service manager wants in these tests; a sign goes out every third of it.
    const INTERVAL: Duration = Duration::from_millis(60);
    const BEAT: &str = "WATCHDOG=1\n";

    #[test]
    fn a_loop_is_overdue_from_its_deadline_on() {
        let (watchdog, now) = (Watchdog::new(), Instant::now());
        let poll = watchdog.supervise("poll");
        assert_eq!(watchdog.overdue(now), None);
        poll.must_move_by(now + Duration::from_secs(70));
        assert_eq!(watchdog.overdue(now + Duration::from_secs(70)), None);
        let late = "\"poll\" is 2.5 s late".to_owned();
        assert_eq!(watchdog.overdue(now + Duration::from_millis(72_500)), Some(late));
        poll.rest();
        assert_eq!(watchdog.overdue(now + Duration::from_secs(100_000)), None);
    }

    #[test]
    fn the_latest_of_several_is_named_and_the_others_are_counted() {
        let (watchdog, now) = (Watchdog::new(), Instant::now());
        let loops = ["poll", "beat", "sweep"].map(|name| watchdog.supervise(name));
        for (seconds, supervised) in [5, 1, 9].into_iter().zip(&loops) {
            supervised.must_move_by(now + Duration::from_secs(seconds));
        }
        let late = "\"beat\" is 5.0 s late, the latest of 2".to_owned();
        assert_eq!(watchdog.overdue(now + Duration::from_secs(6)), Some(late));
    }

    #[test]
    fn a_loop_that_ended_is_forgotten_and_its_place_used_again() {
        let (watchdog, now) = (Watchdog::new(), Instant::now());
        for _ in 0..3 {
            let loops: Vec<_> = (0..10_000).map(|_| watchdog.supervise("beat")).collect();
            loops.iter().for_each(|supervised| supervised.must_move_by(now));
            assert!(watchdog.overdue(now + Duration::from_secs(1)).is_some());
            drop(loops);
            assert_eq!(watchdog.overdue(now + Duration::from_secs(1)), None);
        }
        assert_eq!(lock(&watchdog.table).loops.len(), 10_000);
    }

    #[test]
    fn a_loop_takes_as_many_bytes_as_promised() {
        assert_eq!((size_of::<Option<Loop>>(), size_of::<Supervised>()), (32, 16));
    }

    #[test]
    fn a_loop_at_rest_or_in_a_long_poll_never_stops_the_signs_of_life() {
        let daemon = Daemon::start();
        let (resting, polling) = (daemon.watchdog.supervise("idle"), daemon.watchdog.supervise("poll"));
        resting.rest();
        polling.must_move_by(Instant::now() + Duration::from_secs(70));
        (0..10).for_each(|_| assert_eq!(daemon.manager.heard(), BEAT));
    }

    #[test]
    fn an_overdue_loop_stops_the_signs_of_life_until_it_moves() {
        let daemon = Daemon::start();
        assert_eq!(daemon.manager.heard(), BEAT);
        let stuck = daemon.watchdog.supervise("poll");
        stuck.must_move_by(long_ago());
        daemon.settle();
        assert!(daemon.manager.is_silent_for(INTERVAL * 5));
        stuck.must_move_by(Instant::now() + Duration::from_secs(70));
        assert_eq!(daemon.manager.heard(), BEAT);
        stuck.must_move_by(long_ago());
        daemon.settle();
        assert!(daemon.manager.is_silent_for(INTERVAL * 5));
        drop(stuck);
        assert_eq!(daemon.manager.heard(), BEAT);
    }

    #[test]
    fn a_blocked_executor_stops_the_signs_of_life() {
        let daemon = Daemon::start();
        assert_eq!(daemon.manager.heard(), BEAT);
        let (release, held) = blocking::channel::<()>();
        let (reached, is_blocked) = blocking::channel();
        daemon.run(move || {
            reached.send(()).unwrap();
            let _ = held.recv();
        });
        is_blocked.recv().unwrap();
        daemon.manager.drain();
        assert!(daemon.manager.is_silent_for(INTERVAL * 5));
        drop(release);
        (0..3).for_each(|_| assert_eq!(daemon.manager.heard(), BEAT));
    }

    #[test]
    fn a_loop_that_only_waits_for_its_turn_does_not_count_as_stuck() {
        runtime().block_on(async {
            let watchdog = Watchdog::new();
            let late = watchdog.supervise("beat");
            late.must_move_by(long_ago());
            assert!(watchdog.overdue_after_a_turn().await.is_some());
            let moves = tokio::spawn(async move {
                late.must_move_by(Instant::now() + Duration::from_secs(70));
                late
            });
            assert_eq!(watchdog.overdue_after_a_turn().await, None);
            drop(moves.await);
        });
    }

    /// A watchdog on an executor of one thread, as the daemon has it.
    struct Daemon {
        manager: Listener,
        watchdog: Watchdog,
        work: mpsc::UnboundedSender<Box<dyn FnOnce() + Send>>,
    }

    impl Daemon {
        fn start() -> Daemon {
            let manager = Listener::start();
            let watchdog = Watchdog::new();
            let (work, mut jobs) = mpsc::unbounded_channel::<Box<dyn FnOnce() + Send>>();
            let signs = watchdog.clone().run(manager.notifier(Some(INTERVAL)));
            thread::spawn(move || {
                runtime().block_on(async {
                    tokio::spawn(signs);
                    while let Some(job) = jobs.recv().await {
                        job();
                    }
                });
            });
            Daemon { manager, watchdog, work }
        }

        fn run(&self, job: impl FnOnce() + Send + 'static) {
            assert!(self.work.send(Box::new(job)).is_ok());
        }

        /// Waits until a sign that was under way is out, and forgets it.
        fn settle(&self) {
            let (done, is_done) = blocking::channel();
            self.run(move || done.send(()).unwrap());
            is_done.recv().unwrap();
            self.manager.drain();
        }
    }

    fn runtime() -> tokio::runtime::Runtime {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
    }

    fn long_ago() -> Instant {
        Instant::now() - Duration::from_secs(1)
    }
}
