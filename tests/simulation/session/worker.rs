//! The lives of a worker with one task, and one seed from its beginning to its end.

use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;
use serde_json::json;
use spark_job_worker::job::flag::Flag;
use spark_job_worker::job::gate::Gate;
use spark_job_worker::job::heartbeat::RateLimiter;
use spark_job_worker::job::journal;
use spark_job_worker::job::machine::{OnAbort, State};
use spark_job_worker::job::places::Places;
use spark_job_worker::job::request::{Defaults, OwnLivy};
use spark_job_worker::job::sweep::Sweep;
use spark_job_worker::job::timestamp::Timestamp;
use spark_job_worker::job::token::Token;
use spark_job_worker::job::{self, ActivityRules, JobContext, JobTimings, Start, Task};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use super::ledger::Invariant;
use super::plan::{Broken, Mishap, Plan};
use super::world::Sim;
use crate::plan::{BEAT, CALM, END, EPOCH, SECOND, pace, rules};
use crate::seeds::Ended;

/// Runs one seed.
pub(super) fn run(seed: u64, broken: Broken, story: bool) -> Ended<Invariant> {
    fastrand::seed(seed);
    let mut rng = Rng::with_seed(seed);
    let plan = Plan::new(&mut rng, broken);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    let runtime = runtime.expect("a runtime");
    let sim = runtime.block_on(async {
        let sim = Sim::new(plan, rng, story);
        if timeout(END, lives(&sim)).await.is_err() {
            sim.inner().violate(Invariant::ComesToAnEnd, "it goes on and on");
        } else {
            sim.inner().settles();
            // What was still under way would begin by now.
            sleep(Duration::from_secs(120)).await;
        }
        sim
    });
    drop(runtime);
    let mut inner = sim.inner_as_it_is();
    Ended {
        story: inner.take_story(),
        broken: inner.ledger.broken.take(),
        coverage: std::mem::take(&mut inner.coverage),
    }
}

/// The task as it is handed out.
fn task(plan: (u16, bool)) -> (Task, State) {
    let (statements, has_result) = plan;
    let statements: Vec<String> = (1..=statements).map(|step| format!("step {step}")).collect();
    let input = json!({ "Name": "taxi", "Statements": statements, "Result": has_result.then_some("x") });
    let activity = ActivityRules {
        defaults: Defaults::none(false),
        on_abort: OnAbort::Leave,
        heartbeat_interval: Duration::from_millis(BEAT),
    };
    let livy = OwnLivy::new(Vec::new(), 8998);
    let token = Token::new("token".to_owned());
    Task::received(token, "arn", &input.to_string(), &activity, &livy, Timestamp(EPOCH))
}

/// One life after the other, until the task is done with.
async fn lives(sim: &Sim) {
    let (fresh, state) = {
        let inner = sim.inner();
        task((inner.plan.statements, inner.plan.has_result))
    };
    sim.inner().task = fresh.id.clone();
    let mut next = Some((fresh, state, Start::Fresh));
    while let Some((task, state, start)) = next.take() {
        let crash = {
            let mut inner = sim.inner();
            let has = inner.plan.has(Mishap::Crashes) && inner.at < CALM;
            // Half of them die within some calls after a write, the others at any time.
            let by_writes = has && inner.rng.bool();
            inner.writes_left = by_writes.then(|| inner.rng.u32(1..12));
            let longest = if by_writes { 60 } else { 120 * SECOND };
            has.then(|| (by_writes, inner.rng.u64(1..longest)))
        };
        let crashing = async {
            let Some((by_writes, after)) = crash else { return std::future::pending().await };
            if by_writes {
                sim.crash.notified().await;
            }
            sleep(Duration::from_millis(after)).await;
        };
        tokio::select! {
            biased;
            () = life(sim, task, state, start) => return,
            () = crashing => {}
        }
        let bytes = {
            let mut inner = sim.inner();
            let stage = inner.stage;
            inner.tell(|| format!("the worker is killed in {stage}"));
            inner.reach(format!("crash in {stage}"));
            inner.disk.clone()
        };
        // Nobody knows of a task that came and was not kept: it times out, and nothing was begun.
        let Some(bytes) = bytes else { return };
        sleep(Duration::from_secs(1)).await;
        let entry = journal::decode(&bytes).expect("it was whole");
        next = Some((entry.task, entry.state, Start::Resumed));
    }
}

/// One life of the worker.
async fn life(sim: &Sim, task: Task, state: State, start: Start) {
    let world = Arc::new(sim.clone());
    let sweep = Sweep::new(pace());
    let (_disk, disk) = watch::channel(true);
    let (_draining, draining) = watch::channel(false);
    let give_up = Arc::<Flag>::default();
    let context = JobContext {
        world: Arc::clone(&world),
        gate: Gate::new(1, &sweep, true, disk, draining),
        sweep: sweep.clone(),
        rules: Arc::new(JobTimings { session_keep: Duration::from_secs(40), ..rules() }),
        limiter: Arc::new(RateLimiter::new(100, 100.0)),
        stop: Arc::clone(&give_up),
        on_event: Box::new(|_| {}),
        place: Places::new(1).ask(),
        dropped: None,
    };
    let seen = sim.clone();
    let observe = move |state: &State| {
        if let State::Orphaned { .. } = state
            && seen.inner().ledger.told.is_none()
        {
            seen.inner().reach("nobody waits");
        }
    };
    let gives_up = async {
        let after = {
            let inner = sim.inner();
            let after = inner.plan.stop.saturating_sub(inner.at);
            inner.plan.has(Mishap::GivesUp).then(|| Duration::from_millis(after))
        };
        if let Some(after) = after {
            sleep(after).await;
            give_up.raise();
        }
        std::future::pending::<()>().await;
    };
    tokio::select! {
        biased;
        () = gives_up => {}
        () = job::run(context, task, state, start, observe) => {}
        () = sweep.clone().run(Arc::clone(&world), |_| {}) => {}
        () = sweep.run_yarn(world, |_| {}) => {}
    }
}
