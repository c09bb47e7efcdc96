//! Livy's log of a batch, taken apart.

use super::{MAX_TEXT, clip};

/// Livy's log of a batch, taken apart.
///
/// Livy joins three parts under the headings `stdout: `, `\nstderr: ` and, on YARN only, `\nYARN Diagnostics: `
/// (`SparkApp`, `/batches/{id}/log`).
#[derive(Debug, Default, PartialEq)]
pub struct LivyLog {
    /// What spark-submit printed, without headings.
    pub output: Vec<String>,
    /// YARN's diagnostics; `None` where there is no such part, which means that Livy runs no YARN jobs.
    pub diagnostics: Option<String>,
}

impl LivyLog {
    /// Takes the lines apart.
    pub fn split(lines: Vec<String>) -> LivyLog {
        let mut log = LivyLog::default();
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
