//! What a bug leaves of a task: its token is kept alive while it rests.

use std::sync::Arc;
use std::time::Duration;

use spark_job_worker::job::heartbeat::RateLimiter;
use spark_job_worker::job::machine::OnAbort;
use spark_job_worker::job::request::{Defaults, OwnLivy};
use spark_job_worker::job::rescue::rest;
use spark_job_worker::job::token::Token;
use spark_job_worker::job::world::World;
use spark_job_worker::job::{ActivityRules, Task};
use tokio::time::Instant;

use crate::lone::{self, Inner, Lone};
use crate::sfn::Input;

#[tokio::test(start_paused = true)]
async fn a_task_rests_for_its_whole_pause_and_its_token_is_beaten_meanwhile() {
    let world = Arc::new(Lone::new(Inner::default(), None, lone::clear()));
    let activity = ActivityRules {
        defaults: Defaults::none(false),
        on_abort: OnAbort::Kill,
        heartbeat_interval: Duration::from_secs(20),
    };
    let (token, livy) = (Token::new("token".to_owned()), OwnLivy::new(Vec::new(), 8998));
    let input = Input::Right.of(0).to_string();
    let (task, _) = Task::received(token, "arn", &input, &activity, &livy, world.now());
    let (begun, limiter) = (Instant::now(), Arc::new(RateLimiter::new(100, 100.0)));
    rest(Arc::clone(&world), Arc::new(task), limiter, Box::new(|_| {}), Duration::from_secs(100)).await;
    assert_eq!(begun.elapsed(), Duration::from_secs(100));
    let beats = world.inner().tokens;
    assert!((4..=7).contains(&beats), "{beats} beats in 100 s, one in 20 s");
}
