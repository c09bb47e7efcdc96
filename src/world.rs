//! The real world of a job: Step Functions, Livy, YARN, the sweep and the journal behind the one trait.

mod disk;
mod door;

use std::collections::{BTreeSet, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use tokio::sync::watch;
use tokio::task::spawn_blocking;

use crate::activity::StepFunctions;
use crate::job::Task;
use crate::job::application::{Active, YarnAnswer};
use crate::job::document::Document;
use crate::job::journal::{Writer, encode};
use crate::job::machine::{Records, State};
use crate::job::report::{Answer, FailedWork, Outcome};
use crate::job::timestamp::Timestamp;
use crate::job::token::Token;
use crate::job::world::{
    BatchView, Beat, CountedEvent, Deleted, Heard, NotKilled, Posted, Reported, Said, ServiceError,
    TagOnNode, Unreachable, Unwritable, World, YarnRetention,
};
use crate::metrics::Metrics;
use crate::spark::driver_log::DriverLogs;
use crate::spark::history::SparkRest;
use crate::spark::livy::{Livy, Version};
use crate::spark::processes;
use crate::spark::sessions::Sessions;
use crate::spark::yarn::ResourceManager;

pub use door::Door;

/// The services that all jobs share.
pub struct RealWorld {
    /// Step Functions.
    pub step_functions: StepFunctions,
    /// Livy.
    pub livy: Livy,
    /// Livy's sessions.
    sessions: Sessions,
    /// YARN.
    pub yarn: ResourceManager,
    /// Drivers' logs.
    pub driver_logs: DriverLogs,
    /// Spark itself, where it is to be asked.
    spark: Option<SparkRest>,
    /// What a restart needs.
    pub journal: Writer,
    /// What tasks need that documents answer; none where there are no such tasks.
    pub door: Option<Door>,
    /// What is counted.
    pub metrics: Metrics,
    /// Whether the journal can be written.
    pub disk: watch::Sender<bool>,
    /// Tasks that are done and whose entries could not be removed: a restart would take them for tasks to be done.
    unremoved: Mutex<BTreeSet<String>>,
    /// Livy answered the last time, and is one that can be served.
    livy_is_known: AtomicBool,
    /// Why the Livy of this node cannot be served, by its own files.
    unsupported: Unsupported,
    /// Why the Livy that answered last is such a one.
    livy_unsupported: Mutex<Option<String>>,
}

/// Reads the files of this node: why its Livy cannot be served, where that is so. May block for a moment.
pub type Unsupported = Arc<dyn Fn() -> Option<String> + Send + Sync>;

impl RealWorld {
    /// Puts the services together.
    pub fn new(
        step_functions: StepFunctions,
        cluster: (Livy, Sessions, ResourceManager, DriverLogs, Option<SparkRest>),
        (journal, door): (Writer, Option<Door>),
        unsupported: Unsupported,
    ) -> RealWorld {
        let (livy, sessions, yarn, driver_logs, spark) = cluster;
        RealWorld {
            step_functions,
            livy,
            sessions,
            yarn,
            driver_logs,
            spark,
            journal,
            door,
            metrics: Metrics::default(),
            disk: watch::Sender::new(true),
            unremoved: Mutex::default(),
            livy_is_known: AtomicBool::new(false),
            unsupported,
            livy_unsupported: Mutex::default(),
        }
    }

    /// Livy's list, or whether it answers at all where nobody is asked for.
    async fn list(&self, names: Arc<HashSet<String>>) -> Result<Vec<BatchView>, ServiceError> {
        if names.is_empty() {
            return self.livy.ping().await.map(|()| Vec::new());
        }
        self.livy.list(move |name| names.contains(name)).await
    }

    /// Checks a Livy that begins to answer: after an outage it may be of another version or have another configuration.
    /// `Ok(None)`: use it. `Ok(Some(reason))`: submit nothing more, but believe its records. `Err`: it is too old for
    /// its records to be believed.
    async fn recognise(&self) -> Result<Option<String>, ServiceError> {
        if self.livy_is_known.load(Ordering::Relaxed) {
            return Ok(None);
        }
        let version = self.livy.version().await?;
        if version.is_too_old() {
            return Err(ServiceError::Unsupported(too_old(&version)));
        }
        let unsupported = Arc::clone(&self.unsupported);
        spawn_blocking(move || unsupported())
            .await
            .map_err(|panic| ServiceError::Unavailable(panic.to_string()))
    }
}

fn too_old(version: &Version) -> String {
    format!(
        "Livy is {version}, and at least 0.7 is needed: before it names of batches are not unique or not shown, \
         so that a job cannot be found again"
    )
}

/// Calls are boxed: a client's future takes some kilobytes, and a job that only waits must not hold room for one.
impl World for RealWorld {
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
    }

    async fn write(&self, task: &Task, state: &State) -> Result<(), Unwritable> {
        let mut written = match encode(task, state) {
            Ok(bytes) => self.journal.write(&task.id, bytes).await,
            Err(error) => Err(error),
        };
        match (&written, &self.door) {
            (Ok(()), Some(door)) => written = door.resources.heard(task, state, self.now()).await,
            (Err(_), Some(door)) => door.resources.heard_in_vain(task, state, self.now()).await,
            (_, None) => {}
        }
        self.note_disk(&written);
        written.map_err(|error| Unwritable(error.to_string()))
    }

    async fn forget(&self, task: &str) -> Result<(), Unwritable> {
        let removed = match &self.door {
            None => self.journal.remove(task).await,
            Some(door) if door.resources.is_dying(task).await => match self.journal.remove(task).await {
                Ok(()) => door.resources.left(task, self.now()).await,
                Err(error) => Err(error),
            },
            Some(door) => match door.resources.left(task, self.now()).await {
                Ok(()) => self.journal.remove(task).await,
                Err(error) => Err(error),
            },
        };
        if removed.is_err() {
            self.unremoved().insert(task.to_owned());
            self.note_disk(&removed);
        }
        removed.map_err(|error| Unwritable(error.to_string()))
    }

    async fn keep_hidden(&self, ids: Vec<String>) -> Result<(), Unwritable> {
        self.journal.keep_hidden(ids).await.map_err(|error| Unwritable(error.to_string()))
    }

    async fn post(&self, records: Records, name: &str, body: &str) -> Posted {
        match records {
            Records::Batches => Box::pin(self.livy.submit(name, body)).await,
            Records::Sessions => Box::pin(self.sessions.open(name, body)).await.map(BatchView::from),
        }
    }

    async fn batches(&self, names: Arc<HashSet<String>>) -> Result<Vec<BatchView>, ServiceError> {
        let listed = Box::pin(self.list(names)).await;
        let known = match &listed {
            Ok(_) => Box::pin(self.recognise()).await,
            Err(silence) => Err(silence.clone()),
        };
        self.livy_is_known.store(matches!(known, Ok(None)), Ordering::Relaxed);
        let (answer, livy_unsupported) = match known {
            Ok(livy_unsupported) => (listed, livy_unsupported),
            Err(reason) => (Err(reason), None),
        };
        *self.livy_unsupported.lock().unwrap_or_else(PoisonError::into_inner) = livy_unsupported;
        answer
    }

    async fn sessions(&self, names: Arc<HashSet<String>>) -> Result<Vec<BatchView>, ServiceError> {
        let listed = Box::pin(self.sessions.list(move |name| names.contains(name))).await?;
        Ok(listed.into_iter().map(BatchView::from).collect())
    }

    fn livy_unsupported(&self) -> Option<String> {
        self.livy_unsupported.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn active(&self, before: Option<Arc<Active>>) -> Result<Active, ServiceError> {
        Box::pin(self.yarn.active(before)).await
    }

    fn has_yarn(&self) -> bool {
        !self.yarn.is_off()
    }

    fn filters_lists(&self) -> bool {
        self.yarn.filters_lists()
    }

    async fn find(&self, records: Records, name: &str) -> Result<Option<BatchView>, Unreachable> {
        match records {
            Records::Batches => Box::pin(self.livy.find(name)).await,
            Records::Sessions => Ok(Box::pin(self.sessions.find(name)).await?.map(BatchView::from)),
        }
    }

    async fn log(&self, records: Records, name: &str) -> Result<Vec<String>, Unreachable> {
        match records {
            Records::Batches => Box::pin(self.livy.log(name)).await,
            Records::Sessions => Box::pin(self.sessions.log(name)).await,
        }
    }

    async fn delete(&self, records: Records, name: &str) -> Result<Deleted, Unreachable> {
        match records {
            Records::Batches => Box::pin(self.livy.delete(name)).await,
            Records::Sessions => Box::pin(self.sessions.delete(name)).await,
        }
    }

    async fn say(&self, session: &str, code: &str) -> Said {
        Box::pin(self.sessions.say(session, code)).await
    }

    async fn hear(&self, session: &str, number: u64) -> Heard {
        Box::pin(self.sessions.hear(session, number)).await
    }

    async fn keep(&self, session: &str) -> Result<(), Unreachable> {
        Box::pin(self.sessions.keep(session)).await.map(drop)
    }

    async fn tagged(&self, tag: &str) -> YarnAnswer {
        Box::pin(self.yarn.tagged(tag)).await
    }

    async fn application(&self, id: &str) -> YarnAnswer {
        Box::pin(self.yarn.application(id)).await
    }

    async fn driver_log(&self, page: &str, file: &str) -> Result<Option<Vec<String>>, Unreachable> {
        Box::pin(self.driver_logs.tail(page, file)).await
    }

    fn asks_spark(&self) -> bool {
        self.spark.is_some()
    }

    async fn failed_work(
        &self,
        application: &str,
        tracking_url: Option<&str>,
    ) -> Result<Option<FailedWork>, Unreachable> {
        match (&self.spark, tracking_url) {
            (Some(spark), Some(page)) => Box::pin(spark.of_running(application, page)).await,
            (Some(spark), None) => Box::pin(spark.of_ended(application)).await,
            (None, _) => Ok(None),
        }
    }

    async fn yarn_retention(&self) -> Result<YarnRetention, Unreachable> {
        Box::pin(self.yarn.yarn_retention()).await
    }

    async fn kill(&self, id: &str) -> Result<(), NotKilled> {
        Box::pin(self.yarn.kill(id)).await
    }

    async fn tag_on_node(&self, tag: &str) -> TagOnNode {
        let tag = tag.to_owned();
        // Where it cannot be known, nothing is concluded from it.
        spawn_blocking(move || processes::carry(&tag)).await.unwrap_or(TagOnNode::Unknown)
    }

    async fn beat(&self, activity: &str, token: &Token) -> Beat {
        Box::pin(self.step_functions.beat(activity, token)).await
    }

    fn count(&self, what: CountedEvent) {
        self.metrics.count(what);
    }

    async fn deliver(&self, _: &Task, document: &Document, outcome: &Outcome) -> Reported {
        match &self.door {
            Some(door) => Box::pin(door.deliver(document, outcome)).await,
            None => Reported::Refused("no resources were found at the start".to_owned()),
        }
    }

    async fn stopped(&self, task: &Task) {
        match &self.door {
            Some(door) => Box::pin(door.stopped(self, task)).await,
            None => std::future::pending().await,
        }
    }

    async fn report(&self, activity: &str, token: &Token, answer: &Answer) -> Reported {
        Box::pin(self.step_functions.report(activity, token, answer)).await
    }
}
