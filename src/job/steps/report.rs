//! What comes after each answer of Step Functions to a report.

use std::time::Duration;

use crate::job::world::Reported;
use crate::retry::{self, Pauses};

/// From a first "closed" to the try that confirms it.
pub const CONFIRM: Duration = Duration::from_secs(1);
/// From try to try of a report that no fall-back could save.
pub const HOPELESS: Duration = Duration::from_secs(60);

/// What to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReportStep {
    /// Send the same answer again after this long.
    Again(Duration),
    /// Step Functions did not take this answer, for the reason in words: send the next shorter one.
    Shorter(String),
    /// No answer is left that it may take, for the reason in words: stop beating, and try again after this long.
    GiveUp(String, Duration),
    /// It has the outcome, or nobody waits for it.
    Done,
}

/// The tries of one outcome.
#[derive(Debug)]
pub struct Tries {
    waits: Pauses,
    left: usize,
    /// An earlier try may have been taken.
    maybe_applied: bool,
    /// Then "closed" can be its echo: who was told once takes nothing more.
    echoes: bool,
    closed_before: bool,
    /// "Closed" was believed.
    denied: bool,
}

impl Tries {
    /// Begins, with so many answers, best first.
    pub fn new(answers: usize) -> Tries {
        Tries {
            waits: retry::REPORT.start(),
            left: answers.saturating_sub(1),
            maybe_applied: false,
            echoes: true,
            closed_before: false,
            denied: false,
        }
    }

    /// Begins with a document, whose place takes the same one again: that it is refused never comes of an earlier try.
    pub fn of_document() -> Tries {
        Tries { echoes: false, ..Tries::new(1) }
    }

    /// Whether it was refused from the first try on: no earlier one may have been taken.
    pub fn was_never_heard(&self) -> bool {
        self.denied && !self.maybe_applied
    }

    /// What an answer means. `dice` from 0 to 1.
    pub fn see(&mut self, reported: Reported, dice: f64) -> ReportStep {
        match reported {
            Reported::Acknowledged => ReportStep::Done,
            // "Closed" is believed where an earlier try may have succeeded, or the second time: an emulator that
            // restarts, and a token that is not yet known everywhere, say it once by mistake.
            Reported::Closed(_) if (self.maybe_applied && self.echoes) || self.closed_before => {
                self.denied = true;
                ReportStep::Done
            }
            Reported::Closed(_) => {
                self.closed_before = true;
                ReportStep::Again(CONFIRM)
            }
            Reported::Refused(reason) if self.left > 0 => {
                self.closed_before = false;
                self.left -= 1;
                ReportStep::Shorter(reason)
            }
            Reported::Refused(reason) => {
                self.closed_before = false;
                self.waits = retry::REPORT.start();
                ReportStep::GiveUp(reason, HOPELESS)
            }
            // Also where the report is hopeless: the answer can be that the token is dead, and then the run is to be
            // killed.
            Reported::Again { maybe_applied, .. } => {
                self.maybe_applied |= maybe_applied;
                ReportStep::Again(self.waits.next(dice))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn again(maybe_applied: bool) -> Reported {
        Reported::Again { reason: "busy".to_owned(), maybe_applied }
    }

    fn closed() -> Reported {
        Reported::Closed("TaskTimedOut".to_owned())
    }

    fn refused() -> Reported {
        Reported::Refused("ValidationException".to_owned())
    }

    fn is_again(step: &ReportStep) -> bool {
        matches!(step, ReportStep::Again(_))
    }

    #[test]
    fn closed_is_believed_the_second_time() {
        let mut tries = Tries::new(3);
        assert_eq!(tries.see(closed(), 0.5), ReportStep::Again(CONFIRM));
        assert_eq!(tries.see(closed(), 0.5), ReportStep::Done);
    }

    #[test]
    fn closed_is_believed_at_once_where_an_earlier_try_may_have_been_taken() {
        let mut tries = Tries::new(3);
        assert!(is_again(&tries.see(again(true), 0.5)));
        assert_eq!(tries.see(closed(), 0.5), ReportStep::Done);
    }

    #[test]
    fn a_document_is_refused_for_good_only_the_second_time_also_where_an_earlier_try_may_have_been_taken() {
        let mut tries = Tries::of_document();
        assert!(is_again(&tries.see(again(true), 0.5)));
        assert_eq!(tries.see(closed(), 0.5), ReportStep::Again(CONFIRM));
        assert_eq!(tries.see(closed(), 0.5), ReportStep::Done);
        assert!(!tries.was_never_heard());
    }

    #[test]
    fn a_throttled_try_was_not_taken() {
        let mut tries = Tries::new(3);
        assert!(is_again(&tries.see(again(false), 0.5)));
        assert_eq!(tries.see(closed(), 0.5), ReportStep::Again(CONFIRM));
        assert!(is_again(&tries.see(again(false), 0.5)), "no answer in between changes nothing");
        assert_eq!(tries.see(closed(), 0.5), ReportStep::Done);
    }

    #[test]
    fn a_refused_report_becomes_shorter_until_nothing_is_left_and_then_goes_on_once_a_minute() {
        let mut tries = Tries::new(2);
        let given_up = ReportStep::GiveUp("ValidationException".to_owned(), HOPELESS);
        assert_eq!(tries.see(refused(), 0.5), ReportStep::Shorter("ValidationException".to_owned()));
        assert_eq!(tries.see(refused(), 0.5), given_up);
        assert_eq!(tries.see(refused(), 0.5), given_up);
        assert_eq!(tries.see(Reported::Acknowledged, 0.5), ReportStep::Done);
    }

    #[test]
    fn a_lost_try_of_a_hopeless_report_is_repeated_soon_so_that_a_dead_token_is_heard_of() {
        let mut tries = Tries::new(1);
        assert!(matches!(tries.see(refused(), 1.0), ReportStep::GiveUp(..)));
        assert_eq!(tries.see(again(false), 1.0), ReportStep::Again(Duration::from_millis(200)));
        assert_eq!(tries.see(closed(), 1.0), ReportStep::Again(CONFIRM));
        assert_eq!(tries.see(again(false), 1.0), ReportStep::Again(Duration::from_millis(400)));
        assert_eq!(tries.see(closed(), 1.0), ReportStep::Done);
    }

    #[test]
    fn an_answer_that_is_no_closed_in_between_counts_anew() {
        let mut tries = Tries::new(3);
        tries.see(closed(), 0.5);
        tries.see(refused(), 0.5);
        assert_eq!(tries.see(closed(), 0.5), ReportStep::Again(CONFIRM));
    }

    #[test]
    fn nobody_has_heard_of_what_was_refused_from_the_first_try_on() {
        for (before, heard) in [(None, false), (Some(false), false), (Some(true), true)] {
            let mut tries = Tries::new(1);
            if let Some(maybe_applied) = before {
                tries.see(again(maybe_applied), 0.5);
            }
            assert!(!tries.was_never_heard());
            while tries.see(closed(), 0.5) != ReportStep::Done {}
            assert_eq!(tries.was_never_heard(), !heard, "{before:?}");
        }
        let mut tries = Tries::new(1);
        tries.see(closed(), 0.5);
        assert_eq!(tries.see(Reported::Acknowledged, 0.5), ReportStep::Done);
        assert!(!tries.was_never_heard(), "the second try was taken");
    }

    #[test]
    fn waits_grow() {
        let mut tries = Tries::new(1);
        let steps: Vec<ReportStep> = (0..3).map(|_| tries.see(again(false), 1.0)).collect();
        let millis = |ms| ReportStep::Again(Duration::from_millis(ms));
        assert_eq!(steps, [millis(200), millis(400), millis(800)]);
    }
}
