//! In doubt: look for what a POST may have left, by name in Livy, by tag in YARN and among this node's processes.
//!
//! Where there is more than one application, nothing is killed before it is known which one is the run's: Livy's record
//! can name another one than YARN's oldest.

use tokio::time::sleep;
use tracing::{info, trace, warn};

use super::submit::learn;
use super::{JobCache, JobServices, ended, failure, of_run};
use crate::job::Task;
use crate::job::application::YarnAnswer;
use crate::job::machine::{Attempt, Event, Run};
use crate::job::report::ErrorName;
use crate::job::steps::find::{Doubt, Patience, Search, SearchFinding, SearchRound};
use crate::job::steps::follow::others;
use crate::job::world::{Unreachable, World};

/// Looks until the rules call it an event.
pub(in crate::job) async fn find<W: World>(
    services: &JobServices<W>,
    task: &Task,
    attempt: &Attempt,
    doubt: Doubt,
    cache: &mut JobCache,
) -> Event {
    let (world, rules, run) = (&*services.world, &services.rules, &attempt.run);
    let patience = Patience {
        interval: rules.interval,
        settle: rules.waits.submit_settle,
        doubt_limit: rules.doubt_limit,
    };
    let mut search = Search::new(doubt, patience, services.now());
    loop {
        let (livy, yarn, retention, carried) = tokio::join!(
            world.find(run.records(), &run.name),
            world.tagged(&run.tag),
            world.yarn_retention(),
            world.tag_on_node(&run.tag)
        );
        let found = match &yarn {
            YarnAnswer::Answer(found) => found.clone(),
            YarnAnswer::Off | YarnAnswer::Unreachable(_) | YarnAnswer::Hidden(_) => Vec::new(),
        };
        let round = SearchRound { livy, yarn, retention: retention.ok(), carried, hides: services.hides() };
        let finding = search.see(round, services.now());
        trace!(finding = finding.name(), "a look for {}", run.name);
        match finding {
            SearchFinding::Open => {}
            SearchFinding::Batch(view) => {
                cache.doubles.kill(world, run, others(&found, view.application.as_deref())).await;
                return Event::Found(learn(run, &view, doubt.since, task.proxy_user()));
            }
            SearchFinding::Application(application) => {
                info!("YARN has {} as {}, and Livy has no record of it", run.name, application.id);
                cache.doubles.kill(world, run, others(&found, Some(&application.id))).await;
                return Event::Found(Run {
                    application: Some(application.id),
                    submitted: Some(doubt.since),
                    ..run.clone()
                });
            }
            SearchFinding::EmptyRecord => delete_empty(world, run).await,
            SearchFinding::Absent { empty_record } => {
                if empty_record {
                    delete_empty(world, run).await;
                }
                info!("nothing came of the POST of {}; it may be submitted again", run.name);
                return Event::Absent;
            }
            SearchFinding::Unknowable => return unknowable(task, attempt),
        }
        sleep(rules.interval).await;
    }
}

fn unknowable(task: &Task, attempt: &Attempt) -> Event {
    let said = attempt.held.as_ref().map(|hold| format!(": {}", hold.reason)).unwrap_or_default();
    let message = format!(
        "Livy did not confirm the submission, and it can no longer be found out whether the job ran; it may have run (the POST ended with{said})"
    );
    let failure = failure(task, ErrorName::Lost, "InDoubt", message);
    ended(of_run(task, Some(&attempt.run), failure), Some(attempt.run.clone()))
}

async fn delete_empty<W: World>(world: &W, run: &Run) {
    info!("deleting the empty record that holds the name {}", run.name);
    if let Err(Unreachable(reason)) = world.delete(run.records(), &run.name).await {
        warn!("the record {} could not be deleted: {reason}", run.name);
    }
}
