//! The daemon as a process against real servers: Step Functions (LocalStack), Livy, Spark and YARN.
//!
//! Started by `tests/stack/run`, which brings the servers up and says where they are.

#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "tests wait for real servers, tell what they measured, and end at the first surprise"
)]

mod abort;
mod arguments;
mod contract;
mod crash;
mod door;
mod examples;
mod history;
mod latency;
mod others;
mod outcomes;
mod pair;
mod pause;
mod queue;
mod real;
mod sessions;
mod stacks;
mod taxi;
