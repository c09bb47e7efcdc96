//! `spark-job-worker`: a Step Functions activity worker that runs Spark jobs through Apache Livy on EMR.
//!
//! The modules stand in groups, in the order in which a task flows through them. Arrows point down: a module uses only
//! what stands below it here (`tests/it/structure.rs` holds that; blank lines keep the order), and [`job`] knows neither
//! Step Functions nor HTTP. `src/README.md` shows the whole.

/// The version, and in brackets the commit, where it is known, and the target.
pub const BUILD: &str = concat!(env!("CARGO_PKG_VERSION"), " (", env!("SJW_BUILD"), ")");

// Commands.

// Arguments → command → exit code.
pub mod cli;

// Facts of the node → findings, for `doctor`.
pub mod doctor;

// State machines → findings, for `lint`.
pub mod lint;

// How a task is processed: the daemon, its configuration, what operators see, the client for Step Functions, the
// clients for the cluster, and what happens to a job.

// Start-up, the loop from poll to job, and the drain.
pub mod daemon;

// The configuration: files and variables → settings.
pub mod config;

// What an operator asks the running daemon: control socket and loopback HTTP.
pub mod admin;

// The tasks that are held now, to be shown.
pub mod registry;

// The tasks that have ended lately, to be shown.
pub mod history;

// That no task is polled for a while.
pub mod pause;

// The services that a job works on, put together behind the trait that it knows.
pub mod world;

// The client for Step Functions activities: poll, heartbeat, report.
pub mod activity;

// Requests of CloudFormation's custom resources, from the queue to the answer.
pub mod cloudformation;

// What the clients of AWS share.
pub mod aws;

// The cluster: Livy, YARN and the processes of this node.
pub mod spark;

// What is counted.
pub mod metrics;

// What happens to one task, from its input to its report.
pub mod job;

// Base modules that know nothing of jobs.

// The service manager: readiness, signals, watchdog.
pub mod systemd;

// Commands of the node, with a time limit.
pub mod command;

// The log: lines with fields for journald and for people.
pub mod log;

// An error with what caused it, in words.
pub mod causes;

// Names of activities.
pub mod arn;

// The nearest known name, for a hint.
pub mod nearest;

// Text without control characters.
pub mod printable;

// Pauses between tries.
pub mod retry;
