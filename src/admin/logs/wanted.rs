//! Whose log is wanted, by any of the names under which `status` and `history` show a job.

use super::super::Admin;
use super::super::table::{job, waiting};
use crate::cloudformation::errand::whose;
use crate::history::Finished;
use crate::job::machine::{Records, Stage};
use crate::registry::HeldTask;

/// So many are named where a name is more than one's.
const NAMED: usize = 10;

/// A job whose log is wanted.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Wanted {
    /// Its task.
    pub(super) task: Option<String>,
    /// Its state while it is held.
    pub(super) stage: Option<Stage>,
    /// What it came to, where it has ended.
    pub(super) outcome: Option<String>,
    /// Livy's name of it.
    pub(super) job: Option<String>,
    /// Which list of Livy's has it.
    pub(super) records: Option<Records>,
    /// YARN's tag of it.
    pub(super) tag: Option<String>,
    /// YARN's id of it.
    pub(super) application: Option<String>,
}

impl Wanted {
    fn held(held: &HeldTask) -> Wanted {
        let run = held.run.as_deref();
        Wanted {
            task: Some(held.task.id.clone()),
            stage: Some(held.stage),
            outcome: None,
            job: run.map(|run| run.name.clone()).filter(|name| !name.is_empty()),
            records: run.map(|run| run.records()),
            tag: run.map(|run| run.tag.clone()),
            application: run.and_then(|run| run.application.clone()),
        }
    }

    fn finished(finished: &Finished) -> Wanted {
        let records = if finished.session.is_some() { Records::Sessions } else { Records::Batches };
        Wanted {
            task: Some(finished.task.clone()),
            stage: None,
            outcome: Some(finished.outcome.clone()),
            job: finished.job.clone(),
            records: Some(records),
            tag: None,
            application: finished.application.clone(),
        }
    }

    /// The job for people: by its name where it has one, and YARN's id.
    pub(super) fn described(&self) -> String {
        let name = self.job.as_deref().or(self.task.as_deref());
        match (name, self.application.as_deref()) {
            (Some(name), Some(application)) => format!("{name} ({application})"),
            (Some(name), None) | (None, Some(name)) => name.to_owned(),
            (None, None) => String::new(),
        }
    }

    fn line(&self) -> String {
        let state = self.stage.map(Stage::as_str).or(self.outcome.as_deref()).unwrap_or_default();
        format!("  {}  {}  {state}", self.task.as_deref().unwrap_or_default(), self.described())
    }
}

/// Whose names they are.
struct Names<'a> {
    task: &'a str,
    execution: Option<&'a str>,
    stack: Option<(&'a str, &'a str)>,
    job: Option<&'a str>,
    application: Option<&'a str>,
}

impl Names<'_> {
    fn have(&self, name: &str) -> bool {
        let is = |own: Option<&str>| own == Some(name);
        let shown = || waiting(self.execution, self.stack) == name || job(self.job, self.task) == name;
        // A lone dash stands for what is not known.
        self.task == name
            || is(self.application)
            || is(self.execution)
            || is(self.job)
            || (name != "-" && shown())
    }
}

/// The job that is called so. One that is held comes before those that have ended: a name that comes again is that of
/// the one at work.
///
/// # Errors
/// Where there is none, or more than one, with what to do.
pub(super) fn find(admin: &Admin, name: &str) -> Result<Wanted, String> {
    let all = admin.registry.all();
    let held = all.iter().filter_map(|held| {
        let whose = held.task.document.as_ref().and_then(|document| whose(&document.form));
        let run = held.run.as_deref();
        let names = Names {
            task: &held.task.id,
            execution: held.task.execution.as_deref(),
            stack: whose.as_ref().map(|whose| (whose.stack.as_str(), whose.logical.as_str())),
            job: run.map(|run| run.name.as_str()).filter(|name| !name.is_empty()),
            application: run.and_then(|run| run.application.as_deref()),
        };
        names.have(name).then(|| Wanted::held(held))
    });
    let held: Vec<Wanted> = held.collect();
    if !held.is_empty() {
        return one(name, held);
    }
    let past = admin.finished().tasks;
    let ended = past.iter().filter(|task| {
        let names = Names {
            task: &task.task,
            execution: task.execution.as_deref(),
            stack: task.stack.as_deref().zip(task.resource.as_deref()),
            job: task.job.as_deref(),
            application: task.application.as_deref(),
        };
        names.have(name)
    });
    one(name, ended.map(Wanted::finished).collect())
}

/// The only one.
fn one(name: &str, mut found: Vec<Wanted>) -> Result<Wanted, String> {
    match found.len() {
        // YARN may know it all the same.
        0 if is_application(name) => Ok(Wanted { application: Some(name.to_owned()), ..Wanted::default() }),
        0 => Err(format!(
            "nothing is called {name:?} here: name a task, a job, an execution or an application as \
             spark-job-worker status or spark-job-worker history shows it"
        )),
        1 => Ok(found.remove(0)),
        count => {
            let mut lines =
                vec![format!("{name:?} is the name of {count} tasks: name one of them by its id")];
            lines.extend(found[count.saturating_sub(NAMED)..].iter().map(Wanted::line));
            Err(lines.join("\n"))
        }
    }
}

/// `application_<cluster start>_<number>`
fn is_application(name: &str) -> bool {
    let numbers = name.strip_prefix("application_").and_then(|rest| rest.split_once('_'));
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    numbers.is_some_and(|(start, number)| is_number(start) && is_number(number))
}
