//! How a worker is stopped: it drains, hands its tasks over or gives them back, and beats once more for each.

use std::sync::Arc;
use std::time::Duration;

use spark_job_worker::job::Start;
use spark_job_worker::job::machine::Stage;
use spark_job_worker::job::token::Token;
use spark_job_worker::job::world::World;
use tokio::time::{sleep, timeout};

use crate::node::Stop;
use crate::way::ARN;
use crate::worker::{Ended, Life};

/// A stop waits so long for what it has to wait for.
const GRACE: Duration = Duration::from_secs(70);
/// The last beats have so long.
const LAST_BEATS: Duration = Duration::from_secs(5);

impl Life {
    pub(crate) async fn stop(mut self, stop: Stop) -> Ended {
        let node = self.here.node;
        {
            let mut inner = self.here.sim.inner();
            inner.tell(|_| format!("the worker of node {node} is stopped: {stop:?}"));
            inner.coverage.hit(
                "world",
                "stop",
                match stop {
                    Stop::Handoff => "handoff",
                    Stop::GiveBack => "tasks are given back",
                    Stop::Terminating => "terminating",
                    Stop::Lost => "the node is lost",
                },
            );
            inner.nodes[node].draining = stop != Stop::Lost;
            inner.nodes[node].gives_up = matches!(stop, Stop::GiveBack | Stop::Terminating);
        }
        if stop == Stop::Lost {
            self.here.sim.inner().lose_node(node);
            return self.cut_off();
        }
        self.draining.send_replace(true);
        if stop != Stop::Handoff {
            self.give_up.raise();
        }
        let start = if stop == Stop::Handoff { Start::Parked } else { Start::Fresh };
        let grace = if stop == Stop::Terminating {
            Duration::from_millis(self.here.sim.inner().rng.u64(1_000..200_000))
        } else {
            GRACE
        };
        let crash = Arc::clone(&self.here.sim.inner().nodes[node].crash);
        let crashed = tokio::select! {
            biased;
            () = crash.notified() => true,
            _ = timeout(grace, self.drain(stop, start)) => false,
        };
        if !crashed && stop != Stop::Terminating {
            self.beat_once_more().await;
        }
        if stop == Stop::Terminating {
            self.here.sim.inner().lose_node(node);
        }
        self.cut_off()
    }

    /// Until nothing needs to be waited for: open polls are heard, and POSTs.
    async fn drain(&mut self, stop: Stop, start: Start) {
        loop {
            let may_end = self.poller.is_empty() && self.arrivals.is_empty() && self.may_end(stop);
            if may_end {
                return;
            }
            tokio::select! {
                biased;
                Some(arrival) = self.arrivals.recv() => {
                    let parked = if start == Start::Parked { "parked" } else { "given back" };
                    self.here.sim.inner().coverage.hit("world", "arrival during a stop", parked);
                    self.accept(arrival, start);
                }
                Some(_) = self.poller.join_next() => {}
                Some(ended) = self.jobs.join_next_with_id() => self.reap(ended),
                () = sleep(Duration::from_secs(1)) => {}
            }
        }
    }

    fn may_end(&self, stop: Stop) -> bool {
        let inner = self.here.sim.inner();
        let node = &inner.nodes[self.here.node];
        match stop {
            Stop::Handoff => {
                let all_kept = node.jobs.keys().all(|task| node.disk.contains_key(task));
                all_kept && !node.jobs.values().any(|stage| *stage == Stage::Submitting)
            }
            Stop::GiveBack => node.jobs.is_empty(),
            Stop::Terminating | Stop::Lost => false,
        }
    }

    /// One last heartbeat for every token, so that the next life has a whole `HeartbeatSeconds`.
    async fn beat_once_more(&self) {
        let tokens: Vec<Token> = {
            let inner = self.here.sim.inner();
            let jobs = &inner.nodes[self.here.node].jobs;
            let held = jobs.iter().filter(|(_, stage)| **stage != Stage::Orphaned);
            let tickets = held.filter_map(|(task, _)| inner.ticket_of_task(task));
            tickets.map(|number| Token::new(inner.tickets[number].token.clone())).collect()
        };
        let beats = async {
            for token in tokens {
                let here = self.here.clone();
                // A bug ends this beat alone.
                let _ = tokio::spawn(async move { here.beat(ARN, &token).await }).await;
            }
        };
        let _ = timeout(LAST_BEATS, beats).await;
    }
}
