//! What the seeds reach: counted in every run, added up over all of them; what must be reached and is not fails the test.

use std::borrow::Cow;
use std::collections::BTreeMap;

/// A kind of thing, and two names.
pub(crate) type Key = (&'static str, &'static str, &'static str);

/// The same where a name is made.
type Owned = (&'static str, Cow<'static, str>, &'static str);

/// How often what was reached.
#[derive(Debug, Default, Clone)]
pub(crate) struct Coverage(BTreeMap<Owned, u64>);

impl Coverage {
    pub(crate) fn hit(
        &mut self,
        kind: &'static str,
        name: impl Into<Cow<'static, str>>,
        other: &'static str,
    ) {
        *self.0.entry((kind, name.into(), other)).or_default() += 1;
    }

    pub(crate) fn add(&mut self, other: &Coverage) {
        for (key, count) in &other.0 {
            *self.0.entry(key.clone()).or_default() += count;
        }
    }

    /// What is wanted and was never reached, a line for each.
    pub(crate) fn missed(&self, wanted: impl IntoIterator<Item = Key>) -> Vec<String> {
        let is_missed =
            |(kind, name, other): &Key| !self.0.contains_key(&(*kind, Cow::Borrowed(*name), *other));
        let missed = wanted.into_iter().filter(is_missed);
        missed.map(|(kind, name, other)| format!("{kind}: {name} {other}")).collect()
    }

    /// A table, a line for each.
    pub(crate) fn table(&self) -> String {
        let lines =
            self.0.iter().map(|((kind, name, other), count)| format!("{count:>9} {kind}: {name} {other}"));
        lines.collect::<Vec<_>>().join("\n")
    }
}
