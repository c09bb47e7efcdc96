//! From facts to findings.

mod aws;
mod cluster;
mod configuration;
mod daemon;
mod history;
mod node;
mod queues;
mod state;

use super::Finding;
use super::facts::Facts;

/// The checks that need a configuration.
const NEED_CONFIGURATION: [&str; 7] =
    ["daemon", "credentials", "activity", "livy", "yarn", "state-directory", "disk"];

/// A finding for each check, in the order in which an operator goes about it.
pub(super) fn judge(facts: &Facts) -> Vec<Finding> {
    let mut findings = node::judge(facts);
    findings.extend(configuration::judge(facts));
    match &facts.configured {
        Some(configured) => {
            findings.extend(daemon::judge(facts, configured));
            findings.extend(aws::judge(facts, configured));
            findings.extend(queues::judge(facts, configured));
            findings.extend(cluster::judge(facts, configured));
            findings.extend(history::judge(facts, configured));
            findings.extend(state::judge(facts, &configured.state));
        }
        None => {
            let why = "not looked at, because the configuration cannot be had";
            findings.extend(NEED_CONFIGURATION.map(|check| Finding::skip(check, why)));
        }
    }
    findings
}

#[cfg(test)]
mod tests;
