//! The second stage: what is written, read on this node. All that is wrong with it is found at once.

mod doors;
mod service;
mod waits;

use super::problem::Problem;
use super::raw::{AUTO, Raw, RawActivity, RawAdmin, RawVerify};
use super::settings::{
    ActivitySettings, AdminSettings, AwsSettings, LivySettings, LogSettings, ServiceLocation, Settings,
    VerifySettings, YarnSettings,
};
use crate::arn::ActivityArn;
use crate::job::request::Defaults;
use crate::spark::address::Address;
use service::RawService;
pub(super) use service::keeps_a_password;
pub use waits::STOP_TIMEOUT;
pub(super) use waits::warnings;

/// What is wrong with a path that means another place in another directory.
pub(super) const NOT_WHOLE: &str = "must be a whole path, which begins with a slash";
/// The most pollers that Step Functions lets at one activity.
const MAX_POLLERS: usize = 1_000;
/// The most of anything else that is counted: far more than one node and one Livy can do, and few enough for every
/// counter that it goes into.
const MOST: usize = 10_000;

/// Reads every value.
///
/// # Errors
/// Everything that is wrong.
pub(super) fn resolve(raw: &Raw) -> Result<Settings, Vec<Problem>> {
    let mut problems = Vec::new();
    if raw.activity.is_empty() && raw.cloudformation.is_empty() {
        let what = "no activity to poll: add [[activity]] with its arn, or [[cloudformation]] with a queue";
        problems.push(Problem::new("activity", what));
    }
    let activities = activities(raw, &mut problems);
    let doors = doors::doors(raw, activities.first(), &mut problems);
    let of_door = doors.first().map(|door| door.topic.region());
    let region = activities.first().map(|activity| activity.arn.region()).or(of_door);
    let aws = aws(raw, region, &mut problems);
    problems.extend(heartbeats(raw));
    let livy = RawService::from(&raw.livy).resolve(&mut problems);
    let yarn = RawService::from(&raw.yarn).and_page(&raw.verify.history_url).resolve(&mut problems);
    let verify = verify(&raw.verify, &mut problems);
    waits::check(raw, &mut problems);
    count("livy.max_concurrent_submits", raw.livy.max_concurrent_submits, &mut problems);
    let rate = usize::try_from(raw.aws.heartbeat_rate).unwrap_or(usize::MAX);
    count("aws.heartbeat_rate", rate, &mut problems);
    if !raw.state.directory.is_absolute() {
        problems.push(Problem::new("state.directory", NOT_WHOLE));
    }
    let admin = admin(&raw.admin, &mut problems);
    let filter = raw.log.filter.parse();
    match filter {
        Ok(filter) if problems.is_empty() => Ok(Settings {
            aws,
            activities,
            doors,
            livy: LivySettings {
                service: livy,
                aliases: raw.livy.aliases.clone(),
                request_timeout: raw.livy.request_timeout,
                patience: raw.livy.patience,
                max_concurrent_submits: raw.livy.max_concurrent_submits,
            },
            yarn: YarnSettings { service: yarn, utf8: raw.yarn.utf8 },
            verify,
            watch: raw.watch.clone(),
            state: raw.state.clone(),
            stop: raw.stop.clone(),
            log: LogSettings { target: raw.log.target, format: raw.log.format, filter },
            admin,
        }),
        filter => {
            problems.extend(filter.err().map(|error| Problem::new("log.filter", error.to_string())));
            Err(problems)
        }
    }
}

/// The activities that can be polled; what is wrong with the others is added to `problems`.
fn activities(raw: &Raw, problems: &mut Vec<Problem>) -> Vec<ActivitySettings> {
    let mut known: Vec<ActivitySettings> = Vec::new();
    for (at, written) in raw.activity.iter().enumerate() {
        let mut wrong = |key: &str, what: String| {
            problems.push(Problem::new(format!("activity.{at}.{key}"), what));
        };
        let arn = ActivityArn::parse(&written.arn);
        match &arn {
            None => {
                wrong("arn", "not an activity's ARN (arn:aws:states:REGION:ACCOUNT:activity:NAME)".to_owned())
            }
            Some(arn) if known.first().is_some_and(|first| first.arn.region() != arn.region()) => {
                wrong("arn", "all activities of a worker must be in one region".to_owned());
            }
            Some(_) => {}
        }
        if raw.activity[..at].iter().any(|other| other.arn == written.arn) {
            wrong("arn", "named twice".to_owned());
        }
        if !is_count(written.max_concurrent_jobs) {
            wrong("max_concurrent_jobs", BEYOND_COUNT.to_owned());
        }
        if written.pollers == 0 || written.pollers > MAX_POLLERS.min(written.max_concurrent_jobs.max(1)) {
            wrong("pollers", "must be from 1 to max_concurrent_jobs, and at most 1,000".to_owned());
        }
        if let Some(what) = waits::beyond(written.heartbeat_interval) {
            wrong("heartbeat_interval", what);
        }
        match (arn, Defaults::new(written.defaults.clone(), raw.yarn.utf8)) {
            (Some(arn), Ok(defaults)) => known.push(ActivitySettings {
                arn,
                max_concurrent_jobs: written.max_concurrent_jobs,
                pollers: written.pollers,
                heartbeat_interval: written.heartbeat_interval,
                on_abort: written.on_abort,
                defaults,
            }),
            (_, Err(found)) => {
                found.iter().for_each(|found| wrong("defaults", format!("{}: {}", found.path, found.text)));
            }
            (None, Ok(_)) => {}
        }
    }
    known
}

fn aws(all: &Raw, region: Option<&str>, problems: &mut Vec<Problem>) -> AwsSettings {
    let raw = &all.aws;
    let endpoint_url = raw.endpoint_url.as_deref().map(Address::parse).transpose().unwrap_or_else(|what| {
        problems.push(Problem::new("aws.endpoint_url", what));
        None
    });
    if let (Some(region), Some(written)) = (region, &raw.region)
        && region != written
    {
        let what = format!("the activities are in {region}, and polls go there: leave region out");
        problems.push(Problem::new("aws.region", what));
    }
    let region = region.unwrap_or_default().to_owned();
    let heartbeats_needed = needed(all);
    AwsSettings { region, endpoint_url, heartbeat_rate: raw.heartbeat_rate, heartbeats_needed }
}

fn verify(raw: &RawVerify, problems: &mut Vec<Problem>) -> VerifySettings {
    let history = match Address::parse(&raw.history_url) {
        _ if raw.history_url == AUTO => ServiceLocation::Auto,
        Ok(address) => ServiceLocation::At(vec![address]),
        Err(what) => {
            problems.push(Problem::new("verify.history_url", what));
            ServiceLocation::Auto
        }
    };
    VerifySettings { spark: raw.spark, history }
}

fn admin(raw: &RawAdmin, problems: &mut Vec<Problem>) -> AdminSettings {
    let mut wrong = |what: &str| problems.push(Problem::new("admin.listen", what));
    let listen = match raw.listen.parse::<std::net::SocketAddr>() {
        _ if raw.listen.is_empty() => None,
        Ok(address) if address.ip().is_loopback() => Some(address),
        Ok(_) => {
            wrong("must be an address of the loopback: the endpoint knows no users");
            None
        }
        Err(_) => {
            wrong("must be written 127.0.0.1:9108");
            None
        }
    };
    AdminSettings { listen, socket: raw.socket.clone() }
}

/// What is wrong with a number that is no count.
const BEYOND_COUNT: &str = "must be from 1 to 10,000";

fn is_count(value: usize) -> bool {
    (1..=MOST).contains(&value)
}

fn count(key: &str, value: usize, problems: &mut Vec<Problem>) {
    if !is_count(value) {
        problems.push(Problem::new(key, BEYOND_COUNT));
    }
}

/// A heartbeat that comes late because of too many others kills its job, so full places must fit the rate.
fn heartbeats(raw: &Raw) -> Option<Problem> {
    let (needed, rate) = (needed(raw), raw.aws.heartbeat_rate);
    (rate > 0 && needed > f64::from(rate)).then(|| {
        let what = format!(
            "must be at least {needed:.1}, the sum of max_concurrent_jobs / heartbeat_interval of all activities: \
             raise it (an account has 300 to 500 calls a second), or lower what is in the sum"
        );
        Problem::new("aws.heartbeat_rate", what)
    })
}

/// Heartbeats a second with all places taken.
fn needed(raw: &Raw) -> f64 {
    raw.activity.iter().filter_map(beats_a_second).sum()
}

/// With all its places taken; none where the interval is wrong anyway.
#[expect(clippy::cast_precision_loss, reason = "no activity has 2^52 places")]
fn beats_a_second(activity: &RawActivity) -> Option<f64> {
    let interval = activity.heartbeat_interval.as_secs_f64();
    (interval > 0.0).then(|| activity.max_concurrent_jobs as f64 / interval)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::config::raw::tests::activity;

    const ARN: &str = "arn:aws:states:us-east-1:123456789012:activity:spark-job";

    #[test]
    fn what_no_run_could_begin_with_is_refused() {
        let good = || Raw { activity: vec![activity(ARN)], ..Raw::default() };
        assert!(resolve(&good()).is_ok());
        type Row = (fn(&mut Raw), &'static str);
        let table: [Row; 13] = [
            (|s| s.activity.clear(), "activity"),
            (|s| s.activity[0].heartbeat_interval = Duration::MAX, "activity.0.heartbeat_interval"),
            (|s| s.activity[0].heartbeat_interval = Duration::ZERO, "activity.0.heartbeat_interval"),
            (|s| s.activity[0].max_concurrent_jobs = 0, "activity.0.max_concurrent_jobs"),
            (|s| s.activity[0].max_concurrent_jobs = usize::MAX, "activity.0.max_concurrent_jobs"),
            (|s| s.livy.max_concurrent_submits = 0, "livy.max_concurrent_submits"),
            (|s| s.livy.max_concurrent_submits = usize::MAX >> 1, "livy.max_concurrent_submits"),
            (|s| s.verify.history_url.clear(), "verify.history_url"),
            (|s| s.verify.history_url = "history:18080".to_owned(), "verify.history_url"),
            (|s| s.aws.heartbeat_rate = 0, "aws.heartbeat_rate"),
            (|s| s.aws.heartbeat_rate = u32::MAX, "aws.heartbeat_rate"),
            (|s| s.state.directory = "".into(), "state.directory"),
            (|s| s.state.directory = "state".into(), "state.directory"),
        ];
        for (set, key) in table {
            let mut raw = good();
            set(&mut raw);
            let found = resolve(&raw).expect_err("it is wrong");
            assert!(found.iter().any(|found| found.key == key), "{key}: {found:?}");
        }
    }
}
