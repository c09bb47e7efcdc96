//! What serves the activities and the queues: rules, places, loops, and the tasks that an earlier process left.

use std::collections::VecDeque;
use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tracing::{error, info};

use super::door::{Errand, Receiver, ServedDoor};
use super::jobs::Jobs;
use super::poll::{Arrival, PolledActivity, Poller};
use crate::activity::worker_name;
use crate::aws;
use crate::cloudformation::errand::whose;
use crate::cloudformation::queue::Queue;
use crate::config::{self, ActivitySettings, DoorSettings, HEARTBEAT_INTERVAL, ON_ABORT, Settings};
use crate::job::ActivityRules;
use crate::job::journal::{Contents, Entry};
use crate::job::machine::State;
use crate::job::places::Places;
use crate::job::request::{Defaults, OwnLivy};
use crate::log::message_id;

/// Takes up every task that was read back, before the first poll. What runs takes its place first, and what is not
/// submitted yet asks for one in the order in which it came.
pub(super) fn resume(
    settings: &Settings,
    contents: Contents,
    (served, doors): (&[Arc<PolledActivity>], &[Arc<ServedDoor>]),
    jobs: &mut Jobs,
) {
    for (task, reason) in &contents.corrupt {
        error!(
            message_id = message_id::JOURNAL_CORRUPT,
            task_id = task,
            "the journal's entry of task {task} cannot be read: {reason}; its job is killed"
        );
    }
    if !contents.entries.is_empty() {
        info!("tasks taken over from the journal: {}", contents.entries.len());
    }
    let mut entries = contents.entries;
    entries.sort_by_key(|entry| (matches!(entry.state, State::Received { .. }), entry.task.received));
    for mut entry in entries {
        let serving = served.iter().find(|served| *served.arn == *entry.task.activity);
        if entry.is_old {
            bring_up_to_date(settings, serving, &mut entry, jobs.own_livy());
        }
        let document = entry.task.document.as_ref();
        let topic = document.and_then(|document| whose(&document.form)).map(|whose| whose.topic);
        let door = doors.iter().find(|door| topic.as_ref() == Some(&door.settings.rules.topic));
        let places = serving.map(|serving| &serving.places).or(door.map(|door| &door.places));
        jobs.resume(entry, places);
    }
}

/// The first format of the journal had no rules: those of the activity are taken, or the shipped ones.
fn bring_up_to_date(
    settings: &Settings,
    serving: Option<&Arc<PolledActivity>>,
    entry: &mut Entry,
    livy: &OwnLivy,
) {
    let run = entry.state.run().cloned();
    match serving {
        Some(serving) => entry.task.upgrade_from_v1(run.as_ref(), &serving.rules, livy),
        None => {
            let shipped = ActivityRules {
                defaults: Defaults::none(settings.yarn.utf8),
                on_abort: ON_ABORT,
                heartbeat_interval: HEARTBEAT_INTERVAL,
            };
            entry.task.upgrade_from_v1(run.as_ref(), &shipped, livy);
        }
    }
}

/// An activity with its rules and its places.
pub(super) fn serve(activity: &ActivitySettings) -> Arc<PolledActivity> {
    Arc::new(PolledActivity {
        arn: activity.arn.to_string(),
        places: Places::new(activity.max_concurrent_jobs),
        rules: ActivityRules {
            defaults: activity.defaults.clone(),
            on_abort: activity.on_abort,
            heartbeat_interval: activity.heartbeat_interval,
        },
    })
}

/// A queue with its places.
pub(super) fn serve_door(door: &DoorSettings) -> Arc<ServedDoor> {
    Arc::new(ServedDoor { settings: door.clone(), places: Places::new(door.max_concurrent_jobs) })
}

/// Starts the loop of every queue.
pub(super) async fn start_receivers(
    settings: &Settings,
    doors: &[Arc<ServedDoor>],
    jobs: &Jobs,
    arrive: &mpsc::Sender<Errand>,
    loops: &mut JoinSet<()>,
) {
    if doors.is_empty() {
        return;
    }
    let shared = aws::load(&settings.aws.region).await;
    for served in doors {
        let receiver = Receiver {
            world: Arc::clone(&jobs.world),
            registry: Arc::clone(&jobs.registry),
            watchdog: jobs.watchdog.clone(),
            gate: jobs.gate.clone(),
            own_livy: settings.own_livy(),
            queue: Queue::new(&shared, &served.settings.queue_url),
            served: Arc::clone(served),
            arrive: arrive.clone(),
            refused: VecDeque::new(),
        };
        loops.spawn(receiver.run());
    }
}

/// Starts every poll loop of every activity.
pub(super) fn start_pollers(
    settings: &Settings,
    served: &[Arc<PolledActivity>],
    jobs: &Jobs,
    arrive: &mpsc::Sender<Arrival>,
) -> JoinSet<()> {
    let mut pollers = JoinSet::new();
    let host = config::worker();
    for (activity, served) in settings.activities.iter().zip(served) {
        for number in 1..=activity.pollers {
            let poller = Poller {
                world: Arc::clone(&jobs.world),
                registry: Arc::clone(&jobs.registry),
                watchdog: jobs.watchdog.clone(),
                worker: worker_name(&host, number),
                served: Arc::clone(served),
                arrive: arrive.clone(),
                gate: jobs.gate.clone(),
            };
            pollers.spawn(poller.run());
        }
    }
    pollers
}
