//! Configuration in three stages: what is written (shipped values < file < variables), read on this node, and the typed
//! [`Settings`] with which the program works and in which nothing is left to parse.
//!
//! Everything wrong ends the start with exit code 78 and names the key, its value and where that came from. Nothing
//! else in the program reads the environment or the file.

mod access;
mod control;
mod discovery;
mod door;
mod duration;
mod environment;
mod files;
mod livy_conf;
mod node;
mod node_files;
mod origin;
mod problem;
mod properties;
mod raw;
mod resolve;
mod settings;
mod spark_defaults;
mod yarn_site;

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use figment::Figment;

use crate::spark::addresses::ServiceAddresses;
use crate::spark::connection::Access;
use raw::Raw;

pub use control::{ControlSocket, control_socket, state_directory};
pub use door::DoorSettings;
pub use environment::{ENVIRONMENT, unseen_variables};
pub use livy_conf::LivyConf;
pub use node::{Role, role, worker};
pub use node_files::{livy_conf_file, spark_defaults_file, yarn_site_file};
pub use resolve::STOP_TIMEOUT;
pub use settings::{
    ActivitySettings, HEARTBEAT_INTERVAL, ON_ABORT, OnStop, ServiceLocation, ServiceSettings, Settings,
    StopSettings, TrustSettings, VerifySettings, WatchSettings,
};

/// Where the configuration lies unless `--config` says otherwise.
pub const PATH: &str = "/etc/spark-job-worker/config.toml";

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
    read(&raw::layers(path), path)
}

/// The same, and looks into the files that are named there: certificates, passwords. Only the worker itself and a user that
/// checks for it can be expected to have and to read them.
///
/// # Errors
/// As [`load`].
pub fn load_with_files(path: &Path) -> Result<Settings, Invalid> {
    let figment = raw::layers(path);
    let settings = read(&figment, path)?;
    match access::open_all(&settings) {
        Ok(_) => Ok(settings),
        Err(problems) => Err(origin::invalid(&figment, path, problems)),
    }
}

fn read(figment: &Figment, path: &Path) -> Result<Settings, Invalid> {
    let raw: Raw = figment.extract().map_err(|errors| {
        Invalid(errors.into_iter().map(|error| origin::describe(figment, path, &error)).collect())
    })?;
    resolve::resolve(&raw).map_err(|problems| origin::invalid(figment, path, problems))
}

impl Settings {
    /// What is lawful and not advisable: waits that are shorter than the shipped ones, answers that go elsewhere. A line
    /// each.
    pub fn warnings(&self) -> Vec<String> {
        resolve::warnings(self)
    }

    /// Where Livy and YARN are. What is looked for is read from files of this node.
    pub fn addresses(&self) -> (ServiceAddresses, ServiceAddresses) {
        (discovery::livy(&self.livy.service), discovery::yarn(&self.yarn.service))
    }

    /// Where Spark's history server is; `None` where nobody is to ask it.
    pub fn history_address(&self) -> Option<ServiceAddresses> {
        self.verify.spark.then(|| discovery::history(&self.verify.history))
    }

    /// With what Livy and YARN are reached. Reads the files that the configuration names.
    ///
    /// # Errors
    /// [`Invalid`] where one of them is not as it must be.
    pub fn access(&self) -> Result<(Access, Access), Invalid> {
        access::open_all(self).map_err(|problems| {
            Invalid(
                problems.into_iter().map(|problem| format!("{}: {}", problem.key, problem.what)).collect(),
            )
        })
    }

    /// Whether Livy is one of this node: what is looked for is looked for here.
    fn has_livy_here(&self) -> bool {
        match &self.livy.service.place {
            ServiceLocation::Auto => true,
            ServiceLocation::At(addresses) => {
                addresses.first().is_some_and(|address| node::is_here(address.host()))
            }
        }
    }
}

/// What the files of this node tell the Livy that is configured; `None` where that one is elsewhere.
///
/// # Errors
/// Where Livy's file cannot be read.
pub fn livy_conf(settings: &Settings) -> Option<io::Result<LivyConf>> {
    let absent = || io::Error::from(io::ErrorKind::NotFound);
    settings.has_livy_here().then(|| LivyConf::read().and_then(|conf| conf.ok_or_else(absent)))
}

/// Why the Livy that is configured cannot be served, where that is to be seen on this node.
pub fn unsupported(settings: &Settings) -> Option<String> {
    // A file that cannot be read is said by discovery where it matters.
    let conf = livy_conf(settings)?.ok()?;
    conf.runs_drivers_beside_livy().then(|| {
        "Livy runs drivers in YARN's client mode, where Livy and YARN can report success for jobs that failed: \
         set livy.spark.deploy-mode = cluster in /etc/livy/conf/livy.conf and restart Livy"
            .to_owned()
    })
}

/// The configuration file of a command line.
pub fn path_or_default(path: Option<PathBuf>) -> PathBuf {
    path.unwrap_or_else(|| PathBuf::from(PATH))
}
