//! How every run is followed, as the configuration says.

use crate::config::Settings;
use crate::job::Rules;
use crate::job::verdict::Waits;

/// The rules for all runs.
pub(super) fn rules(settings: &Settings) -> Rules {
    let watch = &settings.watch;
    Rules {
        interval: watch.interval,
        waits: Waits {
            start_timeout: watch.start_timeout,
            lost_after: watch.lost_after,
            verdict_patience: watch.verdict_patience,
            submit_settle: watch.submit_settle,
        },
        doubt_limit: watch.doubt_limit,
        kill_settle: watch.kill_settle,
        patience: settings.livy.patience,
    }
}
