//! The last stage: the configuration as the program uses it. Every value has been read, and nothing is left to parse.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::door::DoorSettings;
use super::{duration, node};
use crate::arn::ActivityArn;
use crate::job::machine::OnAbort;
use crate::job::request::{Defaults, OwnLivy};
use crate::log::{Filter, Format, Target};
use crate::spark::address::Address;
use crate::spark::tls::Fingerprint;

/// From heartbeat to heartbeat, as shipped.
pub const HEARTBEAT_INTERVAL: Duration = Duration::from_secs(20);
/// What becomes of a job whose execution no longer waits, as shipped.
pub const ON_ABORT: OnAbort = OnAbort::Kill;

/// The configuration of a daemon that can be started.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Step Functions.
    pub aws: AwsSettings,
    /// What is polled: activities, all in one region.
    pub activities: Vec<ActivitySettings>,
    /// The queues that requests for resources come through, in the same region.
    pub doors: Vec<DoorSettings>,
    /// Livy.
    pub livy: LivySettings,
    /// YARN.
    pub yarn: YarnSettings,
    /// Who is asked about an end beside YARN.
    pub verify: VerifySettings,
    /// How running jobs are followed.
    pub watch: WatchSettings,
    /// The journal.
    pub state: StateSettings,
    /// How the worker stops.
    pub stop: StopSettings,
    /// The log.
    pub log: LogSettings,
    /// What operators look at.
    pub admin: AdminSettings,
}

impl Settings {
    /// Under which names an input may mean our own Livy. Where that is has to be told, and told again when it moves.
    pub fn own_livy(&self) -> OwnLivy {
        OwnLivy::new(node::node_names().into_iter().chain(self.livy.aliases.iter().cloned()), 0)
    }
}

/// How to reach Step Functions.
#[derive(Debug, Clone)]
pub struct AwsSettings {
    /// The activities' region, or the topics'.
    pub region: String,
    /// Where every call goes; `None`: where the SDK says.
    pub endpoint_url: Option<Address>,
    /// Heartbeats a second, over all tasks.
    pub heartbeat_rate: u32,
    /// Heartbeats a second that all places together need.
    pub heartbeats_needed: f64,
}

/// One activity that is polled.
#[derive(Debug, Clone)]
pub struct ActivitySettings {
    /// Its ARN.
    pub arn: ActivityArn,
    /// Jobs at once.
    pub max_concurrent_jobs: usize,
    /// Polls open at once.
    pub pollers: usize,
    /// From heartbeat to heartbeat.
    pub heartbeat_interval: Duration,
    /// What becomes of a job whose execution no longer waits.
    pub on_abort: OnAbort,
    /// What inputs inherit.
    pub defaults: Defaults,
}

/// How to reach Livy.
#[derive(Debug, Clone)]
pub struct LivySettings {
    /// Where it is, and how it and we know each other.
    pub service: ServiceSettings,
    /// Other names under which inputs may mean this Livy.
    pub aliases: Vec<String>,
    /// The longest that a request may take; DELETE has 150 s, because Livy may look for an application for 120 s.
    pub request_timeout: Duration,
    /// For how long Livy may keep a task waiting before it fails with `SparkJob.LivyUnavailable`.
    pub patience: Duration,
    /// POSTs at once.
    pub max_concurrent_submits: usize,
}

/// How to reach YARN.
#[derive(Debug, Clone)]
pub struct YarnSettings {
    /// Where the ResourceManagers are, and how they and we know each other. The same holds for YARN's web pages.
    pub service: ServiceSettings,
    /// Whether Livy and all `node managers` run under a UTF-8 locale, so that arguments may hold more than ASCII.
    pub utf8: bool,
}

/// Who is asked about an end beside YARN.
#[derive(Debug, Clone)]
pub struct VerifySettings {
    /// Spark's own REST interface is asked which of its jobs and stages failed.
    pub spark: bool,
    /// Where Spark's history server is. What holds for YARN's web pages holds for it, and no login goes there.
    pub history: ServiceLocation,
}

/// A service of the cluster.
#[derive(Debug, Clone)]
pub struct ServiceSettings {
    /// The table that says so, for messages.
    pub table: &'static str,
    /// Where it is.
    pub place: ServiceLocation,
    /// Which certificates are believed.
    pub trust: TrustSettings,
    /// Who we are to it; `None` where it does not ask.
    pub login: Option<LoginSettings>,
}

/// Where a service is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServiceLocation {
    /// Where the files of this node say.
    Auto,
    /// At the first of these that answers; at none of them where it is switched off.
    At(Vec<Address>),
}

/// Which certificates are believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TrustSettings {
    /// Those that the node's own roots vouch for.
    Platform,
    /// Those that the authorities in this file vouch for.
    CaFile(PathBuf),
    /// These.
    Pinned(Vec<Fingerprint>),
    /// Any.
    Anyone,
}

/// A name for HTTP's basic authentication, and where its password is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoginSettings {
    /// The name.
    pub username: String,
    /// The file with the password.
    pub password_file: PathBuf,
}

/// How running jobs are followed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WatchSettings {
    /// From sweep to sweep while jobs run.
    #[serde(with = "duration")]
    pub interval: Duration,
    /// From sweep to sweep while none does.
    #[serde(with = "duration")]
    pub idle_interval: Duration,
    /// For how long "not there" must be answered before a doubtful POST is believed to have failed.
    #[serde(with = "duration")]
    pub submit_settle: Duration,
    /// For how long a batch may have no application.
    #[serde(with = "duration")]
    pub start_timeout: Duration,
    /// For how long a run may be missing before it is lost.
    #[serde(with = "duration")]
    pub lost_after: Duration,
    /// For how long Livy's success waits for a silent YARN.
    #[serde(with = "duration")]
    pub verdict_patience: Duration,
    /// How old a doubtful POST may be that is tried again: less than Livy's and YARN's memory of ended jobs.
    #[serde(with = "duration")]
    pub doubt_limit: Duration,
    /// For how long a killed job must be absent from YARN where it was never seen there.
    #[serde(with = "duration")]
    pub kill_settle: Duration,
    /// How often a session is kept from being ended while a statement runs: Livy counts only what is new.
    #[serde(with = "duration")]
    pub session_keep: Duration,
}

/// Where the journal is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StateSettings {
    /// The state directory.
    pub directory: PathBuf,
}

/// How the worker stops.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StopSettings {
    /// What becomes of the tasks that are held.
    pub on_stop: OnStop,
    /// For how long a stop waits for open polls.
    #[serde(with = "duration")]
    pub grace: Duration,
}

/// What a stop does with the tasks that are held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnStop {
    /// Jobs run on, and the next start takes them over.
    Handoff,
    /// Every task is answered with `SparkJob.ClusterTerminating`, and its job is killed.
    Fail,
}

/// Where and what is logged.
#[derive(Debug, Clone)]
pub struct LogSettings {
    /// journald, stderr, or journald where there is one.
    pub target: Target,
    /// How lines look on stderr.
    pub format: Format,
    /// What passes.
    pub filter: Filter,
}

/// How an operator looks at the daemon.
#[derive(Debug, Clone)]
pub struct AdminSettings {
    /// Where the HTTP endpoint is, on the loopback; `None` where it is switched off.
    pub listen: Option<SocketAddr>,
    /// The control socket.
    pub socket: PathBuf,
}

impl Default for WatchSettings {
    fn default() -> WatchSettings {
        WatchSettings {
            interval: Duration::from_secs(1),
            idle_interval: Duration::from_secs(10),
            submit_settle: Duration::from_secs(180),
            start_timeout: Duration::from_secs(1_800),
            lost_after: Duration::from_secs(180),
            verdict_patience: Duration::from_secs(600),
            doubt_limit: Duration::from_secs(540),
            kill_settle: Duration::from_secs(720),
            session_keep: Duration::from_secs(300),
        }
    }
}

impl Default for StateSettings {
    fn default() -> StateSettings {
        StateSettings { directory: PathBuf::from("/var/lib/spark-job-worker") }
    }
}

impl Default for StopSettings {
    fn default() -> StopSettings {
        StopSettings { on_stop: OnStop::Handoff, grace: Duration::from_secs(70) }
    }
}
