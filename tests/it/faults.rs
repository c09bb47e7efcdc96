//! Livy down, hanging, wrong, forgetful: nothing is lost, nothing runs twice, nothing succeeds that did not.

use std::time::Duration;

use serde_json::json;
use stand_ins::WaitFor;
use stand_ins::http::Fault;
use stand_ins::livy::{Master, Plan, Settings, Version};

use crate::harness::{INPUT, Stage, text};

#[tokio::test]
async fn nothing_is_polled_while_livy_is_down_at_the_start() {
    let stage = Stage::new().await;
    stage.livy.down().await;
    let worker = stage.worker();
    let task = stage.task();
    worker.logged("Livy does not answer");
    assert_eq!(stage.sfn.polls(&stage.arn), 0);
    stage.livy.up().await;
    stage.output(&task).await;
    worker.logged("Livy answers again");
    assert_eq!(worker.count("Livy does not answer"), 1, "a change of condition is logged once");
}

#[tokio::test]
async fn a_livy_before_0_7_ends_the_worker_with_78_before_anything_is_polled() {
    let stage = Stage::new().await;
    stage.livy.fault_times("GET /version", 100, Fault::json(200, &json!({"version": "0.6.0-incubating"})));
    let mut worker = stage.worker();
    stage.task();
    assert_eq!(worker.ended().code(), Some(78));
    worker.logged("Livy is 0.6.0-incubating, and at least 0.7 is needed");
    assert_eq!(stage.sfn.polls(&stage.arn), 0);
}

#[tokio::test]
async fn a_livy_that_does_not_tell_its_version_is_waited_for() {
    let stage = Stage::new().await;
    stage.livy.fault_times("GET /version", 3, Fault::html(503, "starting"));
    let worker = stage.worker();
    let task = stage.task();
    worker.logged("Livy does not answer: 503");
    stage.output(&task).await;
}

#[tokio::test]
async fn an_outage_in_the_middle_of_a_job_is_waited_out() {
    let stage = Stage::new().await;
    stage.livy.plan(Plan::manual());
    let worker = stage.worker();
    let task = stage.task();
    let name = stage.submitted("etl-").await;
    worker.logged("is batch 0 of Livy");
    stage.livy.down().await;
    worker.logged("Livy does not answer");
    // Longer than `lost_after`: silence is not absence.
    let beats = stage.sfn.heartbeats(&task).len();
    stage.sfn.wait_for(|sfn| sfn.heartbeats(&task).len() >= beats + 3, None).await;
    stage.livy.up().await;
    worker.logged("Livy answers again");
    stage.livy.set_state(&name, "success");
    stage.output(&task).await;
    assert_eq!(stage.livy.posts().len(), 1);
}

#[tokio::test]
async fn a_livy_that_hangs_delays_no_heartbeat() {
    let stage = Stage::new().await;
    stage.livy.plan(Plan::manual());
    let worker = stage.worker();
    let task = stage.task();
    let name = stage.submitted("etl-").await;
    worker.logged("is batch 0 of Livy");
    stage.livy.hang_all(true);
    let begun = stage.sfn.heartbeats(&task).len();
    stage.sfn.wait_for(|sfn| sfn.heartbeats(&task).len() >= begun + 5, None).await;
    let beats = stage.sfn.heartbeats(&task);
    for pair in beats.windows(2) {
        assert!(
            pair[1] - pair[0] < Duration::from_millis(1_600),
            "a beat came late: {:?}",
            pair[1] - pair[0]
        );
    }
    stage.livy.hang_all(false);
    stage.livy.release();
    stage.livy.set_state(&name, "success");
    stage.output(&task).await;
}

#[tokio::test]
async fn wrong_answers_to_a_sweep_say_nothing_about_a_job() {
    let stage = Stage::new().await;
    stage.livy.plan(Plan::manual());
    let _worker = stage.worker();
    let task = stage.task();
    let name = stage.submitted("etl-").await;
    let html = Fault::html(404, "Not Found");
    let faults = [
        Fault::json(500, &json!("java.lang.IllegalStateException")),
        html,
        Fault::html(200, "Welcome"),
        Fault::Truncated,
        Fault::Close,
        Fault::AnswerLost,
        Fault::Redirect(stage.sfn.url()),
        Fault::json(200, &json!({"from": 0, "total": 0})),
        Fault::json(200, &json!([])),
    ];
    for fault in faults {
        stage.livy.fault_times("GET /batches", 15, fault);
        stage.livy.wait_for(|livy| livy.faults_left() == 0, None).await;
        assert_eq!(stage.sfn.peek(&task), None);
    }
    stage.livy.set_state(&name, "success");
    stage.output(&task).await;
    assert_eq!(stage.livy.posts().len(), 1);
}

#[tokio::test]
async fn too_many_sessions_is_waited_out() {
    let mut settings = Settings::new(Version::V0_7, Master::Yarn);
    settings.max_creation = 0;
    let stage = Stage::of(settings).await;
    let worker = stage.worker();
    let task = stage.task();
    stage.livy.wait_for(|livy| livy.posts().len() >= 2, None).await;
    worker.logged("too many sessions");
    assert_eq!(stage.sfn.peek(&task), None);
    stage.livy.configure(|settings| settings.max_creation = 100);
    stage.output(&task).await;
    assert_eq!(stage.livy.applications().len(), 1);
}

#[tokio::test]
async fn posts_go_out_few_at_a_time_and_spread_after_an_outage() {
    let stage = Stage::new().await;
    stage.livy.configure(|settings| settings.start_takes = Duration::from_millis(300));
    let config = stage.config().activity("max_concurrent_jobs = 30\npollers = 10");
    let _worker = stage.worker_with(&config.table("livy", "max_concurrent_submits = 3"));
    stage.sfn.wait_for(|sfn| sfn.open_polls(&stage.arn) == 10, None).await;
    stage.livy.down().await;
    let tasks: Vec<_> = (0..10).map(|_| stage.task()).collect();
    stage.sfn.wait_for(|sfn| tasks.iter().all(|task| !sfn.heartbeats(task).is_empty()), None).await;
    stage.livy.up().await;
    for task in &tasks {
        stage.output(task).await;
    }
    let posts = stage.livy.posts_named("etl-");
    assert_eq!(posts.len(), 10, "one each");
    let began: Vec<_> = posts.iter().map(|post| post.at).collect();
    let most = began.iter().map(|at| {
        began.iter().filter(|other| (**other..**other + Duration::from_millis(250)).contains(at)).count()
    });
    assert!(most.max() <= Some(3), "at most three at a time: {began:?}");
}

#[tokio::test]
async fn a_livy_that_stays_full_longer_than_its_patience_fails_the_task_for_a_retry() {
    let mut settings = Settings::new(Version::V0_8, Master::Yarn);
    settings.max_creation = 0;
    let stage = Stage::of(settings).await;
    let _worker = stage.worker_with(&stage.config().table("livy", "patience = \"1s\""));
    let (error, cause) = stage.failure(&stage.task()).await;
    assert_eq!(error, "SparkJob.LivyUnavailable");
    assert!(text(&cause["message"]).contains("too many sessions"), "{cause}");
    assert!(stage.livy.applications().is_empty());
}

#[tokio::test]
async fn a_livy_that_goes_away_between_poll_and_post_is_waited_for() {
    let stage = Stage::new().await;
    let worker = stage.worker();
    stage.polling().await;
    stage.livy.down().await;
    let task = stage.task();
    worker.logged("received a task");
    stage.sfn.wait_for(|sfn| sfn.heartbeats(&task).len() >= 2, None).await;
    stage.livy.up().await;
    stage.output(&task).await;
    assert_eq!(stage.livy.applications().len(), 1);
}

#[tokio::test]
async fn a_post_whose_answer_is_lost_is_found_again_by_name() {
    for fault in [Fault::AnswerLost, Fault::Truncated] {
        let stage = Stage::new().await;
        stage.livy.plan(Plan::success().running_for(Duration::from_millis(500)));
        stage.livy.fault("POST /batches", fault);
        let worker = stage.worker();
        stage.output(&stage.task()).await;
        worker.logged("may or may not have taken");
        assert_eq!(stage.livy.applications().len(), 1, "one run");
        assert_eq!(stage.livy.posts().len(), 1, "one POST");
    }
}

#[tokio::test]
async fn a_post_that_times_out_and_was_taken_is_one_run() {
    let stage = Stage::new().await;
    stage.livy.plan(Plan::success().running_for(Duration::from_millis(500)));
    stage.livy.fault("POST /batches", Fault::HangAfter);
    let _worker = stage.worker_with(&stage.config().table("livy", "request_timeout = \"1s\""));
    stage.output(&stage.task()).await;
    assert_eq!(stage.livy.applications().len(), 1);
    assert_eq!(stage.livy.posts().len(), 1);
}

#[tokio::test]
async fn a_post_that_surely_cannot_be_known_is_lost_and_not_run_again() {
    // Closed before it was applied, a proxy's 502, a redirect, a success that is not Livy's.
    for fault in [
        Fault::Close,
        Fault::html(502, "Bad Gateway"),
        Fault::Redirect("http://127.0.0.1:9/".into()),
        Fault::json(200, &json!({"hello": 1})),
    ] {
        let stage = Stage::new().await;
        stage.livy.fault("POST /batches", fault);
        let _worker = stage.worker();
        let (error, _) = stage.failure(&stage.task()).await;
        assert_eq!(error, "SparkJob.Lost");
        assert_eq!(stage.livy.posts().len(), 1);
        assert!(stage.livy.applications().is_empty());
    }
}

#[tokio::test]
async fn a_duplicate_name_is_adopted_and_never_deleted() {
    for version in [Version::V0_7, Version::V0_8] {
        let stage = Stage::with(version, Master::Yarn).await;
        stage.livy.plan(Plan::success().running_for(Duration::from_millis(500)));
        // Somebody on the way repeats the POST, and the second one is the first that Livy works off.
        stage.livy.fault("POST /batches", Fault::Late);
        let _worker = stage.worker();
        let task = stage.task();
        stage.livy.wait_for(|livy| livy.posts().len() == 1, None).await;
        let body = stage.livy.posts()[0].body.to_string();
        let repeated = reqwest::Client::new().post(format!("{}/batches", stage.livy.url())).body(body);
        let repeated = repeated.header("content-type", "application/json").send().await;
        assert_eq!(repeated.expect("an answer").status(), 201);
        stage.livy.release();
        let output = stage.output(&task).await;
        let posts = stage.livy.posts();
        let answers: Vec<Option<u16>> = posts.iter().map(|post| post.status).collect();
        assert_eq!(answers, [Some(400), Some(201)], "the worker's own POST met the name");
        let words = posts[0].call.answer.as_deref().map(String::from_utf8_lossy).unwrap_or_default();
        assert!(words.contains("Duplicate session name"), "{words}");
        assert_eq!(output["batchId"], 0, "the record is adopted: {output}");
        assert_eq!(stage.livy.applications().len(), 1, "one run");
        assert!(stage.livy.deletes().is_empty());
    }
}

#[tokio::test]
async fn a_refusal_ends_the_task_in_livys_words_and_frees_the_name() {
    for version in [Version::V0_7, Version::V0_8] {
        let stage = Stage::with(version, Master::Yarn).await;
        let _worker = stage.worker();
        let (error, cause) =
            stage.failure(&stage.schedule(r#"{"Name":"bad","File":"file:/etc/hosts"}"#)).await;
        assert_eq!(error, "SparkJob.Rejected");
        assert!(text(&cause["message"]).contains("Local path"), "{cause}");
        stage.livy.wait_for(|livy| livy.batches().is_empty(), None).await;
        assert!(stage.livy.deletes()[0].key.starts_with("bad-"), "the zombie is deleted by its name");
    }
}

#[tokio::test]
async fn refusals_of_every_kind_are_final() {
    for (status, body) in [(403, ""), (404, "<html>"), (405, ""), (406, ""), (400, "<html>CSRF</html>")] {
        let stage = Stage::new().await;
        let fault = Fault::Answer { status, content_type: "text/html".into(), body: body.into() };
        stage.livy.fault("POST /batches", fault);
        let _worker = stage.worker();
        assert_eq!(stage.failure(&stage.task()).await.0, "SparkJob.Rejected", "{status}");
        assert_eq!(stage.livy.posts().len(), 1);
        let (name, deletes) = (&stage.livy.posts()[0].name, stage.livy.deletes());
        let deleted: Vec<&str> = deletes.iter().map(|delete| delete.key.as_str()).collect();
        assert_eq!(deleted, [name.as_str()], "{status}: the name is freed");
    }
}

#[tokio::test]
async fn a_livy_with_csrf_protection_is_served() {
    let mut settings = Settings::new(Version::V0_7, Master::Yarn);
    settings.csrf = true;
    let stage = Stage::of(settings).await;
    let _worker = stage.worker();
    stage.output(&stage.task()).await;
}

#[tokio::test]
async fn a_batch_that_vanishes_is_lost_and_not_a_success() {
    let stage = Stage::new().await;
    stage.livy.plan(Plan::manual());
    let worker = stage.worker();
    let task = stage.task();
    let name = stage.submitted("etl-").await;
    worker.logged("is batch 0 of Livy");
    stage.livy.forget(&name);
    let (error, cause) = stage.failure(&task).await;
    assert_eq!(error, "SparkJob.Lost");
    assert_eq!(cause["batchId"], 0);
    assert_eq!(stage.livy.posts().len(), 1);
}

#[tokio::test]
async fn the_same_number_after_a_restart_of_livy_is_somebody_elses_job() {
    let stage = Stage::new().await;
    stage.livy.plan(Plan::manual());
    let worker = stage.worker();
    let task = stage.task();
    stage.submitted("etl-").await;
    worker.logged("is batch 0 of Livy");
    // Without recovery Livy counts from 0 again, and another client's batch gets our number.
    stage.livy.restart(false).await;
    stage.livy.plan(Plan::success());
    let client = reqwest::Client::new();
    let posted = client
        .post(format!("{}/batches", stage.livy.url()))
        .header("content-type", "application/json")
        .body(r#"{"file":"s3://b/other.py","name":"other"}"#)
        .send()
        .await;
    assert_eq!(posted.expect("an answer").status(), 201);
    assert_eq!(stage.livy.batch("other").expect("the other batch").id, 0);
    assert_eq!(stage.failure(&task).await.0, "SparkJob.Lost");
}

#[tokio::test]
async fn a_livy_that_recovers_its_batches_goes_on_where_it_was() {
    let stage = Stage::new().await;
    stage.livy.plan(Plan::success().running_for(Duration::from_secs(2)));
    let worker = stage.worker();
    let task = stage.task();
    stage.submitted("etl-").await;
    worker.logged("runs as application_");
    stage.livy.restart(true).await;
    stage.output(&task).await;
    assert_eq!(stage.livy.posts().len(), 1);
}

#[tokio::test]
async fn another_application_behind_our_name_is_not_ours() {
    let stage = Stage::new().await;
    stage.livy.plan(Plan::manual());
    let worker = stage.worker();
    let task = stage.task();
    let name = stage.submitted("etl-").await;
    worker.logged("is batch 0 of Livy");
    stage.livy.set_app(&name, "application_1_0001");
    worker.logged("runs as application_1_0001");
    stage.livy.set_app(&name, "application_1_0002");
    stage.livy.set_state(&name, "success");
    assert_eq!(stage.failure(&task).await.0, "SparkJob.Lost");
}

#[tokio::test]
async fn impersonation_that_livy_ignores_is_a_rejection_and_the_job_is_killed() {
    let stage = Stage::new().await;
    stage.livy.plan(Plan::running());
    let worker = stage.worker();
    let input = r#"{"Name":"as-alice","File":"s3://b/a.py","ProxyUser":"alice"}"#;
    let task = stage.schedule(input);
    stage.submitted("as-alice-").await;
    // The stand-in has impersonation off: it ignores the user and shows none.
    let (error, cause) = stage.failure(&task).await;
    assert_eq!(error, "SparkJob.Rejected");
    assert!(text(&cause["message"]).contains("impersonation"), "{cause}");
    stage.livy.wait_for(|livy| livy.live_applications().is_empty(), None).await;
    drop(worker);
}

#[tokio::test]
async fn a_log_of_twenty_thousand_lines_is_cut_to_its_last_ones() {
    let stage = Stage::with(Version::V0_7, Master::Local).await;
    stage.livy.plan(Plan::manual());
    let worker = stage.worker();
    let task = stage.task();
    let name = stage.submitted("etl-").await;
    worker.logged("is batch 0 of Livy");
    stage.livy.log(&name, (0..20_000).map(|n| format!("{n} 🚖 Größe ≤ 3 {}", "é🚖".repeat(90))));
    stage.livy.set_state(&name, "dead");
    let (_, cause) = stage.failure(&task).await;
    let units: usize = cause.to_string().chars().map(char::len_utf16).sum();
    assert!(units <= 32_768, "{units}");
    let log = cause["log"].as_array().expect("lines");
    assert!(text(&log[log.len() - 1]).starts_with("19999 🚖"), "the last line is there");
    assert!(log.len() > 50, "{}", log.len());
}

#[tokio::test]
async fn a_failure_is_told_although_livy_gives_no_log() {
    let stage = Stage::new().await;
    stage.livy.plan(Plan::ends("dead").running_for(Duration::from_millis(200)));
    stage.livy.fault_times("GET /batches/*/log", usize::MAX, Fault::json(500, &json!("java.lang.Error")));
    let _worker = stage.worker();
    let (error, cause) = stage.failure(&stage.schedule(INPUT)).await;
    assert_eq!(error, "SparkJob.Failed");
    assert_eq!(cause["log"], json!([]));
}
