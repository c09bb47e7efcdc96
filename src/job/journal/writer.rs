//! The one thread that writes the journal.
//!
//! Writers of one directory wait for each other in the kernel, so more than one gains nothing and spins. This one takes
//! all entries that wait and makes them durable together; each is answered when that is done. What concerns one task is
//! done in the order in which it was asked for.

use std::io;
use std::thread;

use tokio::sync::{mpsc, oneshot};

use super::batch::Spares;
use super::{Entry, Journal};

/// Orders that wait for the thread; who has one more waits for room. As many as running jobs may bring at one moment.
const WAITING: usize = 1_024;
/// The most that is done before the first of it is answered.
const AT_ONCE: usize = 64;

/// Hands what is to be written to the thread. Copies share it; it ends with the last of them.
#[derive(Debug, Clone)]
pub struct Writer(mpsc::Sender<Order>);

#[derive(Debug)]
enum Order {
    /// A task's id and the bytes of its entry.
    Write(String, Vec<u8>, oneshot::Sender<io::Result<()>>),
    Remove(String, oneshot::Sender<io::Result<()>>),
    Probe(oneshot::Sender<io::Result<()>>),
    /// The ids of hidden applications.
    Hidden(Vec<String>, oneshot::Sender<io::Result<()>>),
    Read(String, oneshot::Sender<io::Result<Option<Entry>>>),
}

impl Writer {
    /// Starts the thread.
    ///
    /// # Errors
    /// Where the system has no thread for it.
    pub fn start(journal: Journal) -> io::Result<Writer> {
        let (orders, taken) = mpsc::channel(WAITING);
        thread::Builder::new().name("state".to_owned()).spawn(move || work(&journal, taken))?;
        Ok(Writer(orders))
    }

    /// Makes an entry durable: a task's id and the bytes of its entry.
    ///
    /// # Errors
    /// As [`Journal::write`].
    pub async fn write(&self, task: &str, bytes: Vec<u8>) -> io::Result<()> {
        self.order(|done| Order::Write(task.to_owned(), bytes, done)).await
    }

    /// Removes an entry.
    ///
    /// # Errors
    /// As [`Journal::remove`].
    pub async fn remove(&self, task: &str) -> io::Result<()> {
        self.order(|done| Order::Remove(task.to_owned(), done)).await
    }

    /// A task's entry as it is on disk; none where there is none.
    ///
    /// # Errors
    /// What the system says, or what is wrong with the entry.
    pub async fn read(&self, task: &str) -> io::Result<Option<Entry>> {
        self.order(|done| Order::Read(task.to_owned(), done)).await
    }

    /// Keeps which applications YARN hides.
    ///
    /// # Errors
    /// What the system says.
    pub async fn keep_hidden(&self, ids: Vec<String>) -> io::Result<()> {
        self.order(|done| Order::Hidden(ids, done)).await
    }

    /// Whether entries can be written.
    ///
    /// # Errors
    /// As [`Journal::probe`].
    pub async fn probe(&self) -> io::Result<()> {
        self.order(Order::Probe).await
    }

    /// Returns when the thread has ended, which only a bug makes it do.
    pub async fn ended(&self) {
        self.0.closed().await;
    }

    async fn order<T>(&self, order: impl FnOnce(oneshot::Sender<io::Result<T>>) -> Order) -> io::Result<T> {
        let (done, told) = oneshot::channel();
        let ended = || io::Error::other("the journal's thread has ended");
        self.0.send(order(done)).await.map_err(|_| ended())?;
        told.await.map_err(|_| ended())?
    }
}

/// Entries that are written together, and who waits for each.
struct Batch<'journal> {
    journal: &'journal Journal,
    spares: Spares,
    entries: Vec<(String, Vec<u8>)>,
    waiting: Vec<oneshot::Sender<io::Result<()>>>,
}

impl Batch<'_> {
    /// An answer that nobody waits for is dropped: that task was stopped, and the next start reads what is there.
    fn write(&mut self) {
        let written = self.journal.write_all(&mut self.spares, self.entries.drain(..));
        for (done, written) in self.waiting.drain(..).zip(written) {
            let _ = done.send(written);
        }
    }

    fn write_if_it_has(&mut self, task: &str) {
        if self.entries.iter().any(|(waits, _)| waits == task) {
            self.write();
        }
    }
}

fn work(journal: &Journal, mut taken: mpsc::Receiver<Order>) {
    let mut batch = Batch { journal, spares: Spares::default(), entries: Vec::new(), waiting: Vec::new() };
    let mut orders = Vec::with_capacity(AT_ONCE);
    while taken.blocking_recv_many(&mut orders, AT_ONCE) > 0 {
        for order in orders.drain(..) {
            match order {
                Order::Write(task, bytes, done) => {
                    batch.entries.push((task, bytes));
                    batch.waiting.push(done);
                }
                Order::Remove(task, done) => {
                    batch.write_if_it_has(&task);
                    let _ = done.send(journal.remove(&task));
                }
                Order::Probe(done) => drop(done.send(journal.probe())),
                Order::Hidden(ids, done) => drop(done.send(journal.keep_hidden(&ids))),
                Order::Read(task, done) => {
                    batch.write_if_it_has(&task);
                    let _ = done.send(journal.read_one(&task));
                }
            }
        }
        batch.write();
        if taken.is_empty() {
            batch.spares.empty();
        }
    }
}

#[cfg(test)]
mod tests;
