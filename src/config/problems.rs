//! What is wrong with a configuration that its types allow.

use super::reach::{Problem, Reach};
use super::settings::{Activity, Settings};
use super::waits;
use crate::arn;
use crate::job::request::Defaults;
use crate::log;
use crate::spark::address::Address;

/// The most pollers that Step Functions lets at one activity.
const MAX_POLLERS: usize = 1_000;
/// The most of anything else that is counted: far more than one node and one Livy can do, and few enough for every
/// counter that it goes into.
const MOST: usize = 10_000;

/// What types cannot say: key and what is wrong.
pub(super) fn problems(settings: &Settings) -> Vec<Problem> {
    let mut problems = Vec::new();
    if settings.activity.is_empty() {
        problems
            .push(("activity".to_owned(), "no activity to poll: add [[activity]] with its arn".to_owned()));
    }
    for at in 0..settings.activity.len() {
        let found = activity_problems(&settings.activity, at, settings.yarn.utf8);
        problems.extend(found.into_iter().map(|(key, text)| (format!("activity.{at}.{key}"), text)));
    }
    let mut wrong = |key: &str, text: String| problems.push((key.to_owned(), text));
    if let Some(url) = &settings.aws.endpoint_url
        && let Err(text) = Address::parse(url)
    {
        wrong("aws.endpoint_url", text);
    }
    if let (Some(region), Some(wanted)) =
        (&settings.aws.region, settings.activity.first().and_then(region_of))
        && region != wanted
    {
        wrong("aws.region", format!("the activities are in {wanted}, and polls go there: leave region out"));
    }
    problems.extend(heartbeats(settings));
    problems.extend(Reach::from(&settings.livy).problems());
    problems.extend(Reach::from(&settings.yarn).problems());
    problems.extend(waits::problems(settings));
    let mut wrong = |key: &str, text: String| problems.push((key.to_owned(), text));
    for (key, count) in [
        ("livy.max_concurrent_submits", settings.livy.max_concurrent_submits),
        ("aws.heartbeat_rate", usize::try_from(settings.aws.heartbeat_rate).unwrap_or(usize::MAX)),
    ] {
        if !(1..=MOST).contains(&count) {
            wrong(key, "must be from 1 to 10,000".to_owned());
        }
    }
    if !settings.state.directory.is_absolute() {
        wrong("state.directory", "must be a whole path, which begins with a slash".to_owned());
    }
    if let Err(text) = settings.admin.address() {
        wrong("admin.listen", text);
    }
    if let Err(error) = log::check_filter(&settings.log.filter) {
        wrong("log.filter", format!("{error}"));
    }
    problems
}

/// What is wrong with the activity at a place of the list.
fn activity_problems(activities: &[Activity], at: usize, utf8: bool) -> Vec<(&'static str, String)> {
    let mut problems = Vec::new();
    let mut wrong = |key, text: &str| problems.push((key, text.to_owned()));
    let activity = &activities[at];
    match region_of(activity) {
        None => wrong("arn", "not an activity's ARN (arn:aws:states:REGION:ACCOUNT:activity:NAME)"),
        region if region != region_of(&activities[0]) => {
            wrong("arn", "all activities of a worker must be in one region");
        }
        Some(_) => {}
    }
    if activities[..at].iter().any(|other| other.arn == activity.arn) {
        wrong("arn", "named twice");
    }
    if !(1..=MOST).contains(&activity.max_concurrent_jobs) {
        wrong("max_concurrent_jobs", "must be from 1 to 10,000");
    }
    if activity.pollers == 0 || activity.pollers > MAX_POLLERS.min(activity.max_concurrent_jobs.max(1)) {
        wrong("pollers", "must be from 1 to max_concurrent_jobs, and at most 1,000");
    }
    if let Some(text) = waits::beyond(activity.heartbeat_interval) {
        wrong("heartbeat_interval", &text);
    }
    if let Err(found) = Defaults::new(activity.defaults.clone(), utf8) {
        for problem in found.iter() {
            wrong("defaults", &format!("{}: {}", problem.path, problem.text));
        }
    }
    problems
}

fn region_of(activity: &Activity) -> Option<&str> {
    arn::region(&activity.arn)
}

/// A beat that comes late because of too many others kills its job, so full places must fit the rate.
fn heartbeats(settings: &Settings) -> Option<Problem> {
    let needed: f64 = settings.activity.iter().filter_map(beats_a_second).sum();
    let rate = settings.aws.heartbeat_rate;
    (rate > 0 && needed > f64::from(rate)).then(|| {
        let text = format!(
            "must be at least {needed:.1}, the sum of max_concurrent_jobs / heartbeat_interval of all activities: \
             raise it (an account has 300 to 500 calls a second), or lower what is in the sum"
        );
        ("aws.heartbeat_rate".to_owned(), text)
    })
}

/// With all its places taken; none where the interval is wrong anyway.
#[expect(clippy::cast_precision_loss, reason = "no activity has 2^52 places")]
fn beats_a_second(activity: &Activity) -> Option<f64> {
    let interval = activity.heartbeat_interval.as_secs_f64();
    (interval > 0.0).then(|| activity.max_concurrent_jobs as f64 / interval)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const ARN: &str = "arn:aws:states:us-east-1:123456789012:activity:spark-job";

    #[test]
    fn what_no_run_could_begin_with_is_refused() {
        let good = || Settings { activity: vec![Activity::new(ARN)], ..Settings::default() };
        assert_eq!(problems(&good()), []);
        type Row = (fn(&mut Settings), &'static str);
        let table: [Row; 10] = [
            (|s| s.activity[0].heartbeat_interval = Duration::MAX, "activity.0.heartbeat_interval"),
            (|s| s.activity[0].heartbeat_interval = Duration::ZERO, "activity.0.heartbeat_interval"),
            (|s| s.activity[0].max_concurrent_jobs = 0, "activity.0.max_concurrent_jobs"),
            (|s| s.activity[0].max_concurrent_jobs = usize::MAX, "activity.0.max_concurrent_jobs"),
            (|s| s.livy.max_concurrent_submits = 0, "livy.max_concurrent_submits"),
            (|s| s.livy.max_concurrent_submits = usize::MAX >> 1, "livy.max_concurrent_submits"),
            (|s| s.aws.heartbeat_rate = 0, "aws.heartbeat_rate"),
            (|s| s.aws.heartbeat_rate = u32::MAX, "aws.heartbeat_rate"),
            (|s| s.state.directory = "".into(), "state.directory"),
            (|s| s.state.directory = "state".into(), "state.directory"),
        ];
        for (set, key) in table {
            let mut settings = good();
            set(&mut settings);
            let found = problems(&settings);
            assert!(found.iter().any(|(found, _)| found == key), "{key}: {found:?}");
        }
    }
}
