//! The daemon as a process: configured, started, signalled, and its log read.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::Value;

/// The longest that a test waits for anything of the worker.
pub const LIMIT: Duration = Duration::from_secs(30);

/// Dummy credentials and no metadata service: tests talk to loopback alone.
pub const ENVIRONMENT: [(&str, &str); 4] = [
    ("AWS_ACCESS_KEY_ID", "test"),
    ("AWS_SECRET_ACCESS_KEY", "test"),
    ("AWS_REGION", "us-east-1"),
    ("AWS_EC2_METADATA_DISABLED", "true"),
];

/// A configuration file in the making. Durations are short, so that a test needs not wait.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where Step Functions is.
    pub step_functions: String,
    /// Where Livy is.
    pub livy: String,
    /// Where the journal is; the control socket is beside it.
    pub state: PathBuf,
    /// `key = value` lines of `[[activity]]` for each ARN.
    pub activities: Vec<(String, String)>,
    /// More lines: `[table]` and what is in it. A table that is named here replaces the short one.
    pub tables: Vec<(String, String)>,
}

impl Config {
    /// One activity; the journal is kept in `directory`, and there is no YARN.
    pub fn new(step_functions: &str, livy: &str, arn: &str, directory: &Path) -> Config {
        Config {
            step_functions: step_functions.to_owned(),
            livy: livy.to_owned(),
            state: directory.join("state"),
            activities: vec![(arn.to_owned(), String::new())],
            tables: Vec::new(),
        }
    }

    /// Adds lines to the only activity's table.
    #[must_use]
    pub fn activity(mut self, lines: &str) -> Config {
        let _ = writeln!(self.activities[0].1, "{lines}");
        self
    }

    /// Adds lines to a table; they come before the short defaults of this harness, key by key.
    #[must_use]
    pub fn table(mut self, table: &str, lines: &str) -> Config {
        self.tables.push((table.to_owned(), lines.to_owned()));
        self
    }

    /// The file's text.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for (arn, lines) in &self.activities {
            let _ = writeln!(text, "[[activity]]\narn = \"{arn}\"");
            if !lines.contains("heartbeat_interval") {
                let _ = writeln!(text, "heartbeat_interval = \"1s\"");
            }
            let _ = writeln!(text, "{lines}");
        }
        let short = [
            ("aws", format!("endpoint_url = \"{}\"", self.step_functions)),
            ("livy", format!("url = \"{}\"\nrequest_timeout = \"5s\"\npatience = \"30s\"", self.livy)),
            (
                "watch",
                "interval = \"100ms\"\nidle_interval = \"200ms\"\nsubmit_settle = \"1s\"\nlost_after = \"1s\"\nkill_settle = \"3s\""
                    .to_owned(),
            ),
            ("log", "target = \"stderr\"\nformat = \"json\"\nfilter = \"debug\"".to_owned()),
            ("yarn", "url = \"\"".to_owned()),
            ("state", format!("directory = \"{}\"", self.state.display())),
            ("stop", "grace = \"10s\"".to_owned()),
            (
                "admin",
                format!(
                    "listen = \"127.0.0.1:0\"\nsocket = \"{}\"",
                    self.state.with_file_name("control.sock").display()
                ),
            ),
        ];
        let mut tables: Vec<String> = short.iter().map(|(table, _)| (*table).to_owned()).collect();
        for (table, _) in &self.tables {
            if !tables.contains(table) {
                tables.push(table.clone());
            }
        }
        for table in tables {
            let _ = writeln!(text, "[{table}]");
            let own: Vec<&str> = self
                .tables
                .iter()
                .filter(|(name, _)| *name == table)
                .flat_map(|(_, lines)| lines.lines())
                .collect();
            let key = |line: &str| line.split('=').next().unwrap_or_default().trim().to_owned();
            let default =
                short.iter().find(|(name, _)| *name == table).map_or("", |(_, lines)| lines.as_str());
            for line in default.lines().filter(|line| !own.iter().any(|other| key(other) == key(line))) {
                let _ = writeln!(text, "{line}");
            }
            for line in own {
                let _ = writeln!(text, "{line}");
            }
        }
        text
    }
}

#[derive(Debug, Default)]
struct Lines {
    all: Vec<Value>,
    ended: bool,
}

/// A running worker. Dropping it kills the process.
#[derive(Debug)]
pub struct Worker {
    child: Child,
    config: PathBuf,
    log: Arc<(Mutex<Lines>, Condvar)>,
}

impl Worker {
    /// Starts `program run` with a configuration, kept in `directory`.
    pub fn start(program: &Path, directory: &Path, config: &Config) -> Worker {
        let path = directory.join("config.toml");
        std::fs::write(&path, config.text()).expect("the configuration is written");
        Worker::start_with(program, &path, &[])
    }

    /// Starts `program run` with a file that is there, and more variables.
    pub fn start_with(program: &Path, config: &Path, variables: &[(&str, &str)]) -> Worker {
        let mut program = command(program);
        program.envs(variables.iter().copied());
        Worker::start_by(program, config)
    }

    /// Starts what a [`command`] begins: the program itself, or another one that becomes it.
    pub fn start_by(mut program: Command, config: &Path) -> Worker {
        let mut child = program
            .args(["run", "--config"])
            .arg(config)
            .stderr(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .expect("the worker starts");
        let log: Arc<(Mutex<Lines>, Condvar)> = Arc::default();
        let (kept, stderr) = (Arc::clone(&log), child.stderr.take().expect("piped"));
        std::thread::spawn(move || keep(stderr, &kept));
        Worker { child, config: config.to_owned(), log }
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Its configuration file.
    pub fn config(&self) -> &Path {
        &self.config
    }

    /// Sends a signal by its name: `TERM`, `HUP`, `STOP`, `CONT`, `KILL`.
    pub fn signal(&self, name: &str) {
        let status = Command::new("kill").arg(format!("-{name}")).arg(self.pid().to_string()).status();
        assert!(status.expect("kill runs").success(), "the worker is there to be signalled");
    }

    /// Whether it has not ended.
    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().expect("a child can be waited for").is_none()
    }

    /// Waits for the end of the process, at most [`LIMIT`] and a grace.
    pub fn ended(&mut self) -> ExitStatus {
        let (lock, changed) = &*self.log;
        let lines = lock.lock().unwrap_or_else(PoisonError::into_inner);
        // Its stderr ends with it.
        let (lines, late) =
            changed.wait_timeout_while(lines, LIMIT * 3, |lines| !lines.ended).expect("no poison");
        assert!(!late.timed_out(), "the worker does not end; its log:\n{}", render(&lines.all));
        drop(lines);
        self.child.wait().expect("a child can be waited for")
    }

    /// SIGTERM, and its exit status.
    pub fn stop(&mut self) -> ExitStatus {
        self.signal("TERM");
        self.ended()
    }

    /// SIGKILL.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Waits for a log line whose message contains `part`.
    pub fn logged(&self, part: &str) -> Value {
        self.logged_where(part, |line| message(line).contains(part))
    }

    /// Waits for a log line.
    pub fn logged_where(&self, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let (lock, changed) = &*self.log;
        let mut lines = lock.lock().unwrap_or_else(PoisonError::into_inner);
        let end = Instant::now() + LIMIT;
        loop {
            if let Some(line) = lines.all.iter().find(|line| wanted(line)) {
                return line.clone();
            }
            let left = end.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "no line {what:?} in the log:\n{}", render(&lines.all));
            lines = changed.wait_timeout(lines, left).expect("no poison").0;
        }
    }

    /// All lines so far.
    pub fn lines(&self) -> Vec<Value> {
        self.log.0.lock().unwrap_or_else(PoisonError::into_inner).all.clone()
    }

    /// How many lines so far have a message that contains `part`.
    pub fn count(&self, part: &str) -> usize {
        self.lines().iter().filter(|line| message(line).contains(part)).count()
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            println!("the worker's log:\n{}", render(&self.lines()));
        }
    }
}

/// A command of the worker, with nothing of this process's environment that could reach AWS.
pub fn command(program: &Path) -> Command {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("AWS_")
            || name.to_string_lossy().starts_with("SPARK_JOB_WORKER_")
        {
            command.env_remove(&name);
        }
    }
    command.envs(ENVIRONMENT).env_remove("NOTIFY_SOCKET").stdin(Stdio::null());
    command
}

/// A line's message.
pub fn message(line: &Value) -> &str {
    line.get("message").and_then(Value::as_str).unwrap_or_default()
}

fn keep(stderr: impl Read, log: &(Mutex<Lines>, Condvar)) {
    for line in BufReader::new(stderr).lines().map_while(Result::ok) {
        let line = serde_json::from_str(&line).unwrap_or_else(|_| serde_json::json!({ "message": line }));
        log.0.lock().unwrap_or_else(PoisonError::into_inner).all.push(line);
        log.1.notify_all();
    }
    log.0.lock().unwrap_or_else(PoisonError::into_inner).ended = true;
    log.1.notify_all();
}

fn render(lines: &[Value]) -> String {
    lines.iter().map(|line| format!("  {line}\n")).collect()
}
