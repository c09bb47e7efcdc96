//! What a worker reports where Livy is wrong, and what it knows of its jobs after it was killed.

use std::time::{Duration, Instant};

use stand_ins::WaitFor;
use stand_ins::livy::Plan;
use stand_ins::sfn::{Outcome, Sfn, TaskId};

use crate::LIMIT;
use crate::stage::{Room, Stage};
use crate::worker::Worker;

/// Heartbeats come soon, so that their end is soon seen.
const ROOM: Room = Room { places: 10, heartbeat: 2 };
/// `HeartbeatSeconds` of the state.
const HEARTBEAT: Duration = Duration::from_secs(6);
/// A job's run: longer than a task without heartbeats lives.
const RUN: Duration = Duration::from_secs(10);
/// A task that was not reported this long after the retried job's end is lost: its own job ended seconds before.
const PATIENCE: Duration = Duration::from_secs(3);
/// A poll of a killed worker swallows a task for as long as it is held.
const HOLD: Duration = Duration::from_secs(3);

/// What became of tasks.
#[derive(Clone, Copy)]
pub(super) struct Truth {
    /// A job that failed was reported as a success.
    pub(super) believed: bool,
    /// The job of the state with a Retry ran twice at the same time.
    pub(super) twice: bool,
    /// The task of the state without `HeartbeatSeconds` is never reported.
    pub(super) lost: bool,
}

impl Truth {
    pub(super) const HEADS: [&str; 3] = ["false success", "killed: with a Retry", "killed: without"];

    pub(super) fn cells(&self) -> [String; 3] {
        let either = |wrong: bool, bad: &str, good: &str| if wrong { bad } else { good }.to_owned();
        [
            either(self.believed, "reported as success", "reported as failed"),
            either(self.twice, "submitted twice", "goes on"),
            either(self.lost, "lost", "goes on"),
        ]
    }
}

pub(super) async fn truth(worker: Worker) -> Truth {
    let (believed, (twice, lost)) = tokio::join!(believed(worker), killed(worker));
    Truth { believed, twice, lost }
}

/// Whether a worker believes Livy where YARN knows better.
async fn believed(worker: Worker) -> bool {
    let stage = Stage::new(Plan::running()).await;
    let _process = stage.run(worker, ROOM);
    let task = stage.schedule(0);
    let running = || {
        let mut batches = stage.livy.batches().into_iter();
        batches.find(|batch| batch.state == "running").and_then(|batch| batch.name.zip(batch.app_id))
    };
    let (name, application) = stage.livy.wait_to_see(running, LIMIT).await;
    stage.yarn.set(&application, "FINISHED", "FAILED");
    stage.livy.misjudge(&name, "success");
    let outcome = stage.sfn.outcome_within(&task, LIMIT).await;
    assert!(
        stage.sfn.violations().is_empty(),
        "AWS would refuse {}: {:?}",
        worker.name(),
        stage.sfn.violations()
    );
    matches!(outcome, Outcome::Succeeded { .. })
}

/// Whether the job with a Retry was submitted twice, and whether the other task was lost.
async fn killed(worker: Worker) -> (bool, bool) {
    let stage = Stage::new(Plan::success().running_for(RUN)).await;
    stage.sfn.hold_polls(HOLD);
    let first = stage.run(worker, ROOM);
    let retried = |heartbeat| stage.sfn.schedule_with(&stage.arn, &input("retried"), heartbeat, None);
    let task = retried(Some(HEARTBEAT));
    let other = stage.sfn.schedule(&stage.arn, &input("other"));
    stage.livy.wait_for(|livy| livy.live_applications().len() == 2, LIMIT).await;
    // SIGKILL
    drop(first);
    let (again, polls) = (Instant::now(), stage.sfn.polls(&stage.arn));
    let _second = stage.run(worker, ROOM);
    stage.sfn.wait_for(|sfn| sfn.polls(&stage.arn) > polls, LIMIT).await;
    let cared_for = |sfn: &Sfn| sfn.heartbeats(&task).iter().filter(|beat| **beat > again).count() > 1;
    let seen = |sfn: &Sfn| sfn.peek(&task).is_some() || cared_for(sfn);
    stage.sfn.wait_for(seen, LIMIT).await;
    let is_over = stage.sfn.peek(&task) == Some(Outcome::TimedOut);
    // As a Retry of States.HeartbeatTimeout does.
    let last = if is_over { retried(None) } else { task };
    assert!(reported(&stage, &last, LIMIT).await, "{}: the job of the retried task succeeds", worker.name());
    let posts = stage.livy.posts().into_iter().filter(|post| post.body["args"][0] == "retried").count();
    (posts > 1, !reported(&stage, &other, PATIENCE).await)
}

fn input(argument: &str) -> String {
    format!(r#"{{"File":"s3://b/a.py","Args":["{argument}"]}}"#)
}

/// Whether a task is reported as a success within this time.
async fn reported(stage: &Stage, task: &TaskId, within: Duration) -> bool {
    let outcome = tokio::time::timeout(within, stage.sfn.outcome_within(task, LIMIT * 2)).await;
    matches!(outcome, Ok(Outcome::Succeeded { .. }))
}
