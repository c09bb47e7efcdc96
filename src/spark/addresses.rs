//! Where a service is: as the configuration says, or as the node's files say, which are looked at again while the service
//! does not answer. A bootstrap action starts the worker before those files exist.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::task::spawn_blocking;
use tokio::time::Instant;
use tracing::{error, info, warn};

use super::address::Address;
use crate::job::world::ServiceError;
use crate::log::message_id;

/// From look to look at the files while the service does not answer.
const AGAIN: Duration = Duration::from_secs(1);

/// One address, and what says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceAddress {
    /// The address.
    pub address: Address,
    /// Where it comes from, for people: a key, a file.
    pub source: String,
}

impl fmt::Display for ServiceAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.address, self.source)
    }
}

/// What is known of a service before it is asked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KnownAddresses {
    /// Its addresses: one, or those of several that take turns; none where it is switched off.
    pub addresses: Vec<ServiceAddress>,
    /// Whether it is configured to list to each user only what is that user's own.
    pub filters_lists: bool,
}

impl KnownAddresses {
    /// All addresses with their sources.
    pub fn list(&self) -> String {
        self.addresses.iter().map(ServiceAddress::to_string).collect::<Vec<_>>().join(", ")
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

/// What reading the configuration or the files of the node brought.
pub type AddressLookup = Result<KnownAddresses, Unknown>;

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
pub struct ServiceAddresses(Arc<Inner>);

struct Inner {
    service: &'static str,
    /// No task is polled while its address is unknown.
    needed: bool,
    find: Arc<dyn Fn() -> AddressLookup + Send + Sync>,
    state: Mutex<HomesState>,
}

struct HomesState {
    known: Arc<AddressLookup>,
    looked: Instant,
    doubted: bool,
}

impl ServiceAddresses {
    /// The addresses of `service` as `find` has them, which reads files. It is called at once, and again while the service
    /// does not answer.
    pub fn new(
        service: &'static str,
        find: impl Fn() -> AddressLookup + Send + Sync + 'static,
    ) -> ServiceAddresses {
        ServiceAddresses::of(service, true, find)
    }

    /// The same of a service that nothing waits for: where its address is unknown, it is not asked.
    pub fn beside(
        service: &'static str,
        find: impl Fn() -> AddressLookup + Send + Sync + 'static,
    ) -> ServiceAddresses {
        ServiceAddresses::of(service, false, find)
    }

    fn of(
        service: &'static str,
        needed: bool,
        find: impl Fn() -> AddressLookup + Send + Sync + 'static,
    ) -> ServiceAddresses {
        let known = find();
        announce(service, needed, &known);
        // The first question may come long after this look.
        let state = HomesState { known: Arc::new(known), looked: Instant::now(), doubted: true };
        ServiceAddresses(Arc::new(Inner { service, needed, find: Arc::new(find), state: Mutex::new(state) }))
    }

    /// What is known.
    pub fn known(&self) -> Arc<AddressLookup> {
        Arc::clone(&self.state().known)
    }

    /// The first address, where one is known.
    pub fn first(&self) -> Option<ServiceAddress> {
        self.known().as_ref().as_ref().ok()?.addresses.first().cloned()
    }

    /// What is known, after another look where that is due.
    pub(super) async fn current(&self) -> Arc<AddressLookup> {
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
    pub(super) async fn all(&self) -> Result<Vec<ServiceAddress>, ServiceError> {
        match &*self.current().await {
            Ok(found) => Ok(found.addresses.clone()),
            Err(unknown) => Err(ServiceError::AccessDenied(unknown.to_string())),
        }
    }

    /// Nobody answers there: the files are worth another look.
    pub(super) fn mark_stale(&self) {
        self.state().doubted = true;
    }

    fn learn(&self, known: AddressLookup) {
        let mut state = self.state();
        (state.looked, state.doubted) = (Instant::now(), false);
        if *state.known != known {
            announce(self.0.service, self.0.needed, &known);
            state.known = Arc::new(known);
        }
    }

    fn state(&self) -> MutexGuard<'_, HomesState> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for ServiceAddresses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ServiceAddresses({:?})", self.known())
    }
}

fn announce(service: &str, needed: bool, known: &AddressLookup) {
    match known {
        Ok(found) if found.addresses.is_empty() => {}
        Ok(found) => info!("{service} is asked at {}", found.list()),
        Err(unknown) if !needed => {
            warn!("the address of {service} is unknown: {unknown}. It is not asked until it is known");
        }
        Err(unknown) => error!(
            message_id = message_id::ADDRESS_UNKNOWN,
            "the address of {service} is unknown: {unknown}. No task is polled until it is known"
        ),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    /// Finds another address at each look; an odd one is none.
    fn restless() -> ServiceAddresses {
        let looks = AtomicUsize::new(0);
        ServiceAddresses::new("Livy", move || match looks.fetch_add(1, Ordering::Relaxed) {
            1 => Err(Unknown { why: "not now".to_owned(), fix: "wait".to_owned() }),
            look => {
                let address = Address::parse(&format!("http://node-{look}")).unwrap();
                Ok(KnownAddresses {
                    addresses: vec![ServiceAddress { address, source: "a test".to_owned() }],
                    filters_lists: false,
                })
            }
        })
    }

    #[tokio::test(start_paused = true)]
    async fn files_are_looked_at_again_only_while_nobody_answers_and_not_too_often() {
        let addresses = restless();
        let shown =
            |known: &AddressLookup| known.as_ref().map(KnownAddresses::list).map_err(Unknown::to_string);
        assert_eq!(shown(&*addresses.current().await), Ok("http://node-0 (a test)".to_owned()));
        // Before the first question, and as long as nothing is known.
        tokio::time::advance(AGAIN).await;
        for _ in 0..2 {
            assert_eq!(shown(&*addresses.current().await), Err("not now; wait".to_owned()));
        }
        tokio::time::advance(AGAIN).await;
        assert_eq!(shown(&*addresses.current().await), Ok("http://node-2 (a test)".to_owned()));
        tokio::time::advance(AGAIN * 10).await;
        assert_eq!(shown(&*addresses.current().await), Ok("http://node-2 (a test)".to_owned()));
        addresses.mark_stale();
        assert_eq!(shown(&*addresses.current().await), Ok("http://node-3 (a test)".to_owned()));
    }
}
