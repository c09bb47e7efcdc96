//! Which Livy the stand-in is, and how it is configured.

use std::time::Duration;

/// A release of Livy, as far as clients can tell it from others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    /// 0.7.0 and 0.7.1.
    V0_7,
    /// 0.8.0: what EMR 7 ships.
    V0_8,
    /// 0.9.0.
    V0_9,
}

impl Version {
    /// All of them, oldest first.
    pub const ALL: [Self; 3] = [Self::V0_7, Self::V0_8, Self::V0_9];

    pub(super) fn text(self) -> &'static str {
        match self {
            Self::V0_7 => "0.7.1-incubating",
            Self::V0_8 => "0.8.0-incubating",
            Self::V0_9 => "0.9.0-incubating",
        }
    }

    /// What a bad request's reason is wrapped in when it was found while creating a batch.
    pub(super) fn rejection(self, reason: &str) -> String {
        if self >= Self::V0_8 { format!("Rejected, Reason: {reason}") } else { reason.to_owned() }
    }
}

/// Where Livy runs the jobs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Master {
    /// Beside itself: `running` at once, no application id.
    Local,
    /// On YARN in cluster mode.
    Yarn,
}

/// What `livy.conf` says. Change it with [`Livy::configure`](super::Livy::configure).
#[derive(Clone, Debug)]
pub struct Settings {
    /// Which Livy this is.
    pub version: Version,
    /// Where the jobs run.
    pub master: Master,
    /// `livy.server.csrf-protection.enabled`.
    pub csrf: bool,
    /// `livy.server.session.max-creation`: how many spark-submits may run at once.
    pub max_creation: usize,
    /// `livy.file.local-dir-whitelist`: local files must lie below one of these.
    pub whitelist: Vec<String>,
    /// Whether Livy logs at INFO, its default: then null lists fail before they leave a zombie.
    pub logs_at_info: bool,
    /// `livy.server.session.state-retain.sec`: when a finished batch is forgotten.
    pub retain: Duration,
    /// `livy.server.yarn.app-lookup-timeout`: how long Livy looks for an application, also in DELETE.
    pub lookup_timeout: Duration,
    /// How long spark-submit takes to start: the record can be seen, with an empty log, before the POST is answered.
    pub start_takes: Duration,
    /// How long YARN takes to kill an application.
    pub kill_takes: Duration,
    /// DELETE answers 200, forgets the batch, and the application goes on.
    pub kill_fails: bool,
    /// `livy.server.session.timeout`: when a session ends in which nothing new was done, whether or not a statement runs.
    pub session_timeout: Duration,
    /// `livy.rsc.retained-statements`.
    pub retained_statements: usize,
    /// `livy.rsc.rpc.max.size`: a longer answer never comes, and no other after it.
    pub rpc_max_size: usize,
    /// The first look at a statement that has ended comes between its state and its output.
    pub outputs_lag: bool,
    /// `livy.rsc.client.shutdown-timeout`: how long DELETE waits for a statement that runs.
    pub shutdown_timeout: Duration,
    /// The drivers of new sessions never call back.
    pub sessions_hang: bool,
}

impl Settings {
    /// Livy's defaults.
    pub fn new(version: Version, master: Master) -> Self {
        Self {
            version,
            master,
            csrf: false,
            max_creation: 100,
            whitelist: Vec::new(),
            logs_at_info: true,
            retain: Duration::from_secs(600),
            lookup_timeout: Duration::from_secs(120),
            start_takes: Duration::ZERO,
            kill_takes: Duration::ZERO,
            kill_fails: false,
            session_timeout: Duration::from_secs(3_600),
            retained_statements: 100,
            rpc_max_size: 50 << 20,
            outputs_lag: false,
            shutdown_timeout: Duration::from_secs(10),
            sessions_hang: false,
        }
    }

    /// The same with this directory on the whitelist.
    pub fn allowing(mut self, directory: impl Into<String>) -> Self {
        self.whitelist.push(directory.into());
        self
    }
}
