//! What keeps the journal from being used.

use std::error::Error;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use super::encoding::VERSION;

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
        /// The newest of its kind that this version reads.
        reads: u32,
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

impl JournalError {
    /// An entry of a newer version's.
    pub(super) fn newer(path: &Path, version: u32) -> JournalError {
        JournalError::Newer { path: path.to_owned(), version, reads: VERSION }
    }
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
            JournalError::Newer { path, version, reads } => write!(
                f,
                "{} was written by a newer spark-job-worker (format {version}, this one reads {reads}): install that version again, or let it finish its tasks first",
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

impl Error for JournalError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            JournalError::Io { source, .. } => Some(source),
            JournalError::Locked(_) | JournalError::Newer { .. } | JournalError::Foreign { .. } => None,
        }
    }
}
