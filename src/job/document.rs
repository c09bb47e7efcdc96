//! A task that is answered once, by a document at a place, before somebody gives up waiting.
//!
//! Nothing beats for it. Its outcome is recorded by a deadline, and sent from then on until it is taken or nobody can read
//! it any more.

use super::goal::Goal;
use super::timestamp::Timestamp;
use super::token::Token;

/// How such a task is answered.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    /// Where it goes. A secret: who has it can answer.
    pub place: Token,
    /// What the door needs to write it; nobody else reads it.
    pub form: String,
    /// What is waited for.
    pub goal: Goal,
    /// By when an outcome is recorded, whatever it is.
    pub deadline: Timestamp,
    /// Until when it can be read.
    pub expires: Timestamp,
    /// The run was there before this task, and does not end with it.
    pub adopted: bool,
}
