//! Why the daemon ends with an error, and the loops that must not end.

use std::error::Error;
use std::fmt;

use tokio::task::JoinSet;

/// Why the daemon ends with an error.
#[derive(Debug)]
pub enum Fatal {
    /// Something of the system that it cannot do without.
    Setup(&'static str, Box<dyn Error + Send + Sync>),
    /// A loop ended that must not.
    LoopEnded(&'static str),
    /// The cluster, or what the journal has, is such that it cannot be served; another try will not help.
    Unsupported(String),
}

impl Fatal {
    /// What cannot be done without, as the reason why something else failed.
    pub(super) fn setup<E: Error + Send + Sync + 'static>(what: &'static str) -> impl FnOnce(E) -> Fatal {
        move |error| Fatal::Setup(what, Box::new(error))
    }
}

impl fmt::Display for Fatal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fatal::Setup(what, _) => write!(f, "{what} cannot be set up"),
            Fatal::Unsupported(why) => f.write_str(why),
            Fatal::LoopEnded(what) => write!(f, "the {what} ended, which is a bug; the worker starts anew"),
        }
    }
}

impl Error for Fatal {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Fatal::Setup(_, error) => Some(&**error),
            Fatal::Unsupported(_) | Fatal::LoopEnded(_) => None,
        }
    }
}

/// Loops that must not end while the daemon runs.
#[derive(Default)]
pub(super) struct Loops(JoinSet<Fatal>);

impl Loops {
    /// Starts a loop; `what` is its name in the error.
    pub(super) fn start(&mut self, what: &'static str, work: impl Future<Output = ()> + Send + 'static) {
        self.0.spawn(async move {
            work.await;
            Fatal::LoopEnded(what)
        });
    }

    /// Returns once one of them has ended.
    pub(super) async fn ended(&mut self) -> Fatal {
        match self.0.join_next().await {
            Some(ended) => ended.unwrap_or(Fatal::LoopEnded("loop of the daemon")),
            None => std::future::pending().await,
        }
    }
}
