//! Whether the state directory can be written, and what is done once it can again.

use std::collections::BTreeSet;
use std::io;
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::Duration;

use tracing::{error, info};

use super::RealWorld;
use crate::job::world::World;
use crate::log::message_id;

/// From try to try to write, while that fails.
const PROBE: Duration = Duration::from_secs(2);

impl RealWorld {
    /// Takes note of whether the journal could be written; logs a change.
    pub(super) fn note_disk(&self, written: &io::Result<()>) {
        let good = written.is_ok();
        let changed = self.disk.send_if_modified(|known| std::mem::replace(known, good) != good);
        match written {
            Ok(()) if changed => {
                info!(message_id = message_id::DISK, "the state directory can be written again")
            }
            Err(error) if changed => error!(
                message_id = message_id::DISK,
                "the state directory cannot be written: {error}; no task is taken until it can"
            ),
            _ => {}
        }
    }

    /// Tries whether the journal can be written. Where it can, entries go that could not be removed before.
    pub async fn try_disk(&self) {
        let probed = self.journal.probe().await;
        self.note_disk(&probed);
        if probed.is_ok() {
            let left = std::mem::take(&mut *self.unremoved());
            for task in left {
                // Where that fails, it is noted again.
                let _ = self.forget(&task).await;
            }
        }
    }

    pub(super) fn unremoved(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.unremoved.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tries every few seconds to write, while that is known to fail. Never ends.
    pub async fn watch_disk(self: Arc<Self>) {
        let mut disk = self.disk.subscribe();
        loop {
            if disk.wait_for(|good| !*good).await.is_err() {
                std::future::pending::<()>().await;
            }
            tokio::time::sleep(PROBE).await;
            self.try_disk().await;
        }
    }
}
