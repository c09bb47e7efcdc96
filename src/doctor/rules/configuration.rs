//! The configuration, and what the unit has besides.

use super::super::Finding;
use super::super::facts::{Account, Configuration, Facts, Ownership};
use crate::config::ENVIRONMENT;

/// What a user is told that may not read the configuration.
pub(super) const SUDO: &str = "run it as root: sudo spark-job-worker doctor";

pub(super) fn judge(facts: &Facts) -> Vec<Finding> {
    let configuration = &facts.configuration;
    let mut findings = vec![content(facts)];
    if let Some(file) = configuration.file {
        findings.push(mode(&configuration.path, file, facts.worker));
    }
    findings.extend(environment(configuration));
    findings.extend(waits(facts));
    findings
}

fn content(facts: &Facts) -> Finding {
    let configuration = &facts.configuration;
    let path = &configuration.path;
    let fix =
        || format!("fix {path}, then: spark-job-worker check && sudo systemctl restart spark-job-worker");
    if let Some(wrong) = &configuration.wrong {
        return match configuration.denied {
            true => Finding::warn("configuration", format!("{path} may not be read"), SUDO),
            false => Finding::fail("configuration", wrong, fix()),
        };
    }
    match &configuration.files {
        Some(wrong) if !facts.may_read() => Finding::warn("configuration", wrong, SUDO),
        Some(wrong) => Finding::fail("configuration", wrong, fix()),
        None => Finding::ok("configuration", format!("{path} is good")),
    }
}

/// A user that can write the file can have the daemon talk to another Livy.
fn mode(path: &str, file: Ownership, worker: Option<Account>) -> Finding {
    let Ownership { user, group, mode } = file;
    let chmod = format!("sudo chown root:root {path} && sudo chmod 644 {path}");
    if mode & 0o002 != 0 {
        return Finding::fail(
            "configuration-mode",
            format!("{path} has mode {mode:04o}: all may write it"),
            chmod,
        );
    }
    if let Some(worker) = worker {
        let of_group = group == worker.group;
        let reads = match user == worker.user {
            true => mode & 0o400 != 0,
            false => mode & 0o004 != 0 || (of_group && mode & 0o040 != 0),
        };
        if !reads {
            let found = format!("{path} has mode {mode:04o}: the user spark-job-worker cannot read it");
            return Finding::fail("configuration-mode", found, chmod);
        }
        if user == worker.user || (of_group && mode & 0o020 != 0) {
            let found = format!("{path} can be written by the user spark-job-worker itself");
            return Finding::warn("configuration-mode", found, chmod);
        }
    }
    Finding::ok("configuration-mode", format!("{mode:04o}"))
}

/// Waits that are shorter than what is shipped keep less of what the worker promises.
fn waits(facts: &Facts) -> Option<Finding> {
    let short = facts.configured.as_ref()?.settings.warnings();
    let fix = format!(
        "take these keys out of {}, then: sudo systemctl restart spark-job-worker",
        facts.configuration.path
    );
    (!short.is_empty()).then(|| Finding::warn("waits", short.join("; "), fix))
}

/// What the unit has in its environment, this command does not see by itself.
fn environment(configuration: &Configuration) -> Option<Finding> {
    let again = format!("sudo sh -c 'set -a; . {ENVIRONMENT}; spark-job-worker doctor'");
    match &configuration.unseen {
        Ok(names) if names.is_empty() => None,
        Ok(names) => Some(Finding::warn(
            "environment",
            format!(
                "the unit also sets {} from {ENVIRONMENT}; this run of doctor does not use them",
                names.join(", ")
            ),
            format!("look with them: {again}"),
        )),
        Err(reason) => {
            Some(Finding::warn("environment", format!("{ENVIRONMENT} cannot be read: {reason}"), again))
        }
    }
}
