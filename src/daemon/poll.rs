//! Permit → poll: one loop a poller.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};
use tokio::time::{Instant, sleep};

use crate::activity::{POLL_READ, Polled};
use crate::edges::Edges;
use crate::job::{Rules, Task};
use crate::ops::board::Board;
use crate::ops::systemd::Watchdog;
use crate::retry;
use crate::spark::watch::Health;

/// A poll has this long beyond its read timeout before the watchdog calls it stuck.
const POLL_SLACK: Duration = Duration::from_secs(15);

/// A poll that was allowed within this had not to wait for it.
const AT_ONCE: Duration = Duration::from_secs(1);

/// An activity with what its pollers share.
pub(super) struct Served {
    pub(super) arn: String,
    pub(super) permits: Arc<Semaphore>,
    pub(super) rules: Arc<Rules>,
}

/// A task that has just come.
pub(super) struct Arrival {
    pub(super) task: Task,
    pub(super) permit: OwnedSemaphorePermit,
    pub(super) served: Arc<Served>,
}

/// One poll loop.
pub(super) struct Poller {
    pub(super) edges: Arc<Edges>,
    pub(super) board: Arc<Board>,
    pub(super) watchdog: Watchdog,
    pub(super) worker: String,
    pub(super) served: Arc<Served>,
    pub(super) arrive: mpsc::Sender<Arrival>,
    pub(super) draining: watch::Receiver<bool>,
}

impl Poller {
    /// Polls until the worker drains.
    pub(super) async fn run(mut self) {
        let supervised = self.watchdog.supervise("poll loop");
        let mut waits = retry::POLL.start();
        loop {
            let asked = Instant::now();
            let permit = tokio::select! {
                biased;
                _ = self.draining.wait_for(|draining| *draining) => return,
                permit = allowed(&self.edges, &self.served.permits) => permit,
            };
            let Some(permit) = permit else { return };
            self.board.polling(&self.served.arn, asked.elapsed() > AT_ONCE);
            supervised.must_move_by(Instant::now() + POLL_READ + POLL_SLACK);
            let polled = self.edges.step_functions.poll(&self.served.arn, &self.worker).await;
            supervised.rest();
            match polled {
                Ok(Polled::Task { token, input }) => {
                    self.board.polled(&self.served.arn);
                    waits = retry::POLL.start();
                    let task = Task::new(token, self.served.arn.clone(), input);
                    let served = Arc::clone(&self.served);
                    if self.arrive.send(Arrival { task, permit, served }).await.is_err() {
                        return;
                    }
                }
                Ok(Polled::Nothing) => {
                    self.board.polled(&self.served.arn);
                    waits = retry::POLL.start();
                }
                Err(trouble) => {
                    drop(permit);
                    self.board.troubled(&self.served.arn, trouble);
                    tokio::select! {
                        _ = self.draining.wait_for(|draining| *draining) => return,
                        () = sleep(waits.next(fastrand::f64())) => {}
                    }
                }
            }
        }
    }
}

/// A place for a task, while Livy answers and the journal can be written. `None` only when the process ends.
async fn allowed(edges: &Edges, permits: &Arc<Semaphore>) -> Option<OwnedSemaphorePermit> {
    let (mut health, mut disk) = (edges.sweep.health(), edges.disk.subscribe());
    loop {
        health.wait_for(|health| *health == Health::Up).await.ok()?;
        disk.wait_for(|good| *good).await.ok()?;
        let permit = Arc::clone(permits).acquire_owned().await.ok()?;
        // Either may have gone while every place was taken.
        if *health.borrow_and_update() == Health::Up && *disk.borrow_and_update() {
            return Some(permit);
        }
    }
}
