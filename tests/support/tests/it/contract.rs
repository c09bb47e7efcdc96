//! The contract, for each release and master.

use std::time::Duration;

use stand_ins::contract;
use stand_ins::contract::livy::Expect;
use stand_ins::contract::sfn::Deviations;
use stand_ins::contract::yarn;
use stand_ins::livy::{Livy, Master, Plan, Settings, Version};
use stand_ins::sfn::Sfn;
use stand_ins::yarn::{Rights, Yarn};

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

async fn keeps_the_contract_of_sessions(version: Version, master: Master) {
    let livy = Livy::start(version, master).await;
    let expect = contract::session::Expect { version, master, within: Duration::from_secs(20) };
    contract::session::cases(&livy.url(), &expect).await;
}

#[tokio::test]
async fn livy_0_7_keeps_the_contract_of_sessions() {
    keeps_the_contract_of_sessions(Version::V0_7, Master::Yarn).await;
}

#[tokio::test]
async fn livy_0_8_keeps_the_contract_of_sessions() {
    keeps_the_contract_of_sessions(Version::V0_8, Master::Yarn).await;
}

#[tokio::test]
async fn livy_0_9_keeps_the_contract_of_sessions_beside_itself() {
    keeps_the_contract_of_sessions(Version::V0_9, Master::Local).await;
}

#[tokio::test]
async fn step_functions_keeps_the_contract_without_a_deviation() {
    let sfn = Sfn::start().await;
    sfn.hold_polls(Duration::from_secs(3));
    contract::sfn::cases(&sfn.url(), &Deviations::none()).await;
    assert_eq!(sfn.violations(), Vec::<String>::new());
}

/// A Livy on YARN whose jobs obey their arguments, and the ResourceManager behind it.
async fn cluster() -> (Livy, Yarn, yarn::Expect) {
    let livy = Livy::with(Settings::new(Version::V0_8, Master::Yarn).allowing("/jobs/")).await;
    let manager = Yarn::start(&livy).await;
    (livy, manager, yarn::Expect::scripted("/jobs/job.sh"))
}

#[tokio::test]
async fn the_stand_in_for_yarn_keeps_the_contract_however_long_a_kill_takes() {
    for time in [Duration::ZERO, Duration::from_millis(300)] {
        let (livy, manager, expect) = cluster().await;
        manager.kill_takes(time);
        let said = format!("User class threw exception: {}", "x".repeat(200_000));
        let verbose = Plan::ends("dead").running_for(Duration::from_millis(300)).diagnostics([said]);
        livy.plan_for("contract-verbose-", verbose);
        yarn::cases(&manager.url(), &livy.url(), &expect).await;
    }
}

#[tokio::test]
async fn the_stand_in_for_yarn_hides_from_others_what_the_real_one_hides() {
    let (livy, manager, expect) = cluster().await;
    let mut restricted = yarn::Restricted::start(&manager.url(), &livy.url(), &expect).await;
    manager.allow(Rights::Glance);
    restricted.cases(false).await;
    manager.allow(Rights::GlanceById);
    restricted.cases(true).await;
    restricted.ends().await;
}

#[tokio::test]
async fn the_stand_in_for_yarn_stands_by_as_the_real_one_does() {
    let (livy, one, _) = cluster().await;
    let other = Yarn::start(&livy).await;
    one.without_an_active_one();
    other.without_an_active_one();
    let before = yarn::leaderless(&other.url()).await;
    yarn::leaderless(&one.url()).await;
    other.activate();
    one.standby(&other.url());
    assert!(yarn::standby(&one.url(), &other.url()).await > before, "it counts anew");
}
