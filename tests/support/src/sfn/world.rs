//! Activities, executions and their tasks: what the service remembers, and how one event changes it.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::hash::{BuildHasher, RandomState};
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::sync::oneshot;

use super::history::{History, members, now};
use super::machine::Machine;

/// How a task ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// SendTaskSuccess was accepted.
    Succeeded {
        /// The output, as sent.
        output: String,
    },
    /// SendTaskFailure was accepted.
    Failed {
        /// The error's name, if one was sent.
        error: Option<String>,
        /// The cause, if one was sent.
        cause: Option<String>,
    },
    /// A heartbeat was missed, or a TimeoutSeconds was over.
    TimedOut,
    /// The execution was stopped.
    Aborted,
}

/// What a poller is given.
#[derive(Clone, Debug)]
pub(super) struct Handed {
    pub(super) token: String,
    pub(super) input: String,
}

pub(super) struct Activity {
    pub(super) name: String,
    pub(super) created: f64,
    pub(super) queue: VecDeque<usize>,
    pub(super) polls: VecDeque<Poll>,
    pub(super) polled: usize,
    pub(super) workers: BTreeSet<String>,
}

/// A poll that waits for a task; its client may have left long ago.
pub(super) struct Poll {
    pub(super) number: usize,
    pub(super) worker: Option<String>,
    pub(super) give: oneshot::Sender<Handed>,
}

/// An execution and its one task.
pub(super) struct Task {
    pub(super) arn: String,
    pub(super) name: String,
    pub(super) machine_arn: String,
    pub(super) machine: Machine,
    pub(super) input: String,
    pub(super) started: f64,
    pub(super) stopped: Option<f64>,
    pub(super) outcome: Option<Outcome>,
    /// Error and cause that came with StopExecution.
    pub(super) stop_reason: (Option<String>, Option<String>),
    /// `TIMED_OUT` is the word for an execution's own limit only; a task's makes it FAILED.
    pub(super) execution_timed_out: bool,
    pub(super) token: Option<String>,
    pub(super) handed: Option<Instant>,
    pub(super) beats: Vec<Instant>,
    pub(super) history: History,
}

impl Task {
    /// The word of DescribeExecution.
    pub(super) fn status(&self) -> &'static str {
        match self.outcome {
            None => "RUNNING",
            Some(Outcome::Succeeded { .. }) => "SUCCEEDED",
            Some(Outcome::Aborted) => "ABORTED",
            Some(Outcome::TimedOut) if self.execution_timed_out => "TIMED_OUT",
            Some(Outcome::Failed { .. } | Outcome::TimedOut) => "FAILED",
        }
    }

    /// When the task times out unless something happens; none while nobody has it, or without limits.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let handed = self.handed.filter(|_| self.outcome.is_none())?;
        let beat = self.machine.heartbeat.map(|limit| *self.beats.last().unwrap_or(&handed) + limit);
        let end = self.machine.timeout.map(|limit| handed + limit);
        beat.into_iter().chain(end).min()
    }
}

/// Everything that the service remembers.
pub(super) struct World {
    pub(super) activities: BTreeMap<String, Activity>,
    pub(super) machines: BTreeMap<String, (String, Machine)>,
    pub(super) tasks: Vec<Task>,
    pub(super) tokens: HashMap<String, usize>,
    pub(super) violations: Vec<String>,
    pub(super) held: usize,
    pub(super) max_held: usize,
    /// How long an empty poll is held.
    pub(super) hold: Duration,
    /// How many polls an activity takes at once.
    pub(super) max_pollers: usize,
}

impl World {
    /// Makes an activity, or finds it: the name decides.
    pub(super) fn create_activity(&mut self, name: &str) -> String {
        let arn = format!("{}activity:{name}", super::PREFIX);
        self.activities.entry(arn.clone()).or_insert_with(|| Activity {
            name: name.to_owned(),
            created: now(),
            queue: VecDeque::new(),
            polls: VecDeque::new(),
            polled: 0,
            workers: BTreeSet::new(),
        });
        arn
    }

    /// Starts an execution; its task goes to the poll that waits longest, or queues.
    pub(super) fn start(&mut self, machine_arn: &str, machine: Machine, name: &str, input: &str) -> usize {
        let task = self.tasks.len();
        let machine_name = machine_arn.rsplit(':').next().unwrap_or_default();
        let mut history = History::default();
        history.add("ExecutionStarted", Some(("executionStartedEventDetails", json!({ "input": input }))));
        let entered = json!({ "name": machine.state, "input": input });
        history.add("TaskStateEntered", Some(("stateEnteredEventDetails", entered)));
        let activity = machine.activity.clone();
        self.tasks.push(Task {
            arn: format!("{}execution:{machine_name}:{name}", super::PREFIX),
            name: name.to_owned(),
            machine_arn: machine_arn.to_owned(),
            machine,
            input: input.to_owned(),
            started: now(),
            stopped: None,
            outcome: None,
            stop_reason: (None, None),
            execution_timed_out: false,
            token: None,
            handed: None,
            beats: Vec::new(),
            history,
        });
        self.schedule(task, &activity);
        task
    }

    fn schedule(&mut self, number: usize, arn: &str) {
        let task = &mut self.tasks[number];
        let Some(activity) = self.activities.get_mut(arn) else {
            let state = &task.machine.state;
            let cause = format!(
                "An error occurred while executing the state '{state}' (entered at the event id #2). The activity {arn} \
                 does not exist."
            );
            let error = Some("States.Runtime".to_owned());
            return self.close(number, Outcome::Failed { error, cause: Some(cause) });
        };
        let mut scheduled = json!({ "resource": arn, "input": task.input });
        if let Some(limit) = task.machine.heartbeat {
            scheduled["heartbeatInSeconds"] = json!(limit.as_secs());
        }
        if let Some(limit) = task.machine.timeout {
            scheduled["timeoutInSeconds"] = json!(limit.as_secs());
        }
        task.history.add("ActivityScheduled", Some(("activityScheduledEventDetails", scheduled)));
        match activity.polls.pop_front() {
            Some(poll) => {
                let handed = self.hand_out(number, poll.worker.as_deref());
                // The poll may be a ghost: then the task is lost on the way, as it is with the real service.
                let _ = poll.give.send(handed);
            }
            None => activity.queue.push_back(number),
        }
    }

    /// Gives a task its token, for this worker.
    pub(super) fn hand_out(&mut self, number: usize, worker: Option<&str>) -> Handed {
        let token = new_token(number);
        self.tokens.insert(token.clone(), number);
        self.held += 1;
        self.max_held = self.max_held.max(self.held);
        let task = &mut self.tasks[number];
        task.token = Some(token.clone());
        task.handed = Some(Instant::now());
        let details = members([("workerName", worker)]);
        task.history.add("ActivityStarted", Some(("activityStartedEventDetails", details)));
        Handed { token, input: task.input.clone() }
    }

    /// Ends a task and its execution. What has ended stays as it is.
    pub(super) fn close(&mut self, number: usize, outcome: Outcome) {
        let task = &mut self.tasks[number];
        if task.outcome.is_some() {
            return;
        }
        if task.token.is_some() {
            self.held -= 1;
        } else if let Some(activity) = self.activities.get_mut(&task.machine.activity) {
            activity.queue.retain(|queued| *queued != number);
        }
        task.record_end(&outcome);
        task.stopped = Some(now());
        task.outcome = Some(outcome);
    }
}

impl Task {
    fn record_end(&mut self, outcome: &Outcome) {
        let history = &mut self.history;
        match outcome {
            Outcome::Succeeded { output } => {
                let output = json!({ "output": output });
                history.add("ActivitySucceeded", Some(("activitySucceededEventDetails", output.clone())));
                let mut exited = output.clone();
                exited["name"] = json!(self.machine.state);
                history.add("TaskStateExited", Some(("stateExitedEventDetails", exited)));
                history.add("ExecutionSucceeded", Some(("executionSucceededEventDetails", output)));
            }
            Outcome::Failed { error, cause } => {
                let details = members([("error", error.as_deref()), ("cause", cause.as_deref())]);
                // Without a token nobody failed it but the service itself.
                if self.token.is_some() {
                    history.add("ActivityFailed", Some(("activityFailedEventDetails", details.clone())));
                }
                history.add("ExecutionFailed", Some(("executionFailedEventDetails", details)));
            }
            Outcome::TimedOut if self.execution_timed_out => {
                history.add("ExecutionTimedOut", Some(("executionTimedOutEventDetails", json!({}))));
            }
            Outcome::TimedOut => {
                let details = json!({ "error": "States.Timeout" });
                history.add("ActivityTimedOut", Some(("activityTimedOutEventDetails", details.clone())));
                history.add("ExecutionFailed", Some(("executionFailedEventDetails", details)));
            }
            Outcome::Aborted => {
                let (error, cause) = &self.stop_reason;
                let details = members([("error", error.as_deref()), ("cause", cause.as_deref())]);
                history.add("ExecutionAborted", Some(("executionAbortedEventDetails", details)));
            }
        }
    }
}

/// A token that no other server ever made: a worker may remember tokens from an earlier one.
fn new_token(number: usize) -> String {
    let random = || RandomState::new().hash_one(number);
    let tail: String = (0..16).map(|_| format!("{:016x}", random())).collect();
    // Real ones are about as long, and hold what must be escaped in URLs.
    format!("AAAAKgAAAAIAAAAAAAAAA/{number:06}+{tail}==")
}
