//! `lint`: checks a state machine's definition, line by line.

use std::io::{stderr, stdout};
use std::path::Path;
use std::process::ExitCode;

use crate::config::Settings;
use crate::lint::{self, Level};

use super::{read, say};

/// Prints what is wrong with a definition; a warning counts as an error where `strict`.
pub(super) fn run(definition: &Path, strict: bool, settings: Option<&Settings>) -> ExitCode {
    let name = definition.display();
    let text = match read(definition) {
        Ok(text) => text,
        Err(problem) => return super::failed(&format!("{name} cannot be read: {problem}")),
    };
    let utf8 = settings.is_some_and(|settings| settings.yarn.utf8);
    let findings = match lint::lint(&text, settings.map(|settings| settings.activity.as_slice()), utf8) {
        Ok(findings) => findings,
        Err(problem) => {
            say(stderr(), &format!("{name} is not JSON: {problem}"));
            return ExitCode::FAILURE;
        }
    };
    for finding in &findings {
        say(stdout(), &finding.to_string());
    }
    let count = |level| findings.iter().filter(|finding| finding.level == level).count();
    let (errors, warnings) = (count(Level::Error), count(Level::Warning));
    if errors + warnings == 0 {
        say(stdout(), &format!("{name} is good"));
    } else {
        say(stdout(), &format!("{name}: {}, {}", counted(errors, "error"), counted(warnings, "warning")));
    }
    if errors > 0 || (strict && warnings > 0) { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

fn counted(number: usize, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}
