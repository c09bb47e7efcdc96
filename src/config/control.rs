//! Where the daemon is spoken to and where its journal is, also while the configuration is wrong.

use std::path::{Path, PathBuf};

use super::raw::{PREFIX, Raw, layers};
use super::resolve::NOT_WHOLE;
use super::{Invalid, environment, origin};

/// Where the unit's `EnvironmentFile` lies: beside the configuration.
const VARIABLES: &str = "environment";

/// The daemon's control socket, as far as it can be known.
#[derive(Debug, PartialEq, Eq)]
pub struct ControlSocket {
    /// Where it is.
    pub path: PathBuf,
    /// Why it is the default one without anybody having said so: what keeps the configuration from being read.
    pub guessed: Option<String>,
}

/// Finds the socket of the daemon that runs with the configuration at `path`. Nothing else in it needs to be right.
pub fn control_socket(path: &Path) -> ControlSocket {
    match one(path, "admin.socket") {
        Ok(path) => ControlSocket { path, guessed: None },
        Err(reason) => ControlSocket { path: Raw::default().admin.socket, guessed: Some(reason.to_string()) },
    }
}

/// Finds the journal of the daemon that runs with the configuration at `path`. Nothing else in it needs to be right.
///
/// # Errors
/// [`Invalid`] where it cannot be known. A guess is worth nothing here: where no task is found, somebody removes.
pub fn state_directory(path: &Path) -> Result<PathBuf, Invalid> {
    let directory = one(path, "state.directory")?;
    if directory.is_absolute() {
        Ok(directory)
    } else {
        Err(Invalid(vec![format!("state.directory {NOT_WHOLE}")]))
    }
}

/// A path in the configuration, whatever else is wrong there.
///
/// The daemon has the unit's variables, and who asks has not; they lie in a file beside the configuration.
fn one(path: &Path, key: &str) -> Result<PathBuf, Invalid> {
    let name = format!("{PREFIX}{}", key.to_uppercase().replace('.', "__"));
    let own = || std::env::var_os(&name).map(PathBuf::from);
    let units = || environment::value_in(&path.with_file_name(VARIABLES), &name).map(PathBuf::from);
    if let Some(path) = own().or_else(units) {
        return Ok(path);
    }
    let figment = layers(path);
    figment.extract_inner(key).map_err(|errors| {
        Invalid(errors.into_iter().map(|error| origin::describe(&figment, path, &error)).collect())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The socket that is found with this configuration and these variables of the unit; `None` for no file.
    #[track_caller]
    fn check(config: Option<&str>, variables: Option<&str>, expected: &str, is_guessed: bool) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("config.toml");
        let write = |path: &Path, text: Option<&str>| {
            if let Some(text) = text {
                std::fs::write(path, text).unwrap();
            }
        };
        write(&path, config);
        write(&directory.path().join("environment"), variables);
        let found = control_socket(&path);
        assert_eq!(
            (found.path.to_str().unwrap(), found.guessed.is_some()),
            (expected, is_guessed),
            "{found:?}"
        );
    }

    #[test]
    fn the_socket_is_found_whatever_else_is_wrong() {
        let default = "/run/spark-job-worker/control.sock";
        check(Some(""), None, default, false);
        check(Some("[admin]\nsocket = \"/x/own.sock\"\n"), None, "/x/own.sock", false);
        let broken = "bogus = 1\n[livy]\nurl = 7\n[admin]\nlisten = \"?\"\nsocket = \"/x/own.sock\"\n";
        check(Some(broken), None, "/x/own.sock", false);
        check(Some("[admin]\nsocket = 7\n"), None, default, true);
        check(Some("[admin\n"), None, default, true);
        check(None, None, default, true);
    }

    #[test]
    fn the_units_variables_come_before_the_file() {
        let variables =
            "# of the unit\nAWS_REGION=eu-west-1\nSPARK_JOB_WORKER_ADMIN__SOCKET=\"/x/unit.sock\"\n";
        for config in [Some("[admin]\nsocket = \"/x/own.sock\"\n"), Some("[admin\n"), None] {
            check(config, Some(variables), "/x/unit.sock", false);
        }
    }

    #[test]
    fn the_journal_is_found_whatever_else_is_wrong_and_never_guessed() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("config.toml");
        let found = |text: &str| {
            std::fs::write(&path, text).unwrap();
            state_directory(&path).ok()
        };
        assert_eq!(found(""), Some("/var/lib/spark-job-worker".into()));
        assert_eq!(found("state = { directory = '/x/a \"b\"' }\nbogus = 1"), Some("/x/a \"b\"".into()));
        for unknown in ["[state", "[state]\ndirectory = 7", "[state]\ndirectory = \"x\""] {
            assert_eq!(found(unknown), None, "{unknown}");
        }
        let variable = "SPARK_JOB_WORKER_STATE__DIRECTORY='/x/unit'";
        std::fs::write(path.with_file_name(VARIABLES), variable).unwrap();
        assert_eq!(found("[state"), Some("/x/unit".into()));
    }
}
