//! What YARN's list shows of applications on their way, by tag.

use std::collections::HashMap;
use std::sync::Arc;

use super::{Application, MovingApplication, oldest_first};

/// What a sweep of YARN shows: the active applications of ours by tag.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Active(HashMap<Arc<str>, Tagged>);

/// The applications of a tag, and what changes of the oldest one, which is ours.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::job) struct Tagged {
    /// The oldest first; not empty.
    pub(in crate::job) applications: Arc<[Application]>,
    /// The batch's name, unless the job calls itself otherwise.
    pub(in crate::job) name: Arc<str>,
    /// In percent.
    pub(in crate::job) progress: f32,
    /// Memory in MiB times seconds that it has used so far.
    pub(in crate::job) memory_seconds: Option<u64>,
    /// Virtual cores times seconds that it has used so far.
    pub(in crate::job) vcore_seconds: Option<u64>,
}

impl Active {
    /// Adds an application of a tag. What is as the list `before` had it is kept once, for both and for whoever holds it
    /// since then: of ten thousand that run, only numbers change.
    pub fn add(&mut self, tag: &str, moving: MovingApplication, before: Option<&Active>) {
        let MovingApplication { name, progress, memory_seconds, vcore_seconds, application } = moving;
        let known = before.and_then(|before| before.0.get_key_value(tag));
        let Some(tagged) = self.0.get_mut(tag) else {
            let tag = known.map_or_else(|| tag.into(), |(tag, _)| Arc::clone(tag));
            let known = known.map(|(_, tagged)| tagged);
            let applications = shared(vec![application], known);
            let name = match known.filter(|known| *known.name == *name) {
                Some(known) => Arc::clone(&known.name),
                None => name.into(),
            };
            let tagged = Tagged { applications, name, progress, memory_seconds, vcore_seconds };
            self.0.insert(tag, tagged);
            return;
        };
        let mut all = tagged.applications.to_vec();
        let place = all.partition_point(|one| oldest_first(one, &application).is_le());
        if place == 0 {
            (tagged.name, tagged.progress) = (name.into(), progress);
            (tagged.memory_seconds, tagged.vcore_seconds) = (memory_seconds, vcore_seconds);
        }
        all.insert(place, application);
        tagged.applications = shared(all, known.map(|(_, tagged)| tagged));
    }

    /// All applications, in no order.
    pub fn applications(&self) -> impl Iterator<Item = &Application> {
        self.0.values().flat_map(|tagged| tagged.applications.iter())
    }

    pub(in crate::job) fn of(&self, tag: &str) -> Option<&Tagged> {
        self.0.get(tag)
    }

    /// The tags, in no order.
    pub fn tags(&self) -> impl Iterator<Item = &str> {
        self.each().map(|(tag, _)| tag)
    }

    pub(in crate::job) fn each(&self) -> impl Iterator<Item = (&str, &Tagged)> {
        self.0.iter().map(|(tag, tagged)| (&**tag, tagged))
    }
}

fn shared(applications: Vec<Application>, known: Option<&Tagged>) -> Arc<[Application]> {
    match known.filter(|known| *known.applications == *applications) {
        Some(known) => Arc::clone(&known.applications),
        None => applications.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::application::AppState;
    use crate::job::samples::application;
    use crate::job::timestamp::Timestamp;

    const TAG: &str = "sjw-a";

    fn moving(name: &str, id: &str, started: u64) -> MovingApplication {
        MovingApplication {
            name: name.to_owned(),
            progress: 10.0,
            memory_seconds: None,
            vcore_seconds: None,
            application: Application {
                started: Some(Timestamp(started)),
                ..application(id, AppState::Active)
            },
        }
    }

    fn list(all: &[(&str, &str, u64)], before: Option<&Active>) -> Active {
        let mut list = Active::default();
        for (name, id, started) in all {
            list.add(TAG, moving(name, id, *started), before);
        }
        list
    }

    #[test]
    fn the_name_of_a_tag_is_that_of_its_oldest_application_in_whichever_order_they_come() {
        let (first, second) = (("old", "application_1_0001", 5), ("new", "application_1_0002", 7));
        for all in [[first, second], [second, first]] {
            let list = list(&all, None);
            let tagged = list.of(TAG).unwrap();
            let ids: Vec<&str> = tagged.applications.iter().map(|one| one.id.as_str()).collect();
            assert_eq!((&*tagged.name, ids), ("old", vec!["application_1_0001", "application_1_0002"]));
        }
    }

    #[test]
    fn what_is_as_it_was_takes_no_room_of_its_own() {
        let both = [("old", "application_1_0001", 5), ("new", "application_1_0002", 7)];
        for all in [&both[..1], &both] {
            let before = list(all, None);
            let after = list(all, Some(&before));
            let (was, is) = (before.of(TAG).unwrap(), after.of(TAG).unwrap());
            assert!(Arc::ptr_eq(&was.applications, &is.applications) && Arc::ptr_eq(&was.name, &is.name));
            let key = |list: &Active| Arc::as_ptr(list.0.keys().next().unwrap());
            assert!(std::ptr::eq(key(&before), key(&after)));
            let changed = list(&[("old", "application_1_0001", 6)], Some(&before));
            assert!(!Arc::ptr_eq(&was.applications, &changed.of(TAG).unwrap().applications));
        }
    }
}
