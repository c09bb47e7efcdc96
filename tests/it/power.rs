//! What was said to be durable, on real file systems: one that is cut off from its device, as when the node loses its
//! power, and one that is nearly full.
//!
//! Needs the right to mount; who has none is told that the tests are skipped.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::rc::Rc;

use spark_job_worker::job::Task;
use spark_job_worker::job::journal::{Journal, Writer, encode};
use spark_job_worker::job::timestamp::Timestamp;
use tokio::task::{JoinSet, LocalSet};

use crate::disk::{Mounted, fill};

/// Tasks whose entries are written at the same time, in batches of changing sizes.
const TASKS: u64 = 40;
/// After how many writes of all tasks the power goes. The first are of new entries alone.
const LIVES: [u64; 6] = [1, 17, 60, 200, 477, 1_100];

/// For each task the last write that was answered, and the last that was asked for.
type Written = Rc<RefCell<BTreeMap<String, (Option<u64>, u64)>>>;

#[tokio::test]
async fn what_is_kept_is_there_after_the_power_went_away() {
    let directory = tempfile::tempdir().expect("a directory");
    let image = directory.path().join("image");
    fs::File::create(&image).and_then(|file| file.set_len(64 << 20)).expect("made");
    run("mkfs.ext4", &["-q", "-F", image.to_str().expect("UTF-8")]);
    let state = directory.path().join("state");
    fs::create_dir(&state).expect("made");
    for writes in LIVES {
        let Some(mounted) = Mounted::at(&state, &["-o", "loop", image.to_str().expect("UTF-8")]) else {
            return;
        };
        let written = until_the_power_goes(&state, writes).await;
        mounted.taken_away().await;
        let _mounted = Mounted::at(&state, &["-o", "loop", image.to_str().expect("UTF-8")]);
        let (journal, found) = Journal::open(&state).expect("the journal opens");
        assert_eq!(found.corrupt, [], "after {writes} writes");
        let found: BTreeMap<_, _> =
            found.entries.into_iter().map(|entry| (entry.task.id, entry.task.received.0)).collect();
        for (task, (answered, asked)) in written.borrow().iter() {
            let found = found.get(task).copied();
            assert!(
                found >= *answered && found <= Some(*asked),
                "{task} has {found:?} of {answered:?} to {asked}"
            );
        }
        for task in found.keys() {
            journal.remove(task).expect("removed");
        }
    }
}

#[tokio::test]
async fn entries_that_come_at_once_need_no_more_room_than_one_after_the_other() {
    let directory = tempfile::tempdir().expect("a directory");
    let state = directory.path().join("state");
    let Some(_mounted) = mounted(&state, &formatted(directory.path(), 16)) else { return };
    let (journal, _) = Journal::open(&state).expect("the journal opens");
    let writer = Writer::start(journal).expect("a thread");
    for round in 0..4 {
        let (tasks, mut written) = (LocalSet::new(), JoinSet::new());
        for number in 0..20 {
            let (mut task, stage) = Task::orphan(&format!("{number:016x}"));
            let writer = writer.clone();
            task.received = Timestamp(round);
            task.execution = Some("x".repeat(9_000));
            let write = async move { writer.write(&task.id, encode(&task, &stage).expect("JSON")).await };
            written.spawn_local_on(write, &tasks);
        }
        for written in tasks.run_until(written.join_all()).await {
            written.unwrap_or_else(|error| panic!("round {round}: {error}"));
        }
        if round == 0 {
            // Room for a few of them is left.
            let filler = fs::File::options().write(true).open(fill(&state)).expect("it is there");
            let length = filler.metadata().expect("it is there").len();
            filler.set_len(length - (64 << 10)).and_then(|()| filler.sync_all()).expect("made shorter");
        }
    }
}

/// Writes entries of all tasks, each as soon as the one before is answered, until nothing can be written any more.
async fn until_the_power_goes(state: &Path, writes: u64) -> Written {
    let (journal, found) = Journal::open(state).expect("the journal opens");
    assert_eq!(found.entries, [], "each life begins with none");
    let writer = Writer::start(journal).expect("a thread");
    let written = Written::default();
    let (tasks, mut lives) = (LocalSet::new(), JoinSet::new());
    for number in 0..TASKS {
        let (mut task, stage) = Task::orphan(&format!("{number:016x}"));
        let (writer, written, state) = (writer.clone(), Rc::clone(&written), state.to_owned());
        let life = async move {
            for count in 0.. {
                task.received = Timestamp(count);
                // Of all lengths up to a few blocks, so that a longer entry follows a shorter one and the other way round.
                task.execution = Some("x".repeat(usize::try_from(count * 1_777 % 9_000).expect("small")));
                written.borrow_mut().entry(task.id.clone()).or_default().1 = count;
                let answer = writer.write(&task.id, encode(&task, &stage).expect("JSON")).await;
                if answer.is_err() {
                    return;
                }
                written.borrow_mut().get_mut(&task.id).expect("asked for").0 = Some(count);
                let answered: u64 =
                    written.borrow().values().map(|(last, _)| last.map_or(0, |last| last + 1)).sum();
                if answered == writes {
                    cut(&state);
                }
            }
        };
        lives.spawn_local_on(life, &tasks);
    }
    tasks.run_until(lives.join_all()).await;
    written
}

/// A file that holds an empty file system of so many MB.
fn formatted(directory: &Path, size: u64) -> PathBuf {
    let image = directory.join("image");
    fs::File::create(&image).and_then(|file| file.set_len(size << 20)).expect("made");
    run("mkfs.ext4", &["-q", "-F", image.to_str().expect("UTF-8")]);
    image
}

fn mounted(state: &Path, image: &Path) -> Option<Mounted> {
    fs::create_dir_all(state).expect("made");
    Mounted::at(state, &["-o", "loop", image.to_str().expect("UTF-8")])
}

/// The file system forgets at once what has not reached its device (`EXT4_IOC_SHUTDOWN` without a flush of its log).
fn cut(state: &Path) {
    const CUT: &str = r#"open(my $top, "<", $ARGV[0]) or die $!; my $how = pack("I", 2); ioctl($top, 0x8004587D, $how) or die $!"#;
    run("perl", &["-e", CUT, state.to_str().expect("UTF-8")]);
}

fn run(program: &str, arguments: &[&str]) {
    let output = Command::new(program).args(arguments).output().expect("it can be run");
    assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
}
