//! Following a run: both views of it, whom to ask when, and what they come to.
//!
//! The shared sweeps tell what changes. YARN is asked about this one run where they do not say enough: by id, where a
//! list that was made after the id was known does not have it, whatever Livy says; by tag, while the id is unknown and
//! Livy's word has ended, or now and then. Timeouts are counted in answers, never in time without an answer.

mod asking;
mod queue;
mod seen;
mod session;

use std::time::Duration;

use super::Now;
use crate::job::application::{AppState, Application, YarnAnswer};
use crate::job::machine::{FinalWord, Run};
use crate::job::verdict::{
    Circumstances, LivyView, Verdict, VerdictTimeouts, YarnView, judge, livy_view, yarn_view,
};
use crate::job::world::Observed;
use queue::Queue;

/// From question to question about a run that YARN's list does not have, or of which Livy says nothing.
const ASK_AGAIN: Duration = Duration::from_secs(10);
/// The longest wait without a reason to look again.
const LONG: Duration = Duration::from_secs(24 * 3_600);
/// What Livy's log says where it stopped looking for an application that may still appear (`SparkYarnApp`).
const GAVE_UP: &str = "No YARN application is found with tag";
/// The heading of the part of Livy's log that only jobs on YARN have (`SparkYarnApp`).
const ON_YARN: &str = "YARN Diagnostics:";

/// What was observed.
#[derive(Debug)]
pub enum Observation {
    /// The sweeps have news.
    Observed(Observed),
    /// YARN's answer to a question about this run.
    Answer(YarnAnswer),
    /// The batch's log in Livy, as far as it could be had.
    LivyLog(Vec<String>),
    /// Time has passed, or what was to be done was done.
    Tick,
}

/// What to do next.
#[derive(Debug, PartialEq)]
pub enum FollowStep {
    /// Wait for news of the sweeps, so long at most.
    Wait(Duration),
    /// Ask YARN for this application.
    AskById(String),
    /// Ask YARN for the applications with the run's tag.
    AskByTag,
    /// Read the batch's log in Livy.
    ReadLog,
    /// Kill these: a tag has one application.
    Kill(Vec<String>),
    /// YARN does not show this application in its lists, or not at all, for the reason in words.
    Hide(String, String),
    /// More is known of the run.
    Learn(Run),
    /// It has waited in YARN's queue for too long.
    Withdraw,
    /// The session takes statements.
    Open,
    /// Livy runs it on behalf of somebody else than it was to.
    Refuse(Option<String>),
    /// YARN's final word.
    Judge(Run, Box<FinalWord>),
    /// Livy's word, or nobody's, ends it.
    End(Verdict),
}

/// What stays the same while a run is followed.
#[derive(Debug, Clone, Copy)]
pub struct Terms {
    /// From look to look.
    pub interval: Duration,
    /// The waits of a verdict.
    pub waits: VerdictTimeouts,
    /// There is a YARN to ask.
    pub has_yarn: bool,
    /// How long the run may wait in YARN's queue; none: for ever.
    pub queue_timeout: Option<Duration>,
}

/// What Livy's log told.
#[derive(Debug, Clone, Copy, Default)]
struct LogSays {
    on_yarn: bool,
    gave_up_looking: bool,
}

/// One run on its way.
#[derive(Debug)]
pub struct Follow {
    run: Run,
    terms: Terms,
    /// The reading of the answered clock when the following began.
    began: Duration,
    observed: Option<Observed>,
    /// YARN's last answer about this run, while it still says something about what the sweeps see.
    answer: Option<YarnAnswer>,
    asked: Option<Now>,
    pair: Option<(LivyView, YarnView)>,
    pair_since: Now,
    log: Option<LogSays>,
    left_out: u8,
    doubles_at: Option<Duration>,
    /// More than one application with the run's tag was seen.
    doubled: bool,
    hides: bool,
    queue: Queue,
}

impl Follow {
    /// Begins to follow. `doubled`: more than one application with the run's tag was seen before.
    pub fn new(run: Run, terms: Terms, doubled: bool, now: Now) -> Follow {
        Follow {
            run,
            terms,
            began: now.answered,
            observed: None,
            answer: None,
            asked: None,
            pair: None,
            pair_since: now,
            log: None,
            left_out: 0,
            doubles_at: None,
            doubled,
            hides: false,
            queue: Queue::default(),
        }
    }

    /// What the sweeps last saw.
    pub fn observed(&self) -> Option<&Observed> {
        self.observed.as_ref()
    }

    /// Both views of the run, as far as they are known.
    pub fn views(&self) -> Option<(LivyView, YarnView)> {
        let livy = livy_view(&self.run, &self.observed.as_ref()?.livy);
        let yarn = match &self.answer {
            _ if !self.terms.has_yarn => YarnView::Off,
            Some(answer) => yarn_view(answer).0,
            None if self.observed.as_ref()?.active.is_none() => YarnView::Unreachable,
            // Not asked yet.
            None => return None,
        };
        Some((livy, yarn))
    }

    /// One more observation. `hides`: YARN's lists prove no absence.
    pub fn see(&mut self, observation: Observation, hides: bool, now: Now) -> FollowStep {
        self.hides = hides;
        let step = match observation {
            Observation::Observed(observed) => self.see_observed(observed),
            Observation::Answer(yarn) => {
                self.queue.hear(&yarn);
                self.see_answer(yarn)
            }
            Observation::LivyLog(lines) => {
                self.log = Some(LogSays {
                    on_yarn: lines.iter().any(|line| line.trim() == ON_YARN),
                    gave_up_looking: lines.iter().any(|line| line.contains(GAVE_UP)),
                });
                None
            }
            Observation::Tick => None,
        };
        step.unwrap_or_else(|| self.decide(now))
    }

    fn decide(&mut self, now: Now) -> FollowStep {
        let Some(observed) = &self.observed else { return FollowStep::Wait(LONG) };
        let livy = livy_view(&self.run, &observed.livy);
        let active = observed.active.as_deref().unwrap_or_default();
        let ours = self.run.application.as_deref();
        let is_listed = ours.is_some_and(|id| active.iter().any(|application| application.id == id));
        let doubles = if ours.is_some() { others(active, ours) } else { Vec::new() };
        if !doubles.is_empty() && self.is_due(self.doubles_at, ASK_AGAIN, now) {
            (self.doubles_at, self.doubled) = (Some(now.elapsed), true);
            return FollowStep::Kill(doubles);
        }
        if self.has_opened(livy) {
            return FollowStep::Open;
        }
        if is_listed {
            (self.answer, self.left_out) = (None, 0);
            // Livy may still say that it runs it for somebody else, or YARN that it is gone.
            let usual = FollowStep::Wait(if doubles.is_empty() { LONG } else { ASK_AGAIN });
            let of_session = self.of_session(livy, YarnView::Active, now);
            return of_session.unwrap_or(usual).unless(self.of_queue(now));
        }
        let again = self.ask_again(livy, observed);
        if let Some(again) = again
            && self.is_asked_for(again, livy, now)
        {
            self.asked = Some(now);
            return ours.map_or(FollowStep::AskByTag, |id| FollowStep::AskById(id.to_owned()));
        }
        // YARN not asked yet: there is nothing to judge.
        let Some((_, yarn)) = self.views() else { return FollowStep::Wait(again.unwrap_or(LONG)) };
        if matches!(livy, LivyView::Dead | LivyView::Killed)
            && matches!(yarn, YarnView::NotFound | YarnView::Off)
            && self.log.is_none()
        {
            return FollowStep::ReadLog;
        }
        match judge(livy, yarn, self.known(livy, yarn, now), self.terms.waits) {
            Verdict::Running => {
                let next = self.next_look(again, livy, yarn, now);
                match self.of_session(livy, yarn, now) {
                    Some(FollowStep::Wait(pause)) => FollowStep::Wait(pause.min(next)),
                    of_session => of_session.unwrap_or(FollowStep::Wait(next)),
                }
            }
            verdict @ (Verdict::Succeeded(_) | Verdict::Failed(..) | Verdict::Open(_)) => {
                FollowStep::End(verdict)
            }
        }
    }

    fn known(&mut self, livy: LivyView, yarn: YarnView, now: Now) -> Circumstances {
        if self.pair != Some((livy, yarn)) {
            (self.pair, self.pair_since) = (Some((livy, yarn)), now);
        }
        let log = self.log.unwrap_or_default();
        let has_application = self.run.application.is_some();
        let without = now.answered.saturating_sub(self.began);
        Circumstances {
            unchanged_for: now.answered.saturating_sub(self.pair_since.answered),
            silent_for: now.elapsed.saturating_sub(self.pair_since.elapsed),
            without_application_for: if has_application { Duration::ZERO } else { without },
            has_application,
            on_yarn: log.on_yarn,
            gave_up_looking: log.gave_up_looking,
            hides: self.hides,
        }
    }

    fn known_as(&self, id: &str) -> Run {
        Run { application: Some(id.to_owned()), ..self.run.clone() }
    }
}

impl FollowStep {
    /// The sooner of two waits; what is to be done goes before a wait, and this step before the other.
    fn unless(self, other: Option<FollowStep>) -> FollowStep {
        match (self, other) {
            (FollowStep::Wait(pause), Some(FollowStep::Wait(other))) => FollowStep::Wait(pause.min(other)),
            (FollowStep::Wait(_), Some(other)) => other,
            (step, _) => step,
        }
    }
}

/// The active ones that are not `ours`.
pub fn others(found: &[Application], ours: Option<&str>) -> Vec<String> {
    let active = found.iter().filter(|application| application.state == AppState::Active);
    let others = active.filter(|application| Some(application.id.as_str()) != ours);
    others.map(|application| application.id.clone()).collect()
}

impl FinalWord {
    /// The last word that an application's state is; none while it is active. `doubled`: it was not the only one.
    pub fn of(application: Application, doubled: bool) -> Option<FinalWord> {
        let AppState::Ended(end) = application.state else { return None };
        Some(FinalWord {
            end,
            doubled,
            diagnostics: application.diagnostics,
            started: application.started,
            launched: application.launched,
            finished: application.finished,
            memory_seconds: application.memory_seconds,
            vcore_seconds: application.vcore_seconds,
            tracking_url: application.tracking_url,
            log_url: application.log_url,
        })
    }
}

#[cfg(test)]
mod tests;
