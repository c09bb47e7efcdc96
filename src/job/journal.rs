//! One durable file per task: what a restart needs.
//!
//! The file of task `0123456789abcdef` is `0123456789abcdef.task` in the state directory, mode 0600: a first line
//! `spark-job-worker 2 <SHA-256 of the rest>`, then the task and its state as JSON (`format_v2.rs`; the first format,
//! of version 0.1.0, is still read). It is written to `0123456789abcdef.tmp`,
//! synced, renamed over the old one, and the directory is synced; so at every moment the old entry or the new one is
//! there, whole. What a crash leaves behind:
//!
//! - before the rename: the old entry (or none), and a temporary file that the next start removes;
//! - after the rename, before the sync of the directory: either entry. The duty of the newer state had not begun, and
//!   every duty may be performed twice;
//! - after that sync: the new entry;
//! - around a removal that had not reached the disk: the last entry, whose duty finds the token closed or the run dead.
//!
//! A file whose checksum is right and whose shape is not known is another version's: it stops the start, and kills
//! nothing. One that cannot be read is kept as `<task id>.corrupt` and replaced by an [`State::Orphaned`] entry: its name is
//! the task id and so the tag, and an application without an owner is killed, not forgotten. The copy is linked before
//! the entry is replaced, so a crash in between changes nothing. One lock lives as long as the process.

mod format_v1;
mod format_v2;
mod inspect;
mod writer;

use std::fmt;
use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::Task;
use super::machine::State;
use format_v1::EntryV1;
use format_v2::EntryV2;

pub use inspect::{Inspection, inspect};
pub use writer::Writer;

/// The format that this version writes, and the newest that it reads.
const VERSION: u32 = 2;
const MAGIC: &str = "spark-job-worker";
const ENTRY: &str = "task";
const TEMPORARY: &str = "tmp";
const CORRUPT: &str = "corrupt";
/// A token of 2 KB, an input of 1 MB (twice that as escaped JSON) and an outcome fit with room to spare.
const MAX_ENTRY: u64 = 16 << 20;

/// What is kept of a task.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// The task.
    pub task: Task,
    /// Where it stands.
    pub state: State,
    /// The first format had it, without the rules of its activity.
    pub is_old: bool,
}

/// What keeps the journal from being used.
#[derive(Debug)]
pub enum JournalError {
    /// Another worker uses the directory.
    Locked(PathBuf),
    /// A newer version of the worker wrote this file.
    Newer {
        /// The file.
        path: PathBuf,
        /// Its format.
        version: u32,
    },
    /// Another version of the worker wrote this file.
    Foreign {
        /// The file.
        path: PathBuf,
        /// What is not known.
        reason: String,
    },
    /// The system refuses something.
    Io {
        /// What was tried.
        what: &'static str,
        /// On what.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

impl fmt::Display for JournalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            JournalError::Locked(path) => {
                write!(
                    f,
                    "another spark-job-worker uses {}: stop it, or give this one its own directory",
                    path.display()
                )
            }
            JournalError::Newer { path, version } => write!(
                f,
                "{} was written by a newer spark-job-worker (format {version}, this one reads {VERSION}): install that version again, or let it finish its tasks first",
                path.display()
            ),
            JournalError::Foreign { path, reason } => write!(
                f,
                "{} was written whole, by a spark-job-worker of another version ({reason}): install that version \
                 again, or let it finish its tasks first",
                path.display()
            ),
            JournalError::Io { what, path, .. } => write!(
                f,
                "{what} {} failed ([state] directory must be a directory that this user can write)",
                path.display()
            ),
        }
    }
}

impl std::error::Error for JournalError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            JournalError::Io { source, .. } => Some(source),
            JournalError::Locked(_) | JournalError::Newer { .. } | JournalError::Foreign { .. } => None,
        }
    }
}

/// The journal of one worker.
#[derive(Debug)]
pub struct Journal {
    directory: PathBuf,
    handle: File,
    /// Held, not used: the lock ends with the process.
    _lock: File,
}

/// What was in the directory.
#[derive(Debug, Default)]
pub struct Contents {
    /// The entries, in no order.
    pub entries: Vec<Entry>,
    /// The task ids of files that could not be read, with the reason and what became of the file; each has an entry, too.
    pub corrupt: Vec<(String, String)>,
}

impl Journal {
    /// Opens the directory, makes it if it is not there, locks it and reads it.
    ///
    /// # Errors
    /// [`JournalError`]: locked, newer, or not usable.
    pub fn open(directory: &Path) -> Result<(Journal, Contents), JournalError> {
        let failed = |what, path: &Path| {
            let path = path.to_owned();
            move |source| JournalError::Io { what, path, source }
        };
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(directory)
            .map_err(failed("making the state directory", directory))?;
        let handle = File::open(directory).map_err(failed("opening the state directory", directory))?;
        let path = directory.join("lock");
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(&path)
            .map_err(failed("opening", &path))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(JournalError::Locked(directory.to_owned())),
            Err(TryLockError::Error(source)) => return Err(failed("locking", &path)(source)),
        }
        let journal = Journal { directory: directory.to_owned(), handle, _lock: lock };
        let contents = journal.read_all()?;
        Ok((journal, contents))
    }

    /// Makes a task in a state durable.
    ///
    /// # Errors
    /// What the system says: the old entry, if any, is untouched.
    pub fn write(&self, task: &Task, state: &State) -> io::Result<()> {
        self.lay(&task.id, &encode(task, state)?)?;
        self.sync()
    }

    /// Puts an entry's bytes in their place; they are durable after the next [`Journal::sync`].
    fn lay(&self, task: &str, text: &[u8]) -> io::Result<()> {
        let temporary = self.path(task, TEMPORARY);
        let laid = replace(&temporary, &self.path(task, ENTRY), text);
        if laid.is_err() {
            // What is left of it would only take room; the next start removes it, too.
            let _ = fs::remove_file(&temporary);
        }
        laid
    }

    /// A task's entry as it is on disk; none where there is none.
    ///
    /// # Errors
    /// What the system says, or what is wrong with the entry.
    fn read_one(&self, task: &str) -> io::Result<Option<Entry>> {
        let bytes = match read_bounded(&self.path(task, ENTRY)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            bytes => bytes?,
        };
        let entry = bytes.and_then(|bytes| decode(&bytes));
        entry.map(Some).map_err(|reason| io::Error::other(reason.to_string()))
    }

    fn sync(&self) -> io::Result<()> {
        self.handle.sync_all()
    }

    /// Removes an entry. Not synced: one that comes back is only looked at once more.
    ///
    /// # Errors
    /// What the system says; that there is no entry is none.
    pub fn remove(&self, task: &str) -> io::Result<()> {
        match fs::remove_file(self.path(task, ENTRY)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Whether entries can be written: writes one that is none, and removes it.
    ///
    /// # Errors
    /// What the system says.
    pub fn probe(&self) -> io::Result<()> {
        let path = self.directory.join("probe.tmp");
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&path)?;
        // As much as an entry: a disk can have room for a name and none for a block.
        let written = file.write_all(&[b'.'; 8192]).and_then(|()| file.sync_all());
        fs::remove_file(&path)?;
        written
    }

    fn path(&self, task: &str, end: &str) -> PathBuf {
        self.directory.join(format!("{task}.{end}"))
    }

    fn read_all(&self) -> Result<Contents, JournalError> {
        let failed = |source| JournalError::Io {
            what: "reading the state directory",
            path: self.directory.clone(),
            source,
        };
        let mut contents = Contents::default();
        // Listed before anything is replaced: some file systems list what was renamed meanwhile once more.
        let files: io::Result<Vec<PathBuf>> =
            fs::read_dir(&self.directory).and_then(|files| files.map(|file| Ok(file?.path())).collect());
        for path in files.map_err(failed)? {
            let end = path.extension().and_then(|end| end.to_str()).unwrap_or_default();
            let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
            match end {
                TEMPORARY => fs::remove_file(&path).map_err(failed)?,
                ENTRY if is_task_id(stem) => self.read(stem, &path, &mut contents)?,
                _ => {}
            }
        }
        Ok(contents)
    }

    fn read(&self, task: &str, path: &Path, contents: &mut Contents) -> Result<(), JournalError> {
        // That the system does not let it be read says nothing about the entry: a good one must not be given up.
        let failed = |source| JournalError::Io { what: "reading", path: path.to_owned(), source };
        let reason = match read_bounded(path).map_err(failed)?.map_or_else(Err, |bytes| decode(&bytes)) {
            Ok(entry) if entry.task.id == task => {
                contents.entries.push(entry);
                return Ok(());
            }
            Ok(_) => "it holds another task's entry".to_owned(),
            Err(Unreadable::Newer(version)) => {
                return Err(JournalError::Newer { path: path.to_owned(), version });
            }
            Err(Unreadable::Foreign(reason)) => {
                return Err(JournalError::Foreign { path: path.to_owned(), reason });
            }
            Err(Unreadable::Malformed(reason)) => reason,
        };
        let (orphan, state) = Task::orphan(task);
        let kept = match self.quarantine(&orphan, &state, path) {
            Ok(()) => format!("it is kept as {task}.{CORRUPT}"),
            // On a full disk its run is killed all the same; the next start finds the file as it is.
            Err(error) => format!("the file cannot be replaced: {error}"),
        };
        contents.entries.push(Entry { task: orphan, state, is_old: false });
        contents.corrupt.push((task.to_owned(), format!("{reason}; {kept}")));
        Ok(())
    }

    /// Keeps an unreadable file and puts an orphan in its place.
    fn quarantine(&self, orphan: &Task, state: &State, path: &Path) -> io::Result<()> {
        match fs::hard_link(path, self.path(&orphan.id, CORRUPT)) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
        self.write(orphan, state)
    }
}

fn replace(temporary: &Path, path: &Path, text: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(temporary)?;
    file.write_all(text)?;
    file.sync_all()?;
    fs::rename(temporary, path)
}

/// Why bytes are no entry.
#[derive(Debug, PartialEq)]
pub enum Unreadable {
    /// A newer version wrote it, in this format.
    Newer(u32),
    /// It is whole, and of a shape that this version does not know.
    Foreign(String),
    /// It is damaged.
    Malformed(String),
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unreadable::Newer(version) => write!(f, "it is of format {version}"),
            Unreadable::Foreign(reason) | Unreadable::Malformed(reason) => f.write_str(reason),
        }
    }
}

fn is_task_id(stem: &str) -> bool {
    stem.len() == 16 && stem.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// A file's bytes, unless it is larger than any entry.
fn read_bounded(path: &Path) -> io::Result<Result<Vec<u8>, Unreadable>> {
    if fs::metadata(path)?.len() > MAX_ENTRY {
        return Ok(Err(Unreadable::Malformed("it is larger than any entry".to_owned())));
    }
    fs::read(path).map(Ok)
}

/// The bytes of a task's entry.
///
/// # Errors
/// Where something of it cannot be written as JSON, which does not happen.
pub fn encode(task: &Task, state: &State) -> io::Result<Vec<u8>> {
    let payload = serde_json::to_vec(&EntryV2::new(task, state))?;
    let mut text = format!("{MAGIC} {VERSION} {}\n", checksum(&payload)).into_bytes();
    text.extend_from_slice(&payload);
    Ok(text)
}

/// The entry that bytes are.
///
/// # Errors
/// Why they are none.
pub fn decode(bytes: &[u8]) -> Result<Entry, Unreadable> {
    let malformed = |reason: &str| Unreadable::Malformed(reason.to_owned());
    let end = bytes
        .iter()
        .take(200)
        .position(|byte| *byte == b'\n')
        .ok_or_else(|| malformed("it has no first line"))?;
    let (head, payload) = (&bytes[..end], &bytes[end + 1..]);
    let head = std::str::from_utf8(head).map_err(|_| malformed("its first line is not text"))?;
    let parts: Vec<&str> = head.split(' ').collect();
    let [MAGIC, version, sum] = parts[..] else { return Err(malformed("its first line is not ours")) };
    let version: u32 = version.parse().map_err(|_| malformed("its version is no number"))?;
    // A newer format may have another checksum and another way of writing it.
    if version > VERSION {
        return Err(Unreadable::Newer(version));
    }
    if checksum(payload) != sum {
        return Err(malformed("its checksum is wrong"));
    }
    let entry = match version {
        1 => serde_json::from_slice::<EntryV1>(payload).map(EntryV1::read),
        2 => serde_json::from_slice::<EntryV2>(payload).map(EntryV2::read),
        other => return Err(Unreadable::Foreign(format!("format {other} never was"))),
    };
    entry.map_err(|error| Unreadable::Foreign(error.to_string()))?.map_err(Unreadable::Foreign)
}

fn checksum(payload: &[u8]) -> String {
    Sha256::digest(payload).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests;
