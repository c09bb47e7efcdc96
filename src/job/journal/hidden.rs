//! The applications of the worker's that YARN hides from it: the file `hidden`.
//!
//! A first line `spark-job-worker-hidden 1 <SHA-256 of the rest>`, then their ids as a JSON list. There is no file while
//! nothing is hidden. A version that does not know the file goes on without it, as all did before.

use std::fs;
use std::io;
use std::path::Path;

use super::sealed::{seal, unseal};
use super::{Journal, read_bounded, replace};

const FILE: &str = "hidden";
const KIND: &str = "spark-job-worker-hidden";
const FORMAT: u32 = 1;
/// Stands for applications whose ids cannot be read: some are hidden.
const UNKNOWN: &str = "unknown";

/// The ids that an earlier process has kept. A file that cannot be understood says that there were some.
pub(super) fn read(directory: &Path) -> io::Result<Vec<String>> {
    let bytes = match read_bounded(&directory.join(FILE)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        bytes => bytes?,
    };
    let ids = bytes.ok().and_then(|bytes| {
        let (_, payload) = unseal(KIND, FORMAT, &bytes).ok()?;
        serde_json::from_slice(payload).ok()
    });
    Ok(ids.unwrap_or_else(|| vec![UNKNOWN.to_owned()]))
}

impl Journal {
    /// Keeps these ids in the place of those of before.
    ///
    /// # Errors
    /// What the system says: those of before are untouched.
    pub(super) fn keep_hidden(&self, ids: &[String]) -> io::Result<()> {
        let path = self.directory.join(FILE);
        if ids.is_empty() {
            match fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        } else {
            let payload = serde_json::to_vec(ids)?;
            replace(&self.path(FILE, super::TEMPORARY), &path, &seal(KIND, FORMAT, &payload))?;
        }
        self.sync()
    }
}
