//! The first stage: the configuration as it is written. Tables, keys and shipped values; an unknown key is an error.
//!
//! A table of which serde leaves nothing to be read stands in [`super::settings`] and is the same in all stages.

mod cluster;

use std::path::{Path, PathBuf};
use std::time::Duration;

use figment::Figment;
use figment::providers::{Env, Format as _, Serialized, Toml};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::door::RawDoor;
use super::duration;
use super::settings::{HEARTBEAT_INTERVAL, ON_ABORT, StateSettings, StopSettings, WatchSettings};
use crate::job::machine::OnAbort;
use crate::log::{Filter, Format, Target};
pub(super) use cluster::{AUTO, OneOrSeveral, RawLivy, RawVerify, RawYarn};

/// What variables begin with that override the file: `SPARK_JOB_WORKER_LIVY__URL`.
pub(super) const PREFIX: &str = "SPARK_JOB_WORKER_";
/// Where the endpoint is that operators read.
const LISTEN: &str = "127.0.0.1:9108";
/// Where the control socket is.
const SOCKET: &str = "/run/spark-job-worker/control.sock";

/// The shipped values, the file at `path`, and the variables, each over the one before. They know where each value is from.
pub(super) fn layers(path: &Path) -> Figment {
    Figment::from(Serialized::defaults(Raw::default()))
        .merge(Toml::file_exact(path))
        .merge(Env::prefixed(PREFIX).split("__"))
}

/// The configuration as it is written.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Raw {
    /// `[aws]`
    pub(super) aws: RawAws,
    /// `[[activity]]`
    pub(super) activity: Vec<RawActivity>,
    /// `[[cloudformation]]`
    pub(super) cloudformation: Vec<RawDoor>,
    /// `[livy]`
    pub(super) livy: RawLivy,
    /// `[yarn]`
    pub(super) yarn: RawYarn,
    /// `[verify]`
    pub(super) verify: RawVerify,
    /// `[watch]`
    pub(super) watch: WatchSettings,
    /// `[state]`
    pub(super) state: StateSettings,
    /// `[stop]`
    pub(super) stop: StopSettings,
    /// `[log]`
    pub(super) log: RawLog,
    /// `[admin]`
    pub(super) admin: RawAdmin,
}

/// `[aws]`: how to reach Step Functions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawAws {
    /// Region; none, or the activities' own.
    pub(super) region: Option<String>,
    /// Endpoint; none: the SDK's own.
    pub(super) endpoint_url: Option<String>,
    /// Heartbeats a second, over all tasks.
    pub(super) heartbeat_rate: u32,
}

/// `[[activity]]`: one activity that is polled.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawActivity {
    /// Its ARN.
    pub(super) arn: String,
    /// Jobs at once.
    #[serde(default = "max_concurrent_jobs")]
    pub(super) max_concurrent_jobs: usize,
    /// Polls open at once.
    #[serde(default = "pollers")]
    pub(super) pollers: usize,
    /// From heartbeat to heartbeat.
    #[serde(default = "heartbeat_interval", with = "duration")]
    pub(super) heartbeat_interval: Duration,
    /// What becomes of a job whose execution no longer waits.
    #[serde(default = "on_abort")]
    pub(super) on_abort: OnAbort,
    /// What inputs inherit: a task input.
    #[serde(default)]
    pub(super) defaults: Map<String, Value>,
}

fn max_concurrent_jobs() -> usize {
    20
}

fn pollers() -> usize {
    1
}

fn heartbeat_interval() -> Duration {
    HEARTBEAT_INTERVAL
}

fn on_abort() -> OnAbort {
    ON_ABORT
}

/// `[log]`: where and what is logged.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawLog {
    /// journald, stderr, or journald where there is one.
    pub(super) target: Target,
    /// How lines look on stderr.
    pub(super) format: Format,
    /// What passes: `info`, `info,spark_job_worker::spark=debug`.
    pub(super) filter: String,
}

/// `[admin]`: how an operator looks at the daemon.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawAdmin {
    /// Loopback address and port of the HTTP endpoint that only reads; empty: none.
    pub(super) listen: String,
    /// The control socket.
    pub(super) socket: PathBuf,
}

impl Default for RawAws {
    fn default() -> RawAws {
        RawAws { region: None, endpoint_url: None, heartbeat_rate: 100 }
    }
}

impl Default for RawLog {
    fn default() -> RawLog {
        RawLog { target: Target::Auto, format: Format::Text, filter: Filter::SHIPPED.to_owned() }
    }
}

impl Default for RawAdmin {
    fn default() -> RawAdmin {
        RawAdmin { listen: LISTEN.to_owned(), socket: PathBuf::from(SOCKET) }
    }
}

#[cfg(test)]
pub(super) mod tests;
