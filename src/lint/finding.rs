//! What is wrong, where, how bad it is, and what to do.

use std::fmt;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// How the check was made.
    Note,
    /// It works, but worse than it could.
    Warning,
    /// Step Functions refuses it, or it is sure to hurt.
    Error,
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Level::Note => "note",
            Level::Warning => "warning",
            Level::Error => "error",
        })
    }
}

/// One thing that was found. Shown as one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Where: a JSON path into the definition.
    pub path: String,
    /// How bad it is.
    pub level: Level,
    /// What is wrong.
    pub what: String,
    /// What to do; empty where that follows from what is wrong.
    pub fix: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: {}", self.path, self.level, self.what)?;
        if self.fix.is_empty() { Ok(()) } else { write!(f, "; {}", self.fix) }
    }
}

/// Everything that was found so far.
#[derive(Debug, Default)]
pub(super) struct Findings(Vec<Finding>);

impl Findings {
    pub(super) fn error(&mut self, path: impl Into<String>, what: impl Into<String>, fix: impl Into<String>) {
        self.add(Level::Error, path.into(), what.into(), fix.into());
    }

    pub(super) fn warning(
        &mut self,
        path: impl Into<String>,
        what: impl Into<String>,
        fix: impl Into<String>,
    ) {
        self.add(Level::Warning, path.into(), what.into(), fix.into());
    }

    pub(super) fn note(&mut self, path: impl Into<String>, what: impl Into<String>, fix: impl Into<String>) {
        self.add(Level::Note, path.into(), what.into(), fix.into());
    }

    fn add(&mut self, level: Level, path: String, what: String, fix: String) {
        self.0.push(Finding { path, level, what, fix });
    }

    pub(super) fn done(self) -> Vec<Finding> {
        self.0
    }
}

/// `; did you mean …?` as a fix, where a known word is near.
pub(super) fn did_you_mean(near: Option<&str>) -> String {
    near.map(|near| format!("did you mean `{near}`?")).unwrap_or_default()
}
