//! Stand-ins for Step Functions, SQS, the bucket of CloudFormation's answers, Livy, YARN and Spark: real HTTP on loopback, the real wire forms, faults on demand.
//!
//! Each stand-in is a server on a port of its own, served by a thread of its own: a test may block its
//! runtime or pause its clock without stopping the servers. The same [`contract`] cases run against a
//! stand-in and against the real server, so that the two cannot drift apart unnoticed.

pub mod bucket;
pub mod contract;
pub mod http;
pub mod interpreter;
pub mod livy;
pub mod sfn;
pub mod spark;
pub mod sqs;
pub mod worker;
pub mod yarn;

pub use http::WaitFor;
