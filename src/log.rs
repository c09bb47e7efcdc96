//! Logging: to journald where there is one, to stderr elsewhere.
//!
//! An event becomes an owned line on the thread that logs it, and a thread of its own writes the lines. Between the two
//! stands a bounded queue that drops rather than waits: a stopped journald blocks its socket after some 70 messages,
//! and neither that nor a blocked stderr may stall the daemon. What is dropped is counted, and said in the log as soon
//! as there is room.
//!
//! A field of a span is a field of every line within it; the innermost and latest value of a name wins. A panic is a
//! line like any other.

mod filter;
mod journald;
mod line;
pub mod message_id;
mod panics;
mod queue;
mod relay;
mod sink;

use std::error::Error;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::{Registry, reload};

pub use filter::{Filter, FilterError};

use queue::Queue;
use relay::Relay;
use sink::{Printed, Sink};

/// How long a dropped [`LogHandle`] waits for its last lines.
const DROP_LIMIT: Duration = Duration::from_secs(1);

/// Where lines go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Target {
    /// To journald if it answers, else to stderr.
    Auto,
    /// To journald, or not at all.
    Journald,
    /// To stderr.
    Stderr,
}

/// How a line looks on stderr. Journald gets fields, whatever this says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// `2026-11-24T18:20:00.123Z INFO message task_id=…`
    Text,
    /// One object for each line: timestamp, level, message, target, fields.
    Json,
}

/// Why logging did not start.
#[derive(Debug)]
pub enum LogError {
    /// Journald was asked for, and there is none.
    NoJournald(io::Error),
    /// The thread that writes could not be started.
    NoThread(io::Error),
    /// Something else in this process takes the log already.
    Taken,
}

impl fmt::Display for LogError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LogError::NoJournald(_) => {
                f.write_str("the log is to go to journald, but no journald answers on this machine")
            }
            LogError::NoThread(_) => f.write_str("the thread that writes the log cannot be started"),
            LogError::Taken => f.write_str("the log of this process has been started already"),
        }
    }
}

impl Error for LogError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            LogError::NoJournald(error) | LogError::NoThread(error) => Some(error),
            LogError::Taken => None,
        }
    }
}

/// The running log. Dropping it waits a second at most for the lines that are still to be written.
#[derive(Debug)]
pub struct LogHandle {
    filter: reload::Handle<Filter, Registry>,
    queue: Arc<Queue>,
    closed: bool,
}

/// Counts the lines that were dropped, as long as the process lives.
#[derive(Debug, Clone)]
pub struct Drops(Arc<Queue>);

impl Drops {
    /// Lines dropped since the start because the queue was full.
    pub fn count(&self) -> u64 {
        self.0.dropped()
    }
}

/// Takes the log of this process, once, and its panics with it.
///
/// # Errors
/// An absent journald that was asked for by name, a thread that cannot start, or a log already taken.
pub fn start(target: Target, format: Format, filter: &Filter) -> Result<LogHandle, LogError> {
    let queue = Queue::start(move || open(target, format))?;
    let (subscriber, log) = wire(queue, filter.clone());
    tracing::subscriber::set_global_default(subscriber).map_err(|_| LogError::Taken)?;
    panics::log();
    Ok(log)
}

impl LogHandle {
    /// Changes what is logged from here on.
    pub fn reload(&self, filter: &Filter) {
        // It fails only where the subscriber is gone, and then nothing is logged under any filter.
        let _ = self.filter.reload(filter.clone());
    }

    /// What is dropped because the queue is full, to be counted by somebody else.
    pub fn drops(&self) -> Drops {
        Drops(Arc::clone(&self.queue))
    }

    /// Waits until every line is written, at most `limit`; whether every line was.
    pub fn close(mut self, limit: Duration) -> bool {
        self.closed = true;
        self.queue.flush(limit)
    }
}

impl Drop for LogHandle {
    fn drop(&mut self) {
        if !self.closed {
            self.queue.flush(DROP_LIMIT);
        }
    }
}

fn open(target: Target, format: Format) -> Result<Box<dyn Sink>, LogError> {
    let stderr = || Box::new(Printed::new(io::stderr(), format));
    match target {
        Target::Stderr => Ok(stderr()),
        Target::Journald => journald::connect().map_err(LogError::NoJournald),
        Target::Auto => Ok(journald::connect().unwrap_or_else(|_| stderr())),
    }
}

fn wire(queue: Arc<Queue>, filter: Filter) -> (impl tracing::Subscriber + Send + Sync, LogHandle) {
    let (filter, handle) = reload::Layer::new(filter);
    let subscriber = tracing_subscriber::registry().with(filter).with(Relay::new(Arc::clone(&queue)));
    (subscriber, LogHandle { filter: handle, queue, closed: false })
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use tracing::{debug, info, info_span, warn};

    use super::line::Line;
    use super::*;

    const LONG: Duration = Duration::from_secs(20);

    #[test]
    fn a_line_carries_the_fields_of_all_its_spans() {
        let log = Log::start("info");
        log.emit(|| {
            let outer = info_span!(
                "task",
                task_id = "0123456789abcdef",
                job_state = "Received",
                livy_batch_id = tracing::field::Empty
            );
            let _outer = outer.enter();
            outer.record("livy_batch_id", 7);
            outer.record("job_state", "Running");
            let _inner = info_span!("report", job_state = "Ended").entered();
            info!(sfn_execution = "taxi-1", "the job {}", "ended");
        });
        let lines = log.lines();
        assert_eq!(lines[0].message, "the job ended");
        assert_eq!(
            lines[0].fields,
            [
                ("task_id", "0123456789abcdef".to_owned()),
                ("job_state", "Ended".to_owned()),
                ("livy_batch_id", "7".to_owned()),
                ("sfn_execution", "taxi-1".to_owned()),
            ]
        );
        assert_eq!(lines[0].origin.target, module_path!());
    }

    #[test]
    fn a_warning_keeps_the_fields_of_its_span_when_only_warnings_are_logged() {
        let log = Log::start("warn");
        log.emit(|| {
            let _task = info_span!("task", task_id = "0123456789abcdef").entered();
            info!("not this");
            warn!("but this");
        });
        let lines = log.lines();
        assert_eq!(lines.len(), 1);
        assert_eq!(lines[0].fields, [("task_id", "0123456789abcdef".to_owned())]);
    }

    #[test]
    fn a_reload_changes_what_passes() {
        let log = Log::start("info");
        let say = |text: &str| debug!("{text}");
        log.emit(|| say("before"));
        log.log.reload(&"spark_job_worker=debug".parse().unwrap());
        log.emit(|| say("between"));
        log.log.reload(&Filter::default());
        log.emit(|| say("after"));
        assert_eq!(log.messages(), ["between"]);
    }

    #[test]
    fn a_blocked_sink_never_blocks_who_logs_and_what_was_dropped_is_said() {
        let log = Log::start("info");
        let gate = log.gate.clone();
        let held = gate.shut();
        log.emit(|| info!("first"));
        gate.wait_until_reached();
        log.emit(|| (0..10_000).for_each(|number| info!("line {number}")));
        let missed = 10_000 - queue::LIMIT as u64;
        assert_eq!(log.log.drops().count(), missed);
        drop(held);
        assert!(log.log.queue.flush(LONG));
        log.emit(|| info!("last"));
        let lines = log.lines();
        assert_eq!(lines.len(), queue::LIMIT + 3);
        let warning = &lines[queue::LIMIT + 1];
        assert!(
            warning.message.starts_with(&format!("{missed} log lines were dropped: ")),
            "{}",
            warning.message
        );
        assert_eq!(warning.origin.level, tracing::Level::WARN);
        assert_eq!(warning.fields, [("message_id", message_id::LINES_DROPPED.to_owned())]);
        assert_eq!(lines.last().unwrap().message, "last");
    }

    #[test]
    fn closing_waits_no_longer_than_its_limit() {
        let Log { log, subscriber, gate, .. } = Log::start("info");
        let held = gate.shut();
        tracing::subscriber::with_default(subscriber, || info!("stuck"));
        assert!(!log.close(Duration::from_millis(20)));
        drop(held);
    }

    #[test]
    fn closing_writes_every_line() {
        let log = Log::start("info");
        log.emit(|| (0..1000).for_each(|number| info!("line {number}")));
        let Log { log, written, .. } = log;
        assert!(log.close(LONG));
        assert_eq!(written.try_iter().count(), 1000);
    }

    #[test]
    fn a_journald_that_does_not_answer_in_time_counts_as_there() {
        let (release, wait) = mpsc::channel::<()>();
        let (written, lines) = mpsc::channel();
        let queue = Queue::start(move || {
            let _ = wait.recv();
            Ok(Box::new(Memory { gate: Gate::default(), written }))
        })
        .unwrap();
        let (subscriber, log) = wire(queue, Filter::default());
        tracing::subscriber::with_default(subscriber, || info!("early"));
        drop(release);
        assert!(log.close(LONG));
        assert_eq!(lines.recv().unwrap().message, "early");
    }

    #[test]
    fn a_sink_that_cannot_be_opened_ends_the_start() {
        let absent = || Err(LogError::NoJournald(io::Error::from(io::ErrorKind::NotFound)));
        assert!(matches!(Queue::start(absent), Err(LogError::NoJournald(_))));
    }

    #[test]
    fn targets_and_formats_are_read_and_written_as_in_the_configuration() {
        for (target, text) in
            [(Target::Auto, "auto"), (Target::Journald, "journald"), (Target::Stderr, "stderr")]
        {
            assert_eq!(serde_json::to_value(target).unwrap(), text);
            assert_eq!(serde_json::from_value::<Target>(text.into()).unwrap(), target);
        }
        for (format, text) in [(Format::Text, "text"), (Format::Json, "json")] {
            assert_eq!(serde_json::to_value(format).unwrap(), text);
            assert_eq!(serde_json::from_value::<Format>(text.into()).unwrap(), format);
        }
    }

    /// A log of its own, whose sink can be held up.
    struct Log {
        subscriber: Arc<dyn tracing::Subscriber + Send + Sync>,
        log: LogHandle,
        gate: Gate,
        written: mpsc::Receiver<Line>,
    }

    impl Log {
        fn start(filter: &str) -> Log {
            let gate = Gate::default();
            let (sender, written) = mpsc::channel();
            let memory = Memory { gate: gate.clone(), written: sender };
            let queue = Queue::start(move || Ok(Box::new(memory))).unwrap();
            let (subscriber, log) = wire(queue, filter.parse().unwrap());
            Log { subscriber: Arc::new(subscriber), log, gate, written }
        }

        fn emit(&self, log: impl FnOnce()) {
            tracing::subscriber::with_default(Arc::clone(&self.subscriber), log);
        }

        fn lines(&self) -> Vec<Line> {
            assert!(self.log.queue.flush(LONG));
            self.written.try_iter().collect()
        }

        fn messages(&self) -> Vec<String> {
            self.lines().into_iter().map(|line| line.message).collect()
        }
    }

    struct Memory {
        gate: Gate,
        written: mpsc::Sender<Line>,
    }

    impl Sink for Memory {
        fn write(&mut self, line: &Line) {
            self.gate.pass();
            let _ = self.written.send(line.clone());
        }
    }

    /// Holds up writers while it is shut.
    #[derive(Clone, Default)]
    struct Gate {
        shut: Arc<std::sync::Mutex<()>>,
        reached: Arc<(std::sync::Mutex<u64>, std::sync::Condvar)>,
    }

    impl Gate {
        fn shut(&self) -> std::sync::MutexGuard<'_, ()> {
            self.shut.lock().unwrap()
        }

        fn pass(&self) {
            *self.reached.0.lock().unwrap() += 1;
            self.reached.1.notify_all();
            drop(self.shut.lock().unwrap());
        }

        fn wait_until_reached(&self) {
            let reached = self.reached.0.lock().unwrap();
            drop(self.reached.1.wait_while(reached, |reached| *reached == 0).unwrap());
        }
    }
}
