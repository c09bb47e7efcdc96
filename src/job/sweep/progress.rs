//! What YARN's last sweep saw of applications on their way, by tag, and how far they are.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use crate::job::application::{Active, Application, MovingApplication};

/// How far an application is by YARN's word.
#[derive(Debug, Clone, PartialEq)]
pub struct Progress {
    /// The batch's name, unless the job calls itself otherwise.
    pub name: String,
    /// The tag that tells whose it is.
    pub tag: String,
    /// YARN's id.
    pub application: String,
    /// YARN's word for its state.
    pub word: String,
    /// Progress in percent as YARN says it; Spark stays at 10 until its end.
    pub percent: f32,
    /// Memory in MiB times seconds that it has used so far.
    pub memory_seconds: Option<u64>,
    /// Virtual cores times seconds that it has used so far.
    pub vcore_seconds: Option<u64>,
    /// Where it can be looked at.
    pub tracking_url: Option<String>,
    /// Where the log of its driver is.
    pub log_url: Option<String>,
}

/// The applications of a tag: the oldest first, which is ours.
#[derive(Clone)]
struct Tagged {
    applications: Arc<[Application]>,
    name: String,
    progress: f32,
    memory_seconds: Option<u64>,
    vcore_seconds: Option<u64>,
}

/// What a sweep saw.
pub(super) struct Seen {
    tags: HashMap<String, Tagged>,
    /// When it ended, since the process began.
    at: Duration,
}

impl Seen {
    /// What is as the sweep `before` saw it is kept once, for this sweep and for whoever holds it since then.
    pub(super) fn new(found: Active, at: Duration, before: Option<&Seen>) -> Seen {
        let known = |tag: &str| before.and_then(|before| before.active(tag));
        Seen { tags: found.into_iter().filter_map(|one| tagged(one, known)).collect(), at }
    }

    /// The ids of all that it shows.
    pub(super) fn ids(&self) -> HashSet<&str> {
        let all = self.tags.values().flat_map(|tagged| tagged.applications.iter());
        all.map(|application| application.id.as_str()).collect()
    }

    /// The active applications of a tag, if there are any.
    pub(super) fn active(&self, tag: &str) -> Option<Arc<[Application]>> {
        self.tags.get(tag).map(|tagged| Arc::clone(&tagged.applications))
    }

    /// Whether it is older than `age` at `now`, since the process began.
    pub(super) fn is_older_than(&self, age: Duration, now: Duration) -> bool {
        now.saturating_sub(self.at) > age
    }

    /// How far a tag's application is.
    pub(super) fn of(&self, tag: &str) -> Option<Progress> {
        progress(tag, self.tags.get(tag)?)
    }

    /// The first `most` by name among the tags that are `wanted`, and how many there are.
    pub(super) fn first(&self, most: usize, wanted: impl Fn(&str) -> bool) -> (Vec<Progress>, usize) {
        let mut found: Vec<(&String, &Tagged)> = self.tags.iter().filter(|(tag, _)| wanted(tag)).collect();
        let (count, by_name) =
            (found.len(), |(_, a): &(_, &Tagged), (_, b): &(_, &Tagged)| a.name.cmp(&b.name));
        if most < count {
            found.select_nth_unstable_by(most, by_name);
            found.truncate(most);
        }
        found.sort_by(by_name);
        (found.into_iter().filter_map(|(tag, tagged)| progress(tag, tagged)).collect(), count)
    }
}

fn progress(tag: &str, tagged: &Tagged) -> Option<Progress> {
    let application = tagged.applications.first()?;
    Some(Progress {
        name: tagged.name.clone(),
        tag: tag.to_owned(),
        application: application.id.clone(),
        word: application.word.clone(),
        percent: tagged.progress,
        memory_seconds: tagged.memory_seconds,
        vcore_seconds: tagged.vcore_seconds,
        tracking_url: application.tracking_url.clone(),
        log_url: application.log_url.clone(),
    })
}

/// What is kept of a tag's applications: the progress is the oldest one's, which is ours.
fn tagged(
    (tag, found): (String, Vec<MovingApplication>),
    known: impl Fn(&str) -> Option<Arc<[Application]>>,
) -> Option<(String, Tagged)> {
    let first = found.first()?;
    let (name, progress) = (first.name.clone(), first.progress);
    let (memory_seconds, vcore_seconds) = (first.memory_seconds, first.vcore_seconds);
    let is_known =
        |known: &Arc<[Application]>| known.iter().eq(found.iter().map(|moving| &moving.application));
    let applications = known(&tag)
        .filter(is_known)
        .unwrap_or_else(|| found.into_iter().map(|moving| moving.application).collect());
    Some((tag, Tagged { applications, name, progress, memory_seconds, vcore_seconds }))
}
