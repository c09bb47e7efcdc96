//! Which job waits for which news, and which ones an answer wakes. Pure: what a sweep hears goes in, the jobs to be told
//! come out.
//!
//! A job is told when what the sweeps see of its run differs from what it last heard; one that just runs costs no
//! wake-up. A run whose application is known is called missing by the first list of YARN that was asked for after that
//! and does not have it, whatever Livy says: such a list was made when the application was there to be listed.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use super::progress::Seen;
use crate::job::application::{Active, Application};
use crate::job::machine::Run;
use crate::job::world::{BatchView, LivyAnswer, Observed};

/// The number of a sweep of YARN; a later one began later.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct SweepNumber(u64);

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

    /// Livy was asked for `names` and has these, or no answer. Returns what each job is to be told.
    pub(super) fn livy(
        &mut self,
        names: &HashSet<String>,
        answer: Result<Vec<BatchView>, String>,
    ) -> Vec<(T, Observed)> {
        let absent = match &answer {
            Ok(_) => LivyAnswer::Missing,
            Err(reason) => LivyAnswer::Unreachable(reason.clone()),
        };
        let mut views: HashMap<String, Arc<BatchView>> = HashMap::new();
        for view in answer.unwrap_or_default() {
            views.insert(view.name.clone(), Arc::new(view));
        }
        // A job that came since was not asked for.
        let asked = self.watchers.iter().filter(|(name, _)| names.contains(*name));
        let news = asked.filter_map(|(name, watcher)| {
            let look =
                views.get(name).map_or_else(|| absent.clone(), |view| LivyAnswer::Seen(Arc::clone(view)));
            self.news(name, watcher, look)
        });
        let news = news.collect();
        self.tell(news)
    }

    /// The sweep of YARN that began as `began` has these, or no answer. Returns what each job is to be told.
    pub(super) fn yarn(
        &mut self,
        began: SweepNumber,
        answer: Option<Active>,
        at: Duration,
    ) -> Vec<(T, Observed)> {
        self.moved = answer.map(|found| (began, Arc::new(Seen::new(found, at))));
        let news = self.watchers.iter().filter_map(|(name, watcher)| {
            let livy = match &watcher.seen {
                Some(seen) => seen.livy.clone(),
                // A Livy that hangs must not keep YARN's word from a job.
                None => LivyAnswer::Unreachable("not asked yet".to_owned()),
            };
            self.news(name, watcher, livy)
        });
        let news = news.collect();
        self.tell(news)
    }

    /// What a watcher sees now, where that is news to it.
    fn news(&self, name: &str, watcher: &Watcher<T>, livy: LivyAnswer) -> Option<(String, Observed)> {
        let observation = self.observation(watcher, livy);
        is_news(watcher.seen.as_ref(), &observation).then(|| (name.to_owned(), observation))
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
mod tests {
    use super::*;
    use crate::job::application::{AppState, MovingApplication};
    use crate::job::samples::{application, view};
    use crate::job::world::BatchState;

    const ID: &str = "application_1_0001";

    fn run(application: Option<&str>) -> Run {
        Run { application: application.map(str::to_owned), ..Run::new("a".into(), "sjw-a".into()) }
    }

    fn list(ids: &[&str]) -> Option<Active> {
        let mut active = Active::default();
        for id in ids {
            let moving = MovingApplication {
                name: "a".into(),
                progress: 0.0,
                memory_seconds: None,
                vcore_seconds: None,
                application: application(id, AppState::Active),
            };
            active.add("sjw-a", moving, None);
        }
        Some(active)
    }

    fn livy(watchers: &mut Watchers<&'static str>, state: BatchState) -> Vec<(&'static str, Observed)> {
        let names = watchers.names();
        watchers.livy(&names, Ok(vec![view(state)]))
    }

    fn yarn(watchers: &mut Watchers<&'static str>, ids: &[&str]) -> Vec<(&'static str, Observed)> {
        let number = watchers.begin();
        watchers.yarn(number, list(ids), Duration::ZERO)
    }

    /// The one observation that is told.
    fn only(told: Vec<(&'static str, Observed)>) -> Observed {
        let mut told = told.into_iter();
        let (_, observation) = told.next().expect("somebody is told");
        assert!(told.next().is_none(), "nobody else is");
        observation
    }

    #[test]
    fn a_job_is_told_first_of_all_and_then_only_what_changes() {
        let mut watchers = Watchers::default();
        watchers.enter(&run(None), watchers.begun(), None, "job");
        let first = only(livy(&mut watchers, BatchState::Starting));
        assert_eq!((first.active.clone(), first.missing), (None, false));
        watchers.enter(&run(None), watchers.begun(), Some(first), "job");
        assert!(livy(&mut watchers, BatchState::Starting).is_empty());
        let second = only(yarn(&mut watchers, &[]));
        assert_eq!(second.active.as_deref(), Some(&[][..]), "YARN answers now");
        watchers.enter(&run(None), watchers.begun(), Some(second), "job");
        assert!(yarn(&mut watchers, &[]).is_empty());
        let third = only(livy(&mut watchers, BatchState::Running));
        assert!(matches!(&third.livy, LivyAnswer::Seen(view) if view.state == BatchState::Running));
    }

    #[test]
    fn an_application_is_missing_from_the_first_list_that_was_asked_for_after_it_was_known() {
        let mut watchers = Watchers::default();
        let early = watchers.begin();
        watchers.enter(&run(Some(ID)), watchers.begun(), None, "job");
        let first = only(watchers.yarn(early, list(&[]), Duration::ZERO));
        assert!(!first.missing, "that list was asked for before");
        watchers.enter(&run(Some(ID)), early, Some(first), "job");
        let second = only(yarn(&mut watchers, &[]));
        assert!(second.missing);
        watchers.enter(&run(Some(ID)), early, Some(second), "job");
        assert!(yarn(&mut watchers, &[]).is_empty(), "the same again is no news");
        assert!(!only(yarn(&mut watchers, &[ID])).missing);
    }

    #[test]
    fn a_run_without_an_id_is_never_missing() {
        let mut watchers = Watchers::default();
        watchers.enter(&run(None), watchers.begun(), None, "job");
        assert!(!only(yarn(&mut watchers, &[])).missing);
    }

    #[test]
    fn a_silent_yarn_shows_nothing_and_misses_nothing() {
        let mut watchers = Watchers::default();
        watchers.enter(&run(Some(ID)), watchers.begun(), None, "job");
        let number = watchers.begin();
        let observation = only(watchers.yarn(number, None, Duration::ZERO));
        assert_eq!((observation.active, observation.missing), (None, false));
    }

    #[test]
    fn why_livy_is_silent_is_not_worth_a_word_and_that_it_is_is() {
        let mut watchers = Watchers::default();
        watchers.enter(&run(None), watchers.begun(), None, "job");
        let names = watchers.names();
        let first = only(watchers.livy(&names, Err("refused".into())));
        watchers.enter(&run(None), watchers.begun(), Some(first), "job");
        assert!(watchers.livy(&names, Err("timed out".into())).is_empty());
        let second = only(watchers.livy(&names, Ok(Vec::new())));
        assert_eq!(second.livy, LivyAnswer::Missing);
    }

    #[test]
    fn a_job_that_registered_after_the_question_or_left_is_told_nothing_of_its_answer() {
        let mut watchers = Watchers::default();
        let before = watchers.names();
        watchers.enter(&run(None), watchers.begun(), None, "job");
        assert!(watchers.livy(&before, Ok(Vec::new())).is_empty(), "it was not asked about");
        assert!(!watchers.is_empty());
        watchers.leave("a");
        assert!(watchers.is_empty() && yarn(&mut watchers, &[]).is_empty());
    }

    #[test]
    fn sessions_are_asked_for_by_a_list_of_their_own() {
        let mut watchers = Watchers::default();
        let session = Run { name: "s".into(), ..run(None) }.at(crate::job::machine::Step::Opening);
        watchers.enter(&run(None), watchers.begun(), None, "job");
        watchers.enter(&session, watchers.begun(), None, "session");
        let only_one = |names: HashSet<String>| names.into_iter().collect::<Vec<_>>();
        assert_eq!(
            (only_one(watchers.names()), only_one(watchers.sessions())),
            (vec!["a".into()], vec!["s".into()])
        );
        let names = watchers.sessions();
        let told = watchers.livy(&names, Ok(Vec::new()));
        assert_eq!(told.len(), 1);
        assert_eq!((told[0].0, watchers.sessions().len(), watchers.names().len()), ("session", 0, 1));
        watchers.enter(&session, watchers.begun(), None, "session");
        watchers.leave("s");
        assert!(watchers.sessions().is_empty());
    }

    #[test]
    fn a_job_that_waits_for_an_application_follows_it() {
        let mut watchers = Watchers::default();
        watchers.enter(&run(Some(ID)), watchers.begun(), None, "job");
        assert!(watchers.follows(ID) && !watchers.follows("application_1_0002"));
    }
}
