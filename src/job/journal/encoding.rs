//! An entry as bytes: a first line with format and checksum, then JSON of that format.

use std::fmt;
use std::io;

use sha2::{Digest, Sha256};

use super::super::Task;
use super::super::machine::State;
use super::format_v1::EntryV1;
use super::format_v2::EntryV2;

/// The format that this version writes, and the newest that it reads.
pub(super) const VERSION: u32 = 2;
pub(super) const MAGIC: &str = "spark-job-worker";

/// What is kept of a task.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// The task.
    pub task: Task,
    /// Where it stands.
    pub state: State,
    /// The first format had it, without the rules of its activity.
    pub is_old: bool,
}

/// Why bytes are no entry.
#[derive(Debug, PartialEq)]
pub enum Unreadable {
    /// A newer version wrote it, in this format.
    Newer(u32),
    /// It is whole, and of a shape that this version does not know.
    Foreign(String),
    /// It is damaged.
    Malformed(String),
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unreadable::Newer(version) => write!(f, "it is of format {version}"),
            Unreadable::Foreign(reason) | Unreadable::Malformed(reason) => f.write_str(reason),
        }
    }
}

/// The bytes of a task's entry.
///
/// # Errors
/// Where something of it cannot be written as JSON, which does not happen.
pub fn encode(task: &Task, state: &State) -> io::Result<Vec<u8>> {
    let payload = serde_json::to_vec(&EntryV2::new(task, state))?;
    let mut text = format!("{MAGIC} {VERSION} {}\n", checksum(&payload)).into_bytes();
    text.extend_from_slice(&payload);
    Ok(text)
}

/// The entry that bytes are.
///
/// # Errors
/// Why they are none.
pub fn decode(bytes: &[u8]) -> Result<Entry, Unreadable> {
    let malformed = |reason: &str| Unreadable::Malformed(reason.to_owned());
    let end = bytes
        .iter()
        .take(200)
        .position(|byte| *byte == b'\n')
        .ok_or_else(|| malformed("it has no first line"))?;
    let (head, payload) = (&bytes[..end], &bytes[end + 1..]);
    let head = std::str::from_utf8(head).map_err(|_| malformed("its first line is not text"))?;
    let parts: Vec<&str> = head.split(' ').collect();
    let [MAGIC, version, sum] = parts[..] else { return Err(malformed("its first line is not ours")) };
    let version: u32 = version.parse().map_err(|_| malformed("its version is no number"))?;
    // A newer format may have another checksum and another way of writing it.
    if version > VERSION {
        return Err(Unreadable::Newer(version));
    }
    if checksum(payload) != sum {
        return Err(malformed("its checksum is wrong"));
    }
    let entry = match version {
        1 => serde_json::from_slice::<EntryV1>(payload).map(EntryV1::read),
        2 => serde_json::from_slice::<EntryV2>(payload).map(EntryV2::read),
        other => return Err(Unreadable::Foreign(format!("format {other} never was"))),
    };
    entry.map_err(|error| Unreadable::Foreign(error.to_string()))?.map_err(Unreadable::Foreign)
}

pub(super) fn checksum(payload: &[u8]) -> String {
    Sha256::digest(payload).iter().map(|byte| format!("{byte:02x}")).collect()
}
