//! What decisions and their ends make of a resource's file.

use super::{Act, Decision, Fate, Generation, Known, MEMORY, Proof, Refusal, Resource, RunRecord, Which};
use crate::cloudformation::request::{Fingerprint, Kind, Order};
use crate::job::request::NAMELESS;
use crate::job::timestamp::Timestamp;

impl Resource {
    /// What a decision about an order has made of the resource. `name`: what the order's job is called.
    pub fn apply(&mut self, order: &Order, decision: &Decision, name: &str, now: Timestamp) {
        if decision.act == Act::Known {
            return;
        }
        for request in &decision.supersedes {
            self.close(request);
            self.turn(Fate::Dying, |run| run.request == *request && !run.fate.is_over());
            // CloudFormation never hears of what it began.
            self.delete(|generation| generation.id == *request);
        }
        for id in &decision.abandons {
            self.delete(|generation| generation.id == *id);
        }
        if !matches!(decision.act, Act::Refuse(Refusal::Superseded)) {
            self.newest = self.newest.max(Some(order.at));
        }
        let open = decision.act != Act::Stale;
        let act = decision.act.clone();
        self.requests.push(Known { id: order.request_id.clone(), at: order.at, open, act });
        match &decision.act {
            Act::Run { generation, stops_first } => self.begin(order, generation, *stops_first, name),
            Act::Adopt { generation } | Act::Keep { generation: Some(generation) } => {
                self.each(generation, |found| found.newest = found.newest.max(order.at));
            }
            // A Delete that names it is to know that it never ran.
            Act::Refuse(Refusal::Superseded | Refusal::InvalidInput) if order.kind == Kind::Create => {
                self.generations.push(Generation::new(order, &order.request_id, name));
            }
            Act::End { which, proof, .. } => {
                self.tombstone = self.tombstone.max(Some(order.at));
                self.delete(|generation| which.concerns(generation));
                if *proof == Proof::Unknown {
                    self.generations.push(Generation::unknown(order, which));
                }
            }
            Act::Refuse(_) | Act::Keep { generation: None } | Act::Stale | Act::Known => {}
        }
        self.prune(now);
    }

    /// A run of a request, in a generation that is new or goes on.
    fn begin(&mut self, order: &Order, generation: &str, stops_first: bool, name: &str) {
        if stops_first {
            self.turn(Fate::Dying, |run| !run.fate.is_over());
            // Of a generation that the file does not know everything may live, and beside what a lost one tells.
            let is_unknown = |id: &str| id.contains('/') && self.named(id).is_none();
            if self.lost.is_some() || order.named().is_some_and(is_unknown) {
                self.generations.push(Generation::unknown(order, &Which::UpTo(order.at)));
            }
        }
        let run = RunRecord {
            request: order.request_id.clone(),
            at: order.at,
            name: name.to_owned(),
            application: None,
            fate: Fate::Pending,
        };
        if self.generation(generation).is_none() {
            let named = order.named().and_then(|named| named.rsplit_once('/'));
            let kept = named.filter(|(_, id)| *id == generation).map(|(name, _)| name);
            self.generations.push(Generation::new(order, generation, kept.unwrap_or(name)));
        }
        self.each(generation, |found| {
            found.fingerprint = order.properties.fingerprint();
            found.newest = found.newest.max(order.at);
            found.runs.push(run.clone());
        });
    }

    /// A request's run has this application.
    pub fn learn(&mut self, request: &str, application: &str) {
        for run in self.generations.iter_mut().flat_map(|generation| &mut generation.runs) {
            if run.request == request {
                run.application = Some(application.to_owned());
            }
        }
    }

    /// A request is answered, or nobody waits for it. Its run stays as it is.
    pub fn close(&mut self, request: &str) {
        for known in self.requests.iter_mut().filter(|known| known.id == request) {
            known.open = false;
        }
    }

    /// A request's run stands differently now. One that is over stays so, and one that dies is not left alone again.
    pub fn settle(&mut self, request: &str, fate: Fate) {
        self.turn(fate, |run| {
            let may = match run.fate {
                Fate::Succeeded | Fate::Over => false,
                Fate::Dying => fate.is_over(),
                Fate::Pending | Fate::Standing => true,
            };
            run.request == request && may
        });
    }

    /// All runs of what was to end have ended, verified: generations that nobody will name again are gone.
    pub fn ended(&mut self, which: &Which, now: Timestamp) {
        for generation in &mut self.generations {
            if which.concerns(generation) {
                let runs = generation.runs.iter_mut().filter(|run| !run.fate.is_over());
                runs.for_each(|run| run.fate = Fate::Over);
            }
        }
        self.prune(now);
    }

    /// A request has come to its end whose resource's file was lost: its run is left alone, and stands for its generation
    /// again. `at`: when the request came.
    pub fn stands_again(&mut self, request: &str, physical_id: &str, application: &str, at: Timestamp) {
        let Some((name, id)) = physical_id.rsplit_once('/').filter(|_| !self.knows(request)) else { return };
        let act = Act::Run { generation: id.to_owned(), stops_first: false };
        self.requests.push(Known { id: request.to_owned(), at, open: false, act });
        if self.generation(id).is_some() {
            return;
        }
        // What CloudFormation has asked for since made it pointless.
        let deleted = self.newest.is_some_and(|newest| newest > at);
        let run = RunRecord {
            request: request.to_owned(),
            at,
            name: String::new(),
            application: Some(application.to_owned()),
            fate: if deleted { Fate::Dying } else { Fate::Standing },
        };
        self.generations.push(Generation {
            id: id.to_owned(),
            name: name.to_owned(),
            fingerprint: Fingerprint(String::new()),
            begun: at,
            newest: at,
            deleted,
            runs: vec![run],
        });
    }

    /// Nobody will name the generation that a request has begun: it failed, and was answered under another id.
    pub fn disown(&mut self, request: &str, now: Timestamp) {
        // What its run leaves behind is ended by its own task, after the answer.
        self.each(request, |generation| generation.deleted = true);
        self.prune(now);
    }

    /// Forgets what nobody can ask for any more.
    pub fn prune(&mut self, now: Timestamp) {
        let old = |at: Timestamp| now.millis_since(at).is_some_and(|age| age > MEMORY);
        self.requests.retain(|known| known.open || !old(known.at));
        for generation in &mut self.generations {
            let last = generation.runs.len().saturating_sub(1);
            let mut at = 0;
            generation.runs.retain(|run| {
                at += 1;
                !run.fate.is_over() || at > last
            });
        }
        self.generations.retain(|generation| {
            let alive = generation.runs.iter().any(|run| !run.fate.is_over());
            // What a Delete finds no more it looks for by its tags, for longer.
            let is_void = generation.runs.iter().all(|run| run.fate == Fate::Over) && old(generation.newest);
            alive || !(generation.deleted || is_void)
        });
    }

    fn delete(&mut self, concerned: impl Fn(&Generation) -> bool) {
        for generation in self.generations.iter_mut().filter(|generation| concerned(generation)) {
            generation.deleted = true;
            for run in generation.runs.iter_mut().filter(|run| !run.fate.is_over()) {
                run.fate = Fate::Dying;
            }
        }
    }

    fn turn(&mut self, fate: Fate, concerned: impl Fn(&RunRecord) -> bool) {
        let runs = self.generations.iter_mut().flat_map(|generation| &mut generation.runs);
        runs.filter(|run| concerned(run)).for_each(|run| run.fate = fate);
    }

    fn each(&mut self, id: &str, change: impl Fn(&mut Generation)) {
        self.generations.iter_mut().filter(|generation| generation.id == id).for_each(change);
    }
}

impl Generation {
    fn new(order: &Order, id: &str, name: &str) -> Generation {
        Generation {
            id: id.to_owned(),
            name: if name.is_empty() { NAMELESS.to_owned() } else { name.to_owned() },
            fingerprint: order.properties.fingerprint(),
            begun: order.at,
            newest: order.at,
            deleted: false,
            runs: Vec::new(),
        }
    }

    /// Stands for all that may live of what a Delete names and nothing is remembered of.
    fn unknown(order: &Order, which: &Which) -> Generation {
        let id = match which {
            Which::Generation(id) => id.clone(),
            Which::UpTo(_) => String::new(),
        };
        let run = RunRecord {
            request: id.clone(),
            at: order.at,
            name: String::new(),
            application: None,
            fate: Fate::Dying,
        };
        Generation {
            id,
            name: NAMELESS.to_owned(),
            fingerprint: Fingerprint(String::new()),
            begun: order.at,
            newest: order.at,
            deleted: true,
            runs: vec![run],
        }
    }
}
