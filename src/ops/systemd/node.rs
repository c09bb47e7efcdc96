//! Whether the node goes down for good: a queued poweroff or halt. A reboot brings the worker back, and is none.

use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;
use tokio::time::timeout;
use tracing::warn;

/// The service manager answers within milliseconds, and a stop must not wait for it.
const PATIENCE: Duration = Duration::from_secs(2);

/// Asks the service manager. Where it does not answer, the stop is an ordinary one.
pub async fn goes_down() -> bool {
    let mut command = Command::new("systemctl");
    command.args(["list-jobs", "--no-legend", "--no-pager"]).env("LC_ALL", "C");
    // Only this process may speak to the service manager for the unit.
    command.env_remove("NOTIFY_SOCKET").stdin(Stdio::null()).kill_on_drop(true);
    match timeout(PATIENCE, command.output()).await {
        Ok(Ok(output)) if output.status.success() => is_leaving(&String::from_utf8_lossy(&output.stdout)),
        Ok(Ok(output)) => {
            let words = String::from_utf8_lossy(&output.stderr);
            warn!("whether the node goes down cannot be asked: {}; this counts as a restart", words.trim());
            false
        }
        Ok(Err(error)) => {
            warn!("whether the node goes down cannot be asked: {error}; this counts as a restart");
            false
        }
        Err(_) => {
            warn!("whether the node goes down is not answered in time; this counts as a restart");
            false
        }
    }
}

/// A list of jobs: number, unit, type, state.
fn is_leaving(jobs: &str) -> bool {
    jobs.lines().any(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        words.contains(&"start") && (words.contains(&"poweroff.target") || words.contains(&"halt.target"))
    })
}

#[cfg(test)]
mod tests {
    use super::is_leaving;

    #[test]
    fn a_poweroff_and_a_halt_are_for_good_and_a_reboot_is_not() {
        let jobs = |target: &str| {
            format!("  201 spark-job-worker.service stop  running\n  154 {target}          start waiting\n")
        };
        assert!(is_leaving(&jobs("poweroff.target")));
        assert!(is_leaving(&jobs("halt.target")));
        assert!(!is_leaving(&jobs("reboot.target")));
        assert!(!is_leaving("  9 poweroff.target stop waiting\n"));
        assert!(!is_leaving(""));
    }
}
