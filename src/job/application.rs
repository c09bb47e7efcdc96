//! YARN's view of a job's applications.

mod active;

use std::cmp::Ordering;

use super::timestamp::Timestamp;
pub use active::Active;
pub(in crate::job) use active::Tagged;

/// What YARN says.
#[derive(Debug, Clone, PartialEq)]
pub enum YarnAnswer {
    /// There is none to ask.
    Off,
    /// No answer, for the reason in words.
    Unreachable(String),
    /// It does not let us see this one, for the reason in words: no list of its proves that something is not there.
    Hidden(String),
    /// The applications that were asked for, oldest first; empty where it knows none.
    Answer(Vec<Application>),
}

/// YARN's view of an application.
#[derive(Debug, Clone, PartialEq)]
pub struct Application {
    /// Its id.
    pub id: String,
    /// Whether it has ended, and how.
    pub state: AppState,
    /// YARN's word for that: `ACCEPTED`, `RUNNING`, …
    pub word: String,
    /// When it was submitted; `None` where YARN does not let us see that.
    pub started: Option<Timestamp>,
    /// When its first attempt was launched; `None` before that, and where YARN does not say (Hadoop before 3.2).
    pub launched: Option<Timestamp>,
    /// When it ended.
    pub finished: Option<Timestamp>,
    /// Memory in MiB times seconds that it used.
    pub memory_seconds: Option<u64>,
    /// Virtual cores times seconds that it used.
    pub vcore_seconds: Option<u64>,
    /// YARN's diagnostics, bounded. Not empty on some successes, too.
    pub diagnostics: String,
    /// Where it can be looked at.
    pub tracking_url: Option<String>,
    /// Where the log of its first container, the driver's, is.
    pub log_url: Option<String>,
}

/// YARN's word for an application whose driver is at work (`YarnApplicationState`).
pub const RUNNING: &str = "RUNNING";

impl Application {
    /// Whether it waits for its first container. One whose times YARN does not let us see may have had one.
    pub fn waits(&self) -> bool {
        self.state == AppState::Active
            && self.word != RUNNING
            && self.started.is_some()
            && !self.had_container()
    }

    /// Whether it was ever given a container, as far as YARN says: its launch is told from Hadoop 3.2 on, the log of the
    /// container and what it cost by older ones, too.
    pub fn had_container(&self) -> bool {
        let has_cost = self.memory_seconds.is_some_and(|used| used > 0);
        self.launched.is_some() || self.log_url.is_some() || has_cost
    }
}

/// An application on its way, as a sweep of YARN shows it.
#[derive(Debug, Clone, PartialEq)]
pub struct MovingApplication {
    /// The batch's name, unless the job calls itself otherwise.
    pub name: String,
    /// In percent, as the application master says it.
    pub progress: f32,
    /// Memory in MiB times seconds that it has used so far.
    pub memory_seconds: Option<u64>,
    /// Virtual cores times seconds that it has used so far.
    pub vcore_seconds: Option<u64>,
    /// The application itself; costs and diagnostics are left empty.
    pub application: Application,
}

/// By the time of submission where YARN lets us see it, else by id: ids count up.
pub fn oldest_first(a: &Application, b: &Application) -> Ordering {
    let by_id = || id_key(&a.id).cmp(&id_key(&b.id));
    match (a.started, b.started) {
        (Some(first), Some(second)) => first.cmp(&second).then_with(by_id),
        (Some(_), None) | (None, Some(_)) | (None, None) => by_id(),
    }
}

/// `application_<cluster start>_<number>`: the number has four digits or more.
fn id_key(id: &str) -> (u64, u64, &str) {
    let mut parts = id.rsplitn(3, '_').map(|part| part.parse().unwrap_or_default());
    let number = parts.next().unwrap_or_default();
    (parts.next().unwrap_or_default(), number, id)
}

/// An application's state, read from `state` and `finalStatus` together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AppState {
    /// Not ended.
    Active,
    /// Ended.
    Ended(AppEnd),
}

/// How an application ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AppEnd {
    /// FINISHED and SUCCEEDED.
    Succeeded,
    /// FAILED, or FINISHED with any other status.
    Failed,
    /// KILLED in either.
    Killed,
}
