//! What the tasks of a resource make of its file, and what the file wants of them.

use super::{Act, Fate, Generation, Proof, Resource, RunRecord, Which};
use crate::job::machine::{Run, Stage, State};
use crate::job::report::Outcome;
use crate::job::tags;
use crate::job::timestamp::Timestamp;

/// A run that must not live on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kill {
    /// The id of the task that it is the run of, which ends it.
    pub task: String,
    /// The run, as far as it is remembered.
    pub run: Run,
    /// What proves that it is dead.
    pub proof: Proof,
}

/// What a request waits for that ends runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wait {
    /// Some of them may still live.
    Dying,
    /// All that are known have ended. YARN is still to say that nothing with these tags lives.
    Look(Vec<String>),
}

impl Resource {
    /// The task of a request is in this state.
    pub fn heard(&mut self, request: &str, state: &State, now: Timestamp) {
        if let Some(application) = state.run().and_then(|run| run.application.as_deref()) {
            self.learn(request, application);
        }
        match state {
            State::Ended { outcome, leftover } => {
                match outcome {
                    Outcome::Succeeded(_) => self.settle(request, Fate::Succeeded),
                    Outcome::Reached(_) => self.settle(request, Fate::Standing),
                    Outcome::Failed(_) if leftover.is_none() => self.settle(request, Fate::Over),
                    Outcome::Failed(_) => {}
                }
                self.close(request);
                if let (Outcome::Reached(_), Some(Act::End { which, .. })) = (outcome, self.act(request)) {
                    self.ended(&which.clone(), now);
                }
            }
            State::Orphaned { .. } => {
                self.close(request);
                self.settle(request, Fate::Dying);
            }
            State::Stopping { .. }
            | State::Received { .. }
            | State::Submitting { .. }
            | State::InDoubt { .. }
            | State::Running { .. }
            | State::Withdrawing { .. }
            | State::Speaking { .. }
            | State::Listening { .. }
            | State::Judged { .. }
            | State::Settled => {}
        }
    }

    /// The task of a request was there before the request was known: its file was lost. So far it has come.
    pub fn catch_up(&mut self, request: &str, stage: Option<Stage>) {
        match stage {
            Some(Stage::Ended) => self.settle(request, Fate::Standing),
            Some(Stage::Orphaned) => self.settle(request, Fate::Dying),
            Some(
                Stage::Stopping
                | Stage::Received
                | Stage::Submitting
                | Stage::InDoubt
                | Stage::Running
                | Stage::Withdrawing
                | Stage::Speaking
                | Stage::Listening
                | Stage::Judged
                | Stage::Settled,
            )
            | None => return,
        }
        self.close(request);
    }

    /// The task of a request is done with; `last`: the state that it was in.
    pub fn left(&mut self, request: &str, last: Stage, now: Timestamp) {
        self.close(request);
        match last {
            // What was to die is dead, and what was not submitted never was.
            Stage::Orphaned | Stage::Stopping | Stage::Received | Stage::Judged => {
                self.settle(request, Fate::Over);
            }
            Stage::Submitting
            | Stage::InDoubt
            | Stage::Running
            | Stage::Withdrawing
            | Stage::Speaking
            | Stage::Listening
            | Stage::Ended
            | Stage::Settled => {}
        }
        self.prune(now);
    }

    /// Answered runs that a Delete concerns are left alone, and are nobody's from now on.
    pub fn spare(&mut self, which: &Which) {
        let concerned = self.generations.iter_mut().filter(|generation| which.concerns(generation));
        let runs = concerned.flat_map(|generation| &mut generation.runs);
        runs.filter(|run| run.fate == Fate::Standing).for_each(|run| run.fate = Fate::Over);
    }

    /// Every run that must not live on.
    pub fn kills(&self) -> Vec<Kill> {
        let all = self.generations.iter().flat_map(|generation| {
            let dying = generation.runs.iter().filter(|run| run.fate == Fate::Dying);
            dying.map(move |run| (generation, run))
        });
        all.map(|(generation, record)| Kill {
            task: record.task(self),
            run: self.run_of(generation, record),
            proof: self.proof(generation),
        })
        .collect()
    }

    /// A run as it is remembered.
    pub fn run_of(&self, generation: &Generation, record: &RunRecord) -> Run {
        // Of one without a name the end of it is known.
        let name = format!("{}-{}", record.name, record.task(self));
        Run { application: record.application.clone(), ..Run::new(name, record.tag(self, generation)) }
    }

    /// What a request waits for; `None` where it is not known.
    pub fn waits(&self, request: &str) -> Option<Wait> {
        let is_dying = |concerned: &dyn Fn(&Generation, &RunRecord) -> bool| {
            let of = |generation: &Generation| {
                generation.runs.iter().any(|run| !run.fate.is_over() && concerned(generation, run))
            };
            self.generations.iter().any(of)
        };
        let (dying, tags) = match self.act(request)? {
            Act::Run { stops_first: true, .. } => {
                (is_dying(&|_, run| run.fate == Fate::Dying && run.request != request), Vec::new())
            }
            Act::End { which, .. } => {
                (is_dying(&|generation, _| which.concerns(generation)), self.tags_of(which))
            }
            Act::Run { .. }
            | Act::Adopt { .. }
            | Act::Keep { .. }
            | Act::Refuse(_)
            | Act::Stale
            | Act::Known => {
                (is_dying(&|generation, run| generation.id.is_empty() && run.name.is_empty()), Vec::new())
            }
        };
        Some(if dying { Wait::Dying } else { Wait::Look(tags) })
    }

    /// Whether a kill is under way that goes by the resource's tag, which a new run would have as well.
    pub fn dies_by_tag(&self) -> bool {
        let unknown = self.generations.iter().filter(|generation| generation.id.is_empty());
        unknown.flat_map(|generation| &generation.runs).any(|run| run.fate == Fate::Dying)
    }

    /// Whether nobody waits for a request any more, or has its answer.
    pub fn is_closed(&self, request: &str) -> bool {
        self.requests.iter().any(|known| known.id == request && !known.open)
    }

    fn act(&self, request: &str) -> Option<&Act> {
        self.requests.iter().find(|known| known.id == request).map(|known| &known.act)
    }

    /// By which tags everything shows that a Delete ends.
    fn tags_of(&self, which: &Which) -> Vec<String> {
        let (stack, logical) = (&self.stack_id, &self.logical_id);
        match which {
            Which::Generation(id) => {
                vec![tags::of_generation(&super::generation_id(stack, logical, id))]
            }
            Which::UpTo(_) if self.generations.iter().all(|generation| which.concerns(generation)) => {
                vec![tags::of_resource(&super::resource_id(stack, logical))]
            }
            // Later ones have the resource's tag, too.
            Which::UpTo(at) => {
                let earlier = self.requests.iter().filter(|known| known.at <= *at);
                let tag = |id: &str| tags::of_run(&super::task_id(stack, logical, id));
                earlier.map(|known| tag(&known.id)).collect()
            }
        }
    }

    /// The least that proves the death of a generation's runs: what was in no doubt once is in none later.
    fn proof(&self, generation: &Generation) -> Proof {
        let of = |act: &Act| match act {
            Act::End { which, proof, .. } if which.concerns(generation) => Some(*proof),
            Act::End { .. }
            | Act::Run { .. }
            | Act::Adopt { .. }
            | Act::Keep { .. }
            | Act::Refuse(_)
            | Act::Stale
            | Act::Known => None,
        };
        let proofs: Vec<Proof> = self.requests.iter().filter_map(|known| of(&known.act)).collect();
        let some = |proof| proofs.contains(&proof).then_some(proof);
        some(Proof::OneAnswer).or(some(Proof::Unknown)).unwrap_or(Proof::Settled)
    }
}

impl Which {
    /// Whether a generation is among them.
    pub(super) fn concerns(&self, generation: &Generation) -> bool {
        match self {
            Which::Generation(id) => generation.id == *id,
            Which::UpTo(at) => generation.newest <= *at,
        }
    }
}
