//! The real world of a job: Step Functions, Livy, YARN, the sweep and the journal behind the one trait.

use std::io;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::spawn_blocking;
use tracing::{error, info};

use crate::activity::StepFunctions;
use crate::job::journal::{Entry, Writer};
use crate::job::machine::{Run, Timestamp};
use crate::job::report::Answer;
use crate::job::request::Batch;
use crate::job::world::{
    BatchView, Beat, Counted, Deleted, NotKilled, Posted, Reported, Sight, Token, Unreachable, Unwritable,
    World, Yarn, YarnMemory,
};
use crate::ops::metrics::Metrics;
use crate::ops::telemetry::message_id;
use crate::spark::driver_log::DriverLogs;
use crate::spark::livy::Livy;
use crate::spark::processes;
use crate::spark::watch::{Health, Sweep};
use crate::spark::yarn::ResourceManager;

/// From try to try to write, while that fails.
const PROBE: Duration = Duration::from_secs(2);

/// The edges that all jobs share.
pub struct Edges {
    /// Step Functions.
    pub step_functions: StepFunctions,
    /// Livy.
    pub livy: Livy,
    /// YARN.
    pub yarn: ResourceManager,
    /// Drivers' logs.
    driver_logs: DriverLogs,
    /// What a restart needs.
    pub journal: Writer,
    /// The shared sweep.
    pub sweep: Sweep,
    /// What is counted.
    pub metrics: Metrics,
    /// Whether the journal can be written.
    pub disk: watch::Sender<bool>,
    /// Places among the POSTs under way.
    submits: Arc<Semaphore>,
    health: watch::Receiver<Health>,
    draining: watch::Receiver<bool>,
}

impl Edges {
    /// Puts the edges together; at most `submits` POSTs are under way at a time, and none begins while the worker
    /// drains.
    pub fn new(
        step_functions: StepFunctions,
        cluster: (Livy, ResourceManager, DriverLogs, Sweep),
        journal: Writer,
        submits: usize,
        draining: watch::Receiver<bool>,
    ) -> Edges {
        let (livy, yarn, driver_logs, sweep) = cluster;
        Edges {
            health: sweep.health(),
            step_functions,
            livy,
            yarn,
            driver_logs,
            journal,
            sweep,
            metrics: Metrics::default(),
            disk: watch::Sender::new(true),
            submits: Arc::new(Semaphore::new(submits)),
            draining,
        }
    }

    /// Takes note of whether the journal could be written; logs a change.
    fn note_disk(&self, written: &io::Result<()>) {
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

    /// Tries whether the journal can be written.
    pub async fn try_disk(&self) {
        self.note_disk(&self.journal.probe().await);
    }

    /// Tries every few seconds to write, while that is known to fail. Never ends.
    pub async fn mend_disk(self: Arc<Self>) {
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

/// Calls are boxed: a client's future takes some kilobytes, and a job that only waits must not hold room for one.
impl World for Edges {
    type Slot = Option<OwnedSemaphorePermit>;

    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
    }

    async fn write(&self, entry: &Entry) -> Result<(), Unwritable> {
        let written = self.journal.write(entry.clone()).await;
        self.note_disk(&written);
        written.map_err(|error| Unwritable(error.to_string()))
    }

    async fn forget(&self, task: &str) -> Result<(), Unwritable> {
        self.journal.remove(task).await.map_err(|error| Unwritable(error.to_string()))
    }

    async fn slot(&self) -> Result<Self::Slot, Unreachable> {
        if *self.draining.borrow() {
            // The next start prepares it anew.
            return std::future::pending().await;
        }
        if let Health::Down { words, .. } = &*self.health.borrow() {
            return Err(Unreachable(words.clone()));
        }
        // Closed never: the semaphore lives as long as the process.
        Ok(Arc::clone(&self.submits).acquire_owned().await.ok())
    }

    async fn post(&self, batch: &Batch) -> Posted {
        Box::pin(self.livy.submit(batch)).await
    }

    async fn find(&self, name: &str) -> Result<Option<BatchView>, Unreachable> {
        Box::pin(self.livy.find(name)).await
    }

    async fn log(&self, name: &str) -> Result<Vec<String>, Unreachable> {
        Box::pin(self.livy.log(name)).await
    }

    async fn delete(&self, name: &str) -> Result<Deleted, Unreachable> {
        Box::pin(self.livy.delete(name)).await
    }

    async fn look(&self, run: &Run, seen: Option<&Sight>) -> Sight {
        self.sweep.look(run, seen).await
    }

    async fn tagged(&self, tag: &str) -> Yarn {
        Box::pin(self.yarn.tagged(tag)).await
    }

    async fn application(&self, id: &str) -> Yarn {
        Box::pin(self.yarn.application(id)).await
    }

    async fn driver_log(&self, page: &str, file: &str) -> Result<Option<Vec<String>>, Unreachable> {
        Box::pin(self.driver_logs.tail(page, file)).await
    }

    async fn memory(&self) -> Result<YarnMemory, Unreachable> {
        Box::pin(self.yarn.memory()).await
    }

    async fn kill(&self, id: &str) -> Result<(), NotKilled> {
        Box::pin(self.yarn.kill(id)).await
    }

    async fn carried(&self, tag: &str) -> bool {
        let tag = tag.to_owned();
        // Where it cannot be known, nothing is concluded from it.
        spawn_blocking(move || processes::carry(&tag)).await.unwrap_or(true)
    }

    async fn beat(&self, token: &Token) -> Beat {
        Box::pin(self.step_functions.beat(self.step_functions.arn(), token)).await
    }

    fn count(&self, what: Counted) {
        self.metrics.count(what);
    }

    async fn report(&self, token: &Token, answer: &Answer) -> Reported {
        Box::pin(self.step_functions.report(self.step_functions.arn(), token, answer)).await
    }
}
