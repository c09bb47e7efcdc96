//! The control socket: one line asks, one line of JSON answers. 0600, and only root and the daemon's own user are
//! answered.

use std::fmt;
use std::io::{self, BufRead, BufReader, Write as _};
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::UnixStream as Blocking;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tokio::time::{sleep, timeout};
use tracing::{debug, warn};

use super::logs::{self, LogAnswer, LogQuestion};
use super::{Admin, FinishedTasks, Overview, PauseOverview};

/// The longest question: `logs` with a name, of which an execution's ARN is the longest.
const QUESTION: u64 = 4_096;
/// What a question for a log begins with; what is wanted follows as JSON.
const LOGS: &str = "logs ";
/// The time that a connection has to ask and to take the answer.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long `terminating` waits for every task to be given back.
const GIVE_BACK: Duration = Duration::from_secs(10);
/// From look to look whether that is so.
const STEP: Duration = Duration::from_millis(50);

/// What the daemon answers.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Reply {
    /// To `status`.
    Status(Box<Overview>),
    /// To `history`.
    History(FinishedTasks),
    /// To `logs`.
    Logs(Box<LogAnswer>),
    /// To `terminating`: how many tasks somebody still waits for.
    Terminating {
        /// Tasks that were not given back within 10 s; the daemon goes on trying.
        awaited: usize,
    },
    /// To `pause`, and to `pausing`, which changes nothing: the pause that is on.
    Paused(Option<Box<PauseOverview>>),
    /// To `resume`.
    #[serde(rename_all = "camelCase")]
    Resumed {
        /// A pause was on.
        was_on: bool,
        /// Why a restart would pause again.
        unkept: Option<String>,
    },
    /// To anything else.
    Unknown(String),
}

/// Why there is no answer.
#[derive(Debug)]
pub enum Unanswered {
    /// Nobody listens, or the socket may not be used.
    NoDaemon(PathBuf, io::Error),
    /// The connection ended before an answer, or with one that cannot be read.
    ServiceError(String),
}

impl fmt::Display for Unanswered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unanswered::NoDaemon(path, error) if error.kind() == io::ErrorKind::PermissionDenied => {
                write!(f, "{} may be used by root and the daemon's user alone: try sudo", path.display())
            }
            Unanswered::NoDaemon(path, error) => write!(
                f,
                "no daemon answers at {}: {error}; is it running? systemctl status spark-job-worker",
                path.display()
            ),
            Unanswered::ServiceError(why) => write!(f, "the daemon did not answer: {why}"),
        }
    }
}

impl std::error::Error for Unanswered {}

impl Unanswered {
    /// Whether no daemon is there: nobody made the socket, or nobody listens at it any more.
    pub fn is_nobody(&self) -> bool {
        let nobody = [io::ErrorKind::NotFound, io::ErrorKind::ConnectionRefused];
        matches!(self, Unanswered::NoDaemon(_, error) if nobody.contains(&error.kind()))
    }
}

/// Asks the daemon at `socket`.
///
/// # Errors
/// [`Unanswered`].
pub fn ask(socket: &Path, question: &str) -> Result<Reply, Unanswered> {
    let no_answer = |error: io::Error| Unanswered::ServiceError(error.to_string());
    let mut stream =
        Blocking::connect(socket).map_err(|error| Unanswered::NoDaemon(socket.to_owned(), error))?;
    stream.set_read_timeout(Some(PATIENCE)).map_err(no_answer)?;
    stream.set_write_timeout(Some(PATIENCE)).map_err(no_answer)?;
    stream.write_all(format!("{question}\n").as_bytes()).map_err(no_answer)?;
    let mut answer = String::new();
    BufReader::new(stream).read_line(&mut answer).map_err(no_answer)?;
    if answer.is_empty() {
        return Err(Unanswered::ServiceError(
            "root and the daemon's user alone may ask: try sudo".to_owned(),
        ));
    }
    serde_json::from_str(&answer).map_err(|error| Unanswered::ServiceError(error.to_string()))
}

/// Asks the daemon at `socket` for a piece of a log.
///
/// # Errors
/// [`Unanswered`].
pub fn ask_for_log(socket: &Path, wanted: &LogQuestion) -> Result<Reply, Unanswered> {
    let wanted =
        serde_json::to_string(wanted).map_err(|error| Unanswered::ServiceError(error.to_string()))?;
    ask(socket, &format!("{LOGS}{wanted}"))
}

/// The daemon's end. Dropped, it takes the socket away.
#[derive(Debug)]
pub struct Control {
    listener: UnixListener,
    path: PathBuf,
    user: u32,
}

impl Control {
    /// Listens at `path`. A socket that nobody listens at any more is taken away.
    ///
    /// # Errors
    /// Where it cannot be made, or another daemon listens there.
    pub fn bind(path: &Path) -> io::Result<Control> {
        if std::fs::symlink_metadata(path).is_ok_and(|found| found.file_type().is_socket()) {
            if Blocking::connect(path).is_ok() {
                return Err(io::Error::new(io::ErrorKind::AddrInUse, "another daemon listens there"));
            }
            std::fs::remove_file(path)?;
        }
        let listener = UnixListener::bind(path)?;
        let control = Control { listener, path: path.to_owned(), user: own_user()? };
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
        Ok(control)
    }

    /// Answers until it is dropped.
    pub async fn serve(self, admin: Arc<Admin>) {
        loop {
            match self.listener.accept().await {
                Ok((stream, _)) => {
                    let (admin, user) = (Arc::clone(&admin), self.user);
                    tokio::spawn(async move {
                        match timeout(PATIENCE, converse(stream, &admin, user)).await {
                            Ok(Ok(())) => {}
                            Ok(Err(error)) => debug!("a conversation on the control socket ended: {error}"),
                            Err(_) => debug!("a conversation on the control socket took too long"),
                        }
                    });
                }
                Err(error) => {
                    warn!("the control socket cannot accept connections: {error}");
                    sleep(Duration::from_secs(1)).await;
                }
            }
        }
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        // What stays is taken away by the next start.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// The owner of `/proc/self` is the user that runs this.
fn own_user() -> io::Result<u32> {
    Ok(std::fs::metadata("/proc/self")?.uid())
}

async fn converse(stream: UnixStream, admin: &Arc<Admin>, user: u32) -> io::Result<()> {
    let peer = stream.peer_cred()?.uid();
    if peer != 0 && peer != user {
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, format!("user {peer} may not ask")));
    }
    let (read, mut write) = stream.into_split();
    let mut read = tokio::io::BufReader::new(read.take(QUESTION));
    let mut question = String::new();
    read.read_line(&mut question).await?;
    let question = question.trim();
    // Whoever takes the answer slowly has a place until it is taken, or the time of the connection is over.
    let mut place = None;
    let answer = match question {
        asked if asked.starts_with(LOGS) => {
            let answer = async {
                place = admin.readers.turn().await;
                log(admin, &asked[LOGS.len()..], place.is_some()).await
            };
            tokio::select! {
                biased;
                reply = answer => serde_json::to_vec(&reply),
                // Nobody asks twice: whoever has gone needs no answer.
                _ = read.read_u8() => return Ok(()),
            }
        }
        "status" => {
            admin.ask_yarn().await;
            admin.shown(|admin| serde_json::to_vec(&Reply::Status(Box::new(admin.overview())))).await?
        }
        "history" => serde_json::to_vec(&Reply::History(admin.finished())),
        "terminating" => serde_json::to_vec(&terminate(admin).await),
        "pausing" => serde_json::to_vec(&Reply::Paused(admin.paused().map(Box::new))),
        "resume" => serde_json::to_vec(&admin.end_pause().await),
        other => serde_json::to_vec(&match other.strip_prefix("pause") {
            Some(seconds) => admin.begin_pause(seconds.trim()).await,
            None => Reply::Unknown(format!(
                "{other:?} is none of status, history, logs, pause, resume and terminating"
            )),
        }),
    };
    let mut answer = answer?;
    answer.push(b'\n');
    write.write_all(&answer).await?;
    write.shutdown().await
}

/// The piece of a log that is wanted, where there is a place for whoever asks.
async fn log(admin: &Admin, wanted: &str, has_place: bool) -> Reply {
    match serde_json::from_str(wanted) {
        Ok(_) if !has_place => Reply::Logs(Box::new(logs::busy())),
        Ok(wanted) => Reply::Logs(Box::new(Box::pin(logs::read(admin, wanted)).await)),
        Err(error) => Reply::Unknown(format!("that is no question for a log: {error}")),
    }
}

/// Says that the node goes down, and waits until every task is given back.
async fn terminate(admin: &Admin) -> Reply {
    admin.terminating.send_replace(true);
    let given_back = async {
        while admin.registry.any_awaited() {
            sleep(STEP).await;
        }
    };
    let _ = timeout(GIVE_BACK, given_back).await;
    let awaited = admin.registry.all().iter().filter(|held| held.is_awaited()).count();
    Reply::Terminating { awaited }
}
