//! What Livy's view of a run means. Total and pure.
//!
//! YARN is off here: Livy's word decides, and the output says so.

use std::time::Duration;

use super::machine::Run;
use super::report::ErrorName;
use super::world::{BatchState, BatchView, Look};

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
    /// Ended.
    Ended(End),
}

/// How a batch ended, in Livy's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// `success`
    Success,
    /// `dead`
    Dead,
    /// `killed`
    Killed,
    /// `error`
    Error,
}

/// What is known beside the view.
#[derive(Debug, Clone, Copy)]
pub struct Known {
    /// For how long Livy has answered without our record.
    pub missing_for: Duration,
    /// How long that may last (`watch.lost_after`).
    pub lost_after: Duration,
    /// An application id was seen.
    pub has_application: bool,
    /// Livy's log has a part with YARN's diagnostics: jobs of this Livy run on YARN.
    pub on_yarn: bool,
}

/// What it means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Go on following.
    Running,
    /// Ended well.
    Succeeded,
    /// Ended badly.
    Failed(ErrorName),
    /// What became of it cannot be known any more.
    Lost,
}

/// Whose record a look shows, and in which state.
pub fn livy_view(run: &Run, look: &Look) -> LivyView {
    match look {
        Look::Unreachable(_) => LivyView::Unreachable,
        Look::Missing => LivyView::NotFound,
        Look::Seen(view) if !is_ours(run, view) => LivyView::NotOurs,
        Look::Seen(view) => match view.state {
            BatchState::Success => LivyView::Ended(End::Success),
            BatchState::Dead => LivyView::Ended(End::Dead),
            BatchState::Killed => LivyView::Ended(End::Killed),
            BatchState::Error => LivyView::Ended(End::Error),
            BatchState::Starting | BatchState::Running | BatchState::Other(_) => LivyView::Live,
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

/// The verdict.
pub fn judge(view: LivyView, known: Known) -> Verdict {
    match view {
        LivyView::Unreachable | LivyView::Live => Verdict::Running,
        LivyView::NotFound | LivyView::NotOurs if known.missing_for < known.lost_after => Verdict::Running,
        LivyView::NotFound | LivyView::NotOurs => Verdict::Lost,
        LivyView::Ended(End::Success) => Verdict::Succeeded,
        LivyView::Ended(End::Killed) => Verdict::Failed(ErrorName::Killed),
        // Without an application on YARN spark-submit itself failed; without YARN spark-submit was the application.
        LivyView::Ended(End::Dead | End::Error) if known.on_yarn && !known.has_application => {
            Verdict::Failed(ErrorName::SubmitFailed)
        }
        LivyView::Ended(End::Dead | End::Error) => Verdict::Failed(ErrorName::Failed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_view_has_its_verdict() {
        use ErrorName::{Failed, Killed, SubmitFailed};
        let minute = Duration::from_secs(60);
        // view, missing for (minutes of 3), application seen, on YARN → verdict
        let table = [
            (LivyView::Unreachable, 9, true, true, Verdict::Running),
            (LivyView::Live, 0, false, true, Verdict::Running),
            (LivyView::NotFound, 0, true, true, Verdict::Running),
            (LivyView::NotFound, 3, true, true, Verdict::Lost),
            (LivyView::NotOurs, 2, true, true, Verdict::Running),
            (LivyView::NotOurs, 3, true, true, Verdict::Lost),
            (LivyView::Ended(End::Success), 0, true, true, Verdict::Succeeded),
            (LivyView::Ended(End::Success), 0, false, false, Verdict::Succeeded),
            (LivyView::Ended(End::Dead), 0, true, true, Verdict::Failed(Failed)),
            (LivyView::Ended(End::Dead), 0, false, true, Verdict::Failed(SubmitFailed)),
            (LivyView::Ended(End::Dead), 0, false, false, Verdict::Failed(Failed)),
            (LivyView::Ended(End::Error), 0, true, true, Verdict::Failed(Failed)),
            (LivyView::Ended(End::Error), 0, false, true, Verdict::Failed(SubmitFailed)),
            (LivyView::Ended(End::Error), 0, false, false, Verdict::Failed(Failed)),
            (LivyView::Ended(End::Killed), 0, true, true, Verdict::Failed(Killed)),
            (LivyView::Ended(End::Killed), 0, false, false, Verdict::Failed(Killed)),
        ];
        for (view, minutes, has_application, on_yarn, verdict) in table {
            let known =
                Known { missing_for: minute * minutes, lost_after: minute * 3, has_application, on_yarn };
            assert_eq!(judge(view, known), verdict, "{view:?} {known:?}");
        }
    }

    #[test]
    fn unknown_states_are_not_final() {
        for word in ["recovering", "idle", "busy", "shutting_down", "not_started", "brand_new"] {
            assert_eq!(livy_view(&run(None), &seen(word, None)), LivyView::Live, "{word}");
        }
    }

    #[test]
    fn a_record_of_another_application_is_not_ours() {
        let look = seen("success", Some("application_1_0002"));
        assert_eq!(livy_view(&run(Some("application_1_0001")), &look), LivyView::NotOurs);
        assert_eq!(livy_view(&run(Some("application_1_0002")), &look), LivyView::Ended(End::Success));
        assert_eq!(livy_view(&run(None), &look), LivyView::Ended(End::Success));
    }

    #[test]
    fn a_record_of_another_name_is_not_ours() {
        let mut other = run(None);
        other.name = "b".into();
        assert_eq!(livy_view(&other, &seen("success", None)), LivyView::NotOurs);
    }

    fn run(application: Option<&str>) -> Run {
        Run { application: application.map(str::to_owned), ..Run::new("a".into(), "sjw-a".into()) }
    }

    fn seen(state: &str, application: Option<&str>) -> Look {
        Look::Seen(BatchView {
            id: 3,
            name: "a".into(),
            state: state.into(),
            application: application.map(str::to_owned),
            proxy_user: None,
            driver_log_url: None,
            tracking_url: None,
            hollow: false,
        })
    }
}
