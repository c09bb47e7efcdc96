//! What a task waits for.

/// How far a run must have come before its task is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Goal {
    /// Its application is known.
    Submitted,
    /// YARN runs it, or has run it to a good end.
    Running,
    /// It has ended well.
    Succeeded,
}

impl Goal {
    /// Every goal, the nearest first.
    pub const ALL: [Goal; 3] = [Goal::Submitted, Goal::Running, Goal::Succeeded];

    /// As inputs and messages write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Goal::Submitted => "SUBMITTED",
            Goal::Running => "RUNNING",
            Goal::Succeeded => "SUCCEEDED",
        }
    }
}
