//! Spark's history server, where it is to be asked. Nothing depends on it, so nothing here fails.

use super::super::Finding;
use super::super::facts::{Configured, Facts, HistoryFacts};
use super::configuration::SUDO;
use crate::job::world::ServiceError;

const CHECK: &str = "spark-history";

/// None where it is not to be asked.
pub(super) fn judge(facts: &Facts, configured: &Configured) -> Option<Finding> {
    let HistoryFacts { addresses, version } = configured.history.as_ref()?;
    let path = &facts.configuration.path;
    Some(match (addresses, version) {
        (Err(unknown), _) if !facts.may_read() => Finding::warn(CHECK, &*unknown.why, SUDO),
        (Err(unknown), _) => Finding::warn(CHECK, &*unknown.why, &*unknown.fix),
        (Ok(found), Ok(version)) => Finding::ok(CHECK, format!("{} answers, Spark {version}", found.list())),
        (Ok(found), Err(ServiceError::Unavailable(reason))) => Finding::warn(
            CHECK,
            format!("{}: {reason}; ends are told without failed stages", found.list()),
            format!(
                "systemctl status spark-history-server, and its log in /var/log/spark. If it is elsewhere: history_url \
                 in [verify] of {path}"
            ),
        ),
        (Ok(found), Err(ServiceError::AccessDenied(reason) | ServiceError::Unsupported(reason))) => {
            let fix = format!(
                "correct [yarn] or [verify] in {path}, then: sudo systemctl restart spark-job-worker"
            );
            Finding::warn(CHECK, format!("{}: {reason}", found.list()), fix)
        }
    })
}
