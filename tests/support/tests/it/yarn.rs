//! The ResourceManager's stand-in: what it shows of Livy's applications, and how it forgets.

use std::time::Duration;

use serde_json::{Value, json};
use stand_ins::WaitFor;
use stand_ins::livy::{AppState, Livy, Master, Plan, Version};
use stand_ins::yarn::{Rights, Store, Yarn};

use super::{client, send};

async fn running() -> (Livy, Yarn, String) {
    let livy = Livy::start(Version::V0_8, Master::Yarn).await;
    livy.plan(Plan::running());
    let yarn = Yarn::start(&livy).await;
    let body =
        json!({ "file": "s3://b/job.py", "name": "job", "conf": { "spark.yarn.tags": "SFN-Abc1,other" } });
    let posted = client().post(format!("{}/batches", livy.url())).header("content-type", "application/json");
    assert_eq!(send(posted.body(body.to_string())).await.expect("an answer").0, 201);
    let is_running = |livy: &Livy| livy.batch("job").is_some_and(|batch| batch.state == "running");
    livy.wait_for(is_running, None).await;
    let id = livy.applications()[0].id.clone().expect("on YARN");
    (livy, yarn, id)
}

async fn get(yarn: &Yarn, path: &str) -> (u16, Value) {
    let asked = send(client().get(format!("{}/ws/v1/cluster{path}", yarn.url()))).await;
    let (status, body) = asked.expect("YARN answers");
    (status, serde_json::from_str(&body).unwrap_or_default())
}

async fn put(yarn: &Yarn, id: &str, state: &str) -> (u16, Value) {
    let body = json!({ "state": state }).to_string();
    let url = format!("{}/ws/v1/cluster/apps/{id}/state?user.name=x", yarn.url());
    let asked = send(client().put(url).header("content-type", "application/json").body(body)).await;
    let (status, body) = asked.expect("YARN answers");
    (status, serde_json::from_str(&body).unwrap_or_default())
}

#[tokio::test]
async fn an_application_is_found_by_any_of_its_tags_in_any_case() {
    let (_livy, yarn, id) = running().await;
    for query in ["", "?applicationTags=SFN-Abc1", "?applicationTags=none,sfn-abc1&states=running,accepted"] {
        let (status, list) = get(&yarn, &format!("/apps{query}")).await;
        assert_eq!((status, &list["apps"]["app"][0]["id"]), (200, &json!(id)), "{query}");
    }
    for query in ["?applicationTags=sfn-abc", "?applicationTags=sfn-abc1&states=FINISHED"] {
        assert_eq!(get(&yarn, &format!("/apps{query}")).await, (200, json!({ "apps": {} })), "{query}");
    }
}

#[tokio::test]
async fn an_application_is_shown_by_its_id_as_it_runs_and_as_it_ended() {
    let (livy, yarn, id) = running().await;
    let (_, one) = get(&yarn, &format!("/apps/{id}?deSelects=resourceRequests")).await;
    assert_eq!((&one["app"]["state"], &one["app"]["finalStatus"]), (&json!("RUNNING"), &json!("UNDEFINED")));
    assert_eq!(one["app"]["finishedTime"], 0);
    let tags = one["app"]["applicationTags"].as_str().expect("tags");
    assert!(tags.starts_with("livy-batch-0-") && tags.ends_with(",other,sfn-abc1"), "{tags}");
    livy.set_state("job", "dead");
    yarn.diagnose(&id, "exited with status 1");
    let (_, one) = get(&yarn, &format!("/apps/{id}")).await;
    assert_eq!((&one["app"]["state"], &one["app"]["finalStatus"]), (&json!("FINISHED"), &json!("FAILED")));
    assert_eq!(one["app"]["diagnostics"], "exited with status 1");
    let time = |name: &str| one["app"][name].as_u64().expect("a time");
    assert!(time("startedTime") > 0 && time("finishedTime") >= time("startedTime"));
    assert_eq!(time("elapsedTime"), time("finishedTime") - time("startedTime"));
}

#[tokio::test]
async fn an_unknown_application_is_an_exception_by_name() {
    let (_livy, yarn, _) = running().await;
    for (status, body) in
        [get(&yarn, "/apps/application_1_0001").await, put(&yarn, "application_1_0001", "KILLED").await]
    {
        assert_eq!((status, &body["RemoteException"]["exception"]), (404, &json!("NotFoundException")));
    }
}

#[tokio::test]
async fn a_kill_ends_the_application_and_livy_sees_it() {
    let (livy, yarn, id) = running().await;
    assert_eq!(put(&yarn, &id, "FINISHED").await.0, 400);
    assert_eq!(put(&yarn, &id, "KILLED").await, (202, json!({ "state": "KILLING" })));
    assert_eq!(put(&yarn, &id, "KILLED").await, (200, json!({ "state": "KILLED" })));
    assert_eq!(livy.applications()[0].state, AppState::Killed);
    assert_eq!(livy.batch("job").expect("the batch").state, "killed");
    let statuses: Vec<Option<u16>> = yarn.kills().iter().map(|kill| kill.status).collect();
    assert_eq!(statuses, [Some(400), Some(202), Some(200)]);
}

#[tokio::test]
async fn a_restart_forgets_unless_it_keeps_and_moves_the_time_of_the_start() {
    let (_livy, yarn, id) = running().await;
    let started = async || get(&yarn, "/info").await.1["clusterInfo"].take();
    let before = started().await;
    assert!(before["rmStateStoreName"].as_str().is_some_and(|name| name.ends_with(".NullRMStateStore")));
    yarn.restart(true).await;
    let kept = started().await;
    assert!(kept["startedOn"].as_u64() > before["startedOn"].as_u64());
    assert!(kept["rmStateStoreName"].as_str().is_some_and(|name| name.ends_with(".FileSystemRMStateStore")));
    assert_eq!(get(&yarn, &format!("/apps/{id}")).await.0, 200);
    yarn.restart(false).await;
    assert_eq!(get(&yarn, &format!("/apps/{id}")).await.0, 404);
    assert_eq!(get(&yarn, "/apps").await.1, json!({ "apps": {} }));
}

#[tokio::test]
async fn a_standby_sends_elsewhere_and_tells_about_itself() {
    let (livy, yarn, id) = running().await;
    let other = Yarn::start(&livy).await;
    yarn.standby(&other.url());
    assert_eq!(get(&yarn, "/apps?applicationTags=other").await.0, 307);
    assert_eq!(put(&yarn, &id, "KILLED").await.0, 307);
    let (status, info) = get(&yarn, "/info").await;
    assert_eq!((status, &info["clusterInfo"]["haState"]), (200, &json!("STANDBY")));
    assert_eq!(livy.live_applications().len(), 1);
    assert_eq!(put(&other, &id, "KILLED").await.0, 202);
    yarn.activate();
    yarn.wait_for(|_| livy.live_applications().is_empty(), Duration::from_secs(1)).await;
    assert_eq!(get(&yarn, &format!("/apps/{id}")).await.1["app"]["state"], "KILLED");
}

#[tokio::test]
async fn what_it_is_told_to_say_and_to_forget_it_says_and_forgets() {
    let (livy, yarn, id) = running().await;
    yarn.set(&id, "FINISHED", "SUCCEEDED");
    assert_eq!(get(&yarn, &format!("/apps/{id}")).await.1["app"]["finalStatus"], "SUCCEEDED");
    assert_eq!(livy.live_applications().len(), 1);
    yarn.forget(&id);
    assert_eq!(get(&yarn, &format!("/apps/{id}")).await.0, 404);
}

#[tokio::test]
async fn of_those_that_have_ended_it_remembers_the_last_ones() {
    let (livy, yarn, first) = running().await;
    yarn.keep_completed(2);
    livy.plan(Plan::success());
    livy.set_state("job", "success");
    for name in ["a", "b"] {
        let body = json!({ "file": "s3://b/job.py", "name": name }).to_string();
        let posted = client().post(format!("{}/batches", livy.url())).body(body);
        send(posted.header("content-type", "application/json")).await.expect("an answer");
        let applications = |livy: &Livy| livy.applications().len() - livy.live_applications().len();
        assert_eq!(get(&yarn, &format!("/apps/{first}")).await.0, 200, "not too many have ended");
        livy.wait_for(|livy| applications(livy) == if name == "a" { 2 } else { 3 }, None).await;
    }
    assert_eq!(get(&yarn, &format!("/apps/{first}")).await.0, 404);
    let (_, list) = get(&yarn, "/apps?states=FINISHED").await;
    assert_eq!(list["apps"]["app"].as_array().map(Vec::len), Some(2));
}

#[tokio::test]
async fn times_and_costs_are_as_a_test_says_and_otherwise_as_they_would_be() {
    let (livy, yarn, id) = running().await;
    let view = async || get(&yarn, &format!("/apps/{id}")).await.1["app"].take();
    let number = |view: &Value, key: &str| view[key].as_u64().unwrap_or_else(|| panic!("{key} of {view}"));
    let before = view().await;
    assert!(number(&before, "launchTime") >= number(&before, "startedTime"));
    yarn.launched(&id, Duration::ZERO);
    let launched = view().await;
    assert_eq!(number(&launched, "launchTime"), number(&launched, "startedTime"));
    let cores = number(&launched, "vcoreSeconds");
    assert_eq!(number(&launched, "memorySeconds"), 1_024 * cores, "a driver and an executor");
    yarn.cost(&id, 24_249, 23);
    yarn.launched(&id, Duration::from_secs(3_600));
    livy.set_state("job", "success");
    let after = view().await;
    assert_eq!((number(&after, "memorySeconds"), number(&after, "vcoreSeconds")), (24_249, 23));
    assert_eq!(number(&after, "launchTime"), 0, "it ended before that");
}

#[tokio::test]
async fn letters_that_are_no_json_stand_where_a_test_puts_them() {
    let (_livy, yarn, id) = running().await;
    yarn.write(&id, "queueUsagePercentage", "INF");
    yarn.write(&id, "progress", "NaN");
    for path in [format!("/apps/{id}"), "/apps".to_owned()] {
        let asked = send(client().get(format!("{}/ws/v1/cluster{path}", yarn.url()))).await;
        let (status, body) = asked.expect("YARN answers");
        assert_eq!(status, 200);
        assert!(
            body.contains(r#""queueUsagePercentage":INF"#) && body.contains(r#""progress":NaN"#),
            "{body}"
        );
        let repaired = body.replace(":INF", ":0").replace(":NaN", ":0");
        assert!(serde_json::from_str::<Value>(&repaired).is_ok(), "and all else is JSON: {body}");
    }
}

#[tokio::test]
async fn hadoop_2_says_null_and_knows_no_launch() {
    let (_livy, yarn, id) = running().await;
    yarn.is_hadoop_2();
    assert_eq!(get(&yarn, "/apps?applicationTags=none").await, (200, json!({ "apps": null })));
    assert_eq!(get(&yarn, &format!("/apps/{id}")).await.1["app"]["launchTime"], Value::Null);
    assert_eq!(get(&yarn, "/info").await.1["clusterInfo"]["hadoopVersion"], "2.10.1");
}

#[tokio::test]
async fn a_user_who_may_see_nothing_is_refused_by_id_and_finds_nothing_in_lists() {
    let (_livy, yarn, id) = running().await;
    for status in [401, 403] {
        yarn.allow(Rights::Nothing(status));
        assert_eq!(get(&yarn, &format!("/apps/{id}?user.name=x")).await.0, status);
        assert_eq!(get(&yarn, "/apps").await.1, json!({ "apps": {} }));
        assert_eq!(put(&yarn, &id, "KILLED").await.0, 403);
        assert_eq!(get(&yarn, "/apps/application_1_0001").await.0, 404, "what is not there is no secret");
        assert_eq!(get(&yarn, &format!("/apps/{id}?user.name=hadoop")).await.1["app"]["state"], "RUNNING");
    }
    yarn.allow(Rights::All);
    assert_eq!(put(&yarn, &id, "KILLED").await.0, 202);
}

#[tokio::test]
async fn each_store_keeps_or_forgets_as_its_name_says() {
    let stores = [
        (Store::Null, "NullRMStateStore", false),
        (Store::Memory, "MemoryRMStateStore", false),
        (Store::FileSystem, "FileSystemRMStateStore", true),
        (Store::LevelDb, "LeveldbRMStateStore", true),
        (Store::ZooKeeper, "ZKRMStateStore", true),
    ];
    for (store, name, keeps) in stores {
        let (livy, yarn, id) = running().await;
        yarn.restart_with(store).await;
        let said = get(&yarn, "/info").await.1["clusterInfo"]["rmStateStoreName"].to_string();
        assert!(said.ends_with(&format!(".{name}\"")), "{said}");
        assert_eq!(get(&yarn, &format!("/apps/{id}")).await.0, if keeps { 200 } else { 404 }, "{name}");
        assert_eq!(livy.live_applications().len(), 1, "what runs goes on");
    }
}

#[tokio::test]
async fn applications_die_with_a_resource_manager_that_remembers_none() {
    let (livy, yarn, id) = running().await;
    yarn.restart_and_kill().await;
    assert!(livy.live_applications().is_empty());
    assert_eq!(get(&yarn, &format!("/apps/{id}")).await.0, 404, "and nobody says how they ended");
    yarn.keep_in(Store::ZooKeeper);
    assert!(get(&yarn, "/info").await.1.to_string().contains("ZKRMStateStore"));
}

#[tokio::test]
async fn a_kill_that_takes_its_time_is_on_its_way_until_then() {
    let (livy, yarn, id) = running().await;
    yarn.kill_takes(Duration::from_secs(2));
    assert_eq!(put(&yarn, &id, "KILLED").await, (202, json!({ "state": "KILLING" })));
    assert_eq!(get(&yarn, &format!("/apps/{id}/state")).await.1, json!({ "state": "KILLING" }));
    assert_eq!(get(&yarn, &format!("/apps/{id}")).await.1["app"]["state"], "RUNNING");
    yarn.wait_for(|_| livy.live_applications().is_empty(), None).await;
    assert_eq!(get(&yarn, &format!("/apps/{id}/state")).await.1, json!({ "state": "KILLED" }));
}

#[tokio::test]
async fn of_long_diagnostics_the_end_is_kept_unless_a_test_wants_all() {
    let (_livy, yarn, id) = running().await;
    let words = async || get(&yarn, &format!("/apps/{id}")).await.1["app"]["diagnostics"].take();
    let long = format!("the beginning {} the end", "ü".repeat(100_000));
    yarn.diagnose(&id, &long);
    let cut = words().await;
    let cut = cut.as_str().expect("a text");
    assert!(cut.starts_with("Diagnostic messages truncated, showing last 65536 chars out of 100022:\n...ü"));
    assert!(cut.ends_with("ü the end"));
    yarn.keep_diagnostics(1_000_000);
    assert_eq!(words().await, json!(long));
}
