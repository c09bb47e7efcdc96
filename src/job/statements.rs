//! Statements in a Livy session: what is sent to the interpreter, and what its answers mean.
//!
//! Livy's own answers prove nothing (`interpreter.py` says why), so every statement is followed by a check, a second
//! statement that says what the interpreter itself wrote down. The check alone is the verdict.

pub mod check;
pub mod script;

#[cfg(test)]
mod tests;
