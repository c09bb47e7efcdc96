//! What a sweep of Livy heard. Pure.

use std::sync::Arc;

use crate::job::world::{BatchView, LivyAnswer, Observed};

/// What Livy said of those that it was asked for.
pub(super) struct LivySaid {
    /// By name.
    views: Vec<BatchView>,
    /// Of all others.
    absent: LivyAnswer,
}

impl LivySaid {
    pub(super) fn new(answer: Result<Vec<BatchView>, String>) -> LivySaid {
        match answer {
            Ok(mut views) => {
                // Livy lists by id.
                views.sort_unstable_by(|a, b| (&a.name, a.id).cmp(&(&b.name, b.id)));
                LivySaid { views, absent: LivyAnswer::Missing }
            }
            Err(reason) => LivySaid { views: Vec::new(), absent: LivyAnswer::Unreachable(reason) },
        }
    }

    /// What it says of a name. What a job has `seen` already takes no room once more.
    pub(super) fn of(&self, name: &str, seen: Option<&Observed>) -> LivyAnswer {
        // The last of several.
        let after = self.views.partition_point(|view| view.name.as_str() <= name);
        let view = after.checked_sub(1).and_then(|at| self.views.get(at)).filter(|view| view.name == name);
        match (view, seen.map(|seen| &seen.livy)) {
            (None, _) => self.absent.clone(),
            (Some(view), Some(LivyAnswer::Seen(seen))) if **seen == *view => {
                LivyAnswer::Seen(Arc::clone(seen))
            }
            (Some(view), _) => LivyAnswer::Seen(Arc::new(view.clone())),
        }
    }
}
