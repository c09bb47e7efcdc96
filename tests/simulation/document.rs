//! The real loop with a task that a document answers: what it is told at which time, and what becomes of its run.

use std::sync::Arc;

use spark_job_worker::job::document::Document;
use spark_job_worker::job::flag::Flag;
use spark_job_worker::job::goal::Goal;
use spark_job_worker::job::machine::{OnAbort, Run, State, Then};
use spark_job_worker::job::places::Places;
use spark_job_worker::job::report::{ErrorName, Outcome, Reached};
use spark_job_worker::job::request::{Defaults, OwnLivy};
use spark_job_worker::job::timestamp::Timestamp;
use spark_job_worker::job::token::Token;
use spark_job_worker::job::world::Reported;
use spark_job_worker::job::{ActivityRules, Task};
use tokio::time::{Duration, Instant, sleep};

use crate::lone::{self, AT_WORK, ID, Inner, KNOWN, Lone, START};
use crate::sfn::Input;

/// A task, and what the world does with it.
struct Life {
    goal: Goal,
    adopted: bool,
    on_abort: OnAbort,
    /// In seconds.
    deadline: u64,
    answers: Vec<Reported>,
    /// When something newer comes, in seconds.
    dropped: Option<u64>,
    /// When what has to be dead first is dead.
    clear: Option<u64>,
    places: usize,
}

impl Default for Life {
    fn default() -> Life {
        Life {
            goal: Goal::Running,
            adopted: false,
            on_abort: OnAbort::Kill,
            deadline: 3_000,
            answers: Vec::new(),
            dropped: None,
            clear: None,
            places: 1,
        }
    }
}

/// How it went.
struct Lived {
    told: Vec<(Outcome, u64)>,
    states: Vec<&'static str>,
    killed: bool,
}

impl Lived {
    /// What was told, where it was told once.
    fn error(&self) -> Option<(ErrorName, &str)> {
        match &self.told[..] {
            [(Outcome::Failed(failure), _)] => Some((failure.error, &failure.message)),
            _ => None,
        }
    }
}

fn task(life: &Life) -> (Task, State) {
    let activity = ActivityRules {
        defaults: Defaults::none(false),
        on_abort: life.on_abort,
        heartbeat_interval: Duration::from_secs(20),
    };
    let livy = OwnLivy::new(Vec::new(), 8998);
    let token = Token::new("unused".to_owned());
    let (task, state) =
        Task::received(token, "", &Input::Right.of(0).to_string(), &activity, &livy, Timestamp(START));
    let document = Document {
        place: Token::new("https://bucket/key".to_owned()),
        form: "{}".to_owned(),
        goal: life.goal,
        deadline: Timestamp(START + life.deadline * 1_000),
        expires: Timestamp(START + 7_200_000),
        adopted: life.adopted,
    };
    (Task { token: None, document: Some(Box::new(document)), ..task }, state)
}

fn stopping(state: State) -> State {
    let State::Received { attempt } = state else { panic!("{state:?}") };
    State::Stopping { then: Then::Run(attempt) }
}

/// Becomes true after so many seconds; never where there is none.
fn turns(after: Option<u64>) -> Arc<Flag> {
    let told = Arc::<Flag>::default();
    let tell = Arc::clone(&told);
    tokio::spawn(async move {
        match after {
            Some(seconds) => sleep(Duration::from_secs(seconds)).await,
            None => std::future::pending().await,
        }
        tell.raise();
    });
    told
}

async fn live(life: Life, first: impl FnOnce(State) -> State) -> Lived {
    let (task, state) = task(&life);
    let inner = Inner { answers: life.answers.into(), ..Inner::default() };
    let world = Arc::new(Lone::new(inner, None, turns(life.clear)));
    let state = first(state);
    if let Some(run) = state.run().filter(|run| run.application.is_some()) {
        // It was there long before.
        world.inner().taken = Some((run.name.clone(), run.tag.clone(), Instant::now()));
        sleep(AT_WORK + Duration::from_secs(1)).await;
    }
    let places = Places::new(life.places);
    lone::live(&world, (task, state), places.ask(), Some(turns(life.dropped))).await;
    let inner = world.inner();
    assert_eq!(inner.tokens, 0, "nothing beats for a document, and nothing is reported");
    let states = inner.writes.iter().copied().filter(|write| *write != "unlink").collect();
    Lived { told: inner.told.clone(), states, killed: inner.killed }
}

fn same(state: State) -> State {
    state
}

/// A run that is there.
fn running(state: State) -> State {
    let run = state.run().cloned().expect("it has one");
    State::Running { run: Run { number: Some(7), application: Some(ID.to_owned()), ..run } }
}

fn closed() -> Reported {
    Reported::Closed("HTTP 403".to_owned())
}

fn again(maybe_applied: bool) -> Reported {
    Reported::Again { reason: "HTTP 503".to_owned(), maybe_applied }
}

#[tokio::test(start_paused = true)]
async fn it_is_told_once_the_goal_is_reached_and_the_run_is_left_alone() {
    for (goal, words, least) in
        [(Goal::Submitted, ["SUBMITTED", "ACCEPTED"], KNOWN), (Goal::Running, ["RUNNING"; 2], AT_WORK)]
    {
        let lived = live(Life { goal, ..Life::default() }, same).await;
        let [(Outcome::Reached(reached), at)] = &lived.told[..] else { panic!("{:?}", lived.told) };
        let Reached { application_id, batch_id, state, tracking_url, driver_log_url, .. } = &**reached;
        assert_eq!((application_id.as_deref(), batch_id), (Some(ID), &Some(7)));
        assert!(words.contains(&state.as_str()), "{state}");
        // Livy may know it before YARN's list was read once more.
        assert_eq!(tracking_url.is_some(), state != "SUBMITTED");
        assert_eq!(driver_log_url.as_deref(), Some("http://nm/log"), "YARN says none, Livy does");
        assert!((least.as_secs()..least.as_secs() + 30).contains(at), "{goal:?} after {at} s");
        assert!(!lived.killed);
        assert_eq!(lived.states.last(), Some(&"Ended"));
    }
}

#[tokio::test(start_paused = true)]
async fn what_has_not_come_far_enough_at_the_deadline_fails_and_is_killed() {
    let lived = live(Life { goal: Goal::Succeeded, deadline: 300, ..Life::default() }, same).await;
    let (error, message) = lived.error().expect("a failure");
    assert_eq!(error, ErrorName::StillRunning);
    assert!(message.contains("was not SUCCEEDED in time; it is killed"), "{message}");
    assert_eq!((lived.told[0].1, lived.killed), (300, true));
    assert_eq!(lived.states[lived.states.len() - 2..], ["Ended", "Orphaned"], "it is told before it is dead");
}

#[tokio::test(start_paused = true)]
async fn a_run_that_was_there_before_outlives_the_deadline_of_who_adopted_it() {
    let life = Life {
        goal: Goal::Succeeded,
        adopted: true,
        on_abort: OnAbort::Leave,
        deadline: 300,
        ..Life::default()
    };
    let lived = live(life, running).await;
    let (error, message) = lived.error().expect("a failure");
    assert_eq!(error, ErrorName::StillRunning);
    assert!(message.contains("it runs on"), "{message}");
    assert!(!lived.killed);
    let newer = Life {
        adopted: true,
        goal: Goal::Succeeded,
        on_abort: OnAbort::Leave,
        dropped: Some(200),
        ..Life::default()
    };
    let lived = live(newer, running).await;
    assert_eq!((lived.told.len(), lived.killed), (0, false));
}

#[tokio::test(start_paused = true)]
async fn what_something_newer_has_made_pointless_is_killed_and_not_answered() {
    for seconds in [0, 5, 30] {
        let lived = live(Life { dropped: Some(seconds), ..Life::default() }, same).await;
        assert_eq!(lived.told.len(), 0, "after {seconds} s");
        let was_posted = lived.states.contains(&"Submitting");
        assert_eq!(lived.killed, was_posted, "after {seconds} s: {:?}", lived.states);
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_posted_while_every_place_is_taken_and_the_deadline_says_so() {
    let lived = live(Life { places: 0, deadline: 100, ..Life::default() }, same).await;
    assert_eq!(lived.error(), Some((ErrorName::LivyUnavailable, "all places were taken")));
    assert_eq!((lived.told[0].1, lived.states), (100, vec!["Received", "Ended"]));
}

#[tokio::test(start_paused = true)]
async fn nothing_starts_before_what_has_to_be_dead_is_dead() {
    let lived = live(Life { clear: Some(120), ..Life::default() }, stopping).await;
    assert_eq!(lived.states[..3], ["Stopping", "Received", "Submitting"]);
    assert!(lived.told[0].1 >= 120 + AT_WORK.as_secs());
    let lived = live(Life { clear: Some(120), deadline: 60, ..Life::default() }, stopping).await;
    let (error, _) = lived.error().expect("a failure");
    assert_eq!((error, lived.told[0].1), (ErrorName::NotStopped, 60));
    assert_eq!(lived.states, ["Stopping", "Ended"], "the start that was to follow is dropped");
    let lived = live(Life { dropped: Some(30), ..Life::default() }, stopping).await;
    assert_eq!((lived.told.len(), lived.states), (0, vec!["Stopping"]));
}

#[tokio::test(start_paused = true)]
async fn an_end_that_was_asked_for_is_told_once_it_is_there_also_where_the_time_was_over_before() {
    let done = Outcome::Reached(Box::new(Reached { state: "DELETED".to_owned(), ..Reached::default() }));
    for (clear, deadline, expected) in [(40, 100, None), (0, 0, None), (40, 20, Some(ErrorName::NotStopped))]
    {
        let then = Then::End(done.clone());
        let life = Life { clear: Some(clear), deadline, ..Life::default() };
        let lived = live(life, |_| State::Stopping { then }).await;
        match expected {
            Some(error) => assert_eq!(lived.error().map(|(name, _)| name), Some(error)),
            None if clear == 0 => assert_eq!(lived.told.len(), 1),
            None => assert_eq!(lived.told, [(done.clone(), clear)]),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_success_that_was_refused_from_the_first_try_on_was_never_heard_and_its_run_is_killed() {
    let lived = live(Life { answers: vec![closed(), closed()], ..Life::default() }, same).await;
    assert_eq!((lived.told.len(), lived.killed), (2, true));
    assert_eq!(lived.told[1].1 - lived.told[0].1, 1, "believed at the second try a second later");
}

#[tokio::test(start_paused = true)]
async fn a_success_that_may_have_been_heard_leaves_its_run_alone() {
    for answers in
        [vec![again(true), closed(), closed()], vec![closed()], vec![again(true), again(false), again(true)]]
    {
        let lived = live(Life { answers, ..Life::default() }, same).await;
        assert!(!lived.killed);
        let first = &lived.told[0].0;
        assert!(lived.told.iter().all(|(outcome, _)| outcome == first), "always the same");
    }
}

#[tokio::test(start_paused = true)]
async fn it_is_told_again_until_nobody_can_read_it_any_more() {
    let answers = (0..10_000).map(|_| again(false)).collect();
    let lived = live(Life { answers, ..Life::default() }, same).await;
    let last = lived.told.last().expect("told").1;
    assert!((7_180..=7_200).contains(&last), "{last}");
    assert!(lived.told.len() > 1_000 && !lived.killed);
}
