//! Permit → poll: one loop a poller.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};

use crate::activity::{POLL_READ, Polled};
use crate::job::ActivityRules;
use crate::job::gate::Gate;
use crate::job::places::{Place, Places, Ticket};
use crate::job::token::Token;
use crate::registry::TaskRegistry;
use crate::retry;
use crate::systemd::Watchdog;
use crate::world::RealWorld;

/// A poll has this long beyond its read timeout before the watchdog calls it stuck.
const POLL_SLACK: Duration = Duration::from_secs(15);

/// A poll that is allowed within this time counts as not delayed.
const AT_ONCE: Duration = Duration::from_secs(1);

/// Step Functions holds a poll open for a minute. An empty answer that comes within this time is of a service that does
/// not, and must not be asked without a pause.
const NOT_HELD: Duration = Duration::from_millis(100);
const NOT_HELD_PAUSE: Duration = Duration::from_secs(1);

/// An activity with what its pollers share.
pub(super) struct PolledActivity {
    pub(super) arn: String,
    pub(super) places: Places,
    pub(super) rules: ActivityRules,
}

/// A task that has just come.
pub(super) struct Arrival {
    pub(super) token: Token,
    pub(super) input: String,
    pub(super) place: Place,
    pub(super) served: Arc<PolledActivity>,
}

/// One poll loop.
pub(super) struct Poller {
    pub(super) world: Arc<RealWorld>,
    pub(super) registry: Arc<TaskRegistry>,
    pub(super) watchdog: Watchdog,
    pub(super) worker: String,
    pub(super) served: Arc<PolledActivity>,
    pub(super) arrive: mpsc::Sender<Arrival>,
    pub(super) gate: Gate,
}

impl Poller {
    /// Polls until the worker drains.
    pub(super) async fn run(self) {
        let supervised = self.watchdog.supervise("poll loop");
        let mut waits = retry::POLL.start();
        loop {
            let asked = Instant::now();
            let place = tokio::select! {
                biased;
                () = self.gate.drain_started() => return,
                place = allowed(&self.gate, &self.served.places) => place,
            };
            let Some(place) = place else { return };
            self.registry.polling(&self.served.arn, asked.elapsed() > AT_ONCE);
            supervised.must_move_by(Instant::now() + POLL_READ + POLL_SLACK);
            let began = Instant::now();
            let polled = self.world.step_functions.poll(&self.served.arn, &self.worker).await;
            supervised.rest();
            match polled {
                Ok(Polled::Task { token, input }) => {
                    self.registry.polled(&self.served.arn);
                    waits = retry::POLL.start();
                    let served = Arc::clone(&self.served);
                    if self.arrive.send(Arrival { token, input, place, served }).await.is_err() {
                        return;
                    }
                }
                Ok(Polled::Nothing) => {
                    self.registry.polled(&self.served.arn);
                    waits = retry::POLL.start();
                    if began.elapsed() < NOT_HELD {
                        drop(place);
                        tokio::select! {
                            () = self.gate.drain_started() => return,
                            () = sleep(NOT_HELD_PAUSE) => {}
                        }
                    }
                }
                Err(trouble) => {
                    drop(place);
                    self.registry.troubled(&self.served.arn, trouble);
                    tokio::select! {
                        () = self.gate.drain_started() => return,
                        () = sleep(waits.next(fastrand::f64())) => {}
                    }
                }
            }
        }
    }
}

/// A place for a task, while the gate is open. `None` only when the process ends.
async fn allowed(gate: &Gate, places: &Places) -> Option<Place> {
    loop {
        if !gate.may_poll().await {
            return None;
        }
        let mut ticket = places.ask();
        ticket.granted().await;
        // Anything may have gone while every place was taken.
        if gate.is_open()
            && let Ticket::Held(place) = ticket
        {
            return Some(place);
        }
    }
}
