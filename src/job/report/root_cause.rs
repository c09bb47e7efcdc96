//! The one sentence of a failure that a person would point at, or none: a wrong line costs more than no line.
//!
//! Of a job that has only waited in YARN's queue it is why. Else the order is: a kill for memory, a launch that failed and
//! a refusal in YARN's words, and why the application master gave the driver up; what the driver did not catch, down to
//! its deepest cause; what YARN repeats of it; what spark-submit says; what Spark says of a failed job; and last how YARN
//! or the application master put the end. Tracebacks and Java's chains are read as what they are, so that what was caught
//! and printed, the tries of a task and the noise of a shutdown stay out.

mod java;
mod lines;
mod python;

use super::yarn;
use super::{DriverLog, ErrorName, Failure};
use java::{CAUSED_BY, Chain, DRIVER_STACKTRACE};
use lines::{class, is_flush, is_java_class, is_log, with_message};

/// Why a driver ended.
#[derive(Debug, PartialEq)]
pub(super) struct Cause {
    /// Class and message.
    pub(super) sentence: String,
    /// Whether it happened in a task, on an executor, and was only repeated by the driver.
    pub(super) of_task: bool,
}

/// The sentence; not masked.
pub(super) fn root_cause(failure: &Failure) -> Option<String> {
    let diagnostics = failure.diagnostics.as_deref().unwrap_or_default();
    if failure.error == ErrorName::QueueTimeout {
        return yarn::waiting(diagnostics);
    }
    let raised = failure.stopped.as_ref().and_then(|stopped| stopped.exception.as_ref());
    if let Some(exception) = raised {
        return Some(exception.sentence());
    }
    let log: Vec<&str> = failure.log.iter().flat_map(|line| line.lines()).collect();
    yarn::memory_kill(diagnostics)
        .or_else(|| yarn::launch_failure(diagnostics).map(|launch| launch.sentence))
        .or_else(|| yarn::refusal(diagnostics))
        .or_else(|| yarn::given_up(diagnostics, &failure.driver.stderr))
        .or_else(|| uncaught(diagnostics, &failure.driver).map(|cause| cause.sentence))
        .or_else(|| of_submit(&log))
        .or_else(|| of_failed_job(failure))
        .or_else(|| yarn::last_words(diagnostics, &failure.driver.stderr))
}

/// Why the newest failed job failed, where Spark says so itself. A stage over which no job failed was tried again.
fn of_failed_job(failure: &Failure) -> Option<String> {
    let stage = failure.failed_stages.first().filter(|stage| stage.job.is_some())?;
    Some(stage.reason.clone()).filter(|reason| !reason.is_empty())
}

/// The deepest cause in what Spark says of a task that failed.
pub(super) fn of_task(words: &str) -> Option<String> {
    let lines: Vec<&str> = words.trim().lines().collect();
    let (head, rest) = lines.split_first()?;
    Chain::read(head, rest).deepest(python::deepest).map(|cause| cause.sentence)
}

/// What the driver did not catch: from its own log, else as far as YARN repeats it.
pub(super) fn uncaught(diagnostics: &str, driver: &DriverLog) -> Option<Cause> {
    let stdout: Vec<&str> = driver.stdout.iter().flat_map(|line| line.lines()).collect();
    let mut stderr: Vec<&str> = driver.stderr.iter().flat_map(|line| line.lines()).collect();
    if stderr.is_empty() {
        stderr = yarn::stderr_in(diagnostics);
    }
    if stderr.iter().any(|line| line.contains("Final app status: SUCCEEDED")) {
        return None;
    }
    let said: Vec<&str> = diagnostics.lines().collect();
    if let Some(chain) = named(&said).or_else(|| named(&stderr)) {
        // Diagnostics are cut; the driver's log may have the whole chain.
        let head = chain.head();
        let whole = stderr.iter().enumerate().filter(|(_, line)| is_head(line, head));
        let longest = whole.map(|(at, line)| Chain::read(line, &stderr[at + 1..])).max_by_key(Chain::depth);
        let longest = longest.filter(|whole| whole.depth() > chain.depth());
        return longest.unwrap_or(chain).deepest(python::deepest);
    }
    if let Some(cause) = yarn::left_of(diagnostics).and_then(of_end) {
        return Some(cause);
    }
    let exit = yarn::exit_status(diagnostics);
    let status = yarn::user_status(&said).or_else(|| yarn::user_status(&stderr));
    of_dying_jvm(&stdout, exit)
        .or_else(|| of_dying_jvm(&stderr, exit))
        .or_else(|| python::uncaught(&stdout, status))
        .or_else(|| python::uncaught(&stderr, status))
        .or_else(|| of_r(&stdout))
        .or_else(|| of_main_thread(&stderr))
        .or_else(|| of_launcher(&stderr))
        .or_else(|| of_launcher(&stdout))
        .or_else(|| of_master(&stderr))
}

/// The chain that the application master names as the end of the user's class or of itself.
fn named<'a>(lines: &[&'a str]) -> Option<Chain<'a>> {
    const NAMES: [&str; 2] = ["User class threw exception:", "Uncaught exception:"];
    let from_master = |line: &str| !is_log(line) || line.contains("ApplicationMaster: ");
    let heads = lines.iter().enumerate().filter(|(_, line)| from_master(line)).filter_map(|(at, line)| {
        let (_, head) = NAMES.iter().find_map(|name| line.split_once(name))?;
        if !head.trim().is_empty() {
            return Some((head.trim(), at + 1));
        }
        Some((lines.get(at + 1)?.trim(), at + 2))
    });
    let mut chains = heads.map(|(head, next)| Chain::read(head, lines.get(next..).unwrap_or_default()));
    // That the user's program exited says nothing of why.
    chains.find(|chain| !chain.has("SparkUserAppException"))
}

/// The deepest cause at the end of a chain whose beginning is lost. Without a cause in what is left nothing tells what
/// was thrown.
fn of_end(left: &str) -> Option<Cause> {
    let lines: Vec<&str> = left.lines().collect();
    let (mut last, mut from) = (None, 0);
    // A message may have such a line, too.
    let caused = |line: &&str| line.strip_prefix(CAUSED_BY).is_some_and(|head| is_java_class(class(head)));
    while let Some(at) = lines[from..].iter().position(caused) {
        let chain = Chain::read(lines[from + at], &lines[from + at + 1..]);
        from += at + 1 + chain.length;
        last = Some(chain);
    }
    let cause = last?.deepest(python::deepest)?;
    // That a stage failed stood at the front: the frames of the task still say so.
    let of_task = lines
        .iter()
        .any(|line| line.starts_with(DRIVER_STACKTRACE) || line.contains("executor.Executor$TaskRunner."));
    Some(Cause { of_task: cause.of_task || of_task, ..cause })
}

/// Whether a chain begins in this line whose head is `head`, or as much of it as YARN had room for.
fn is_head(line: &str, head: &str) -> bool {
    line.starts_with(head) && is_java_class(class(line))
}

/// The words of a JVM that ends itself, or is killed for want of memory.
fn of_dying_jvm(lines: &[&str], exit: Option<i32>) -> Option<Cause> {
    const OUT_OF_MEMORY: &str = "java.lang.OutOfMemoryError";
    let out_of_memory = |line: &&&str| {
        let text = line.trim_start_matches(['#', ' ']);
        let dies =
            ["Terminating due to ", "Aborting due to "].iter().find_map(|word| text.strip_prefix(word));
        let printed = line.starts_with('#').then_some(text).or(dies);
        printed.is_some_and(|text| text.starts_with(OUT_OF_MEMORY))
    };
    let thrown = |line: &&&str| {
        let text = line.strip_prefix("Caused by: ").unwrap_or(line);
        let thread = text.starts_with("Exception in thread ") || text.starts_with("Exception: ");
        text.starts_with(OUT_OF_MEMORY) || (thread && text.contains(OUT_OF_MEMORY))
    };
    let killed = matches!(exit, Some(yarn::OUT_OF_MEMORY | yarn::ABRT | yarn::KILL | yarn::TERM));
    let line = lines.iter().rfind(out_of_memory).or_else(|| lines.iter().rfind(thrown).filter(|_| killed));
    if let Some(line) = line {
        let at = line.find(OUT_OF_MEMORY).unwrap_or_default();
        return Some(Cause { sentence: line[at..].trim_end().to_owned(), of_task: false });
    }
    let native = |line: &&&str| line.starts_with("# There is insufficient memory for the Java Runtime");
    let crash = lines
        .iter()
        .position(|line| line.starts_with("# A fatal error has been detected by the Java Runtime"));
    let signal = crash.and_then(|at| lines[at + 1..].iter().find(|line| line.len() > 2));
    let line = lines.iter().find(native).or(signal)?;
    Some(Cause { sentence: line.trim_start_matches(['#', ' ']).trim_end().to_owned(), of_task: false })
}

/// The chain that ended the main thread of a JVM.
fn of_main_thread(lines: &[&str]) -> Option<Cause> {
    // spark-submit says with it only that the application failed.
    let about = |line: &str| {
        line.starts_with("Exception in thread \"main\" ")
            && !line.contains("finished with failed status")
            && !line.contains("finished with killed status")
            && !line.contains("SparkUserAppException")
    };
    let at = lines.iter().rposition(|line| about(line))?;
    Chain::read(lines[at], &lines[at + 1..]).deepest(python::deepest)
}

/// Why a JVM did not come up: `Error: Could not find or load main class X`, an option that is none.
fn of_launcher(lines: &[&str]) -> Option<Cause> {
    let at = |words: &str| lines.iter().position(|line| line.starts_with(words));
    let sentence = if let Some(at) = at("Error: Could not find or load main class ") {
        lines[at].trim_start_matches("Error: ")
    } else if let Some(at) = at("Error occurred during initialization of VM") {
        lines.get(at + 1)?
    } else {
        // What is wrong stands above.
        let end = at("Error: Could not create the Java Virtual Machine")?;
        let about = |line: &&&str| !line.trim().is_empty() && !is_log(line);
        lines[..end].iter().rev().take_while(about).last()?
    };
    Some(Cause { sentence: sentence.trim().to_owned(), of_task: false })
}

/// The error that ended a program in R.
fn of_r(lines: &[&str]) -> Option<Cause> {
    let end = lines.iter().rposition(|line| line.trim() == "Execution halted")?;
    let at = lines[..end].iter().rposition(|line| line.starts_with("Error"))?;
    Some(Cause { sentence: with_message(lines[at], &lines[at + 1..end]), of_task: false })
}

/// What the application master has to say against a class without an exception.
fn of_master(stderr: &[&str]) -> Option<Cause> {
    let said = stderr
        .iter()
        .find_map(|line| line.split_once("ERROR ApplicationMaster: Could not find static main"))?
        .1;
    Some(Cause { sentence: format!("Could not find static main{said}"), of_task: false })
}

/// Why spark-submit ended, or a driver in its process.
fn of_submit(log: &[&str]) -> Option<String> {
    let cause = of_main_thread(log)
        .or_else(|| of_dying_jvm(log, None))
        .or_else(|| python::uncaught(log, yarn::user_status(log).or(Some(python::FAILURE))))
        .or_else(|| of_r(log))
        .or_else(|| of_launcher(log))
        .or_else(|| of_options(log))
        .or_else(|| unprefixed(log))?;
    Some(cause.sentence)
}

/// What spark-submit has against its own options: `Error: Unrecognized option: --x`.
fn of_options(log: &[&str]) -> Option<Cause> {
    // A driver in the same process may write such lines, too.
    let drives = log.iter().any(|line| line.contains("Running Spark version"));
    let line = log.iter().find_map(|line| line.strip_prefix("Error: ")).filter(|_| !drives)?;
    Some(Cause { sentence: line.trim().to_owned(), of_task: false })
}

/// The last exception that no logger wrote, unless it is one that a WARN or less shows.
fn unprefixed(log: &[&str]) -> Option<Cause> {
    let at =
        log.iter().rposition(|line| is_flush(line) && is_java_class(class(line)) && line.contains(": "))?;
    let logged = log[..at].iter().rfind(|line| is_log(line));
    let grave = logged.is_none_or(|line| line.contains(" ERROR ") || line.contains(" FATAL "));
    grave.then(|| Chain::read(log[at], &log[at + 1..]).deepest(python::deepest)).flatten()
}

#[cfg(test)]
mod tests;
