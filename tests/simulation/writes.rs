//! How often a task's entry is written in a life without faults: each write waits for the disk three times.

use std::sync::Arc;
use std::time::Duration;

use spark_job_worker::job::journal::Journal;
use spark_job_worker::job::machine::{OnAbort, State};
use spark_job_worker::job::places::Places;
use spark_job_worker::job::request::{Defaults, OwnLivy};
use spark_job_worker::job::token::Token;
use spark_job_worker::job::world::World;
use spark_job_worker::job::{ActivityRules, Task};

use crate::lone::{self, AT_WORK, Inner, Lone};
use crate::plan::BEAT;
use crate::sfn::Input;

#[tokio::test(start_paused = true)]
async fn a_life_without_faults_costs_six_durable_writes_and_one_unlink() {
    let directory = tempfile::tempdir().expect("a directory can be had");
    let (journal, _) = Journal::open(directory.path()).expect("it opens");
    let mut world = Lone::new(Inner::default(), Some(journal), lone::clear());
    world.succeeds = Some(AT_WORK);
    let world = Arc::new(world);
    let activity = ActivityRules {
        defaults: Defaults::none(false),
        on_abort: OnAbort::Kill,
        heartbeat_interval: Duration::from_millis(BEAT),
    };
    let token = Token::new("token".to_owned());
    let input = Input::Right.of(0).to_string();
    let livy = OwnLivy::new(Vec::new(), 8998);
    let task = Task::received(token, "arn", &input, &activity, &livy, world.now());
    let last = lone::live(&world, task, Places::new(1).ask(), None).await;
    assert_eq!(last, Some(State::Settled));
    let writes = world.inner().writes.clone();
    assert_eq!(writes, ["Received", "Submitting", "Running", "Running", "Judged", "Ended", "unlink"]);
    let left = std::fs::read_dir(directory.path()).expect("listed").count();
    assert_eq!(left, 1, "only the lock is left");
}
