//! What the seeds must reach: every decision, what CloudFormation does, the ends, the edges of the machine that only this
//! door has, and everything that the world can do.

use crate::coverage::Coverage;

/// What was not reached, a line each.
pub(super) fn missed(coverage: &Coverage) -> Vec<String> {
    let of = |kind: &'static str, pairs: &'static [(&'static str, &'static str)]| {
        pairs.iter().map(move |(name, other)| (kind, *name, *other))
    };
    let wanted = of("decision", DECISIONS)
        .chain(of("stack", STACKS))
        .chain(of("edge", EDGES))
        .chain(of("outcome", OUTCOMES))
        .chain(of("world", WORLD));
    coverage.missed(wanted)
}

const DECISIONS: &[(&str, &str)] = &[
    ("Create", "run"),
    ("Create", "superseded"),
    ("Create", "wrong input"),
    ("Create", "known or stale"),
    ("Update", "run"),
    ("Update", "run once others are dead"),
    ("Update", "adopt"),
    ("Update", "keep"),
    ("Update", "superseded"),
    ("Update", "wrong input"),
    ("Update", "known or stale"),
    ("Delete", "end"),
    ("Delete", "end, late"),
    ("Delete", "known or stale"),
    ("refused", "it stays in the queue"),
    ("a run is killed", "one answer proves it"),
    ("a run is killed", "it was in doubt"),
    ("a run is killed", "nothing is known of it"),
];

const STACKS: &[(&str, &str)] = &[
    ("is created", ""),
    ("is not created", ""),
    ("is updated", "same id"),
    ("is updated", "another id"),
    ("is not updated", ""),
    ("is not updated in time", ""),
    ("rolls back after a sibling failed", "same id"),
    ("rolls back after a sibling failed", "Delete of the new id"),
    ("rolls back after a sibling failed", "Update of the new id"),
    ("is rolled back", "same id"),
    ("is rolled back", "another id"),
    ("is not rolled back", ""),
    ("is deleted", ""),
    ("is deleted", "under an invented id"),
    ("is not deleted", ""),
    ("is not cleaned up", ""),
    ("does not wait", "cancelled"),
    ("does not wait", "timed out"),
    ("is retained", ""),
];

const EDGES: &[(&str, &str)] = &[
    ("Stopping", "Killed"),
    ("Stopping", "Stop"),
    ("Stopping", "TokenGone"),
    ("Received", "Ready"),
    ("Received", "Stop"),
    ("Received", "TokenGone"),
    ("Submitting", "Submitted"),
    ("Submitting", "Unsure"),
    ("Submitting", "Stop"),
    ("InDoubt", "Found"),
    ("InDoubt", "Absent"),
    ("InDoubt", "Stop"),
    ("InDoubt", "TokenGone"),
    ("Running", "Ended"),
    ("Running", "Judged"),
    ("Running", "Stop"),
    ("Running", "TokenGone"),
    ("Judged", "Gathered"),
    ("Ended", "Acknowledged"),
    ("Ended", "TokenGone"),
    ("Orphaned", "Killed"),
];

const OUTCOMES: &[(&str, &str)] = &[
    ("reached", ""),
    ("succeeded", ""),
    ("SparkJob.Failed", ""),
    ("SparkJob.InvalidInput", ""),
    ("SparkJob.ClusterTerminating", ""),
    ("SparkJob.LivyUnavailable", ""),
    ("SparkJob.StillRunning", ""),
    ("SparkJob.Superseded", ""),
    ("SparkJob.NotStopped", ""),
    ("SparkJob.SubmitFailed", ""),
];

const WORLD: &[(&str, &str)] = &[
    ("the worker is killed", ""),
    ("stop", "handoff"),
    ("stop", "tasks are given back"),
    ("stop", "terminating"),
    ("SQS is away", ""),
    ("the bucket is away", ""),
    ("Livy is away", ""),
    ("YARN is away", ""),
    ("YARN hides its lists", ""),
    ("the disk cannot be written", ""),
    ("write refused", "entry"),
    ("write refused", "resource"),
    ("write refused", "unlink"),
    ("a message comes twice", ""),
    ("a message is late", ""),
    ("a message comes again after it was deleted", ""),
    ("a stranger's message", ""),
    ("a PUT is refused", "for good"),
    ("a PUT is refused", "by mistake"),
    ("503 to a PUT", "applied"),
    ("503 to a PUT", "not applied"),
    ("a PUT is lost", ""),
    ("a PUT is late", ""),
    ("the answer to a PUT is lost", ""),
    ("POST into a full Livy", ""),
    ("POST lost", ""),
    ("POST taken late", ""),
    ("spark-submit fails", ""),
    ("Livy forgets", ""),
    ("DELETE that kills nothing", ""),
    ("kill refused", ""),
    ("YARN forgets an ended application", ""),
    ("a resource's file is lost", ""),
    ("a resource is forgotten", ""),
];
