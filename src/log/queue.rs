//! The bounded queue of lines, and the thread that writes them.

use std::collections::VecDeque;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use super::LogError;
use super::line::Line;
use super::sink::Sink;

/// Lines that wait at most. A line is well under 1 KiB as a rule, and under 40 KiB in any case.
pub(super) const LIMIT: usize = 4096;

/// How long opening the sink may take before it counts as open. Connecting to a stopped journald hangs, and a journald
/// that hangs is there.
const OPEN_LIMIT: Duration = Duration::from_secs(1);

/// Takes lines without ever waiting for who writes them.
#[derive(Debug, Default)]
pub(super) struct Queue {
    state: Mutex<State>,
    arrived: Condvar,
    written: Condvar,
}

#[derive(Debug, Default)]
struct State {
    lines: VecDeque<Line>,
    /// The thread has taken a line and not come back for the next one.
    writing: bool,
    /// Dropped, and not yet said so in the log.
    missed: u64,
    /// Dropped since the start.
    dropped: u64,
}

impl State {
    /// Once lines were dropped, half of the queue must be free: so a sink that is merely slow costs a warning for
    /// every few thousand lines, not for every other line.
    fn has_room(&self) -> bool {
        self.lines.len() < if self.missed == 0 { LIMIT } else { LIMIT / 2 }
    }

    fn all_written(&self) -> bool {
        self.lines.is_empty() && !self.writing && self.missed == 0
    }

    fn take_missed(&mut self) -> Option<Line> {
        (self.missed > 0).then(|| Line::dropped(std::mem::take(&mut self.missed)))
    }
}

impl Queue {
    /// Starts the thread that opens the sink and writes every line to it.
    pub(super) fn start(
        open: impl FnOnce() -> Result<Box<dyn Sink>, LogError> + Send + 'static,
    ) -> Result<Arc<Queue>, LogError> {
        let queue = Arc::new(Queue::default());
        let (opened, answer) = mpsc::sync_channel(1);
        let source = Arc::clone(&queue);
        let write = move || {
            let (sink, result) = match open() {
                Ok(sink) => (Some(sink), Ok(())),
                Err(error) => (None, Err(error)),
            };
            // Nobody listens where opening took longer than the limit.
            let _ = opened.send(result);
            if let Some(mut sink) = sink {
                loop {
                    sink.write(&source.next());
                }
            }
        };
        thread::Builder::new().name("log".to_owned()).spawn(write).map_err(LogError::NoThread)?;
        match answer.recv_timeout(OPEN_LIMIT) {
            Ok(result) => result.map(|()| queue),
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => Ok(queue),
        }
    }

    /// Takes a line, or drops it where there is no room.
    pub(super) fn push(&self, line: Line) {
        let mut state = self.lock();
        if !state.has_room() {
            state.missed += 1;
            state.dropped += 1;
            return;
        }
        if let Some(warning) = state.take_missed() {
            state.lines.push_back(warning);
        }
        state.lines.push_back(line);
        drop(state);
        self.arrived.notify_one();
    }

    /// Waits until every line is written, at most `limit`; whether every line was.
    pub(super) fn flush(&self, limit: Duration) -> bool {
        let state = self.lock();
        let waited = self.written.wait_timeout_while(state, limit, |state| !state.all_written());
        waited.unwrap_or_else(PoisonError::into_inner).0.all_written()
    }

    /// Lines dropped since the start.
    pub(super) fn dropped(&self) -> u64 {
        self.lock().dropped
    }

    /// The next line to write; calling it says that the one before is written.
    fn next(&self) -> Line {
        let mut state = self.lock();
        state.writing = false;
        loop {
            if let Some(line) = state.lines.pop_front().or_else(|| state.take_missed()) {
                state.writing = true;
                return line;
            }
            self.written.notify_all();
            state = self.arrived.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_sink_costs_a_warning_for_each_half_of_the_queue_and_every_lost_line_is_counted() {
        let queue = Queue::default();
        let mut written = Vec::new();
        for number in 0..10 * LIMIT {
            queue.push(line(number));
            if number % 2 == 0 {
                written.push(queue.next().message);
            }
        }
        while !queue.lock().lines.is_empty() || queue.lock().missed > 0 {
            written.push(queue.next().message);
        }
        let counts: Vec<u64> = written
            .iter()
            .filter_map(|message| {
                message.strip_suffix(" log lines were dropped: journald or stderr did not take them in time")
            })
            .map(|count| count.parse().unwrap())
            .collect();
        assert!((1..=20).contains(&counts.len()), "{counts:?}");
        assert_eq!(counts.iter().sum::<u64>(), queue.dropped());
        assert_eq!(written.len() - counts.len() + queue.dropped() as usize, 10 * LIMIT);
    }

    #[test]
    fn the_warning_stands_where_the_lines_are_missing() {
        let queue = Queue::default();
        for number in 0..LIMIT + 10 {
            queue.push(line(number));
        }
        for number in 0..=LIMIT / 2 {
            assert_eq!(queue.next().message, number.to_string());
        }
        queue.push(line(77_777));
        let rest: Vec<_> =
            std::iter::from_fn(|| queue.lock().lines.pop_front()).map(|line| line.message).collect();
        let [.., before, warning, after] = rest.as_slice() else { panic!("{rest:?}") };
        assert_eq!((before.as_str(), after.as_str()), ("4095", "77777"));
        assert!(warning.starts_with("10 log lines were dropped"), "{warning}");
    }

    fn line(number: usize) -> Line {
        Line { message: number.to_string(), ..Line::dropped(0) }
    }
}
