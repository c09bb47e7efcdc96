//! Livy: the contract for each release and master, and what only a stand-in can be made to do.

use stand_ins::contract::livy::{Expect, cases};
use stand_ins::livy::{Livy, Master, Settings, Version};

/// A file that the whitelist of these tests allows.
const FILE: &str = "/jobs/job.sh";

async fn keeps_the_contract(version: Version, master: Master) {
    let livy = Livy::with(Settings::new(version, master).allowing("/jobs/")).await;
    cases(&livy.url(), &Expect::scripted(version, master, FILE)).await;
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
