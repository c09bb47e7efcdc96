//! What YARN's last sweep saw of applications on their way, by tag, and how far they are.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use crate::job::application::{Active, Application, Tagged};

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

/// What a sweep saw.
pub(super) struct Seen {
    pub(super) active: Arc<Active>,
    /// When it ended, since the process began.
    at: Duration,
}

impl Seen {
    pub(super) fn new(active: Active, at: Duration) -> Seen {
        Seen { active: Arc::new(active), at }
    }

    /// The ids of all that it shows.
    pub(super) fn ids(&self) -> HashSet<&str> {
        self.active.applications().map(|application| application.id.as_str()).collect()
    }

    /// The active applications of a tag, if there are any.
    pub(super) fn of_tag(&self, tag: &str) -> Option<Arc<[Application]>> {
        self.active.of(tag).map(|tagged| Arc::clone(&tagged.applications))
    }

    /// Whether it is older than `age` at `now`, since the process began.
    pub(super) fn is_older_than(&self, age: Duration, now: Duration) -> bool {
        now.saturating_sub(self.at) > age
    }

    /// How far a tag's application is.
    pub(super) fn of(&self, tag: &str) -> Option<Progress> {
        progress(tag, self.active.of(tag)?)
    }

    /// The first `most` by name among the tags that are `wanted`, and how many there are.
    pub(super) fn first(&self, most: usize, wanted: impl Fn(&str) -> bool) -> (Vec<Progress>, usize) {
        let mut found: Vec<(&str, &Tagged)> = self.active.each().filter(|(tag, _)| wanted(tag)).collect();
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
        name: tagged.name.to_string(),
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
