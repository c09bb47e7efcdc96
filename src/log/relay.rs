//! From events and spans to lines that own what they say.

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::{LookupSpan, Scope};

use super::line::{Line, Origin};
use super::queue::Queue;
use crate::causes::chain;

/// Bytes of one value, the message included. `journalctl -o json` shows a field over 4096 bytes, name and all, as null;
/// and with [`LIMIT`](super::queue::LIMIT) this bounds what the queue can hold.
const VALUE_LIMIT: usize = 4000;

/// What ends a value that was cut.
const CUT: &str = "…";

/// Collects every event with the fields of its spans, and hands it to the queue.
#[derive(Debug)]
pub(super) struct Relay {
    queue: Arc<Queue>,
}

impl Relay {
    /// Hands its lines to `queue`.
    pub(super) fn new(queue: Arc<Queue>) -> Relay {
        Relay { queue }
    }
}

// Values are written out before a span's data is locked: a value may log while it is.
impl<S: Subscriber + for<'span> LookupSpan<'span>> Layer<S> for Relay {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        if let Some(span) = context.span(id) {
            span.extensions_mut().insert(fields);
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let mut later = Fields::default();
        values.record(&mut later);
        if let Some(span) = context.span(id)
            && let Some(fields) = span.extensions_mut().get_mut::<Fields>()
        {
            fields.extend(later);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut own = Fields::default();
        event.record(&mut own);
        let message = own.take("message").unwrap_or_default();
        let mut fields = Fields::default();
        for span in context.event_scope(event).into_iter().flat_map(Scope::from_root) {
            if let Some(of_span) = span.extensions().get::<Fields>() {
                fields.extend(of_span.clone());
            }
        }
        fields.extend(own);
        self.queue.push(Line {
            time: SystemTime::now(),
            origin: Origin::of(event.metadata()),
            message,
            fields: fields.0,
        });
    }
}

/// Names and values, each name once, in the order in which the names came.
#[derive(Debug, Clone, Default)]
struct Fields(Vec<(&'static str, String)>);

impl Fields {
    fn put(&mut self, name: &'static str, value: String) {
        match self.0.iter_mut().find(|(known, _)| *known == name) {
            Some((_, earlier)) => *earlier = value,
            None => {
                // Each of thousands of tasks has some, and they stay few.
                self.0.reserve_exact(1);
                self.0.push((name, value));
            }
        }
    }

    fn extend(&mut self, later: Fields) {
        for (name, value) in later.0 {
            self.put(name, value);
        }
    }

    fn take(&mut self, name: &str) -> Option<String> {
        let at = self.0.iter().position(|(known, _)| *known == name)?;
        Some(self.0.remove(at).1)
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field.name(), cut(format!("{value:?}")));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field.name(), cut(value.to_owned()));
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        self.put(field.name(), cut(chain(value)));
    }
}

fn cut(value: String) -> String {
    if value.len() <= VALUE_LIMIT {
        return value;
    }
    let end = value.floor_char_boundary(VALUE_LIMIT - CUT.len());
    format!("{}{CUT}", &value[..end])
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[test]
    fn a_long_value_is_cut_between_characters() {
        assert_eq!(cut("a".repeat(VALUE_LIMIT)), "a".repeat(VALUE_LIMIT));
        let long = cut(format!("a{}", "ü".repeat(VALUE_LIMIT)));
        assert!(long.len() <= VALUE_LIMIT, "{}", long.len());
        assert!(long.ends_with("ü…"));
    }

    #[test]
    fn an_error_is_logged_with_its_causes() {
        #[derive(Debug)]
        struct Outer(io::Error);
        impl fmt::Display for Outer {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("Livy did not answer")
            }
        }
        impl Error for Outer {
            fn source(&self) -> Option<&(dyn Error + 'static)> {
                Some(&self.0)
            }
        }

        let (line, lines) = one_line();
        tracing::subscriber::with_default(line, || {
            let error = Outer(io::Error::other("connection refused"));
            tracing::warn!(error = &error as &(dyn Error + 'static), "waiting");
        });
        assert_eq!(
            lines.recv().unwrap().fields,
            [("error", "Livy did not answer: connection refused".to_owned())]
        );
    }

    #[test]
    fn a_value_that_logs_while_it_is_written_out_does_no_harm() {
        struct Talkative;
        impl fmt::Debug for Talkative {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                tracing::info!("aside");
                f.write_str("said")
            }
        }

        let (line, lines) = one_line();
        tracing::subscriber::with_default(line, || {
            let span = tracing::info_span!("task", job_name = tracing::field::Empty).entered();
            span.record("job_name", tracing::field::debug(Talkative));
            tracing::info!("done");
        });
        let done = lines.iter().find(|line| line.message == "done").unwrap();
        assert_eq!(done.fields, [("job_name", "said".to_owned())]);
    }

    fn one_line() -> (impl Subscriber, std::sync::mpsc::Receiver<Line>) {
        use tracing_subscriber::layer::SubscriberExt;

        struct Forward(std::sync::mpsc::Sender<Line>);
        impl super::super::sink::Sink for Forward {
            fn write(&mut self, line: &Line) {
                let _ = self.0.send(line.clone());
            }
        }

        let (sender, lines) = std::sync::mpsc::channel();
        let queue = Queue::start(move || Ok(Box::new(Forward(sender)))).unwrap();
        (tracing_subscriber::registry().with(Relay::new(queue)), lines)
    }
}
