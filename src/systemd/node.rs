//! Whether the node is being shut down for good: a queued poweroff or halt. A reboot does not count, because the worker
//! starts again.

use std::time::Duration;

use tokio::time::Instant;
use tracing::warn;

use crate::command;

/// The service manager answers within milliseconds, and a stop must not wait for it.
const PATIENCE: Duration = Duration::from_secs(2);

/// Asks the service manager. Where it does not answer, the stop is an ordinary one.
pub async fn is_powering_off() -> bool {
    let by = Instant::now() + PATIENCE;
    match command::output(by, "systemctl", &["list-jobs", "--no-legend", "--no-pager"]).await {
        Ok(jobs) => is_leaving(&jobs),
        Err(reason) => {
            warn!(
                "it cannot be found out whether the node is powering off: {reason}; this stop counts as a restart"
            );
            false
        }
    }
}

/// A list of jobs: number, unit, type, state.
fn is_leaving(jobs: &str) -> bool {
    jobs.lines().any(|line| {
        let reason: Vec<&str> = line.split_whitespace().collect();
        reason.contains(&"start") && (reason.contains(&"poweroff.target") || reason.contains(&"halt.target"))
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
