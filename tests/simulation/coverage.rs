//! What the seeds reach: counted in every run, added up over all of them; what must be reached and is not fails the test.

use std::collections::BTreeMap;

/// A kind of thing, and two names.
pub(crate) type Key = (&'static str, &'static str, &'static str);

/// How often what was reached.
#[derive(Debug, Default, Clone)]
pub(crate) struct Coverage(BTreeMap<Key, u64>);

impl Coverage {
    pub(crate) fn hit(&mut self, kind: &'static str, name: &'static str, other: &'static str) {
        *self.0.entry((kind, name, other)).or_default() += 1;
    }

    pub(crate) fn add(&mut self, other: &Coverage) {
        for (key, count) in &other.0 {
            *self.0.entry(*key).or_default() += count;
        }
    }

    pub(crate) fn of(&self, key: Key) -> u64 {
        self.0.get(&key).copied().unwrap_or_default()
    }

    /// A table, a line for each.
    pub(crate) fn table(&self) -> String {
        let lines =
            self.0.iter().map(|((kind, name, other), count)| format!("{count:>9} {kind}: {name} {other}"));
        lines.collect::<Vec<_>>().join("\n")
    }
}
