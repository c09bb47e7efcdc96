//! `lint`: checks definitions of state machines and CloudFormation templates, line by line and file by file.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use serde_json::Value;

use crate::config::{DoorSettings, Settings};
use crate::lint::{self, Door, Finding, Level, Syntax};

use super::{read, terminal};

/// What a file is called that has a definition in it for sure.
const DEFINITIONS: [&str; 3] = [".asl.json", ".asl.yaml", ".asl.yml"];
/// What files of a directory are looked at.
const ENDS: [&str; 4] = ["json", "yaml", "yml", "template"];

/// A file to look at.
struct Input {
    path: PathBuf,
    /// Whether it was found in a directory, where other files lie, too.
    is_found: bool,
}

/// What is in the files so far.
#[derive(Default)]
struct Count {
    files: usize,
    errors: usize,
    warnings: usize,
    unread: usize,
}

/// Prints what is wrong with each definition and a line for each file; a warning counts as an error where `strict`.
pub(super) fn run(named: &[PathBuf], strict: bool, settings: Option<&Settings>) -> ExitCode {
    let (mut count, mut notes) = (Count::default(), BTreeSet::new());
    let mut inputs = Vec::new();
    for path in named {
        match find(path) {
            Ok(found) => inputs.extend(found),
            Err(problem) => {
                count.unread += 1;
                terminal::complain_line(&problem);
            }
        }
    }
    let several = inputs.len() + count.unread > 1 || named.iter().any(|path| path.is_dir());
    for input in &inputs {
        one(input, several, settings, &mut notes, &mut count);
    }
    if several {
        let unread = if count.unread == 0 { String::new() } else { format!(", {} not read", count.unread) };
        terminal::line(&format!(
            "{}: {}{unread}",
            counted(count.files, "file"),
            summary(count.errors, count.warnings)
        ));
    }
    let is_bad = count.errors + count.unread > 0 || (strict && count.warnings > 0);
    if is_bad { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// Checks one file.
fn one(
    input: &Input,
    several: bool,
    settings: Option<&Settings>,
    notes: &mut BTreeSet<String>,
    count: &mut Count,
) {
    let name = input.path.display();
    let text = match read(&input.path) {
        Ok(text) => text,
        Err(problem) => {
            count.unread += 1;
            return terminal::complain_line(&format!("{name} cannot be read: {problem}"));
        }
    };
    let content = match lint::read(&text, syntax(&input.path, &text)) {
        Ok(content) => content,
        Err(problem) => {
            count.unread += 1;
            return terminal::complain_line(&format!("{name} is {problem}"));
        }
    };
    let doors: Option<Vec<Door>> = settings.map(|settings| settings.doors.iter().map(door).collect());
    // Where the worker has no door, templates are for another one.
    let doors = doors.as_deref().filter(|doors| !doors.is_empty());
    if input.is_found && is_something_else(&input.path, &content, doors) {
        return terminal::line(&format!("{name} has neither a state machine nor a Custom::SparkJob"));
    }
    let utf8 = settings.is_some_and(|settings| settings.yarn.utf8);
    let findings = if lint::is_template(&content) {
        lint::lint_template(&content, doors, utf8)
    } else {
        lint::lint(&content, settings.map(|settings| settings.activities.as_slice()), utf8)
    };
    let prefix = if several { format!("{name}: ") } else { String::new() };
    for finding in &findings {
        // How all files are checked is said once.
        let is_general = finding.level == Level::Note && finding.path == "$" && settings.is_none();
        if !is_general || notes.insert(finding.what.clone()) {
            terminal::line(&format!("{}{finding}", if is_general { "" } else { &prefix }));
        }
    }
    let of = |level| findings.iter().filter(|finding: &&Finding| finding.level == level).count();
    let (errors, warnings) = (of(Level::Error), of(Level::Warning));
    (count.files, count.errors, count.warnings) =
        (count.files + 1, count.errors + errors, count.warnings + warnings);
    if errors + warnings == 0 {
        terminal::line(&format!("{name} is good"));
    } else {
        terminal::line(&format!("{name}: {}", summary(errors, warnings)));
    }
}

/// What the configuration says of the resources of one topic.
fn door(settings: &DoorSettings) -> Door<'_> {
    Door { topic: settings.topic.as_str(), defaults: &settings.defaults, goal: settings.rules.goal }
}

/// How a file is written: as its name says, or else as it looks.
fn syntax(path: &Path, text: &str) -> Syntax {
    match path.extension().and_then(|end| end.to_str()) {
        Some("json") => Syntax::Json,
        Some("yaml" | "yml") => Syntax::Yaml,
        Some(_) | None => Syntax::of(text),
    }
}

/// The files that a path means: itself, or, of a directory, all JSON and YAML below it.
fn find(path: &Path) -> Result<Vec<Input>, String> {
    if !path.is_dir() {
        return Ok(vec![Input { path: path.to_owned(), is_found: false }]);
    }
    let mut found = Vec::new();
    below(path, &mut found)?;
    if found.is_empty() {
        return Err(format!("{} has no *.json, *.yaml, *.yml or *.template in it", path.display()));
    }
    found.sort();
    Ok(found.into_iter().map(|path| Input { path, is_found: true }).collect())
}

/// Hidden directories are not looked into, and links to directories not followed.
fn below(directory: &Path, found: &mut Vec<PathBuf>) -> Result<(), String> {
    let unread = |error: io::Error| format!("{} cannot be read: {error}", directory.display());
    for entry in std::fs::read_dir(directory).map_err(unread)? {
        let entry = entry.map_err(unread)?;
        let (path, kind) = (entry.path(), entry.file_type().map_err(unread)?);
        let name = entry.file_name();
        if kind.is_dir() {
            if !name.as_encoded_bytes().starts_with(b".") {
                below(&path, found)?;
            }
        } else if path.extension().and_then(|end| end.to_str()).is_some_and(|end| ENDS.contains(&end))
            && !path.is_dir()
        {
            found.push(path);
        }
    }
    Ok(())
}

/// Whether a file of a directory is neither by its name nor by what is in it.
fn is_something_else(path: &Path, content: &Value, doors: Option<&[Door]>) -> bool {
    let name = path.as_os_str().as_encoded_bytes();
    let is_named = DEFINITIONS.iter().any(|end| name.ends_with(end.as_bytes()));
    let has = content.get("StartAt").is_some() || content.get("States").is_some();
    !(is_named || has || lint::is_template(content) && lint::has_job(content, doors))
}

fn summary(errors: usize, warnings: usize) -> String {
    format!("{}, {}", counted(errors, "error"), counted(warnings, "warning"))
}

fn counted(number: usize, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}
