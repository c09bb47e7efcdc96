//! The board: what the worker is doing and what it waits for. `STATUS=` is read off it.
//!
//! A held task costs its entry (its token, some 2 KB at most, and about 200 bytes).

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;
use tracing::{info, warn};

use super::telemetry::message_id;
use crate::activity::Trouble;
use crate::job::world::Token;
use crate::spark::watch::{Health, Progress};

/// So many jobs are named in `STATUS=`: a line is what `systemctl status` has room for.
const SHOWN: usize = 3;

/// A task that is held.
#[derive(Debug, Clone)]
struct Held {
    token: Option<Token>,
    state: &'static str,
}

/// What keeps the polls of an activity from being answered.
#[derive(Debug, Clone)]
struct Ailment {
    trouble: Trouble,
    since: Instant,
}

#[derive(Debug, Default)]
struct Contents {
    held: BTreeMap<String, Held>,
    ailing: BTreeMap<String, Ailment>,
    draining: bool,
}

/// The board.
#[derive(Debug, Default)]
pub struct Board(Mutex<Contents>);

impl Board {
    /// A task is in this state.
    pub fn put(&self, id: &str, token: Option<&Token>, state: &'static str) {
        let mut contents = self.contents();
        match contents.held.get_mut(id) {
            Some(held) => held.state = state,
            None => {
                contents.held.insert(id.to_owned(), Held { token: token.cloned(), state });
            }
        }
    }

    /// A task is settled.
    pub fn remove(&self, id: &str) {
        self.contents().held.remove(id);
    }

    /// The tokens of all tasks that somebody may still wait for.
    pub fn tokens(&self) -> Vec<Token> {
        self.contents()
            .held
            .values()
            .filter(|held| held.state != "Orphaned")
            .filter_map(|held| held.token.clone())
            .collect()
    }

    /// How many tasks are held.
    pub fn held(&self) -> usize {
        self.contents().held.len()
    }

    /// Whether any task is in this state.
    pub fn any_in(&self, state: &str) -> bool {
        self.contents().held.values().any(|held| held.state == state)
    }

    /// A poll was answered. Says so where it had not been before.
    pub fn polled(&self, arn: &str) {
        if let Some(ailment) = self.contents().ailing.remove(arn) {
            info!(
                message_id = message_id::ACTIVITY_TROUBLE,
                sfn_activity = arn,
                "polls are answered again after {} s",
                ailment.since.elapsed().as_secs()
            );
        }
    }

    /// A poll was not answered. A change of condition is logged once.
    pub fn troubled(&self, arn: &str, trouble: Trouble) {
        let mut contents = self.contents();
        let known = contents.ailing.get(arn);
        let since = known.map_or_else(Instant::now, |ailment| ailment.since);
        if known.map(|ailment| ailment.trouble.condition) != Some(trouble.condition) {
            warn!(
                message_id = message_id::ACTIVITY_TROUBLE,
                sfn_activity = arn,
                "{}: {}; polling goes on",
                trouble.condition.describe(),
                trouble.words
            );
        }
        contents.ailing.insert(arn.to_owned(), Ailment { trouble, since });
    }

    /// The worker stops.
    pub fn drain(&self) {
        self.contents().draining = true;
    }

    /// One line for `systemctl status`. `progress` is YARN's word about jobs on their way.
    pub fn status(
        &self,
        livy: &Health,
        livy_url: &str,
        disk: bool,
        progress: &[Progress],
        now: Instant,
    ) -> String {
        let contents = self.contents();
        let mut parts = Vec::new();
        if contents.draining {
            parts.push("Stopping, waiting for open polls".to_owned());
        }
        if !disk {
            parts.push("Waiting for the state directory to be writable".to_owned());
        }
        match livy {
            Health::Unknown => parts.push(format!("Waiting for Livy at {livy_url}")),
            Health::Down { since, words } => {
                let seconds = now.saturating_duration_since(*since).as_secs();
                parts.push(format!("Waiting for Livy at {livy_url} ({words}, {seconds} s)"));
            }
            Health::Up => {}
        }
        for (arn, ailment) in &contents.ailing {
            let name = arn.rsplit(':').next().unwrap_or_default();
            let seconds = now.saturating_duration_since(ailment.since).as_secs();
            parts.push(format!("Waiting at {name}: {} ({seconds} s)", ailment.trouble.condition.describe()));
        }
        if parts.is_empty() {
            parts.push("Polling".to_owned());
        }
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for held in contents.held.values() {
            *counts.entry(held.state).or_default() += 1;
        }
        match contents.held.len() {
            0 => parts.push("no tasks".to_owned()),
            all => {
                let states: Vec<String> =
                    counts.iter().map(|(state, count)| format!("{count} {state}")).collect();
                let noun = if all == 1 { "task" } else { "tasks" };
                parts.push(format!("{all} {noun} ({})", states.join(", ")));
            }
        }
        if !progress.is_empty() {
            let shown = progress.iter().take(SHOWN).map(|job| match job.word.as_str() {
                "RUNNING" => format!("{} {:.0} %", job.name, job.percent),
                word => format!("{} {word}", job.name),
            });
            let more = progress.len().saturating_sub(SHOWN);
            let more = (more > 0).then(|| format!("and {more} more"));
            parts.push(shown.chain(more).collect::<Vec<String>>().join(", "));
        }
        parts.join("; ")
    }

    fn contents(&self) -> MutexGuard<'_, Contents> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::activity::Condition;

    const ARN: &str = "arn:aws:states:eu-west-1:1:activity:spark-job";

    #[tokio::test(start_paused = true)]
    async fn the_status_says_what_is_waited_for_and_what_is_held() {
        let board = Board::default();
        let url = "http://localhost:8998";
        assert_eq!(board.status(&Health::Up, url, true, &[], Instant::now()), "Polling; no tasks");
        board.put("a", Some(&Token::new("1".into())), "Running");
        board.put("b", Some(&Token::new("2".into())), "Received");
        board.put("b", Some(&Token::new("2".into())), "Running");
        let down = Health::Down { since: Instant::now(), words: "connection refused".into() };
        board.troubled(ARN, Trouble { condition: Condition::Throttled, words: "Rate exceeded".into() });
        assert_eq!(
            board.status(&down, url, true, &[], Instant::now() + Duration::from_secs(42)),
            "Waiting for Livy at http://localhost:8998 (connection refused, 42 s); \
             Waiting at spark-job: Step Functions throttles polls (42 s); 2 tasks (2 Running)"
        );
        board.polled(ARN);
        board.remove("a");
        assert_eq!(board.status(&Health::Up, url, true, &[], Instant::now()), "Polling; 1 task (1 Running)");
    }

    #[tokio::test(start_paused = true)]
    async fn the_status_names_some_jobs_with_yarns_word_about_them() {
        let job =
            |name: &str, word: &str, percent| Progress { name: name.into(), word: word.into(), percent };
        let jobs = [
            job("a", "RUNNING", 45.4),
            job("b", "ACCEPTED", 0.0),
            job("c", "RUNNING", 100.0),
            job("d", "RUNNING", 1.0),
        ];
        let text = |jobs: &[Progress]| Board::default().status(&Health::Up, "", true, jobs, Instant::now());
        assert_eq!(text(&jobs[..2]), "Polling; no tasks; a 45 %, b ACCEPTED");
        assert_eq!(text(&jobs), "Polling; no tasks; a 45 %, b ACCEPTED, c 100 %, and 1 more");
    }
}
