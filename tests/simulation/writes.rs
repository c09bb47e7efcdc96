//! How often a task's entry is written in a life without faults: each write waits for the disk three times.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};

use spark_job_worker::job::application::{
    Active, AppEnd, AppState, Application, MovingApplication, YarnAnswer,
};
use spark_job_worker::job::gate::Gate;
use spark_job_worker::job::heartbeat::RateLimiter;
use spark_job_worker::job::journal::Journal;
use spark_job_worker::job::machine::{OnAbort, State};
use spark_job_worker::job::places::Places;
use spark_job_worker::job::report::Answer;
use spark_job_worker::job::request::{Defaults, OwnLivy};
use spark_job_worker::job::sweep::Sweep;
use spark_job_worker::job::timestamp::Timestamp;
use spark_job_worker::job::token::Token;
use spark_job_worker::job::world::{
    BatchState, BatchView, Beat, Deleted, NotKilled, Posted, Reported, ServiceError, TagOnNode, Unreachable,
    Unwritable, World, YarnRetention,
};
use spark_job_worker::job::{self, ActivityRules, JobContext, Start, Task};
use tokio::sync::watch;
use tokio::time::{Duration, Instant};

use crate::plan::{BEAT, pace, rules};
use crate::sfn::Input;

const ID: &str = "application_1_0001";

/// A world in which everything goes well, and a real journal.
struct Plain {
    journal: Journal,
    writes: Mutex<Vec<&'static str>>,
    /// The batch's name and the run's tag, and when Livy took it.
    taken: Mutex<Option<(String, String, Instant)>>,
}

impl Plain {
    fn note(&self, what: &'static str) {
        self.writes.lock().expect("nobody panics while noting").push(what);
    }

    /// The batch's name, its tag, and its age in seconds.
    fn taken(&self) -> Option<(String, String, u64)> {
        let taken = self.taken.lock().expect("nobody panics while looking").clone();
        taken.map(|(name, tag, at)| (name, tag, at.elapsed().as_secs()))
    }

    fn view(&self) -> Option<BatchView> {
        let (name, _, age) = self.taken()?;
        Some(BatchView {
            id: 0,
            name,
            state: if age < 30 { BatchState::Starting } else { BatchState::Running },
            application: (age >= 10).then(|| ID.to_owned()),
            proxy_user: None,
            driver_log_url: None,
            tracking_url: None,
            log_is_empty: false,
        })
    }

    fn application_now(&self) -> Vec<Application> {
        let Some((_, _, age)) = self.taken().filter(|(_, _, age)| *age >= 10) else { return Vec::new() };
        let state = if age < 60 { AppState::Active } else { AppState::Ended(AppEnd::Succeeded) };
        vec![Application {
            id: ID.to_owned(),
            state,
            word: "RUNNING".to_owned(),
            started: Some(Timestamp(1_800_000_000_000)),
            launched: Some(Timestamp(1_800_000_000_001)),
            finished: None,
            memory_seconds: None,
            vcore_seconds: None,
            diagnostics: String::new(),
            tracking_url: None,
            log_url: None,
        }]
    }
}

impl World for Plain {
    fn now(&self) -> Timestamp {
        Timestamp(1_800_000_000_000)
    }

    async fn write(&self, task: &Task, state: &State) -> Result<(), Unwritable> {
        self.note(state.name());
        self.journal.write(task, state).map_err(|error| Unwritable(error.to_string()))
    }

    async fn forget(&self, task: &str) -> Result<(), Unwritable> {
        self.note("unlink");
        self.journal.remove(task).map_err(|error| Unwritable(error.to_string()))
    }

    async fn post(&self, name: &str, body: &str) -> Posted {
        let tag = body.split('"').flat_map(|text| text.split(',')).find(|tag| tag.starts_with("sjw-"));
        let taken = (name.to_owned(), tag.expect("it has a tag").to_owned(), Instant::now());
        *self.taken.lock().expect("nobody panics while posting") = Some(taken);
        self.view().map_or_else(|| Posted::NotNow(String::new()), Posted::Accepted)
    }

    async fn batches(&self, names: Arc<HashSet<String>>) -> Result<Vec<BatchView>, ServiceError> {
        Ok(self.view().into_iter().filter(|view| names.contains(&view.name)).collect())
    }

    async fn active(&self) -> Result<Active, ServiceError> {
        let Some((name, tag, _)) = self.taken() else { return Ok(HashMap::new()) };
        let active = self.application_now().into_iter().filter(|one| one.state == AppState::Active);
        let moving = |application| MovingApplication {
            name: name.clone(),
            progress: 1.0,
            memory_seconds: None,
            vcore_seconds: None,
            application,
        };
        Ok(HashMap::from([(tag, active.map(moving).collect())]))
    }

    fn has_yarn(&self) -> bool {
        true
    }

    async fn find(&self, _: &str) -> Result<Option<BatchView>, Unreachable> {
        Ok(self.view())
    }

    async fn log(&self, _: &str) -> Result<Vec<String>, Unreachable> {
        Ok(Vec::new())
    }

    async fn delete(&self, _: &str) -> Result<Deleted, Unreachable> {
        Ok(Deleted::NotFound)
    }

    async fn tagged(&self, _: &str) -> YarnAnswer {
        YarnAnswer::Answer(self.application_now())
    }

    async fn application(&self, _: &str) -> YarnAnswer {
        YarnAnswer::Answer(self.application_now())
    }

    async fn driver_log(&self, _: &str, _: &str) -> Result<Option<Vec<String>>, Unreachable> {
        Ok(Some(Vec::new()))
    }

    async fn yarn_retention(&self) -> Result<YarnRetention, Unreachable> {
        Ok(YarnRetention { started: Timestamp(0), keeps: true })
    }

    async fn kill(&self, _: &str) -> Result<(), NotKilled> {
        Ok(())
    }

    async fn tag_on_node(&self, _: &str) -> TagOnNode {
        TagOnNode::No
    }

    async fn beat(&self, _: &str, _: &Token) -> Beat {
        Beat::Accepted
    }

    async fn report(&self, _: &str, _: &Token, _: &Answer) -> Reported {
        Reported::Acknowledged
    }
}

#[tokio::test(start_paused = true)]
async fn a_life_without_faults_costs_six_durable_writes_and_one_unlink() {
    let directory = tempfile::tempdir().expect("a directory can be had");
    let (journal, _) = Journal::open(directory.path()).expect("it opens");
    let world = Arc::new(Plain { journal, writes: Mutex::default(), taken: Mutex::default() });
    let activity = ActivityRules {
        defaults: Defaults::none(false),
        on_abort: OnAbort::Kill,
        heartbeat_interval: Duration::from_millis(BEAT),
    };
    let token = Token::new("token".to_owned());
    let (task, state) = Task::received(
        token,
        "arn",
        &Input::Right.of(0).to_string(),
        &activity,
        &OwnLivy::new(Vec::new(), 8998),
        world.now(),
    );
    let sweep = Sweep::new(pace());
    let (_disk, disk) = watch::channel(true);
    let (_draining, draining) = watch::channel(false);
    let (_give_up, stop) = watch::channel(false);
    let sweeping = [
        tokio::spawn(sweep.clone().run(Arc::clone(&world), |_| {})),
        tokio::spawn(sweep.clone().run_yarn(Arc::clone(&world), |_| {})),
    ];
    let context = JobContext {
        world: Arc::clone(&world),
        gate: Gate::new(1, &sweep, true, disk, draining),
        sweep,
        rules: rules(),
        limiter: Arc::new(RateLimiter::new(100)),
        stop,
        on_event: Box::new(|_| {}),
        place: Places::new(1).ask(),
        dropped: None,
    };
    let mut last = None;
    job::run(context, task, state, Start::Fresh, |state| last = Some(state.clone())).await;
    sweeping.iter().for_each(tokio::task::JoinHandle::abort);
    assert_eq!(last, Some(State::Settled));
    let writes = world.writes.lock().expect("nobody panics while noting").clone();
    assert_eq!(writes, ["Received", "Submitting", "Running", "Running", "Judged", "Ended", "unlink"]);
    let left = std::fs::read_dir(directory.path()).expect("listed").count();
    assert_eq!(left, 1, "only the lock is left");
}
