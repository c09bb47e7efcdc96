//! What is known of all resources, and what follows from it.

use std::collections::{BTreeMap, HashSet};

use crate::cloudformation::resource::{Fate, MEMORY, Resource, resource_id, task_id};
use crate::job::machine::Stage;
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
        self.known.insert(id, resource);
        self.strays.retain(|task, _| !self.requests.contains_key(task));
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
