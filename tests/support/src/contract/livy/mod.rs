//! What every Livy must answer, by release and master.

mod accepting;
mod life;
mod reading;
mod refusing;

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::{Reply, cases, eventually, run};
use crate::livy::{Master, Version};

/// Something to submit.
#[derive(Clone, Debug)]
pub struct Job {
    /// `file` of the request.
    pub file: String,
    /// `args` of the request.
    pub args: Vec<String>,
}

impl Job {
    /// A file and its arguments.
    pub fn new<T: Into<String>>(file: &str, args: impl IntoIterator<Item = T>) -> Self {
        Self { file: file.to_owned(), args: args.into_iter().map(Into::into).collect() }
    }
}

/// What is known of the Livy under test.
#[derive(Clone, Debug)]
pub struct Expect {
    /// Its release.
    pub version: Version,
    /// Where it runs jobs.
    pub master: Master,
    /// A job that succeeds.
    pub succeeds: Job,
    /// A job that fails.
    pub fails: Job,
    /// A job that runs for much longer than a case.
    pub stays: Job,
    /// A job that prints 500 lines, if there is one.
    pub chatty: Option<Job>,
    /// A local file that is on no whitelist.
    pub outside: String,
    /// How long a job may take to reach a state.
    pub within: Duration,
}

impl Expect {
    /// A Livy with the scripted spark-submit, which obeys the arguments of the job; `file` must be allowed.
    pub fn scripted(version: Version, master: Master, file: &str) -> Self {
        Self {
            version,
            master,
            succeeds: Job::new(file, ["sleep=0.3", "line=done"]),
            fails: Job::new(file, ["sleep=0.3", "line=about to fail", "exit=3"]),
            // In short pieces: a sleep outlives the script that is killed, and DELETE waits for its output to close.
            stays: Job::new(file, vec!["sleep=0.2"; 300]),
            chatty: Some(Job::new(file, (0..500).map(|number| format!("line=line {number}")))),
            outside: "/etc/hosts".to_owned(),
            within: Duration::from_secs(20),
        }
    }

    /// The same Livy with real Spark jobs.
    pub fn spark(version: Version, master: Master, succeeds: Job, fails: Job, stays: Job) -> Self {
        let file = succeeds.file.clone();
        let within = Duration::from_secs(120);
        Self { succeeds, fails, stays, chatty: None, within, ..Self::scripted(version, master, &file) }
    }
}

/// Runs all cases against the Livy at `base_url`, which nobody else uses meanwhile; returns their names.
///
/// # Panics
/// If a case fails.
pub async fn cases(base_url: &str, expect: &Expect) -> Vec<&'static str> {
    // DELETE may look for an application for two minutes.
    let patience = Duration::from_secs(150);
    let peer = Arc::new(Peer::new(base_url, expect.clone(), "contract", patience));
    let mut all = cases![peer;
        reading::version_names_the_release,
        reading::a_batch_is_found_by_id_and_by_name,
        reading::what_is_not_there_is_a_404,
        reading::an_id_beyond_an_int_is_a_400,
        reading::a_list_is_a_window,
        reading::other_methods_and_paths_have_no_body,
        reading::another_api_version_is_a_406,
        accepting::a_post_is_answered_with_the_batch,
        accepting::numbers_among_texts_become_texts,
        accepting::odd_names_work_when_encoded,
        accepting::plain_text_is_read_as_json,
        accepting::what_follows_the_json_is_ignored,
        accepting::the_longest_argument_is_taken,
        accepting::a_deploy_mode_is_refused_from_0_8,
        accepting::dots_are_seen_through_from_0_9,
        refusing::a_duplicate_name,
        refusing::a_name_of_digits_or_nothing,
        refusing::an_unknown_field,
        refusing::what_is_no_json,
        refusing::a_form,
        refusing::wrong_types,
        refusing::a_number_as_text,
        refusing::a_null_list,
        refusing::a_null_in_a_list,
        refusing::no_file,
        refusing::an_empty_file,
        refusing::a_relative_path,
        refusing::an_illegal_path,
        refusing::a_file_outside_the_whitelist,
        refusing::an_argument_that_is_too_long,
        life::a_job_succeeds,
        life::a_job_fails,
        life::a_running_job_is_deleted,
        life::a_finished_job_is_deleted,
        life::a_log_is_a_window,
    ];
    if expect.chatty.is_some() {
        all.extend(cases![peer; life::a_log_keeps_200_lines]);
    }
    run(all).await
}

/// The Livy under test.
type Peer = super::peer::Peer<Expect>;

impl Peer {
    async fn post_raw(&self, content_type: &str, body: String) -> Reply {
        Reply::of(self.request("POST", "/batches").header("content-type", content_type).body(body)).await
    }

    async fn post(&self, body: &Value) -> Reply {
        self.post_raw("application/json", body.to_string()).await
    }

    /// Submits a job under a new name, and returns the name and the view.
    async fn submit(&self, job: &Job) -> (String, Value) {
        let name = self.name();
        let reply = self.post(&json!({ "file": job.file, "args": job.args, "name": name })).await;
        assert_eq!(reply.status, 201, "{reply:?}");
        (name, reply.json())
    }

    /// Waits until a batch has ended; returns its last view, and its states in the order in which they were seen.
    async fn end(&self, name: &str) -> (Value, Vec<String>) {
        let mut seen: Vec<String> = Vec::new();
        let path = format!("/batches/{name}");
        let view = eventually(self.expect.within, name, || async { Some(self.get(&path).await.json()) });
        let mut view = view.await;
        let begun = std::time::Instant::now();
        loop {
            let state = view["state"].as_str().unwrap_or_default().to_owned();
            let over = ["success", "dead", "killed", "error"].contains(&state.as_str());
            if seen.last() != Some(&state) {
                seen.push(state);
            }
            if over {
                return (view, seen);
            }
            assert!(begun.elapsed() < self.expect.within, "{name} does not end: {seen:?}");
            tokio::time::sleep(Duration::from_millis(30)).await;
            view = self.get(&path).await.json();
        }
    }

    /// Asserts a 400 `{"msg"}` from the creation of a batch, worded by release.
    fn assert_rejected(&self, reply: &Reply, reason: &str) {
        let prefix = if self.expect.version >= Version::V0_8 { "Rejected, Reason: " } else { "" };
        let message = reply.json()["msg"].as_str().unwrap_or_default().to_owned();
        assert_eq!((reply.status, is_json(reply)), (400, true), "{reply:?}");
        assert!(message.starts_with(&format!("{prefix}{reason}")), "{reply:?}");
    }

    /// Asserts that a refused POST left a record that never ends, and that DELETE frees its name.
    async fn assert_zombie(&self, name: &str) {
        let path = format!("/batches/{name}");
        let view = self.get(&path).await;
        assert_eq!(view.status, 200, "no zombie: {view:?}");
        let view = view.json();
        assert_eq!(
            (&view["state"], &view["appId"], &view["log"]),
            (&json!("starting"), &json!(null), &json!([]))
        );
        let again = self.post(&json!({ "file": self.expect.succeeds.file, "name": name })).await;
        self.assert_rejected(&again, &format!("Duplicate session name: Some({name}) for session "));
        let deleted = self.delete(&path).await;
        assert_eq!((deleted.status, deleted.json()), (200, json!({ "msg": "deleted" })));
        self.assert_absent(name).await;
    }

    async fn assert_absent(&self, name: &str) {
        let reply = self.get(&format!("/batches/{name}")).await;
        assert_eq!(reply.status, 404, "{reply:?}");
        assert_eq!(reply.json(), json!({ "msg": format!("Session '{name}' not found.") }));
    }
}

fn is_json(reply: &Reply) -> bool {
    reply.header("content-type").starts_with("application/json")
}

/// Asserts an error that is a bare JSON string.
fn assert_bare(reply: &Reply, status: u16, beginning: &str) {
    let text = reply.json().as_str().unwrap_or_default().to_owned();
    assert_eq!((reply.status, is_json(reply)), (status, true), "{reply:?}");
    assert!(!text.is_empty() && text.starts_with(beginning), "not {beginning}: {reply:?}");
}
