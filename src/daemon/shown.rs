//! Where the job of a task is shown: span, board and counts.

use std::sync::Arc;

use tokio::time::Instant;
use tracing::{Span, field, info_span};

use crate::cloudformation::errand::whose;
use crate::history::{Finished, History};
use crate::job::machine::{Stage, State};
use crate::job::world::World;
use crate::job::{Start, Task};
use crate::registry::TaskRegistry;
use crate::world::RealWorld;

/// A run's name, or the task's id where only that is known.
pub(super) fn name_of<'a>(task: &'a Task, state: &'a State) -> &'a str {
    state.run().map(|run| run.name.as_str()).filter(|name| !name.is_empty()).unwrap_or(&task.id)
}

pub(super) fn span_of(task: &Task, state: &State) -> Span {
    let whose = task.document.as_ref().and_then(|document| whose(&document.form));
    info_span!(
        "task",
        task_id = task.id,
        sfn_execution = task.execution,
        sfn_activity = (!task.activity.is_empty()).then_some(&*task.activity),
        cfn_stack = whose.as_ref().map(|whose| whose.stack.as_str()),
        cfn_resource = whose.as_ref().map(|whose| whose.logical.as_str()),
        job_name = state.run().map(|run| run.name.as_str()),
        job_state = state.name(),
        livy_batch_id = field::Empty,
        livy_session_id = field::Empty,
        yarn_application_id = field::Empty,
    )
}

/// Where a task is shown.
pub(super) struct Shown {
    pub(super) world: Arc<RealWorld>,
    pub(super) registry: Arc<TaskRegistry>,
    pub(super) history: Arc<History>,
    pub(super) task: Arc<Task>,
    /// How many statements the task has.
    pub(super) statements: u16,
    pub(super) span: Span,
}

/// Keeps board, counts, history and span up to date.
pub(super) fn observer(shown: Shown, start: Start) -> impl FnMut(&State) + Send + use<> {
    let Shown { world, registry, history, task, statements, span } = shown;
    let mut last: Option<(Stage, Instant)> = None;
    let mut settled: Option<Box<Finished>> = None;
    move |state| {
        span.record("job_state", state.name());
        if let Some(run) = state.run() {
            if let Some(batch) = run.batch() {
                span.record("livy_batch_id", batch);
            }
            if let Some(session) = run.session() {
                span.record("livy_session_id", session);
            }
            if let Some(application) = &run.application {
                span.record("yarn_application_id", application.as_str());
            }
        }
        // A resumed state was counted when it was first entered.
        if last.is_some() || start != Start::Resumed {
            world.metrics.moved(last.map(|(stage, since)| (stage, since.elapsed())), state);
        }
        let finished = |outcome| {
            let run = state.run().cloned().or_else(|| registry.run(&task.id));
            Finished::of(&task, run.as_ref(), outcome)
        };
        if let State::Ended { outcome, .. } = state {
            settled = Some(Box::new(finished(Some(outcome))));
        } else if is_over(last.map(|(stage, _)| stage), state.stage()) {
            let finished = settled.take().map_or_else(|| finished(None), |settled| *settled);
            history.add(finished.from_to(task.received, world.now()));
        }
        // A state that is entered anew goes on: its beginning stays.
        if last.is_none_or(|(stage, _)| stage != state.stage()) {
            last = Some((state.stage(), Instant::now()));
        }
        if *state == State::Settled {
            registry.remove(&task.id);
        } else {
            registry.put(&task, state, statements);
        }
    }
}

/// Whether nobody waits for the task from here on. One that is taken up as an orphan was told of before.
fn is_over(before: Option<Stage>, stage: Stage) -> bool {
    matches!(stage, Stage::Orphaned | Stage::Settled)
        && before.is_some_and(|before| before != Stage::Orphaned)
}
