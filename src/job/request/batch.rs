//! What Livy is asked for.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Serialize, Serializer};

use super::Identity;
use super::conf;
use super::keys::KEYS;
use super::settings::Given;
use super::value::Setting;

/// The body of POST /batches, or of POST /sessions where there are statements. Serializes as exactly that: what was not given is left out, because Livy answers a null
/// list or map with a 500, and integers are JSON integers, because it does the same with a string there.
#[derive(Clone, PartialEq, Eq)]
pub struct Batch(Vec<(&'static str, Setting)>);

/// The kind of every session. Livy starts an interpreter of it, and `sql` has no place for what makes a statement run
/// once: so queries are run by Python, too.
const SESSION_KIND: &str = "pyspark";

impl Batch {
    /// The body for a session of the same settings.
    pub(super) fn session(entries: Vec<Given>, identity: &Identity) -> Batch {
        let Batch(mut fields) = Batch::new(entries, identity);
        fields.insert(0, ("kind", Setting::Text(SESSION_KIND.to_owned())));
        Batch(fields)
    }

    /// Adds what the worker sets and a task may not.
    pub(super) fn new(entries: Vec<Given>, identity: &Identity) -> Batch {
        let mut given: BTreeMap<&str, Setting> =
            entries.into_iter().map(|entry| (entry.key.camel, entry.setting)).collect();
        let mut properties = match given.remove("conf") {
            Some(Setting::Map(conf)) => conf,
            Some(Setting::Text(_) | Setting::Count(_) | Setting::List(_)) | None => BTreeMap::new(),
        };
        conf::complete(&mut properties, identity);
        given.insert("conf", Setting::Map(properties));
        given.insert("name", Setting::Text(identity.name.clone()));
        Batch(
            KEYS.iter()
                .filter_map(|key| given.remove(key.camel).map(|setting| (key.camel, setting)))
                .collect(),
        )
    }

    /// The batch's name, which is the identity's.
    pub fn name(&self) -> &str {
        self.text("name").unwrap_or_default()
    }

    /// The user that the job is to run as.
    pub fn proxy_user(&self) -> Option<&str> {
        self.text("proxyUser")
    }

    fn text(&self, field: &str) -> Option<&str> {
        self.0.iter().find_map(|(name, setting)| match setting {
            Setting::Text(text) if *name == field => Some(text.as_str()),
            Setting::Text(_) | Setting::Count(_) | Setting::List(_) | Setting::Map(_) => None,
        })
    }
}

impl Serialize for Batch {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(field, setting)| (field, setting)))
    }
}

impl fmt::Debug for Batch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batch").field("name", &self.name()).finish_non_exhaustive()
    }
}
