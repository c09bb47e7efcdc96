//! Start-up, permit → poll → job, drain.
//!
//! One thread drives everything; what blocks (parsing a long list) has threads of its own. A poll is made only with a
//! free place for its task and while Livy answers, and an open poll is always waited for. A poll loop that ends without
//! a stop ends the process, so that the service manager starts it again.

mod door;
mod endpoints;
mod fatal;
mod jobs;
mod poll;
mod rescue;
mod rules;
mod serving;
mod setup;
mod shown;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval, timeout_at};
use tracing::{error, info, warn};

use crate::admin::Admin;
use crate::config::{self, OnStop, Settings};
use crate::job::Start;
use crate::job::gate::Gate;
use crate::job::world::World;
use crate::log::{Drops, LogHandle, message_id};
use crate::registry::Phase;
use crate::systemd::{Notifier, ShutdownMarker, Signal, Signals, Watchdog, node};
use crate::world::Door;
pub use fatal::Fatal;

use door::{Errand, ServedDoor};
use fatal::Loops;
use jobs::{Jobs, StopMode};
use poll::{Arrival, PolledActivity};
use serving::{resume, serve, serve_door, start_pollers, start_receivers};

/// How often `STATUS=` is brought up to date.
const STATUS_EVERY: Duration = Duration::from_secs(1);
/// Tasks that have come and are not started yet. Each holds a place of its activity.
const ARRIVALS: usize = 64;

/// Runs until a signal stops it.
///
/// # Errors
/// [`Fatal`] where it cannot start or a loop ends.
pub async fn run(settings: Settings, path: &Path, log: &LogHandle) -> Result<(), Fatal> {
    let mut daemon = Daemon::start(settings, path.to_owned(), log.drops()).await?;
    info!(message_id = message_id::STARTED, "spark-job-worker {} started", crate::BUILD);
    if *daemon.draining.borrow() {
        // `terminating` was said before a crash: the marker is still there.
        daemon.terminate();
    }
    daemon.notifier.ready();
    daemon.serve(log).await?;
    daemon.drain().await;
    Ok(())
}

/// Returns once a resource has changed; never where there are none.
async fn changed(door: Option<&Door>) {
    match door {
        Some(door) => door.resources.changed().await,
        None => std::future::pending().await,
    }
}

struct Daemon {
    settings: Settings,
    path: PathBuf,
    signals: Signals,
    notifier: Notifier,
    jobs: Jobs,
    /// Poll loops: they end by a drain.
    pollers: JoinSet<()>,
    /// The other loops: they never end, and say why where one must.
    loops: Loops,
    arrivals: mpsc::Receiver<Arrival>,
    errands: mpsc::Receiver<Errand>,
    draining: watch::Sender<bool>,
    admin: Arc<Admin>,
    leaving: ShutdownMarker,
    tick: Interval,
}

impl Daemon {
    async fn start(settings: Settings, path: PathBuf, drops: Drops) -> Result<Daemon, Fatal> {
        let signals = Signals::new().map_err(Fatal::setup("signal handling"))?;
        let sweep = setup::sweep(&settings);
        let (world, contents) = setup::world(&settings, &sweep).await?;
        let (watchdog, mut loops) = (Watchdog::new(), Loops::default());
        let notifier = Notifier::from_environment();
        loops.start("watchdog", watchdog.clone().run(notifier.clone()));

        let leaving = ShutdownMarker::kept_in(&settings.state.directory);
        let draining = watch::Sender::new(leaving.is_set());
        setup::start_sweeps(&sweep, &world, &watchdog, &mut loops);
        let pause = setup::pause(settings.state.directory.clone(), world.now()).await?;
        let gate = Gate::new(
            settings.livy.max_concurrent_submits,
            &sweep,
            world.has_yarn(),
            world.disk.subscribe(),
            draining.subscribe(),
        )
        .paused_by(pause.is_on());
        let history = setup::history(settings.state.directory.clone()).await?;
        loops.start("history of finished tasks", Arc::clone(&history).keep());
        let mut jobs = Jobs::new(&settings, world, sweep, gate, history, watchdog);
        // A first task that cannot be kept would be given back: better not to take it.
        jobs.world.try_disk().await;
        loops.start("watch on the state directory", Arc::clone(&jobs.world).watch_disk());
        loops.start("pause", Arc::clone(&pause).watch(Arc::clone(&jobs.world)));
        let journal = jobs.world.journal.clone();
        loops.start("journal's thread", async move { journal.ended().await });
        let served: Vec<Arc<PolledActivity>> = settings.activities.iter().map(serve).collect();
        let doors: Vec<Arc<ServedDoor>> = settings.doors.iter().map(serve_door).collect();
        resume(&settings, contents, (&served, &doors), &mut jobs);
        jobs.tend().await;
        let info = endpoints::info(&settings, (&served, &doors), drops);
        let kept = (&jobs.history, &pause);
        let admin = Arc::new(Admin::new(info, &jobs.world, &jobs.sweep, &jobs.registry, kept));
        endpoints::open(&settings, &admin, &mut loops).await;
        let (arrive, arrivals) = mpsc::channel(ARRIVALS);
        let mut pollers = start_pollers(&settings, &served, &jobs, &arrive);
        let (hand_over, errands) = mpsc::channel(ARRIVALS);
        start_receivers(&settings, &doors, &jobs, &hand_over, &mut pollers).await;
        let mut tick = interval(STATUS_EVERY);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Ok(Daemon {
            settings,
            path,
            signals,
            notifier,
            jobs,
            pollers,
            loops,
            arrivals,
            errands,
            draining,
            admin,
            leaving,
            tick,
        })
    }

    /// A Livy that cannot be served, once no poll is open and no task is held.
    fn check_livy(&self) -> Result<(), Fatal> {
        // What a poll has just brought is in no registry yet.
        let nothing_came = self.arrivals.is_empty() && self.errands.is_empty();
        let is_over = nothing_came && self.jobs.is_idle() && !self.jobs.registry.any_poll();
        match self.jobs.sweep.unsupported() {
            Some(why) if is_over => Err(Fatal::Unsupported(why)),
            Some(_) | None => Ok(()),
        }
    }

    /// Until a signal stops it.
    async fn serve(&mut self, log: &LogHandle) -> Result<(), Fatal> {
        let mut terminating = self.admin.terminating();
        let world = Arc::clone(&self.jobs.world);
        loop {
            let serving = self.jobs.registry.phase() == Phase::Serving;
            tokio::select! {
                signal = self.signals.next() => match signal {
                    Signal::Stop => {
                        if serving && self.notifier.is_managed() && node::is_powering_off().await {
                            self.terminate();
                        }
                        return Ok(());
                    }
                    Signal::Reload => self.reload(log),
                },
                Ok(_) = terminating.wait_for(|terminating| *terminating), if serving => self.terminate(),
                Some(arrival) = self.arrivals.recv() => self.jobs.accept(arrival, Start::Fresh),
                Some(errand) = self.errands.recv() => self.jobs.take(errand),
                () = changed(world.door.as_ref()) => self.jobs.tend().await,
                ended = self.jobs.ended() => self.jobs.reap(ended).await,
                Some(_) = self.pollers.join_next() => if serving {
                    return Err(Fatal::LoopEnded("poll loop"));
                },
                why = self.loops.ended() => return Err(why),
                _ = self.tick.tick() => {
                    self.show_status().await;
                    self.check_livy()?;
                }
            }
        }
    }

    /// Waits for open polls, keeps what they still bring for the next start, and beats once more for every token. With
    /// `on_stop = "fail"` every task is given back instead.
    async fn drain(&mut self) {
        info!(message_id = message_id::STOPPING, "stopping: no more polls, open ones finish first");
        self.notifier.stopping();
        let leave = match (self.jobs.registry.phase(), self.settings.stop.on_stop) {
            (Phase::Terminating, _) => StopMode::GiveBack,
            (Phase::Serving | Phase::Stopping, OnStop::Handoff) => StopMode::Handoff,
            (Phase::Serving | Phase::Stopping, OnStop::Fail) => StopMode::GiveBackAndKill,
        };
        if leave != StopMode::GiveBack {
            self.jobs.registry.enter(Phase::Stopping);
        }
        self.draining.send_replace(true);
        let handoff = leave == StopMode::Handoff;
        if !handoff {
            self.jobs.give_up.raise();
        }
        let end = Instant::now() + self.settings.stop.grace;
        let world = Arc::clone(&self.jobs.world);
        while !(self.pollers.is_empty()
            && self.arrivals.is_empty()
            && self.errands.is_empty()
            && self.jobs.may_end(leave))
        {
            self.show_status().await;
            let step = async {
                tokio::select! {
                    Some(arrival) = self.arrivals.recv() => self.jobs.accept(arrival, if handoff { Start::Parked } else { Start::Fresh }),
                    // What came is on disk: the next start begins it, unless it is given back.
                    Some(errand) = self.errands.recv() => if !handoff { self.jobs.take(errand) },
                    () = changed(world.door.as_ref()) => self.jobs.tend().await,
                    ended = self.jobs.ended() => self.jobs.reap(ended).await,
                    Some(_) = self.pollers.join_next() => {}
                    // A second signal: somebody is in a hurry.
                    Signal::Stop = self.signals.next() => return true,
                    _ = self.tick.tick() => {}
                }
                false
            };
            if timeout_at(end, step).await.unwrap_or(true) {
                break;
            }
        }
        self.jobs.beat_once_more().await;
        self.jobs.history.close().await;
        self.leaving.clear();
        info!(
            message_id = message_id::STOPPING,
            "stopped; tasks that the next start takes over from the journal: {}",
            self.jobs.registry.held()
        );
    }

    /// The node goes down for good: no more polls, and every task is given back at once, so that a Retry can go to
    /// another cluster. What an open poll still brings is given back too. Jobs are killed until the daemon is stopped.
    fn terminate(&mut self) {
        warn!(
            message_id = message_id::TERMINATING,
            "the node goes down for good: no more polls, and {} tasks are given back",
            self.jobs.registry.held()
        );
        self.leaving.set();
        self.jobs.registry.enter(Phase::Terminating);
        self.draining.send_replace(true);
        self.jobs.give_up.raise();
    }

    async fn show_status(&self) {
        // What the panic of a bug says is a line of the log.
        if let Ok(now) = self.admin.summed_up().await {
            self.notifier.status(&now.status);
        }
    }

    /// Takes the log filter anew from the configuration. Everything else needs a restart.
    fn reload(&self, log: &LogHandle) {
        self.notifier.reloading();
        match config::load(&self.path) {
            Ok(settings) => {
                log.reload(&settings.log.filter);
                info!("the log filter is {}", settings.log.filter);
            }
            Err(problem) => error!("the log filter stays as it was: {problem}"),
        }
        self.notifier.ready();
    }
}
