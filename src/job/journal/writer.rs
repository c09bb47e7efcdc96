//! The one thread that writes the journal.
//!
//! Writers of one directory wait for each other in the kernel, so more than one gains nothing and spins. This one takes
//! all entries that wait, writes each, and syncs the directory once for all of them; each is answered when that is
//! done. What concerns one task is done in the order in which it was asked for.

use std::io;
use std::thread;

use tokio::sync::{mpsc, oneshot};

use super::{Entry, Journal};

/// The most that is done before the first of it is answered.
const AT_ONCE: usize = 64;

/// Hands what is to be written to the thread. Copies share it; it ends with the last of them.
#[derive(Debug, Clone)]
pub struct Writer(mpsc::UnboundedSender<Order>);

#[derive(Debug)]
struct Order {
    act: Act,
    done: oneshot::Sender<io::Result<()>>,
}

#[derive(Debug)]
enum Act {
    Write(Box<Entry>),
    Remove(String),
    Probe,
}

impl Writer {
    /// Starts the thread.
    ///
    /// # Errors
    /// Where the system has no thread for it.
    pub fn start(journal: Journal) -> io::Result<Writer> {
        let (orders, taken) = mpsc::unbounded_channel();
        thread::Builder::new().name("state".to_owned()).spawn(move || work(&journal, taken))?;
        Ok(Writer(orders))
    }

    /// Makes an entry durable.
    ///
    /// # Errors
    /// As [`Journal::write`].
    pub async fn write(&self, entry: Entry) -> io::Result<()> {
        self.order(Act::Write(Box::new(entry))).await
    }

    /// Removes an entry.
    ///
    /// # Errors
    /// As [`Journal::remove`].
    pub async fn remove(&self, task: &str) -> io::Result<()> {
        self.order(Act::Remove(task.to_owned())).await
    }

    /// Whether entries can be written.
    ///
    /// # Errors
    /// As [`Journal::probe`].
    pub async fn probe(&self) -> io::Result<()> {
        self.order(Act::Probe).await
    }

    /// Returns when the thread has ended, which only a bug makes it do.
    pub async fn ended(&self) {
        self.0.closed().await;
    }

    async fn order(&self, act: Act) -> io::Result<()> {
        let (done, told) = oneshot::channel();
        let ended = || io::Error::other("the journal's thread has ended");
        self.0.send(Order { act, done }).map_err(|_| ended())?;
        told.await.map_err(|_| ended())?
    }
}

fn work(journal: &Journal, mut taken: mpsc::UnboundedReceiver<Order>) {
    let mut orders = Vec::with_capacity(AT_ONCE);
    while taken.blocking_recv_many(&mut orders, AT_ONCE) > 0 {
        let mut laid = Vec::with_capacity(orders.len());
        for Order { act, done } in orders.drain(..) {
            let result = match act {
                Act::Write(entry) => match journal.lay(&entry) {
                    Ok(()) => {
                        laid.push(done);
                        continue;
                    }
                    failed => failed,
                },
                Act::Remove(task) => journal.remove(&task),
                Act::Probe => journal.probe(),
            };
            // Who no longer listens has been stopped, and the next start reads what is there.
            let _ = done.send(result);
        }
        if laid.is_empty() {
            continue;
        }
        let synced = journal.sync();
        for done in laid {
            let _ = done.send(match &synced {
                Ok(()) => Ok(()),
                Err(error) => Err(io::Error::new(error.kind(), error.to_string())),
            });
        }
    }
}
