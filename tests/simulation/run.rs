//! One seed from its beginning to its end.

use std::time::Duration;

use fastrand::Rng;
use spark_job_worker::job::machine::Stage;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::facts::Invariant;
use crate::plan::{Broken, CALM, END, Millis, Mishap, Plan, SECOND};
use crate::seeds::Ended;
use crate::trace;
use crate::worker::worker;
use crate::world::{Inner, Sim};

/// In a life of its own that has nothing else to do for so long after all has become calm, a worker is started again.
const AT_LAST: Millis = 400 * SECOND;

/// Runs one seed. With `story` every step is told.
pub(crate) fn run(seed: u64, broken: Broken, story: bool) -> Ended<Invariant> {
    // The code's own dice: jitter and waits.
    fastrand::seed(seed);
    let mut rng = Rng::with_seed(seed);
    let plan = Plan::new(&mut rng, broken);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    let runtime = runtime.expect("a runtime");
    let sim = runtime.block_on(async {
        let sim = Sim::new(plan, rng, story);
        let followed = sim.clone();
        trace::follow(move |(kind, name, other)| {
            followed.inner_as_it_is().coverage.hit(kind, name, other);
        });
        let mut workers = JoinSet::new();
        for node in 0..sim.inner().nodes.len() {
            workers.spawn(worker(sim.clone(), node));
        }
        if timeout(END, until_over(&sim)).await.is_err() {
            sim.inner().violate(Invariant::ComesToAnEnd, || "it goes on and on".to_owned());
        }
        if sim.inner().ledger.broken.is_none() {
            sim.over.send_replace(true);
            let ends = async { while workers.join_next().await.is_some() {} };
            if timeout(Duration::from_secs(200), ends).await.is_err() {
                sim.inner().violate(Invariant::ComesToAnEnd, || "a worker does not end".to_owned());
            }
            last_look(&mut sim.inner());
        }
        sim
    });
    drop(runtime);
    trace::leave();
    let mut inner = sim.inner_as_it_is();
    Ended {
        story: inner.take_story(),
        broken: inner.ledger.broken.take(),
        coverage: std::mem::take(&mut inner.coverage),
    }
}

/// Until every task has come to its end and nothing is under way; or until a promise is broken.
async fn until_over(sim: &Sim) {
    loop {
        sleep(Duration::from_secs(20)).await;
        let mut inner = sim.inner();
        if inner.ledger.broken.is_some() || is_over(&inner) {
            return;
        }
        for node in 0..inner.nodes.len() {
            if let Some(why) = needs_a_start(&inner, node) {
                inner.tell(|_| format!("the worker of node {node} is started again: {why}"));
                // An operator has seen to it that YARN shows all.
                inner.nodes[node].hidden.clear();
                inner.end_life(node);
                inner.nodes[node].crash.notify_one();
            }
        }
    }
}

/// What only another start of a worker brings to its end.
fn needs_a_start(inner: &Inner, node: usize) -> Option<&'static str> {
    let here = &inner.nodes[node];
    if !here.is_alive() || inner.at < here.born + AT_LAST || inner.at < CALM + AT_LAST {
        return None;
    }
    if here.jobs.is_empty() {
        // An entry that could not be removed is looked at once more.
        return (!here.disk.is_empty()).then_some("something is left on its disk");
    }
    // A YARN that has hidden something proves no absence until it shows a job of ours, and none may come any more.
    let orphans = here.jobs.values().all(|stage| *stage == Stage::Orphaned);
    (orphans && inner.plan.has(Mishap::Hides)).then_some("kills cannot be verified")
}

fn is_over(inner: &Inner) -> bool {
    let all_gone = inner.nodes.iter().all(|node| node.gone);
    let idle = inner
        .nodes
        .iter()
        .all(|node| node.gone || (node.jobs.is_empty() && node.disk.is_empty() && node.is_alive()));
    let open = inner.tickets.iter().any(|ticket| ticket.taken.is_some() && ticket.is_open());
    idle && !open && (all_gone || !inner.may_come())
}

/// What must hold when all is over.
fn last_look(inner: &mut Inner) {
    for node in 0..inner.nodes.len() {
        let left: Vec<String> = inner.nodes[node].disk.keys().cloned().collect();
        if !left.is_empty() {
            inner.violate(Invariant::NoEntryLeft, || format!("node {node} has {left:?}"));
        }
    }
    inner.run_out();
}
