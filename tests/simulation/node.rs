//! A node: its disk, its processes, its clock, and the life of the worker on it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use spark_job_worker::job::machine::Stage;
use spark_job_worker::job::world::TagOnNode;
use tokio::sync::{Notify, watch};

use crate::livy::Livy;
use crate::plan::{CALM, Millis, Mishap, SECOND};
use crate::submit::Child;
use crate::world::{Inner, Outages};

/// How a worker's life is ended from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stop {
    /// It hands its tasks to its next life.
    Handoff,
    /// It gives them back (`on_stop = "fail"`).
    GiveBack,
    /// The node goes down for good.
    Terminating,
    /// The node is gone at once.
    Lost,
}

/// A node.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) livy: Livy,
    pub(crate) children: Vec<Child>,
    /// The journal's files by task.
    pub(crate) disk: BTreeMap<String, Vec<u8>>,
    pub(crate) bad_disk: Outages,
    pub(crate) hidden_processes: Outages,
    /// From true time to this node's wall time.
    pub(crate) offset: i64,
    pub(crate) clock_stepped: bool,
    /// It will not come back.
    pub(crate) gone: bool,
    /// The number of the life of its worker; odd while one lives.
    pub(crate) life: u64,
    /// When that life began.
    pub(crate) born: Millis,
    pub(crate) crash: Arc<Notify>,
    pub(crate) crashes_left: u32,
    /// When and how lives are ended, the next one last.
    pub(crate) stops: Vec<(Millis, Stop)>,
    pub(crate) draining: bool,
    /// Told to give its tasks back.
    pub(crate) gives_up: bool,
    /// Where the jobs of this life stand.
    pub(crate) jobs: BTreeMap<String, Stage>,
    /// Those that ended before anything was posted for them, or by a bug: they hold no place.
    pub(crate) unposted: BTreeSet<String>,
    /// So many of them were under way when it began.
    pub(crate) resumed: usize,
    /// Told whether the disk can be written.
    pub(crate) disk_good: watch::Sender<bool>,
    /// The applications that its worker keeps as hidden by YARN.
    pub(crate) hidden: Vec<String>,
}

impl Node {
    pub(crate) fn new(_number: usize) -> Node {
        Node {
            livy: Livy::default(),
            children: Vec::new(),
            disk: BTreeMap::new(),
            bad_disk: Outages::default(),
            hidden_processes: Outages::default(),
            offset: 0,
            clock_stepped: false,
            gone: false,
            life: 0,
            born: 0,
            crash: Arc::default(),
            crashes_left: 5,
            stops: Vec::new(),
            draining: false,
            gives_up: false,
            jobs: BTreeMap::new(),
            unposted: BTreeSet::new(),
            resumed: 0,
            disk_good: watch::Sender::new(true),
            hidden: Vec::new(),
        }
    }

    pub(crate) fn is_alive(&self) -> bool {
        self.life % 2 == 1
    }

    /// The stages that have a place.
    pub(crate) fn under_way(&self) -> usize {
        let has_place = |stage: &&Stage| {
            matches!(
                stage,
                Stage::Submitting
                    | Stage::InDoubt
                    | Stage::Running
                    | Stage::Withdrawing
                    | Stage::Judged
                    | Stage::Ended
            )
        };
        let posted = self.jobs.iter().filter(|(task, _)| !self.unposted.contains(*task));
        posted.map(|(_, stage)| stage).filter(has_place).count()
    }
}

impl Inner {
    /// Draws when and how the lives of a worker are ended.
    pub(crate) fn plan_stops(&mut self, node: usize) {
        let mut stops = Vec::new();
        for (mishap, stop) in [(Mishap::Handoff, Stop::Handoff), (Mishap::GiveBack, Stop::GiveBack)] {
            if self.plan.has(mishap) {
                for _ in 0..self.rng.u32(1..=2) {
                    stops.push((self.rng.u64(1..300) * SECOND, stop));
                }
            }
        }
        for (mishap, stop) in [(Mishap::Terminating, Stop::Terminating), (Mishap::NodeLost, Stop::Lost)] {
            if self.plan.has(mishap) && node == 0 {
                stops.push((self.rng.u64(1..400) * SECOND, stop));
            }
        }
        stops.sort_by_key(|(at, _)| std::cmp::Reverse(*at));
        self.nodes[node].stops = stops;
    }

    /// The node is gone: its processes end, and its disk and its Livy with it. Alone it takes the cluster along.
    pub(crate) fn lose_node(&mut self, node: usize) {
        self.tell(|_| format!("node {node} is gone"));
        let at = self.at;
        let here = &mut self.nodes[node];
        here.gone = true;
        here.children.clear();
        here.livy.records.clear();
        here.disk.clear();
        let alone = self.plan.workers == 1;
        for number in 0..self.yarn.apps.len() {
            let local = self.yarn.apps[number].local && self.yarn.apps[number].node == Some(node);
            if alone || local {
                let app = &mut self.yarn.apps[number];
                app.over = app.over.or(Some((spark_job_worker::job::application::AppEnd::Killed, at)));
            }
        }
    }

    /// Whether a process of the node carries a tag.
    pub(crate) fn tag_on_node(&mut self, node: usize, tag: &str) -> TagOnNode {
        let here = &self.nodes[node];
        if here.hidden_processes.is_on(self.at) {
            self.coverage.hit("world", "hidden processes", "");
            return TagOnNode::Unknown;
        }
        if here.children.iter().any(|child| child.tag == tag) {
            self.coverage.hit("world", "a process carries the tag", "");
            return TagOnNode::Yes;
        }
        TagOnNode::No
    }

    /// Whether the worker on a node crashes here: one time in `of` in a run with crashes.
    pub(crate) fn crashes(&mut self, node: usize, of: u32) -> bool {
        if self.at >= CALM || self.nodes[node].crashes_left == 0 || !self.plan.has(Mishap::Crashes) {
            return false;
        }
        let crashes = self.rng.u32(0..of) == 0;
        if crashes {
            self.nodes[node].crashes_left -= 1;
            self.tell(|_| format!("the worker of node {node} crashes"));
            self.coverage.hit("world", "crash", "");
            self.end_life(node);
            self.nodes[node].crash.notify_one();
        }
        crashes
    }

    /// A worker starts. The number of its life.
    pub(crate) fn begin_life(&mut self, node: usize) -> u64 {
        let at = self.at;
        let here = &mut self.nodes[node];
        here.life += 1;
        here.born = at;
        (here.draining, here.gives_up, here.resumed) = (false, false, 0);
        here.crash = Arc::default();
        here.jobs.clear();
        here.unposted.clear();
        here.disk_good.send_replace(true);
        let life = here.life;
        self.tell(|_| format!("the worker of node {node} starts"));
        life
    }

    /// Nothing of this life acts any more.
    pub(crate) fn end_life(&mut self, node: usize) {
        let here = &mut self.nodes[node];
        if here.is_alive() {
            here.life += 1;
            here.jobs.clear();
            here.unposted.clear();
        }
        for ticket in &mut self.tickets {
            if ticket.node() == Some(node) {
                ticket.facts.end_life();
            }
        }
    }
}
