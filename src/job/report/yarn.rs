//! What YARN says of an application that failed: whether its driver ran at all, and what ended it.
//!
//! The words are those of Hadoop 2.8 to 3.4 (`RMAppAttemptImpl`, `RMAppManager`, `AMLauncher`, `ContainerLaunch`,
//! `ContainersMonitorImpl`, the schedulers) and of Spark's `ApplicationMaster`.

/// Spark's exit code for its own `OutOfMemoryError` (`SparkExitCode`).
pub(super) const OUT_OF_MEMORY: i32 = 52;
/// Exit codes of signals: 128 and the signal's number.
pub(super) const ABRT: i32 = 134;
/// By the kernel, or by YARN's second try.
pub(super) const KILL: i32 = 137;
/// By YARN's first.
pub(super) const TERM: i32 = 143;
/// The shell's exit codes for a command that it cannot run (too long an argument list, too), or cannot find.
const NOT_EXECUTABLE: i32 = 126;
const NO_COMMAND: i32 = 127;
/// The status of a container that never had a process (`ContainerExitStatus.INVALID`).
const NEVER_STARTED: i32 = -1000;

/// How YARN speaks of a container that took too much memory.
const MEMORY: [&str; 6] = [
    "beyond physical memory limits",
    "beyond virtual memory limits",
    "beyond the 'PHYSICAL' memory limit",
    "beyond the 'VIRTUAL' memory limit",
    "running beyond memory limits",
    "elastic cgroups OOM handler",
];
/// How the ResourceManager refuses an application, or the container of its driver.
const REFUSALS: [&str; 12] = [
    "to unknown queue",
    "to a non-leaf queue",
    "non-existing queue",
    "is STOPPED. Cannot accept submission",
    "cannot accept submission of application",
    "cannot submit applications to queue",
    "does not have permission to submit",
    "Invalid resource request",
    "rejected by queue placement policy",
    "submission of application is rejected",
    "Rejecting application",
    "Application rejected",
];
/// How the application master speaks where it ends a driver that did nothing wrong (`ApplicationMaster.finish`).
const GIVEN_UP: [&str; 3] =
    ["Max number of executor failures", "Due to executor failures", "Timed out waiting for SparkContext"];
/// How the ResourceManager speaks of an application that it was told to end, or that ran for too long (`RMAppImpl`).
const KILLED: [&str; 3] = ["killed by user", "killed by admin", "exceeding its lifetime period"];
/// What was wrong with a job's own files or arguments when its container was prepared.
const OWN: [&str; 14] = [
    "does not exist",
    "FileNotFoundException",
    "No such file",
    "Permission denied",
    "AccessControlException",
    "AccessDenied",
    "Access Denied",
    "Forbidden",
    "changed on src filesystem",
    "No FileSystem for scheme",
    "ZipException",
    "Unable to unzip",
    "not in gzip format",
    "Error opening zip file",
];

/// Why a driver's container was not launched.
pub(super) struct Launch {
    /// YARN's words.
    pub(super) sentence: String,
    /// Whether the job's own files or arguments are the reason; else the node is.
    pub(super) own: bool,
}

/// Whether YARN's words leave it open that the driver ran and wrote a log. False where its container was never launched,
/// or the application was refused: there is nothing to wait for.
pub fn container_ran(diagnostics: &str) -> bool {
    launch_failure(diagnostics).is_none() && refusal(diagnostics).is_none()
}

/// What is left of words that were too many for the ResourceManager: it keeps their end (`BoundedAppender`, from Hadoop
/// 2.9 on 65,536 characters: `yarn.app.attempt.diagnostics.limit.kc`). Only what the application master says of its
/// driver's exception is so long, and the exception's name at its front is lost first.
pub(super) fn left_of(diagnostics: &str) -> Option<&str> {
    const CUT: &str = "Diagnostic messages truncated, showing last ";
    let (_, left) = unrecovered(diagnostics).strip_prefix(CUT)?.split_once(":\n...")?;
    Some(left)
}

/// Without what a ResourceManager puts in front when it was started again.
fn unrecovered(diagnostics: &str) -> &str {
    const RECOVERED: &str = "Attempt recovered after RM restart";
    diagnostics.trim().trim_start_matches(RECOVERED).trim()
}

/// The exit status of the driver's container.
pub(super) fn exit_status(diagnostics: &str) -> Option<i32> {
    if left_of(diagnostics).is_some() {
        return None;
    }
    let number = |after: &str| -> Option<i32> {
        let end = after.char_indices().find(|(at, c)| !(c.is_ascii_digit() || (*at == 0 && *c == '-')));
        after[..end.map_or(after.len(), |(at, _)| at)].parse().ok()
    };
    // What the user's class threw may quote the exit of an executor.
    let text = diagnostics.split("User class threw exception:").next().unwrap_or_default();
    let last = |mark: &str| text.rfind(mark).map(|at| at + mark.len());
    let at = last("exited with  exitCode: ").or_else(|| last("exitCode: ").max(last("Exit code is ")))?;
    number(&text[at..])
}

/// The status with which the application master saw the user's program exit.
pub(super) fn user_status(lines: &[&str]) -> Option<i32> {
    let after = lines.iter().rev().find_map(|line| line.split_once("ser application exited with "))?.1;
    after.trim_start_matches("status ").split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

/// That the driver's container was killed for its memory.
pub(super) fn memory_kill(diagnostics: &str) -> Option<String> {
    if !matches!(exit_status(diagnostics), Some(-104 | -103 | KILL | TERM)) {
        return None;
    }
    let line = diagnostics.lines().find(|line| MEMORY.iter().any(|words| line.contains(words)))?;
    Some(undated(line).to_owned())
}

/// That the driver's container could not be launched.
pub(super) fn launch_failure(diagnostics: &str) -> Option<Launch> {
    const LAUNCHER: &str = "Error launching appattempt";
    if left_of(diagnostics).is_some() {
        return None;
    }
    if let Some(at) = diagnostics.find(LAUNCHER) {
        let sentence = diagnostics[at..].lines().next().unwrap_or_default().trim();
        return Some(Launch { sentence: sentence.to_owned(), own: false });
    }
    if exit_status(diagnostics) == Some(NEVER_STARTED) {
        let own = OWN.iter().any(|words| diagnostics.contains(words));
        let sentence = reason(diagnostics).or_else(|| diagnostics.lines().next()).unwrap_or_default();
        return Some(Launch { sentence: sentence.to_owned(), own });
    }
    let of_command = matches!(exit_status(diagnostics), Some(NO_COMMAND | NOT_EXECUTABLE));
    let shell = diagnostics.lines().map(str::trim).find(|line| {
        let of_shell = line.starts_with("/bin/bash: ") || line.starts_with("bash: ");
        let of_script = line.contains("launch_container.sh: line ");
        (of_script || (of_shell && of_command)) && !line.contains(": warning: ")
    });
    Some(Launch { sentence: shell?.to_owned(), own: true })
}

/// That the ResourceManager took no such application.
pub(super) fn refusal(diagnostics: &str) -> Option<String> {
    let of_driver =
        ["User class threw", "Uncaught exception"].iter().any(|words| diagnostics.contains(words))
            || left_of(diagnostics).is_some();
    let line = diagnostics.lines().find(|line| REFUSALS.iter().any(|words| line.contains(words)));
    line.filter(|_| !of_driver).map(|line| undated(line).to_owned())
}

/// The last lines of a driver's stderr that a NodeManager puts into the diagnostics (`ContainerLaunch`).
pub(super) fn stderr_in(diagnostics: &str) -> Vec<&str> {
    let Some((_, rest)) = diagnostics.rsplit_once("bytes of stderr :") else { return Vec::new() };
    rest.lines().take_while(|line| !line.starts_with("For more detailed output,")).collect()
}

/// Why the application master, or the ResourceManager, ended the application itself: what the driver says then only
/// follows from it.
pub(super) fn given_up(diagnostics: &str, stderr: &[String]) -> Option<String> {
    let words = last_words(diagnostics, stderr)?;
    let given_up = GIVEN_UP.iter().any(|start| words.starts_with(start));
    let killed = words.starts_with("Application ") && KILLED.iter().any(|how| words.contains(how));
    (given_up || killed).then_some(words)
}

/// How the application master puts the end, or else YARN. Where it could not tell the ResourceManager, the master's words
/// are in its own log alone.
pub(super) fn last_words(diagnostics: &str, stderr: &[String]) -> Option<String> {
    // Of what is left of an exception, the first line is a part of one.
    let text = if left_of(diagnostics).is_some() { "" } else { unrecovered(diagnostics) };
    let first = text.lines().next().map(undated).unwrap_or_default();
    let due = first.split_once(" times").and_then(|(_, rest)| rest.split_once("due to "));
    let stderr = stderr.iter().map(String::as_str).chain(stderr_in(diagnostics)).collect::<Vec<_>>();
    if let Some((_, due)) = due {
        return Some(reason_in(&stderr).unwrap_or_else(|| of_container(text, due)).to_owned());
    }
    let waits = first.starts_with("AM container is launched") || first.contains("is added to the scheduler");
    let words = Some(first).filter(|_| !waits && !first.is_empty());
    words.or_else(|| reason_in(&stderr)).map(str::to_owned)
}

/// Why an application waits, as the scheduler puts it (`CSAMContainerLaunchDiagnosticsConstants`): the words before the numbers.
/// None where YARN's words are about its end: the worker that took it out was the one who killed it.
pub(super) fn waiting(diagnostics: &str) -> Option<String> {
    let first = unrecovered(diagnostics).lines().next().map(undated)?;
    let words = first.split_once(" Details :").map_or(first, |(words, _)| words).trim();
    let is_end = KILLED.iter().any(|killed| words.contains(killed));
    (!is_end && !words.is_empty()).then(|| words.to_owned())
}

/// The reason in the application master's last line about itself.
fn reason_in<'a>(stderr: &[&'a str]) -> Option<&'a str> {
    let line = stderr.iter().rfind(|line| line.contains("Final app status: FAILED"))?;
    let (_, reason) = line.split_once("(reason: ")?;
    Some(reason.trim().trim_end_matches(')')).filter(|reason| !reason.is_empty())
}

/// What ended the driver's container; `due` is what the ResourceManager says itself.
fn of_container<'a>(diagnostics: &'a str, due: &'a str) -> &'a str {
    let said = |words: &str| diagnostics.lines().map(undated).find(|line| line.contains(words));
    let exit = || said("Exit code is ").or_else(|| said("non-zero exit code"));
    let sentence =
        match reason(diagnostics).filter(|reason| !reason.starts_with("Exception from container-launch")) {
            Some(reason) => reason,
            None => exit().unwrap_or(due),
        };
    let ends = [" Error file: prelaunch.err.", "Failing this attempt", ". Failing the application"];
    ends.iter().fold(sentence, |text, end| text.split(end).next().unwrap_or(text)).trim()
}

/// What a NodeManager says after `Diagnostics: `: its first line.
fn reason(diagnostics: &str) -> Option<&str> {
    let (_, rest) = diagnostics.split_once("Diagnostics: ")?;
    rest.lines().map(undated).find(|line| !line.is_empty())
}

/// Without the time in brackets, and what else stands before a NodeManager's sentence.
fn undated(line: &str) -> &str {
    let line = line.trim();
    let line = line.rsplit_once("Diagnostics: ").map_or(line, |(_, said)| said);
    let Some((time, said)) = line.strip_prefix('[').and_then(|rest| rest.split_once(']')) else {
        return line;
    };
    // `2026-11-26 21:27:17.683`; the schedulers write `Sat Nov 28 08:33:27 +0000 2026`, in the language of the node.
    let ends_with_year = || {
        let year = time.rsplit_once(' ').map(|(rest, year)| (rest.contains(':'), year));
        year.is_some_and(|(has_time, year)| has_time && year.len() == 4 && year.parse::<u16>().is_ok())
    };
    let is_time = time.starts_with(|c: char| c.is_ascii_digit()) || ends_with_year();
    if is_time { said.trim() } else { line }
}

#[cfg(test)]
mod tests;
