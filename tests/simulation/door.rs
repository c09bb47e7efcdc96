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

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use fastrand::Rng;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::coverage::Coverage;
use crate::plan::SECOND;
use crate::{number, trace};
use ledger::Promise;
use plan::{Broken, CALM, END, EXPIRES, Plan};
use world::{Inner, Sim};

/// Seeds in an ordinary run, over all threads: one costs some 30 ms where nothing is optimized.
const SEEDS: u64 = 10_000;
/// So many of them are run twice.
const TWICE: u64 = 60;

/// What came of a seed.
struct Run {
    story: Vec<String>,
    broken: Option<(Promise, String)>,
    coverage: Coverage,
}

fn run(seed: u64, broken: Broken, story: bool) -> Run {
    fastrand::seed(seed);
    let mut rng = Rng::with_seed(seed);
    let plan = Plan::new(&mut rng, broken);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    let runtime = runtime.expect("a runtime");
    let sim = runtime.block_on(lives(plan, rng, story));
    drop(runtime);
    trace::leave();
    let mut inner = sim.inner_as_it_is();
    Run {
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

#[test]
fn no_seed_breaks_a_promise_of_the_door_and_all_that_can_be_reached_is() {
    let seeds = number("SEEDS").unwrap_or(SEEDS);
    let (coverage, found) = search(Broken::Nothing, seeds);
    assert!(found.is_none(), "{}", found.unwrap_or_default());
    println!("{}\n{seeds} seeds of the door break no promise", coverage.table());
    if seeds >= SEEDS {
        let missed = reach::missed(&coverage);
        assert!(missed.is_empty(), "{seeds} seeds never reach\n{}", missed.join("\n"));
    }
}

#[test]
fn one_seed() {
    let Some(seed) = number("SEED") else { return };
    let run = run(seed, Broken::Nothing, true);
    println!("{}", run.story.join("\n"));
    assert_eq!(run.broken, None);
}

#[test]
fn a_seed_of_the_door_tells_the_same_story_every_time() {
    for seed in 0..TWICE {
        let (first, second) = (run(seed, Broken::Nothing, true), run(seed, Broken::Nothing, true));
        let differs = first.story.iter().zip(&second.story).position(|(first, second)| first != second);
        let differs = differs.or((first.story.len() != second.story.len()).then_some(first.story.len()));
        if let Some(line) = differs {
            let around =
                |story: &[String]| story[line.saturating_sub(20)..(line + 3).min(story.len())].join("\n");
            panic!("seed {seed} differs\n{}\n----\n{}", around(&first.story), around(&second.story));
        }
    }
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
        let first = (0..most).find_map(|seed| {
            let (found, detail) = run(seed, broken, false).broken?;
            (found == promise).then_some((seed, detail))
        });
        let (seed, detail) = first.unwrap_or_else(|| panic!("no seed notices {broken:?} as {promise:?}"));
        println!("{broken:?}: seed {seed}: {promise:?}: {detail}");
    }
}

/// Runs seeds on all processors: what they reach, and the first promise that is broken. With `ALL=1` it goes on and tells
/// of one seed for each promise.
fn search(broken: Broken, seeds: u64) -> (Coverage, Option<String>) {
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let (next, stop) = (AtomicU64::new(number("FIRST").unwrap_or(0)), AtomicBool::new(false));
    let (end, all) = (next.load(Ordering::Relaxed) + seeds, number("ALL").is_some());
    let (coverage, found) = (Mutex::new(Coverage::default()), Mutex::new(BTreeMap::new()));
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                let mut mine = Coverage::default();
                while !stop.load(Ordering::Relaxed) {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= end {
                        break;
                    }
                    let ended = run(seed, broken, false);
                    mine.add(&ended.coverage);
                    if let Some((promise, detail)) = ended.broken {
                        stop.store(!all, Ordering::Relaxed);
                        let mut found = found.lock().expect("no poison");
                        found.entry(promise).or_insert_with(Vec::new).push((seed, detail));
                    }
                }
                coverage.lock().expect("no poison").add(&mine);
            });
        }
    });
    let found = found.into_inner().expect("no poison");
    let told: Vec<String> = found.iter().map(|(promise, seeds)| tell(broken, *promise, seeds)).collect();
    (coverage.into_inner().expect("no poison"), (!told.is_empty()).then(|| told.join("\n\n")))
}

/// What to run, and the story of the first seed.
fn tell(broken: Broken, promise: Promise, seeds: &[(u64, String)]) -> String {
    let Some((seed, detail)) = seeds.iter().min() else { return String::new() };
    let (story, all) = (run(*seed, broken, true).story, seeds.len());
    let some: Vec<u64> = seeds.iter().map(|(seed, _)| *seed).take(8).collect();
    format!(
        "seed {seed}: {promise:?}: {detail}\n{all} seeds break it: {some:?}\nSEED={seed} cargo test --test simulation -- door::one_seed --nocapture\n{}",
        story.join("\n")
    )
}
