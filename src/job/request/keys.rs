//! The keys of an input: one table of spelling, Livy field and kind.
//!
//! A key's second spelling is Livy's own name of the field (`CreateBatchRequest`, the same 16 fields in Livy 0.4 to
//! 0.9; `CreateInteractiveRequest` calls them the same). Livy answers an unknown field with a 400, so nothing outside this table is ever sent.

use crate::nearest;

/// What a key's value must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A non-empty string.
    Text,
    /// The job's name, of which only letters and digits are sent.
    Name,
    /// The main class.
    Class,
    /// On whose behalf the job runs: its container has the name in its environment.
    User,
    /// A path or URI.
    Path,
    /// A list of paths, which Livy passes on joined by commas as the value of this Spark property.
    Paths(&'static str),
    /// A list of arguments for the job.
    Args,
    /// Spark's memory string, which Livy passes on as the value of this Spark property.
    Memory(&'static str),
    /// An integer that is this one or more: Livy's fields are of Scala's type Int.
    Count(u8),
    /// A map of Spark properties.
    Conf,
    /// The worker's own: what runs in a session, in the place of a file.
    Statements,
    /// The worker's own: what statements find as data.
    Variables,
    /// The worker's own: in which language statements are written.
    Language,
    /// The worker's own: what of a session is the task's result.
    Result,
    /// The worker's own: how long the job may wait in YARN's queue.
    QueueTimeout,
    /// The worker's own: the host of Livy.
    Host,
    /// The worker's own: the port of Livy.
    Port,
    /// The worker's own: which execution this is.
    Execution,
    /// The worker's own: holds the keys for Livy in the nested shape.
    Parameters,
}

/// One key and its spellings.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Key {
    /// The spelling that messages use.
    pub(super) name: &'static str,
    /// The same in camelCase; for a key that is sent, Livy's field.
    pub(super) camel: &'static str,
    /// Further spellings.
    pub(super) others: &'static [&'static str],
    pub(super) kind: Kind,
}

impl Key {
    pub(super) fn spellings(&self) -> impl Iterator<Item = &'static str> {
        [self.name, self.camel].into_iter().chain(self.others.iter().copied())
    }

    /// Whether the key is sent to Livy, rather than read by the worker itself.
    pub(super) fn is_sent(&self) -> bool {
        !matches!(
            self.kind,
            Kind::QueueTimeout | Kind::Host | Kind::Port | Kind::Execution | Kind::Parameters
        ) && !self.is_of_script()
    }

    /// Whether the key says something about statements.
    pub(super) fn is_of_script(&self) -> bool {
        matches!(self.kind, Kind::Statements | Kind::Variables | Kind::Language | Kind::Result)
    }

    /// Whether the key names or is for a job's own program, which statements take the place of.
    pub(super) fn is_of_program(&self) -> bool {
        matches!(self.kind, Kind::Path | Kind::Class | Kind::Args)
    }
}

const fn key(name: &'static str, camel: &'static str, kind: Kind) -> Key {
    Key { name, camel, others: &[], kind }
}

/// Every key, in the order in which they are sent. `NumExecutors` may be 0, with dynamic allocation. `Configuration` is what the old Java worker called `Conf`.
pub(super) static KEYS: [Key; 25] = [
    key("Name", "name", Kind::Name),
    key("File", "file", Kind::Path),
    key("ClassName", "className", Kind::Class),
    key("Args", "args", Kind::Args),
    key("ProxyUser", "proxyUser", Kind::User),
    key("Queue", "queue", Kind::Text),
    key("DriverMemory", "driverMemory", Kind::Memory("spark.driver.memory")),
    key("DriverCores", "driverCores", Kind::Count(1)),
    key("ExecutorMemory", "executorMemory", Kind::Memory("spark.executor.memory")),
    key("ExecutorCores", "executorCores", Kind::Count(1)),
    key("NumExecutors", "numExecutors", Kind::Count(0)),
    key("Jars", "jars", Kind::Paths(JARS)),
    key("PyFiles", "pyFiles", Kind::Paths(PY_FILES)),
    key("Files", "files", Kind::Paths("spark.files")),
    key("Archives", "archives", Kind::Paths("spark.yarn.dist.archives")),
    Key { name: "Conf", camel: "conf", others: &["Configuration", "configuration"], kind: Kind::Conf },
    key("Statements", "statements", Kind::Statements),
    key("Kind", "kind", Kind::Language),
    key("Variables", "variables", Kind::Variables),
    key("Result", "result", Kind::Result),
    Key { name: "QueueTimeout", camel: "queueTimeout", others: &["queue_timeout"], kind: Kind::QueueTimeout },
    key("LivyHost", "livyHost", Kind::Host),
    key("LivyPort", "livyPort", Kind::Port),
    key("Execution", "execution", Kind::Execution),
    key("Parameters", "parameters", Kind::Parameters),
];

/// The property that `Jars` stands for.
pub(super) const JARS: &str = "spark.jars";

/// The one property that Livy passes on as an option of its own, `--py-files` (Livy, `SparkProcessBuilder`).
pub(super) const PY_FILES: &str = "spark.submit.pyFiles";

/// The key with exactly this spelling.
pub(super) fn find(spelling: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.spellings().any(|known| known == spelling))
}

/// The known spelling that somebody may have meant.
pub(super) fn nearest(unknown: &str) -> Option<&'static str> {
    nearest::nearest(unknown, KEYS.iter().flat_map(Key::spellings))
}
