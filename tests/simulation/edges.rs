//! What a worker on a node can reach: each call takes a while, may get no answer, and may be the last one of its life.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;
use std::time::Duration;

use spark_job_worker::job::Task;
use spark_job_worker::job::application::{Active, YarnAnswer};
use spark_job_worker::job::journal;
use spark_job_worker::job::machine::{Records, State};
use spark_job_worker::job::report::{Answer, FailedStage, FailedWork};
use spark_job_worker::job::timestamp::Timestamp;
use spark_job_worker::job::token::Token;
use spark_job_worker::job::world::{
    BatchView, Beat, CountedEvent, Deleted, NotKilled, Posted, Reported, ServiceError, TagOnNode,
    Unreachable, Unwritable, World, YarnRetention,
};
use tokio::time::sleep;

use crate::plan::{Broken, Mishap, SECOND, YarnAnswer as Circumstances};
use crate::way::{ARN, Here, Service, TIMEOUT, Way};
use crate::world::{Act, Inner};

impl Here {
    /// A poll: a task with its input, or nothing in a minute.
    pub(crate) async fn poll(&self) -> Option<(Token, String)> {
        if self.way(Service::StepFunctions, 50).await != Way::Arrives {
            sleep(Duration::from_secs(2)).await;
            return None;
        }
        let patience = 60 * SECOND;
        let (handed, began) = {
            let mut inner = self.sim.inner();
            let handed = inner.hand_out(self.node).map(|number| inner.tickets[number].token.clone());
            (handed, inner.at)
        };
        let next = match handed {
            Ok(token) => return self.handed(token).await,
            Err(next) => next,
        };
        let wait = next.map_or(patience, |next| next.saturating_sub(began).min(patience));
        sleep(Duration::from_millis(wait)).await;
        self.step(200).await;
        let handed = {
            let mut inner = self.sim.inner();
            inner.hand_out(self.node).ok().map(|number| inner.tickets[number].token.clone())
        };
        match handed {
            Some(token) => self.handed(token).await,
            None => None,
        }
    }

    /// A token is lost where the worker ends before it knows it.
    async fn handed(&self, token: String) -> Option<(Token, String)> {
        self.step(20).await;
        let input = {
            let inner = self.sim.inner();
            let number = inner.ticket_of(&token);
            inner.input_of(number)
        };
        Some((Token::new(token), input.to_string()))
    }

    fn ticket(&self, inner: &Inner, activity: &str, token: &Token) -> usize {
        assert_eq!(activity, ARN, "a token is served at its own activity");
        inner.ticket_of(token.secret())
    }
}

impl World for Here {
    fn now(&self) -> Timestamp {
        Timestamp(self.sim.inner().wall(self.node))
    }

    async fn write(&self, task: &Task, state: &State) -> Result<(), Unwritable> {
        self.step(60).await;
        {
            let mut inner = self.sim.inner();
            if inner.plan.broken == Broken::NoWriteBeforePost && matches!(state, State::Submitting { .. }) {
                return Ok(());
            }
            let at = inner.at;
            if inner.nodes[self.node].bad_disk.is_on(at) {
                inner.tell(|_| format!("the disk does not take {} {}", task.id, state.name()));
                inner.not_journaled(&task.id, state);
                inner.nodes[self.node].disk_good.send_if_modified(|good| std::mem::replace(good, false));
                inner.coverage.hit("world", "write refused", state.name());
                return Err(Unwritable("no space left on device".to_owned()));
            }
            inner.nodes[self.node].disk_good.send_if_modified(|good| !std::mem::replace(good, true));
            let bytes = journal::encode(task, state).expect("a task is data");
            inner.tell(|_| format!("disk {}: {} {}", self.node, task.id, state.name()));
            inner.journaled(self.node, &task.id, state);
            inner.nodes[self.node].disk.insert(task.id.clone(), bytes);
        }
        self.step(60).await;
        Ok(())
    }

    async fn forget(&self, task: &str) -> Result<(), Unwritable> {
        self.may_break(20, "in a job");
        self.step(60).await;
        {
            let mut inner = self.sim.inner();
            if inner.nodes[self.node].bad_disk.is_on(inner.at) {
                inner.coverage.hit("world", "unlink refused", "");
                return Err(Unwritable("read-only file system".to_owned()));
            }
            inner.tell(|_| format!("disk {}: {task} is removed", self.node));
            inner.nodes[self.node].disk.remove(task);
            inner.entry_removed(task);
        }
        self.step(60).await;
        Ok(())
    }

    async fn keep_hidden(&self, ids: Vec<String>) -> Result<(), Unwritable> {
        self.step(20).await;
        let mut inner = self.sim.inner();
        if inner.nodes[self.node].bad_disk.is_on(inner.at) {
            return Err(Unwritable("no space left on device".to_owned()));
        }
        inner.tell(|_| format!("disk {}: hidden are {ids:?}", self.node));
        inner.coverage.hit("world", "hidden ids kept", if ids.is_empty() { "none any more" } else { "some" });
        inner.nodes[self.node].hidden = ids;
        Ok(())
    }

    async fn post(&self, _: Records, name: &str, body: &str) -> Posted {
        self.may_break(8, "in a POST");
        let body: serde_json::Value = serde_json::from_str(body).expect("the body is JSON");
        let tags = body["conf"]["spark.yarn.tags"].as_str().expect("it has tags");
        let tag = tags.rsplit(',').next().unwrap_or_default().to_owned();
        assert_eq!(body["name"], name, "the body has the name");
        let proxy_user = body["proxyUser"].as_str().map(str::to_owned);
        let unsure = |reason: &str| Posted::Unsure { answered: false, reason: reason.to_owned() };
        {
            let mut inner = self.sim.inner();
            if self.is_alive(&inner) {
                inner.post_begins(self.node, &tag);
                inner.posted_input(&tag, &body);
            }
        }
        match self.way(Service::Livy, 12).await {
            Way::Arrives => {}
            Way::Refused => return Posted::NotNow("connection refused".to_owned()),
            Way::Lost => {
                let mut inner = self.sim.inner();
                let (late, node) = (inner.rng.u64(1..25), self.node);
                if inner.rng.bool() {
                    inner.coverage.hit("world", "POST taken late", "");
                    let act = Act::LivyTakes { node, name: name.to_owned(), tag, proxy_user };
                    let at = inner.at + late * SECOND;
                    inner.plan_act(at, act);
                }
                return unsure("timed out");
            }
        }
        let slow = {
            let mut inner = self.sim.inner();
            let slow = if inner.strikes(Mishap::BadPosts, 2) { inner.rng.u64(1_000..25_000) } else { 0 };
            if slow > 0 {
                inner.coverage.hit("world", "bad POST", "slow");
            }
            slow
        };
        if slow > 0 {
            sleep(Duration::from_millis(slow)).await;
        }
        let posted = self.sim.inner().take(self.node, name, &tag, proxy_user);
        if self.is_answer_lost(8).await { unsure("connection reset") } else { posted }
    }

    async fn batches(&self, names: Arc<HashSet<String>>) -> Result<Vec<BatchView>, ServiceError> {
        self.ask(Service::Livy, 1_000).await?;
        let mut inner = self.sim.inner();
        let found = inner.nodes[self.node].livy.records.iter().filter(|record| names.contains(&record.name));
        let found: Vec<_> = found.cloned().collect();
        Ok(found.iter().map(|record| inner.view(record)).collect())
    }

    async fn active(&self, _: Option<Arc<Active>>) -> Result<Active, ServiceError> {
        self.ask(Service::Yarn, 1_000).await?;
        let mut inner = self.sim.inner();
        let active = inner.active_apps(self.node);
        inner.tell(|_| {
            let ids: BTreeSet<&str> = active.applications().map(|one| one.id.as_str()).collect();
            format!("node {}: YARN lists {ids:?}", self.node)
        });
        Ok(active)
    }

    fn has_yarn(&self) -> bool {
        self.sim.inner().plan.yarn == Circumstances::On
    }

    async fn find(&self, _: Records, name: &str) -> Result<Option<BatchView>, Unreachable> {
        self.may_break(40, "in a job");
        self.ask(Service::Livy, 200).await?;
        let mut inner = self.sim.inner();
        let wanted = |known: &str| if name.starts_with('-') { known.ends_with(name) } else { known == name };
        let found = inner.nodes[self.node].livy.records.iter().find(|record| wanted(&record.name)).cloned();
        Ok(found.map(|record| inner.view(&record)))
    }

    async fn log(&self, _: Records, name: &str) -> Result<Vec<String>, Unreachable> {
        self.may_break(10, "in a job");
        self.ask(Service::Livy, 100).await?;
        Ok(self.sim.inner().batch_log(self.node, name))
    }

    async fn delete(&self, _: Records, name: &str) -> Result<Deleted, Unreachable> {
        self.ask(Service::Livy, 60).await?;
        let blocks = {
            let mut inner = self.sim.inner();
            let blocks = inner.strikes(Mishap::BadDeletes, 3);
            if blocks {
                inner.coverage.hit("world", "DELETE that blocks", "");
                let at = inner.at + inner.rng.u64(5..60) * SECOND;
                inner.plan_act(at, Act::Deletes { node: self.node, name: name.to_owned() });
            }
            blocks
        };
        if blocks {
            sleep(TIMEOUT).await;
            return Err(Unreachable("timed out".to_owned()));
        }
        let deleted = self.sim.inner().delete(self.node, name);
        if self.is_answer_lost(40).await {
            return Err(Unreachable("timed out".to_owned()));
        }
        Ok(deleted)
    }

    async fn tagged(&self, tag: &str) -> YarnAnswer {
        self.may_break(40, "in a job");
        if !self.has_yarn() {
            return YarnAnswer::Off;
        }
        match self.ask(Service::Yarn, 200).await {
            Ok(()) => {
                let mut inner = self.sim.inner();
                let found = inner.tagged_apps(self.node, tag);
                inner.tell(|_| format!("node {}: YARN on {tag}: {}", self.node, in_short(&found)));
                found
            }
            Err(_) if self.sim.inner().plan.broken == Broken::SilenceIsAbsence => {
                YarnAnswer::Answer(Vec::new())
            }
            Err(Unreachable(reason)) => YarnAnswer::Unreachable(reason),
        }
    }

    async fn application(&self, id: &str) -> YarnAnswer {
        self.may_break(25, "in a job");
        if !self.has_yarn() {
            return YarnAnswer::Off;
        }
        match self.ask(Service::Yarn, 200).await {
            Ok(()) => {
                let mut inner = self.sim.inner();
                let found = inner.app_of_id(self.node, id);
                inner.tell(|_| format!("node {}: YARN on {id}: {}", self.node, in_short(&found)));
                found
            }
            Err(Unreachable(reason)) => YarnAnswer::Unreachable(reason),
        }
    }

    async fn driver_log(&self, _: &str, _: &str) -> Result<Option<Vec<String>>, Unreachable> {
        self.may_break(4, "in a job");
        self.ask(Service::Yarn, 30).await?;
        Ok((self.sim.inner().rng.u8(0..4) == 0).then(Vec::new))
    }

    fn asks_spark(&self) -> bool {
        self.sim.inner().plan.asks_spark
    }

    async fn failed_work(&self, _: &str, _: Option<&str>) -> Result<Option<FailedWork>, Unreachable> {
        self.may_break(4, "in a job");
        self.ask(Service::Yarn, 30).await?;
        let (jobs, knows) = {
            let rng = &mut self.sim.inner().rng;
            (rng.u64(0..3), rng.u8(0..4))
        };
        let stages = (0..jobs).map(|stage| FailedStage { stage, ..FailedStage::default() }).collect();
        Ok((knows > 0).then_some(FailedWork { is_complete: knows > 1, jobs, stages }))
    }

    async fn yarn_retention(&self) -> Result<YarnRetention, Unreachable> {
        if !self.has_yarn() {
            return Err(Unreachable("there is none".to_owned()));
        }
        match self.ask(Service::Yarn, 200).await {
            Err(silence) if self.sim.inner().plan.broken != Broken::SilenceIsAbsence => Err(silence),
            Ok(()) | Err(_) => Ok(self.sim.inner().yarn_memory()),
        }
    }

    async fn kill(&self, id: &str) -> Result<(), NotKilled> {
        self.may_break(25, "in a job");
        if let Err(Unreachable(reason)) = self.ask(Service::Yarn, 40).await {
            return Err(NotKilled::NotNow(reason));
        }
        self.sim.inner().kill_app(id)
    }

    async fn tag_on_node(&self, tag: &str) -> TagOnNode {
        self.step(1_000).await;
        let mut inner = self.sim.inner();
        if inner.plan.broken == Broken::NoProcesses {
            return TagOnNode::No;
        }
        inner.tag_on_node(self.node, tag)
    }

    async fn beat(&self, activity: &str, token: &Token) -> Beat {
        self.may_break(12, "in a heartbeat");
        let way = self.way(Service::StepFunctions, 400).await;
        let mut inner = self.sim.inner();
        let number = self.ticket(&inner, activity, token);
        if way != Way::Arrives {
            inner.lost_beat(number);
            return Beat::Unanswered("no answer".to_owned());
        }
        inner.beat(number)
    }

    async fn report(&self, activity: &str, token: &Token, answer: &Answer) -> Reported {
        self.may_break(12, "in a job");
        let reason = |reason: &str| reason.to_owned();
        match self.way(Service::StepFunctions, 20).await {
            Way::Arrives => {}
            Way::Refused => {
                return Reported::Again { reason: reason("connection refused"), maybe_applied: false };
            }
            Way::Lost => {
                let mut inner = self.sim.inner();
                let number = self.ticket(&inner, activity, token);
                inner.report_lost(number);
                return Reported::Again { reason: reason("timed out"), maybe_applied: true };
            }
        }
        let reported = {
            let mut inner = self.sim.inner();
            let number = self.ticket(&inner, activity, token);
            inner.report(number, answer)
        };
        if self.is_answer_lost(20).await {
            let mut inner = self.sim.inner();
            let number = self.ticket(&inner, activity, token);
            inner.report_lost(number);
            return Reported::Again { reason: reason("timed out"), maybe_applied: true };
        }
        reported
    }

    fn count(&self, what: CountedEvent) {
        let name = match what {
            CountedEvent::Doubled => "doubled",
            CountedEvent::KillVerified => "kill verified",
            CountedEvent::KillUnverified => "kill not verified",
        };
        self.sim.inner().coverage.hit("counted", name, "");
    }
}

fn in_short(yarn: &YarnAnswer) -> String {
    match yarn {
        YarnAnswer::Answer(found) => {
            let found = found.iter().map(|application| format!("{} {:?}", application.id, application.state));
            found.collect::<Vec<_>>().join(", ")
        }
        YarnAnswer::Off | YarnAnswer::Unreachable(_) | YarnAnswer::Hidden(_) => format!("{yarn:?}"),
    }
}
