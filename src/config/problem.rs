//! One thing that is wrong with the configuration.

/// A key, and what is wrong with its value.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Problem {
    /// The key with its tables: `livy.url`, `activity.0.arn`.
    pub(super) key: String,
    /// What is wrong, in words that follow the key and its value.
    pub(super) what: String,
}

impl Problem {
    /// A problem with `key`.
    pub(super) fn new(key: impl Into<String>, what: impl Into<String>) -> Problem {
        Problem { key: key.into(), what: what.into() }
    }
}
