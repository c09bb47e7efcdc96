//! The thread on a real directory.

use super::super::{Contents, encode};
use super::*;
use crate::job::Task;
use crate::job::machine::State;

const TASK: &str = "0123456789abcdef";

fn entry() -> (Task, State) {
    Task::orphan(TASK)
}

fn bytes() -> Vec<u8> {
    let (task, state) = entry();
    encode(&task, &state).expect("JSON")
}

fn start(directory: &std::path::Path) -> Writer {
    let (journal, Contents { .. }) = Journal::open(directory).expect("the journal opens");
    Writer::start(journal).expect("a thread")
}

#[tokio::test]
async fn what_is_asked_for_is_done_in_order_and_answered_when_it_is_done() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join(format!("{TASK}.task"));
    let writer = start(directory.path());
    assert_eq!(writer.read(TASK).await.expect("read"), None);
    writer.write(TASK, bytes()).await.expect("written");
    assert_eq!(std::fs::read(&path).expect("it is there"), bytes());
    let kept = writer.read(TASK).await.expect("read").expect("an entry");
    assert_eq!((kept.task, kept.state), entry());
    writer.remove(TASK).await.expect("removed");
    assert!(!path.exists());
    writer.probe().await.expect("it can be written");
}

#[test]
fn what_is_taken_at_once_is_done_in_order_too() {
    let directory = tempfile::tempdir().expect("a directory");
    let (journal, _) = Journal::open(directory.path()).expect("the journal opens");
    let (orders, taken) = mpsc::channel(8);
    let mut answers = Vec::new();
    let mut later = entry().0;
    later.execution = Some("later".to_owned());
    let later = encode(&later, &entry().1).expect("JSON");
    let gone = "fedcba9876543210";
    for (task, bytes) in [(TASK, bytes()), (gone, bytes()), (TASK, later)] {
        let (done, answer) = oneshot::channel();
        orders.try_send(Order::Write(task.to_owned(), bytes, done)).expect("room");
        answers.push(answer);
    }
    let (done, read) = oneshot::channel();
    orders.try_send(Order::Read(TASK.to_owned(), done)).expect("room");
    let (done, removed) = oneshot::channel();
    orders.try_send(Order::Remove(gone.to_owned(), done)).expect("room");
    answers.push(removed);
    drop(orders);
    work(&journal, taken);
    for mut answer in answers {
        answer.try_recv().expect("answered").expect("done");
    }
    let mut read = read;
    let read = read.try_recv().expect("answered").expect("read").expect("an entry");
    assert_eq!(read.task.execution.as_deref(), Some("later"));
    drop(journal);
    let (_, found) = Journal::open(directory.path()).expect("the journal opens");
    let found: Vec<_> = found.entries.into_iter().map(|entry| entry.task.id).collect();
    assert_eq!(found, [TASK]);
}

#[test]
fn a_short_entry_in_the_file_of_a_long_one_is_whole() {
    let directory = tempfile::tempdir().expect("a directory");
    let (journal, _) = Journal::open(directory.path()).expect("the journal opens");
    let mut spares = Spares::default();
    for length in [9_000, 0, 20, 5_000, 4_096, 0] {
        let (mut task, state) = entry();
        task.execution = Some("x".repeat(length));
        let written =
            journal.write_all(&mut spares, [(TASK.to_owned(), encode(&task, &state).expect("JSON"))]);
        written.into_iter().for_each(|written| written.expect("written"));
        let kept = journal.read_one(TASK).expect("read").expect("an entry");
        assert_eq!((kept.task, kept.state), (task, state));
    }
}

/// Of an entry that was put there by hand from a copy, the mode may differ, or the owner.
#[test]
fn a_file_that_was_not_made_here_does_not_become_an_entry_of_another_task() {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir().expect("a directory");
    let (journal, _) = Journal::open(directory.path()).expect("the journal opens");
    let path = |task: &str| directory.path().join(format!("{task}.task"));
    std::fs::write(path(TASK), "from a copy").expect("written");
    std::fs::set_permissions(path(TASK), std::fs::Permissions::from_mode(0o644)).expect("set");
    let mut spares = Spares::default();
    for task in [TASK, "fedcba9876543210", "00112233445566ff"] {
        let written = journal.write_all(&mut spares, [(task.to_owned(), bytes())]);
        written.into_iter().for_each(|written| written.expect("written"));
        let mode = std::fs::metadata(path(task)).expect("it is there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{task}");
    }
}

#[test]
fn nothing_but_entries_is_left_when_the_thread_ends() {
    let directory = tempfile::tempdir().expect("a directory");
    let (journal, _) = Journal::open(directory.path()).expect("the journal opens");
    let mut spares = Spares::default();
    let files = || {
        let files = std::fs::read_dir(directory.path()).expect("it can be listed");
        files.map(|file| file.expect("listed")).filter(|file| file.file_name() != "lock")
    };
    for _ in 0..3 {
        let entries = (0..4).map(|number| (format!("{number:016x}"), bytes()));
        journal
            .write_all(&mut spares, entries)
            .into_iter()
            .collect::<io::Result<Vec<()>>>()
            .expect("written");
    }
    assert_eq!(files().count(), 8, "the files of old entries are used again");
    spares.empty();
    let empty = files().filter(|file| file.metadata().expect("it is there").len() == 0).count();
    assert_eq!(empty, 4, "at rest they hold nothing");
    drop(spares);
    assert_eq!(files().count(), 4);
}

#[tokio::test]
async fn what_cannot_be_done_is_answered_with_the_reason_and_the_thread_goes_on() {
    let directory = tempfile::tempdir().expect("a directory");
    let writer = start(directory.path());
    for name in [format!("{TASK}.task"), format!("{TASK}.tmp"), "probe.tmp".to_owned()] {
        std::fs::create_dir(directory.path().join(name)).expect("made");
    }
    writer.write(TASK, bytes()).await.expect_err("a directory is in the way");
    writer.remove(TASK).await.expect_err("a directory stays");
    writer.read(TASK).await.expect_err("a directory is no entry");
    writer.probe().await.expect_err("nothing can be written");
    let other = "fedcba9876543210";
    writer.write(other, bytes()).await.expect("the thread goes on");
}

#[tokio::test]
async fn its_end_is_told_only_when_the_thread_has_ended() {
    let directory = tempfile::tempdir().expect("a directory");
    let writer = start(directory.path());
    let waits = tokio::time::timeout(std::time::Duration::from_millis(50), writer.ended());
    waits.await.expect_err("the thread runs");
    let (orders, taken) = mpsc::channel(1);
    drop(taken);
    Writer(orders).ended().await;
}

#[tokio::test]
async fn the_thread_ends_with_the_last_writer_and_frees_the_directory() {
    let directory = tempfile::tempdir().expect("a directory");
    let writer = start(directory.path());
    Journal::open(directory.path()).expect_err("one worker at a time");
    drop(writer);
    let free = async {
        while Journal::open(directory.path()).is_err() {
            tokio::task::yield_now().await;
        }
    };
    let limit = std::time::Duration::from_secs(10);
    tokio::time::timeout(limit, free).await.expect("the directory is free");
}
