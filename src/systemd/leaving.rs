//! That the node goes down for good outlives a crash: started again by the service manager, the worker takes no task.
//!
//! A file beside the journal holds the id of the boot. A clean stop forgets it, so a start after one
//! means it; and so does the next boot.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use tracing::warn;

const FILE: &str = "leaving";
/// Another one after every boot (random(4)).
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

/// Remembers that the node goes down for good.
#[derive(Debug)]
pub struct ShutdownMarker {
    path: PathBuf,
}

impl ShutdownMarker {
    /// Kept in the state directory.
    pub fn kept_in(directory: &Path) -> ShutdownMarker {
        ShutdownMarker { path: directory.join(FILE) }
    }

    /// Whether it was said since the node booted, and the worker has not been stopped since.
    pub fn is_set(&self) -> bool {
        match (fs::read_to_string(&self.path), fs::read_to_string(BOOT_ID)) {
            (Ok(said), Ok(boot)) => said == boot,
            (Err(_), _) | (_, Err(_)) => false,
        }
    }

    /// Remembers it. Not synced: only a crash of this process is to be outlived, not one of the node.
    pub fn set(&self) {
        let said = fs::read_to_string(BOOT_ID).and_then(|boot| fs::write(&self.path, boot));
        if let Err(error) = said {
            warn!(
                "{} cannot be written: {error}; after a crash the worker would poll again",
                self.path.display()
            );
        }
    }

    /// Forgets it.
    pub fn clear(&self) {
        match fs::remove_file(&self.path) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => warn!("{} cannot be removed: {error}", self.path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_said_is_known_until_it_is_forgotten_or_the_node_boots() {
        let directory = tempfile::tempdir().expect("a directory");
        let leaving = || ShutdownMarker::kept_in(directory.path());
        assert!(!leaving().is_set());
        leaving().set();
        assert!(leaving().is_set());
        leaving().clear();
        assert!(!leaving().is_set());
        leaving().clear();
        fs::write(directory.path().join(FILE), "the boot before\n").expect("written");
        assert!(!leaving().is_set());
    }
}
