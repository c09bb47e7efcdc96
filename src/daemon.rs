//! Start-up, permit → poll → job, drain.
//!
//! One thread drives everything; what blocks (parsing a long list) has threads of its own. A poll is made only with a
//! free place for its task and while Livy answers, and an open poll is always waited for. A poll loop that ends without
//! a stop ends the process, so that the service manager starts it again.

mod cluster;
mod endpoints;
mod jobs;
mod poll;
mod serving;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval, timeout_at};
use tracing::{error, info, warn};

use crate::activity::StepFunctions;
use crate::admin::Admin;
use crate::config::{self, OnStop, Settings};
use crate::job::Start;
use crate::job::gate::Gate;
use crate::job::heart::Pacer;
use crate::job::journal::{Contents, Journal, Writer};
use crate::job::sweep::{Pace, Sweep};
use crate::job::world::World;
use crate::log::{Drops, LogHandle, message_id};
use crate::registry::Phase;
use crate::systemd::{Leaving, Notifier, Signal, Signals, Watchdog, node};
use crate::world::RealWorld;
use jobs::{Jobs, LeftBehind};
use poll::{Arrival, PolledActivity};
use serving::{resume, serve, start_pollers};

/// How often `STATUS=` is brought up to date.
const STATUS_EVERY: Duration = Duration::from_secs(1);
/// Tasks that have come and are not started yet. Each holds a place of its activity.
const ARRIVALS: usize = 64;

/// Why the daemon ends with an error.
#[derive(Debug)]
pub enum Fatal {
    /// Something of the system that it cannot do without.
    Setup(&'static str, Box<dyn std::error::Error + Send + Sync>),
    /// A loop ended that must not.
    LoopEnded(&'static str),
    /// The cluster, or what the journal has, is such that it cannot be served; another try will not help.
    Unsupported(String),
}

impl fmt::Display for Fatal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fatal::Setup(what, error) => {
                write!(f, "{what} cannot be set up: {error}")?;
                let mut cause = error.source();
                while let Some(inner) = cause {
                    write!(f, ": {inner}")?;
                    cause = inner.source();
                }
                Ok(())
            }
            Fatal::Unsupported(why) => f.write_str(why),
            Fatal::LoopEnded(what) => write!(f, "the {what} ended, which is a bug; the worker starts anew"),
        }
    }
}

impl std::error::Error for Fatal {}

/// Runs until a signal stops it.
///
/// # Errors
/// [`Fatal`] where it cannot start or a loop ends.
pub async fn run(settings: Settings, path: &Path, log: &LogHandle) -> Result<(), Fatal> {
    let mut daemon = Daemon::start(settings, path.to_owned(), log.drops()).await?;
    info!(message_id = message_id::STARTED, "spark-job-worker {} started", crate::BUILD);
    if *daemon.draining.borrow() {
        // It was said before a crash.
        daemon.terminate();
    }
    daemon.notifier.ready();
    daemon.serve(log).await?;
    daemon.drain().await;
    Ok(())
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
    loops: JoinSet<Fatal>,
    arrivals: mpsc::Receiver<Arrival>,
    draining: watch::Sender<bool>,
    admin: Arc<Admin>,
    leaving: Leaving,
    tick: Interval,
}

impl Daemon {
    async fn start(settings: Settings, path: PathBuf, drops: Drops) -> Result<Daemon, Fatal> {
        let signals = Signals::new().map_err(|error| Fatal::Setup("signal handling", Box::new(error)))?;
        let (journal, contents) = open_journal(settings.state.directory.clone()).await?;
        let arn = settings.activity.first().map(|activity| activity.arn.as_str()).unwrap_or_default();
        let step_functions = StepFunctions::connect(settings.aws.endpoint_url.clone(), arn).await;
        let held = contents.entries.iter().map(|entry| entry.task.activity.as_str());
        if let Some(why) = step_functions.unanswerable(held) {
            return Err(Fatal::Unsupported(why));
        }
        let cluster = cluster::connect(&settings)?;
        let (watchdog, mut loops) = (Watchdog::new(), JoinSet::new());
        let notifier = Notifier::from_environment();
        for_ever(&mut loops, "watchdog", watchdog.clone().run(notifier.clone()));

        let leaving = Leaving::kept_in(&settings.state.directory);
        let draining = watch::Sender::new(leaving.was_said());
        let known = settings.clone();
        let unsupported = Arc::new(move || config::unsupported(&known));
        let world = Arc::new(RealWorld::new(step_functions, cluster, journal, unsupported));
        let (interval_, idle) = (settings.watch.interval, settings.watch.idle_interval);
        let sweep = Sweep::new(Pace { interval: interval_, idle });
        start_sweeps(&mut loops, &sweep, &world, &watchdog);
        let gate = Gate::new(
            settings.livy.max_concurrent_submits,
            &sweep,
            world.has_yarn(),
            world.disk.subscribe(),
            draining.subscribe(),
        );
        let pacer = Pacer::new(settings.aws.heartbeat_rate);
        let (rules, own_livy) = (serving::rules(&settings), settings.own_livy());
        let mut jobs = Jobs::new(world, sweep, gate, rules, own_livy, watchdog, pacer);
        // A first task that cannot be kept would be given back: better not to take it.
        jobs.world.try_disk().await;
        for_ever(&mut loops, "watch on the state directory", Arc::clone(&jobs.world).watch_disk());
        let served: Vec<Arc<PolledActivity>> =
            settings.activity.iter().map(|activity| serve(&settings, activity)).collect();
        let journal = jobs.world.journal.clone();
        for_ever(&mut loops, "journal's thread", async move { journal.ended().await });
        resume(&settings, contents, &served, &mut jobs);
        let info = endpoints::info(&settings, &served, drops);
        let admin = Arc::new(Admin::new(info, &jobs.world, &jobs.sweep, &jobs.registry));
        endpoints::open(&settings, &admin, &mut loops).await;
        let (arrive, arrivals) = mpsc::channel(ARRIVALS);
        let pollers = start_pollers(&settings, &served, &jobs, &arrive);
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
            draining,
            admin,
            leaving,
            tick,
        })
    }

    /// A Livy that cannot be served, once no poll is open and no task is held.
    fn check_livy(&self) -> Result<(), Fatal> {
        match self.jobs.sweep.unsupported() {
            Some(why) if self.jobs.registry.held() == 0 && !self.jobs.registry.any_poll() => {
                Err(Fatal::Unsupported(why))
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Until a signal stops it.
    async fn serve(&mut self, log: &LogHandle) -> Result<(), Fatal> {
        let mut terminating = self.admin.terminating();
        loop {
            let serving = self.jobs.registry.phase() == Phase::Serving;
            tokio::select! {
                signal = self.signals.next() => match signal {
                    Signal::Stop => {
                        if serving && self.notifier.is_managed() && node::goes_down().await {
                            self.terminate();
                        }
                        return Ok(());
                    }
                    Signal::Reload => self.reload(log),
                },
                Ok(_) = terminating.wait_for(|terminating| *terminating), if serving => self.terminate(),
                Some(arrival) = self.arrivals.recv() => self.jobs.accept(arrival, Start::Fresh),
                () = self.jobs.ended() => {}
                Some(_) = self.pollers.join_next() => if serving {
                    return Err(Fatal::LoopEnded("poll loop"));
                },
                Some(ended) = self.loops.join_next() => {
                    return Err(ended.unwrap_or(Fatal::LoopEnded("loop of the daemon")));
                }
                _ = self.tick.tick() => {
                    self.show_status();
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
            (Phase::Terminating, _) => LeftBehind::GivenBack,
            (Phase::Serving | Phase::Stopping, OnStop::Handoff) => LeftBehind::Handoff,
            (Phase::Serving | Phase::Stopping, OnStop::Fail) => LeftBehind::Nothing,
        };
        if leave != LeftBehind::GivenBack {
            self.jobs.registry.enter(Phase::Stopping);
        }
        self.draining.send_replace(true);
        let handoff = leave == LeftBehind::Handoff;
        if !handoff {
            self.jobs.give_up.send_replace(true);
        }
        let end = Instant::now() + self.settings.stop.grace;
        while !(self.pollers.is_empty() && self.arrivals.is_empty() && self.jobs.may_end(leave)) {
            self.show_status();
            let step = async {
                tokio::select! {
                    Some(arrival) = self.arrivals.recv() => self.jobs.accept(arrival, if handoff { Start::Parked } else { Start::Fresh }),
                    () = self.jobs.ended() => {}
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
        self.leaving.forget();
        info!(
            message_id = message_id::STOPPING,
            "stopped with {} tasks under way, which the next start takes over",
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
        self.leaving.say();
        self.jobs.registry.enter(Phase::Terminating);
        self.draining.send_replace(true);
        self.jobs.give_up.send_replace(true);
    }

    fn show_status(&self) {
        self.notifier.status(&self.admin.summary().status);
    }

    /// Takes the log filter anew from the configuration. Everything else needs a restart.
    fn reload(&self, log: &LogHandle) {
        self.notifier.reloading();
        match config::load(&self.path) {
            Ok(settings) => match log.reload(&settings.log.filter) {
                Ok(()) => info!("the log filter is {}", settings.log.filter),
                Err(problem) => error!("the log filter stays as it was: {problem}"),
            },
            Err(problem) => error!("the log filter stays as it was: {problem}"),
        }
        self.notifier.ready();
    }
}

/// Opens and reads the journal, and starts its thread.
async fn open_journal(directory: PathBuf) -> Result<(Writer, Contents), Fatal> {
    let (journal, contents) = tokio::task::spawn_blocking(move || Journal::open(&directory))
        .await
        .map_err(|panic| Fatal::Setup("the journal", Box::new(panic)))?
        .map_err(|error| Fatal::Setup("the journal", Box::new(error)))?;
    let journal =
        Writer::start(journal).map_err(|error| Fatal::Setup("the journal's thread", Box::new(error)))?;
    Ok((journal, contents))
}

/// Starts a loop that must never end.
fn for_ever(loops: &mut JoinSet<Fatal>, what: &'static str, work: impl Future<Output = ()> + Send + 'static) {
    loops.spawn(async move {
        work.await;
        Fatal::LoopEnded(what)
    });
}

fn start_sweeps(loops: &mut JoinSet<Fatal>, sweep: &Sweep, world: &Arc<RealWorld>, watchdog: &Watchdog) {
    let moved = |name| {
        let supervised = watchdog.supervise(name);
        move |deadline| match deadline {
            Some(deadline) => supervised.must_move_by(deadline),
            None => supervised.rest(),
        }
    };
    let sweeping = sweep.clone().run(Arc::clone(world), moved("sweep of Livy"));
    for_ever(loops, "sweep of Livy", sweeping);
    if world.has_yarn() {
        let sweeping = sweep.clone().run_yarn(Arc::clone(world), moved("sweep of YARN"));
        for_ever(loops, "sweep of YARN", sweeping);
    }
}
