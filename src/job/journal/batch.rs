//! Entries that become durable together.
//!
//! Each is written into a spare file and synced, and changes places with the entry that it replaces; then the directory
//! is synced, once for all. What a spare then holds, the old entry, is emptied only after that, so at every moment the
//! old entry or the new one is there, whole. Files change places because a file that is replaced is a file that is
//! deleted, and ext4 goes through all that were deleted within the last minute for each new one (`recently_deleted` in
//! `fs/ext4/ialloc.c`): a burst of 500 tasks spent most of its time there.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::{Advice, CWD, RenameFlags, fadvise, renameat_with};

use super::{ENTRY, Journal, TEMPORARY, put};

/// Empty files that wait to become entries; as many at most as there were entries in one batch. Dropping them removes
/// them, and a start removes those of a process that was killed.
#[derive(Debug, Default)]
pub(super) struct Spares {
    free: Vec<PathBuf>,
    made: u64,
}

impl Spares {
    fn take(&mut self, journal: &Journal) -> PathBuf {
        self.free.pop().unwrap_or_else(|| {
            self.made += 1;
            journal.path(&format!("{:016x}", self.made), TEMPORARY)
        })
    }

    /// Empties a file that is of no more use, and keeps it for the next entry.
    fn give_back(&mut self, spare: PathBuf) {
        // A spare holds no block: what the system says of a full disk is true for all entries alike.
        match OpenOptions::new().write(true).truncate(true).open(&spare) {
            Ok(_) => self.free.push(spare),
            Err(_) => discard(&spare),
        }
    }
}

impl Drop for Spares {
    fn drop(&mut self) {
        self.free.iter().for_each(|spare| discard(spare));
    }
}

impl Journal {
    /// Makes entries durable: task ids and the bytes of their entries. Of two of one task the later one stays.
    ///
    /// Returns for each what the system says; the old entry of one that failed, if any, is untouched.
    pub(super) fn write_all(
        &self,
        spares: &mut Spares,
        entries: impl IntoIterator<Item = (String, Vec<u8>)>,
    ) -> Vec<io::Result<()>> {
        let begin = |(task, text): (String, Vec<u8>)| {
            let spare = spares.take(self);
            match begun(&spare, &text) {
                Ok(file) => Ok((self.path(&task, ENTRY), spare, file)),
                Err(error) => {
                    // What is left of it would only take room; the next start removes it, too.
                    discard(&spare);
                    Err(error)
                }
            }
        };
        // All are on their way to the disk before the first is waited for.
        let begun: Vec<_> = entries.into_iter().map(begin).collect();
        let finish = |(entry, spare, file): (PathBuf, PathBuf, File)| {
            let finished = file.sync_all().and_then(|()| exchange(&spare, &entry));
            if finished.is_err() {
                discard(&spare);
            }
            finished.map(|has_old| has_old.then_some(spare))
        };
        let finished: Vec<_> = begun.into_iter().map(|begun| begun.and_then(finish)).collect();
        let synced = if finished.iter().any(Result::is_ok) { self.sync() } else { Ok(()) };
        let settle = |finished: io::Result<Option<PathBuf>>| match (finished?, &synced) {
            (old, Ok(())) => {
                old.into_iter().for_each(|old| spares.give_back(old));
                Ok(())
            }
            (old, Err(error)) => {
                old.iter().for_each(|old| discard(old));
                Err(io::Error::new(error.kind(), error.to_string()))
            }
        };
        finished.into_iter().map(settle).collect()
    }
}

/// Writes a file and has the system begin to bring it to the disk.
fn begun(path: &Path, text: &[u8]) -> io::Result<File> {
    let file = put(path, text)?;
    // Advice that a file is not needed begins to write it, and waits for nothing; where it does not, the sync does.
    let _ = fadvise(&file, 0, None, Advice::DontNeed);
    Ok(file)
}

/// Puts a file in an entry's place; whether the old entry has the file's place now.
fn exchange(spare: &Path, entry: &Path) -> io::Result<bool> {
    // What has a second name, such as the copy of an entry that cannot be read, is not ours to be emptied.
    let is_ours = fs::symlink_metadata(entry).is_ok_and(|found| found.is_file() && found.nlink() == 1);
    // Not every file system can do it.
    if is_ours && renameat_with(CWD, spare, CWD, entry, RenameFlags::EXCHANGE).is_ok() {
        return Ok(true);
    }
    fs::rename(spare, entry)?;
    Ok(false)
}

fn discard(spare: &Path) {
    let _ = fs::remove_file(spare);
}
