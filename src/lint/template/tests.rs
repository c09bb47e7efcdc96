//! What is found in templates, and what is left alone.

use serde_json::json;

use super::*;
use crate::lint::{Level, Syntax, read};

const TOPIC: &str = "arn:aws:sns:eu-west-1:123456789012:spark-jobs";

/// Lines of findings in a template's resources, given as YAML.
fn found(resources: &str, doors: Option<&[Door]>) -> Vec<String> {
    let template = read(&format!("Resources:\n{resources}"), Syntax::Yaml).expect("YAML");
    lint_template(&template, doors, false).iter().map(ToString::to_string).collect()
}

fn job(properties: &str) -> String {
    let lines = properties.lines().map(|line| format!("      {line}\n")).collect::<String>();
    format!("  Etl:\n    Type: Custom::SparkJob\n    Properties:\n{lines}")
}

const GOOD: &str = "ServiceToken: !ImportValue spark-jobs\nFile: s3://b/etl.py\nArgs: [!Sub 's3://${B}/in', 4]\nNumExecutors: 4\nServiceTimeout: 900\nWaitFor: SUCCEEDED\nUpdateMode: STOP_FIRST\nRevision: !Ref Build";

fn with_door<T>(look: impl FnOnce(&[Door]) -> T) -> T {
    let defaults = Defaults::none(false);
    look(&[Door { topic: TOPIC, defaults: &defaults, goal: Goal::Succeeded }])
}

#[test]
fn a_good_resource_has_no_findings() {
    assert_eq!(found(&job(GOOD), None), Vec::<String>::new());
    with_door(|doors| assert_eq!(found(&job(GOOD), Some(doors)), Vec::<String>::new()));
}

#[test]
fn each_wrong_property_is_named_with_what_was_meant() {
    for (wrong, line) in [
        ("Fle: x", "$.Resources.Etl.Properties.Fle: error: unknown key; did you mean `File`?"),
        ("WaitFr: x", "$.Resources.Etl.Properties.WaitFr: error: unknown key; did you mean `WaitFor`?"),
        (
            "WaitFor: DONE",
            "$.Resources.Etl.Properties.WaitFor: error: expected one of SUBMITTED, RUNNING, SUCCEEDED, found \"DONE\"",
        ),
        (
            "UpdateMode: STOPFIRST",
            "$.Resources.Etl.Properties.UpdateMode: error: expected one of REPLACE, STOP_FIRST, found \"STOPFIRST\"",
        ),
        ("Revision: [1]", "$.Resources.Etl.Properties.Revision: error: expected a text"),
        (
            "ServiceTimeout: 7200",
            "$.Resources.Etl.Properties.ServiceTimeout: error: must be an integer from 1 to 3600, in seconds",
        ),
        (
            "ServiceTimeout: soon",
            "$.Resources.Etl.Properties.ServiceTimeout: error: must be an integer from 1 to 3600, in seconds",
        ),
    ] {
        let lines = found(&job(&format!("ServiceToken: !Ref T\nFile: s3://b/x.py\n{wrong}")), None);
        assert_eq!(lines, [line], "{wrong}");
    }
}

#[test]
fn values_are_held_to_the_rules_of_real_inputs_and_what_is_filled_in_later_to_none() {
    let lines =
        found(&job("ServiceToken: !Ref T\nFile: s3://b/x.py\nDriverMemory: lots\nArgs: ['a `b`']"), None);
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(lines[0].starts_with("$.Resources.Etl.Properties.DriverMemory: error: "), "{lines:?}");
    assert!(lines[1].starts_with("$.Resources.Etl.Properties.Args[0]: error: "), "{lines:?}");
    let open = "ServiceToken: !Ref T\nFile: !Ref F\nDriverMemory: !Ref M\nArgs: !Split [',', !Ref A]\nWaitFor: !Ref W\nServiceTimeout: !Ref S\nConf: { Fn::If: [C, {a: b}, !Ref AWS::NoValue] }";
    assert_eq!(found(&job(open), None), Vec::<String>::new());
}

#[test]
fn a_resource_has_room_for_five_tags_of_its_own() {
    let tags = |tags: &str| {
        found(
            &job(&format!("ServiceToken: !Ref T\nFile: s3://b/x.py\nConf: {{spark.yarn.tags: '{tags}'}}")),
            None,
        )
    };
    assert_eq!(tags("1,2,3,4,5"), Vec::<String>::new());
    assert!(tags("1,2,3,4,5,6")[0].contains("6 tags"), "{:?}", tags("1,2,3,4,5,6"));
}

#[test]
fn a_token_must_be_a_topic_of_this_worker() {
    let token = |token: &str| {
        with_door(|doors| {
            found(&job(&format!("ServiceToken: {token}\nFile: s3://b/x.py\nServiceTimeout: 9")), Some(doors))
        })
    };
    assert_eq!(token(TOPIC), Vec::<String>::new());
    let other = token("arn:aws:sns:eu-west-1:123456789012:spark-job");
    assert_eq!(
        other,
        [format!(
            "$.Resources.Etl.Properties.ServiceToken: error: is not a topic of this worker; did you mean {TOPIC}?"
        )]
    );
    let function = token("arn:aws:lambda:eu-west-1:123456789012:function:submit");
    assert!(function[0].contains("is no topic's ARN"), "{function:?}");
    let block = found(&job(&format!("ServiceToken: |\n  {TOPIC}\nFile: s3://b/x.py")), None);
    assert!(block[0].contains("white space"), "{block:?}");
    let none = found(&job("File: s3://b/x.py"), None);
    assert!(none[0].contains("ServiceToken: error: is missing"), "{none:?}");
    assert!(found("  Etl: { Type: 'Custom::SparkJob' }\n", None)[0].contains("has no Properties"));
}

#[test]
fn a_file_is_missed_only_where_the_defaults_are_known() {
    let without = job(&format!("ServiceToken: {TOPIC}\nArgs: [a]\nServiceTimeout: 9"));
    assert_eq!(found(&without, None), Vec::<String>::new());
    let lines = with_door(|doors| found(&without, Some(doors)));
    assert!(lines[0].starts_with("$.Resources.Etl.Properties.File: error: is required"), "{lines:?}");
}

#[test]
fn a_job_that_is_waited_for_without_a_limit_is_told_of_the_hour() {
    let job = |more: &str| job(&format!("ServiceToken: {TOPIC}\nFile: s3://b/x.py\n{more}"));
    let note = |lines: &[String]| {
        lines.len() == 1 && lines[0].contains("note: a job that runs longer than 59 minutes")
    };
    assert!(note(&found(&job("WaitFor: SUCCEEDED"), None)));
    assert!(with_door(|doors| note(&found(&job("Queue: a"), Some(doors)))), "the door's default");
    for quiet in ["WaitFor: RUNNING", "WaitFor: SUCCEEDED\nServiceTimeout: 600", "Queue: a"] {
        assert_eq!(found(&job(quiet), None), Vec::<String>::new(), "{quiet}");
    }
}

#[test]
fn an_attribute_that_no_answer_has_is_named_wherever_it_is_read() {
    let template = json!({
        "Resources": { "Etl": { "Type": "Custom::SparkJob", "Properties": { "ServiceToken": {"Ref": "T"}, "File": "s3://b/x.py" } } },
        "Outputs": {
            "A": { "Value": {"Fn::GetAtt": ["Etl", "ApplicationID"]} },
            "B": { "Value": {"Fn::GetAtt": "Etl.State"} },
            "C": { "Value": {"Fn::Sub": "${Etl.Url} ${Etl.TrackingUrl} ${Other.Url} ${Etl}"} },
            "D": { "Value": {"Fn::Sub": ["${Etl.Nam}", {}]} },
        },
    });
    let lines: Vec<String> = lint_template(&template, None, false).iter().map(ToString::to_string).collect();
    assert_eq!(
        lines,
        [
            "$.Outputs.A.Value: error: Etl has no attribute `ApplicationID`; did you mean `ApplicationId`?",
            "$.Outputs.C.Value: error: Etl has no attribute `Url`",
            "$.Outputs.D.Value: error: Etl has no attribute `Nam`; did you mean `Name`?",
        ]
    );
}

#[test]
fn a_job_waits_for_the_subscription_of_a_topic_in_its_own_stack() {
    let all = |more: &str| {
        format!(
            "  T: {{ Type: 'AWS::SNS::Topic' }}\n  S: {{ Type: 'AWS::SNS::Subscription', Properties: {{ TopicArn: !Ref T }} }}\n  P: {{ Type: 'AWS::SQS::QueuePolicy', DependsOn: S }}\n  Etl:\n    Type: Custom::SparkJob\n{more}    Properties: {{ ServiceToken: !Ref T, File: s3://b/x.py }}\n"
        )
    };
    let lines = found(&all(""), None);
    assert!(lines[0].ends_with("add `DependsOn: [S, P]`"), "{lines:?}");
    assert_eq!(found(&all("    DependsOn: [P, S]\n"), None), Vec::<String>::new());
    assert_eq!(found(&all("    DependsOn: P\n"), None), Vec::<String>::new(), "through another one");
}

#[test]
fn other_resources_are_left_alone() {
    let other = "  Other:\n    Type: Custom::Thing\n    Properties: { ServiceToken: 'arn:aws:lambda:x', File: 1, WaitFor: 2 }\n";
    let lines = found(other, None);
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].starts_with("$.Resources: warning: no resource is a Custom::SparkJob"));
    let template = json!({ "Resources": { "Etl": { "Type": "AWS::CloudFormation::CustomResource", "Properties": {
        "ServiceToken": TOPIC, "Fil": "s3://b/x.py" } } } });
    let lines = with_door(|doors| lint_template(&template, Some(doors), false));
    assert!(
        lines.iter().any(|line| line.level == Level::Error && line.path.ends_with("Fil")),
        "by its topic: {lines:?}"
    );
}
