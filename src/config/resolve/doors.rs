//! The queues of `[[cloudformation]]`, beside each other and beside the rest of the configuration.

use super::super::door::DoorSettings;
use super::super::problem::Problem;
use super::super::raw::Raw;
use super::super::settings::{ActivitySettings, ServiceLocation};
use super::RawService;

/// The doors that can be opened; what is wrong with the others is added to `problems`.
pub(super) fn doors(
    raw: &Raw,
    activity: Option<&ActivitySettings>,
    problems: &mut Vec<Problem>,
) -> Vec<DoorSettings> {
    let mut known: Vec<DoorSettings> = Vec::new();
    for (at, written) in raw.cloudformation.iter().enumerate() {
        let mut wrong = |key: &str, what: String| {
            problems.push(Problem::new(format!("cloudformation.{at}.{key}"), what));
        };
        let before = &raw.cloudformation[..at];
        for (key, twice) in [
            ("queue_url", before.iter().any(|other| other.queue_url == written.queue_url)),
            ("topic_arn", before.iter().any(|other| other.topic_arn == written.topic_arn)),
        ] {
            if twice {
                wrong(key, "named twice".to_owned());
            }
        }
        match written.resolve(raw.yarn.utf8) {
            Err(found) => found.into_iter().for_each(|(key, what)| wrong(key, what)),
            Ok(door) => {
                let region = activity.map(|activity| activity.arn.region());
                let region = region.or(known.first().map(|first| first.topic.region()));
                if region.is_some_and(|region| region != door.topic.region()) {
                    wrong(
                        "topic_arn",
                        "all activities and topics of a worker must be in one region".to_owned(),
                    );
                }
                known.push(door);
            }
        }
    }
    let yarn = RawService::from(&raw.yarn).resolve(&mut Vec::new());
    if !raw.cloudformation.is_empty() && yarn.place == ServiceLocation::At(Vec::new()) {
        let what =
            "[[cloudformation]] needs YARN: without it nothing proves that a deleted resource's job is dead";
        problems.push(Problem::new("yarn.url", what));
    }
    known
}

#[cfg(test)]
mod tests {
    use figment::Figment;
    use figment::providers::{Format as _, Serialized, Toml};

    use super::super::resolve;
    use super::*;

    const DOOR: &str = "[[cloudformation]]
queue_url = 'https://sqs.eu-west-1.amazonaws.com/123456789012/spark-jobs'
topic_arn = 'arn:aws:sns:eu-west-1:123456789012:spark-jobs'
";

    fn read(text: &str) -> Result<crate::config::Settings, Vec<Problem>> {
        let layers = Figment::from(Serialized::defaults(Raw::default())).merge(Toml::string(text));
        resolve(&layers.extract().expect("it can be read"))
    }

    #[test]
    fn a_queue_is_enough_and_gives_the_region() {
        let settings = read(DOOR).expect("it is good");
        assert_eq!((settings.activities.len(), settings.doors.len()), (0, 1));
        assert_eq!(settings.aws.region, "eu-west-1");
    }

    #[test]
    fn what_does_not_fit_beside_a_queue_is_named_with_its_key() {
        let activity = "[[activity]]\narn = 'arn:aws:states:us-east-1:123456789012:activity:a'\n";
        for (text, key, words) in [
            (format!("{DOOR}{DOOR}"), "cloudformation.1.queue_url", "twice"),
            (format!("{DOOR}{DOOR}"), "cloudformation.1.topic_arn", "twice"),
            (format!("{activity}{DOOR}"), "cloudformation.0.topic_arn", "one region"),
            (format!("{DOOR}[yarn]\nurl = ''"), "yarn.url", "needs YARN"),
            (format!("{DOOR}wait_for = 'DONE'"), "cloudformation.0.wait_for", "SUBMITTED"),
            (format!("{DOOR}[aws]\nregion = 'us-east-1'"), "aws.region", "eu-west-1"),
        ] {
            let found = read(&text).expect_err(&text);
            let fits = |found: &Problem| found.key == key && found.what.contains(words);
            assert!(found.iter().any(fits), "{key}: {found:?}");
        }
    }
}
