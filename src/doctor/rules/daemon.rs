//! The daemon: whether it answers, and what it says of itself.

use super::super::Finding;
use super::super::facts::{Configured, DaemonFacts, Facts};
use super::configuration::SUDO;

pub(super) fn judge(facts: &Facts, configured: &Configured) -> Vec<Finding> {
    let mut findings = of_daemon(facts, configured);
    if let DaemonFacts::Answers(now) = &configured.daemon
        && let Some(paused) = &now.paused
    {
        // Somebody wants it so, and may have forgotten.
        let note = format!("{}; to go on: sudo spark-job-worker resume", paused.line(!now.queues.is_empty()));
        findings.push(Finding::ok("pause", note));
    }
    findings
}

fn of_daemon(facts: &Facts, configured: &Configured) -> Vec<Finding> {
    match &configured.daemon {
        DaemonFacts::Answers(now) if now.problems.is_empty() && now.version == env!("CARGO_PKG_VERSION") => {
            vec![Finding::ok("daemon", now.line())]
        }
        DaemonFacts::Answers(now) if now.problems.is_empty() => vec![Finding::warn(
            "daemon",
            format!("version {} runs, and this is {}", now.version, env!("CARGO_PKG_VERSION")),
            "sudo systemctl restart spark-job-worker; jobs run on",
        )],
        DaemonFacts::Answers(now) => {
            let fix = "see the other lines; its own: sudo journalctl -u spark-job-worker -p warning -x -n 20";
            now.problems.iter().map(|problem| Finding::warn("daemon", problem, fix)).collect()
        }
        DaemonFacts::Absent(reason) => {
            vec![Finding::warn("daemon", reason, "sudo systemctl start spark-job-worker")]
        }
        DaemonFacts::Denied => {
            vec![Finding::warn("daemon", "it answers root and the worker's user alone", SUDO)]
        }
        DaemonFacts::Silent(reason) if facts.may_read() => vec![Finding::warn(
            "daemon",
            format!("it does not answer: {reason}"),
            "systemctl status spark-job-worker; if it hangs: sudo systemctl restart spark-job-worker, jobs run on",
        )],
        DaemonFacts::Silent(reason) => {
            vec![Finding::warn("daemon", format!("it does not answer: {reason}"), SUDO)]
        }
    }
}
