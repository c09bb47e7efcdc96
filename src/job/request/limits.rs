//! What any text that is sent must keep to: its kind, its length as an argument of a process, and no coordinates where a
//! path is meant.

use super::json::Json;
use super::keys::{JARS, PY_FILES};

/// The longest text that one argument of a process can have: Linux' `MAX_ARG_STRLEN` is 32 pages of 4 KiB with the NUL
/// at the end (execve(2)). A longer one makes Livy answer with a 500, which would leave a task in doubt for nothing.
const MAX_ARGUMENT: usize = 131_071;

/// How long the argument is as which Livy passes on a property: `--conf key=value`, of which the second half is one
/// argument, or the value alone after `--py-files` (Livy, `SparkProcessBuilder`).
pub(super) fn argument_len(property: &str, value: usize) -> usize {
    if property == PY_FILES { value } else { property.len() + 1 + value }
}

/// Whether a process can have an argument of so many bytes.
pub(super) fn fits(len: usize) -> Result<(), String> {
    if len > MAX_ARGUMENT {
        return Err(format!(
            "is an argument of {len} bytes, and Linux allows {MAX_ARGUMENT} for one: put large values in a file"
        ));
    }
    Ok(())
}

/// `group:artifact:version` would be taken for a URI, and only Spark would miss its file system.
pub(super) fn not_coordinates(property: &str, paths: &str) -> Result<(), String> {
    let letter = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    let word = |part: &str| !part.is_empty() && part.chars().all(letter);
    let coordinates = |path: &str| {
        let parts: Vec<&str> = path.trim().split(':').collect();
        (3..=5).contains(&parts.len()) && parts.into_iter().all(word)
    };
    if property == JARS && paths.split(',').any(coordinates) {
        return Err(
            "looks like Maven coordinates, which belong into `spark.jars.packages` of Conf".to_owned()
        );
    }
    Ok(())
}

pub(super) fn joined_len(list: &[String]) -> usize {
    list.iter().map(String::len).sum::<usize>() + list.len().saturating_sub(1)
}

/// What was found instead of what was wanted.
pub(super) fn expected(wanted: &str, found: Json) -> String {
    format!("expected {wanted}, found {}", found.described())
}

/// A string, or a number or boolean as it was written.
pub(super) fn scalar(value: Json) -> Result<String, String> {
    value.scalar().ok_or_else(|| expected("a string, number or boolean", value))
}
