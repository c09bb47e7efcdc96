//! Spark's own REST interface: which jobs and stages of an application failed.
//!
//! A driver has it while it lives, below the page that YARN has of its application; the history server has it afterwards,
//! once it has seen the end of the application's event log (`spark.history.fs.update.interval`, 10 s). Of another
//! application, and before, it answers 404 and a text: `no such app: application_1_1`. In YARN's cluster mode the history
//! server has each try of an application below a number of its own; a driver knows no tries.

use std::error::Error;
use std::time::Duration;

use reqwest::{Method, StatusCode, Url};
use serde::de::{DeserializeOwned, IgnoredAny};

use super::addresses::ServiceAddresses;
use super::connection::{Access, Connection, Pool};
use super::history_wire::{ApplicationView, JobView, StageView, Suspect, TaskView, Version, failed};
use super::{read_body, unparsable};
use crate::job::report::{FailedStage, FailedWork};
use crate::job::world::{ServiceError, Unreachable};

/// A history server that reads a long event log takes its time; the next question finds it read.
const ANSWER: Duration = Duration::from_secs(5);
/// How many tasks of a stage are asked for.
const TASKS: usize = 20;

/// Asks the history server and drivers.
#[derive(Debug, Clone)]
pub struct SparkRest {
    addresses: ServiceAddresses,
    history: Connection,
    /// For pages of YARN's, behind which drivers are.
    pages: Connection,
}

impl SparkRest {
    /// A client of the history server at `addresses`, and of drivers behind the ResourceManagers at `yarn`, whose requests
    /// take at most `timeout`, and 5 s. What holds for the ResourceManagers' certificates holds for all; their login is
    /// for them alone.
    ///
    /// # Errors
    /// Where the TLS library cannot be set up.
    pub fn new(
        addresses: ServiceAddresses,
        (yarn, access): (&ServiceAddresses, &Access),
        timeout: Duration,
    ) -> Result<SparkRest, Box<dyn Error + Send + Sync>> {
        let timeout = timeout.min(ANSWER);
        let nobody = Access { login: None, ..access.clone() };
        let history = Connection::new(&nobody, &addresses, timeout, Pool::Kept)?;
        let pages = Connection::new(access, yarn, timeout, Pool::Kept)?;
        Ok(SparkRest { addresses, history, pages })
    }

    /// What the history server says of an application; `None` where it does not know it, or not yet.
    ///
    /// # Errors
    /// [`Unreachable`] where it does not answer as Spark does.
    pub async fn of_ended(&self, application: &str) -> Result<Option<FailedWork>, Unreachable> {
        let url = format!("{}/applications/{}", self.interface().await?, segment(application)?);
        let Some(view) = get::<ApplicationView>(&self.history, &url).await? else { return Ok(None) };
        let Some((attempt, is_complete)) = view.last() else { return Ok(None) };
        look(&self.history, &format!("{url}{attempt}"), is_complete).await
    }

    /// What the driver of an application says itself, below the page that YARN has of it; `None` where it has no such
    /// interface. No redirect is followed: the page is the only place that YARN has named.
    ///
    /// # Errors
    /// [`Unreachable`] where it does not answer as Spark does.
    pub async fn of_running(
        &self,
        application: &str,
        tracking_url: &str,
    ) -> Result<Option<FailedWork>, Unreachable> {
        let no_page = || Unreachable(format!("{tracking_url} is no web page"));
        let page = Url::parse(tracking_url).map_err(|_| no_page())?;
        if !matches!(page.scheme(), "http" | "https") || page.query().is_some() || page.fragment().is_some() {
            return Err(no_page());
        }
        let page = page.as_str().trim_end_matches('/');
        let url = format!("{page}/api/v1/applications/{}", segment(application)?);
        look(&self.pages, &url, false).await
    }

    /// The history server's version, once it has answered a question about applications, too.
    ///
    /// # Errors
    /// Where it does not answer as Spark does.
    pub async fn version(&self) -> Result<String, ServiceError> {
        let interface = self.interface().await?;
        let none = || ServiceError::Unavailable("404: it is no history server".to_owned());
        let version = get::<Version>(&self.history, &format!("{interface}/version")).await?;
        let applications = format!("{interface}/applications?limit=1");
        get::<Vec<IgnoredAny>>(&self.history, &applications).await?.ok_or_else(none)?;
        Ok(version.ok_or_else(none)?.spark)
    }

    async fn interface(&self) -> Result<String, ServiceError> {
        let none = || ServiceError::Unavailable("no history server is configured".to_owned());
        let home = self.addresses.all().await?.into_iter().next().ok_or_else(none)?;
        Ok(format!("{}/api/v1", home.address.base()))
    }
}

/// An application's id as a part of a path.
fn segment(id: &str) -> Result<&str, Unreachable> {
    let lawful = !id.is_empty() && id.bytes().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'_' | b'-'));
    if lawful { Ok(id) } else { Err(Unreachable(format!("{id} is no id of an application"))) }
}

/// What failed in the application at `url`.
async fn look(
    connection: &Connection,
    url: &str,
    is_complete: bool,
) -> Result<Option<FailedWork>, Unreachable> {
    let (jobs, stages) = (format!("{url}/jobs?status=failed"), format!("{url}/stages?status=failed"));
    let (jobs, stages) =
        tokio::join!(get::<Vec<JobView>>(connection, &jobs), get::<Vec<StageView>>(connection, &stages));
    let Some(jobs) = jobs? else { return Ok(None) };
    // Stages have long texts, and how many jobs failed is worth something without.
    let (jobs, suspects) = failed(&jobs, stages.ok().flatten().unwrap_or_default());
    let mut stages = Vec::new();
    for suspect in suspects {
        stages.push(told(connection, url, suspect).await);
    }
    Ok(Some(FailedWork { is_complete, jobs, stages }))
}

/// A stage with the task that failed in it, as far as that can be had.
async fn told(connection: &Connection, url: &str, suspect: Suspect) -> FailedStage {
    let tasks = match suspect.tasks() {
        Some(path) => {
            let url = format!("{url}{path}?status=failed&length={TASKS}");
            get::<Vec<TaskView>>(connection, &url).await.ok().flatten()
        }
        None => None,
    };
    suspect.told(tasks.unwrap_or_default())
}

/// One question; `None` for a 404.
async fn get<T: DeserializeOwned>(connection: &Connection, url: &str) -> Result<Option<T>, ServiceError> {
    let request = connection.request(Method::GET, url).header("Accept", "application/json");
    let response = connection.send(request).await?;
    let (status, body) = (response.status(), read_body(response).await?);
    match status {
        StatusCode::OK => Ok(Some(serde_json::from_slice(&body).map_err(|error| unparsable(&error))?)),
        StatusCode::NOT_FOUND => Ok(None),
        _ => Err(connection.refused(status, &body)),
    }
}
