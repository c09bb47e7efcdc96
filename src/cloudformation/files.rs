//! One durable file a resource, in `resources/` below the state directory, under the journal's rules.
//!
//! The file of a resource is called by the 16 hex digits of its tag, mode 0600; it is written beside, synced, renamed
//! over the old one, and the directory is synced. A file that is whole and of an unknown shape stops the start. One that
//! cannot be read is kept as `….corrupt`, and the resource is one of which nothing is known: then its runs are found by
//! their tags alone, and verified for longer. Nothing was decided after it was written last, which its time of
//! modification tells; a request from before is not begun again. The journal's lock guards this directory, too.

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, File};
use std::future::Future;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use tokio::task::spawn_blocking;

use super::resource::{FORMAT, Resource, resource_id};
use crate::job::journal::{JournalError, Unreadable, read_bounded, replace};
use crate::job::tags::is_short_id;
use crate::job::timestamp::Timestamp;

/// The directory's name.
const DIRECTORY: &str = "resources";
/// How the name of a damaged file ends, and how once its resource is forgotten.
const CORRUPT: &str = ".corrupt";
const FORGOTTEN: &str = ".corrupt.old";

/// Where resources outlive the worker.
pub trait Store: Send + Sync + 'static {
    /// Makes a resource durable.
    fn write(&self, resource: &Resource) -> impl Future<Output = io::Result<()>> + Send;
    /// Forgets a resource.
    fn remove(&self, resource: &Resource) -> impl Future<Output = io::Result<()>> + Send;
}

impl Store for Arc<Files> {
    async fn write(&self, resource: &Resource) -> io::Result<()> {
        let (files, resource) = (Arc::clone(self), resource.clone());
        spawn_blocking(move || Files::write(&files, &resource)).await.map_err(io::Error::other)?
    }

    async fn remove(&self, resource: &Resource) -> io::Result<()> {
        let (files, resource) = (Arc::clone(self), resource.clone());
        spawn_blocking(move || Files::remove(&files, &resource)).await.map_err(io::Error::other)?
    }
}

/// The files of all resources. Blocking.
#[derive(Debug)]
pub struct Files {
    directory: PathBuf,
    handle: File,
}

/// What was in the directory.
#[derive(Debug, Default)]
pub struct Found {
    /// The resources, in no order.
    pub resources: Vec<Resource>,
    /// The names of files that could not be read, with the reason and what became of them.
    pub corrupt: Vec<(String, String)>,
    /// The ids of resources whose files could not be read, now or earlier, and are not written anew: when they were
    /// written last.
    pub lost: BTreeMap<String, Timestamp>,
}

impl Found {
    /// A file could not be read. The later of two decides.
    fn lose(&mut self, name: &str, written: Timestamp) {
        let lost = self.lost.entry(name.to_owned()).or_insert(written);
        *lost = written.max(*lost);
    }
}

impl Files {
    /// Whether the directory is there.
    pub fn are_in(state: &Path) -> bool {
        state.join(DIRECTORY).is_dir()
    }

    /// Opens the directory, makes it if it is not there, and reads it.
    ///
    /// # Errors
    /// [`JournalError`]: newer, foreign, or not usable.
    pub fn open(state: &Path) -> Result<(Files, Found), JournalError> {
        let directory = state.join(DIRECTORY);
        let failed = |what| {
            let path = directory.clone();
            move |source| JournalError::Io { what, path, source }
        };
        DirBuilder::new().recursive(true).mode(0o700).create(&directory).map_err(failed("making"))?;
        let handle = File::open(&directory).map_err(failed("opening"))?;
        let names: io::Result<Vec<PathBuf>> =
            fs::read_dir(&directory).and_then(|files| files.map(|file| Ok(file?.path())).collect());
        let names = names.map_err(failed("reading"))?;
        let files = Files { directory, handle };
        let mut found = Found::default();
        for path in names {
            files.read(&path, &mut found)?;
        }
        for resource in &found.resources {
            found.lost.remove(&resource_id(&resource.stack_id, &resource.logical_id));
        }
        Ok((files, found))
    }

    fn read(&self, path: &Path, found: &mut Found) -> Result<(), JournalError> {
        let failed = |what| move |source| JournalError::Io { what, path: path.to_owned(), source };
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if name.strip_suffix(".tmp").is_some_and(is_short_id) {
            return fs::remove_file(path).map_err(failed("removing"));
        }
        if let Some(name) = name.strip_suffix(CORRUPT).filter(|name| is_short_id(name)) {
            found.lose(name, written(path).map_err(failed("reading"))?);
            return Ok(());
        }
        if !is_short_id(name) {
            return Ok(());
        }
        let reason = match look(path, name).map_err(failed("reading"))? {
            Ok(resource) => {
                found.resources.push(resource);
                return Ok(());
            }
            Err(Unreadable::Newer(version)) => {
                return Err(JournalError::Newer { path: path.to_owned(), version, reads: FORMAT });
            }
            Err(Unreadable::Foreign(reason)) => {
                return Err(JournalError::Foreign { path: path.to_owned(), reason });
            }
            Err(Unreadable::Malformed(reason)) => reason,
        };
        found.lose(name, written(path).map_err(failed("reading"))?);
        let kept = match fs::rename(path, self.path(name, CORRUPT)) {
            Ok(()) => format!("it is kept as {name}.corrupt"),
            Err(error) => format!("the file cannot be renamed: {error}"),
        };
        found.corrupt.push((name.to_owned(), format!("{reason}; {kept}")));
        Ok(())
    }

    /// Makes a resource durable.
    ///
    /// # Errors
    /// What the system says: the old file, if any, is untouched.
    pub fn write(&self, resource: &Resource) -> io::Result<()> {
        let name = resource_id(&resource.stack_id, &resource.logical_id);
        let temporary = self.path(&name, ".tmp");
        let written = replace(&temporary, &self.path(&name, ""), &resource.encode()?);
        if written.is_err() {
            // What is left of it would only take room; the next start removes it, too.
            let _ = fs::remove_file(&temporary);
        }
        written?;
        self.handle.sync_all()
    }

    /// Forgets a resource, and that a file of it was lost: a damaged copy stays under another name. Not synced: what comes
    /// back is only looked at once more.
    ///
    /// # Errors
    /// What the system says; that there is no file is none.
    pub fn remove(&self, resource: &Resource) -> io::Result<()> {
        let name = resource_id(&resource.stack_id, &resource.logical_id);
        let gone = |done: io::Result<()>| match done {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        };
        gone(fs::rename(self.path(&name, CORRUPT), self.path(&name, FORGOTTEN)))?;
        gone(fs::remove_file(self.path(&name, "")))
    }

    fn path(&self, name: &str, end: &str) -> PathBuf {
        self.directory.join(format!("{name}{end}"))
    }
}

/// When a file was written last.
fn written(path: &Path) -> io::Result<Timestamp> {
    let since = fs::metadata(path)?.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default();
    Ok(Timestamp(u64::try_from(since.as_millis()).unwrap_or(u64::MAX)))
}

/// The resource in the file of this name, or why there is none.
fn look(path: &Path, name: &str) -> io::Result<Result<Resource, Unreadable>> {
    let decoded = read_bounded(path)?.and_then(|bytes| Resource::decode(&bytes));
    Ok(decoded.and_then(|resource| {
        let is_its_own = resource_id(&resource.stack_id, &resource.logical_id) == name;
        let wrong = || Unreadable::Malformed("it holds another resource's".to_owned());
        is_its_own.then_some(resource).ok_or_else(wrong)
    }))
}

/// What a look at the files tells.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Inspection {
    /// Resources whose answered jobs may still run, as far as this version can read their files.
    pub standing: usize,
    /// The files that it cannot read, with the reason.
    pub unreadable: Vec<(PathBuf, String)>,
}

/// Looks at the files below the state directory. Changes nothing, and takes no lock: the version that is to be replaced
/// runs meanwhile.
///
/// # Errors
/// What the system says where it does not let the directory or a file be read.
pub fn inspect(state: &Path) -> io::Result<Inspection> {
    let mut inspection = Inspection::default();
    let files = match fs::read_dir(state.join(DIRECTORY)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(inspection),
        files => files?,
    };
    for file in files {
        let path = file?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if !is_short_id(name) {
            continue;
        }
        let told = match look(&path, name) {
            // It was removed meanwhile.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            looked => match looked? {
                Ok(resource) => {
                    inspection.standing += usize::from(resource.stands());
                    continue;
                }
                Err(Unreadable::Newer(version)) => {
                    JournalError::Newer { path: path.clone(), version, reads: FORMAT }.to_string()
                }
                Err(Unreadable::Foreign(reason)) => {
                    JournalError::Foreign { path: path.clone(), reason }.to_string()
                }
                Err(Unreadable::Malformed(reason)) => {
                    format!("{} cannot be read by this version: {reason}", path.display())
                }
            },
        };
        inspection.unreadable.push((path, told));
    }
    Ok(inspection)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use tempfile::TempDir;

    use super::*;
    use crate::cloudformation::resource::tests::of_every_kind;

    fn directory() -> TempDir {
        tempfile::tempdir().expect("a directory can be had")
    }

    fn open(state: &Path) -> (Files, Found) {
        Files::open(state).expect("it opens")
    }

    fn name() -> String {
        let resource = of_every_kind();
        resource_id(&resource.stack_id, &resource.logical_id)
    }

    #[test]
    fn what_is_written_is_there_after_a_restart_and_what_is_removed_is_not() {
        let state = directory();
        let (files, found) = open(state.path());
        assert!(found.resources.is_empty() && found.corrupt.is_empty());
        files.write(&of_every_kind()).expect("written");
        let path = state.path().join("resources").join(name());
        assert_eq!(fs::metadata(&path).expect("there").permissions().mode() & 0o777, 0o600);
        assert_eq!(open(state.path()).1.resources, [of_every_kind()]);
        files.remove(&of_every_kind()).expect("removed");
        files.remove(&of_every_kind()).expect("gone already");
        assert!(open(state.path()).1.resources.is_empty());
    }

    #[test]
    fn half_a_file_is_removed_a_damaged_one_is_kept_aside_and_others_are_left() {
        let state = directory();
        let (files, _) = open(state.path());
        files.write(&of_every_kind()).expect("written");
        let at = |name: &str| state.path().join("resources").join(name);
        let bytes = fs::read(at(&name())).expect("there");
        fs::write(at(&format!("{}.tmp", name())), "half").expect("written");
        fs::write(at("README"), "not ours").expect("written");
        fs::write(at("0123456789abcdef"), &bytes).expect("written");
        fs::write(at(&name()), &bytes[..bytes.len() / 2]).expect("written");
        let (_, found) = open(state.path());
        assert!(found.resources.is_empty());
        let mut reasons: Vec<&str> = found.corrupt.iter().map(|(_, reason)| reason.as_str()).collect();
        reasons.sort_unstable();
        assert!(reasons[0].contains("another resource's"), "{reasons:?}");
        assert!(reasons[1].contains("checksum is wrong; it is kept as"), "{reasons:?}");
        assert!(at("README").exists() && !at(&format!("{}.tmp", name())).exists());
        assert_eq!(fs::read(at(&format!("{}.corrupt", name()))).expect("kept"), bytes[..bytes.len() / 2]);
        let again = open(state.path()).1;
        assert!(again.corrupt.is_empty(), "it is told once");
        assert!(
            again.lost == found.lost && found.lost.contains_key(&name()),
            "and known until it is written anew"
        );
        files.write(&of_every_kind()).expect("written");
        assert!(!open(state.path()).1.lost.contains_key(&name()));
        files.remove(&of_every_kind()).expect("removed");
        assert!(!open(state.path()).1.lost.contains_key(&name()), "nor once it is forgotten");
        assert!(at(&format!("{}.corrupt.old", name())).exists());
    }

    #[test]
    fn a_file_of_another_version_stops_the_start_and_stays() {
        let state = directory();
        let (files, _) = open(state.path());
        files.write(&of_every_kind()).expect("written");
        let path = state.path().join("resources").join(name());
        fs::write(&path, "spark-job-worker-resource 2 x\n").expect("written");
        let error = Files::open(state.path()).expect_err("too new").to_string();
        assert!(error.contains("format 2, this one reads 1"), "{error}");
        fs::write(&path, crate::job::journal::seal("spark-job-worker-resource", 1, b"{}")).expect("written");
        let error = Files::open(state.path()).expect_err("foreign");
        assert!(matches!(error, JournalError::Foreign { .. }), "{error}");
        assert!(path.exists());
    }

    #[test]
    fn an_installer_is_told_of_what_the_new_version_cannot_read_and_nothing_is_changed() {
        let state = directory();
        assert_eq!(inspect(state.path()).expect("no directory"), Inspection::default());
        let (files, _) = open(state.path());
        files.write(&of_every_kind()).expect("written");
        let at = |name: &str| state.path().join("resources").join(name);
        fs::write(at("0123456789abcdef.tmp"), "half").expect("written");
        let seen = inspect(state.path()).expect("read");
        assert_eq!((seen.standing, seen.unreadable.len()), (1, 0), "it has an answered job");
        fs::write(at("0123456789abcdef"), "spark-job-worker-resource 2 x\n").expect("written");
        fs::write(at("0123456789abcde0"), "x").expect("written");
        let mut told: Vec<String> =
            inspect(state.path()).expect("read").unreadable.into_iter().map(|(_, told)| told).collect();
        told.sort_unstable();
        assert_eq!(told.len(), 2, "{told:?}");
        assert!(told[0].contains("cannot be read by this version"), "{told:?}");
        assert!(told[1].contains("format 2, this one reads 1"), "{told:?}");
        assert!(at("0123456789abcde0").exists() && at("0123456789abcdef.tmp").exists());
    }

    #[test]
    fn a_write_that_fails_leaves_nothing_behind() {
        let state = directory();
        let (files, _) = open(state.path());
        let path = state.path().join("resources").join(name());
        fs::create_dir(&path).expect("made");
        files.write(&of_every_kind()).expect_err("a directory is not replaced");
        fs::remove_dir(&path).expect("removed");
        assert_eq!(fs::read_dir(state.path().join("resources")).expect("there").count(), 0);
    }
}
