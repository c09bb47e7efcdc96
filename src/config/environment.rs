//! The unit's variables, for commands that are not started by the unit.

use std::io;
use std::path::Path;

/// The unit's `EnvironmentFile`.
pub const ENVIRONMENT: &str = "/etc/spark-job-worker/environment";

/// The names of the variables that the unit has and this process has not, or with another value.
///
/// # Errors
/// Where the unit's file is there and cannot be read.
pub fn unseen_variables() -> io::Result<Vec<String>> {
    let text = match std::fs::read_to_string(ENVIRONMENT) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        text => text?,
    };
    let own = |name: &str| std::env::var_os(name).map(|value| value.to_string_lossy().into_owned());
    Ok(differing(&text, own))
}

/// The value of a variable in a file of them; `None` also where the file cannot be read. The last one counts.
pub(super) fn value_in(file: &Path, name: &str) -> Option<String> {
    let text = std::fs::read_to_string(file).ok()?;
    variables(&text).filter(|(found, _)| *found == name).last().map(|(_, value)| value.to_owned())
}

/// The names in a file of variables whose value is another one than `own` has.
fn differing(text: &str, own: impl Fn(&str) -> Option<String>) -> Vec<String> {
    let others = variables(text).filter(|(name, value)| own(name).as_deref() != Some(value));
    others.map(|(name, _)| name.to_owned()).collect()
}

fn variables(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let lines = text.lines().map(str::trim).filter(|line| !line.starts_with(['#', ';']));
    let variables = lines.filter_map(|line| line.split_once('='));
    variables.map(|(name, value)| (name.trim(), unquoted(value.trim())))
}

fn unquoted(value: &str) -> &str {
    let inner = |quote| value.strip_prefix(quote)?.strip_suffix(quote);
    inner('"').or_else(|| inner('\'')).unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::differing;

    #[test]
    fn variables_that_a_shell_has_not_are_named() {
        let text = "# ours\n\nAWS_REGION=eu-west-1\nA=\"b c\"\nB='x'\nSPARK_JOB_WORKER_LIVY__URL=http://x:1\n;C=1\nD\n";
        let own = |name: &str| match name {
            "A" => Some("b c".to_owned()),
            "B" => Some("y".to_owned()),
            _ => None,
        };
        assert_eq!(differing(text, own), ["AWS_REGION", "B", "SPARK_JOB_WORKER_LIVY__URL"]);
    }
}
