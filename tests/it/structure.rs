//! The rules of the design that a reader relies on, and what the units promise.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use spark_job_worker::config;

/// An external crate and the place that names it.
const CRATES: [(&str, &str); 14] = [
    ("aws_sdk_sfn", "src/activity"),
    ("aws_sdk_sqs", "src/cloudformation"),
    ("aws_config", "src/aws.rs"),
    ("aws_smithy_http_client", "src/aws.rs"),
    ("aws_smithy_runtime_api", "src/aws.rs"),
    ("aws_smithy_types", "src/aws.rs"),
    ("reqwest", "src/spark"),
    ("rustls", "src/spark/tls.rs"),
    ("figment", "src/config"),
    ("backoff", "src/retry.rs"),
    ("roxmltree", "src/config/yarn_site.rs"),
    ("rustix", "src/doctor/gather"),
    ("rustix", "src/job/journal/batch.rs"),
    ("tracing_journald", "src/log"),
];

/// Modules without async, clock, randomness or I/O.
const PURE: [&str; 27] = [
    "src/admin/page.rs",
    "src/arn.rs",
    "src/cloudformation/errand.rs",
    "src/cloudformation/request.rs",
    "src/cloudformation/resource.rs",
    "src/cloudformation/response.rs",
    "src/history/finished.rs",
    "src/history/ring.rs",
    "src/job/document.rs",
    "src/job/evidence.rs",
    "src/job/goal.rs",
    "src/job/machine.rs",
    "src/job/report.rs",
    "src/job/request.rs",
    "src/job/statements.rs",
    "src/job/steps.rs",
    "src/job/tags.rs",
    "src/job/verdict.rs",
    "src/lint.rs",
    "src/nearest.rs",
    "src/doctor/facts.rs",
    "src/doctor/rules.rs",
    "src/printable.rs",
    "src/retry.rs",
    "src/spark/history_wire.rs",
    "src/spark/livy_wire.rs",
    "src/spark/sessions_wire.rs",
];

#[test]
fn each_external_crate_is_named_in_one_place() {
    for (path, code) in production() {
        for (name, _) in CRATES {
            let named = code.contains(&format!("{name}::")) || code.contains(&format!("use {name}"));
            let is_at_home = CRATES.iter().any(|(other, place)| *other == name && path.starts_with(place));
            assert!(!named || is_at_home, "{path} names {name}, which belongs elsewhere");
        }
    }
}

#[test]
fn pure_modules_stay_pure() {
    let impure = [
        "async ",
        ".await",
        "tokio",
        "Instant::now",
        "SystemTime::now",
        "fastrand",
        "std::fs",
        "std::env",
        "std::process",
        "std::net::Tcp",
        "ToSocketAddrs",
    ];
    let sources = production();
    for pure in PURE {
        let folder = format!("{}/", pure.trim_end_matches(".rs"));
        let files: Vec<_> =
            sources.iter().filter(|(path, _)| path == pure || path.starts_with(&folder)).collect();
        assert!(!files.is_empty(), "{pure} is there");
        for (path, code) in files {
            for word in impure {
                let hit = code.lines().find(|line| line.contains(word));
                assert!(hit.is_none(), "{path} is not pure: {hit:?}");
            }
        }
    }
}

#[test]
fn the_rules_are_held_to_the_end_of_every_file_and_not_in_its_tests() {
    let text = r##"
//! Says "tokio" in a comment: "
#[cfg(test)]
mod tests;
fn kept(c: char) -> bool { c == '"' || c == '\'' || c == '{' } // tokio "
const TEXT: &str = "tokio \" // {";
const RAW: &str = r#"tokio " }"#;
#[cfg(test)]
mod more {
    const BRACE: &str = "}";
    fn dropped() { tokio::spawn() }
}
/* tokio /* nested */ tokio */
fn last<'a>(text: &'a str) -> &'a str { text }
"##;
    let (code, modules) = without_tests(&code(text));
    assert!(code.contains("fn kept") && code.contains("fn last<'a>(text: &'a str)"), "{code}");
    assert!(!code.contains("tokio") && !code.contains("dropped"), "{code}");
    assert_eq!(modules, ["tests", "more"]);
    // Each of these declares its tests before its functions.
    for path in ["src/job/request.rs", "src/lint.rs"] {
        let found = production().into_iter().find(|(found, _)| found == path);
        let (_, held) = found.unwrap_or_else(|| panic!("{path} is there"));
        let whole = std::fs::read_to_string(root().join(path)).expect("a source");
        let is_function = |line: &&str| line.starts_with("fn ") || line.starts_with("pub fn ");
        let last = whole.lines().rev().find(is_function).expect("it has functions");
        assert!(held.contains(last), "{path} is not held to its end: {last}");
    }
    assert!(production().iter().all(|(path, _)| !path.ends_with("/tests.rs")));
}

#[test]
fn arrows_point_down_in_the_order_of_the_crates_modules() {
    let text = std::fs::read_to_string(root().join("src/lib.rs")).expect("the crate's root");
    let order: Vec<&str> =
        text.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';')).collect();
    let place = |name: &str| order.iter().position(|known| *known == name);
    for (folder, from, to) in arrows() {
        if folder.is_empty() {
            assert!(
                place(&from) < place(&to),
                "{from} uses {to}, which does not stand below it in src/lib.rs"
            );
        }
    }
}

#[test]
fn no_two_modules_of_a_folder_use_each_other_in_a_circle() {
    let mut uses: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (folder, from, to) in arrows() {
        let path = |name: &str| match folder.as_str() {
            "" => format!("src/{name}"),
            folder => format!("src/{folder}/{name}"),
        };
        uses.entry(path(&from)).or_default().insert(path(&to));
    }
    for start in uses.keys() {
        let (mut reached, mut next) = (BTreeSet::new(), vec![start]);
        while let Some(module) = next.pop() {
            for used in uses.get(module).into_iter().flatten() {
                assert_ne!(used, start, "{start} and {module} use each other");
                if reached.insert(used) {
                    next.push(used);
                }
            }
        }
    }
}

#[test]
fn the_job_knows_no_step_functions_and_no_http() {
    for (path, text) in sources().iter().filter(|(path, _)| path.starts_with("src/job/")) {
        for word in ["crate::activity", "crate::spark", "StatusCode"] {
            assert!(!text.contains(word), "{path} names {word}");
        }
    }
}

#[test]
fn every_file_says_what_it_is_for() {
    for (path, text) in sources() {
        assert!(text.starts_with("//!"), "{path} does not begin with //!");
    }
}

#[test]
fn the_unit_is_a_notify_service_that_does_not_restart_on_a_wrong_configuration() {
    let unit = std::fs::read_to_string(root().join("systemd/spark-job-worker.service")).expect("the unit");
    for line in ["Type=notify", "RestartPreventExitStatus=78", "WatchdogSec=30s", "Restart=always"] {
        assert!(unit.lines().any(|found| found == line), "{line}");
    }
    let limit = unit.lines().find_map(|line| line.strip_prefix("TimeoutStopSec=")).expect("a limit");
    let limit = limit.strip_suffix('s').and_then(|seconds| seconds.parse().ok()).map(Duration::from_secs);
    assert_eq!(limit, Some(config::STOP_TIMEOUT), "a longer grace is refused");
}

/// What the units say, and systemd 219 of Amazon Linux 2 understands; its newer words belong into the drop-in.
const OF_219: [&str; 40] = [
    "AccuracySec",
    "After",
    "CapabilityBoundingSet",
    "Description",
    "Documentation",
    "Environment",
    "EnvironmentFile",
    "ExecReload",
    "ExecStart",
    "Group",
    "KillMode",
    "LimitNOFILE",
    "Nice",
    "NoNewPrivileges",
    "NotifyAccess",
    "OnActiveSec",
    "OnUnitActiveSec",
    "PrivateDevices",
    "PrivateNetwork",
    "PrivateTmp",
    "ProtectHome",
    "ProtectSystem",
    "ReadWriteDirectories",
    "Restart",
    "RestartPreventExitStatus",
    "RestartSec",
    "RestrictAddressFamilies",
    "RuntimeDirectory",
    "RuntimeDirectoryMode",
    "StartLimitInterval",
    "SyslogIdentifier",
    "SystemCallArchitectures",
    "TimeoutStartSec",
    "TimeoutStopSec",
    "Type",
    "UMask",
    "User",
    "WantedBy",
    "Wants",
    "WatchdogSec",
];

#[test]
fn the_units_without_the_drop_in_are_understood_by_systemd_219() {
    for unit in ["spark-job-worker.service", "spark-job-worker-logs.service", "spark-job-worker-logs.timer"] {
        for key in keys_of_unit(unit) {
            assert!(OF_219.contains(&key.as_str()), "{unit} has {key}");
        }
    }
    // A key that it knows, with a word that it does not.
    let unit = std::fs::read_to_string(root().join("systemd/spark-job-worker.service")).expect("the unit");
    assert!(!unit.contains("\nProtectSystem=strict"));
}

#[test]
fn the_drop_in_leaves_the_processes_of_the_node_to_be_seen() {
    let keys = keys_of_unit("spark-job-worker.service.d/10-hardening.conf");
    assert!(!keys.iter().any(|key| key == "ProtectProc" || key == "ProcSubset"), "{keys:?}");
}

fn keys_of_unit(name: &str) -> Vec<String> {
    let text = std::fs::read_to_string(root().join("systemd").join(name)).expect("a unit");
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines.filter_map(|line| Some(line.split_once('=')?.0.to_owned())).collect()
}

pub(crate) fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Path from the root, and text, of every source file.
pub(crate) fn sources() -> Vec<(String, String)> {
    fn walk(folder: &Path, found: &mut Vec<(String, String)>) {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|end| end == "rs") {
                let relative = path.strip_prefix(root()).expect("below the root").display().to_string();
                found.push((relative, std::fs::read_to_string(&path).expect("a source")));
            }
        }
    }
    let mut found = Vec::new();
    walk(&root().join("src"), &mut found);
    found
}

/// The same without tests, comments and the insides of strings: what the rules hold.
fn production() -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = Vec::new();
    let mut tests: Vec<String> = Vec::new();
    for (path, text) in sources() {
        let (kept, modules) = without_tests(&code(&text));
        let folder = match path.strip_suffix("/mod.rs") {
            Some(folder) => folder,
            None if ["src/lib.rs", "src/main.rs"].contains(&path.as_str()) => "src",
            None => path.trim_end_matches(".rs"),
        };
        for module in modules {
            tests.extend([format!("{folder}/{module}.rs"), format!("{folder}/{module}/")]);
        }
        found.push((path, kept));
    }
    found.retain(|(path, _)| !tests.iter().any(|test| path.starts_with(test.as_str())));
    found
}

/// Which module of a folder (from `src`, without it) uses which other one beside it.
fn arrows() -> BTreeSet<(String, String, String)> {
    let sources = production();
    let module = |path: &str| -> Vec<String> {
        let path = path.trim_start_matches("src/").trim_end_matches(".rs");
        path.split('/').filter(|part| *part != "lib" && *part != "main").map(str::to_owned).collect()
    };
    let modules: BTreeSet<Vec<String>> = sources.iter().map(|(path, _)| module(path)).collect();
    let mut found = BTreeSet::new();
    for (path, code) in &sources {
        let here = module(path);
        for used in used(code, &here) {
            let common = here.iter().zip(&used).take_while(|(one, other)| one == other).count();
            if let (Some(from), Some(to)) = (here.get(common), used.get(common))
                && modules.contains(&used[..=common])
            {
                found.insert((here[..common].join("/"), from.clone(), to.clone()));
            }
        }
    }
    found
}

/// The paths that begin with `crate::` or `super::`, from the crate's root on.
fn used(code: &str, here: &[String]) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    let begins = |word: &str| code.match_indices(word).map(|(at, _)| at).collect::<Vec<_>>();
    for at in begins("crate::") {
        paths(&code[at + "crate::".len()..], &[], &mut found);
    }
    for at in begins("super::") {
        // The first of a chain stands for all of it.
        if !code[..at].ends_with("super::") {
            let supers = code[at..].split("super::").take_while(|part| part.is_empty()).count();
            let base = &here[..here.len().saturating_sub(supers)];
            paths(&code[at + supers * "super::".len()..], base, &mut found);
        }
    }
    found
}

/// The paths of a tree of `use`, or the one path, with which the text begins.
fn paths(text: &str, base: &[String], found: &mut Vec<Vec<String>>) {
    let (mut path, mut rest) = (base.to_vec(), text);
    loop {
        let word: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        if word.is_empty() {
            break;
        }
        rest = &rest[word.len()..];
        path.push(word);
        match rest.strip_prefix("::") {
            Some(more) => rest = more,
            None => break,
        }
    }
    let Some(tree) = rest.strip_prefix('{') else { return found.push(path) };
    let (mut depth, mut at_start) = (0_usize, true);
    for (at, letter) in tree.char_indices() {
        match letter {
            '{' => depth += 1,
            '}' if depth == 0 => return,
            '}' => depth -= 1,
            ',' if depth == 0 => at_start = true,
            letter if at_start && depth == 0 && (letter.is_alphanumeric() || letter == '_') => {
                at_start = false;
                paths(&tree[at..], &path, found);
            }
            _ => {}
        }
    }
}

/// Drops every item behind `#[cfg(test)]`, up to its semicolon or its last brace; also returns the names of the modules
/// among them.
fn without_tests(code: &str) -> (String, Vec<String>) {
    const MARK: &str = "#[cfg(test)]";
    let (mut kept, mut modules, mut rest) = (String::new(), Vec::new(), code);
    while let Some(start) = rest.find(MARK) {
        kept.push_str(&rest[..start]);
        let item = &rest[start + MARK.len()..];
        let mut depth = 0_usize;
        let end = item.char_indices().find(|(_, letter)| {
            match letter {
                '{' | '(' | '[' => depth += 1,
                '}' | ')' | ']' => depth -= 1,
                _ => {}
            }
            depth == 0 && matches!(letter, ';' | '}')
        });
        let end = end.map_or(item.len(), |(at, _)| at + 1);
        let mut words = item[..end].split(|letter: char| !letter.is_alphanumeric() && letter != '_');
        if words.any(|word| word == "mod") {
            modules.extend(words.next().map(str::to_owned));
        }
        rest = &item[end..];
    }
    kept.push_str(rest);
    (kept, modules)
}

/// The text without comments, and with nothing inside its strings and characters.
fn code(text: &str) -> String {
    let (mut kept, mut rest) = (String::new(), text);
    while let Some(letter) = rest.chars().next() {
        let in_word = kept.ends_with(|last: char| last.is_alphanumeric() || last == '_');
        let skipped = match letter {
            '/' if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            '/' if rest.starts_with("/*") => comment(rest),
            '"' => string(rest),
            'r' | 'b' | 'c' if !in_word => raw_string(rest),
            '\'' => character(rest),
            _ => 0,
        };
        if skipped == 0 {
            kept.push(letter);
            rest = &rest[letter.len_utf8()..];
        } else {
            if !rest.starts_with('/') {
                kept.push_str("\"\"");
            }
            rest = &rest[skipped..];
        }
    }
    kept
}

/// How long the comment is with which the text begins; they can be nested.
fn comment(text: &str) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while at < text.len() {
        let rest = &text[at..];
        match rest.get(..2) {
            Some("/*") => (depth, at) = (depth + 1, at + 2),
            Some("*/") => (depth, at) = (depth - 1, at + 2),
            _ => at += rest.chars().next().map_or(1, char::len_utf8),
        }
        if depth == 0 {
            break;
        }
    }
    at
}

/// How long the string is with which the text begins.
fn string(text: &str) -> usize {
    let mut escaped = false;
    let end = text.char_indices().skip(1).find(|(_, letter)| {
        let over = *letter == '"' && !escaped;
        escaped = *letter == '\\' && !escaped;
        over
    });
    end.map_or(text.len(), |(at, _)| at + 1)
}

/// How long the raw string is with which the text begins; 0 where there is none.
fn raw_string(text: &str) -> usize {
    let Some((start, _)) = text.split_once('"') else { return 0 };
    let hashes = start.trim_start_matches(['b', 'c']).strip_prefix('r').unwrap_or("x");
    if hashes.bytes().any(|letter| letter != b'#') {
        return 0;
    }
    let end = format!("\"{hashes}");
    let body = start.len() + 1;
    text[body..].find(&end).map_or(text.len(), |at| body + at + end.len())
}

/// How long the character is with which the text begins; 0 where it is a lifetime.
fn character(text: &str) -> usize {
    let mut letters = text.char_indices().skip(1);
    match (letters.next(), letters.next()) {
        (Some((_, '\\')), Some((at, letter))) => {
            let after = at + letter.len_utf8();
            text[after..].find('\'').map_or(0, |end| after + end + 1)
        }
        (Some(_), Some((at, '\''))) => at + 1,
        _ => 0,
    }
}
