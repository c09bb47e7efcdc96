//! What serves the activities: rules, places, pollers, and the tasks that an earlier process left.

use std::sync::Arc;

use tokio::sync::{Semaphore, mpsc, watch};
use tokio::task::JoinSet;
use tracing::{error, info};

use super::jobs::Jobs;
use super::poll::{Arrival, Poller, Served};
use crate::activity::worker_name;
use crate::config::{self, Activity, Settings};
use crate::job::journal::Contents;
use crate::job::request::Defaults;
use crate::job::verdict::Waits;
use crate::job::{Rules, Watching};
use crate::ops::telemetry::message_id;

/// Takes up every task that was read back, before the first poll.
pub(super) fn resume(settings: &Settings, contents: Contents, served: &[Arc<Served>], jobs: &mut Jobs) {
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
    for entry in contents.entries {
        // An activity that is not polled any more has left its tasks to us all the same.
        let serving = served.iter().find(|served| served.arn == entry.activity).cloned();
        let serving = serving.unwrap_or_else(|| serve(settings, &Activity::new(&entry.activity)));
        jobs.resume(entry, &serving);
    }
}

/// An activity with its rules and its places.
pub(super) fn serve(settings: &Settings, activity: &Activity) -> Arc<Served> {
    Arc::new(Served {
        arn: activity.arn.clone(),
        permits: Arc::new(Semaphore::new(activity.max_concurrent_jobs)),
        rules: Arc::new(rules(settings, activity)),
    })
}

/// Starts every poll loop of every activity.
pub(super) fn start_pollers(
    settings: &Settings,
    served: &[Arc<Served>],
    jobs: &Jobs,
    arrive: &mpsc::Sender<Arrival>,
    draining: &watch::Sender<bool>,
) -> JoinSet<()> {
    let mut pollers = JoinSet::new();
    let host = config::worker();
    for (activity, served) in settings.activity.iter().zip(served) {
        for number in 1..=activity.pollers {
            let poller = Poller {
                edges: Arc::clone(&jobs.edges),
                board: Arc::clone(&jobs.board),
                watchdog: jobs.watchdog.clone(),
                worker: worker_name(&host, number),
                served: Arc::clone(served),
                arrive: arrive.clone(),
                draining: draining.subscribe(),
            };
            pollers.spawn(poller.run());
        }
    }
    pollers
}

fn rules(settings: &Settings, activity: &Activity) -> Rules {
    let watch = &settings.watch;
    Rules {
        // Validated with the configuration.
        defaults: Defaults::new(activity.defaults.clone()).unwrap_or_else(|_| Defaults::empty()),
        livy: settings.own_livy(),
        on_abort: activity.on_abort,
        heartbeat_interval: activity.heartbeat_interval,
        watch: Watching {
            interval: watch.interval,
            waits: Waits {
                start_timeout: watch.start_timeout,
                lost_after: watch.lost_after,
                verdict_patience: watch.verdict_patience,
                submit_settle: watch.submit_settle,
            },
            doubt_limit: watch.doubt_limit,
            kill_settle: watch.kill_settle,
        },
        patience: settings.livy.patience,
    }
}
