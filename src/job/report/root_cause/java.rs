//! The chain that Java prints of an exception: its head, its frames, and what caused it, deepest last.

use super::Cause;
use super::lines::{TRACEBACK, class, is_flush, is_frame, is_gap, is_java_class, is_log, with_message};

/// How Java names what caused an exception.
pub(super) const CAUSED_BY: &str = "Caused by: ";
/// A stage's failure has the frames of the task in its message; the driver's own come after this line.
pub(super) const DRIVER_STACKTRACE: &str = "Driver stacktrace:";

/// What is seen where somebody else ended: without a message it tells nothing that its consequence does not tell.
const ECHOES: [&str; 4] = [
    "java.io.EOFException",
    "java.lang.InterruptedException",
    "java.nio.channels.ClosedChannelException",
    "java.util.concurrent.TimeoutException",
];

/// The cause that a traceback tells whose frames open these lines: Python's, which can stand in the message of Java's.
pub(super) type ReadTraceback = fn(&[&str]) -> Option<Cause>;

/// One exception of a chain.
struct Link<'a> {
    /// Class and the first line of the message.
    head: &'a str,
    /// What follows: the rest of the message, then frames.
    below: Vec<&'a str>,
}

impl Link<'_> {
    /// Whether another of the same class says the same and more, as `Cannot run program "x": error=2` does.
    fn is_in(&self, other: &Link<'_>) -> bool {
        let (class, message) = self.head.split_once(": ").unwrap_or((self.head, ""));
        !message.is_empty() && other.head.strip_prefix(class).is_some_and(|said| said.contains(message))
    }
}

/// An exception and what caused it.
pub(super) struct Chain<'a> {
    links: Vec<Link<'a>>,
    /// How many of the lines below the head are part of it.
    pub(super) length: usize,
}

impl<'a> Chain<'a> {
    /// The chain that opens with `head` and goes on in `rest`, as far as it goes.
    pub(super) fn read(head: &'a str, rest: &[&'a str]) -> Chain<'a> {
        let mut links = vec![Link { head: bare(head), below: Vec::new() }];
        let mut framed = false;
        let mut length = 0;
        for line in rest {
            let end = is_log(line) || *line == ")" || line.starts_with("Exception in thread ");
            let cause = line.strip_prefix(CAUSED_BY);
            let gap = is_gap(line);
            let goes_on = !framed || gap || is_frame(line) || line.starts_with(DRIVER_STACKTRACE);
            if end || (is_flush(line) && cause.is_none() && !goes_on) {
                break;
            }
            length += 1;
            // Below a gap stands the end of any line.
            framed = (framed || is_frame(line)) && cause.is_none() && !gap;
            match (cause, links.last_mut()) {
                (Some(head), _) => links.push(Link { head, below: Vec::new() }),
                (None, Some(link)) => link.below.push(line),
                (None, None) => {}
            }
        }
        Chain { links, length }
    }

    /// Class and the first line of the message of the first.
    pub(super) fn head(&self) -> &'a str {
        self.links.first().map_or("", |link| link.head)
    }

    /// Whether an exception of this class is part of it.
    pub(super) fn has(&self, name: &str) -> bool {
        self.links.iter().any(|link| class(link.head).ends_with(name))
    }

    /// How many exceptions there are in it.
    pub(super) fn depth(&self) -> usize {
        self.links.len()
    }

    /// The deepest cause, into what `python` reads of a worker's traceback.
    pub(super) fn deepest(&self, python: ReadTraceback) -> Option<Cause> {
        // Spark looks for a class of this name where a data source is none; the exception above names the source.
        let probe =
            |head: &str| head.contains("ClassNotFoundException: ") && head.ends_with(".DefaultSource");
        let tells = |link: &&Link<'_>| !ECHOES.contains(&link.head.trim()) && !probe(link.head);
        let at = self.links.iter().rposition(|link| tells(&link)).unwrap_or(self.links.len() - 1);
        let at = at.checked_sub(1).filter(|above| self.links[at].is_in(&self.links[*above])).unwrap_or(at);
        let link = self.links.get(at)?;
        let of_task = self.links.iter().any(|link| link.head.contains("aborted due to stage failure"));
        let head = of_lost_task(link.head).unwrap_or(link.head);
        let message: Vec<&str> = link.below.iter().copied().take_while(|line| !is_frame(line)).collect();
        let worker = if head.ends_with(TRACEBACK) {
            python(&link.below)
        } else {
            let at = message.iter().position(|line| line.trim_end() == TRACEBACK);
            at.and_then(|at| python(&link.below[at + 1..]))
        };
        let sentence = match worker {
            Some(cause) => cause.sentence,
            // The frames of what Python did are gone, and so is what it said.
            None if head.ends_with(TRACEBACK) => class(head).to_owned(),
            None => with_message(head, &message),
        };
        (!sentence.is_empty()).then_some(Cause { sentence, of_task })
    }
}

/// Without what stands before the class: `Exception in thread "main" X`, `: X` of py4j, `Caused by: X`.
fn bare(head: &str) -> &str {
    let head = head.trim();
    let head = head.strip_prefix(": ").or_else(|| head.strip_prefix(CAUSED_BY)).unwrap_or(head);
    match head.strip_prefix("Exception in thread \"").and_then(|rest| rest.split_once("\" ")) {
        Some((_, exception)) => exception.trim(),
        None => head,
    }
}

/// What the last try of a task says, where a stage's failure repeats it: `…, most recent failure: Lost task 0.3 in
/// stage 0.0 (TID 3) (host executor 1): X: …`.
fn of_lost_task(head: &str) -> Option<&str> {
    let (_, failure) = head.split_once("most recent failure: Lost task ")?;
    let (_, said) = failure.split_once("): ")?;
    is_java_class(class(said)).then_some(said)
}
