//! `doctor`: prints what was found, a line each.

use std::path::Path;
use std::process::ExitCode;

use serde_json::json;

use crate::doctor::{self, Finding, Status};

use super::{failed, runtime, terminal};

/// Looks at everything, and prints it as lines or as JSON. The exit code is 1 where something fails.
pub(super) fn run(path: &Path, as_json: bool) -> ExitCode {
    let runtime = match runtime() {
        Ok(runtime) => runtime,
        Err(problem) => return failed(&problem),
    };
    let findings = runtime.block_on(doctor::examine(path));
    // A look that hangs is told as such; there is nothing more to wait for.
    runtime.shutdown_background();
    let count = |status| findings.iter().filter(|finding| finding.status == status).count();
    let counts = Status::ALL.map(|status| (status, count(status)));
    if as_json {
        let mut object = json!({ "checks": findings });
        for (status, count) in counts {
            object[status.as_str()] = count.into();
        }
        terminal::line(&object.to_string());
    } else {
        let width = findings.iter().map(|finding| finding.check.len()).max().unwrap_or_default();
        findings.iter().for_each(|finding| terminal::line(&line(finding, width)));
        let counts = counts.map(|(status, count)| format!("{count} {}", status.as_str()));
        terminal::line(&counts.join(", "));
    }
    if count(Status::Fail) > 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// Status, check, what was found, and what to do.
fn line(finding: &Finding, width: usize) -> String {
    let found = finding.found.lines().map(str::trim).collect::<Vec<_>>().join("; ");
    let fix = finding.fix.as_ref().map(|fix| format!(" -> {fix}")).unwrap_or_default();
    format!("{:4}  {:width$}  {found}{fix}", finding.status.as_str(), finding.check)
}
