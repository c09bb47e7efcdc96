//! One turn in a session: it is posted until Livy has it, and looked at until it has an output.
//!
//! A POST has no key, and one that was given up can be applied much later. So numbers are only a hint of where to look,
//! and marks say what lies there: the answer is the first number, from where the last turn was, that carries this turn's
//! mark. That a turn lies there twice does no harm, because the interpreter refuses what is not next.

use std::time::Duration;

use serde_json::Value;

use super::Now;
use crate::job::evidence::AnsweredTime;
use crate::job::statements::script::{Marked, Turn};
use crate::job::world::{Heard, Said, StatementState, StatementView};

/// The first pause between two looks: a statement that computes nothing takes 10 to 30 ms.
const FIRST_PAUSE: Duration = Duration::from_millis(10);
/// The longest one.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// The longest one after calls without an answer: each can hold a thread of Livy's for as long as the driver is silent.
const LONGEST_SILENCE: Duration = Duration::from_secs(60);
/// Half of what is between two answers at most: such a pause, and two calls that are given up after 10 s.
const BETWEEN: Duration = Duration::from_secs(40);

/// What was observed.
#[derive(Debug)]
pub enum Observation {
    /// What Livy says to the question for the number that was to be looked at.
    Heard(Heard),
    /// What Livy says to the POST.
    Said(Said),
    /// Time has passed.
    Tick,
}

/// What to do next.
#[derive(Debug, Clone, PartialEq)]
pub enum AskStep {
    /// Ask Livy for the statement of this number.
    Look(u64),
    /// POST the turn.
    Post,
    /// Wait so long.
    Wait(Duration),
    /// Livy has the turn under this number. Told once.
    Known(u64),
    /// It has an output.
    Done {
        /// Its number.
        number: u64,
        /// Livy's output; null where somebody cancelled it.
        output: Value,
    },
    /// This session's answers cannot be trusted, for this reason.
    Broken(String),
}

/// How one turn is asked.
#[derive(Debug, Clone)]
pub struct Terms<'a> {
    /// Whose marks count.
    pub task: &'a str,
    /// What is said.
    pub turn: Turn,
    /// For how long calls about statements may stay unanswered while Livy and YARN say that the session lives.
    pub patience: Duration,
}

/// One turn on its way.
#[derive(Debug)]
pub struct Ask<'a> {
    terms: Terms<'a>,
    /// The number that is looked at.
    at: u64,
    /// What the POST was answered with, where numbers before it are still to be looked at.
    taken: Option<StatementView>,
    known: bool,
    pause: Duration,
    silent: AnsweredTime,
    /// What was said last where no answer came.
    reason: String,
}

impl<'a> Ask<'a> {
    /// Begins to look at `from`. `known`: Livy was seen to have the turn there.
    pub fn new(terms: Terms<'a>, from: u64, known: bool) -> Ask<'a> {
        Ask {
            terms,
            at: from,
            taken: None,
            known,
            pause: FIRST_PAUSE,
            silent: AnsweredTime::new(BETWEEN),
            reason: String::new(),
        }
    }

    /// One more observation. `lives`: Livy answers about the session, and YARN calls its application active.
    pub fn see(&mut self, observation: Observation, lives: bool, now: Now) -> AskStep {
        match observation {
            Observation::Tick => AskStep::Look(self.at),
            // The driver sets the output before the state, but copies the fields by name for Livy, with nothing that holds
            // them together: a copy made in between has the end without the output (`rsc.driver.Statement`).
            Observation::Heard(Heard::Statement(view))
                if view.state == StatementState::Available && view.output.is_null() =>
            {
                self.reason = "it has ended, and its output is not there".to_owned();
                self.unanswered(lives, now)
            }
            Observation::Heard(Heard::Statement(view)) => self.seen(view),
            Observation::Heard(Heard::Nothing) => match self.taken.take() {
                // What lay before it is forgotten: Livy keeps a hundred.
                Some(view) => self.found(view),
                None => AskStep::Post,
            },
            Observation::Said(Said::Taken(view)) => self.taken(view),
            Observation::Said(Said::NotNow(reason)) => {
                self.reason = reason;
                self.wait()
            }
            Observation::Said(Said::Unsure(reason)) | Observation::Heard(Heard::Silent(reason)) => {
                self.reason = reason;
                self.unanswered(lives, now)
            }
            // What has become of the session is for those to say who follow it.
            Observation::Said(Said::NoSession | Said::NotActive)
            | Observation::Heard(Heard::NoSession | Heard::NotActive) => self.wait(),
        }
    }

    fn seen(&mut self, view: StatementView) -> AskStep {
        self.silent.reset();
        match Marked::read(&view.mark, self.terms.task) {
            Marked::Own(turn) if turn == self.terms.turn => self.found(view),
            // A turn before this one, applied again.
            Marked::Own(turn) if turn.place() < self.terms.turn.place() && !self.known => {
                self.at = view.number + 1;
                match self.taken.take_if(|taken| taken.number == self.at) {
                    Some(taken) => self.found(taken),
                    None => AskStep::Look(self.at),
                }
            }
            Marked::Own(_) | Marked::Foreign => AskStep::Broken(format!(
                "statement {} is not one of this task's that could be there",
                view.number
            )),
        }
    }

    /// The turn is there.
    fn found(&mut self, view: StatementView) -> AskStep {
        self.at = view.number;
        if !self.known {
            // What is under this number is looked at again at once.
            (self.known, self.pause) = (true, FIRST_PAUSE);
            return AskStep::Known(view.number);
        }
        match view.state {
            StatementState::Under => self.wait(),
            // Whether a cancelled one ran, the check says.
            StatementState::Available | StatementState::Cancelled => {
                AskStep::Done { number: view.number, output: view.output }
            }
        }
    }

    fn taken(&mut self, view: StatementView) -> AskStep {
        self.silent.reset();
        if view.number == self.at {
            return self.seen(view);
        }
        if view.number < self.at {
            let text = "its statements are numbered anew: it is another session";
            return AskStep::Broken(text.to_owned());
        }
        self.taken = Some(view);
        AskStep::Look(self.at)
    }

    fn unanswered(&mut self, lives: bool, now: Now) -> AskStep {
        let patience = self.terms.patience;
        if !lives {
            // Nobody can say whether it would have answered until now.
            self.silent.skip();
        }
        let silent = if lives { self.silent.add(now.elapsed) } else { Duration::ZERO };
        if lives && silent >= patience {
            return AskStep::Broken(format!(
                "no answer about its statements for {} s, although it lives: {}",
                patience.as_secs(),
                self.reason
            ));
        }
        let pause = self.pause;
        self.pause = (pause * 2).min(LONGEST_SILENCE);
        // The last look comes when patience ends, and no later.
        AskStep::Wait(pause.min(patience.saturating_sub(silent)))
    }

    fn wait(&mut self) -> AskStep {
        let pause = self.pause.min(LONGEST_PAUSE);
        self.pause = pause * 3 / 2;
        AskStep::Wait(pause)
    }
}

#[cfg(test)]
mod tests;
