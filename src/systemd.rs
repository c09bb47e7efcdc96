//! What the service manager hears from the daemon, and the signals by which it is told what to do.
//!
//! Nothing here waits for the service manager. A word that it must hear (ready, reloading, stopping, the latest status)
//! and that its socket did not take goes out with the next datagram.

mod leaving;
pub mod node;
mod watchdog;

use std::env;
use std::ffi::OsStr;
use std::fmt;
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sd_notify::NotifyState;
use tokio::signal::unix::{self, SignalKind};

use crate::printable::printable;

pub use leaving::ShutdownMarker;
pub use watchdog::{Supervised, Watchdog};

/// Bytes of a status. `systemctl status` shows it on one line.
const STATUS_LIMIT: usize = 1024;

/// How long an ended daemon stays for journald to read its last lines.
const LINGER: Duration = Duration::from_millis(300);

/// Tells the service manager how the daemon is; silent where there is none. Clones share what is still to be told, so
/// there is one in a process, and clones of it.
#[derive(Debug, Clone)]
pub struct Notifier {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    manager: Option<Manager>,
    watchdog: Option<Duration>,
    unsent: Mutex<Unsent>,
}

#[derive(Debug)]
struct Manager {
    socket: UnixDatagram,
    address: SocketAddr,
}

/// What the service manager does not know yet.
#[derive(Debug, Default)]
struct Unsent {
    /// The last of READY, RELOADING and STOPPING: an earlier one is void.
    phase: Option<String>,
    /// The latest status, known or not.
    status: String,
    status_is_due: bool,
}

impl Notifier {
    /// Speaks to the service manager that started this process, if one did.
    pub fn from_environment() -> Notifier {
        let Some(address) = env::var_os("NOTIFY_SOCKET") else { return Notifier::with(None, None) };
        Notifier::to(&address, sd_notify::watchdog_enabled()).unwrap_or_else(|error| {
            tracing::warn!("the service manager at {} cannot be told anything: {error}", address.display());
            Notifier::with(None, None)
        })
    }

    /// Speaks to `address`, a path or `@` and an abstract name; `watchdog` is how long it lets pass without a sign of
    /// life.
    ///
    /// # Errors
    /// The address cannot be read, or no socket can be made.
    pub fn to(address: &OsStr, watchdog: Option<Duration>) -> io::Result<Notifier> {
        let address = match address.as_bytes().strip_prefix(b"@") {
            Some(name) => SocketAddr::from_abstract_name(name)?,
            None => SocketAddr::from_pathname(address)?,
        };
        let socket = UnixDatagram::unbound()?;
        socket.set_nonblocking(true)?;
        Ok(Notifier::with(Some(Manager { socket, address }), watchdog))
    }

    fn with(manager: Option<Manager>, watchdog: Option<Duration>) -> Notifier {
        let watchdog = watchdog.filter(|limit| !limit.is_zero());
        Notifier { shared: Arc::new(Shared { manager, watchdog, unsent: Mutex::default() }) }
    }

    /// Whether a service manager started this process.
    pub fn is_managed(&self) -> bool {
        self.shared.manager.is_some()
    }

    /// Stays for a moment before the process ends, where a service manager started it. Journald finds out whose line it
    /// reads from the process that wrote it, and `journalctl --unit` would not have the last ones (seen on systemd 219).
    #[expect(clippy::disallowed_methods, reason = "the end of the process, in which nothing else waits")]
    pub fn linger(&self) {
        if self.is_managed() {
            std::thread::sleep(LINGER);
        }
    }

    /// The start is over, or a reload.
    pub fn ready(&self) {
        self.enter(&[NotifyState::Ready]);
    }

    /// The configuration is being read again; [`ready`](Self::ready) follows.
    pub fn reloading(&self) {
        match NotifyState::monotonic_usec_now() {
            Ok(since) => self.enter(&[NotifyState::Reloading, since]),
            Err(_) => self.enter(&[NotifyState::Reloading]),
        }
    }

    /// The daemon has begun to stop.
    pub fn stopping(&self) {
        self.enter(&[NotifyState::Stopping]);
    }

    /// What the daemon is doing, for `systemctl status`. The same text again sends nothing.
    pub fn status(&self, text: &str) {
        let text = one_line(text);
        let mut unsent = self.unsent();
        if unsent.status != text {
            unsent.status = text;
            unsent.status_is_due = true;
            self.send(unsent, "");
        }
    }

    /// How long the service manager lets pass without a sign of life before it kills the daemon.
    pub fn watchdog_interval(&self) -> Option<Duration> {
        self.shared.watchdog
    }

    /// A sign of life.
    fn beat(&self) {
        self.send(self.unsent(), &line(&NotifyState::Watchdog));
    }

    fn enter(&self, phase: &[NotifyState<'_>]) {
        let mut unsent = self.unsent();
        unsent.phase = Some(phase.iter().map(line).collect());
        self.send(unsent, "");
    }

    /// Sends what is due, and `more` lines, which are not kept where they cannot be sent.
    fn send(&self, mut unsent: MutexGuard<'_, Unsent>, more: &str) {
        let Some(manager) = &self.shared.manager else { return };
        let mut message = unsent.phase.clone().unwrap_or_default();
        if unsent.status_is_due {
            message += &line(&NotifyState::Status(&unsent.status));
        }
        message += more;
        // A service manager that does not read can only be told again later.
        if manager.socket.send_to_addr(message.as_bytes(), &manager.address).is_ok() {
            unsent.phase = None;
            unsent.status_is_due = false;
        }
    }

    fn unsent(&self) -> MutexGuard<'_, Unsent> {
        self.shared.unsent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn line(state: &NotifyState<'_>) -> String {
    format!("{state}\n")
}

fn one_line(text: &str) -> String {
    let line = text.lines().collect::<Vec<_>>().join(" ");
    let text = printable(&line);
    text[..text.floor_char_boundary(STATUS_LIMIT)].to_owned()
}

/// What a signal asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// SIGTERM or SIGINT: leave.
    Stop,
    /// SIGHUP: read the configuration again.
    Reload,
}

/// The signals that the daemon obeys, from its making on.
pub struct Signals {
    terminate: unix::Signal,
    interrupt: unix::Signal,
    hangup: unix::Signal,
}

impl fmt::Debug for Signals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Signals")
    }
}

impl Signals {
    /// Takes the signals away from their default, which is to end the process.
    ///
    /// # Errors
    /// A handler cannot be installed.
    pub fn new() -> io::Result<Signals> {
        Ok(Signals {
            terminate: unix::signal(SignalKind::terminate())?,
            interrupt: unix::signal(SignalKind::interrupt())?,
            hangup: unix::signal(SignalKind::hangup())?,
        })
    }

    /// The next one. Signals of one kind that come while nobody asks count once; a stop goes before a reload.
    pub async fn next(&mut self) -> Signal {
        tokio::select! {
            biased;
            _ = self.terminate.recv() => Signal::Stop,
            _ = self.interrupt.recv() => Signal::Stop,
            _ = self.hangup.recv() => Signal::Reload,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::process::{self, Command};

    use super::*;

    #[test]
    fn each_phase_is_told_to_the_service_manager() {
        let manager = Listener::start();
        let notifier = manager.notifier(None);
        notifier.ready();
        assert_eq!(manager.heard(), "READY=1\n");
        notifier.reloading();
        let heard = manager.heard();
        let since = heard.strip_prefix("RELOADING=1\nMONOTONIC_USEC=").unwrap().trim_end();
        assert!(since.parse::<u64>().unwrap() > 0);
        notifier.stopping();
        assert_eq!(manager.heard(), "STOPPING=1\n");
    }

    #[test]
    fn a_status_is_sent_when_it_changes_and_is_one_short_line() {
        let manager = Listener::start();
        let notifier = manager.notifier(None);
        notifier.status("Polling;\n2 of 20 slots busy");
        notifier.status("Polling;\n2 of 20 slots busy");
        notifier.status(&"ü".repeat(1000));
        notifier.status("");
        assert_eq!(manager.heard(), "STATUS=Polling; 2 of 20 slots busy\n");
        assert_eq!(manager.heard(), format!("STATUS={}\n", "ü".repeat(STATUS_LIMIT / 2)));
        assert_eq!(manager.heard(), "STATUS=\n");
    }

    #[test]
    fn an_abstract_address_is_understood() {
        let name = format!("spark-job-worker-test-{}", process::id());
        let socket = UnixDatagram::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap();
        Notifier::to(OsStr::new(&format!("@{name}")), None).unwrap().ready();
        assert_eq!(read(&socket), "READY=1\n");
    }

    #[test]
    fn without_a_service_manager_nothing_happens() {
        let notifier = Notifier::with(None, None);
        notifier.ready();
        notifier.status("Polling");
        assert_eq!(notifier.watchdog_interval(), None);
    }

    #[test]
    fn a_full_socket_never_blocks_and_what_matters_is_told_later() {
        let manager = Listener::start();
        let notifier = manager.notifier(None);
        (0..10_000).for_each(|_| notifier.beat());
        notifier.ready();
        notifier.status("Waiting for Livy");
        notifier.status("Polling");
        manager.drain();
        notifier.beat();
        assert_eq!(manager.heard(), "READY=1\nSTATUS=Polling\nWATCHDOG=1\n");
        notifier.beat();
        assert_eq!(manager.heard(), "WATCHDOG=1\n");
    }

    #[test]
    fn a_watchdog_of_no_time_is_none() {
        let manager = Listener::start();
        assert_eq!(manager.notifier(Some(Duration::ZERO)).watchdog_interval(), None);
        assert_eq!(
            manager.notifier(Some(Duration::from_secs(30))).watchdog_interval(),
            Some(Duration::from_secs(30))
        );
    }

    #[test]
    fn signals_ask_to_stop_and_to_reload() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut signals = Signals::new().unwrap();
            for (name, asked) in [("HUP", Signal::Reload), ("TERM", Signal::Stop), ("INT", Signal::Stop)] {
                let kill = format!("kill -{name} {}", process::id());
                assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
                assert_eq!(signals.next().await, asked, "{name}");
            }
        });
    }

    /// The service manager's end of the socket.
    pub(super) struct Listener {
        socket: UnixDatagram,
        directory: tempfile::TempDir,
    }

    impl Listener {
        pub(super) fn start() -> Listener {
            let directory = tempfile::tempdir().unwrap();
            let socket = UnixDatagram::bind(Listener::path(directory.path())).unwrap();
            Listener { socket, directory }
        }

        pub(super) fn notifier(&self, watchdog: Option<Duration>) -> Notifier {
            Notifier::to(Listener::path(self.directory.path()).as_os_str(), watchdog).unwrap()
        }

        /// The next datagram.
        pub(super) fn heard(&self) -> String {
            read(&self.socket)
        }

        /// Forgets what has come so far.
        pub(super) fn drain(&self) {
            self.socket.set_nonblocking(true).unwrap();
            while self.socket.recv(&mut [0; 4096]).is_ok() {}
            self.socket.set_nonblocking(false).unwrap();
        }

        /// Whether nothing comes within `limit`.
        pub(super) fn is_silent_for(&self, limit: Duration) -> bool {
            self.socket.set_read_timeout(Some(limit)).unwrap();
            self.socket.recv(&mut [0; 4096]).is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
        }

        fn path(directory: &Path) -> std::path::PathBuf {
            directory.join("notify")
        }
    }

    fn read(socket: &UnixDatagram) -> String {
        socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let mut bytes = [0; 4096];
        let length = socket.recv(&mut bytes).unwrap();
        String::from_utf8(bytes[..length].to_vec()).unwrap()
    }
}
