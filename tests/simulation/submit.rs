//! spark-submit: it begins with a POST, submits an application or fails, and outlives its Livy.

use spark_job_worker::job::application::AppEnd;
use spark_job_worker::job::world::BatchState;

use crate::plan::{Mishap, SECOND, YarnAnswer};
use crate::world::{Act, Inner};

/// A spark-submit under way: it outlives its Livy.
#[derive(Debug, Clone)]
pub(crate) struct Child {
    pub(crate) serial: u64,
    pub(crate) tag: String,
    pub(crate) fails: bool,
    /// Livy's end of patience does not end it.
    pub(crate) tough: bool,
    /// Where there is no YARN it is the job itself.
    pub(crate) job: Option<usize>,
}

impl Inner {
    /// A spark-submit begins.
    pub(crate) fn start_submit(&mut self, node: usize, serial: u64) {
        let (at, polls) = (self.at, self.plan.livy_polls);
        let no_yarn = self.plan.yarn == YarnAnswer::None;
        let Some(record) = self.record(node, serial) else { return };
        (record.log_is_empty, record.looks_since) = (false, at);
        if no_yarn {
            record.state = BatchState::Running;
        }
        let tag = record.tag.clone();
        let slow = self.plan.has(Mishap::SlowSubmit) && self.rng.bool();
        let takes = if slow { self.rng.u64(30..300) * SECOND } else { self.rng.u64(300..20_000) };
        let bad = self.strikes(Mishap::BadSubmit, 2);
        let takes = if bad && self.rng.bool() { self.rng.u64(100..400) * SECOND } else { takes };
        let child = self.next_serial();
        let job = no_yarn.then(|| self.start_app(&tag, Some(node), true));
        let tough = slow && self.rng.bool();
        self.submit_begins(&tag);
        self.nodes[node].children.push(Child { serial: child, tag, fails: bad, tough, job });
        if job.is_none() {
            self.plan_act(at + takes, Act::Submits { node, child });
            self.plan_act(at + polls, Act::LivyPolls { node, record: serial });
        }
    }

    /// A spark-submit ends: an application is there, or not.
    pub(crate) fn submits(&mut self, node: usize, serial: u64) {
        let children = &mut self.nodes[node].children;
        let Some(place) = children.iter().position(|child| child.serial == serial) else { return };
        let child = children.remove(place);
        let watched = self.nodes[node].livy.records.iter().position(|record| record.tag == child.tag);
        let watched = watched.filter(|record| !self.nodes[node].livy.records[*record].is_final());
        if child.fails {
            self.tell(|_| format!("spark-submit of {} fails", child.tag));
            self.coverage.hit("world", "spark-submit fails", "");
            if let Some(record) = watched {
                self.ends_batch(node, record, BatchState::Dead, "spark-submit start failed");
            }
            return;
        }
        self.start_app(&child.tag, Some(node), false);
        if let Some(record) = watched
            && self.strikes(Mishap::FalseDead, 6)
        {
            // It fails while it cleans up.
            self.coverage.hit("world", "false dead", "spark-submit fails after the submission");
            let state = if self.rng.u8(0..3) == 0 { BatchState::Killed } else { BatchState::Dead };
            self.ends_batch(node, record, state, "");
        }
    }

    /// The process that was the job has ended.
    pub(crate) fn local_job_ends(&mut self, app: usize, end: AppEnd) {
        let Some(node) = self.yarn.apps[app].node else { return };
        self.nodes[node].children.retain(|child| child.job != Some(app));
        let tag = self.yarn.apps[app].tag.clone();
        let record = self.nodes[node].livy.records.iter().position(|record| record.tag == tag);
        if let Some(record) = record.filter(|record| !self.nodes[node].livy.records[*record].is_final()) {
            let state = match end {
                AppEnd::Succeeded => BatchState::Success,
                AppEnd::Failed => BatchState::Dead,
                AppEnd::Killed => BatchState::Killed,
            };
            self.ends_batch(node, record, state, "");
        }
    }
}
