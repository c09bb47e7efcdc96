//! `spark-job-worker`: a Step Functions activity worker that runs Spark jobs through Apache Livy on EMR.
//!
//! The modules, in the order in which a task flows through them: a poll of the [`activity`] hands it out, the
//! [`daemon`] gives it a [`job`], which works on the cluster ([`spark`]) through the [`edges`], and reports back.
//! Operators meet [`ops`]; [`cli`] and [`config`] come before all of it, and [`lint`] before a state machine exists.

pub mod activity;
pub mod arn;
pub mod cli;
pub mod config;
pub mod daemon;
pub mod edges;
pub mod job;
pub mod lint;
pub mod nearest;
pub mod ops;
pub mod printable;
pub mod retry;
pub mod spark;
