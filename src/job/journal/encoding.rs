//! An entry as bytes: a first line with format and checksum, then JSON of that format.

use std::io;

use super::super::Task;
use super::super::machine::State;
use super::format_v1::EntryV1;
use super::format_v2::EntryV2;
use super::sealed::{Unreadable, seal, unseal};

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

/// The bytes of a task's entry.
///
/// # Errors
/// Where something of it cannot be written as JSON, which does not happen.
pub fn encode(task: &Task, state: &State) -> io::Result<Vec<u8>> {
    Ok(seal(MAGIC, VERSION, &serde_json::to_vec(&EntryV2::new(task, state))?))
}

/// The entry that bytes are.
///
/// # Errors
/// Why they are none.
pub fn decode(bytes: &[u8]) -> Result<Entry, Unreadable> {
    let (version, payload) = unseal(MAGIC, VERSION, bytes)?;
    let entry = match version {
        1 => serde_json::from_slice::<EntryV1>(payload).map(EntryV1::read),
        2 => serde_json::from_slice::<EntryV2>(payload).map(EntryV2::read),
        other => return Err(Unreadable::Foreign(format!("format {other} never was"))),
    };
    entry.map_err(|error| Unreadable::Foreign(error.to_string()))?.map_err(Unreadable::Foreign)
}
