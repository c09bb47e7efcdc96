//! The stand-ins, and the processes that are measured beside them.

use std::ffi::OsStr;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use stand_ins::livy::{Livy, Master, Plan, Version};
use stand_ins::sfn::{Sfn, TaskId};
use stand_ins::worker::{Config, ENVIRONMENT, command};
use stand_ins::yarn::Yarn;

/// How many jobs of a plain worker run at a time.
const PLACES: &str = "600";

/// The binary that is measured.
pub(crate) fn program() -> PathBuf {
    std::env::var_os("SJW_BENCH_PROGRAM")
        .map_or_else(|| PathBuf::from(env!("CARGO_BIN_EXE_spark-job-worker")), PathBuf::from)
}

/// Step Functions, Livy and YARN, and two places for a journal.
pub(crate) struct Stage {
    pub(crate) sfn: Sfn,
    pub(crate) livy: Livy,
    pub(crate) yarn: Yarn,
    pub(crate) arn: String,
    directory: tempfile::TempDir,
    /// Where nothing reaches a disk.
    memory: tempfile::TempDir,
}

/// Where the worker's journal is.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Journal {
    /// As it is shipped.
    OnDisk,
    /// In a file system that writes nothing: what the worker costs without its promises.
    InMemory,
}

impl Journal {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Journal::OnDisk => "on disk",
            Journal::InMemory => "in memory",
        }
    }
}

impl Stage {
    pub(crate) async fn new(plan: Plan) -> Stage {
        let sfn = Sfn::start().await;
        let arn = sfn.activity("spark-job");
        let livy = Livy::start(Version::V0_8, Master::Yarn).await;
        livy.configure(|settings| settings.max_creation = 10_000);
        livy.plan(plan);
        let yarn = Yarn::start(&livy).await;
        let directory = tempfile::tempdir().expect("a directory");
        let memory = tempfile::tempdir_in("/dev/shm").expect("a directory in memory");
        Stage { sfn, livy, yarn, arn, directory, memory }
    }

    /// Where the worker's files are.
    pub(crate) fn place(&self, journal: Journal) -> &Path {
        match journal {
            Journal::OnDisk => self.directory.path(),
            Journal::InMemory => self.memory.path(),
        }
    }

    pub(crate) fn schedule(&self, number: usize) -> TaskId {
        let input = format!(r#"{{"Name":"job-{number}","File":"s3://b/a.py","Args":["in","out"]}}"#);
        self.sfn.schedule(&self.arn, &input)
    }

    /// The shipped defaults but for what `activity` says, in front of the stand-ins.
    pub(crate) fn configured(&self, journal: Journal, activity: &str) -> Config {
        Config::new(&self.sfn.url(), &self.livy.url(), &self.arn, self.place(journal))
            .activity(activity)
            .table("watch", "interval = \"1s\"\nidle_interval = \"10s\"")
            .table("livy", "request_timeout = \"30s\"")
            .table("yarn", &format!("url = {:?}", self.yarn.url()))
    }

    /// The worker with room for a burst.
    pub(crate) fn ours(&self, journal: Journal) -> Process {
        let lines = "max_concurrent_jobs = 600\npollers = 4\nheartbeat_interval = \"20s\"";
        self.start(&self.configured(journal, lines).table("log", "filter = \"info\""))
    }

    pub(crate) fn start(&self, config: &Config) -> Process {
        let path = self.config();
        std::fs::write(&path, config.text()).expect("written");
        let mut worker = command(&program());
        // As the unit has it.
        worker.env("MALLOC_ARENA_MAX", "1").args(["run", "--config"]).arg(&path).stderr(Stdio::null());
        Process(worker.spawn().expect("it starts"))
    }

    /// The configuration's file.
    pub(crate) fn config(&self) -> PathBuf {
        self.directory.path().join("config.toml")
    }

    /// A worker as one writes it in an afternoon.
    pub(crate) fn plain(&self, python: &OsStr) -> Process {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bench/plain_worker.py");
        let child = Command::new(python)
            .arg(script)
            .args([&self.sfn.url(), &self.livy.url(), &self.arn, PLACES])
            .envs(ENVIRONMENT)
            .stderr(Stdio::null())
            .spawn();
        Process(child.expect("it starts"))
    }
}

/// An interpreter that has boto3; none where there is none.
pub(crate) fn python() -> Option<PathBuf> {
    let python = std::env::var_os("SJW_BENCH_PYTHON").map_or_else(|| PathBuf::from("python3"), PathBuf::from);
    let has_boto3 = Command::new(&python).args(["-c", "import boto3"]).stderr(Stdio::null()).status();
    has_boto3.is_ok_and(|status| status.success()).then_some(python)
}

/// Why a row of the plain worker is missing.
pub(crate) const NO_PYTHON: &str = "there is no Python with boto3 (SJW_BENCH_PYTHON names one)";

/// A process that is stopped at the end.
pub(crate) struct Process(pub(crate) Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What a process has used so far.
pub(crate) struct Usage {
    /// Seconds of a processor, for itself and in the kernel.
    pub(crate) cpu: f64,
    /// Resident memory, MB.
    pub(crate) resident: f64,
    /// The most that it ever was, MB.
    pub(crate) peak: f64,
    pub(crate) threads: usize,
    /// Open file descriptors.
    pub(crate) files: usize,
}

impl Process {
    pub(crate) fn usage(&self) -> Usage {
        let pid = self.0.id();
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("it runs");
        let fields: Vec<&str> = stat.rsplit(") ").next().unwrap_or_default().split(' ').collect();
        let ticks: f64 = [11, 12].iter().filter_map(|at| fields.get(*at)?.parse::<f64>().ok()).sum();
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("it runs");
        let figure = |key: &str| {
            let line = status.lines().find(|line| line.starts_with(key)).unwrap_or_default();
            line.split_whitespace().nth(1).and_then(|figure| figure.parse::<f64>().ok()).unwrap_or(f64::NAN)
        };
        Usage {
            cpu: ticks / 100.0,
            resident: figure("VmRSS:") / 1024.0,
            peak: figure("VmHWM:") / 1024.0,
            threads: figure("Threads:") as usize,
            files: std::fs::read_dir(format!("/proc/{pid}/fd")).expect("it runs").count(),
        }
    }
}

/// A port of loopback that nobody has at this moment.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a port").port()
}

/// Lets a span of a measurement pass.
pub(crate) async fn wait(span: Duration) {
    tokio::time::sleep(span).await;
}
