//! How a step ended: Livy is listened to until it has an output for it, and then the interpreter is asked.
//!
//! What Livy says about the step itself is not looked at. The answer to the check alone counts.

use std::time::Duration;

use super::Now;
use super::ask::{Ask, AskStep, Observation, Terms};
use crate::job::evidence::AnsweredTime;
use crate::job::statements::check::{self, Checked};
use crate::job::statements::script::Turn;

/// From look to look at what has become of a session whose interpreter died.
const DEAD_PAUSE: Duration = Duration::from_secs(5);

/// What to do next.
#[derive(Debug, Clone, PartialEq)]
pub enum ListenStep {
    /// Ask Livy for the statement of this number.
    Look(u64),
    /// POST this turn.
    Post(Turn),
    /// Wait so long.
    Wait(Duration),
    /// It is known how the step ended.
    Ended {
        /// How.
        checked: Checked,
        /// The first number that the next turn can have.
        next: u64,
    },
    /// This session's answers cannot be trusted, for this reason.
    Broken(String),
}

/// How long the listener waits.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// For calls about statements, while the session is said to live.
    pub unanswered: Duration,
    /// For the end of an application whose interpreter died.
    pub dead: Duration,
}

/// One step on its way to its end.
#[derive(Debug)]
pub struct Listen<'a> {
    task: &'a str,
    step: usize,
    patience: Patience,
    turn: Turn,
    ask: Ask<'a>,
    /// What Livy shows as the error of what opens the session: it explains why the check has no answer.
    said: Option<String>,
    /// Since the interpreter is known to be dead: for how long its application has been seen to live on.
    dead: Option<AnsweredTime>,
}

impl<'a> Listen<'a> {
    /// Begins with `step`, which Livy has under `number`.
    pub fn new(task: &'a str, step: usize, number: u64, patience: Patience) -> Listen<'a> {
        let turn = Turn::Step(step);
        let ask = Ask::new(Terms { task, turn, patience: patience.unanswered }, number, true);
        Listen { task, step, patience, turn, ask, said: None, dead: None }
    }

    /// One more observation. `lives`: Livy answers about the session, and YARN calls its application active.
    pub fn see(&mut self, observation: Observation, lives: bool, now: Now) -> ListenStep {
        if let Some(dead) = &mut self.dead {
            return if lives && dead.add(now.elapsed) >= self.patience.dead {
                ListenStep::Broken("its interpreter died".to_owned())
            } else {
                ListenStep::Wait(DEAD_PAUSE)
            };
        }
        match self.ask.see(observation, lives, now) {
            AskStep::Look(number) | AskStep::Known(number) => ListenStep::Look(number),
            AskStep::Post => ListenStep::Post(self.turn),
            AskStep::Wait(pause) => ListenStep::Wait(pause),
            AskStep::Broken(reason) => ListenStep::Broken(reason),
            AskStep::Done { number, output } if self.turn == Turn::Step(self.step) => {
                if self.step == 0 && output["status"] == "error" {
                    self.said = Some(check::words(&output));
                }
                self.turn = Turn::Check(self.step);
                let (task, turn) = (self.task, self.turn);
                let terms = Terms { task, turn, patience: self.patience.unanswered };
                self.ask = Ask::new(terms, number + 1, false);
                ListenStep::Look(number + 1)
            }
            AskStep::Done { number, output } => match check::read(&output, self.task, self.step) {
                // Also the last that is heard of an application that was killed: YARN will say so.
                Checked::Died => {
                    self.dead = Some(AnsweredTime::new(DEAD_PAUSE));
                    ListenStep::Wait(DEAD_PAUSE)
                }
                Checked::Broken(reason) => ListenStep::Broken(self.said.take().unwrap_or(reason)),
                checked @ (Checked::Done { .. } | Checked::Failed { .. } | Checked::TooLarge { .. }) => {
                    ListenStep::Ended { checked, next: number + 1 }
                }
            },
        }
    }
}

#[cfg(test)]
mod tests;
