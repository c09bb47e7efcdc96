//! The workers that are compared: ours, and the peers that `tests/bench/peers/install` installs.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use stand_ins::worker::command;

use crate::stage::{Journal, Process, Room, Stage};

/// Who does the jobs.
#[derive(Clone, Copy)]
pub(crate) enum Worker {
    Ours(Journal),
    Peer(Peer),
}

impl Worker {
    pub(crate) fn name(self) -> String {
        match self {
            Worker::Ours(journal) => format!("the worker, journal {}", journal.as_str()),
            Worker::Peer(peer) => peer.name().to_owned(),
        }
    }
}

/// What somebody else would run. Each takes the same arguments and does the same with a job.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Peer {
    /// As one writes it in an afternoon.
    Boto3,
    /// `stepfunctions-activity-worker` of `PyPI`.
    ActivityWorker,
    /// `step-function-worker` of npm.
    FunctionWorker,
    /// Java without a library.
    Jdk,
}

impl Peer {
    pub(crate) const ALL: [Peer; 4] = [Peer::Boto3, Peer::ActivityWorker, Peer::FunctionWorker, Peer::Jdk];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Peer::Boto3 => "plain python (boto3)",
            Peer::ActivityWorker => "stepfunctions-activity-worker (PyPI)",
            Peer::FunctionWorker => "step-function-worker (npm)",
            Peer::Jdk => "plain java (JDK alone)",
        }
    }

    /// How it is started, before its arguments; or why it cannot be.
    pub(crate) fn command(self) -> Result<Command, String> {
        let ours = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bench/peers");
        Ok(match self {
            Peer::Boto3 | Peer::ActivityWorker => {
                let script = if self == Peer::Boto3 { "boto3_worker.py" } else { "activity_worker.py" };
                let mut python = command(&installed("python")?.join("bin/python"));
                python.arg(ours.join(script));
                python
            }
            Peer::FunctionWorker => {
                let mut node = command(Path::new("node"));
                node.env("NODE_PATH", installed("node")?.join("node_modules"));
                node.arg(ours.join("function_worker.js"));
                node
            }
            Peer::Jdk => {
                let mut java = command(Path::new("java"));
                // Without a limit it takes a quarter of the machine before it collects anything.
                java.args(["-Xmx64m", "-XX:+UseSerialGC", "-cp"]).arg(installed("java")?).arg("Worker");
                java
            }
        })
    }
}

/// Where a piece of the peers is; or why it is not.
fn installed(piece: &str) -> Result<PathBuf, String> {
    let peers = std::env::var_os("SJW_BENCH_PEERS")
        .ok_or("SJW_BENCH_PEERS does not name what tests/bench/peers/install prints")?;
    let place = Path::new(&peers).join(piece);
    if place.is_dir() {
        return Ok(place);
    }
    let why = std::fs::read_to_string(Path::new(&peers).join(format!("{piece}.left-out")));
    Err(why.map_or_else(|_| format!("{piece} was not installed"), |why| why.trim_end().to_owned()))
}

impl Stage {
    /// Our worker with room for a burst.
    pub(crate) fn ours(&self, journal: Journal) -> Process {
        self.run(Worker::Ours(journal), Room::WIDE)
    }

    /// Starts any worker.
    pub(crate) fn run(&self, worker: Worker, Room { places, heartbeat }: Room) -> Process {
        let peer = match worker {
            Worker::Ours(journal) => {
                return self.start(&self.roomy(journal, Room { places, heartbeat }));
            }
            Worker::Peer(peer) => peer,
        };
        let mut command = peer.command().expect("it was not left out");
        command.args([&self.sfn.url(), &self.livy.url(), &self.arn]);
        command.args([places.to_string(), heartbeat.to_string()]);
        Process(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts"))
    }
}
