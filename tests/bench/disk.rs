//! The disk of a node: a file system with a journal, in a file of its own.
//!
//! Where it cannot be had, files are where the system has its temporary ones, and what depends on the disk is left out:
//! ext4 without a journal, which virtual machines have, goes through all files that were deleted within the last minutes,
//! whoever deleted them, for each new one (`find_inode_bit` in its `ialloc.c`).

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// What is mounted for the run.
static MOUNTED: OnceLock<PathBuf> = OnceLock::new();

/// Why there is none.
pub(crate) const NO_MOUNT: &str =
    "no file system can be mounted here (CAP_SYS_ADMIN, mkfs.ext4, a loop device)";

/// Takes the disk away when the run ends, and its file with it.
pub(crate) struct Disk(tempfile::TempDir);

impl Disk {
    /// Every stage that is made afterwards has its files there. None where it cannot be mounted.
    pub(crate) fn mount() -> Option<Disk> {
        let directory = tempfile::tempdir().expect("a directory");
        let (image, place) = (directory.path().join("image"), directory.path().join("disk"));
        std::fs::create_dir(&place).expect("made");
        let file = std::fs::File::create(&image).expect("made");
        // Of which is taken what is written.
        file.set_len(1 << 30).expect("room");
        let is_done = |command: &mut Command| command.output().is_ok_and(|output| output.status.success());
        let is_mounted = is_done(Command::new("mkfs.ext4").args(["-q", "-F"]).arg(&image))
            && is_done(Command::new("mount").args(["-o", "loop"]).arg(&image).arg(&place));
        is_mounted.then(|| {
            MOUNTED.set(place).expect("one disk a run");
            Disk(directory)
        })
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(self.0.path().join("disk")).status();
    }
}

/// Where the disk is, if there is one.
pub(crate) fn mounted() -> Option<&'static Path> {
    MOUNTED.get().map(PathBuf::as_path)
}
