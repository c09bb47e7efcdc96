//! What reaches a real journald; and that nothing waits for one that has stopped, or for a stderr that nobody reads.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use spark_job_worker::log::{self, Filter, Format, Target, message_id};
use stand_ins::WaitFor;
use stand_ins::livy::Plan;
use stand_ins::sfn::TaskId;
use stand_ins::worker::{Config, LIMIT, Worker, command};

use crate::harness::{PROGRAM, Stage};

const JOURNALD: &str = "/lib/systemd/systemd-journald";

/// Becomes the journald `$0`, with a /run and a machine id of its own, and without the kernel's messages.
const BECOME_JOURNALD: &str = r#"
set -e
mount -t tmpfs tmpfs /run
tr -d - < /proc/sys/kernel/random/uuid > /run/machine-id
mount --bind /run/machine-id /etc/machine-id
mkdir -p /run/systemd/journald.conf.d
printf '%s\n' '[Journal]' Storage=volatile Audit= ReadKMsg=no RateLimitIntervalSec=0 \
    > /run/systemd/journald.conf.d/test.conf
exec "$0"
"#;

/// Several thousand lines for a few dozen jobs: the libraries speak too.
const LOUD: &str = "filter = \"trace,aws_=trace,hyper=trace,reqwest=trace\"";

/// Where [`a_process_that_panics`] logs to, if it is to.
const PANICS_INTO: &str = "SJW_TEST_PANICS_INTO";

#[tokio::test]
async fn the_story_of_a_task_is_in_the_journal_with_its_fields() {
    let Some(journald) = Journald::start() else { return };
    let mut journal = journald.follow();
    let stage = Stage::new().await;
    stage.livy.plan_for("bad", Plan::ends("dead").running_for(SHORT).log(["s3cr3t-line"]));
    stage.livy.plan(Plan::success().running_for(SHORT));
    let worker = journald.worker(&stage, "filter = \"trace\"");
    let good = stage.schedule(&input("good"));
    stage.output(&good).await;
    let bad = stage.schedule(&input("bad"));
    stage.failure(&bad).await;

    for (name, end, priority) in
        [("good-", message_id::TASK_SUCCEEDED, "6"), ("bad-", message_id::TASK_FAILED, "4")]
    {
        let batch = stage.livy.batch(name).expect("the batch");
        let job = batch.name.expect("batches have names");
        let last = journal.until(&format!("Step Functions has the outcome of {job}"));
        let id = job.trim_start_matches(name);
        for (field, value) in [
            ("TASK_ID", id),
            ("SFN_EXECUTION", "exec-1"),
            ("SFN_ACTIVITY", &stage.arn),
            ("JOB_NAME", &job),
            ("JOB_STATE", "Ended"),
            ("LIVY_BATCH_ID", &batch.id.to_string()),
            ("YARN_APPLICATION_ID", &batch.app_id.expect("it ran on YARN")),
            ("PRIORITY", "6"),
        ] {
            assert_eq!(last[field], value, "{field} of {last}");
        }
        let story: Vec<_> = journal
            .entries
            .iter()
            .filter(|entry| entry["TASK_ID"] == id && entry.get("MESSAGE_ID").is_some())
            .map(|entry| (field(entry, "MESSAGE_ID"), field(entry, "PRIORITY")))
            .collect();
        assert_eq!(
            story,
            [(message_id::TASK_RECEIVED, "6"), (message_id::JOB_SUBMITTED, "6"), (end, priority)]
        );
    }

    let entries = journal.of(worker.pid());
    let secrets = [&good, &bad].map(|task| stage.sfn.token(task).expect("it was handed out"));
    for entry in entries {
        assert_eq!(entry["SYSLOG_IDENTIFIER"], "spark-job-worker");
        let ours = entry.as_object().expect("an object").keys().filter(|name| !name.starts_with('_'));
        let unknown: BTreeSet<_> = ours.filter(|name| !FIELDS.contains(&name.as_str())).collect();
        assert!(unknown.is_empty(), "{unknown:?} of {entry}");
        let text = entry.to_string();
        for secret in ["s3cr3t-argument", "s3cr3t-line", &secrets[0], &secrets[1]] {
            assert!(!text.contains(secret), "{secret} in {text}");
        }
    }
}

#[tokio::test]
async fn a_stopped_journald_stalls_neither_jobs_nor_heartbeats_and_is_told_what_it_missed() {
    let Some(journald) = Journald::start() else { return };
    let mut journal = journald.follow();
    let stage = Stage::new().await;
    stage.livy.plan_for("long", Plan::running());
    let worker = journald.worker(&stage, LOUD);
    let long = stage.schedule(&input("long"));
    let name = stage.submitted("long-").await;
    journal.until(&format!("{name} is batch 0 of Livy"));
    let endpoint = field(&journal.until("/healthz and /metrics are at "), "MESSAGE").to_owned();
    assert_eq!(dropped(&endpoint).await, 0);

    journald.signal("STOP");
    run_jobs(&stage, 80).await;
    let beats = stage.sfn.heartbeats(&long).len();
    stage.sfn.wait_for(|sfn| sfn.heartbeats(&long).len() >= beats + 3, None).await;
    stage.livy.set_state(&name, "success");
    stage.output(&long).await;

    journald.signal("CONT");
    let warning = journal.until(" log lines were dropped: ");
    assert_eq!(field(&warning, "MESSAGE_ID"), message_id::LINES_DROPPED);
    assert_eq!(field(&warning, "PRIORITY"), "4");
    let count = field(&warning, "MESSAGE").split(' ').next().unwrap_or_default();
    assert!(count.parse::<u64>().is_ok_and(|count| count > 0), "{warning}");
    assert!(dropped(&endpoint).await >= count.parse().expect("a number"));
    let kept = journal.of(worker.pid()).count();
    assert!(kept > 4096, "what the queue holds is not lost: {kept}");
    stage.output(&stage.schedule(&input("later"))).await;
    journal.until("Step Functions has the outcome of later-");
}

#[tokio::test]
async fn a_journald_that_stopped_before_the_start_stalls_neither_start_nor_jobs_nor_stop() {
    let Some(journald) = Journald::start() else { return };
    let mut journal = journald.follow();
    let stage = Stage::new().await;
    stage.sfn.hold_polls(SHORT);
    journald.signal("STOP");
    let mut worker = journald.worker(&stage, LOUD);
    run_jobs(&stage, 30).await;
    let begun = Instant::now();
    assert!(worker.stop().success());
    assert!(begun.elapsed() < GRACE, "{:?}", begun.elapsed());

    journald.signal("CONT");
    let next = journald.worker(&stage, "filter = \"info\"");
    journal.until_of(next.pid(), " started");
    let lines: Vec<_> = journal.of(worker.pid()).map(|entry| field(entry, "MESSAGE")).collect();
    assert!(lines.first().is_some_and(|first| !first.is_empty()), "the first lines are not lost");
    assert!(!lines.iter().any(|line| line.starts_with("stopped with")), "it did not wait for the last ones");
}

#[tokio::test]
async fn a_stderr_that_nobody_reads_stalls_neither_jobs_nor_stop() {
    let stage = Stage::new().await;
    stage.sfn.hold_polls(SHORT);
    let config = stage.directory.path().join("config.toml");
    std::fs::write(&config, stage.config().table("log", LOUD).text()).expect("written");
    let mut program = command(Path::new(PROGRAM));
    program.args(["run", "--config"]).arg(config).stderr(Stdio::piped());
    let mut worker = Running::spawn(&mut program);
    run_jobs(&stage, 30).await;
    worker.signal("TERM");
    let begun = Instant::now();
    assert!(worker.ended().success());
    assert!(begun.elapsed() < GRACE, "{:?}", begun.elapsed());
    let mut log = String::new();
    worker.0.stderr.take().expect("piped").read_to_string(&mut log).expect("UTF-8");
    assert!(log.contains(" started") && !log.contains("stopped with"), "the pipe was full");
}

#[test]
fn a_panic_is_a_line_of_the_log_and_waits_for_nobody() {
    let mut program = panics_into(command(&myself()), "stderr");
    let mut process = Running::spawn(program.stdout(Stdio::piped()).stderr(Stdio::piped()));
    // Its stderr is full when it panics, and not read before it has gone on from there.
    let said = lines_of(process.0.stdout.take().expect("piped"));
    let end = Instant::now() + LIMIT;
    while !said.recv_timeout(end - Instant::now()).expect("it goes on").contains("went on") {}
    let mut log = String::new();
    process.0.stderr.take().expect("piped").read_to_string(&mut log).expect("UTF-8");
    assert!(process.ended().success());
    let lines: Vec<&str> = log.lines().filter(|line| line.contains("no such state")).collect();
    assert_eq!(lines.len(), 1, "{lines:?}");
    let line: Value = serde_json::from_str(lines[0]).expect("JSON");
    assert_eq!(line["level"], "ERROR");
    assert_eq!(line["message"], "a bug: no such state: 7");
    let location = field(&line["fields"], "location").to_owned();
    assert!(location.starts_with("tests/it/journald.rs:"), "{line}");
    assert_eq!(
        line["fields"],
        json!({
            "task_id": "0123456789abcdef", "message_id": message_id::PANICKED, "thread": "sweep",
            "location": location,
        })
    );
}

#[test]
fn a_panic_is_in_the_journal_with_the_task_it_happened_in() {
    let Some(journald) = Journald::start() else { return };
    let mut journal = journald.follow();
    let mut process = Running::spawn(&mut panics_into(journald.inside(&myself()), "journald"));
    assert!(process.ended().success());
    let entry = journal.until("no such state: 7");
    assert_eq!(field(&entry, "PRIORITY"), "3");
    assert_eq!(field(&entry, "MESSAGE_ID"), message_id::PANICKED);
    assert_eq!(field(&entry, "TASK_ID"), "0123456789abcdef");
    let message = field(&entry, "MESSAGE");
    let start = "a bug: no such state: 7 thread=sweep location=tests/it/journald.rs:";
    assert!(message.starts_with(start), "{message}");
}

#[test]
#[ignore = "a process of its own, started by the tests about panics"]
fn a_process_that_panics() {
    let Ok(target) = std::env::var(PANICS_INTO) else { return };
    let target: Target = serde_json::from_value(target.into()).expect("a target");
    let log = log::start(target, Format::Json, &Filter::default()).expect("the log starts");
    // More than a pipe holds.
    for number in 0..2000 {
        tracing::info!("line {number}");
    }
    let panicking = thread::Builder::new().name("sweep".to_owned()).spawn(|| {
        let _task = tracing::info_span!("task", task_id = "0123456789abcdef").entered();
        panic!("no such state: {}", 7);
    });
    assert!(panicking.expect("a thread").join().is_err());
    println!("went on");
    assert!(log.close(LIMIT));
}

/// How long a job runs and a poll is held here.
const SHORT: Duration = Duration::from_millis(300);

/// The worker's own grace for its stop.
const GRACE: Duration = Duration::from_secs(10);

/// The names of everything that the worker itself tells the journal.
const FIELDS: [&str; 17] = [
    "CFN_RESOURCE",
    "CFN_STACK",
    "CODE_FILE",
    "CODE_LINE",
    "ERROR",
    "JOB_NAME",
    "JOB_STATE",
    "LIVY_BATCH_ID",
    "MESSAGE",
    "MESSAGE_ID",
    "PRIORITY",
    "SFN_ACTIVITY",
    "SFN_EXECUTION",
    "SYSLOG_IDENTIFIER",
    "TARGET",
    "TASK_ID",
    "YARN_APPLICATION_ID",
];

/// An input with a secret argument.
fn input(name: &str) -> String {
    json!({ "Name": name, "File": "s3://bucket/etl.py", "Args": ["s3cr3t-argument"], "Execution": "exec-1" })
        .to_string()
}

/// Runs so many jobs, all of which succeed.
async fn run_jobs(stage: &Stage, count: usize) {
    let tasks: Vec<TaskId> =
        (0..count).map(|number| stage.schedule(&input(&format!("job{number}")))).collect();
    for task in &tasks {
        stage.output(task).await;
    }
}

/// The metric of dropped log lines, from the endpoint that a line of the log ends with.
async fn dropped(line: &str) -> u64 {
    let url = line.rsplit(' ').next().expect("a URL");
    let body = reqwest::get(format!("{url}/metrics")).await.expect("an answer").text().await.expect("a text");
    let value = body.lines().find_map(|line| line.strip_prefix("sjw_log_lines_dropped_total "));
    value.and_then(|value| value.parse().ok()).unwrap_or_else(|| panic!("no count in\n{body}"))
}

/// This program.
fn myself() -> PathBuf {
    std::env::current_exe().expect("a running program has a path")
}

/// Makes a command of this program one of the process that panics.
fn panics_into(mut program: Command, target: &str) -> Command {
    let test = "journald::a_process_that_panics";
    program.args([test, "--exact", "--ignored", "--nocapture"]).env(PANICS_INTO, target);
    program.stdout(Stdio::null());
    program
}

/// A field's text.
#[track_caller]
fn field<'a>(entry: &'a Value, name: &str) -> &'a str {
    entry[name].as_str().unwrap_or_else(|| panic!("{name} is no text in {entry}"))
}

/// The lines of an output, as they come.
fn lines_of(output: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, lines) = mpsc::channel();
    thread::spawn(move || {
        let all = BufReader::new(output).lines().map_while(Result::ok);
        all.map(|line| sender.send(line)).find(Result::is_err)
    });
    lines
}

/// A process that ends with its owner.
struct Running(Child);

impl Running {
    fn spawn(program: &mut Command) -> Running {
        Running(program.spawn().expect("it starts"))
    }

    fn signal(&self, name: &str) {
        let status = Command::new("kill").arg(format!("-{name}")).arg(self.0.id().to_string()).status();
        assert!(status.expect("kill runs").success(), "the process is there to be signalled");
    }

    /// Waits for its end, without reading what it writes.
    fn ended(&mut self) -> ExitStatus {
        let end = Instant::now() + LIMIT;
        loop {
            if let Some(status) = self.0.try_wait().expect("a child can be waited for") {
                return status;
            }
            assert!(Instant::now() < end, "the process does not end");
            thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A journald that sees nothing of this machine's, and is seen by nothing on it, but for who is told to go inside.
struct Journald(Running);

impl Journald {
    /// Starts one; where none can run, says why.
    fn start() -> Option<Journald> {
        if let Some(reason) = obstacle() {
            // Not by println, which shows only where a test fails.
            let _ = writeln!(std::io::stderr(), "skipped: no journald of the test's own: {reason}");
            return None;
        }
        let mut unshare = Command::new("unshare");
        unshare.args(["--mount", "--", "sh", "-c", BECOME_JOURNALD, JOURNALD]).stdin(Stdio::null());
        // Its own words go to stderr, not to the kernel's log.
        unshare
            .env_remove("NOTIFY_SOCKET")
            .env("SYSTEMD_LOG_TARGET", "console")
            .env("SYSTEMD_LOG_LEVEL", "err");
        let mut journald = Journald(Running::spawn(&mut unshare));
        let end = Instant::now() + LIMIT;
        while !journald.is_ready() {
            let ended = journald.0.0.try_wait().expect("a child can be waited for");
            assert!(ended.is_none(), "journald ended: {ended:?}");
            assert!(Instant::now() < end, "journald is not ready");
            thread::sleep(Duration::from_millis(10));
        }
        Some(journald)
    }

    /// Whether its sockets are there, and its /run is not this machine's.
    fn is_ready(&self) -> bool {
        let run = self.run();
        run.join("machine-id").exists()
            && run.join("systemd/journal/socket").exists()
            && self.files().is_some()
    }

    /// Its /run, as seen from here.
    fn run(&self) -> PathBuf {
        PathBuf::from(format!("/proc/{}/root/run", self.0.0.id()))
    }

    /// The folder of its journal files, once there is one.
    fn files(&self) -> Option<PathBuf> {
        let folder = self.run().join("log/journal").read_dir().ok()?.next()?.ok()?.path();
        folder.join("system.journal").exists().then_some(folder)
    }

    fn signal(&self, name: &str) {
        self.0.signal(name);
    }

    /// Becomes a program for which this journald is the machine's.
    fn inside(&self, program: &Path) -> Command {
        let mut enter = command(Path::new("nsenter"));
        enter.arg(format!("--mount=/proc/{}/ns/mnt", self.0.0.id())).arg("--").arg(program);
        enter
    }

    /// A worker that logs to it.
    fn worker(&self, stage: &Stage, filter: &str) -> Worker {
        let config: Config = stage.config().table("log", "target = \"journald\"").table("log", filter);
        let path = stage.directory.path().join("config.toml");
        std::fs::write(&path, config.text()).expect("written");
        Worker::start_by(self.inside(Path::new(PROGRAM)), &path)
    }

    /// Reads its journal from the first entry on.
    fn follow(&self) -> Journal {
        let mut journalctl = Command::new("journalctl");
        journalctl.arg("--directory").arg(self.files().expect("a journald that is ready has files"));
        // --merge: not only the current boot, which is not found in a journal that has no entry yet.
        journalctl.args([
            "--merge",
            "--follow",
            "--lines=all",
            "--output=json",
            "--all",
            "_TRANSPORT=journal",
        ]);
        let mut process = Running::spawn(journalctl.stdin(Stdio::null()).stdout(Stdio::piped()));
        let arriving = lines_of(process.0.stdout.take().expect("piped"));
        Journal { _process: process, arriving, entries: Vec::new() }
    }
}

/// Why no journald can run here, if none can.
fn obstacle() -> Option<String> {
    for tool in ["unshare", "nsenter", "journalctl"] {
        if let Err(error) = Command::new(tool).arg("--version").output() {
            return Some(format!("{tool}: {error}"));
        }
    }
    for file in [JOURNALD, "/etc/machine-id"] {
        if !Path::new(file).is_file() {
            return Some(format!("there is no {file}"));
        }
    }
    let tried =
        Command::new("unshare").args(["--mount", "--", "mount", "-t", "tmpfs", "tmpfs", "/run"]).output();
    match tried {
        Ok(output) if output.status.success() => None,
        Ok(output) => Some(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
        Err(error) => Some(error.to_string()),
    }
}

/// The journal as it is written.
struct Journal {
    _process: Running,
    arriving: Receiver<String>,
    entries: Vec<Value>,
}

impl Journal {
    /// Waits for an entry whose message contains `part`.
    #[track_caller]
    fn until(&mut self, part: &str) -> Value {
        self.until_entry(part, |entry| field(entry, "MESSAGE").contains(part))
    }

    /// Waits for an entry of a process whose message contains `part`.
    #[track_caller]
    fn until_of(&mut self, pid: u32, part: &str) -> Value {
        let pid = pid.to_string();
        self.until_entry(part, |entry| entry["_PID"] == *pid && field(entry, "MESSAGE").contains(part))
    }

    #[track_caller]
    fn until_entry(&mut self, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        if let Some(entry) = self.entries.iter().find(|entry| wanted(entry)) {
            return entry.clone();
        }
        let end = Instant::now() + LIMIT;
        while let Ok(line) = self.arriving.recv_timeout(end.saturating_duration_since(Instant::now())) {
            let entry: Value = serde_json::from_str(&line).expect("entries are JSON");
            self.entries.push(entry.clone());
            if wanted(&entry) {
                return entry;
            }
        }
        let last = &self.entries[self.entries.len().saturating_sub(50)..];
        panic!("no entry {what:?} in the journal; the last ones:\n{last:#?}");
    }

    /// The entries of a process so far.
    fn of(&self, pid: u32) -> impl Iterator<Item = &Value> {
        self.entries.iter().filter(move |entry| entry["_PID"] == *pid.to_string())
    }
}
