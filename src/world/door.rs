//! The second door's side of the world: what its tasks wait for, and how they are answered.

use std::time::Duration;

use tokio::time::sleep;
use tracing::{info, warn};

use super::RealWorld;
use crate::cloudformation::request::ResponseUrl;
use crate::cloudformation::resources::Resources;
use crate::cloudformation::{answer, errand};
use crate::job::Task;
use crate::job::application::{AppState, YarnAnswer};
use crate::job::document::Document;
use crate::job::machine::OnAbort;
use crate::job::report::Outcome;
use crate::job::sweep::Sweep;
use crate::job::world::{Reported, World};
use crate::spark::presigned::Presigned;

/// From look to look while something lives that must not.
const LOOK: Duration = Duration::from_secs(1);

/// What tasks need that documents answer.
pub struct Door {
    /// The resources.
    pub resources: Resources,
    client: Presigned,
    /// Knows whether YARN's lists prove an absence.
    sweep: Sweep,
}

impl Door {
    /// Puts it together.
    pub fn new(resources: Resources, client: Presigned, sweep: Sweep) -> Door {
        Door { resources, client, sweep }
    }

    /// Sends the answer once.
    pub(super) async fn deliver(&self, document: &Document, outcome: &Outcome) -> Reported {
        match errand::answer(&document.form, outcome) {
            Ok(body) => answer::put(&self.client, &ResponseUrl::kept(document.place.secret()), body).await,
            Err(reason) => {
                Reported::Refused(format!("the journal's form of the answer cannot be read: {reason}"))
            }
        }
    }

    /// Returns once nothing lives any more that a task waits for.
    pub(super) async fn stopped(&self, world: &RealWorld, task: &Task) {
        loop {
            let tags = self.resources.stopped(&task.id).await;
            // What is left alone when its resource is deleted may live.
            if tags.is_empty() || task.on_abort == OnAbort::Leave || self.is_gone(world, &tags).await {
                return;
            }
            sleep(LOOK).await;
        }
    }

    /// Whether YARN says that nothing with these tags lives. What does is killed: nobody knows of it.
    async fn is_gone(&self, world: &RealWorld, tags: &[String]) -> bool {
        let mut gone = !self.sweep.hides() && !world.filters_lists();
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
}
