//! No polls for a while: an operator has said so, for an upgrade of Livy or before maintenance. Jobs run on.
//!
//! A pause outlives the process: the file `paused` in the state directory says since when, and until when where that was
//! said (`file.rs`). It begins before the file is written, so that no poll begins while a disk is slow, and it holds in
//! memory where the disk does not take it, which whoever asked is told. A file that is there and cannot be understood is
//! a pause until somebody ends it: it was said, and a poll too many is what it was to prevent.
//!
//! An end that was said is a moment of the wall clock. A clock that is set back must not make a pause endless, so a
//! process pauses for no longer than what was left when it began, by a clock that nobody sets.

mod file;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{self, watch};
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep};
use tracing::{error, info, warn};

use crate::job::timestamp::Timestamp;
use crate::job::world::World;
use crate::log::message_id;

pub use file::{LEAST, MOST, Read, Span, read};

/// From look to look whether it is over.
const STEP: Duration = Duration::from_millis(500);

/// A pause that is on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paused {
    /// Since when; none where its file cannot be understood.
    pub since: Option<Timestamp>,
    /// Until when; none: until somebody ends it.
    pub until: Option<Timestamp>,
    /// Why a restart would not know of it.
    pub unkept: Option<String>,
    /// Why its file cannot be understood.
    pub unread: Option<String>,
    /// By when it is over, whatever the wall clock says.
    end: Option<Instant>,
}

impl Paused {
    /// One that ends after `left`, where an end was said.
    fn new(span: &Span, left: Option<Duration>) -> Paused {
        let end = left.map(|left| Instant::now() + left);
        Paused { since: Some(span.since), until: span.until, unkept: None, unread: None, end }
    }

    fn is_over(&self, now: Timestamp) -> bool {
        self.until.is_some_and(|until| now >= until) || self.end.is_some_and(|end| Instant::now() >= end)
    }
}

/// Whether polls are paused. Whoever changes it waits for whoever is at it.
#[derive(Debug)]
pub struct Pause {
    directory: PathBuf,
    now: Mutex<Option<Paused>>,
    is_on: watch::Sender<bool>,
    changing: Arc<sync::Mutex<()>>,
}

impl Pause {
    /// Goes on with what an earlier process has kept in a state directory. Blocks while it is read.
    pub fn open(directory: &Path, now: Timestamp) -> Pause {
        let paused = match read(directory) {
            Read::Nothing => None,
            Read::Paused(span) => resumed(directory, &span, now),
            Read::Unreadable(why) => {
                error!(
                    message_id = message_id::PAUSED,
                    "{why}; polls stay paused until an operator resumes them: spark-job-worker resume"
                );
                Some(Paused { since: None, until: None, unkept: None, unread: Some(why), end: None })
            }
        };
        let is_on = watch::Sender::new(paused.is_some());
        let directory = directory.to_owned();
        Pause { directory, now: Mutex::new(paused), is_on, changing: Arc::default() }
    }

    /// The pause that is on.
    pub fn paused(&self) -> Option<Paused> {
        self.now().clone()
    }

    /// Becomes true while a pause is on.
    pub fn is_on(&self) -> watch::Receiver<bool> {
        self.is_on.subscribe()
    }

    /// Pauses, for so long where that is said; one that is on goes on until then. Returns it once the disk has it, or does
    /// not take it.
    pub async fn begin(&self, now: Timestamp, length: Option<Duration>) -> Paused {
        let _changing = Arc::clone(&self.changing).lock_owned().await;
        let since = self.now().as_ref().and_then(|paused| paused.since).unwrap_or(now);
        let span = Span::new(since, now, length);
        let paused = Paused::new(&span, length);
        *self.now() = Some(paused.clone());
        self.is_on.send_replace(true);
        let directory = self.directory.clone();
        let unkept = self.change(move || file::keep(&directory, &span)).await.err();
        match &unkept {
            None => info!(
                message_id = message_id::PAUSED,
                "paused{}: no task is polled, jobs run on",
                until(&paused)
            ),
            Some(why) => error!(
                message_id = message_id::PAUSED,
                "paused{}, and a restart will not know of it: {why}",
                until(&paused)
            ),
        }
        let paused = Paused { unkept, ..paused };
        *self.now() = Some(paused.clone());
        paused
    }

    /// Goes on. Returns whether a pause was on.
    ///
    /// # Errors
    /// Why a restart would pause again.
    pub async fn end(&self) -> Result<bool, String> {
        let _changing = Arc::clone(&self.changing).lock_owned().await;
        self.finish("an operator has resumed them").await
    }

    /// Ends a pause whose time is over. Never ends itself.
    pub async fn watch<W: World>(self: Arc<Self>, world: Arc<W>) {
        let mut is_on = self.is_on.subscribe();
        loop {
            // The sender lives as long as this.
            let _ = is_on.wait_for(|is_on| *is_on).await;
            let _changing = Arc::clone(&self.changing).lock_owned().await;
            let is_over = self.now().as_ref().is_some_and(|paused| paused.is_over(world.now()));
            if is_over {
                // A file that stays says when it ended: the next start knows.
                let _ = self.finish("its time is over").await;
            }
            drop(_changing);
            sleep(STEP).await;
        }
    }

    async fn finish(&self, why: &str) -> Result<bool, String> {
        let was_on = self.now().take().is_some();
        self.is_on.send_replace(false);
        let directory = self.directory.clone();
        let removed = self.change(move || file::remove(&directory)).await;
        match &removed {
            Ok(()) if was_on => info!(message_id = message_id::RESUMED, "polls go on: {why}"),
            Ok(()) => {}
            Err(reason) => warn!(
                message_id = message_id::RESUMED,
                "polls go on: {why}; its file stays, and a restart may pause again: {reason}"
            ),
        }
        removed.map(|()| was_on)
    }

    /// Changes the file, and waits for that.
    async fn change(&self, change: impl FnOnce() -> io::Result<()> + Send + 'static) -> Result<(), String> {
        let changed = spawn_blocking(change).await.map_err(io::Error::from).flatten();
        changed
            .map_err(|error| format!("{} cannot be changed: {error}", file::path(&self.directory).display()))
    }

    fn now(&self) -> MutexGuard<'_, Option<Paused>> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The pause that an earlier process has kept, unless its time is over.
fn resumed(directory: &Path, span: &Span, now: Timestamp) -> Option<Paused> {
    let left = span.left(now);
    if left.is_some_and(|left| left.is_zero()) {
        info!(message_id = message_id::RESUMED, "the time of a pause is over: polls go on");
        // One that stays says the same to the next start.
        let _ = file::remove(directory);
        return None;
    }
    let paused = Paused::new(span, left);
    warn!(
        message_id = message_id::PAUSED,
        "still paused{}: no task is polled, jobs run on; to go on: spark-job-worker resume",
        until(&paused)
    );
    Some(paused)
}

/// When it ends, in words.
fn until(paused: &Paused) -> String {
    paused.until.map(|until| format!(" until {}", until.rfc3339())).unwrap_or_default()
}

#[cfg(test)]
mod tests;
