//! Whether a task may be polled for, and whether a batch may be posted.
//!
//! A poll needs a Livy and a YARN that answer and a state directory that can be written; no poll begins while the
//! worker drains or is paused. A POST needs a Livy that answers, a slot among the POSTs under way, and no drain. A slot is worth
//! nothing by itself: all of it is looked at again once the slot is there, and once more right before the POST.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use super::sweep::{Health, Sweep};

/// What polls and POSTs wait for. Copies share it.
#[derive(Debug, Clone)]
pub struct Gate {
    submits: Arc<Semaphore>,
    livy: watch::Receiver<Health>,
    /// None where YARN is off.
    yarn: Option<watch::Receiver<Health>>,
    disk: watch::Receiver<bool>,
    draining: watch::Receiver<bool>,
    /// None where nobody can pause.
    paused: Option<watch::Receiver<bool>>,
}

/// A place among the POSTs under way, while it lives.
#[derive(Debug)]
pub struct Slot {
    _permit: OwnedSemaphorePermit,
}

/// Why nothing may be posted now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SubmitBlocked {
    /// The worker drains; the next start goes on.
    Draining,
    /// Livy does not answer, for this reason.
    Livy(String),
}

impl Gate {
    /// A gate with so many slots, for what `sweep` says of Livy and YARN. `disk`: the state directory can be written.
    pub fn new(
        submits: usize,
        sweep: &Sweep,
        has_yarn: bool,
        disk: watch::Receiver<bool>,
        draining: watch::Receiver<bool>,
    ) -> Gate {
        let yarn = has_yarn.then(|| sweep.yarn_health());
        let (submits, livy) = (Arc::new(Semaphore::new(submits)), sweep.health());
        Gate { submits, livy, yarn, disk, draining, paused: None }
    }

    /// The same, where polls can be paused.
    #[must_use]
    pub fn paused_by(self, paused: watch::Receiver<bool>) -> Gate {
        Gate { paused: Some(paused), ..self }
    }

    /// A slot; waits for a free one.
    ///
    /// # Errors
    /// Why nothing may be posted now.
    pub async fn slot(&self) -> Result<Slot, SubmitBlocked> {
        self.look()?;
        let slot = Arc::clone(&self.submits).acquire_owned().await;
        self.look()?;
        // Closed never: the semaphore lives as long as the process.
        slot.map(|permit| Slot { _permit: permit }).map_err(|_| SubmitBlocked::Draining)
    }

    /// Whether a POST may begin at this moment.
    ///
    /// # Errors
    /// [`SubmitBlocked`]: the worker drains, or Livy does not answer.
    pub fn look(&self) -> Result<(), SubmitBlocked> {
        if *self.draining.borrow() {
            return Err(SubmitBlocked::Draining);
        }
        match &*self.livy.borrow() {
            Health::Down { reason, .. } => Err(SubmitBlocked::Livy(reason.clone())),
            Health::Up | Health::Unknown => Ok(()),
        }
    }

    /// How many slots are free.
    pub fn free_slots(&self) -> usize {
        self.submits.available_permits()
    }

    /// Waits until the worker drains.
    pub async fn drain_started(&self) {
        // The sender lives as long as the process.
        let _ = self.draining.clone().wait_for(|draining| *draining).await;
    }

    /// Waits until a poll may begin. False where none ever will: the process ends.
    pub async fn may_poll(&self) -> bool {
        let (mut livy, mut yarn, mut disk) = (self.livy.clone(), self.yarn.clone(), self.disk.clone());
        loop {
            let answers = async {
                livy.wait_for(|health| *health == Health::Up).await.ok()?;
                disk.wait_for(|good| *good).await.ok()?;
                if let Some(yarn) = &mut yarn {
                    yarn.wait_for(|health| *health == Health::Up).await.ok()?;
                }
                self.unpaused().await
            };
            if answers.await.is_none() {
                return false;
            }
            if self.is_open() {
                return true;
            }
        }
    }

    /// Waits until nothing is paused. `None` where that never will be: the process ends.
    pub async fn unpaused(&self) -> Option<()> {
        match &self.paused {
            Some(paused) => paused.clone().wait_for(|paused| !*paused).await.ok().map(|_| ()),
            None => Some(()),
        }
    }

    /// Whether polls are paused.
    pub fn is_paused(&self) -> bool {
        self.paused.as_ref().is_some_and(|paused| *paused.borrow())
    }

    /// Whether a poll may begin at this moment.
    pub fn is_open(&self) -> bool {
        *self.livy.borrow() == Health::Up
            && *self.disk.borrow()
            && self.yarn.as_ref().is_none_or(|yarn| *yarn.borrow() == Health::Up)
            && !self.is_paused()
    }
}
