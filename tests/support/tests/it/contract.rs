//! The contract, for each release and master.

use std::time::Duration;

use stand_ins::contract;
use stand_ins::contract::livy::Expect;
use stand_ins::contract::sfn::Deviations;
use stand_ins::livy::{Livy, Master, Settings, Version};
use stand_ins::sfn::Sfn;

async fn keeps_the_contract(version: Version, master: Master) {
    let livy = Livy::with(Settings::new(version, master).allowing("/jobs/")).await;
    contract::livy::cases(&livy.url(), &Expect::scripted(version, master, "/jobs/job.sh")).await;
}

#[tokio::test]
async fn livy_0_7_on_yarn_keeps_the_contract() {
    keeps_the_contract(Version::V0_7, Master::Yarn).await;
}

#[tokio::test]
async fn livy_0_7_on_its_own_keeps_the_contract() {
    keeps_the_contract(Version::V0_7, Master::Local).await;
}

#[tokio::test]
async fn livy_0_8_on_yarn_keeps_the_contract() {
    keeps_the_contract(Version::V0_8, Master::Yarn).await;
}

#[tokio::test]
async fn livy_0_8_on_its_own_keeps_the_contract() {
    keeps_the_contract(Version::V0_8, Master::Local).await;
}

#[tokio::test]
async fn livy_0_9_on_yarn_keeps_the_contract() {
    keeps_the_contract(Version::V0_9, Master::Yarn).await;
}

#[tokio::test]
async fn livy_0_9_on_its_own_keeps_the_contract() {
    keeps_the_contract(Version::V0_9, Master::Local).await;
}

#[tokio::test]
async fn step_functions_keeps_the_contract_without_a_deviation() {
    let sfn = Sfn::start().await;
    sfn.hold_polls(Duration::from_secs(3));
    contract::sfn::cases(&sfn.url(), &Deviations::none()).await;
    assert_eq!(sfn.violations(), Vec::<String>::new());
}
