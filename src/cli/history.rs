//! `history`: the tasks that have ended lately, by the running daemon, or by what it has kept where none runs.

use std::path::Path;
use std::process::ExitCode;

use crate::admin::{self, Reply};
use crate::config;
use crate::history::{self, FinishedTasks};

use super::control::why;
use super::{failed, terminal};

/// Prints them, as a table or as JSON; `failures`: those alone that did not come to what was waited for.
pub(super) fn run(config: &Path, json: bool, failures: bool) -> ExitCode {
    let mut past = match asked(config) {
        Ok(past) => past,
        Err(problem) => return failed(&problem),
    };
    if failures {
        past.tasks.retain(|task| !task.is_good());
    }
    if json {
        terminal::line(&serde_json::to_string(&past).unwrap_or_default());
    } else {
        admin::finished_table(&past).iter().for_each(|line| terminal::line(line));
    }
    ExitCode::SUCCESS
}

/// What the daemon says, or its file where no daemon is there.
fn asked(config: &Path) -> Result<FinishedTasks, String> {
    let socket = config::control_socket(config);
    match admin::ask(&socket.path, "history") {
        Ok(Reply::History(past)) => Ok(past),
        Ok(_) => Err("the daemon sent an unexpected answer to history; is it of another version?".to_owned()),
        Err(unanswered) if unanswered.is_nobody() => {
            kept(config).map_err(|reason| format!("{}\n{reason}", why(&unanswered, &socket)))
        }
        Err(unanswered) => Err(why(&unanswered, &socket)),
    }
}

/// What the last daemon has kept.
fn kept(config: &Path) -> Result<FinishedTasks, String> {
    let directory = config::state_directory(config)
        .map_err(|invalid| format!("nor is it known where the finished tasks are kept: {invalid}"))?;
    history::read(&directory)
        .map_err(|error| format!("nor can the finished tasks in {} be read: {error}", directory.display()))
}
