//! The configuration as it is written: tables, keys and defaults. Strict: an unknown key is an error.

mod cluster;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

use crate::job::machine::OnAbort;
use crate::log::{Format, Target};
pub use cluster::{AUTO, Livy, OneOrSeveral, Yarn};

/// The configuration as it is written.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// `[aws]`
    pub aws: Aws,
    /// `[[activity]]`
    pub activity: Vec<Activity>,
    /// `[livy]`
    pub livy: Livy,
    /// `[yarn]`
    pub yarn: Yarn,
    /// `[watch]`
    pub watch: Watch,
    /// `[state]`
    pub state: State,
    /// `[stop]`
    pub stop: Stop,
    /// `[log]`
    pub log: Log,
    /// `[admin]`
    pub admin: Admin,
}

/// How to reach Step Functions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Aws {
    /// Region; none, or the activities' own.
    pub region: Option<String>,
    /// Endpoint; none: the SDK's own.
    pub endpoint_url: Option<String>,
    /// Heartbeats a second, over all tasks.
    pub heartbeat_rate: u32,
}

/// One activity that is polled.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Activity {
    /// Its ARN.
    pub arn: String,
    /// Jobs at once.
    #[serde(default = "max_concurrent_jobs")]
    pub max_concurrent_jobs: usize,
    /// Polls open at once.
    #[serde(default = "pollers")]
    pub pollers: usize,
    /// From heartbeat to heartbeat.
    #[serde(default = "heartbeat_interval", with = "duration")]
    pub heartbeat_interval: Duration,
    /// What becomes of a job whose execution no longer waits.
    #[serde(default = "on_abort")]
    pub on_abort: OnAbort,
    /// What inputs inherit: a task input.
    #[serde(default)]
    pub defaults: Map<String, Value>,
}

impl Activity {
    /// An activity with nothing but its ARN.
    pub fn new(arn: &str) -> Activity {
        Activity {
            arn: arn.to_owned(),
            max_concurrent_jobs: max_concurrent_jobs(),
            pollers: pollers(),
            heartbeat_interval: heartbeat_interval(),
            on_abort: on_abort(),
            defaults: Map::new(),
        }
    }
}

fn max_concurrent_jobs() -> usize {
    20
}

fn pollers() -> usize {
    1
}

fn heartbeat_interval() -> Duration {
    Duration::from_secs(20)
}

fn on_abort() -> OnAbort {
    OnAbort::Kill
}

/// Where the journal is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct State {
    /// The state directory.
    pub directory: PathBuf,
}

/// How running jobs are followed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Watch {
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
}

/// How the worker stops.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Stop {
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
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Log {
    /// journald, stderr, or journald where there is one.
    pub target: Target,
    /// How lines look on stderr.
    pub format: Format,
    /// What passes: `info`, `info,spark_job_worker::spark=debug`.
    pub filter: String,
}

/// How an operator looks at the daemon.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Admin {
    /// Loopback address and port of the HTTP endpoint that only reads; empty: none.
    pub listen: String,
    /// The control socket.
    pub socket: PathBuf,
}

impl Default for Aws {
    fn default() -> Aws {
        Aws { region: None, endpoint_url: None, heartbeat_rate: 100 }
    }
}

impl Default for State {
    fn default() -> State {
        State { directory: PathBuf::from("/var/lib/spark-job-worker") }
    }
}

impl Default for Watch {
    fn default() -> Watch {
        Watch {
            interval: Duration::from_secs(1),
            idle_interval: Duration::from_secs(10),
            submit_settle: Duration::from_secs(180),
            start_timeout: Duration::from_secs(1_800),
            lost_after: Duration::from_secs(180),
            verdict_patience: Duration::from_secs(600),
            doubt_limit: Duration::from_secs(540),
            kill_settle: Duration::from_secs(720),
        }
    }
}

impl Default for Stop {
    fn default() -> Stop {
        Stop { on_stop: OnStop::Handoff, grace: Duration::from_secs(70) }
    }
}

impl Default for Log {
    fn default() -> Log {
        Log { target: Target::Auto, format: Format::Text, filter: "info".to_owned() }
    }
}

impl Default for Admin {
    fn default() -> Admin {
        Admin {
            listen: "127.0.0.1:9108".to_owned(),
            socket: PathBuf::from("/run/spark-job-worker/control.sock"),
        }
    }
}

impl Admin {
    /// Where the HTTP endpoint is; `None` where it is switched off.
    ///
    /// # Errors
    /// Where the text is no address of the loopback.
    pub fn address(&self) -> Result<Option<SocketAddr>, String> {
        if self.listen.is_empty() {
            return Ok(None);
        }
        let address: SocketAddr =
            self.listen.parse().map_err(|_| "must be written 127.0.0.1:9108".to_owned())?;
        if address.ip().is_loopback() {
            Ok(Some(address))
        } else {
            Err("must be an address of the loopback: the endpoint knows no users".to_owned())
        }
    }
}

mod duration {
    //! Durations are written `20s`, `3m`, `500ms`.

    use super::{Deserialize, Deserializer, Duration, Serialize, Serializer};

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        let text = String::deserialize(deserializer)?;
        humantime::parse_duration(&text).map_err(|error| {
            serde::de::Error::custom(format!("{error}; durations are written 20s, 3m, 500ms"))
        })
    }

    pub(super) fn serialize<S: Serializer>(value: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        humantime::format_duration(*value).to_string().serialize(serializer)
    }
}
