//! Other programs that are asked something: the service manager above all.

use std::process::Stdio;

use tokio::process::Command;
use tokio::time::{Instant, timeout_at};

/// What a program prints, or why it does not.
///
/// That it complains on stderr makes a failure, not its exit code alone: the systemctl of systemd 219 (Amazon Linux 2)
/// ends with 1 after a whole `list-jobs` or `show`.
///
/// # Errors
/// For a person: it is not there, it fails, or it does not answer in time.
pub async fn output(by: Instant, program: &str, arguments: &[&str]) -> Result<String, String> {
    let mut command = Command::new(program);
    command.args(arguments).env("LC_ALL", "C").stdin(Stdio::null()).kill_on_drop(true);
    // Only this process may speak to the service manager for the unit.
    command.env_remove("NOTIFY_SOCKET");
    match timeout_at(by, command.output()).await {
        Ok(Ok(output)) if output.status.success() || output.stderr.is_empty() => {
            Ok(String::from_utf8_lossy(&output.stdout).into_owned())
        }
        Ok(Ok(output)) => {
            let reason = String::from_utf8_lossy(&output.stderr);
            Err(reason.lines().next().unwrap_or_default().trim().to_owned())
        }
        Ok(Err(error)) => Err(format!("{program}: {error}")),
        Err(_) => Err("it does not answer in time".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    async fn shell(script: &str) -> Result<String, String> {
        output(Instant::now() + Duration::from_secs(20), "sh", &["-c", script]).await
    }

    #[tokio::test]
    async fn a_complaint_makes_a_failure_and_an_exit_code_alone_does_not() {
        assert_eq!(shell("echo a; echo b").await, Ok("a\nb\n".to_owned()));
        assert_eq!(shell("echo a; echo warning >&2").await, Ok("a\n".to_owned()));
        assert_eq!(shell("echo a; exit 1").await, Ok("a\n".to_owned()));
        assert_eq!(shell("echo a; echo no >&2; echo more >&2; exit 1").await, Err("no".to_owned()));
    }

    #[tokio::test]
    async fn what_is_not_there_or_late_is_told() {
        let soon = Instant::now() + Duration::from_millis(20);
        assert_eq!(output(soon, "sleep", &["60"]).await, Err("it does not answer in time".to_owned()));
        let error = output(Instant::now(), "no-such-program", &[]).await.expect_err("not there");
        assert!(error.starts_with("no-such-program: "), "{error}");
    }
}
