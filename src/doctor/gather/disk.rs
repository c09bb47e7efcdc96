//! Looks at the state directory. Nothing is written there, not even to try: a daemon may be using it. Owner, mode and the
//! mount say whether the worker's user can write, and the daemon tries it itself.

use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::fs::{StatVfsMountFlags, statfs, statvfs};

use super::super::facts::{DirectoryFacts, JournalFacts, Room, StateFacts, Unread};
use super::ownership;
use crate::job::journal;

/// File systems that lie in memory (statfs(2)): tmpfs and ramfs.
const IN_MEMORY: [u64; 2] = [0x0102_1994, 0x8584_58f6];

/// Everything about a directory.
pub(super) fn state(path: &Path) -> StateFacts {
    let about = match std::fs::metadata(path) {
        Ok(about) => Ok(Some(about)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.to_string()),
    };
    let owner = about.as_ref().ok().and_then(Option::as_ref).map(MetadataExt::uid);
    StateFacts {
        path: path.display().to_string(),
        directory: about.map(|found| {
            found.map(|about| DirectoryFacts { is_directory: about.is_dir(), owner: ownership(&about) })
        }),
        room: room(path).map_err(|error| error.to_string()),
        journal: entries(path, owner),
    }
}

/// Where a look at a directory does not come back.
pub(super) fn hung(path: String) -> StateFacts {
    let why = "its file system does not answer in time".to_owned();
    StateFacts {
        path,
        directory: Err(why.clone()),
        room: Err(why.clone()),
        journal: Err(Unread::Trouble(why)),
    }
}

/// The file system on which a path is or would be.
fn room(path: &Path) -> io::Result<Room> {
    let place = path.ancestors().find(|place| place.exists()).unwrap_or(Path::new("/"));
    let about = statvfs(place)?;
    #[expect(clippy::cast_sign_loss, reason = "a magic number, whose type differs between machines")]
    let kind = statfs(place)?.f_type as u64 & 0xffff_ffff;
    Ok(Room {
        bytes: about.f_bavail.saturating_mul(about.f_frsize),
        files: (about.f_files > 0).then_some(about.f_favail),
        read_only: about.f_flag.contains(StatVfsMountFlags::RDONLY),
        in_memory: IN_MEMORY.contains(&kind),
    })
}

fn entries(path: &Path, owner: Option<u32>) -> Result<JournalFacts, Unread> {
    let unread = |error: io::Error| {
        let denied = error.kind() == io::ErrorKind::PermissionDenied;
        if denied { Unread::Denied } else { Unread::Trouble(error.to_string()) }
    };
    let found = journal::inspect(path).map_err(unread)?;
    Ok(JournalFacts {
        tasks: found.tasks,
        unreadable: found.unreadable.into_iter().map(|(_, told)| told).collect(),
        corrupt: found.corrupt,
        foreign: owner.and_then(|owner| foreign(path, owner)),
    })
}

/// A file of another owner: left by somebody who once ran the worker as root.
fn foreign(path: &Path, owner: u32) -> Option<String> {
    let files = std::fs::read_dir(path).ok()?;
    let mut files = files.filter_map(|file| file.ok());
    let file = files.find(|file| file.metadata().is_ok_and(|about| about.uid() != owner))?;
    Some(file.path().display().to_string())
}
