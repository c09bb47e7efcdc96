//! YARN's ResourceManager as its REST interface shows it: the applications of Livy's stand-in, found by id or by tag,
//! killed, forgotten over restarts, and told otherwise by a standby.
//!
//! Operations are named `GET /apps` (key: the tags), `GET /apps/*` and `PUT /apps/*/state` (key: the id), and
//! `GET /info`; the paths begin with `/ws/v1/cluster`. A `NodeManager` and the log server are under the same address:
//! `GET /node/containerlogs` and `GET /jobhistory/logs`, whose key is the file. What a driver shows is `GET /proxy/*/jobs`,
//! …, whose key is the id.
//!
//! It answers as Hadoop 3.3.4 does (`contract::yarn` runs against both), or as Hadoop 2 where a test says so.

mod mind;
mod pages;
mod routes;
mod views;

use std::ops::Deref;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tokio::runtime::Handle;

use crate::http::{Bell, Call, Identity, Server};
use crate::livy::Livy;
use crate::spark::Spark;
use mind::{Cost, Mind, Role};
pub use mind::{Rights, Store};

/// Jetty closes idle connections after this time.
const IDLE: Duration = Duration::from_secs(30);

/// For how long a ResourceManager has been up when a test begins.
const UP_BEFORE: Duration = Duration::from_secs(3_600);

/// The stand-in for the ResourceManager. Several of them on one Livy show the same applications.
#[derive(Clone)]
pub struct Yarn {
    server: Server,
    shared: Arc<Shared>,
}

/// One PUT of a state, also if a fault befell it.
#[derive(Clone, Debug)]
pub struct Kill {
    /// When it arrived.
    pub at: Instant,
    /// The application's id in its path.
    pub id: String,
    /// The status that was answered, if any.
    pub status: Option<u16>,
    /// The call itself.
    pub call: Call,
}

struct Shared {
    livy: Livy,
    bell: Bell,
    /// A moment on both clocks: applications have their times on one, and YARN shows them on the other.
    epoch: (Instant, SystemTime),
    runtime: Handle,
    mind: Mutex<Mind>,
}

impl Shared {
    fn mind(&self) -> MutexGuard<'_, Mind> {
        self.mind.lock().expect("nobody panics while changing a mind")
    }

    fn change(&self, change: impl FnOnce(&mut Mind)) {
        change(&mut self.mind());
        self.bell.ring();
    }

    /// A moment as YARN shows it: milliseconds since 1970.
    fn wall(&self, moment: Instant) -> u64 {
        let (instant, wall) = self.epoch;
        let wall = match moment.checked_duration_since(instant) {
            Some(later) => wall + later,
            None => wall - instant.duration_since(moment),
        };
        millis(wall)
    }
}

fn millis(wall: SystemTime) -> u64 {
    let since = wall.duration_since(UNIX_EPOCH).expect("the clock is past 1970");
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// The server's own powers: faults, outages, recorded calls.
impl Deref for Yarn {
    type Target = Server;

    fn deref(&self) -> &Server {
        &self.server
    }
}

impl Yarn {
    /// Starts a ResourceManager of the applications behind `livy`, without a state store, up for an hour.
    pub async fn start(livy: &Livy) -> Self {
        let bell = livy.bell();
        let epoch = (Instant::now(), SystemTime::now());
        let mut made = None;
        let server = Server::start(Some(IDLE), bell.clone(), |runtime| {
            let mind = Mutex::new(Mind::new(millis(epoch.1 - UP_BEFORE)));
            let shared = Arc::new(Shared { livy: livy.clone(), bell, epoch, runtime, mind });
            made = Some(Arc::clone(&shared));
            shared
        })
        .await;
        let shared = made.expect("the service was made");
        let url = server.url();
        shared.change(|mind| mind.url = url);
        Self { server, shared }
    }

    /// Kills it and starts it again: it has been up since now. Without a state store it has forgotten every
    /// application; what runs goes on here, though a real cluster would end it.
    pub async fn restart(&self, keeps: bool) {
        self.restart_with(if keeps { Store::FileSystem } else { Store::Null }).await;
    }

    /// The same with any store; the two that do not outlive a process forget.
    pub async fn restart_with(&self, store: Store) {
        self.down().await;
        let applications = self.shared.livy.applications();
        self.shared.change(|mind| {
            mind.started_on = millis(SystemTime::now());
            mind.store = store;
            if !store.keeps() {
                mind.forgotten.extend(applications.into_iter().filter_map(|application| application.id));
            }
        });
        self.up().await;
    }

    /// The same without a store, and every application dies with it: the `NodeManager`s, which know nothing of a new
    /// ResourceManager, end their containers. Nobody will ever say how they ended.
    pub async fn restart_and_kill(&self) {
        self.restart_with(Store::Null).await;
        for application in self.shared.livy.live_applications() {
            self.shared.livy.kill_application(application.id.as_deref().unwrap_or_default());
        }
    }

    /// What it keeps its applications in, without a restart.
    pub fn keep_in(&self, store: Store) {
        self.shared.change(|mind| mind.store = store);
    }

    /// Speaks TLS with this certificate, as do its `NodeManager` and its log server.
    pub fn secure(&self, identity: &Identity) {
        self.server.secure(identity);
        let url = self.server.url();
        self.shared.change(|mind| mind.url = url);
    }

    /// Lets it forget an application, as it does when it has finished too many others.
    pub fn forget(&self, id: &str) {
        self.shared.change(|mind| {
            mind.forgotten.insert(id.to_owned());
        });
    }

    /// How many applications that have ended it remembers (`yarn.resourcemanager.max-completed-applications`): 1,000
    /// unless set.
    pub fn keep_completed(&self, count: usize) {
        self.shared.change(|mind| mind.most_completed = count);
    }

    /// What it says of an application from now on, whatever Livy's world has: `FINISHED` and `SUCCEEDED`, …
    pub fn set(&self, id: &str, state: &str, final_status: &str) {
        self.shared.change(|mind| {
            mind.told.insert(id.to_owned(), (state.to_owned(), final_status.to_owned()));
        });
    }

    /// The diagnostics of an application.
    pub fn diagnose(&self, id: &str, text: &str) {
        self.shared.change(|mind| {
            mind.diagnosed.insert(id.to_owned(), text.to_owned());
        });
    }

    /// How many characters of diagnostics it keeps (`yarn.app.attempt.diagnostics.limit.kc`): 65,536 unless set.
    pub fn keep_diagnostics(&self, characters: usize) {
        self.shared.change(|mind| mind.most_said = characters);
    }

    /// What an application's driver wrote into `stderr` or `stdout`.
    pub fn wrote(&self, id: &str, file: &str, text: impl AsRef<[u8]>) {
        self.shared.change(|mind| {
            mind.wrote.insert((id.to_owned(), file.to_owned()), text.as_ref().to_owned());
        });
    }

    /// From now on `NodeManager`s have given logs away, and the log server says this of each of them.
    pub fn have_no_logs(&self, says: &str) {
        self.shared.change(|mind| {
            mind.aggregated = Some(0);
            mind.without_logs = Some(says.to_owned());
        });
    }

    /// From now on `NodeManager`s have given logs away, and the log server has each of them after `asked` requests.
    pub fn aggregate(&self, asked: usize) {
        self.shared.change(|mind| mind.aggregated = Some(asked));
    }

    /// When an application's first container was started, counted from its submission. Without it, as soon as it runs.
    pub fn launched(&self, id: &str, after: Duration) {
        self.shared.change(|mind| {
            mind.launched.insert(id.to_owned(), after);
        });
    }

    /// What an application has cost. Without it, what one driver and one executor of 1 GiB and one core each cost from
    /// its launch.
    pub fn cost(&self, id: &str, memory_seconds: u64, vcore_seconds: u64) {
        self.shared.change(|mind| {
            mind.costs.insert(id.to_owned(), Cost { memory_seconds, vcore_seconds });
        });
    }

    /// Writes this, letter by letter, where an application's view has that key: `INF` for `queueUsagePercentage` is
    /// what a queue without a share gives (YARN-7699), and no JSON.
    pub fn write(&self, id: &str, key: &str, letters: &str) {
        self.shared.change(|mind| {
            mind.written.entry(id.to_owned()).or_default().push((key.to_owned(), letters.to_owned()));
        });
    }

    /// Drivers that live show what `spark` knows of their applications, below `/proxy/<id>/`.
    pub fn show(&self, spark: &Spark) {
        self.shared.change(|mind| mind.drivers = Some(spark.shared()));
    }

    /// Answers as Hadoop 2 did: null where there is no application, and no time of the launch.
    pub fn is_hadoop_2(&self) {
        self.shared.change(|mind| mind.hadoop_2 = true);
    }

    /// What others than the owner, the user `hadoop`, may do and see. From the start: everything.
    pub fn allow(&self, rights: Rights) {
        self.shared.change(|mind| mind.rights = rights);
    }

    /// A kill takes so long; until then the application goes on, and is `KILLING` where its state alone is asked for.
    pub fn kill_takes(&self, time: Duration) {
        self.shared.change(|mind| mind.kill_takes = time);
    }

    /// Makes it a standby, which sends everybody to the active one at `url`, but tells about itself.
    pub fn standby(&self, url: &str) {
        self.shared.change(|mind| mind.role = Role::StandbyOf(url.to_owned()));
    }

    /// Makes it a standby that knows of no active one.
    pub fn without_an_active_one(&self) {
        self.shared.change(|mind| mind.role = Role::Leaderless);
    }

    /// Makes it the active one again. It counts its time anew from then, as the real one does.
    pub fn activate(&self) {
        self.shared.change(|mind| {
            mind.role = Role::Active;
            mind.started_on = millis(SystemTime::now());
        });
    }

    /// Every PUT of a state so far.
    pub fn kills(&self) -> Vec<Kill> {
        let calls = self.calls_of("PUT /apps/*/state").into_iter();
        calls
            .map(|call| Kill { at: call.at, id: call.operation.key.clone(), status: call.status, call })
            .collect()
    }
}
