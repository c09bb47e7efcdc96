//! Step Functions: region, credentials, clock, activities and permissions.

use super::super::Finding;
use super::super::facts::{Configured, DaemonFacts, Facts};
use crate::activity::{Condition, Trouble};
use crate::arn::ActivityArn;
use crate::aws::Fault;
use crate::spark::address::Address;

/// So many seconds off, and the service refuses signatures.
const REFUSED: u64 = 300;
/// So many seconds off, and something is wrong with the clock.
const NOTICED: u64 = 30;

const POLICY: &str =
    "give the cluster's instance profile what bootstrap/iam-policy.json has, with this ARN in it";

const KEY: &str =
    "allow the cluster's instance profile kms:Decrypt and kms:GenerateDataKey on the key of the activity";

pub(super) fn judge(facts: &Facts, configured: &Configured) -> Vec<Finding> {
    let mut findings = vec![region(configured), clock(configured.aws.ahead), credentials(configured)];
    for (arn, trouble) in &configured.aws.activities {
        findings.push(activity(facts, configured, arn, trouble.as_ref()));
    }
    findings.push(reports(configured));
    findings
}

/// All activities are in one region: another configuration is refused.
fn region(configured: &Configured) -> Finding {
    Finding::ok("region", format!("{}, from the activity's ARN", configured.settings.aws.region))
}

fn clock(ahead: Option<i64>) -> Finding {
    let Some(ahead) = ahead else {
        return Finding::skip("clock", "not compared: Step Functions did not say its time");
    };
    let off = ahead.unsigned_abs();
    let found = format!("{off} s {} that of Step Functions", if ahead < 0 { "behind" } else { "ahead of" });
    let fix = "sudo systemctl restart chronyd && sudo chronyc makestep, then look at chronyc tracking";
    match off {
        0..=NOTICED => Finding::ok("clock", found),
        _ if off <= REFUSED => Finding::warn("clock", found, fix),
        _ => Finding::fail("clock", format!("{found}: signatures are refused"), fix),
    }
}

/// All troubles of all calls.
fn troubles(configured: &Configured) -> impl Iterator<Item = Option<&Trouble>> {
    let aws = &configured.aws;
    let activities = aws.activities.iter().map(|(_, trouble)| trouble.as_ref());
    activities.chain(aws.reports.iter().map(|(_, trouble)| trouble.as_ref()))
}

fn credentials(configured: &Configured) -> Finding {
    if let Some(trouble) = troubles(configured)
        .flatten()
        .find(|trouble| trouble.condition == Condition::Fault(Fault::Credentials))
    {
        return Finding::fail(
            "credentials",
            format!("no valid AWS credentials: {}", trouble.reason),
            "create the cluster with an instance profile, let this user reach the metadata service at 169.254.169.254, \
             and see who you are: aws sts get-caller-identity",
        );
    }
    if troubles(configured).any(|trouble| trouble.is_none_or(|trouble| spoke(trouble.condition))) {
        Finding::ok("credentials", "Step Functions takes them")
    } else {
        let see = if configured.aws.activities.is_empty() { "queue" } else { "activity" };
        Finding::skip("credentials", format!("not tried: see {see}"))
    }
}

/// Whether it is the service that refuses, having seen who asks.
fn spoke(condition: Condition) -> bool {
    match condition {
        Condition::NoActivity
        | Condition::Fault(Fault::NotAllowed)
        | Condition::Fault(Fault::Key)
        | Condition::Fault(Fault::Throttled)
        | Condition::TooManyPollers => true,
        Condition::Fault(Fault::Credentials)
        | Condition::Fault(Fault::Service)
        | Condition::Fault(Fault::Unreachable)
        | Condition::Fault(Fault::Other) => false,
    }
}

fn activity(facts: &Facts, configured: &Configured, arn: &ActivityArn, trouble: Option<&Trouble>) -> Finding {
    let (name, region) = (arn.name(), arn.region());
    let Some(Trouble { condition, reason }) = trouble else {
        let polls = polled(configured, arn)
            .unwrap_or_else(|| "states:GetActivityTask cannot be tried without taking a task".to_owned());
        return Finding::ok("activity", format!("{name} is there; {polls}"));
    };
    match condition {
        Condition::NoActivity => Finding::fail(
            "activity",
            format!("{arn} does not exist"),
            format!(
                "aws stepfunctions create-activity --region {region} --name {name}, or correct its arn in {}",
                facts.configuration.path
            ),
        ),
        Condition::Fault(Fault::NotAllowed) => match polled(configured, arn) {
            Some(polls) => {
                Finding::ok("activity", format!("no permission for DescribeActivity on {name}, but {polls}"))
            }
            None => Finding::warn(
                "activity",
                format!(
                    "no permission for DescribeActivity on {name}; polling may still be allowed: {reason}"
                ),
                POLICY,
            ),
        },
        Condition::Fault(Fault::Key) => Finding::fail(
            "activity",
            format!("{name} is encrypted with a key that cannot be used: {reason}"),
            KEY,
        ),
        Condition::Fault(Fault::Credentials) => {
            Finding::skip("activity", format!("{name} was not looked at: see credentials"))
        }
        Condition::Fault(Fault::Unreachable) => unreachable(configured, arn, reason),
        Condition::Fault(Fault::Throttled)
        | Condition::Fault(Fault::Service)
        | Condition::TooManyPollers
        | Condition::Fault(Fault::Other) => {
            Finding::warn("activity", format!("{name}: {reason}"), "run doctor again in a minute")
        }
    }
}

fn unreachable(configured: &Configured, arn: &ActivityArn, reason: &str) -> Finding {
    let end = if arn.partition() == "aws-cn" { ".cn" } else { "" };
    let standard = || format!("https://states.{}.amazonaws.com{end}", arn.region());
    let endpoint = configured.settings.aws.endpoint_url.as_ref().map_or_else(standard, Address::to_string);
    Finding::fail(
        "activity",
        format!("Step Functions at {endpoint} cannot be reached: {reason}"),
        format!(
            "the subnet needs a NAT gateway or a VPC endpoint for Step Functions; try: curl -sS -m 5 {endpoint}"
        ),
    )
}

/// What the running daemon knows of its polls: the only proof that they are allowed.
fn polled(configured: &Configured, arn: &ActivityArn) -> Option<String> {
    let DaemonFacts::Answers(now) = &configured.daemon else { return None };
    let activity =
        now.activities.iter().find(|activity| activity.arn == arn.as_str() && activity.trouble.is_none())?;
    Some(format!("the daemon's last poll was answered {} s ago", activity.last_poll?))
}

fn reports(configured: &Configured) -> Finding {
    let reports = &configured.aws.reports;
    let of = |wanted: Condition| {
        let found = reports
            .iter()
            .filter(move |(_, trouble)| trouble.as_ref().is_some_and(|trouble| trouble.condition == wanted));
        found.map(|(action, _)| *action).collect::<Vec<_>>().join(", ")
    };
    let denied = of(Condition::Fault(Fault::NotAllowed));
    if !denied.is_empty() {
        return Finding::fail(
            "answers",
            format!("tasks cannot be answered: no permission for {denied}"),
            POLICY,
        );
    }
    let keyed = of(Condition::Fault(Fault::Key));
    if !keyed.is_empty() {
        return Finding::fail("answers", format!("{keyed}: an encryption key cannot be used"), KEY);
    }
    if reports.iter().any(|(_, trouble)| trouble.is_none()) {
        let tried: Vec<&str> =
            reports.iter().filter(|(_, trouble)| trouble.is_none()).map(|(action, _)| *action).collect();
        return Finding::ok(
            "answers",
            format!("{} are allowed (tried with an invalid token)", tried.join(", ")),
        );
    }
    match reports.iter().find_map(|(_, trouble)| trouble.as_ref()) {
        Some(trouble)
            if matches!(
                trouble.condition,
                Condition::Fault(Fault::Credentials) | Condition::Fault(Fault::Unreachable)
            ) =>
        {
            Finding::skip("answers", "not tried: see the lines above")
        }
        Some(trouble) => Finding::warn("answers", &*trouble.reason, "run doctor again in a minute"),
        None if configured.aws.activities.is_empty() => {
            Finding::skip("answers", "not tried: no activity is polled")
        }
        None => Finding::skip("answers", "not tried: see credentials"),
    }
}
