//! A state directory that is full, read-only or none: no task is taken that could not be kept, and what runs goes on.
//!
//! Needs the right to mount; who has none is told which tests are skipped.

use std::fs;
use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use stand_ins::WaitFor;
use stand_ins::livy::Plan;
use stand_ins::sfn::TaskId;
use stand_ins::worker::{Worker, command};

use crate::crash::{forgotten, in_state};
use crate::harness::{PROGRAM, Stage, text};
use crate::history::{ended, file, kept_before, written};
use crate::lifecycle::hear;

/// `message_id::DISK`.
const DISK: &str = "330ce531cda74ff3b1281a27b79f0975";
const OTHER: &str = r#"{"Name":"other","File":"s3://b/other.py"}"#;

/// Whether this process has `CAP_SYS_ADMIN` (bit 21).
fn may_mount() -> bool {
    let status = fs::read_to_string("/proc/self/status").expect("this process");
    let capabilities = status.lines().find_map(|line| line.strip_prefix("CapEff:")).expect("a line of them");
    u64::from_str_radix(capabilities.trim(), 16).expect("hexadecimal") & (1 << 21) != 0
}

/// Something that is mounted; dropping it takes it away, whatever still uses it.
pub(crate) struct Mounted(PathBuf);

impl Mounted {
    pub(crate) fn at(path: &Path, arguments: &[&str]) -> Option<Mounted> {
        if !may_mount() {
            println!("skipped: without CAP_SYS_ADMIN nothing can be mounted");
            return None;
        }
        let output = Command::new("mount").args(arguments).arg(path).output().expect("mount can be run");
        assert!(output.status.success(), "mount says {}", String::from_utf8_lossy(&output.stderr).trim());
        Some(Mounted(path.to_owned()))
    }

    /// Takes it away once nothing uses it any more.
    pub(crate) async fn taken_away(self) {
        let limit = Duration::from_secs(20);
        let gone = async {
            while !Command::new("umount").arg(&self.0).output().expect("umount can be run").status.success() {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(limit, gone).await.expect("nothing uses it");
        std::mem::forget(self);
    }

    /// A small file system of its own.
    fn small(path: &Path) -> Option<Mounted> {
        fs::create_dir_all(path).expect("made");
        Mounted::at(path, &["-t", "tmpfs", "-o", "size=256k,mode=700", "tmpfs"])
    }

    /// The same directory over itself, and nothing can be written to it: what "remount" does not do to open files.
    fn read_only(path: &Path) -> Option<Mounted> {
        let bound = Mounted::at(path, &["--bind", path.to_str().expect("UTF-8")])?;
        let remounted = Command::new("mount").args(["-o", "remount,bind,ro"]).arg(path).status();
        assert!(remounted.expect("mount runs").success());
        Some(bound)
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}

/// Fills a file system to the last block.
pub(crate) fn fill(directory: &Path) -> PathBuf {
    let path = directory.join("filler");
    let mut file = fs::File::create(&path).expect("there is room for a name");
    while file.write_all(&[b'.'; 4096]).is_ok() {}
    path
}

/// A stage whose worker has a notification socket and one job that runs until it is told to end.
struct Scene {
    stage: Stage,
    worker: Worker,
    socket: UnixDatagram,
    running: TaskId,
    name: String,
}

impl Scene {
    async fn new(stage: Stage) -> Scene {
        stage.sfn.hold_polls(Duration::from_millis(200));
        stage.livy.plan_for("etl-", Plan::manual());
        stage.livy.plan_for("other-", Plan::success());
        let path = stage.directory.path().join("notify");
        let socket = UnixDatagram::bind(&path).expect("a socket");
        socket.set_read_timeout(Some(Duration::from_secs(20))).expect("a timeout");
        let config = stage.directory.path().join("config.toml");
        fs::write(&config, stage.config().text()).expect("written");
        let variables = [("NOTIFY_SOCKET", path.to_str().expect("UTF-8"))];
        let worker = Worker::start_with(Path::new(PROGRAM), &config, &variables);
        let running = stage.task();
        let name = stage.submitted("etl-").await;
        in_state(&stage, "Running", 1).await;
        stage.polling().await;
        Scene { stage, worker, socket, running, name }
    }

    /// Nothing can be written from here on: what comes is given back, what runs goes on, nothing more is taken.
    /// Returns what waits to be taken.
    async fn nothing_can_be_kept(&self) -> Vec<TaskId> {
        let stage = &self.stage;
        let (error, cause) = stage.failure(&stage.schedule(OTHER)).await;
        assert_eq!(error, "SparkJob.WorkerFault");
        let words = text(&cause["message"]);
        assert!(words.contains("state directory") && words.contains("nothing was submitted"), "{cause}");
        let line = self.worker.logged("the state directory cannot be written");
        assert!(line["level"] == "ERROR" && line.to_string().contains(DISK), "{line}");
        hear(&self.socket, "STATUS=Waiting for the state directory to be writable");

        // A poll that was open already still gets its answer; its task is given back as well, and no poll follows.
        let mut waiting = vec![stage.schedule(OTHER)];
        let beats = stage.sfn.heartbeats(&self.running).len();
        stage.sfn.wait_for(|sfn| sfn.heartbeats(&self.running).len() >= beats + 2, None).await;
        if stage.sfn.handed_out(&waiting[0]).is_some() {
            assert_eq!(stage.failure(&waiting.remove(0)).await.0, "SparkJob.WorkerFault");
        }
        let polls = stage.sfn.polls(&stage.arn);
        waiting.push(stage.schedule(OTHER));
        stage.livy.set_state(&self.name, "success");
        stage.output(&self.running).await;
        assert_eq!(stage.sfn.polls(&stage.arn), polls, "no task is polled");
        assert_eq!(stage.livy.posts_named("other-").len(), 0);
        waiting
    }

    /// Everything can be written again: what waited is taken without anybody's doing.
    async fn all_is_well_again(&self, waiting: &[TaskId]) {
        self.worker.logged("the state directory can be written again");
        for task in waiting {
            self.stage.output(task).await;
        }
        assert_eq!(self.worker.count("the state directory cannot be written"), 1, "said once");
        assert_eq!(self.stage.livy.posts_named("other-").len(), waiting.len());
        hear(&self.socket, "STATUS=Polling");
    }
}

#[tokio::test]
async fn a_full_disk_stops_polling_and_nothing_else_until_there_is_room() {
    let stage = Stage::new().await;
    let directory = stage.config().state;
    let Some(_mounted) = Mounted::small(&directory) else { return };
    let scene = Scene::new(stage).await;
    let filler = fill(&directory);
    let waiting = scene.nothing_can_be_kept().await;
    fs::remove_file(filler).expect("removed");
    scene.all_is_well_again(&waiting).await;
    forgotten(&scene.stage).await;
}

#[tokio::test]
async fn a_read_only_directory_stops_polling_and_nothing_else_until_it_can_be_written() {
    let stage = Stage::new().await;
    let directory = stage.config().state;
    let Some(_mounted) = Mounted::small(&directory) else { return };
    let scene = Scene::new(stage).await;
    let Some(read_only) = Mounted::read_only(&directory) else { return };
    let waiting = scene.nothing_can_be_kept().await;
    scene.worker.logged(&format!("the entry of {} cannot be removed", scene.name));
    drop(read_only);
    scene.all_is_well_again(&waiting).await;
    // The entry of the first job could not be removed, and is gone all the same: no restart takes its task up again.
    forgotten(&scene.stage).await;
    assert_eq!(scene.stage.livy.applications().len(), 1 + waiting.len());
    // Reported again, perhaps, and taken once.
    let reports = scene.stage.sfn.reports(&scene.running);
    assert_eq!(reports.iter().filter(|report| report.status == Some(200)).count(), 1);
}

#[tokio::test]
async fn a_worker_that_starts_on_a_full_disk_takes_no_task_until_there_is_room() {
    let stage = Stage::new().await;
    let directory = stage.config().state;
    let Some(_mounted) = Mounted::small(&directory) else { return };
    let filler = fill(&directory);
    let worker = stage.worker();
    let task = stage.schedule(OTHER);
    worker.logged("the state directory cannot be written");
    worker.logged("Livy answers");
    assert_eq!(stage.sfn.handed_out(&task), None);
    fs::remove_file(filler).expect("removed");
    stage.output(&task).await;
}

#[tokio::test]
async fn jobs_are_taken_over_on_a_full_disk_too() {
    let stage = Stage::new().await;
    let directory = stage.config().state;
    let Some(_mounted) = Mounted::small(&directory) else { return };
    let mut scene = Scene::new(stage).await;
    scene.worker.kill();
    fill(&directory);
    let worker = scene.stage.worker();
    worker.logged("the state directory cannot be written");
    scene.stage.livy.set_state(&scene.name, "success");
    scene.stage.output(&scene.running).await;
    assert_eq!(scene.stage.livy.posts().len(), 1);
}

#[tokio::test]
async fn finished_tasks_that_a_full_disk_does_not_take_are_shown_from_memory_and_kept_once_there_is_room() {
    let stage = Stage::new().await;
    let directory = stage.config().state;
    let Some(_mounted) = Mounted::small(&directory) else { return };
    // More than the room that the entry of a task leaves when it goes.
    kept_before(&stage, 100);
    let scene = Scene::new(stage).await;
    let (stage, worker) = (&scene.stage, &scene.worker);
    let filler = fill(&directory);
    stage.livy.set_state(&scene.name, "success");
    stage.output(&scene.running).await;
    let line = worker.logged("the finished tasks cannot be kept in");
    assert_eq!(line["level"], "WARN", "{line}");
    // What an open poll brings is given back, and is the next that cannot be kept.
    let given_back = stage.schedule(OTHER);
    ended(stage, worker, 101).await;
    fs::remove_file(filler).expect("removed");
    scene.worker.logged("the state directory can be written again");
    let last = stage.schedule(OTHER);
    for task in [given_back, last] {
        stage.sfn.outcome(&task).await;
    }
    ended(stage, worker, 103).await;
    worker.logged("are kept in");
    written(stage, 103).await;
    assert_eq!(worker.count("the finished tasks cannot be kept in"), 1, "said once");
    assert_eq!(fs::metadata(file(stage)).expect("a file").permissions().mode() & 0o777, 0o600);
}

#[tokio::test]
async fn a_state_directory_that_cannot_be_one_ends_the_start_with_1_and_the_reason() {
    let stage = Stage::new().await;
    let file = stage.directory.path().join("file");
    fs::write(&file, "").expect("written");
    for path in [file.clone(), file.join("below/state")] {
        ends_with_1(&stage, &path, &["Not a directory", "File exists"]);
    }
    let small = stage.directory.path().join("small");
    let Some(_mounted) = Mounted::small(&small) else { return };
    let Some(_read_only) = Mounted::read_only(&small) else { return };
    for path in [small.clone(), small.join("below")] {
        ends_with_1(&stage, &path, &["Read-only file system"]);
    }
    assert_eq!(stage.sfn.count("GetActivityTask"), 0);
}

/// root may write everywhere, so the worker is started as somebody else: a directory that belongs to root is what a start
/// by hand with sudo leaves behind.
#[tokio::test]
async fn a_state_directory_of_another_owner_ends_the_start_with_1_and_the_reason() {
    let stage = Stage::new().await;
    let root = fs::metadata("/proc/self").expect("this process").uid() == 0;
    let everybody = |path: &Path| fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("set");
    everybody(stage.directory.path());
    let config = stage.directory.path().join("config.toml");
    let program = stage.directory.path().join("spark-job-worker");
    // The directory of the build may be closed to others.
    fs::copy(PROGRAM, &program).expect("copied");
    everybody(&program);
    for mode in [0o700, 0o755] {
        let state = stage.directory.path().join(format!("state-{mode:o}"));
        fs::create_dir(&state).expect("made");
        // Without root nobody else's directory can be made; one's own can be closed.
        let closed = if root { mode } else { mode & 0o577 };
        fs::set_permissions(&state, fs::Permissions::from_mode(closed)).expect("set");
        let mut settings = stage.config();
        settings.state.clone_from(&state);
        fs::write(&config, settings.text()).expect("written");
        let command = if root {
            let mut command = command(Path::new("setpriv"));
            command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(&program);
            command
        } else {
            command(&program)
        };
        let mut worker = Worker::start_by(command, &config);
        assert_eq!(worker.ended().code(), Some(1), "{mode:o}");
        let log: String = worker.lines().iter().map(Value::to_string).collect();
        assert!(log.contains(&*state.to_string_lossy()) && log.contains("Permission denied"), "{log}");
        assert!(log.contains("[state] directory"), "what to look at: {log}");
        assert_eq!(
            fs::read_dir(&state).map(Iterator::count).unwrap_or_default(),
            0,
            "nothing was left there"
        );
        if !root {
            everybody(&state);
        }
    }
    assert_eq!(stage.sfn.count("GetActivityTask"), 0);
}

/// Starts a worker there, which ends with 1 and names the directory, one of the reasons, and what to look at.
fn ends_with_1(stage: &Stage, directory: &Path, reasons: &[&str]) {
    let mut config = stage.config();
    config.state = directory.to_owned();
    let mut worker = stage.worker_with(&config);
    assert_eq!(worker.ended().code(), Some(1), "{}", directory.display());
    let log: String = worker.lines().iter().map(Value::to_string).collect();
    assert!(log.contains(&*directory.to_string_lossy()) && log.contains("[state] directory"), "{log}");
    assert!(reasons.iter().any(|reason| log.contains(reason)), "{log}");
}
