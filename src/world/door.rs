//! The second door's side of the world: what its tasks wait for, and how they are answered.

use super::RealWorld;
use crate::cloudformation::request::ResponseUrl;
use crate::cloudformation::resources::Resources;
use crate::cloudformation::{answer, ending, errand};
use crate::job::Task;
use crate::job::document::Document;
use crate::job::report::Outcome;
use crate::job::sweep::Sweep;
use crate::job::world::Reported;
use crate::spark::presigned::Presigned;

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
        ending::stopped(world, &self.resources, &self.sweep, task).await;
    }
}
