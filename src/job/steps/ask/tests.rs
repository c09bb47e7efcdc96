//! One turn, in a Livy that applies late, twice or never, and loses answers.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::job::timestamp::Timestamp;

const TASK: &str = "0123456789abcdef";
const PATIENCE: Duration = Duration::from_secs(600);

fn at(seconds: u64) -> Now {
    Now {
        wall: Timestamp(0),
        elapsed: Duration::from_secs(seconds),
        answered: Duration::ZERO,
        yarn: Duration::ZERO,
    }
}

fn ask(turn: Turn, from: u64, known: bool) -> Ask<'static> {
    Ask::new(Terms { task: TASK, turn, patience: PATIENCE }, from, known)
}

fn view(number: u64, mark: &str, state: StatementState) -> StatementView {
    StatementView { number, mark: mark.to_owned(), state, output: json!({"status": "ok"}) }
}

fn heard(number: u64, turn: Turn, state: StatementState) -> Observation {
    Observation::Heard(Heard::Statement(view(number, &turn.mark(TASK), state)))
}

fn nothing() -> Observation {
    Observation::Heard(Heard::Nothing)
}

fn said(number: u64, turn: Turn) -> Observation {
    Observation::Said(Said::Taken(view(number, &turn.mark(TASK), Under)))
}

fn unsure() -> Observation {
    Observation::Said(Said::Unsure("timed out".to_owned()))
}

/// What each observation leads to, at one moment.
#[track_caller]
fn check(ask: &mut Ask, story: Vec<(Observation, AskStep)>) {
    for (observation, expected) in story {
        let shown = format!("{observation:?}");
        let step = ask.see(observation, true, at(0));
        let same = match (&step, &expected) {
            (AskStep::Wait(_), AskStep::Wait(_)) | (AskStep::Broken(_), AskStep::Broken(_)) => true,
            (step, expected) => step == expected,
        };
        assert!(same, "{shown}: {step:?}, and not {expected:?}");
    }
}

fn wait() -> AskStep {
    AskStep::Wait(Duration::ZERO)
}

fn done(number: u64) -> AskStep {
    AskStep::Done { number, output: json!({"status": "ok"}) }
}

use StatementState::{Available, Cancelled, Under};
use Turn::{Check, Step};

#[test]
fn it_looks_before_it_posts_and_listens_until_there_is_an_output() {
    check(
        &mut ask(Step(3), 7, false),
        vec![
            (Observation::Tick, AskStep::Look(7)),
            (nothing(), AskStep::Post),
            (said(7, Step(3)), AskStep::Known(7)),
            (Observation::Tick, AskStep::Look(7)),
            (heard(7, Step(3), Under), wait()),
            (Observation::Tick, AskStep::Look(7)),
            (heard(7, Step(3), Available), done(7)),
        ],
    );
}

#[test]
fn a_turn_that_was_applied_before_is_not_posted_again() {
    check(
        &mut ask(Step(3), 7, false),
        vec![
            (Observation::Tick, AskStep::Look(7)),
            (heard(7, Step(3), Under), AskStep::Known(7)),
            (heard(7, Step(3), Cancelled), done(7)),
        ],
    );
}

#[test]
fn an_end_that_livy_shows_without_an_output_is_looked_at_again() {
    let torn = StatementView { output: Value::Null, ..view(7, &Check(3).mark(TASK), Available) };
    check(
        &mut ask(Check(3), 7, true),
        vec![
            (Observation::Heard(Heard::Statement(torn)), wait()),
            (Observation::Tick, AskStep::Look(7)),
            (heard(7, Check(3), Available), done(7)),
        ],
    );
}

#[test]
fn a_post_without_an_answer_is_looked_for_and_repeated_while_nothing_is_there() {
    check(
        &mut ask(Check(3), 8, false),
        vec![
            (nothing(), AskStep::Post),
            (unsure(), wait()),
            (Observation::Tick, AskStep::Look(8)),
            (nothing(), AskStep::Post),
            (unsure(), wait()),
            (Observation::Tick, AskStep::Look(8)),
            (heard(8, Check(3), Available), AskStep::Known(8)),
        ],
    );
}

#[test]
fn turns_that_were_applied_late_are_passed_over() {
    check(
        &mut ask(Check(3), 8, false),
        vec![
            (heard(8, Step(3), Available), AskStep::Look(9)),
            (heard(9, Step(2), Available), AskStep::Look(10)),
            (nothing(), AskStep::Post),
            (said(11, Check(3)), AskStep::Look(10)),
            (heard(10, Step(3), Available), AskStep::Known(11)),
        ],
    );
    // The first with the mark counts: the later one is the double.
    check(
        &mut ask(Check(3), 8, false),
        vec![
            (nothing(), AskStep::Post),
            (said(9, Check(3)), AskStep::Look(8)),
            (heard(8, Check(3), Available), AskStep::Known(8)),
        ],
    );
}

#[test]
fn a_number_that_livy_has_forgotten_is_passed_over_where_a_later_one_is_known() {
    check(
        &mut ask(Step(3), 7, false),
        vec![
            (nothing(), AskStep::Post),
            (said(9, Step(3)), AskStep::Look(7)),
            (nothing(), AskStep::Known(9)),
            (Observation::Tick, AskStep::Look(9)),
        ],
    );
}

#[test]
fn what_is_not_ours_breaks_the_session() {
    let foreign = |mark: &str| Observation::Heard(Heard::Statement(view(7, mark, Available)));
    for mark in
        ["", "1 + 1", "# sjw-fedcba9876543210 3", "# sjw-0123456789abcdef 3x", "# sjw-0123456789abcdef"]
    {
        check(&mut ask(Step(3), 7, false), vec![(foreign(mark), AskStep::Broken(String::new()))]);
    }
    // A turn that was never said, and another turn under a number that was known.
    check(&mut ask(Step(3), 7, false), vec![(heard(7, Check(3), Available), AskStep::Broken(String::new()))]);
    check(&mut ask(Step(3), 7, true), vec![(heard(7, Step(2), Available), AskStep::Broken(String::new()))]);
    // Numbers only grow.
    check(&mut ask(Step(3), 7, false), vec![(said(6, Step(3)), AskStep::Broken(String::new()))]);
}

#[test]
fn silence_breaks_a_session_only_while_it_is_said_to_live() {
    let silent = || Observation::Heard(Heard::Silent("500 RPC channel is closed.".to_owned()));
    let mut lives = ask(Step(3), 7, true);
    let mut seconds = 0;
    let reason = loop {
        seconds += 15;
        match lives.see(silent(), true, at(seconds)) {
            AskStep::Wait(_) => {}
            AskStep::Broken(reason) => break reason,
            step @ (AskStep::Look(_) | AskStep::Post | AskStep::Known(_) | AskStep::Done { .. }) => {
                panic!("{step:?}")
            }
        }
    };
    assert_eq!(seconds, 615);
    assert!(reason.contains("RPC channel is closed."), "{reason}");

    let mut unknown = ask(Step(3), 7, true);
    for seconds in 0..10_000 {
        assert!(matches!(unknown.see(silent(), false, at(15 * seconds)), AskStep::Wait(_)));
    }
    // The time in which nobody could say whether it lives does not count.
    let mut back = ask(Step(3), 7, true);
    for (seconds, lives) in [(0, true), (500, false), (10_000, true), (10_015, true)] {
        assert!(matches!(back.see(silent(), lives, at(seconds)), AskStep::Wait(_)), "{seconds}");
    }
    assert!(back.silent.add(Duration::from_secs(10_015)) == Duration::from_secs(15));
    // An answer about the statement begins it anew.
    let mut answered = ask(Step(3), 7, true);
    for seconds in 0..1_000 {
        let seen = if seconds % 30 == 0 { heard(7, Step(3), Under) } else { silent() };
        assert!(matches!(answered.see(seen, true, at(15 * seconds)), AskStep::Wait(_)));
    }
    // That there is nothing is no answer to a POST.
    let mut posting = ask(Step(3), 7, false);
    let broken = (0..100).any(|round| {
        posting.see(nothing(), true, at(20 * round));
        matches!(posting.see(unsure(), true, at(20 * round + 10)), AskStep::Broken(_))
    });
    assert!(broken, "a POST that never gets an answer ends");
}

#[test]
fn a_driver_that_is_silent_is_asked_less_and_less_often() {
    let silent = || Observation::Heard(Heard::Silent("timed out after 10 s".to_owned()));
    let mut ask = ask(Step(3), 7, true);
    let (mut passed, mut calls) = (Duration::ZERO, 0);
    let longest = loop {
        // Each call is given up after 10 s, and may keep a thread of Livy's.
        (passed, calls) = (passed + Duration::from_secs(10), calls + 1);
        let step = ask.see(silent(), false, Now { elapsed: passed, ..at(0) });
        let AskStep::Wait(pause) = step else { panic!("{step:?}") };
        if passed > PATIENCE {
            break pause;
        }
        passed += pause;
    };
    assert_eq!(longest, Duration::from_secs(60));
    assert!(calls <= 20, "{calls} calls in ten minutes");
    // Once it answers, it is asked as before.
    let AskStep::Wait(pause) = ask.see(heard(7, Step(3), Under), true, at(0)) else { panic!("it waits") };
    assert_eq!(pause, Duration::from_secs(5));
}

#[test]
fn pauses_grow_from_10_ms_to_5_s() {
    let mut ask = ask(Step(3), 7, true);
    let mut pauses = Vec::new();
    for _ in 0..20 {
        let step = ask.see(heard(7, Step(3), Under), true, at(0));
        let AskStep::Wait(pause) = step else { panic!("{step:?}") };
        pauses.push(pause);
    }
    assert_eq!(pauses[0], Duration::from_millis(10));
    assert!(pauses.is_sorted() && pauses[19] == Duration::from_secs(5), "{pauses:?}");
    let first_second: Duration = pauses.iter().take(10).sum();
    assert!(first_second > Duration::from_secs(1), "ten looks in the first second: {first_second:?}");
}

#[test]
fn an_end_of_the_session_is_not_judged_here() {
    for observation in [
        Observation::Heard(Heard::NoSession),
        Observation::Heard(Heard::NotActive),
        Observation::Said(Said::NoSession),
        Observation::Said(Said::NotActive),
        Observation::Said(Said::NotNow("Session is in state starting".to_owned())),
    ] {
        for round in 0..1_000 {
            let mut ask = ask(Step(3), 7, false);
            let again = format!("{observation:?}");
            let seen = match &observation {
                Observation::Heard(heard) => Observation::Heard(heard.clone()),
                Observation::Said(said) => Observation::Said(said.clone()),
                Observation::Tick => Observation::Tick,
            };
            assert!(matches!(ask.see(seen, true, at(round)), AskStep::Wait(_)), "{again}");
        }
    }
}

/// What befalls a POST.
#[derive(Debug, Clone, Copy)]
enum Fate {
    Applied,
    AnswerLost,
    Late(u8),
    Lost,
    NotNow,
}

fn fate() -> impl Strategy<Value = Fate> {
    prop_oneof![
        3 => Just(Fate::Applied),
        2 => Just(Fate::AnswerLost),
        2 => (1..6_u8).prop_map(Fate::Late),
        1 => Just(Fate::Lost),
        1 => Just(Fate::NotNow),
    ]
}

/// A Livy with the statements of one session.
#[derive(Debug, Default)]
struct Livy {
    marks: Vec<String>,
    late: Vec<(u8, String)>,
    kept: usize,
}

impl Livy {
    /// What was under way gets nearer, and is applied.
    fn moves(&mut self) {
        self.late.iter_mut().for_each(|(rounds, _)| *rounds = rounds.saturating_sub(1));
        let (due, late) = std::mem::take(&mut self.late).into_iter().partition(|(rounds, _)| *rounds == 0);
        self.late = late;
        let due: Vec<(u8, String)> = due;
        self.marks.extend(due.into_iter().map(|(_, mark)| mark));
    }

    fn taken(&mut self, mark: String) -> StatementView {
        self.marks.push(mark.clone());
        view(self.marks.len() as u64 - 1, &mark, Under)
    }

    fn post(&mut self, mark: String, fate: Fate) -> Said {
        match fate {
            Fate::Applied => Said::Taken(self.taken(mark)),
            Fate::AnswerLost => {
                self.taken(mark);
                Said::Unsure("reset".to_owned())
            }
            Fate::Late(rounds) => {
                self.late.push((rounds, mark));
                Said::Unsure("timed out".to_owned())
            }
            Fate::Lost => Said::Unsure("reset".to_owned()),
            Fate::NotNow => Said::NotNow("starting".to_owned()),
        }
    }

    fn get(&self, number: u64) -> Heard {
        let forgotten = (number as usize) < self.marks.len().saturating_sub(self.kept);
        match self.marks.get(number as usize) {
            Some(mark) if !forgotten => Heard::Statement(view(number, mark, Available)),
            _ => Heard::Nothing,
        }
    }
}

/// Says one turn, and returns the number under which it was found.
fn say(livy: &mut Livy, turn: Turn, from: u64, fates: &mut impl Iterator<Item = Fate>) -> u64 {
    let mut ask = ask(turn, from, false);
    let mut step = AskStep::Look(from);
    for _ in 0..1_000 {
        livy.moves();
        let seen = match step {
            AskStep::Look(number) => Observation::Heard(livy.get(number)),
            AskStep::Post => {
                Observation::Said(livy.post(turn.mark(TASK), fates.next().unwrap_or(Fate::Applied)))
            }
            AskStep::Wait(_) | AskStep::Known(_) => Observation::Tick,
            AskStep::Done { number, .. } => return number,
            AskStep::Broken(reason) => panic!("{reason}: {livy:?}"),
        };
        step = ask.see(seen, true, at(0));
    }
    panic!("{turn:?} is never found: {livy:?}");
}

proptest! {
    #[test]
    fn whatever_becomes_of_posts_every_turn_is_found_under_its_own_mark(
        fates in proptest::collection::vec(fate(), 0..60),
        // Livy keeps a hundred.
        kept in 8..100_usize,
    ) {
        let mut fates = fates.into_iter();
        let mut livy = Livy { kept, ..Livy::default() };
        let mut from = 0;
        for step in 0..6 {
            for turn in [Step(step), Check(step)] {
                let number = say(&mut livy, turn, from, &mut fates);
                prop_assert!(number >= from);
                prop_assert_eq!(&livy.marks[number as usize], &turn.mark(TASK));
                from = number + 1;
            }
        }
    }
}
