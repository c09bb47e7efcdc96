//! The tables of the page: tasks that are held, and those that have ended.

use super::markup::Markup;
use super::places;
use crate::admin::overview::{Overview, TaskOverview};
use crate::admin::table::{age, job, livy_or_yarn, statement, waiting};
use crate::arn;
use crate::history::{Finished, FinishedTasks};

/// MiB times seconds in a GiB times hours.
const GIB_HOUR: f64 = 1_024.0 * 3_600.0;
const HOUR: f64 = 3_600.0;

/// The tasks that are held.
pub(super) fn held(to: &mut Markup, now: &Overview) {
    let all = now.states.values().sum::<usize>().max(now.tasks.len());
    to.tags("<section aria-labelledby=\"tasks\">\n<h2 id=\"tasks\">Tasks <small>");
    to.text(&of(now.tasks.len(), all));
    if now.tasks.len() < all {
        to.tags(": late heartbeats first, then the oldest; <a href=\"status\">/status</a> has all");
    }
    to.tags("</small></h2>\n");
    if now.tasks.is_empty() {
        to.tags("<p>No task is held.</p>\n</section>\n");
        return;
    }
    to.tags(
        "<table aria-labelledby=\"tasks\">\n<thead><tr><th scope=\"col\">Job</th><th scope=\"col\">Execution</th>\
         <th scope=\"col\">State</th><th scope=\"col\">Progress</th><th scope=\"col\">Age</th>\
         <th scope=\"col\">Heartbeat</th><th scope=\"col\">Cost so far</th><th scope=\"col\">Application</th></tr></thead>\n<tbody>\n",
    );
    for task in &now.tasks {
        row(to, task, &now.yarn.url);
    }
    to.tags("</tbody>\n</table>\n</section>\n");
}

fn row(to: &mut Markup, task: &TaskOverview, yarn: &str) {
    to.tags("<tr data-key=\"task-").text(&task.task).tags("\">");
    let name = named(to, task.job.as_deref(), &task.task);
    waited_for(to, task.execution.as_deref(), task.stack.as_deref().zip(task.resource.as_deref()));
    to.tags("<td data-label=\"State\">").text(&task.state).tags("</td>");
    progress(to, task, &name);
    to.tags("<td data-label=\"Age\">").text(&age(task.age)).tags("</td><td data-label=\"Heartbeat\">");
    to.text(&task.heartbeat.map_or_else(none, |seconds| format!("{} ago", age(seconds))));
    to.tags("</td>");
    cost(to, task.memory_seconds, task.vcore_seconds);
    let log = task.driver_log_url.as_deref().and_then(places::driver_log);
    application(
        to,
        yarn,
        (task.application.as_deref(), task.batch, task.session),
        log.map(|log| (log, name.as_str())),
    );
    to.tags("</tr>\n");
}

/// The job's name, and below it the task's id. Returns what it is called.
fn named(to: &mut Markup, name: Option<&str>, task: &str) -> String {
    let name = job(name, task);
    to.tags("<th scope=\"row\">").text(&name).tags(" <small>").text(task).tags("</small></th>");
    name
}

fn waited_for(to: &mut Markup, execution: Option<&str>, stack: Option<(&str, &str)>) {
    let console = execution.and_then(arn::console);
    to.tags("<td data-label=\"Execution\">")
        .link(console.as_deref(), &waiting(execution, stack))
        .tags("</td>");
}

fn progress(to: &mut Markup, task: &TaskOverview, name: &str) {
    to.tags("<td data-label=\"Progress\">");
    match (statement(task), task.yarn_state.as_deref(), task.percent) {
        (Some(statement), ..) => to.text(&statement),
        (None, Some("RUNNING"), Some(percent)) => {
            let percent = percent.min(100).to_string();
            to.tags("<progress max=\"100\" value=\"")
                .text(&percent)
                .tags("\" aria-label=\"progress of ")
                .text(name);
            to.tags("\"></progress> ").text(&percent).tags(" %")
        }
        (None, word, _) => to.text(word.unwrap_or("-")),
    };
    to.tags("</td>");
}

/// What YARN or Livy calls it, with YARN's page of it, and its driver's log under the name of the job.
fn application(
    to: &mut Markup,
    yarn: &str,
    (application, batch, session): (Option<&str>, Option<u64>, Option<u64>),
    log: Option<(&str, &str)>,
) {
    let page = application.and_then(|id| places::application(yarn, id));
    to.tags("<td data-label=\"Application\">")
        .link(page.as_deref(), &livy_or_yarn(application, batch, session));
    if let Some((log, name)) = log {
        to.tags(" <a href=\"")
            .text(log)
            .tags("\" aria-label=\"log of the driver of ")
            .text(name)
            .tags("\">log</a>");
    }
    to.tags("</td>");
}

/// The tasks that have ended lately, the last one first.
pub(super) fn finished(to: &mut Markup, past: &FinishedTasks, yarn: &str) {
    to.tags("<section aria-labelledby=\"finished\">\n<h2 id=\"finished\">Finished <small>");
    let bad = past.tasks.iter().filter(|task| !task.is_good()).count();
    let all = past.tasks.len();
    match (all, bad) {
        (0, _) => to.tags("</small></h2>\n<p>No task has ended that is still known.</p>\n</section>\n"),
        (_, 0) => to.text(&format!("the last {all}, all with success")).tags("</small></h2>\n"),
        (..) => to.text(&format!("the last {all}, {bad} without success")).tags("</small></h2>\n"),
    };
    if all == 0 {
        return;
    }
    to.tags(
        "<table aria-labelledby=\"finished\">\n<thead><tr><th scope=\"col\">Job</th><th scope=\"col\">Execution</th>\
         <th scope=\"col\">Ended (UTC)</th><th scope=\"col\">Outcome and root cause</th><th scope=\"col\">Took</th>\
         <th scope=\"col\">Cost</th><th scope=\"col\">Application</th></tr></thead>\n<tbody>\n",
    );
    for task in past.tasks.iter().rev() {
        ended(to, task, yarn);
    }
    to.tags("</tbody>\n</table>\n</section>\n");
}

fn ended(to: &mut Markup, task: &Finished, yarn: &str) {
    to.tags("<tr data-key=\"finished-").text(&task.task).tags("\">");
    named(to, task.job.as_deref(), &task.task);
    waited_for(to, task.execution.as_deref(), task.stack.as_deref().zip(task.resource.as_deref()));
    to.tags("<td data-label=\"Ended\"><time datetime=\"").text(&task.ended).tags("\">");
    to.text(&task.ended.get(5..19).unwrap_or(&task.ended).replace('T', " ")).tags("</time></td>");
    to.tags("<td data-label=\"Outcome\"><span class=\"")
        .tags(if task.is_good() { "well" } else { "ill" })
        .tags("\">");
    to.text(task.outcome.strip_prefix("SparkJob.").unwrap_or(&task.outcome)).tags("</span>");
    if let Some(cause) = &task.root_cause {
        to.tags(" <small>").text(cause).tags("</small>");
    }
    if let Some(jobs) = task.failed_jobs {
        to.tags(" <small>Spark jobs in it that failed: ").text(&jobs.to_string()).tags("</small>");
    }
    to.tags("</td><td data-label=\"Took\">").text(&task.seconds.map_or_else(none, age));
    to.tags("</td>");
    cost(to, task.memory_seconds, task.vcore_seconds);
    application(to, yarn, (task.application.as_deref(), task.batch, task.session), None);
    to.tags("</tr>\n");
}

/// `100 of 104`, or just how many there are.
pub(super) fn of(shown: usize, all: usize) -> String {
    if shown < all { format!("{shown} of {all}") } else { all.to_string() }
}

/// What a job has used, in units that stay small for a job of days.
fn cost(to: &mut Markup, memory_seconds: Option<u64>, vcore_seconds: Option<u64>) {
    let memory = memory_seconds.map(|used| format!("{} GiB·h", short((used as f64) / GIB_HOUR)));
    to.tags("<td data-label=\"Cost\">").text(&memory.unwrap_or_else(none));
    if let Some(used) = vcore_seconds {
        to.tags(" <small>").text(&format!("{} vcore·h", short((used as f64) / HOUR))).tags("</small>");
    }
    to.tags("</td>");
}

/// Three digits that count, where there are so many.
fn short(value: f64) -> String {
    let digits = match value {
        value if value >= 99.5 => 0,
        value if value >= 9.95 => 1,
        value if value >= 0.995 => 2,
        _ => 3,
    };
    let text = format!("{value:.digits$}");
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    text.to_owned()
}

/// Stands where nothing is known.
fn none() -> String {
    "-".to_owned()
}

#[cfg(test)]
mod tests {
    use super::{Markup, TaskOverview, cost, of, row, short};

    #[test]
    fn a_session_of_a_stack_shows_its_statement_and_who_waits_for_it() {
        let task = TaskOverview {
            task: "3f2a9c0d1e4b5a67".into(),
            stack: Some("arn:aws:cloudformation:eu-west-1:123456789012:stack/etl/5e3f-77".into()),
            resource: Some("Stream".into()),
            job: Some("taxi-3f2a9c0d1e4b5a67".into()),
            state: "Listening".into(),
            session: Some(5),
            statement: Some(2),
            statements: Some(3),
            yarn_state: Some("RUNNING".into()),
            percent: Some(10),
            age: 3_725,
            ..TaskOverview::default()
        };
        let mut shown = Markup::default();
        row(&mut shown, &task, "http://rm:8088");
        assert_eq!(
            shown.done(),
            "<tr data-key=\"task-3f2a9c0d1e4b5a67\"><th scope=\"row\">taxi <small>3f2a9c0d1e4b5a67</small></th>\
             <td data-label=\"Execution\">etl/Stream</td><td data-label=\"State\">Listening</td>\
             <td data-label=\"Progress\">statement 2 of 3</td><td data-label=\"Age\">1h02m</td>\
             <td data-label=\"Heartbeat\">-</td><td data-label=\"Cost\">-</td>\
             <td data-label=\"Application\">session 5</td></tr>\n"
        );
    }

    #[test]
    fn a_cost_has_three_digits_and_says_only_what_is_known() {
        for (hours, text) in [
            (0.0, "0"),
            (0.0004, "0"),
            (0.0066, "0.007"),
            (0.5, "0.5"),
            (1.0, "1"),
            (1.234, "1.23"),
            (56.78, "56.8"),
            (1_234.4, "1234"),
            (100.0, "100"),
        ] {
            assert_eq!(short(hours), text);
        }
        let shown = |memory, vcores| {
            let mut cell = Markup::default();
            cost(&mut cell, memory, vcores);
            cell.done()
        };
        assert_eq!(
            shown(Some(3_686_400), Some(7_200)),
            "<td data-label=\"Cost\">1 GiB·h <small>2 vcore·h</small></td>"
        );
        assert_eq!(shown(None, None), "<td data-label=\"Cost\">-</td>");
    }

    #[test]
    fn how_many_are_shown_is_said_where_there_are_more() {
        assert_eq!((of(3, 3), of(100, 10_000)), ("3".to_owned(), "100 of 10000".to_owned()));
    }
}
