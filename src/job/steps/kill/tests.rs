//! When a kill counts.

use super::*;
use crate::job::application::AppEnd;
use crate::job::samples::{application, record, view};
use crate::job::timestamp::Timestamp;
use crate::job::world::{BatchState, BatchView};

const SECOND: Duration = Duration::from_secs(1);
const ENDED: AppState = AppState::Ended(AppEnd::Killed);

fn now(seconds: u64) -> Now {
    Now {
        wall: Timestamp(0),
        elapsed: SECOND * u32::try_from(seconds).unwrap(),
        answered: Duration::ZERO,
        yarn: Duration::ZERO,
    }
}

fn check() -> KillCheck {
    KillCheck::new(SECOND, SECOND * 8, SECOND * 2)
}

fn found(state: AppState) -> YarnAnswer {
    YarnAnswer::Answer(vec![application("a_1_1", state)])
}

fn none() -> YarnAnswer {
    YarnAnswer::Answer(Vec::new())
}

fn silent() -> YarnAnswer {
    YarnAnswer::Unreachable("down".into())
}

/// Nothing anywhere; the id is not known.
fn nothing() -> KillRound {
    KillRound { livy: LivyAnswer::Missing, by_id: None, by_tag: none(), carried: TagOnNode::No, hides: false }
}

/// YARN says of the known id what `by_id` says.
fn known(by_id: YarnAnswer) -> KillRound {
    KillRound { by_id: Some(by_id), ..nothing() }
}

#[test]
fn yarns_word_about_the_id_decides_once_it_is_known() {
    assert_eq!(check().see(&known(found(ENDED)), now(0)), KillStatus::Verified);
    let unproved = [
        known(found(AppState::Active)),
        known(silent()),
        known(YarnAnswer::Hidden("403".into())),
        KillRound { by_tag: silent(), ..known(found(ENDED)) },
        KillRound { by_tag: YarnAnswer::Hidden("403".into()), ..known(found(ENDED)) },
    ];
    for round in unproved {
        assert_eq!(check().see(&round, now(0)), KillStatus::Unproved, "{round:?}");
    }
}

#[test]
fn what_else_lives_or_can_still_come_is_no_death() {
    let double =
        YarnAnswer::Answer(vec![application("a_1_1", ENDED), application("a_1_2", AppState::Active)]);
    let rounds = [
        KillRound { by_tag: double, ..known(found(ENDED)) },
        KillRound { carried: TagOnNode::Yes, ..known(found(ENDED)) },
    ];
    for round in rounds {
        assert_eq!(check().see(&round, now(0)), KillStatus::Unproved, "{round:?}");
    }
}

#[test]
fn what_nobody_can_look_for_and_what_livy_still_starts_must_stay_away_for_as_long_as_it_takes() {
    let starts = |application: Option<&str>, log_is_empty: bool| {
        let application = application.map(str::to_owned);
        let seen = BatchView { application, log_is_empty, ..view(BatchState::Starting) };
        KillRound { livy: LivyAnswer::Seen(seen.into()), ..known(found(ENDED)) }
    };
    let blind = || KillRound { carried: TagOnNode::Unknown, ..known(found(ENDED)) };
    for round in [blind(), starts(None, true), starts(Some("a_1_2"), false)] {
        let mut check = check();
        for second in 0..8 {
            assert_eq!(check.see(&round, now(second)), KillStatus::Unproved, "{second}: {round:?}");
        }
        assert_eq!(check.see(&round, now(8)), KillStatus::Verified, "{round:?}");
    }
    assert_eq!(
        check().see(&starts(Some("a_1_1"), false), now(0)),
        KillStatus::Verified,
        "that is the one that ended"
    );
    assert_eq!(check().see(&starts(None, false), now(0)), KillStatus::Verified, "its spark-submit has run");

    let mut check = check();
    for second in 0..7 {
        check.see(&blind(), now(second));
    }
    let comes = KillRound { by_tag: found(AppState::Active), ..blind() };
    assert_eq!(check.see(&comes, now(7)), KillStatus::Unproved);
    assert_eq!(check.see(&blind(), now(9)), KillStatus::Unproved, "the wait begins anew");
}

#[test]
fn a_known_application_that_yarn_has_forgotten_must_stay_away() {
    let mut check = check();
    for second in 0..8 {
        assert_eq!(check.see(&known(none()), now(second)), KillStatus::Unproved);
    }
    assert_eq!(check.see(&known(none()), now(8)), KillStatus::Verified);
}

#[test]
fn a_known_application_that_comes_back_starts_the_time_anew() {
    let mut check = check();
    for second in 0..8 {
        check.see(&known(none()), now(second));
    }
    assert_eq!(check.see(&known(found(AppState::Active)), now(8)), KillStatus::Unproved);
    assert_eq!(check.see(&known(none()), now(9)), KillStatus::Unproved);
}

#[test]
fn a_yarn_that_hides_is_believed_by_id_alone() {
    let by_id = KillRound { hides: true, by_tag: silent(), ..known(found(ENDED)) };
    assert_eq!(check().see(&by_id, now(0)), KillStatus::Verified);
    let mut check = check();
    for second in 0..100 {
        let by_tag = KillRound { hides: true, ..nothing() };
        assert_eq!(check.see(&by_tag, now(second)), KillStatus::Unproved, "no list proves absence");
    }
}

#[test]
fn what_a_yarn_that_hides_shows_as_active_is_alive() {
    let double =
        YarnAnswer::Answer(vec![application("a_1_1", ENDED), application("a_1_2", AppState::Active)]);
    let round = KillRound { hides: true, by_tag: double, ..known(found(ENDED)) };
    assert_eq!(check().see(&round, now(0)), KillStatus::Unproved);
}

#[test]
fn what_never_appears_is_dead_after_the_kill_settle_of_answers() {
    let mut check = check();
    let starting = KillRound { livy: record(BatchState::Starting, None), ..nothing() };
    assert_eq!(check.see(&starting, now(0)), KillStatus::Unproved);
    for second in 1..8 {
        assert_eq!(check.see(&nothing(), now(second)), KillStatus::Unproved);
    }
    let dead = KillRound { livy: record(BatchState::Dead, None), ..nothing() };
    assert_eq!(check.see(&dead, now(8)), KillStatus::Unproved);
    assert_eq!(check.see(&nothing(), now(9)), KillStatus::Verified);
}

#[test]
fn silence_and_what_cannot_be_looked_at_add_nothing() {
    let rounds = [
        KillRound { livy: LivyAnswer::Unreachable("down".into()), ..nothing() },
        KillRound { by_tag: silent(), ..nothing() },
        KillRound { carried: TagOnNode::Unknown, ..nothing() },
    ];
    for round in rounds {
        let mut check = check();
        for second in 0..100 {
            assert_eq!(check.see(&round, now(second)), KillStatus::Unproved, "{round:?}");
        }
    }
}

#[test]
fn a_process_and_a_batch_that_lives_start_the_time_anew() {
    let rounds = [
        KillRound { carried: TagOnNode::Yes, ..nothing() },
        KillRound { livy: record(BatchState::Running, None), ..nothing() },
        KillRound { livy: LivyAnswer::Unreachable("down".into()), carried: TagOnNode::Yes, ..nothing() },
        KillRound { livy: record(BatchState::Dead, None), carried: TagOnNode::Yes, ..nothing() },
        KillRound { by_tag: found(ENDED), ..nothing() },
    ];
    for round in rounds {
        let mut check = check();
        for second in 0..8 {
            check.see(&nothing(), now(second));
        }
        assert_eq!(check.see(&round, now(8)), KillStatus::Unproved, "{round:?}");
        assert_eq!(check.see(&nothing(), now(9)), KillStatus::Unproved, "{round:?}");
    }
}

#[test]
fn without_yarn_a_run_is_dead_by_livys_word() {
    let without = |livy| KillRound { livy, by_tag: YarnAnswer::Off, ..nothing() };
    let mut check = check();
    assert_eq!(check.see(&without(record(BatchState::Running, None)), now(0)), KillStatus::Unproved);
    assert_eq!(check.see(&without(LivyAnswer::Missing), now(1)), KillStatus::Unproved);
    assert_eq!(check.see(&without(LivyAnswer::Unreachable("down".into())), now(2)), KillStatus::Unproved);
    assert_eq!(check.see(&without(LivyAnswer::Missing), now(3)), KillStatus::ByLivysWord);
    assert_eq!(check.see(&without(record(BatchState::Killed, None)), now(4)), KillStatus::ByLivysWord);
}

#[test]
fn all_that_yarn_calls_active_is_to_be_killed_once() {
    let by_tag = YarnAnswer::Answer(vec![
        application("a_1_2", AppState::Active),
        application("a_1_1", AppState::Active),
        application("a_1_0", ENDED),
    ]);
    let round = KillRound { by_tag, ..known(found(AppState::Active)) };
    assert_eq!(round.active(), ["a_1_1", "a_1_2"]);
}

#[test]
fn an_unknown_id_is_learned_from_yarn_or_else_from_livy() {
    let livy = || record(BatchState::Running, Some("a_1_9"));
    let unknown = Run::new("a".into(), "sjw-a".into());
    let by_both = KillRound { livy: livy(), by_tag: found(ENDED), ..nothing() };
    assert_eq!(by_both.learned(&unknown).as_deref(), Some("a_1_1"));
    assert_eq!(KillRound { livy: livy(), ..nothing() }.learned(&unknown).as_deref(), Some("a_1_9"));
    assert_eq!(nothing().learned(&unknown), None);
    let known = Run { application: Some("a_1_9".into()), ..unknown };
    assert_eq!(by_both.learned(&known), None, "it is known");
    // Nobody asks for it by its id where there is no YARN: it would be news in each round, and the kill begin anew.
    let without_yarn = KillRound { livy: livy(), by_tag: YarnAnswer::Off, ..nothing() };
    assert_eq!(without_yarn.learned(&known), None);
}

#[test]
fn only_a_session_that_has_done_its_work_is_given_time_to_end_by_itself() {
    let batch = Run::new("a".into(), "sjw-a".into());
    let end = |run: &Run| Grace::new(run, now(10));
    for run in [batch.clone(), batch.at(Step::Opening), batch.at(Step::At(3))] {
        assert!(end(&run).is_over(now(10)), "{run:?}");
    }
    let done = batch.at(Step::Done);
    assert!(!end(&done).is_over(now(24)) && end(&done).is_over(now(25)));
}
