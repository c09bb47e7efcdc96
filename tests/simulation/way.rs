//! The way of a call from a worker to a server: it takes a while, may get lost, and may be the last of its life.

use std::time::Duration;

use spark_job_worker::job::world::Unreachable;
use tokio::time::sleep;

use crate::plan::Mishap;
use crate::world::{Inner, Sim};

/// For so long an answer is waited for.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(10);

/// The only activity.
pub(crate) const ARN: &str = "arn:aws:states:eu-west-1:123456789012:activity:spark-job";

/// The world as one life of a worker sees it.
#[derive(Clone)]
pub(crate) struct Here {
    pub(crate) sim: Sim,
    pub(crate) node: usize,
    pub(crate) life: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Service {
    StepFunctions,
    Livy,
    Yarn,
}

/// A bug of the worker's own, planned.
pub(crate) struct Bug;

/// What becomes of a call on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    Arrives,
    /// Not a byte of it is sent.
    Refused,
    /// Nobody can say what became of it.
    Lost,
}

impl Way {
    /// `away`: the service does not answer, and hangs or refuses. With whether the caller waits for nothing.
    pub(crate) fn of(away: Option<bool>, is_lost: impl FnOnce() -> bool) -> (Way, bool) {
        match away {
            Some(hangs) => (if hangs { Way::Lost } else { Way::Refused }, hangs),
            None if is_lost() => (Way::Lost, true),
            None => (Way::Arrives, false),
        }
    }

    /// What the caller of a question sees.
    pub(crate) fn answer(self) -> Result<(), Unreachable> {
        match self {
            Way::Arrives => Ok(()),
            Way::Refused => Err(Unreachable("connection refused".to_owned())),
            Way::Lost => Err(Unreachable("timed out".to_owned())),
        }
    }
}

impl Here {
    pub(crate) fn is_alive(&self, inner: &Inner) -> bool {
        inner.nodes[self.node].life == self.life
    }

    /// A point at which the worker may crash: one time in `of`. Nothing of an ended life goes on.
    pub(crate) async fn step(&self, of: u32) {
        let ends = {
            let mut inner = self.sim.inner();
            !self.is_alive(&inner) || inner.crashes(self.node, of)
        };
        if ends {
            std::future::pending::<()>().await;
        }
    }

    /// Whether a bug of the worker ends what it is at, here: unwinds like a panic that nobody prints.
    pub(crate) fn may_break(&self, of: u32, what: &'static str) {
        let breaks = {
            let mut inner = self.sim.inner();
            let breaks = self.is_alive(&inner) && inner.strikes(Mishap::Bugs, of);
            if breaks {
                inner.tell(|_| format!("a bug {what}"));
                inner.coverage.hit("world", "bug", what);
            }
            breaks
        };
        if breaks {
            std::panic::resume_unwind(Box::new(Bug));
        }
    }

    /// The way of a call to a service.
    pub(crate) async fn way(&self, service: Service, of: u32) -> Way {
        self.step(of).await;
        let pause = {
            let mut inner = self.sim.inner();
            if inner.rng.u8(0..3) > 0 { 0 } else { inner.rng.u64(1..200) }
        };
        if pause > 0 {
            sleep(Duration::from_millis(pause)).await;
        }
        let (way, waits) = {
            let mut inner = self.sim.inner();
            let away = match service {
                Service::StepFunctions => inner.sfn_away.at(inner.at).map(|outage| outage.hangs),
                Service::Livy if inner.livy_is_away(self.node) => {
                    Some(inner.nodes[self.node].livy.away.at(inner.at).is_some_and(|outage| outage.hangs))
                }
                Service::Yarn if inner.yarn_is_away() => {
                    Some(inner.yarn.away.at(inner.at).is_some_and(|outage| outage.hangs))
                }
                Service::Livy | Service::Yarn => None,
            };
            Way::of(away, || inner.strikes(Mishap::LostCalls, 25))
        };
        if waits {
            sleep(TIMEOUT).await;
        }
        way
    }

    /// A call that only asks.
    pub(crate) async fn ask(&self, service: Service, of: u32) -> Result<(), Unreachable> {
        self.way(service, of).await.answer()
    }

    /// Whether the answer of something that was done gets lost on its way back.
    pub(crate) async fn is_answer_lost(&self, of: u32) -> bool {
        self.step(of).await;
        let lost = self.sim.inner().strikes(Mishap::LostCalls, 12);
        if lost {
            sleep(TIMEOUT).await;
        }
        lost
    }

    /// Whether the disk can be written now.
    pub(crate) fn probe_disk(&self) -> bool {
        let inner = self.sim.inner();
        let good = !inner.nodes[self.node].bad_disk.is_on(inner.at);
        inner.nodes[self.node].disk_good.send_if_modified(|known| std::mem::replace(known, good) != good);
        good
    }
}
