//! The node, its systemd, and the unit.

use super::super::Finding;
use super::super::facts::{Facts, Systemd};
use crate::config::Role;

/// The oldest systemd whose words the unit has (Amazon Linux 2).
const OLDEST: u32 = 219;
/// The oldest systemd for which the drop-in is.
const HARDENED: u32 = 247;
/// `EX_CONFIG`: the worker ends with it, and systemd does not start it again.
const CONFIGURATION: &str = "78";

const INSTALL: &str = "run the release's install again: sudo bash install --archive … --sha256 …";
const WHY: &str = "sudo journalctl -u spark-job-worker -x -n 50 tells why";

pub(super) fn judge(facts: &Facts) -> Vec<Finding> {
    let systemd = &facts.systemd;
    let mut findings = vec![role(facts), version(systemd)];
    if systemd.has_unit() {
        findings.push(hardening(systemd));
        findings.push(user(facts));
    }
    findings.push(unit(systemd));
    findings
}

fn role(facts: &Facts) -> Finding {
    let name = &facts.node.name;
    match &facts.node.role {
        Role::Primary => Finding::ok("node", format!("a primary node of {name}")),
        Role::Other => Finding::fail(
            "node",
            format!("a core or task node of {name}: the worker belongs on the primary node"),
            "sudo bash /usr/local/lib/spark-job-worker/uninstall here, and install it on the primary node",
        ),
        Role::NotEmr => Finding::warn(
            "node",
            format!("{name} is no EMR node: there is no /mnt/var/lib/info/instance.json"),
            "run doctor on the cluster's primary node, unless the worker is meant to run here",
        ),
        Role::Unreadable(reason) => Finding::warn(
            "node",
            format!("its part in the cluster is not known: {reason}"),
            "look at it as root: sudo cat /mnt/var/lib/info/instance.json",
        ),
    }
}

fn version(systemd: &Systemd) -> Finding {
    match &systemd.version {
        Err(reason) => Finding::warn(
            "systemd",
            format!("systemctl cannot be asked: {reason}"),
            "the unit needs systemd; without it keep `spark-job-worker run` alive by other means",
        ),
        Ok(line) => match number(line) {
            Some(number) if number < OLDEST => Finding::fail(
                "systemd",
                format!("{line}: older than {OLDEST}"),
                "create the cluster with EMR 5.30 or newer, which has Amazon Linux 2 or 2023",
            ),
            Some(_) => Finding::ok("systemd", line),
            None => Finding::warn(
                "systemd",
                format!("its version is not known: {line}"),
                format!("see whether systemctl --version says {OLDEST} or more"),
            ),
        },
    }
}

/// `systemd 252 (252.23-2.amzn2023)`
fn number(line: &str) -> Option<u32> {
    let word = line.strip_prefix("systemd ")?.split_whitespace().next()?;
    let digits = word.find(|c: char| !c.is_ascii_digit()).map_or(word, |end| &word[..end]);
    digits.parse().ok()
}

fn hardening(systemd: &Systemd) -> Finding {
    let version = systemd.version.as_deref().ok().and_then(number).unwrap_or_default();
    if systemd.property("DropInPaths").contains("/10-hardening.conf") {
        Finding::ok("hardening", "the unit has its drop-in 10-hardening.conf")
    } else if version < HARDENED {
        Finding::ok("hardening", format!("no drop-in: it needs systemd {HARDENED}"))
    } else {
        Finding::warn("hardening", "the unit lacks its drop-in 10-hardening.conf", INSTALL)
    }
}

fn user(facts: &Facts) -> Finding {
    match facts.worker {
        Some(worker) => Finding::ok("user", format!("spark-job-worker has the number {}", worker.user)),
        None => Finding::fail("user", "there is no user spark-job-worker, whom the unit names", INSTALL),
    }
}

fn unit(systemd: &Systemd) -> Finding {
    if let Err(reason) = &systemd.unit {
        return Finding::warn(
            "unit",
            format!("systemd cannot be asked: {reason}"),
            "see whether it runs: systemctl is-system-running",
        );
    }
    let (load, state) = (systemd.property("LoadState"), systemd.property("ActiveState"));
    match (load, state) {
        ("loaded", "active") => running(systemd),
        ("loaded", "activating") if systemd.property("SubState") == "auto-restart" => Finding::fail(
            "unit",
            format!("it ends again and again (exit code {})", systemd.property("ExecMainStatus")),
            WHY,
        ),
        ("loaded", "activating" | "deactivating" | "reloading") => Finding::warn(
            "unit",
            format!("{state} ({}), restarted {} times", systemd.property("SubState"), restarts(systemd)),
            format!("run doctor again in a minute; if it stays so, {WHY}"),
        ),
        ("loaded", _) => stopped(systemd, state),
        ("masked", _) => Finding::fail(
            "unit",
            "masked: it cannot be started",
            "sudo systemctl unmask spark-job-worker && sudo systemctl enable --now spark-job-worker",
        ),
        ("" | "not-found", _) => Finding::warn(
            "unit",
            "not installed on this node",
            "sudo bash install --archive … --sha256 … --activity-arn …, as in the README",
        ),
        _ => Finding::fail(
            "unit",
            format!("systemd cannot use it ({load})"),
            "systemd-analyze verify spark-job-worker.service names the line",
        ),
    }
}

fn running(systemd: &Systemd) -> Finding {
    let enabled = systemd.property("UnitFileState");
    if systemd.property("NeedDaemonReload") == "yes" {
        return Finding::warn(
            "unit",
            "active, and its file has changed since",
            "sudo systemctl daemon-reload && sudo systemctl restart spark-job-worker; jobs run on",
        );
    }
    if enabled != "enabled" {
        return Finding::warn(
            "unit",
            format!("active, and {enabled}: a reboot ends it"),
            "sudo systemctl enable spark-job-worker",
        );
    }
    Finding::ok(
        "unit",
        format!("active ({}), restarted {} times", systemd.property("SubState"), restarts(systemd)),
    )
}

fn stopped(systemd: &Systemd, state: &str) -> Finding {
    let (result, status) = (systemd.property("Result"), systemd.property("ExecMainStatus"));
    if status == CONFIGURATION {
        return Finding::fail(
            "unit",
            format!("{state}: it ended with {CONFIGURATION}, because of the configuration or of Livy's mode"),
            format!("{WHY}; fix that, then: sudo systemctl restart spark-job-worker"),
        );
    }
    if state == "failed" {
        return Finding::fail(
            "unit",
            format!("failed ({result}, exit code {status})"),
            format!("{WHY}; then: sudo systemctl restart spark-job-worker"),
        );
    }
    Finding::warn("unit", format!("{state}: nobody polls"), "sudo systemctl enable --now spark-job-worker")
}

/// systemd 219 does not count.
fn restarts(systemd: &Systemd) -> &str {
    match systemd.property("NRestarts") {
        "" => "an unknown number of",
        number => number,
    }
}
