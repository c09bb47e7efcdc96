//! What is different where the run is a session: it is on its way until Livy says that it takes statements, and it is
//! over once Livy has lost it, whatever YARN says.

use super::super::Now;
use super::{Follow, FollowStep};
use crate::job::application::YarnAnswer;
use crate::job::machine::Step;
use crate::job::report::ErrorName;
use crate::job::verdict::{LivyView, Verdict, YarnView, yarn_view};
use crate::job::world::{BatchState, LivyAnswer};

impl Follow {
    /// Livy answers about the session, and YARN calls its application active.
    pub fn lives(&self) -> bool {
        let Some(observed) = &self.observed else { return false };
        let known = self.run.application.as_deref();
        let active = observed.active.as_deref().unwrap_or_default();
        let is_listed = active.iter().any(|one| known == Some(one.id.as_str()));
        let is_active = match &self.answer {
            _ if !self.terms.has_yarn || is_listed => true,
            // Lists can leave out what is there: who asked by the id knows better. Where nothing may be seen of it, Livy's
            // word is all there is.
            Some(YarnAnswer::Hidden(_)) => true,
            Some(answer) => yarn_view(answer).0 == YarnView::Active,
            None => false,
        };
        is_active && matches!(observed.livy, LivyAnswer::Seen(_))
    }

    /// Whether statements can be said to it from now on.
    pub(super) fn has_opened(&self, livy: LivyView) -> bool {
        let Some(LivyAnswer::Seen(view)) = self.observed.as_ref().map(|observed| &observed.livy) else {
            return false;
        };
        self.is_opening() && livy == LivyView::Live && view.state == BatchState::Ready
    }

    /// A session that takes too long to come, that Livy has lost although YARN may have it, or that Livy keeps although
    /// YARN does not have it: nothing comes of it any more. `None` for a batch, and for a session that may be followed
    /// without a look.
    pub(super) fn of_session(&mut self, livy: LivyView, yarn: YarnView, now: Now) -> Option<FollowStep> {
        let waits = self.terms.waits;
        if !self.run.is_session() {
            return None;
        }
        let known = self.known(livy, yarn, now);
        let error = if self.run.is_unbegun_session() { ErrorName::SessionFailed } else { ErrorName::Lost };
        let passed = now.answered.saturating_sub(self.began);
        let is_late = self.is_opening() && passed >= waits.start_timeout;
        let is_lost = match livy {
            LivyView::NotFound | LivyView::NotOurs | LivyView::Dead | LivyView::Killed => true,
            // A batch ends with its spark-submit; a session that Livy has recovered stays as it is for ever.
            LivyView::Live => yarn == YarnView::NotFound && known.has_application && !known.hides,
            LivyView::Success | LivyView::Unreachable => false,
        };
        if is_late || (is_lost && known.unchanged_for >= waits.lost_after) {
            return Some(FollowStep::End(Verdict::Open(error)));
        }
        let soon = self.terms.interval * 2;
        let left = waits.start_timeout.saturating_sub(passed) + soon;
        if is_lost {
            return Some(FollowStep::Wait(soon));
        }
        self.is_opening().then_some(FollowStep::Wait(left))
    }

    fn is_opening(&self) -> bool {
        self.run.step() == Some(Step::Opening)
    }
}
