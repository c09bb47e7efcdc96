//! The endpoints through which operators look at the daemon. Jobs do not depend on them, so the daemon goes on where one
//! cannot be had.

use std::sync::Arc;

use tracing::{info, warn};

use super::door::ServedDoor;
use super::fatal::Loops;
use super::poll::PolledActivity;
use crate::admin::{ActivityPlaces, Admin, AdminInfo, Control, Endpoint};
use crate::config::Settings;
use crate::log::{Drops, message_id};

/// What the operator is shown of the configuration.
pub(super) fn info(
    settings: &Settings,
    (served, doors): (&[Arc<PolledActivity>], &[Arc<ServedDoor>]),
    drops: Drops,
) -> AdminInfo {
    let places = |served: &Arc<PolledActivity>| ActivityPlaces {
        arn: served.arn.clone(),
        places: served.places.clone(),
    };
    let queue = |served: &Arc<ServedDoor>| ActivityPlaces {
        arn: served.settings.rules.topic.clone(),
        places: served.places.clone(),
    };
    AdminInfo {
        activities: served.iter().map(places).collect(),
        queues: doors.iter().map(queue).collect(),
        directory: settings.state.directory.clone(),
        drops,
    }
}

/// Opens the control socket and the HTTP endpoint.
pub(super) async fn open(settings: &Settings, admin: &Arc<Admin>, loops: &mut Loops) {
    match Control::bind(&settings.admin.socket) {
        Ok(control) => {
            loops.start("control socket", control.serve(Arc::clone(admin)));
        }
        Err(error) => warn!(
            message_id = message_id::ADMIN_UNAVAILABLE,
            "there is no control socket at {}: {error}; status, history, logs, pause, resume and terminating cannot be used",
            settings.admin.socket.display()
        ),
    }
    let Some(address) = settings.admin.listen else { return };
    match Endpoint::bind(address).await {
        Ok(endpoint) => {
            let address = endpoint.address().unwrap_or(address);
            info!("/ (a page), /status, /history, /healthz and /metrics are at http://{address}");
            loops.start("HTTP endpoint", endpoint.serve(Arc::clone(admin)));
        }
        Err(error) => warn!(
            message_id = message_id::ADMIN_UNAVAILABLE,
            "there is no HTTP endpoint at {address}: {error}; jobs go on without"
        ),
    }
}
