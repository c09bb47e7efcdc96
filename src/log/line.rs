//! One line of the log, which owns what it says.

use std::time::SystemTime;

use tracing::{Level, Metadata};

use super::message_id;

/// One line of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    /// When it was logged.
    pub time: SystemTime,
    /// By which statement.
    pub origin: Origin,
    /// The message, without the fields.
    pub message: String,
    /// Its own fields and those of its spans, each name once.
    pub fields: Vec<(&'static str, String)>,
}

/// The statement that logs a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Origin {
    /// Its level.
    pub level: Level,
    /// Its module, unless it says otherwise.
    pub target: &'static str,
    /// Its source file.
    pub file: Option<&'static str>,
    /// Its line there.
    pub line: Option<u32>,
}

impl Origin {
    /// The statement that `metadata` describes.
    pub(super) fn of(metadata: &Metadata<'static>) -> Origin {
        Origin {
            level: *metadata.level(),
            target: metadata.target(),
            file: metadata.file(),
            line: metadata.line(),
        }
    }
}

impl Line {
    /// Stands where `missed` lines are missing.
    pub(super) fn dropped(missed: u64) -> Line {
        Line {
            time: SystemTime::now(),
            origin: Origin { level: Level::WARN, target: module_path!(), file: None, line: None },
            message: format!("{missed} log lines were dropped: journald or stderr did not take them in time"),
            fields: vec![("message_id", message_id::LINES_DROPPED.to_owned())],
        }
    }
}
