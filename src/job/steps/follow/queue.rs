//! A run that waits in YARN's queue: for how long it has, and when that is too long.
//!
//! The time counts in YARN's answers, so that an outage of YARN ends no wait. What an earlier process has counted is not
//! known: in its place stands the time since the job was submitted, by our own clock or by YARN's, whichever is later. A
//! clock that was set forward meanwhile must not end a wait by itself, so this process has to see it wait for a while,
//! too. Before anything is done YARN is asked about this application alone: only that answer tells whether it was ever
//! given a container, and what has run once can wait again (a second attempt, a ResourceManager that was restarted).

use std::time::Duration;

use super::super::Now;
use super::{ASK_AGAIN, Follow, FollowStep};
use crate::job::application::{Application, YarnAnswer};
use crate::job::machine::{Run, Step, Work};
use crate::job::timestamp::Timestamp;

/// For so long this process must have seen it wait, whatever the clocks say.
const SEEN: Duration = Duration::from_secs(60);

/// What is known of the wait of one run.
#[derive(Debug, Default)]
pub(super) struct Queue {
    /// The reading of the clock of YARN's answers when it was first seen to wait, and how long it had waited by then.
    since: Option<(Duration, Duration)>,
    /// When YARN was last asked whether it waits.
    asked: Option<Duration>,
    /// Whether it waits, by an answer about it alone that was not used yet.
    waits: Option<bool>,
}

impl Queue {
    /// YARN's answer about the run alone.
    pub(super) fn hear(&mut self, answer: &YarnAnswer) {
        self.waits = match answer {
            YarnAnswer::Answer(found) => found.first().map(Application::waits),
            YarnAnswer::Off | YarnAnswer::Unreachable(_) | YarnAnswer::Hidden(_) => None,
        };
    }
}

impl Follow {
    /// What its wait in YARN's queue leads to, while YARN's list shows the run; `None` where it does not wait, or may do so
    /// for ever.
    pub(super) fn of_queue(&mut self, now: Now) -> Option<FollowStep> {
        let timeout = self.terms.queue_timeout.filter(|_| is_before_its_work(&self.run))?;
        let (id, before) = match self.listed() {
            Some(listed) if listed.waits() => (listed.id.clone(), waited(&self.run, listed, now.wall)),
            Some(_) | None => {
                self.queue = Queue::default();
                return None;
            }
        };
        let (since, before) = *self.queue.since.get_or_insert((now.yarn, before));
        let seen = now.yarn.saturating_sub(since);
        let unseen = SEEN.min(timeout).saturating_sub(seen);
        let left = timeout.saturating_sub(before.saturating_add(seen)).max(unseen);
        if !left.is_zero() {
            // The clock of answers goes on from sweep to sweep.
            return Some(FollowStep::Wait(left + self.terms.interval));
        }
        if self.queue.waits.take() == Some(true) {
            return Some(FollowStep::Withdraw);
        }
        Some(match self.is_due(self.queue.asked, ASK_AGAIN, now) {
            true => {
                self.queue.asked = Some(now.elapsed);
                FollowStep::AskById(id)
            }
            // Nobody answers, or it was given a container after the list was made.
            false => FollowStep::Wait(ASK_AGAIN),
        })
    }

    /// The run's application as YARN's list shows it.
    fn listed(&self) -> Option<&Application> {
        let ours = self.run.application.as_deref()?;
        let active = self.observed.as_ref()?.active.as_deref()?;
        active.iter().find(|application| application.id == ours)
    }
}

/// A session that takes statements waits in no queue.
fn is_before_its_work(run: &Run) -> bool {
    matches!(run.work, Work::Batch | Work::Session(Step::Opening))
}

/// How long it has waited when it is first seen to.
fn waited(run: &Run, application: &Application, now: Timestamp) -> Duration {
    let since = run.submitted.max(application.started);
    since.map_or(Duration::ZERO, |since| Duration::from_millis(now.0.saturating_sub(since.0)))
}
