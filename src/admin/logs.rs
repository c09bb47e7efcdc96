//! What a driver wrote, for an operator who asks, piece by piece: each answer says where the next one goes on.
//!
//! A question costs one look at the container's page, and of a job that runs none at YARN: the sweep knows the page. In
//! memory an answer takes less than 1 MB, some are made at once, and one that nobody takes goes with its connection.

mod lines;
mod locate;
mod wanted;

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use self::lines::cut;
use self::locate::{Located, Place};
use self::wanted::Wanted;
use super::Admin;
use crate::job::report::mask;
use crate::job::world::Unreachable;
use crate::spark::driver_log::TAIL;
use crate::world::RealWorld;

/// So many answers are made or taken at once.
const AT_ONCE: usize = 4;
/// For how long a question waits to be one of them.
const TURN: Duration = Duration::from_secs(3);
/// For how long YARN, Livy and the servers of logs are asked for one answer. With [`TURN`] it is less than a connection
/// may take.
const ASKING: Duration = Duration::from_secs(12);

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogQuestion {
    /// A task's id, a job's name, an application's id, or an execution.
    pub name: String,
    /// Which of a driver's two streams.
    pub file: LogFile,
    /// Without the mask.
    pub raw: bool,
    /// Where the last answer ended; none: the last 64 KiB.
    pub at: Option<LogPlace>,
    /// A last line without an end is wanted, too.
    pub whole: bool,
}

/// One of a driver's two streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFile {
    /// What the job's own code prints; of Python its tracebacks, too.
    Stdout,
    /// What Spark logs; of Java and Scala what was not caught, too.
    Stderr,
}

impl LogFile {
    /// The file's name.
    pub fn as_str(self) -> &'static str {
        match self {
            LogFile::Stdout => "stdout",
            LogFile::Stderr => "stderr",
        }
    }
}

/// A place in a log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogPlace {
    /// Whose log: another attempt of a driver has another one.
    pub container: String,
    /// The next byte.
    pub byte: u64,
    /// It is within a line whose rest is not shown.
    pub within: bool,
}

/// What the daemon answers.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LogAnswer {
    /// Whose log it is, for people.
    pub job: String,
    /// What it is to be called in the next question; none where nobody knows it.
    pub id: Option<String>,
    /// Nothing more happens in it.
    pub is_over: bool,
    /// How far it is, in YARN's words or the worker's.
    pub progress: Option<String>,
    /// What there is.
    pub found: FoundLog,
}

/// What there is of a log.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum FoundLog {
    /// Lines of the driver.
    Driver {
        /// Whole ones.
        lines: Vec<String>,
        /// Where they end.
        at: LogPlace,
        /// How many bytes of the log are before the first place.
        before: u64,
        /// The log had nothing more.
        is_end: bool,
    },
    /// All that spark-submit has said, while there is no application.
    Submission(Vec<String>),
    /// Nothing, for a reason with what to do.
    Nothing(NoLog, String),
}

/// Why there is nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum NoLog {
    /// The name is nobody's, or more than one's.
    Name,
    /// It may still come.
    NotYet,
    /// It will not come.
    Never,
    /// Who has it does not answer, or has too much to do.
    Unanswered,
}

/// Places for those whose answers are made or taken.
#[derive(Debug)]
pub(super) struct Readers(Semaphore);

impl Default for Readers {
    fn default() -> Readers {
        Readers(Semaphore::new(AT_ONCE))
    }
}

impl Readers {
    /// A place; none where too many others ask.
    pub(super) async fn turn(&self) -> Option<SemaphorePermit<'_>> {
        timeout(TURN, self.0.acquire()).await.ok()?.ok()
    }
}

/// Where too many others ask.
pub(super) fn busy() -> LogAnswer {
    nothing(NoLog::Unanswered, format!("{AT_ONCE} others read logs through the daemon now: try again"))
}

/// The next piece of a log.
pub(super) async fn read(admin: &Admin, question: LogQuestion) -> LogAnswer {
    let wanted = match wanted::find(admin, &question.name) {
        Ok(wanted) => wanted,
        Err(reason) => return nothing(NoLog::Name, reason),
    };
    let name = question.name.clone();
    let asked = timeout(ASKING, answer(admin, &wanted, question)).await;
    asked.unwrap_or_else(|_| {
        let text = format!("the log of {name} was not to be had within {} s: try again", ASKING.as_secs());
        nothing(NoLog::Unanswered, text)
    })
}

fn nothing(why: NoLog, text: String) -> LogAnswer {
    LogAnswer {
        job: String::new(),
        id: None,
        is_over: false,
        progress: None,
        found: FoundLog::Nothing(why, text),
    }
}

async fn answer(admin: &Admin, wanted: &Wanted, question: LogQuestion) -> LogAnswer {
    let Located { place, is_over, progress } = locate::locate(admin, wanted).await;
    let found = match place {
        Place::Page(page) => of_driver(&admin.world, &page, question, is_over).await,
        Place::Submission(lines) => {
            // Livy's headings begin with an empty line.
            let lines = lines.iter().flat_map(|line| line.lines());
            let masked = |line: &str| if question.raw { line.to_owned() } else { mask(line).into_owned() };
            FoundLog::Submission(lines.map(masked).collect())
        }
        Place::None(why, text) => FoundLog::Nothing(why, text),
    };
    let id = wanted.task.clone().or_else(|| wanted.application.clone());
    LogAnswer { job: wanted.described(), id, is_over, progress, found }
}

/// What the driver wrote from a place on, or its last 64 KiB.
async fn of_driver(world: &RealWorld, page: &str, question: LogQuestion, is_over: bool) -> FoundLog {
    let file = question.file.as_str();
    let container = page.split('/').find(|part| part.starts_with("container_")).unwrap_or(page);
    let unanswered = |Unreachable(reason)| {
        let text = format!(
            "the driver's {file} cannot be read: {reason}; does that node live? yarn node -list -all, \
             or sudo spark-job-worker doctor"
        );
        FoundLog::Nothing(NoLog::Unanswered, text)
    };
    let (at, before) = match question.at {
        Some(at) if at.container == container => (at, 0),
        before => {
            let length = match world.driver_logs.length(page, file).await {
                Ok(Ok(length)) => length,
                Ok(Err(message)) => return missing(file, &message, is_over),
                Err(silence) => return unanswered(silence),
            };
            // What another attempt writes is new from its beginning.
            let byte = if before.is_none() { length.saturating_sub(TAIL as u64) } else { 0 };
            (LogPlace { container: container.to_owned(), byte, within: byte > 0 }, byte)
        }
    };
    let part = match world.driver_logs.part(page, file, at.byte).await {
        Ok(Ok(part)) => part,
        Ok(Err(message)) => return missing(file, &message, is_over),
        Err(silence) => return unanswered(silence),
    };
    let (raw, whole, is_end) = (question.raw, question.whole, part.is_end);
    // It takes its time, and the daemon has other things to do.
    let cut = spawn_blocking(move || {
        let (mut lines, at) = cut(&part, at, whole, raw);
        if !raw {
            lines.iter_mut().for_each(|line| *line = mask(line).into_owned());
        }
        (lines, at)
    });
    match cut.await {
        Ok((lines, at)) => FoundLog::Driver { lines, at, before, is_end },
        Err(panic) => {
            FoundLog::Nothing(NoLog::Never, format!("the driver's {file} cannot be shown: {panic}"))
        }
    }
}

/// Why a server has a message in the place of a log, in its words.
fn missing(file: &str, message: &str, is_over: bool) -> FoundLog {
    let is_off = ["Aggregation is not enabled", "Log Server url may not be configured"];
    let is_refused = message.contains("not authorized");
    let (why, advice) = if is_off.iter().any(|words| message.contains(words)) {
        let advice = "its node has given it away, and nobody collects logs: set yarn.log-aggregation-enable and \
                      yarn.log.server.url in yarn-site.xml for the jobs to come";
        (NoLog::Never, advice)
    } else if is_refused {
        (
            NoLog::Never,
            "let the worker's user view logs (yarn.acl.enable, spark.ui.view.acls), or use yarn logs",
        )
    } else if is_over {
        let advice = "a log is collected for some seconds after the end: try again; where yarn.log-aggregation-enable is \
                      off, it goes with its node's own copy (yarn.nodemanager.log.retain-seconds)";
        (NoLog::NotYet, advice)
    } else {
        (NoLog::NotYet, "its container has not started yet: try again, or wait for it with --follow")
    };
    FoundLog::Nothing(
        why,
        format!("the driver's {file} is not there ({}): {advice}", message.trim_end_matches('.')),
    )
}
