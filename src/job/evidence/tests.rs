//! When it is enough, and when it is not.

use super::*;

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn a_gap_without_answers_counts_for_two_intervals() {
    let mut answered = AnsweredTime::new(SECOND);
    answered.add(Duration::ZERO);
    answered.add(SECOND);
    assert_eq!(answered.add(SECOND * 600), SECOND * 3);
}

#[test]
fn what_was_missing_and_is_there_begins_anew() {
    let mut answered = AnsweredTime::new(SECOND);
    answered.add(SECOND);
    answered.add(SECOND * 2);
    answered.reset();
    assert_eq!(answered.add(SECOND * 3), Duration::ZERO);
    assert_eq!(answered.add(SECOND * 4), SECOND);
}

#[test]
fn only_what_has_ended_is_final() {
    let table = [
        (BatchState::Starting, false),
        (BatchState::Running, false),
        (BatchState::Other("recovering".into()), false),
        (BatchState::Success, true),
        (BatchState::Dead, true),
        (BatchState::Killed, true),
        (BatchState::Error, true),
    ];
    for (state, expected) in table {
        assert_eq!(is_final(&state), expected, "{state}");
    }
}

#[test]
fn one_dead_beat_is_a_suspicion_and_two_are_certainty() {
    let dead = Beat::Dead("TaskTimedOut".into());
    let silent = Beat::Unanswered("reset".into());
    assert_eq!(TokenLiveness::Alive.after(&dead), TokenLiveness::Suspect);
    assert_eq!(TokenLiveness::Suspect.after(&dead), TokenLiveness::Gone);
    assert_eq!(TokenLiveness::Suspect.after(&Beat::Accepted), TokenLiveness::Alive);
    assert_eq!(TokenLiveness::Suspect.after(&silent), TokenLiveness::Suspect);
    assert_eq!(TokenLiveness::Alive.after(&silent), TokenLiveness::Alive);
}
