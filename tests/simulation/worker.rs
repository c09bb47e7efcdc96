//! The lives of a worker: what the daemon's shell does around the jobs, without its processes, signals and sockets.
//!
//! A life reads its disk, takes up what is there, sweeps, polls and runs jobs, until it crashes, is stopped, or all is
//! over.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use spark_job_worker::job::flag::Flag;
use spark_job_worker::job::gate::Gate;
use spark_job_worker::job::heartbeat::RateLimiter;
use spark_job_worker::job::journal;
use spark_job_worker::job::machine::{Stage, State};
use spark_job_worker::job::places::{Places, Ticket};
use spark_job_worker::job::request::{Defaults, OwnLivy};
use spark_job_worker::job::rescue::{rescued, rest};
use spark_job_worker::job::sweep::Sweep;
use spark_job_worker::job::token::Token;
use spark_job_worker::job::world::World;
use spark_job_worker::job::{self, ActivityRules, JobContext, Start, Task};
use spark_job_worker::retry::{self, Pauses};
use tokio::sync::{mpsc, watch};
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::sleep;

use crate::facts::Invariant;
use crate::node::Stop;
use crate::plan::{BEAT, Broken, Mishap, Plan, SECOND, pace, rules};
use crate::way::{ARN, Bug, Here};
use crate::world::Sim;

/// From try to try to write, while that fails.
const PROBE: Duration = Duration::from_secs(2);

/// How a life ended.
pub(crate) enum Ended {
    /// Another one follows.
    Again,
    /// The node is gone.
    Gone,
    /// There is nothing left to do.
    Over,
}

/// A task that has just come, with its place.
pub(crate) struct Arrival {
    token: Token,
    input: String,
    place: Ticket,
}

/// What is needed to carry on where a bug has ended a job's loop.
struct Handle {
    task: Arc<Task>,
    /// It only keeps its token alive.
    rests: bool,
    pauses: Option<Pauses>,
}

/// One life.
pub(crate) struct Life {
    pub(crate) here: Here,
    sweep: Sweep,
    gate: Gate,
    places: Places,
    limiter: Arc<RateLimiter>,
    pub(crate) draining: watch::Sender<bool>,
    /// One for each job: who waits on the same one is woken in an order that no seed fixes.
    pub(crate) give_up: Arc<Flag>,
    activity: ActivityRules,
    pub(crate) jobs: JoinSet<()>,
    /// Which task each of them is about.
    tasks: HashMap<Id, Handle>,
    /// Sweeps and the watch on the disk.
    loops: JoinSet<()>,
    pub(crate) poller: JoinSet<()>,
    pub(crate) arrivals: mpsc::Receiver<Arrival>,
    arrive: mpsc::Sender<Arrival>,
}

/// The worker of a node, life after life.
pub(crate) async fn worker(sim: Sim, node: usize) {
    loop {
        let life = Life::begin(&sim, node);
        match life.live().await {
            Ended::Again => {}
            Ended::Gone | Ended::Over => return,
        }
        let pause = sim.inner().rng.u64(100..80_000);
        sleep(Duration::from_millis(pause)).await;
    }
}

/// Returns once it is true.
async fn is_told(mut told: watch::Receiver<bool>) {
    if told.wait_for(|told| *told).await.is_err() {
        std::future::pending::<()>().await;
    }
}

fn activity_rules(plan: &Plan) -> ActivityRules {
    ActivityRules {
        defaults: Defaults::none(false),
        on_abort: plan.on_abort,
        heartbeat_interval: Duration::from_millis(BEAT),
    }
}

impl Life {
    fn begin(sim: &Sim, node: usize) -> Life {
        let (life, plan, disk, configured) = {
            let mut inner = sim.inner();
            let life = inner.begin_life(node);
            let removed = life > 1 && inner.strikes(Mishap::RemovedActivity, 2);
            if removed {
                inner.coverage.hit("world", "activity removed", "");
                inner.tell(|_| "the activity is not configured any more".to_owned());
                let until = inner.at + inner.rng.u64(10..200) * SECOND;
                inner.nodes[node].stops.push((until, Stop::Handoff));
            }
            (life, inner.plan.clone(), inner.nodes[node].disk_good.subscribe(), !removed)
        };
        let here = Here { sim: sim.clone(), node, life };
        let sweep = Sweep::new(pace());
        {
            let mut inner = sim.inner();
            let hidden = inner.nodes[node].hidden.clone();
            if !hidden.is_empty() {
                inner.coverage.hit("world", "a restart knows what is hidden", "");
            }
            sweep.resume_hidden(hidden);
        }
        let draining = watch::Sender::new(false);
        let gate = Gate::new(plan.submits, &sweep, here.has_yarn(), disk, draining.subscribe());
        let (arrive, arrivals) = mpsc::channel(16);
        let mut life = Life {
            here,
            sweep,
            gate,
            places: Places::new(plan.places),
            limiter: Arc::new(RateLimiter::new(100, 100.0)),
            draining,
            give_up: Arc::default(),
            activity: activity_rules(&plan),
            jobs: JoinSet::new(),
            tasks: HashMap::new(),
            loops: JoinSet::new(),
            poller: JoinSet::new(),
            arrivals,
            arrive,
        };
        life.start_loops();
        life.resume(configured);
        if configured {
            life.start_poller();
        }
        life
    }

    fn start_loops(&mut self) {
        let world = Arc::new(self.here.clone());
        self.loops.spawn(self.sweep.clone().run(Arc::clone(&world), |_| {}));
        if world.has_yarn() {
            self.loops.spawn(self.sweep.clone().run_yarn(world, |_| {}));
        }
        let here = self.here.clone();
        let mut disk = here.sim.inner().nodes[here.node].disk_good.subscribe();
        self.loops.spawn(async move {
            while disk.wait_for(|good| !*good).await.is_ok() {
                sleep(PROBE).await;
                here.probe_disk();
            }
        });
    }

    /// Takes up what was kept: what runs takes its place first, and what was not posted asks for one, oldest first.
    fn resume(&mut self, configured: bool) {
        let mut entries = self.read_disk();
        entries.sort_by_key(|(task, state)| (state.stage() == Stage::Received, task.received));
        for (task, state) in entries {
            let needs_none = !configured || matches!(state, State::Orphaned { .. });
            let place = if needs_none {
                Ticket::NotNeeded
            } else if state.stage() == Stage::Received {
                self.places.ask()
            } else {
                Ticket::Held(self.places.take())
            };
            // What waits for a place is not under way; where the activity is gone nothing waits for one.
            let waits = configured && state.stage() == Stage::Received;
            let counts = !waits && state.stage() != Stage::Orphaned;
            self.here.sim.inner().nodes[self.here.node].resumed += usize::from(counts);
            self.start(task, state, Start::Resumed, place);
        }
    }

    fn read_disk(&self) -> Vec<(Task, State)> {
        let mut inner = self.here.sim.inner();
        let files: Vec<_> =
            inner.nodes[self.here.node].disk.iter().map(|(id, bytes)| (id.clone(), bytes.clone())).collect();
        let mut entries = Vec::new();
        for (id, mut bytes) in files {
            if inner.strikes(Mishap::CorruptEntry, 4) {
                inner.coverage.hit("world", "entry cannot be read", "");
                inner.tell(|_| format!("the entry {id} cannot be read"));
                bytes.truncate(40);
                if let Some(number) = inner.ticket_of_task(&id) {
                    inner.tickets[number].facts.corrupt = true;
                }
            }
            let (task, state) = match journal::decode(&bytes) {
                Ok(entry) => (entry.task, entry.state),
                Err(_) => Task::orphan(&id),
            };
            entries.push(match state {
                State::Submitting { attempt, .. } if inner.plan.broken == Broken::NoDoubt => {
                    (task, State::Received { attempt })
                }
                State::Stopping { .. }
                | State::Received { .. }
                | State::Submitting { .. }
                | State::InDoubt { .. }
                | State::Running { .. }
                | State::Withdrawing { .. }
                | State::Speaking { .. }
                | State::Listening { .. }
                | State::Judged { .. }
                | State::Ended { .. }
                | State::Orphaned { .. }
                | State::Settled => (task, state),
            });
        }
        entries
    }

    fn start_poller(&mut self) {
        let (here, places, gate) = (self.here.clone(), self.places.clone(), self.gate.clone());
        let (arrive, draining) = (self.arrive.clone(), self.draining.subscribe());
        self.poller.spawn(async move {
            loop {
                let allowed = async {
                    let mut place = places.ask();
                    place.granted().await;
                    gate.may_poll().await;
                    place
                };
                let place = tokio::select! {
                    biased;
                    () = is_told(draining.clone()) => return,
                    place = allowed => place,
                };
                if let Some((token, input)) = here.poll().await
                    && arrive.send(Arrival { token, input, place }).await.is_err()
                {
                    return;
                }
            }
        });
    }

    pub(crate) fn accept(&mut self, arrival: Arrival, start: Start) {
        let Arrival { token, input, place } = arrival;
        let (task, state) = Task::received(
            token,
            ARN,
            &input,
            &self.activity,
            &OwnLivy::new(Vec::new(), 8998),
            self.here.now(),
        );
        self.start(task, state, start, place);
    }

    fn start(&mut self, task: Task, state: State, start: Start, place: Ticket) -> Id {
        let id = task.id.clone();
        {
            let mut inner = self.here.sim.inner();
            let number = match &task.token {
                Some(token) => Some(inner.ticket_of(token.secret())),
                None => inner.ticket_of_task(&id),
            };
            if let Some(number) = number {
                inner.held(number, &id);
            }
            inner.nodes[self.here.node].jobs.insert(id.clone(), Stage::Received);
        }
        let context = JobContext {
            world: Arc::new(self.here.clone()),
            sweep: self.sweep.clone(),
            gate: self.gate.clone(),
            rules: Arc::new(rules()),
            limiter: Arc::clone(&self.limiter),
            stop: Arc::clone(&self.give_up),
            on_event: Box::new(|_| {}),
            place,
            dropped: None,
        };
        let (here, known) = (self.here.clone(), Arc::new(Task { request: None, ..task.clone() }));
        let observe = move |state: &State| {
            let mut inner = here.sim.inner();
            if here.is_alive(&inner) {
                inner.observed(here.node, &id, state);
            }
        };
        let id = self.jobs.spawn(job::run(context, task, state, start, observe)).id();
        self.tasks.insert(id, Handle { task: known, rests: false, pauses: None });
        id
    }

    async fn live(mut self) -> Ended {
        let (crash, over) = {
            let inner = self.here.sim.inner();
            (Arc::clone(&inner.nodes[self.here.node].crash), self.here.sim.over.subscribe())
        };
        loop {
            let (stop, over) = (self.next_stop(), is_told(over.clone()));
            tokio::select! {
                biased;
                () = crash.notified() => return self.cut_off(),
                () = over => return self.all_over().await,
                stop = stop => return self.stop(stop).await,
                Some(arrival) = self.arrivals.recv() => self.accept(arrival, Start::Fresh),
                Some(ended) = self.jobs.join_next_with_id() => self.reap(ended),
            }
        }
    }

    /// Waits for the next planned end of a life; takes it off the list.
    fn next_stop(&self) -> impl Future<Output = Stop> + use<> {
        let (sim, node) = (self.here.sim.clone(), self.here.node);
        async move {
            let next = sim.inner().nodes[node].stops.last().copied();
            let Some((at, stop)) = next else { return std::future::pending().await };
            let wait = at.saturating_sub(sim.inner().at);
            sleep(Duration::from_millis(wait)).await;
            sim.inner().nodes[node].stops.pop();
            stop
        }
    }

    /// The life ends between two instructions.
    pub(crate) fn cut_off(self) -> Ended {
        let mut inner = self.here.sim.inner();
        inner.end_life(self.here.node);
        if inner.nodes[self.here.node].gone { Ended::Gone } else { Ended::Again }
    }

    /// A job has ended. Where a planned bug has ended it, it goes on after a while; no other bug may be.
    pub(crate) fn reap(&mut self, ended: Result<(Id, ()), JoinError>) {
        let id = ended.as_ref().map_or_else(JoinError::id, |(id, ())| *id);
        let Some(mut handle) = self.tasks.remove(&id) else { return };
        match ended {
            Ok(_) if handle.rests => self.carry_on(handle),
            Ok(_) => {}
            Err(error) => {
                let words = error.to_string();
                if !error.try_into_panic().is_ok_and(|panic| panic.is::<Bug>()) {
                    self.here.sim.inner().violate(Invariant::NoPanic, || words);
                    return;
                }
                self.here.sim.inner().broke(&handle.task.id);
                let pause = handle.pauses.get_or_insert_with(|| retry::BUG.start()).next(fastrand::f64());
                let (world, limiter) = (Arc::new(self.here.clone()), Arc::clone(&self.limiter));
                let resting = rest(world, Arc::clone(&handle.task), limiter, Box::new(|_| {}), pause);
                let id = self.jobs.spawn(resting).id();
                self.tasks.insert(id, Handle { rests: true, ..handle });
            }
        }
    }

    fn carry_on(&mut self, handle: Handle) {
        let kept = {
            let inner = self.here.sim.inner();
            let bytes = inner.nodes[self.here.node].disk.get(&handle.task.id);
            bytes.and_then(|bytes| journal::decode(bytes).ok()).map(|entry| entry.state)
        };
        let state = rescued(&handle.task, kept);
        let id = self.start(Task::clone(&handle.task), state, Start::Fresh, Ticket::NotNeeded);
        if let Some(started) = self.tasks.get_mut(&id) {
            started.pauses = handle.pauses;
        }
    }

    /// Everything has come to its end: what was lent must be back.
    async fn all_over(mut self) -> Ended {
        self.poller.shutdown().await;
        while let Some(ended) = self.jobs.join_next_with_id().await {
            self.reap(ended);
        }
        let (used, free) = (self.places.used(), self.gate.free_slots());
        let mut inner = self.here.sim.inner();
        let submits = inner.plan.submits;
        if used != 0 || free != submits {
            inner.violate(Invariant::PlacesReturned, || {
                format!("{used} places are taken, {free} of {submits} slots are free")
            });
        }
        inner.end_life(self.here.node);
        Ended::Over
    }
}
