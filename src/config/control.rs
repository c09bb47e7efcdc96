//! Where the running daemon is spoken to, also while the configuration is wrong.

use std::path::{Path, PathBuf};

use super::raw::{PREFIX, Raw, layers};
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
///
/// The daemon has the unit's variables, and who asks for it has not; they lie in a file beside the configuration.
pub fn control_socket(path: &Path) -> ControlSocket {
    let name = format!("{PREFIX}ADMIN__SOCKET");
    let own = || std::env::var_os(&name).map(PathBuf::from);
    let units = || environment::value_in(&path.with_file_name(VARIABLES), &name).map(PathBuf::from);
    if let Some(path) = own().or_else(units) {
        return ControlSocket { path, guessed: None };
    }
    let figment = layers(path);
    match figment.extract_inner("admin.socket") {
        Ok(path) => ControlSocket { path, guessed: None },
        Err(errors) => {
            let lines = errors.into_iter().map(|error| origin::describe(&figment, path, &error)).collect();
            let guessed = Some(Invalid(lines).to_string());
            ControlSocket { path: Raw::default().admin.socket, guessed }
        }
    }
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
}
