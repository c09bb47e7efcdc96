//! Entries that become durable together.
//!
//! Each is written into a spare file and synced, and changes places with the entry that it replaces; then the directory
//! is synced, once for all. What a spare then holds, the old entry, is written over only after that, so at every moment
//! the old entry or the new one is there, whole. Entries that are synced together share the waits for the disk, and files
//! that change places are neither made nor deleted, which costs more than to write them; most of all on ext4 without a
//! journal, where each new file is looked for among all that were deleted within the last minutes (`find_inode_bit` in
//! `fs/ext4/ialloc.c`).

use std::fs::{self, File, Metadata};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{Advice, CWD, RenameFlags, fadvise, renameat_with};

use super::{ENTRY, Journal, TEMPORARY};

/// Files that wait to become entries; as many at most as there were entries in one batch. Dropping them removes them,
/// and a start removes those of a process that was killed.
#[derive(Debug, Default)]
pub(super) struct Spares {
    free: Vec<Spare>,
    made: u64,
}

#[derive(Debug)]
struct Spare {
    path: PathBuf,
    /// Bytes of an old entry.
    length: u64,
}

impl Spares {
    fn take(&mut self, journal: &Journal) -> Spare {
        self.free.pop().unwrap_or_else(|| {
            self.made += 1;
            Spare { path: journal.path(&format!("{:016x}", self.made), TEMPORARY), length: 0 }
        })
    }

    /// Empties all. At rest a spare holds nobody's token, and no block: whether a full disk has room for an entry does not
    /// depend on which one it is.
    pub(super) fn empty(&mut self) {
        self.free.retain_mut(|spare| {
            let emptied =
                spare.length == 0 || File::options().write(true).truncate(true).open(&spare.path).is_ok();
            if !emptied {
                spare.discard();
            }
            spare.length = 0;
            emptied
        });
    }
}

impl Drop for Spares {
    fn drop(&mut self) {
        self.free.iter().for_each(Spare::discard);
    }
}

impl Spare {
    /// Writes an entry and has the system begin to bring it to the disk.
    fn begin(&self, text: &[u8]) -> io::Result<File> {
        let mut file =
            File::options().write(true).create(true).truncate(false).mode(0o600).open(&self.path)?;
        file.write_all(text)?;
        if self.length > text.len() as u64 {
            file.set_len(text.len() as u64)?;
        }
        // Advice that a file is not needed begins to write it, and waits for nothing; where it does not, the sync does.
        let _ = fadvise(&file, 0, None, Advice::DontNeed);
        Ok(file)
    }

    /// Puts the file in an entry's place; the old entry, if it has the file's place now.
    fn exchange(&self, entry: &Path) -> io::Result<Option<Spare>> {
        // What has a second name, such as the copy of an entry that cannot be read, is not to be written over, and what
        // was put there by hand, with another owner or mode, is no file for other entries.
        let new = fs::symlink_metadata(&self.path)?;
        let is_like_ours = |found: &Metadata| {
            found.is_file() && found.nlink() == 1 && (found.mode(), found.uid()) == (new.mode(), new.uid())
        };
        if let Some(old) = fs::symlink_metadata(entry).ok().filter(is_like_ours)
            // Not every file system can do it.
            && renameat_with(CWD, &self.path, CWD, entry, RenameFlags::EXCHANGE).is_ok()
        {
            return Ok(Some(Spare { path: self.path.clone(), length: old.len() }));
        }
        fs::rename(&self.path, entry)?;
        Ok(None)
    }

    /// What is left would only take room; the next start removes it, too.
    fn discard(&self) {
        let _ = fs::remove_file(&self.path);
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
            let begun = spare.begin(&text).inspect_err(|_| spare.discard())?;
            Ok((self.path(&task, ENTRY), spare, begun))
        };
        // All are on their way to the disk before the first is waited for.
        let begun: Vec<_> = entries.into_iter().map(begin).collect();
        let finish = |(entry, spare, file): (PathBuf, Spare, File)| {
            let finished = file.sync_data().and_then(|()| spare.exchange(&entry));
            finished.inspect_err(|_| spare.discard())
        };
        let finished: Vec<_> = begun.into_iter().map(|begun| begun.and_then(finish)).collect();
        let synced = if finished.iter().any(Result::is_ok) { self.sync() } else { Ok(()) };
        let settle = |finished: io::Result<Option<Spare>>| match (finished?, &synced) {
            (old, Ok(())) => {
                spares.free.extend(old);
                Ok(())
            }
            (old, Err(error)) => {
                old.iter().for_each(Spare::discard);
                Err(io::Error::new(error.kind(), error.to_string()))
            }
        };
        finished.into_iter().map(settle).collect()
    }
}
