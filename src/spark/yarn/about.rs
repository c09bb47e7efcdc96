//! What a ResourceManager says of itself: since when, and with what memory.

use std::sync::atomic::{AtomicBool, Ordering};

use reqwest::{Method, Response, StatusCode};
use serde::Deserialize;

use super::ResourceManager;
use super::asking::Question;
use crate::job::timestamp::Timestamp;
use crate::job::world::{ServiceError, Unreachable, YarnRetention};
use crate::spark::{read_body, unparsable};

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
    pub async fn yarn_retention(&self) -> Result<YarnRetention, Unreachable> {
        let about = self.about().await?;
        Ok(YarnRetention { started: about.started, keeps: about.keeps() })
    }

    /// What the active ResourceManager says of itself. A standby answers this one itself, for itself
    /// (`RMWebAppFilter`), and is asked for the active one by another question, which it redirects.
    ///
    /// # Errors
    /// Where it does not say.
    pub async fn about(&self) -> Result<About, ServiceError> {
        if self.is_off() {
            return Err(ServiceError::Unavailable("YARN is off".to_owned()));
        }
        let standby = AtomicBool::new(false);
        let first = self.ask_about(&standby).await;
        if first.is_ok() || !standby.into_inner() {
            return first;
        }
        self.ask(Method::GET, "/ws/v1/cluster/metrics", None).await?;
        self.ask_about(&AtomicBool::new(false)).await
    }

    /// Notes whether a standby was met.
    async fn ask_about(&self, standby: &AtomicBool) -> Result<About, ServiceError> {
        let connection = &self.connection;
        let read = move |response: Response| async move {
            let (status, body) = (response.status(), read_body(response).await?);
            if status != StatusCode::OK {
                return Err(connection.refused(status, &body));
            }
            let info: Info = serde_json::from_slice(&body).map_err(|error| unparsable(&error))?;
            let info = info.cluster_info;
            if info.ha_state == "STANDBY" {
                standby.store(true, Ordering::Relaxed);
                return Err(ServiceError::Unavailable("every ResourceManager is a standby".to_owned()));
            }
            let (version, store) = (info.resource_manager_version, info.rm_state_store_name);
            Ok(About { started: Timestamp(info.started_on), version, store })
        };
        self.ask_each(
            Question { method: &Method::GET, path: "/ws/v1/cluster/info", body: None, within: None },
            read,
        )
        .await
    }
}
