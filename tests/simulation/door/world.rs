//! The simulated world of the second door: one clock, one generator, one agenda, and everything that a worker can reach.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};

use fastrand::Rng;
use spark_job_worker::job::machine::Stage;
use spark_job_worker::job::timestamp::Timestamp;
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

use super::bucket::Bucket;
use super::cluster::Cluster;
use super::ledger::{Ledger, Stack};
use super::plan::{CALM, Mishap, Plan};
use super::queue::Queue;
use crate::coverage::Coverage;
use crate::plan::{Millis, SECOND};

/// What will happen.
#[derive(Debug, Clone)]
pub(super) enum Act {
    /// Livy takes a POST that was under way for long.
    Takes { name: String, tags: Vec<String> },
    /// A spark-submit comes to its end.
    Submits(u64),
    /// An application's driver runs.
    Runs(usize),
    /// An application ends by itself.
    Ends(usize),
    /// A kill reaches an application.
    Kills(usize),
    /// YARN forgets an ended application.
    Forgets(usize),
    /// Livy starts again, without its records.
    LivyForgets,
    /// A PUT is applied that was under way for long.
    Applies { request: usize, body: Vec<u8> },
}

/// Times in which something does not work.
#[derive(Debug, Default)]
pub(super) struct Outages(Vec<(Millis, Millis, bool)>);

impl Outages {
    /// Whether there is one, and then whether calls hang in it.
    pub(super) fn at(&self, at: Millis) -> Option<bool> {
        self.0.iter().find(|(from, to, _)| *from <= at && at < *to).map(|(_, _, hangs)| *hangs)
    }
}

/// What a worker leaves behind, and whether it lives.
#[derive(Debug, Default)]
pub(super) struct Node {
    pub(super) life: u64,
    pub(super) is_alive: bool,
    pub(super) born: Millis,
    pub(super) crash: Arc<Notify>,
    pub(super) draining: bool,
    /// It is gone for good.
    pub(super) gone: bool,
    /// The journal.
    pub(super) journal: BTreeMap<String, Vec<u8>>,
    /// The resources' files.
    pub(super) files: BTreeMap<String, Vec<u8>>,
    /// When they were written last, and those that cannot be read and were not written anew.
    pub(super) written: BTreeMap<String, Timestamp>,
    pub(super) damaged: BTreeSet<String>,
    /// What this life is at.
    pub(super) jobs: BTreeMap<String, Stage>,
    pub(super) bad_disk: Outages,
}

pub(super) struct Inner {
    pub(super) rng: Rng,
    began: Instant,
    pub(super) at: Millis,
    agenda: BTreeMap<(Millis, u64), Act>,
    serial: u64,
    pub(super) plan: Plan,
    pub(super) queue: Queue,
    pub(super) bucket: Bucket,
    pub(super) cluster: Cluster,
    pub(super) node: Node,
    pub(super) ledger: Ledger,
    pub(super) coverage: Coverage,
    story: Option<Vec<String>>,
}

/// The world, as everybody shares it.
#[derive(Clone)]
pub(super) struct Sim {
    inner: Arc<Mutex<Inner>>,
    /// Told when all has come to its end: the worker stops.
    pub(super) over: watch::Sender<bool>,
}

impl Sim {
    pub(super) fn new(plan: Plan, rng: Rng, story: bool) -> Sim {
        let stacks = (0..plan.resources).map(|number| Stack::new(format!("Etl{number}"))).collect();
        let mut inner = Inner {
            rng,
            began: Instant::now(),
            at: 0,
            agenda: BTreeMap::new(),
            serial: 0,
            plan,
            queue: Queue::default(),
            bucket: Bucket::default(),
            cluster: Cluster::default(),
            node: Node::default(),
            ledger: Ledger::new(stacks),
            coverage: Coverage::default(),
            story: story.then(Vec::new),
        };
        inner.tell(|inner| format!("{:?}\n{:?}", inner.plan, inner.plan.mishaps()));
        inner.prepare();
        Sim { inner: Arc::new(Mutex::new(inner)), over: watch::Sender::new(false) }
    }

    /// The world, carried on to the present.
    pub(super) fn inner(&self) -> MutexGuard<'_, Inner> {
        let mut inner = self.inner.lock().expect("no poison");
        inner.carry_on();
        inner
    }

    /// The world as it is, outside of a run.
    pub(super) fn inner_as_it_is(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().expect("no poison")
    }
}

impl Inner {
    fn prepare(&mut self) {
        self.queue.away = self.outages(Mishap::QueueAway, "SQS is away");
        self.bucket.away = self.outages(Mishap::BucketAway, "the bucket is away");
        self.cluster.livy_away = self.outages(Mishap::LivyAway, "Livy is away");
        self.cluster.yarn_away = self.outages(Mishap::YarnAway, "YARN is away");
        self.cluster.hides = self.outages(Mishap::Hides, "YARN hides its lists");
        self.node.bad_disk = self.outages(Mishap::BadDisk, "the disk cannot be written");
        if self.plan.has(Mishap::LivyForgets) {
            for _ in 0..self.rng.u32(1..=2) {
                let at = self.rng.u64(5 * SECOND..CALM / 2);
                self.plan_act(at, Act::LivyForgets);
            }
        }
    }

    /// Times in which something does not work, before all is calm.
    fn outages(&mut self, mishap: Mishap, what: &'static str) -> Outages {
        let mut outages = Vec::new();
        if self.plan.has(mishap) {
            for _ in 0..self.rng.u32(1..=3) {
                let from = self.rng.u64(0..CALM * 2 / 3);
                let longest = if self.rng.u8(0..3) == 0 { 400 } else { 60 };
                let to = (from + self.rng.u64(1..longest) * SECOND).min(CALM);
                let hangs = self.rng.bool();
                self.tell(|_| format!("{what} from {from} to {to}, hangs: {hangs}"));
                self.coverage.hit("world", what, "");
                outages.push((from, to, hangs));
            }
        }
        Outages(outages)
    }

    pub(super) fn plan_act(&mut self, at: Millis, act: Act) {
        self.serial += 1;
        self.agenda.insert((at, self.serial), act);
    }

    pub(super) fn next_serial(&mut self) -> u64 {
        self.serial += 1;
        self.serial
    }

    fn carry_on(&mut self) {
        let now = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        while let Some(next) = self.agenda.first_entry()
            && next.key().0 <= now
        {
            let ((at, _), act) = next.remove_entry();
            self.at = self.at.max(at);
            self.perform(act);
        }
        self.at = now;
    }

    fn perform(&mut self, act: Act) {
        match act {
            Act::Takes { name, tags } => {
                self.take(&name, tags);
            }
            Act::Submits(child) => self.submits(child),
            Act::Runs(app) => self.runs(app),
            Act::Ends(app) => self.ends(app),
            Act::Kills(app) => self.kills(app),
            Act::Forgets(app) => self.forgets(app),
            Act::LivyForgets => self.livy_forgets(),
            Act::Applies { request, body } => self.apply(request, &body),
        }
    }

    /// Whether nothing new goes wrong any more.
    pub(super) fn is_calm(&self) -> bool {
        self.at >= CALM
    }

    /// Whether a mishap of this run strikes now: one time in `of`.
    pub(super) fn strikes(&mut self, mishap: Mishap, of: u32) -> bool {
        self.plan.has(mishap) && !self.is_calm() && self.rng.u32(0..of) == 0
    }

    /// Whether the worker is killed at this step.
    pub(super) fn crashes(&mut self, of: u32) -> bool {
        if !self.strikes(Mishap::Crashes, of) {
            return false;
        }
        self.tell(|_| "!!! the worker is killed".to_owned());
        self.coverage.hit("world", "the worker is killed", "");
        self.end_life();
        self.node.crash.notify_one();
        true
    }

    pub(super) fn begin_life(&mut self) -> u64 {
        let at = self.at;
        let node = &mut self.node;
        node.life += 1;
        (node.is_alive, node.born) = (true, at);
        node.draining = false;
        node.crash = Arc::default();
        node.jobs.clear();
        let life = node.life;
        self.tell(|_| format!("life {life} of the worker begins"));
        life
    }

    /// Nothing of this life acts any more.
    pub(super) fn end_life(&mut self) {
        if self.node.is_alive {
            self.node.life += 1;
            self.node.is_alive = false;
            self.node.jobs.clear();
        }
    }

    /// Adds a line to the story, if one is told.
    pub(super) fn tell(&mut self, line: impl FnOnce(&Inner) -> String) {
        if self.story.is_some() {
            let line = format!("{:9.3} {}", self.at as f64 / 1e3, line(self));
            self.story.get_or_insert_default().push(line);
        }
    }

    pub(super) fn take_story(&mut self) -> Vec<String> {
        self.story.take().unwrap_or_default()
    }
}
