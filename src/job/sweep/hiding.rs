//! Whether YARN's lists can be believed when something is not in them.
//!
//! A ResourceManager can show each user only its own applications (`yarn.webapp.filter-entity-list-by-user`,
//! `yarn.acl.enable`). Such a list leaves out jobs that run, and so proves no absence, for any job.
//!
//! A restart must not forget it: what is known is kept in the state directory.

use std::collections::{BTreeSet, HashSet};

/// The applications that YARN is known to hide; with none of them its lists can be believed.
#[derive(Debug, Default)]
pub(super) struct Hiding {
    /// Applications of ours that are active by id and were left out of lists, or that may not be seen.
    ids: BTreeSet<String>,
    /// What is kept on disk is older.
    unsaved: bool,
}

impl Hiding {
    /// An application of ours is hidden. Whether that is new.
    pub(super) fn note(&mut self, id: &str) -> bool {
        let first = self.ids.is_empty();
        self.unsaved |= self.ids.insert(id.to_owned());
        first
    }

    /// Begins with what an earlier process has kept.
    pub(super) fn resume(&mut self, ids: Vec<String>) {
        self.ids.extend(ids);
    }

    /// What is to be kept, where that has changed since the last call; [`Hiding::not_saved`] says that it was not kept.
    pub(super) fn unsaved(&mut self) -> Option<Vec<String>> {
        std::mem::take(&mut self.unsaved).then(|| self.ids.iter().cloned().collect())
    }

    /// What was to be kept is still to be kept.
    pub(super) fn not_saved(&mut self) {
        self.unsaved = true;
    }

    /// Whether a list proves nothing.
    pub(super) fn is_on(&self) -> bool {
        !self.ids.is_empty()
    }

    /// A list has these. It hides no more once it shows one that was hidden; or, where no hidden one is `followed` any
    /// longer, any of ours. Whether that has just come about.
    pub(super) fn shown(&mut self, listed: &HashSet<&str>, followed: impl Fn(&str) -> bool) -> bool {
        if self.ids.is_empty() || listed.is_empty() {
            return false;
        }
        let one_is_back = self.ids.iter().any(|id| listed.contains(id.as_str()));
        let none_is_left = !self.ids.iter().any(|id| followed(id));
        if one_is_back || none_is_left {
            self.ids.clear();
            self.unsaved = true;
            return true;
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_hides_until_a_list_shows_what_was_hidden() {
        let mut hiding = Hiding::default();
        assert!(!hiding.is_on());
        assert!(hiding.note("a"));
        assert!(!hiding.note("a"), "only the first one is news");
        assert!(!hiding.shown(&HashSet::new(), |_| false), "an empty list shows nothing");
        assert!(!hiding.shown(&HashSet::from(["b"]), |id| id == "a"), "another user's can still be seen");
        assert!(hiding.is_on());
        assert!(hiding.shown(&HashSet::from(["a", "b"]), |_| true));
        assert!(!hiding.is_on());
    }

    #[test]
    fn once_nothing_hidden_is_followed_any_of_ours_in_a_list_is_enough() {
        let mut hiding = Hiding::default();
        hiding.note("a");
        assert!(hiding.shown(&HashSet::from(["b"]), |_| false));
        assert!(!hiding.is_on());
    }

    #[test]
    fn what_is_to_be_kept_is_said_once_for_each_change() {
        let mut hiding = Hiding::default();
        assert_eq!(hiding.unsaved(), None);
        hiding.note("b");
        hiding.note("a");
        assert_eq!(hiding.unsaved(), Some(vec!["a".to_owned(), "b".to_owned()]));
        assert_eq!(hiding.unsaved(), None);
        hiding.note("a");
        assert_eq!(hiding.unsaved(), None, "it is known already");
        hiding.not_saved();
        assert!(hiding.unsaved().is_some());

        let mut next = Hiding::default();
        next.resume(vec!["a".to_owned()]);
        assert!(next.is_on());
        assert_eq!(next.unsaved(), None, "it is on disk");
        assert!(next.shown(&HashSet::from(["a"]), |_| false));
        assert_eq!(next.unsaved(), Some(Vec::new()));
    }
}
