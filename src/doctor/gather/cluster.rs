//! Asks Step Functions, Livy, YARN and Spark, with the clients that the daemon has.

use std::future::Future;
use std::time::{SystemTime, UNIX_EPOCH};

use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};

use super::super::facts::{AwsFacts, HistoryFacts, LivyFacts, YarnFacts};
use super::ANSWERS;
use crate::activity::{Condition, Looked, StepFunctions, Trouble};
use crate::arn::ActivityArn;
use crate::aws::Fault;
use crate::command;
use crate::config::{self, ServiceLocation, Settings};
use crate::job::world::ServiceError;
use crate::spark::address::Address;
use crate::spark::addresses::{AddressInUse, AddressLookup, ServiceAddresses};
use crate::spark::connection::Access;
use crate::spark::history::SparkRest;
use crate::spark::{livy, yarn};

/// Step Functions: each activity, and each call that answers a task. The one call that is left out takes tasks.
pub(super) async fn aws(settings: &Settings, by: Instant) -> AwsFacts {
    let arns: Vec<ActivityArn> = settings.activities.iter().map(|activity| activity.arn.clone()).collect();
    if arns.is_empty() {
        return AwsFacts { activities: Vec::new(), reports: Vec::new(), ahead: None };
    }
    let endpoint_url = settings.aws.endpoint_url.as_ref().map(Address::base);
    let service = StepFunctions::connect(&settings.aws.region, endpoint_url).await;
    let mut looks = JoinSet::new();
    for (at, arn) in arns.iter().cloned().enumerate() {
        let service = service.clone();
        looks.spawn(async move { (at, before(by, service.look(arn.as_str())).await) });
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
    AwsFacts {
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
            let reason = format!(
                "no answer within {} s from it, or from the metadata service, which gives credentials",
                ANSWERS.as_secs()
            );
            (Some(Trouble { condition: Condition::Fault(Fault::Unreachable), reason }), None)
        }
    }
}

fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

/// Livy, by looks alone.
pub(super) async fn livy(
    addresses: ServiceAddresses,
    access: Option<Access>,
    by: Instant,
) -> Option<LivyFacts> {
    let (access, known) = (access?, AddressLookup::clone(&addresses.known()));
    let client = match livy::Livy::new(addresses, &access, ANSWERS) {
        Ok(client) => client,
        Err(error) => {
            return Some(LivyFacts { addresses: known, answers: silent(&*error), version: silent(&*error) });
        }
    };
    let (answers, version) = tokio::join!(timeout_at(by, client.ping()), timeout_at(by, client.version()));
    Some(LivyFacts {
        addresses: known,
        answers: answers.unwrap_or_else(|_| late()),
        version: version
            .unwrap_or_else(|_| late())
            .map(|version| (version.to_string(), version.is_too_old())),
    })
}

/// YARN, by looks alone.
pub(super) async fn yarn(
    addresses: ServiceAddresses,
    access: Option<Access>,
    by: Instant,
) -> Option<YarnFacts> {
    let (access, known) = (access?, AddressLookup::clone(&addresses.known()));
    let client = match yarn::ResourceManager::new(addresses, &access, ANSWERS) {
        Ok(client) => client,
        Err(error) => {
            let (about, tags) = (silent(&*error), silent(&*error));
            return Some(YarnFacts::On { addresses: known, used: AddressInUse::default(), about, tags });
        }
    };
    if client.is_off() {
        return Some(YarnFacts::Off);
    }
    let (about, tags) = tokio::join!(timeout_at(by, client.about()), timeout_at(by, client.active(None)));
    Some(YarnFacts::On {
        addresses: known,
        used: client.place(),
        about: about.unwrap_or_else(|_| late()),
        tags: tags.unwrap_or_else(|_| late()).map(|found| found.tags().map(str::to_owned).collect()),
    })
}

/// Spark's history server, by looks alone; `None` where nobody is to ask it.
pub(super) async fn history(
    addresses: Option<ServiceAddresses>,
    access: Option<Access>,
    by: Instant,
) -> Option<HistoryFacts> {
    let (addresses, access) = (addresses?, access?);
    let known = AddressLookup::clone(&addresses.known());
    // No driver is asked here, so nobody needs to know where YARN is.
    let version = match SparkRest::new(addresses.clone(), (&addresses, &access), ANSWERS) {
        Ok(client) => timeout_at(by, client.version()).await.unwrap_or_else(|_| late()),
        Err(error) => silent(&*error),
    };
    Some(HistoryFacts { addresses: known, version })
}

/// What `url = "auto"` reads, and the worker's user cannot: root, who asks here, can read everything.
pub(super) async fn unread(settings: &Settings, worker: &str, by: Instant) -> Vec<String> {
    let history = &settings.verify.history;
    let files = [
        (Some(&settings.livy.service.place), config::livy_conf_file()),
        (Some(&settings.yarn.service.place), config::yarn_site_file()),
        (settings.verify.spark.then_some(history), config::spark_defaults_file()),
    ];
    let mut unread = Vec::new();
    for (_, path) in
        files.into_iter().filter(|(place, path)| *place == Some(&ServiceLocation::Auto) && path.exists())
    {
        let path = path.display().to_string();
        let try_it = ["-u", worker, "--", "sh", "-c", "test -r \"$0\" && echo yes || echo no", &path];
        if command::output(by, "runuser", &try_it).await.is_ok_and(|said| said.trim() == "no") {
            unread.push(path);
        }
    }
    unread
}

fn silent<T>(error: &(dyn std::error::Error + Send + Sync)) -> Result<T, ServiceError> {
    Err(ServiceError::Unavailable(format!("the HTTP client cannot be set up: {error}")))
}

fn late<T>() -> Result<T, ServiceError> {
    Err(ServiceError::Unavailable(format!("no answer within {} s", ANSWERS.as_secs())))
}
