//! What is known of all resources, and what follows from it.

use std::collections::{BTreeMap, HashSet};

use crate::cloudformation::errand;
use crate::cloudformation::resource::{Fate, MEMORY, Resource, resource_id, task_id};
use crate::job::Task;
use crate::job::machine::{Stage, State};
use crate::job::report::Outcome;
use crate::job::timestamp::Timestamp;

/// All resources in memory, and what jobs are at.
#[derive(Debug, Default)]
pub(super) struct Inner {
    /// By the ids of resources.
    pub(super) known: BTreeMap<String, Resource>,
    /// By the ids of tasks: the id of the resource, and of the request.
    pub(super) requests: BTreeMap<String, (String, String)>,
    /// The tasks that a job is at work on, or will be at once, with their last state on disk.
    pub(super) held: BTreeMap<String, Option<Stage>>,
    /// Tasks that were found at the start while their resource's file was lost: its id, and when they came.
    pub(super) strays: BTreeMap<String, (String, Timestamp)>,
    /// The ids of resources whose files are lost and not written anew yet, with when they were written last.
    pub(super) lost: BTreeMap<String, Timestamp>,
    /// Resources of which something has happened that their files do not say yet.
    pub(super) unwritten: HashSet<String>,
}

impl Inner {
    pub(super) fn standing(&self) -> HashSet<String> {
        let of = |resource: &Resource| -> Vec<String> {
            let runs = resource.generations.iter().flat_map(|generation| &generation.runs);
            runs.filter(|run| run.fate == Fate::Standing).map(|run| run.task(resource)).collect()
        };
        self.known.values().flat_map(of).collect()
    }

    /// The resources of which something can be forgotten, as they are then. A request that was never begun, and whose message
    /// has not come again while anybody could wait for it, never will.
    pub(super) fn stale(&self, now: Timestamp) -> Vec<(String, Resource)> {
        let mut stale = Vec::new();
        for (id, before) in &self.known {
            let mut resource = before.clone();
            for known in before.requests.iter().filter(|known| known.open) {
                let task = task_id(&before.stack_id, &before.logical_id, &known.id);
                let age = now.millis_since(known.at);
                if age.is_some_and(|age| age > MEMORY) && !self.held.contains_key(&task) {
                    resource.left(&known.id, Stage::Received, now);
                }
            }
            resource.prune(now);
            if resource != *before {
                stale.push((id.clone(), resource));
            }
        }
        stale
    }

    pub(super) fn put(&mut self, resource: Resource) {
        let id = resource_id(&resource.stack_id, &resource.logical_id);
        let of = |request: &str| {
            let task = task_id(&resource.stack_id, &resource.logical_id, request);
            (task, (id.clone(), request.to_owned()))
        };
        let runs = resource.generations.iter().flat_map(|generation| &generation.runs);
        let requests = resource.requests.iter().map(|known| of(&known.id));
        self.requests.extend(requests.chain(runs.map(|run| of(&run.request))));
        self.lost.remove(&id);
        self.known.insert(id, resource);
        self.strays.retain(|task, _| !self.requests.contains_key(task));
    }

    /// A task of which its resource's file says nothing: that was lost. What comes next for the resource must know of it.
    pub(super) fn notice(&mut self, task: &Task, state: &State) {
        let Some(document) = task.document.as_ref().filter(|_| !self.requests.contains_key(&task.id)) else {
            return;
        };
        let Some(whose) = errand::whose(&document.form) else { return };
        let id = resource_id(&whose.stack, &whose.logical);
        self.strays.insert(task.id.clone(), (id.clone(), task.received));
        let State::Ended { outcome: Outcome::Reached(reached), .. } = state else { return };
        let Some(application) = &reached.application_id else { return };
        let mut resource = self.known.get(&id).cloned().unwrap_or_else(|| Resource {
            stack_id: whose.stack,
            logical_id: whose.logical,
            lost: self.lost.get(&id).copied(),
            ..Resource::default()
        });
        resource.stands_again(&whose.request, &whose.succeeded, application, task.received);
        // Its next change is written, also where it changes nothing.
        self.unwritten.insert(id);
        self.put(resource);
    }

    /// The strays of a resource of which something newer is known by now: nobody waits for them any more.
    pub(super) fn pointless_strays<'a>(&'a self, resource: &'a str) -> impl Iterator<Item = &'a String> {
        let newest = self.known.get(resource).and_then(|known| known.newest);
        let is_pointless = move |(of, received): &(String, Timestamp)| {
            of == resource && newest.is_some_and(|newest| newest > *received)
        };
        self.strays.iter().filter(move |(_, stray)| is_pointless(stray)).map(|(task, _)| task)
    }
}
