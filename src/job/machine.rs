//! The states of a task and what each event makes of them.
//!
//! A state has exactly one duty, and every duty may be performed twice; so recovery is the same loop entered with a
//! state that was read back. [`next`] is the only way from one state to another. An event that does not fit is an
//! [`Illegal`], which gives the state back unchanged. Nothing here knows a clock: times arrive inside events.

mod event;
mod run;
mod state;

use super::report::{Failure, Outcome};

pub use event::{Event, Illegal, OnAbort};
pub use run::{Attempt, FinalWord, Hold, Records, Run, Step, Work};
pub use state::{Stage, State, Then};

/// The state that follows.
///
/// # Errors
/// [`Illegal`] where the event does not fit; the caller logs it and keeps the state.
pub fn next(state: State, event: Event) -> Result<State, Box<Illegal>> {
    match state {
        State::Stopping { .. }
        | State::Received { .. }
        | State::Submitting { .. }
        | State::InDoubt { .. } => until_it_runs(state, event),
        State::Speaking { .. } | State::Listening { .. } => in_a_session(state, event),
        State::Withdrawing { .. } => out_of_the_queue(state, event),
        State::Running { .. }
        | State::Judged { .. }
        | State::Ended { .. }
        | State::Orphaned { .. }
        | State::Settled => once_it_runs(state, event),
    }
}

/// From the receipt of a task until Livy or YARN has its run.
fn until_it_runs(state: State, event: Event) -> Result<State, Box<Illegal>> {
    use Event as E;
    use State as S;
    let next = match (state, event) {
        (S::Stopping { then: Then::Run(attempt) }, E::Killed) => S::Received { attempt },
        (S::Stopping { then: Then::End(outcome) }, E::Killed) => S::Ended { outcome, leftover: None },
        // The tasks that kill the others go on with it.
        (S::Stopping { .. }, E::TokenGone(_)) => S::Settled,
        (S::Stopping { .. }, E::Stop(failure)) => ended(failure, None),

        (S::Received { attempt }, E::Ready { at, held }) => {
            S::Submitting { attempt: attempt.held_by(held), since: at }
        }
        // Nothing was submitted, so nothing can be left over.
        (S::Received { .. }, E::Ended { outcome, .. }) => S::Ended { outcome, leftover: None },
        (S::Received { .. }, E::TokenGone(_)) => S::Settled,
        (S::Received { .. }, E::Stop(failure)) | (S::Submitting { .. }, E::Refused(failure)) => {
            ended(failure, None)
        }

        (S::Submitting { .. }, E::Submitted(run)) | (S::InDoubt { .. }, E::Found(run)) => S::Running { run },
        (S::Submitting { attempt, .. }, E::NotNow(hold)) => S::Received { attempt: attempt.held_by(hold) },
        (S::Submitting { attempt, since }, E::Unsure { answered, reason }) => {
            S::InDoubt { attempt: attempt.held_by(Some(Hold { since, reason })), since, answered }
        }
        // A POST that may be out is always killed, whatever `on_abort` says: nobody would know that it runs.
        (S::Submitting { attempt, .. } | S::InDoubt { attempt, .. }, E::TokenGone(_)) => {
            S::Orphaned { run: attempt.run }
        }
        (S::Submitting { attempt, .. } | S::InDoubt { attempt, .. }, E::Stop(failure)) => {
            ended(failure, Some(attempt.run))
        }

        // What Livy last said stays with the attempt, and so does the time from which its patience counts.
        (S::InDoubt { attempt, .. }, E::Absent) => S::Received { attempt },
        (S::InDoubt { .. }, E::Ended { outcome, leftover }) => S::Ended { outcome, leftover },

        (state, event) => return Err(Box::new(Illegal { state, event })),
    };
    Ok(next)
}

/// From the run until nothing is left of it.
fn once_it_runs(state: State, event: Event) -> Result<State, Box<Illegal>> {
    use Event as E;
    use State as S;
    let next = match (state, event) {
        (S::Running { .. }, E::Ended { outcome, leftover }) => S::Ended { outcome, leftover },
        (S::Running { .. }, E::Learned(run)) => S::Running { run },
        (S::Running { .. }, E::Judged { run, word }) => S::Judged { run, word },
        (S::Running { run }, E::Overdue) => S::Withdrawing { run },
        (S::Running { run }, E::Opened) if run.is_session() => {
            S::Speaking { run: run.at(Step::At(0)), number: 0 }
        }
        (S::Running { run }, E::TokenGone(OnAbort::Leave)) if !run.is_session() => S::Settled,
        (S::Running { run }, E::TokenGone(_)) => S::Orphaned { run },
        (S::Running { run }, E::Stop(failure)) => ended(failure, Some(run)),

        (S::Judged { run, word }, E::Gathered(outcome)) => {
            // The record of a session stays in Livy until it is deleted.
            S::Ended { outcome, leftover: (word.doubled || run.is_session()).then_some(run) }
        }
        (S::Judged { run, word }, E::TokenGone(_)) if word.doubled || run.is_session() => S::Orphaned { run },
        (S::Judged { .. }, E::TokenGone(_)) => S::Settled,

        // What was waited for stays, unless nobody ever heard of it.
        (S::Ended { outcome: Outcome::Reached(_), .. }, E::Acknowledged | E::TokenGone(OnAbort::Leave)) => {
            S::Settled
        }
        (S::Ended { leftover, .. }, E::Acknowledged | E::TokenGone(_)) => match leftover {
            Some(run) => S::Orphaned { run },
            None => S::Settled,
        },

        (S::Orphaned { .. }, E::Learned(run)) => S::Orphaned { run },
        (S::Orphaned { .. }, E::Killed) => S::Settled,
        // In these states the token is answered or dead already, so there is nothing left to give up.
        (state @ (S::Orphaned { .. } | S::Settled), E::TokenGone(_) | E::Stop(_)) => state,
        (state @ (S::Judged { .. } | S::Ended { .. }), E::Stop(_)) => state,

        (state, event) => return Err(Box::new(Illegal { state, event })),
    };
    Ok(next)
}

/// While an application that has waited for too long is taken out of YARN's queue.
fn out_of_the_queue(state: State, event: Event) -> Result<State, Box<Illegal>> {
    use Event as E;
    use State as S;
    let next = match (state, event) {
        (S::Withdrawing { run }, E::LeftQueue) => S::Running { run },
        (S::Withdrawing { .. }, E::Ended { outcome, leftover }) => S::Ended { outcome, leftover },
        // It is being killed, whatever `on_abort` says.
        (S::Withdrawing { run }, E::TokenGone(_)) => S::Orphaned { run },
        (S::Withdrawing { run }, E::Stop(failure)) => ended(failure, Some(run)),
        (state, event) => return Err(Box::new(Illegal { state, event })),
    };
    Ok(next)
}

/// While statements are said and heard. Nothing of a session is left alone.
fn in_a_session(state: State, event: Event) -> Result<State, Box<Illegal>> {
    use Event as E;
    use State as S;
    let next = match (state, event) {
        (S::Speaking { run, .. }, E::Said(number)) => S::Listening { run, number },
        (S::Listening { run, .. }, E::Confirmed(number)) if run.said().is_some() => {
            let next = run.said().map_or(0, |step| step.saturating_add(1));
            S::Speaking { run: run.at(Step::At(next)), number }
        }
        (S::Speaking { number, .. }, E::Learned(run)) => S::Speaking { run, number },
        (S::Listening { number, .. }, E::Learned(run)) => S::Listening { run, number },
        (S::Speaking { .. } | S::Listening { .. }, E::Ended { outcome, leftover }) => {
            S::Ended { outcome, leftover }
        }
        (S::Speaking { .. } | S::Listening { .. }, E::Judged { run, word }) => S::Judged { run, word },
        (S::Speaking { run, .. } | S::Listening { run, .. }, E::TokenGone(_)) => S::Orphaned { run },
        (S::Speaking { run, .. } | S::Listening { run, .. }, E::Stop(failure)) => ended(failure, Some(run)),
        (state, event) => return Err(Box::new(Illegal { state, event })),
    };
    Ok(next)
}

fn ended(failure: Failure, leftover: Option<Run>) -> State {
    State::Ended { outcome: Outcome::Failed(Box::new(failure)), leftover }
}

#[cfg(test)]
mod tests;
