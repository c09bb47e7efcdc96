//! The tracebacks of a Python program: which of them ended it, and the line that it means.
//!
//! An exception that nobody catches is the last that Python writes. One that was caught and printed may look the same,
//! and then the program goes on: what it writes afterwards, its exit status and the first frame tell.

use super::Cause;
use super::java::Chain;
use super::lines::{TRACEBACK, class, is_flush, is_frame, is_java_class, is_log, with_message};

/// What py4j says of an exception of Java's.
const PY4J: &str = "An error occurred while calling ";
/// What stands above the traceback of an exception that does not end the program.
const ASIDE: [&str; 6] = [
    "Exception in thread ",
    "Exception ignored in",
    "Exception ignored on",
    "Error in atexit._run_exitfuncs",
    "--- Logging error ---",
    "Error in sys.excepthook",
];
/// What Python writes between an exception and the one that came of it.
const BETWEEN: [&str; 2] = [
    "During handling of the above exception, another exception occurred:",
    "The above exception was the direct cause of the following exception:",
];
/// Exceptions whose message Python writes itself, on one line: text below is no part of it.
const ONE_LINE: [&str; 13] = [
    "AttributeError",
    "FileNotFoundError",
    "IndexError",
    "KeyError",
    "ModuleNotFoundError",
    "NameError",
    "PermissionError",
    "RecursionError",
    "StopIteration",
    "UnboundLocalError",
    "UnicodeDecodeError",
    "UnicodeEncodeError",
    "ZeroDivisionError",
];
/// The exit status of Python for an exception that nobody caught.
pub(super) const FAILURE: i32 = 1;
/// The exit status of `argparse` for wrong arguments.
const USAGE: i32 = 2;
/// What a program without a traceback cannot have been compiled for.
const SYNTAX: [&str; 3] = ["SyntaxError", "IndentationError", "TabError"];

/// One traceback.
struct Traceback {
    cause: Cause,
    /// Whether its first frame is the program's top: else something in between caught it.
    of_program: bool,
    /// Whether its message can be no longer than it is.
    closed: bool,
    /// Whether the program wrote something below.
    went_on: bool,
}

/// What ended the program that wrote `lines` and exited with `status`.
pub(super) fn uncaught(lines: &[&str], status: Option<i32>) -> Option<Cause> {
    if let Some(cause) = refused(lines, status) {
        return Some(cause);
    }
    let Some(last) = last(lines) else { return cut(lines) };
    let ended = match status {
        // Nobody says that the program failed at all.
        None => last.of_program && !last.went_on,
        Some(FAILURE) => !last.went_on || (last.of_program && !last.closed),
        // The program chose its status itself, after all that it printed.
        Some(_) => !last.went_on,
    };
    ended.then_some(last.cause)
}

/// The end of a chain of Java's that py4j repeats, where its head and the traceback above it are cut off.
fn cut(lines: &[&str]) -> Option<Cause> {
    let at = lines.iter().rposition(|line| line.starts_with("Caused by: "))?;
    let chain = Chain::read(lines[at], &lines[at + 1..]);
    let within =
        lines[..at].iter().any(|line| is_frame(line)) && !lines[..at].iter().any(|line| is_words(line));
    let went_on = lines[at + 1 + chain.length..].iter().any(|line| is_words(line));
    if within && !went_on { chain.deepest(deepest) } else { None }
}

/// What a program says against its arguments, and Python against a script that is not there.
fn refused(lines: &[&str], status: Option<i32>) -> Option<Cause> {
    let line = lines.iter().rfind(|line| is_flush(line) && !is_log(line))?.trim();
    let usage = status == Some(USAGE) && line.contains(": error: ");
    let script = line.contains(": can't open file '") && line.contains("[Errno ");
    (usage || script).then(|| Cause { sentence: line.to_owned(), of_task: false })
}

/// The exception of the last traceback whose frames open `lines` or stand below.
pub(super) fn deepest(lines: &[&str]) -> Option<Cause> {
    let (first, next) = read(lines, 0)?;
    Some(chained(lines, next).unwrap_or(first.cause))
}

/// The last exception of those that came of the one that ends at `at`.
fn chained(lines: &[&str], at: usize) -> Option<Cause> {
    let rest = &lines[at..];
    let between = rest.iter().position(|line| BETWEEN.contains(&line.trim()))?;
    if rest[..between].iter().any(|line| is_frame(line)) {
        return None;
    }
    let below = &rest[between + 1..];
    let head = below.iter().position(|line| line.trim_end() == TRACEBACK)?;
    deepest(&below[head + 1..])
}

fn last(lines: &[&str]) -> Option<Traceback> {
    let mut last: Option<Traceback> = None;
    let mut above = "";
    let mut at = 0;
    while let Some(line) = lines.get(at) {
        let cut = at == 0 && is_cut(lines);
        let frames = if opens(line) { at + 1 } else { at };
        let found = (opens(line) || cut || is_syntax(lines, at)).then(|| read(lines, frames)).flatten();
        if let Some((traceback, next)) = found {
            if !ASIDE.iter().any(|aside| above.starts_with(aside)) {
                let of_program = (traceback.of_program || cut) && !is_log(line);
                last = Some(Traceback { of_program, ..traceback });
            }
            at = next.max(at + 1);
            above = "";
            continue;
        }
        if let Some(last) = &mut last
            && is_words(line)
        {
            last.went_on = true;
        }
        if !line.trim().is_empty() {
            above = line;
        }
        at += 1;
    }
    last
}

/// Whether a log begins in the middle of frames.
fn is_cut(lines: &[&str]) -> bool {
    let mut frames = lines.iter().take_while(|line| line.starts_with("  "));
    let of_py4j = lines.first().is_some_and(|line| line.contains(PY4J));
    of_py4j || frames.any(|line| line.trim_start().starts_with("File \""))
}

/// Whether frames follow; a logger puts something before the words.
fn opens(line: &str) -> bool {
    let logged = |line: &str| is_log(line) && line.ends_with(TRACEBACK) && !line.contains("Exception: ");
    let line = line.trim_end();
    line == TRACEBACK || line.trim_start().starts_with("+ Exception Group Traceback ") || logged(line)
}

/// A program that cannot be read has no traceback: the place, and then the exception.
fn is_syntax(lines: &[&str], at: usize) -> bool {
    let place = lines[at].starts_with("  File \"") && !lines[at].contains(", in ");
    let below = lines[at + 1..].iter().take(5).find(|line| is_flush(line));
    place && below.is_some_and(|line| SYNTAX.contains(&class(line)))
}

/// Whether a program wrote it, as far as can be told: neither a logger nor Python, nor part of a plan of Spark's.
fn is_words(line: &str) -> bool {
    let plan =
        ["'", "+-", ":-", ":  ", "== ", "^", "JVM stacktrace:"].iter().any(|start| line.starts_with(start));
    let python = ASIDE.iter().chain(&BETWEEN).any(|words| line.starts_with(words));
    // Java's exceptions are no words of a Python program.
    is_flush(line) && !plan && !python && !is_log(line) && !is_frame(line) && !is_java_class(class(line))
}

/// The traceback whose frames begin at `at`, and the index of the line below it.
fn read(lines: &[&str], at: usize) -> Option<(Traceback, usize)> {
    let below = lines.get(at..)?;
    let frames = below.iter().take_while(|line| !line.is_empty() && !is_said(line)).count();
    let exception = below.get(frames).map(|line| line.trim_start_matches([' ', '|']).trim_end())?;
    if exception.is_empty() || is_log(exception) {
        return None;
    }
    let top = below.first().copied().unwrap_or_default();
    let of_program =
        ["in <module>", "runpy", "<frozen "].iter().any(|words| top.contains(words)) || frames == 0;
    let next = at + frames + 1;
    let (cause, length) = meaning(exception, &lines[next..]);
    let name = class(exception).rsplit('.').next().unwrap_or_default();
    let closed = ONE_LINE.contains(&name) || (length > 0 && !exception.ends_with(':'));
    Some((Traceback { cause, of_program, closed, went_on: false }, next + length))
}

/// Whether frames end here: at the left edge, behind the margin of a group of exceptions too.
fn is_said(line: &str) -> bool {
    is_flush(line) || line.strip_prefix("  | ").is_some_and(is_flush)
}

/// What an exception means, and how many lines below it are surely part of it: Java's or another Python's words.
fn meaning(exception: &str, below: &[&str]) -> (Cause, usize) {
    if exception.contains(PY4J)
        && let Some(at) = below.iter().position(|line| !line.trim().is_empty())
        && !is_log(below[at])
        && !opens(below[at])
        && !BETWEEN.contains(&below[at].trim())
    {
        // py4j says where it was called; the exception itself is on the next line.
        let chain = Chain::read(below[at], &below[at + 1..]);
        if let Some(cause) = chain.deepest(deepest) {
            return (cause, at + 1 + chain.length);
        }
    }
    if let Some(worker) = within(exception, below)
        && let Some((traceback, next)) = read(below, worker)
    {
        let cause = chained(below, next).unwrap_or(traceback.cause);
        return (Cause { of_task: true, ..cause }, next);
    }
    let chain = Chain::read(exception, below);
    let java =
        below[..chain.length].iter().any(|line| is_frame(line) && line.starts_with(char::is_whitespace));
    let ends_before =
        below[..chain.length].iter().position(|line| opens(line) || BETWEEN.contains(&line.trim()));
    if java
        && ends_before.is_none()
        && let Some(cause) = chain.deepest(deepest)
    {
        return (cause, chain.length);
    }
    (Cause { sentence: with_message(exception, below), of_task: false }, message_below(exception, below))
}

/// Where the frames begin of a traceback that is the message of an exception, as Spark's `PythonException` has it.
fn within(exception: &str, below: &[&str]) -> Option<usize> {
    if exception.ends_with(TRACEBACK) {
        return Some(0);
    }
    let name = class(exception).rsplit('.').next().unwrap_or_default();
    let head = below.iter().take(4).position(|line| line.trim_end() == TRACEBACK)?;
    (name == "PythonException").then_some(head + 1)
}

/// How many lines it is to the end of a message that begins on a line below.
fn message_below(exception: &str, below: &[&str]) -> usize {
    let begins = exception.ends_with(':');
    let at = below.iter().position(|line| !line.trim().is_empty());
    at.filter(|at| begins && !is_log(below[*at]) && !opens(below[*at])).map_or(0, |at| at + 1)
}
