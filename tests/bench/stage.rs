//! The stand-ins, and the processes that are measured beside them.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use stand_ins::livy::{Livy, Master, Plan, Post, Version};
use stand_ins::sfn::{Sfn, TaskId};
use stand_ins::worker::{Config, command};
use stand_ins::yarn::Yarn;
use tokio::runtime::{Builder, Handle};

use crate::disk;

/// What a worker is told.
#[derive(Clone, Copy)]
pub(crate) struct Room {
    /// How many jobs run at a time.
    pub(crate) places: usize,
    /// Seconds from one heartbeat to the next.
    pub(crate) heartbeat: u64,
}

impl Room {
    /// For a burst.
    pub(crate) const WIDE: Room = Room { places: 600, heartbeat: 20 };
}

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
        let (livy, yarn) = cluster().spawn(servers(plan)).await.expect("they start");
        let directory =
            disk::mounted().map_or_else(tempfile::tempdir, tempfile::tempdir_in).expect("a directory");
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

    /// [`Stage::configured`], with so much room.
    pub(crate) fn roomy(&self, journal: Journal, Room { places, heartbeat }: Room) -> Config {
        let lines =
            format!("max_concurrent_jobs = {places}\npollers = 4\nheartbeat_interval = \"{heartbeat}s\"");
        self.configured(journal, &lines).table("log", "filter = \"info\"")
    }

    pub(crate) fn start(&self, config: &Config) -> Process {
        self.start_with(config, &[])
    }

    /// The same, with this in its environment beside what the unit sets.
    pub(crate) fn start_with(&self, config: &Config, environment: &[(&str, &Path)]) -> Process {
        let path = self.config();
        std::fs::write(&path, config.text()).expect("written");
        let mut worker = command(&program());
        worker.envs(of_the_unit()).envs(environment.iter().copied());
        worker.args(["run", "--config"]).arg(&path).stderr(Stdio::null());
        Process(worker.spawn().expect("it starts"))
    }

    /// The configuration's file.
    pub(crate) fn config(&self) -> PathBuf {
        self.directory.path().join("config.toml")
    }

    /// The POSTs of the job that [`Stage::schedule`] gave this number. Our worker adds to the name.
    pub(crate) fn posts(&self, number: usize) -> Vec<Post> {
        let name = format!("job-{number}");
        let mut posts = self.livy.posts_named(&name);
        posts.retain(|post| post.name == name || post.name.starts_with(&format!("{name}-")));
        posts
    }
}

/// What the unit sets in the worker's environment.
fn of_the_unit() -> impl Iterator<Item = (&'static str, &'static str)> {
    let unit = include_str!("../../systemd/spark-job-worker.service").lines();
    let settings = unit.filter_map(|line| line.strip_prefix("Environment=")).flat_map(str::split_whitespace);
    settings.filter_map(|setting| setting.split_once('='))
}

async fn servers(plan: Plan) -> (Livy, Yarn) {
    let livy = Livy::start(Version::V0_8, Master::Yarn).await;
    livy.configure(|settings| settings.max_creation = 10_000);
    livy.plan(plan);
    let yarn = Yarn::start(&livy).await;
    (livy, yarn)
}

/// The cluster has a thread of its own: while it writes a list of ten thousand jobs, Step Functions answers.
fn cluster() -> &'static Handle {
    static CLUSTER: OnceLock<Handle> = OnceLock::new();
    CLUSTER.get_or_init(|| {
        let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
        let handle = runtime.handle().clone();
        std::thread::spawn(move || runtime.block_on(std::future::pending::<()>()));
        handle
    })
}

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
        let threads = std::fs::read_dir(format!("/proc/{pid}/task")).expect("it runs").filter_map(Result::ok);
        let children =
            threads.filter_map(|thread| std::fs::read_to_string(thread.path().join("children")).ok());
        assert!(children.collect::<String>().is_empty(), "what its children use is not counted");
        Usage {
            cpu: ticks / 100.0,
            resident: figure("VmRSS:") / 1024.0,
            peak: figure("VmHWM:") / 1024.0,
            threads: figure("Threads:") as usize,
            files: std::fs::read_dir(format!("/proc/{pid}/fd")).expect("it runs").count(),
        }
    }

    /// Bytes that it has had written to a disk.
    pub(crate) fn written(&self) -> usize {
        let io = std::fs::read_to_string(format!("/proc/{}/io", self.0.id())).expect("it runs");
        let written = io.lines().find_map(|line| line.strip_prefix("write_bytes: "));
        written.and_then(|bytes| bytes.parse().ok()).expect("a count")
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
