//! The clients of the cluster, as the configuration wants them.

use tracing::warn;

use super::Fatal;
use crate::config::{ServiceSettings, Settings, TrustSettings};
use crate::log::message_id;
use crate::spark::driver_log::DriverLogs;
use crate::spark::livy::Livy;
use crate::spark::yarn::ResourceManager;

/// Builds the clients. Says so where certificates are not to be verified.
pub(super) fn connect(settings: &Settings) -> Result<(Livy, ResourceManager, DriverLogs), Fatal> {
    let http = |error| Fatal::Setup("the HTTP client", error);
    let (livy, yarn) = (&settings.livy, &settings.yarn);
    for ServiceSettings { table, trust, .. } in [&livy.service, &yarn.service] {
        if *trust == TrustSettings::Anyone {
            warn!(
                message_id = message_id::TLS_INSECURE,
                "certificates are not verified (insecure = true in [{table}]): everybody on the way can read and \
                 change everything; set pinned_sha256 instead"
            );
        }
    }
    let (to_livy, to_yarn) =
        settings.access().map_err(|problem| Fatal::Setup("access to Livy and YARN", Box::new(problem)))?;
    let timeout = livy.request_timeout;
    let (livy, yarn) = settings.homes();
    Ok((
        Livy::new(livy, &to_livy, timeout).map_err(http)?,
        ResourceManager::new(yarn.clone(), &to_yarn, timeout).map_err(http)?,
        DriverLogs::new(&yarn, &to_yarn, timeout).map_err(http)?,
    ))
}
