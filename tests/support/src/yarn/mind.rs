//! What a ResourceManager knows beside the applications, or instead of them.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use crate::spark;

/// What a ResourceManager keeps its applications in (`yarn.resourcemanager.store.class`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Store {
    /// Nothing: recovery is off.
    Null,
    /// Its own memory, which ends with it.
    Memory,
    /// Files.
    FileSystem,
    /// A `LevelDB` of this node.
    LevelDb,
    /// `ZooKeeper`.
    ZooKeeper,
}

impl Store {
    /// Its name, without the package.
    pub(super) fn class(self) -> &'static str {
        match self {
            Self::Null => "NullRMStateStore",
            Self::Memory => "MemoryRMStateStore",
            Self::FileSystem => "FileSystemRMStateStore",
            Self::LevelDb => "LeveldbRMStateStore",
            Self::ZooKeeper => "ZKRMStateStore",
        }
    }

    /// Whether it outlives the process.
    pub(super) fn keeps(self) -> bool {
        !matches!(self, Self::Null | Self::Memory)
    }
}

/// What one may do with another's applications.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rights {
    /// Everything: `yarn.acl.enable` is off.
    All,
    /// See that they are there, without times, and not kill them: `yarn.acl.enable` is on.
    Glance,
    /// The same, and no list has them: `yarn.webapp.filter-entity-list-by-user` is on, too.
    GlanceById,
    /// Nothing: no list has them, and an id is refused with this status. Stock Hadoop 3.3.4 has no such mode; what
    /// stands before it can have.
    Nothing(u16),
}

impl Rights {
    pub(super) fn lists(self) -> bool {
        matches!(self, Self::All | Self::Glance)
    }
}

/// Which of a pair it is.
pub(super) enum Role {
    Active,
    /// The active one is there.
    StandbyOf(String),
    /// No active one is known.
    Leaderless,
}

/// What an application has cost.
#[derive(Clone, Copy)]
pub(super) struct Cost {
    pub(super) memory_seconds: u64,
    pub(super) vcore_seconds: u64,
}

pub(super) struct Mind {
    /// Milliseconds since 1970.
    pub(super) started_on: u64,
    pub(super) store: Store,
    pub(super) role: Role,
    pub(super) rights: Rights,
    pub(super) hadoop_2: bool,
    pub(super) kill_takes: Duration,
    pub(super) killing: HashSet<String>,
    pub(super) forgotten: HashSet<String>,
    /// How many ended applications it remembers.
    pub(super) most_completed: usize,
    pub(super) told: HashMap<String, (String, String)>,
    /// Where this server is: its `NodeManager` and its log server are under the same address.
    pub(super) url: String,
    /// What drivers wrote: by application and file.
    pub(super) wrote: HashMap<(String, String), Vec<u8>>,
    /// Logs are with the log server, which has them after being asked so often.
    pub(super) aggregated: Option<usize>,
    /// What the log server says in the place of every log.
    pub(super) without_logs: Option<String>,
    pub(super) diagnosed: HashMap<String, String>,
    /// How many characters of diagnostics are kept.
    pub(super) most_said: usize,
    /// After the submission.
    pub(super) launched: HashMap<String, Duration>,
    pub(super) costs: HashMap<String, Cost>,
    /// Keys of views, and what stands there letter by letter.
    pub(super) written: HashMap<String, Vec<(String, String)>>,
    /// What drivers show that live.
    pub(super) drivers: Option<Arc<spark::Shared>>,
}

impl Mind {
    pub(super) fn new(started_on: u64) -> Self {
        Self {
            started_on,
            store: Store::Null,
            role: Role::Active,
            rights: Rights::All,
            hadoop_2: false,
            kill_takes: Duration::ZERO,
            killing: HashSet::new(),
            forgotten: HashSet::new(),
            most_completed: 1_000,
            told: HashMap::new(),
            url: String::new(),
            wrote: HashMap::new(),
            aggregated: None,
            without_logs: None,
            diagnosed: HashMap::new(),
            most_said: 64 * 1_024,
            launched: HashMap::new(),
            costs: HashMap::new(),
            written: HashMap::new(),
            drivers: None,
        }
    }
}
