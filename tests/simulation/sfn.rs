//! Step Functions: tickets that are offered once, beats, reports, executions that stop, tokens that time out.
//!
//! A state machine tries again with a new token where its task timed out or failed with an error that is worth it.

use serde_json::{Value, json};
use spark_job_worker::job::report::{Answer, ErrorName, Retry};
use spark_job_worker::job::tags;
use spark_job_worker::job::world::{Beat, Reported};

use crate::facts::{Facts, Invariant};
use crate::plan::{HEARTBEAT_SECONDS, Millis, Mishap, SECOND};
use crate::world::{Act, Inner};

/// How a ticket came to its end in Step Functions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Closed {
    /// By an answer.
    Answered,
    /// Its execution was stopped.
    Stopped,
    /// No heartbeat came for too long.
    Silent,
}

/// What a task asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Input {
    Right,
    Wrong,
    AsAnotherUser,
}

/// On whose behalf some jobs are to run.
const ANOTHER_USER: &str = "alice";

impl Input {
    /// The input of the ticket of a number: no two are the same.
    pub(crate) fn of(self, number: usize) -> Value {
        let (file, args) = (format!("s3://b/etl-{number}.py"), arguments(number));
        match self {
            Input::Right => json!({"Name": "etl", "File": file, "Args": args}),
            Input::Wrong => json!({"Name": "etl", "Fils": file, "Args": args}),
            Input::AsAnotherUser => {
                json!({"Name": "etl", "File": file, "Args": args, "ProxyUser": ANOTHER_USER})
            }
        }
    }
}

fn arguments(number: usize) -> Value {
    json!([format!("--task={number}"), "", "two words", "$HOME 'and' \"more\""])
}

/// A task as Step Functions has it, and what the ledger knows of it.
#[derive(Debug)]
pub(crate) struct Ticket {
    pub(crate) token: String,
    pub(crate) input: Input,
    offered: Millis,
    /// How often the state machine tries again.
    tries: u32,
    /// The node to which it was handed out, and when.
    pub(crate) taken: Option<(usize, Millis)>,
    beaten: Millis,
    pub(crate) closed: Option<(Closed, Millis)>,
    /// The last beat was answered with a lie.
    lied_to_beat: bool,
    lied_to_report: bool,
    /// A report may have been applied by its own words, and was not.
    in_vain: bool,
    /// So many answers are refused for good.
    refuses: u32,
    pub(crate) facts: Facts,
}

impl Ticket {
    pub(crate) fn is_open(&self) -> bool {
        self.closed.is_none()
    }

    pub(crate) fn node(&self) -> Option<usize> {
        self.taken.map(|(node, _)| node)
    }
}

impl Inner {
    /// A state machine enters a task.
    pub(crate) fn offer(&mut self, offered: Millis, tries: u32) {
        let number = self.tickets.len();
        let input = if self.plan.has(Mishap::WrongInputs) && self.rng.bool() {
            Input::Wrong
        } else if self.plan.has(Mishap::NoImpersonation) && self.rng.bool() {
            Input::AsAnotherUser
        } else {
            Input::Right
        };
        let refuses = if self.plan.has(Mishap::RefusedReports) { self.rng.u32(0..=3) } else { 0 };
        self.tickets.push(Ticket {
            token: format!("token-{number}-{}", self.rng.u32(..)),
            input,
            offered,
            tries,
            taken: None,
            beaten: 0,
            closed: None,
            lied_to_beat: false,
            lied_to_report: false,
            in_vain: false,
            refuses,
            facts: Facts::default(),
        });
    }

    /// What a ticket's task says.
    pub(crate) fn input_of(&self, number: usize) -> Value {
        let mut input = self.tickets[number].input.of(number);
        if let Some(timeout) = self.plan.queue_timeout {
            input["QueueTimeout"] = json!(format!("{timeout}ms"));
        }
        input
    }

    /// The ticket of a token.
    pub(crate) fn ticket_of(&self, token: &str) -> usize {
        self.tickets
            .iter()
            .position(|ticket| ticket.token == token)
            .expect("only tokens that were handed out")
    }

    /// The ticket of a task id, which logs, names and tags show.
    pub(crate) fn ticket_of_task(&self, id: &str) -> Option<usize> {
        self.tickets.iter().position(|ticket| ticket.facts.task == id)
    }

    /// The ticket whose run carries a tag.
    pub(crate) fn ticket_of_tag(&self, tag: &str) -> Option<usize> {
        let has = |facts: &Facts| !facts.task.is_empty() && tags::of_run(&facts.task) == tag;
        self.tickets.iter().position(|ticket| has(&ticket.facts))
    }

    /// Hands the next ticket out; else when the next one is offered.
    pub(crate) fn hand_out(&mut self, node: usize) -> Result<usize, Option<Millis>> {
        let now = self.at;
        let waiting = self.tickets.iter().position(|ticket| ticket.taken.is_none() && ticket.offered <= now);
        let Some(number) = waiting else {
            let later =
                self.tickets.iter().filter(|ticket| ticket.taken.is_none()).map(|ticket| ticket.offered);
            return Err(later.min());
        };
        self.tell(|inner| format!("{} is handed out to node {node}", inner.tickets[number].token));
        let ticket = &mut self.tickets[number];
        (ticket.taken, ticket.beaten) = (Some((node, now)), now);
        self.plan_act(now + HEARTBEAT_SECONDS, Act::Silence(number));
        if self.plan.has(Mishap::Aborts) && self.rng.bool() && !self.is_calm() {
            let at = now + self.rng.u64(1..200) * SECOND;
            self.plan_act(at, Act::Abort(number));
        }
        Ok(number)
    }

    /// Whether a ticket can still come to a worker.
    pub(crate) fn may_come(&self) -> bool {
        self.tickets.iter().any(|ticket| ticket.taken.is_none())
    }

    pub(crate) fn abort(&mut self, number: usize) {
        if self.tickets[number].is_open() {
            self.close(number, Closed::Stopped);
        }
    }

    /// A ticket may have missed its heartbeats.
    pub(crate) fn miss(&mut self, number: usize) {
        let due = self.tickets[number].beaten + HEARTBEAT_SECONDS;
        if !self.tickets[number].is_open() {
            return;
        }
        if due > self.at {
            return self.plan_act(due, Act::Silence(number));
        }
        self.close(number, Closed::Silent);
        self.died_in_silence(number);
        self.try_again(number);
    }

    fn close(&mut self, number: usize, how: Closed) {
        self.tell(|inner| format!("{} is closed: {how:?}", inner.tickets[number].token));
        self.tickets[number].closed = Some((how, self.at));
    }

    fn try_again(&mut self, number: usize) {
        if self.tickets[number].tries > 0 {
            let (at, tries) = (self.at + self.rng.u64(1..10) * SECOND, self.tickets[number].tries - 1);
            self.offer(at, tries);
        }
    }

    pub(crate) fn beat(&mut self, number: usize) -> Beat {
        let now = self.at;
        if !self.tickets[number].is_open() {
            return Beat::Dead("TaskTimedOut".to_owned());
        }
        let lies = !self.tickets[number].lied_to_beat && self.strikes(Mishap::FalseClosed, 8);
        self.tickets[number].lied_to_beat = lies;
        if lies {
            self.coverage.hit("world", "false closed for a beat", "");
            self.tell(|inner| format!("{} is called dead, which is not true", inner.tickets[number].token));
            return Beat::Dead("InvalidToken".to_owned());
        }
        self.tickets[number].beaten = now;
        self.heard_beat(number);
        Beat::Accepted
    }

    /// What Livy is sent for a run is what its own task asked for.
    pub(crate) fn posted_input(&mut self, tag: &str, body: &Value) {
        let Some(number) = self.ticket_of_tag(tag) else { return };
        let user = match self.tickets[number].input {
            Input::AsAnotherUser => json!(ANOTHER_USER),
            Input::Right | Input::Wrong => Value::Null,
        };
        let wanted = (json!(format!("s3://b/etl-{number}.py")), arguments(number), user);
        if (&body["file"], &body["args"], &body["proxyUser"]) != (&wanted.0, &wanted.1, &wanted.2) {
            let token = self.tickets[number].token.clone();
            self.violate(Invariant::OwnInput, || format!("{token} is posted as {body}"));
        }
    }

    /// A report that arrives. Whether its answer comes back is decided later.
    pub(crate) fn report(&mut self, number: usize, answer: &Answer) -> Reported {
        self.note_report(number, answer);
        if !self.tickets[number].is_open() {
            return Reported::Closed("TaskTimedOut".to_owned());
        }
        let ticket = &self.tickets[number];
        let may_lie = !ticket.lied_to_report && !ticket.in_vain;
        if may_lie && self.strikes(Mishap::FalseClosed, 3) {
            self.tickets[number].lied_to_report = true;
            self.coverage.hit("world", "false closed for a report", "");
            self.tell(|inner| format!("{} is called closed, which is not true", inner.tickets[number].token));
            return Reported::Closed("TaskDoesNotExist".to_owned());
        }
        if self.strikes(Mishap::BadReports, 3) {
            return self.bad_report(number, answer);
        }
        if self.tickets[number].facts.refused < self.tickets[number].refuses {
            self.tickets[number].facts.refused += 1;
            let all = if matches!(answer, Answer::Success { .. }) { 2 } else { 3 };
            if self.tickets[number].facts.refused >= all {
                // It goes on being refused: only the timeout ends it.
                self.tickets[number].refuses = u32::MAX;
                self.tickets[number].facts.hopeless = true;
            }
            self.coverage.hit("world", "report refused", "");
            return Reported::Refused("ValidationException".to_owned());
        }
        self.apply(number, answer);
        Reported::Acknowledged
    }

    /// A report, or its answer, got lost: the worker cannot know whether it was applied.
    pub(crate) fn report_lost(&mut self, number: usize) {
        let ticket = &mut self.tickets[number];
        ticket.in_vain |= ticket.is_open();
    }

    fn bad_report(&mut self, number: usize, answer: &Answer) -> Reported {
        let (reason, applied, maybe_applied) = match self.rng.u8(0..4) {
            0 => ("ThrottlingException", false, false),
            1 => ("InternalFailure", false, true),
            2 => ("InternalFailure", true, true),
            _ => ("timed out", true, true),
        };
        self.coverage.hit("world", "report without an answer", reason);
        if applied {
            self.apply(number, answer);
        } else {
            self.tickets[number].in_vain |= maybe_applied;
        }
        Reported::Again { reason: reason.to_owned(), maybe_applied }
    }

    fn apply(&mut self, number: usize, answer: &Answer) {
        self.close(number, Closed::Answered);
        self.tell(|_| format!("the answer: {answer:?}"));
        let error = match answer {
            Answer::Success { .. } => "succeeded",
            Answer::Failure { error, .. } => error,
        };
        self.answered(number, error);
        let worth_it =
            ErrorName::ALL.into_iter().any(|name| name.as_str() == error && name.retry() == Retry::Yes);
        if worth_it {
            self.try_again(number);
        }
    }
}
