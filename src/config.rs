//! Configuration: defaults < file < environment, then raw values, then validated [`Settings`].
//!
//! Everything wrong ends the start with exit code 78 and names the key, its value and where that came from. Nothing
//! else in the program reads the environment or the file.

mod control;
mod discovery;
mod environment;
mod livy_conf;
mod node;
mod node_files;
mod origin;
mod problems;
mod reach;
mod settings;
mod waits;
mod yarn_site;

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use figment::Figment;
use figment::providers::{Env, Format as _, Serialized, Toml};

use crate::job::request::OwnLivy;
use crate::spark::address::Address;
use crate::spark::connection::Access;
use crate::spark::homes::Homes;
use problems::problems;
use reach::{Problem, Reach};

pub use control::{ControlSocket, control_socket, state_directory};
pub use environment::{ENVIRONMENT, unseen_variables};
pub use livy_conf::LivyConf;
pub use node::{Role, role, worker};
pub use node_files::{livy_conf_file, yarn_site_file};
pub use settings::{
    AUTO, Activity, Admin, Aws, Livy, Log, OnStop, OneOrSeveral, Settings, State, Stop, Watch, Yarn,
};
pub use waits::STOP_TIMEOUT;

/// Where the configuration lies unless `--config` says otherwise.
pub const PATH: &str = "/etc/spark-job-worker/config.toml";
/// What variables begin with that override the file: `SPARK_JOB_WORKER_LIVY__URL`.
pub const PREFIX: &str = "SPARK_JOB_WORKER_";
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

/// The same, and looks into the files that are named there: certificates, passwords. Only the worker itself and a user that
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

impl Settings {
    /// Under which names an input may mean our own Livy. Where that is has to be told, and told again when it moves.
    pub fn own_livy(&self) -> OwnLivy {
        OwnLivy::new(node::node_names().into_iter().chain(self.livy.aliases.iter().cloned()), 0)
    }

    /// What is lawful and not advisable: waits that are shorter than the shipped ones. A line each.
    pub fn warnings(&self) -> Vec<String> {
        waits::warnings(self)
    }

    /// Where Livy and YARN are. What is looked for is read from files of this node.
    pub fn homes(&self) -> (Homes, Homes) {
        (discovery::livy(&self.livy), discovery::yarn(&self.yarn))
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
    // What is looked for is looked for here.
    let here = settings.livy.is_auto() || node::is_here(Address::parse(&settings.livy.url).ok()?.host());
    let absent = || io::Error::from(io::ErrorKind::NotFound);
    here.then(|| LivyConf::read().and_then(|conf| conf.ok_or_else(absent)))
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
