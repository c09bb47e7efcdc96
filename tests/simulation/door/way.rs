//! The world as one life of a worker sees it: each call takes a while, may get no answer, and may be the last of its life.

use std::collections::HashSet;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use spark_job_worker::cloudformation::files::Store;
use spark_job_worker::cloudformation::resource::{Resource, resource_id};
use spark_job_worker::cloudformation::resources::Resources;
use spark_job_worker::cloudformation::{ending, errand};
use spark_job_worker::job::Task;
use spark_job_worker::job::application::{Active, YarnAnswer};
use spark_job_worker::job::document::Document;
use spark_job_worker::job::journal;
use spark_job_worker::job::machine::{Records, State};
use spark_job_worker::job::report::{Answer, Outcome};
use spark_job_worker::job::sweep::Sweep;
use spark_job_worker::job::timestamp::Timestamp;
use spark_job_worker::job::token::Token;
use spark_job_worker::job::world::{
    BatchView, Beat, Deleted, NotKilled, Posted, Reported, ServiceError, TagOnNode, Unreachable, Unwritable,
    World, YarnRetention,
};
use tokio::time::sleep;

use super::plan::{Broken, Mishap};
use super::world::{Act, Inner, Sim};
use crate::plan::{EPOCH, SECOND};
use crate::way::Way;

/// For so long an answer is waited for.
const TIMEOUT: Duration = Duration::from_secs(10);

/// One life of the worker.
#[derive(Clone)]
pub(super) struct Life {
    pub(super) sim: Sim,
    pub(super) number: u64,
}

/// What a life can reach.
pub(super) struct Here {
    pub(super) life: Life,
    pub(super) resources: Resources<Disk>,
    pub(super) sweep: Sweep,
}

/// The files of resources.
pub(super) struct Disk(pub(super) Life);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Service {
    Queue,
    Bucket,
    Livy,
    Yarn,
}

impl Life {
    pub(super) fn is_over(&self, inner: &Inner) -> bool {
        inner.node.life != self.number
    }

    /// A point at which the worker may be killed: one time in `of`. Nothing of an ended life goes on.
    pub(super) async fn step(&self, of: u32) {
        let ends = {
            let mut inner = self.sim.inner();
            self.is_over(&inner) || inner.crashes(of)
        };
        if ends {
            std::future::pending::<()>().await;
        }
    }

    /// The way of a call to a service.
    pub(super) async fn way(&self, service: Service, of: u32) -> Way {
        self.step(of).await;
        let pause = {
            let mut inner = self.sim.inner();
            if inner.rng.u8(0..3) > 0 { 0 } else { inner.rng.u64(1..200) }
        };
        if pause > 0 {
            sleep(Duration::from_millis(pause)).await;
        }
        let (way, waits) = {
            let mut inner = self.sim.inner();
            let away = match service {
                Service::Queue => inner.queue.away.at(inner.at),
                Service::Bucket => inner.bucket.away.at(inner.at),
                Service::Livy => inner.cluster.livy_away.at(inner.at),
                Service::Yarn => inner.cluster.yarn_away.at(inner.at),
            };
            Way::of(away, || inner.strikes(Mishap::LostCalls, 25))
        };
        if waits {
            sleep(TIMEOUT).await;
        }
        way
    }

    async fn ask(&self, service: Service, of: u32) -> Result<(), Unreachable> {
        self.way(service, of).await.answer()
    }

    /// Whether the disk takes something now.
    fn writes(&self, what: &'static str) -> Result<(), String> {
        let mut inner = self.sim.inner();
        if inner.node.bad_disk.at(inner.at).is_none() {
            return Ok(());
        }
        inner.coverage.hit("world", "write refused", what);
        inner.tell(|_| format!("the disk takes no {what}"));
        Err("no space left on device".to_owned())
    }
}

impl Inner {
    /// An answer as it is broken on purpose.
    fn other(&mut self, body: Vec<u8>) -> Vec<u8> {
        let mut answer: serde_json::Value = serde_json::from_slice(&body).expect("an answer is JSON");
        if self.plan.broken == Broken::OtherBytes {
            answer["Reason"] = serde_json::json!(self.rng.u32(..).to_string());
        } else if self.plan.broken == Broken::OtherId {
            answer["PhysicalResourceId"] = serde_json::json!("other");
        } else {
            return body;
        }
        answer.to_string().into_bytes()
    }
}

impl Store for Disk {
    async fn write(&self, resource: &Resource) -> io::Result<()> {
        self.0.step(40).await;
        self.0.writes("resource").map_err(io::Error::other)?;
        {
            let mut inner = self.0.sim.inner();
            let now = Timestamp(EPOCH + inner.at);
            let bytes = resource.encode()?;
            inner.tell(|_| format!("disk: {}", String::from_utf8_lossy(&bytes).replace('\n', " ")));
            let id = resource_id(&resource.stack_id, &resource.logical_id);
            inner.filed(resource);
            if inner.plan.broken != Broken::NoFile {
                inner.node.damaged.remove(&id);
                inner.node.written.insert(id.clone(), now);
                inner.node.files.insert(id, bytes);
            }
        }
        self.0.step(40).await;
        Ok(())
    }

    async fn remove(&self, resource: &Resource) -> io::Result<()> {
        self.0.step(40).await;
        self.0.writes("removal").map_err(io::Error::other)?;
        let mut inner = self.0.sim.inner();
        inner.coverage.hit("world", "a resource is forgotten", "");
        inner.node.files.remove(&resource_id(&resource.stack_id, &resource.logical_id));
        Ok(())
    }
}

impl World for Here {
    fn now(&self) -> Timestamp {
        let inner = self.life.sim.inner();
        let slow = if inner.plan.broken == Broken::SlowClock { 600 * SECOND } else { 0 };
        Timestamp(EPOCH + inner.at - slow)
    }

    async fn write(&self, task: &Task, state: &State) -> Result<(), Unwritable> {
        self.life.step(40).await;
        if let Err(reason) = self.life.writes("entry") {
            self.life.sim.inner().unwritten(&task.id);
            self.resources.heard_in_vain(task, state, self.now()).await;
            return Err(Unwritable(reason));
        }
        {
            let mut inner = self.life.sim.inner();
            let bytes = journal::encode(task, state).expect("a task is data");
            inner.tell(|_| format!("disk: {} {}", task.id, state.name()));
            inner.journaled(task, state);
            inner.node.journal.insert(task.id.clone(), bytes);
        }
        self.life.step(40).await;
        let heard = self.resources.heard(task, state, self.now()).await;
        heard.map_err(|error| Unwritable(error.to_string()))
    }

    async fn forget(&self, task: &str) -> Result<(), Unwritable> {
        let is_dying = self.resources.is_dying(task).await;
        let unwritable = |error: io::Error| Unwritable(error.to_string());
        if !is_dying {
            self.resources.left(task, self.now()).await.map_err(unwritable)?;
        }
        self.life.step(40).await;
        self.life.writes("unlink").map_err(Unwritable)?;
        {
            let mut inner = self.life.sim.inner();
            inner.tell(|_| format!("disk: {task} is removed"));
            if inner.plan.broken != Broken::NoUnlink {
                inner.node.journal.remove(task);
            }
        }
        self.life.step(40).await;
        if is_dying {
            self.resources.left(task, self.now()).await.map_err(unwritable)?;
        }
        Ok(())
    }

    async fn post(&self, _: Records, name: &str, body: &str) -> Posted {
        let body: serde_json::Value = serde_json::from_str(body).expect("the body is JSON");
        let tags = body["conf"]["spark.yarn.tags"].as_str().expect("it has tags");
        let tags: Vec<String> = tags.split(',').map(str::to_owned).collect();
        let unsure = |reason: &str| Posted::Unsure { answered: false, reason: reason.to_owned() };
        {
            let mut inner = self.life.sim.inner();
            if !self.life.is_over(&inner) {
                inner.post_begins(&tags);
            }
        }
        let way = self.life.way(Service::Livy, 12).await;
        if way == Way::Refused {
            return Posted::NotNow("connection refused".to_owned());
        }
        let lost = way == Way::Lost || self.life.sim.inner().strikes(Mishap::LostPosts, 2);
        if lost {
            {
                let mut inner = self.life.sim.inner();
                if inner.rng.bool() {
                    inner.coverage.hit("world", "POST taken late", "");
                    let at = inner.at + inner.rng.u64(1..25) * SECOND;
                    inner.plan_act(at, Act::Takes { name: name.to_owned(), tags });
                } else {
                    inner.coverage.hit("world", "POST lost", "");
                }
            }
            sleep(TIMEOUT).await;
            return unsure("timed out");
        }
        let posted = self.life.sim.inner().take(name, tags);
        self.life.step(12).await;
        let lost = self.life.sim.inner().strikes(Mishap::LostPosts, 3);
        if lost { unsure("connection reset") } else { posted }
    }

    async fn batches(&self, names: Arc<HashSet<String>>) -> Result<Vec<BatchView>, ServiceError> {
        self.life.ask(Service::Livy, 1_000).await?;
        Ok(self.life.sim.inner().batches(|name| names.contains(name)))
    }

    async fn active(&self, _: Option<Arc<Active>>) -> Result<Active, ServiceError> {
        self.life.ask(Service::Yarn, 1_000).await?;
        Ok(self.life.sim.inner().active_apps())
    }

    fn has_yarn(&self) -> bool {
        true
    }

    fn filters_lists(&self) -> bool {
        self.life.sim.inner().filters_lists()
    }

    async fn find(&self, _: Records, name: &str) -> Result<Option<BatchView>, Unreachable> {
        self.life.ask(Service::Livy, 200).await?;
        let wanted = |known: &str| if name.starts_with('-') { known.ends_with(name) } else { known == name };
        Ok(self.life.sim.inner().batches(wanted).into_iter().next())
    }

    async fn log(&self, _: Records, _: &str) -> Result<Vec<String>, Unreachable> {
        self.life.ask(Service::Livy, 200).await?;
        Ok(vec!["stdout: ".to_owned(), "\nstderr: ".to_owned()])
    }

    async fn delete(&self, _: Records, name: &str) -> Result<Deleted, Unreachable> {
        self.life.ask(Service::Livy, 60).await?;
        Ok(self.life.sim.inner().delete_batch(name))
    }

    async fn tagged(&self, tag: &str) -> YarnAnswer {
        match self.life.ask(Service::Yarn, 200).await {
            Ok(()) => self.life.sim.inner().tagged_apps(tag),
            Err(Unreachable(reason)) => YarnAnswer::Unreachable(reason),
        }
    }

    async fn application(&self, id: &str) -> YarnAnswer {
        match self.life.ask(Service::Yarn, 200).await {
            Ok(()) => self.life.sim.inner().app_of_id(id),
            Err(Unreachable(reason)) => YarnAnswer::Unreachable(reason),
        }
    }

    async fn driver_log(&self, _: &str, _: &str) -> Result<Option<Vec<String>>, Unreachable> {
        Ok(None)
    }

    async fn yarn_retention(&self) -> Result<YarnRetention, Unreachable> {
        Ok(YarnRetention { started: Timestamp(EPOCH - 1_000_000), keeps: true })
    }

    async fn kill(&self, id: &str) -> Result<(), NotKilled> {
        if let Err(Unreachable(reason)) = self.life.ask(Service::Yarn, 40).await {
            return Err(NotKilled::NotNow(reason));
        }
        self.life.sim.inner().kill_app(id)
    }

    async fn tag_on_node(&self, tag: &str) -> TagOnNode {
        self.life.step(1_000).await;
        self.life.sim.inner().tag_on_node(tag)
    }

    async fn beat(&self, _: &str, _: &Token) -> Beat {
        panic!("nothing beats for a document")
    }

    async fn report(&self, _: &str, _: &Token, _: &Answer) -> Reported {
        panic!("it has no token")
    }

    async fn deliver(&self, task: &Task, document: &Document, outcome: &Outcome) -> Reported {
        let body = errand::answer(&document.form, outcome).expect("our own form");
        let body = self.life.sim.inner().other(body);
        let way = self.life.way(Service::Bucket, 15).await;
        let reported = self.life.sim.inner().put_for(&task.id, document.place.secret(), body, way);
        self.life.step(15).await;
        reported
    }

    async fn stopped(&self, task: &Task) {
        if self.life.sim.inner().plan.broken == Broken::NoWaiting {
            return;
        }
        ending::stopped(self, &self.resources, &self.sweep, task).await;
    }
}
