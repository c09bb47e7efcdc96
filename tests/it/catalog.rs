//! The catalog behind `journalctl -x`: an entry for each message id, and in it only fields that the messages really have.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::structure::{root, sources};

/// Fields that every line of a task's span has. Execution, batch and application can be unknown.
const OF_A_TASK: [&str; 3] = ["TASK_ID", "SFN_ACTIVITY", "JOB_STATE"];
/// Where lines are logged within a task's span.
const IN_A_TASK: [&str; 3] = ["src/job", "src/daemon/jobs.rs", "src/daemon/rescue.rs"];
const IDS: &str = "src/log/message_id.rs";

#[test]
fn every_message_id_has_a_catalog_entry_and_vice_versa() {
    let entries = entries();
    let ids = ids();
    assert_eq!(
        entries.keys().map(String::as_str).collect::<BTreeSet<_>>(),
        ids.values().map(String::as_str).collect::<BTreeSet<_>>()
    );
    assert_eq!(ids.len(), ids.values().collect::<BTreeSet<_>>().len(), "no id is used twice");
    for id in ids.values() {
        assert!(
            id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
        );
    }
}

#[test]
fn every_catalog_entry_says_what_happened_what_it_means_and_what_to_do() {
    for (id, entry) in entries() {
        for header in ["Subject: ", "Defined-By: spark-job-worker", "Support: "] {
            assert!(entry.lines().any(|line| line.starts_with(header)), "{id} has no {header}");
        }
        let (_, text) = entry.split_once("\n\n").unwrap_or_else(|| panic!("{id} has no text"));
        assert!(text.lines().any(|line| line.starts_with("What to do: ")), "{id} does not say what to do");
    }
}

#[test]
fn the_catalog_shows_only_fields_that_every_line_with_its_id_has() {
    let (entries, present) = (entries(), fields());
    for (name, id) in ids() {
        let known = present.get(&name).unwrap_or_else(|| panic!("{name} is never logged"));
        for field in entries.get(&id).map(|entry| shown(entry)).unwrap_or_default() {
            assert!(
                known.contains(&field),
                "the entry of {name} shows {field}, and its lines have {known:?}"
            );
        }
    }
}

#[test]
fn every_message_id_that_the_readme_names_is_in_the_catalog() {
    let (readme, entries) = (read("bootstrap/README.md"), entries());
    let named = readme
        .split("MESSAGE_ID=")
        .skip(1)
        .map(|rest| rest.chars().take_while(char::is_ascii_alphanumeric).collect::<String>());
    let named: Vec<String> = named.filter(|id| !id.is_empty()).collect();
    assert!(named.len() >= 6, "{named:?}");
    for id in named {
        assert!(entries.contains_key(&id), "the README names {id}");
    }
}

/// The ids by their names.
fn ids() -> BTreeMap<String, String> {
    let text = read(IDS);
    let lines = text.lines().filter_map(|line| line.strip_prefix("pub const "));
    lines
        .map(|line| {
            let name = line.split(':').next().unwrap_or_default();
            (name.to_owned(), line.split('"').nth(1).expect("an id").to_owned())
        })
        .collect()
}

/// The catalog's entries by their ids.
fn entries() -> BTreeMap<String, String> {
    let text = read("systemd/spark-job-worker.catalog");
    let mut entries = BTreeMap::new();
    for block in text.split("\n-- ").skip(1) {
        let (id, entry) = block.split_once('\n').expect("an entry");
        assert!(entries.insert(id.to_owned(), entry.to_owned()).is_none(), "{id} has two entries");
    }
    entries
}

/// The fields between at signs.
fn shown(entry: &str) -> BTreeSet<String> {
    let is_field =
        |part: &&str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_');
    entry.split('@').skip(1).step_by(2).filter(is_field).map(str::to_owned).collect()
}

/// What every line with an id has, by the id's name: read off the statements that log it.
fn fields() -> BTreeMap<String, BTreeSet<String>> {
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (path, text) in sources().iter().filter(|(path, _)| path != IDS) {
        let code = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
        for (at, _) in code.match_indices("message_id::") {
            let rest = &code[at + "message_id::".len()..];
            let name: String = rest.chars().take_while(|c| c.is_ascii_uppercase() || *c == '_').collect();
            if name.is_empty() {
                continue;
            }
            // A name that no statement around it names is one of several that a statement may have.
            let begin = code[..at].rfind("!(").filter(|begin| !code[*begin..at].contains(';'));
            let of_line = fields_of(path, &code[begin.unwrap_or(at)..]);
            let known = found.entry(name).or_insert_with(|| of_line.clone());
            known.retain(|field| of_line.contains(field));
        }
    }
    found
}

/// The fields of one statement, which begins `statement`, and of the span around it.
fn fields_of(path: &str, statement: &str) -> BTreeSet<String> {
    let names = journal_names();
    let end = statement.find('"').unwrap_or(statement.len());
    let own = statement[..end].split([',', '(']).filter_map(|part| part.trim().split_once(" = "));
    // An optional value may be absent.
    let sure =
        |value: &str| !value.ends_with(".as_deref()") && !value.ends_with("batch") && !value.ends_with("_id");
    let own = own.filter(|(name, value)| names.contains(*name) && sure(value)).map(|(name, _)| name);
    let mut fields: BTreeSet<String> = own.map(str::to_ascii_uppercase).collect();
    if IN_A_TASK.iter().any(|place| path.starts_with(place)) {
        fields.extend(OF_A_TASK.map(str::to_owned));
    }
    fields
}

/// The names that become fields of the journal.
fn journal_names() -> BTreeSet<String> {
    let text = read("src/log/journald.rs");
    let list = text.split("const NAMES").nth(1).and_then(|rest| rest.split("];").next()).expect("the table");
    list.split('"').skip(1).step_by(2).map(str::to_owned).collect()
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(Path::new(path))).unwrap_or_else(|error| panic!("{path}: {error}"))
}
