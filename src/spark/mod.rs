//! The cluster: Livy, and the one sweep that follows all running jobs.

pub mod livy;
mod livy_wire;
pub mod watch;
