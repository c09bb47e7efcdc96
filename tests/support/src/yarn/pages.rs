//! Pages for people: a container's log with its `NodeManager`, and with the log server (Hadoop 3.3, as observed and as
//! `ContainerLogsPage`, `TFileAggregatedLogsBlock` and `LogAggregationHtmlBlock` say).

use super::Shared;
use crate::http::{Answer, Request};
use crate::livy::AppState;

/// The files of a driver's container.
const FILES: [&str; 2] = ["stderr", "stdout"];

impl Shared {
    /// `/node/containerlogs/<container>/<user>[/<file>]` and
    /// `/jobhistory/logs/<node>/<container>/<container>/<user>[/<file>]`.
    pub(super) fn page(&self, path: &[&str], request: &Request) -> Option<Answer> {
        match path {
            ["node", "containerlogs", container, user, file @ ..] => {
                if self.mind().aggregated.is_none() {
                    return Some(self.of_node(container, file.first().copied(), request));
                }
                let file = file.first().map(|file| format!("/{file}")).unwrap_or_default();
                let query = request.query.as_deref().unwrap_or_default();
                let url = format!(
                    "{}/jobhistory/logs/localhost:8041/{container}/{container}/{user}{file}?{query}",
                    self.mind().url
                );
                let text = format!("Redirecting to log server : {url}");
                Some(Answer::new(307, "text/plain;charset=utf-8", text).with("location", url))
            }
            ["jobhistory", "logs", _, container, _, _, file @ ..] => {
                Some(self.of_log_server(container, file.first().copied(), request))
            }
            ["proxy", id, "api", "v1", asked @ ..] => Some(self.driver(id, asked, request)),
            _ => None,
        }
    }

    /// What the driver of an application shows, which YARN passes on while it lives; afterwards it sends everybody to the
    /// page that the application has named for that, or to its own.
    fn driver(&self, id: &str, asked: &[&str], request: &Request) -> Answer {
        let drivers = self.mind().drivers.clone();
        let lives = self.livy.live_applications().iter().any(|live| live.id.as_deref() == Some(id));
        match drivers.filter(|_| lives) {
            Some(drivers) => drivers.ask(asked, request, true),
            None => Answer::empty(302).with("location", format!("{}/cluster/app/{id}", self.mind().url)),
        }
    }

    /// The list of files, or one of them.
    fn of_node(&self, container: &str, file: Option<&str>, request: &Request) -> Answer {
        let id = application_of(container);
        let waits = |app: &crate::livy::Application| app.state == AppState::Accepted;
        let this = |app: &crate::livy::Application| app.id.as_deref() == Some(&*id) && waits(app);
        if self.livy.look_at_applications(|all| all.iter().any(this)) {
            return said(
                "Unknown container. Container either has not started or has already completed or doesn't belong to this \
                 node at all.",
            );
        }
        let Some(file) = file else {
            let entry = |file: &str| {
                let length = self.wrote_by(container, file).len();
                format!(
                    "<p>\n<a href=\"/node/containerlogs/{container}/{file}/?start=-4096\">{file} : Total file length is \
                     {length} bytes.</a>\n"
                )
            };
            return html(&FILES.map(entry).concat());
        };
        let wrote = self.wrote_by(container, file);
        let length = wrote.len() as i64;
        let given = |name: &str| request.parameter(name).and_then(|text| text.parse::<i64>().ok());
        let start = given("start").unwrap_or(-4096);
        let start = if start < 0 { (length + start).max(0) } else { start };
        let end = given("end").unwrap_or(length);
        let end = if end < 0 { length + end } else { end };
        let end = if end < 0 { length } else { end };
        if start > end {
            return said(&format!("Invalid start and end values. Start: [{start}], end[{end}]"));
        }
        let showing = if end - start < length {
            format!(
                "<p>\n Showing {} bytes. Click \n<a href=\"?start=0\">here</a>\n for full log\n",
                end - start
            )
        } else {
            String::new()
        };
        html(&format!("{showing}<pre>{}</pre>\n", read(&wrote, start.min(length), end - start)))
    }

    /// All files, or one of them, once it has them.
    fn of_log_server(&self, container: &str, file: Option<&str>, request: &Request) -> Answer {
        if let Some(text) = self.mind().without_logs.clone() {
            return said(&text);
        }
        let mut refused = false;
        self.change(|mind| {
            if let Some(asked) = mind.aggregated.filter(|asked| *asked > 0) {
                mind.aggregated = Some(asked - 1);
                refused = true;
            }
        });
        if refused {
            return said(&format!(
                "Logs not available for {container}. Aggregation may not be complete, Check back later or try to find the \
                 container logs in the local directory of nodemanager localhost:8041"
            ));
        }
        let given = |name: &str| request.parameter(name).and_then(|text| text.parse::<i64>().ok());
        let one = |file: &str| {
            let wrote = self.wrote_by(container, file);
            let length = wrote.len() as i64;
            let within = |at: i64| if at < 0 { (length + at).max(0) } else { at.min(length) };
            let start = within(given("start").unwrap_or(-4096));
            let end = within(given("end").unwrap_or(length)).max(start);
            let showing = if end - start < length {
                format!(
                    "<p>\n Showing {} bytes of {length} total. Click \n<a href=\"?start=0\">here</a>\n for the full \
                     log.\n",
                    end - start
                )
            } else {
                String::new()
            };
            format!(
                "<pre>\n\n</pre>\n<p>\n Log Type: {file}\n<p>\n Log Upload Time: Sat Nov 28 02:03:04 +0000 2026\n<p>\n \
                 Log Length: {length}\n{showing}<pre>{}</pre>\n",
                read(&wrote, start, end - start)
            )
        };
        html(&file.map_or_else(|| FILES.map(one).concat(), one))
    }

    fn wrote_by(&self, container: &str, file: &str) -> Vec<u8> {
        let key = (application_of(container), file.to_owned());
        self.mind().wrote.get(&key).cloned().unwrap_or_default()
    }
}

/// `container_<cluster>_<number>_01_000001`
fn application_of(container: &str) -> String {
    let id: Vec<&str> = container.split('_').collect();
    format!("application_{}_{}", id.get(1).unwrap_or(&""), id.get(2).unwrap_or(&""))
}

/// From a byte on as many UTF-16 units as there are bytes to be read, as HTML.
fn read(wrote: &[u8], start: i64, most: i64) -> String {
    let mut left = usize::try_from(most).unwrap_or_default();
    let text = String::from_utf8_lossy(&wrote[usize::try_from(start).unwrap_or_default()..]).into_owned();
    let fits = |c: &char| {
        let fits = c.len_utf16() <= left;
        left = left.saturating_sub(c.len_utf16());
        fits
    };
    let shown: String = text.chars().take_while(fits).collect();
    shown
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('ü', "&uuml;")
}

/// A message in the place of a log.
fn said(text: &str) -> Answer {
    html(&format!("<h1>\n {}\n</h1>\n", text.replace('\'', "&#39;")))
}

fn html(content: &str) -> Answer {
    let page = format!(
        "<!DOCTYPE html PUBLIC \"-//W3C//DTD HTML 4.01//EN\" \"http://www.w3.org/TR/html4/strict.dtd\">\n<html>\n\
         <meta http-equiv=\"Content-type\" content=\"text/html; charset=UTF-8\">\n<table id=\"layout\"><tbody><tr>\
         <td class=\"content\">\n{content}\n</td></tr></tbody></table>\n</html>\n"
    );
    Answer::new(200, "text/html;charset=utf-8", page)
}
