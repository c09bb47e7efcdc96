//! Whose word an outcome is.

use serde::Serialize;

/// The service whose word an outcome is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// YARN's final word.
    Yarn,
    /// Livy's word.
    Livy,
    /// The interpreter's own word, of a session's statements.
    Session,
    /// The worker itself: the job never came to Livy, or is not known there any more.
    Worker,
}

impl Source {
    /// As it is told.
    pub fn as_str(self) -> &'static str {
        match self {
            Source::Yarn => "yarn",
            Source::Livy => "livy",
            Source::Session => "session",
            Source::Worker => "worker",
        }
    }
}
