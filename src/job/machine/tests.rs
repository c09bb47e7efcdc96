//! Every pair of state and event, in one table.

use super::super::application::AppEnd;
use super::super::timestamp::Timestamp;
use super::*;
use crate::job::report::{Cost, ErrorName, Source, Success};

const STATES: [&str; 13] = [
    "Received",
    "Submitting",
    "InDoubt",
    "Running",
    "Judged",
    "Judged+doubled",
    "Ended",
    "Ended+leftover",
    "Orphaned",
    "Settled",
    "Stopping",
    "Stopping+end",
    "Ended+reached",
];

/// A row an event; a column a state, in the order of [`STATES`]. `-` is illegal, `=` keeps the state.
const TABLE: [(&str, [&str; 13]); 17] = [
    ("Ready", ["Submitting", "-", "-", "-", "-", "-", "-", "-", "-", "-", "-", "-", "-"]),
    ("Submitted", ["-", "Running", "-", "-", "-", "-", "-", "-", "-", "-", "-", "-", "-"]),
    ("Refused", ["-", "Ended", "-", "-", "-", "-", "-", "-", "-", "-", "-", "-", "-"]),
    ("NotNow", ["-", "Received", "-", "-", "-", "-", "-", "-", "-", "-", "-", "-", "-"]),
    ("Unsure", ["-", "InDoubt", "-", "-", "-", "-", "-", "-", "-", "-", "-", "-", "-"]),
    ("Found", ["-", "-", "Running", "-", "-", "-", "-", "-", "-", "-", "-", "-", "-"]),
    ("Absent", ["-", "-", "Received", "-", "-", "-", "-", "-", "-", "-", "-", "-", "-"]),
    ("Learned", ["-", "-", "-", "Running", "-", "-", "-", "-", "Orphaned", "-", "-", "-", "-"]),
    ("Judged", ["-", "-", "-", "Judged", "-", "-", "-", "-", "-", "-", "-", "-", "-"]),
    ("Gathered", ["-", "-", "-", "-", "Ended", "Ended+leftover", "-", "-", "-", "-", "-", "-", "-"]),
    ("Ended", ["Ended", "-", "Ended", "Ended", "-", "-", "-", "-", "-", "-", "-", "-", "-"]),
    (
        "Ended+leftover",
        ["Ended", "-", "Ended+leftover", "Ended+leftover", "-", "-", "-", "-", "-", "-", "-", "-", "-"],
    ),
    ("Acknowledged", ["-", "-", "-", "-", "-", "-", "Settled", "Orphaned", "-", "-", "-", "-", "Settled"]),
    (
        "TokenGone(kill)",
        [
            "Settled", "Orphaned", "Orphaned", "Orphaned", "Settled", "Orphaned", "Settled", "Orphaned", "=",
            "=", "Settled", "Settled", "Orphaned",
        ],
    ),
    (
        "TokenGone(leave)",
        [
            "Settled", "Orphaned", "Orphaned", "Settled", "Settled", "Orphaned", "Settled", "Orphaned", "=",
            "=", "Settled", "Settled", "Settled",
        ],
    ),
    ("Killed", ["-", "-", "-", "-", "-", "-", "-", "-", "Settled", "-", "Received", "Ended+reached", "-"]),
    (
        "Stop",
        [
            "Ended",
            "Ended+leftover",
            "Ended+leftover",
            "Ended+leftover",
            "=",
            "=",
            "=",
            "=",
            "=",
            "=",
            "Ended",
            "Ended",
            "=",
        ],
    ),
];

#[test]
fn every_pair_of_state_and_event_is_decided() {
    for (event_name, row) in TABLE {
        for (state_name, expected) in STATES.iter().zip(row) {
            let before = state(state_name);
            let after = next(before.clone(), event(event_name));
            let seen = match &after {
                Ok(after) if *after == before && expected == "=" => "=",
                Ok(after) => label(after),
                Err(illegal) => {
                    assert_eq!(illegal.state, before, "an illegal event leaves the state as it was");
                    "-"
                }
            };
            assert_eq!(seen, expected, "{event_name} in {state_name}");
        }
    }
}

#[test]
fn every_state_says_which_run_it_is_about() {
    for name in STATES {
        let expected = match name {
            "Ended" | "Settled" | "Stopping+end" => None,
            _ => Some(run()),
        };
        assert_eq!(state(name).run(), expected.as_ref(), "{name}");
    }
}

#[test]
fn every_stage_has_a_name_of_its_own() {
    let names: std::collections::BTreeSet<&str> = Stage::ALL.iter().map(|stage| stage.as_str()).collect();
    assert_eq!(names.len(), Stage::ALL.len());
    for name in STATES {
        assert_eq!(state(name).name(), name.split('+').next().expect("a name"));
    }
}

#[test]
fn only_a_post_that_may_be_out_means_something_else_after_a_restart() {
    for name in STATES {
        let before = state(name);
        let after = before.clone().read_back();
        if let State::Submitting { attempt, since } = before {
            assert_eq!(after, State::InDoubt { attempt, since, answered: false });
        } else {
            assert_eq!(after, before);
        }
    }
}

#[test]
fn an_event_is_called_by_its_kind_and_by_nothing_that_is_in_it() {
    for (name, _) in TABLE {
        let kind = name.split(['+', '(']).next().expect("a kind");
        assert_eq!(event(name).name(), kind);
    }
}

#[test]
fn what_livy_said_to_a_doubtful_post_stays_with_it_and_patience_counts_from_that_post() {
    let unsure = Event::Unsure { answered: true, reason: "500 boom".into() };
    let doubt = next(State::Submitting { attempt: attempt(), since: Timestamp(7) }, unsure).expect("unsure");
    let State::InDoubt { attempt, .. } = &doubt else { panic!("{doubt:?}") };
    assert_eq!(attempt.held, Some(Hold { since: Timestamp(7), reason: "500 boom".into() }));
    let received = next(doubt, Event::Absent).expect("absent");
    let State::Received { attempt } = received else { panic!("{received:?}") };
    assert_eq!(attempt.held, Some(Hold { since: Timestamp(7), reason: "500 boom".into() }));
}

#[test]
fn patience_counts_from_the_first_wait_and_shows_the_last_words() {
    let held = |since, reason: &str| Hold { since: Timestamp(since), reason: reason.into() };
    let submitting = next(
        State::Received { attempt: attempt() },
        Event::Ready { at: Timestamp(7), held: Some(held(5, "refused")) },
    )
    .expect("ready");
    let received = next(submitting, Event::NotNow(Some(held(9, "too many sessions")))).expect("not now");
    let State::Received { attempt } = received else { panic!("{received:?}") };
    assert_eq!(attempt.held, Some(held(5, "too many sessions")));
}

#[test]
fn what_may_have_been_submitted_keeps_its_identity_to_the_end() {
    let orphaned = next(state("InDoubt"), Event::TokenGone(OnAbort::Leave)).expect("orphaned");
    assert_eq!(orphaned, State::Orphaned { run: run() });
}

fn label(state: &State) -> &'static str {
    if matches!(state, State::Ended { outcome: Outcome::Reached(_), .. }) {
        "Ended+reached"
    } else if matches!(state, State::Ended { leftover: Some(_), .. }) {
        "Ended+leftover"
    } else if matches!(state, State::Judged { word, .. } if word.doubled) {
        "Judged+doubled"
    } else {
        state.name()
    }
}

fn run() -> Run {
    Run::new("etl-0".into(), "sjw-0".into())
}

fn attempt() -> Attempt {
    Attempt::new(run())
}

fn failure() -> Failure {
    Failure::new(ErrorName::Rejected, "Submitting", "no")
}

fn word(doubled: bool) -> Box<FinalWord> {
    Box::new(FinalWord {
        end: AppEnd::Succeeded,
        doubled,
        diagnostics: String::new(),
        started: None,
        launched: None,
        finished: None,
        memory_seconds: None,
        vcore_seconds: None,
        tracking_url: None,
        log_url: None,
    })
}

fn state(name: &str) -> State {
    let outcome = Outcome::Succeeded(Box::new(Success {
        application_id: None,
        batch_id: Some(1),
        name: "etl-0".into(),
        verdict_source: Source::Livy,
        queued_millis: None,
        run_millis: None,
        cost: Cost::default(),
        tracking_url: None,
        driver_log_url: None,
        execution: None,
        spoken: None,
        failed_jobs: 0,
    }));
    match name {
        "Received" => State::Received { attempt: attempt() },
        "Submitting" => State::Submitting { attempt: attempt(), since: Timestamp(1) },
        "InDoubt" => State::InDoubt { attempt: attempt(), since: Timestamp(1), answered: true },
        "Running" => State::Running { run: run() },
        "Judged" => State::Judged { run: run(), word: word(false) },
        "Judged+doubled" => State::Judged { run: run(), word: word(true) },
        "Ended" => State::Ended { outcome, leftover: None },
        "Ended+leftover" => State::Ended { outcome, leftover: Some(run()) },
        "Orphaned" => State::Orphaned { run: run() },
        "Settled" => State::Settled,
        "Stopping" => State::Stopping { then: Then::Run(attempt()) },
        "Stopping+end" => State::Stopping { then: Then::End(Outcome::Reached(Box::default())) },
        "Ended+reached" => State::Ended { outcome: Outcome::Reached(Box::default()), leftover: Some(run()) },
        other => panic!("no state {other}"),
    }
}

fn event(name: &str) -> Event {
    let outcome = Outcome::Failed(Box::new(failure()));
    match name {
        "Ready" => Event::Ready { at: Timestamp(2), held: None },
        "Submitted" => Event::Submitted(run()),
        "Refused" => Event::Refused(failure()),
        "NotNow" => Event::NotNow(Some(Hold { since: Timestamp(3), reason: "full".into() })),
        "Unsure" => Event::Unsure { answered: false, reason: "lost".into() },
        "Judged" => Event::Judged { run: run(), word: word(false) },
        "Gathered" => Event::Gathered(outcome),
        "Found" => Event::Found(run()),
        "Absent" => Event::Absent,
        "Learned" => Event::Learned(Run { application: Some("application_1_0001".into()), ..run() }),
        "Ended" => Event::Ended { outcome, leftover: None },
        "Ended+leftover" => Event::Ended { outcome, leftover: Some(run()) },
        "Acknowledged" => Event::Acknowledged,
        "TokenGone(kill)" => Event::TokenGone(OnAbort::Kill),
        "TokenGone(leave)" => Event::TokenGone(OnAbort::Leave),
        "Killed" => Event::Killed,
        "Stop" => Event::Stop(failure()),
        other => panic!("no event {other}"),
    }
}

/// A row an event; the states are a run that waits in YARN's queue, and one that is taken out of it.
#[test]
fn what_is_taken_out_of_the_queue_goes_on_where_it_has_begun_and_is_never_left_alone() {
    const TABLE: [(&str, [&str; 2]); 10] = [
        ("Overdue", ["Withdrawing", "-"]),
        ("LeftQueue", ["-", "Running"]),
        ("Ended", ["Ended", "Ended"]),
        ("Ended+leftover", ["Ended+leftover", "Ended+leftover"]),
        ("TokenGone(kill)", ["Orphaned", "Orphaned"]),
        ("TokenGone(leave)", ["Settled", "Orphaned"]),
        ("Stop", ["Ended+leftover", "Ended+leftover"]),
        ("Judged", ["Judged", "-"]),
        ("Killed", ["-", "-"]),
        ("Learned", ["Running", "-"]),
    ];
    for (event_name, row) in TABLE {
        for (before, expected) in
            [State::Running { run: run() }, State::Withdrawing { run: run() }].into_iter().zip(row)
        {
            let event = match event_name {
                "Overdue" => Event::Overdue,
                "LeftQueue" => Event::LeftQueue,
                other => event(other),
            };
            assert_eq!(event.name(), event_name.split(['+', '(']).next().expect("a kind"));
            let (name, after) = (before.name(), next(before.clone(), event));
            let seen = after.as_ref().map_or("-", label);
            assert_eq!(seen, expected, "{event_name} in {name}");
            assert!(after.is_ok_and(|state| state.run() == Some(&run())) || seen != "Withdrawing");
        }
    }
    let out = State::Withdrawing { run: run() };
    assert_eq!((out.name(), out.run(), out.clone().read_back()), ("Withdrawing", Some(&run()), out.clone()));
}

/// What is different where statements run: a row an event, a column a state.
#[test]
fn statements_are_said_and_heard_one_after_the_other_and_a_session_is_always_ended() {
    const STATES: [&str; 4] = ["Running", "Speaking", "Listening", "Judged"];
    const TABLE: [(&str, [&str; 4]); 12] = [
        ("Opened", ["Speaking 0 from 0", "-", "-", "-"]),
        ("Said", ["-", "Listening 2 from 7", "-", "-"]),
        ("Confirmed", ["-", "-", "Speaking 3 from 7", "-"]),
        ("Learned", ["Running", "Speaking 2 from 4", "Listening 2 from 5", "-"]),
        ("Judged", ["Judged", "Judged", "Judged", "-"]),
        ("Gathered", ["-", "-", "-", "Ended+leftover"]),
        ("Ended+leftover", ["Ended+leftover", "Ended+leftover", "Ended+leftover", "-"]),
        ("TokenGone(kill)", ["Orphaned", "Orphaned", "Orphaned", "Orphaned"]),
        ("TokenGone(leave)", ["Orphaned", "Orphaned", "Orphaned", "Orphaned"]),
        ("Stop", ["Ended+leftover", "Ended+leftover", "Ended+leftover", "Judged"]),
        ("Killed", ["-", "-", "-", "-"]),
        ("Acknowledged", ["-", "-", "-", "-"]),
    ];
    let session = |step| run().at(step);
    let told = |state: &State| {
        let (State::Speaking { run, number } | State::Listening { run, number }) = state else {
            return label(state).to_owned();
        };
        format!("{} {} from {number}", state.name(), run.said().expect("a step"))
    };
    for (event_name, row) in TABLE {
        for (state_name, expected) in STATES.iter().zip(row) {
            let before = match *state_name {
                "Running" => State::Running { run: session(Step::Opening) },
                "Speaking" => State::Speaking { run: session(Step::At(2)), number: 4 },
                "Listening" => State::Listening { run: session(Step::At(2)), number: 5 },
                _ => State::Judged { run: session(Step::At(2)), word: word(false) },
            };
            let event = match event_name {
                "Opened" => Event::Opened,
                "Said" => Event::Said(7),
                "Confirmed" => Event::Confirmed(7),
                "Learned" => Event::Learned(before.run().expect("a run").clone()),
                other => event(other),
            };
            assert_eq!(event.name(), event_name.split(['+', '(']).next().expect("a kind"));
            let seen = match next(before.clone(), event) {
                Ok(after) => told(&after),
                Err(illegal) => {
                    assert_eq!(illegal.state, before);
                    "-".to_owned()
                }
            };
            assert_eq!(seen, expected, "{event_name} in {state_name}");
        }
    }
    let batch = State::Running { run: run() };
    assert!(next(batch, Event::Opened).is_err(), "a batch takes no statements");
}
