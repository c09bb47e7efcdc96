//! Livy's view of a run and YARN's together. Total and pure.
//!
//! Livy is a hint, and YARN knows: Livy's `dead` can mean that the job runs or has succeeded, and its 404 means
//! nothing. Where YARN does not answer, the last word stands; where there is none, Livy's word decides.

use std::time::Duration;

use super::application::{AppEnd, AppState, Application, YarnAnswer};
use super::machine::Run;
use super::report::{ErrorName, Source};
use super::world::{BatchState, BatchView, LivyAnswer};

/// How long YARN is asked for the application of a submission that failed: spark-submit can end before it is listed.
const LATE: Duration = Duration::from_secs(30);

/// Livy's view of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LivyView {
    /// No answer.
    Unreachable,
    /// No record of the name.
    NotFound,
    /// A record of the name that belongs to another application.
    NotOurs,
    /// Not ended, as far as Livy knows; unknown states are not final.
    Live,
    /// Ended well.
    Success,
    /// Ended badly: `dead` or `error`.
    Dead,
    /// `killed`
    Killed,
}

/// YARN's view of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum YarnView {
    /// There is none to ask.
    Off,
    /// No answer.
    Unreachable,
    /// It knows no such application.
    NotFound,
    /// Not ended.
    Active,
    /// Ended.
    Ended(AppEnd),
}

/// What is known beside the views.
#[derive(Debug, Clone, Copy)]
pub struct Circumstances {
    /// For how long both views have been as they are, counted while both services answer.
    pub unchanged_for: Duration,
    /// The same, counted whether or not anybody answers.
    pub silent_for: Duration,
    /// For how long the run has had no application.
    pub without_application_for: Duration,
    /// An application id was seen.
    pub has_application: bool,
    /// Livy's log has a part with YARN's diagnostics: jobs of this Livy run on YARN.
    pub on_yarn: bool,
    /// Livy's log says that it gave up looking for the application, which may still appear.
    pub gave_up_looking: bool,
    /// YARN's lists prove no absence.
    pub hides: bool,
}

/// The waits that a verdict needs (`[watch]`).
#[derive(Debug, Clone, Copy)]
pub struct VerdictTimeouts {
    /// How long a run may be without an application.
    pub start_timeout: Duration,
    /// How long a run may be missing before it counts as lost.
    pub lost_after: Duration,
    /// Livy's success while YARN is silent.
    pub verdict_patience: Duration,
    /// A submission whose application may still appear.
    pub submit_settle: Duration,
}

/// What it means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Go on following.
    Running,
    /// Ended well.
    Succeeded(Source),
    /// Ended badly, and nothing of it lives.
    Failed(ErrorName, Source),
    /// Ended as far as anybody can say; an application may live on or still appear.
    Open(ErrorName),
}

/// What Livy's answer means for a run: whether the record is its own, and in which state it is.
pub fn livy_view(run: &Run, look: &LivyAnswer) -> LivyView {
    match look {
        LivyAnswer::Unreachable(_) => LivyView::Unreachable,
        LivyAnswer::Missing => LivyView::NotFound,
        LivyAnswer::Seen(view) if !is_ours(run, view) => LivyView::NotOurs,
        LivyAnswer::Seen(view) => match view.state {
            BatchState::Success => LivyView::Success,
            BatchState::Dead | BatchState::Error => LivyView::Dead,
            BatchState::Killed => LivyView::Killed,
            BatchState::Starting | BatchState::Running | BatchState::Ready | BatchState::Other(_) => {
                LivyView::Live
            }
        },
    }
}

/// A Livy without recovery counts from 0 again, so a number proves nothing: name and application do.
fn is_ours(run: &Run, view: &BatchView) -> bool {
    let same_application = match (&run.application, &view.application) {
        (Some(known), Some(seen)) => known == seen,
        (_, None) | (None, Some(_)) => true,
    };
    view.name == run.name && same_application
}

/// What YARN's answer says, and the application that it is about: the oldest is ours.
pub fn yarn_view(yarn: &YarnAnswer) -> (YarnView, Option<&Application>) {
    match yarn {
        YarnAnswer::Off => (YarnView::Off, None),
        YarnAnswer::Unreachable(_) | YarnAnswer::Hidden(_) => (YarnView::Unreachable, None),
        YarnAnswer::Answer(found) => match found.first() {
            None => (YarnView::NotFound, None),
            Some(application) => match application.state {
                AppState::Active => (YarnView::Active, Some(application)),
                AppState::Ended(end) => (YarnView::Ended(end), Some(application)),
            },
        },
    }
}

/// Decides from both views whether the run goes on, has ended, or has ended without proof.
pub fn judge(livy: LivyView, yarn: YarnView, known: Circumstances, waits: VerdictTimeouts) -> Verdict {
    match yarn {
        YarnView::Ended(AppEnd::Succeeded) => Verdict::Succeeded(Source::Yarn),
        YarnView::Ended(AppEnd::Failed) => Verdict::Failed(ErrorName::Failed, Source::Yarn),
        YarnView::Ended(AppEnd::Killed) => Verdict::Failed(ErrorName::Killed, Source::Yarn),
        YarnView::Active => Verdict::Running,
        YarnView::NotFound => without_application(livy, known, waits),
        YarnView::Unreachable => match livy {
            LivyView::Success if known.silent_for >= waits.verdict_patience => {
                Verdict::Succeeded(Source::Livy)
            }
            LivyView::Success
            | LivyView::Dead
            | LivyView::Killed
            | LivyView::Live
            | LivyView::NotFound
            | LivyView::NotOurs
            | LivyView::Unreachable => Verdict::Running,
        },
        YarnView::Off => by_livys_word(livy, known, waits),
    }
}

/// YARN answers, and does not know the run.
fn without_application(livy: LivyView, known: Circumstances, waits: VerdictTimeouts) -> Verdict {
    let late = if known.gave_up_looking { LATE.max(waits.submit_settle) } else { LATE };
    let (patience, error) = match livy {
        LivyView::Unreachable => return Verdict::Running,
        LivyView::Success if known.has_application || known.unchanged_for >= LATE => {
            return Verdict::Succeeded(Source::Livy);
        }
        LivyView::Success => return Verdict::Running,
        LivyView::Live if known.has_application || known.without_application_for < waits.start_timeout => {
            return Verdict::Running;
        }
        LivyView::Live => return Verdict::Open(ErrorName::SubmitFailed),
        LivyView::Dead | LivyView::Killed if known.has_application => (waits.lost_after, ErrorName::Lost),
        // It may run where no list shows it.
        LivyView::Dead | LivyView::Killed if known.hides => (waits.lost_after, ErrorName::Lost),
        LivyView::Dead | LivyView::Killed => (late, ErrorName::SubmitFailed),
        LivyView::NotFound | LivyView::NotOurs => (waits.lost_after, ErrorName::Lost),
    };
    if known.unchanged_for < patience { Verdict::Running } else { Verdict::Open(error) }
}

/// There is no YARN to ask.
fn by_livys_word(livy: LivyView, known: Circumstances, waits: VerdictTimeouts) -> Verdict {
    match livy {
        LivyView::Unreachable | LivyView::Live => Verdict::Running,
        LivyView::NotFound | LivyView::NotOurs if known.unchanged_for < waits.lost_after => Verdict::Running,
        LivyView::NotFound | LivyView::NotOurs => Verdict::Open(ErrorName::Lost),
        LivyView::Success => Verdict::Succeeded(Source::Livy),
        LivyView::Killed => Verdict::Failed(ErrorName::Killed, Source::Livy),
        // Without an application on YARN spark-submit itself failed; without YARN spark-submit was the application.
        LivyView::Dead if known.on_yarn && !known.has_application => Verdict::Open(ErrorName::SubmitFailed),
        LivyView::Dead => Verdict::Failed(ErrorName::Failed, Source::Livy),
    }
}

#[cfg(test)]
mod tests;
