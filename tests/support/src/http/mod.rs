//! The server under both stand-ins: it records every call, lets faults befall chosen ones, and waits without sleeping.

mod call;
mod fault;
mod ledger;
mod serve;
mod tls;

pub(crate) use call::decoded;
pub use call::{Answer, Call, Operation, Request};
pub use fault::{Fault, On};
pub use tls::{Authority, Identity};

use std::future::Future;
use std::net::{Ipv4Addr, SocketAddr};
use std::ops::Deref;
use std::panic::Location;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tokio::net::TcpSocket;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot, watch};

use ledger::Ledger;
use serve::{Control, Shared};

/// How long a wait lasts unless the test says otherwise: far above what a loaded machine needs.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Waits for what a stand-in is to see.
pub trait WaitFor: Deref<Target = Server> {
    /// Waits until the condition holds; panics with the calls so far when it does not within `limit` (`None`:
    /// [`PATIENCE`]).
    #[track_caller]
    fn wait_for<'a>(
        &'a self,
        mut condition: impl FnMut(&Self) -> bool + 'a,
        limit: impl Into<Option<Duration>>,
    ) -> impl Future<Output = ()> + 'a {
        self.wait_to_see(move || condition(self).then_some(()), limit)
    }
}

impl<S: Deref<Target = Server>> WaitFor for S {}

/// The answer to a request, in the making.
pub type Answering = Pin<Box<dyn Future<Output = Answer> + Send>>;

/// What a stand-in adds to the server: names for its requests, and answers.
pub trait Service: Send + Sync + 'static {
    /// The name by which faults and tests choose this request, and the key that tells it from others of that name.
    fn operation(&self, request: &Request) -> Operation;

    /// Applies the request. Runs to its end even when the client leaves, as a real server's thread does.
    fn answer(self: Arc<Self>, request: Arc<Request>) -> Answering;
}

/// Tells every wait that something changed.
#[derive(Clone)]
pub struct Bell(watch::Sender<()>);

impl Default for Bell {
    fn default() -> Self {
        Self(watch::Sender::new(()))
    }
}

impl Bell {
    /// Wakes every wait, which then looks at its condition again.
    pub fn ring(&self) {
        self.0.send_replace(());
    }

    pub(crate) fn subscribe(&self) -> watch::Receiver<()> {
        self.0.subscribe()
    }
}

/// A running HTTP server on a loopback port. Ends when its last handle is dropped.
#[derive(Clone)]
pub struct Server(Arc<Inner>);

struct Inner {
    address: SocketAddr,
    shared: Arc<Shared>,
    runtime: Handle,
    control: mpsc::UnboundedSender<Control>,
}

impl Server {
    /// Starts a server for `service`; idle connections are closed after `idle`, if given.
    ///
    /// The service is made from the handle of the server's own runtime, on which it can run timers.
    pub async fn start<S: Service>(
        idle: Option<Duration>,
        bell: Bell,
        service: impl FnOnce(Handle) -> Arc<S>,
    ) -> Self {
        let (control, orders) = mpsc::unbounded_channel();
        let reserved = reserve(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
        let address = reserved.local_addr().expect("a bound socket has an address");
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime can be built");
        let handle = runtime.handle().clone();
        let shared = Arc::new(Shared {
            service: service(handle.clone()),
            ledger: Ledger::new(bell),
            idle,
            identity: Mutex::default(),
            login: Mutex::default(),
            hung: watch::Sender::new(false),
            releases: watch::Sender::new(0),
        });
        let serving = Arc::clone(&shared);
        std::thread::Builder::new()
            .name("stand-in".into())
            .spawn(move || {
                runtime.block_on(serve::run(serving, reserved, orders));
                // Polls in the making may wait for a minute; nobody is left to hear their answers.
                runtime.shutdown_background();
            })
            .expect("a thread can be started");
        let server = Self(Arc::new(Inner { address, shared, runtime: handle, control }));
        server.up().await;
        server
    }

    /// `http://127.0.0.1:PORT`, without a slash at the end; `https` where it has an identity.
    pub fn url(&self) -> String {
        let secured = self.0.shared.identity.lock().expect("no panic while it is held").is_some();
        format!("{}://{}", if secured { "https" } else { "http" }, self.0.address)
    }

    /// Connections from now on are TLS, with this certificate; those that are open stay as they are.
    pub fn secure(&self, identity: &Identity) {
        *self.0.shared.identity.lock().expect("no panic while it is held") = Some(identity.clone());
    }

    /// Answers only who says this name and password, with 401 to all others.
    pub fn demand(&self, username: &str, password: &str) {
        let login = format!("Basic {}", STANDARD.encode(format!("{username}:{password}")));
        *self.0.shared.login.lock().expect("no panic while it is held") =
            Some((login, "Basic realm=\"stand-in\""));
    }

    /// Answers nobody: with 401 and the challenge of a server that wants Kerberos.
    pub fn demand_kerberos(&self) {
        let ticket = "Negotiate of-nobody".to_owned();
        *self.0.shared.login.lock().expect("no panic while it is held") = Some((ticket, "Negotiate"));
    }

    /// The address that the server listens at, also while it is down.
    pub fn address(&self) -> SocketAddr {
        self.0.address
    }

    /// Closes the listener and drops every connection: clients meet "connection refused" until [`Server::up`].
    pub async fn down(&self) {
        self.order(Control::Down).await;
    }

    /// Listens again, on the same port.
    pub async fn up(&self) {
        self.order(Control::Up).await;
    }

    async fn order(&self, order: impl FnOnce(oneshot::Sender<()>) -> Control) {
        let (done, obeyed) = oneshot::channel();
        self.0.control.send(order(done)).expect("the server's thread runs");
        obeyed.await.expect("the server's thread runs");
    }

    /// Freezes the whole server, as a stopped process is: connections are taken, nothing is answered. On
    /// `false` everything that arrived meanwhile is worked off, also for clients who have left.
    pub fn hang_all(&self, hung: bool) {
        self.0.shared.hung.send_replace(hung);
    }

    /// Lets every call go on that a [`Fault::Hang`], [`Fault::Late`] or [`Fault::HangAfter`] holds.
    pub fn release(&self) {
        self.0.shared.releases.send_modify(|count| *count += 1);
    }

    /// The next call of this kind meets the fault.
    pub fn fault(&self, on: impl Into<On>, fault: Fault) {
        self.fault_times(on, 1, fault);
    }

    /// The next `times` calls of this kind meet the fault, after those queued for it earlier (`usize::MAX`: all of them).
    pub fn fault_times(&self, on: impl Into<On>, times: usize, fault: Fault) {
        self.0.shared.ledger.queue(on.into(), times, fault);
    }

    /// Forgets the faults that have not happened yet.
    pub fn clear_faults(&self) {
        self.0.shared.ledger.clear_faults();
    }

    /// How many faults are queued and have not happened yet.
    pub fn faults_left(&self) -> usize {
        self.0.shared.ledger.faults_left()
    }

    /// Every call so far, in the order of arrival.
    pub fn calls(&self) -> Vec<Call> {
        self.0.shared.ledger.calls()
    }

    /// The calls of one operation so far.
    pub fn calls_of(&self, operation: &str) -> Vec<Call> {
        self.0.shared.ledger.calls_of(operation)
    }

    /// How many calls of one operation have arrived.
    pub fn count(&self, operation: &str) -> usize {
        self.0.shared.ledger.count(operation)
    }

    /// The runtime that serves; timers on it run whatever the test's own runtime does.
    pub fn runtime(&self) -> &Handle {
        &self.0.runtime
    }

    /// Waits until `look` sees something, and returns it; panics with the calls so far when it does not within `limit`
    /// (`None`: [`PATIENCE`]).
    #[track_caller]
    pub fn wait_to_see<'a, T>(
        &'a self,
        mut look: impl FnMut() -> Option<T> + 'a,
        limit: impl Into<Option<Duration>>,
    ) -> impl Future<Output = T> + 'a {
        let caller = Location::caller();
        let limit = limit.into().unwrap_or(PATIENCE);
        let mut changes = self.0.shared.ledger.bell().subscribe();
        async move {
            // On the server's own clock: a paused one in the test would end the wait at once.
            let mut over = self.0.runtime.spawn(tokio::time::sleep(limit));
            loop {
                changes.mark_unchanged();
                if let Some(seen) = look() {
                    over.abort();
                    return seen;
                }
                tokio::select! {
                    _ = changes.changed() => {}
                    _ = &mut over => break,
                }
            }
            // The last change and the end of the limit may have come together.
            look().unwrap_or_else(|| {
                panic!(
                    "waited {limit:?} in vain at {caller}; the calls so far:\n{}",
                    self.0.shared.ledger.dump()
                )
            })
        }
    }
}

/// Binds a socket that keeps the port without listening, so that nobody else gets it while the server is down.
fn reserve(address: SocketAddr) -> TcpSocket {
    let socket = TcpSocket::new_v4().expect("a socket can be had");
    socket.set_reuseaddr(true).expect("the address can be shared");
    socket.set_reuseport(true).expect("the port can be shared");
    socket.bind(address).expect("a loopback port is free");
    socket
}
