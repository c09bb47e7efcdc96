//! The processes of this node as `src/spark/processes.rs` reads them, against a real one.
//!
//! A file of its own, because the answer will get a third value.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use spark_job_worker::job::world::TagOnNode;
use spark_job_worker::spark::processes;

/// A process that waits until its standard input is closed. Its command line holds the words; the shell's own text does
/// not, and nor does ours.
fn waiting(words: &str) -> Child {
    let script = "echo ready; read -r line; exit 0";
    let child = Command::new("sh")
        .args(["-c", script, "spark-submit", "--conf", words])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn();
    let mut child = child.expect("a shell starts");
    let mut ready = String::new();
    let output = child.stdout.as_mut().expect("piped");
    BufReader::new(output).read_line(&mut ready).expect("it speaks");
    assert_eq!(ready, "ready\n");
    child
}

fn end(mut child: Child) {
    drop(child.stdin.take());
    child.wait().expect("it ends");
}

/// A tag that nobody else's process has.
fn tag(end: &str) -> String {
    format!("sjw-{:016x}{end}", u64::from(std::process::id()) << 20 | 0xabcde)
}

#[test]
fn a_process_with_the_tag_is_seen_as_long_as_it_lives() {
    let tag = tag("1");
    assert_eq!(processes::carry(&tag), TagOnNode::No, "nobody has it yet, and we do not count");
    let child = waiting(&format!("spark.yarn.tags=mine,spark-job-worker,{tag}"));
    assert_eq!(processes::carry(&tag), TagOnNode::Yes);
    assert_eq!(processes::carry(&format!("{tag}0")), TagOnNode::No, "a longer one is another one");
    end(child);
    assert_eq!(processes::carry(&tag), TagOnNode::No, "it has ended");
}

#[test]
fn a_process_that_has_ended_and_was_not_waited_for_is_no_process_any_more() {
    let tag = tag("2");
    let mut child = waiting(&tag);
    drop(child.stdin.take());
    // A zombie has no command line.
    let path = format!("/proc/{}/stat", child.id());
    while !std::fs::read_to_string(&path).expect("it is not waited for").contains(") Z ") {
        std::thread::yield_now();
    }
    assert_eq!(processes::carry(&tag), TagOnNode::No);
    child.wait().expect("it is waited for");
}

#[test]
fn a_process_of_another_user_is_seen_too() {
    // Elsewhere than root nobody can start one; then it is one's own, as in the first test.
    let root =
        std::fs::metadata("/proc/self").is_ok_and(|this| std::os::unix::fs::MetadataExt::uid(&this) == 0);
    let tag = tag("3");
    let mut command = if root {
        let mut command = Command::new("setpriv");
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups", "sh"]);
        command
    } else {
        Command::new("sh")
    };
    command.args(["-c", "echo ready; read -r line; exit 0", "spark-submit", &tag]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("it starts");
    let mut ready = String::new();
    BufReader::new(child.stdout.as_mut().expect("piped")).read_line(&mut ready).expect("it speaks");
    assert_eq!(processes::carry(&tag), TagOnNode::Yes);
    end(child);
}
