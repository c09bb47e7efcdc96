//! The truth about requests, runs and answers, and the promises that must hold after every step.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::Value;
use spark_job_worker::cloudformation::intake::Begun;
use spark_job_worker::cloudformation::request::Order;
use spark_job_worker::cloudformation::resource::{
    Act, Refusal, Resource, generation_of, resource_id, task_id,
};
use spark_job_worker::job::Task;
use spark_job_worker::job::application::AppEnd;
use spark_job_worker::job::goal::Goal;
use spark_job_worker::job::machine::{OnAbort, Stage, State};
use spark_job_worker::job::tags;
use spark_job_worker::job::world::Reported;
use tokio::sync::Notify;

use super::cluster::App;
use super::world::Inner;
use crate::plan::{EPOCH, Millis, SECOND};
use crate::way::Way;

pub(super) const STACK: &str = "arn:aws:cloudformation:eu-west-1:123456789012:stack/etl/1";
pub(super) const STACKS: &str = "arn:aws:cloudformation:eu-west-1:123456789012:stack/*";
pub(super) const TOPIC: &str = "arn:aws:sns:eu-west-1:123456789012:spark-jobs";
pub(super) const ORIGIN: &str = "http://127.0.0.1:1";

/// An answer is recorded at most this long after its deadline: logs are gathered, calls get lost.
const SLACK: Millis = 45 * SECOND;

/// A promise that can be broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Promise {
    /// A request has one application at most, ever.
    OneApplication,
    /// What is to start only after the end of others of its resource never lives beside one, and is not posted beside one.
    NeverTwo,
    /// A Delete is answered with SUCCESS only when nothing lives of what it ends.
    DeleteMeansDead,
    /// Nothing of it appears after that.
    NothingAppears,
    /// A request is answered with the same bytes, however often.
    OneAnswer,
    /// A request is answered, or nobody waits for it any more.
    Answered,
    /// A request that is stale, or older than one that was taken, starts nothing.
    NoStaleStart,
    /// A resource of which everything is deleted leaves no file once its tombstone is old.
    NoFileLeft,
    /// No entry of the journal is left over.
    NoEntryLeft,
    /// A message is deleted only once what it asks for is durable.
    DurableBeforeDelete,
    /// A stranger's message stays in the queue, and nothing of it runs.
    StrangersStay,
    /// What CloudFormation takes for the resource is not killed before it says so.
    BelievedLives,
    /// A SUCCESS says what is so.
    TrueAnswer,
    /// A FAILED Update, and a Delete, are answered under the id that they name.
    KeepsId,
    /// An outcome is recorded by the deadline.
    InTime,
    /// In the end nothing lives that CloudFormation does not take for a resource.
    NothingLeft,
    /// A run comes to its end.
    ComesToAnEnd,
    /// Places and slots are all returned.
    PlacesReturned,
    /// No loop of a job panics.
    NoPanic,
}

/// What CloudFormation wants, as it was published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Create,
    Update,
    Delete,
}

/// A request, and what became of it.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) id: String,
    pub(super) task: String,
    pub(super) stack: usize,
    pub(super) kind: Kind,
    pub(super) named: Option<String>,
    pub(super) at: Millis,
    pub(super) timeout: Millis,
    pub(super) goal: Goal,
    pub(super) url: String,
    /// Its URL is refused for good.
    pub(super) refused: bool,
    /// Its URL was refused once by mistake.
    pub(super) lied: bool,
    /// What the place of its answer holds.
    pub(super) held: Option<Value>,
    /// What was decided.
    pub(super) act: Option<Act>,
    /// When it was first seen, and when its message was first deleted.
    pub(super) seen: Option<Millis>,
    pub(super) handled: Option<Millis>,
    posted: Option<Millis>,
    /// What was sent first.
    sent: Option<Vec<u8>>,
    /// What is known of it got lost with a bad disk or a lost file: it may be decided anew.
    excused: bool,
    /// It was decided, and the file that said so is lost: it may be refused, and answered with that, and never run again.
    forgotten: bool,
    /// CloudFormation has read its answer while it waited.
    pub(super) read: bool,
}

impl Request {
    pub(super) fn new(
        (id, task): (String, String),
        (stack, kind, named): (usize, Kind, Option<String>),
        (at, timeout, goal): (Millis, Millis, Goal),
        (url, refused): (String, bool),
    ) -> Request {
        Request {
            id,
            task,
            stack,
            kind,
            named,
            at,
            timeout,
            goal,
            url,
            refused,
            lied: false,
            held: None,
            act: None,
            seen: None,
            handled: None,
            posted: None,
            sent: None,
            excused: false,
            forgotten: false,
            read: false,
        }
    }
}

/// A resource, as CloudFormation knows it.
#[derive(Debug)]
pub(super) struct Stack {
    pub(super) logical: String,
    /// What CloudFormation takes for it.
    pub(super) believed: Option<String>,
    /// It is left as it is.
    pub(super) retained: bool,
    /// Told when an answer is there.
    pub(super) answered: Arc<Notify>,
    /// Its file was lost once.
    lost: Option<Millis>,
    /// Deletes that were answered with SUCCESS.
    deleted: Vec<Deleted>,
}

#[derive(Debug, Clone)]
struct Deleted {
    generation: Option<String>,
    at: Millis,
}

impl Stack {
    pub(super) fn new(logical: String) -> Stack {
        Stack {
            logical,
            believed: None,
            retained: false,
            answered: Arc::default(),
            lost: None,
            deleted: Vec::new(),
        }
    }

    fn generation_tag(&self, generation: &str) -> String {
        tags::of_generation(&tags::short_id(&[STACK, &self.logical, generation]))
    }

    fn tag(&self) -> String {
        tags::of_resource(&tags::short_id(&[STACK, &self.logical]))
    }
}

#[derive(Debug)]
pub(super) struct Ledger {
    pub(super) requests: Vec<Request>,
    pub(super) stacks: Vec<Stack>,
    /// How many resources still live.
    pub(super) living: usize,
    pub(super) broken: Option<(Promise, String)>,
    /// Runs that were posted.
    posts: BTreeSet<String>,
}

impl Ledger {
    pub(super) fn new(stacks: Vec<Stack>) -> Ledger {
        let living = stacks.len();
        Ledger { requests: Vec::new(), stacks, living, broken: None, posts: BTreeSet::new() }
    }

    pub(super) fn of_task(&self, task: &str) -> Option<usize> {
        self.requests.iter().position(|request| request.task == task)
    }

    fn of_tags(&self, tags: &[String]) -> Option<usize> {
        self.of_task(tags.iter().find_map(|tag| tags::task_of(tag))?)
    }
}

fn stops_first(request: &Request) -> bool {
    matches!(request.act, Some(Act::Run { stops_first: true, .. }))
}

impl Inner {
    pub(super) fn violate(&mut self, promise: Promise, detail: impl FnOnce() -> String) {
        if self.ledger.broken.is_none() {
            let detail = detail();
            self.tell(|_| format!("!! {promise:?}: {detail}"));
            self.ledger.broken = Some((promise, detail));
        }
    }

    /// Whether anything is still to come of CloudFormation.
    pub(super) fn is_busy(&self) -> bool {
        self.ledger.living > 0
    }

    pub(super) fn received(&mut self, request: usize) {
        let at = self.at;
        self.ledger.requests[request].seen.get_or_insert(at);
        let lost = self.ledger.stacks[self.ledger.requests[request].stack].lost;
        let asked = &self.ledger.requests[request];
        // Of what was decided before the file got lost nothing is known any more once its entry is gone.
        if lost.is_some() && (asked.handled.is_some() || asked.sent.is_some()) {
            self.ledger.requests[request].forgotten = true;
        }
    }

    pub(super) fn file_lost(&mut self, name: &str) {
        self.tell(|_| format!("the file of resource {name} cannot be read"));
        self.coverage.hit("world", "a resource's file is lost", "");
        let at = self.at;
        let of = |stack: &&mut Stack| resource_id(STACK, &stack.logical) == name;
        self.ledger.stacks.iter_mut().find(of).into_iter().for_each(|stack| stack.lost = Some(at));
    }

    /// A decision, as the worker's loop hears of it.
    pub(super) fn decided(&mut self, letter: usize, order: &Order, begun: Option<&Begun>) {
        let kind = order.kind.as_str();
        let what = match begun.map(|begun| &begun.act) {
            None => "known or stale",
            Some(Act::Run { stops_first: false, .. }) => "run",
            Some(Act::Run { stops_first: true, .. }) => "run once others are dead",
            Some(Act::Adopt { .. }) => "adopt",
            Some(Act::Keep { .. }) => "keep",
            Some(Act::Refuse(Refusal::Superseded)) => "superseded",
            Some(Act::Refuse(Refusal::InvalidInput)) => "wrong input",
            Some(Act::Refuse(Refusal::Lost)) => "its file is lost",
            Some(Act::End { late: false, .. }) => "end",
            Some(Act::End { late: true, .. }) => "end, late",
            Some(Act::Known | Act::Stale) => "nothing",
        };
        self.coverage.hit("decision", kind, what);
        self.tell(|_| format!("{kind} {}: {what}", order.request_id));
        if self.request_in(letter).is_none() {
            self.violate(Promise::StrangersStay, || "a stranger is obeyed".to_owned());
        }
    }

    /// A resource's file is on disk: what was decided is in it.
    pub(super) fn filed(&mut self, resource: &Resource) {
        for known in &resource.requests {
            let task = task_of(&resource.logical_id, &known.id);
            if let Some(request) = self.ledger.of_task(&task) {
                self.ledger.requests[request].act.get_or_insert_with(|| known.act.clone());
            }
        }
    }

    /// A message of a request is deleted.
    pub(super) fn message_deleted(&mut self, request: usize) {
        let at = self.at;
        let asked = &self.ledger.requests[request];
        let (id, task) = (asked.id.clone(), asked.task.clone());
        let file = resource_id(STACK, &self.ledger.stacks[asked.stack].logical);
        let file = self.node.files.get(&file).map(|bytes| Resource::decode(bytes).expect("written so"));
        let has_entry = self.node.journal.contains_key(&task);
        let known = file.and_then(|file| file.requests.into_iter().find(|known| known.id == id));
        let is_kept = known.is_some_and(|known| !known.open || has_entry) || has_entry;
        // What is remembered for two hours needs no more than that.
        let is_old = at > asked.at + super::plan::EXPIRES;
        if !is_kept && !is_old && !asked.excused && !asked.forgotten {
            self.violate(Promise::DurableBeforeDelete, || format!("{id} is deleted and kept nowhere"));
        }
        self.ledger.requests[request].handled.get_or_insert(at);
    }

    /// An entry is on disk.
    pub(super) fn journaled(&mut self, task: &Task, state: &State) {
        let (State::Ended { .. }, Some(document)) = (state, &task.document) else { return };
        let Some(request) = self.ledger.of_task(&task.id) else { return };
        if self.ledger.requests[request].excused || self.ledger.requests[request].forgotten {
            return;
        }
        let due = document.deadline.0.saturating_sub(EPOCH);
        let handled = self.ledger.requests[request].handled.unwrap_or(self.at);
        let due = due.max(self.node.born).max(handled) + SLACK;
        if self.at > due {
            let (id, at) = (self.ledger.requests[request].id.clone(), self.at);
            self.violate(Promise::InTime, || format!("{id} is decided at {at}, due at {due}"));
        }
    }

    /// An entry cannot be written: its end is told from memory, and may be found out anew.
    pub(super) fn unwritten(&mut self, task: &str) {
        if let Some(request) = self.ledger.of_task(task) {
            self.ledger.requests[request].excused = true;
        }
    }

    /// A job is in a state, before its duty begins.
    pub(super) fn observed(&mut self, task: &str, state: &State) {
        self.tell(|_| format!("{task} {}", state.name()));
        if state.stage() == Stage::Settled {
            self.node.jobs.remove(task);
        } else {
            self.node.jobs.insert(task.to_owned(), state.stage());
        }
        if let State::Ended { outcome, .. } = state {
            self.coverage.hit("outcome", outcome.label(), "");
        }
    }

    /// A POST begins.
    pub(super) fn post_begins(&mut self, tags: &[String]) {
        let at = self.at;
        let Some(request) = self.ledger.of_tags(tags) else {
            return self.violate(Promise::StrangersStay, || format!("{tags:?} is posted"));
        };
        let asked = &self.ledger.requests[request];
        let (id, stack, until) = (asked.id.clone(), asked.stack, asked.at + asked.timeout);
        self.tell(|_| format!("POST for {id}"));
        if at >= until {
            self.violate(Promise::NoStaleStart, || format!("{id} is stale"));
        }
        let newer = self.ledger.requests.iter().find(|other| {
            let is_newer = other.at > self.ledger.requests[request].at;
            let counts = !matches!(other.act, Some(Act::Refuse(Refusal::Superseded)) | None);
            let taken = other.handled.is_some_and(|handled| handled + SECOND < at);
            other.stack == stack && is_newer && counts && taken
        });
        if let Some(newer) = newer.map(|newer| newer.id.clone()) {
            self.violate(Promise::NoStaleStart, || format!("{id} is posted, and {newer} is newer"));
        }
        if stops_first(&self.ledger.requests[request])
            && let Some(other) = self.other_alive(stack, request)
        {
            self.violate(Promise::NeverTwo, || format!("{id} is posted while {other} lives"));
        }
        self.ledger.requests[request].posted = Some(at);
        self.ledger.posts.insert(id);
    }

    /// An application of a resource that lives and is not this request's, nor left alone by its Delete.
    fn other_alive(&self, stack: usize, request: usize) -> Option<String> {
        let tag = self.ledger.stacks[stack].tag();
        let own = tags::of_run(&self.ledger.requests[request].task);
        let mut others =
            self.cluster.apps.iter().filter(|app| app.is_live() && app.has(&tag) && app.run != own);
        others.find(|app| !self.is_spared(stack, app)).map(|app| app.id.clone())
    }

    /// Whether something of a resource may be decided anew.
    fn is_muddled(&self, stack: usize) -> bool {
        self.ledger.requests.iter().any(|request| request.stack == stack && request.excused)
    }

    fn is_spared(&self, stack: usize, app: &App) -> bool {
        self.plan.on_delete == OnAbort::Leave
            && self.ledger.stacks[stack].deleted.iter().any(|deleted| self.concerns(stack, deleted, app))
    }

    /// Whether a Delete ends the run of an application.
    fn concerns(&self, stack: usize, deleted: &Deleted, app: &App) -> bool {
        let stack = &self.ledger.stacks[stack];
        match &deleted.generation {
            Some(generation) => app.has(&stack.generation_tag(generation)),
            None => {
                let of = self.ledger.of_tags(&app.tags);
                app.has(&stack.tag()) && of.is_some_and(|of| self.ledger.requests[of].at <= deleted.at)
            }
        }
    }

    /// An application has appeared.
    pub(super) fn app_starts(&mut self, number: usize) {
        let run = self.cluster.apps[number].run.clone();
        let tags = self.cluster.apps[number].tags.clone();
        let Some(request) = self.ledger.of_tags(&tags) else { return };
        let (id, stack) = (self.ledger.requests[request].id.clone(), self.ledger.requests[request].stack);
        let count = self.cluster.apps.iter().filter(|app| app.run == run).count();
        if count > 1 && !self.ledger.requests[request].excused {
            self.violate(Promise::OneApplication, || format!("{id} has {count} applications"));
        }
        let leaves = self.plan.on_delete == OnAbort::Leave;
        let gone = self.ledger.stacks[stack].deleted.clone();
        let gone = gone.iter().any(|deleted| self.concerns(stack, deleted, &self.cluster.apps[number]));
        if gone && !leaves && !self.node.gone && !self.is_muddled(stack) {
            self.violate(Promise::NothingAppears, || {
                format!("an application of {id} appears after its Delete")
            });
        }
        // Of two that live the one that was posted later may have had to wait.
        let tag = self.ledger.stacks[stack].tag();
        let others = self.cluster.apps.iter().filter(|app| app.is_live() && app.has(&tag) && app.run != run);
        let others: Vec<usize> = others.filter_map(|app| self.ledger.of_tags(&app.tags)).collect();
        for other in others {
            let posted = |request: usize| self.ledger.requests[request].posted;
            let later = if posted(other) > posted(request) { other } else { request };
            let earlier = if later == other { request } else { other };
            let run = tags::of_run(&self.ledger.requests[earlier].task);
            let spared = self.cluster.apps.iter().any(|app| app.run == run && self.is_spared(stack, app));
            if stops_first(&self.ledger.requests[later]) && !spared && !self.is_muddled(stack) {
                let other = self.ledger.requests[other].id.clone();
                self.violate(Promise::NeverTwo, || format!("{id} and {other} live at once"));
            }
        }
    }

    /// The worker kills an application.
    pub(super) fn note_kill(&mut self, app: usize) {
        if !self.cluster.apps[app].is_live() {
            return;
        }
        let tags = self.cluster.apps[app].tags.clone();
        let Some(request) = self.ledger.of_tags(&tags) else { return };
        let (stack, at) = (self.ledger.requests[request].stack, self.ledger.requests[request].at);
        // What was decided anew can end what came after it.
        if self.is_muddled(stack) {
            return;
        }
        // What failed is ended by its own request, and what was never heard of by a newer one.
        let good = self.ledger.requests[request].sent.as_deref().is_some_and(|sent| {
            let answer: Value = serde_json::from_slice(sent).expect("an answer is JSON");
            answer["Status"] == "SUCCESS"
        });
        if !good || !self.ledger.requests[request].read {
            return;
        }
        let known = &self.ledger.stacks[stack];
        let Some(generation) = known.believed.as_deref().and_then(generation_of) else { return };
        if !tags.contains(&known.generation_tag(generation)) {
            return;
        }
        let ends = |other: &&Request| {
            let names = other.named.as_deref().and_then(generation_of);
            match other.kind {
                Kind::Create => false,
                Kind::Update => stops_first(other) || other.act.is_none(),
                Kind::Delete => names.is_none_or(|named| named == generation),
            }
        };
        let mut later = self.ledger.requests.iter().filter(|other| other.stack == stack && other.at > at);
        let is_newest = !self.ledger.requests.iter().any(|other| {
            other.stack == stack && other.at > at && other.posted.is_some() && stops_first(other)
        });
        if is_newest && !later.any(|other| ends(&other)) {
            let id = self.ledger.requests[request].id.clone();
            self.violate(Promise::BelievedLives, || {
                format!("the run of {id} is killed, and nobody asked for it")
            });
        }
    }

    /// A PUT is sent.
    pub(super) fn put_for(&mut self, task: &str, url: &str, body: Vec<u8>, way: Way) -> Reported {
        let Some(request) = self.ledger.of_task(task).filter(|of| self.ledger.requests[*of].url == url)
        else {
            self.violate(Promise::OneAnswer, || format!("{task} is answered at another place"));
            return Reported::Acknowledged;
        };
        self.put(request, body, way)
    }

    pub(super) fn note_put(&mut self, request: usize, body: &[u8]) {
        let asked = &self.ledger.requests[request];
        let (id, excused, sent) = (asked.id.clone(), asked.excused || asked.forgotten, asked.sent.clone());
        match sent {
            Some(sent) if sent == body || excused => return,
            Some(_) => {
                return self.violate(Promise::OneAnswer, || format!("{id} is answered with other bytes"));
            }
            None => self.ledger.requests[request].sent = Some(body.to_vec()),
        }
        let answer: Value = serde_json::from_slice(body).expect("an answer is JSON");
        self.tell(|_| format!("the answer to {id}: {answer}"));
        let good = answer["Status"] == "SUCCESS";
        let (kind, named) = (self.ledger.requests[request].kind, self.ledger.requests[request].named.clone());
        let physical = answer["PhysicalResourceId"].as_str().unwrap_or_default().to_owned();
        let keeps = kind == Kind::Delete || (kind == Kind::Update && !good);
        if keeps && named.as_deref() != Some(&*physical) || physical.is_empty() {
            self.violate(Promise::KeepsId, || format!("{id} is answered as {physical}, not as {named:?}"));
        }
        if body.len() > 4_096 || answer["RequestId"] != id || answer["StackId"] != STACK {
            self.violate(Promise::TrueAnswer, || format!("{answer}"));
        }
        match (kind, good) {
            (Kind::Delete, true) => self.deleted(request),
            (Kind::Create | Kind::Update, true) => self.reached(request),
            (_, false) => {}
        }
    }

    /// A Delete is answered with SUCCESS.
    fn deleted(&mut self, request: usize) {
        let asked = &self.ledger.requests[request];
        let (stack, id) = (asked.stack, asked.id.clone());
        let generation = asked.named.as_deref().and_then(generation_of).map(str::to_owned);
        let deleted = Deleted { generation, at: asked.at };
        let lives = self.cluster.apps.iter().find(|app| app.is_live() && self.concerns(stack, &deleted, app));
        let lives = lives.map(|app| app.id.clone());
        if self.plan.on_delete == OnAbort::Kill
            && let Some(lives) = lives
        {
            self.violate(Promise::DeleteMeansDead, || format!("{id} succeeds while {lives} lives"));
        }
        self.ledger.stacks[stack].deleted.push(deleted);
    }

    /// A Create or an Update is answered with SUCCESS.
    fn reached(&mut self, request: usize) {
        let asked = &self.ledger.requests[request];
        let (id, goal) = (asked.id.clone(), asked.goal);
        let tag = match &asked.act {
            Some(Act::Run { .. }) => tags::of_run(&asked.task),
            Some(Act::Adopt { generation }) => self.ledger.stacks[asked.stack].generation_tag(generation),
            Some(Act::Keep { .. }) => return,
            other => {
                let other = format!("{id} succeeds, and was {other:?}");
                return self.violate(Promise::TrueAnswer, || other);
            }
        };
        let is_there = self.cluster.apps.iter().filter(|app| app.has(&tag)).any(|app| match goal {
            Goal::Submitted => true,
            Goal::Running => app.ran.is_some(),
            Goal::Succeeded => matches!(app.over, Some((AppEnd::Succeeded, _))),
        });
        if !is_there {
            self.violate(Promise::TrueAnswer, || format!("{id} succeeds, and its job is not {goal:?}"));
        }
    }

    /// An answer is at its place.
    pub(super) fn apply(&mut self, request: usize, body: &[u8]) {
        let answer = serde_json::from_slice(body).expect("an answer is JSON");
        let (id, held) = (self.ledger.requests[request].id.clone(), &mut self.ledger.requests[request].held);
        if held.is_none() {
            *held = Some(answer);
            let stack = self.ledger.requests[request].stack;
            self.ledger.stacks[stack].answered.notify_one();
            self.tell(|_| format!("the answer to {id} is there"));
        }
    }

    /// What must hold when all is over, before what is remembered is old.
    pub(super) fn last_look(&mut self) {
        let left: Vec<String> = self.node.journal.keys().cloned().collect();
        if !left.is_empty() && !self.node.gone {
            self.violate(Promise::NoEntryLeft, || format!("{left:?}"));
        }
        for request in 0..self.ledger.requests.len() {
            if let Some(why) = self.is_waited_for(request) {
                self.violate(Promise::Answered, || why);
            }
        }
        let live: Vec<usize> =
            (0..self.cluster.apps.len()).filter(|app| self.cluster.apps[*app].is_live()).collect();
        for app in live {
            let app = &self.cluster.apps[app];
            let Some(request) = self.ledger.of_tags(&app.tags) else { continue };
            let number = self.ledger.requests[request].stack;
            let stack = &self.ledger.stacks[number];
            let is_believed = stack
                .believed
                .as_deref()
                .and_then(generation_of)
                .is_some_and(|generation| app.has(&stack.generation_tag(generation)));
            if !is_believed && !self.is_spared(number, app) {
                let id = app.id.clone();
                self.violate(Promise::NothingLeft, || format!("{id} lives and is nobody's"));
            }
        }
    }

    /// Why somebody still waits for a request, where that is so.
    fn is_waited_for(&self, number: usize) -> Option<String> {
        let request = &self.ledger.requests[number];
        let handled = request.handled.filter(|_| !self.node.gone)?;
        let is_newer = |other: &Request| {
            other.stack == request.stack
                && other.at >= request.at
                && other.id != request.id
                && other.seen.is_some()
        };
        let is_job = request.kind != Kind::Delete;
        let superseded = is_job && self.ledger.requests.iter().any(is_newer);
        let stale = is_job && handled >= request.at + request.timeout;
        let is_over = request.held.is_some()
            || request.refused
            || superseded
            || stale
            || request.excused
            || request.forgotten;
        (!is_over).then(|| format!("{} is not answered, and was {:?}", request.id, request.act))
    }

    /// What must hold long after all is over.
    pub(super) fn very_last_look(&mut self) {
        for stack in 0..self.ledger.stacks.len() {
            let known = &self.ledger.stacks[stack];
            let file = resource_id(STACK, &known.logical);
            if known.believed.is_none()
                && !known.retained
                && self.node.files.contains_key(&file)
                && !self.node.gone
            {
                let bytes = self.node.files.get(&file).cloned().unwrap_or_default();
                let what = String::from_utf8_lossy(&bytes).into_owned();
                self.violate(Promise::NoFileLeft, || what);
            }
        }
    }
}

/// The id of the task that a request becomes.
pub(super) fn task_of(logical: &str, request: &str) -> String {
    task_id(STACK, logical, request)
}
