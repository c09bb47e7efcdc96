//! The tasks that have ended lately, for an operator who asks what became of them.
//!
//! A ring in memory (at most 200 entries, some 2 KB each), and the file `history` beside the journal, mode 0600, so that
//! the next start shows them, too. Nothing depends on it. The file is replaced as a whole, not synced, at most once a
//! second and once at a stop: what a crash takes with it is a second's tasks. One that cannot be read is begun anew;
//! while it cannot be written, memory has the tasks.

mod finished;
mod ring;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::{self, Notify};
use tokio::task::spawn_blocking;
use tokio::time::{sleep, timeout};
use tracing::{info, warn};

use crate::job::journal::{read_bounded, replace_unsynced};
use ring::Ring;

pub use finished::Finished;

/// Its name in the state directory.
const FILE: &str = "history";
const TEMPORARY: &str = "tmp";
/// From write to write.
const PAUSE: Duration = Duration::from_secs(1);
/// A stop waits so long for the last write.
const LAST_WRITE: Duration = Duration::from_secs(2);

/// Finished tasks as they are shown.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct FinishedTasks {
    /// The file that they were read from, where no daemon was there to be asked.
    pub file: Option<PathBuf>,
    /// The tasks, the last that ended at the end.
    pub tasks: Vec<Finished>,
}

/// The tasks that have ended lately.
#[derive(Debug)]
pub struct History {
    path: PathBuf,
    kept: Mutex<Kept>,
    changed: Notify,
    /// Whether the last write failed. Held by the one who writes.
    fails: sync::Mutex<bool>,
}

#[derive(Debug, Default)]
struct Kept {
    ring: Ring,
    /// Whether the file lacks something.
    is_ahead: bool,
}

impl History {
    /// Goes on with what the file in a state directory has. Blocks while it is read.
    pub fn open(directory: &Path) -> History {
        let path = directory.join(FILE);
        let ring = match read_ring(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                warn!("the finished tasks in {} cannot be read and begin anew: {error}", path.display());
                Ring::default()
            }
            read => read.unwrap_or_default(),
        };
        let kept = Mutex::new(Kept { ring, is_ahead: false });
        History { path, kept, changed: Notify::new(), fails: sync::Mutex::default() }
    }

    /// A task has ended.
    pub fn add(&self, finished: Finished) {
        let mut kept = self.kept();
        kept.ring.push(finished);
        kept.is_ahead = true;
        self.changed.notify_one();
    }

    /// The finished tasks.
    pub fn shown(&self) -> FinishedTasks {
        FinishedTasks { file: None, tasks: self.kept().ring.tasks() }
    }

    /// Writes the file whenever tasks have ended, at most once a second. Never ends.
    pub async fn keep(self: Arc<Self>) {
        loop {
            self.changed.notified().await;
            self.write().await;
            sleep(PAUSE).await;
        }
    }

    /// Writes what the file lacks, before the process ends. A disk that hangs does not hold it up.
    pub async fn close(&self) {
        let _ = timeout(LAST_WRITE, self.write()).await;
    }

    /// Writes the file, where it lacks something. What a disk does not take is tried again with the next task, and at a stop.
    async fn write(&self) {
        let mut fails = self.fails.lock().await;
        let ring = {
            let mut kept = self.kept();
            if !std::mem::take(&mut kept.is_ahead) {
                return;
            }
            kept.ring.clone()
        };
        let path = self.path.clone();
        let written = spawn_blocking(move || put(&path, &ring)).await;
        let written = written.map_err(io::Error::from).flatten();
        match &written {
            Err(error) if !*fails => warn!(
                "the finished tasks cannot be kept in {}: {error}; a restart forgets them",
                self.path.display()
            ),
            Ok(()) if *fails => info!("the finished tasks are kept in {} again", self.path.display()),
            Ok(()) | Err(_) => {}
        }
        *fails = written.is_err();
        self.kept().is_ahead |= *fails;
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The finished tasks that the file in a state directory has, while no daemon is there to be asked.
///
/// # Errors
/// What the system says, also where there is no file, or what is wrong with the file.
pub fn read(directory: &Path) -> io::Result<FinishedTasks> {
    let path = directory.join(FILE);
    let tasks = read_ring(&path)?.tasks();
    Ok(FinishedTasks { file: Some(path), tasks })
}

fn read_ring(path: &Path) -> io::Result<Ring> {
    let ring = read_bounded(path)?.and_then(|bytes| Ring::decode(&bytes));
    ring.map_err(|reason| io::Error::other(reason.to_string()))
}

fn put(path: &Path, ring: &Ring) -> io::Result<()> {
    let temporary = path.with_extension(TEMPORARY);
    let put = replace_unsynced(&temporary, path, &ring.encode()?);
    if put.is_err() {
        // What is left of it would take the room that the journal needs.
        let _ = fs::remove_file(&temporary);
    }
    put
}

#[cfg(test)]
mod tests;
