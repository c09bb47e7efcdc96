//! What a ResourceManager says of itself: since when, and with what memory.

use std::sync::atomic::Ordering;

use reqwest::{Method, StatusCode};
use serde::Deserialize;

use super::{ResourceManager, telling};
use crate::job::machine::Timestamp;
use crate::job::world::{NoAnswer, Unreachable, YarnMemory};
use crate::spark::{odd, read_body};

/// What a ResourceManager says of itself.
#[derive(Debug, Clone)]
pub struct About {
    /// When it was started.
    pub started: Timestamp,
    /// Its version; empty where it says none.
    pub version: String,
    /// The class that keeps its applications over a restart.
    pub store: String,
}

impl About {
    /// Whether its applications outlive a restart.
    pub fn keeps(&self) -> bool {
        const FORGET: [&str; 2] = ["NullRMStateStore", "MemoryRMStateStore"];
        !self.store.is_empty() && !FORGET.iter().any(|store| self.store.ends_with(store))
    }
}

impl ResourceManager {
    /// How far back the active ResourceManager remembers.
    ///
    /// # Errors
    /// Where it does not say.
    pub async fn memory(&self) -> Result<YarnMemory, Unreachable> {
        let about = self.about().await?;
        Ok(YarnMemory { started: about.started, keeps: about.keeps() })
    }

    /// What the active ResourceManager says of itself. A standby answers this one itself, for itself
    /// (`RMWebAppFilter`).
    ///
    /// # Errors
    /// Where it does not say.
    pub async fn about(&self) -> Result<About, NoAnswer> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Info {
            cluster_info: ClusterInfo,
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct ClusterInfo {
            started_on: u64,
            #[serde(default)]
            rm_state_store_name: String,
            #[serde(default)]
            ha_state: String,
            #[serde(default)]
            resource_manager_version: String,
        }
        if self.bases.is_empty() {
            return Err(NoAnswer::Silent("YARN is off".to_owned()));
        }
        let first = self.active.load(Ordering::Relaxed);
        let mut trouble = NoAnswer::Silent("every ResourceManager is a standby".to_owned());
        for step in 0..self.bases.len() {
            let at = (first + step) % self.bases.len();
            let asked = self.ask_one(at, &Method::GET, "/ws/v1/cluster/info", None).await;
            let (status, body) = match asked {
                Ok(response) => (response.status(), read_body(response).await?),
                Err(reason) => {
                    trouble = telling(trouble, reason);
                    continue;
                }
            };
            if status != StatusCode::OK {
                return Err(self.connection.refused(status, &body));
            }
            let info: Info = serde_json::from_slice(&body).map_err(|error| odd(&error))?;
            let info = info.cluster_info;
            if info.ha_state == "STANDBY" {
                continue;
            }
            let (version, store) = (info.resource_manager_version, info.rm_state_store_name);
            return Ok(About { started: Timestamp(info.started_on), version, store });
        }
        Err(trouble)
    }
}
