//! The cause of a failure: everything that helps, cut to what the service takes.

use serde_json::{Map, Value, json};

use super::told::Told;
use super::{Failure, clip, failed_work, units};

/// The cause, as long as `limit` UTF-16 units allow: first log lines go, oldest first, then parts of the texts.
pub(super) fn cause(failure: &Failure, limit: usize) -> String {
    let Told { failure, root_cause: root } = &failure.told();
    let mut text = limit / 4;
    let mut stages = failed_work::fitting(&failure.failed_stages, limit / 4);
    loop {
        let empty = cause_value(failure, root.as_deref(), text, (&stages, &Logs::default())).to_string();
        let logs = Logs::fit(failure, limit.saturating_sub(units(&empty)));
        let full = cause_value(failure, root.as_deref(), text, (&stages, &logs)).to_string();
        if units(&full) <= limit {
            return full;
        }
        // Everything else says more.
        if !std::mem::take(&mut stages).is_empty() {
            continue;
        }
        // Only texts that need escapes at every character come here.
        text /= 2;
        if text == 0 {
            return json!({"error": failure.error.as_str()}).to_string();
        }
    }
}

/// The lines of each log that a cause has room for.
#[derive(Default)]
struct Logs<'a> {
    livy: Vec<&'a str>,
    stderr: Vec<&'a str>,
    stdout: Vec<&'a str>,
}

impl<'a> Logs<'a> {
    /// Divides the room: each log has an equal share, and what a short one leaves goes to the others.
    fn fit(failure: &'a Failure, mut room: usize) -> Logs<'a> {
        let sources = [&failure.log, &failure.driver.stderr, &failure.driver.stdout];
        let cost = |at: usize| -> usize { sources[at].iter().map(|line| line_cost(line)).sum() };
        let mut order = [0, 1, 2];
        order.sort_by_key(|at| cost(*at));
        let mut kept = [const { Vec::new() }; 3];
        for (done, at) in order.into_iter().enumerate() {
            kept[at] = tail(sources[at], room / (order.len() - done));
            room = room.saturating_sub(kept[at].iter().map(|line| line_cost(line)).sum());
        }
        let [livy, stderr, stdout] = kept;
        Logs { livy, stderr, stdout }
    }
}

/// What a line takes in a cause: itself as JSON, and a comma.
fn line_cost(line: &str) -> usize {
    units(&Value::from(line).to_string()) + 1
}

/// The last lines that fit, and of the line at the cut as much of its end as fits.
fn tail(lines: &[String], room: usize) -> Vec<&str> {
    let costs = lines.iter().rev().map(|line| line_cost(line));
    let fitting = costs
        .scan(0, |sum, cost| {
            *sum += cost;
            (*sum <= room).then_some(())
        })
        .count();
    let mut kept: Vec<&str> = lines[lines.len() - fitting..].iter().map(String::as_str).collect();
    let used: usize = kept.iter().map(|line| line_cost(line)).sum();
    let cut = lines.len().checked_sub(fitting + 1).map(|at| last_units(&lines[at], (room - used) / 8));
    if let Some(cut) = cut.filter(|cut| !cut.is_empty()) {
        kept.insert(0, cut);
    }
    kept
}

fn cause_value(
    failure: &Failure,
    root: Option<&str>,
    text: usize,
    (stages, logs): (&[Value], &Logs<'_>),
) -> Value {
    let clip_option = |value: &Option<String>| value.as_deref().map(|value| clip(value, text));
    let mut map = Map::new();
    map.insert("error".into(), json!(failure.error.as_str()));
    map.insert("message".into(), json!(clip(&failure.message, text.max(64))));
    map.insert("stage".into(), json!(failure.stage));
    map.insert("batchId".into(), json!(failure.batch_id));
    if let Some(stopped) = &failure.stopped {
        map.insert("sessionId".into(), json!(stopped.session));
        map.insert("statement".into(), json!(stopped.statement));
        let exception = stopped.exception.as_ref();
        map.insert("ename".into(), json!(exception.map(|it| clip(&it.name, text))));
        map.insert("evalue".into(), json!(exception.map(|it| clip(&it.words, text))));
        // Its end says most.
        map.insert("traceback".into(), json!(exception.map(|it| last_units(&it.traceback, text))));
    }
    map.insert("applicationId".into(), json!(failure.application_id));
    map.insert("verdictSource".into(), json!(failure.verdict_source));
    map.insert("diagnostics".into(), json!(clip_option(&failure.diagnostics)));
    map.insert("rootCause".into(), json!(root.map(|line| clip(line, text.min(1024)))));
    map.insert("execution".into(), json!(clip_option(&failure.execution)));
    map.insert("memorySeconds".into(), json!(failure.cost.memory_seconds));
    map.insert("vcoreSeconds".into(), json!(failure.cost.vcore_seconds));
    if !stages.is_empty() {
        map.insert("failedStages".into(), json!(stages));
    }
    map.insert("log".into(), json!(logs.livy));
    if !failure.driver.is_empty() {
        map.insert("driverStderr".into(), json!(logs.stderr));
        map.insert("driverStdout".into(), json!(logs.stdout));
    }
    map.insert("logUrl".into(), json!(clip_option(&failure.log_url)));
    Value::Object(map)
}

/// The last `limit` UTF-16 units.
fn last_units(text: &str, limit: usize) -> &str {
    let mut room = limit;
    let start = text.char_indices().rev().take_while(|(_, c)| match room.checked_sub(c.len_utf16()) {
        Some(rest) => {
            room = rest;
            true
        }
        None => false,
    });
    start.last().map_or("", |(at, _)| &text[at..])
}
