//! The real servers keep the contract that the stand-ins keep (`tests/it/contract.rs`). Where LocalStack is known to
//! differ from AWS, the difference has a name and is asserted.

use stand_ins::contract;
use stand_ins::contract::livy::{Expect, Job};
use stand_ins::contract::sfn::Deviations;
use stand_ins::livy::{Master, Version};

use crate::real::stack;

#[tokio::test]
async fn contract_of_step_functions() {
    contract::sfn::cases(&stack("SFN"), &Deviations::localstack()).await;
}

#[tokio::test]
async fn contract_of_livy_with_scripted_jobs() {
    let file = format!("{}/fails.py", stack("JOBS"));
    contract::livy::cases(&stack("LIVY_FAKE"), &Expect::scripted(Version::V0_7, Master::Local, &file)).await;
}

#[tokio::test]
#[ignore = "slow: tests/stack/run --all"]
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
