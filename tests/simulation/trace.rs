//! What the code under test tells about its own decisions, counted for the coverage.
//!
//! The daemon's trace lines of the job loop carry the state, the event, the finding and the pair of views as fields;
//! nothing else of its log is looked at.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::sync::{Mutex, Once};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::Interest;
use tracing::{Event, Level, Metadata, Subscriber};

use crate::coverage::Key;

type Note = Box<dyn Fn(Key)>;

thread_local! {
    static FOLLOWED: RefCell<Option<Note>> = const { RefCell::new(None) };
}

static NAMES: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());

/// From now on this thread's lines belong to a run, which takes note of what they tell.
pub(crate) fn follow(note: impl Fn(Key) + 'static) {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| tracing::subscriber::set_global_default(Listener).expect("the only one"));
    FOLLOWED.with_borrow_mut(|followed| *followed = Some(Box::new(note)));
}

/// They do no longer.
pub(crate) fn leave() {
    FOLLOWED.with_borrow_mut(|followed| *followed = None);
}

/// A name that stays: there are few.
fn lasting(name: &str) -> &'static str {
    let mut names = NAMES.lock().expect("no poison");
    if let Some(known) = names.get(name) {
        return known;
    }
    let known: &'static str = Box::leak(name.to_owned().into_boxed_str());
    names.insert(known);
    known
}

fn is_wanted(metadata: &Metadata<'_>) -> bool {
    *metadata.level() == Level::TRACE
        && metadata.is_event()
        && metadata.target().starts_with("spark_job_worker::job")
}

struct Listener;

impl Subscriber for Listener {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        if is_wanted(metadata) { Interest::always() } else { Interest::never() }
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        is_wanted(metadata)
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut seen = Seen::default();
        event.record(&mut seen);
        let Some(key) = seen.key() else { return };
        FOLLOWED.with_borrow(|followed| {
            if let Some(note) = followed {
                note(key);
            }
        });
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// The fields of a line.
#[derive(Default)]
struct Seen {
    state: Option<&'static str>,
    event: Option<&'static str>,
    finding: Option<&'static str>,
    livy: Option<&'static str>,
    yarn: Option<&'static str>,
}

impl Seen {
    fn key(&self) -> Option<Key> {
        match self {
            Seen { state: Some(state), event: Some(event), .. } => Some(("edge", state, event)),
            Seen { finding: Some(finding), .. } => Some(("finding", finding, "")),
            Seen { livy: Some(livy), yarn: Some(yarn), .. } => Some(("views", livy, yarn)),
            Seen { .. } => None,
        }
    }

    fn take(&mut self, field: &Field, value: &str) {
        let place = match field.name() {
            "state" => &mut self.state,
            "event" => &mut self.event,
            "finding" => &mut self.finding,
            "livy" => &mut self.livy,
            "yarn" => &mut self.yarn,
            _ => return,
        };
        *place = Some(lasting(value));
    }
}

impl Visit for Seen {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.take(field, value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        self.take(field, &format!("{value:?}"));
    }
}
