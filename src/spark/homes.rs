//! Where a service is: as the configuration says, or as the node's files say, which are looked at again while the service
//! does not answer. A bootstrap action starts the worker before those files exist.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::task::spawn_blocking;
use tokio::time::Instant;
use tracing::{error, info};

use super::address::Address;
use crate::job::world::NoAnswer;
use crate::log::message_id;

/// From look to look at the files while the service does not answer.
const AGAIN: Duration = Duration::from_secs(1);

/// One address, and what says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Home {
    /// The address.
    pub address: Address,
    /// Where it comes from, for people: a key, a file.
    pub source: String,
}

impl fmt::Display for Home {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.address, self.source)
    }
}

/// What is known of a service before it is asked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    /// Its addresses: one, or those of several that take turns; none where it is switched off.
    pub homes: Vec<Home>,
    /// Whether it is configured to list to each user only what is that user's own.
    pub filters_lists: bool,
}

impl Found {
    /// All addresses with their sources.
    pub fn list(&self) -> String {
        self.homes.iter().map(Home::to_string).collect::<Vec<_>>().join(", ")
    }
}

/// Why nobody may be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unknown {
    /// What is in the way.
    pub why: String,
    /// What an operator can do about it.
    pub fix: String,
}

impl fmt::Display for Unknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; {}", self.why, self.fix)
    }
}

/// What a look brought.
pub type Located = Result<Found, Unknown>;

/// An address as it is shown.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AddressInUse {
    /// The URL, or several; empty where none is known.
    pub url: String,
    /// Why it is this one.
    pub source: String,
}

/// The addresses of a service. Copies share what is known.
#[derive(Clone)]
pub struct Homes(Arc<Inner>);

struct Inner {
    service: &'static str,
    find: Arc<dyn Fn() -> Located + Send + Sync>,
    state: Mutex<HomesState>,
}

struct HomesState {
    known: Arc<Located>,
    looked: Instant,
    doubted: bool,
}

impl Homes {
    /// The addresses of `service` as `find` has them, which reads files. It is called at once, and again while the service
    /// does not answer.
    pub fn new(service: &'static str, find: impl Fn() -> Located + Send + Sync + 'static) -> Homes {
        let known = find();
        announce(service, &known);
        // The first question may come long after this look.
        let state = HomesState { known: Arc::new(known), looked: Instant::now(), doubted: true };
        Homes(Arc::new(Inner { service, find: Arc::new(find), state: Mutex::new(state) }))
    }

    /// What is known.
    pub fn known(&self) -> Arc<Located> {
        Arc::clone(&self.state().known)
    }

    /// The first address, where one is known.
    pub fn first(&self) -> Option<Home> {
        self.known().as_ref().as_ref().ok()?.homes.first().cloned()
    }

    /// What is known, after another look where that is due.
    pub(super) async fn current(&self) -> Arc<Located> {
        let due = {
            let state = self.state();
            (state.doubted || state.known.is_err()) && state.looked.elapsed() >= AGAIN
        };
        if due {
            let find = Arc::clone(&self.0.find);
            // A panic in it leaves what is known.
            if let Ok(known) = spawn_blocking(move || find()).await {
                self.learn(known);
            }
        }
        self.known()
    }

    /// All addresses.
    ///
    /// # Errors
    /// Where nobody may be asked.
    pub(super) async fn all(&self) -> Result<Vec<Home>, NoAnswer> {
        match &*self.current().await {
            Ok(found) => Ok(found.homes.clone()),
            Err(unknown) => Err(NoAnswer::Barred(unknown.to_string())),
        }
    }

    /// Nobody answers there: the files are worth another look.
    pub(super) fn doubt(&self) {
        self.state().doubted = true;
    }

    fn learn(&self, known: Located) {
        let mut state = self.state();
        (state.looked, state.doubted) = (Instant::now(), false);
        if *state.known != known {
            announce(self.0.service, &known);
            state.known = Arc::new(known);
        }
    }

    fn state(&self) -> MutexGuard<'_, HomesState> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Homes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Homes({:?})", self.known())
    }
}

fn announce(service: &str, known: &Located) {
    match known {
        Ok(found) if found.homes.is_empty() => {}
        Ok(found) => info!("{service} is asked at {}", found.list()),
        Err(unknown) => error!(
            message_id = message_id::ADDRESS_UNKNOWN,
            "where {service} is cannot be known: {unknown}. No task is polled until then"
        ),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    /// Finds another address at each look; an odd one is none.
    fn restless() -> Homes {
        let looks = AtomicUsize::new(0);
        Homes::new("Livy", move || match looks.fetch_add(1, Ordering::Relaxed) {
            1 => Err(Unknown { why: "not now".to_owned(), fix: "wait".to_owned() }),
            look => {
                let address = Address::parse(&format!("http://node-{look}")).unwrap();
                Ok(Found { homes: vec![Home { address, source: "a test".to_owned() }], filters_lists: false })
            }
        })
    }

    #[tokio::test(start_paused = true)]
    async fn files_are_looked_at_again_only_while_nobody_answers_and_not_too_often() {
        let homes = restless();
        let shown = |known: &Located| known.as_ref().map(Found::list).map_err(Unknown::to_string);
        assert_eq!(shown(&*homes.current().await), Ok("http://node-0 (a test)".to_owned()));
        // Before the first question, and as long as nothing is known.
        tokio::time::advance(AGAIN).await;
        for _ in 0..2 {
            assert_eq!(shown(&*homes.current().await), Err("not now; wait".to_owned()));
        }
        tokio::time::advance(AGAIN).await;
        assert_eq!(shown(&*homes.current().await), Ok("http://node-2 (a test)".to_owned()));
        tokio::time::advance(AGAIN * 10).await;
        assert_eq!(shown(&*homes.current().await), Ok("http://node-2 (a test)".to_owned()));
        homes.doubt();
        assert_eq!(shown(&*homes.current().await), Ok("http://node-3 (a test)".to_owned()));
    }
}
