//! Pages for people: a container's log with its `NodeManager`, and with the log server (Hadoop 3.3, as observed).

use super::Shared;
use crate::http::{Answer, Request};

impl Shared {
    /// `/node/containerlogs/<container>/<user>/<file>` and `/jobhistory/logs/<node>/<container>/<container>/<user>/<file>`.
    pub(super) fn page(&self, path: &[&str], request: &Request) -> Option<Answer> {
        let mut refused = None;
        match path {
            ["node", "containerlogs", container, user, file] => {
                if self.mind().aggregated.is_none() {
                    return Some(self.log(container, file, request));
                }
                let query = request.query.as_deref().unwrap_or_default();
                let url = format!(
                    "{}/jobhistory/logs/localhost:8041/{container}/{container}/{user}/{file}?{query}",
                    self.mind().url
                );
                let text = format!("Redirecting to log server : {url}");
                Some(Answer::new(307, "text/plain;charset=utf-8", text).with("location", url))
            }
            ["jobhistory", "logs", _, container, _, _, file] => {
                self.change(|mind| {
                    if let Some(asked) = mind.aggregated.filter(|asked| *asked > 0) {
                        mind.aggregated = Some(asked - 1);
                        refused = Some(format!(
                            "Logs not available for {container}. Aggregation may not be complete, Check back later or \
                             try to find the container logs in the local directory of nodemanager localhost:8041"
                        ));
                    }
                });
                Some(refused.map_or_else(|| self.log(container, file, request), |text| html(200, &text)))
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

    fn log(&self, container: &str, file: &str, request: &Request) -> Answer {
        // container_<cluster>_<number>_01_000001
        let id: Vec<&str> = container.split('_').collect();
        let id = format!("application_{}_{}", id.get(1).unwrap_or(&""), id.get(2).unwrap_or(&""));
        let wrote = self.mind().wrote.get(&(id, file.to_owned())).cloned().unwrap_or_default();
        let start = request.parameter("start").and_then(|start| start.parse::<i64>().ok()).unwrap_or(-4096);
        let length = i64::try_from(wrote.len()).unwrap_or(i64::MAX);
        let mut from = if start < 0 { (length + start).max(0) } else { start.min(length) } as usize;
        while !wrote.is_char_boundary(from) {
            from += 1;
        }
        let shown = wrote[from..]
            .replace('&', "&amp;")
            .replace('<', "&lt;")
            .replace('>', "&gt;")
            .replace('"', "&quot;")
            .replace('ü', "&uuml;");
        html(200, &format!("<p>\n Log Type: {file}\n<p>\n Log Length: {length}\n<pre>{shown}</pre>"))
    }
}

fn html(status: u16, content: &str) -> Answer {
    let page = format!(
        "<!DOCTYPE html PUBLIC \"-//W3C//DTD HTML 4.01//EN\" \"http://www.w3.org/TR/html4/strict.dtd\">\n<html>\n\
         <meta http-equiv=\"Content-type\" content=\"text/html; charset=UTF-8\">\n<table id=\"layout\"><tbody><tr>\
         <td class=\"content\">\n{content}\n</td></tr></tbody></table>\n</html>\n"
    );
    Answer::new(status, "text/html;charset=utf-8", page)
}
