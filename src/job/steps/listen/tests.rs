//! From a step that Livy has to its end.

use serde_json::{Value, json};

use super::*;
use crate::job::timestamp::Timestamp;
use crate::job::world::{Heard, Said, StatementState, StatementView};

const TASK: &str = "0123456789abcdef";
const PATIENCE: Patience = Patience { unanswered: Duration::from_secs(600), dead: Duration::from_secs(180) };

fn at(seconds: u64) -> Now {
    Now {
        wall: Timestamp(0),
        elapsed: Duration::from_secs(seconds),
        answered: Duration::ZERO,
        yarn: Duration::ZERO,
    }
}

fn heard(number: u64, turn: Turn, output: Value) -> Observation {
    let state = if output.is_null() { StatementState::Under } else { StatementState::Available };
    Observation::Heard(Heard::Statement(StatementView { number, mark: turn.mark(TASK), state, output }))
}

fn checked(end: Value) -> Value {
    let view = json!({"sjw": TASK, "for": TASK, "asked": 2, "last": 2, "end": end});
    json!({"status": "ok", "data": {"application/json": view}})
}

/// A listener whose check has been answered so.
fn answered(output: Value) -> (Listen<'static>, ListenStep) {
    let mut listen = Listen::new(TASK, 2, 5, PATIENCE);
    let said = StatementView {
        number: 6,
        mark: Turn::Check(2).mark(TASK),
        state: StatementState::Under,
        output: Value::Null,
    };
    let story = [
        (Observation::Tick, ListenStep::Look(5)),
        // Whatever Livy says of the step itself.
        (
            heard(5, Turn::Step(2), json!({"status": "error", "ename": "JsonParseException"})),
            ListenStep::Look(6),
        ),
        (Observation::Heard(Heard::Nothing), ListenStep::Post(Turn::Check(2))),
        (Observation::Said(Said::Taken(said)), ListenStep::Look(6)),
    ];
    for (observation, expected) in story {
        assert_eq!(listen.see(observation, true, at(0)), expected);
    }
    let step = listen.see(heard(6, Turn::Check(2), output), true, at(0));
    (listen, step)
}

#[test]
fn the_check_alone_says_how_a_step_ended() {
    let (_, step) = answered(checked(json!({"status": "ok", "result": "[1]"})));
    let done = Checked::Done { result: Some("[1]".to_owned()), told: Vec::new() };
    assert_eq!(step, ListenStep::Ended { checked: done, next: 7 });
    let (_, step) = answered(checked(json!({"status": "too large", "bytes": 7})));
    assert_eq!(step, ListenStep::Ended { checked: Checked::TooLarge { bytes: 7 }, next: 7 });
    let (_, step) =
        answered(checked(json!({"status": "failed", "ename": "E", "evalue": "w", "traceback": "t"})));
    let failed = Checked::Failed { name: "E".to_owned(), words: "w".to_owned(), traceback: "t".to_owned() };
    assert_eq!(step, ListenStep::Ended { checked: failed, next: 7 });
}

#[test]
fn an_answer_that_is_not_the_checks_breaks_the_session() {
    for output in [
        json!({"status": "ok", "data": {"text/plain": ""}}),
        json!({"status": "error", "ename": "JsonParseException", "evalue": "hi"}),
        json!({"status": "ok", "data": {"content": {"status": "error", "ename": "KeyError"}}}),
        checked(Value::Null),
    ] {
        let (_, step) = answered(output.clone());
        assert!(matches!(step, ListenStep::Broken(_)), "{output}: {step:?}");
    }
}

#[test]
fn an_interpreter_that_died_breaks_the_session_only_where_its_application_lives_on() {
    let died =
        || json!({"status": "error", "ename": "Error", "evalue": "Interpreter died:\n", "traceback": []});
    let (mut listen, step) = answered(died());
    assert_eq!(step, ListenStep::Wait(DEAD_PAUSE));
    let broken = (0..)
        .find(|round| matches!(listen.see(Observation::Tick, true, at(5 * round)), ListenStep::Broken(_)));
    assert_eq!(broken, Some(36), "after 180 s");
    // Nobody says that it lives: those who follow the application will hear of its end.
    let (mut listen, _) = answered(died());
    for round in 0..1_000 {
        assert_eq!(listen.see(Observation::Tick, false, at(5 * round)), ListenStep::Wait(DEAD_PAUSE));
    }
}

#[test]
fn a_step_that_runs_is_waited_for() {
    let mut listen = Listen::new(TASK, 2, 5, PATIENCE);
    for _ in 0..100 {
        assert_eq!(listen.see(Observation::Tick, true, at(0)), ListenStep::Look(5));
        let step = listen.see(heard(5, Turn::Step(2), Value::Null), true, at(0));
        assert!(matches!(step, ListenStep::Wait(_)));
    }
}
