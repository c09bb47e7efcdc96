//! What a CloudFormation template gets wrong about `Custom::SparkJob`, found before a stack hangs for an hour.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::cloudformation::request::{GROUPS, OWN, Properties, near_own};
use crate::cloudformation::response::ATTRIBUTES;
use crate::job::goal::Goal;
use crate::job::request::{Defaults, Template, member, review};
use crate::nearest::nearest;

use super::finding::{Finding, Findings, did_you_mean};
use super::resource::{OF_OURS, filled_in_later};

/// The type that the documentation uses; CloudFormation takes any `Custom::` one.
const TYPE: &str = "Custom::SparkJob";
/// The longest time that CloudFormation waits, in seconds (`AWS::CloudFormation::CustomResource`).
const LONGEST: u64 = 3_600;

/// What a configuration says about the resources of one topic.
#[derive(Debug, Clone, Copy)]
pub struct Door<'a> {
    /// The topic's ARN: the resource's `ServiceToken`.
    pub topic: &'a str,
    /// What resources inherit.
    pub defaults: &'a Defaults,
    /// What a resource waits for that does not say it.
    pub goal: Goal,
}

/// Whether a value is a template.
pub fn is_template(value: &Value) -> bool {
    value.get("Resources").is_some_and(Value::is_object) && value.get("States").is_none()
}

/// Whether a template has a resource of this worker's.
pub fn has_job(template: &Value, doors: Option<&[Door]>) -> bool {
    let resources = template.get("Resources").and_then(Value::as_object);
    resources.is_some_and(|resources| resources.values().any(|resource| is_ours(resource, doors)))
}

/// Checks a template against the doors of a configuration; where there is none nobody knows what resources inherit.
/// `utf8` is that of `[yarn]`. What was found is in the order of the resources.
pub fn lint_template(template: &Value, doors: Option<&[Door]>, utf8: bool) -> Vec<Finding> {
    let mut findings = Findings::default();
    let empty = Map::new();
    let resources = template.get("Resources").and_then(Value::as_object).unwrap_or(&empty);
    let ours: Vec<(&String, &Value)> =
        resources.iter().filter(|(_, resource)| is_ours(resource, doors)).collect();
    if ours.is_empty() {
        let what = format!("no resource is a {TYPE}");
        findings.warning("$.Resources", what, "give that type to the resource that runs a job");
    }
    for (name, resource) in &ours {
        let path = member("$.Resources", name);
        one(resource, &path, doors, utf8, &mut findings);
        waits_for_its_topic(name, resource, resources, &path, &mut findings);
    }
    let names: BTreeSet<&str> = ours.iter().map(|(name, _)| name.as_str()).collect();
    attributes(template, "$", &names, &mut findings);
    findings.done()
}

/// Whether this worker is meant: by the type, by the topic, or by a key that no other resource has.
fn is_ours(resource: &Value, doors: Option<&[Door]>) -> bool {
    let kind = resource.get("Type").and_then(Value::as_str).unwrap_or_default();
    let is_custom = kind.starts_with("Custom::") || kind == "AWS::CloudFormation::CustomResource";
    let Some(properties) = resource.get("Properties").and_then(Value::as_object) else { return kind == TYPE };
    let token = properties.get("ServiceToken").and_then(Value::as_str);
    let is_topic =
        token.is_some_and(|token| doors.unwrap_or_default().iter().any(|door| door.topic == token));
    let function = token.is_some_and(|token| token.contains(":lambda:"));
    let has_key =
        OF_OURS.iter().any(|key| properties.contains_key(*key)) && properties.contains_key("WaitFor");
    kind == TYPE || (is_custom && (is_topic || (has_key && !function)))
}

/// Checks the properties of one.
fn one(resource: &Value, path: &str, doors: Option<&[Door]>, utf8: bool, findings: &mut Findings) {
    let path = member(path, "Properties");
    let Some(properties) = resource.get("Properties").filter(|properties| !filled_in_later(properties))
    else {
        if resource.get("Properties").is_none() {
            findings.error(&path, "has no Properties", "give it a ServiceToken and a File");
        }
        return;
    };
    let Some(properties) = properties.as_object() else {
        return findings.error(&path, "must be an object", "");
    };
    let door = token(properties, &path, doors, findings);
    let seconds = service_timeout(properties, &path, findings);
    let own = properties.iter().filter(|(key, value)| OWN.contains(&key.as_str()) && !filled_in_later(value));
    let own = Properties::new(own.map(|(key, value)| (key.clone(), value.clone())).collect());
    for problem in own.problems_of_own() {
        let (key, text) = problem.split_once(": ").unwrap_or(("$", &problem));
        findings.error(format!("{path}{}", key.trim_start_matches('$')), text, "");
    }
    let job = properties.iter().filter(|(key, _)| !OWN.contains(&key.as_str()));
    let job = Template::Object(job.map(|(key, value)| (key.clone(), fixed(value))).collect());
    for problem in review(&job, door.map(|door| door.defaults), utf8, GROUPS).iter() {
        let at = format!("{path}{}", problem.path.trim_start_matches('$'));
        findings.error(at, &problem.text, did_you_mean(near_own(problem)));
    }
    let goal = properties.get("WaitFor").and_then(Value::as_str);
    let waits_for_the_end = match goal {
        Some(goal) => goal == Goal::Succeeded.as_str(),
        None => door.is_some_and(|door| door.goal == Goal::Succeeded) && !properties.contains_key("WaitFor"),
    };
    if waits_for_the_end && seconds.is_none() && !properties.contains_key("ServiceTimeout") {
        findings.note(
            path,
            "a job that runs longer than 59 minutes is killed, because CloudFormation waits for an hour at most",
            "what takes longer belongs to Step Functions; a ServiceTimeout gives up sooner",
        );
    }
}

/// The door that a `ServiceToken` leads to, or the only one that there is.
fn token<'a>(
    properties: &Map<String, Value>,
    path: &str,
    doors: Option<&'a [Door<'a>]>,
    findings: &mut Findings,
) -> Option<&'a Door<'a>> {
    let path = member(path, "ServiceToken");
    let only = match doors {
        Some([only]) => Some(only),
        Some(_) | None => None,
    };
    match properties.get("ServiceToken") {
        None => findings.error(path, "is missing", "give the ARN of the cluster's topic"),
        Some(Value::String(text)) if text.trim() != text => {
            // A block scalar of YAML ends with one.
            findings.error(path, "ends or begins with white space, which CloudFormation keeps", "");
        }
        Some(Value::String(text)) if filled_in_later(&Value::from(text.as_str())) => {}
        Some(Value::String(text)) => {
            let known = doors.unwrap_or_default();
            if let Some(door) = known.iter().find(|door| door.topic == text) {
                return Some(door);
            }
            if !text.contains(":sns:") {
                let what = "is no topic's ARN: this worker receives requests through SNS";
                findings.error(path, what, "give the ARN of the cluster's topic");
            } else if let Some(door) = known.first() {
                findings.error(
                    path,
                    "is not a topic of this worker",
                    format!("did you mean {}?", door.topic),
                );
            }
            return None;
        }
        Some(value) if filled_in_later(value) => {}
        Some(_) => findings.error(path, "must be a text", ""),
    }
    only
}

/// The seconds that CloudFormation waits, where the template fixes them.
fn service_timeout(properties: &Map<String, Value>, path: &str, findings: &mut Findings) -> Option<u64> {
    let value = properties.get("ServiceTimeout").filter(|value| !filled_in_later(value))?;
    let seconds = match value {
        Value::Number(number) => number.as_u64(),
        Value::String(text) => text.trim().parse().ok(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    };
    let right = seconds.filter(|seconds| (1..=LONGEST).contains(seconds));
    if right.is_none() {
        findings.error(
            member(path, "ServiceTimeout"),
            format!("must be an integer from 1 to {LONGEST}, in seconds"),
            "",
        );
    }
    right
}

/// What a template fixes of a value.
fn fixed(value: &Value) -> Template {
    match value {
        value if filled_in_later(value) => Template::Open,
        Value::Array(elements) => Template::List(elements.iter().map(fixed).collect()),
        Value::Object(members) => {
            Template::Object(members.iter().map(|(key, value)| (key.clone(), fixed(value))).collect())
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Template::Fixed(value.clone()),
    }
}

/// A job and its topic in one stack: the request must not come before the queue subscribes, or nobody hears it; and at
/// the stack's end the subscription must outlive the job.
fn waits_for_its_topic(
    name: &str,
    resource: &Value,
    resources: &Map<String, Value>,
    path: &str,
    findings: &mut Findings,
) {
    let referred = |value: Option<&Value>| value?.get("Ref")?.as_str().map(str::to_owned);
    let token = resource.get("Properties").and_then(|properties| properties.get("ServiceToken"));
    let Some(topic) = referred(token).filter(|topic| is_of(resources, topic, "AWS::SNS::Topic")) else {
        return;
    };
    let waits = depends(name, resources);
    let needed = resources.iter().filter(|(_, other)| {
        let properties = other.get("Properties");
        let kind = other.get("Type").and_then(Value::as_str).unwrap_or_default();
        let of_topic = properties.and_then(|properties| properties.get("TopicArn"));
        (kind == "AWS::SNS::Subscription" && referred(of_topic).as_deref() == Some(&*topic))
            || matches!(kind, "AWS::SQS::QueuePolicy" | "AWS::SNS::TopicPolicy")
    });
    let missing: Vec<&str> =
        needed.map(|(other, _)| other.as_str()).filter(|other| !waits.contains(*other)).collect();
    if !missing.is_empty() {
        let what = "its topic is in the same stack, and the request may come before anybody listens";
        findings.error(path, what, format!("add `DependsOn: [{}]`", missing.join(", ")));
    }
}

fn is_of(resources: &Map<String, Value>, name: &str, kind: &str) -> bool {
    resources.get(name).and_then(|resource| resource.get("Type")).is_some_and(|found| found == kind)
}

/// What a resource waits for by `DependsOn`, itself or through others.
fn depends<'a>(name: &'a str, resources: &'a Map<String, Value>) -> BTreeSet<&'a str> {
    let (mut found, mut next) = (BTreeSet::new(), vec![name]);
    while let Some(name) = next.pop() {
        let on = resources.get(name).and_then(|resource| resource.get("DependsOn"));
        let names = match on {
            Some(Value::String(one)) => vec![one.as_str()],
            Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).collect(),
            Some(_) | None => Vec::new(),
        };
        next.extend(names.into_iter().filter(|name| found.insert(*name)));
    }
    found
}

/// An attribute that no answer has fails the stack when the answer is there ("Vendor response doesn't contain …").
fn attributes(value: &Value, path: &str, ours: &BTreeSet<&str>, findings: &mut Findings) {
    let mut check = |name: &str, attribute: &str| {
        if ours.contains(name) && !ATTRIBUTES.contains(&attribute) && !attribute.contains("${") {
            let near = nearest(attribute, ATTRIBUTES);
            findings.error(path, format!("{name} has no attribute `{attribute}`"), did_you_mean(near));
        }
    };
    match value {
        Value::Array(elements) => {
            for (at, element) in elements.iter().enumerate() {
                attributes(element, &format!("{path}[{at}]"), ours, findings);
            }
        }
        Value::Object(members) => {
            match members.get("Fn::GetAtt") {
                Some(Value::String(text)) => {
                    if let Some((name, attribute)) = text.split_once('.') {
                        check(name, attribute);
                    }
                }
                Some(Value::Array(parts)) => {
                    if let [Value::String(name), Value::String(attribute)] = &parts[..] {
                        check(name, attribute);
                    }
                }
                Some(_) | None => {}
            }
            let text = members.get("Fn::Sub").map(|sub| sub.get(0).unwrap_or(sub)).and_then(Value::as_str);
            for part in text.unwrap_or_default().split("${").skip(1) {
                if let Some((name, attribute)) = part.split('}').next().and_then(|part| part.split_once('.'))
                {
                    check(name, attribute);
                }
            }
            for (key, value) in members {
                attributes(value, &member(path, key), ours, findings);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[cfg(test)]
mod tests;
