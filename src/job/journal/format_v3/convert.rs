//! Between these formats and the types of the machine.

use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::job::application::AppEnd;
use crate::job::journal::Entry;
use crate::job::machine::{self, OnAbort};
use crate::job::timestamp::Timestamp;
use crate::job::token::Token;
use crate::job::{self, Task, document, goal};

impl EntryV3 {
    /// What is written for a task in a state.
    pub(in crate::job::journal) fn new(task: &Task, state: &machine::State) -> EntryV3 {
        EntryV3 {
            task: task.id.clone(),
            token: task.token.as_ref().map(|token| token.secret().to_owned()),
            door: match &task.document {
                None => Door::Activity(task.activity.as_ref().to_owned()),
                Some(document) => Door::Document((&**document).into()),
            },
            execution: task.execution.clone(),
            heartbeat_interval_ms: u64::try_from(task.heartbeat_interval.as_millis()).unwrap_or(u64::MAX),
            on_abort: match task.on_abort {
                OnAbort::Kill => Abort::Kill,
                OnAbort::Leave => Abort::Leave,
            },
            received: task.received.0,
            queue_timeout_ms: queue::millis(task.queue_timeout),
            request: task.request.as_ref().map(Request::from),
            state: State::from(state),
        }
    }

    /// What was read; an error in words where a name is none that this version knows.
    pub(in crate::job::journal) fn read(self) -> Result<Entry, String> {
        let (activity, document) = match self.door {
            Door::Activity(activity) => (activity, None),
            Door::Document(document) => (String::new(), Some(Box::new(document.read()))),
        };
        let task = Task {
            id: self.task,
            token: self.token.map(Token::new),
            document,
            activity: activity.into(),
            execution: self.execution,
            request: self.request.map(job::TaskRequest::from),
            heartbeat_interval: Duration::from_millis(self.heartbeat_interval_ms),
            on_abort: match self.on_abort {
                Abort::Kill => OnAbort::Kill,
                Abort::Leave => OnAbort::Leave,
            },
            queue_timeout: self.queue_timeout_ms.map(Duration::from_millis),
            received: Timestamp(self.received),
        };
        Ok(Entry { task, state: self.state.read()?, is_old: false })
    }
}

impl From<&document::Document> for Document {
    fn from(document: &document::Document) -> Document {
        Document {
            place: document.place.secret().to_owned(),
            form: document.form.clone(),
            goal: match document.goal {
                goal::Goal::Submitted => Goal::Submitted,
                goal::Goal::Running => Goal::Running,
                goal::Goal::Succeeded => Goal::Succeeded,
            },
            deadline: document.deadline.0,
            expires: document.expires.0,
            adopted: document.adopted,
        }
    }
}

impl Document {
    fn read(self) -> document::Document {
        document::Document {
            place: Token::new(self.place),
            form: self.form,
            goal: match self.goal {
                Goal::Submitted => goal::Goal::Submitted,
                Goal::Running => goal::Goal::Running,
                Goal::Succeeded => goal::Goal::Succeeded,
            },
            deadline: Timestamp(self.deadline),
            expires: Timestamp(self.expires),
            adopted: self.adopted,
        }
    }
}

impl From<&job::TaskRequest> for Request {
    fn from(request: &job::TaskRequest) -> Request {
        match request {
            job::TaskRequest::Checked { body, proxy_user } => {
                Request::Checked { body: body.clone(), proxy_user: proxy_user.clone() }
            }
            job::TaskRequest::Session(request) => Request::Session {
                body: request.body.clone(),
                proxy_user: request.proxy_user.clone(),
                script: (&request.script).into(),
            },
            job::TaskRequest::Wrong(problems) => Request::Wrong(problems.clone()),
            job::TaskRequest::Unchecked(input) => Request::Unchecked(input.clone()),
        }
    }
}

impl From<Request> for job::TaskRequest {
    fn from(request: Request) -> job::TaskRequest {
        match request {
            Request::Checked { body, proxy_user } => job::TaskRequest::Checked { body, proxy_user },
            Request::Session { body, proxy_user, script } => {
                job::TaskRequest::Session(Arc::new(job::SessionRequest {
                    body,
                    proxy_user,
                    script: script.read(),
                }))
            }
            Request::Wrong(problems) => job::TaskRequest::Wrong(problems),
            Request::Unchecked(input) => job::TaskRequest::Unchecked(input),
        }
    }
}

impl From<&machine::State> for State {
    fn from(state: &machine::State) -> State {
        match state {
            machine::State::Stopping { then: machine::Then::Run(attempt) } => {
                State::Stopping { then: Then::Run(attempt.into()) }
            }
            machine::State::Stopping { then: machine::Then::End(outcome) } => {
                State::Stopping { then: Then::End(outcome.into()) }
            }
            machine::State::Received { attempt } => State::Received { attempt: attempt.into() },
            machine::State::Submitting { attempt, since } => {
                State::Submitting { attempt: attempt.into(), since: since.0 }
            }
            machine::State::InDoubt { attempt, since, answered } => {
                State::InDoubt { attempt: attempt.into(), since: since.0, answered: *answered }
            }
            machine::State::Running { run } => State::Running { run: run.into() },
            machine::State::Withdrawing { run } => State::Withdrawing { run: run.into() },
            machine::State::Speaking { run, number } => State::Speaking { run: run.into(), number: *number },
            machine::State::Listening { run, number } => {
                State::Listening { run: run.into(), number: *number }
            }
            machine::State::Judged { run, word } => State::Judged { run: run.into(), word: (&**word).into() },
            machine::State::Ended { outcome, leftover } => {
                State::Ended { outcome: outcome.into(), leftover: leftover.as_ref().map(Run::from) }
            }
            machine::State::Orphaned { run } => State::Orphaned { run: run.into() },
            machine::State::Settled => State::Settled,
        }
    }
}

impl State {
    fn read(self) -> Result<machine::State, String> {
        Ok(match self {
            State::Stopping { then: Then::Run(attempt) } => {
                machine::State::Stopping { then: machine::Then::Run(attempt.read()) }
            }
            State::Stopping { then: Then::End(outcome) } => {
                machine::State::Stopping { then: machine::Then::End(outcome.read()?) }
            }
            State::Received { attempt } => machine::State::Received { attempt: attempt.read() },
            State::Submitting { attempt, since } => {
                machine::State::Submitting { attempt: attempt.read(), since: Timestamp(since) }
            }
            State::InDoubt { attempt, since, answered } => {
                machine::State::InDoubt { attempt: attempt.read(), since: Timestamp(since), answered }
            }
            State::Running { run } => machine::State::Running { run: run.read() },
            State::Withdrawing { run } => machine::State::Withdrawing { run: run.read() },
            State::Speaking { run, number } => machine::State::Speaking { run: run.read(), number },
            State::Listening { run, number } => machine::State::Listening { run: run.read(), number },
            State::Judged { run, word } => {
                machine::State::Judged { run: run.read(), word: Box::new(word.read()) }
            }
            State::Ended { outcome, leftover } => {
                machine::State::Ended { outcome: outcome.read()?, leftover: leftover.map(Run::read) }
            }
            State::Orphaned { run } => machine::State::Orphaned { run: run.read() },
            State::Settled => machine::State::Settled,
        })
    }
}

impl From<&machine::Run> for Run {
    fn from(run: &machine::Run) -> Run {
        Run {
            name: run.name.clone(),
            tag: run.tag.clone(),
            batch: run.number.map(u64::from),
            application: run.application.clone(),
            submitted: run.submitted.map(|at| at.0),
            proxy_user: run.proxy_user.clone(),
            session: run.step().map(Step::from),
        }
    }
}

impl Run {
    fn read(self) -> machine::Run {
        machine::Run {
            name: self.name,
            tag: self.tag,
            work: self.session.map_or(machine::Work::Batch, |step| machine::Work::Session(step.read())),
            // Livy's numbers have 31 bits.
            number: self.batch.and_then(|number| u32::try_from(number).ok()),
            application: self.application,
            submitted: self.submitted.map(Timestamp),
            proxy_user: self.proxy_user,
        }
    }
}

impl From<&machine::Attempt> for Attempt {
    fn from(attempt: &machine::Attempt) -> Attempt {
        let held = attempt.held.as_ref();
        let held = held.map(|hold| Hold { since: hold.since.0, words: hold.reason.clone() });
        Attempt { run: (&attempt.run).into(), held }
    }
}

impl Attempt {
    fn read(self) -> machine::Attempt {
        let held = self.held.map(|hold| machine::Hold { since: Timestamp(hold.since), reason: hold.words });
        machine::Attempt { run: self.run.read(), held }
    }
}

impl From<&machine::FinalWord> for Word {
    fn from(word: &machine::FinalWord) -> Word {
        Word {
            end: match word.end {
                AppEnd::Succeeded => End::Succeeded,
                AppEnd::Failed => End::Failed,
                AppEnd::Killed => End::Killed,
            },
            doubled: word.doubled,
            diagnostics: word.diagnostics.clone(),
            started: word.started.map(|at| at.0),
            launched: word.launched.map(|at| at.0),
            finished: word.finished.map(|at| at.0),
            memory_seconds: word.memory_seconds,
            vcore_seconds: word.vcore_seconds,
            tracking_url: word.tracking_url.clone(),
            log_url: word.log_url.clone(),
        }
    }
}

impl Word {
    fn read(self) -> machine::FinalWord {
        machine::FinalWord {
            end: match self.end {
                End::Succeeded => AppEnd::Succeeded,
                End::Failed => AppEnd::Failed,
                End::Killed => AppEnd::Killed,
            },
            doubled: self.doubled,
            diagnostics: self.diagnostics,
            started: self.started.map(Timestamp),
            launched: self.launched.map(Timestamp),
            finished: self.finished.map(Timestamp),
            memory_seconds: self.memory_seconds,
            vcore_seconds: self.vcore_seconds,
            tracking_url: self.tracking_url,
            log_url: self.log_url,
        }
    }
}
