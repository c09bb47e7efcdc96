//! Receive → decide → keep → delete: one loop a queue of `[[cloudformation]]`.
//!
//! A message is deleted once its request is decided, its resource's file says so, and its task is in the journal. Whatever
//! fails before leaves it to come again.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};
use tracing::{debug, error, info, warn};

use crate::cloudformation::intake::{Begun, Intake};
use crate::cloudformation::queue::{self, Message, Queue};
use crate::cloudformation::request::Order;
use crate::cloudformation::resource::Act;
use crate::config::DoorSettings;
use crate::job::Task;
use crate::job::gate::Gate;
use crate::job::machine::{OnAbort, State};
use crate::job::places::Places;
use crate::job::request::OwnLivy;
use crate::job::timestamp::Timestamp;
use crate::job::world::{Unwritable, World};
use crate::log::message_id;
use crate::registry::TaskRegistry;
use crate::retry;
use crate::systemd::{Supervised, Watchdog};
use crate::world::{Door, RealWorld};

/// A receive has this long beyond its read timeout before the watchdog calls it stuck.
const SLACK: Duration = Duration::from_secs(15);
/// What is decided about one message takes less: looks at YARN and durable writes.
const DECIDES: Duration = Duration::from_secs(180);
/// An empty answer that came sooner than this is no long poll's.
const LOOK: Duration = Duration::from_secs(1);
/// So many messages that stay in the queue are remembered, so that each is told once.
const REFUSED: usize = 1_000;
/// How often what nobody can ask for any more is forgotten.
const TIDY: Duration = Duration::from_secs(600);

/// A queue with what its requests need.
pub(super) struct ServedDoor {
    pub(super) settings: DoorSettings,
    pub(super) places: Places,
}

/// A task that has just come, and is on disk.
pub(super) struct Errand {
    pub(super) task: Task,
    pub(super) state: State,
    pub(super) served: Arc<ServedDoor>,
}

/// One loop.
pub(super) struct Receiver {
    pub(super) world: Arc<RealWorld>,
    pub(super) registry: Arc<TaskRegistry>,
    pub(super) watchdog: Watchdog,
    pub(super) gate: Gate,
    pub(super) own_livy: OwnLivy,
    pub(super) queue: Queue,
    pub(super) served: Arc<ServedDoor>,
    pub(super) arrive: mpsc::Sender<Errand>,
    pub(super) refused: VecDeque<String>,
}

impl Receiver {
    /// Receives until the worker drains. An open receive is dropped then: what it would bring comes again.
    pub(super) async fn run(mut self) {
        let supervised = self.watchdog.supervise("loop of a queue");
        let gate = self.gate.clone();
        let mut waits = retry::POLL.start();
        let mut tidied = Instant::now();
        loop {
            let mut disk = self.world.disk.subscribe();
            tokio::select! {
                biased;
                () = gate.drain_started() => return,
                _ = disk.wait_for(|good| *good) => {}
            }
            self.registry.receiving(self.topic());
            supervised.must_move_by(Instant::now() + queue::READ + SLACK);
            let asked = Instant::now();
            let received = tokio::select! {
                biased;
                () = gate.drain_started() => return,
                received = self.queue.receive() => received,
            };
            supervised.rest();
            match received {
                Ok(messages) => {
                    waits = retry::POLL.start();
                    self.answered();
                    if messages.is_empty() && asked.elapsed() < LOOK {
                        // A queue that does not hold receives open must not be asked without a pause.
                        sleep(LOOK).await;
                    }
                    if !self.all(messages, &supervised).await {
                        return;
                    }
                }
                Err(trouble) => {
                    self.troubled(trouble);
                    tokio::select! {
                        () = gate.drain_started() => return,
                        () = sleep(waits.next(fastrand::f64())) => {}
                    }
                }
            }
            if tidied.elapsed() >= TIDY
                && let Some(door) = &self.world.door
            {
                tidied = Instant::now();
                door.resources.tidy(self.world.now()).await;
            }
        }
    }

    /// Decides about messages in the order in which they were published. False where nobody takes tasks any more.
    async fn all(&mut self, messages: Vec<Message>, supervised: &Supervised) -> bool {
        let world = Arc::clone(&self.world);
        let Some(door) = &world.door else { return false };
        let mut orders = Vec::with_capacity(messages.len());
        for message in messages {
            match Order::read(&message.body, message.sent, &self.served.settings.rules) {
                Ok(order) => orders.push((order, message)),
                Err(why) => self.refuse(&message, &why.to_string()),
            }
        }
        orders.sort_by_key(|(order, _)| order.at);
        for (order, message) in orders {
            supervised.must_move_by(Instant::now() + DECIDES);
            let kept = self.order(door, &order).await;
            supervised.rest();
            match kept {
                Ok(true) => self.delete(&message).await,
                Ok(false) => return false,
                Err(Unwritable(reason)) => {
                    let id = &order.request_id;
                    error!(
                        message_id = message_id::DISK,
                        cfn_stack = order.stack_id.as_str(),
                        cfn_resource = order.logical_id.as_str(),
                        "request {id} cannot be kept: {reason}; its message comes again"
                    );
                    self.world.try_disk().await;
                }
            }
        }
        true
    }

    /// Decides about one order, keeps that, and hands its task over. False where nobody takes it.
    async fn order(&mut self, door: &Door, order: &Order) -> Result<bool, Unwritable> {
        let served = Arc::clone(&self.served);
        let DoorSettings { rules, defaults, on_delete, .. } = &served.settings;
        if let Some(address) = self.world.livy.address() {
            self.own_livy.is_found_at(address.host(), address.port());
        }
        let intake = Intake {
            world: &*self.world,
            resources: &door.resources,
            rules,
            defaults,
            on_delete: *on_delete,
            livy: &self.own_livy,
        };
        let Some(Begun { act, task, state }) = intake.take(order).await? else {
            debug!("request {} came before, or nobody waits for it any more", order.request_id);
            return Ok(true);
        };
        self.world.metrics.requested(order.kind.as_str());
        tell(order, &act, &task, self.world.now());
        Ok(self.arrive.send(Errand { task, state, served: Arc::clone(&served) }).await.is_ok())
    }

    /// One that cannot be deleted comes again, and is known then.
    async fn delete(&self, message: &Message) {
        if let Err(trouble) = self.queue.delete(&message.handle).await {
            warn!(
                message_id = message_id::QUEUE_TROUBLE,
                "message {} of {} cannot be deleted: {}; it will come again and is known then",
                message.id,
                self.topic(),
                trouble.reason
            );
        }
    }

    /// A message that is nobody's to answer stays in the queue, which moves it to the dead letters.
    fn refuse(&mut self, message: &Message, why: &str) {
        if self.refused.contains(&message.id) {
            return;
        }
        self.world.metrics.refused();
        warn!(
            message_id = message_id::REQUEST_REFUSED,
            "message {} of the queue of {} is not run and stays in the queue: {why}",
            message.id,
            self.topic()
        );
        if self.refused.len() == REFUSED {
            self.refused.pop_front();
        }
        self.refused.push_back(message.id.clone());
    }

    fn answered(&self) {
        if let Some(trouble) = self.registry.received(self.topic()) {
            info!(
                message_id = message_id::QUEUE_TROUBLE,
                "the queue of {} answers again after {} s",
                self.topic(),
                trouble.since.elapsed().as_secs()
            );
        }
    }

    fn troubled(&self, trouble: queue::Trouble) {
        let (words, reason) = (trouble.condition.describe(), trouble.reason);
        if self.registry.not_received(self.topic(), words, &reason) {
            warn!(
                message_id = message_id::QUEUE_TROUBLE,
                "the queue of {}: {words}: {reason}; receiving goes on",
                self.topic()
            );
        }
    }

    fn topic(&self) -> &str {
        &self.served.settings.rules.topic
    }
}

/// One line for each request.
fn tell(order: &Order, act: &Act, task: &Task, now: Timestamp) {
    let what = match act {
        Act::Run { stops_first: false, .. } => "its job is run",
        Act::Run { stops_first: true, .. } => "its job is run once the old one is dead",
        Act::Adopt { .. } => "a job that is there already has what it asks for",
        Act::Keep { .. } => "nothing about the job has changed",
        Act::End { .. } if task.on_abort == OnAbort::Leave => "its answered job is left alone",
        Act::End { .. } => "its job is ended",
        Act::Refuse(_) => "nothing of it runs",
        Act::Known | Act::Stale => "nothing is done",
    };
    let age = now.millis_since(order.at).unwrap_or_default() / 1_000;
    info!(
        message_id = message_id::REQUEST_RECEIVED,
        task_id = task.id.as_str(),
        cfn_stack = order.stack_id.as_str(),
        cfn_resource = order.logical_id.as_str(),
        "{} of {} (request {}, published {age} s ago): {what}",
        order.kind.as_str(),
        order.logical_id,
        order.request_id
    );
}
