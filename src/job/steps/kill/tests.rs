//! When a kill counts.

use super::*;
use crate::job::application::{AppEnd, Application};
use crate::job::timestamp::Timestamp;
use crate::job::world::{BatchState, BatchView};

const SECOND: Duration = Duration::from_secs(1);
const ENDED: AppState = AppState::Ended(AppEnd::Killed);

fn now(seconds: u64) -> Now {
    Now { wall: Timestamp(0), elapsed: SECOND * u32::try_from(seconds).unwrap(), answered: Duration::ZERO }
}

fn check() -> KillCheck {
    KillCheck::new(SECOND, SECOND * 8, SECOND * 2)
}

fn application(id: &str, state: AppState) -> Application {
    Application {
        id: id.into(),
        state,
        word: "RUNNING".into(),
        started: None,
        launched: None,
        finished: None,
        memory_seconds: None,
        vcore_seconds: None,
        diagnostics: String::new(),
        tracking_url: None,
        log_url: None,
    }
}

fn found(state: AppState) -> Yarn {
    Yarn::Answer(vec![application("a_1_1", state)])
}

fn none() -> Yarn {
    Yarn::Answer(Vec::new())
}

fn silent() -> Yarn {
    Yarn::Unreachable("down".into())
}

fn record(state: BatchState, application: Option<&str>) -> Look {
    Look::Seen(
        BatchView {
            id: 0,
            name: "a".into(),
            state,
            application: application.map(str::to_owned),
            proxy_user: None,
            driver_log_url: None,
            tracking_url: None,
            hollow: false,
        }
        .into(),
    )
}

/// Nothing anywhere; the id is not known.
fn nothing() -> Round {
    Round { livy: Look::Missing, by_id: None, by_tag: none(), carried: Carried::No, hides: false }
}

/// YARN says of the known id what `by_id` says.
fn known(by_id: Yarn) -> Round {
    Round { by_id: Some(by_id), ..nothing() }
}

#[test]
fn yarns_word_about_the_id_decides_once_it_is_known() {
    assert_eq!(check().see(&known(found(ENDED)), now(0)), Death::Verified);
    let unproved = [
        known(found(AppState::Active)),
        known(silent()),
        known(Yarn::Hidden("403".into())),
        Round { by_tag: silent(), ..known(found(ENDED)) },
        Round { by_tag: Yarn::Hidden("403".into()), ..known(found(ENDED)) },
    ];
    for round in unproved {
        assert_eq!(check().see(&round, now(0)), Death::Unproved, "{round:?}");
    }
}

#[test]
fn what_else_lives_or_can_still_come_is_no_death() {
    let double = Yarn::Answer(vec![application("a_1_1", ENDED), application("a_1_2", AppState::Active)]);
    let rounds = [
        Round { by_tag: double, ..known(found(ENDED)) },
        Round { carried: Carried::Yes, ..known(found(ENDED)) },
    ];
    for round in rounds {
        assert_eq!(check().see(&round, now(0)), Death::Unproved, "{round:?}");
    }
    let round = Round { carried: Carried::Unknown, ..known(found(ENDED)) };
    assert_eq!(check().see(&round, now(0)), Death::Verified, "YARN's word is enough where nobody can look");
}

#[test]
fn a_known_application_that_yarn_has_forgotten_must_stay_away() {
    let mut check = check();
    for second in 0..8 {
        assert_eq!(check.see(&known(none()), now(second)), Death::Unproved);
    }
    assert_eq!(check.see(&known(none()), now(8)), Death::Verified);
}

#[test]
fn a_known_application_that_comes_back_starts_the_time_anew() {
    let mut check = check();
    for second in 0..8 {
        check.see(&known(none()), now(second));
    }
    assert_eq!(check.see(&known(found(AppState::Active)), now(8)), Death::Unproved);
    assert_eq!(check.see(&known(none()), now(9)), Death::Unproved);
}

#[test]
fn a_yarn_that_hides_is_believed_by_id_alone() {
    let by_id = Round { hides: true, by_tag: silent(), ..known(found(ENDED)) };
    assert_eq!(check().see(&by_id, now(0)), Death::Verified);
    let mut check = check();
    for second in 0..100 {
        let by_tag = Round { hides: true, ..nothing() };
        assert_eq!(check.see(&by_tag, now(second)), Death::Unproved, "no list proves absence");
    }
}

#[test]
fn what_a_yarn_that_hides_shows_as_active_is_alive() {
    let double = Yarn::Answer(vec![application("a_1_1", ENDED), application("a_1_2", AppState::Active)]);
    let round = Round { hides: true, by_tag: double, ..known(found(ENDED)) };
    assert_eq!(check().see(&round, now(0)), Death::Unproved);
}

#[test]
fn what_never_appears_is_dead_after_the_kill_settle_of_answers() {
    let mut check = check();
    let starting = Round { livy: record(BatchState::Starting, None), ..nothing() };
    assert_eq!(check.see(&starting, now(0)), Death::Unproved);
    for second in 1..8 {
        assert_eq!(check.see(&nothing(), now(second)), Death::Unproved);
    }
    let dead = Round { livy: record(BatchState::Dead, None), ..nothing() };
    assert_eq!(check.see(&dead, now(8)), Death::Unproved);
    assert_eq!(check.see(&nothing(), now(9)), Death::Verified);
}

#[test]
fn silence_and_what_cannot_be_looked_at_add_nothing() {
    let rounds = [
        Round { livy: Look::Unreachable("down".into()), ..nothing() },
        Round { by_tag: silent(), ..nothing() },
        Round { carried: Carried::Unknown, ..nothing() },
    ];
    for round in rounds {
        let mut check = check();
        for second in 0..100 {
            assert_eq!(check.see(&round, now(second)), Death::Unproved, "{round:?}");
        }
    }
}

#[test]
fn a_process_and_a_batch_that_lives_start_the_time_anew() {
    let rounds = [
        Round { carried: Carried::Yes, ..nothing() },
        Round { livy: record(BatchState::Running, None), ..nothing() },
        Round { livy: Look::Unreachable("down".into()), carried: Carried::Yes, ..nothing() },
        Round { livy: record(BatchState::Dead, None), carried: Carried::Yes, ..nothing() },
        Round { by_tag: found(ENDED), ..nothing() },
    ];
    for round in rounds {
        let mut check = check();
        for second in 0..8 {
            check.see(&nothing(), now(second));
        }
        assert_eq!(check.see(&round, now(8)), Death::Unproved, "{round:?}");
        assert_eq!(check.see(&nothing(), now(9)), Death::Unproved, "{round:?}");
    }
}

#[test]
fn without_yarn_a_run_is_dead_by_livys_word() {
    let without = |livy| Round { livy, by_tag: Yarn::Off, ..nothing() };
    let mut check = check();
    assert_eq!(check.see(&without(record(BatchState::Running, None)), now(0)), Death::Unproved);
    assert_eq!(check.see(&without(Look::Missing), now(1)), Death::Unproved);
    assert_eq!(check.see(&without(Look::Unreachable("down".into())), now(2)), Death::Unproved);
    assert_eq!(check.see(&without(Look::Missing), now(3)), Death::ByLivysWord);
    assert_eq!(check.see(&without(record(BatchState::Killed, None)), now(4)), Death::ByLivysWord);
}

#[test]
fn all_that_yarn_calls_active_is_to_be_killed_once() {
    let by_tag = Yarn::Answer(vec![
        application("a_1_2", AppState::Active),
        application("a_1_1", AppState::Active),
        application("a_1_0", ENDED),
    ]);
    let round = Round { by_tag, ..known(found(AppState::Active)) };
    assert_eq!(round.active(), ["a_1_1", "a_1_2"]);
}

#[test]
fn an_unknown_id_is_learned_from_yarn_or_else_from_livy() {
    let livy = || record(BatchState::Running, Some("a_1_9"));
    assert_eq!(Round { livy: livy(), by_tag: found(ENDED), ..nothing() }.learned().as_deref(), Some("a_1_1"));
    assert_eq!(Round { livy: livy(), ..nothing() }.learned().as_deref(), Some("a_1_9"));
    assert_eq!(nothing().learned(), None);
    assert_eq!(Round { livy: livy(), ..known(none()) }.learned(), None, "it is known");
}
