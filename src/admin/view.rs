//! The tasks that an operator is shown first, where there are many, and the applications of ours that are nobody's.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;

use super::overview::Stranger;
use super::{Admin, Overview, page};
use crate::job::sweep::Progress;
use crate::job::timestamp::Timestamp;
use crate::job::world::World;
use crate::registry::HeldTask;

/// A sweep of YARN that is older says nothing about strangers.
const FRESH: Duration = Duration::from_secs(10);

impl Admin {
    /// The page.
    pub(super) fn page(&self) -> String {
        page::page(&self.first_tasks(page::TASKS), &self.history.shown(), self.world.now())
    }

    /// How things are, and at most so many tasks: those whose heartbeats are late, then the oldest. The others cost a few
    /// bytes each while they are compared.
    fn first_tasks(&self, most: usize) -> Overview {
        let (now, wall) = (Instant::now(), self.world.now());
        let held = self.registry.all();
        let order =
            held.iter().map(|held| (rank(is_late(held, now), age(held, now, wall)), held.task.id.as_str()));
        let places: HashMap<&str, usize> = first(order.collect(), most)
            .into_iter()
            .enumerate()
            .map(|(place, (_, id))| (id, place))
            .collect();
        let at = self.registry.statements();
        let shown = held.iter().filter_map(|held| {
            let place = *places.get(held.task.id.as_str())?;
            Some((place, self.task(held, at.get(&held.task.id), now, wall)))
        });
        let mut shown: Vec<_> = shown.collect();
        shown.sort_unstable_by_key(|(place, _)| *place);
        let tasks = shown.into_iter().map(|(_, task)| task).collect();
        Overview { tasks, strangers: self.strangers(), ..self.summary() }
    }

    /// The applications of ours that nobody here follows, where YARN was asked just now.
    pub(super) fn strangers(&self) -> Option<Vec<Stranger>> {
        let strangers = self.sweep.strangers(FRESH, |tag| self.knows(tag) || self.stands(tag))?;
        Some(strangers.into_iter().map(stranger).collect())
    }
}

/// Time since a task's job was submitted, or else since this process holds the task.
pub(super) fn age(held: &HeldTask, now: Instant, wall: Timestamp) -> Duration {
    let submitted = held.run.as_deref().and_then(|run| wall.millis_since(run.submitted?));
    submitted.map_or_else(|| now.saturating_duration_since(held.since), Duration::from_millis)
}

/// Whether a task's last heartbeat is older than two intervals.
pub(super) fn is_late(held: &HeldTask, now: Instant) -> bool {
    let age = now.saturating_duration_since(held.last_heartbeat);
    held.is_beaten_for() && age > held.task.heartbeat_interval * 2
}

fn stranger(progress: Progress) -> Stranger {
    Stranger {
        application: progress.application,
        name: progress.name,
        tag: progress.tag,
        state: progress.word,
    }
}

/// What is to be looked at first ranks lowest.
fn rank(is_late: bool, age: Duration) -> Reverse<(bool, Duration)> {
    Reverse((is_late, age))
}

/// The smallest `most`, in their order.
fn first<T: Ord>(mut all: Vec<T>, most: usize) -> Vec<T> {
    if all.len() > most {
        all.select_nth_unstable(most);
        all.truncate(most);
    }
    all.sort_unstable();
    all
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{first, rank};

    #[test]
    fn late_heartbeats_come_before_age_and_age_before_youth() {
        let [old, young] = [3_600, 1].map(Duration::from_secs);
        assert!(rank(true, young) < rank(false, old));
        assert!(rank(false, old) < rank(false, young));
        assert!(rank(true, old) < rank(true, young));
    }

    #[test]
    fn the_first_of_many_are_in_their_order() {
        let many: Vec<u32> = (0..10_000).map(|number| number * 7_919 % 10_007).collect();
        let mut sorted = many.clone();
        sorted.sort_unstable();
        assert_eq!(first(many.clone(), 100), sorted[..100]);
        assert_eq!(first(many, 20_000), sorted);
        assert_eq!(first(Vec::<u32>::new(), 100), Vec::<u32>::new());
    }
}
