//! Who waits for which news, and whom an answer wakes. Pure: what a sweep hears goes in, who is to be told comes out.
//!
//! A job is told when what the sweeps see of its run differs from what it last heard; one that just runs costs no
//! wake-up. A run whose application is known is called missing by the first list of YARN that was asked for after that
//! and does not have it, whatever Livy says: such a list was made when the application was there to be listed.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use super::progress::Seen;
use crate::job::machine::Run;
use crate::job::world::{Active, Application, BatchView, Look, Sight};

/// The number of a sweep of YARN; a later one began later.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Serial(u64);

/// What a job waits for. `T` is how it is told.
pub(super) struct Watcher<T> {
    tag: String,
    application: Option<String>,
    /// The last sweep of YARN that had begun when the job came to know what it knows of its run.
    since: Serial,
    seen: Option<Sight>,
    tell: T,
}

/// All of them, and what YARN's last list had.
pub(super) struct Roll<T> {
    watchers: HashMap<String, Box<Watcher<T>>>,
    moved: Option<(Serial, Seen)>,
    begun: Serial,
    nothing: Arc<[Application]>,
}

impl<T> Default for Roll<T> {
    fn default() -> Self {
        Roll { watchers: HashMap::new(), moved: None, begun: Serial(0), nothing: Arc::new([]) }
    }
}

impl<T> Roll<T> {
    /// A job waits for news of its run.
    pub(super) fn enter(&mut self, run: &Run, since: Serial, seen: Option<Sight>, tell: T) {
        let (tag, application) = (run.tag.clone(), run.application.clone());
        self.watchers.insert(run.name.clone(), Box::new(Watcher { tag, application, since, seen, tell }));
    }

    /// It waits no longer.
    pub(super) fn leave(&mut self, name: &str) {
        self.watchers.remove(name);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.watchers.is_empty()
    }

    pub(super) fn names(&self) -> HashSet<String> {
        self.watchers.keys().cloned().collect()
    }

    /// Whether a job waits for news of this application.
    pub(super) fn follows(&self, application: &str) -> bool {
        self.watchers.values().any(|watcher| watcher.application.as_deref() == Some(application))
    }

    /// The sweep of YARN that began last.
    pub(super) fn begun(&self) -> Serial {
        self.begun
    }

    /// A sweep of YARN begins.
    pub(super) fn begin(&mut self) -> Serial {
        self.begun.0 += 1;
        self.begun
    }

    /// What YARN's last sweep saw; `None` where it got no answer, or was not made yet.
    pub(super) fn moved(&self) -> Option<&Seen> {
        self.moved.as_ref().map(|(_, seen)| seen)
    }

    /// Livy was asked for `names` and has these, or no answer. Who is to be told what.
    pub(super) fn livy(
        &mut self,
        names: &HashSet<String>,
        answer: Result<Vec<BatchView>, String>,
    ) -> Vec<(T, Sight)> {
        let absent = match &answer {
            Ok(_) => Look::Missing,
            Err(words) => Look::Unreachable(words.clone()),
        };
        let mut views: HashMap<String, Arc<BatchView>> = HashMap::new();
        for view in answer.unwrap_or_default() {
            views.insert(view.name.clone(), Arc::new(view));
        }
        let news = names.iter().filter_map(|name| {
            let watcher = self.watchers.get(name)?;
            let look = views.get(name).map_or_else(|| absent.clone(), |view| Look::Seen(Arc::clone(view)));
            self.news(name, watcher, look)
        });
        let news = news.collect();
        self.tell(news)
    }

    /// The sweep of YARN that began as `began` has these, or no answer. Who is to be told what.
    pub(super) fn yarn(&mut self, began: Serial, answer: Option<Active>, at: Duration) -> Vec<(T, Sight)> {
        self.moved = answer.map(|found| (began, Seen::new(found, at)));
        let news = self.watchers.iter().filter_map(|(name, watcher)| {
            let livy = match &watcher.seen {
                Some(seen) => seen.livy.clone(),
                // A Livy that hangs must not keep YARN's word from a job.
                None => Look::Unreachable("not asked yet".to_owned()),
            };
            self.news(name, watcher, livy)
        });
        let news = news.collect();
        self.tell(news)
    }

    /// What a watcher sees now, where that is news to it.
    fn news(&self, name: &str, watcher: &Watcher<T>, livy: Look) -> Option<(String, Sight)> {
        let sight = self.sight(watcher, livy);
        is_news(watcher.seen.as_ref(), &sight).then(|| (name.to_owned(), sight))
    }

    fn sight(&self, watcher: &Watcher<T>, livy: Look) -> Sight {
        let Some((began, seen)) = &self.moved else { return Sight { livy, active: None, missing: false } };
        let active = seen.active(&watcher.tag).unwrap_or_else(|| Arc::clone(&self.nothing));
        let listed = |id: &String| active.iter().any(|application| application.id == *id);
        let missing = *began > watcher.since && watcher.application.as_ref().is_some_and(|id| !listed(id));
        Sight { livy, active: Some(active), missing }
    }

    /// Takes out those who are to be told.
    fn tell(&mut self, news: Vec<(String, Sight)>) -> Vec<(T, Sight)> {
        let told = news.into_iter();
        told.filter_map(|(name, sight)| Some((self.watchers.remove(&name)?.tell, sight))).collect()
    }
}

/// Whether a job that heard `seen` is to be told `sight`. Only why a service is silent is not worth a word.
fn is_news(seen: Option<&Sight>, sight: &Sight) -> bool {
    let Some(seen) = seen else { return true };
    let same_livy = matches!((&seen.livy, &sight.livy), (Look::Unreachable(_), Look::Unreachable(_)))
        || seen.livy == sight.livy;
    !same_livy || seen.active != sight.active || seen.missing != sight.missing
}
