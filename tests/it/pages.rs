//! What the documentation says: links, paths, commands, snippets and tables are as they are here.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use spark_job_worker::job::report::ErrorName;

use crate::harness::PROGRAM;
use crate::structure::root;

#[test]
fn every_link_in_the_documentation_leads_somewhere() {
    let mut links = 0;
    for (path, text) in pages() {
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            if link.contains("://") {
                continue;
            }
            links += 1;
            let (file, heading) = link.split_once('#').unwrap_or((link, ""));
            let folder = path.parent().unwrap_or(Path::new(""));
            let target = if file.is_empty() { root().join(&path) } else { root().join(folder).join(file) };
            assert!(target.exists(), "{} links to {link}", path.display());
            if !heading.is_empty() {
                let text = std::fs::read_to_string(&target).expect("a page");
                let found = text.lines().filter_map(|line| line.strip_prefix('#'));
                let mut found = found.map(|line| anchor(line.trim_start_matches('#').trim()));
                assert!(found.any(|found| found == heading), "{} links to {link}", path.display());
            }
        }
    }
    assert!(links >= 20, "{links} links");
}

#[test]
fn every_path_that_the_readme_names_exists() {
    let readme = readme();
    for quoted in readme.split('`').skip(1).step_by(2) {
        let named = ["src/", "tests/", "config/", "systemd/", "bootstrap/", ".ci/"]
            .iter()
            .any(|top| quoted.starts_with(top));
        if named && !quoted.contains(['*', ' ', '<']) {
            assert!(root().join(quoted).exists(), "the README names {quoted}");
        }
    }
}

#[test]
fn the_readmes_snippets_parse_and_every_error_name_is_documented() {
    let readme = readme();
    let mut parsed = 0;
    for block in readme.split("```json\n").skip(1) {
        let text = block.split("```").next().unwrap_or_default();
        let _: Value = serde_json::from_str(text).unwrap_or_else(|error| panic!("{error} in:\n{text}"));
        parsed += 1;
    }
    assert!(parsed >= 3, "{parsed} snippets");
    let errors = section(&readme, "## Errors");
    for name in ErrorName::ALL.map(ErrorName::as_str) {
        assert!(errors.contains(&format!("| `{name}`")), "{name} is not in the README's table of errors");
    }
}

#[test]
fn every_command_that_the_documentation_shows_can_be_given() {
    let mut checked = BTreeSet::new();
    for (path, text) in pages() {
        for line in commands(&text) {
            let words: Vec<&str> = line.split_whitespace().collect();
            let words = words.strip_prefix(&["sudo"]).unwrap_or(&words);
            let problem = match words {
                ["spark-job-worker", rest @ ..] => unknown_to_the_program(rest),
                ["cargo", rest @ ..] => unknown_to_cargo(rest),
                ["bash", script, rest @ ..] => unknown_to_a_script(script, rest),
                [script, rest @ ..]
                    if ["tests/", "bootstrap/", "./"].iter().any(|top| script.starts_with(top)) =>
                {
                    unknown_to_a_script(script, rest)
                }
                _ => continue,
            };
            assert_eq!(problem, None, "{} shows: {line}", path.display());
            checked.insert(line);
        }
    }
    assert!(checked.len() >= 25, "{checked:#?}");
}

/// The lines of all blocks of a shell, and all that is quoted in one line, without remarks and what goes through a pipe.
fn commands(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut block: Option<&str> = None;
    for line in text.lines() {
        match (line.trim().strip_prefix("```"), block) {
            (Some(kind), None) => block = Some(kind),
            (Some(_), Some(_)) => block = None,
            (None, Some("sh")) => found.push(line.to_owned()),
            (None, Some(_)) => {}
            (None, None) => found.extend(line.split('`').skip(1).step_by(2).map(str::to_owned)),
        }
    }
    let bare = |line: String| {
        let line = line.split(" #").next().unwrap_or_default();
        line.split(['|', ';', '&', '>']).next().unwrap_or_default().trim().to_owned()
    };
    // Variables before a command are the shell's.
    let is_variable = |word: &str| {
        word.split_once('=').is_some_and(|(name, _)| name.chars().all(|c| c.is_ascii_uppercase() || c == '_'))
    };
    let after = |line: String| {
        let words = line.split_whitespace().skip_while(|word| is_variable(word));
        words.collect::<Vec<_>>().join(" ")
    };
    found.into_iter().map(bare).map(after).collect()
}

/// What the program does not know of these arguments.
fn unknown_to_the_program(words: &[&str]) -> Option<String> {
    let [
        "check" | "doctor" | "history" | "lint" | "logs" | "pause" | "render" | "resume" | "run" | "status"
        | "terminating",
        rest @ ..,
    ] = words
    else {
        let is_flag = words.first().is_none_or(|word| word.starts_with("--"));
        return (!is_flag).then(|| format!("there is no command {words:?}"));
    };
    let help = Command::new(PROGRAM).args([words[0], "--help"]).output().expect("it runs");
    unknown_flag(rest, &String::from_utf8_lossy(&help.stdout))
}

/// What Cargo does not find in this package.
fn unknown_to_cargo(words: &[&str]) -> Option<String> {
    let manifest = std::fs::read_to_string(root().join("Cargo.toml")).expect("the manifest");
    let named = words.windows(2).filter(|pair| ["--example", "--test", "--bench"].contains(&pair[0]));
    let unknown = |name: &str| {
        !manifest.contains(&format!("name = \"{name}\""))
            && !root().join(format!("tests/{name}/main.rs")).exists()
    };
    named.map(|pair| pair[1]).find(|name| unknown(name)).map(|name| format!("there is no {name}"))
}

/// What a script of ours does not have; an installed one is the one here.
fn unknown_to_a_script(script: &str, words: &[&str]) -> Option<String> {
    let name = script.rsplit('/').next().unwrap_or_default();
    let ours = [script.to_owned(), format!("bootstrap/{name}")];
    let path = ours.iter().map(|path| root().join(path)).find(|path| path.exists()).unwrap_or_default();
    match std::fs::read_to_string(&path) {
        Err(_) if path.is_dir() && words.is_empty() => None,
        Ok(text) => unknown_flag(words, &text),
        Err(_) => Some(format!("there is no {script}")),
    }
}

fn unknown_flag(words: &[&str], known: &str) -> Option<String> {
    let flags = words.iter().take_while(|word| **word != "--").filter(|word| word.starts_with("--"));
    let name = |word: &str| word.split('=').next().unwrap_or_default().to_owned();
    flags.map(|word| name(word)).find(|flag| !known.contains(flag.as_str()))
}

fn section<'a>(text: &'a str, heading: &str) -> &'a str {
    let start = text.find(heading).unwrap_or_else(|| panic!("the README has {heading}"));
    let rest = &text[start + heading.len()..];
    rest.split("\n## ").next().unwrap_or_default()
}

/// What users and operators read, one page after the other.
fn readme() -> String {
    let page = |path: &&str| std::fs::read_to_string(root().join(path)).expect("a page");
    ["README.md", "config/README.md", "bootstrap/README.md"].iter().map(page).collect()
}

/// Every page of Markdown, with its path from the root.
fn pages() -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(root().join(&folder)).expect("a folder").filter_map(Result::ok) {
            let (path, name) = (folder.join(entry.file_name()), entry.file_name());
            let hidden = name.to_string_lossy().starts_with('.') || name == "target";
            if entry.path().is_dir() && !hidden {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "md") {
                found.push((path, std::fs::read_to_string(entry.path()).expect("a page")));
            }
        }
    }
    found
}

/// A heading's name in a link, as GitHub makes it.
fn anchor(heading: &str) -> String {
    let kept = heading.to_lowercase();
    let kept = kept.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}
