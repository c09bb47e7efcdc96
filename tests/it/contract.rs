//! The stand-ins keep the contract that the real servers keep (`tests/stack/contract.rs`).

use std::time::Duration;

use stand_ins::contract;
use stand_ins::contract::livy::Expect;
use stand_ins::contract::sfn::Deviations;
use stand_ins::livy::{Livy, Master, Settings, Version};
use stand_ins::sfn::Sfn;
use stand_ins::spark::{Application, FailedTask, Spark};

#[tokio::test]
async fn the_stand_in_for_livy_keeps_the_contract_in_each_version() {
    for version in [Version::V0_7, Version::V0_8, Version::V0_9] {
        let livy = Livy::with(Settings::new(version, Master::Yarn).allowing("/jobs/")).await;
        contract::livy::cases(&livy.url(), &Expect::scripted(version, Master::Yarn, "/jobs/job.sh")).await;
    }
}

#[tokio::test]
async fn the_stand_in_for_step_functions_keeps_the_contract_without_a_deviation() {
    let sfn = Sfn::start().await;
    sfn.hold_polls(Duration::from_secs(3));
    contract::sfn::cases(&sfn.url(), &Deviations::none()).await;
}

#[tokio::test]
async fn the_stand_in_for_sparks_history_server_keeps_the_contract() {
    let (spark, words) = (Spark::start().await, "ValueError: no such rate code: 99");
    let id = "application_1795825551697_0007";
    spark.knows(id, Application::default().succeeding(0).failing(&FailedTask::saying(words)));
    contract::history::cases(&spark.url(), id, words).await;
}
