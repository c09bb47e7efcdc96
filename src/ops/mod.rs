//! What an operator meets: the service manager, the log, the state of things.

pub mod admin;
pub mod board;
pub mod command;
pub mod doctor;
pub mod metrics;
pub mod systemd;
pub mod telemetry;
