//! What only a stand-in for Livy can be made to do: restarts, limits, slow and failing kills, plans.

use std::time::Duration;

use serde_json::{Value, json};
use stand_ins::WaitFor;
use stand_ins::livy::{AppState, Livy, Master, Plan, Settings, Version};

use super::{client, delete, get, post, send, view};

async fn yarn(version: Version) -> Livy {
    let livy = Livy::start(version, Master::Yarn).await;
    livy.plan(Plan::running());
    livy
}

async fn running(livy: &Livy, name: &str) {
    assert_eq!(post(livy, name).await.expect("answered").0, 201);
    livy.wait_for(|livy| livy.batch(name).is_some_and(|batch| batch.state == "running"), None).await;
}

#[tokio::test]
async fn without_recovery_a_restart_forgets_all_and_counts_from_0() {
    let livy = yarn(Version::V0_8).await;
    running(&livy, "a").await;
    livy.restart(false).await;
    assert!(livy.batches().is_empty());
    assert_eq!(livy.live_applications().len(), 1);
    post(&livy, "b").await.expect("answered");
    assert_eq!(view(&livy, "b").await["id"], 0);
}

#[tokio::test]
async fn with_recovery_a_running_batch_is_found_again() {
    let livy = yarn(Version::V0_8).await;
    running(&livy, "a").await;
    livy.log("a", ["a line"]);
    let before = view(&livy, "a").await;
    livy.restart(true).await;
    let after = view(&livy, "a").await;
    assert_eq!(
        (&after["id"], &after["appId"], &after["state"]),
        (&before["id"], &before["appId"], &json!("recovering"))
    );
    assert_eq!(after["log"], json!(["stdout: ", "\nstderr: ", "\nYARN Diagnostics: "]));
    livy.wait_for(|livy| livy.batches()[0].state == "running", None).await;
}

#[tokio::test]
async fn recovery_looks_again_at_what_has_ended_and_from_0_8_forgets_failures() {
    for (version, kept) in [(Version::V0_7, vec!["dead", "success"]), (Version::V0_8, vec!["success"])] {
        let livy = yarn(version).await;
        for state in ["success", "dead"] {
            running(&livy, state).await;
            livy.set_state(state, state);
        }
        livy.restart(true).await;
        let fresh: Vec<String> = livy.batches().into_iter().map(|batch| batch.state).collect();
        assert_eq!(fresh, vec!["recovering"; kept.len()]);
        livy.wait_for(|livy| livy.batches().iter().all(|batch| batch.state != "recovering"), None).await;
        let names: Vec<Option<String>> = livy.batches().into_iter().map(|batch| batch.name).collect();
        let states: Vec<String> = livy.batches().into_iter().map(|batch| batch.state).collect();
        assert_eq!(states, kept);
        assert_eq!(names, states.into_iter().map(Some).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn recovery_finds_a_zombie_again_if_it_was_stored() {
    let livy = yarn(Version::V0_9).await;
    livy.configure(|settings| settings.lookup_timeout = Duration::from_millis(300));
    for body in [json!({ "name": "early" }), json!({ "name": "late", "file": "/not/allowed.py" })] {
        let request = client().post(format!("{}/batches", livy.url())).body(body.to_string());
        assert_eq!(send(request).await.expect("answered").0, 400);
    }
    assert!(livy.batches().iter().all(|batch| batch.zombie));
    livy.restart(true).await;
    let states: Vec<(Option<String>, String)> =
        livy.batches().into_iter().map(|batch| (batch.name, batch.state)).collect();
    assert_eq!(states, [(Some("late".to_owned()), "recovering".to_owned())]);
    livy.wait_for(|livy| livy.batches()[0].state == "dead", None).await;
}

#[tokio::test]
async fn a_delete_waits_for_the_application_and_kills_it() {
    let livy = yarn(Version::V0_8).await;
    livy.plan(Plan::running().starts_after(Duration::from_secs(5)).app_id_after(Duration::from_millis(400)));
    post(&livy, "a").await.expect("answered");
    let (deleted, seen) = tokio::join!(delete(&livy, "a"), async {
        livy.wait_for(|livy| livy.deletes().len() == 1, None).await;
        livy.batch("a").is_some()
    });
    assert_eq!((deleted.expect("answered").0, seen), (200, true));
    assert!(livy.batches().is_empty());
    assert_eq!(livy.applications()[0].state, AppState::Killed);
}

#[tokio::test]
async fn a_kill_can_fail_although_livy_says_deleted() {
    let livy = yarn(Version::V0_8).await;
    livy.configure(|settings| settings.kill_fails = true);
    running(&livy, "a").await;
    assert_eq!(delete(&livy, "a").await.expect("answered").0, 200);
    assert_eq!((livy.batches().len(), livy.live_applications().len()), (0, 1));
}

#[tokio::test]
async fn too_many_submissions_are_refused() {
    let livy = Livy::with(Settings { max_creation: 2, ..Settings::new(Version::V0_8, Master::Local) }).await;
    livy.plan(Plan::running());
    for name in ["a", "b"] {
        assert_eq!(post(&livy, name).await.expect("answered").0, 201);
    }
    let (status, body) = post(&livy, "c").await.expect("answered");
    assert_eq!((status, body.as_str()), (400, r#"{"msg":"Rejected, too many sessions are being created!"}"#));
    livy.set_state("a", "success");
    assert_eq!(post(&livy, "c").await.expect("answered").0, 201);
}

#[tokio::test]
async fn csrf_protection_wants_its_header() {
    let livy = Livy::with(Settings { csrf: true, ..Settings::new(Version::V0_7, Master::Yarn) }).await;
    let (status, body) = post(&livy, "a").await.expect("answered");
    assert_eq!((status, body.contains("Missing Required Header for CSRF protection.")), (400, true));
    let body = json!({ "file": "s3://b/a.py" }).to_string();
    let request =
        client().post(format!("{}/batches", livy.url())).header("x-requested-by", "test").body(body);
    assert_eq!(send(request).await.expect("answered").0, 201);
    assert_eq!(get(&livy, "/batches").await.expect("reading needs none").0, 200);
}

#[tokio::test]
async fn a_plan_is_chosen_by_name() {
    let livy = yarn(Version::V0_8).await;
    livy.plan_for("bad", Plan::ends("dead").log(["Traceback", "ValueError"]).diagnostics(["exit 1"]));
    livy.plan_for("odd", Plan::ends("error").running_for(Duration::from_millis(50)));
    for name in ["bad-1", "odd-1", "other"] {
        post(&livy, name).await.expect("answered");
    }
    let state = |name: &str| livy.batch(name).map(|batch| batch.state);
    livy.wait_for(|_| state("bad") == Some("dead".into()) && state("odd") == Some("error".into()), None)
        .await;
    let log = ["stdout: ", "Traceback", "ValueError", "\nstderr: ", "\nYARN Diagnostics: ", "exit 1"];
    assert_eq!(livy.batch("bad").expect("it is known").log, log);
    assert_eq!(livy.live_applications().len(), 1);
}

#[tokio::test]
async fn a_manual_batch_waits_for_orders() {
    let livy = yarn(Version::V0_8).await;
    livy.plan(Plan::manual());
    post(&livy, "a").await.expect("answered");
    let fresh = view(&livy, "a").await;
    assert_eq!((&fresh["state"], &fresh["appId"]), (&json!("starting"), &Value::Null));
    livy.set_app("a", "application_1_0001");
    livy.set_state("a", "running");
    let after = view(&livy, "a").await;
    assert_eq!((&after["state"], &after["appId"]), (&json!("running"), &json!("application_1_0001")));
    livy.misjudge("a", "dead");
    assert_eq!(livy.applications()[0].state, AppState::Running);
    livy.forget("a");
    assert_eq!(get(&livy, "/batches/a").await.expect("answered").0, 404);
    assert_eq!(livy.live_applications().len(), 1);
}

#[tokio::test]
async fn a_plan_can_let_livy_lie_and_forget_while_the_application_goes_on() {
    let livy = yarn(Version::V0_8).await;
    let soon = Duration::from_millis(150);
    livy.plan_for("lies", Plan::running().misjudged_after(soon, "dead"));
    livy.plan_for("gone", Plan::running().forgotten_after(soon));
    for name in ["lies", "gone"] {
        post(&livy, name).await.expect("answered");
    }
    let lies = |livy: &Livy| livy.batch("lies").is_some_and(|batch| batch.state == "dead");
    livy.wait_for(|livy| lies(livy) && livy.batch("gone").is_none(), None).await;
    assert!(livy.applications().iter().all(|application| application.state == AppState::Running));
    livy.plan(Plan::success().running_for(soon * 2).misjudged_after(soon, "error"));
    post(&livy, "late").await.expect("answered");
    livy.wait_for(|livy| livy.live_applications().len() == 2, None).await;
    let (batch, application) = (livy.batch("late").expect("known"), livy.applications().remove(2));
    assert_eq!((batch.state.as_str(), application.final_status), ("error", "SUCCEEDED"), "each says its own");
}

#[tokio::test]
async fn a_submission_that_fails_has_no_application() {
    let livy = yarn(Version::V0_8).await;
    livy.plan(Plan::submission_fails(["no such queue"]));
    post(&livy, "a").await.expect("answered");
    livy.wait_for(|livy| livy.batch("a").is_some_and(|batch| batch.state == "dead"), None).await;
    assert!(livy.applications().is_empty());
    assert_eq!(view(&livy, "a").await["appId"], Value::Null);
}

#[tokio::test]
async fn an_application_that_livy_does_not_find_goes_on() {
    let livy = yarn(Version::V0_8).await;
    livy.configure(|settings| settings.lookup_timeout = Duration::from_millis(200));
    livy.plan(Plan::running().app_id_never());
    post(&livy, "a").await.expect("answered");
    livy.wait_for(|livy| livy.batch("a").is_some_and(|batch| batch.state == "dead"), None).await;
    assert_eq!(livy.live_applications().len(), 1);
}

#[tokio::test]
async fn livy_looks_for_an_application_that_was_killed_before_it_was_found() {
    let livy = yarn(Version::V0_8).await;
    livy.configure(|settings| settings.lookup_timeout = Duration::from_millis(400));
    let late = Duration::from_millis(300);
    livy.plan_for("found", Plan::running().app_id_after(late));
    livy.plan_for("never", Plan::running().app_id_never());
    for name in ["found", "never"] {
        post(&livy, name).await.expect("answered");
    }
    for application in livy.live_applications() {
        assert!(livy.kill_application(application.id.as_deref().expect("on YARN")));
    }
    assert!(livy.batches().iter().all(|batch| batch.state == "starting"), "it does not know of them yet");
    let state = |name: &str| livy.batch(name).map(|batch| batch.state);
    livy.wait_for(|_| state("never") == Some("dead".into()), None).await;
    assert_eq!(state("found"), Some("killed".into()));
    assert!(view(&livy, "found").await["appId"].is_string() && view(&livy, "never").await["appId"].is_null());
}

#[tokio::test]
async fn tags_are_kept_in_lower_case_beside_livys_own() {
    let livy = yarn(Version::V0_8).await;
    let body = json!({ "file": "s3://b/a.py", "name": "a", "conf": { "spark.yarn.tags": "One, sjw-Abc" } })
        .to_string();
    send(client().post(format!("{}/batches", livy.url())).body(body)).await.expect("answered");
    let [application] = &livy.applications_tagged("SJW-abc")[..] else { panic!("not one application") };
    assert!(application.tags[0].starts_with("livy-batch-0-"), "{:?}", application.tags);
    assert_eq!(application.tags[1..], ["one", "sjw-abc"]);
}

#[tokio::test]
async fn a_batch_can_be_seen_before_its_post_is_answered() {
    let livy = yarn(Version::V0_8).await;
    livy.configure(|settings| settings.start_takes = Duration::from_millis(400));
    let (posted, early) = tokio::join!(post(&livy, "a"), async {
        livy.wait_for(|livy| livy.batch("a").is_some(), None).await;
        view(&livy, "a").await
    });
    assert_eq!((&early["state"], &early["log"]), (&json!("starting"), &json!([])));
    assert_eq!(posted.expect("answered").0, 201);
    assert_ne!(view(&livy, "a").await["log"], json!([]));
}

#[tokio::test]
async fn a_finished_batch_is_forgotten_after_a_while() {
    let livy = yarn(Version::V0_8).await;
    running(&livy, "a").await;
    livy.set_state("a", "success");
    livy.configure(|settings| settings.retain = Duration::ZERO);
    assert_eq!(get(&livy, "/batches/a").await.expect("answered").0, 404);
}
