//! An [`Overview`] as a person reads it in a terminal.

use super::overview::{Overview, TaskOverview};
use crate::arn::{self, StackArn};
use crate::printable::printable;

/// Characters of a progress bar.
const BAR: u8 = 10;

/// The worker's line, a table of tasks, and what is not as it should be: one line each.
pub fn table(now: &Overview) -> Vec<String> {
    let mut lines = vec![format!("spark-job-worker {}: {}", now.version, now.line())];
    lines.extend(now.problems.iter().map(|problem| format!("! {problem}")));
    if !now.tasks.is_empty() {
        let heading = ["TASK", "EXECUTION", "JOB", "STATE", "PROGRESS", "AGE", "APPLICATION"];
        lines.push(String::new());
        lines.extend(columns(heading, now.tasks.iter().map(row)));
    }
    for stranger in now.strangers.iter().flatten() {
        lines.push(format!(
            "! no task here for {} ({}, {}, tag {}): another worker's of this cluster, or nobody follows it",
            stranger.application, stranger.name, stranger.state, stranger.tag
        ));
    }
    lines
}

/// A heading and rows below each other, one line each.
pub(super) fn columns<const N: usize>(
    heading: [&str; N],
    rows: impl Iterator<Item = [String; N]>,
) -> Vec<String> {
    // As they will be shown, or the columns would not stand below each other.
    let shown = |cells: [String; N]| cells.map(|cell| printable(&cell).into_owned());
    let rows: Vec<[String; N]> = std::iter::once(heading.map(str::to_owned)).chain(rows.map(shown)).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default();
    let widths: Vec<usize> = (0..N).map(width).collect();
    let line = |row: &[String; N]| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        cells.collect::<Vec<String>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}

fn row(task: &TaskOverview) -> [String; 7] {
    [
        task.task.clone(),
        waiting(task.execution.as_deref(), task.stack.as_deref().zip(task.resource.as_deref())),
        job(task.job.as_deref(), &task.task),
        task.state.clone(),
        progress(task),
        age(task.age),
        livy_or_yarn(task.application.as_deref(), task.batch, task.session),
    ]
}

/// Who waits for a task: an execution, or a stack and its resource.
pub(super) fn waiting(execution: Option<&str>, stack: Option<(&str, &str)>) -> String {
    let stack = || {
        let (stack, logical) = stack?;
        Some(format!("{}/{logical}", StackArn::parse(stack)?.name))
    };
    execution.map(|execution| arn::name(execution).to_owned()).or_else(stack).unwrap_or_else(none)
}

/// A job's name. It ends in the task's id, which stands in a column of its own.
pub(super) fn job(name: Option<&str>, task: &str) -> String {
    let short =
        |name: &str| name.strip_suffix(task).map_or(name, |name| name.trim_end_matches('-')).to_owned();
    name.map_or_else(none, short)
}

/// What YARN calls a job, or else Livy.
pub(super) fn livy_or_yarn(application: Option<&str>, batch: Option<u64>, session: Option<u64>) -> String {
    let batch = batch.map(|batch| format!("batch {batch}"));
    let session = session.map(|session| format!("session {session}"));
    application.map(str::to_owned).or(batch).or(session).unwrap_or_else(none)
}

/// Stands where nothing is known.
fn none() -> String {
    "-".to_owned()
}

/// Which of its statements a session is at.
pub(super) fn statement(task: &TaskOverview) -> Option<String> {
    match task.statement.zip(task.statements)? {
        (0, _) => None,
        (statement, statements) if statement > statements => Some("result".to_owned()),
        (statement, statements) => Some(format!("statement {statement} of {statements}")),
    }
}

fn progress(task: &TaskOverview) -> String {
    if let Some(statement) = statement(task) {
        return statement;
    }
    match (task.yarn_state.as_deref(), task.percent) {
        (Some("RUNNING"), Some(percent)) => {
            let full = usize::from(percent.min(100) / (100 / BAR));
            let rest = usize::from(BAR) - full;
            format!("[{}{}] {percent:>3} %", "#".repeat(full), ".".repeat(rest))
        }
        (Some(word), _) => word.to_owned(),
        (None, _) => "-".to_owned(),
    }
}

/// The two largest units.
pub(super) fn age(seconds: u64) -> String {
    match (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60, seconds % 60) {
        (0, 0, 0, seconds) => format!("{seconds}s"),
        (0, 0, minutes, seconds) => format!("{minutes}m{seconds:02}s"),
        (0, hours, minutes, _) => format!("{hours}h{minutes:02}m"),
        (days, hours, ..) => format!("{days}d{hours:02}h"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::overview::{DirectoryOverview, ServiceOverview, Stranger};
    use super::*;

    #[test]
    fn a_table_has_a_row_for_each_task_and_names_what_nobody_follows() {
        let task = TaskOverview {
            task: "3f2a9c0d1e4b5a67".into(),
            execution: Some("arn:aws:states:eu-west-1:1:execution:nightly:run-1".into()),
            job: Some("taxi-3f2a9c0d1e4b5a67".into()),
            state: "Running".into(),
            application: Some("application_1_0001".into()),
            yarn_state: Some("RUNNING".into()),
            percent: Some(45),
            age: 3_725,
            ..TaskOverview::default()
        };
        let new =
            TaskOverview { task: "00ff".into(), state: "Received".into(), age: 7, ..TaskOverview::default() };
        let stranger = Stranger {
            application: "application_1_0009".into(),
            name: "old-0123".into(),
            tag: "sjw-0123".into(),
            state: "RUNNING".into(),
        };
        let now = Overview {
            version: "1.2.3".into(),
            phase: "serving".into(),
            problems: vec!["YARN does not answer (it hangs, 3 s)".into()],
            livy: ServiceOverview { up: Some(true), ..ServiceOverview::default() },
            state_directory: DirectoryOverview { path: String::new(), writable: true },
            tasks: vec![task, new],
            strangers: Some(vec![stranger]),
            ..Overview::default()
        };
        assert_eq!(
            table(&now).join("\n"),
            "spark-job-worker 1.2.3: Polling; no tasks\n\
             ! YARN does not answer (it hangs, 3 s)\n\
             \n\
             TASK              EXECUTION  JOB   STATE     PROGRESS            AGE    APPLICATION\n\
             3f2a9c0d1e4b5a67  run-1      taxi  Running   [####......]  45 %  1h02m  application_1_0001\n\
             00ff              -          -     Received  -                   7s     -\n\
             ! no task here for application_1_0009 (old-0123, RUNNING, tag sjw-0123): \
             another worker's of this cluster, or nobody follows it"
        );
    }

    #[test]
    fn an_age_shows_its_two_largest_units() {
        let ages =
            [(0, "0s"), (59, "59s"), (61, "1m01s"), (3_599, "59m59s"), (7_260, "2h01m"), (90_000, "1d01h")];
        for (seconds, text) in ages {
            assert_eq!(age(seconds), text);
        }
    }
}
