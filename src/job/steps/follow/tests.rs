//! Whom a followed run asks when, and what it comes to.

use super::*;
use crate::job::application::AppEnd;
use crate::job::report::{ErrorName, Source};
use crate::job::samples::{application, record};
use crate::job::timestamp::Timestamp;
use crate::job::world::{BatchState, BatchView, LivyAnswer};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const ID: &str = "application_1_0001";
const OTHER: &str = "application_1_0002";
const WAITS: VerdictTimeouts = VerdictTimeouts {
    start_timeout: Duration::from_secs(30 * 60),
    lost_after: Duration::from_secs(3 * 60),
    verdict_patience: Duration::from_secs(10 * 60),
    submit_settle: Duration::from_secs(3 * 60),
};

fn run(application: Option<&str>) -> Run {
    Run { application: application.map(str::to_owned), ..Run::new("a".into(), "sjw-a".into()) }
}

/// All clocks go together: both services answer.
fn now(elapsed: Duration) -> Now {
    Now { wall: Timestamp(0), elapsed, answered: elapsed, yarn: elapsed }
}

/// Nobody answers.
fn silent(elapsed: Duration) -> Now {
    Now { answered: Duration::ZERO, yarn: Duration::ZERO, ..now(elapsed) }
}

fn follow(application: Option<&str>) -> Follow {
    let terms = Terms { interval: SECOND, waits: WAITS, has_yarn: true, queue_timeout: None };
    Follow::new(run(application), terms, false, now(Duration::ZERO))
}

fn without_yarn(application: Option<&str>) -> Follow {
    let terms = Terms { interval: SECOND, waits: WAITS, has_yarn: false, queue_timeout: None };
    Follow::new(run(application), terms, false, now(Duration::ZERO))
}

fn down() -> LivyAnswer {
    LivyAnswer::Unreachable("down".into())
}

/// Livy says this, and YARN's list has these; `missing`: not the known one.
fn observed(livy: LivyAnswer, listed: &[&str], missing: bool) -> Observation {
    let active = listed.iter().map(|id| application(id, AppState::Active)).collect();
    Observation::Observed(Observed { livy, active: Some(active), missing })
}

/// YARN's list was not had.
fn blind(livy: LivyAnswer) -> Observation {
    Observation::Observed(Observed { livy, active: None, missing: false })
}

fn answer(found: &[(&str, AppState)]) -> Observation {
    Observation::Answer(YarnAnswer::Answer(found.iter().map(|(id, state)| application(id, *state)).collect()))
}

fn unanswered() -> Observation {
    Observation::Answer(YarnAnswer::Unreachable("down".into()))
}

const SUCCEEDED: AppState = AppState::Ended(AppEnd::Succeeded);
const FAILED: AppState = AppState::Ended(AppEnd::Failed);

fn is_wait(step: &FollowStep) -> bool {
    matches!(step, FollowStep::Wait(_))
}

fn waits(step: &FollowStep) -> Duration {
    let FollowStep::Wait(pause) = step else { panic!("{step:?}") };
    *pause
}

#[test]
fn a_stuck_livy_does_not_keep_yarns_word_back() {
    for stuck in [
        record(BatchState::Running, Some(ID)),
        record(BatchState::Starting, None),
        down(),
        LivyAnswer::Missing,
    ] {
        let mut follow = follow(Some(ID));
        assert!(is_wait(&follow.see(observed(stuck.clone(), &[ID], false), false, now(SECOND))), "{stuck:?}");
        let step = follow.see(observed(stuck.clone(), &[], true), false, now(SECOND * 2));
        assert_eq!(step, FollowStep::AskById(ID.into()), "{stuck:?}");
        let step = follow.see(answer(&[(ID, SUCCEEDED)]), false, now(SECOND * 2));
        let FollowStep::Judge(run, word) = step else { panic!("{step:?}") };
        assert_eq!((run.application.as_deref(), word.end), (Some(ID), AppEnd::Succeeded));
        assert_eq!((word.diagnostics.as_str(), word.doubled), ("said", false));
    }
}

#[test]
fn a_run_that_just_runs_asks_nothing() {
    let mut follow = follow(Some(ID));
    let live = || observed(record(BatchState::Running, Some(ID)), &[ID], false);
    assert_eq!(waits(&follow.see(live(), false, now(SECOND))), Duration::from_secs(86_400), "a day");
    assert!(follow.observed().is_some_and(|seen| !seen.missing), "{:?}", follow.observed());
    assert_eq!(waits(&follow.see(Observation::Tick, false, now(MINUTE * 90))), LONG);
}

#[test]
fn a_list_from_before_an_application_was_known_asks_nothing() {
    let mut follow = follow(Some(ID));
    let live = || observed(record(BatchState::Running, Some(ID)), &[], false);
    assert_eq!(waits(&follow.see(live(), false, now(SECOND))), LONG, "the next list will show it or not");
    let mut follow = self::follow(Some(ID));
    let dead = observed(record(BatchState::Dead, Some(ID)), &[], false);
    assert_eq!(waits(&follow.see(dead, false, now(SECOND))), LONG, "nor where Livy calls it dead");
}

#[test]
fn a_run_that_neither_livy_nor_yarn_shows_is_looked_at_every_other_second() {
    let mut follow = follow(None);
    assert!(is_wait(&follow.see(observed(down(), &[], false), false, now(SECOND))));
    assert_eq!(follow.see(Observation::Tick, false, now(SECOND * 61)), FollowStep::AskByTag);
    assert_eq!(waits(&follow.see(answer(&[]), false, now(SECOND * 61))), SECOND * 2, "a clock runs");
}

#[test]
fn a_run_that_livy_does_not_have_is_asked_for_every_ten_seconds() {
    let mut follow = follow(None);
    let missing = || observed(LivyAnswer::Missing, &[], false);
    assert_eq!(follow.see(missing(), false, now(SECOND)), FollowStep::AskByTag);
    assert_eq!(waits(&follow.see(unanswered(), false, now(SECOND))), SECOND * 10);
    assert_eq!(follow.see(Observation::Tick, false, now(SECOND * 11)), FollowStep::AskByTag);
}

#[test]
fn a_silent_livy_without_yarn_is_waited_for_by_the_sweeps_alone() {
    let mut follow = without_yarn(None);
    assert_eq!(waits(&follow.see(blind(down()), false, now(SECOND))), LONG);
}

#[test]
fn a_run_that_livy_calls_ended_and_yarn_never_showed_is_asked_for_every_other_second() {
    let mut follow = follow(None);
    let ended = || observed(record(BatchState::Success, None), &[], false);
    assert_eq!(follow.see(ended(), false, now(SECOND)), FollowStep::AskByTag);
    assert!(is_wait(&follow.see(unanswered(), false, now(SECOND))));
    assert!(is_wait(&follow.see(Observation::Tick, false, now(SECOND * 3 - Duration::from_millis(1)))));
    assert_eq!(follow.see(Observation::Tick, false, now(SECOND * 3)), FollowStep::AskByTag);
}

#[test]
fn an_application_that_yarn_lists_runs_whatever_livy_says() {
    for livy in [BatchState::Dead, BatchState::Success, BatchState::Killed] {
        let mut follow = follow(Some(ID));
        let step = follow.see(observed(record(livy.clone(), Some(ID)), &[ID], false), false, now(SECOND));
        assert!(is_wait(&step), "{livy}: {step:?}");
    }
}

#[test]
fn an_answer_that_is_not_final_is_asked_for_again_every_ten_seconds() {
    let mut follow = follow(Some(ID));
    let live = || record(BatchState::Running, Some(ID));
    follow.see(observed(live(), &[ID], false), false, now(SECOND));
    assert_eq!(
        follow.see(observed(live(), &[], true), false, now(SECOND * 2)),
        FollowStep::AskById(ID.into())
    );
    assert_eq!(waits(&follow.see(unanswered(), false, now(SECOND * 3))), SECOND * 9);
    assert!(is_wait(&follow.see(Observation::Tick, false, now(SECOND * 11))));
    assert_eq!(follow.see(Observation::Tick, false, now(SECOND * 12)), FollowStep::AskById(ID.into()));
}

#[test]
fn a_list_that_leaves_out_what_is_active_by_id_twice_hides() {
    let mut follow = follow(Some(ID));
    let live = || record(BatchState::Running, Some(ID));
    follow.see(observed(live(), &[], true), false, now(SECOND));
    assert!(is_wait(&follow.see(answer(&[(ID, AppState::Active)]), false, now(SECOND))));
    assert_eq!(follow.see(Observation::Tick, false, now(SECOND * 11)), FollowStep::AskById(ID.into()));
    let step = follow.see(answer(&[(ID, AppState::Active)]), false, now(SECOND * 11));
    assert!(matches!(&step, FollowStep::Hide(id, _) if id == ID), "{step:?}");
    assert!(is_wait(&follow.see(Observation::Tick, true, now(SECOND * 11))), "it is told once");
}

#[test]
fn a_list_that_shows_it_in_between_hides_nothing() {
    let mut follow = follow(Some(ID));
    let live = || record(BatchState::Running, Some(ID));
    for round in 0..3 {
        let at = now(SECOND * (20 * round + 1));
        assert_eq!(follow.see(observed(live(), &[], true), false, at), FollowStep::AskById(ID.into()));
        assert!(is_wait(&follow.see(answer(&[(ID, AppState::Active)]), false, at)));
        assert!(is_wait(&follow.see(observed(live(), &[ID], false), false, at)));
    }
}

#[test]
fn an_id_that_may_not_be_seen_is_hidden_and_no_verdict() {
    let mut follow = follow(Some(ID));
    follow.see(observed(record(BatchState::Dead, Some(ID)), &[], true), false, now(SECOND));
    let step = follow.see(Observation::Answer(YarnAnswer::Hidden("403".into())), false, now(SECOND));
    assert_eq!(step, FollowStep::Hide(ID.into(), "403".into()));
    assert!(is_wait(&follow.see(Observation::Tick, true, now(SECOND))));
}

#[test]
fn an_unknown_application_is_learned_from_either_view() {
    let known = FollowStep::Learn(run(Some(ID)));
    assert_eq!(
        follow(None).see(observed(record(BatchState::Starting, Some(ID)), &[], false), false, now(SECOND)),
        known
    );
    assert_eq!(follow(None).see(observed(down(), &[ID, OTHER], false), false, now(SECOND)), known);
    let mut asks = follow(None);
    asks.see(observed(record(BatchState::Dead, None), &[], false), false, now(SECOND));
    assert_eq!(asks.see(answer(&[(ID, AppState::Active)]), false, now(SECOND)), known);
}

#[test]
fn a_record_of_another_application_teaches_nothing() {
    let mut follow = follow(Some(ID));
    let step =
        follow.see(observed(record(BatchState::Success, Some(OTHER)), &[ID], false), false, now(SECOND));
    assert!(is_wait(&step), "{step:?}");
}

#[test]
fn a_run_of_which_no_list_says_anything_is_asked_about_by_its_id() {
    for livy in [down(), LivyAnswer::Missing, record(BatchState::Running, Some(OTHER))] {
        let step = follow(Some(ID)).see(blind(livy.clone()), false, now(SECOND));
        assert_eq!(step, FollowStep::AskById(ID.into()), "{livy:?}");
    }
}

#[test]
fn a_batch_that_is_submitted_is_asked_about_by_tag_once_a_minute() {
    let mut follow = follow(None);
    let starting = observed(record(BatchState::Starting, None), &[], false);
    assert_eq!(waits(&follow.see(starting, false, now(SECOND))), MINUTE);
    assert!(is_wait(&follow.see(Observation::Tick, false, now(SECOND * 59))));
    assert_eq!(follow.see(Observation::Tick, false, now(MINUTE)), FollowStep::AskByTag);
    assert!(is_wait(&follow.see(answer(&[]), false, now(MINUTE))));
    assert!(is_wait(&follow.see(Observation::Tick, false, now(MINUTE + SECOND * 59))));
    assert_eq!(follow.see(Observation::Tick, false, now(MINUTE * 2)), FollowStep::AskByTag);
}

#[test]
fn a_spark_submit_that_hangs_fails_after_the_start_timeout_by_an_answer_of_then() {
    let mut follow = follow(None);
    let at = |time: Duration| now(time);
    follow.see(observed(record(BatchState::Starting, None), &[], false), false, at(SECOND));
    assert_eq!(follow.see(Observation::Tick, false, at(MINUTE * 29 + SECOND * 50)), FollowStep::AskByTag);
    let pause = waits(&follow.see(answer(&[]), false, at(MINUTE * 29 + SECOND * 50)));
    assert_eq!(pause, SECOND * 12, "it looks again when the time is up");
    assert_eq!(follow.see(Observation::Tick, false, at(MINUTE * 30)), FollowStep::AskByTag);
    let step = follow.see(answer(&[]), false, at(MINUTE * 30));
    assert_eq!(step, FollowStep::End(Verdict::Open(ErrorName::SubmitFailed)));
}

#[test]
fn hours_in_which_nobody_answered_do_not_end_a_batch() {
    let mut follow = follow(None);
    follow.see(blind(record(BatchState::Starting, None)), false, silent(SECOND));
    assert_eq!(follow.see(Observation::Tick, false, silent(MINUTE * 120)), FollowStep::AskByTag);
    assert!(is_wait(&follow.see(unanswered(), false, silent(MINUTE * 120))));
    follow.see(Observation::Tick, false, silent(MINUTE * 122));
    let step = follow.see(answer(&[]), false, silent(MINUTE * 122));
    assert!(is_wait(&step), "the first empty answer: {step:?}");
}

#[test]
fn a_failed_submission_is_looked_for_by_tag_for_half_a_minute() {
    let mut follow = follow(None);
    assert_eq!(
        follow.see(observed(record(BatchState::Dead, None), &[], false), false, now(SECOND)),
        FollowStep::AskByTag
    );
    assert_eq!(follow.see(answer(&[]), false, now(SECOND)), FollowStep::ReadLog);
    let log = Observation::LivyLog(vec!["YARN Diagnostics: ".into(), "spark-submit start failed".into()]);
    let mut step = follow.see(log, false, now(SECOND));
    let mut at = SECOND;
    while at < SECOND * 31 {
        assert!(waits(&step) <= SECOND * 2, "{step:?}");
        at += SECOND * 2;
        assert_eq!(follow.see(Observation::Tick, false, now(at)), FollowStep::AskByTag);
        step = follow.see(answer(&[]), false, now(at));
    }
    assert_eq!(step, FollowStep::End(Verdict::Open(ErrorName::SubmitFailed)));
}

#[test]
fn a_submission_that_livy_gave_up_looking_for_has_longer() {
    let mut follow = follow(None);
    follow.see(observed(record(BatchState::Dead, None), &[], false), false, now(SECOND));
    follow.see(answer(&[]), false, now(SECOND));
    let log = vec!["No YARN application is found with tag livy-batch-0 in 120 seconds".into()];
    follow.see(Observation::LivyLog(log), false, now(SECOND));
    follow.see(Observation::Tick, false, now(SECOND * 60));
    assert!(is_wait(&follow.see(answer(&[]), false, now(SECOND * 60))));
    follow.see(Observation::Tick, false, now(SECOND * 182));
    let step = follow.see(answer(&[]), false, now(SECOND * 182));
    assert_eq!(step, FollowStep::End(Verdict::Open(ErrorName::SubmitFailed)));
}

#[test]
fn livys_success_without_an_id_is_looked_into_by_tag_for_half_a_minute() {
    let mut follow = follow(None);
    let success = || observed(record(BatchState::Success, None), &[], false);
    assert_eq!(follow.see(success(), false, now(SECOND)), FollowStep::AskByTag);
    assert!(is_wait(&follow.see(answer(&[]), false, now(SECOND))));
    assert_eq!(follow.see(Observation::Tick, false, now(SECOND * 31)), FollowStep::AskByTag);
    let step = follow.see(answer(&[]), false, now(SECOND * 31));
    assert_eq!(step, FollowStep::End(Verdict::Succeeded(Source::Livy)));
}

#[test]
fn a_failed_application_that_only_yarn_knows_is_judged_though_livy_says_success() {
    let mut follow = follow(None);
    follow.see(observed(record(BatchState::Success, None), &[], false), false, now(SECOND));
    let step = follow.see(answer(&[(ID, FAILED)]), false, now(SECOND));
    assert!(
        matches!(&step, FollowStep::Judge(run, word) if run.application.as_deref() == Some(ID) && word.end == AppEnd::Failed),
        "{step:?}"
    );
}

#[test]
fn what_neither_knows_is_lost_after_its_time_in_answers() {
    for livy in
        [LivyAnswer::Missing, record(BatchState::Dead, Some(ID)), record(BatchState::Running, Some(OTHER))]
    {
        let mut follow = follow(Some(ID));
        assert_eq!(
            follow.see(observed(livy.clone(), &[], true), false, now(SECOND)),
            FollowStep::AskById(ID.into())
        );
        let mut step = follow.see(answer(&[]), false, now(SECOND));
        if step == FollowStep::ReadLog {
            step = follow.see(Observation::LivyLog(Vec::new()), false, now(SECOND));
        }
        assert!(is_wait(&step), "{livy:?}");
        follow.see(Observation::Tick, false, now(SECOND * 180));
        assert!(is_wait(&follow.see(answer(&[]), false, now(SECOND * 180))), "{livy:?}");
        follow.see(Observation::Tick, false, now(SECOND * 190));
        let step = follow.see(answer(&[]), false, now(SECOND * 190));
        assert_eq!(step, FollowStep::End(Verdict::Open(ErrorName::Lost)), "{livy:?}");
    }
}

#[test]
fn a_bad_word_waits_without_limit_for_a_silent_yarn_and_a_good_one_for_its_patience() {
    let mut dead = follow(Some(ID));
    assert_eq!(
        dead.see(blind(record(BatchState::Dead, Some(ID))), false, silent(SECOND)),
        FollowStep::AskById(ID.into())
    );
    assert!(is_wait(&dead.see(unanswered(), false, silent(SECOND))));
    dead.see(Observation::Tick, false, silent(MINUTE * 600));
    assert!(is_wait(&dead.see(unanswered(), false, silent(MINUTE * 600))));

    let mut success = follow(Some(ID));
    success.see(blind(record(BatchState::Success, Some(ID))), false, silent(SECOND));
    assert!(is_wait(&success.see(unanswered(), false, silent(SECOND))));
    success.see(Observation::Tick, false, silent(MINUTE * 10));
    assert!(is_wait(&success.see(unanswered(), false, silent(MINUTE * 10))));
    success.see(Observation::Tick, false, silent(MINUTE * 11));
    let step = success.see(unanswered(), false, silent(MINUTE * 11));
    assert_eq!(step, FollowStep::End(Verdict::Succeeded(Source::Livy)));
}

#[test]
fn what_yarn_said_before_livys_word_changed_is_asked_anew() {
    let mut follow = follow(Some(ID));
    follow.see(observed(record(BatchState::Running, Some(ID)), &[], true), false, now(SECOND));
    follow.see(answer(&[]), false, now(SECOND));
    let step = follow.see(observed(record(BatchState::Success, Some(ID)), &[], true), false, now(SECOND * 2));
    assert_eq!(step, FollowStep::AskById(ID.into()));
    let step = follow.see(answer(&[]), false, now(SECOND * 2));
    assert_eq!(step, FollowStep::End(Verdict::Succeeded(Source::Livy)));
}

#[test]
fn without_yarn_livys_word_decides_and_its_log_tells_a_failed_submission() {
    let see = |log: &str| {
        let mut follow = without_yarn(None);
        assert_eq!(
            follow.see(blind(record(BatchState::Dead, None)), false, now(SECOND)),
            FollowStep::ReadLog
        );
        follow.see(Observation::LivyLog(vec![log.into()]), false, now(SECOND))
    };
    assert_eq!(see("YARN Diagnostics: "), FollowStep::End(Verdict::Open(ErrorName::SubmitFailed)));
    assert_eq!(see("stdout: "), FollowStep::End(Verdict::Failed(ErrorName::Failed, Source::Livy)));
    let success = without_yarn(None).see(blind(record(BatchState::Success, None)), false, now(SECOND));
    assert_eq!(success, FollowStep::End(Verdict::Succeeded(Source::Livy)));
}

#[test]
fn without_yarn_a_missing_record_is_looked_for_until_it_is_lost() {
    let mut follow = without_yarn(Some(ID));
    let step = follow.see(blind(LivyAnswer::Missing), false, now(SECOND));
    assert_eq!(waits(&step), SECOND * 2);
    assert!(is_wait(&follow.see(Observation::Tick, false, now(SECOND * 180))));
    let step = follow.see(Observation::Tick, false, now(SECOND * 181));
    assert_eq!(step, FollowStep::End(Verdict::Open(ErrorName::Lost)));
}

#[test]
fn a_double_is_killed_when_it_is_seen_and_again_while_it_lives() {
    let mut follow = follow(Some(ID));
    let both = || observed(record(BatchState::Running, Some(ID)), &[ID, OTHER], false);
    assert_eq!(follow.see(both(), false, now(SECOND)), FollowStep::Kill(vec![OTHER.into()]));
    assert_eq!(waits(&follow.see(Observation::Tick, false, now(SECOND))), ASK_AGAIN);
    assert!(is_wait(&follow.see(Observation::Tick, false, now(SECOND * 10))));
    assert_eq!(follow.see(Observation::Tick, false, now(SECOND * 11)), FollowStep::Kill(vec![OTHER.into()]));
    let gone = observed(record(BatchState::Running, Some(ID)), &[], true);
    follow.see(gone, false, now(SECOND * 12));
    let step = follow.see(answer(&[(ID, SUCCEEDED)]), false, now(SECOND * 12));
    assert!(matches!(&step, FollowStep::Judge(_, word) if word.doubled), "it is killed, verified: {step:?}");
}

#[test]
fn a_double_beside_an_ended_application_is_remembered() {
    let mut follow = follow(None);
    follow.see(observed(record(BatchState::Dead, None), &[], false), false, now(SECOND));
    let step = follow.see(answer(&[(ID, FAILED), (OTHER, AppState::Active)]), false, now(SECOND));
    assert!(matches!(&step, FollowStep::Judge(_, word) if word.doubled), "{step:?}");
}

#[test]
fn an_application_that_is_older_than_its_post_has_a_double_that_may_still_appear() {
    for (submitted, doubled) in [(10, true), (9, false), (8, false)] {
        let terms = Terms { interval: SECOND, waits: WAITS, has_yarn: true, queue_timeout: None };
        let run = Run { submitted: Some(Timestamp(submitted)), ..run(Some(ID)) };
        let mut follow = Follow::new(run, terms, false, now(Duration::ZERO));
        follow.see(observed(record(BatchState::Running, Some(ID)), &[], true), false, now(SECOND));
        let found = Application { started: Some(Timestamp(9)), ..application(ID, SUCCEEDED) };
        let step = follow.see(Observation::Answer(YarnAnswer::Answer(vec![found])), false, now(SECOND));
        assert!(matches!(&step, FollowStep::Judge(_, word) if word.doubled == doubled), "{step:?}");
    }
}

#[test]
fn livy_running_it_for_another_user_is_refused() {
    let terms = Terms { interval: SECOND, waits: WAITS, has_yarn: true, queue_timeout: None };
    let run = Run { proxy_user: Some("alice".into()), ..run(Some(ID)) };
    let mut follow = Follow::new(run, terms, false, now(Duration::ZERO));
    // Whom the record of another application is for says nothing.
    let step =
        follow.see(observed(record(BatchState::Running, Some(OTHER)), &[ID], false), false, now(SECOND));
    assert!(is_wait(&step), "{step:?}");
    let step = follow.see(observed(record(BatchState::Running, Some(ID)), &[ID], false), false, now(SECOND));
    assert_eq!(step, FollowStep::Refuse(None), "impersonation is off");
}

#[test]
fn a_batch_that_may_run_where_no_list_shows_it_is_lost_and_not_failed() {
    let mut follow = follow(None);
    follow.see(observed(record(BatchState::Dead, None), &[], false), true, now(SECOND));
    follow.see(answer(&[]), true, now(SECOND));
    follow.see(Observation::LivyLog(Vec::new()), true, now(SECOND));
    follow.see(Observation::Tick, true, now(SECOND * 60));
    assert!(is_wait(&follow.see(answer(&[]), true, now(SECOND * 60))));
    follow.see(Observation::Tick, true, now(SECOND * 200));
    let step = follow.see(answer(&[]), true, now(SECOND * 200));
    assert_eq!(step, FollowStep::End(Verdict::Open(ErrorName::Lost)));
}

#[test]
fn another_user_is_refused_only_where_one_was_asked_for() {
    let mut follow = follow(Some(ID));
    let LivyAnswer::Seen(view) = record(BatchState::Running, Some(ID)) else { panic!("a record") };
    let view = BatchView { proxy_user: Some("livy".into()), ..(*view).clone() };
    let step = follow.see(observed(LivyAnswer::Seen(view.into()), &[ID], false), false, now(SECOND));
    assert!(is_wait(&step), "{step:?}");
}

#[test]
fn a_view_of_yarn_is_none_before_it_was_asked_and_unreachable_where_its_list_was_not_had() {
    let mut follow = follow(Some(ID));
    assert_eq!(follow.views(), None, "nothing was seen");
    follow.see(observed(record(BatchState::Running, Some(ID)), &[], true), false, now(SECOND));
    assert_eq!(follow.views(), None, "it is to be asked");
    follow.see(blind(record(BatchState::Running, Some(ID))), false, now(SECOND * 2));
    assert_eq!(follow.views(), Some((LivyView::Live, YarnView::Unreachable)));
}

#[test]
fn an_answer_is_dropped_when_a_list_begins_to_leave_the_run_out_and_kept_while_it_does() {
    let mut follow = follow(Some(ID));
    let gone = || observed(record(BatchState::Running, Some(ID)), &[], true);
    follow.see(blind(record(BatchState::Running, Some(ID))), false, now(SECOND));
    follow.see(answer(&[]), false, now(SECOND));
    assert_eq!(follow.views(), Some((LivyView::Live, YarnView::NotFound)));
    assert_eq!(follow.see(gone(), false, now(SECOND * 2)), FollowStep::AskById(ID.into()));
    follow.see(answer(&[]), false, now(SECOND * 2));
    assert!(is_wait(&follow.see(gone(), false, now(SECOND * 3))), "it was asked a second ago");
    assert_eq!(follow.views(), Some((LivyView::Live, YarnView::NotFound)), "and the answer still counts");
}

mod in_yarns_queue {
    use super::*;
    use crate::job::machine::Step;

    const TIMEOUT: Duration = Duration::from_secs(20 * 60);

    /// A run that was submitted at 0 of the wall clock.
    fn queued(work: Option<Step>, timeout: Option<Duration>, since: Now) -> Follow {
        let terms = Terms { interval: SECOND, waits: WAITS, has_yarn: true, queue_timeout: timeout };
        let run = Run { submitted: Some(Timestamp(0)), ..run(Some(ID)) };
        Follow::new(work.map_or(run.clone(), |step| run.at(step)), terms, false, since)
    }

    /// The wall clock goes with the others.
    fn at(elapsed: Duration) -> Now {
        Now { wall: Timestamp(u64::try_from(elapsed.as_millis()).expect("a time")), ..now(elapsed) }
    }

    fn waiting() -> Application {
        Application {
            word: "ACCEPTED".into(),
            started: Some(Timestamp(0)),
            ..application(ID, AppState::Active)
        }
    }

    fn listed(application: Application) -> Observation {
        let livy = record(BatchState::Starting, Some(ID));
        Observation::Observed(Observed { livy, active: Some([application].into()), missing: false })
    }

    fn alone(application: Application) -> Observation {
        Observation::Answer(YarnAnswer::Answer(vec![application]))
    }

    #[test]
    fn it_is_withdrawn_after_its_time_by_an_answer_about_it_alone() {
        let mut follow = queued(None, Some(TIMEOUT), at(Duration::ZERO));
        let left = waits(&follow.see(listed(waiting()), false, at(SECOND * 10)));
        assert_eq!(left, TIMEOUT - SECOND * 10 + SECOND, "it counts from its POST");
        assert!(is_wait(&follow.see(Observation::Tick, false, at(TIMEOUT - SECOND))));
        assert_eq!(follow.see(Observation::Tick, false, at(TIMEOUT)), FollowStep::AskById(ID.into()));
        assert_eq!(follow.see(alone(waiting()), false, at(TIMEOUT)), FollowStep::Withdraw);
    }

    #[test]
    fn without_a_limit_it_waits_for_ever_and_so_does_what_takes_statements() {
        let mut follow = queued(None, None, at(Duration::ZERO));
        assert_eq!(waits(&follow.see(listed(waiting()), false, at(MINUTE * 600))), LONG);
        let mut speaks = queued(Some(Step::At(1)), Some(TIMEOUT), at(Duration::ZERO));
        assert!(is_wait(&speaks.see(listed(waiting()), false, at(MINUTE))));
        assert!(is_wait(&speaks.see(Observation::Tick, false, at(MINUTE * 60))));
    }

    #[test]
    fn a_session_on_its_way_is_withdrawn_too_unless_its_start_timeout_comes_first() {
        let short = TIMEOUT.min(WAITS.start_timeout);
        let mut opening = queued(Some(Step::Opening), Some(short), at(Duration::ZERO));
        opening.see(listed(waiting()), false, at(SECOND));
        assert_eq!(opening.see(Observation::Tick, false, at(short)), FollowStep::AskById(ID.into()));
        assert_eq!(opening.see(alone(waiting()), false, at(short)), FollowStep::Withdraw);
        let mut patient = queued(Some(Step::Opening), Some(MINUTE * 60), at(Duration::ZERO));
        patient.see(listed(waiting()), false, at(SECOND));
        let late = patient.see(Observation::Tick, false, at(WAITS.start_timeout));
        assert_eq!(late, FollowStep::End(Verdict::Open(ErrorName::SessionFailed)));
    }

    #[test]
    fn time_in_which_yarn_does_not_answer_does_not_count_and_livys_silence_changes_nothing() {
        let mut follow = queued(None, Some(TIMEOUT), at(Duration::ZERO));
        follow.see(listed(waiting()), false, at(Duration::ZERO));
        let silent = Now { yarn: MINUTE, answered: MINUTE, ..at(MINUTE * 90) };
        let left = waits(&follow.see(Observation::Tick, false, silent));
        assert_eq!(left, TIMEOUT - MINUTE + SECOND);
        let deaf = Now { answered: Duration::ZERO, yarn: TIMEOUT, ..at(MINUTE * 120) };
        assert_eq!(follow.see(Observation::Tick, false, deaf), FollowStep::AskById(ID.into()));
    }

    #[test]
    fn after_a_restart_it_counts_from_its_submission_and_is_seen_to_wait_for_a_minute() {
        let start = Now { wall: Timestamp(3_600_000), ..now(Duration::ZERO) };
        let mut follow = queued(None, Some(TIMEOUT), start);
        assert_eq!(waits(&follow.see(listed(waiting()), false, start)), SECOND * 61);
        assert!(is_wait(&follow.see(Observation::Tick, false, Now { wall: start.wall, ..now(SECOND * 59) })));
        let due = Now { wall: start.wall, ..now(MINUTE) };
        assert_eq!(follow.see(Observation::Tick, false, due), FollowStep::AskById(ID.into()));
        // By YARN's clock it came later: the two may differ, and the later time counts.
        let mut late = queued(None, Some(TIMEOUT), start);
        let young = Application { started: Some(Timestamp(3_500_000)), ..waiting() };
        assert_eq!(waits(&late.see(listed(young), false, start)), TIMEOUT - SECOND * 99);
        // Of a clock that was set back nothing follows.
        let before = Now { wall: Timestamp(0), ..start };
        let mut back = queued(None, Some(TIMEOUT), before);
        assert_eq!(waits(&back.see(listed(waiting()), false, before)), TIMEOUT + SECOND);
    }

    #[test]
    fn what_has_or_had_a_container_does_not_wait() {
        let began = [
            Application { word: "RUNNING".into(), ..waiting() },
            Application { launched: Some(Timestamp(2)), ..waiting() },
            Application { log_url: Some("http://node/log".into()), ..waiting() },
            Application { memory_seconds: Some(1), ..waiting() },
            // Who may not see its times may not see its containers.
            Application { started: None, ..waiting() },
        ];
        for application in began {
            let mut follow = queued(None, Some(TIMEOUT), at(Duration::ZERO));
            assert_eq!(waits(&follow.see(listed(application.clone()), false, at(MINUTE * 60))), LONG);
            let mut follow = queued(None, Some(TIMEOUT), at(Duration::ZERO));
            follow.see(listed(waiting()), false, at(SECOND));
            assert_eq!(follow.see(Observation::Tick, false, at(TIMEOUT)), FollowStep::AskById(ID.into()));
            let step = follow.see(alone(application.clone()), false, at(TIMEOUT));
            assert_eq!(waits(&step), SECOND * 10, "{application:?}");
        }
        let waits = Application { memory_seconds: Some(0), ..waiting() };
        assert!(waits.waits() && !waits.had_container());
        let over = Application { state: SUCCEEDED, ..waiting() };
        assert!(!over.waits());
    }

    #[test]
    fn one_that_nobody_answers_about_is_asked_for_every_ten_seconds() {
        let mut follow = queued(None, Some(TIMEOUT), at(Duration::ZERO));
        follow.see(listed(waiting()), false, at(SECOND));
        assert_eq!(follow.see(Observation::Tick, false, at(TIMEOUT)), FollowStep::AskById(ID.into()));
        assert_eq!(waits(&follow.see(unanswered(), false, at(TIMEOUT))), SECOND * 10);
        let again = at(TIMEOUT + SECOND * 10);
        assert!(is_wait(&follow.see(Observation::Tick, false, at(TIMEOUT + SECOND * 9))));
        assert_eq!(follow.see(Observation::Tick, false, again), FollowStep::AskById(ID.into()));
        assert_eq!(follow.see(alone(waiting()), false, again), FollowStep::Withdraw);
    }

    #[test]
    fn a_wait_begins_anew_once_it_was_interrupted() {
        let mut follow = queued(None, Some(TIMEOUT), at(Duration::ZERO));
        let back = Application { started: Some(Timestamp(1_800_000)), ..waiting() };
        follow.see(listed(waiting()), false, at(SECOND));
        let running = Application { word: "RUNNING".into(), ..waiting() };
        assert_eq!(waits(&follow.see(listed(running), false, at(MINUTE * 10))), LONG);
        assert_eq!(waits(&follow.see(listed(back), false, at(MINUTE * 30))), TIMEOUT + SECOND);
    }
}

mod of_a_session {
    use super::*;
    use crate::job::machine::Step;

    fn session(step: Step, application: Option<&str>) -> Follow {
        let terms = Terms { interval: SECOND, waits: WAITS, has_yarn: true, queue_timeout: None };
        Follow::new(run(application).at(step), terms, false, now(Duration::ZERO))
    }

    fn of(state: BatchState) -> Observation {
        observed(record(state, Some(ID)), &[ID], false)
    }

    #[test]
    fn it_opens_once_livy_says_that_it_takes_statements_and_only_once() {
        let mut opening = session(Step::Opening, Some(ID));
        assert!(is_wait(&opening.see(of(BatchState::Starting), false, now(SECOND))));
        assert!(is_wait(&opening.see(of(BatchState::Other("recovering".into())), false, now(SECOND * 2))));
        assert_eq!(opening.see(of(BatchState::Ready), false, now(SECOND * 3)), FollowStep::Open);
        let mut open = session(Step::At(1), Some(ID));
        assert!(is_wait(&open.see(of(BatchState::Ready), false, now(SECOND))));
        let mut batch = follow(Some(ID));
        assert!(is_wait(&batch.see(of(BatchState::Ready), false, now(SECOND))));
    }

    #[test]
    fn one_that_does_not_open_within_the_start_timeout_has_failed_although_yarn_has_it() {
        let mut opening = session(Step::Opening, Some(ID));
        let pause = waits(&opening.see(of(BatchState::Starting), false, now(SECOND)));
        assert!(pause > MINUTE * 29 && pause < MINUTE * 31, "{pause:?}");
        assert!(is_wait(&opening.see(Observation::Tick, false, now(MINUTE * 30 - SECOND))));
        let late = opening.see(Observation::Tick, false, now(MINUTE * 30));
        assert_eq!(late, FollowStep::End(Verdict::Open(ErrorName::SessionFailed)));
        let mut open = session(Step::At(1), Some(ID));
        open.see(of(BatchState::Ready), false, now(SECOND));
        assert_eq!(waits(&open.see(Observation::Tick, false, now(MINUTE * 60))), LONG, "it may run for long");
    }

    #[test]
    fn one_that_livy_has_lost_or_calls_dead_is_lost_although_yarn_has_it() {
        for (step, error) in [
            (Step::Opening, ErrorName::SessionFailed),
            (Step::At(0), ErrorName::SessionFailed),
            (Step::At(1), ErrorName::Lost),
        ] {
            for livy in [
                LivyAnswer::Missing,
                record(BatchState::Dead, Some(ID)),
                record(BatchState::Running, Some(OTHER)),
            ] {
                let mut follow = session(step, Some(ID));
                let gone = || observed(livy.clone(), &[ID], false);
                assert_eq!(waits(&follow.see(gone(), false, now(SECOND))), SECOND * 2);
                assert!(is_wait(&follow.see(Observation::Tick, false, now(MINUTE * 3))));
                // Time in which nobody answers proves nothing.
                assert!(is_wait(&follow.see(
                    Observation::Tick,
                    false,
                    Now { answered: MINUTE, ..now(MINUTE * 9) }
                )));
                let lost = follow.see(Observation::Tick, false, now(MINUTE * 10));
                assert_eq!(lost, FollowStep::End(Verdict::Open(error)), "{step:?} {livy:?}");
            }
        }
    }

    #[test]
    fn one_that_livy_keeps_and_yarn_does_not_have_is_lost_unless_yarn_hides() {
        for hides in [false, true] {
            let mut follow = session(Step::At(1), Some(ID));
            let gone = observed(record(BatchState::Ready, Some(ID)), &[], true);
            assert_eq!(follow.see(gone, hides, now(SECOND)), FollowStep::AskById(ID.into()));
            assert!(is_wait(&follow.see(answer(&[]), hides, now(SECOND))));
            let mut step = FollowStep::Wait(SECOND);
            for seconds in (11..=191).step_by(10) {
                step = follow.see(Observation::Tick, hides, now(SECOND * seconds));
                if step == FollowStep::AskById(ID.into()) {
                    step = follow.see(answer(&[]), hides, now(SECOND * seconds));
                }
            }
            assert_eq!(step == FollowStep::End(Verdict::Open(ErrorName::Lost)), !hides, "{step:?}");
        }
    }

    #[test]
    fn one_that_yarn_does_not_let_us_see_is_lost_once_livy_has_lost_it() {
        let mut follow = session(Step::At(1), Some(ID));
        let hidden = || Observation::Answer(YarnAnswer::Hidden("403".into()));
        let gone = observed(LivyAnswer::Missing, &[], true);
        assert_eq!(follow.see(gone, true, now(SECOND)), FollowStep::AskById(ID.into()));
        let hide = follow.see(hidden(), true, now(SECOND));
        assert!(matches!(&hide, FollowStep::Hide(id, _) if id == ID), "{hide:?}");
        let mut step = follow.see(Observation::Tick, true, now(SECOND));
        for seconds in (11..=191).step_by(10) {
            step = follow.see(Observation::Tick, true, now(SECOND * seconds));
            if step == FollowStep::AskById(ID.into()) {
                follow.see(hidden(), true, now(SECOND * seconds));
                step = follow.see(Observation::Tick, true, now(SECOND * seconds));
            }
        }
        assert_eq!(step, FollowStep::End(Verdict::Open(ErrorName::Lost)));
    }

    #[test]
    fn without_yarn_one_that_does_not_open_has_failed_all_the_same() {
        let terms = Terms { interval: SECOND, waits: WAITS, has_yarn: false, queue_timeout: None };
        let mut alone = Follow::new(run(None).at(Step::Opening), terms, false, now(Duration::ZERO));
        let error = || blind(record(BatchState::Other("error".into()), None));
        assert!(is_wait(&alone.see(error(), false, now(SECOND))));
        assert!(is_wait(&alone.see(Observation::Tick, false, now(MINUTE * 30 - SECOND))));
        let late = alone.see(Observation::Tick, false, now(MINUTE * 30));
        assert_eq!(late, FollowStep::End(Verdict::Open(ErrorName::SessionFailed)));
    }

    #[test]
    fn yarns_word_comes_before_livys_loss() {
        let mut follow = session(Step::At(1), Some(ID));
        follow.see(of(BatchState::Ready), false, now(SECOND));
        let gone = observed(LivyAnswer::Missing, &[], true);
        assert_eq!(follow.see(gone, false, now(SECOND * 2)), FollowStep::AskById(ID.into()));
        let step = follow.see(answer(&[(ID, SUCCEEDED)]), false, now(SECOND * 3));
        assert!(matches!(step, FollowStep::Judge(..)), "{step:?}");
    }

    #[test]
    fn it_lives_while_livy_answers_and_yarn_calls_it_active() {
        let mut follow = session(Step::At(1), Some(ID));
        assert!(!follow.lives());
        follow.see(of(BatchState::Ready), false, now(SECOND));
        assert!(follow.lives());
        for dead in [observed(down(), &[ID], false), blind(record(BatchState::Ready, Some(ID)))] {
            follow.see(dead, false, now(SECOND));
            assert!(!follow.lives());
        }
        let unlisted = observed(record(BatchState::Ready, Some(ID)), &[], true);
        assert_eq!(follow.see(unlisted, true, now(SECOND * 2)), FollowStep::AskById(ID.into()));
        assert!(!follow.lives(), "not asked yet");
        follow.see(answer(&[(ID, AppState::Active)]), true, now(SECOND * 2));
        assert!(follow.lives(), "by its id it is there");
        follow.see(Observation::Answer(YarnAnswer::Hidden("403".into())), true, now(SECOND * 3));
        assert!(follow.lives(), "YARN will never show it");
        follow.see(answer(&[]), true, now(SECOND * 4));
        assert!(!follow.lives());
        let terms = Terms { interval: SECOND, waits: WAITS, has_yarn: false, queue_timeout: None };
        let mut alone = Follow::new(run(None).at(Step::At(1)), terms, false, now(Duration::ZERO));
        alone.see(blind(record(BatchState::Ready, None)), false, now(SECOND));
        assert!(alone.lives(), "without YARN Livy's word is all there is");
    }
}
