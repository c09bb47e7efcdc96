//! The record of all calls, and the queue of faults that wait for some.

use std::collections::{HashMap, VecDeque};
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Instant;

use super::{Answer, Bell, Call, Fault, On, Operation, Request};

/// How many of the latest calls a failed wait shows.
const DUMPED: usize = 80;

/// The longest answer that is kept: long tests would otherwise hold every list of batches that they ever saw.
const REMEMBERED: usize = 16 * 1024;

pub(super) struct Ledger {
    bell: Bell,
    started: Instant,
    book: Mutex<Book>,
    queue: Mutex<VecDeque<(On, usize, Fault)>>,
}

#[derive(Default)]
struct Book {
    calls: Vec<Call>,
    /// Where the calls of an operation are, so that a look need not go through all of a long test's calls.
    by_operation: HashMap<String, Vec<usize>>,
}

impl Ledger {
    pub(super) fn new(bell: Bell) -> Self {
        Self { bell, started: Instant::now(), book: Mutex::default(), queue: Mutex::default() }
    }

    pub(super) fn bell(&self) -> &Bell {
        &self.bell
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().expect("nobody panics while writing the book")
    }

    fn faults(&self) -> MutexGuard<'_, VecDeque<(On, usize, Fault)>> {
        self.queue.lock().expect("nobody panics while queueing a fault")
    }

    /// Records an arrival, and takes the fault that waits for it out of the queue.
    pub(super) fn arrive(
        &self,
        request: Arc<Request>,
        operation: Operation,
        connection: u64,
    ) -> (usize, Option<Fault>) {
        let fault = self.take_fault(&operation);
        let mut book = self.book();
        let seq = book.calls.len();
        book.by_operation.entry(operation.name.clone()).or_default().push(seq);
        book.calls.push(Call {
            seq,
            at: Instant::now(),
            connection,
            operation,
            request,
            fault: fault.as_ref().map(Fault::name),
            status: None,
            answer: None,
            answered: None,
            left: false,
        });
        drop(book);
        self.bell.ring();
        (seq, fault)
    }

    pub(super) fn answered(&self, seq: usize, answer: &Answer) {
        let mut book = self.book();
        book.calls[seq].status = Some(answer.status);
        book.calls[seq].answer = Some(answer.body.clone()).filter(|body| body.len() <= REMEMBERED);
        book.calls[seq].answered = Some(Instant::now());
        drop(book);
        self.bell.ring();
    }

    pub(super) fn left(&self, seq: usize) {
        self.book().calls[seq].left = true;
        self.bell.ring();
    }

    pub(super) fn queue(&self, on: On, times: usize, fault: Fault) {
        self.faults().push_back((on, times, fault));
    }

    fn take_fault(&self, operation: &Operation) -> Option<Fault> {
        let mut queue = self.faults();
        let at = queue.iter().position(|(on, times, _)| *times > 0 && on.fits(operation))?;
        let (_, times, fault) = &mut queue[at];
        let fault = fault.clone();
        // `usize::MAX` stands for no limit, and so is not counted down.
        if *times != usize::MAX {
            *times -= 1;
        }
        if *times == 0 {
            queue.remove(at);
        }
        Some(fault)
    }

    pub(super) fn clear_faults(&self) {
        self.faults().clear();
    }

    pub(super) fn faults_left(&self) -> usize {
        self.faults().iter().fold(0, |sum, (_, times, _)| sum.saturating_add(*times))
    }

    pub(super) fn calls(&self) -> Vec<Call> {
        self.book().calls.clone()
    }

    pub(super) fn calls_of(&self, operation: &str) -> Vec<Call> {
        let book = self.book();
        let places = book.by_operation.get(operation).map(Vec::as_slice).unwrap_or_default();
        places.iter().map(|&seq| book.calls[seq].clone()).collect()
    }

    pub(super) fn count(&self, operation: &str) -> usize {
        self.book().by_operation.get(operation).map_or(0, Vec::len)
    }

    /// The latest calls, a line each, for the message of a failed wait.
    pub(super) fn dump(&self) -> String {
        let book = self.book();
        let skipped = book.calls.len().saturating_sub(DUMPED);
        let mut text = if skipped > 0 { format!("  … {skipped} earlier\n") } else { String::new() };
        for call in &book.calls[skipped..] {
            let seconds = call.at.duration_since(self.started).as_secs_f64();
            let key: String = call.operation.key.chars().take(60).collect();
            let end = match (call.status, call.left) {
                (Some(status), _) => status.to_string(),
                (None, true) => "client left".to_owned(),
                (None, false) => "no answer".to_owned(),
            };
            let fault = call.fault.map(|fault| format!(" [{fault}]")).unwrap_or_default();
            let _ = writeln!(text, "  {seconds:8.3}s {} {key} → {end}{fault}", call.operation.name);
        }
        if book.calls.is_empty() { "  none\n".to_owned() } else { text }
    }
}
