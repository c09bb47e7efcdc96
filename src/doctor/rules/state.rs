//! The state directory, the journal in it, and the room for it.

use super::super::Finding;
use super::super::facts::{DirectoryFacts, Facts, JournalFacts, Ownership, Room, StateFacts, Unread};
use super::configuration::SUDO;

/// An input of 1 MB is an entry of up to 2 MB, and there are 20 places: less than this, and entries begin to fail.
const TOO_LITTLE: u64 = 100 << 20;
/// The root volume of a busy node fills by so much within hours.
const LITTLE: u64 = 1 << 30;
/// Each task has a file, and a temporary one while it is written.
const TOO_FEW_FILES: u64 = 1_000;

pub(super) fn judge(facts: &Facts, state: &StateFacts) -> Vec<Finding> {
    let mut findings = vec![directory(facts, state)];
    if matches!(state.directory, Ok(Some(_))) {
        findings.push(journal(state));
    }
    findings.push(room(state));
    findings
}

fn directory(facts: &Facts, state: &StateFacts) -> Finding {
    let path = &state.path;
    let make = format!("sudo install -d -m 700 -o spark-job-worker -g spark-job-worker {path}");
    let found = match &state.directory {
        Err(reason) if facts.may_read() => {
            return Finding::fail(
                "state-directory",
                format!("{path}: {reason}"),
                format!("look at it: sudo ls -ld {path}"),
            );
        }
        Err(reason) => return Finding::warn("state-directory", format!("{path}: {reason}"), SUDO),
        Ok(None) if facts.systemd.has_unit() => {
            return Finding::fail("state-directory", format!("{path} is not there"), make);
        }
        Ok(None) => {
            let fix = "nothing to do before the first start, which makes it; the installer does, too";
            return Finding::warn("state-directory", format!("{path} is not there"), fix);
        }
        Ok(Some(found)) => found,
    };
    let DirectoryFacts { is_directory, owner: Ownership { user, mode, .. } } = *found;
    if !is_directory {
        let fix = format!("move it away: sudo mv {path} {path}.aside && {make}");
        return Finding::fail("state-directory", format!("{path} is no directory"), fix);
    }
    // Without a user of its own the worker runs as the one that starts it.
    let wanted = facts.worker.map_or(facts.me, |worker| worker.user);
    if user != wanted {
        let fix = match facts.worker {
            Some(_) => format!("sudo chown -R spark-job-worker:spark-job-worker {path}"),
            None => format!("sudo chown -R {wanted} {path}, or run the worker as the user {user}"),
        };
        return Finding::fail(
            "state-directory",
            format!("{path} belongs to the user {user}, and the worker is {wanted}"),
            fix,
        );
    }
    let chmod = format!("sudo chmod 700 {path}");
    if mode & 0o300 != 0o300 {
        return Finding::fail(
            "state-directory",
            format!("{path} has mode {mode:04o}: its owner cannot write"),
            chmod,
        );
    }
    if mode & 0o077 != 0 {
        let found = format!("{path} has mode {mode:04o}: tokens and inputs are for the worker alone");
        return Finding::warn("state-directory", found, chmod);
    }
    Finding::ok("state-directory", format!("{path} is the worker's own, {mode:04o}"))
}

fn journal(state: &StateFacts) -> Finding {
    let path = &state.path;
    let JournalFacts { tasks, unreadable, corrupt, foreign } = match &state.journal {
        Ok(journal) => journal,
        Err(Unread::Denied) => {
            return Finding::warn("journal", format!("{path} is for root and the worker's user alone"), SUDO);
        }
        Err(Unread::Trouble(reason)) => {
            return Finding::fail(
                "journal",
                format!("{path}: {reason}"),
                "sudo dmesg | tail tells what the disk says",
            );
        }
    };
    if let Some(first) = unreadable.first() {
        let fix =
            "install the version again that wrote them; a start of this one stops, or gives their jobs up";
        return Finding::fail(
            "journal",
            format!("entries that cannot be read: {}; {first}", unreadable.len()),
            fix,
        );
    }
    if let Some(file) = foreign {
        let fix = format!("sudo chown -R --reference={path} {path}");
        return Finding::fail("journal", format!("{file} does not belong to the directory's owner"), fix);
    }
    if *corrupt > 0 {
        let fix = format!(
            "their jobs were killed: see sudo journalctl -u spark-job-worker -x, then sudo rm {path}/*.corrupt"
        );
        return Finding::warn("journal", format!("copies of entries that could not be read: {corrupt}"), fix);
    }
    Finding::ok("journal", format!("tasks: {tasks}"))
}

fn room(state: &StateFacts) -> Finding {
    let path = &state.path;
    let room = match &state.room {
        Ok(room) => room,
        Err(reason) => {
            return Finding::fail("disk", format!("{path}: {reason}"), format!("look at it: df -h {path}"));
        }
    };
    let Room { bytes, files, read_only, in_memory } = *room;
    if read_only {
        let fix = "sudo dmesg | tail tells why; then remount it: sudo mount -o remount,rw <where>";
        return Finding::fail("disk", format!("{path} is mounted read-only"), fix);
    }
    let free = format!("{} MB free", bytes >> 20);
    let clear = format!("make room: sudo du -xh --max-depth=3 / | sort -h | tail -n 20, and df -h {path}");
    if bytes < TOO_LITTLE {
        return Finding::fail("disk", format!("{free} for {path}: tasks cannot be kept"), clear);
    }
    if let Some(files) = files.filter(|files| *files < TOO_FEW_FILES) {
        let fix =
            format!("remove small files: sudo du --inodes -x / | sort -n | tail -n 20, and df -i {path}");
        return Finding::fail("disk", format!("room for {files} more files"), fix);
    }
    if in_memory {
        let fix = "put [state] directory onto a disk, such as /var/lib/spark-job-worker";
        return Finding::warn("disk", format!("{path} lies in memory: a reboot loses the tasks"), fix);
    }
    if bytes < LITTLE {
        return Finding::warn("disk", format!("{free} for {path}"), clear);
    }
    Finding::ok("disk", free)
}
