//! Livy, as far as batches and sessions need it: three releases, local and YARN, with its zombies, limits and restarts.
//!
//! Operations are named `POST /batches`, `GET /batches`, `GET /batches/*`, `GET /batches/*/log`,
//! `GET /batches/*/state`, `DELETE /batches/*` and `GET /version`, and of sessions `POST /sessions`, `GET /sessions/*`,
//! `POST /sessions/*/connect`, `POST /sessions/*/statements`, `GET /sessions/*/statements/*` and so on; the key of a call
//! is the name or id in its path, or the name in its body. Statements run in a real Python.

mod application;
mod inspect;
mod plan;
mod record;
mod request;
mod routes;
mod session;
mod settings;
mod views;
mod world;

use std::ops::Deref;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tokio::runtime::Handle;

use crate::http::{Bell, Server};
pub use application::{AppState, Application};
pub use inspect::{Batch, Delete, Post};
use plan::Event;
pub use plan::Plan;
use record::Record;
pub use settings::{Master, Settings, Version};
use world::World;

/// Jetty closes idle connections after this time; Livy sets none of its own.
const IDLE: Duration = Duration::from_secs(30);

/// How long a restarted Livy takes until it has looked at YARN.
const RECOVERY_LOOK: Duration = Duration::from_millis(200);

/// The stand-in for Livy, and for the cluster behind it.
#[derive(Clone)]
pub struct Livy {
    server: Server,
    shared: Arc<Shared>,
}

struct Shared {
    world: Mutex<World>,
    creating: tokio::sync::Mutex<()>,
    bell: Bell,
    runtime: Handle,
}

impl Shared {
    fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().expect("nobody panics while changing the world")
    }

    fn change<T>(&self, change: impl FnOnce(&mut World) -> T) -> T {
        let result = change(&mut self.world());
        self.bell.ring();
        result
    }

    /// Lets a plan happen in time, whether or not Livy still knows the batch.
    fn drive(self: &Arc<Self>, submission: usize, timeline: Vec<(Duration, Event)>) {
        let shared = Arc::clone(self);
        self.runtime.spawn(async move {
            let begun = tokio::time::Instant::now();
            for (at, event) in timeline {
                tokio::time::sleep_until(begun + at).await;
                shared.change(|world| world.happen(submission, event));
            }
        });
    }
}

/// The server's own powers: faults, outages, recorded calls.
impl Deref for Livy {
    type Target = Server;

    fn deref(&self) -> &Server {
        &self.server
    }
}

impl Livy {
    /// Starts a Livy with default settings on a free loopback port.
    pub async fn start(version: Version, master: Master) -> Self {
        Self::with(Settings::new(version, master)).await
    }

    /// Starts a Livy with these settings.
    pub async fn with(settings: Settings) -> Self {
        Self::idle_after(settings, IDLE).await
    }

    /// Starts a Livy that closes idle connections after this time, not after Jetty's 30 s.
    pub async fn idle_after(settings: Settings, idle: Duration) -> Self {
        let bell = Bell::default();
        let mut made = None;
        let server = Server::start(Some(idle), bell.clone(), |runtime| {
            let world = Mutex::new(World::new(settings, bell.clone()));
            let shared = Arc::new(Shared { world, creating: tokio::sync::Mutex::default(), bell, runtime });
            made = Some(Arc::clone(&shared));
            shared
        })
        .await;
        Self { server, shared: made.expect("the service was made") }
    }

    /// Changes settings while Livy runs.
    pub fn configure(&self, change: impl FnOnce(&mut Settings)) {
        self.shared.change(|world| change(&mut world.settings));
    }

    /// What new batches do unless a plan for their name says otherwise. Without any they obey their own
    /// arguments, as [`Plan::script`] reads them.
    pub fn plan(&self, plan: Plan) {
        self.shared.world().default_plan = Some(plan);
    }

    /// What new batches do whose names begin so; the latest plan that fits counts.
    pub fn plan_for(&self, name_prefix: &str, plan: Plan) {
        self.shared.world().plans.push((name_prefix.to_owned(), plan));
    }

    /// Puts a batch into a state, and its application with it: `running`; `success`, `dead` and `error` end
    /// it; `killed` kills it; any other word leaves it alone.
    #[track_caller]
    pub fn set_state(&self, name: &str, state: &str) {
        let submission = self.change_record(name, |record| {
            record.enter(state);
            record.submission
        });
        self.shared.change(|world| {
            if let Some(application) = world.application(submission).filter(|app| app.is_live()) {
                application.follow(state);
            }
        });
    }

    /// Lets Livy say so of a batch while its application goes on: a false verdict.
    #[track_caller]
    pub fn misjudge(&self, name: &str, state: &str) {
        self.change_record(name, |record| record.enter(state));
    }

    /// Lets Livy know this application id for a batch.
    #[track_caller]
    pub fn set_app(&self, name: &str, id: &str) {
        let submission = self.change_record(name, |record| {
            record.app_id = Some(id.to_owned());
            record.submission
        });
        self.shared.change(|world| {
            if let Some(application) = world.application(submission) {
                application.id = Some(id.to_owned());
            }
        });
    }

    /// Lets a batch's spark-submit print lines.
    #[track_caller]
    pub fn log<T: Into<String>>(&self, name: &str, lines: impl IntoIterator<Item = T>) {
        self.change_record(name, |record| lines.into_iter().for_each(|line| record.print(line.into())));
    }

    /// Sets the YARN diagnostics of a batch.
    #[track_caller]
    pub fn diagnose<T: Into<String>>(&self, name: &str, lines: impl IntoIterator<Item = T>) {
        self.change_record(name, |record| record.diagnostics = lines.into_iter().map(Into::into).collect());
    }

    /// Lets Livy forget a batch, as it does 10 minutes after its end; what runs goes on.
    #[track_caller]
    pub fn forget(&self, name: &str) {
        let submission = self.change_record(name, |record| record.submission);
        self.shared.change(|world| world.records.retain(|record| record.submission != submission));
    }

    /// Lets YARN kill an application; false where there is none of this id that has not ended.
    pub fn kill_application(&self, id: &str) -> bool {
        self.shared.change(|world| world.kill(id))
    }

    /// Rings when anything changes here, for whoever shows the same applications.
    pub(crate) fn bell(&self) -> Bell {
        self.shared.bell.clone()
    }

    /// Kills Livy and starts it again; what runs goes on. Without recovery it has forgotten everything, its
    /// count of ids included.
    pub async fn restart(&self, recovery: bool) {
        self.down().await;
        self.crash(recovery);
        self.up().await;
    }

    /// What [`Livy::restart`] does to Livy's memory, for tests that take it down and up themselves.
    pub fn crash(&self, recovery: bool) {
        self.shared.change(|world| {
            world.restart(recovery);
            world.restart_sessions(recovery);
        });
        let shared = Arc::clone(&self.shared);
        self.shared.runtime.spawn(async move {
            tokio::time::sleep(RECOVERY_LOOK).await;
            shared.change(|world| {
                world.recovered();
                world.sessions_recovered();
            });
            let lookup_timeout = shared.world().settings.lookup_timeout;
            tokio::time::sleep(lookup_timeout).await;
            shared.change(World::give_up_recovering);
        });
    }

    /// A batch by its name, or by the beginning of it if only one batch has that.
    #[track_caller]
    fn change_record<T>(&self, name: &str, change: impl FnOnce(&mut Record) -> T) -> T {
        let result = self.shared.change(|world| {
            let named = |record: &Record, whole: bool| {
                record
                    .name
                    .as_deref()
                    .is_some_and(|found| if whole { found == name } else { found.starts_with(name) })
            };
            let whole = world.records.iter().any(|record| named(record, true));
            let mut fitting = world.records.iter_mut().filter(|record| named(record, whole));
            match (fitting.next(), fitting.next()) {
                (Some(record), None) => Ok(change(record)),
                (None, _) => Err("no batch"),
                (Some(_), Some(_)) => Err("more than one batch"),
            }
        });
        // Outside the lock: a panic inside would spoil every later look.
        result.unwrap_or_else(|problem| panic!("{problem} named {name}"))
    }
}
