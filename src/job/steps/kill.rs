//! When a kill counts, and what is still to be killed.

use std::time::Duration;

use super::Now;
use crate::job::application::{AppState, YarnAnswer};
use crate::job::evidence::{AnsweredTime, is_final};
use crate::job::machine::{Run, Step};
use crate::job::world::{LivyAnswer, TagOnNode};

/// What one round of looks saw of a run that must not live on.
#[derive(Debug)]
pub struct KillRound {
    /// Livy's record of the name.
    pub livy: LivyAnswer,
    /// YARN's application of the run's id; none where the id is not known.
    pub by_id: Option<YarnAnswer>,
    /// YARN's applications with the tag.
    pub by_tag: YarnAnswer,
    /// Whether a process of this node carries the tag.
    pub carried: TagOnNode,
    /// YARN's lists prove no absence.
    pub hides: bool,
}

impl KillRound {
    /// The ids of all that YARN calls active: they are to be killed.
    pub fn active(&self) -> Vec<String> {
        let answers = self.by_id.iter().chain([&self.by_tag]).filter_map(|yarn| match yarn {
            YarnAnswer::Answer(found) => Some(found),
            YarnAnswer::Off | YarnAnswer::Unreachable(_) | YarnAnswer::Hidden(_) => None,
        });
        let active = answers.flatten().filter(|application| application.state == AppState::Active);
        let mut ids: Vec<String> = active.map(|application| application.id.clone()).collect();
        ids.sort();
        ids.dedup();
        ids
    }

    /// The id of a run whose id is not known yet: YARN's oldest with the tag, or what Livy's record has.
    pub fn learned(&self, run: &Run) -> Option<String> {
        // Without YARN a known id is not asked for, and is no news.
        if run.application.is_some() {
            return None;
        }
        let by_tag = match &self.by_tag {
            YarnAnswer::Answer(found) => found.first().map(|application| application.id.clone()),
            YarnAnswer::Off | YarnAnswer::Unreachable(_) | YarnAnswer::Hidden(_) => None,
        };
        by_tag.or_else(|| match &self.livy {
            LivyAnswer::Seen(view) => view.application.clone(),
            LivyAnswer::Missing | LivyAnswer::Unreachable(_) => None,
        })
    }
}

/// For how long a session that has done its work is left to end by itself, once Livy was told to end it: YARN then calls
/// it a success.
const GRACE: Duration = Duration::from_secs(15);

/// From when on YARN is told to kill what is active.
#[derive(Debug, Clone, Copy)]
pub struct Grace(Option<Duration>);

impl Grace {
    /// Begins with the kill of `run`. Only a session whose statements were all confirmed is given any time.
    pub fn new(run: &Run, now: Now) -> Grace {
        Grace((run.step() == Some(Step::Done)).then(|| now.elapsed + GRACE))
    }

    /// Whether it is over.
    pub fn is_over(self, now: Now) -> bool {
        self.0.is_none_or(|end| now.elapsed >= end)
    }
}

/// How dead a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KillStatus {
    /// It lives, may appear, or nobody answers.
    Unproved,
    /// YARN says so.
    Verified,
    /// Livy says so, and there is no YARN to ask.
    ByLivysWord,
}

/// What the looks after a kill add up to.
#[derive(Debug)]
pub struct KillCheck {
    kill_settle: Duration,
    lost_after: Duration,
    absent: AnsweredTime,
    /// Nothing more of the run was seen, by looks that alone do not prove it.
    quiet: AnsweredTime,
}

impl KillCheck {
    /// Begins; looks are made every `interval`.
    pub fn new(interval: Duration, kill_settle: Duration, lost_after: Duration) -> KillCheck {
        KillCheck {
            kill_settle,
            lost_after,
            absent: AnsweredTime::new(interval),
            quiet: AnsweredTime::new(interval),
        }
    }

    /// One more round of looks.
    pub fn see(&mut self, round: &KillRound, now: Now) -> KillStatus {
        let proved = match &round.by_id {
            _ if round.by_tag == YarnAnswer::Off => return self.by_livys_word(&round.livy, now),
            Some(by_id) => self.ended_by_id(by_id, now) && self.nothing_else(round, now),
            None => self.stayed_away(round, now),
        };
        if proved { KillStatus::Verified } else { KillStatus::Unproved }
    }

    /// YARN says that the application has ended, or for long that there is no such one.
    fn ended_by_id(&mut self, by_id: &YarnAnswer, now: Now) -> bool {
        match by_id {
            YarnAnswer::Off | YarnAnswer::Unreachable(_) | YarnAnswer::Hidden(_) => false,
            YarnAnswer::Answer(found) if found.is_empty() => self.absent.add(now.elapsed) >= self.kill_settle,
            YarnAnswer::Answer(found) => {
                self.absent.reset();
                found.iter().all(|application| application.state != AppState::Active)
            }
        }
    }

    /// Nothing of the run was seen for longer than Livy needs to still start it.
    fn stayed_away(&mut self, round: &KillRound, now: Now) -> bool {
        let YarnAnswer::Answer(found) = &round.by_tag else { return false };
        let can_come = match (&round.livy, round.carried) {
            (LivyAnswer::Seen(view), _) => !is_final(&view.state),
            (LivyAnswer::Missing | LivyAnswer::Unreachable(_), carried) => carried == TagOnNode::Yes,
        };
        if !found.is_empty() || can_come || round.carried == TagOnNode::Yes {
            self.absent.reset();
            return false;
        }
        // A list that hides, a Livy that does not answer and a `/proc` that cannot be read prove nothing.
        if round.hides
            || matches!(round.livy, LivyAnswer::Unreachable(_))
            || round.carried == TagOnNode::Unknown
        {
            return false;
        }
        self.absent.add(now.elapsed) >= self.kill_settle
    }

    /// Nothing else with the tag lives or can still be submitted. If YARN hides applications, only those that it shows
    /// count. Where `/proc` cannot be read, or Livy's record is of something else, that must stay so for as long as Livy
    /// needs to start it. A record with a log and no application is of a spark-submit that has run: its process is looked
    /// for, and a DELETE that blocks keeps the record for minutes.
    fn nothing_else(&mut self, round: &KillRound, now: Now) -> bool {
        let is_alone = match &round.by_tag {
            YarnAnswer::Answer(found) => {
                found.iter().all(|application| application.state != AppState::Active)
            }
            YarnAnswer::Unreachable(_) | YarnAnswer::Hidden(_) => round.hides,
            YarnAnswer::Off => false,
        };
        if !is_alone || round.carried == TagOnNode::Yes {
            self.quiet.reset();
            return false;
        }
        let starts = match (&round.livy, &round.by_id) {
            (LivyAnswer::Seen(view), Some(YarnAnswer::Answer(ours))) => {
                let is_ours = |id: &String| ours.iter().any(|application| application.id == *id);
                let is_other = view.application.as_ref().map_or(view.log_is_empty, |id| !is_ours(id));
                !is_final(&view.state) && is_other
            }
            (LivyAnswer::Seen(_) | LivyAnswer::Missing | LivyAnswer::Unreachable(_), _) => false,
        };
        let is_sure = round.carried == TagOnNode::No && !starts;
        is_sure || self.quiet.add(now.elapsed) >= self.kill_settle
    }

    fn by_livys_word(&mut self, livy: &LivyAnswer, now: Now) -> KillStatus {
        match livy {
            LivyAnswer::Unreachable(_) => KillStatus::Unproved,
            LivyAnswer::Missing if self.absent.add(now.elapsed) >= self.lost_after => KillStatus::ByLivysWord,
            LivyAnswer::Missing => KillStatus::Unproved,
            LivyAnswer::Seen(view) => {
                self.absent.reset();
                if is_final(&view.state) { KillStatus::ByLivysWord } else { KillStatus::Unproved }
            }
        }
    }
}

#[cfg(test)]
mod tests;
