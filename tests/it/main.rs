//! The daemon as a process, over real HTTP, against stand-ins that behave like the real servers.

#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::wildcard_enum_match_arm,
    reason = "tests measure real time, and end at the first surprise"
)]

mod admin;
mod arguments;
mod catalog;
mod causes;
mod cloudformation;
mod cluster;
mod contract;
mod crash;
mod disk;
mod doctor;
mod door;
mod faults;
mod harness;
mod heartbeat;
mod history;
mod input;
mod journald;
mod lifecycle;
mod lint;
mod logs;
mod monitoring;
mod old_worker;
mod page;
mod pages;
mod pause;
mod poll;
mod power;
mod processes;
mod queue;
mod report;
mod shutdown;
mod spark;
mod statements;
mod structure;
mod terminal;
mod tls;
mod truth;
mod upgrade;
mod way;
mod why;
