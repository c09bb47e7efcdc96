//! Asks Step Functions, Livy and YARN, with the clients that the daemon has.

use std::future::Future;
use std::time::{SystemTime, UNIX_EPOCH};

use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};

use super::super::facts::{Aws, Livy, Yarn};
use super::ANSWERS;
use crate::activity::{Condition, Looked, StepFunctions, Trouble};
use crate::config::Settings;
use crate::spark::connection::{Access, NoAnswer};
use crate::spark::{livy, yarn};

/// Step Functions: each activity, and each call that answers a task. The one call that is left out takes tasks.
pub(super) async fn aws(settings: &Settings, by: Instant) -> Aws {
    let arns: Vec<String> = settings.activity.iter().map(|activity| activity.arn.clone()).collect();
    let first = arns.first().map(String::as_str).unwrap_or_default();
    let service = StepFunctions::connect(settings.aws.endpoint_url.clone(), first).await;
    let mut looks = JoinSet::new();
    for (at, arn) in arns.iter().cloned().enumerate() {
        let service = service.clone();
        looks.spawn(async move { (at, before(by, service.look(&arn)).await) });
    }
    let looks = async {
        let mut looked = looks.join_all().await;
        looked.sort_by_key(|(at, _)| *at);
        looked
    };
    let (looked, beat, success, failure) = tokio::join!(
        looks,
        before(by, service.may_beat()),
        before(by, service.may_succeed()),
        before(by, service.may_fail())
    );
    let clocks = [beat.1, success.1, failure.1].into_iter().chain(looked.iter().map(|(_, look)| look.1));
    Aws {
        ahead: clocks.flatten().next(),
        activities: arns.into_iter().zip(looked).map(|(arn, (_, (trouble, _)))| (arn, trouble)).collect(),
        reports: vec![
            ("states:SendTaskHeartbeat", beat.0),
            ("states:SendTaskSuccess", success.0),
            ("states:SendTaskFailure", failure.0),
        ],
    }
}

/// What is in the way of a call, and by how many seconds our clock is ahead.
async fn before(by: Instant, call: impl Future<Output = Looked>) -> (Option<Trouble>, Option<i64>) {
    match timeout_at(by, call).await {
        Ok(looked) => {
            let ahead = looked.service_time.map(|theirs| now() - theirs);
            (looked.trouble, ahead)
        }
        Err(_) => {
            let words = format!(
                "no answer within {} s from it, or from the metadata service, which gives credentials",
                ANSWERS.as_secs()
            );
            (Some(Trouble { condition: Condition::Unreachable, words }), None)
        }
    }
}

fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

/// Livy, by looks alone.
pub(super) async fn livy(settings: &Settings, access: Option<Access>, by: Instant) -> Option<Livy> {
    let access = access?;
    let client = match livy::Livy::new(&settings.livy.url, &access, ANSWERS) {
        Ok(client) => client,
        Err(error) => return Some(Livy { answers: silent(&*error), version: silent(&*error) }),
    };
    let (answers, version) = tokio::join!(timeout_at(by, client.ping()), timeout_at(by, client.version()));
    Some(Livy {
        answers: answers.unwrap_or_else(|_| late()),
        version: version
            .unwrap_or_else(|_| late())
            .map(|version| (version.to_string(), version.is_too_old())),
    })
}

/// YARN, by looks alone.
pub(super) async fn yarn(settings: &Settings, access: Option<Access>, by: Instant) -> Option<Yarn> {
    let access = access?;
    let client = match yarn::ResourceManager::new(&settings.yarn.url.all(), &access, ANSWERS) {
        Ok(client) => client,
        Err(error) => return Some(Yarn::On { about: silent(&*error), tags: silent(&*error) }),
    };
    if client.is_off() {
        return Some(Yarn::Off);
    }
    let (about, tags) = tokio::join!(timeout_at(by, client.about()), timeout_at(by, client.active()));
    Some(Yarn::On {
        about: about.unwrap_or_else(|_| late()),
        tags: tags.unwrap_or_else(|_| late()).map(|found| found.into_keys().collect()),
    })
}

fn silent<T>(error: &(dyn std::error::Error + Send + Sync)) -> Result<T, NoAnswer> {
    Err(NoAnswer::Silent(format!("the HTTP client cannot be set up: {error}")))
}

fn late<T>() -> Result<T, NoAnswer> {
    Err(NoAnswer::Silent(format!("no answer within {} s", ANSWERS.as_secs())))
}
