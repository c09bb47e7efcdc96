//! The real servers keep the contract that the stand-ins keep (`tests/it/contract.rs`). Where LocalStack is known to
//! differ from AWS, the difference has a name and is asserted.

use std::time::Duration;

use serde_json::json;
use stand_ins::contract;
use stand_ins::contract::livy::{Expect, Job};
use stand_ins::contract::sfn::Deviations;
use stand_ins::contract::yarn;
use stand_ins::livy::{Master, Version};

use crate::real::{control, stack};

#[tokio::test]
async fn contract_of_step_functions() {
    contract::sfn::cases(&stack("SFN"), &Deviations::localstack()).await;
}

#[tokio::test]
async fn contract_of_the_queue() {
    contract::sqs::cases(&stack("SFN")).await;
}

#[tokio::test]
async fn contract_of_the_bucket_of_answers() {
    crate::door::contract_of_the_bucket().await;
}

#[tokio::test]
async fn contract_of_livy_with_scripted_jobs() {
    let file = format!("{}/fails.py", stack("JOBS"));
    contract::livy::cases(&stack("LIVY_FAKE"), &Expect::scripted(Version::V0_7, Master::Local, &file)).await;
}

#[tokio::test]
async fn contract_of_livy_on_yarn() {
    let job =
        |name: &str, args: &[&str]| Job::new(&format!("{}/{name}", stack("JOBS")), args.iter().copied());
    let expect = Expect::spark(
        Version::V0_7,
        Master::Yarn,
        job("sleeps.py", &["1"]),
        job("fails.py", &[]),
        job("sleeps.py", &["300"]),
    );
    contract::livy::cases(&stack("LIVY_YARN"), &expect).await;
}

#[tokio::test]
async fn contract_of_sessions_on_yarn() {
    let within = Duration::from_secs(120);
    let expect = contract::session::Expect { version: Version::V0_7, master: Master::Yarn, within };
    contract::session::cases(&stack("LIVY_YARN"), &expect).await;
}

#[tokio::test]
async fn contract_of_yarn() {
    yarn::cases(&stack("RM"), &stack("LIVY_YARN"), &cluster()).await;
}

#[tokio::test]
async fn contract_of_yarn_with_acls() {
    let restart = |acl: &str| {
        control(&["stop", "rm"], &[]);
        control(&["start", "rm"], &[("YARN_ACL", acl)]);
    };
    restart("on");
    let mut restricted = yarn::Restricted::start(&stack("RM"), &stack("LIVY_YARN"), &cluster()).await;
    restricted.cases(false).await;
    // The application goes on meanwhile.
    restart("filter");
    restricted.cases(true).await;
    restricted.ends().await;
    restart("off");
}

#[tokio::test]
async fn contract_of_a_standby_of_yarn() {
    let (one, other) = (stack("PAIR_1"), stack("PAIR_2"));
    control(&["start", "pair-1", "pair-2"], &[]);
    let before = yarn::leaderless(&other).await;
    yarn::leaderless(&one).await;
    control(&["activate", "pair-2"], &[]);
    assert!(yarn::standby(&one, &other).await > before, "it counts anew from when it became active");
    control(&["kill", "pair-1"], &[]);
    control(&["kill", "pair-2"], &[]);
}

fn cluster() -> yarn::Expect {
    let python =
        |file: &str, seconds: &str| json!({ "file": format!("{}/{file}", stack("JOBS")), "args": [seconds] });
    yarn::Expect {
        succeeds: python("sleeps.py", "1"),
        fails: python("fails.py", ""),
        verbose: json!({ "file": format!("{}/jobs.jar", stack("JOBS")), "className": "Fails", "args": ["200000"] }),
        stays: python("sleeps.py", "600"),
        letters: 200_000,
        within: Duration::from_secs(300),
    }
}
