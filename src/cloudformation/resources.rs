//! All resources, in memory and in their files. Every change is on disk before anybody acts on it.
//!
//! A request is decided once. What was decided is in its resource's file before its task is in the journal, and both are
//! there before its message is deleted: so a message that comes again either finds its task held, or its outcome
//! recorded, or begins the task that was decided.

mod duties;
mod inner;

use std::collections::{BTreeMap, HashSet};
use std::io;
use std::path::Path;
use std::pin::pin;
use std::sync::{Arc, PoisonError, RwLock};

use tokio::sync::{Mutex, Notify};

use super::errand;
use super::files::{Files, Store};
use super::request::Order;
use super::resource::{Act, Resource, Seen, Wait, candidate, decide, resource_id, task_id};
use crate::job::Task;
use crate::job::journal::JournalError;
use crate::job::machine::{OnAbort, Run, Stage, State};
use crate::job::report::Outcome;
use crate::job::timestamp::Timestamp;
pub use duties::Duties;
use inner::Inner;

/// All resources of this worker.
#[derive(Debug)]
pub struct Resources<S = Arc<Files>> {
    inner: Mutex<Inner>,
    store: S,
    /// Wakes who has [duties](Resources::duties) to look after, of whom there is one; keeps a change until it is heard.
    tended: Notify,
    /// Wakes tasks that wait for the end of others, in the order in which they began to.
    ended: Notify,
    /// The ids of the tasks that were answered and whose runs were left alone.
    standing: RwLock<HashSet<String>>,
}

/// What is to be done about an order beside what its resource's file says now.
#[derive(Debug)]
pub struct Taken {
    /// What was decided, now or when it came first.
    pub act: Act,
    /// The resource after that.
    pub resource: Resource,
}

/// What an order is decided with.
#[derive(Debug, Clone, Copy)]
pub struct Known<'a> {
    /// What it asks for can be run.
    pub valid: bool,
    /// The run that it could adopt lives.
    pub candidate_lives: bool,
    /// What its job is called.
    pub name: &'a str,
    /// What becomes of an answered job when its resource is deleted.
    pub on_delete: OnAbort,
}

impl Resources {
    /// Reads the files below the state directory. Blocking. Also returns what could not be read.
    ///
    /// # Errors
    /// As [`Files::open`].
    pub fn open(state: &Path) -> Result<(Resources, Vec<(String, String)>), JournalError> {
        let (files, found) = Files::open(state)?;
        Ok((Resources::new(Arc::new(files), found.resources, found.lost), found.corrupt))
    }

    /// Whether there are files of earlier starts below the state directory. Blocking.
    pub fn are_in(state: &Path) -> bool {
        Files::are_in(state)
    }
}

impl<S: Store> Resources<S> {
    /// Resources as they were kept in a store. `lost`: the ids of those whose files were lost and not written anew, and
    /// when they were written last.
    pub fn new(store: S, found: Vec<Resource>, lost: BTreeMap<String, Timestamp>) -> Resources<S> {
        let mut inner = Inner { lost, ..Inner::default() };
        found.into_iter().for_each(|resource| inner.put(resource));
        let standing = RwLock::new(inner.standing());
        Resources { inner: Mutex::new(inner), store, tended: Notify::new(), ended: Notify::new(), standing }
    }

    /// Returns once something has changed since the last time. For one caller.
    pub async fn changed(&self) {
        self.tended.notified().await;
    }

    /// The run that an order would adopt if it lives.
    pub async fn candidate(&self, order: &Order) -> Option<Run> {
        let inner = self.inner.lock().await;
        let resource = inner.known.get(&resource_id(&order.stack_id, &order.logical_id))?;
        let generation = candidate(resource, order)?;
        generation.runs.last().map(|record| resource.run_of(generation, record))
    }

    /// Decides about an order and keeps that. `None`: nothing is to be done about it, except to delete its message.
    ///
    /// # Errors
    /// What the system says; nothing was decided then.
    pub async fn take(&self, order: &Order, with: Known<'_>, now: Timestamp) -> io::Result<Option<Taken>> {
        let mut inner = self.inner.lock().await;
        let task = task_id(&order.stack_id, &order.logical_id, &order.request_id);
        let id = resource_id(&order.stack_id, &order.logical_id);
        let unknown = || Resource { lost: inner.lost.get(&id).copied(), ..Resource::of(order) };
        let before = inner.known.get(&id).cloned().unwrap_or_else(unknown);
        if let Some(known) = before.requests.iter().find(|known| known.id == order.request_id) {
            // It may have been decided right before a crash, and never begun.
            let is_left = known.open && !inner.held.contains_key(&task);
            let act = known.act.clone();
            return Ok(is_left.then(|| {
                inner.held.insert(task, None);
                Taken { act, resource: before }
            }));
        }
        // Its task can be there already where only the resource's file was lost.
        let is_held = inner.held.contains_key(&task);
        let seen = Seen { valid: with.valid, candidate_lives: with.candidate_lives, is_held };
        let decision = decide(&before, order, seen, now);
        let mut resource = before;
        if let (Act::End { which, .. }, OnAbort::Leave) = (&decision.act, with.on_delete) {
            resource.spare(which);
        }
        resource.apply(order, &decision, with.name, now);
        resource.catch_up(&order.request_id, inner.held.get(&task).copied().flatten());
        self.store.write(&resource).await?;
        inner.unwritten.remove(&id);
        inner.put(resource.clone());
        self.note(&inner);
        let is_task = !matches!(decision.act, Act::Stale | Act::Known) && !is_held;
        if is_task {
            inner.held.insert(task, None);
        }
        self.tell();
        Ok(is_task.then_some(Taken { act: decision.act, resource }))
    }

    /// No job is at work on a task any more. One that was never begun begins when its message comes again; a run of it that
    /// still has to be ended wants another one.
    pub async fn release(&self, task: &str) {
        let mut inner = self.inner.lock().await;
        inner.held.remove(task);
        inner.strays.remove(task);
        drop(inner);
        self.tell();
    }

    /// A task is on disk in this state, or was found there.
    ///
    /// # Errors
    /// What the system says.
    pub async fn heard(&self, task: &Task, state: &State, now: Timestamp) -> io::Result<()> {
        let mut inner = self.inner.lock().await;
        inner.held.insert(task.id.clone(), Some(state.stage()));
        inner.notice(task, state);
        self.happens(&mut inner, task, state, now).await
    }

    /// A task is in this state, which could not be put on disk: it goes on from memory. One of which nothing is on disk
    /// does not go on.
    pub async fn heard_in_vain(&self, task: &Task, state: &State, now: Timestamp) {
        let mut inner = self.inner.lock().await;
        if matches!(inner.held.get(&task.id), Some(Some(_))) {
            // That its file cannot be written either is told by then.
            let _ = self.happens(&mut inner, task, state, now).await;
        }
    }

    async fn happens(&self, inner: &mut Inner, task: &Task, state: &State, now: Timestamp) -> io::Result<()> {
        let is_disowned = matches!(state, State::Ended { outcome: Outcome::Failed(_), .. })
            && task.document.as_ref().is_some_and(|document| errand::fails_under_another_id(&document.form));
        self.change(inner, &task.id, |resource, request| {
            resource.heard(request, state, now);
            if is_disowned {
                resource.disown(request, now);
            }
        })
        .await
    }

    /// Whether a task ends a run. Its entry goes before its resource says that the run is dead: an entry that was left over
    /// by a crash would end by its tag what begins later. Without it the run is ended once more.
    pub async fn is_dying(&self, task: &str) -> bool {
        self.inner.lock().await.held.get(task).copied().flatten() == Some(Stage::Orphaned)
    }

    /// A task is done with; afterwards its entry may go, and it may be released.
    ///
    /// # Errors
    /// What the system says; its entry is to stay then.
    pub async fn left(&self, task: &str, now: Timestamp) -> io::Result<()> {
        let mut inner = self.inner.lock().await;
        let last = inner.held.get(task).copied().flatten().unwrap_or(Stage::Settled);
        self.change(&mut inner, task, |resource, request| resource.left(request, last, now)).await
    }

    /// Waits until every run is dead that a task waits for, as far as they are known, and returns the tags with which YARN
    /// must not show anything alive. Never returns for a task of which nothing is known.
    pub async fn stopped(&self, task: &str) -> Vec<String> {
        loop {
            let mut ended = pin!(self.ended.notified());
            // From here on no change is missed.
            ended.as_mut().enable();
            if let Some(Wait::Look(tags)) = self.waits(task).await {
                return tags;
            }
            ended.await;
        }
    }

    async fn waits(&self, task: &str) -> Option<Wait> {
        let inner = self.inner.lock().await;
        let (id, request) = inner.requests.get(task)?;
        let is_at_work = |stray: &String| inner.held.get(stray) != Some(&Some(Stage::Ended));
        if inner.pointless_strays(id).any(is_at_work) {
            return Some(Wait::Dying);
        }
        inner.known.get(id)?.waits(request)
    }

    /// Forgets what nobody can ask for any more. A file that cannot be removed is tried again.
    pub async fn tidy(&self, now: Timestamp) {
        let mut inner = self.inner.lock().await;
        for (id, resource) in inner.stale(now) {
            // That it stays open until the next time does no harm.
            if self.store.write(&resource).await.is_ok() {
                inner.known.insert(id, resource);
            }
        }
        let gone = inner.known.iter().filter(|(_, resource)| resource.is_forgotten(now));
        let gone: Vec<(String, Resource)> = gone.map(|(id, one)| (id.clone(), one.clone())).collect();
        for (id, resource) in gone {
            if self.store.remove(&resource).await.is_ok() {
                inner.known.remove(&id);
                inner.requests.retain(|_, (of, _)| *of != id);
            }
        }
    }

    /// Whether a run that YARN shows is one that was waited for, and was left alone then: its task is done with.
    pub fn stands(&self, task: &str) -> bool {
        self.standing.read().unwrap_or_else(PoisonError::into_inner).contains(task)
    }

    fn note(&self, inner: &Inner) {
        *self.standing.write().unwrap_or_else(PoisonError::into_inner) = inner.standing();
    }

    /// How many resources there are.
    pub async fn count(&self) -> usize {
        self.inner.lock().await.known.len()
    }

    async fn change(
        &self,
        inner: &mut Inner,
        task: &str,
        change: impl FnOnce(&mut Resource, &str),
    ) -> io::Result<()> {
        let Some((id, request)) = inner.requests.get(task).cloned() else { return Ok(()) };
        let Some(before) = inner.known.get(&id) else { return Ok(()) };
        let mut resource = before.clone();
        change(&mut resource, &request);
        if resource == *before && !inner.unwritten.contains(&id) {
            return Ok(());
        }
        // It has happened, also where it cannot be kept yet: nobody may decide as if it had not.
        inner.put(resource.clone());
        self.note(inner);
        self.tell();
        inner.unwritten.insert(id.clone());
        self.store.write(&resource).await?;
        inner.unwritten.remove(&id);
        Ok(())
    }

    fn tell(&self) {
        self.tended.notify_one();
        self.ended.notify_waiters();
    }
}

#[cfg(test)]
mod tests;
