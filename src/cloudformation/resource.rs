//! What is remembered of one resource, and what a request means beside everything that came before it.
//!
//! The queue neither orders nor counts: a request can come twice, late, or after the one that made it pointless. So every
//! request is decided against its resource's *file*, by the time at which it was published, and the file says at once
//! what was decided ([`Resource::apply`]). A *generation* is what CloudFormation knows by a physical id: the runs that
//! were made for it, one after the other. Only the newest of them says what the generation is.
//!
//! Three things are easily missed. CloudFormation deletes a resource under an id of its own while our Create still
//! runs. It tells of a Delete only what it knows: a success that it did not read any more leaves a generation that
//! nobody will ever name. And a rollback asks for what was there before, which must not run twice.

mod change;
mod decide;
mod follow;
mod format_v1;

use super::request::{Fingerprint, Order};
use crate::job::tags;
use crate::job::timestamp::Timestamp;

pub(super) use format_v1::VERSION as FORMAT;

pub use follow::{Kill, Wait};

pub use decide::{Act, Decision, Proof, Refusal, Seen, Which, candidate, decide};

/// For how long a request and a Delete are remembered: CloudFormation gives up after an hour at most, and the URL works
/// for two.
pub const MEMORY: u64 = 2 * 3_600 * 1_000;

/// By how much the clock that dates a request may be ahead of this node's, which dates a file.
const CLOCKS_APART: u64 = 60 * 1_000;

/// What is remembered of one resource.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Resource {
    /// The stack's ARN.
    pub stack_id: String,
    /// What the template calls it.
    pub logical_id: String,
    /// When the newest of its requests was published.
    pub newest: Option<Timestamp>,
    /// When its newest Delete was published: nothing older starts any more.
    pub tombstone: Option<Timestamp>,
    /// Its requests of the last hours.
    pub requests: Vec<Known>,
    /// Its generations, the oldest first.
    pub generations: Vec<Generation>,
    /// Its file was lost. When that was written last: of what was published before, nothing is known.
    pub lost: Option<Timestamp>,
}

/// A request that came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// Its id.
    pub id: String,
    /// When it was published, as it was first read.
    pub at: Timestamp,
    /// No outcome of it is recorded. A newer request can make a Create or an Update pointless then.
    pub open: bool,
    /// What was decided about it: decided once, and found here again after a crash.
    pub act: Act,
}

/// What CloudFormation knows by one physical id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Generation {
    /// The request that began it.
    pub id: String,
    /// What its job is called: the physical id's other half.
    pub name: String,
    /// The properties of its newest run.
    pub fingerprint: Fingerprint,
    /// When its first request was published.
    pub begun: Timestamp,
    /// When the newest request was published that made it, ran it again or adopted it.
    pub newest: Timestamp,
    /// CloudFormation wants it gone, or will never name it again.
    pub deleted: bool,
    /// Its runs, the oldest first. Of those that are over only the newest is kept.
    pub runs: Vec<RunRecord>,
}

/// A run of a generation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunRecord {
    /// The request that it was made for.
    pub request: String,
    /// When that was published.
    pub at: Timestamp,
    /// What its job is called: with the task id, its batch's name. Empty where nothing is remembered: then this stands for
    /// whatever the tag of its generation shows, or of its resource where the generation has no id either.
    pub name: String,
    /// YARN's id, once known.
    pub application: Option<String>,
    /// How it stands.
    pub fate: Fate,
}

/// How a run stands, as far as its requests know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// Its request is not answered yet: it may be in doubt.
    Pending,
    /// It came as far as its request waited for, and was left alone then.
    Standing,
    /// It must not live on.
    Dying,
    /// It has ended well. What YARN has forgotten by the time of a rollback must not run again.
    Succeeded,
    /// It has ended otherwise, or never was.
    Over,
}

impl Fate {
    /// Whether nothing of the run lives, for certain.
    pub fn is_over(self) -> bool {
        matches!(self, Fate::Succeeded | Fate::Over)
    }
}

impl Generation {
    /// What CloudFormation knows it by.
    pub fn physical_id(&self) -> String {
        physical_id(&self.name, &self.id)
    }
}

impl RunRecord {
    /// The id of the task that it is the run of.
    pub fn task(&self, resource: &Resource) -> String {
        task_id(&resource.stack_id, &resource.logical_id, &self.request)
    }

    /// The tag by which YARN shows it, as a run of this generation.
    pub fn tag(&self, resource: &Resource, generation: &Generation) -> String {
        let (stack, logical) = (&resource.stack_id, &resource.logical_id);
        match (self.name.is_empty(), generation.id.is_empty()) {
            (false, _) => tags::of_run(&self.task(resource)),
            (true, false) => tags::of_generation(&generation_id(stack, logical, &generation.id)),
            (true, true) => tags::of_resource(&resource_id(stack, logical)),
        }
    }
}

/// The id of the task that a request becomes: the same whenever it comes.
pub fn task_id(stack_id: &str, logical_id: &str, request_id: &str) -> String {
    tags::short_id(&[stack_id, logical_id, request_id])
}

/// What a resource's file and tag are called by.
pub fn resource_id(stack_id: &str, logical_id: &str) -> String {
    tags::short_id(&[stack_id, logical_id])
}

/// What a generation's tag is called by. A request can begin one generation at most, so that its id serves for both.
pub fn generation_id(stack_id: &str, logical_id: &str, generation: &str) -> String {
    tags::short_id(&[stack_id, logical_id, generation])
}

/// What CloudFormation knows a generation by.
pub fn physical_id(name: &str, generation: &str) -> String {
    format!("{name}/{generation}")
}

/// The physical id under which an order is answered. `name`: what its job is called. A FAILED Update keeps the id that
/// was there: another one would become the resource's, and its run is dead.
pub fn answered_as(resource: &Resource, order: &Order, act: &Act, name: &str, succeeded: bool) -> String {
    let Some(named) = order.named() else { return physical_id(name, &order.request_id) };
    match act {
        Act::Run { generation, .. } if succeeded && *generation == order.request_id => {
            physical_id(name, generation)
        }
        Act::Adopt { generation } if succeeded => {
            resource.generation(generation).map_or_else(|| named.to_owned(), Generation::physical_id)
        }
        Act::Run { .. }
        | Act::Adopt { .. }
        | Act::Known
        | Act::Stale
        | Act::Refuse(_)
        | Act::Keep { .. }
        | Act::End { .. } => named.to_owned(),
    }
}

/// The generation that a physical id names; `None` for one that CloudFormation has invented.
pub fn generation_of(physical_id: &str) -> Option<&str> {
    physical_id.rsplit_once('/').map(|(_, generation)| generation)
}

impl Resource {
    /// A resource of which nothing is known.
    pub fn of(order: &Order) -> Resource {
        Resource {
            stack_id: order.stack_id.clone(),
            logical_id: order.logical_id.clone(),
            ..Resource::default()
        }
    }

    /// Whether a request has come before.
    pub fn knows(&self, request_id: &str) -> bool {
        self.requests.iter().any(|known| known.id == request_id)
    }

    /// A generation by its id.
    pub fn generation(&self, id: &str) -> Option<&Generation> {
        self.generations.iter().find(|generation| generation.id == id)
    }

    /// The generation that a physical id names, where it is known.
    pub fn named(&self, physical_id: &str) -> Option<&Generation> {
        self.generation(generation_of(physical_id)?)
    }

    /// Whether a job of it was answered and left alone, and may still run.
    pub fn stands(&self) -> bool {
        let mut runs = self.generations.iter().flat_map(|generation| &generation.runs);
        runs.any(|run| run.fate == Fate::Standing)
    }

    /// Whether an order may have been carried out before the file was lost.
    pub fn may_have_known(&self, order: &Order) -> bool {
        self.lost.is_some_and(|lost| order.at.0 <= lost.0.saturating_add(CLOCKS_APART))
    }

    /// Whether there is nothing left to be remembered.
    pub fn is_forgotten(&self, now: Timestamp) -> bool {
        let old = |at: Timestamp| now.millis_since(at).is_some_and(|age| age > MEMORY);
        self.generations.is_empty()
            && self.requests.iter().all(|known| !known.open && old(known.at))
            && self.tombstone.is_none_or(old)
            && self.lost.is_none_or(old)
    }
}

#[cfg(test)]
pub(super) mod tests;
