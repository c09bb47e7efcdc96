//! How every run is followed, as the configuration says.

use crate::config::Settings;
use crate::job::JobTimings;
use crate::job::verdict::VerdictTimeouts;

/// The rules for all runs.
pub(super) fn rules(settings: &Settings) -> JobTimings {
    let watch = &settings.watch;
    JobTimings {
        interval: watch.interval,
        waits: VerdictTimeouts {
            start_timeout: watch.start_timeout,
            lost_after: watch.lost_after,
            verdict_patience: watch.verdict_patience,
            submit_settle: watch.submit_settle,
        },
        doubt_limit: watch.doubt_limit,
        kill_settle: watch.kill_settle,
        patience: settings.livy.patience,
        session_keep: watch.session_keep,
    }
}
