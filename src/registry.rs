//! The board: which tasks are held and how the polls of each activity fare. Everything that an operator is shown is
//! read off it.
//!
//! A held task costs its entry (its token, some 2 KB at most, its run, and about 300 bytes).

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;
use tracing::{info, warn};

use crate::activity::Trouble;
use crate::job::Task;
use crate::job::machine::{Run, Stage, State};
use crate::job::token::Token;
use crate::log::message_id;

/// The phase of the worker's life.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// It takes tasks.
    #[default]
    Serving,
    /// It stops; the next start takes its tasks over.
    Stopping,
    /// The node goes down for good: every task is given back.
    Terminating,
}

/// A task that is held.
#[derive(Debug, Clone)]
pub struct HeldTask {
    /// The task, without its input.
    pub task: Arc<Task>,
    /// The kind of its state.
    pub stage: Stage,
    /// Its run, as far as it is known.
    pub run: Option<Arc<Run>>,
    /// Since when this process holds it.
    pub since: Instant,
    /// The last accepted heartbeat, or `since`.
    pub last_heartbeat: Instant,
}

impl HeldTask {
    /// Whether it has to be kept alive by heartbeats.
    pub fn is_beaten_for(&self) -> bool {
        self.is_awaited() && self.task.token.is_some()
    }

    /// Whether somebody may still wait for it.
    pub fn is_awaited(&self) -> bool {
        self.stage != Stage::Orphaned && (self.task.token.is_some() || self.task.document.is_some())
    }
}

/// How the polls of an activity fare.
#[derive(Debug, Default, Clone)]
pub struct Polls {
    /// Polls under way.
    pub open: usize,
    /// The last that was answered.
    pub completed: Option<Instant>,
    /// Since when one is allowed and none was answered.
    pub waiting: Option<Instant>,
    /// What keeps them from being answered.
    pub trouble: Option<PollTrouble>,
}

/// How the receives of a queue fare.
#[derive(Debug, Default, Clone)]
pub struct Receives {
    /// The last that was answered.
    pub completed: Option<Instant>,
    /// Since when none was answered.
    pub waiting: Option<Instant>,
    /// What keeps them from being answered.
    pub trouble: Option<ReceiveTrouble>,
}

/// What keeps the receives of a queue from being answered.
#[derive(Debug, Clone)]
pub struct ReceiveTrouble {
    /// What is the matter.
    pub condition: &'static str,
    /// In the service's words.
    pub reason: String,
    /// Since when.
    pub since: Instant,
}

/// What keeps the polls of an activity from being answered.
#[derive(Debug, Clone)]
pub struct PollTrouble {
    /// What is the matter.
    pub trouble: Trouble,
    /// Since when.
    pub since: Instant,
}

#[derive(Debug, Default)]
struct Contents {
    held: BTreeMap<String, HeldTask>,
    /// Which statement is on, and of how many: of sessions alone.
    statements: BTreeMap<String, (u16, u16)>,
    polls: BTreeMap<String, Polls>,
    /// Of queues, by their topics. A receive that is open holds nothing up: it can be dropped.
    receives: BTreeMap<String, Receives>,
    phase: Phase,
}

/// The tasks that this process holds, and how polls go, for operators.
#[derive(Debug, Default)]
pub struct TaskRegistry(Mutex<Contents>);

impl TaskRegistry {
    /// A task is in this state; `statements`: how many it has.
    pub fn put(&self, task: &Arc<Task>, state: &State, statements: u16) {
        let mut contents = self.contents();
        if let State::Speaking { run, .. } | State::Listening { run, .. } = state {
            let at = run.said().unwrap_or_default();
            contents.statements.insert(task.id.clone(), (at, statements));
        } else {
            contents.statements.remove(&task.id);
        }
        let held = contents.held.entry(task.id.clone()).or_insert_with(|| {
            let now = Instant::now();
            HeldTask {
                task: Arc::clone(task),
                stage: state.stage(),
                run: None,
                since: now,
                last_heartbeat: now,
            }
        });
        held.stage = state.stage();
        // An outcome has no run any more, and people still want to know which one it was.
        if let Some(run) = state.run() {
            held.run = Some(Arc::new(run.clone()));
        }
    }

    /// A task is settled.
    pub fn remove(&self, id: &str) {
        let mut contents = self.contents();
        contents.held.remove(id);
        contents.statements.remove(id);
    }

    /// A heartbeat of a task was accepted.
    pub fn heartbeat_accepted(&self, id: &str) {
        if let Some(held) = self.contents().held.get_mut(id) {
            held.last_heartbeat = Instant::now();
        }
    }

    /// The tokens of all tasks that somebody may still wait for, each with its activity.
    pub fn tokens(&self) -> Vec<(Arc<str>, Token)> {
        let contents = self.contents();
        let awaited = contents.held.values().filter(|held| held.is_awaited());
        awaited.filter_map(|held| Some((held.task.activity.clone(), held.task.token.clone()?))).collect()
    }

    /// How many tasks are held.
    pub fn held(&self) -> usize {
        self.contents().held.len()
    }

    /// Whether any task is held for which somebody may still wait.
    pub fn any_awaited(&self) -> bool {
        self.contents().held.values().any(HeldTask::is_awaited)
    }

    /// Whether any task is in this state.
    pub fn any_in(&self, stage: Stage) -> bool {
        self.contents().held.values().any(|held| held.stage == stage)
    }

    /// Whether any poll is under way.
    pub fn any_poll(&self) -> bool {
        self.contents().polls.values().any(|polls| polls.open > 0)
    }

    /// Whether a task is held.
    pub fn holds(&self, id: &str) -> bool {
        self.contents().held.contains_key(id)
    }

    /// The run of a task that is held, as far as it is known.
    pub fn run(&self, id: &str) -> Option<Run> {
        self.contents().held.get(id)?.run.as_deref().cloned()
    }

    /// Which statement of each session is on, from 1, and of how many; 0 before the first.
    pub fn statements(&self) -> BTreeMap<String, (u16, u16)> {
        self.contents().statements.clone()
    }

    /// Each task as it is now, by id. A copy: nobody waits for whoever reads it.
    pub fn all(&self) -> Vec<HeldTask> {
        self.contents().held.values().cloned().collect()
    }

    /// A poll begins. It was allowed only now where it had to wait for that.
    pub fn polling(&self, arn: &str, had_to_wait: bool) {
        let mut contents = self.contents();
        let polls = contents.polls.entry(arn.to_owned()).or_default();
        polls.open += 1;
        if had_to_wait || polls.waiting.is_none() {
            polls.waiting = Some(Instant::now());
        }
    }

    /// A poll was answered. Says so where it had not been before.
    pub fn polled(&self, arn: &str) {
        let mut contents = self.contents();
        let Some(polls) = contents.polls.get_mut(arn) else { return };
        polls.open = polls.open.saturating_sub(1);
        polls.completed = Some(Instant::now());
        polls.waiting = (polls.open > 0).then(Instant::now);
        if let Some(trouble) = polls.trouble.take() {
            info!(
                message_id = message_id::ACTIVITY_TROUBLE,
                sfn_activity = arn,
                "polls are answered again after {} s",
                trouble.since.elapsed().as_secs()
            );
        }
    }

    /// A poll was not answered. A change of condition is logged once.
    pub fn troubled(&self, arn: &str, trouble: Trouble) {
        let mut contents = self.contents();
        let polls = contents.polls.entry(arn.to_owned()).or_default();
        polls.open = polls.open.saturating_sub(1);
        let since = polls.trouble.as_ref().map_or_else(Instant::now, |trouble| trouble.since);
        if polls.trouble.as_ref().map(|trouble| trouble.trouble.condition) != Some(trouble.condition) {
            warn!(
                message_id = message_id::ACTIVITY_TROUBLE,
                sfn_activity = arn,
                "{}: {}; polling goes on",
                trouble.condition.describe(),
                trouble.reason
            );
        }
        polls.trouble = Some(PollTrouble { trouble, since });
    }

    /// How the polls of an activity fare.
    pub fn polls(&self, arn: &str) -> Polls {
        self.contents().polls.get(arn).cloned().unwrap_or_default()
    }

    /// A receive from a topic's queue begins.
    pub fn receiving(&self, topic: &str) {
        let mut contents = self.contents();
        let receives = contents.receives.entry(topic.to_owned()).or_default();
        receives.waiting.get_or_insert_with(Instant::now);
    }

    /// A receive was answered. Returns the trouble that is over.
    pub fn received(&self, topic: &str) -> Option<ReceiveTrouble> {
        let mut contents = self.contents();
        let receives = contents.receives.get_mut(topic)?;
        (receives.completed, receives.waiting) = (Some(Instant::now()), None);
        receives.trouble.take()
    }

    /// A receive was not answered. Whether that is another trouble than before.
    pub fn not_received(&self, topic: &str, condition: &'static str, reason: &str) -> bool {
        let mut contents = self.contents();
        let receives = contents.receives.entry(topic.to_owned()).or_default();
        let before = receives.trouble.as_ref();
        let since = before.map_or_else(Instant::now, |trouble| trouble.since);
        let is_other = before.is_none_or(|trouble| trouble.condition != condition);
        receives.trouble = Some(ReceiveTrouble { condition, reason: reason.to_owned(), since });
        is_other
    }

    /// How the receives from a topic's queue fare.
    pub fn receives(&self, topic: &str) -> Receives {
        self.contents().receives.get(topic).cloned().unwrap_or_default()
    }

    /// The worker enters another phase.
    pub fn enter(&self, phase: Phase) {
        self.contents().phase = phase;
    }

    /// The phase of the worker's life.
    pub fn phase(&self) -> Phase {
        self.contents().phase
    }

    fn contents(&self) -> MutexGuard<'_, Contents> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
