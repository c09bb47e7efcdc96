//! Statements in a session under the real loop: a Livy that takes them late, twice or never, that is killed and comes
//! back, answers that are shifted, drivers that die, and a worker that is killed between any two steps.
//!
//! `SEEDS=100000 cargo test --test simulation session::no_seed -- --nocapture`;
//! `SEED=17 cargo test --test simulation session::one_seed -- --nocapture`.

mod driver;
mod ledger;
mod plan;
mod worker;
mod world;

use crate::seeds::{self, Ended};
use ledger::Invariant;
use plan::Broken;
use worker::run;

/// Seeds in an ordinary run.
const SEEDS: u64 = 1_500;
/// So many of them are run twice.
const TWICE: u64 = 40;

/// What these seeds reach, in the table of what is reached.
const KIND: &str = "session";

/// What those seeds must come to and come across.
const REACHED: [&str; 37] = [
    "answered succeeded",
    "answered SparkJob.StatementFailed",
    "answered SparkJob.SessionBroken",
    "answered SparkJob.SessionFailed",
    "answered SparkJob.Lost",
    "answered SparkJob.Killed",
    "answered SparkJob.Failed",
    "answered SparkJob.LivyUnavailable",
    "nobody waits",
    "crash in Received",
    "crash in Submitting",
    "crash in InDoubt",
    "crash in Running",
    "crash in Speaking",
    "crash in Listening",
    "crash in Ended",
    "crash in Orphaned",
    "POST of a session taken late",
    "POST of a session without an answer",
    "statement taken late",
    "statement taken twice",
    "statement never taken",
    "statement taken without an answer",
    "a turn is refused",
    "an end is seen without its output",
    "answers are shifted",
    "Python dies",
    "Livy comes back",
    "Livy forgets",
    "DELETE that ends nothing",
    "Livy ends an idle session",
    "answered SparkJob.ClusterTerminating",
    "answered SparkJob.WorkerFault",
    "the disk does not take Speaking",
    "the disk does not take Listening",
    "the disk does not take Ended",
    "the disk does not take Orphaned",
];

/// The test that tells of one seed.
const ONE: &str = "session::one_seed";

fn of(broken: Broken) -> impl Fn(u64, bool) -> Ended<Invariant> {
    move |seed, story| run(seed, broken, story)
}

#[test]
fn no_seed_breaks_a_promise_and_all_that_can_be_reached_is() {
    let wanted = REACHED.map(|name| (KIND, name, ""));
    seeds::hold(of(Broken::Nothing), ONE, SEEDS, |coverage| coverage.missed(wanted));
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
    for (broken, invariant) in [
        (Broken::AnyOrder, Invariant::StartedOnce),
        (Broken::AnyEnd, Invariant::ConfirmedSuccess),
        (Broken::OldResult, Invariant::OwnResult),
        (Broken::DeletedIsDead, Invariant::EndsWithItsTask),
    ] {
        assert_eq!(seeds::first(of(broken), broken, 4 * SEEDS, |_| true), invariant);
    }
}
