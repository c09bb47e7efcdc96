//! What every test needs: the stand-ins, an activity, a directory, and the worker.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use stand_ins::WaitFor;
use stand_ins::livy::{Livy, Master, Settings, Version};
use stand_ins::sfn::{Outcome, Sfn, TaskId};
use stand_ins::worker::{Config, Worker};
use stand_ins::yarn::Yarn;
use tempfile::TempDir;

/// The daemon.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_spark-job-worker");

/// An input that needs nothing of the configuration.
pub(crate) const INPUT: &str =
    r#"{"Name":"etl","File":"s3://bucket/etl.py","Args":["in",7],"Execution":"exec-1"}"#;

/// The stand-ins with one activity.
pub(crate) struct Stage {
    pub(crate) sfn: Sfn,
    pub(crate) livy: Livy,
    yarn: Option<Yarn>,
    pub(crate) arn: String,
    pub(crate) directory: TempDir,
}

impl Stage {
    /// Livy on YARN: 0.8, or 0.7 where `SJW_TEST_LIVY` says so. EMR 7 ships the one, EMR 6 the other.
    pub(crate) async fn new() -> Stage {
        let older = std::env::var("SJW_TEST_LIVY").is_ok_and(|version| version == "0.7");
        Stage::with(if older { Version::V0_7 } else { Version::V0_8 }, Master::Yarn).await
    }

    pub(crate) async fn with(version: Version, master: Master) -> Stage {
        Stage::of(Settings::new(version, master)).await
    }

    pub(crate) async fn of(settings: Settings) -> Stage {
        let sfn = Sfn::start().await;
        let arn = sfn.activity("spark-job");
        let directory = tempfile::tempdir().expect("a directory can be had");
        Stage { sfn, livy: Livy::with(settings).await, yarn: None, arn, directory }
    }

    /// The same as [`Stage::new`], with a ResourceManager to ask.
    pub(crate) async fn with_yarn() -> Stage {
        Stage::new().await.and_yarn().await
    }

    /// Adds a ResourceManager, which the configuration then names.
    pub(crate) async fn and_yarn(mut self) -> Stage {
        self.yarn = Some(Yarn::start(&self.livy).await);
        self
    }

    /// The ResourceManager.
    pub(crate) fn yarn(&self) -> &Yarn {
        self.yarn.as_ref().expect("this stage has YARN")
    }

    /// The usual configuration, with short durations.
    pub(crate) fn config(&self) -> Config {
        match &self.yarn {
            Some(yarn) => self.config_of(&[yarn]),
            None => self.config_of(&[]),
        }
    }

    /// The usual configuration with these ResourceManagers.
    pub(crate) fn config_of(&self, managers: &[&Yarn]) -> Config {
        let urls: Vec<String> = managers.iter().map(|yarn| yarn.url()).collect();
        Config::new(&self.sfn.url(), &self.livy.url(), &self.arn, self.directory.path())
            .table("yarn", &format!("url = {urls:?}"))
    }

    /// The worker with the usual configuration.
    pub(crate) fn worker(&self) -> Worker {
        self.worker_with(&self.config())
    }

    pub(crate) fn worker_with(&self, config: &Config) -> Worker {
        Worker::start(Path::new(PROGRAM), self.directory.path(), config)
    }

    /// Another client's POST to Livy, past the worker.
    pub(crate) async fn strangers(&self, name: &str, tags: &str) {
        let batch = json!({ "file": "s3://b/other.py", "name": name, "conf": { "spark.yarn.tags": tags } });
        let answer = reqwest::Client::new()
            .post(format!("{}/batches", self.livy.url()))
            .header("content-type", "application/json")
            .header("x-requested-by", "somebody")
            .body(batch.to_string())
            .send()
            .await
            .expect("an answer");
        assert_eq!(answer.status(), 201);
    }

    /// Schedules the usual task.
    pub(crate) fn task(&self) -> TaskId {
        self.schedule(INPUT)
    }

    pub(crate) fn schedule(&self, input: &str) -> TaskId {
        self.sfn.schedule_with(&self.arn, input, Some(Duration::from_secs(10)), None)
    }

    /// Waits until Livy has a batch whose name begins so, and returns its whole name.
    pub(crate) async fn submitted(&self, prefix: &str) -> String {
        self.livy.wait_for(|livy| livy.batch(prefix).is_some(), None).await;
        self.livy.batch(prefix).and_then(|batch| batch.name).expect("batches have names")
    }

    /// Waits for the task's output.
    pub(crate) async fn output(&self, task: &TaskId) -> Value {
        match self.sfn.outcome(task).await {
            Outcome::Succeeded { output } => serde_json::from_str(&output).expect("an output is JSON"),
            other => panic!("not a success: {other:?}"),
        }
    }

    /// Waits for the task's failure: its error and its cause.
    pub(crate) async fn failure(&self, task: &TaskId) -> (String, Value) {
        match self.sfn.outcome(task).await {
            Outcome::Failed { error, cause } => {
                let cause = cause.map_or(json!(null), |cause| {
                    serde_json::from_str(&cause).unwrap_or_else(|_| panic!("a cause is JSON: {cause}"))
                });
                (error.unwrap_or_default(), cause)
            }
            other => panic!("not a failure: {other:?}"),
        }
    }

    /// Waits until a poll is open.
    pub(crate) async fn polling(&self) {
        self.sfn.wait_for(|sfn| sfn.open_polls(&self.arn) > 0, None).await;
    }
}

/// A text of a JSON value.
pub(crate) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
