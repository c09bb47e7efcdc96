//! What the files want of tasks: some are to be dropped, and some runs want one that ends them.

use super::Resources;
use crate::cloudformation::files::Store;
use crate::cloudformation::resource::{Kill, Resource};
use crate::job::machine::Stage;

/// What somebody has to do about tasks.
#[derive(Debug, Default)]
pub struct Duties {
    /// Held tasks that nobody waits for any more, or whose runs must end.
    pub drop: Vec<String>,
    /// Runs without a task: one is to be begun.
    pub kill: Vec<Kill>,
}

impl<S: Store> Resources<S> {
    /// Which tasks are to be dropped, and which runs want one that ends them.
    pub async fn duties(&self) -> Duties {
        let mut inner = self.inner.lock().await;
        let mut duties = Duties::default();
        for kill in inner.known.values().flat_map(Resource::kills) {
            if inner.held.contains_key(&kill.task) {
                duties.drop.push(kill.task)
            } else {
                duties.kill.push(kill)
            }
        }
        for kill in &duties.kill {
            inner.held.insert(kill.task.clone(), None);
        }
        for (task, last) in &inner.held {
            let stray = inner.strays.get(task);
            let pointless =
                stray.is_some_and(|(of, _)| inner.pointless_strays(of).any(|stray| stray == task));
            let closed = pointless
                || inner.requests.get(task).is_some_and(|(id, request)| {
                    inner.known.get(id).is_some_and(|resource| resource.is_closed(request))
                });
            // From then on it is closed because its outcome is recorded.
            if closed && last.is_none_or(|last| last < Stage::Ended) {
                duties.drop.push(task.clone());
            }
        }
        duties
    }
}
