//! When it is enough, and when it is not.

use super::*;
use crate::job::world::AppEnd;

const SECOND: Duration = Duration::from_secs(1);
const SETTLE: Duration = Duration::from_secs(4);
const LIMIT: Duration = Duration::from_secs(100);

#[test]
fn a_gap_without_answers_counts_for_two_intervals() {
    let mut answered = Answered::new(SECOND);
    answered.add(Timestamp(0));
    answered.add(Timestamp(1_000));
    assert_eq!(answered.add(Timestamp(600_000)), Duration::from_secs(3));
}

#[test]
fn a_clock_that_is_set_back_adds_nothing() {
    let mut answered = Answered::new(SECOND);
    answered.add(Timestamp(5_000));
    assert_eq!(answered.add(Timestamp(1_000)), Duration::ZERO);
}

#[test]
fn one_dead_beat_is_a_suspicion_and_two_are_certainty() {
    let dead = Beat::Dead("TaskTimedOut".into());
    let silent = Beat::Unanswered("reset".into());
    assert_eq!(Life::Alive.after(&dead), Life::Suspect);
    assert_eq!(Life::Suspect.after(&dead), Life::Gone);
    assert_eq!(Life::Suspect.after(&Beat::Accepted), Life::Alive);
    assert_eq!(Life::Suspect.after(&silent), Life::Suspect);
    assert_eq!(Life::Alive.after(&silent), Life::Alive);
}

#[test]
fn a_record_with_a_log_is_found_at_once() {
    let round = Round { livy: Ok(Some(view("starting", false))), ..nothing() };
    assert_eq!(search(false).look(Timestamp(0), round), Finding::Batch(view("starting", false)));
}

#[test]
fn an_application_is_found_where_livy_has_no_record_or_no_answer() {
    for livy in [Ok(None), Err(Unreachable("down".into())), Ok(Some(view("starting", true)))] {
        let yarn = Yarn::Answer(vec![application(AppState::Active)]);
        let round = Round { livy, yarn, ..nothing() };
        assert_eq!(
            search(false).look(Timestamp(0), round),
            Finding::Application(application(AppState::Active))
        );
    }
}

#[test]
fn a_hollow_record_is_a_zombie_after_ten_seconds_where_the_post_was_answered() {
    let mut search = search(true);
    let hollow = || Round { livy: Ok(Some(view("starting", true))), ..nothing() };
    assert_eq!(search.look(Timestamp(0), hollow()), Finding::Open);
    assert_eq!(search.look(Timestamp(9_999), hollow()), Finding::Open);
    assert_eq!(search.look(Timestamp(10_000), hollow()), Finding::Zombie);
}

#[test]
fn a_hollow_record_of_an_unanswered_post_guards_the_name_until_absence_is_believed() {
    let mut search = search(false);
    let mut at = 0;
    let finding = loop {
        let round = Round { livy: Ok(Some(view("starting", true))), ..nothing() };
        let finding = search.look(Timestamp(at), round);
        if finding != Finding::Open {
            break finding;
        }
        at += 1_000;
    };
    assert_eq!(
        (finding, at),
        (Finding::Absent { zombie: true }, 14_000),
        "ten seconds of hollowness, four of absence"
    );
}

#[test]
fn absence_needs_answers_of_both_and_silence_of_either_adds_none() {
    let mut search = search(false);
    let silent = [
        || Round { livy: Err(Unreachable("refused".into())), ..nothing() },
        || Round { yarn: Yarn::Unreachable("refused".into()), ..nothing() },
    ];
    assert_eq!(search.look(Timestamp(0), nothing()), Finding::Open);
    for (at, round) in [(20_000, silent[0]), (40_000, silent[1])] {
        assert_eq!(search.look(Timestamp(at), round()), Finding::Open);
    }
    for at in [60_000, 61_000] {
        assert_eq!(search.look(Timestamp(at), nothing()), Finding::Open);
    }
    assert_eq!(search.look(Timestamp(62_000), nothing()), Finding::Absent { zombie: false });
}

#[test]
fn a_process_that_carries_the_tag_starts_the_time_anew() {
    let mut search = search(false);
    for at in 0..4 {
        assert_eq!(search.look(Timestamp(at * 1_000), nothing()), Finding::Open);
    }
    let round = Round { carried: true, ..nothing() };
    assert_eq!(search.look(Timestamp(4_000), round), Finding::Open);
    for at in 5..9 {
        assert_eq!(search.look(Timestamp(at * 1_000), nothing()), Finding::Open);
    }
    assert_eq!(search.look(Timestamp(9_000), nothing()), Finding::Absent { zombie: false });
}

#[test]
fn absence_is_believed_only_from_a_memory_that_reaches_back_to_the_post() {
    let memories = [
        (Some(YarnMemory { started: Timestamp(999), keeps: false }), Finding::Absent { zombie: false }),
        (Some(YarnMemory { started: Timestamp(1_001), keeps: true }), Finding::Absent { zombie: false }),
        (Some(YarnMemory { started: Timestamp(1_001), keeps: false }), Finding::Unknowable),
        (None, Finding::Open),
    ];
    for (memory, expected) in memories {
        let mut search = Search::new(SECOND, Duration::ZERO, LIMIT, Timestamp(1_000), false);
        let round = Round { memory, ..nothing() };
        assert_eq!(search.look(Timestamp(2_000), round), expected, "{memory:?}");
    }
}

#[test]
fn an_old_doubt_and_one_from_the_future_and_one_without_yarn_are_unknowable() {
    let look = |at: u64, yarn: Yarn| {
        let mut search = Search::new(SECOND, Duration::ZERO, LIMIT, Timestamp(1_000), false);
        search.look(Timestamp(at), Round { yarn, ..nothing() })
    };
    assert_eq!(look(101_000, Yarn::Answer(Vec::new())), Finding::Unknowable);
    assert_eq!(look(500, Yarn::Answer(Vec::new())), Finding::Unknowable);
    assert_eq!(look(2_000, Yarn::Off), Finding::Unknowable);
    assert_eq!(look(2_000, Yarn::Answer(Vec::new())), Finding::Absent { zombie: false });
}

#[test]
fn yarn_decides_whether_a_run_is_dead() {
    let ended = Yarn::Answer(vec![application(AppState::Ended(AppEnd::Killed))]);
    let mixed =
        Yarn::Answer(vec![application(AppState::Ended(AppEnd::Failed)), application(AppState::Active)]);
    let mut burial = burial();
    assert_eq!(
        burial.look(Timestamp(0), &Look::Seen(view("running", false).into()), &ended),
        Death::Verified
    );
    assert_eq!(burial.look(Timestamp(0), &Look::Missing, &mixed), Death::Unproved);
    assert_eq!(burial.look(Timestamp(0), &Look::Missing, &Yarn::Unreachable("down".into())), Death::Unproved);
}

#[test]
fn what_never_appears_is_dead_after_the_kill_settle_of_answers() {
    let none = Yarn::Answer(Vec::new());
    let mut burial = burial();
    assert_eq!(
        burial.look(Timestamp(0), &Look::Seen(view("starting", false).into()), &none),
        Death::Unproved
    );
    for at in 1..8 {
        assert_eq!(burial.look(Timestamp(at * 1_000), &Look::Missing, &none), Death::Unproved);
    }
    assert_eq!(
        burial.look(Timestamp(8_000), &Look::Seen(view("dead", false).into()), &none),
        Death::Unproved
    );
    assert_eq!(burial.look(Timestamp(9_000), &Look::Missing, &none), Death::Verified);
}

#[test]
fn without_yarn_a_run_is_dead_by_livys_word() {
    let mut burial = burial();
    assert_eq!(
        burial.look(Timestamp(0), &Look::Seen(view("running", false).into()), &Yarn::Off),
        Death::Unproved
    );
    assert_eq!(burial.look(Timestamp(1_000), &Look::Missing, &Yarn::Off), Death::Unproved);
    assert_eq!(burial.look(Timestamp(2_000), &Look::Unreachable("down".into()), &Yarn::Off), Death::Unproved);
    assert_eq!(burial.look(Timestamp(3_000), &Look::Missing, &Yarn::Off), Death::ByLivysWord);
    assert_eq!(
        burial.look(Timestamp(4_000), &Look::Seen(view("killed", false).into()), &Yarn::Off),
        Death::ByLivysWord
    );
}

fn search(answered: bool) -> Search {
    Search::new(SECOND, SETTLE, LIMIT, Timestamp(0), answered)
}

fn burial() -> Burial {
    Burial::new(SECOND, SECOND * 8, SECOND * 2)
}

/// Both services answer, and have nothing.
fn nothing() -> Round {
    let memory = Some(YarnMemory { started: Timestamp(0), keeps: true });
    Round { livy: Ok(None), yarn: Yarn::Answer(Vec::new()), memory, carried: false }
}

fn application(state: AppState) -> Application {
    Application {
        id: "application_1_0001".into(),
        state,
        word: "RUNNING".into(),
        started: Timestamp(0),
        finished: None,
        diagnostics: String::new(),
        tracking_url: None,
        log_url: None,
    }
}

fn view(state: &str, hollow: bool) -> BatchView {
    BatchView {
        id: 0,
        name: "a".into(),
        state: state.into(),
        application: None,
        proxy_user: None,
        driver_log_url: None,
        tracking_url: None,
        hollow,
    }
}
