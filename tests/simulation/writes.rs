//! How often a task's entry is written in a life without faults: each write waits for the disk three times.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use spark_job_worker::job::heart::Pacer;
use spark_job_worker::job::journal::{Entry, Journal};
use spark_job_worker::job::machine::{OnAbort, Run, State, Timestamp};
use spark_job_worker::job::report::Answer;
use spark_job_worker::job::request::{Batch, Defaults, OwnLivy};
use spark_job_worker::job::verdict::Waits;
use spark_job_worker::job::world::{
    BatchState, BatchView, Beat, Deleted, Look, NotKilled, Posted, Reported, Sight, Token, Unreachable,
    Unwritable, World, Yarn, YarnMemory,
};
use spark_job_worker::job::{self, Lent, Rules, Start, Task, Watching};
use tokio::sync::watch;
use tokio::time::sleep;

/// A world in which everything goes well, and a real journal.
struct Plain {
    journal: Journal,
    writes: Mutex<Vec<&'static str>>,
    looks: Mutex<Vec<BatchView>>,
}

impl Plain {
    fn view(name: &str, state: BatchState, application: Option<&str>) -> BatchView {
        BatchView {
            id: 0,
            name: name.to_owned(),
            state,
            application: application.map(str::to_owned),
            proxy_user: None,
            driver_log_url: None,
            tracking_url: None,
            hollow: false,
        }
    }

    fn note(&self, what: &'static str) {
        self.writes.lock().expect("nobody panics while noting").push(what);
    }
}

impl World for Plain {
    type Slot = ();

    fn now(&self) -> Timestamp {
        Timestamp(1_800_000_000_000)
    }

    async fn write(&self, entry: &Entry) -> Result<(), Unwritable> {
        self.note(entry.state.name());
        self.journal.write(entry).map_err(|error| Unwritable(error.to_string()))
    }

    async fn forget(&self, task: &str) -> Result<(), Unwritable> {
        self.note("unlink");
        self.journal.remove(task).map_err(|error| Unwritable(error.to_string()))
    }

    async fn slot(&self) -> Result<(), Unreachable> {
        Ok(())
    }

    async fn post(&self, batch: &Batch) -> Posted {
        let mut looks = self.looks.lock().expect("nobody panics while looking");
        // In reverse: the last one is seen first.
        *looks = vec![
            Plain::view(batch.name(), BatchState::Success, Some("application_1_0001")),
            Plain::view(batch.name(), BatchState::Running, Some("application_1_0001")),
            Plain::view(batch.name(), BatchState::Starting, Some("application_1_0001")),
            Plain::view(batch.name(), BatchState::Starting, None),
        ];
        Posted::Accepted(Plain::view(batch.name(), BatchState::Starting, None))
    }

    async fn find(&self, _: &str) -> Result<Option<BatchView>, Unreachable> {
        Ok(None)
    }

    async fn log(&self, _: &str) -> Result<Vec<String>, Unreachable> {
        Ok(Vec::new())
    }

    async fn delete(&self, _: &str) -> Result<Deleted, Unreachable> {
        Ok(Deleted::NotFound)
    }

    async fn look(&self, _: &Run, _: Option<&Sight>) -> Sight {
        sleep(Duration::from_secs(1)).await;
        let next = self.looks.lock().expect("nobody panics while looking").pop();
        Sight { livy: next.map_or(Look::Missing, |view| Look::Seen(view.into())), active: None }
    }

    async fn tagged(&self, _: &str) -> Yarn {
        Yarn::Off
    }

    async fn application(&self, _: &str) -> Yarn {
        Yarn::Off
    }

    async fn driver_log(&self, _: &str, _: &str) -> Result<Option<Vec<String>>, Unreachable> {
        Ok(Some(Vec::new()))
    }

    async fn memory(&self) -> Result<YarnMemory, Unreachable> {
        Err(Unreachable("there is no YARN".to_owned()))
    }

    async fn kill(&self, _: &str) -> Result<(), NotKilled> {
        Ok(())
    }

    async fn carried(&self, _: &str) -> bool {
        false
    }

    async fn beat(&self, _: &Token) -> Beat {
        Beat::Accepted
    }

    async fn report(&self, _: &Token, _: &Answer) -> Reported {
        Reported::Acknowledged
    }
}

#[tokio::test(start_paused = true)]
async fn a_life_without_faults_costs_five_durable_writes_and_one_unlink() {
    let directory = tempfile::tempdir().expect("a directory can be had");
    let (journal, _) = Journal::open(directory.path()).expect("it opens");
    let world = Arc::new(Plain { journal, writes: Mutex::default(), looks: Mutex::default() });
    let minute = Duration::from_secs(60);
    let waits = Waits {
        start_timeout: 30 * minute,
        lost_after: minute,
        verdict_patience: minute,
        submit_settle: minute,
    };
    let rules = Rules {
        defaults: Defaults::empty(),
        livy: OwnLivy::new(Vec::new(), 8998),
        on_abort: OnAbort::Kill,
        heartbeat_interval: Duration::from_secs(20),
        watch: Watching { interval: Duration::from_secs(1), waits, doubt_limit: minute, kill_settle: minute },
        patience: minute,
    };
    let task = Task::new(Token::new("token".to_owned()), String::new(), crate::INPUT.to_owned());
    let state = task.received(&rules.defaults);
    let (_keep, stop) = watch::channel(false);
    let lent = Lent {
        world: Arc::clone(&world),
        rules: Arc::new(rules),
        pacer: Arc::new(Pacer::new(100)),
        stop,
        mark: Box::new(|_| {}),
    };
    let mut last = None;
    job::run(lent, task, state, Start::Fresh, |state| last = Some(state.clone())).await;
    assert_eq!(last, Some(State::Settled));
    let writes = world.writes.lock().expect("nobody panics while noting").clone();
    assert_eq!(writes, ["Received", "Submitting", "Running", "Running", "Ended", "unlink"]);
    let left = std::fs::read_dir(directory.path()).expect("listed").count();
    assert_eq!(left, 1, "only the lock is left");
}
