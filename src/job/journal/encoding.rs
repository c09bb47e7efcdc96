//! An entry as bytes: a first line with format and checksum, then JSON of that format.

use std::io;

use super::super::Task;
use super::super::machine::State;
use super::format_v1::EntryV1;
use super::format_v3::EntryV3;
use super::sealed::{Unreadable, seal, unseal};

/// The newest format that this version reads, and writes where a wait in YARN's queue can be over.
pub(super) const VERSION: u32 = 5;
/// What it writes of others, where Spark told of failed jobs or stages.
pub(super) const OF_FAILED_WORK: u32 = 4;
/// What it writes of other sessions.
pub(super) const OF_SESSIONS: u32 = 3;
/// What it writes of other batches.
pub(super) const OF_BATCHES: u32 = 2;
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
    let entry = EntryV3::new(task, state);
    let version = match entry.is_of_session() {
        _ if entry.tells_of_queue() => VERSION,
        _ if entry.tells_of_failed_work() => OF_FAILED_WORK,
        true => OF_SESSIONS,
        false => OF_BATCHES,
    };
    Ok(seal(MAGIC, version, &serde_json::to_vec(&entry)?))
}

/// The entry that bytes are.
///
/// # Errors
/// Why they are none.
pub fn decode(bytes: &[u8]) -> Result<Entry, Unreadable> {
    let (version, payload) = unseal(MAGIC, VERSION, bytes)?;
    let entry = match version {
        1 => serde_json::from_slice::<EntryV1>(payload).map(EntryV1::read),
        2..=5 => serde_json::from_slice::<EntryV3>(payload).map(EntryV3::read),
        other => return Err(Unreadable::Foreign(format!("format {other} never was"))),
    };
    entry.map_err(|error| Unreadable::Foreign(error.to_string()))?.map_err(Unreadable::Foreign)
}
