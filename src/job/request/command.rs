//! How long the driver's command is.
//!
//! Linux takes 131,072 bytes for one argument of a process, with the NUL at the end (`MAX_ARG_STRLEN`, execve(2)), and
//! YARN gives the whole command of a container to `bash -c` as one. A longer one ends the container with exit code 126.

use super::arrival::split_options;
use super::keys::Kind;
use super::problem::{Problems, member};
use super::settings::Given;
use super::value::Setting;

/// What the parts that a task decides may have together: 4,096 bytes are left to Spark, its module options, and the
/// options of the cluster's own.
const MAX_COMMAND: usize = 126_975;

/// What an argument has around it: `--arg '' `.
const AROUND_ARGUMENT: usize = 9;
/// What an option has around it: quotes, and a blank.
const AROUND_OPTION: usize = 3;

/// The properties of the driver's command. The first two hold options.
const JAVA_OPTIONS: [&str; 2] = ["spark.driver.extraJavaOptions", "spark.driver.defaultJavaOptions"];
const LIBRARY_PATH: &str = "spark.driver.extraLibraryPath";

/// Adds a problem at the longest part, where all of them are too long together.
pub(super) fn check(entries: &[Given], base: &str, problems: &mut Problems) {
    let parts: Vec<(String, usize)> = entries.iter().flat_map(|entry| parts(entry, base)).collect();
    let sum: usize = parts.iter().map(|(_, len)| len).sum();
    let longest = parts.into_iter().reduce(|one, other| if other.1 > one.1 { other } else { one });
    if let Some((path, len)) = longest.filter(|_| sum > MAX_COMMAND) {
        problems.add(
            path,
            format!(
                "takes {len} bytes of the driver's command, where all arguments, the class, the file and the driver's \
                 Java options make {sum} together, and YARN's shell takes {MAX_COMMAND} as one argument: put large \
                 values in a file"
            ),
        );
    }
}

fn parts(entry: &Given, base: &str) -> Vec<(String, usize)> {
    let path = member(base, entry.key.name);
    match (&entry.setting, entry.key.kind) {
        (Setting::List(arguments), Kind::Args) => {
            vec![(path, arguments.iter().map(|argument| escaped_len(argument) + AROUND_ARGUMENT).sum())]
        }
        (Setting::Text(text), Kind::Class | Kind::Path) => vec![(path, escaped_len(text))],
        (Setting::Map(conf), Kind::Conf) => {
            let options = |text: &String| {
                split_options(text).iter().map(|option| escaped_len(option) + AROUND_OPTION).sum()
            };
            let java = JAVA_OPTIONS.iter().filter_map(|name| Some((*name, options(conf.get(*name)?))));
            let library = conf.get(LIBRARY_PATH).map(|text| (LIBRARY_PATH, text.len()));
            java.chain(library).map(|(name, len)| (member(&path, name), len)).collect()
        }
        (Setting::Text(_) | Setting::Count(_) | Setting::List(_) | Setting::Map(_), _) => Vec::new(),
    }
}

/// The length of a text after Spark's `escapeForShell`, without the quotes around it.
fn escaped_len(text: &str) -> usize {
    let more = |byte: u8| match byte {
        b'\'' => 3,
        b'"' | b'$' => 1,
        _ => 0,
    };
    text.len() + text.bytes().map(more).sum::<usize>()
}
