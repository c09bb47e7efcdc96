//! The real servers, as far as a test asks them anything.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};
use stand_ins::worker::{Config, Worker, message};
use tempfile::TempDir;

/// The daemon.
const PROGRAM: &str = env!("CARGO_BIN_EXE_spark-job-worker");
/// The longest that a test waits for a job on the real servers.
pub(crate) const LIMIT: Duration = Duration::from_secs(300);
/// From question to question.
const PAUSE: Duration = Duration::from_millis(200);

/// The states in which YARN's applications end.
const ENDED: [&str; 3] = ["FINISHED", "FAILED", "KILLED"];

/// What `tests/stack/run` says about the servers.
pub(crate) fn stack(name: &str) -> String {
    let name = format!("SJW_STACK_{name}");
    std::env::var(&name)
        .unwrap_or_else(|_| panic!("{name} is not set: these tests are started by tests/stack/run"))
}

/// Asks until there is something to see.
pub(crate) async fn wait_for<T, F: Future<Output = Option<T>>>(what: &str, look: impl FnMut() -> F) -> T {
    asking(what, PAUSE, look).await
}

/// The same, for what has to be seen at once.
pub(crate) async fn wait_for_soon<T, F: Future<Output = Option<T>>>(
    what: &str,
    look: impl FnMut() -> F,
) -> T {
    asking(what, PAUSE / 10, look).await
}

async fn asking<T, F: Future<Output = Option<T>>>(
    what: &str,
    pause: Duration,
    mut look: impl FnMut() -> F,
) -> T {
    let end = Instant::now() + LIMIT;
    loop {
        if let Some(seen) = look().await {
            return seen;
        }
        assert!(Instant::now() < end, "{what} did not happen in {LIMIT:?}");
        tokio::time::sleep(pause).await;
    }
}

/// GET of a JSON answer; null where there is none.
pub(crate) async fn get(url: &str) -> Value {
    match reqwest::get(url).await {
        Ok(answer) => serde_json::from_str(&answer.text().await.unwrap_or_default()).unwrap_or_default(),
        Err(_) => Value::Null,
    }
}

/// Kills, stops or starts one of the real servers: an argument list of `servers.sh`, and variables for it.
pub(crate) fn control(arguments: &[&str], variables: &[(&str, &str)]) {
    let status = Command::new(stack("CONTROL")).args(arguments).envs(variables.iter().copied()).status();
    assert!(status.expect("the script runs").success(), "{arguments:?}");
}

/// Which Livy a test uses.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum On {
    /// Spark in local mode.
    Local,
    /// YARN in cluster mode.
    Yarn,
    /// The same with a pair of ResourceManagers, which the worker looks for in the files of the node.
    Pair,
    /// The same, and the worker knows the first of the pair alone.
    FirstOfPair,
}

impl On {
    fn livy(self) -> String {
        stack(match self {
            On::Local => "LIVY_LOCAL",
            On::Yarn => "LIVY_YARN",
            On::Pair | On::FirstOfPair => "LIVY_PAIR",
        })
    }

    /// What the worker is told of YARN.
    fn url(self) -> String {
        match self {
            On::Local => String::new(),
            On::Yarn => stack("RM"),
            On::Pair => "auto".to_owned(),
            On::FirstOfPair => stack("PAIR_1"),
        }
    }

    /// Whom the tests ask. One of the pair that is a standby sends them on.
    fn manager(self) -> String {
        stack(if matches!(self, On::Pair | On::FirstOfPair) { "PAIR_1" } else { "RM" })
    }
}

/// How an execution ended.
#[derive(Debug)]
pub(crate) struct End {
    pub(crate) status: String,
    pub(crate) output: Value,
    pub(crate) error: String,
    pub(crate) cause: String,
}

impl End {
    /// The cause that the worker wrote.
    pub(crate) fn why(&self) -> Value {
        serde_json::from_str(&self.cause).unwrap_or_else(|_| panic!("a cause is JSON: {self:?}"))
    }
}

/// An activity of its own, a worker for it, and a directory.
pub(crate) struct Stage {
    pub(crate) worker: Worker,
    pub(crate) activity: String,
    pub(crate) directory: TempDir,
    livy: String,
    manager: String,
    client: reqwest::Client,
    /// The names of what earlier tests left with the servers: another test may have called a task the same.
    earlier: HashSet<String>,
}

impl Stage {
    /// Starts a worker for a fresh activity in front of one of the Livys.
    pub(crate) async fn new(on: On, name: &str) -> Stage {
        Stage::at(&stack("SFN"), on, name).await
    }

    /// The same with a worker that sees Step Functions at another address: through the fault proxy.
    pub(crate) async fn at(step_functions: &str, on: On, name: &str) -> Stage {
        Stage::configured(step_functions, on, name, "").await
    }

    /// The same with more tables at the end of the worker's configuration.
    pub(crate) async fn configured(step_functions: &str, on: On, name: &str, more: &str) -> Stage {
        let client = reqwest::Client::new();
        let livy = on.livy();
        // An activity that no other test polls: the open poll of a worker that was killed takes one more task with it.
        let name = format!("{name}-{}", unique());
        let created = call(&client, "CreateActivity", json!({ "name": name })).await;
        let activity = created["activityArn"].as_str().expect("an ARN").to_owned();
        let directory = tempfile::tempdir_in(stack("DATA")).expect("a directory");
        let config = Config::new(step_functions, &livy, &activity, directory.path())
            .activity("heartbeat_interval = \"3s\"")
            .table(
                "watch",
                "interval = \"1s\"\nsubmit_settle = \"20s\"\nlost_after = \"20s\"\nkill_settle = \"30s\"",
            )
            .table("livy", "request_timeout = \"30s\"")
            .table("yarn", &format!("url = \"{}\"", on.url()))
            .table("log", "filter = \"info\"");
        let path = directory.path().join("config.toml");
        fs::write(&path, config.text() + more).expect("written");
        let files = (on == On::Pair).then(|| ("HADOOP_CONF_DIR", stack("PAIR_CONF")));
        let variables: Vec<_> = files.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let worker = Worker::start_with(&PathBuf::from(PROGRAM), &path, &variables);
        let manager = on.manager();
        let there = [batches_of(&livy).await, applications_of(&manager).await].concat();
        let earlier = there.iter().filter_map(|one| one["name"].as_str()).map(str::to_owned).collect();
        Stage { worker, activity, directory, livy, manager, client, earlier }
    }

    /// Starts the worker anew, on the same state directory.
    pub(crate) fn restart(&mut self) {
        self.restart_with(&[]);
    }

    /// The same with more variables.
    pub(crate) fn restart_with(&mut self, variables: &[(&str, &str)]) {
        let config = self.directory.path().join("config.toml");
        self.worker = Worker::start_with(&PathBuf::from(PROGRAM), &config, variables);
    }

    /// A command of the worker's, for this one.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(PROGRAM);
        command.args(arguments).arg("--config").arg(self.worker.config());
        command
    }

    /// Exit code, stdout and stderr of such a command.
    pub(crate) fn told(&self, arguments: &[&str]) -> (i32, String, String) {
        let output = self.command(arguments).output().expect("it runs");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.code().unwrap_or(-1), text(&output.stdout), text(&output.stderr))
    }

    /// The address of the worker's endpoint.
    pub(crate) fn endpoint(&self) -> String {
        let line = self.worker.logged("/healthz and /metrics are at");
        message(&line).rsplit(' ').next().expect("a URL").to_owned()
    }

    /// A state machine of one Task at our activity.
    pub(crate) fn one_task(&self) -> Value {
        json!({"StartAt": "Job", "States": {"Job": {
            "Type": "Task", "Resource": self.activity, "HeartbeatSeconds": 30, "TimeoutSeconds": 240, "End": true,
        }}})
    }

    /// An example of `config/state-machines`, for our activity and with the jobs of the stack.
    pub(crate) fn example(&self, name: &str) -> Value {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/state-machines");
        let text = fs::read_to_string(folder.join(format!("{name}.asl.json"))).expect("an example");
        let text = text
            .replace("arn:aws:states:us-east-1:123456789012:activity:spark-job", &self.activity)
            .replace("s3://bucket/jobs", &stack("JOBS"));
        serde_json::from_str(&text).expect("JSON")
    }

    /// Creates a state machine and starts it; returns once its first task is scheduled, because the service under test
    /// can lose a task while it starts another execution.
    pub(crate) async fn start(&self, name: &str, definition: &Value, input: &Value) -> String {
        let machine = self.call(
            "CreateStateMachine",
            json!({"name": format!("{name}-{}", unique()), "definition": definition.to_string(),
                   "roleArn": "arn:aws:iam::000000000000:role/states"}),
        );
        let machine = machine.await["stateMachineArn"].clone();
        let started =
            self.call("StartExecution", json!({"stateMachineArn": machine, "input": input.to_string()}));
        let execution = started.await["executionArn"].as_str().expect("an ARN").to_owned();
        wait_for("ActivityScheduled", async || {
            let history = self.call("GetExecutionHistory", json!({"executionArn": execution})).await;
            let events = history["events"].as_array().cloned().unwrap_or_default();
            events.iter().any(|event| event["type"] == "ActivityScheduled").then_some(())
        })
        .await;
        execution
    }

    /// Starts an execution of one task: a file of the stack's jobs under a name, and what else its input says.
    pub(crate) async fn run(&self, name: &str, file: &str, more: Value) -> String {
        self.start(name, &self.one_task(), &input(name, file, more)).await
    }

    /// Waits for the end of an execution.
    pub(crate) async fn ended(&self, execution: &str) -> End {
        wait_for("the end of the execution", async || {
            let seen = self.call("DescribeExecution", json!({"executionArn": execution})).await;
            let text = |key: &str| seen[key].as_str().unwrap_or_default().to_owned();
            (seen["status"] != "RUNNING").then(|| End {
                status: text("status"),
                output: serde_json::from_str(&text("output")).unwrap_or_default(),
                error: text("error"),
                cause: text("cause"),
            })
        })
        .await
    }

    /// Whether an execution is over.
    pub(crate) async fn has_ended(&self, execution: &str) -> bool {
        self.call("DescribeExecution", json!({"executionArn": execution})).await["status"] != "RUNNING"
    }

    /// StopExecution.
    pub(crate) async fn stop(&self, execution: &str) {
        self.call("StopExecution", json!({"executionArn": execution})).await;
    }

    pub(crate) async fn call(&self, operation: &str, body: Value) -> Value {
        call(&self.client, operation, body).await
    }

    /// Livy's batches of this test whose names begin so.
    pub(crate) async fn batches(&self, prefix: &str) -> Vec<Value> {
        self.ours(batches_of(&self.livy).await, prefix)
    }

    /// YARN's applications of this test whose names begin so.
    pub(crate) async fn applications(&self, prefix: &str) -> Vec<Value> {
        self.ours(applications_of(&self.manager).await, prefix)
    }

    fn ours(&self, mut listed: Vec<Value>, prefix: &str) -> Vec<Value> {
        let ours = |name: &str| name.starts_with(prefix) && !self.earlier.contains(name);
        listed.retain(|one| one["name"].as_str().is_some_and(ours));
        listed
    }

    /// Waits until Livy has a batch whose name begins so.
    pub(crate) async fn posted(&self, prefix: &str) -> Value {
        wait_for("the batch", async || self.batches(prefix).await.into_iter().next()).await
    }

    /// Waits until an application is in a state.
    pub(crate) async fn reaches(&self, prefix: &str, state: &str) -> Value {
        wait_for(&format!("{state} of {prefix}"), async || {
            self.applications(prefix).await.into_iter().find(|app| app["state"] == state)
        })
        .await
    }

    /// The one application that there is.
    pub(crate) async fn only(&self, prefix: &str) -> Value {
        let mut applications = self.applications(prefix).await;
        assert_eq!(applications.len(), 1, "{applications:?}");
        applications.remove(0)
    }

    /// Waits until nothing is left: no application that goes on, no process of one, no entry in the journal.
    pub(crate) async fn nothing_left(&self, prefix: &str) {
        let end = Instant::now() + LIMIT;
        loop {
            let ended = |app: &Value| app["state"].as_str().is_some_and(|state| ENDED.contains(&state));
            let mut left = self.applications(prefix).await;
            left.retain(|app| !ended(app) || has_processes(app));
            let entries = self.journal();
            if left.is_empty() && entries.is_empty() {
                return;
            }
            assert!(Instant::now() < end, "left after {LIMIT:?}: {left:?}, in the journal: {entries:?}");
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// The entries of the worker's journal.
    pub(crate) fn journal(&self) -> Vec<String> {
        let files = fs::read_dir(self.directory.path().join("state")).expect("the state directory");
        files
            .map(|file| file.expect("a file").file_name().to_string_lossy().into_owned())
            .filter(|name| {
                !["lock", "hidden", "resources", "history", "paused"].contains(&name.as_str())
                    && !name.ends_with(".tmp")
            })
            .collect()
    }
}

async fn batches_of(livy: &str) -> Vec<Value> {
    let list = get(&format!("{livy}/batches?from=0&size=1000")).await;
    list["sessions"].as_array().cloned().unwrap_or_default()
}

/// The worker's applications, for their owner: the one who started the servers.
async fn applications_of(manager: &str) -> Vec<Value> {
    let query = format!("applicationTags=spark-job-worker&user.name={}", stack("USER"));
    let list = get(&format!("{manager}/ws/v1/cluster/apps?{query}")).await;
    list["apps"]["app"].as_array().cloned().unwrap_or_default()
}

/// A task's input.
pub(crate) fn input(name: &str, file: &str, more: Value) -> Value {
    let mut input = json!({"Name": name, "File": format!("{}/{file}", stack("JOBS"))});
    let more: Map<String, Value> = serde_json::from_value(more).expect("an object");
    input.as_object_mut().expect("an object").extend(more);
    input
}

/// Whether a spark-submit or a container of an application runs.
pub(crate) fn has_processes(application: &Value) -> bool {
    !processes(application).is_empty()
}

/// The spark-submit and the containers of an application. The first has its name on the command line, the second, and all
/// that it starts, its number in `CONTAINER_ID=container_[e<epoch>_]<cluster>_<number>_…`.
pub(crate) fn processes(application: &Value) -> Vec<u32> {
    let name = application["name"].as_str().expect("a name");
    let id = application["id"].as_str().expect("an id").trim_start_matches("application");
    let part_of = |text: Vec<u8>, wanted: &dyn Fn(&str) -> bool| {
        text.split(|byte| *byte == 0).any(|part| wanted(&String::from_utf8_lossy(part)))
    };
    let processes = fs::read_dir("/proc").expect("the processes");
    let ours = processes.flatten().map(|process| process.path()).filter(|process| {
        let read = |file: &str| fs::read(process.join(file)).unwrap_or_default();
        part_of(read("cmdline"), &|part| part == name)
            || part_of(read("environ"), &|part| {
                part.starts_with("CONTAINER_ID=") && part.contains(&format!("{id}_"))
            })
    });
    ours.filter_map(|process| process.file_name()?.to_str()?.parse().ok()).collect()
}

/// Sends a signal by its name to each.
pub(crate) fn signal(name: &str, processes: &[u32]) {
    let processes = processes.iter().map(u32::to_string);
    let status = Command::new("kill").arg(format!("-{name}")).args(processes).status();
    assert!(status.expect("kill runs").success(), "they are there to be signalled");
}

async fn call(client: &reqwest::Client, operation: &str, body: Value) -> Value {
    let request = client
        .post(stack("SFN"))
        .header("content-type", "application/x-amz-json-1.0")
        .header("x-amz-target", format!("AWSStepFunctions.{operation}"))
        .header(
            "authorization",
            "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/states/aws4_request, SignedHeaders=host, Signature=0",
        )
        .body(body.to_string());
    let answer = request.send().await.unwrap_or_else(|error| panic!("{operation}: {error}"));
    let status = answer.status();
    let text = answer.text().await.unwrap_or_default();
    assert!(status.is_success(), "{operation}: {status} {text}");
    serde_json::from_str(&text).unwrap_or_default()
}

/// A number that no other test of this run has.
fn unique() -> u128 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970").as_nanos()
}
