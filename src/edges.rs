//! The real world of a job: Step Functions, Livy and the sweep behind the one trait.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use crate::activity::StepFunctions;
use crate::job::machine::Timestamp;
use crate::job::report::Answer;
use crate::job::request::Batch;
use crate::job::world::{BatchView, Beat, Deleted, Look, Posted, Reported, Token, Unreachable, World};
use crate::spark::livy::Livy;
use crate::spark::watch::{Health, Sweep};

/// The edges that all jobs share.
pub struct Edges {
    /// Step Functions.
    pub step_functions: StepFunctions,
    /// Livy.
    pub livy: Livy,
    /// The shared sweep.
    pub sweep: Sweep,
    /// Places among the POSTs under way.
    submits: Arc<Semaphore>,
    health: watch::Receiver<Health>,
}

impl Edges {
    /// Puts the edges together; at most `submits` POSTs are under way at a time.
    pub fn new(step_functions: StepFunctions, livy: Livy, sweep: Sweep, submits: usize) -> Edges {
        let health = sweep.health();
        Edges { step_functions, livy, sweep, submits: Arc::new(Semaphore::new(submits)), health }
    }
}

impl World for Edges {
    type Slot = Option<OwnedSemaphorePermit>;

    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
    }

    async fn slot(&self) -> Result<Self::Slot, Unreachable> {
        if let Health::Down { words, .. } = &*self.health.borrow() {
            return Err(Unreachable(words.clone()));
        }
        // Closed never: the semaphore lives as long as the process.
        Ok(Arc::clone(&self.submits).acquire_owned().await.ok())
    }

    async fn post(&self, batch: &Batch) -> Posted {
        self.livy.submit(batch).await
    }

    async fn find(&self, name: &str) -> Result<Option<BatchView>, Unreachable> {
        self.livy.find(name).await
    }

    async fn log(&self, name: &str) -> Result<Vec<String>, Unreachable> {
        self.livy.log(name).await
    }

    async fn delete(&self, name: &str) -> Result<Deleted, Unreachable> {
        self.livy.delete(name).await
    }

    async fn look(&self, name: &str, seen: Option<&Look>) -> Look {
        self.sweep.look(name, seen).await
    }

    async fn beat(&self, token: &Token) -> Beat {
        self.step_functions.beat(token).await
    }

    async fn report(&self, token: &Token, answer: &Answer) -> Reported {
        self.step_functions.report(token, answer).await
    }
}
