//! Gathers the facts: commands are run, files are read, services are asked, all at the same time and until a deadline.

mod cluster;
mod disk;
mod queues;

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::task::spawn_blocking;
use tokio::time::{Instant, timeout_at};

use super::facts::{Account, Configuration, Configured, DaemonFacts, Facts, Node, Ownership, Systemd};
use crate::admin::{self, Reply, Unanswered};
use crate::command;
use crate::config::{self, Settings};
use crate::spark::addresses::{ServiceAddresses, Unknown};

/// Small local files, which are read before anything else can be asked.
const FILES: Duration = Duration::from_secs(2);
/// Everything else: with that of the files, less than an operator's 10 s.
const ANSWERS: Duration = Duration::from_secs(7);

/// The unit.
const UNIT: &str = "spark-job-worker.service";
/// The user in it.
const USER: &str = "spark-job-worker";
/// What matters about the unit.
const PROPERTIES: &str = "LoadState,UnitFileState,ActiveState,SubState,Result,ExecMainStatus,NRestarts,DropInPaths,\
                          NeedDaemonReload";

/// Everything that can be found out in time.
pub(super) async fn everything(path: &Path) -> Facts {
    let by = Instant::now() + FILES;
    let owned = path.to_owned();
    let (about, settings) = in_time(by, move || configuration(&owned)).await.unwrap_or_else(|| {
        (unread(path, format!("{} could not be read within {} s", path.display(), FILES.as_secs())), None)
    });
    let node = in_time(by, || Node { role: config::role(), name: config::worker() }).await;
    let by = Instant::now() + ANSWERS;
    let configured = async {
        match settings {
            Some(settings) => Some(ask(settings, by).await),
            None => None,
        }
    };
    let (worker, systemd, configured) = tokio::join!(account(by), systemd(by), configured);
    Facts {
        // The owner of `/proc/self` is the user that runs this.
        me: std::fs::metadata("/proc/self").map(|about| about.uid()).unwrap_or_default(),
        worker,
        node: node.unwrap_or_else(|| Node {
            role: config::Role::Unreadable("its files could not be read in time".to_owned()),
            name: String::new(),
        }),
        systemd,
        configuration: about,
        configured,
    }
}

/// What blocks, until a deadline; whatever still hangs then goes with the process.
async fn in_time<T: Send + 'static>(by: Instant, look: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    timeout_at(by, spawn_blocking(look)).await.ok()?.ok()
}

fn configuration(path: &Path) -> (Configuration, Option<Settings>) {
    let opened = File::open(path);
    let denied = opened.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::PermissionDenied);
    let mut about = unread(path, String::new());
    about.file = std::fs::metadata(path).ok().map(|about| ownership(&about));
    about.denied = denied;
    about.unseen = config::unseen_variables().map_err(|error| error.to_string());
    match config::load(path) {
        Ok(settings) => {
            about.wrong = None;
            about.files = config::load_with_files(path).err().map(|problem| problem.to_string());
            (about, Some(settings))
        }
        Err(problem) => {
            about.wrong = Some(problem.to_string());
            (about, None)
        }
    }
}

fn unread(path: &Path, why: String) -> Configuration {
    Configuration {
        path: path.display().to_string(),
        denied: false,
        wrong: Some(why),
        files: None,
        file: None,
        unseen: Ok(Vec::new()),
    }
}

fn ownership(about: &std::fs::Metadata) -> Ownership {
    Ownership { user: about.uid(), group: about.gid(), mode: about.mode() & 0o7777 }
}

/// What needs a configuration.
async fn ask(settings: Settings, by: Instant) -> Configured {
    let files = settings.clone();
    let access = in_time(by, move || files.access().ok()).await.flatten();
    let (to_livy, to_yarn) = access.unzip();
    let (files, directory) = (settings.clone(), settings.state.directory.clone());
    let livy_conf = in_time(by, move || config::livy_conf(&files));
    let place = directory.display().to_string();
    let state = in_time(by, move || disk::state(&directory));
    let files = settings.clone();
    let addresses = in_time(by, move || files.addresses()).await;
    let (livy_homes, yarn_homes) = addresses.unwrap_or_else(|| (hung("Livy"), hung("YARN")));
    let files = settings.clone();
    let history = in_time(by, move || files.history_address()).await;
    let to_history = to_yarn.clone();
    let history = history.unwrap_or_else(|| settings.verify.spark.then(|| hung("Spark's history server")));
    let (aws, queues, livy, yarn, history, unread, livy_conf, state, daemon) = tokio::join!(
        cluster::aws(&settings, by),
        queues::queues(&settings, by),
        cluster::livy(livy_homes, to_livy, by),
        cluster::yarn(yarn_homes, to_yarn, by),
        cluster::history(history, to_history, by),
        cluster::unread(&settings, USER, by),
        livy_conf,
        state,
        daemon(settings.admin.socket.clone(), by)
    );
    let late = || Some(Err(io::Error::other("it could not be read in time")));
    let livy_conf = livy_conf.unwrap_or_else(late).map(|conf| conf.map_err(|error| error.to_string()));
    let state = state.unwrap_or_else(|| disk::hung(place));
    Configured { settings, aws, queues, livy, livy_conf, yarn, history, unread, state, daemon }
}

/// Files that could not be read in time.
fn hung(service: &'static str) -> ServiceAddresses {
    ServiceAddresses::new(service, || {
        let why = "the files with the address could not be read in time".to_owned();
        Err(Unknown { why, fix: "look at the file system of /etc".to_owned() })
    })
}

async fn daemon(socket: PathBuf, by: Instant) -> DaemonFacts {
    match in_time(by, move || admin::ask(&socket, "status")).await {
        Some(Ok(Reply::Status(overview))) => DaemonFacts::Answers(overview),
        Some(Ok(_)) => DaemonFacts::Silent(
            "it sent an unexpected answer to status; is it of another version?".to_owned(),
        ),
        Some(Err(Unanswered::NoDaemon(_, error))) if error.kind() == io::ErrorKind::PermissionDenied => {
            DaemonFacts::Denied
        }
        Some(Err(Unanswered::NoDaemon(path, error))) => {
            DaemonFacts::Absent(format!("nobody answers at {}: {error}", path.display()))
        }
        Some(Err(Unanswered::ServiceError(why))) => DaemonFacts::Silent(why),
        None => DaemonFacts::Silent(format!("no answer within {} s", ANSWERS.as_secs())),
    }
}

async fn account(by: Instant) -> Option<Account> {
    let user = command::output(by, "id", &["-u", USER]).await.ok()?;
    let group = command::output(by, "id", &["-g", USER]).await.ok()?;
    Some(Account { user: user.trim().parse().ok()?, group: group.trim().parse().ok()? })
}

async fn systemd(by: Instant) -> Systemd {
    let properties = format!("--property={PROPERTIES}");
    let show = ["show", UNIT, "--no-pager", &properties];
    let (version, unit) = tokio::join!(
        command::output(by, "systemctl", &["--version"]),
        command::output(by, "systemctl", &show)
    );
    let pairs = |text: String| -> BTreeMap<String, String> {
        let pairs = text.lines().filter_map(|line| line.split_once('='));
        pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    };
    Systemd {
        version: version.map(|text| text.lines().next().unwrap_or_default().to_owned()),
        unit: unit.map(pairs),
    }
}
