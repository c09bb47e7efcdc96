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
mod seeds;
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

use facts::Invariant;
use plan::Broken;
use run::run;
use seeds::{Ended, search};

/// Seeds in an ordinary run, over all threads.
const SEEDS: u64 = 10_000;
/// So many of them are run twice.
const TWICE: u64 = 300;

/// The test that tells of one seed.
const ONE: &str = "one_seed";

fn of(broken: Broken) -> impl Fn(u64, bool) -> Ended<Invariant> {
    move |seed, story| run(seed, broken, story)
}

#[test]
fn no_seed_breaks_a_promise_and_all_that_can_be_reached_is() {
    seeds::hold(of(Broken::Nothing), ONE, SEEDS, reach::missed);
}

#[test]
fn one_seed() {
    seeds::tell(of(Broken::Nothing));
}

#[test]
fn a_seed_tells_the_same_story_every_time() {
    seeds::repeat(of(Broken::Nothing), TWICE);
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
        let (_, found) = search(of(broken), ONE, 4 * SEEDS);
        assert!(found.is_some(), "no seed notices {broken:?}");
        println!("{broken:?}: {}", found.unwrap_or_default().lines().next().unwrap_or_default());
    }
}
