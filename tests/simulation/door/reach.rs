//! What the seeds must reach.

use crate::coverage::{Coverage, Key};

/// What was not reached, a line each.
pub(super) fn missed(coverage: &Coverage) -> Vec<String> {
    let missed = WANTED.into_iter().filter(|key| coverage.of(*key) == 0);
    missed.map(|(kind, name, other)| format!("{kind}: {name} {other}")).collect()
}

const WANTED: [Key; 1] = [("world", "the worker is killed", "")];
