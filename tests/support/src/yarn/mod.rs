//! YARN's ResourceManager as its REST interface shows it: the applications of Livy's stand-in, found by id or by tag,
//! killed, forgotten over restarts, and told otherwise by a standby.
//!
//! Operations are named `GET /apps` (key: the tags), `GET /apps/*` and `PUT /apps/*/state` (key: the id), and
//! `GET /info`; the paths begin with `/ws/v1/cluster`. A `NodeManager` and the log server are under the same address:
//! `GET /node/containerlogs` and `GET /jobhistory/logs`, whose key is the file.

mod pages;
mod routes;
mod views;

use std::collections::{HashMap, HashSet};
use std::future::Future;
use std::ops::Deref;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::http::{Bell, Call, Identity, Server};
use crate::livy::Livy;

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
    mind: Mutex<Mind>,
}

/// What a ResourceManager knows beside the applications, or instead of them.
struct Mind {
    /// Milliseconds since 1970.
    started_on: u64,
    keeps: bool,
    /// Where the active one is, if this is a standby.
    standby_of: Option<String>,
    forgotten: HashSet<String>,
    told: HashMap<String, (String, String)>,
    /// Where this server is: its `NodeManager` and its log server are under the same address.
    url: String,
    /// What drivers wrote: by application and file.
    wrote: HashMap<(String, String), String>,
    /// Logs are with the log server, which has them after being asked so often.
    aggregated: Option<usize>,
    diagnosed: HashMap<String, String>,
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
        let shared = Arc::new(Shared {
            livy: livy.clone(),
            bell: bell.clone(),
            epoch,
            mind: Mutex::new(Mind {
                started_on: millis(epoch.1 - UP_BEFORE),
                keeps: false,
                standby_of: None,
                forgotten: HashSet::new(),
                told: HashMap::new(),
                url: String::new(),
                wrote: HashMap::new(),
                aggregated: None,
                diagnosed: HashMap::new(),
            }),
        });
        let server = Server::start(Some(IDLE), bell, |_| Arc::clone(&shared)).await;
        let url = server.url();
        shared.change(|mind| mind.url = url);
        Self { server, shared }
    }

    /// Kills it and starts it again: it has been up since now. Without a state store it has forgotten every
    /// application; what runs goes on here, though a real cluster would end it.
    pub async fn restart(&self, keeps: bool) {
        self.down().await;
        let applications = self.shared.livy.applications();
        self.shared.change(|mind| {
            mind.started_on = millis(SystemTime::now());
            mind.keeps = keeps;
            if !keeps {
                mind.forgotten.extend(applications.into_iter().filter_map(|application| application.id));
            }
        });
        self.up().await;
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

    /// What an application's driver wrote into `stderr` or `stdout`.
    pub fn wrote(&self, id: &str, file: &str, text: &str) {
        self.shared.change(|mind| {
            mind.wrote.insert((id.to_owned(), file.to_owned()), text.to_owned());
        });
    }

    /// From now on `NodeManager`s have given logs away, and the log server has each of them after `asked` requests.
    pub fn aggregate(&self, asked: usize) {
        self.shared.change(|mind| mind.aggregated = Some(asked));
    }

    /// Makes it a standby, which sends everybody to the active one at `url`, but tells about itself.
    pub fn standby(&self, url: &str) {
        self.shared.change(|mind| mind.standby_of = Some(url.to_owned()));
    }

    /// Makes it the active one again.
    pub fn activate(&self) {
        self.shared.change(|mind| mind.standby_of = None);
    }

    /// Every PUT of a state so far.
    pub fn kills(&self) -> Vec<Kill> {
        let calls = self.calls_of("PUT /apps/*/state").into_iter();
        calls
            .map(|call| Kill { at: call.at, id: call.operation.key.clone(), status: call.status, call })
            .collect()
    }

    /// Waits until the condition holds; panics with the calls so far when it does not within `limit`.
    #[track_caller]
    pub fn wait_for<'a>(
        &'a self,
        mut condition: impl FnMut(&Self) -> bool + 'a,
        limit: impl Into<Option<Duration>>,
    ) -> impl Future<Output = ()> + 'a {
        self.server.wait_to_see(move || condition(self).then_some(()), limit)
    }
}
