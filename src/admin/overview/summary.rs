//! The picture in short: the line for `systemctl status`, and what is not well.

use super::{ActivityOverview, Overview, PauseOverview, ServiceOverview};
use crate::arn;

/// An open poll is answered within a minute; one that was allowed for so long and was not is a problem, in seconds.
const POLL_IS_LATE: u64 = 90;

impl Overview {
    /// What is not well, a line each.
    pub fn find_problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        if self.phase != "serving" {
            problems.push(format!("the worker is {}", self.phase));
        }
        problems.extend(self.paused.as_ref().and_then(|paused| paused.unread.clone()));
        for activity in &self.activities {
            let seconds = activity.unanswered.filter(|seconds| *seconds >= POLL_IS_LATE);
            match (&activity.trouble, seconds) {
                (Some(trouble), _) => problems.push(format!(
                    "{}: {}: {} ({} s)",
                    activity.name(),
                    trouble.condition,
                    trouble.reason,
                    trouble.seconds
                )),
                (None, Some(seconds)) => {
                    problems.push(format!("{}: no poll was answered for {seconds} s", activity.name()));
                }
                (None, None) => {}
            }
        }
        for queue in &self.queues {
            let name = arn::name(&queue.topic);
            let seconds = queue.unanswered.filter(|seconds| *seconds >= POLL_IS_LATE);
            match (&queue.trouble, seconds) {
                (Some(trouble), _) => problems.push(format!(
                    "{name}: {}: {} ({} s)",
                    trouble.condition, trouble.reason, trouble.seconds
                )),
                (None, Some(seconds)) => {
                    problems.push(format!("{name}: no receive was answered for {seconds} s"));
                }
                (None, None) => {}
            }
        }
        for (name, service) in [("Livy", &self.livy), ("YARN", &self.yarn)] {
            if service.up == Some(false) {
                problems.push(format!("{name} does not answer ({})", service.since()));
            }
        }
        if !self.state_directory.writable {
            problems.push(format!("{} cannot be written", self.state_directory.path));
        }
        if self.late_heartbeats > 0 {
            problems.push(format!(
                "{} of the tasks had no heartbeat accepted for two intervals; the oldest is {} s old",
                self.late_heartbeats,
                self.oldest_heartbeat.unwrap_or_default()
            ));
        }
        problems
    }

    /// One line for `systemctl status`.
    pub fn line(&self) -> String {
        let mut parts = Vec::new();
        match self.phase.as_str() {
            "stopping" => parts.push("Stopping, waiting for open polls".to_owned()),
            "terminating" => parts.push("Terminating: every task is given back".to_owned()),
            _ => parts.extend(self.paused.as_ref().map(|paused| paused.line(!self.queues.is_empty()))),
        }
        if !self.state_directory.writable {
            parts.push("Waiting for the state directory to be writable".to_owned());
        }
        match self.livy.up {
            Some(true) => {}
            Some(false) => parts.push(format!("Waiting for Livy{} ({})", self.livy.at(), self.livy.since())),
            None => parts.push(format!("Waiting for Livy{}", self.livy.at())),
        }
        match self.yarn.up {
            Some(false) => parts.push(format!(
                "Waiting for YARN{} ({}; url = \"\" in [yarn] for a cluster without YARN)",
                self.yarn.at(),
                self.yarn.since()
            )),
            None if !self.yarn.url.is_empty() => parts.push(format!("Waiting for YARN{}", self.yarn.at())),
            Some(true) | None => {}
        }
        for activity in &self.activities {
            if let Some(trouble) = &activity.trouble {
                let (name, seconds) = (activity.name(), trouble.seconds);
                parts.push(format!("Waiting at {name}: {} ({seconds} s)", trouble.condition));
            }
        }
        for queue in &self.queues {
            if let Some(trouble) = &queue.trouble {
                let (name, seconds) = (arn::name(&queue.topic), trouble.seconds);
                parts.push(format!("Waiting at {name}: {} ({seconds} s)", trouble.condition));
            }
        }
        if parts.is_empty() {
            parts.push(self.polling());
        }
        parts.push(self.counted());
        if !self.moving.is_empty() {
            let shown = self.moving.iter().map(|job| match job.state.as_str() {
                "RUNNING" => format!("{} {} %", job.name, job.percent),
                word => format!("{} {word}", job.name),
            });
            let more = self.moving_count.saturating_sub(self.moving.len());
            let more = (more > 0).then(|| format!("and {more} more"));
            parts.push(shown.chain(more).collect::<Vec<String>>().join(", "));
        }
        parts.join("; ")
    }

    /// Where nothing is in the way: whether there is room for another task.
    fn polling(&self) -> String {
        if self.activities.is_empty() && !self.queues.is_empty() {
            return "Receiving".to_owned();
        }
        let full: Vec<&ActivityOverview> =
            self.activities.iter().filter(|activity| activity.is_full()).collect();
        let names = || full.iter().map(|activity| activity.name()).collect::<Vec<_>>().join(", ");
        match full.len() {
            0 => "Polling".to_owned(),
            all if all == self.activities.len() => {
                format!("All places taken ({})", full.iter().map(|activity| activity.places).sum::<usize>())
            }
            _ => format!("Polling; all places taken at {}", names()),
        }
    }

    /// How many tasks there are, by state.
    pub fn counted(&self) -> String {
        let states: Vec<String> =
            self.states.iter().map(|(state, count)| format!("{count} {state}")).collect();
        match self.states.values().sum() {
            0_usize => "no tasks".to_owned(),
            1 => format!("1 task ({})", states.join(", ")),
            all => format!("{all} tasks ({})", states.join(", ")),
        }
    }
}

impl PauseOverview {
    /// In one line. `has_queues`: requests for resources come in, too.
    pub fn line(&self, has_queues: bool) -> String {
        let since = self.since.as_ref().map(|since| format!(" since {since}"));
        let until = self.until.as_ref().map_or("until resume".to_owned(), |until| format!("until {until}"));
        let polls = match self.open_polls {
            0 => "no task is polled".to_owned(),
            1 => "1 poll is still open".to_owned(),
            polls => format!("{polls} polls are still open"),
        };
        let queues = if has_queues { "; of stacks deletions alone are carried out" } else { "" };
        let unkept = if self.unkept.is_some() { "; a restart will not know of it" } else { "" };
        let unread = if self.unread.is_some() { "; its file cannot be read" } else { "" };
        format!("Paused{}, {until}: {polls}, jobs run on{queues}{unkept}{unread}", since.unwrap_or_default())
    }
}

impl ActivityOverview {
    /// Whether no task is asked for, because no place is free. An open poll holds the place of the task that it may bring.
    pub fn is_full(&self) -> bool {
        self.free == 0 && self.open_polls == 0 && self.trouble.is_none()
    }

    /// The last part of its ARN.
    pub fn name(&self) -> &str {
        arn::name(&self.arn)
    }
}

impl ServiceOverview {
    /// Where it is, and what says so.
    fn at(&self) -> String {
        match (self.url.as_str(), self.source.as_str()) {
            ("", _) => String::new(),
            (url, "") => format!(" at {url}"),
            (url, source) => format!(" at {url} by {source}"),
        }
    }

    /// Why it does not answer, and for how long.
    fn since(&self) -> String {
        format!("{}, {} s", self.reason.as_deref().unwrap_or_default(), self.seconds.unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::{DirectoryOverview, JobProgress, QueueOverview, TroubleOverview};
    use super::*;

    fn well() -> Overview {
        Overview {
            phase: "serving".into(),
            livy: ServiceOverview {
                url: "http://localhost:8998".into(),
                up: Some(true),
                ..ServiceOverview::default()
            },
            state_directory: DirectoryOverview { path: "/var/lib/x".into(), writable: true },
            activities: vec![ActivityOverview {
                arn: "arn:aws:states:eu-west-1:123456789012:activity:spark-job".into(),
                places: 20,
                free: 19,
                open_polls: 1,
                ..ActivityOverview::default()
            }],
            ..Overview::default()
        }
    }

    #[test]
    fn a_pause_is_no_problem_and_the_line_says_it_first() {
        let mut paused = well();
        let since = Some("2026-11-28T05:00:00Z".to_owned());
        paused.paused = Some(PauseOverview { since, open_polls: 2, ..PauseOverview::default() });
        assert_eq!(paused.find_problems(), Vec::<String>::new());
        assert_eq!(
            paused.line(),
            "Paused since 2026-11-28T05:00:00Z, until resume: 2 polls are still open, jobs run on; no tasks"
        );
        paused.livy.up = Some(false);
        paused.queues.push(QueueOverview::default());
        let pause = paused.paused.as_mut().unwrap();
        (pause.open_polls, pause.until) = (0, Some("2026-11-28T07:00:00Z".to_owned()));
        pause.unkept = Some("full".to_owned());
        let line = paused.line();
        for part in [
            "until 2026-11-28T07:00:00Z: no task is polled, jobs run on; of stacks deletions alone are carried out; a \
             restart will not know of it; Waiting for Livy",
            "no tasks",
        ] {
            assert!(line.contains(part), "{line}");
        }
        let unread = Some("it says nothing".to_owned());
        paused.livy.up = Some(true);
        paused.paused = Some(PauseOverview { unread, ..PauseOverview::default() });
        assert_eq!(paused.find_problems(), ["it says nothing"]);
        assert!(paused.line().starts_with("Paused, until resume: no task is polled"), "{}", paused.line());
        paused.phase = "stopping".to_owned();
        assert!(!paused.line().contains("Paused"));
    }

    #[test]
    fn the_line_says_where_all_places_are_taken() {
        let mut full = well();
        full.activities[0].free = 0;
        assert_eq!(full.line(), "Polling; no tasks", "the poll holds the last place");
        full.activities[0].open_polls = 0;
        full.states = BTreeMap::from([("Running".into(), 20)]);
        assert_eq!(full.line(), "All places taken (20); 20 tasks (20 Running)");
        let other = ActivityOverview { arn: "x:nightly".into(), ..well().activities[0].clone() };
        full.activities.push(other);
        assert_eq!(full.line(), "Polling; all places taken at spark-job; 20 tasks (20 Running)");
        full.livy.up = None;
        assert_eq!(full.line(), "Waiting for Livy at http://localhost:8998; 20 tasks (20 Running)");
    }

    #[test]
    fn the_line_says_what_is_waited_for_and_what_is_held() {
        assert_eq!(well().line(), "Polling; no tasks");
        let mut ill = well();
        ill.livy.up = Some(false);
        ill.livy.reason = Some("connection refused".into());
        ill.livy.seconds = Some(42);
        ill.activities[0].trouble = Some(TroubleOverview {
            condition: "Step Functions throttles polls".into(),
            reason: "Rate exceeded".into(),
            seconds: 42,
        });
        ill.states = BTreeMap::from([("Running".into(), 2)]);
        assert_eq!(
            ill.line(),
            "Waiting for Livy at http://localhost:8998 (connection refused, 42 s); \
             Waiting at spark-job: Step Functions throttles polls (42 s); 2 tasks (2 Running)"
        );
        ill.yarn.url = "http://rm:8088".into();
        assert!(ill.line().contains("; Waiting for YARN at http://rm:8088; Waiting at"), "{}", ill.line());
        ill.yarn.up = Some(false);
        ill.yarn.reason = Some("it hangs".into());
        ill.yarn.seconds = Some(10);
        let yarn = "Waiting for YARN at http://rm:8088 (it hangs, 10 s; url = \"\" in [yarn] for a cluster without YARN)";
        assert!(ill.line().contains(yarn), "{}", ill.line());
        ill.state_directory.writable = false;
        ill.phase = "terminating".into();
        assert!(ill.line().starts_with(
            "Terminating: every task is given back; Waiting for the state directory to be writable; "
        ));
    }

    #[test]
    fn a_queue_that_cannot_be_read_is_told_and_a_worker_of_queues_alone_receives() {
        let queue = QueueOverview { topic: "arn:aws:sns:x:1:spark-jobs".into(), ..QueueOverview::default() };
        let mut now = Overview { activities: Vec::new(), queues: vec![queue], ..well() };
        assert_eq!((now.line().as_str(), now.find_problems().len()), ("Receiving; no tasks", 0));
        now.queues[0].unanswered = Some(POLL_IS_LATE);
        assert_eq!(now.find_problems(), ["spark-jobs: no receive was answered for 90 s"]);
        now.queues[0].trouble = Some(TroubleOverview {
            condition: "the queue does not exist".into(),
            reason: "gone".into(),
            seconds: 7,
        });
        assert_eq!(now.find_problems(), ["spark-jobs: the queue does not exist: gone (7 s)"]);
        assert_eq!(now.line(), "Waiting at spark-jobs: the queue does not exist (7 s); no tasks");
    }

    #[test]
    fn the_line_names_some_jobs_with_yarns_word_about_them() {
        let job = |name: &str, state: &str, percent| JobProgress {
            name: name.into(),
            state: state.into(),
            percent,
        };
        let mut some = well();
        some.moving = vec![job("a", "RUNNING", 45), job("b", "ACCEPTED", 0)];
        some.moving_count = 2;
        assert_eq!(some.line(), "Polling; no tasks; a 45 %, b ACCEPTED");
        some.moving_count = 3;
        assert_eq!(some.line(), "Polling; no tasks; a 45 %, b ACCEPTED, and 1 more");
    }

    #[test]
    fn each_problem_is_named_and_a_young_wait_is_none() {
        let mut view = well();
        view.activities[0].unanswered = Some(POLL_IS_LATE - 1);
        assert_eq!(view.find_problems(), Vec::<String>::new());
        view.activities[0].unanswered = Some(POLL_IS_LATE);
        assert_eq!(view.find_problems(), ["spark-job: no poll was answered for 90 s"]);
        view.yarn.up = Some(false);
        view.yarn.reason = Some("it hangs".into());
        view.late_heartbeats = 2;
        view.oldest_heartbeat = Some(61);
        view.state_directory.writable = false;
        view.phase = "stopping".into();
        assert_eq!(
            view.find_problems(),
            [
                "the worker is stopping",
                "spark-job: no poll was answered for 90 s",
                "YARN does not answer (it hangs, 0 s)",
                "/var/lib/x cannot be written",
                "2 of the tasks had no heartbeat accepted for two intervals; the oldest is 61 s old",
            ]
        );
    }
}
