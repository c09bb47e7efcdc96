//! This node's processes: a spark-submit outlives its Livy, and may still be uploading what it will submit.

use std::fs;
use std::io;
use std::path::Path;

use crate::job::world::TagOnNode;

/// Whether the command line of any process of this node holds `tag`. Our own does not: it names no task.
///
/// Reads `/proc/*/cmdline`, which every user may read unless the mount hides other users' processes (`hidepid`, proc(5)):
/// then nothing follows from what is not seen. Blocking: some milliseconds for some hundred processes.
pub fn carry(tag: &str) -> TagOnNode {
    carried_in(Path::new("/proc"), tag)
}

fn carried_in(proc: &Path, tag: &str) -> TagOnNode {
    let Ok(entries) = fs::read_dir(proc) else { return TagOnNode::Unknown };
    let mut unreadable = false;
    let mut first_is_seen = false;
    for entry in entries {
        let Ok(entry) = entry else { return TagOnNode::Unknown };
        let name = entry.file_name();
        if !name.to_string_lossy().bytes().all(|byte| byte.is_ascii_digit()) {
            continue;
        }
        // Process 1 belongs to root and never ends: who does not see it does not see others' processes.
        first_is_seen |= name == "1";
        match fs::read(entry.path().join("cmdline")) {
            Ok(line) if line.windows(tag.len()).any(|part| part == tag.as_bytes()) => return TagOnNode::Yes,
            Ok(_) => {}
            // It has ended meanwhile (ESRCH is what a dying process says).
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) if error.raw_os_error() == Some(ESRCH) => {}
            Err(_) => unreadable = true,
        }
    }
    if unreadable || !first_is_seen { TagOnNode::Unknown } else { TagOnNode::No }
}

/// No such process (errno(3), Linux).
const ESRCH: i32 = 3;

#[cfg(test)]
mod tests {
    use super::*;

    fn process(proc: &Path, id: &str, line: &str) {
        fs::create_dir(proc.join(id)).expect("a directory");
        fs::write(proc.join(id).join("cmdline"), line).expect("a command line");
    }

    #[test]
    fn a_tag_is_found_and_its_absence_is_believed_only_where_all_processes_are_seen() {
        let proc = tempfile::tempdir().expect("a directory");
        process(proc.path(), "7", "java\0-Dx=1\0");
        fs::create_dir(proc.path().join("sys")).expect("what is no process");
        assert_eq!(carried_in(proc.path(), "sjw-0"), TagOnNode::Unknown, "process 1 is hidden");
        process(proc.path(), "1", "/sbin/init\0");
        assert_eq!(carried_in(proc.path(), "sjw-0"), TagOnNode::No);
        process(proc.path(), "8", "java\0--conf\0spark.yarn.tags=a,sjw-0\0");
        assert_eq!(carried_in(proc.path(), "sjw-0"), TagOnNode::Yes);
        assert_eq!(carried_in(&proc.path().join("missing"), "sjw-0"), TagOnNode::Unknown);
    }

    #[test]
    fn a_command_line_that_cannot_be_read_proves_nothing_and_one_that_is_gone_is_none() {
        let proc = tempfile::tempdir().expect("a directory");
        process(proc.path(), "1", "/sbin/init\0");
        fs::create_dir(proc.path().join("9")).expect("a process that has just ended");
        assert_eq!(carried_in(proc.path(), "sjw-0"), TagOnNode::No);
        // Reading a directory fails, for root as well.
        fs::create_dir_all(proc.path().join("10/cmdline")).expect("a directory");
        assert_eq!(carried_in(proc.path(), "sjw-0"), TagOnNode::Unknown);
    }
}
