//! The stand-ins against the contract that the real servers keep, and the faults against what they promise.

mod livy;
mod sfn;
