//! What was promised to each task, held against what really ran and what really arrived.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::time::{Duration, Instant};

use stand_ins::http::Call;
use stand_ins::livy::{Application, Post};
use stand_ins::sfn::Outcome;

use crate::board::{Board, spread};
use crate::jobs::{Job, Jobs, Kind, end, number};
use crate::sky::Sky;
use crate::stage::Stage;

/// How long a job may run on after its execution was stopped: a heartbeat interval, and storms on each way.
const KILLED_WITHIN: Duration = Duration::from_secs(90);

/// All that was seen of one task.
#[derive(Default)]
struct Seen {
    applications: Vec<Application>,
    posts: Vec<Post>,
    reports: Vec<Call>,
}

/// The story of each task of which a promise was broken.
pub(crate) fn breaches(stage: &Stage, jobs: &Jobs, sky: &Sky) -> Vec<String> {
    let all = jobs.all();
    let mut seen = gathered(stage, &all);
    let nothing = Seen::default();
    let mut breaches = Vec::new();
    for (number, job) in all.iter().enumerate() {
        let seen = seen.get_mut(&number).map_or(&nothing, |seen| {
            seen.reports.sort_by_key(|report| report.seq);
            &*seen
        });
        let outcome = stage.sfn.peek(&job.task);
        if let Some(breach) = broken(stage, job, outcome.as_ref(), seen, sky) {
            breaches.push(story(stage, number, job, outcome.as_ref(), seen, breach));
        }
    }
    for violation in stage.sfn.violations() {
        breaches.push(format!("BROKEN: a request that Step Functions would refuse: {violation}"));
    }
    breaches
}

/// How long jobs ran on whose execution was stopped, and how long a task went without a heartbeat.
pub(crate) fn tell(board: &Board, stage: &Stage, jobs: &Jobs) {
    let all = jobs.all();
    let seen = gathered(stage, &all);
    let killed = |number: &usize| {
        let (stopped, application) = (all[*number].stopped.get()?, seen[number].applications.first()?);
        Some(application.ended?.saturating_duration_since(stopped))
    };
    let mut killed: Vec<Duration> = seen.keys().filter_map(killed).collect();
    board.tell("from a stop to the end of the application", &spread(&mut killed));
    let gap = |job: &Job| {
        let mut beats = vec![stage.sfn.handed_out(&job.task)?];
        beats.extend(stage.sfn.heartbeats(&job.task));
        beats.windows(2).map(|pair| pair[1] - pair[0]).max()
    };
    let mut gaps: Vec<Duration> = all.iter().filter_map(gap).collect();
    board.tell("longest time without a heartbeat, of each task", &spread(&mut gaps));
}

fn gathered(stage: &Stage, all: &[Job]) -> HashMap<usize, Seen> {
    let mut seen: HashMap<usize, Seen> = HashMap::new();
    for application in stage.livy.applications() {
        let number = application.name.as_deref().and_then(number).expect("it has a name of ours");
        seen.entry(number).or_default().applications.push(application);
    }
    for post in stage.livy.posts() {
        let number = number(&post.name).expect("it has a name of ours");
        seen.entry(number).or_default().posts.push(post);
    }
    let tokens: HashMap<String, usize> = all
        .iter()
        .enumerate()
        .filter_map(|(number, job)| Some((stage.sfn.token(&job.task)?, number)))
        .collect();
    for operation in ["SendTaskSuccess", "SendTaskFailure"] {
        for report in stage.sfn.calls_of(operation) {
            let number = tokens.get(&report.operation.key).expect("a token that was handed out");
            seen.entry(*number).or_default().reports.push(report);
        }
    }
    seen
}

/// The promise that was broken.
fn broken(
    stage: &Stage,
    job: &Job,
    outcome: Option<&Outcome>,
    seen: &Seen,
    sky: &Sky,
) -> Option<&'static str> {
    let Seen { applications, posts, reports } = seen;
    let of_report = |report: &Call| (report.operation.name.clone(), report.request.json()["error"].clone());
    let heard = |post: &Post| post.status == Some(201) && post.call.fault.is_none() && !post.call.left;
    if applications.len() > 1 {
        return Some("more than one application");
    }
    if applications.iter().any(Application::is_live) {
        return Some("an application outlives its task");
    }
    if posts.iter().rev().skip(1).any(heard) {
        return Some("posted again after Livy had said yes");
    }
    if reports.windows(2).any(|pair| of_report(&pair[0]) != of_report(&pair[1])) {
        return Some("reported in two ways");
    }
    if reports.iter().filter(|report| report.status == Some(200)).count() > 1 {
        return Some("taken twice");
    }
    match (outcome, applications.first()) {
        (None, _) => Some("it has not ended"),
        (Some(Outcome::Succeeded { .. }), application) => application
            .is_none_or(|application| application.final_status != "SUCCEEDED")
            .then_some("reported as succeeded, and it did not"),
        (Some(Outcome::Failed { error, .. }), application) => {
            let error = error.as_deref().unwrap_or_default();
            let wanted = expected(job, application);
            // Livy's record is all that ever told of these: a restart forgets it, or makes a batch of a refused one's.
            let gone = application.is_none()
                && matches!(job.kind, Kind::SubmitFails | Kind::Rejected)
                && matches!(error, "SparkJob.Lost" | "SparkJob.SubmitFailed")
                && sky.forgot_between(job.scheduled, reports.first()?.at);
            (error != wanted && !gone).then_some("reported as failed in a way in which it did not")
        }
        (Some(Outcome::Aborted), application) => {
            let stopped = job.stopped.get().expect("nobody else stops it");
            let late = application.and_then(|application| Some(application.ended? > stopped + KILLED_WITHIN));
            (late == Some(true)).then_some("its application ran on after it was stopped")
        }
        (Some(Outcome::TimedOut), _) => {
            let swallowed = posts.is_empty() && stage.sfn.heartbeats(&job.task).is_empty();
            (job.kind != Kind::TimesOut && !swallowed).then_some("its heartbeats were missed")
        }
    }
}

/// The error of a task that failed.
fn expected(job: &Job, application: Option<&Application>) -> &'static str {
    match (application.map(|application| application.final_status), job.kind) {
        (Some("FAILED"), _) => "SparkJob.Failed",
        (Some("KILLED"), _) => "SparkJob.Killed",
        (None, Kind::SubmitFails) => "SparkJob.SubmitFailed",
        (None, Kind::Rejected) => "SparkJob.Rejected",
        (None, Kind::Invalid) => "SparkJob.InvalidInput",
        _ => "none",
    }
}

fn story(
    stage: &Stage,
    number: usize,
    job: &Job,
    outcome: Option<&Outcome>,
    seen: &Seen,
    breach: &str,
) -> String {
    let mut text = format!("BROKEN: {breach}: job {number}, {:?}, {}\n", job.kind, end(outcome));
    let at = |moment: Instant| {
        let since = moment.saturating_duration_since(job.scheduled);
        format!("  {:8.3} s", since.as_secs_f64())
    };
    if let Some(handed) = stage.sfn.handed_out(&job.task) {
        let _ = writeln!(text, "{} handed out", at(handed));
    }
    if let Some(stopped) = job.stopped.get() {
        let _ = writeln!(text, "{} stopped", at(stopped));
    }
    for beat in stage.sfn.heartbeats(&job.task) {
        let _ = writeln!(text, "{} heartbeat accepted", at(beat));
    }
    for post in &seen.posts {
        let (fault, status) = (post.call.fault, post.status);
        let _ = writeln!(text, "{} POST of {} → {status:?}, {fault:?}", at(post.at), post.name);
    }
    for application in &seen.applications {
        let _ = writeln!(text, "{} {application:?}", at(application.started));
        if let Some(ended) = application.ended {
            let _ = writeln!(text, "{} it ended", at(ended));
        }
    }
    for report in &seen.reports {
        let (name, body, fault) = (&report.operation.name, report.request.json(), report.fault);
        let said =
            [&body["error"], &body["cause"], &body["output"]].map(|said| said.as_str().unwrap_or_default());
        let _ =
            writeln!(text, "{} {name} → {:?}, {fault:?}: {}", at(report.at), report.status, said.join(" "));
    }
    text
}
