//! Panics as lines of the log.
//!
//! They take the place of what std writes to stderr, which waits where nobody reads that.

use std::panic::{self, PanicHookInfo};
use std::thread;

use tracing::{error, field};

use super::message_id;

/// From here on a panic on any thread is a line of the log, with the fields of the spans around it.
pub(super) fn log() {
    panic::set_hook(Box::new(tell));
}

fn tell(panic: &PanicHookInfo<'_>) {
    error!(
        message_id = message_id::PANICKED,
        thread = thread::current().name(),
        location = panic.location().map(field::display),
        "a bug: {}",
        panic.payload_as_str().unwrap_or("a panic without words")
    );
}
