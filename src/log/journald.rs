//! Lines as entries of the journal, through `tracing_journald`.
//!
//! That crate turns an event into an entry, and an event's names must be known to the compiler; so each line becomes
//! an event again, with the names of one table. It is handed to a subscriber that nothing is dispatched to otherwise,
//! so that writing has no part in what the daemon's own statements are enabled for.

use std::collections::HashMap;
use std::io;

use tracing::callsite::{DefaultCallsite, Identifier};
use tracing::field::{FieldSet, Value};
use tracing::metadata::Kind;
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_journald::{Priority, PriorityMappings};
use tracing_subscriber::layer::SubscriberExt;

use super::line::{Line, Origin};
use super::sink::{Sink, push_field};

/// What `journalctl -t` finds.
const IDENTIFIER: &str = "spark-job-worker";

/// The message, and the names that become fields of their own, in upper case: `journalctl TASK_ID=…`. Other names are
/// appended to the message.
const NAMES: [&str; 13] = [
    "message",
    "message_id",
    "task_id",
    "sfn_execution",
    "sfn_activity",
    "cfn_stack",
    "cfn_resource",
    "job_name",
    "job_state",
    "livy_batch_id",
    "livy_session_id",
    "yarn_application_id",
    "error",
];

/// A sink to the journal. Hangs where journald is stopped, as every line does then.
///
/// # Errors
/// No journald listens.
pub(super) fn connect() -> io::Result<Box<dyn Sink>> {
    let priorities =
        PriorityMappings { info: Priority::Informational, debug: Priority::Debug, ..PriorityMappings::new() };
    let layer = tracing_journald::layer()?
        .with_field_prefix(None)
        .with_syslog_identifier(IDENTIFIER.to_owned())
        .with_priority_mappings(priorities);
    Ok(Box::new(Entries::new(tracing_subscriber::registry().with(layer))))
}

/// What every entry has in common. The metadata of an entry differs from it in who logs, and how loud.
static FORM: Metadata<'static> = Metadata::new(
    "line",
    module_path!(),
    Level::INFO,
    None,
    None,
    None,
    FieldSet::new(&NAMES, Identifier(&SITE)),
    Kind::EVENT,
);
static SITE: DefaultCallsite = DefaultCallsite::new(&FORM);

/// Hands every line to a subscriber as an event that looks as if its own statement had logged it.
struct Entries<S> {
    subscriber: S,
    /// As many as there are statements in the program that have logged: their metadata live as long as the process.
    forms: HashMap<Origin, &'static Metadata<'static>>,
}

impl<S> Entries<S> {
    fn new(subscriber: S) -> Entries<S> {
        Entries { subscriber, forms: HashMap::new() }
    }
}

impl<S: Subscriber + Send> Sink for Entries<S> {
    fn write(&mut self, line: &Line) {
        let mut message = line.message.clone();
        let mut texts = [None; NAMES.len()];
        for (name, value) in &line.fields {
            match NAMES.iter().zip(&mut texts).skip(1).find(|(known, _)| *known == name) {
                Some((_, text)) => *text = Some(value.as_str()),
                None => push_field(&mut message, name, value),
            }
        }
        texts[0] = Some(message.as_str());
        let values = texts.each_ref().map(|text| text.as_ref().map(|text| text as &dyn Value));
        let form: &'static Metadata<'static> =
            self.forms.entry(line.origin).or_insert_with(|| form(line.origin));
        self.subscriber.event(&Event::new(form, &form.fields().value_set_all(&values)));
    }
}

fn form(Origin { level, target, file, line }: Origin) -> &'static Metadata<'static> {
    let fields = FieldSet::new(&NAMES, FORM.callsite());
    Box::leak(Box::new(Metadata::new(FORM.name(), target, level, file, line, None, fields, Kind::EVENT)))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::fmt;
    use std::sync::mpsc::{self, Sender};
    use std::time::SystemTime;

    use tracing::field::{Field, Visit};
    use tracing_subscriber::Layer;
    use tracing_subscriber::layer::Context;

    use super::*;

    #[test]
    fn a_line_becomes_an_event_with_the_fields_of_the_table() {
        let fields: Vec<_> = NAMES[1..].iter().map(|name| (*name, format!("value of {name}"))).collect();
        let seen = written(line("the job ended\nreally", fields.clone()));
        let expected = fields.into_iter().chain([("message", "the job ended\nreally".to_owned())]);
        assert_eq!(seen.values, expected.collect());
    }

    #[test]
    fn an_absent_field_is_not_written() {
        let seen = written(line("started", vec![]));
        assert_eq!(seen.values, [("message", "started".to_owned())].into());
    }

    #[test]
    fn a_field_outside_the_table_is_appended_to_the_message() {
        let fields =
            vec![("port", "8998".to_owned()), ("error", "refused".to_owned()), ("why", "no one".to_owned())];
        let seen = written(line("waiting", fields));
        let message = "waiting port=8998 why=\"no one\"".to_owned();
        assert_eq!(seen.values, [("message", message), ("error", "refused".to_owned())].into());
    }

    #[test]
    fn an_entry_names_the_statement_that_logged_it() {
        let line = line("started", vec![]);
        assert_eq!(written(line.clone()).origin, line.origin);
    }

    #[test]
    fn every_name_is_one_that_the_journal_shows_unchanged() {
        for name in NAMES {
            assert!(name.chars().all(|c| c.is_ascii_lowercase() || c == '_'), "{name}");
            assert!(!["priority", "target", "unit", "code_file", "code_line"].contains(&name), "{name}");
        }
    }

    fn line(message: &str, fields: Vec<(&'static str, String)>) -> Line {
        let origin = Origin {
            level: Level::WARN,
            target: "spark_job_worker::job",
            file: Some("job.rs"),
            line: Some(7),
        };
        Line { time: SystemTime::now(), origin, message: message.to_owned(), fields }
    }

    fn written(line: Line) -> Seen {
        let (sender, events) = mpsc::channel();
        Entries::new(tracing_subscriber::registry().with(Watch(sender))).write(&line);
        events.recv().unwrap()
    }

    struct Seen {
        origin: Origin,
        values: BTreeMap<&'static str, String>,
    }

    struct Watch(Sender<Seen>);

    impl<S: Subscriber> Layer<S> for Watch {
        fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
            let mut values = Values(BTreeMap::new());
            event.record(&mut values);
            let _ = self.0.send(Seen { origin: Origin::of(event.metadata()), values: values.0 });
        }
    }

    struct Values(BTreeMap<&'static str, String>);

    impl Visit for Values {
        fn record_debug(&mut self, _: &Field, value: &dyn fmt::Debug) {
            panic!("every value is a string, and this is not: {value:?}");
        }

        fn record_str(&mut self, field: &Field, value: &str) {
            self.0.insert(field.name(), value.to_owned());
        }
    }
}
