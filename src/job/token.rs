//! The secret that answers a task.

use std::fmt;
use std::sync::Arc;

/// The secret that answers a task. Never shown; copies share it.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(Arc<str>);

impl Token {
    /// Takes a token as Step Functions handed it out.
    pub fn new(token: String) -> Token {
        Token(token.into())
    }

    /// The token itself, for the call that needs it.
    pub fn secret(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}
