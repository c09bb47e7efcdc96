//! What a request means: one decision, from the resource's file, the request and the time.

use std::time::Duration;

use super::{Fate, Generation, Resource, generation_of};
use crate::cloudformation::request::{Kind, Mode, Order};
use crate::job::JobTimings;
use crate::job::timestamp::Timestamp;

/// What is done about a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// The request itself.
    pub act: Act,
    /// Requests that nobody waits for any more: not answered, and their runs end.
    pub supersedes: Vec<String>,
    /// Generations that CloudFormation does not believe in: it never read their success, and will never name them.
    pub abandons: Vec<String>,
}

/// What is done about a request itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// It came before: nothing.
    Known,
    /// CloudFormation has given up on it: nothing is started, and nothing is answered.
    Stale,
    /// Answered with FAILED; nothing of it runs.
    Refuse(Refusal),
    /// Nothing about the job has changed: answered with SUCCESS, whatever became of it. The generation that is named,
    /// where it is known.
    Keep {
        /// Its id.
        generation: Option<String>,
    },
    /// This generation has what is asked for, and is waited for; it is never killed for this request's sake.
    Adopt {
        /// Its id.
        generation: String,
    },
    /// A run of its own.
    Run {
        /// The generation that it belongs to: its own, or the one that goes on.
        generation: String,
        /// No other run of the resource may live or be in doubt before it starts.
        stops_first: bool,
    },
    /// Runs are ended, verified, and then it is answered.
    End {
        /// Whose.
        which: Which,
        /// What proves that nothing lives.
        proof: Proof,
        /// CloudFormation has given up on it: it is carried out all the same, and not waited with.
        late: bool,
    },
}

/// Why nothing of a request runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// A newer request for the resource came before it.
    Superseded,
    /// What it asks for is wrong.
    InvalidInput,
    /// It may have been carried out, and the file that would say so is lost.
    Lost,
}

/// What was looked at before an order is decided.
#[derive(Debug, Clone, Copy)]
pub struct Seen {
    /// What it asks for can be run.
    pub valid: bool,
    /// The [`candidate`] runs, or has ended well since it was left alone.
    pub candidate_lives: bool,
    /// Its task is at work.
    pub is_held: bool,
}

/// Which runs a Delete ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Which {
    /// Those of the generation that it names.
    Generation(String),
    /// All of the resource but those of later requests: it names an id of CloudFormation's own.
    UpTo(Timestamp),
}

/// What proves that nothing lives of what a Delete ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// Nothing was in doubt: one answer of YARN's after the Delete came.
    OneAnswer,
    /// A POST may still bring something: as for every kill of an unknown application.
    Settled,
    /// Nothing is remembered of it: as for every POST that may have failed.
    Unknown,
}

impl Proof {
    /// How a run is followed whose death is proved so.
    #[must_use]
    pub fn timings(self, rules: JobTimings) -> JobTimings {
        let kill_settle = match self {
            Proof::OneAnswer => Duration::ZERO,
            Proof::Settled => rules.kill_settle,
            Proof::Unknown => rules.waits.submit_settle,
        };
        JobTimings { kill_settle, ..rules }
    }
}

/// The generation that an Update would adopt if it lives or has reached its goal: the one that it names before others.
/// Whether it does is for the caller to look at.
pub fn candidate<'a>(resource: &'a Resource, order: &Order) -> Option<&'a Generation> {
    let Kind::Update { physical_id, .. } = &order.kind else { return None };
    let asked = order.properties.fingerprint();
    let fits = |generation: &&Generation| {
        let newest = generation.runs.last();
        !generation.deleted
            && generation.fingerprint == asked
            && newest.is_some_and(|run| matches!(run.fate, Fate::Standing | Fate::Succeeded))
    };
    let named = resource.named(physical_id).filter(fits);
    named.or_else(|| resource.generations.iter().filter(fits).max_by_key(|generation| generation.newest))
}

/// Decides about an order.
pub fn decide(resource: &Resource, order: &Order, seen: Seen, now: Timestamp) -> Decision {
    let Seen { valid, candidate_lives, is_held } = seen;
    let nothing = |act| Decision { act, supersedes: Vec::new(), abandons: Vec::new() };
    if resource.knows(&order.request_id) {
        return nothing(Act::Known);
    }
    let act = match &order.kind {
        Kind::Delete { physical_id } => match delete(resource, order, physical_id, now) {
            Ok(act) => act,
            Err(refusal) => return nothing(Act::Refuse(refusal)),
        },
        Kind::Create | Kind::Update { .. } if is_superseded(resource, order) => {
            let is_lost = !is_held && resource.may_have_known(order);
            let refusal = if is_lost { Refusal::Lost } else { Refusal::Superseded };
            return nothing(if order.is_stale(now) { Act::Stale } else { Act::Refuse(refusal) });
        }
        Kind::Create | Kind::Update { .. } if order.is_stale(now) => Act::Stale,
        Kind::Create | Kind::Update { .. } if !is_held && resource.may_have_known(order) => {
            Act::Refuse(Refusal::Lost)
        }
        Kind::Create if valid => Act::Run { generation: order.request_id.clone(), stops_first: false },
        Kind::Create => Act::Refuse(Refusal::InvalidInput),
        Kind::Update { physical_id, old } => {
            match candidate(resource, order).filter(|found| candidate_lives || succeeded(found)) {
                _ if *old == order.properties.fingerprint() => {
                    Act::Keep { generation: resource.named(physical_id).map(|found| found.id.clone()) }
                }
                Some(found) if valid => Act::Adopt { generation: found.id.clone() },
                _ if valid => run(resource, order, physical_id),
                _ => Act::Refuse(Refusal::InvalidInput),
            }
        }
    };
    let is_job = |act: &Act| matches!(act, Act::Adopt { .. } | Act::Run { .. });
    let in_flight =
        resource.requests.iter().filter(|known| known.open && known.at <= order.at && is_job(&known.act));
    let supersedes = in_flight.map(|known| known.id.clone()).collect();
    let abandons = abandoned(resource, order, &act);
    Decision { act, supersedes, abandons }
}

fn succeeded(generation: &Generation) -> bool {
    generation.runs.last().is_some_and(|run| run.fate == Fate::Succeeded)
}

/// Whether something newer has come. A tie goes to the Delete, and otherwise to the one that comes last.
fn is_superseded(resource: &Resource, order: &Order) -> bool {
    resource.newest.is_some_and(|newest| order.at < newest)
        || resource.tombstone.is_some_and(|deleted| order.at <= deleted)
}

/// A run for an Update: in the generation that is named, where the old one is ended first, else in one of its own.
fn run(resource: &Resource, order: &Order, physical_id: &str) -> Act {
    let stops_first = order.properties.mode() == Some(Mode::StopFirst);
    // A physical id is kept whether or not the file still knows its generation; one of CloudFormation's own is not.
    let kept = generation_of(physical_id)
        .filter(|id| stops_first && resource.generation(id).is_none_or(|generation| !generation.deleted));
    Act::Run { generation: kept.unwrap_or(&order.request_id).to_owned(), stops_first }
}

fn delete(resource: &Resource, order: &Order, physical_id: &str, now: Timestamp) -> Result<Act, Refusal> {
    let late = order.is_stale(now);
    let named = generation_of(physical_id);
    if let Some(id) = named
        && resource.generation(id).is_some_and(|generation| generation.newest > order.at)
    {
        return Err(Refusal::Superseded);
    }
    let which = named.map_or(Which::UpTo(order.at), |id| Which::Generation(id.to_owned()));
    let concerned: Vec<&Generation> = match &which {
        Which::Generation(id) => resource.generation(id).into_iter().collect(),
        Which::UpTo(at) => {
            resource.generations.iter().filter(|generation| generation.newest <= *at).collect()
        }
    };
    let runs = || concerned.iter().flat_map(|generation| &generation.runs);
    let is_known = match &which {
        Which::Generation(_) => !concerned.is_empty(),
        Which::UpTo(_) => {
            resource.lost.is_none() && !(resource.requests.is_empty() && resource.generations.is_empty())
        }
    };
    let proof = if !is_known {
        Proof::Unknown
    } else if runs().any(|run| matches!(run.fate, Fate::Pending | Fate::Dying)) {
        Proof::Settled
    } else {
        Proof::OneAnswer
    };
    Ok(Act::End { which, proof, late })
}

/// An Update says by its physical id which generation is the resource. What was made since, and is older than the
/// Update, answered into the void.
fn abandoned(resource: &Resource, order: &Order, act: &Act) -> Vec<String> {
    let Kind::Update { physical_id, .. } = &order.kind else { return Vec::new() };
    let is_refused = matches!(act, Act::Refuse(_) | Act::Stale | Act::Known);
    let named = match resource.named(physical_id) {
        Some(named) => Some(named.begun),
        // Its file was lost: whatever else is known and older than this Update is not what it names.
        None if generation_of(physical_id).is_some() && !is_refused => None,
        None => return Vec::new(),
    };
    let kept = match act {
        Act::Adopt { generation } | Act::Run { generation, .. } => Some(generation),
        Act::Known | Act::Stale | Act::Refuse(_) | Act::Keep { .. } | Act::End { .. } => None,
    };
    let since = resource.generations.iter().filter(|generation| {
        named.is_none_or(|begun| generation.begun > begun)
            && generation.newest < order.at
            && !generation.deleted
            && Some(&generation.id) != kept
    });
    since.map(|generation| generation.id.clone()).collect()
}
