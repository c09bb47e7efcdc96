//! The end of a wait that is not the end of a job.

/// How far a run has come that was waited for.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Reached {
    /// YARN's id.
    pub application_id: Option<String>,
    /// Livy's number of the batch.
    pub batch_id: Option<u64>,
    /// The batch's name; empty where there is no run.
    pub name: String,
    /// YARN's word for it: `RUNNING`; or what was done: `DELETED`.
    pub state: String,
    /// Where the application can be looked at.
    pub tracking_url: Option<String>,
    /// Where the driver's log is.
    pub driver_log_url: Option<String>,
}
