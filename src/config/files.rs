//! Reads files that others wrote: nothing that blocks, and never more than a limit.

use std::fs::{File, metadata};
use std::io::{self, Read};
use std::path::Path;

/// Opens a file, and nothing that would block.
pub(super) fn open(path: &Path) -> io::Result<File> {
    if !metadata(path)?.is_file() {
        return Err(io::Error::other("not a file"));
    }
    File::open(path)
}

/// All bytes of a file.
///
/// # Errors
/// A file with more than `limit` of them.
pub(super) fn read(file: File, limit: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.take(limit + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        return Err(io::Error::other(format!("more than {limit} bytes")));
    }
    Ok(bytes)
}
