//! A failure's name, once more is known of it than that the driver failed.

use super::root_cause::uncaught;
use super::{DriverLog, ErrorName, yarn};

/// A failure's name by what YARN says of the driver's container (`ContainerExitStatus`), and by what the driver wrote.
pub fn refine(error: ErrorName, diagnostics: &str, driver: &DriverLog) -> ErrorName {
    if error != ErrorName::Failed {
        return error;
    }
    if let Some(launch) = yarn::launch_failure(diagnostics) {
        return if launch.own { ErrorName::Failed } else { ErrorName::NodeLost };
    }
    let exit = yarn::exit_status(diagnostics);
    if matches!(exit, Some(-104 | -103 | yarn::OUT_OF_MEMORY)) || yarn::memory_kill(diagnostics).is_some() {
        return ErrorName::OutOfMemory;
    }
    let own = uncaught(diagnostics, driver);
    if own.is_some_and(|cause| !cause.of_task && cause.sentence.starts_with("java.lang.OutOfMemoryError"))
        || (matches!(exit, Some(yarn::KILL | yarn::TERM)) && says_out_of_memory(diagnostics))
    {
        return ErrorName::OutOfMemory;
    }
    match exit {
        // Lost or released, disks failed, preempted, ended by the ResourceManager, or for a guaranteed container.
        Some(-102..=-100 | -106 | -108) => ErrorName::NodeLost,
        _ => error,
    }
}

/// The driver's `OutOfMemoryError`, and no task's.
fn says_out_of_memory(diagnostics: &str) -> bool {
    diagnostics.lines().any(|line| line.contains("java.lang.OutOfMemoryError") && !line.contains("Lost task"))
}
