//! What the seeds must reach: every legal edge of the machine, every error, every finding of the search for a doubtful
//! run, every pair of views, and everything that the world can do.

use spark_job_worker::job::application::AppEnd;
use spark_job_worker::job::machine::{Attempt, Event, FinalWord, OnAbort, Run, State, next};
use spark_job_worker::job::report::{ErrorName, Failure, Outcome};
use spark_job_worker::job::timestamp::Timestamp;

use crate::coverage::{Coverage, Key};

/// Legal, and never delivered by the loop.
const NEVER: [(&str, &str); 7] = [
    // The answer to a POST is waited for, and the next state hears of the token.
    ("Submitting", "TokenGone"),
    // These states do not listen for a stop: what is settled or being killed needs no giving up.
    ("Judged", "Stop"),
    ("Ended", "Stop"),
    ("Orphaned", "Stop"),
    // Its heart has stopped.
    ("Orphaned", "TokenGone"),
    // It has no duty.
    ("Settled", "Stop"),
    ("Settled", "TokenGone"),
];

/// What only a task with statements ends with.
const OF_SESSIONS: [ErrorName; 4] = [
    ErrorName::StatementFailed,
    ErrorName::ResultTooLarge,
    ErrorName::SessionBroken,
    ErrorName::SessionFailed,
];

/// Pairs of views that no world shows: no path was found on which Livy calls a success what YARN does not
/// (`facts/livy.md` § 4.3).
const NEVER_SEEN: [(&str, &str); 3] =
    [("Success", "Active"), ("Success", "Ended(Failed)"), ("Success", "Ended(Killed)")];

/// What was not reached, a line each.
pub(crate) fn missed(coverage: &Coverage) -> Vec<String> {
    let wanted = edges().into_iter().chain(errors()).chain(findings()).chain(views()).chain(world());
    coverage.missed(wanted)
}

fn edges() -> Vec<Key> {
    let mut edges = Vec::new();
    for state in states() {
        for event in events() {
            let (stage, name) = (state.name(), event.name());
            if next(state.clone(), event).is_ok() && !NEVER.contains(&(stage, name)) {
                edges.push(("edge", stage, name));
            }
        }
    }
    edges
}

fn errors() -> Vec<Key> {
    let of_batches = ErrorName::ALL.into_iter().filter(|name| !OF_SESSIONS.contains(name));
    let names = of_batches.map(ErrorName::as_str).chain(["succeeded"]);
    names.flat_map(|name| [("error", name, ""), ("answered", name, "")]).collect()
}

fn findings() -> Vec<Key> {
    let names = ["Open", "Batch", "Application", "EmptyRecord", "Absent", "Unknowable"];
    names.map(|name| ("finding", name, "")).into()
}

fn views() -> Vec<Key> {
    const LIVY: [&str; 7] = ["Unreachable", "NotFound", "NotOurs", "Live", "Success", "Dead", "Killed"];
    const YARN: [&str; 7] =
        ["Off", "Unreachable", "NotFound", "Active", "Ended(Succeeded)", "Ended(Failed)", "Ended(Killed)"];
    let pairs = LIVY.into_iter().flat_map(|livy| YARN.map(|yarn| (livy, yarn)));
    let seen = pairs.filter(|pair| !NEVER_SEEN.contains(pair));
    seen.map(|(livy, yarn)| ("views", livy, yarn)).collect()
}

fn world() -> Vec<Key> {
    WORLD.map(|(name, other)| ("world", name, other)).into()
}

/// What the world does.
const WORLD: [(&str, &str); 56] = [
    ("hidden ids kept", "some"),
    ("hidden ids kept", "none any more"),
    ("a restart knows what is hidden", ""),
    ("bug", "in a job"),
    ("bug", "in a heartbeat"),
    ("bug", "in a POST"),
    ("crash", ""),
    ("stop", "handoff"),
    ("stop", "tasks are given back"),
    ("stop", "terminating"),
    ("stop", "the node is lost"),
    ("arrival during a stop", "parked"),
    ("arrival during a stop", "given back"),
    ("activity removed", ""),
    ("entry cannot be read", ""),
    ("write refused", "Received"),
    ("write refused", "Submitting"),
    ("write refused", "Running"),
    ("write refused", "Withdrawing"),
    ("write refused", "Judged"),
    ("write refused", "Ended"),
    ("unlink refused", ""),
    ("the disk cannot be written", ""),
    ("clock step forward", ""),
    ("clock step back", ""),
    ("Step Functions is away", ""),
    ("Livy is away", ""),
    ("YARN is away", ""),
    ("false closed for a beat", ""),
    ("false closed for a report", ""),
    ("report refused", ""),
    ("report without an answer", "ThrottlingException"),
    ("report without an answer", "InternalFailure"),
    ("report without an answer", "timed out"),
    ("bad POST", "refused, nothing is left"),
    ("bad POST", "refused, a zombie is left"),
    ("bad POST", "500, a zombie is left"),
    ("bad POST", "500 by a proxy before Livy"),
    ("bad POST", "502 by a proxy after Livy took it"),
    ("bad POST", "lost while Livy is still at work on it"),
    ("bad POST", "sent twice by a proxy"),
    ("bad POST", "slow"),
    ("POST into a full Livy", ""),
    ("POST taken late", ""),
    ("DELETE that kills nothing", ""),
    ("DELETE that blocks", ""),
    ("kill refused", ""),
    ("YARN hides our applications", ""),
    ("hidden by id", ""),
    ("hidden processes", ""),
    ("YARN forgets an ended application", ""),
    ("double", "before ours"),
    ("double", "after ours"),
    ("false dead", "spark-submit fails after the submission"),
    ("false dead", "an exception of the YARN client"),
    ("a process carries the tag", ""),
];

fn states() -> Vec<State> {
    let run = Run::new("n".to_owned(), "t".to_owned());
    let attempt = Attempt::new(run.clone());
    let since = Timestamp(1);
    vec![
        State::Received { attempt: attempt.clone() },
        State::Submitting { attempt: attempt.clone(), since },
        State::InDoubt { attempt, since, answered: false },
        State::Running { run: run.clone() },
        State::Withdrawing { run: run.clone() },
        State::Judged { run: run.clone(), word: word() },
        State::Ended { outcome: outcome(), leftover: None },
        State::Orphaned { run },
        State::Settled,
    ]
}

fn events() -> Vec<Event> {
    let run = Run::new("n".to_owned(), "t".to_owned());
    vec![
        Event::Ready { at: Timestamp(1), held: None },
        Event::Submitted(run.clone()),
        Event::Refused(failure()),
        Event::NotNow(None),
        Event::Unsure { answered: false, reason: String::new() },
        Event::Found(run.clone()),
        Event::Absent,
        Event::Learned(run.clone()),
        Event::Overdue,
        Event::LeftQueue,
        Event::Judged { run, word: word() },
        Event::Gathered(outcome()),
        Event::Ended { outcome: outcome(), leftover: None },
        Event::Acknowledged,
        Event::TokenGone(OnAbort::Kill),
        Event::Killed,
        Event::Stop(failure()),
    ]
}

fn failure() -> Failure {
    Failure::new(ErrorName::Failed, "Running", "no")
}

fn outcome() -> Outcome {
    Outcome::Failed(Box::new(failure()))
}

fn word() -> Box<FinalWord> {
    Box::new(FinalWord {
        end: AppEnd::Failed,
        diagnostics: String::new(),
        started: None,
        launched: None,
        finished: None,
        memory_seconds: None,
        vcore_seconds: None,
        tracking_url: None,
        log_url: None,
        doubled: false,
    })
}
