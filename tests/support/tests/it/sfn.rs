//! Step Functions: the contract, and what only a stand-in can be made to do.

use std::time::Duration;

use stand_ins::contract::sfn::{Deviations, cases};
use stand_ins::sfn::Sfn;

#[tokio::test]
async fn the_stand_in_keeps_the_contract_without_a_deviation() {
    let sfn = Sfn::start().await;
    sfn.hold_polls(Duration::from_secs(3));
    cases(&sfn.url(), &Deviations::none()).await;
    assert_eq!(sfn.violations(), Vec::<String>::new());
}
