//! `check`: what the configuration means, and what is in the journal, without starting.

use std::path::Path;
use std::process::ExitCode;

use clap::ValueEnum;

use crate::causes::chain;
use crate::cloudformation::files;
use crate::config::{self, Settings};
use crate::job::journal;
use crate::job::timestamp::Timestamp;
use crate::pause::{self, Read};

use super::pause::polls;
use super::{failed, terminal, wrong};

/// What a script may ask for.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum Value {
    /// Where the journal is
    #[value(name = "state.directory")]
    StateDirectory,
    /// How many tasks are in the journal, with those that cannot be read
    #[value(name = "tasks")]
    Tasks,
    /// How many resources of CloudFormation have answered jobs that may still run, with those that cannot be read
    #[value(name = "standing")]
    Standing,
}

/// Says that the configuration is good, and what the worker would do with it.
pub(super) fn run(settings: &Settings, path: &Path, journal: bool) -> ExitCode {
    terminal::line(&format!("{} is good", path.display()));
    settings.warnings().iter().for_each(|warning| terminal::complain_line(&format!("warning: {warning}")));
    for activity in &settings.activities {
        terminal::line(&format!(
            "polls {} for up to {} jobs at once, with {} open at a time",
            activity.arn,
            activity.max_concurrent_jobs,
            polls(activity.pollers)
        ));
    }
    for door in &settings.doors {
        terminal::line(&format!(
            "receives requests of {} through {}, and waits for up to {} jobs at once",
            door.topic, door.queue_url, door.max_concurrent_jobs
        ));
    }
    let (livy, yarn) = settings.addresses();
    let history = settings.history_address().map(|history| ("asks Spark's history server", history));
    for (service, addresses) in [("submits to Livy", livy), ("asks YARN", yarn)].into_iter().chain(history) {
        match &*addresses.known() {
            Ok(found) if found.addresses.is_empty() => {}
            Ok(found) => terminal::line(&format!("{service} at {}", found.list())),
            Err(reason) => terminal::complain_line(&format!("warning: {reason}")),
        }
    }
    if journal { check_journal(&settings.state.directory) } else { ExitCode::SUCCESS }
}

/// What an installer asks the new binary before it replaces the old one.
fn check_journal(directory: &Path) -> ExitCode {
    let place = directory.display();
    let inspected = journal::inspect(directory).and_then(|found| Ok((found, files::inspect(directory)?)));
    match inspected {
        Ok((found, resources)) if found.unreadable.is_empty() && resources.unreadable.is_empty() => {
            terminal::line(&format!("the journal in {place} can be read; tasks in it: {}", found.tasks));
            if resources.standing > 0 {
                let standing = resources.standing;
                terminal::line(&format!(
                    "resources of CloudFormation whose answered jobs may still run: {standing}"
                ));
            }
            match pause::read(directory) {
                Read::Nothing => {}
                Read::Paused(span) => {
                    let until = span.until.map_or("resume".to_owned(), Timestamp::rfc3339);
                    terminal::line(&format!("the worker is paused until {until}, and a restart knows of it"));
                }
                Read::Unreadable(why) => terminal::complain_line(&format!("warning: {why}")),
            }
            ExitCode::SUCCESS
        }
        Ok((found, resources)) => {
            found
                .unreadable
                .iter()
                .chain(&resources.unreadable)
                .for_each(|(_, told)| terminal::complain_line(told));
            failed("with this version the jobs of these tasks and resources would be lost")
        }
        Err(problem) => unseen(directory, &problem),
    }
}

/// Prints one value and nothing else.
///
/// # Errors
/// Where it cannot be known, because the configuration cannot be read so far.
pub(super) fn print(path: &Path, value: Value) -> Result<ExitCode, String> {
    let directory = config::state_directory(path).map_err(wrong)?;
    let text = match value {
        Value::StateDirectory => directory.display().to_string(),
        Value::Tasks => match journal::inspect(&directory) {
            Ok(found) => (found.tasks + found.unreadable.len()).to_string(),
            Err(problem) => return Ok(unseen(&directory, &problem)),
        },
        Value::Standing => match files::inspect(&directory) {
            Ok(found) => (found.standing + found.unreadable.len()).to_string(),
            Err(problem) => return Ok(unseen(&directory, &problem)),
        },
    };
    terminal::line(&text);
    Ok(ExitCode::SUCCESS)
}

fn unseen(directory: &Path, problem: &std::io::Error) -> ExitCode {
    failed(&format!("the journal in {} cannot be looked at: {}", directory.display(), chain(problem)))
}
