//! Whether YARN's lists can be believed when something is not in them.
//!
//! A ResourceManager can show each user only its own applications (`yarn.webapp.filter-entity-list-by-user`,
//! `yarn.acl.enable`). Such a list leaves out jobs that run, and so proves no absence, for any job.

use std::collections::HashSet;

/// The applications that YARN is known to hide; with none of them its lists can be believed.
#[derive(Debug, Default)]
pub(super) struct Hiding {
    /// Applications of ours that are active by id and were left out of lists, or that may not be seen.
    ids: HashSet<String>,
}

impl Hiding {
    /// An application of ours is hidden. Whether that is new.
    pub(super) fn note(&mut self, id: &str) -> bool {
        let first = self.ids.is_empty();
        self.ids.insert(id.to_owned());
        first
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
}
