//! A look at the journal that changes nothing: what this version of the worker would make of it.
//!
//! No lock is taken, because the version that is to be replaced runs meanwhile. One that is gone when its turn comes is
//! settled. Under its name an entry is whole; one that was opened before its place was taken may be emptied or written
//! over while it is read, and is then read again.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::{CORRUPT, ENTRY, Entry, JournalError, Unreadable, decode, read_bounded};
use crate::job::tags::is_short_id;

/// How often an entry that cannot be read is read again: its place has to be taken at the same moment each time.
const AGAIN: usize = 4;

/// What there is to read.
#[derive(Debug, Default)]
pub struct Inspection {
    /// Tasks that this version can take over.
    pub tasks: usize,
    /// The files of the others, with the reason.
    pub unreadable: Vec<(PathBuf, String)>,
    /// Copies of entries that could not be read at some start.
    pub corrupt: usize,
}

/// Looks at every entry in `directory`; one that is not there has none.
///
/// # Errors
/// What the system says where it does not let the directory or an entry be read.
pub fn inspect(directory: &Path) -> io::Result<Inspection> {
    let mut inspection = Inspection::default();
    let files = match fs::read_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(inspection),
        files => files?,
    };
    for file in files {
        let path = file?.path();
        inspection.corrupt += usize::from(path.extension().is_some_and(|end| end == CORRUPT));
        let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        if path.extension().is_none_or(|end| end != ENTRY) || !is_short_id(stem) {
            continue;
        }
        let entry = match read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            entry => entry?,
        };
        match entry {
            Ok(_) => inspection.tasks += 1,
            Err(Unreadable::Malformed(reason)) => {
                let told = format!("{} cannot be read by this version: {reason}", path.display());
                inspection.unreadable.push((path, told));
            }
            Err(Unreadable::Foreign(reason)) => {
                let told = JournalError::Foreign { path: path.clone(), reason }.to_string();
                inspection.unreadable.push((path, told));
            }
            Err(Unreadable::Newer(version)) => {
                let told = JournalError::newer(&path, version).to_string();
                inspection.unreadable.push((path, told));
            }
        }
    }
    Ok(inspection)
}

/// An entry, or what is wrong with it however often it is read.
fn read(path: &Path) -> io::Result<Result<Entry, Unreadable>> {
    let mut again = 0..AGAIN;
    loop {
        let entry = read_bounded(path)?.and_then(|bytes| decode(&bytes));
        if entry.is_ok() || again.next().is_none() {
            return Ok(entry);
        }
    }
}

#[cfg(test)]
mod tests;
