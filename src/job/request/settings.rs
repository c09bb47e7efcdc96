//! A table of keys, read against the table of known ones.

use super::conf::UNEVALUATED;
use super::json::{Json, Type};
use super::keys::{self, KEYS, Key, Kind};
use super::limits::expected;
use super::problem::{Problems, member};
use super::value::{self, Setting};

/// Where a table stands, which says what it may hold.
#[derive(Debug, Clone, Copy)]
pub(super) enum KeyScope {
    /// The whole input of the flat shape.
    Flat,
    /// The top level of the nested shape, beside `Parameters`.
    Beside,
    /// The `Parameters` of the nested shape.
    Inside,
    /// The defaults in the configuration.
    Defaults,
}

/// A key's checked value, and where it was given.
#[derive(Clone)]
pub(super) struct Given {
    pub(super) key: &'static Key,
    pub(super) path: String,
    pub(super) setting: Setting,
}

/// What a table says.
#[derive(Clone, Default)]
pub(super) struct InputSettings {
    entries: Vec<Given>,
    /// The keys that were given, rightly or wrongly, each with its spelling.
    given: Vec<(&'static Key, String)>,
}

impl InputSettings {
    /// Reads a table; what is wrong with it is added to `problems`, in order.
    pub(super) fn read(
        table: Json,
        path: &str,
        place: KeyScope,
        utf8: bool,
        problems: &mut Problems,
    ) -> InputSettings {
        let mut settings = InputSettings::default();
        if !matches!(table.kind(), Type::Object | Type::Open) {
            problems.add(path, expected("an object", table));
        }
        for (spelling, value) in table.members() {
            settings.member(&spelling, value, member(path, &spelling), (place, utf8), problems);
        }
        settings
    }

    fn member(
        &mut self,
        spelling: &str,
        value: Json,
        path: String,
        (place, utf8): (KeyScope, bool),
        problems: &mut Problems,
    ) {
        let Some(key) = keys::find(spelling) else {
            problems.add_unknown_key(path, unknown(spelling));
            let meant = spelling.strip_suffix(".$").and_then(keys::find);
            self.given.extend(meant.map(|key| (key, spelling.to_owned())));
            return;
        };
        if value.kind() == Type::Null {
            return;
        }
        let earlier =
            self.given.iter().find(|(known, _)| *known == key).map(|(_, spelling)| spelling.clone());
        self.given.push((key, spelling.to_owned()));
        if let Some(reason) = misplaced(place, key) {
            problems.add(path, reason);
        } else if let Some(earlier) = earlier {
            problems
                .add(path, format!("is the same key as `{earlier}`, which is given, too: keep one of them"));
        } else if value.kind() != Type::Open
            && let Some(setting) = value::check(key.kind, value, &path, utf8, problems)
        {
            self.entries.push(Given { key, path, setting });
        }
    }

    pub(super) fn extend(&mut self, other: InputSettings) {
        self.entries.extend(other.entries);
        self.given.extend(other.given);
    }

    /// The keys of a sort that were given, rightly or wrongly, each with its spelling.
    pub(super) fn spellings(&self, sort: impl Fn(&Key) -> bool) -> impl Iterator<Item = &str> {
        self.given.iter().filter(move |(key, _)| sort(key)).map(|(_, spelling)| spelling.as_str())
    }

    /// Whether a key was given, rightly or wrongly.
    pub(super) fn has(&self, kind: Kind) -> bool {
        self.given.iter().any(|(key, _)| key.kind == kind)
    }

    /// The only key of this kind.
    pub(super) fn entry(&self, kind: Kind) -> Option<&Given> {
        self.entries.iter().find(|entry| entry.key.kind == kind)
    }

    pub(super) fn text(&self, name: &str) -> Option<&str> {
        let entry = self.entries.iter().find(|entry| entry.key.name == name);
        entry.and_then(|entry| match &entry.setting {
            Setting::Text(text) => Some(text.as_str()),
            Setting::Count(_) | Setting::List(_) | Setting::Map(_) => None,
        })
    }

    /// What is sent to Livy, in the order of the table: these settings, then the defaults. A list replaces a default
    /// list; a map is merged key by key.
    pub(super) fn over(&self, defaults: &InputSettings) -> Vec<Given> {
        let of =
            |settings: &InputSettings, key| settings.entries.iter().find(|entry| entry.key == key).cloned();
        let merged = |key| match (of(self, key), of(defaults, key)) {
            (Some(mut own), Some(default)) => {
                if let (Setting::Map(own), Setting::Map(default)) = (&mut own.setting, default.setting) {
                    for (name, value) in default {
                        own.entry(name).or_insert(value);
                    }
                }
                Some(own)
            }
            (own, default) => own.or(default),
        };
        KEYS.iter().filter(|key| key.is_sent()).filter_map(merged).collect()
    }
}

fn unknown(spelling: &str) -> String {
    if spelling.ends_with(".$") {
        return UNEVALUATED.to_owned();
    }
    match keys::nearest(spelling) {
        Some(known) => format!("unknown key; did you mean `{known}`?"),
        None => "unknown key".to_owned(),
    }
}

fn misplaced(place: KeyScope, key: &Key) -> Option<&'static str> {
    match (place, key.kind) {
        (KeyScope::Beside, Kind::Host | Kind::Port | Kind::Execution | Kind::Parameters)
        | (KeyScope::Flat, _) => None,
        (KeyScope::Beside, _) => {
            Some("may not stand beside Parameters: put it inside, or leave Parameters away")
        }
        (KeyScope::Inside, Kind::Parameters) => Some("cannot stand inside itself"),
        (KeyScope::Inside, Kind::Host | Kind::Port | Kind::Execution) => {
            Some("belongs at the top level, beside Parameters")
        }
        (KeyScope::Defaults, Kind::Parameters) => Some("is not needed here: write the keys themselves"),
        (KeyScope::Defaults, Kind::Host | Kind::Port | Kind::Execution) => {
            Some("belongs to a task and cannot have a default")
        }
        (KeyScope::Defaults, _) if key.is_of_script() => Some("belongs to a task and cannot have a default"),
        (KeyScope::Inside | KeyScope::Defaults, _) => None,
    }
}
