//! `[[cloudformation]]`: a queue that requests for resources come through, as it is written and as it is used.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::duration;
use crate::arn::TopicArn;
use crate::cloudformation::request::Rules;
use crate::job::goal::Goal;
use crate::job::machine::OnAbort;
use crate::job::request::Defaults;
use crate::spark::address::Address;

/// How long before CloudFormation gives up an answer is sent at the latest.
const ANSWER_MARGIN: Duration = Duration::from_secs(60);
/// A PUT needs a moment, and half of the longest time to answer is left to the job.
const MARGINS: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(1_800)];
/// The most jobs at once of one queue: as of an activity.
const MOST: usize = 10_000;

/// The table as it is written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawDoor {
    /// The queue's URL, which is where SQS is, too.
    pub(super) queue_url: String,
    /// The topic's ARN.
    pub(super) topic_arn: String,
    /// Patterns of the stacks that may send requests; none: those of the topic's account and region.
    #[serde(default)]
    pub(super) stacks: Vec<String>,
    /// Jobs at once.
    #[serde(default = "max_concurrent_jobs")]
    pub(super) max_concurrent_jobs: usize,
    /// How long before CloudFormation gives up an answer is sent at the latest.
    #[serde(default = "answer_margin", with = "duration")]
    pub(super) answer_margin: Duration,
    /// What becomes of an answered job when its resource is deleted.
    #[serde(default = "on_delete")]
    pub(super) on_delete: OnAbort,
    /// What a resource waits for that does not say it.
    #[serde(default = "wait_for")]
    pub(super) wait_for: String,
    /// What resources inherit: a task input.
    #[serde(default)]
    pub(super) defaults: Map<String, Value>,
    /// Exact origins that are answered in the place of AWS's own; for tests.
    #[serde(default)]
    pub(super) response_origins: Vec<String>,
}

/// The same, read.
#[derive(Debug, Clone)]
pub struct DoorSettings {
    /// The queue's URL.
    pub queue_url: String,
    /// The topic.
    pub topic: TopicArn,
    /// Which requests are taken.
    pub rules: Rules,
    /// Jobs at once.
    pub max_concurrent_jobs: usize,
    /// What becomes of an answered job when its resource is deleted.
    pub on_delete: OnAbort,
    /// What resources inherit.
    pub defaults: Defaults,
}

fn max_concurrent_jobs() -> usize {
    20
}

fn answer_margin() -> Duration {
    ANSWER_MARGIN
}

fn on_delete() -> OnAbort {
    OnAbort::Kill
}

fn wait_for() -> String {
    Goal::Running.as_str().to_owned()
}

impl RawDoor {
    /// Reads every value. `utf8`: whether letters that are not ASCII arrive.
    ///
    /// # Errors
    /// Everything that is wrong: a key, and what is wrong with its value.
    pub(super) fn resolve(&self, utf8: bool) -> Result<DoorSettings, Vec<(&'static str, String)>> {
        let mut problems = Vec::new();
        if let Err(what) = queue(&self.queue_url) {
            problems.push(("queue_url", what));
        }
        if !(1..=MOST).contains(&self.max_concurrent_jobs) {
            problems.push(("max_concurrent_jobs", format!("must be from 1 to {MOST}")));
        }
        if !(MARGINS[0]..=MARGINS[1]).contains(&self.answer_margin) {
            problems.push(("answer_margin", "must be from 1s to 30m".to_owned()));
        }
        if let Some(odd) = self.stacks.iter().find(|stack| !stack.starts_with("arn:")) {
            problems.push(("stacks", format!("{odd} is no stack's ARN, in which * may stand for any text")));
        }
        for origin in &self.response_origins {
            if let Err(what) = origin_only(origin) {
                problems.push(("response_origins", format!("{origin} {what}")));
            }
        }
        let goal = Goal::ALL.into_iter().find(|goal| goal.as_str() == self.wait_for);
        if goal.is_none() {
            problems.push(("wait_for", "must be SUBMITTED, RUNNING or SUCCEEDED".to_owned()));
        }
        let topic = TopicArn::parse(&self.topic_arn);
        if topic.is_none() {
            let what = "not a standard topic's ARN (arn:aws:sns:REGION:ACCOUNT:NAME)";
            problems.push(("topic_arn", what.to_owned()));
        }
        let defaults = Defaults::new(self.defaults.clone(), utf8);
        if let Err(found) = &defaults {
            problems
                .extend(found.iter().map(|found| ("defaults", format!("{}: {}", found.path, found.text))));
        }
        match (topic, goal, defaults) {
            (Some(topic), Some(goal), Ok(defaults)) if problems.is_empty() => Ok(DoorSettings {
                queue_url: self.queue_url.clone(),
                rules: self.rules(&topic, goal),
                topic,
                max_concurrent_jobs: self.max_concurrent_jobs,
                on_delete: self.on_delete,
                defaults,
            }),
            _ => Err(problems),
        }
    }

    fn rules(&self, topic: &TopicArn, goal: Goal) -> Rules {
        let (partition, region, account) = (topic.partition(), topic.region(), topic.account());
        let of_the_topic = format!("arn:{partition}:cloudformation:{region}:{account}:stack/*");
        Rules {
            topic: topic.to_string(),
            stacks: if self.stacks.is_empty() { vec![of_the_topic] } else { self.stacks.clone() },
            origins: self.response_origins.clone(),
            margin: self.answer_margin,
            goal,
        }
    }
}

/// A queue's URL: what is signed and what may hold a secret goes over https, or to this node.
fn queue(url: &str) -> Result<(), String> {
    let address = Address::parse(url)?;
    let loopback = matches!(address.host(), "localhost" | "[::1]") || address.host().starts_with("127.");
    if !address.is_tls() && !loopback {
        return Err("must begin with https://, or be on this node".to_owned());
    }
    let path = url.split_once("://").and_then(|(_, rest)| rest.split_once('/')).map(|(_, path)| path);
    let parts = path.unwrap_or_default().split('/').collect::<Vec<&str>>();
    match parts[..] {
        [account, name] if !account.is_empty() && !name.is_empty() => Ok(()),
        _ => Err("must end with /ACCOUNT/NAME, as the queue's URL does".to_owned()),
    }
}

/// An origin: exactly what a URL begins with.
fn origin_only(origin: &str) -> Result<(), String> {
    let address = Address::parse(origin)?;
    if origin.matches('/').count() == 2 && address.base() == origin {
        Ok(())
    } else {
        Err("must be scheme, host and port alone: http://127.0.0.1:4566".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use figment::Figment;
    use figment::providers::{Format as _, Toml};

    use super::*;

    const LEAST: &str = "queue_url = 'https://sqs.eu-west-1.amazonaws.com/123456789012/spark-jobs'\n\
                         topic_arn = 'arn:aws:sns:eu-west-1:123456789012:spark-jobs'\n";

    fn read(more: &str) -> Result<DoorSettings, Vec<(&'static str, String)>> {
        let raw: RawDoor = Figment::from(Toml::string(&format!("{LEAST}{more}"))).extract().expect("a table");
        raw.resolve(false)
    }

    fn wrong(more: &str, key: &str, words: &str) {
        let figment = Figment::from(Toml::string(LEAST)).merge(Toml::string(more));
        let raw: RawDoor = figment.extract().expect("a table");
        let problems = raw.resolve(false).expect_err(more);
        assert!(
            problems.iter().any(|(found, what)| *found == key && what.contains(words)),
            "{more}: {problems:?}"
        );
    }

    #[test]
    fn a_queue_and_a_topic_are_enough() {
        let door = read("").expect("it is good");
        assert_eq!(door.rules.stacks, ["arn:aws:cloudformation:eu-west-1:123456789012:stack/*"]);
        assert_eq!((door.rules.margin, door.rules.goal), (ANSWER_MARGIN, Goal::Running));
        assert_eq!((door.max_concurrent_jobs, door.on_delete), (20, OnAbort::Kill));
        assert!(door.rules.origins.is_empty());
        assert_eq!(door.rules.topic, door.topic.as_str());
    }

    #[test]
    fn every_key_can_be_set() {
        let door = read(
            "stacks = ['arn:aws:cloudformation:eu-west-1:123456789012:stack/etl-*']\nmax_concurrent_jobs = 3\n\
             answer_margin = '30m'\non_delete = 'leave'\nwait_for = 'SUCCEEDED'\ndefaults = { Queue = 'etl' }\n\
             response_origins = ['http://127.0.0.1:4566']",
        )
        .expect("it is good");
        assert_eq!((door.max_concurrent_jobs, door.on_delete), (3, OnAbort::Leave));
        assert_eq!((door.rules.margin.as_secs(), door.rules.goal), (1_800, Goal::Succeeded));
        assert_eq!(door.rules.origins, ["http://127.0.0.1:4566"]);
    }

    #[test]
    fn each_wrong_value_is_named_with_its_key() {
        for (more, key, words) in [
            ("queue_url = 'http://sqs.eu-west-1.amazonaws.com/1/a'", "queue_url", "https"),
            ("queue_url = 'https://sqs.eu-west-1.amazonaws.com/'", "queue_url", "/ACCOUNT/NAME"),
            ("queue_url = 'https://sqs.eu-west-1.amazonaws.com/1/a/b'", "queue_url", "/ACCOUNT/NAME"),
            ("queue_url = 'spark-jobs'", "queue_url", "http"),
            ("topic_arn = 'arn:aws:sns:eu-west-1:123456789012:a.fifo'", "topic_arn", "standard topic"),
            ("stacks = ['etl']", "stacks", "etl is no stack's ARN"),
            ("max_concurrent_jobs = 0", "max_concurrent_jobs", "from 1"),
            ("answer_margin = '500ms'", "answer_margin", "1s"),
            ("answer_margin = '31m'", "answer_margin", "30m"),
            ("wait_for = 'DONE'", "wait_for", "SUBMITTED"),
            ("defaults = { Nothing = 'x' }", "defaults", "Nothing"),
            ("response_origins = ['http://127.0.0.1:4566/']", "response_origins", "alone"),
            ("response_origins = ['http://127.0.0.1:4566/x']", "response_origins", "alone"),
            ("response_origins = ['127.0.0.1']", "response_origins", "http"),
        ] {
            wrong(more, key, words);
        }
    }
}
