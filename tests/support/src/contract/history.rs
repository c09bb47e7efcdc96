//! What every history server of Spark's must answer about an application in YARN's cluster mode with two jobs, of which the
//! second one failed over a task.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::{Reply, cases, client, run};

/// Runs all cases about the application `id` against the history server at `base_url`, which has seen its end; returns
/// their names. `words`: what the task that failed says.
///
/// # Panics
/// If a case fails.
pub async fn cases(base_url: &str, id: &str, words: &str) -> Vec<&'static str> {
    let client = client(Duration::from_secs(30));
    let base = format!("{base_url}/api/v1");
    let peer = Arc::new(Peer { client, base, id: id.to_owned(), words: words.to_owned() });
    run(cases![peer;
        it_says_its_version,
        a_list_is_as_long_as_was_asked_for,
        what_it_does_not_know_is_a_404_and_a_text,
        what_is_nowhere_is_a_page,
        an_application_has_its_tries,
        a_try_is_asked_about_by_its_number,
        jobs_are_chosen_by_their_state,
        a_failed_stage_says_which_task_failed_where_and_why,
        tasks_are_chosen_by_their_state,
    ])
    .await
}

struct Peer {
    client: reqwest::Client,
    base: String,
    id: String,
    words: String,
}

impl Peer {
    async fn get(&self, path: &str) -> Reply {
        Reply::of(self.client.get(format!("{}{path}", self.base)).header("accept", "application/json")).await
    }

    /// What is said about the first try of the application.
    async fn about(&self, path: &str) -> Value {
        let reply = self.get(&format!("/applications/{}/1{path}", self.id)).await;
        assert_eq!((reply.status, reply.header("content-type")), (200, "application/json"), "{reply:?}");
        reply.json()
    }

    async fn refused(&self, path: &str, words: &str) {
        let reply = self.get(path).await;
        let said = (reply.status, reply.header("content-type"), reply.body.as_str());
        assert_eq!(said, (404, "text/plain", words), "{path}");
    }
}

async fn it_says_its_version(peer: Arc<Peer>) {
    let reply = peer.get("/version").await;
    let version = reply.json()["spark"].as_str().unwrap_or_default().to_owned();
    assert!(reply.status == 200 && version.starts_with(|c: char| c.is_ascii_digit()), "{reply:?}");
}

async fn a_list_is_as_long_as_was_asked_for(peer: Arc<Peer>) {
    let reply = peer.get("/applications?limit=1").await;
    let list = reply.json();
    assert_eq!((reply.status, list.as_array().map(Vec::len)), (200, Some(1)), "{reply:?}");
    assert!(list[0]["id"].is_string() && list[0]["attempts"].is_array(), "{list}");
}

async fn what_it_does_not_know_is_a_404_and_a_text(peer: Arc<Peer>) {
    let other = "application_1_0001";
    peer.refused(&format!("/applications/{other}"), &format!("unknown app: {other}")).await;
    peer.refused(&format!("/applications/{other}/jobs?status=failed"), &format!("no such app: {other}"))
        .await;
    let tried = format!("/applications/{other}/1/stages?status=failed");
    peer.refused(&tried, &format!("no such app: {other}/1")).await;
}

async fn what_is_nowhere_is_a_page(peer: Arc<Peer>) {
    let unknown = format!("/applications/{}/1/jobs?status=bogus", peer.id);
    for path in ["/nowhere", unknown.as_str()] {
        let reply = peer.get(path).await;
        assert_eq!(reply.status, 404, "{reply:?}");
        assert!(!reply.body.starts_with("no such app"), "{reply:?}");
    }
}

async fn an_application_has_its_tries(peer: Arc<Peer>) {
    let reply = peer.get(&format!("/applications/{}", peer.id)).await;
    let view = reply.json();
    assert_eq!((reply.status, view["id"].as_str()), (200, Some(peer.id.as_str())), "{reply:?}");
    let attempt = &view["attempts"][0];
    assert_eq!((&attempt["attemptId"], &attempt["completed"]), (&"1".into(), &true.into()), "{view}");
}

async fn a_try_is_asked_about_by_its_number(peer: Arc<Peer>) {
    let id = &peer.id;
    peer.refused(&format!("/applications/{id}/jobs"), &format!("no such app: {id}")).await;
    peer.refused(&format!("/applications/{id}/9/jobs"), &format!("no such app: {id}/9")).await;
    assert_eq!(peer.about("/jobs").await.as_array().map(Vec::len), Some(2), "both jobs");
}

async fn jobs_are_chosen_by_their_state(peer: Arc<Peer>) {
    for (state, id) in [("failed", 1), ("succeeded", 0)] {
        let jobs = peer.about(&format!("/jobs?status={state}")).await;
        assert_eq!(jobs.as_array().map(Vec::len), Some(1), "{jobs}");
        assert_eq!(jobs[0]["jobId"], id, "{jobs}");
        assert_eq!(jobs[0]["status"], state.to_uppercase(), "{jobs}");
        assert!(jobs[0]["stageIds"].as_array().is_some_and(|stages| !stages.is_empty()), "{jobs}");
    }
}

async fn a_failed_stage_says_which_task_failed_where_and_why(peer: Arc<Peer>) {
    let (jobs, stages) = (peer.about("/jobs?status=failed").await, peer.about("/stages?status=failed").await);
    assert_eq!(stages.as_array().map(Vec::len), Some(1), "{stages}");
    let stage = &stages[0];
    assert_eq!((&stage["status"], &stage["attemptId"]), (&"FAILED".into(), &0.into()), "{stage}");
    let of_job = jobs[0]["stageIds"].as_array().is_some_and(|ids| ids.contains(&stage["stageId"]));
    assert!(of_job && stage["name"].is_string() && stage["numFailedTasks"].is_number(), "{stage}");
    let reason = stage["failureReason"].as_str().unwrap_or_default();
    let begins = "Job aborted due to stage failure: Task ";
    let lost = format!(" in stage {}.0 (TID ", stage["stageId"]);
    for part in [begins, "most recent failure: Lost task ", &lost, " executor ", "): ", &peer.words] {
        assert!(reason.contains(part), "{part:?} is not in {reason}");
    }
}

async fn tasks_are_chosen_by_their_state(peer: Arc<Peer>) {
    let stages = peer.about("/stages?status=failed").await;
    let list = format!("/stages/{}/0/taskList", stages[0]["stageId"]);
    let tasks = peer.about(&format!("{list}?status=failed&length=1")).await;
    assert_eq!(tasks.as_array().map(Vec::len), Some(1), "{tasks}");
    let task = &tasks[0];
    assert_eq!(task["status"], "FAILED", "{task}");
    for key in ["taskId", "index", "attempt"] {
        assert!(task[key].is_u64(), "{key}: {task}");
    }
    assert!(task["executorId"].is_string() && task["host"].is_string(), "{task}");
    assert!(task["errorMessage"].as_str().is_some_and(|said| said.contains(&peer.words)), "{task}");
    let none = peer.about("/stages/99/0/taskList?status=failed").await;
    assert_eq!(none.as_array().map(Vec::len), Some(0), "of what is not there nothing");
}
