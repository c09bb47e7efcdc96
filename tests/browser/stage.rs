//! The worker that a browser looks at, with stand-ins for everything that it needs.

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use spark_job_worker::job::journal::seal;
use stand_ins::WaitFor;
use stand_ins::livy::{Livy, Master, Plan, Version};
use stand_ins::sfn::Sfn;
use stand_ins::worker::{Config, Worker};
use stand_ins::yarn::Yarn;
use tempfile::TempDir;

/// Executions of a state machine, without their names.
pub(crate) const EXECUTION: &str = "arn:aws:states:eu-west-1:123456789012:execution:nightly";
/// Ends what it stands in and begins something that runs.
pub(crate) const HOSTILE: &str = "x\"' onclick='document.title=1'></td></title><img src=x onerror=document.title=2><script>document.title=3</script>&lt;";

const PROGRAM: &str = env!("CARGO_BIN_EXE_spark-job-worker");

pub(crate) struct Stage {
    pub(crate) livy: Livy,
    sfn: Sfn,
    yarn: Yarn,
    arn: String,
    directory: TempDir,
    port: u16,
}

impl Stage {
    pub(crate) async fn new() -> Stage {
        let sfn = Sfn::start().await;
        let arn = sfn.activity("spark-job");
        let livy = Livy::start(Version::V0_8, Master::Yarn).await;
        livy.plan(Plan::running());
        let yarn = Yarn::start(&livy).await;
        let directory = tempfile::tempdir().expect("a directory");
        // A page stays where it is while the worker is started anew.
        let port =
            TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a port").port();
        Stage { livy, sfn, yarn, arn, directory, port }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://localhost:{}/", self.port)
    }

    pub(crate) fn worker(&self) -> Worker {
        let config = Config::new(&self.sfn.url(), &self.livy.url(), &self.arn, self.directory.path())
            .table("yarn", &format!("url = \"{}\"", self.yarn.url()))
            .table("admin", &format!("listen = \"127.0.0.1:{}\"", self.port));
        let worker = Worker::start(Path::new(PROGRAM), self.directory.path(), &config);
        worker.logged("/healthz and /metrics are at");
        worker
    }

    /// Begins a job, and waits until the worker knows that it runs in YARN.
    pub(crate) async fn running(&self, worker: &Worker, job: &str, execution: &str, gib_hours: f64) {
        let input = json!({ "Name": job, "File": "s3://bucket/etl.py", "Execution": execution });
        self.sfn.schedule_with(&self.arn, &input.to_string(), Some(Duration::from_secs(60)), None);
        let name = format!("{job}-");
        self.livy.wait_for(|livy| livy.batch(&name).is_some(), None).await;
        let name = self.livy.batch(&name).and_then(|batch| batch.name).expect("batches have names");
        let id = self.application(&name).await;
        self.yarn.cost(&id, (gib_hours * 3_686_400.0) as u64, (gib_hours * 1_200.0) as u64);
        worker.logged(&format!("{name} is RUNNING in YARN"));
    }

    /// A job ends with success.
    pub(crate) fn end(&self, job: &str) {
        let name = self.livy.batch(&format!("{job}-")).and_then(|batch| batch.name).expect("a batch");
        self.livy.set_state(&name, "success");
    }

    /// An application that carries a tag of ours, by another client of Livy.
    pub(crate) async fn somebody_elses(&self, name: &str) {
        let tags = "spark-job-worker,sjw-0123456789abcdef";
        let batch = json!({ "file": "s3://b/a.py", "name": name, "conf": { "spark.yarn.tags": tags } });
        let sent = reqwest::Client::new()
            .post(format!("{}/batches", self.livy.url()))
            .header("content-type", "application/json")
            .header("x-requested-by", "somebody")
            .body(batch.to_string());
        assert!(sent.send().await.expect("an answer").status().is_success());
        self.application(name).await;
    }

    /// Waits until YARN has an application of this name, and returns its id.
    async fn application(&self, name: &str) -> String {
        let id = |livy: &Livy| {
            let found = livy.live_applications();
            found.into_iter().find(|found| found.name.as_deref() == Some(name)).and_then(|found| found.id)
        };
        self.livy.wait_for(|livy| id(livy).is_some(), None).await;
        id(&self.livy).expect("it has one")
    }

    /// Tasks that an earlier worker has seen to their end.
    pub(crate) fn ended_before(&self, hostile: bool) {
        let causes = [
            (
                "SparkJob.Failed",
                json!(
                    "AnalysisException: [PATH_ALREADY_EXISTS] Path s3://taxi/miles/2026-11-26 already exists. Set mode as \"overwrite\" to overwrite the existing path."
                ),
            ),
            ("succeeded", Value::Null),
            (
                "SparkJob.OutOfMemory",
                json!(
                    "Container killed by YARN for exceeding physical memory limits. 5.6 GB of 5.5 GB physical memory used."
                ),
            ),
            ("succeeded", Value::Null),
            ("aborted", Value::Null),
            ("succeeded", Value::Null),
            (if hostile { HOSTILE } else { "succeeded" }, if hostile { json!(HOSTILE) } else { Value::Null }),
            ("succeeded", Value::Null),
        ];
        let line = |(number, (outcome, cause)): (usize, &(&str, Value))| {
            let job = ["taxi-miles", "rate-codes", "fleet-sessions"][number % 3];
            let task = format!(
                "{:016x}",
                0x5b7d_20c3_f1e8_a946_u64.rotate_left(u32::try_from(number * 5).expect("few"))
            );
            let entry = json!({
                "task": task, "job": format!("{job}-{task}"), "execution": format!("{EXECUTION}:2026-11-{:02}", 20 + number),
                "activity": self.arn, "outcome": outcome, "rootCause": cause, "batch": number,
                "application": format!("application_1795678855470_{number:04}"),
                "ended": format!("2026-11-{:02}T02:{:02}:31Z", 20 + number, number * 7), "seconds": 129 + number * 977,
                "memorySeconds": 24_249_000 * (number + 1), "vcoreSeconds": 23_000 * (number + 1),
            });
            format!("{entry}\n")
        };
        let lines: String = causes.iter().enumerate().map(line).collect();
        let state = self.directory.path().join("state");
        fs::create_dir_all(&state).expect("made");
        fs::write(state.join("history"), seal("spark-job-worker-history", 1, lines.as_bytes()))
            .expect("written");
    }
}
