//! [`FinishedTasks`] as a person reads them in a terminal.

use super::table::{age, columns, job, livy_or_yarn, waiting};
use crate::history::{Finished, FinishedTasks};
use crate::job::report::clip;
use crate::printable::printable;

/// The most characters of a name in the table; all of it is in the JSON.
const NAME: usize = 24;
/// The most characters of a line of a root cause, where its words allow it.
const WIDTH: usize = 96;
/// Stands before each of them.
const INDENT: &str = "    ";

/// A row for each task, the last that ended at the end, and below a failure its root cause, below a success what failed in it.
pub fn finished_table(past: &FinishedTasks) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(file) = &past.file {
        lines.push(format!("! no daemon runs: this is what {} has", file.display()));
    }
    if past.tasks.is_empty() {
        lines.push("no finished tasks".to_owned());
        return lines;
    }
    let heading = ["ENDED (UTC)", "TASK", "EXECUTION", "JOB", "OUTCOME", "TOOK", "APPLICATION"];
    let mut rows = columns(heading, past.tasks.iter().map(row)).into_iter();
    lines.extend(rows.next());
    for (row, task) in rows.zip(&past.tasks) {
        lines.push(row);
        lines.extend(task.root_cause.iter().flat_map(|cause| wrapped(cause)));
        lines.extend(task.failed_jobs.map(|jobs| format!("{INDENT}Spark jobs in it that failed: {jobs}")));
    }
    lines
}

fn row(task: &Finished) -> [String; 7] {
    let stack = task.stack.as_deref().zip(task.resource.as_deref());
    [
        // Of `2026-11-28T02:03:04Z` what changes from row to row.
        task.ended.get(5..19).unwrap_or(&task.ended).replace('T', " "),
        task.task.clone(),
        clip(&printable(&waiting(task.execution.as_deref(), stack)), NAME),
        clip(&printable(&job(task.job.as_deref(), &task.task)), NAME),
        task.outcome.strip_prefix("SparkJob.").unwrap_or(&task.outcome).to_owned(),
        task.seconds.map_or_else(|| "-".to_owned(), age),
        livy_or_yarn(task.application.as_deref(), task.batch, task.session),
    ]
}

/// Lines that a terminal has room for. Words stay whole.
fn wrapped(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        let fits = |line: &&mut String| line.chars().count() + 1 + word.chars().count() <= WIDTH;
        match lines.last_mut().filter(fits) {
            Some(line) => {
                line.push(' ');
                line.push_str(word);
            }
            None => lines.push(format!("{INDENT}{word}")),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_has_the_last_at_the_end_and_a_failures_cause_below_it() {
        let good = Finished {
            task: "3f2a9c0d1e4b5a67".into(),
            execution: Some("arn:aws:states:eu-west-1:1:execution:nightly:run-1".into()),
            job: Some("taxi-3f2a9c0d1e4b5a67".into()),
            outcome: "succeeded".into(),
            application: Some("application_1_0001".into()),
            failed_jobs: Some(2),
            ended: "2026-11-28T02:03:04Z".into(),
            seconds: Some(3_725),
            ..Finished::default()
        };
        let bad = Finished {
            task: "00ff".into(),
            outcome: "SparkJob.Failed".into(),
            root_cause: Some(format!("ValueError: {} the end\\n", "word ".repeat(20))),
            batch: Some(7),
            ended: "2026-11-28T02:03:05Z".into(),
            ..Finished::default()
        };
        let past = FinishedTasks { file: Some("/state/history".into()), tasks: vec![good, bad] };
        assert_eq!(
            finished_table(&past).join("\n"),
            "! no daemon runs: this is what /state/history has\n\
             ENDED (UTC)     TASK              EXECUTION  JOB   OUTCOME    TOOK   APPLICATION\n\
             11-28 02:03:04  3f2a9c0d1e4b5a67  run-1      taxi  succeeded  1h02m  application_1_0001\n    \
             Spark jobs in it that failed: 2\n\
             11-28 02:03:05  00ff              -          -     Failed     -      batch 7\n    \
             ValueError: word word word word word word word word word word word word word word word word\n    \
             word word word word the end\\n"
        );
        assert_eq!(finished_table(&FinishedTasks::default()), ["no finished tasks"]);
    }

    #[test]
    fn long_names_are_cut_and_long_words_are_not() {
        let task = Finished { execution: Some("x".repeat(80)), ..Finished::default() };
        assert_eq!(row(&task)[2], format!("{}…", "x".repeat(NAME - 1)));
        assert_eq!(wrapped(&"x".repeat(300)), [format!("{INDENT}{}", "x".repeat(300))]);
    }
}
