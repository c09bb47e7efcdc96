//! The wait for the end of what a request ends, until YARN says that nothing of it lives.

use std::time::Duration;

use tokio::time::sleep;
use tracing::{info, warn};

use super::files::Store;
use super::resources::Resources;
use crate::job::Task;
use crate::job::application::{AppState, YarnAnswer};
use crate::job::machine::OnAbort;
use crate::job::sweep::Sweep;
use crate::job::world::World;

/// From look to look while something lives that must not.
const LOOK: Duration = Duration::from_secs(1);

/// Returns once nothing lives any more that a task waits for. `sweep` knows whether YARN's lists prove an absence.
pub async fn stopped<W: World, S: Store>(world: &W, resources: &Resources<S>, sweep: &Sweep, task: &Task) {
    loop {
        let tags = resources.stopped(&task.id).await;
        // What is left alone when its resource is deleted may live.
        if tags.is_empty() || task.on_abort == OnAbort::Leave || is_gone(world, sweep, &tags).await {
            return;
        }
        sleep(LOOK).await;
    }
}

/// Whether YARN says that nothing with these tags lives. What does is killed: nobody knows of it.
async fn is_gone<W: World>(world: &W, sweep: &Sweep, tags: &[String]) -> bool {
    let mut gone = !sweep.hides() && !world.filters_lists();
    for tag in tags {
        let YarnAnswer::Answer(found) = world.tagged(tag).await else { return false };
        for application in found.iter().filter(|application| application.state == AppState::Active) {
            gone = false;
            match world.kill(&application.id).await {
                Ok(()) => info!("YARN was told to kill {}, which has the tag {tag}", application.id),
                Err(reason) => warn!(
                    yarn_application_id = application.id.as_str(),
                    "YARN does not kill {}, whose resource is deleted: {reason:?}", application.id
                ),
            }
        }
    }
    gone
}
