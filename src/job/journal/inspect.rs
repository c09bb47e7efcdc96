//! A look at the journal that changes nothing: what this version of the worker would make of it.
//!
//! No lock is taken, because the version that is to be replaced runs meanwhile. An entry is the old one or the new one,
//! whole, and one that is gone when its turn comes is settled.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::{CORRUPT, ENTRY, JournalError, Unreadable, decode, read_bounded};
use crate::job::tags::is_short_id;

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
        let bytes = match read_bounded(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            bytes => bytes?,
        };
        match bytes.map_or_else(Err, |bytes| decode(&bytes)) {
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

#[cfg(test)]
mod tests;
