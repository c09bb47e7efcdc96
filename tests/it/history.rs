//! What became of the tasks that have ended: told by the daemon, and by what it kept where none runs.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};
use spark_job_worker::job::journal::seal;
use stand_ins::WaitFor;
use stand_ins::livy::Plan;
use stand_ins::sfn::{TaskId, refusal};
use stand_ins::worker::{Worker, message};

use crate::admin::{endpoint, get, told};
use crate::crash::{forgotten, kept};
use crate::harness::{Stage, text};

/// What a driver writes before it ends, a secret included.
const TRACEBACK: &str = "Traceback (most recent call last):\n  File \"etl.py\", line 9, in <module>\n    \
                         raise ValueError(\"no such rate\")\nValueError: no such \u{1b}[2Jrate, password=hunter2\n";

/// What `history` says as JSON.
fn history(worker: &Worker, more: &[&str]) -> Value {
    let (code, out, err) = told(worker, &[&["history", "--json"], more].concat());
    assert_eq!((code, err.as_str()), (0, ""));
    serde_json::from_str(&out).expect("JSON")
}

fn tasks(past: &Value) -> &[Value] {
    past["tasks"].as_array().map(Vec::as_slice).expect("a list")
}

/// The outcomes in their order.
fn outcomes(past: &Value) -> Vec<&str> {
    tasks(past).iter().map(|task| text(&task["outcome"])).collect()
}

/// Waits until the daemon has seen at least so many tasks to their end.
pub(crate) async fn ended(stage: &Stage, worker: &Worker, count: usize) -> Value {
    // Looked at with every call of the sweep.
    stage.livy.wait_for(|_| tasks(&history(worker, &[])).len() >= count, None).await;
    history(worker, &[])
}

/// Waits until so many tasks are in the file.
pub(crate) async fn written(stage: &Stage, count: usize) {
    let lines = || fs::read_to_string(file(stage)).map_or(0, |text| text.lines().count());
    stage.livy.wait_for(|_| lines() == count + 1, None).await;
}

pub(crate) fn file(stage: &Stage) -> PathBuf {
    stage.config().state.join("history")
}

/// A file with so many tasks, from before.
pub(crate) fn kept_before(stage: &Stage, count: usize) {
    let line = |number| {
        format!(
            "{}\n",
            json!({ "task": format!("{number:016x}"), "outcome": "succeeded", "ended": "2026-11-28T02:03:04Z" })
        )
    };
    let lines: String = (0..count).map(line).collect();
    fs::create_dir_all(stage.config().state).expect("made");
    fs::write(file(stage), seal("spark-job-worker-history", 1, lines.as_bytes())).expect("written");
}

/// A stage with one job of each kind of end, one after the other, and the tasks.
async fn one_of_each_kind(stage: &Stage, worker: &Worker) -> Vec<TaskId> {
    stage.livy.plan(Plan::running());
    stage.livy.plan_for("good", Plan::success().running_for(Duration::from_millis(100)));
    let schedule = |name: &str| {
        let input = json!({
            "Name": name, "File": "s3://bucket/etl.py", "Args": ["s3cr3t-argument"], "Execution": format!("run-{name}"),
        });
        stage.schedule(&input.to_string())
    };
    let mut scheduled = vec![schedule("good")];
    stage.output(&scheduled[0]).await;
    ended(stage, worker, 1).await;
    for (name, state, said) in [("bad", "FINISHED", TRACEBACK), ("killed", "KILLED", "")] {
        let task = schedule(name);
        let batch = stage.submitted(&format!("{name}-")).await;
        let line = worker.logged(&format!("{batch} runs as application_"));
        let id = message(&line).rsplit(' ').next().expect("an id");
        stage.yarn().wrote(id, "stdout", said);
        stage.yarn().diagnose(id, "User application exited with status 1");
        stage.yarn().set(id, state, if state == "KILLED" { "KILLED" } else { "FAILED" });
        stage.livy.misjudge(&batch, "dead");
        stage.failure(&task).await;
        scheduled.push(task);
        ended(stage, worker, scheduled.len()).await;
    }
    let task = schedule("gone");
    let batch = stage.submitted("gone-").await;
    worker.logged(&format!("{batch} is RUNNING in YARN"));
    stage.sfn.stop(&task);
    scheduled.push(task);
    scheduled
}

#[tokio::test]
async fn each_end_is_told_with_its_root_cause_and_without_secrets() {
    let stage = Stage::with_yarn().await;
    let worker = stage.worker();
    let url = endpoint(&worker);
    assert_eq!(told(&worker, &["history"]), (0, "no finished tasks\n".to_owned(), String::new()));
    let scheduled = one_of_each_kind(&stage, &worker).await;
    let past = ended(&stage, &worker, 4).await;
    assert_eq!(outcomes(&past), ["succeeded", "SparkJob.Failed", "SparkJob.Killed", "aborted"]);
    let [good, bad, _, gone] = tasks(&past) else { panic!("{past}") };
    assert_eq!(past["file"], Value::Null);
    assert_eq!((text(&good["execution"]), text(&good["activity"])), ("run-good", stage.arn.as_str()));
    assert_eq!((text(&good["verdictSource"]), &good["rootCause"]), ("yarn", &Value::Null));
    assert!(good["runSeconds"].is_number() && good["memorySeconds"].is_number(), "{good}");
    assert!(text(&good["job"]).starts_with("good-") && text(&good["job"]).ends_with(text(&good["task"])));
    let cause = text(&bad["rootCause"]);
    assert!(cause.starts_with("ValueError: no such \\u001b[2Jrate, password="), "{cause}");
    assert!(text(&bad["received"]) <= text(&bad["ended"]) && bad["seconds"].is_u64(), "{bad}");
    for task in [good, bad, gone] {
        let ours = stage.livy.applications_tagged(&format!("sjw-{}", text(&task["task"])));
        assert_eq!(task["application"], json!(ours[0].id));
        assert!(task["batch"].is_u64(), "{task}");
    }

    let failed = history(&worker, &["--failed"]);
    assert_eq!(outcomes(&failed), ["SparkJob.Failed", "SparkJob.Killed", "aborted"]);
    let (code, page) = get(&format!("{url}/history")).await;
    assert_eq!((code, serde_json::from_str::<Value>(&page).expect("JSON")), (200, past.clone()));
    let (_, table, _) = told(&worker, &["history"]);
    let lines: Vec<&str> = table.lines().collect();
    assert!(
        lines[0].starts_with("ENDED (UTC)")
            && lines[1].contains(" run-good ")
            && lines[1].contains(" succeeded ")
    );
    assert!(
        lines[2].contains(" run-bad ") && lines[2].contains(" Failed ") && lines[2].contains(" application_")
    );
    assert_eq!(lines[3].trim(), cause);
    let (_, table, _) = told(&worker, &["history", "--failed"]);
    assert!(!table.contains("run-good") && table.contains("run-gone"), "{table}");

    written(&stage, 4).await;
    let kept = fs::read_to_string(file(&stage)).expect("a file");
    assert_eq!(fs::metadata(file(&stage)).expect("a file").permissions().mode() & 0o777, 0o600);
    for shown in [past.to_string(), page, table, kept] {
        let tokens = scheduled.iter().map(|task| stage.sfn.token(task).expect("handed out"));
        for secret in tokens.chain(["s3cr3t-argument", "s3://", "hunter2", "trackingUrl"].map(str::to_owned))
        {
            assert!(!shown.contains(&secret), "{secret} is in {shown}");
        }
    }
}

#[tokio::test]
async fn what_has_ended_is_told_after_a_kill_and_a_restart_and_without_a_daemon() {
    let stage = Stage::new().await;
    stage.sfn.hold_polls(Duration::from_millis(100));
    let mut worker = stage.worker();
    stage.output(&stage.task()).await;
    written(&stage, 1).await;
    worker.kill();
    // What it had asked for would still be handed to it.
    stage.sfn.wait_for(|sfn| sfn.open_polls(&stage.arn) == 0, None).await;
    let (code, table, err) = told(&worker, &["history"]);
    assert_eq!((code, err.as_str()), (0, ""));
    let first = format!("! no daemon runs: this is what {} has", file(&stage).display());
    assert!(table.starts_with(&first) && table.contains(" exec-1 "), "{table}");
    let kept = history(&worker, &[]);
    assert_eq!((text(&kept["file"]), tasks(&kept).len()), (file(&stage).to_str().expect("UTF-8"), 1));

    let mut next = stage.worker();
    stage.output(&stage.task()).await;
    stage.output(&stage.task()).await;
    let past = ended(&stage, &next, 3).await;
    assert_eq!((&past["file"], &tasks(&past)[0]), (&Value::Null, &tasks(&kept)[0]));
    next.stop();
    assert_eq!(tasks(&history(&next, &[])), tasks(&past), "a stop keeps what has ended within the second");
    assert_eq!(told(&next, &["check", "--print", "tasks"]), (0, "0\n".to_owned(), String::new()));
    assert_eq!(told(&next, &["check", "--journal"]).0, 0);
}

#[tokio::test]
async fn a_task_whose_entry_outlived_its_worker_is_told_once() {
    let stage = Stage::new().await;
    stage.livy.plan(Plan::success());
    stage.sfn.fault_times("SendTaskSuccess", usize::MAX, refusal("ThrottlingException", "Rate exceeded"));
    let mut worker = stage.worker();
    let task = stage.task();
    stage.sfn.wait_for(|sfn| !sfn.reports(&task).is_empty(), None).await;
    let entry = kept(&stage, "task").remove(0);
    let settled = fs::read(&entry).expect("an entry");
    stage.sfn.clear_faults();
    stage.output(&task).await;
    let past = ended(&stage, &worker, 1).await;
    written(&stage, 1).await;
    worker.kill();
    fs::write(&entry, settled).expect("written");
    let next = stage.worker();
    next.logged("is closed in Step Functions");
    forgotten(&stage).await;
    let again = ended(&stage, &next, 1).await;
    assert_eq!(outcomes(&again), ["succeeded"]);
    assert_eq!(tasks(&again)[0]["job"], tasks(&past)[0]["job"]);
}

#[tokio::test]
async fn the_oldest_of_two_hundred_goes_when_another_task_ends() {
    let stage = Stage::new().await;
    kept_before(&stage, 200);
    let worker = stage.worker();
    stage.output(&stage.task()).await;
    stage.livy.wait_for(|_| text(&tasks(&history(&worker, &[]))[0]["task"]).ends_with('1'), None).await;
    let past = history(&worker, &[]);
    assert_eq!(tasks(&past).len(), 200);
    assert_eq!(text(&tasks(&past)[199]["execution"]), "exec-1");
    written(&stage, 200).await;
}

#[tokio::test]
async fn a_history_that_cannot_be_read_is_said_once_and_costs_nothing_else() {
    for bad in ["", "torn", "spark-job-worker-history 2 0\n", "spark-job-worker 2 0\n"] {
        let stage = Stage::new().await;
        fs::create_dir(stage.config().state).expect("made");
        fs::write(file(&stage), bad).expect("written");
        let worker = stage.worker();
        let line = worker.logged("cannot be read and begin anew");
        assert_eq!(line["level"], "WARN", "{line}");
        stage.output(&stage.task()).await;
        ended(&stage, &worker, 1).await;
        written(&stage, 1).await;
        assert_eq!(worker.count("finished tasks"), 1, "{bad:?}");
    }
}

#[tokio::test]
async fn without_a_daemon_and_without_a_file_the_reason_of_both_is_said() {
    let stage = Stage::new().await;
    let mut worker = stage.worker();
    stage.polling().await;
    worker.kill();
    let (code, out, err) = told(&worker, &["history"]);
    assert_eq!((code, out.as_str()), (1, ""));
    assert!(err.contains("no daemon answers at") && err.contains("nor can the finished tasks in"), "{err}");
    fs::write(worker.config(), "[state\n").expect("written");
    let (code, _, err) = told(&worker, &["history"]);
    assert_eq!(code, 1);
    assert!(err.contains("nor is it known where the finished tasks are kept"), "{err}");
}
