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
use std::num::NonZeroU64;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{Advice, CWD, RenameFlags, fadvise, renameat_with};

use super::{ENTRY, Journal, TEMPORARY};

/// Files that wait to become entries; as many at most as there were entries in one batch. Dropping them removes them,
/// and a start removes those that an earlier process has left.
#[derive(Debug, Default)]
pub(super) struct Spares {
    free: Vec<Spare>,
    made: u64,
}

#[derive(Debug)]
struct Spare {
    path: PathBuf,
    /// It may hold an old entry.
    is_used: bool,
}

/// An entry that is on its way to the disk.
struct Begun {
    entry: PathBuf,
    spare: Spare,
    file: File,
}

impl Spares {
    fn take(&mut self, journal: &Journal) -> Spare {
        self.free.pop().unwrap_or_else(|| {
            self.made += 1;
            Spare { path: journal.path(&format!("{:016x}", self.made), TEMPORARY), is_used: false }
        })
    }

    /// Empties all. At rest a spare holds nobody's token, and no block: whether a full disk has room for an entry does not
    /// depend on which one it is.
    pub(super) fn empty(&mut self) {
        self.free.retain_mut(|spare| {
            let emptied =
                !spare.is_used || File::options().write(true).truncate(true).open(&spare.path).is_ok();
            if !emptied {
                spare.discard();
            }
            spare.is_used = false;
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
        let length = text.len() as u64;
        if file.metadata()?.len() > length {
            file.set_len(length)?;
        }
        // Advice that a file is not needed begins to write it; where it does not, the sync does. Of a part of a page, because
        // whole ones would also be dropped, for which processors wait for each other (`generic_fadvise` in `mm/fadvise.c`).
        let _ = fadvise(&file, 0, Some(NonZeroU64::MIN), Advice::DontNeed);
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
        if fs::symlink_metadata(entry).is_ok_and(|found| is_like_ours(&found))
            // Not every file system can do it.
            && renameat_with(CWD, &self.path, CWD, entry, RenameFlags::EXCHANGE).is_ok()
        {
            return Ok(Some(Spare { path: self.path.clone(), is_used: true }));
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
    /// Returns for each what the system says; the old entry of one that failed, if any, is untouched, unless the directory
    /// could not be synced: then it is either.
    pub(super) fn write_all(
        &self,
        spares: &mut Spares,
        entries: impl IntoIterator<Item = (String, Vec<u8>)>,
    ) -> Vec<io::Result<()>> {
        let (mut begun, mut written) = (Vec::new(), Vec::new());
        // All are on their way to the disk before the first is waited for.
        for (task, text) in entries {
            let spare = spares.take(self);
            let mut file = spare.begin(&text);
            if file.is_err() {
                // What the others take, room or open files, is free again once they are in their places.
                written.extend(self.finish(spares, begun.drain(..)));
                spares.empty();
                file = spare.begin(&text);
            }
            let file = file.inspect_err(|_| spare.discard());
            begun.push(file.map(|file| Begun { entry: self.path(&task, ENTRY), spare, file }));
        }
        written.extend(self.finish(spares, begun.drain(..)));
        written
    }

    fn finish(
        &self,
        spares: &mut Spares,
        begun: impl Iterator<Item = io::Result<Begun>>,
    ) -> impl Iterator<Item = io::Result<()>> {
        let exchange = |Begun { entry, spare, file }| {
            let exchanged = file.sync_data().and_then(|()| spare.exchange(&entry));
            exchanged.inspect_err(|_| spare.discard())
        };
        let exchanged: Vec<_> = begun.map(|begun| begun.and_then(exchange)).collect();
        let synced = if exchanged.iter().any(Result::is_ok) { self.sync() } else { Ok(()) };
        let settle = move |exchanged: io::Result<Option<Spare>>| match (exchanged?, &synced) {
            (old, Ok(())) => {
                spares.free.extend(old);
                Ok(())
            }
            (old, Err(error)) => {
                old.iter().for_each(Spare::discard);
                Err(io::Error::new(error.kind(), error.to_string()))
            }
        };
        exchanged.into_iter().map(settle)
    }
}
