//! Start-up: the journal is opened, the clients are made, the sweeps begin.

use std::path::PathBuf;
use std::sync::Arc;

use tokio::task::spawn_blocking;
use tracing::{error, warn};

use super::fatal::{Fatal, Loops};
use crate::activity::StepFunctions;
use crate::cloudformation::resources::Resources;
use crate::config::{self, ServiceSettings, Settings, TrustSettings};
use crate::history::History;
use crate::job::journal::{Contents, Journal, Writer};
use crate::job::sweep::{Pace, Sweep};
use crate::job::timestamp::Timestamp;
use crate::job::world::World;
use crate::log::message_id;
use crate::pause::Pause;
use crate::spark::address::Address;
use crate::spark::driver_log::DriverLogs;
use crate::spark::history::SparkRest;
use crate::spark::livy::Livy;
use crate::spark::presigned::Presigned;
use crate::spark::sessions::Sessions;
use crate::spark::yarn::ResourceManager;
use crate::systemd::Watchdog;
use crate::world::{Door, RealWorld};

/// Everything that jobs work on, and the tasks that an earlier process left.
pub(super) async fn world(settings: &Settings, sweep: &Sweep) -> Result<(Arc<RealWorld>, Contents), Fatal> {
    let (journal, mut contents) = journal(settings.state.directory.clone()).await?;
    sweep.resume_hidden(std::mem::take(&mut contents.hidden));
    let door = door(settings, &contents, sweep).await?;
    let (region, endpoint_url) = (&settings.aws.region, settings.aws.endpoint_url.as_ref());
    let step_functions = StepFunctions::connect(region, endpoint_url.map(Address::base)).await;
    let held = contents.entries.iter().map(|entry| &*entry.task.activity);
    if let Some(why) = step_functions.unanswerable(held) {
        return Err(Fatal::Unsupported(why));
    }
    let known = settings.clone();
    let unsupported = Arc::new(move || config::unsupported(&known));
    let world = RealWorld::new(step_functions, cluster(settings)?, (journal, door), unsupported);
    if let Some(door) = &world.door {
        // What the journal says is at least as new as what the resources' files say.
        for entry in &contents.entries {
            let heard = door.resources.heard(&entry.task, &entry.state, world.now()).await;
            heard.map_err(Fatal::setup("a resource's file"))?;
        }
    }
    Ok((Arc::new(world), contents))
}

/// What tasks need that documents answer, where there are or can be such tasks.
async fn door(settings: &Settings, contents: &Contents, sweep: &Sweep) -> Result<Option<Door>, Fatal> {
    let directory = settings.state.directory.clone();
    let has_document = contents.entries.iter().any(|entry| entry.task.document.is_some());
    let is_configured = !settings.doors.is_empty();
    let opened = spawn_blocking(move || {
        let is_needed = is_configured || has_document || Resources::are_in(&directory);
        is_needed.then(|| Resources::open(&directory)).transpose()
    });
    let opened = opened.await.map_err(Fatal::setup("the resources' files"))?;
    let opened = opened.map_err(Fatal::setup("the resources' files"))?;
    let Some((resources, corrupt)) = opened else { return Ok(None) };
    for (name, reason) in corrupt {
        error!(
            message_id = message_id::RESOURCE_CORRUPT,
            "the file of resource {name} cannot be read: {reason}; its jobs are found by their tags alone"
        );
    }
    let client = Presigned::new().map_err(|error| Fatal::Setup("the HTTP client", error))?;
    Ok(Some(Door::new(resources, client, sweep.clone())))
}

/// Opens and reads the journal, and starts its thread.
async fn journal(directory: PathBuf) -> Result<(Writer, Contents), Fatal> {
    let opened = spawn_blocking(move || Journal::open(&directory)).await;
    let (journal, contents) =
        opened.map_err(Fatal::setup("the journal"))?.map_err(Fatal::setup("the journal"))?;
    let writer = Writer::start(journal).map_err(Fatal::setup("the journal's thread"))?;
    Ok((writer, contents))
}

/// The tasks that earlier processes have seen to their end.
pub(super) async fn history(directory: PathBuf) -> Result<Arc<History>, Fatal> {
    let opened = spawn_blocking(move || History::open(&directory)).await;
    opened.map(Arc::new).map_err(Fatal::setup("the history of finished tasks"))
}

/// Whether polls are paused.
pub(super) async fn pause(directory: PathBuf, now: Timestamp) -> Result<Arc<Pause>, Fatal> {
    let opened = spawn_blocking(move || Pause::open(&directory, now)).await;
    opened.map(Arc::new).map_err(Fatal::setup("the pause"))
}

/// The clients of the cluster. Says so where certificates are not to be verified.
fn cluster(
    settings: &Settings,
) -> Result<(Livy, Sessions, ResourceManager, DriverLogs, Option<SparkRest>), Fatal> {
    for ServiceSettings { table, trust, .. } in [&settings.livy.service, &settings.yarn.service] {
        if *trust == TrustSettings::Anyone {
            warn!(
                message_id = message_id::TLS_INSECURE,
                "certificates are not verified (insecure = true in [{table}]): everybody on the way can read and \
                 change everything; set pinned_sha256 instead"
            );
        }
    }
    let (to_livy, to_yarn) = settings.access().map_err(Fatal::setup("access to Livy and YARN"))?;
    let (timeout, (livy, yarn)) = (settings.livy.request_timeout, settings.addresses());
    let http = |error| Fatal::Setup("the HTTP client", error);
    let spark = settings.history_address();
    let spark = spark.map(|history| SparkRest::new(history, (&yarn, &to_yarn), timeout)).transpose();
    Ok((
        Livy::new(livy.clone(), &to_livy, timeout).map_err(http)?,
        Sessions::new(livy, &to_livy, timeout).map_err(http)?,
        ResourceManager::new(yarn.clone(), &to_yarn, timeout).map_err(http)?,
        DriverLogs::new(&yarn, &to_yarn, timeout).map_err(http)?,
        spark.map_err(http)?,
    ))
}

/// What the sweeps of Livy and YARN share.
pub(super) fn sweep(settings: &Settings) -> Sweep {
    Sweep::new(Pace { interval: settings.watch.interval, idle: settings.watch.idle_interval })
}

/// Starts the sweeps.
pub(super) fn start_sweeps(sweep: &Sweep, world: &Arc<RealWorld>, watchdog: &Watchdog, loops: &mut Loops) {
    let moved = |name| {
        let supervised = watchdog.supervise(name);
        move |deadline| match deadline {
            Some(deadline) => supervised.must_move_by(deadline),
            None => supervised.rest(),
        }
    };
    let (of_livy, of_yarn) = ("sweep of Livy", "sweep of YARN");
    loops.start(of_livy, sweep.clone().run(Arc::clone(world), moved(of_livy)));
    if world.has_yarn() {
        loops.start(of_yarn, sweep.clone().run_yarn(Arc::clone(world), moved(of_yarn)));
    }
}
