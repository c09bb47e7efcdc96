//! Which job waits for which news, and which ones an answer wakes. Pure: what a sweep hears goes in, the jobs to be told
//! come out.
//!
//! A job is told when what the sweeps see of its run differs from what it last heard; one that just runs costs no
//! wake-up. A run whose application is known is called missing by the first list of YARN that was asked for after that
//! and does not have it, whatever Livy says: such a list was made when the application was there to be listed.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::ops::Bound;
use std::sync::Arc;
use std::time::Duration;

use super::progress::Seen;
use super::said::LivySaid;
use crate::job::application::{Active, Application};
use crate::job::machine::Run;
use crate::job::world::{LivyAnswer, Observed};

/// The number of a sweep of YARN; a later one began later.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct SweepNumber(u64);

/// So many jobs are looked at in one go. Thousands at once would hold up whatever else waits for the loop.
const AT_ONCE: usize = 512;

/// What some of the jobs are to be told.
pub(super) struct Part<T> {
    pub(super) told: Vec<(T, Observed)>,
    /// The name to go on after; none where all were looked at.
    pub(super) next: Option<String>,
}

/// What a job waits for. `T` is how it is told.
pub(super) struct Watcher<T> {
    tag: String,
    application: Option<String>,
    /// The last sweep of YARN that had begun when the job came to know what it knows of its run.
    since: SweepNumber,
    seen: Option<Observed>,
    tell: T,
}

/// All of them, and what YARN's last list had.
pub(super) struct Watchers<T> {
    /// In the order in which they are told: a seed of the simulation repeats a run exactly.
    watchers: BTreeMap<String, Box<Watcher<T>>>,
    /// The names among them that are of sessions.
    sessions: BTreeSet<String>,
    moved: Option<(SweepNumber, Arc<Seen>)>,
    begun: SweepNumber,
    nothing: Arc<[Application]>,
}

impl<T> Default for Watchers<T> {
    fn default() -> Self {
        Watchers {
            watchers: BTreeMap::new(),
            sessions: BTreeSet::new(),
            moved: None,
            begun: SweepNumber(0),
            nothing: Arc::new([]),
        }
    }
}

impl<T> Watchers<T> {
    /// A job waits for news of its run.
    pub(super) fn enter(&mut self, run: &Run, since: SweepNumber, seen: Option<Observed>, tell: T) {
        let (tag, application) = (run.tag.clone(), run.application.clone());
        if run.is_session() {
            self.sessions.insert(run.name.clone());
        }
        self.watchers.insert(run.name.clone(), Box::new(Watcher { tag, application, since, seen, tell }));
    }

    /// It waits no longer.
    pub(super) fn leave(&mut self, name: &str) {
        self.watchers.remove(name);
        self.sessions.remove(name);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.watchers.is_empty()
    }

    /// The names of batches.
    pub(super) fn names(&self) -> HashSet<String> {
        self.watchers.keys().filter(|name| !self.sessions.contains(*name)).cloned().collect()
    }

    /// The names of sessions.
    pub(super) fn sessions(&self) -> HashSet<String> {
        self.sessions.iter().cloned().collect()
    }

    /// Whether a job waits for news of this application.
    pub(super) fn follows(&self, application: &str) -> bool {
        self.watchers.values().any(|watcher| watcher.application.as_deref() == Some(application))
    }

    /// The sweep of YARN that began last.
    pub(super) fn begun(&self) -> SweepNumber {
        self.begun
    }

    /// A sweep of YARN begins.
    pub(super) fn begin(&mut self) -> SweepNumber {
        self.begun.0 += 1;
        self.begun
    }

    /// What YARN's last sweep saw; `None` where it got no answer, or was not made yet.
    pub(super) fn moved(&self) -> Option<Arc<Seen>> {
        self.moved.as_ref().map(|(_, seen)| Arc::clone(seen))
    }

    /// Livy was asked for `names` and said this. Returns what the jobs after that name are to be told.
    pub(super) fn livy(&mut self, names: &HashSet<String>, said: &LivySaid, after: Option<&str>) -> Part<T> {
        // A job that came since was not asked for.
        self.part(after, |name, watcher| names.contains(name).then(|| said.of(name, watcher.seen.as_ref())))
    }

    /// The sweep of YARN that began as `began` has these, or no answer.
    pub(super) fn yarn(&mut self, began: SweepNumber, answer: Option<Active>, at: Duration) {
        self.moved = answer.map(|found| (began, Arc::new(Seen::new(found, at))));
    }

    /// What the jobs after that name are to be told of YARN's last sweep.
    pub(super) fn of_yarn(&mut self, after: Option<&str>) -> Part<T> {
        self.part(after, |_, watcher| {
            Some(match &watcher.seen {
                Some(seen) => seen.livy.clone(),
                // A Livy that hangs must not keep YARN's word from a job.
                None => LivyAnswer::Unreachable("not asked yet".to_owned()),
            })
        })
    }

    /// Looks at so many jobs after that name, with what Livy says of each that it was asked for.
    fn part(
        &mut self,
        after: Option<&str>,
        livy: impl Fn(&str, &Watcher<T>) -> Option<LivyAnswer>,
    ) -> Part<T> {
        let (mut news, mut last, mut looked_at) = (Vec::new(), None, 0);
        let range = (after.map_or(Bound::Unbounded, Bound::Excluded), Bound::Unbounded);
        for (name, watcher) in self.watchers.range::<str, _>(range).take(AT_ONCE) {
            (last, looked_at) = (Some(name), looked_at + 1);
            let Some(livy) = livy(name, watcher) else { continue };
            let observation = self.observation(watcher, livy);
            if is_news(watcher.seen.as_ref(), &observation) {
                news.push((name.clone(), observation));
            }
        }
        let next = last.filter(|_| looked_at == AT_ONCE).cloned();
        Part { told: self.tell(news), next }
    }

    fn observation(&self, watcher: &Watcher<T>, livy: LivyAnswer) -> Observed {
        let Some((began, seen)) = &self.moved else { return Observed { livy, active: None, missing: false } };
        let active = seen.of_tag(&watcher.tag).unwrap_or_else(|| Arc::clone(&self.nothing));
        let listed = |id: &String| active.iter().any(|application| application.id == *id);
        let missing = *began > watcher.since && watcher.application.as_ref().is_some_and(|id| !listed(id));
        Observed { livy, active: Some(active), missing }
    }

    /// Takes out those who are to be told.
    fn tell(&mut self, news: Vec<(String, Observed)>) -> Vec<(T, Observed)> {
        let told = news.into_iter();
        told.filter_map(|(name, observation)| {
            self.sessions.remove(&name);
            Some((self.watchers.remove(&name)?.tell, observation))
        })
        .collect()
    }
}

/// Whether a job that heard `seen` is to be told `observation`. Only why a service is silent is not worth a word.
fn is_news(seen: Option<&Observed>, observation: &Observed) -> bool {
    let Some(seen) = seen else { return true };
    let same_livy =
        matches!((&seen.livy, &observation.livy), (LivyAnswer::Unreachable(_), LivyAnswer::Unreachable(_)))
            || seen.livy == observation.livy;
    !same_livy || seen.active != observation.active || seen.missing != observation.missing
}

#[cfg(test)]
mod tests;
