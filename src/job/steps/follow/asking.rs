//! When YARN is asked about one run, and when the run is looked at again without news.

use std::time::Duration;

use super::super::Now;
use super::{ASK_AGAIN, Follow, LONG};
use crate::job::verdict::{LivyView, YarnView};
use crate::job::world::Observed;

/// From question to question about a run whose id is unknown, while Livy is at work on it.
const ASK_BY_TAG: Duration = Duration::from_secs(60);

impl Follow {
    /// How often YARN is to be asked about this run; never where the sweeps say enough.
    pub(super) fn ask_again(&self, livy: LivyView, observed: &Observed) -> Option<Duration> {
        if !self.terms.has_yarn {
            return None;
        }
        let soon = self.terms.interval * 2;
        let says_nothing = matches!(livy, LivyView::Unreachable | LivyView::NotFound | LivyView::NotOurs);
        let has_ended = matches!(livy, LivyView::Success | LivyView::Dead | LivyView::Killed);
        match &self.run.application {
            Some(_) if observed.missing => Some(ASK_AGAIN),
            // YARN's list was not had: the one question may be answered all the same.
            Some(_) if observed.active.is_none() && (says_nothing || has_ended) => Some(ASK_AGAIN),
            // The next list will show it or not.
            Some(_) => None,
            None if has_ended => Some(soon),
            None if matches!(livy, LivyView::NotFound | LivyView::NotOurs) => Some(ASK_AGAIN.max(soon)),
            None => Some(ASK_BY_TAG),
        }
    }

    /// Whether the next question is due. One about a run that Livy is at work on begins with a pause.
    pub(super) fn is_asked_for(&self, again: Duration, livy: LivyView, now: Now) -> bool {
        let waits_first = self.run.application.is_none()
            && matches!(livy, LivyView::Live | LivyView::Unreachable)
            && !self.is_late(now);
        match self.asked {
            None if waits_first => now.elapsed.saturating_sub(self.pair_since.elapsed) >= again,
            None => true,
            // An answer from before the time was up does not say what is there now.
            Some(asked)
                if self.is_late(now) && asked.answered < self.began + self.terms.waits.start_timeout =>
            {
                true
            }
            Some(asked) => now.elapsed.saturating_sub(asked.elapsed) >= again,
        }
    }

    /// Whether a run without an application has had its time.
    fn is_late(&self, now: Now) -> bool {
        self.run.application.is_none()
            && now.answered.saturating_sub(self.began) >= self.terms.waits.start_timeout
    }

    /// When to look again without news.
    pub(super) fn next_look(
        &self,
        again: Option<Duration>,
        livy: LivyView,
        yarn: YarnView,
        now: Now,
    ) -> Duration {
        let soon = self.terms.interval * 2;
        let asked = self.asked.map_or(self.pair_since.elapsed, |asked| asked.elapsed);
        let next = again.map(|again| (asked + again).saturating_sub(now.elapsed).max(soon));
        let clock_runs = match (livy, yarn) {
            (LivyView::NotFound | LivyView::NotOurs, YarnView::Off) => Some(soon),
            (_, YarnView::NotFound) if self.run.application.is_none() && livy != LivyView::Live => Some(soon),
            _ => None,
        };
        let timeout = (self.run.application.is_none() && livy == LivyView::Live).then(|| {
            let passed = now.answered.saturating_sub(self.began);
            self.terms.waits.start_timeout.saturating_sub(passed) + soon
        });
        [next, clock_runs, timeout].into_iter().flatten().min().unwrap_or(LONG)
    }

    pub(super) fn is_due(&self, last: Option<Duration>, every: Duration, now: Now) -> bool {
        last.is_none_or(|last| now.elapsed.saturating_sub(last) >= every)
    }
}
