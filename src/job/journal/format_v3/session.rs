//! What the third format has beside the second.

use super::*;
use crate::job::machine;
use crate::job::report;
use crate::job::statements::{check, script};

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Script {
    statements: Vec<Statement>,
    /// JSON text.
    variables: String,
    result: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Statement {
    kind: Kind,
    code: String,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Kind {
    Pyspark,
    Sql,
}

/// How far a session is.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Step {
    Opening,
    At(u16),
    Done,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Spoken {
    session: Option<u64>,
    /// JSON text.
    result: Option<String>,
    statements: Vec<Told>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Told {
    kind: String,
    ms: u64,
    text: String,
    cut: bool,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Stopped {
    session: Option<u64>,
    statement: Option<u16>,
    exception: Option<Exception>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Exception {
    name: String,
    words: String,
    traceback: String,
}

impl EntryV3 {
    /// Whether anything of a session is in it, which the second format has no place for.
    pub(in crate::job::journal) fn is_of_session(&self) -> bool {
        let of_request = matches!(self.request, Some(Request::Session { .. }));
        let of_attempt = |attempt: &Attempt| attempt.run.session.is_some();
        let of_outcome = |outcome: &Outcome| match outcome {
            Outcome::Succeeded(success) => success.spoken.is_some(),
            Outcome::Failed(failure) => {
                failure.stopped.is_some() || matches!(failure.verdict_source, Source::Session)
            }
            Outcome::Reached(_) => false,
        };
        let of_state = match &self.state {
            State::Stopping { then: Then::Run(attempt) }
            | State::Received { attempt }
            | State::Submitting { attempt, .. }
            | State::InDoubt { attempt, .. } => of_attempt(attempt),
            State::Stopping { then: Then::End(outcome) } => of_outcome(outcome),
            State::Speaking { .. } | State::Listening { .. } => true,
            State::Running { run }
            | State::Withdrawing { run }
            | State::Judged { run, .. }
            | State::Orphaned { run } => run.session.is_some(),
            State::Ended { outcome, leftover } => {
                of_outcome(outcome) || leftover.as_ref().is_some_and(|run| run.session.is_some())
            }
            State::Settled => false,
        };
        of_request || of_state
    }
}

impl From<machine::Step> for Step {
    fn from(step: machine::Step) -> Step {
        match step {
            machine::Step::Opening => Step::Opening,
            machine::Step::At(step) => Step::At(step),
            machine::Step::Done => Step::Done,
        }
    }
}

impl Step {
    pub(super) fn read(self) -> machine::Step {
        match self {
            Step::Opening => machine::Step::Opening,
            Step::At(step) => machine::Step::At(step),
            Step::Done => machine::Step::Done,
        }
    }
}

impl From<&script::Script> for Script {
    fn from(script: &script::Script) -> Script {
        let statement = |statement: &script::Statement| Statement {
            kind: match statement.kind {
                script::Kind::Pyspark => Kind::Pyspark,
                script::Kind::Sql => Kind::Sql,
            },
            code: statement.code.clone(),
        };
        Script {
            statements: script.statements.iter().map(statement).collect(),
            variables: script.variables.clone(),
            result: script.result.clone(),
        }
    }
}

impl Script {
    pub(super) fn read(self) -> script::Script {
        let statement = |statement: Statement| script::Statement {
            kind: match statement.kind {
                Kind::Pyspark => script::Kind::Pyspark,
                Kind::Sql => script::Kind::Sql,
            },
            code: statement.code,
        };
        script::Script {
            statements: self.statements.into_iter().map(statement).collect(),
            variables: self.variables,
            result: self.result,
        }
    }
}

impl From<&report::Spoken> for Spoken {
    fn from(spoken: &report::Spoken) -> Spoken {
        let told = |told: &check::Told| Told {
            kind: told.kind.clone(),
            ms: u64::try_from(
                std::time::Duration::try_from_secs_f64(told.seconds).unwrap_or_default().as_millis(),
            )
            .unwrap_or(u64::MAX),
            text: told.text.clone(),
            cut: told.cut,
        };
        Spoken {
            session: spoken.session,
            result: spoken.result.clone(),
            statements: spoken.statements.iter().map(told).collect(),
        }
    }
}

impl Spoken {
    pub(super) fn read(self) -> report::Spoken {
        let told = |told: Told| check::Told {
            kind: told.kind,
            seconds: std::time::Duration::from_millis(told.ms).as_secs_f64(),
            text: told.text,
            cut: told.cut,
        };
        report::Spoken {
            session: self.session,
            result: self.result,
            statements: self.statements.into_iter().map(told).collect(),
        }
    }
}

impl From<&report::Stopped> for Stopped {
    fn from(stopped: &report::Stopped) -> Stopped {
        let exception = stopped.exception.as_ref().map(|exception| Exception {
            name: exception.name.clone(),
            words: exception.words.clone(),
            traceback: exception.traceback.clone(),
        });
        Stopped { session: stopped.session, statement: stopped.statement, exception }
    }
}

impl Stopped {
    pub(super) fn read(self) -> report::Stopped {
        let exception = self.exception.map(|exception| report::Exception {
            name: exception.name,
            words: exception.words,
            traceback: exception.traceback,
        });
        report::Stopped { session: self.session, statement: self.statement, exception }
    }
}
