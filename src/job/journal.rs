//! One durable file per task: what a restart needs.
//!
//! The file of task `0123456789abcdef` is `0123456789abcdef.task` in the state directory, mode 0600: a first line
//! `spark-job-worker 2 <SHA-256 of the rest>`, then the task and its state as JSON (`format_v3.rs`: 2 is the format of
//! batches, 3 that of sessions, 4 that of outcomes for which Spark told of failed jobs, 5 that of jobs that may not wait
//! in YARN's queue for ever; the first, of version 0.1.0, is still read). It is written to another file, synced, put in
//! the place of the old one, and the directory is synced (`batch.rs`); so at every moment the old entry or the new one is
//! there, whole. What a crash leaves behind:
//!
//! - before the change: the old entry (or none), and temporary files that the next start removes;
//! - after the change, before the sync of the directory: either entry. The duty of the newer state had not begun, and
//!   every duty may be performed twice;
//! - after that sync: the new entry;
//! - around a removal that had not reached the disk: the last entry, whose duty finds the token closed or the run dead.
//!
//! A file whose checksum is right and whose shape is not known is another version's: it stops the start, and kills
//! nothing. One that cannot be read is kept as `<task id>.corrupt` and replaced by an [`State::Orphaned`] entry: its name is
//! the task id and so the tag, and an application without an owner is killed, not forgotten. The copy is linked before
//! the entry is replaced, so a crash in between changes nothing. One lock lives as long as the process. The file `hidden`
//! has the applications that YARN hides from the worker (`hidden.rs`), and `history` the tasks that have ended, which are no
//! concern of the journal's.

mod batch;
mod encoding;
mod error;
mod format_v1;
mod format_v3;
mod hidden;
mod inspect;
mod sealed;
mod writer;

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::Task;
use super::machine::State;
use super::tags::is_short_id;

use batch::Spares;
pub use encoding::{Entry, decode, encode};
pub use error::JournalError;
pub use inspect::{Inspection, inspect};
pub use sealed::{Unreadable, seal, unseal};
pub use writer::Writer;

const ENTRY: &str = "task";
const TEMPORARY: &str = "tmp";
const CORRUPT: &str = "corrupt";
/// A token of 2 KB, an input of 1 MB (twice that as escaped JSON) and an outcome fit with room to spare.
const MAX_ENTRY: u64 = 16 << 20;

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
    /// The applications that YARN hides from the worker.
    pub hidden: Vec<String>,
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
    /// What the system says: the old entry, if any, is untouched, unless the directory could not be synced.
    pub fn write(&self, task: &Task, state: &State) -> io::Result<()> {
        let entry = (task.id.clone(), encode(task, state)?);
        self.write_all(&mut Spares::default(), [entry]).into_iter().collect()
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
    /// The error of the system. A missing entry is not an error.
    pub fn remove(&self, task: &str) -> io::Result<()> {
        match fs::remove_file(self.path(task, ENTRY)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Tests whether entries can be written: writes a probe file and removes it.
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
        let hidden = hidden::read(&self.directory).map_err(failed)?;
        let mut contents = Contents { hidden, ..Contents::default() };
        // Listed before anything is replaced: some file systems list what was renamed meanwhile once more.
        let files: io::Result<Vec<PathBuf>> =
            fs::read_dir(&self.directory).and_then(|files| files.map(|file| Ok(file?.path())).collect());
        let is_temporary = |path: &PathBuf| path.extension().is_some_and(|end| end == TEMPORARY);
        // Those first: what replaces an entry that cannot be read is written to one.
        let (temporary, files): (Vec<_>, Vec<_>) = files.map_err(failed)?.into_iter().partition(is_temporary);
        for path in temporary {
            fs::remove_file(&path).map_err(failed)?;
        }
        for path in files {
            let end = path.extension().and_then(|end| end.to_str()).unwrap_or_default();
            let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
            match end {
                ENTRY if is_short_id(stem) => self.read(stem, &path, &mut contents)?,
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
                return Err(JournalError::newer(path, version));
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

/// Writes a file beside another one, syncs it, and puts it in the other one's place.
pub(crate) fn replace(temporary: &Path, path: &Path, text: &[u8]) -> io::Result<()> {
    put(temporary, text)?.sync_all()?;
    fs::rename(temporary, path)
}

/// The same without the sync: a process that ends loses nothing, and a node that ends may lose the whole file.
pub(crate) fn replace_unsynced(temporary: &Path, path: &Path, text: &[u8]) -> io::Result<()> {
    put(temporary, text)?;
    fs::rename(temporary, path)
}

fn put(path: &Path, text: &[u8]) -> io::Result<File> {
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(text)?;
    Ok(file)
}

/// A file's bytes, unless it is larger than any entry.
pub(crate) fn read_bounded(path: &Path) -> io::Result<Result<Vec<u8>, Unreadable>> {
    if fs::metadata(path)?.len() > MAX_ENTRY {
        return Ok(Err(Unreadable::Malformed("it is larger than any entry".to_owned())));
    }
    fs::read(path).map(Ok)
}

#[cfg(test)]
mod tests;
