//! The input of a task becomes the batch that Livy is asked for.
//!
//! Two shapes of input are read: flat, and the old worker's with `Parameters`. [`Input::check`] either gives everything that
//! a run needs, the configured defaults applied, or *every* [`Problem`] of the input at once. Nothing is left for Livy
//! to answer with a 500: a 500 means that Livy or its node is unwell. What only Livy can know (whether a path exists
//! and is allowed, which queues there are) is left to Livy.
//!
//! What would be changed between Livy and the job, or run by a shell, is refused as well, or, where an argument is
//! JSON, written so that it arrives (`arrival.rs`).
//!
//! A run's [`Identity`] is there for wrong inputs, too, and depends on nothing but input, task id and defaults.
//! Values of a task can be secrets: no `Debug` here shows them.

mod arrival;
mod batch;
mod command;
mod conf;
mod json;
mod keys;
mod limits;
mod markers;
mod names;
mod own_livy;
mod problem;
mod rewrite;
mod settings;
mod shape;
mod statements;
mod template;
#[cfg(test)]
mod tests;
mod value;

use std::fmt;
use std::time::Duration;

use serde_json::{Map, Value};

pub use batch::Batch;
pub use own_livy::OwnLivy;
pub use problem::{Problem, Problems, member, shown};
pub use template::Template;

use super::statements::script::Script;
use super::tags;
use json::{Json, Type};
use keys::Kind;
use settings::{Given, InputSettings, KeyScope};
use shape::{inner, parameters, read, unreadable};
use value::Setting;

/// The longest part of a batch's name that is made from the input.
const MAX_STEM: usize = 40;
/// The name of a nameless job.
pub const NAMELESS: &str = "job";
/// The key of the wait in YARN's queue.
const QUEUE_TIMEOUT: &str = "QueueTimeout";

/// What the configuration says about inputs, checked once at start: the values that a task inherits
/// (`[activity.defaults]`), and whether letters that are not ASCII arrive (`[yarn] utf8`).
#[derive(Clone, Default)]
pub struct Defaults {
    settings: InputSettings,
    utf8: bool,
}

impl Defaults {
    /// Checks a table by the rules for an input of the flat shape. It may hold only keys that are sent to Livy.
    pub fn new(table: Map<String, Value>, utf8: bool) -> Result<Defaults, Problems> {
        let text = Value::Object(table).to_string();
        let table = Json::parse(&text).map_err(Problems::not_json)?;
        let mut problems = Problems::default();
        let settings = InputSettings::read(table, "$", KeyScope::Defaults, utf8, &mut problems);
        batch_entries(&InputSettings::default(), &settings, "$", &mut problems);
        problems.or(Defaults { settings, utf8 })
    }

    /// How long a job may wait in YARN's queue whose task does not say it.
    pub fn queue_timeout(&self) -> Option<Duration> {
        queue_timeout(&InputSettings::default(), &self.settings)
    }

    /// No defaults. `utf8` as for [`Defaults::new`].
    pub fn none(utf8: bool) -> Defaults {
        Defaults { utf8, ..Defaults::default() }
    }
}

impl fmt::Debug for Defaults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Defaults").finish_non_exhaustive()
    }
}

/// A run's identity, fixed at receipt, also for an input that turns out to be wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The batch's name: lower-case letters, digits and `-`, beginning with a letter. Livy takes a name once among its
    /// live batches, and no name of digits alone (`Session.scala`).
    pub name: String,
    /// The YARN tag: in lower case, because YARN makes it so.
    pub tag: String,
    /// The YARN tags of the groups that the run belongs to.
    pub groups: Vec<String>,
}

/// `[a-z0-9-]`, at most [`MAX_STEM`] of them, beginning with a letter; empty where no letter or digit was.
fn stem(text: &str) -> String {
    let mut stem = String::new();
    for c in text.chars().map(|c| c.to_ascii_lowercase()) {
        if stem.is_empty() && c.is_ascii_digit() {
            stem.push_str("job-");
        }
        if c.is_ascii_alphanumeric() {
            stem.push(c);
        } else if !stem.is_empty() && !stem.ends_with('-') {
            stem.push('-');
        }
        if stem.len() == MAX_STEM {
            break;
        }
    }
    stem.trim_end_matches('-').to_owned()
}

/// A task's input, validated, defaults applied: what to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobRequest {
    /// The execution, if the input names it.
    pub execution: Option<String>,
    /// What Livy is asked for: a session, where there is a script, else a batch.
    pub batch: Batch,
    /// What is run in the session.
    pub script: Option<Script>,
    /// How long it may wait in YARN's queue; none: for ever.
    pub queue_timeout: Option<Duration>,
}

/// A task's input, read once. What it names can be asked for where it is wrong, too.
pub struct Input<'a>(Result<Json<'a>, Problems>);

impl<'a> Input<'a> {
    /// Reads the text of an input.
    pub fn read(text: &'a str) -> Input<'a> {
        Input(Json::parse(text).map_err(Problems::not_json))
    }

    /// The identity of the task's run, which belongs to no group: named by [`Input::job_name`].
    pub fn identity(&self, task_id: &str, defaults: &Defaults) -> Identity {
        let name = format!("{}-{task_id}", self.job_name(defaults));
        Identity { name, tag: tags::of_run(task_id), groups: Vec::new() }
    }

    /// What its batches are called before the task id: after its `Name`, else its class, else its file, in the input or in
    /// the defaults.
    pub fn job_name(&self, defaults: &Defaults) -> String {
        // What a default says about programs is not about statements.
        let speaks = self.names(Kind::Statements);
        let inherited = |name: &str| !speaks || name == "Name";
        let given = |name: &str| {
            self.lenient(name)
                .or_else(|| defaults.settings.text(name).filter(|_| inherited(name)).map(str::to_owned))
        };
        let after = |text: String, separator| text.rsplit(separator).next().map(str::to_owned);
        let name = given("Name");
        let class = given("ClassName").and_then(|class| after(class, '.'));
        let file = given("File").and_then(|file| after(file, '/'));
        let file = file.map(|file| file.rsplit_once('.').map_or(file.as_str(), |(stem, _)| stem).to_owned());
        let stems = [name, class, file].into_iter().flatten().map(|text| stem(&text));
        stems.into_iter().find(|stem| !stem.is_empty()).unwrap_or_else(|| NAMELESS.to_owned())
    }

    /// The execution that it names: for logs and reports.
    pub fn execution(&self) -> Option<String> {
        self.lenient("Execution")
    }

    /// What to run.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn check(
        self,
        identity: &Identity,
        defaults: &Defaults,
        livy: &OwnLivy,
    ) -> Result<JobRequest, Problems> {
        let top = self.0?;
        if top.kind() != Type::Object {
            return Err(Problems::one("$", limits::expected("a JSON object", top)));
        }
        let mut problems = Problems::default();
        let (settings, base) = read(top, defaults.utf8, &mut problems);
        check_livy(&settings, livy, &mut problems);
        let entries = batch_entries(&settings, &defaults.settings, &base, &mut problems);
        check_file(top, &settings, &entries, &base, &mut problems);
        check_tags(&entries, identity.groups.len(), &base, &mut problems);
        let for_resource = !identity.groups.is_empty();
        let script = statements::read(inner(top), &settings, &base, for_resource, &mut problems);
        let execution = settings.text("Execution").map(str::to_owned);
        let make = if script.is_some() { Batch::session } else { Batch::new };
        let queue_timeout = queue_timeout(&settings, &defaults.settings);
        problems.or(JobRequest { execution, batch: make(entries, identity), script, queue_timeout })
    }

    /// Whether a key of this kind stands anywhere.
    fn names(&self, kind: Kind) -> bool {
        let Ok(top) = self.0.as_ref() else { return false };
        let is_it = |(spelling, value): &(String, Json)| {
            value.kind() != Type::Null && keys::find(spelling).is_some_and(|key| key.kind == kind)
        };
        inner(*top).members().iter().any(is_it)
    }

    /// A key's text wherever it stands, unless it is empty.
    fn lenient(&self, name: &str) -> Option<String> {
        let top = *self.0.as_ref().ok()?;
        let inner = parameters(top).map(|(_, inner)| inner);
        let tables = inner.into_iter().chain([top]);
        let named = |spelling: &str| keys::find(spelling).is_some_and(|key| key.name == name);
        let mut texts = tables.flat_map(Json::members).filter(|(spelling, _)| named(spelling));
        texts.find_map(|(_, value)| value.text().filter(|text| !text.is_empty()))
    }
}

/// What is wrong with an input of which only a part is known yet. Without `defaults` nobody knows what is missing; which
/// Livy the input names is left to the node that it arrives at. `utf8` is what such defaults would say; `groups`: to how
/// many its run will belong.
pub fn review(template: &Template, defaults: Option<&Defaults>, utf8: bool, groups: usize) -> Problems {
    let text = template.to_string();
    let top = Json::template(&text);
    let mut problems = Problems::default();
    let inherited = defaults.cloned().unwrap_or_default();
    let (settings, base) = read(top, utf8, &mut problems);
    let entries = batch_entries(&settings, &inherited.settings, &base, &mut problems);
    if defaults.is_some() && top.kind() == Type::Object {
        check_file(top, &settings, &entries, &base, &mut problems);
    }
    check_tags(&entries, groups, &base, &mut problems);
    statements::read(inner(top), &settings, &base, groups > 0, &mut problems);
    problems
}

/// Whether there is room for the tags of so many groups.
fn check_tags(entries: &[Given], groups: usize, base: &str, problems: &mut Problems) {
    let conf = entries.iter().find_map(|entry| match &entry.setting {
        Setting::Map(conf) if entry.key.kind == Kind::Conf => Some(conf),
        Setting::Map(_) | Setting::Text(_) | Setting::Count(_) | Setting::List(_) => None,
    });
    if let Some(Err(text)) = conf.map(|conf| conf::has_room(conf, groups)) {
        problems.add(member(base, "Conf"), text);
    }
}

/// How long the job may wait in YARN's queue: as the task says, or else the defaults.
fn queue_timeout(settings: &InputSettings, defaults: &InputSettings) -> Option<Duration> {
    let given = settings.text(QUEUE_TIMEOUT).or_else(|| defaults.text(QUEUE_TIMEOUT))?;
    // Checked when it was read.
    value::queue_timeout(given).ok()
}

fn check_file(top: Json, settings: &InputSettings, entries: &[Given], base: &str, problems: &mut Problems) {
    let has_file = settings.has(Kind::Path)
        || settings.has(Kind::Statements)
        || entries.iter().any(|entry| entry.key.kind == Kind::Path);
    if !has_file && !unreadable(top) {
        problems.add(member(base, "File"), "is required, because the configured defaults have none");
    }
}

fn check_livy(settings: &InputSettings, livy: &OwnLivy, problems: &mut Problems) {
    const OWN: &str = "is not this cluster's own Livy, and this worker submits to no other";
    match settings.entry(Kind::Host) {
        Some(Given { setting: Setting::Text(host), path, .. }) if !livy.accepts(host) => {
            let known = livy.hosts();
            problems.add(path, format!("{} {OWN}: leave the key out, or give one of {known}", shown(host)));
        }
        _ => {}
    }
    match settings.entry(Kind::Port) {
        Some(Given { setting: Setting::Count(port), path, .. }) if !livy.accepts_port(*port) => {
            problems.add(path, format!("{port} {OWN}: leave the key out, or give {}", livy.port()));
        }
        _ => {}
    }
}

/// The settings over the defaults. Where both a list and the property that it stands for are given, Livy makes one
/// argument of the two (`Session.prepareConf`), so that only here its length is known, as is the driver's command's.
fn batch_entries(
    settings: &InputSettings,
    defaults: &InputSettings,
    base: &str,
    problems: &mut Problems,
) -> Vec<Given> {
    let mut entries = settings.over(defaults);
    if settings.has(Kind::Statements) {
        // What a default says about programs is not about statements.
        entries.retain(|entry| !entry.key.is_of_program());
    }
    let conf = entries.iter().find_map(|entry| match &entry.setting {
        Setting::Map(conf) => Some(conf),
        Setting::Text(_) | Setting::Count(_) | Setting::List(_) => None,
    });
    for entry in &entries {
        let (Kind::Paths(property), Setting::List(list)) = (entry.key.kind, &entry.setting) else { continue };
        let Some(more) = conf.and_then(|conf| conf.get(property)) else { continue };
        let len = limits::argument_len(property, limits::joined_len(list) + 1 + more.len());
        if let Err(text) = limits::fits(len) {
            problems.add(member(base, entry.key.name), format!("joined with {property} in Conf, {text}"));
        }
    }
    command::check(&entries, base, problems);
    entries
}
