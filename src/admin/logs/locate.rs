//! Where a job's log is now: the sweep knows it of what runs, YARN of what has ended, Livy where YARN does not, and
//! before there is an application Livy has spark-submit's.

use super::super::{Admin, percent};
use super::NoLog;
use super::wanted::Wanted;
use crate::job::application::{AppState, Application, YarnAnswer};
use crate::job::machine::{Records, Stage};
use crate::job::world::{BatchState, BatchView, Unreachable, World};

/// Where a log is.
pub(super) enum Place {
    /// On the page of a container.
    Page(String),
    /// There is no application: this is spark-submit's.
    Submission(Vec<String>),
    /// Nowhere, for a reason with what to do.
    None(NoLog, String),
}

/// Where a log is, and how far its job.
pub(super) struct Located {
    pub(super) place: Place,
    pub(super) is_over: bool,
    pub(super) progress: Option<String>,
}

pub(super) async fn locate(admin: &Admin, wanted: &Wanted) -> Located {
    let stage = wanted.stage.map(|stage| stage.as_str().to_owned());
    let Some(application) = wanted.application.as_deref() else {
        let place = submission(admin, wanted).await;
        return Located { place, is_over: wanted.stage.is_none_or(is_over), progress: stage };
    };
    let swept = wanted.tag.as_deref().and_then(|tag| admin.sweep.progress(tag));
    if let Some(seen) = swept.filter(|seen| seen.application == application)
        && let Some(page) = seen.log_url.clone()
    {
        let progress = Some(format!("{} {} %", seen.word, percent(&seen)));
        return Located { place: Place::Page(page), is_over: false, progress };
    }
    let reason = match admin.world.application(application).await {
        YarnAnswer::Answer(found) => match found.into_iter().next() {
            Some(found) => return by_yarn(found),
            None => "YARN does not know it, or no longer".to_owned(),
        },
        YarnAnswer::Off => "YARN is not asked (url = \"\" in [yarn])".to_owned(),
        YarnAnswer::Hidden(reason) => format!("YARN does not show it to the worker: {reason}"),
        YarnAnswer::Unreachable(reason) => format!("YARN does not answer: {reason}"),
    };
    by_livy(admin, wanted, application, &reason, stage).await
}

/// What YARN says of an application's driver.
fn by_yarn(found: Application) -> Located {
    let is_over = found.state != AppState::Active;
    let place = match found.log_url {
        Some(page) => Place::Page(page),
        None if is_over => {
            let text = format!("{} has ended, and YARN names no container of its driver", found.id);
            Place::None(NoLog::Never, text)
        }
        None => {
            let text = format!(
                "YARN names no container of {} yet, or, where it has access lists, none to the worker: try \
                         again, or wait for it with --follow",
                found.id
            );
            Place::None(NoLog::NotYet, text)
        }
    };
    Located { place, is_over, progress: Some(found.word) }
}

fn is_over(stage: Stage) -> bool {
    matches!(stage, Stage::Ended | Stage::Settled)
}

/// What Livy knows of the page of a driver, where YARN does not say it.
async fn by_livy(
    admin: &Admin,
    wanted: &Wanted,
    application: &str,
    reason: &str,
    stage: Option<String>,
) -> Located {
    let record = match (&wanted.job, wanted.records) {
        (Some(job), Some(records)) => admin.world.find(records, job).await.ok().flatten(),
        _ => None,
    };
    let ours = record.filter(|record| record.application.as_deref() == Some(application));
    let is_final = |record: &BatchView| {
        matches!(
            record.state,
            BatchState::Success | BatchState::Dead | BatchState::Killed | BatchState::Error
        )
    };
    let is_over = ours.as_ref().map_or(wanted.stage.is_none(), is_final);
    let place = match ours.and_then(|record| record.driver_log_url) {
        Some(page) => Place::Page(page),
        None => {
            let text = format!(
                "where the log of {application} is cannot be known: {reason}, and Livy has no page of it; what was \
                 aggregated is read by yarn logs -applicationId {application}"
            );
            Place::None(if is_over { NoLog::Never } else { NoLog::Unanswered }, text)
        }
    };
    Located { place, is_over, progress: stage }
}

/// What spark-submit, or a session's start, has said so far.
async fn submission(admin: &Admin, wanted: &Wanted) -> Place {
    let (job, records) = match (&wanted.job, wanted.records) {
        (Some(job), Some(records)) => (job, records),
        _ if wanted.stage.is_none_or(is_over) => {
            let text =
                "it has ended before anything was submitted: spark-job-worker history says why".to_owned();
            return Place::None(NoLog::Never, text);
        }
        _ => return Place::None(NoLog::NotYet, unsubmitted()),
    };
    let lines = match admin.world.log(records, job).await {
        Ok(lines) => lines,
        Err(Unreachable(reason)) => {
            let text = format!(
                "there is no application yet, and Livy does not say what spark-submit does: {reason}: try again"
            );
            return Place::None(NoLog::Unanswered, text);
        }
    };
    match (lines.is_empty(), wanted.stage.is_none_or(is_over)) {
        (false, _) => Place::Submission(lines),
        (true, true) => {
            let what = if records == Records::Sessions { "session" } else { "batch" };
            let text = format!(
                "it has ended without an application, and Livy has forgotten its {what}: its cause in Step Functions, \
                 or spark-job-worker history, has what is known"
            );
            Place::None(NoLog::Never, text)
        }
        (true, false) => Place::None(NoLog::NotYet, unsubmitted()),
    }
}

fn unsubmitted() -> String {
    "nothing is submitted yet: spark-job-worker status says what is waited for; try again, or wait for it with --follow"
        .to_owned()
}
