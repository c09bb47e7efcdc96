//! The rules of the duties that look more than once: what was observed goes in, what is to be done next comes out.
//!
//! No I/O, no clock, no dice: a rule is told the time. The duties perform the steps, in the daemon and in the simulation
//! alike.

pub mod ask;
pub mod find;
pub mod follow;
pub mod goal;
pub mod kill;
pub mod listen;
pub mod report;

use std::time::Duration;

use super::timestamp::Timestamp;

/// The moment of an observation, on three clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Now {
    /// Wall time, which can be set forward and back.
    pub wall: Timestamp,
    /// Since the process began: no step of the wall clock changes it.
    pub elapsed: Duration,
    /// The reading of the clock that runs only while Livy and YARN both answer.
    pub answered: Duration,
    /// The reading of the one that runs while YARN answers.
    pub yarn: Duration,
}
