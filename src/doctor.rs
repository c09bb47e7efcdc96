//! What an operator would look at one thing after the other, all at once: the node, systemd, the configuration, AWS, Livy,
//! YARN, the state directory and the daemon. Each becomes a line, with the fix where something is not well.
//!
//! Nothing is changed: no task is taken, nothing is submitted, and the state directory is looked at, never written, because
//! a daemon may be using it. Everything is asked at the same time and has a deadline, so that whatever hangs becomes a line,
//! too.

mod facts;
mod gather;
mod rules;

use std::path::Path;

use serde::Serialize;

/// How a thing is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Well.
    Ok,
    /// It works, and something about it should be known or fixed.
    Warn,
    /// The worker cannot do its work, or will not be able to.
    Fail,
    /// Not looked at, because of something that another line tells.
    Skip,
}

impl Status {
    /// All, in the order in which they are counted.
    pub const ALL: [Status; 4] = [Status::Ok, Status::Warn, Status::Fail, Status::Skip];

    /// As it is shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Status::Ok => "ok",
            Status::Warn => "warn",
            Status::Fail => "fail",
            Status::Skip => "skip",
        }
    }
}

/// One line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What was looked at.
    pub check: &'static str,
    /// How it is.
    pub status: Status,
    /// What was found.
    pub found: String,
    /// What to do; nothing where all is well.
    pub fix: Option<String>,
}

impl Finding {
    fn ok(check: &'static str, found: impl Into<String>) -> Finding {
        Finding { check, status: Status::Ok, found: found.into(), fix: None }
    }

    fn warn(check: &'static str, found: impl Into<String>, fix: impl Into<String>) -> Finding {
        Finding { check, status: Status::Warn, found: found.into(), fix: Some(fix.into()) }
    }

    fn fail(check: &'static str, found: impl Into<String>, fix: impl Into<String>) -> Finding {
        Finding { check, status: Status::Fail, found: found.into(), fix: Some(fix.into()) }
    }

    fn skip(check: &'static str, why: impl Into<String>) -> Finding {
        Finding { check, status: Status::Skip, found: why.into(), fix: None }
    }
}

/// Looks at everything that the configuration at `path` concerns. Takes 10 s at most.
pub async fn examine(path: &Path) -> Vec<Finding> {
    rules::judge(&gather::everything(path).await)
}
