//! The simulated world: one clock, one generator, one agenda of what will happen, and the servers that it happens to.
//!
//! Between two calls the world stands still; with each call it is first carried on to the present, event by event, and
//! the [ledger](crate::ledger) counts the time between events and looks at every step. What the world decides comes from one generator, so a seed repeats a
//! run exactly. On a node a worker reaches the world through [`Here`](crate::way::Here).

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use fastrand::Rng;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::coverage::Coverage;
use crate::facts::Ledger;
use crate::livy::Restart;
use crate::node::Node;
use crate::plan::{CALM, EPOCH, Millis, Mishap, Plan, SECOND};
use crate::sfn::Ticket;
use crate::yarn::Cluster;

/// What will happen.
#[derive(Debug, Clone)]
pub(crate) enum Act {
    /// Nothing: what is counted over time changes its rate here.
    Mark,
    /// A ticket's execution stops.
    Abort(usize),
    /// A ticket may have missed its heartbeats.
    Silence(usize),
    /// Livy starts again.
    LivyRestarts { node: usize, how: Restart },
    /// Livy looks at YARN about one of its records.
    LivyPolls { node: usize, record: u64 },
    /// Livy takes a POST that was under way for long.
    LivyTakes { node: usize, name: String, tag: String, proxy_user: Option<String> },
    /// A record whose spark-submit had not started yet gets one.
    Wakes { node: usize, record: u64 },
    /// The late effect of a DELETE.
    Deletes { node: usize, name: String },
    /// Livy collects an old record.
    Collects { node: usize, record: u64 },
    /// A spark-submit comes to its end.
    Submits { node: usize, child: u64 },
    /// An application's driver runs.
    Runs(usize),
    /// An application ends by itself.
    Ends(usize),
    /// A kill reaches an application.
    Kills(usize),
    /// YARN forgets an ended application.
    Forgets(usize),
    /// The ResourceManager starts again, or another one takes over.
    Failover,
    /// Somebody starts an application with a task's tag.
    Doubles(usize),
    /// A worker's wall clock steps, by milliseconds.
    ClockSteps { node: usize, by: i64 },
}

/// A time in which something does not work.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Outage {
    pub(crate) from: Millis,
    pub(crate) to: Millis,
    /// Calls hang until they time out; otherwise they are refused at once.
    pub(crate) hangs: bool,
}

/// Such times.
#[derive(Debug, Default)]
pub(crate) struct Outages(Vec<Outage>);

impl Outages {
    pub(crate) fn at(&self, at: Millis) -> Option<Outage> {
        self.0.iter().copied().find(|outage| outage.from <= at && at < outage.to)
    }

    /// Whether there was one from then to then.
    pub(crate) fn were_on(&self, from: Millis, to: Millis) -> bool {
        self.0.iter().any(|outage| outage.from <= to && from < outage.to)
    }

    pub(crate) fn is_on(&self, at: Millis) -> bool {
        self.at(at).is_some()
    }
}

pub(crate) struct Inner {
    pub(crate) rng: Rng,
    began: Instant,
    /// How far the world has been carried on.
    pub(crate) at: Millis,
    agenda: BTreeMap<(Millis, u64), Act>,
    serial: u64,
    pub(crate) plan: Plan,
    pub(crate) tickets: Vec<Ticket>,
    pub(crate) sfn_away: Outages,
    pub(crate) yarn: Cluster,
    pub(crate) nodes: Vec<Node>,
    pub(crate) ledger: Ledger,
    pub(crate) coverage: Coverage,
    story: Option<Vec<String>>,
}

/// The world, as workers and the test share it.
#[derive(Clone)]
pub(crate) struct Sim {
    inner: Arc<Mutex<Inner>>,
    /// Told when all has come to its end: workers stop.
    pub(crate) over: watch::Sender<bool>,
}

impl Sim {
    /// The world of a seed. With a `story` every step is told.
    pub(crate) fn new(plan: Plan, rng: Rng, story: bool) -> Sim {
        let nodes = (0..plan.workers).map(Node::new).collect();
        let mut inner = Inner {
            rng,
            began: Instant::now(),
            at: 0,
            agenda: BTreeMap::new(),
            serial: 0,
            plan,
            tickets: Vec::new(),
            sfn_away: Outages::default(),
            yarn: Cluster::default(),
            nodes,
            ledger: Ledger::default(),
            coverage: Coverage::default(),
            story: story.then(Vec::new),
        };
        inner.tell(|inner| format!("{:?}", inner.plan));
        inner.tell(|inner| format!("{:?}", inner.plan.mishaps()));
        inner.prepare();
        Sim { inner: Arc::new(Mutex::new(inner)), over: watch::Sender::new(false) }
    }

    /// The world, carried on to the present.
    pub(crate) fn inner(&self) -> MutexGuard<'_, Inner> {
        let mut inner = self.inner.lock().expect("no poison");
        inner.carry_on();
        inner
    }
}

impl Sim {
    /// The world as it is, outside of a run.
    pub(crate) fn inner_as_it_is(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().expect("no poison")
    }
}

impl Inner {
    /// Draws what will go wrong by itself.
    fn prepare(&mut self) {
        let tasks = self.plan.tasks;
        for _ in 0..tasks {
            let offered = self.rng.u64(0..60) * SECOND;
            self.offer(offered, 1);
        }
        if self.plan.has(Mishap::StepFunctionsAway) {
            self.sfn_away = self.outages("Step Functions is away", 2);
        }
        if self.plan.has(Mishap::YarnAway) {
            self.yarn.away = self.outages("YARN is away", 2);
        }
        if self.plan.has(Mishap::Failover) {
            for _ in 0..self.rng.u32(1..=2) {
                let at = self.rng.u64(5 * SECOND..CALM / 2);
                self.plan_act(at, Act::Failover);
            }
        }
        if self.plan.has(Mishap::Hides) {
            self.yarn.hides = self.outages("YARN hides our applications", 1);
            self.yarn.hides_ids = self.rng.bool();
        }
        for node in 0..self.nodes.len() {
            self.prepare_node(node);
        }
    }

    fn prepare_node(&mut self, node: usize) {
        if self.plan.has(Mishap::LivyAway) {
            self.nodes[node].livy.away = self.outages("Livy is away", 2);
        }
        if self.plan.has(Mishap::BadDisk) {
            self.nodes[node].bad_disk = self.outages("the disk cannot be written", 2);
        }
        if self.plan.has(Mishap::HiddenProcesses) {
            self.nodes[node].hidden_processes = self.outages("processes are hidden", 1);
        }
        for (mishap, how) in [
            (Mishap::LivyForgets, Restart::Forgets),
            (Mishap::LivyKills, Restart::Kills),
            (Mishap::LivyRecovers, Restart::Recovers),
        ] {
            if self.plan.has(mishap) {
                for _ in 0..self.rng.u32(1..=2) {
                    let at = self.rng.u64(5 * SECOND..CALM / 2);
                    self.plan_act(at, Act::LivyRestarts { node, how });
                }
            }
        }
        if self.plan.has(Mishap::ClockSteps) {
            for _ in 0..self.rng.u32(1..=2) {
                let at = self.rng.u64(5 * SECOND..CALM / 2);
                let by = self.rng.i64(1_000..600_000) * if self.rng.bool() { 1 } else { -1 };
                self.plan_act(at, Act::ClockSteps { node, by });
            }
        }
        self.plan_stops(node);
    }

    /// Times in which something does not work, before all is calm.
    fn outages(&mut self, what: &'static str, most: u32) -> Outages {
        let mut outages = Vec::new();
        for _ in 0..self.rng.u32(1..=most) {
            let from = self.rng.u64(0..CALM / 2);
            let longest = if self.rng.u8(0..3) == 0 { 400 } else { 60 };
            let to = (from + self.rng.u64(1..longest) * SECOND).min(CALM);
            let outage = Outage { from, to, hangs: self.rng.bool() };
            self.plan_act(from, Act::Mark);
            self.plan_act(to, Act::Mark);
            self.tell(|_| format!("{what}: {outage:?}"));
            self.coverage.hit("world", what, "");
            outages.push(outage);
        }
        Outages(outages)
    }

    /// Puts something on the agenda.
    pub(crate) fn plan_act(&mut self, at: Millis, act: Act) {
        self.serial += 1;
        self.agenda.insert((at, self.serial), act);
    }

    /// Whether a POST with a tag is still to be taken.
    pub(crate) fn will_be_taken(&self, wanted: &str) -> bool {
        self.agenda.values().any(|act| matches!(act, Act::LivyTakes { tag, .. } if tag == wanted))
    }

    pub(crate) fn next_serial(&mut self) -> u64 {
        self.serial += 1;
        self.serial
    }

    fn now(&self) -> Millis {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Carries the world on to the present.
    fn carry_on(&mut self) {
        let now = self.now();
        self.carry_to(now);
    }

    fn carry_to(&mut self, now: Millis) {
        while let Some(next) = self.agenda.first_entry()
            && next.key().0 <= now
        {
            let ((at, _), act) = next.remove_entry();
            self.time_passes(at);
            self.perform(act);
        }
        self.time_passes(now);
    }

    /// Everything that is still to happen happens, with nobody there any more.
    pub(crate) fn run_out(&mut self) {
        let end = self.at + 3_600 * SECOND;
        while let Some(next) = self.agenda.first_entry()
            && next.key().0 <= end
        {
            let ((at, _), act) = next.remove_entry();
            self.at = self.at.max(at);
            if !matches!(act, Act::LivyPolls { .. } | Act::Silence(_)) {
                self.perform(act);
            }
        }
    }

    fn time_passes(&mut self, to: Millis) {
        let span = to.saturating_sub(self.at);
        if span > 0 {
            self.count_time(span);
            self.at = to;
        }
    }

    fn perform(&mut self, act: Act) {
        match act {
            Act::Mark => {}
            Act::Abort(ticket) => self.abort(ticket),
            Act::Silence(ticket) => self.miss(ticket),
            Act::LivyRestarts { node, how } => self.restart_livy(node, how),
            Act::LivyPolls { node, record } => self.livy_polls(node, record),
            Act::LivyTakes { node, name, tag, proxy_user } => {
                self.take(node, &name, &tag, proxy_user);
            }
            Act::Wakes { node, record } => self.wake(node, record),
            Act::Deletes { node, name } => {
                self.delete(node, &name);
            }
            Act::Collects { node, record } => self.collect(node, record),
            Act::Submits { node, child } => self.submits(node, child),
            Act::Runs(app) => self.runs(app),
            Act::Ends(app) => self.ends(app),
            Act::Kills(app) => self.kills(app),
            Act::Forgets(app) => self.forgets(app),
            Act::Failover => self.failover(),
            Act::Doubles(ticket) => self.double(ticket),
            Act::ClockSteps { node, by } => {
                self.tell(|_| format!("the clock of node {node} steps by {by} ms"));
                self.nodes[node].offset += by;
                self.nodes[node].clock_stepped = true;
                self.coverage.hit("world", if by > 0 { "clock step forward" } else { "clock step back" }, "");
            }
        }
    }

    /// Wall time on a node.
    pub(crate) fn wall(&self, node: usize) -> u64 {
        (EPOCH + self.at).saturating_add_signed(self.nodes[node].offset)
    }

    /// Whether nothing new goes wrong any more.
    pub(crate) fn is_calm(&self) -> bool {
        self.at >= CALM
    }

    /// Whether a mishap of this run strikes now: one time in `of`.
    pub(crate) fn strikes(&mut self, mishap: Mishap, of: u32) -> bool {
        self.plan.has(mishap) && !self.is_calm() && self.rng.u32(0..of) == 0
    }

    /// Adds a line to the story, if one is told.
    pub(crate) fn tell(&mut self, line: impl FnOnce(&Inner) -> String) {
        if self.story.is_some() {
            let line = format!("{:9.3} {}", self.at as f64 / 1e3, line(self));
            self.story.get_or_insert_default().push(line);
        }
    }

    pub(crate) fn take_story(&mut self) -> Vec<String> {
        self.story.take().unwrap_or_default()
    }
}
