//! `logs`: what the driver of a job writes, or has written. The daemon reads it, piece by piece; here it is printed.

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use tokio::time::Instant;

use crate::admin::{self, FoundLog, LogAnswer, LogFile, LogPlace, LogQuestion, NoLog, Reply};
use crate::config::{self, ControlSocket};

use super::control::why;
use super::{failed, terminal};

/// From question to question, where nothing new was there.
const AGAIN: Duration = Duration::from_secs(1);
/// For how long `--follow` bears with servers that do not answer, a daemon that is being restarted, and a log that is
/// being aggregated.
const PATIENCE: Duration = Duration::from_secs(30);
/// How much of a log is shown without `--follow`, and how much of what was there before with it, in bytes.
const SHOWN: u64 = crate::spark::driver_log::TAIL as u64;
/// What a tab becomes: a trace of Java has one before each line, and this one character does a terminal no harm.
const TAB: &str = "    ";

/// What is to be shown.
#[derive(Debug)]
pub(super) struct Wish {
    /// Whose log.
    pub(super) name: String,
    /// Which stream.
    pub(super) file: LogFile,
    /// Until the job has ended.
    pub(super) follow: bool,
    /// Without the mask.
    pub(super) raw: bool,
}

/// What comes after an answer.
enum Next {
    /// The next question, at once.
    Now,
    /// The same after a pause.
    Later,
    /// Nothing: all was shown.
    Done,
    /// Nothing, because nothing more is to be had.
    Failed(String),
}

/// What was shown so far.
struct Reading {
    question: LogQuestion,
    follow: bool,
    began: Instant,
    /// The byte at which what is shown without `--follow` ends.
    end: Option<u64>,
    /// Whether a line was shown.
    any: bool,
    /// What spark-submit had said.
    submission: Vec<String>,
    /// The job had ended, and its log had nothing more.
    quiet: bool,
    /// Since when nothing that helps was heard.
    trouble: Option<Instant>,
    /// Whose log it is, once the daemon has said it.
    job: Option<String>,
}

/// Prints the end of the log, or goes on until the job has ended.
#[expect(clippy::disallowed_methods, reason = "a command of its own, in which nothing else waits")]
pub(super) fn run(config: &Path, wish: Wish) -> ExitCode {
    let socket = config::control_socket(config);
    let mut reading = Reading::new(wish);
    loop {
        let next = match ask(&socket, &reading.question) {
            Ok(answer) => reading.take(answer),
            // A daemon that is restarted comes back.
            Err(reason) if reading.job.is_some() && reading.follow => reading.bear(reason),
            Err(reason) => Next::Failed(reason),
        };
        match next {
            Next::Now => {}
            Next::Later => std::thread::sleep(AGAIN),
            Next::Done => {
                terminal::progress("");
                return ExitCode::SUCCESS;
            }
            Next::Failed(reason) => {
                terminal::progress("");
                return failed(&reason);
            }
        }
    }
}

fn ask(socket: &ControlSocket, question: &LogQuestion) -> Result<LogAnswer, String> {
    match admin::ask_for_log(&socket.path, question) {
        Ok(Reply::Logs(answer)) => Ok(*answer),
        Ok(_) => Err("the daemon sent an unexpected answer to logs; is it of another version?".to_owned()),
        Err(unanswered) => Err(why(&unanswered, socket)),
    }
}

impl Reading {
    fn new(wish: Wish) -> Reading {
        let Wish { name, file, follow, raw } = wish;
        Reading {
            question: LogQuestion { name, file, raw, at: None, whole: !follow },
            follow,
            began: Instant::now(),
            end: None,
            any: false,
            submission: Vec::new(),
            quiet: false,
            trouble: None,
            job: None,
        }
    }

    /// Shows what an answer has.
    fn take(&mut self, answer: LogAnswer) -> Next {
        let LogAnswer { job, id, is_over, progress, found } = answer;
        if let Some(id) = id {
            // What a name means can change while one looks, and an id's meaning cannot.
            self.question.name = id;
        }
        let next = match found {
            FoundLog::Driver { lines, at, before, is_end } => {
                self.trouble = None;
                self.driver(&job, lines, at, before, is_end, is_over)
            }
            FoundLog::Submission(lines) => {
                self.trouble = None;
                self.submission(&job, lines, is_over)
            }
            FoundLog::Nothing(NoLog::Never | NoLog::Name, reason) => Next::Failed(about(&job, &reason)),
            FoundLog::Nothing(_, reason) if !self.follow => Next::Failed(about(&job, &reason)),
            FoundLog::Nothing(NoLog::NotYet, _) if !is_over => {
                self.trouble = None;
                Next::Later
            }
            FoundLog::Nothing(NoLog::NotYet | NoLog::Unanswered, reason) => self.bear(about(&job, &reason)),
        };
        if matches!(next, Next::Later) && self.trouble.is_none() {
            let progress = progress.unwrap_or_default();
            let seconds = self.began.elapsed().as_secs();
            terminal::progress(&format!("{job}: {progress}, followed for {seconds} s"));
        }
        if !job.is_empty() {
            self.job = Some(job);
        }
        next
    }

    /// Shows lines of the driver.
    fn driver(
        &mut self,
        job: &str,
        lines: Vec<String>,
        at: LogPlace,
        before: u64,
        is_end: bool,
        is_over: bool,
    ) -> Next {
        let file = self.question.file.as_str();
        match &self.question.at {
            None if before > 0 => {
                let kibibytes = SHOWN >> 10;
                terminal::note(&format!(
                    "the last {kibibytes} KiB of {file} of {job}; {before} bytes before are left out"
                ));
            }
            None => {}
            Some(known) if known.container == at.container => {}
            Some(_) => terminal::note(&format!("another attempt of the driver: {}", at.container)),
        }
        let end = *self.end.get_or_insert(before + SHOWN);
        let is_new = !lines.is_empty();
        let byte = at.byte;
        self.question.at = Some(at);
        self.any |= is_new;
        if show(&lines).is_err() {
            return Next::Done;
        }
        let is_shown = is_end || (!self.follow && byte >= end);
        match (is_shown, self.follow) {
            (false, _) => Next::Now,
            (true, false) => self.done(job),
            (true, true) if !is_over => Next::Later,
            // What it has written last is shown without an end, too.
            (true, true) if self.question.whole => self.done(job),
            (true, true) if is_new || !self.quiet => {
                // YARN calls a job ended while its driver's process may still write.
                self.quiet = true;
                Next::Later
            }
            (true, true) => {
                self.question.whole = true;
                Next::Now
            }
        }
    }

    /// Shows what spark-submit has said since the last answer.
    fn submission(&mut self, job: &str, lines: Vec<String>, is_over: bool) -> Next {
        if self.submission.is_empty() {
            terminal::note(&format!("{job} has no application yet: this is what spark-submit says"));
        }
        let shown = show(&lines[known(&self.submission, &lines)..]);
        self.submission = lines;
        if shown.is_err() || is_over || !self.follow { Next::Done } else { Next::Later }
    }

    fn done(&self, job: &str) -> Next {
        if !self.any {
            let hint = match self.question.file {
                LogFile::Stdout => "--stderr has what Spark logs",
                LogFile::Stderr => "--stdout has what the job prints",
            };
            terminal::note(&format!("{} of {job} has no lines; {hint}", self.question.file.as_str()));
        }
        Next::Done
    }

    /// Tries again for a while.
    fn bear(&mut self, reason: String) -> Next {
        let since = *self.trouble.get_or_insert_with(Instant::now);
        if since.elapsed() >= PATIENCE {
            return Next::Failed(reason);
        }
        terminal::progress(&reason);
        Next::Later
    }
}

fn about(job: &str, reason: &str) -> String {
    if job.is_empty() { reason.to_owned() } else { format!("{job}: {reason}") }
}

fn show(lines: &[String]) -> std::io::Result<()> {
    if lines.is_empty() {
        return Ok(());
    }
    let lines: Vec<String> = lines.iter().map(|line| line.replace('\t', TAB)).collect();
    terminal::more(lines.iter().map(String::as_str))
}

/// How many of the `lines` that Livy has now are among those that were shown. It keeps the last 200 of each stream under
/// a heading, so lines go at the beginning.
fn known(shown: &[String], lines: &[String]) -> usize {
    let same = shown.iter().zip(lines).take_while(|(one, other)| one == other).count();
    let overlap = |count: &usize| shown[shown.len() - count..] == lines[..*count];
    let moved = (1..=shown.len().min(lines.len())).rev().find(overlap).unwrap_or_default();
    same.max(moved)
}

#[cfg(test)]
mod tests {
    use super::known;

    #[test]
    fn of_what_livy_has_only_the_new_lines_are_shown() {
        let lines = |text: &str| text.chars().map(String::from).collect::<Vec<_>>();
        for (shown, now, expected) in
            [("", "abc", 0), ("abc", "abcd", 3), ("abcy", "abcdy", 3), ("abc", "bcd", 2), ("abc", "xyz", 0)]
        {
            assert_eq!(known(&lines(shown), &lines(now)), expected, "{shown} {now}");
        }
    }
}
