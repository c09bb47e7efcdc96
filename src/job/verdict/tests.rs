//! A row for each pair of views, and the known lies by name.

use super::Verdict::{Failed, Open, Running, Succeeded};
use super::*;

const MINUTE: Duration = Duration::from_secs(60);
const WAITS: VerdictTimeouts = VerdictTimeouts {
    start_timeout: Duration::from_secs(30 * 60),
    lost_after: Duration::from_secs(3 * 60),
    verdict_patience: Duration::from_secs(10 * 60),
    submit_settle: Duration::from_secs(3 * 60),
};
const LIVY: [LivyView; 7] = [
    LivyView::Unreachable,
    LivyView::NotFound,
    LivyView::NotOurs,
    LivyView::Live,
    LivyView::Success,
    LivyView::Dead,
    LivyView::Killed,
];

/// What a pair means at once, and after hours without a change; with an application id known.
#[test]
fn every_pair_of_views_has_its_verdict() {
    use ErrorName::{Failed as JobFailed, Killed, Lost};
    use Source::{Livy, Yarn};
    let lost = (Running, Open(Lost));
    let always = |verdict| (verdict, verdict);
    let by_livy = [
        always(Running),
        lost,
        lost,
        always(Running),
        always(Succeeded(Livy)),
        always(Failed(JobFailed, Livy)),
        always(Failed(Killed, Livy)),
    ];
    let not_found = [always(Running), lost, lost, always(Running), always(Succeeded(Livy)), lost, lost];
    let mut silent = [always(Running); 7];
    silent[4] = (Running, Succeeded(Livy));
    let table = [
        (YarnView::Off, by_livy),
        (YarnView::Unreachable, silent),
        (YarnView::NotFound, not_found),
        (YarnView::Active, [always(Running); 7]),
        (YarnView::Ended(AppEnd::Succeeded), [always(Succeeded(Yarn)); 7]),
        (YarnView::Ended(AppEnd::Failed), [always(Failed(JobFailed, Yarn)); 7]),
        (YarnView::Ended(AppEnd::Killed), [always(Failed(Killed, Yarn)); 7]),
    ];
    for (yarn, row) in table {
        for (livy, (at_once, at_last)) in LIVY.into_iter().zip(row) {
            assert_eq!(judge(livy, yarn, known(0), WAITS), at_once, "{livy:?} {yarn:?} at once");
            assert_eq!(judge(livy, yarn, known(600), WAITS), at_last, "{livy:?} {yarn:?} at last");
        }
    }
}

#[test]
fn livys_dead_is_false_while_yarn_runs_it_or_says_that_it_succeeded() {
    check(LivyView::Dead, YarnView::Active, Running);
    check(LivyView::Dead, YarnView::Ended(AppEnd::Succeeded), Succeeded(Source::Yarn));
}

#[test]
fn livys_success_is_false_where_yarn_says_that_it_failed() {
    check(LivyView::Success, YarnView::Ended(AppEnd::Failed), Failed(ErrorName::Failed, Source::Yarn));
    check(LivyView::Success, YarnView::Active, Running);
}

#[test]
fn a_resource_manager_that_is_away_for_twenty_minutes_turns_no_bad_word_into_a_verdict() {
    let known = known(20);
    assert_eq!(judge(LivyView::Dead, YarnView::Unreachable, known, WAITS), Running);
    assert_eq!(judge(LivyView::Success, YarnView::Unreachable, known, WAITS), Succeeded(Source::Livy));
}

#[test]
fn a_record_that_was_collected_is_not_missed_while_yarn_knows_the_end() {
    check(LivyView::NotFound, YarnView::Ended(AppEnd::Succeeded), Succeeded(Source::Yarn));
    check(LivyView::NotOurs, YarnView::Ended(AppEnd::Failed), Failed(ErrorName::Failed, Source::Yarn));
}

#[test]
fn a_submission_without_an_application_fails_after_a_late_look() {
    let mut known = Circumstances { has_application: false, ..known(0) };
    let dead = |known| judge(LivyView::Dead, YarnView::NotFound, known, WAITS);
    known.unchanged_for = Duration::from_secs(29);
    assert_eq!(dead(known), Running);
    known.unchanged_for = LATE;
    assert_eq!(dead(known), Open(ErrorName::SubmitFailed));
    known.gave_up_looking = true;
    assert_eq!(dead(known), Running, "the application may still appear");
    known.unchanged_for = WAITS.submit_settle;
    assert_eq!(dead(known), Open(ErrorName::SubmitFailed));
}

#[test]
fn livys_success_without_an_application_is_believed_after_a_late_look() {
    let mut known = Circumstances { has_application: false, ..known(0) };
    known.unchanged_for = Duration::from_secs(29);
    assert_eq!(judge(LivyView::Success, YarnView::NotFound, known, WAITS), Running);
    known.unchanged_for = LATE;
    assert_eq!(judge(LivyView::Success, YarnView::NotFound, known, WAITS), Succeeded(Source::Livy));
}

#[test]
fn patience_with_a_silent_yarn_is_counted_in_time_and_everything_else_in_answers() {
    let known = Circumstances { unchanged_for: Duration::ZERO, ..known(600) };
    assert_eq!(judge(LivyView::Success, YarnView::Unreachable, known, WAITS), Succeeded(Source::Livy));
    assert_eq!(judge(LivyView::NotFound, YarnView::NotFound, known, WAITS), Running);
    assert_eq!(judge(LivyView::NotFound, YarnView::Off, known, WAITS), Running);
}

#[test]
fn where_lists_hide_a_submission_without_an_application_is_lost() {
    let mut known = Circumstances { has_application: false, hides: true, ..known(0) };
    known.unchanged_for = WAITS.lost_after - Duration::from_secs(1);
    assert_eq!(judge(LivyView::Dead, YarnView::NotFound, known, WAITS), Running);
    known.unchanged_for = WAITS.lost_after;
    assert_eq!(judge(LivyView::Dead, YarnView::NotFound, known, WAITS), Open(ErrorName::Lost));
}

#[test]
fn a_spark_submit_that_hangs_fails_after_the_start_timeout() {
    let mut known = Circumstances { has_application: false, ..known(0) };
    known.without_application_for = 29 * MINUTE;
    assert_eq!(judge(LivyView::Live, YarnView::NotFound, known, WAITS), Running);
    known.without_application_for = 30 * MINUTE;
    assert_eq!(judge(LivyView::Live, YarnView::NotFound, known, WAITS), Open(ErrorName::SubmitFailed));
    assert_eq!(judge(LivyView::Live, YarnView::Active, known, WAITS), Running);
}

#[test]
fn without_yarn_the_log_tells_a_failed_submission_from_a_failed_job() {
    let known = Circumstances { has_application: false, on_yarn: true, ..known(0) };
    assert_eq!(judge(LivyView::Dead, YarnView::Off, known, WAITS), Open(ErrorName::SubmitFailed));
    let known = Circumstances { on_yarn: false, ..known };
    assert_eq!(judge(LivyView::Dead, YarnView::Off, known, WAITS), Failed(ErrorName::Failed, Source::Livy));
}

#[test]
fn unknown_states_are_not_final() {
    for word in ["recovering", "idle", "busy", "shutting_down", "not_started", "brand_new"] {
        assert_eq!(livy_view(&run(None), &seen(word, None)), LivyView::Live, "{word}");
    }
}

#[test]
fn a_record_of_another_application_or_name_is_not_ours() {
    let look = seen("success", Some("application_1_0002"));
    assert_eq!(livy_view(&run(Some("application_1_0001")), &look), LivyView::NotOurs);
    assert_eq!(livy_view(&run(Some("application_1_0002")), &look), LivyView::Success);
    assert_eq!(livy_view(&run(None), &look), LivyView::Success);
    let other = Run { name: "b".into(), ..run(None) };
    assert_eq!(livy_view(&other, &look), LivyView::NotOurs);
}

#[track_caller]
fn check(livy: LivyView, yarn: YarnView, verdict: Verdict) {
    assert_eq!(judge(livy, yarn, known(600), WAITS), verdict);
}

fn known(minutes: u32) -> Circumstances {
    Circumstances {
        unchanged_for: MINUTE * minutes,
        silent_for: MINUTE * minutes,
        without_application_for: MINUTE * minutes,
        has_application: true,
        on_yarn: true,
        gave_up_looking: false,
        hides: false,
    }
}

fn run(application: Option<&str>) -> Run {
    Run { application: application.map(str::to_owned), ..Run::new("a".into(), "sjw-a".into()) }
}

fn seen(state: &str, application: Option<&str>) -> LivyAnswer {
    let view = BatchView {
        id: 3,
        name: "a".into(),
        state: state.into(),
        application: application.map(str::to_owned),
        proxy_user: None,
        driver_log_url: None,
        tracking_url: None,
        log_is_empty: false,
    };
    LivyAnswer::Seen(view.into())
}
