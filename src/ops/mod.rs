//! What an operator meets: the service manager, the log, the state of things.

pub mod board;
pub mod systemd;
pub mod telemetry;
