//! The lives of a worker: what the daemon's shell does around the jobs of resources.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use spark_job_worker::cloudformation::intake::{Begun, Intake};
use spark_job_worker::cloudformation::request::{Order, Rules};
use spark_job_worker::cloudformation::resource::{Kill, Resource};
use spark_job_worker::cloudformation::resources::Resources;
use spark_job_worker::job::flag::Flag;
use spark_job_worker::job::gate::Gate;
use spark_job_worker::job::goal::Goal;
use spark_job_worker::job::heartbeat::RateLimiter;
use spark_job_worker::job::journal;
use spark_job_worker::job::machine::{Stage, State};
use spark_job_worker::job::places::{Places, Ticket};
use spark_job_worker::job::request::{Defaults, OwnLivy};
use spark_job_worker::job::sweep::{Pace, Sweep};
use spark_job_worker::job::timestamp::Timestamp;
use spark_job_worker::job::world::World;
use spark_job_worker::job::{self, JobContext, JobTimings, Start, Task};
use tokio::sync::{mpsc, watch};
use tokio::task::{Id, JoinSet};
use tokio::time::{Instant, sleep, timeout};

use super::ledger::{ORIGIN, Promise, STACKS, TOPIC};
use super::plan::{Broken, CALM, Mishap};
use super::way::{Disk, Here, Life, Service};
use super::world::Sim;
use crate::plan::{EPOCH, SECOND, rules};
use crate::way::Way;

/// A long poll of the queue: longer than the real one, since nothing but time is lost by it.
const POLL: Duration = Duration::from_secs(300);
/// Sweeps of an idle worker find nothing here either.
const PACE: Pace = Pace { interval: Duration::from_secs(8), idle: Duration::from_secs(300) };
/// How often what nobody can ask for any more is forgotten.
const TIDY: Duration = Duration::from_secs(600);
/// A stop waits so long for what it has to wait for.
const GRACE: Duration = Duration::from_secs(70);

/// How a life ended.
enum Ended {
    Again,
    Gone,
    Over,
}

/// How a worker is stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stop {
    Handoff,
    GiveBack,
    Terminating,
}

struct Worker {
    here: Arc<Here>,
    gate: Gate,
    places: Places,
    draining: watch::Sender<bool>,
    disk: watch::Sender<bool>,
    give_up: Arc<Flag>,
    drops: BTreeMap<String, Arc<Flag>>,
    names: BTreeMap<Id, String>,
    jobs: JoinSet<()>,
    loops: JoinSet<()>,
    receiver: JoinSet<()>,
    errands: mpsc::Receiver<(Task, State)>,
}

/// The worker, life after life.
pub(super) async fn worker(sim: Sim) {
    loop {
        match Worker::begin(&sim).await {
            Ended::Again => {}
            Ended::Gone | Ended::Over => return,
        }
        let pause = sim.inner().rng.u64(100..80_000);
        sleep(Duration::from_millis(pause)).await;
    }
}

async fn is_told(mut told: watch::Receiver<bool>) {
    if told.wait_for(|told| *told).await.is_err() {
        std::future::pending::<()>().await;
    }
}

fn own_livy() -> OwnLivy {
    OwnLivy::new(Vec::new(), 8998)
}

fn door_rules() -> Rules {
    Rules {
        topic: TOPIC.to_owned(),
        stacks: vec![STACKS.to_owned()],
        origins: vec![ORIGIN.to_owned()],
        margin: Duration::from_secs(60),
        goal: Goal::Running,
    }
}

impl Worker {
    /// One life.
    async fn begin(sim: &Sim) -> Ended {
        let (number, plan, crash) = {
            let mut inner = sim.inner();
            let number = inner.begin_life();
            (number, inner.plan.clone(), Arc::clone(&inner.node.crash))
        };
        let life = Life { sim: sim.clone(), number };
        let (resources, lost, entries) = read_disk(&life);
        let sweep = Sweep::new(PACE);
        let here = Here {
            resources: Resources::new(Disk(life.clone()), resources, lost),
            life,
            sweep: sweep.clone(),
        };
        let (draining, disk) = (watch::Sender::new(false), watch::Sender::new(true));
        let gate = Gate::new(plan.submits, &sweep, true, disk.subscribe(), draining.subscribe());
        let (arrive, errands) = mpsc::channel(64);
        let mut worker = Worker {
            here: Arc::new(here),
            gate,
            places: Places::new(plan.places),
            draining,
            disk,
            give_up: Arc::default(),
            drops: BTreeMap::new(),
            names: BTreeMap::new(),
            jobs: JoinSet::new(),
            loops: JoinSet::new(),
            receiver: JoinSet::new(),
            errands,
        };
        let lives = async {
            worker.start(entries, arrive).await;
            worker.live().await
        };
        tokio::select! {
            biased;
            () = crash.notified() => {}
            ended = lives => return ended,
        }
        Ended::Again
    }

    /// Takes up what was kept, and starts the loops.
    async fn start(&mut self, mut entries: Vec<(Task, State)>, arrive: mpsc::Sender<(Task, State)>) {
        for (task, state) in &entries {
            // A start that cannot write is tried again: here the disk is waited for.
            while self.here.resources.heard(task, state, self.here.now()).await.is_err() {
                sleep(Duration::from_secs(2)).await;
            }
        }
        self.loops.spawn(self.here.sweep.clone().run(Arc::clone(&self.here), |_| {}));
        self.loops.spawn(self.here.sweep.clone().run_yarn(Arc::clone(&self.here), |_| {}));
        entries.sort_by_key(|(task, state)| (state.stage() == Stage::Received, task.received));
        for (task, state) in entries {
            let state = if let State::Submitting { attempt, .. } = &state
                && self.is_broken(Broken::NoDoubt)
            {
                State::Received { attempt: attempt.clone() }
            } else {
                state
            };
            let ticket = match state.stage() {
                Stage::Orphaned | Stage::Settled | Stage::Ended => Ticket::NotNeeded,
                Stage::Stopping if state.run().is_none() => Ticket::NotNeeded,
                Stage::Stopping | Stage::Received => self.places.ask(),
                Stage::Submitting
                | Stage::InDoubt
                | Stage::Running
                | Stage::Withdrawing
                | Stage::Speaking
                | Stage::Listening
                | Stage::Judged => Ticket::Held(self.places.take()),
            };
            self.begin_job(rules(), task, state, Start::Resumed, ticket);
        }
        // Before any job goes on.
        self.fulfil().await;
        let (here, draining) = (Arc::clone(&self.here), self.draining.subscribe());
        let disk = self.disk.clone();
        self.receiver.spawn(async move {
            tokio::select! {
                biased;
                () = is_told(draining) => {}
                () = receive(here, disk, arrive) => {}
            }
        });
    }

    async fn live(&mut self) -> Ended {
        let sim = self.here.life.sim.clone();
        let over = sim.over.subscribe();
        loop {
            let (stop, over) = (next_stop(sim.clone()), is_told(over.clone()));
            let here = Arc::clone(&self.here);
            tokio::select! {
                biased;
                () = over => return self.all_over().await,
                stop = stop => return self.stop(stop).await,
                Some((task, state)) = self.errands.recv() => self.take(task, state),
                () = here.resources.changed() => self.tend().await,
                Some(ended) = self.jobs.join_next_with_id() => self.reap(ended).await,
            }
        }
    }

    fn is_broken(&self, broken: Broken) -> bool {
        self.here.life.sim.inner().plan.broken == broken
    }

    fn take(&mut self, task: Task, state: State) {
        let ticket = match (state.stage(), state.run()) {
            (Stage::Stopping | Stage::Received, Some(_)) => self.places.ask(),
            _ => Ticket::NotNeeded,
        };
        if self.is_broken(Broken::KeptPlace) {
            std::mem::forget(self.places.take());
        }
        self.begin_job(rules(), task, state, Start::Kept, ticket);
    }

    /// As the daemon does it; sometimes it takes a moment to come to that.
    async fn tend(&mut self) {
        let pause = {
            let mut inner = self.here.life.sim.inner();
            if inner.is_calm() || inner.rng.u8(0..4) > 0 { 0 } else { inner.rng.u64(1..300) }
        };
        if pause > 0 {
            sleep(Duration::from_millis(pause)).await;
        }
        self.fulfil().await;
    }

    async fn fulfil(&mut self) {
        let duties = self.here.resources.duties().await;
        for task in duties.drop {
            if let Some(drop) = self.drops.get(&task).filter(|_| !self.is_broken(Broken::NoDrops)) {
                drop.raise();
            }
        }
        for Kill { task, run, proof } in duties.kill {
            if self.is_broken(Broken::NoKills) {
                continue;
            }
            let (task, _) = Task::orphan(&task);
            self.here.life.sim.inner().coverage.hit(
                "decision",
                "a run is killed",
                match proof {
                    spark_job_worker::cloudformation::resource::Proof::OneAnswer => "one answer proves it",
                    spark_job_worker::cloudformation::resource::Proof::Settled => "it was in doubt",
                    spark_job_worker::cloudformation::resource::Proof::Unknown => "nothing is known of it",
                },
            );
            let state = State::Orphaned { run };
            let mut rules = proof.timings(rules());
            if self.is_broken(Broken::NoSettling) {
                rules.kill_settle = Duration::ZERO;
            }
            self.begin_job(rules, task, state, Start::Fresh, Ticket::NotNeeded);
        }
    }

    fn begin_job(&mut self, rules: JobTimings, task: Task, state: State, start: Start, place: Ticket) {
        let id = task.id.clone();
        self.here.life.sim.inner().node.jobs.insert(id.clone(), state.stage());
        let dropped = Arc::<Flag>::default();
        self.drops.insert(id.clone(), Arc::clone(&dropped));
        let context = JobContext {
            world: Arc::clone(&self.here),
            sweep: self.here.sweep.clone(),
            gate: self.gate.clone(),
            rules: Arc::new(rules),
            limiter: Arc::new(RateLimiter::new(100, 100.0)),
            stop: Arc::clone(&self.give_up),
            on_event: Box::new(|_| {}),
            place,
            dropped: Some(dropped),
        };
        let (life, name) = (self.here.life.clone(), id.clone());
        let observe = move |state: &State| {
            let mut inner = life.sim.inner();
            if !life.is_over(&inner) {
                inner.observed(&name, state);
            }
        };
        let job = self.jobs.spawn(job::run(context, task, state, start, observe)).id();
        self.names.insert(job, id);
    }

    async fn reap(&mut self, ended: Result<(Id, ()), tokio::task::JoinError>) {
        match ended {
            Ok((job, ())) => {
                if let Some(task) = self.names.remove(&job) {
                    self.drops.remove(&task);
                    self.here.resources.release(&task).await;
                }
            }
            Err(error) => self.here.life.sim.inner().violate(Promise::NoPanic, || error.to_string()),
        }
    }

    async fn stop(&mut self, stop: Stop) -> Ended {
        {
            let mut inner = self.here.life.sim.inner();
            inner.tell(|_| format!("the worker is stopped: {stop:?}"));
            let words = match stop {
                Stop::Handoff => "handoff",
                Stop::GiveBack => "tasks are given back",
                Stop::Terminating => "terminating",
            };
            inner.coverage.hit("world", "stop", words);
            inner.node.draining = true;
        }
        self.draining.send_replace(true);
        if stop != Stop::Handoff {
            self.give_up.raise();
        }
        let grace = match stop {
            Stop::Handoff | Stop::GiveBack => GRACE,
            Stop::Terminating => Duration::from_secs(self.here.life.sim.inner().rng.u64(1..200)),
        };
        let _ = timeout(grace, self.drain(stop)).await;
        let mut inner = self.here.life.sim.inner();
        if stop == Stop::Terminating {
            inner.lose_node();
        }
        inner.end_life();
        if inner.node.gone { Ended::Gone } else { Ended::Again }
    }

    async fn drain(&mut self, stop: Stop) {
        let is_over = |worker: &Worker| {
            let inner = worker.here.life.sim.inner();
            let node = &inner.node;
            worker.receiver.is_empty()
                && worker.errands.is_empty()
                && match stop {
                    Stop::Handoff => {
                        let all_kept = node.jobs.keys().all(|task| node.journal.contains_key(task));
                        all_kept && !node.jobs.values().any(|stage| *stage == Stage::Submitting)
                    }
                    Stop::GiveBack => node.jobs.is_empty(),
                    Stop::Terminating => false,
                }
        };
        while !is_over(self) {
            let here = Arc::clone(&self.here);
            tokio::select! {
                biased;
                Some((task, state)) = self.errands.recv() => if stop != Stop::Handoff { self.take(task, state) },
                () = here.resources.changed() => self.tend().await,
                Some(ended) = self.jobs.join_next_with_id() => self.reap(ended).await,
                Some(_) = self.receiver.join_next() => {}
                () = sleep(Duration::from_secs(1)) => {}
            }
        }
    }

    /// Everything has come to its end: what was lent must be back.
    async fn all_over(&mut self) -> Ended {
        self.receiver.shutdown().await;
        while let Some(ended) = self.jobs.join_next_with_id().await {
            self.reap(ended).await;
        }
        let (used, free) = (self.places.used(), self.gate.free_slots());
        let mut inner = self.here.life.sim.inner();
        let submits = inner.plan.submits;
        if used != 0 || free != submits {
            inner.violate(Promise::PlacesReturned, || {
                format!("{used} places are taken, {free} of {submits} slots are free")
            });
        }
        inner.end_life();
        Ended::Over
    }
}

/// Waits for a stop that is planned for this life.
async fn next_stop(sim: Sim) -> Stop {
    let planned = {
        let inner = sim.inner();
        let some = [
            (Mishap::Handoff, Stop::Handoff, 1),
            (Mishap::GiveBack, Stop::GiveBack, 2),
            (Mishap::Terminating, Stop::Terminating, 3),
        ];
        let mut planned = None;
        for (mishap, stop, salt) in some {
            // The same for all of a life, however often it is asked.
            let mut rng = fastrand::Rng::with_seed(inner.node.born ^ salt);
            let at = inner.node.born + rng.u64(10..400) * SECOND;
            if inner.plan.has(mishap) && at < CALM && rng.bool() {
                planned =
                    Some(planned.map_or(
                        (at, stop),
                        |known: (u64, Stop)| if known.0 < at { known } else { (at, stop) },
                    ));
            }
        }
        planned.map(|(at, stop)| (at.saturating_sub(inner.at), stop))
    };
    match planned {
        Some((wait, stop)) => {
            sleep(Duration::from_millis(wait)).await;
            stop
        }
        None => std::future::pending().await,
    }
}

/// What a start finds: the resources' files that can be read, the others, and the journal's entries.
type Found = (Vec<Resource>, BTreeMap<String, Timestamp>, Vec<(Task, State)>);

fn read_disk(life: &Life) -> Found {
    let mut inner = life.sim.inner();
    let names: Vec<String> = inner.node.files.keys().cloned().collect();
    for name in names {
        if inner.strikes(Mishap::LostFile, 6) {
            inner.node.files.remove(&name);
            inner.node.damaged.insert(name.clone());
            inner.file_lost(&name);
        }
    }
    let files = inner.node.files.values();
    let resources = files.map(|bytes| Resource::decode(bytes).expect("it was written so")).collect();
    let entries = inner.node.journal.values();
    let entries = entries.map(|bytes| {
        let entry = journal::decode(bytes).expect("it was written so");
        (entry.task, entry.state)
    });
    let damaged = inner.node.damaged.iter();
    let lost = damaged.map(|name| (name.clone(), inner.node.written[name])).collect();
    (resources, lost, entries.collect())
}

/// Receives without end, as the daemon's loop of a queue does.
async fn receive(here: Arc<Here>, disk: watch::Sender<bool>, arrive: mpsc::Sender<(Task, State)>) {
    let (mut rules, defaults, livy) = (door_rules(), Defaults::none(false), own_livy());
    let broken = here.life.sim.inner().plan.broken;
    if broken == Broken::AnyOrigin {
        rules.origins.push("https://evil.example".to_owned());
    }
    let mut tidied = Instant::now();
    loop {
        while !*disk.borrow() {
            sleep(Duration::from_secs(2)).await;
            let inner = here.life.sim.inner();
            disk.send_replace(inner.node.bad_disk.at(inner.at).is_none());
        }
        let on_delete = here.life.sim.inner().plan.on_delete;
        let world = &*here;
        let intake = Intake {
            world,
            resources: &here.resources,
            rules: &rules,
            defaults: &defaults,
            on_delete,
            livy: &livy,
        };
        let mut orders = Vec::new();
        for number in messages(&here).await {
            let body = here.life.sim.inner().body(number);
            match Order::read(&body, Timestamp(EPOCH), &rules) {
                Ok(order) => orders.push((order, number)),
                Err(_) => here.life.sim.inner().coverage.hit("decision", "refused", "it stays in the queue"),
            }
        }
        orders.sort_by_key(|(order, _)| order.at);
        for (order, number) in orders {
            if broken == Broken::DeletedFirst {
                here.life.sim.inner().delete_message(number);
            }
            match intake.take(&order).await {
                Ok(begun) => {
                    here.life.sim.inner().decided(number, &order, begun.as_ref());
                    if let Some(Begun { task, state, .. }) = begun
                        && arrive.send((task, state)).await.is_err()
                    {
                        return;
                    }
                    if here.life.way(Service::Queue, 10).await == Way::Arrives {
                        here.life.sim.inner().delete_message(number);
                        here.life.step(10).await;
                    }
                }
                Err(_) => {
                    disk.send_replace(false);
                }
            }
        }
        if tidied.elapsed() >= TIDY && broken != Broken::NoTidying {
            tidied = Instant::now();
            here.resources.tidy(here.now()).await;
        }
    }
}

/// What a receive brings.
async fn messages(here: &Here) -> Vec<usize> {
    if here.life.way(Service::Queue, 100).await != Way::Arrives {
        sleep(Duration::from_secs(5)).await;
        return Vec::new();
    }
    let (found, wait, bell) = {
        let mut inner = here.life.sim.inner();
        let found = inner.receive();
        let next = inner.next_visible().map(|next| Duration::from_millis(next.saturating_sub(inner.at)));
        (found, next.unwrap_or(POLL).min(POLL), Arc::clone(&inner.queue.bell))
    };
    if found.is_empty() {
        let _ = timeout(wait.max(Duration::from_millis(10)), bell.notified()).await;
    } else {
        here.life.step(20).await;
    }
    found
}
