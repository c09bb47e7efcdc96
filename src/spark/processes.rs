//! This node's processes: a spark-submit outlives its Livy, and may still be uploading what it will submit.

use std::fs;

/// Whether the command line of any process of this node holds `tag`. Our own does not: it names no task.
///
/// Reads `/proc/*/cmdline`, which every user may read unless the mount hides other users' processes (`hidepid`).
/// Blocking: some milliseconds for some hundred processes.
pub fn carry(tag: &str) -> bool {
    let Ok(processes) = fs::read_dir("/proc") else { return false };
    processes.flatten().any(|process| {
        let is_process = process.file_name().to_string_lossy().bytes().all(|byte| byte.is_ascii_digit());
        is_process
            && fs::read(process.path().join("cmdline"))
                .is_ok_and(|line| line.windows(tag.len()).any(|part| part == tag.as_bytes()))
    })
}
