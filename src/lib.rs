//! `spark-job-worker`: a Step Functions activity worker that runs Spark jobs through Apache Livy on EMR.
//!
//! The modules stand in groups, in the order in which a task flows through them. Arrows point down: a module uses only
//! what stands below it, and [`job`] knows neither Step Functions nor HTTP. `src/README.md` shows the whole.

// The way of a task: start-up and the loops, the door that brings it, the real servers, what happens to it.

/// The door: Step Functions' activity.
pub mod activity;
/// What an operator asks the running daemon: control socket and loopback HTTP.
pub mod admin;
/// Arguments → command → exit code.
pub mod cli;
/// Start-up, the loop from poll to job, and the drain.
pub mod daemon;
/// What happens to one task, from its input to its report.
pub mod job;
/// The tasks that are held now, for whoever asks.
pub mod registry;
/// The cluster: Livy, YARN and the processes of this node.
pub mod spark;
/// The services that a job works on, put together behind the trait that it knows.
pub mod world;

// Before a task exists.

/// The configuration: files and variables → settings.
pub mod config;
/// Facts of the node → findings, for `doctor`.
pub mod doctor;
/// State machines → findings, for `lint`.
pub mod lint;

// The ground.

/// Names of activities.
pub mod arn;
/// Commands of the node, with a time limit.
pub mod command;
/// The log: lines with fields for journald and for people.
pub mod log;
/// What is counted.
pub mod metrics;
/// The nearest known name, for a hint.
pub mod nearest;
/// Text without control characters.
pub mod printable;
/// Pauses between tries.
pub mod retry;
/// The service manager: readiness, signals, watchdog.
pub mod systemd;
