//! The page at `/`: one view of an [`Overview`] and of the finished tasks, as HTML that needs no script.
//!
//! There is one way from facts to what is seen: this one. The script asks for the page again and takes over what has
//! changed in it, so what the worker says is never put together to markup in a browser.

mod markup;
mod places;
mod tasks;

use super::overview::{ActivityOverview, Overview, QueueOverview, ServiceOverview};
use super::table::age;
use crate::arn;
use crate::history::FinishedTasks;
use crate::job::timestamp::Timestamp;
use markup::Markup;

/// The kind of the page.
pub(super) const TYPE: &str = "text/html; charset=utf-8";
/// What a browser may load and run for it: what comes from this endpoint.
pub(super) const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
                                 img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
/// `/page.css`.
pub(super) const STYLE: &str = include_str!("page/page.css");
/// `/page.js`.
pub(super) const SCRIPT: &str = include_str!("page/page.js");
/// The most tasks on it; `/status` has all.
pub(super) const TASKS: usize = 100;
/// What stands around the parts that change.
const FRAME: &str = include_str!("page/page.html");
/// The most applications on it that nobody here follows.
const STRANGERS: usize = 20;

/// The page of an overview with at most [`TASKS`] tasks.
pub(super) fn page(now: &Overview, past: &FinishedTasks, at: Timestamp) -> String {
    let mut main = Markup::default();
    main.tags("<main>\n");
    status(&mut main, now, at);
    services(&mut main, now);
    tasks::held(&mut main, now);
    strangers(&mut main, now);
    tasks::finished(&mut main, past, &now.yarn.url);
    main.tags("</main>");
    let title = if now.problems.is_empty() { now.counted() } else { format!("Not well, {}", now.counted()) };
    // The last one brings what others have named.
    [
        ("{title}", format!("{title} · spark-job-worker")),
        ("{build}", crate::BUILD.to_owned()),
        ("{version}", now.version.clone()),
    ]
    .into_iter()
    .fold(FRAME.to_owned(), |page, (mark, text)| page.replace(mark, &escaped(&text)))
    .replace("{main}", &main.done())
}

fn escaped(text: &str) -> String {
    let mut markup = Markup::default();
    markup.text(text);
    markup.done()
}

/// The Status line, what is not well, and of when that is.
fn status(to: &mut Markup, now: &Overview, at: Timestamp) {
    let at = at.rfc3339();
    to.tags("<section aria-labelledby=\"now\" class=\"").tags(if now.problems.is_empty() {
        "well"
    } else {
        "ill"
    });
    to.tags("\">\n<h2 id=\"now\">").tags(if now.problems.is_empty() { "All is well" } else { "Not well" });
    to.tags(" <small>as of <time datetime=\"").text(&at).tags("\">");
    to.text(&at.replace('T', " ").replace('Z', " UTC"))
        .tags("</time></small></h2>\n<p>")
        .text(&now.status)
        .tags("</p>\n");
    if !now.problems.is_empty() {
        to.tags("<ul>");
        for problem in &now.problems {
            to.tags("<li>").text(problem).tags("</li>");
        }
        to.tags("</ul>\n");
    }
    to.tags("</section>\n");
}

/// What jobs need: the sources of tasks, Livy, YARN, the disk and the heartbeats.
fn services(to: &mut Markup, now: &Overview) {
    to.tags("<section aria-labelledby=\"services\">\n<h2 id=\"services\">Services</h2>\n<dl>\n");
    for activity in &now.activities {
        let (is_well, told, more) = of_activity(activity);
        fact(to, activity.name(), is_well, &told, &more);
    }
    for queue in &now.queues {
        let (is_well, told, more) = of_queue(queue);
        fact(to, arn::name(&queue.topic), is_well, &told, &more);
    }
    for (name, service) in [("Livy", &now.livy), ("YARN", &now.yarn)] {
        let (is_well, told, more) = of_service(service);
        fact(to, name, is_well, &told, &more);
    }
    let directory = &now.state_directory;
    let told = if directory.writable { "can be written" } else { "cannot be written" };
    fact(to, "State directory", Some(directory.writable), told, &directory.path);
    let (told, more) = match (now.oldest_heartbeat, now.late_heartbeats) {
        (None, _) => ("no task needs one".to_owned(), String::new()),
        (Some(oldest), 0) => (format!("the oldest is {} old", age(oldest)), "none is late".to_owned()),
        (Some(oldest), late) => (format!("the oldest is {} old", age(oldest)), format!("{late} late")),
    };
    fact(to, "Heartbeats", now.oldest_heartbeat.map(|_| now.late_heartbeats == 0), &told, &more);
    to.tags("</dl>\n</section>\n");
}

fn fact(to: &mut Markup, name: &str, is_well: Option<bool>, told: &str, more: &str) {
    to.tags("<div class=\"").tags(match is_well {
        Some(true) => "well",
        Some(false) => "ill",
        None => "none",
    });
    to.tags("\"><dt>").text(name).tags("</dt><dd>").text(told);
    if !more.is_empty() {
        to.tags(" <small>").text(more).tags("</small>");
    }
    to.tags("</dd></div>\n");
}

fn of_activity(activity: &ActivityOverview) -> (Option<bool>, String, String) {
    let told = match &activity.trouble {
        Some(trouble) => format!("{}, {}", trouble.condition, age(trouble.seconds)),
        None => format!("{} of {} places free", activity.free, activity.places),
    };
    let last = activity.last_poll.map_or_else(
        || "no poll was answered yet".to_owned(),
        |seconds| format!("last answered poll {} ago", age(seconds)),
    );
    (Some(activity.trouble.is_none()), told, format!("{}, {last}", polls(activity.open_polls)))
}

fn polls(open: usize) -> String {
    match open {
        0 => "no open poll".to_owned(),
        1 => "1 open poll".to_owned(),
        open => format!("{open} open polls"),
    }
}

fn of_queue(queue: &QueueOverview) -> (Option<bool>, String, String) {
    let told = match &queue.trouble {
        Some(trouble) => format!("{}, {}", trouble.condition, age(trouble.seconds)),
        None => format!("{} of {} places free", queue.free, queue.places),
    };
    let last = queue.last_receive.map_or_else(
        || "no receive was answered yet".to_owned(),
        |seconds| format!("last answered receive {} ago", age(seconds)),
    );
    (Some(queue.trouble.is_none()), told, last)
}

fn of_service(service: &ServiceOverview) -> (Option<bool>, String, String) {
    let took = service.sweep_millis.map(|millis| format!("last list took {millis} ms"));
    let told = match service.up {
        Some(true) => "answers".to_owned(),
        Some(false) => {
            let reason = service.reason.as_deref().unwrap_or_default();
            format!("does not answer: {reason}, {}", age(service.seconds.unwrap_or_default()))
        }
        None if service.url.is_empty() => "off, or not found yet".to_owned(),
        None => "not asked yet".to_owned(),
    };
    let place = [service.url.as_str(), service.source.as_str(), took.as_deref().unwrap_or_default()];
    let more: Vec<&str> = place.into_iter().filter(|part| !part.is_empty()).collect();
    (service.up, told, more.join(", "))
}

/// Applications of ours that nobody here follows.
fn strangers(to: &mut Markup, now: &Overview) {
    let all = now.strangers.as_deref().unwrap_or_default();
    if all.is_empty() {
        return;
    }
    to.tags("<section aria-labelledby=\"strangers\">\n<h2 id=\"strangers\">No task here <small>");
    to.text(&tasks::of(all.len().min(STRANGERS), all.len()));
    to.tags(", another worker's of this cluster, or followed by nobody</small></h2>\n<ul>\n");
    for stranger in &all[..all.len().min(STRANGERS)] {
        to.tags("<li>").link(
            places::application(&now.yarn.url, &stranger.application).as_deref(),
            &stranger.application,
        );
        to.tags(" (")
            .text(&stranger.name)
            .tags(", ")
            .text(&stranger.state)
            .tags(", tag ")
            .text(&stranger.tag)
            .tags(")</li>\n");
    }
    to.tags("</ul>\n</section>\n");
}
