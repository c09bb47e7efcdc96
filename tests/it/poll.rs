//! The poll loop: a permit before each poll, an open poll never left, trouble waited out however long it takes.

use std::time::{Duration, Instant};

use serde_json::json;
use stand_ins::WaitFor;
use stand_ins::http::Fault;
use stand_ins::livy::Plan;
use stand_ins::sfn::refusal;
use stand_ins::worker::Config;

use crate::harness::{INPUT, Stage, text};

#[tokio::test]
async fn no_task_is_taken_without_a_free_place() {
    let stage = Stage::new().await;
    stage.livy.plan(Plan::success().running_for(Duration::from_millis(400)));
    let _worker = stage.worker_with(&stage.config().activity("max_concurrent_jobs = 2\npollers = 2"));
    let tasks: Vec<_> = (0..8).map(|_| stage.task()).collect();
    for task in &tasks {
        stage.output(task).await;
    }
    assert_eq!(stage.sfn.max_held(), 2);
    assert_eq!(stage.livy.posts().len(), 8);
}

#[tokio::test]
async fn trouble_of_every_kind_is_waited_out_and_told_once() {
    let faults = [
        (refusal("ThrottlingException", "Rate exceeded"), "throttles polls"),
        (refusal("ActivityWorkerLimitExceeded", "too many"), "too many pollers"),
        (refusal("ActivityDoesNotExist", "Activity does not exist"), "does not exist"),
        (refusal("ExpiredTokenException", "The security token is expired"), "credentials"),
        (refusal("AccessDeniedException", "not authorized"), "not allowed"),
        (refusal("KmsThrottlingException", "slow down"), "encryption key"),
        (Fault::json(500, &json!({"__type": "InternalFailure"})), "has a fault"),
        (Fault::html(503, "Service Unavailable"), "has a fault"),
        (Fault::Close, "cannot be reached"),
    ];
    for (fault, condition) in faults {
        let stage = Stage::new().await;
        stage.sfn.fault_times("GetActivityTask", 3, fault);
        let worker = stage.worker();
        stage.output(&stage.task()).await;
        worker.logged(condition);
        assert_eq!(worker.count(condition), 1, "{condition} is told once and not at each try");
        worker.logged("polls are answered again");
    }
}

#[tokio::test]
async fn an_outage_of_step_functions_is_survived() {
    let stage = Stage::new().await;
    // The poll that the outage cuts off goes on in the service, as a ghost, for as long as polls are held.
    stage.sfn.hold_polls(Duration::from_millis(300));
    let mut worker = stage.worker();
    stage.polling().await;
    stage.sfn.down().await;
    worker.logged("cannot be reached");
    stage.sfn.up().await;
    worker.logged("polls are answered again");
    stage.output(&stage.task()).await;
    assert!(worker.is_running());
}

#[tokio::test]
async fn a_poll_held_for_as_long_as_it_may_be_is_normal_and_answered_by_the_next() {
    let stage = Stage::new().await;
    stage.sfn.hold_polls(Duration::from_millis(200));
    let worker = stage.worker();
    stage.sfn.wait_for(|sfn| sfn.polls(&stage.arn) >= 4, None).await;
    assert_eq!(worker.count("polling goes on"), 0);
    stage.output(&stage.task()).await;
    assert_eq!(stage.sfn.ghosts(), 0, "no poll was left before its answer");
}

#[tokio::test]
async fn a_task_lost_with_its_poll_answer_comes_back_by_its_heartbeat_timeout_alone() {
    let stage = Stage::new().await;
    stage.sfn.fault("GetActivityTask", Fault::AnswerLost);
    let _worker = stage.worker();
    let task = stage.sfn.schedule_with(&stage.arn, INPUT, Some(Duration::from_secs(1)), None);
    assert_eq!(stage.sfn.outcome(&task).await, stand_ins::sfn::Outcome::TimedOut);
    assert!(stage.livy.posts().is_empty());
    // What a Retry would schedule.
    stage.output(&stage.task()).await;
}

#[tokio::test]
async fn one_missing_activity_does_not_silence_the_others() {
    let stage = Stage::new().await;
    let missing = stage.arn.replace("spark-job", "not-there");
    let mut config = stage.config();
    config.activities.insert(0, (missing.clone(), String::new()));
    let worker = stage.worker_with(&config);
    stage.output(&stage.task()).await;
    worker.logged("does not exist");
    // It goes on asking, and serves the activity once it is there.
    stage.sfn.activity("not-there");
    let task = stage.sfn.schedule_with(&missing, INPUT, Some(Duration::from_secs(10)), None);
    stage.output(&task).await;
}

#[tokio::test]
async fn several_pollers_poll_at_once_under_names_of_their_own() {
    let stage = Stage::new().await;
    let _worker = stage.worker_with(&stage.config().activity("pollers = 3"));
    stage.sfn.wait_for(|sfn| sfn.open_polls(&stage.arn) == 3, None).await;
    let names = stage.sfn.workers(&stage.arn);
    assert_eq!(names.len(), 3);
    assert!(names.iter().all(|name| name.len() <= 80), "{names:?}");
    let numbers: Vec<&str> = names.iter().filter_map(|name| name.rsplit('/').next()).collect();
    assert_eq!(numbers, ["1", "2", "3"]);
}

#[tokio::test]
async fn an_activity_of_any_name_is_served() {
    let stage = Stage::new().await;
    let arn = stage.sfn.activity("no_dots.or-dots");
    let _worker =
        stage.worker_with(&Config::new(&stage.sfn.url(), &stage.livy.url(), &arn, stage.directory.path()));
    let task = stage.sfn.schedule_with(&arn, INPUT, Some(Duration::from_secs(10)), None);
    assert_eq!(text(&stage.output(&task).await["state"]), "SUCCEEDED");
}

#[tokio::test]
async fn a_service_that_does_not_hold_polls_open_is_not_asked_without_a_pause() {
    let stage = Stage::new().await;
    stage.sfn.hold_polls(Duration::ZERO);
    let _worker = stage.worker_with(&stage.config().activity("pollers = 1"));
    stage.polling().await;
    let (began, before) = (Instant::now(), stage.sfn.polls(&stage.arn));
    stage.sfn.wait_for(|sfn| sfn.polls(&stage.arn) >= before + 3, None).await;
    assert!(began.elapsed() >= Duration::from_secs(2), "three polls in {:?}", began.elapsed());
}
