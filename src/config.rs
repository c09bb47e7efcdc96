//! Configuration: defaults < file < environment, then raw values, then validated [`Settings`].
//!
//! Everything wrong ends the start with exit code 78 and names the key, its value and where that came from. Nothing
//! else in the program reads the environment or the file.

mod control;
mod environment;
mod livy_conf;
mod node;
mod origin;
mod reach;
mod settings;

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use figment::Figment;
use figment::providers::{Env, Format as _, Serialized, Toml};

use crate::arn::ActivityArn;
use crate::job::request::{Defaults, OwnLivy};
use crate::ops::telemetry;
use crate::spark::connection::Access;
use reach::{Problem, Reach};

pub use control::{ControlSocket, control_socket};
pub use environment::{ENVIRONMENT, unseen_variables};
pub use livy_conf::LivyConf;
pub use node::{Role, cluster_or_host, role};
pub use settings::{
    Activity, Admin, Aws, Livy, Log, OnStop, OneOrSeveral, Settings, State, Stop, Watch, Yarn,
};

/// Where the configuration lies unless `--config` says otherwise.
pub const PATH: &str = "/etc/spark-job-worker/config.toml";
/// What variables begin with that override the file: `SPARK_JOB_WORKER_LIVY__URL`.
pub const PREFIX: &str = "SPARK_JOB_WORKER_";
/// The most pollers that Step Functions lets at one activity.
const MAX_POLLERS: usize = 1_000;

/// Why there is no configuration to run with: one line a problem.
#[derive(Debug)]
pub struct Invalid(Vec<String>);

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("\n"))
    }
}

impl std::error::Error for Invalid {}

/// Reads and validates the file at `path` and the environment.
///
/// # Errors
/// [`Invalid`], naming every key that is wrong.
pub fn load(path: &Path) -> Result<Settings, Invalid> {
    read(&layers(path), path)
}

/// The same, and looks into the files that are named there: certificates, passwords. Only the worker itself and whoever
/// checks for it can be expected to have and to read them.
///
/// # Errors
/// As [`load`].
pub fn load_with_files(path: &Path) -> Result<Settings, Invalid> {
    let figment = layers(path);
    let settings = read(&figment, path)?;
    match settings.open() {
        Ok(_) => Ok(settings),
        Err(problems) => Err(origin::invalid(&figment, path, problems)),
    }
}

fn layers(path: &Path) -> Figment {
    Figment::from(Serialized::defaults(Settings::default()))
        .merge(Toml::file_exact(path))
        .merge(Env::prefixed(PREFIX).split("__"))
}

fn read(figment: &Figment, path: &Path) -> Result<Settings, Invalid> {
    let settings: Settings = figment.extract().map_err(|errors| {
        Invalid(errors.into_iter().map(|error| origin::describe(figment, path, &error)).collect())
    })?;
    let problems = problems(&settings);
    if problems.is_empty() { Ok(settings) } else { Err(origin::invalid(figment, path, problems)) }
}

/// What types cannot say: key and what is wrong.
fn problems(settings: &Settings) -> Vec<Problem> {
    let mut problems = Vec::new();
    if settings.activity.is_empty() {
        problems
            .push(("activity".to_owned(), "no activity to poll: add [[activity]] with its arn".to_owned()));
    }
    for at in 0..settings.activity.len() {
        let found = activity_problems(&settings.activity, at);
        problems.extend(found.into_iter().map(|(key, text)| (format!("activity.{at}.{key}"), text)));
    }
    let mut wrong = |key: &str, text: String| problems.push((key.to_owned(), text));
    if let Err(text) = address(&settings.livy.url) {
        wrong("livy.url", text);
    }
    for url in settings.yarn.url.all() {
        if let Err(text) = address(&url) {
            wrong("yarn.url", text);
        }
    }
    problems.extend(Reach::from(&settings.livy).problems());
    problems.extend(Reach::from(&settings.yarn).problems());
    let mut wrong = |key: &str, text: String| problems.push((key.to_owned(), text));
    for (key, is_zero) in [
        ("livy.request_timeout", settings.livy.request_timeout.is_zero()),
        ("livy.patience", settings.livy.patience.is_zero()),
        ("livy.max_concurrent_submits", settings.livy.max_concurrent_submits == 0),
        ("watch.interval", settings.watch.interval.is_zero()),
        ("watch.idle_interval", settings.watch.idle_interval.is_zero()),
        ("aws.heartbeat_rate", settings.aws.heartbeat_rate == 0),
    ] {
        if is_zero {
            wrong(key, "must not be zero".to_owned());
        }
    }
    if let Err(text) = settings.admin.address() {
        wrong("admin.listen", text);
    }
    if let Err(error) = telemetry::check_filter(&settings.log.filter) {
        wrong("log.filter", format!("{error}"));
    }
    problems
}

/// What is wrong with the activity at a place of the list.
fn activity_problems(activities: &[Activity], at: usize) -> Vec<(&'static str, String)> {
    let mut problems = Vec::new();
    let mut wrong = |key, text: &str| problems.push((key, text.to_owned()));
    let activity = &activities[at];
    match region_of(activity) {
        None => wrong("arn", "not an activity's ARN (arn:aws:states:REGION:ACCOUNT:activity:NAME)"),
        region if region != region_of(&activities[0]) => {
            wrong("arn", "all activities of a worker must be in one region");
        }
        Some(_) => {}
    }
    if activities[..at].iter().any(|other| other.arn == activity.arn) {
        wrong("arn", "named twice");
    }
    if activity.max_concurrent_jobs == 0 {
        wrong("max_concurrent_jobs", "must be at least 1");
    }
    if activity.pollers == 0 || activity.pollers > MAX_POLLERS.min(activity.max_concurrent_jobs.max(1)) {
        wrong("pollers", "must be from 1 to max_concurrent_jobs, and at most 1,000");
    }
    if activity.heartbeat_interval.is_zero() {
        wrong("heartbeat_interval", "must not be zero");
    }
    if let Err(found) = Defaults::new(activity.defaults.clone()) {
        for problem in found.iter() {
            wrong("defaults", &format!("{}: {}", problem.path, problem.text));
        }
    }
    problems
}

fn region_of(activity: &Activity) -> Option<&str> {
    ActivityArn::parse(&activity.arn).map(|arn| arn.region)
}

/// Host and port of a URL.
fn address(url: &str) -> Result<(String, u16), String> {
    let (rest, default_port) = if let Some(rest) = url.strip_prefix("http://") {
        (rest, 80)
    } else if let Some(rest) = url.strip_prefix("https://") {
        (rest, 443)
    } else {
        return Err("must begin with http:// or https://".to_owned());
    };
    let authority = rest.split('/').next().unwrap_or_default();
    if authority.contains('@') {
        return Err("must not contain credentials".to_owned());
    }
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => {
            (host, port.parse().map_err(|_| format!("{port} is not a port"))?)
        }
        _ => (authority, default_port),
    };
    if host.is_empty() { Err("has no host".to_owned()) } else { Ok((host.to_owned(), port)) }
}

impl Settings {
    /// Under which names an input may mean our own Livy.
    pub fn own_livy(&self) -> OwnLivy {
        let (host, port) = address(&self.livy.url).unwrap_or_default();
        let names = node::node_names().into_iter().chain([host]).chain(self.livy.aliases.iter().cloned());
        OwnLivy::new(names, port)
    }

    /// With what Livy and YARN are reached. Reads the files that the configuration names.
    ///
    /// # Errors
    /// [`Invalid`] where one of them is not as it must be.
    pub fn access(&self) -> Result<(Access, Access), Invalid> {
        self.open().map_err(|problems| {
            Invalid(problems.into_iter().map(|(key, text)| format!("{key}: {text}")).collect())
        })
    }

    fn open(&self) -> Result<(Access, Access), Vec<Problem>> {
        let owners = reach::owners(&self.state.directory);
        match (Reach::from(&self.livy).open(&owners), Reach::from(&self.yarn).open(&owners)) {
            (Ok(livy), Ok(yarn)) => Ok((livy, yarn)),
            (livy, yarn) => Err([livy.err(), yarn.err()].into_iter().flatten().flatten().collect()),
        }
    }
}

/// What the files of this node tell the Livy that is configured; `None` where that one is elsewhere.
///
/// # Errors
/// Where Livy's file cannot be read.
pub fn livy_conf(settings: &Settings) -> Option<io::Result<LivyConf>> {
    let (host, port) = address(&settings.livy.url).unwrap_or_default();
    let here = OwnLivy::new(node::node_names(), port).accepts(&host);
    here.then(LivyConf::read)
}

/// Why the Livy that is configured cannot be served, where that is to be seen on this node.
pub fn unsupported(settings: &Settings) -> Option<String> {
    let conf = livy_conf(settings)?.ok()?;
    conf.runs_drivers_beside_livy().then(|| {
        "Livy runs drivers in YARN's client mode, where Livy and YARN report successes that are none: \
         set livy.spark.deploy-mode = cluster in /etc/livy/conf/livy.conf and restart Livy"
            .to_owned()
    })
}

/// The configuration file of a command line.
pub fn path_or_default(path: Option<PathBuf>) -> PathBuf {
    path.unwrap_or_else(|| PathBuf::from(PATH))
}
