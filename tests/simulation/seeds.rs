//! What is done with the seeds of a simulated world: they are searched for a broken promise on all processors, told, and
//! run twice.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::coverage::Coverage;

/// What came of a seed.
pub(crate) struct Ended<Promise> {
    pub(crate) story: Vec<String>,
    /// The first promise that was broken, and how.
    pub(crate) broken: Option<(Promise, String)>,
    pub(crate) coverage: Coverage,
}

/// A number that the environment gives.
pub(crate) fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|number| number.parse().ok())
}

/// Runs `usual` seeds, or so many as the environment says: none breaks a promise, and enough of them leave nothing of what
/// `missed` looks for. `run` is told whether the story is wanted; `one` is the test that tells it.
pub(crate) fn hold<Promise: Copy + Ord + Debug + Send>(
    run: impl Fn(u64, bool) -> Ended<Promise> + Sync,
    one: &str,
    usual: u64,
    missed: impl Fn(&Coverage) -> Vec<String>,
) {
    let seeds = number("SEEDS").unwrap_or(usual);
    let (coverage, found) = search(run, one, seeds);
    assert!(found.is_none(), "{}", found.unwrap_or_default());
    println!("{}\n{seeds} seeds break no promise", coverage.table());
    if seeds >= usual {
        let missed = missed(&coverage);
        assert!(missed.is_empty(), "{seeds} seeds never reach\n{}", missed.join("\n"));
    }
}

/// Tells the story of the seed that the environment names.
pub(crate) fn tell<Promise: PartialEq + Debug>(run: impl Fn(u64, bool) -> Ended<Promise>) {
    let Some(seed) = number("SEED") else { return };
    let ended = run(seed, true);
    println!("{}", ended.story.join("\n"));
    assert_eq!(ended.broken, None);
}

/// Each of so many seeds tells the same story every time.
pub(crate) fn repeat<Promise>(run: impl Fn(u64, bool) -> Ended<Promise>, seeds: u64) {
    for seed in 0..seeds {
        let (first, second) = (run(seed, true).story, run(seed, true).story);
        let differs = first.iter().zip(&second).position(|(first, second)| first != second);
        let differs = differs.or((first.len() != second.len()).then_some(first.len()));
        if let Some(line) = differs {
            let around =
                |story: &[String]| story[line.saturating_sub(20)..(line + 3).min(story.len())].join("\n");
            panic!("seed {seed} differs\n{}\n----\n{}", around(&first), around(&second));
        }
    }
}

/// The first of so many seeds that breaks a `wanted` promise, in a world in which something is broken on purpose.
pub(crate) fn first<Promise: Copy + Debug>(
    run: impl Fn(u64, bool) -> Ended<Promise>,
    broken: impl Debug,
    most: u64,
    wanted: impl Fn(Promise) -> bool,
) -> Promise {
    let found = (0..most).find_map(|seed| {
        let (promise, detail) = run(seed, false).broken?;
        wanted(promise).then_some((seed, promise, detail))
    });
    let (seed, promise, detail) = found.unwrap_or_else(|| panic!("no seed notices {broken:?}"));
    println!("{broken:?}: seed {seed}: {promise:?}: {detail}");
    promise
}

/// Runs seeds on all processors: what they reach, and the first promise that is broken. With `ALL=1` it goes on and tells
/// of one seed for each promise.
pub(crate) fn search<Promise: Copy + Ord + Debug + Send>(
    run: impl Fn(u64, bool) -> Ended<Promise> + Sync,
    one: &str,
    seeds: u64,
) -> (Coverage, Option<String>) {
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
                    let ended = run(seed, false);
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
    let told: Vec<String> = found.iter().map(|(promise, seeds)| report(&run, one, *promise, seeds)).collect();
    (coverage.into_inner().expect("no poison"), (!told.is_empty()).then(|| told.join("\n\n")))
}

/// What to run, and the story of the first seed.
fn report<Promise: Debug>(
    run: impl Fn(u64, bool) -> Ended<Promise>,
    one: &str,
    promise: Promise,
    seeds: &[(u64, String)],
) -> String {
    let Some((seed, detail)) = seeds.iter().min() else { return String::new() };
    let (story, all) = (run(*seed, true).story, seeds.len());
    let some: Vec<u64> = seeds.iter().map(|(seed, _)| *seed).take(8).collect();
    format!(
        "seed {seed}: {promise:?}: {detail}\n{all} seeds break it: {some:?}\nSEED={seed} cargo test --test simulation -- {one} --exact --nocapture\n{}",
        story.join("\n")
    )
}
