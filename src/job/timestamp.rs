//! Wall time, as it is kept and reported.

use std::time::{Duration, UNIX_EPOCH};

/// The last moment that RFC 3339 can write, in milliseconds: a clock may be anywhere.
const LAST_MOMENT: u64 = 253_402_300_799_999;

/// Wall time in milliseconds since the Unix epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp(pub u64);

impl Timestamp {
    /// As people and machines read it, in UTC and whole seconds.
    pub fn rfc3339(self) -> String {
        let since = Duration::from_millis(self.0.min(LAST_MOMENT));
        humantime::format_rfc3339_seconds(UNIX_EPOCH + since).to_string()
    }

    /// Milliseconds from `earlier` to here; `None` where the clock was set back in between.
    pub fn millis_since(self, earlier: Timestamp) -> Option<u64> {
        self.0.checked_sub(earlier.0)
    }
}
