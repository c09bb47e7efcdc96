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
