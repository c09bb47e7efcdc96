//! What was found, without a judgement.

use std::collections::{BTreeMap, BTreeSet};

use crate::activity::Trouble;
use crate::admin::Overview;
use crate::arn::{ActivityArn, TopicArn};
use crate::cloudformation::queue::{self, Looked};
use crate::config::{LivyConf, Role, Settings};
use crate::job::world::ServiceError;
use crate::spark::addresses::{AddressInUse, AddressLookup};
use crate::spark::yarn::About;

/// Everything.
#[derive(Debug)]
pub(super) struct Facts {
    /// The user that asks.
    pub(super) me: u32,
    /// The worker's user, where there is one.
    pub(super) worker: Option<Account>,
    /// The node.
    pub(super) node: Node,
    /// The service manager.
    pub(super) systemd: Systemd,
    /// The configuration.
    pub(super) configuration: Configuration,
    /// What can be looked at only with a configuration.
    pub(super) configured: Option<Configured>,
}

impl Facts {
    /// Whether the user that asks may read what the daemon reads. Without a user of its own the worker runs as the one
    /// that starts it.
    pub(super) fn may_read(&self) -> bool {
        self.me == 0 || self.worker.is_none_or(|worker| worker.user == self.me)
    }
}

/// A user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Account {
    /// Its number.
    pub(super) user: u32,
    /// That of its group.
    pub(super) group: u32,
}

/// The node.
#[derive(Debug)]
pub(super) struct Node {
    /// Its part in its cluster.
    pub(super) role: Role,
    /// The cluster's id, or the host's name.
    pub(super) name: String,
}

/// The service manager.
#[derive(Debug)]
pub(super) struct Systemd {
    /// The first line of `systemctl --version`.
    pub(super) version: Result<String, String>,
    /// What `systemctl show` says about the unit.
    pub(super) unit: Result<BTreeMap<String, String>, String>,
}

impl Systemd {
    /// A property of the unit; empty where it is not known.
    pub(super) fn property(&self, name: &str) -> &str {
        self.unit.as_ref().ok().and_then(|unit| unit.get(name)).map(String::as_str).unwrap_or_default()
    }

    /// Whether there is a unit.
    pub(super) fn has_unit(&self) -> bool {
        !matches!(self.property("LoadState"), "" | "not-found")
    }
}

/// The configuration.
#[derive(Debug)]
pub(super) struct Configuration {
    /// Its file.
    pub(super) path: String,
    /// Whether the file exists and may not be read by who asks.
    pub(super) denied: bool,
    /// What is wrong with it.
    pub(super) wrong: Option<String>,
    /// What is wrong with the files that it names.
    pub(super) files: Option<String>,
    /// Owner and mode of its file.
    pub(super) file: Option<Ownership>,
    /// The unit's variables that this process does not have, or why they are not known.
    pub(super) unseen: Result<Vec<String>, String>,
}

/// To whom a file belongs, and its mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ownership {
    /// The user's number.
    pub(super) user: u32,
    /// The group's number.
    pub(super) group: u32,
    /// The bits of permissions.
    pub(super) mode: u32,
}

/// What can be looked at only with a configuration.
#[derive(Debug)]
pub(super) struct Configured {
    /// The configuration.
    pub(super) settings: Settings,
    /// Step Functions.
    pub(super) aws: AwsFacts,
    /// The queues that requests for resources come through.
    pub(super) queues: Vec<QueueFacts>,
    /// Livy; `None` where the files cannot be read that reaching it needs.
    pub(super) livy: Option<LivyFacts>,
    /// What the node's files tell Livy; `None` where Livy is elsewhere.
    pub(super) livy_conf: Option<Result<LivyConf, String>>,
    /// YARN; `None` as for Livy.
    pub(super) yarn: Option<YarnFacts>,
    /// Spark's history server; `None` where nobody is to ask it.
    pub(super) history: Option<HistoryFacts>,
    /// What `url = "auto"` reads, and the worker's user cannot.
    pub(super) unread: Vec<String>,
    /// The state directory.
    pub(super) state: StateFacts,
    /// The daemon.
    pub(super) daemon: DaemonFacts,
}

/// Step Functions.
#[derive(Debug)]
pub(super) struct AwsFacts {
    /// The activities' ARNs, and what is in the way of looking at them.
    pub(super) activities: Vec<(ActivityArn, Option<Trouble>)>,
    /// The calls that answer a task, and what is in their way.
    pub(super) reports: Vec<(&'static str, Option<Trouble>)>,
    /// By how many seconds this node's clock is ahead of the service's.
    pub(super) ahead: Option<i64>,
}

/// A queue that requests for resources come through.
#[derive(Debug)]
pub(super) struct QueueFacts {
    /// The topic that it subscribes to.
    pub(super) topic: TopicArn,
    /// Its URL.
    pub(super) url: String,
    /// What a look at it told.
    pub(super) looked: Result<Looked, queue::Trouble>,
    /// Where answers go, and why nobody answers there.
    pub(super) places: Vec<(String, Option<String>)>,
}

/// Livy.
#[derive(Debug)]
pub(super) struct LivyFacts {
    /// Where it is, and what says so.
    pub(super) addresses: AddressLookup,
    /// Whether it answers.
    pub(super) answers: Result<(), ServiceError>,
    /// What it calls its version, and whether that is too old.
    pub(super) version: Result<(String, bool), ServiceError>,
}

/// YARN.
#[derive(Debug)]
pub(super) enum YarnFacts {
    /// Not to be asked.
    Off,
    /// To be asked.
    On {
        /// Where the ResourceManagers are, and what says so.
        addresses: AddressLookup,
        /// The one that answered.
        used: AddressInUse,
        /// What it says of itself.
        about: Result<About, ServiceError>,
        /// The tags of active applications of ours.
        tags: Result<BTreeSet<String>, ServiceError>,
    },
}

/// Spark's history server.
#[derive(Debug)]
pub(super) struct HistoryFacts {
    /// Where it is, and what says so.
    pub(super) addresses: AddressLookup,
    /// What it calls its version, once it has answered about applications.
    pub(super) version: Result<String, ServiceError>,
}

/// The state directory.
#[derive(Debug)]
pub(super) struct StateFacts {
    /// Where it is.
    pub(super) path: String,
    /// Itself; `None` where there is nothing.
    pub(super) directory: Result<Option<DirectoryFacts>, String>,
    /// The file system on which it is, or would be.
    pub(super) room: Result<Room, String>,
    /// What is in it.
    pub(super) journal: Result<JournalFacts, Unread>,
}

/// A directory.
#[derive(Debug, Clone, Copy)]
pub(super) struct DirectoryFacts {
    /// Whether it is one.
    pub(super) is_directory: bool,
    /// Its owner.
    pub(super) owner: Ownership,
}

/// A file system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Room {
    /// Bytes that a user may still take.
    pub(super) bytes: u64,
    /// Files that may still be made; `None` where the file system does not count them.
    pub(super) files: Option<u64>,
    /// Nothing can be written.
    pub(super) read_only: bool,
    /// It lies in memory.
    pub(super) in_memory: bool,
}

/// The journal.
#[derive(Debug, Default, Clone)]
pub(super) struct JournalFacts {
    /// Tasks that can be taken over.
    pub(super) tasks: usize,
    /// What is wrong with the others.
    pub(super) unreadable: Vec<String>,
    /// Copies of unreadable entries from earlier starts.
    pub(super) corrupt: usize,
    /// A file that does not belong to the directory's owner.
    pub(super) foreign: Option<String>,
}

/// Why the journal was not read.
#[derive(Debug, Clone)]
pub(super) enum Unread {
    /// The user that asks may not.
    Denied,
    /// Something else.
    Trouble(String),
}

/// The daemon.
#[derive(Debug)]
pub(super) enum DaemonFacts {
    /// It answers.
    Answers(Box<Overview>),
    /// Nobody listens.
    Absent(String),
    /// The user that asks may not.
    Denied,
    /// It is there, and does not answer.
    Silent(String),
}
