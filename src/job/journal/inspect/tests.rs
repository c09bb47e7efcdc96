//! A look at directories in every condition.

use std::sync::atomic::{AtomicBool, Ordering};

use super::super::{Journal, Spares, encode};
use super::*;
use crate::job::Task;

fn whole(task: &str) -> Vec<u8> {
    let (task, state) = Task::orphan(task);
    encode(&task, &state).expect("JSON")
}

#[test]
fn each_file_is_counted_as_what_it_is_and_the_others_are_not_looked_at() {
    let directory = tempfile::tempdir().expect("a directory");
    let put = |name: &str, bytes: &[u8]| fs::write(directory.path().join(name), bytes).expect("written");
    for task in ["0000000000000001", "0000000000000002"] {
        put(&format!("{task}.task"), &whole(task));
    }
    put("0000000000000003.task", b"garbage");
    put("0000000000000004.task", b"spark-job-worker 99 00\n{}");
    put("0000000000000005.corrupt", b"garbage");
    put("0000000000000006.corrupt", b"garbage");
    put("notes.task", b"not ours");
    put("0000000000000007.txt", b"not ours");
    put("lock", b"");
    let seen = inspect(directory.path()).expect("it can be read");
    assert_eq!((seen.tasks, seen.unreadable.len(), seen.corrupt), (2, 2, 2), "{seen:?}");
}

#[test]
fn a_directory_that_is_not_there_has_nothing_and_one_that_is_none_is_said() {
    let directory = tempfile::tempdir().expect("a directory");
    let seen = inspect(&directory.path().join("missing")).expect("nothing is there");
    assert_eq!((seen.tasks, seen.unreadable.len(), seen.corrupt), (0, 0, 0));
    let file = directory.path().join("file");
    fs::write(&file, "").expect("written");
    inspect(&file).expect_err("a file is no directory");
}

#[test]
fn an_entry_that_is_gone_when_its_turn_comes_is_settled_and_one_that_cannot_be_read_is_said() {
    let directory = tempfile::tempdir().expect("a directory");
    // A link that leads nowhere is what an entry is that was removed after it was listed.
    std::os::unix::fs::symlink("nowhere", directory.path().join("0000000000000001.task")).expect("linked");
    assert_eq!(inspect(directory.path()).expect("it can be read").tasks, 0);
    fs::create_dir(directory.path().join("0000000000000002.task")).expect("made");
    inspect(directory.path()).expect_err("a directory is no entry");
}

#[test]
fn an_entry_whose_place_is_taken_while_it_is_read_is_not_broken() {
    // In memory, where a sync takes no time: between opening and reading a file, its place is taken often.
    let directory = tempfile::tempdir_in("/dev/shm").expect("a directory");
    let (journal, _) = Journal::open(directory.path()).expect("the journal opens");
    let (task, state) = Task::orphan("0123456789abcdef");
    let bytes = encode(&task, &state).expect("JSON");
    journal.write(&task, &state).expect("written");
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut spares = Spares::default();
            while !stop.load(Ordering::Relaxed) {
                let written = journal.write_all(&mut spares, [(task.id.clone(), bytes.clone())]);
                written.into_iter().for_each(|written| written.expect("written"));
            }
        });
        let broken = (0..20_000).find_map(|_| {
            let seen = inspect(directory.path()).expect("it can be read");
            (seen.tasks != 1).then_some(seen)
        });
        stop.store(true, Ordering::Relaxed);
        assert!(broken.is_none(), "{broken:?}");
    });
}
