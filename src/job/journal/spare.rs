//! The two files of an entry. What a newer entry has replaced stays beside it as `<task id>.tmp`, and the next one is
//! written over it: to make a file and to give it back costs a file system more than all that is written into it.
//!
//! A spare file is written over only once a sync of the directory has told that it is no entry any more: until then the
//! disk may still have it as one.

use std::collections::{HashMap, HashSet};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;

use super::replace;

/// What is known of the files of the entries that this process has written.
#[derive(Debug, Default)]
pub(super) struct Spares(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    /// By the number of the task: whether there is a file beside its entry.
    entries: HashMap<u64, bool>,
    /// Those among them that no sync of the directory has followed yet.
    unsynced: HashSet<u64>,
}

impl Spares {
    /// Puts an entry's text in its place, from the temporary file.
    pub(super) fn put(&self, task: &str, temporary: &Path, entry: &Path, text: &[u8]) -> io::Result<()> {
        let number = number(task);
        let (is_ours, is_synced) = {
            let known = self.known();
            let is_ours = number.is_some_and(|number| known.entries.contains_key(&number));
            (is_ours, number.is_some_and(|number| !known.unsynced.contains(&number)))
        };
        let put = match (is_ours, is_synced) {
            (true, true) => exchange(temporary, entry, text),
            // The disk may still have the file beside it as the entry.
            (true, false) => remove(temporary).and_then(|()| replace(temporary, entry, text)).map(|()| false),
            (false, _) => replace(temporary, entry, text).map(|()| false),
        };
        if put.is_err() {
            // What is left of it would only take room; the next start removes it, too.
            let _ = fs::remove_file(temporary);
        }
        let Some(number) = number else { return put.map(drop) };
        let mut known = self.known();
        if let Ok(has_spare) = put {
            known.entries.insert(number, has_spare);
            known.unsynced.insert(number);
        } else if let Some(has_spare) = known.entries.get_mut(&number) {
            *has_spare = false;
        }
        put.map(drop)
    }

    /// The directory was synced: what has replaced something is what the disk has.
    pub(super) fn synced(&self) {
        self.known().unsynced.clear();
    }

    /// Removes an entry, and the file beside it.
    pub(super) fn remove(&self, task: &str, temporary: &Path, entry: &Path) -> io::Result<()> {
        remove(entry)?;
        let has_spare = number(task).and_then(|number| self.known().entries.remove(&number));
        if has_spare == Some(true) { remove(temporary) } else { Ok(()) }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A task's id as a number: of ten thousand the texts would take a megabyte.
fn number(task: &str) -> Option<u64> {
    u64::from_str_radix(task, 16).ok()
}

/// Writes a text over the temporary file, syncs it, and lets it change places with the entry. Returns whether that lies
/// beside it now.
fn exchange(temporary: &Path, entry: &Path, text: &[u8]) -> io::Result<bool> {
    write_over(temporary, text)?.sync_data()?;
    match renameat_with(CWD, temporary, CWD, entry, RenameFlags::EXCHANGE) {
        Ok(()) => Ok(true),
        // Not every file system can.
        Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => fs::rename(temporary, entry).map(|()| false),
        Err(error) => Err(error.into()),
    }
}

/// The blocks that the file has are used again.
fn write_over(path: &Path, text: &[u8]) -> io::Result<File> {
    let mut file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path)?;
    file.write_all(text)?;
    let length = u64::try_from(text.len()).map_err(io::Error::other)?;
    if file.metadata()?.len() != length {
        file.set_len(length)?;
    }
    Ok(file)
}

/// Removes a file. A missing one is not an error.
pub(super) fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;
    use std::path::PathBuf;

    use tempfile::TempDir;

    use super::*;

    const TASK: &str = "0123456789abcdef";

    struct Files {
        spares: Spares,
        directory: TempDir,
    }

    impl Files {
        fn new() -> Files {
            Files { spares: Spares::default(), directory: tempfile::tempdir().expect("a directory") }
        }

        fn path(&self, end: &str) -> PathBuf {
            self.directory.path().join(format!("{TASK}.{end}"))
        }

        /// Puts a text in the entry's place; returns the number of the file.
        fn put(&self, text: &str) -> u64 {
            let (temporary, entry) = (self.path("tmp"), self.path("task"));
            self.spares.put(TASK, &temporary, &entry, text.as_bytes()).expect("put");
            assert_eq!(fs::read_to_string(&entry).expect("read"), text);
            fs::metadata(&entry).expect("there").ino()
        }

        fn put_and_sync(&self, text: &str) -> u64 {
            let file = self.put(text);
            self.spares.synced();
            file
        }

        fn count(&self) -> usize {
            fs::read_dir(self.directory.path()).expect("listed").count()
        }
    }

    #[test]
    fn an_entry_that_is_written_six_times_takes_two_files_and_leaves_none() {
        let files = Files::new();
        let texts = ["received", "submitting", "running", "r", "judged at last", "ended"];
        let used: Vec<u64> = texts.iter().map(|text| files.put_and_sync(text)).collect();
        assert!(used[0] != used[1] && used[2..].chunks(2).all(|pair| pair == &used[..2]), "{used:?}");
        assert_eq!(files.count(), 2);
        files.spares.remove(TASK, &files.path("tmp"), &files.path("task")).expect("removed");
        assert_eq!(files.count(), 0);
        files.spares.remove(TASK, &files.path("tmp"), &files.path("task")).expect("there is none");
    }

    #[test]
    fn what_the_disk_may_still_have_as_the_entry_is_not_written_over() {
        let files = Files::new();
        files.put_and_sync("first");
        let entry = File::open(files.path("task")).expect("open");
        files.put("second");
        files.put("third");
        assert_eq!(io::read_to_string(entry).expect("read"), "first", "no sync has told that it is replaced");
    }

    #[test]
    fn an_entry_of_an_earlier_process_is_replaced_and_not_kept() {
        let files = Files::new();
        fs::write(files.path("task"), "of before").expect("written");
        let before = File::open(files.path("task")).expect("open");
        files.put_and_sync("first");
        files.put_and_sync("second");
        files.put_and_sync("third");
        assert_eq!(io::read_to_string(before).expect("read"), "of before", "it may have other names");
    }
}
