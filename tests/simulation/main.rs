//! The real loop, the real rules, the real sweeps and the real journal format in a simulated world that delays, loses,
//! lies, restarts and crashes, from a seed. A [ledger] knows the truth.
//!
//! `SEEDS=1000000 cargo test --test simulation -- --nocapture` asks for more seeds; `SEED=17 cargo test --test simulation
//! -- one_seed --nocapture` tells the story of one.

#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test tells what it found, and ends at the first surprise"
)]

mod coverage;
mod document;
mod door;
mod edges;
mod facts;
mod ledger;
mod livy;
mod lone;
mod node;
mod plan;
mod reach;
mod rest;
mod run;
mod session;
mod sfn;
mod stop;
mod submit;
mod sweep;
mod trace;
mod truth;
mod way;
mod worker;
mod world;
mod writes;
mod yarn;

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use coverage::Coverage;
use facts::Invariant;
use plan::Broken;
use run::run;

/// Seeds in an ordinary run, over all threads.
const SEEDS: u64 = 10_000;
/// So many of them are run twice.
const TWICE: u64 = 300;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|number| number.parse().ok())
}

#[test]
fn no_seed_breaks_a_promise_and_all_that_can_be_reached_is() {
    let seeds = number("SEEDS").unwrap_or(SEEDS);
    let (coverage, found) = search(Broken::Nothing, seeds);
    assert!(found.is_none(), "{}", found.unwrap_or_default());
    println!("{}\n{seeds} seeds break no promise", coverage.table());
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
fn a_seed_tells_the_same_story_every_time() {
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

#[test]
fn each_guard_is_missed_when_it_is_broken() {
    for broken in [
        Broken::NoWriteBeforePost,
        Broken::NoDoubt,
        Broken::SilenceIsAbsence,
        Broken::NoProcesses,
        Broken::AnyMemory,
    ] {
        let (_, found) = search(broken, 4 * SEEDS);
        assert!(found.is_some(), "no seed notices {broken:?}");
        println!("{broken:?}: {}", found.unwrap_or_default().lines().next().unwrap_or_default());
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
                    if let Some((invariant, detail)) = ended.broken {
                        stop.store(!all, Ordering::Relaxed);
                        let mut found = found.lock().expect("no poison");
                        found.entry(invariant).or_insert_with(Vec::new).push((seed, detail));
                    }
                }
                coverage.lock().expect("no poison").add(&mine);
            });
        }
    });
    let found = found.into_inner().expect("no poison");
    let reason = found.iter().map(|(invariant, seeds)| tell(broken, *invariant, seeds));
    let reason: Vec<String> = reason.collect();
    (coverage.into_inner().expect("no poison"), (!reason.is_empty()).then(|| reason.join("\n\n")))
}

/// What to run, and the story of the first seed.
fn tell(broken: Broken, invariant: Invariant, seeds: &[(u64, String)]) -> String {
    let Some((seed, detail)) = seeds.iter().min() else { return String::new() };
    let (story, all) = (run(*seed, broken, true).story, seeds.len());
    let some: Vec<u64> = seeds.iter().map(|(seed, _)| *seed).take(8).collect();
    format!(
        "seed {seed}: {invariant:?}: {detail}\n{all} seeds break it: {some:?}\nSEED={seed} cargo test --test simulation -- one_seed --nocapture\n{}",
        story.join("\n")
    )
}
