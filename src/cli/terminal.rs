//! What the commands print: the one way to a terminal.
//!
//! Names of jobs, states and keys, and what servers say, come from elsewhere. Whatever is printed here is
//! [`printable`], so none of it moves a cursor, hides a line or makes one up. What is put together of parts from
//! elsewhere is printed as a line; what has lines of its own, as a text.

use std::io::{self, IsTerminal, Write, stderr, stdout};

use crate::printable::printable;

/// Takes away what stands behind the cursor in its line.
const CLEAR_LINE: &str = "\x1b[K";
/// The most characters of a line that is written over: a longer one would be two in most terminals.
const WIDTH: usize = 79;
/// Moves to the upper left corner of a terminal and clears it.
const CLEAR: &str = "\x1b[H\x1b[2J";

/// Prints one line, whatever is in it. A closed pipe is not worth an error.
pub(super) fn line(text: &str) {
    let _ = put(&mut stdout(), [text]);
}

/// Prints a text of several lines.
pub(super) fn text(text: &str) {
    let _ = put(&mut stdout(), text.lines());
}

/// Prints lines where a person looks at them again and again; on a terminal the earlier ones go.
///
/// # Errors
/// Where nobody reads any more.
pub(super) fn again<'a>(lines: impl IntoIterator<Item = &'a str>) -> io::Result<()> {
    let mut out = stdout().lock();
    if out.is_terminal() {
        out.write_all(CLEAR.as_bytes())?;
    }
    put(&mut out, lines)
}

/// Prints lines below those that are there.
///
/// # Errors
/// Where nobody reads any more.
pub(super) fn more<'a>(lines: impl IntoIterator<Item = &'a str>) -> io::Result<()> {
    progress("");
    put(&mut stdout().lock(), lines)
}

/// Says how far a wait is, where a person looks on: in one line, which the next one takes the place of; an empty one leaves
/// nothing.
pub(super) fn progress(text: &str) {
    let mut out = stderr().lock();
    if out.is_terminal() {
        let shown: String = printable(text).chars().take(WIDTH).collect();
        let _ = write!(out, "\r{shown}{CLEAR_LINE}").and_then(|()| out.flush());
    }
}

/// Says one line beside what is printed.
pub(super) fn note(text: &str) {
    progress("");
    complain_line(text);
}

/// Says one line of what is wrong.
pub(super) fn complain_line(text: &str) {
    let _ = put(&mut stderr(), [text]);
}

/// Says what is wrong, in several lines.
pub(super) fn complain(text: &str) {
    let _ = put(&mut stderr(), text.lines());
}

fn put<'a>(out: &mut impl Write, lines: impl IntoIterator<Item = &'a str>) -> io::Result<()> {
    for line in lines {
        writeln!(out, "{}", printable(line))?;
    }
    out.flush()
}
