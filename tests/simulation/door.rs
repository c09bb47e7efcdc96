//! The second door in a simulated world: CloudFormation has resources live, the queue brings its requests late, twice and
//! out of order, answers get lost, and the worker is killed between any two steps. The real decisions, the real loop of a
//! job and the real formats of both files are at work; a [ledger] knows the truth.
//!
//! Livy and YARN misbehave less than in the other simulation, which is about them.
//!
//! `SEED=17 cargo test --test simulation -- door::one_seed --nocapture` tells the story of one.

mod bucket;
mod cluster;
mod ledger;
mod plan;
mod queue;
mod reach;
mod stack;
mod way;
mod worker;
mod world;

use std::time::Duration;

use fastrand::Rng;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::plan::SECOND;
use crate::seeds::{self, Ended};
use crate::trace;
use ledger::Promise;
use plan::{Broken, CALM, END, EXPIRES, Plan};
use world::{Inner, Sim};

/// Seeds in an ordinary run, over all threads: one costs some 30 ms where nothing is optimized.
const SEEDS: u64 = 10_000;
/// So many of them are run twice.
const TWICE: u64 = 60;

fn run(seed: u64, broken: Broken, story: bool) -> Ended<Promise> {
    fastrand::seed(seed);
    let mut rng = Rng::with_seed(seed);
    let plan = Plan::new(&mut rng, broken);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    let runtime = runtime.expect("a runtime");
    let sim = runtime.block_on(lives(plan, rng, story));
    drop(runtime);
    trace::leave();
    let mut inner = sim.inner_as_it_is();
    Ended {
        story: inner.take_story(),
        broken: inner.ledger.broken.take(),
        coverage: std::mem::take(&mut inner.coverage),
    }
}

async fn lives(plan: Plan, rng: Rng, story: bool) -> Sim {
    let sim = Sim::new(plan, rng, story);
    let followed = sim.clone();
    trace::follow(move |(kind, name, other)| {
        followed.inner_as_it_is().coverage.hit(kind, name, other);
    });
    let (mut workers, mut stacks) = (JoinSet::new(), JoinSet::new());
    workers.spawn(worker::worker(sim.clone()));
    let count = sim.inner().plan.resources;
    for number in 0..count {
        stacks.spawn(stack::Life::new(sim.clone(), number).lives());
    }
    if timeout(Duration::from_millis(END), until_over(&sim)).await.is_err() {
        sim.inner().violate(Promise::ComesToAnEnd, || "it goes on and on".to_owned());
    }
    while let Some(ended) = stacks.try_join_next() {
        if let Err(error) = ended {
            sim.inner().violate(Promise::NoPanic, || error.to_string());
        }
    }
    if sim.inner().ledger.broken.is_none() {
        sim.inner().last_look();
        ended(&sim, &mut workers).await;
        if sim.inner().node.gone {
            return sim;
        }
        // What is remembered becomes old, and another life forgets it.
        sleep(Duration::from_millis(EXPIRES)).await;
        sim.over.send_replace(false);
        workers.spawn(worker::worker(sim.clone()));
        sleep(Duration::from_millis(700 * SECOND)).await;
        ended(&sim, &mut workers).await;
        sim.inner().very_last_look();
    }
    sim
}

/// Stops the worker, for which nothing is left to do.
async fn ended(sim: &Sim, workers: &mut JoinSet<()>) {
    sim.over.send_replace(true);
    let ends = async { while workers.join_next().await.is_some() {} };
    if timeout(Duration::from_secs(300), ends).await.is_err() {
        sim.inner().violate(Promise::ComesToAnEnd, || "the worker does not end".to_owned());
    }
}

/// Until every resource has lived, nothing is under way, and nothing can come any more; or until a promise is broken.
async fn until_over(sim: &Sim) {
    let mut idle = 0;
    loop {
        sleep(Duration::from_secs(60)).await;
        let mut inner = sim.inner();
        if inner.ledger.broken.is_some() {
            return;
        }
        let is_idle = is_idle(&inner);
        idle = if is_idle { idle + 1 } else { 0 };
        if idle > 1 {
            return;
        }
        let stuck = !inner.node.gone && inner.at > CALM + 400 * SECOND && inner.node.jobs.is_empty();
        if stuck
            && inner.node.is_alive
            && !inner.node.journal.is_empty()
            && inner.at > inner.node.born + 400 * SECOND
        {
            // An entry that could not be removed is looked at once more.
            inner.tell(|_| "the worker is started again: something is left on its disk".to_owned());
            inner.end_life();
            inner.node.crash.notify_one();
        }
    }
}

fn is_idle(inner: &Inner) -> bool {
    let node = &inner.node;
    let done = node.gone || (node.is_alive && node.jobs.is_empty() && node.journal.is_empty());
    !inner.is_busy() && done && (node.gone || !inner.may_come())
}

fn of(broken: Broken) -> impl Fn(u64, bool) -> Ended<Promise> {
    move |seed, story| run(seed, broken, story)
}

#[test]
fn no_seed_breaks_a_promise_of_the_door_and_all_that_can_be_reached_is() {
    seeds::hold(of(Broken::Nothing), "door::one_seed", SEEDS, reach::missed);
}

#[test]
fn one_seed() {
    seeds::tell(of(Broken::Nothing));
}

#[test]
fn a_seed_of_the_door_tells_the_same_story_every_time() {
    seeds::repeat(of(Broken::Nothing), TWICE);
}

/// Most broken guards are noticed by one of the first few seeds, one by some.
const FEW: u64 = 300;
const SOME: u64 = 1_000;

/// Guards that are broken on purpose, the promise that breaks with each, and by how many seeds at most it is noticed.
const BROKEN: [(Broken, Promise, u64); 18] = [
    (Broken::NoDoubt, Promise::OneApplication, SOME),
    (Broken::NoGroups, Promise::DeleteMeansDead, FEW),
    (Broken::NoSettling, Promise::NoStaleStart, FEW),
    (Broken::NoWaiting, Promise::NothingAppears, FEW),
    (Broken::NoWaiting, Promise::NeverTwo, FEW),
    (Broken::OtherBytes, Promise::OneAnswer, FEW),
    (Broken::NoPut, Promise::Answered, FEW),
    (Broken::NoDrops, Promise::NoStaleStart, FEW),
    (Broken::DeletedFirst, Promise::DurableBeforeDelete, FEW),
    (Broken::NoTidying, Promise::NoFileLeft, FEW),
    (Broken::AnyOrigin, Promise::StrangersStay, FEW),
    (Broken::KillsAll, Promise::BelievedLives, FEW),
    (Broken::RunsEarly, Promise::TrueAnswer, FEW),
    (Broken::OtherId, Promise::KeepsId, FEW),
    (Broken::SlowClock, Promise::InTime, FEW),
    (Broken::NoKills, Promise::NothingLeft, FEW),
    (Broken::NoUnlink, Promise::ComesToAnEnd, FEW),
    (Broken::KeptPlace, Promise::PlacesReturned, FEW),
];

#[test]
fn each_promise_of_the_door_breaks_with_its_guard() {
    for (broken, promise, most) in BROKEN {
        seeds::first(of(broken), (broken, promise), most, |found| found == promise);
    }
}
