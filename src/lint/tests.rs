//! Tables: a good definition, one thing changed, and what is said about it.

use std::time::Duration;

use serde_json::{Value, json};

use super::Level::{Error, Warning};
use super::*;
use crate::arn::ActivityArn;
use crate::config::{HEARTBEAT_INTERVAL, ON_ABORT};
use crate::job::report::{ErrorName, Retry};
use crate::job::request::Defaults;

const ARN: &str = "arn:aws:states:us-east-1:123456789012:activity:spark-job";

/// The path, the level and a part of the rest of a line.
type Expected<'a> = (&'a str, Level, &'a str);

#[track_caller]
fn check_with(definition: &Value, activities: Option<&[ActivitySettings]>, expected: &[Expected]) {
    let found = lint(definition, activities, false);
    let found: Vec<_> = found.into_iter().filter(|finding| finding.level != Level::Note).collect();
    let lines: Vec<String> = found.iter().map(Finding::to_string).collect();
    assert_eq!(found.len(), expected.len(), "{lines:#?}");
    for (finding, (path, level, part)) in found.iter().zip(expected) {
        let line = finding.to_string();
        assert_eq!((finding.path.as_str(), finding.level), (*path, *level), "{line}");
        assert!(line.contains(part), "{line} does not contain {part}");
    }
}

/// An activity with nothing but its ARN.
fn activity(arn: &str) -> ActivitySettings {
    ActivitySettings {
        arn: ActivityArn::parse(arn).unwrap(),
        max_concurrent_jobs: 20,
        pollers: 1,
        heartbeat_interval: HEARTBEAT_INTERVAL,
        on_abort: ON_ABORT,
        defaults: Defaults::none(false),
    }
}

#[track_caller]
fn check(definition: &Value, expected: &[Expected]) {
    check_with(definition, Some(&[activity(ARN)]), expected);
}

/// The good definition with one value of its Task set, or, for null, removed; paths are below the Task.
#[track_caller]
fn check_task(base: &Value, pointer: &str, value: Value, expected: &[Expected]) {
    let expected: Vec<(String, Level, &str)> =
        expected.iter().map(|(path, level, part)| (format!("$.States.Etl{path}"), *level, *part)).collect();
    let expected: Vec<Expected> =
        expected.iter().map(|(path, level, part)| (path.as_str(), *level, *part)).collect();
    check(&changed(base, &format!("/States/Etl{pointer}"), value), &expected);
}

fn changed(base: &Value, pointer: &str, value: Value) -> Value {
    let mut definition = base.clone();
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    let key = key.replace("~1", "/");
    let parent = definition.pointer_mut(parent).unwrap();
    if let Some(list) = parent.as_array_mut() {
        list[key.parse::<usize>().unwrap()] = value;
    } else if value.is_null() {
        parent.as_object_mut().unwrap().remove(&key);
    } else {
        parent.as_object_mut().unwrap().insert(key, value);
    }
    definition
}

/// What is worth a Retry.
fn worth() -> Vec<&'static str> {
    let names = ErrorName::ALL.into_iter().filter(|name| name.retry() == Retry::Yes).map(ErrorName::as_str);
    names.chain(["States.Timeout", "States.HeartbeatTimeout"]).collect()
}

/// A definition without a fault, in JSONPath.
fn good() -> Value {
    json!({
        "StartAt": "Etl",
        "States": {
            "Etl": {
                "Type": "Task",
                "Resource": ARN,
                "Parameters": {
                    "Name": "etl",
                    "File": "s3://bucket/etl.py",
                    "Args.$": "States.Array($.input, $.output)",
                    "Conf": { "spark.app.owner.$": "$.owner", "spark.speculation": true },
                    "Execution.$": "$$.Execution.Id",
                },
                "HeartbeatSeconds": 60,
                "TimeoutSeconds": 3600,
                "Retry": [
                    { "ErrorEquals": worth(), "IntervalSeconds": 30, "MaxAttempts": 3, "BackoffRate": 2 },
                ],
                "Catch": [{ "ErrorEquals": ["States.ALL"], "ResultPath": "$.error", "Next": "Failed" }],
                "End": true,
            },
            "Failed": { "Type": "Fail", "ErrorPath": "$.error.Error", "CausePath": "$.error.Cause" },
        },
    })
}

/// The same in JSONata.
fn jsonata() -> Value {
    let mut definition = good();
    definition["QueryLanguage"] = json!("JSONata");
    let task = &mut definition["States"]["Etl"];
    task.as_object_mut().unwrap().remove("Parameters");
    task["Arguments"] = json!({
        "Name": "etl",
        "File": "s3://bucket/etl.py",
        "Args": ["{% $states.input.input %}", "{% $states.input.output %}", 7],
        "Conf": { "spark.app.owner": "{% $states.input.owner %}" },
        "Execution": "{% $states.context.Execution.Id %}",
    });
    task["Catch"] =
        json!([{ "ErrorEquals": ["States.ALL"], "Output": "{% $states.errorOutput %}", "Next": "Failed" }]);
    definition["States"]["Failed"] =
        json!({ "Type": "Fail", "Error": "{% $states.input.Error %}", "Cause": "{% $states.input.Cause %}" });
    definition
}

#[test]
fn a_good_definition_in_either_language_is_good() {
    check(&good(), &[]);
    check(&jsonata(), &[]);
    check_with(&good(), None, &[]);
    check_with(&jsonata(), None, &[]);
}

#[test]
fn the_times_must_be_there_and_fit_the_workers_heartbeat() {
    let (heartbeat, timeout) = ("/HeartbeatSeconds", "/TimeoutSeconds");
    for base in [good(), jsonata()] {
        check_task(&base, heartbeat, json!(null), &[("", Error, "add `\"HeartbeatSeconds\": 60`")]);
        check_task(&base, heartbeat, json!(59), &[(".HeartbeatSeconds", Error, "make it 60 or more")]);
        check_task(&base, heartbeat, json!("60"), &[(".HeartbeatSeconds", Error, "a positive integer")]);
        check_task(&base, heartbeat, json!(0), &[(".HeartbeatSeconds", Error, "a positive integer")]);
        check_task(&base, heartbeat, json!(60.0), &[]);
        check_task(&base, timeout, json!(null), &[("", Warning, "has no TimeoutSeconds")]);
        check_task(&base, timeout, json!(60), &[(".TimeoutSeconds", Error, "60 is not more than")]);
        check_task(&base, timeout, json!(1.5), &[(".TimeoutSeconds", Error, "a positive integer")]);
    }
    let open = [(".HeartbeatSeconds", Warning, "cannot be checked")];
    check_task(&jsonata(), heartbeat, json!("{% $states.input.beat %}"), &open);
    check_task(&jsonata(), timeout, json!("{% $states.input.limit %}"), &[]);
    let mut by_path = good();
    by_path["States"]["Etl"].as_object_mut().unwrap().remove("HeartbeatSeconds");
    check_task(&by_path, "/HeartbeatSecondsPath", json!("$.beat"), &open);
    check_task(
        &good(),
        "/HeartbeatSecondsPath",
        json!("$.beat"),
        &[(".HeartbeatSecondsPath", Error, "keep one")],
    );
    check_task(
        &good(),
        "/TimeoutSecondsPath",
        json!("$.limit"),
        &[(".TimeoutSecondsPath", Error, "keep one")],
    );
}

#[test]
fn the_heartbeat_is_measured_by_the_interval_of_the_states_own_activity() {
    let other = "arn:aws:states:us-east-1:123456789012:activity:slow";
    let slow = ActivitySettings { heartbeat_interval: Duration::from_millis(40_500), ..activity(other) };
    let both = [activity(ARN), slow];
    check_with(&good(), Some(&both), &[]);
    let definition = changed(&good(), "/States/Etl/Resource", json!(other));
    check_with(&definition, Some(&both), &[("$.States.Etl.HeartbeatSeconds", Error, "make it 122 or more")]);
}

#[test]
fn an_activity_that_nobody_polls_is_an_error_where_it_looks_like_ours() {
    for wrong in [
        "arn:aws:states:eu-west-1:123456789012:activity:spark-job",
        "arn:aws:states:us-east-1:210987654321:activity:spark-job",
        "arn:aws:states:us-east-1:123456789012:activity:spark-jobs",
        "arn:aws:states:us-east-1:123456789012:activity:spark_job",
        "arn:aws:states:us-east-1:123456789012:activity:Spark-Job",
        "arn:aws:states:us-east-1:123456789012:activity:sparkjbo",
        "arn:aws:states:us-east-1:123456789012:activty:spark-job",
        "arn:aws:states:us-east-1:12345678901:activity:spark-job",
    ] {
        check_task(
            &good(),
            "/Resource",
            json!(wrong),
            &[(".Resource", Error, &format!("did you mean {ARN}?"))],
        );
    }
}

#[test]
fn tasks_of_others_are_left_alone() {
    for other in [
        "arn:aws:states:us-east-1:123456789012:activity:resize-image",
        "arn:aws:states:us-east-1:123456789012:activity:spark-job-b",
        "arn:aws:states:us-east-1:123456789012:activity:spark-job2",
        "arn:aws:lambda:us-east-1:123456789012:function:spark-job",
        "arn:aws:states:::elasticmapreduce:createCluster.sync",
    ] {
        let mut definition = good();
        definition["States"]["Etl"]["Next"] = json!("Other");
        definition["States"]["Etl"].as_object_mut().unwrap().remove("End");
        definition["States"]["Other"] =
            json!({ "Type": "Task", "Resource": other, "Parameters": { "Whatever": "$.x" }, "End": true });
        check(&definition, &[]);
        let alone = json!({ "StartAt": "Other", "States": { "Other": definition["States"]["Other"] } });
        check(&alone, &[("$", Warning, "no Task state has the ARN of a configured activity")]);
    }
}

#[test]
fn without_a_configuration_every_activity_is_ours_and_a_note_says_so() {
    let other = "arn:aws:states:eu-west-1:000000000000:activity:resize-image";
    let definition = changed(&good(), "/States/Etl/Resource", json!(other));
    check_with(&definition, None, &[]);
    let found = lint(&definition, None, false);
    assert!(found[0].to_string().starts_with("$: note: without a configuration"), "{}", found[0]);
    let short = changed(&definition, "/States/Etl/HeartbeatSeconds", json!(30));
    check_with(&short, None, &[("$.States.Etl.HeartbeatSeconds", Error, "make it 60 or more")]);
    let no_arn = "arn:aws:states:eu-west-1:1234:activity:spark-job";
    let definition = changed(&good(), "/States/Etl/Resource", json!(no_arn));
    check_with(&definition, None, &[("$.States.Etl.Resource", Error, "is not an activity's ARN")]);
}

#[test]
fn a_resource_that_is_filled_in_later_is_taken_for_ours_with_a_note() {
    let mut definition = changed(&good(), "/States/Etl/Resource", json!("${SparkJobActivityArn}"));
    definition["States"]["Etl"]["HeartbeatSeconds"] = json!(10);
    for activities in [None, Some(&[activity(ARN)][..])] {
        let found = lint(&definition, activities, false);
        let lines: Vec<String> = found.iter().map(Finding::to_string).collect();
        assert!(lines.iter().any(|line| line.contains("is filled in later")), "{lines:?}");
        check_with(&definition, activities, &[("$.States.Etl.HeartbeatSeconds", Error, "60 or more")]);
    }
}

#[test]
fn what_says_nothing_of_an_activity_and_has_our_input_is_ours_and_the_rest_is_left_alone() {
    let functions = [
        json!({ "Ref": "SparkJobActivity" }),
        json!({ "Fn::GetAtt": ["Etl", "Arn"] }),
        json!({ "Fn::Sub": "arn:aws:states:${AWS::Region}:${AWS::AccountId}:activity:spark-job" }),
        json!("arn:${AWS::Partition}:states:${AWS::Region}:${AWS::AccountId}:activity:spark-job"),
        json!("${EtlArn}"),
    ];
    for later in functions {
        for base in [good(), jsonata()] {
            check_task(&base, "/Resource", later.clone(), &[]);
            let definition = changed(&base, "/States/Etl/Resource", later.clone());
            check_with(&definition, None, &[]);
            let short = changed(&definition, "/States/Etl/HeartbeatSeconds", json!(10));
            check(&short, &[("$.States.Etl.HeartbeatSeconds", Error, "60 or more")]);
        }
    }
    // Nobody can say what this is, and nobody complains.
    let mut definition =
        changed(&good(), "/States/Etl/Resource", json!({ "Fn::GetAtt": ["Function", "Arn"] }));
    definition["States"]["Etl"]["Parameters"] = json!({ "Whatever": 1 });
    definition["States"]["Etl"]["HeartbeatSeconds"] = json!(1);
    check(&definition, &[]);
    let lines = lint(&definition, Some(&[]), false);
    assert!(lines.iter().any(|found| found.what.contains("filled in later: 1")), "{lines:?}");
    let lambda = json!("arn:aws:lambda:${AWS::Region}:123456789012:function:f");
    check(
        &changed(&definition, "/States/Etl/Resource", lambda),
        &[("$", Warning, "no Task state has the ARN of a configured activity")],
    );
    check(
        &changed(&good(), "/States/Etl/Resource", json!({ "Etl": 1 })),
        &[("$.States.Etl", Error, "needs a Resource"), ("$", Warning, "no Task state")],
    );
}

#[test]
fn values_that_are_filled_in_later_are_not_checked() {
    for (key, value) in [
        ("File", json!("s3://${Bucket}/etl.py")),
        ("File", json!({ "Fn::Sub": "s3://${Bucket}/etl.py" })),
        ("DriverMemory", json!("${Memory}")),
        ("NumExecutors", json!({ "Ref": "Executors" })),
        ("Conf", json!({ "Fn::If": ["Large", {}, {}] })),
        ("Jars", json!([{ "Ref": "Jar" }, "s3://b/x.jar"])),
    ] {
        check_task(&good(), &format!("/Parameters/{key}"), value.clone(), &[]);
        check_task(&jsonata(), &format!("/Arguments/{key}"), value, &[]);
    }
    let open = [(".HeartbeatSeconds", Warning, "cannot be checked")];
    check_task(&good(), "/HeartbeatSeconds", json!("${Beat}"), &open);
    check_task(&good(), "/TimeoutSeconds", json!({ "Ref": "Limit" }), &[]);
    check_task(&good(), "/Retry/0/MaxAttempts", json!("${Attempts}"), &[]);
    check_task(&good(), "/Parameters/Queue.$", json!("${Path}"), &[]);
}

#[test]
fn an_error_of_ones_own_should_not_begin_with_states() {
    for made_up in ["States.QuorumMet", "States.TaskFailed"] {
        let mut definition = good();
        definition["States"]["Failed"] = json!({ "Type": "Fail", "Error": made_up });
        check(&definition, &[("$.States.Failed.Error", Warning, "names of your own")]);
    }
    let mut definition = good();
    definition["States"]["Failed"] = json!({ "Type": "Fail", "Error": "QuorumMet" });
    check(&definition, &[]);
}

#[test]
fn express_workflows_have_no_activities() {
    let machine = |kind: &str, inner: Value| {
        json!({
            "StartAt": "Days",
            "States": {
                "Days": {
                    "Type": "Map", "End": true, "Catch": [{ "ErrorEquals": ["States.ALL"], "Next": "Failed" }],
                    "ItemProcessor": {
                        "ProcessorConfig": { "Mode": "DISTRIBUTED", "ExecutionType": kind },
                        "StartAt": inner["StartAt"], "States": inner["States"],
                    },
                },
                "Failed": { "Type": "Fail" },
            },
        })
    };
    let mut etl = good();
    etl["States"]["Etl"].as_object_mut().unwrap().remove("Catch");
    etl["States"].as_object_mut().unwrap().remove("Failed");
    check(&machine("STANDARD", etl.clone()), &[]);
    let path = "$.States.Days.ItemProcessor.States";
    check(
        &machine("EXPRESS", etl.clone()),
        &[(&format!("{path}.Etl.Resource"), Error, "ProcessorConfig.ExecutionType STANDARD")],
    );
    let both = json!({
        "StartAt": "Both", "States": { "Both": { "Type": "Parallel", "Branches": [etl], "End": true } },
    });
    check(
        &machine("EXPRESS", both),
        &[(&format!("{path}.Both.Branches[0].States.Etl.Resource"), Error, "no activities")],
    );
    // Tasks of others may run there.
    let lambda = json!({ "Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "End": true });
    let other = machine("EXPRESS", json!({ "StartAt": "Other", "States": { "Other": lambda } }));
    check(&other, &[("$", Warning, "no Task state has the ARN")]);
}

#[test]
fn keys_are_those_of_real_inputs() {
    let unknown = ("NumExecuters", "did you mean `NumExecutors`?");
    check_task(
        &good(),
        "/Parameters/NumExecuters",
        json!(4),
        &[(".Parameters.NumExecuters", Error, unknown.1)],
    );
    check_task(
        &good(),
        "/Parameters/NumExecuters.$",
        json!("$.n"),
        &[(".Parameters.NumExecuters", Error, unknown.1)],
    );
    check_task(
        &jsonata(),
        "/Arguments/NumExecuters",
        json!("{% 4 %}"),
        &[(".Arguments.NumExecuters", Error, unknown.1)],
    );
    check_task(&good(), "/Parameters/Bogus", json!(1), &[(".Parameters.Bogus", Error, "unknown key")]);
    check_task(
        &good(),
        "/Parameters/file.$",
        json!("$.f"),
        &[(".Parameters.file", Warning, "the same key as `File`")],
    );
    check_task(
        &jsonata(),
        "/Arguments/File.$",
        json!("$.f"),
        &[(".Arguments['File.$']", Error, "did not evaluate")],
    );
}

#[test]
fn fixed_values_are_checked_like_real_ones_and_computed_ones_are_not() {
    check_task(
        &good(),
        "/Parameters/NumExecutors",
        json!("many"),
        &[(".Parameters.NumExecutors", Warning, "an integer from 0")],
    );
    for (argument, text) in
        [("select `fare`", "a backtick"), ("größe", "utf8 = true"), ("{{ds}}", "YARN replaces")]
    {
        let found = &[(".Arguments.Args[2]", Warning, text)];
        check_task(&jsonata(), "/Arguments/Args/2", json!(argument), found);
    }
    check_task(&jsonata(), "/Arguments/Args/2", json!("{\"größe\":{\"b\":\"`\"}}"), &[]);
    check_task(
        &good(),
        "/Parameters/File",
        json!("etl.py"),
        &[(".Parameters.File", Warning, "an absolute path")],
    );
    check_task(
        &good(),
        "/Parameters/DriverMemory",
        json!("4"),
        &[(".Parameters.DriverMemory", Warning, "digits and a unit")],
    );
    check_task(
        &good(),
        "/Parameters/Conf",
        json!({"spark.master": "local"}),
        &[(".Parameters.Conf['spark.master']", Warning, "a setting of Livy")],
    );
    check_task(
        &good(),
        "/Parameters/Jars",
        json!(["x.jar"]),
        &[(".Parameters.Jars[0]", Warning, "an absolute path")],
    );
    check_task(
        &jsonata(),
        "/Arguments/Args/2",
        json!([1]),
        &[(".Arguments.Args[2]", Warning, "found a list")],
    );
    for open in ["NumExecutors", "DriverMemory", "PyFiles", "Jars", "Queue"] {
        check_task(&good(), &format!("/Parameters/{open}.$"), json!("$.x"), &[]);
        check_task(&jsonata(), &format!("/Arguments/{open}"), json!("{% $x %}"), &[]);
    }
    check_task(&jsonata(), "/Arguments/Jars", json!(["{% $x %}", "s3://b/x.jar"]), &[]);
    check_task(&jsonata(), "/Arguments", json!("{% $states.input %}"), &[]);
    check_task(&good(), "/Parameters", json!(null), &[]);
    check_task(&good(), "/Parameters", json!("$"), &[(".Parameters", Error, "must be an object")]);
    check_task(&jsonata(), "/Arguments", json!([]), &[(".Arguments", Warning, "expected an object")]);
}

#[test]
fn a_file_is_missed_only_where_the_defaults_are_known() {
    let definition = changed(&good(), "/States/Etl/Parameters/File", json!(null));
    check(&definition, &[("$.States.Etl.Parameters.File", Warning, "is required")]);
    check_with(&definition, None, &[]);
    let defaults = json!({ "File": "s3://bucket/app.jar" }).as_object().unwrap().clone();
    let defaults = Defaults::new(defaults, false).unwrap();
    check_with(&definition, Some(&[ActivitySettings { defaults, ..activity(ARN) }]), &[]);
}

#[test]
fn the_old_workers_shape_is_read_and_its_livy_is_nobodys_business_here() {
    let old = json!({
        "LivyHost": "ip-10-0-0-1.ec2.internal", "LivyPort": 8998, "Execution.$": "$$.Execution.Id",
        "Parameters": { "File.$": "$.file", "Configuration": { "spark.a": 1 }, "Args": [1, true] },
    });
    check_task(&good(), "/Parameters", old.clone(), &[]);
    let wrong = changed(&old, "/Parameters/Agrs", json!([]));
    check_task(
        &good(),
        "/Parameters",
        wrong,
        &[(".Parameters.Parameters.Agrs", Error, "did you mean `Args`?")],
    );
    let beside = changed(&old, "/File", json!("/f"));
    check_task(
        &good(),
        "/Parameters",
        beside,
        &[(".Parameters.File", Warning, "may not stand beside Parameters")],
    );
    let open = json!({ "LivyHost.$": "$.host", "Parameters.$": "$.parameters" });
    check_task(&good(), "/Parameters", open, &[]);
}

#[test]
fn a_fixed_text_that_looks_like_a_path_was_meant_as_one() {
    for text in ["$.file", "$", "$$.Execution.Id", "$[0].file", "$file", "States.Format('{}', $.x)"] {
        check_task(
            &good(),
            "/Parameters/File",
            json!(text),
            &[(".Parameters.File", Warning, "end the key with `.$`")],
        );
    }
    check_task(
        &good(),
        "/Parameters/Jars",
        json!(["$.jar"]),
        &[(".Parameters.Jars[0]", Warning, "States.Array(…, $.jar)")],
    );
    check_task(&good(), "/Parameters/File", json!("{% $x %}"), &[(".Parameters.File", Warning, "JSONPath")]);
    for text in ["$states.input.file", "$file", "$.file"] {
        check_task(
            &jsonata(),
            "/Arguments/File",
            json!(text),
            &[(".Arguments.File", Warning, &format!("write `{{% {text} %}}`"))],
        );
    }
    for text in ["{% $x", "$x %}", " {% $x %}"] {
        check_task(
            &jsonata(),
            "/Arguments/File",
            json!(text),
            &[(".Arguments.File", Error, "must begin with `{%`")],
        );
    }
    check_task(
        &jsonata(),
        "/Arguments/File",
        json!("s3://b/{% $x %}.py"),
        &[(".Arguments.File", Warning, "the whole string")],
    );
    for text in ["$5", "$HOME/x", "a $.b", "100%"] {
        check_task(&good(), "/Parameters/Name", json!(text), &[]);
        check_task(&jsonata(), "/Arguments/Name", json!(text), &[]);
    }
}

#[test]
fn what_a_computed_key_holds_must_be_computable() {
    let path = ".Parameters['Queue.$']";
    check_task(&good(), "/Parameters/Queue.$", json!("etl"), &[(path, Error, "leave out the `.$`")]);
    check_task(&good(), "/Parameters/Queue.$", json!(7), &[(path, Error, "leave out the `.$`")]);
    check_task(
        &good(),
        "/Parameters/Queue.$",
        json!("States.Formt('{}', $.x)"),
        &[(path, Error, "did you mean `States.Format`?")],
    );
    check_task(&good(), "/Parameters/Queue.$", json!("States.UUID("), &[(path, Error, "not closed")]);
}

#[test]
fn errors_that_do_not_exist_are_found_with_the_one_that_was_meant() {
    for (wrong, meant) in [
        ("SparkJob.Faild", "did you mean `SparkJob.Failed`?"),
        ("sparkjob.failed", "did you mean `SparkJob.Failed`?"),
        ("SparkJobs.NodeLost", "did you mean `SparkJob.NodeLost`?"),
        ("com.github.vitalibo.spark.emr.model.ActivityException", "no task of this worker fails with"),
        ("SparkJob.Whatever", "no task of this worker fails with"),
    ] {
        let catch = json!([{ "ErrorEquals": ["SparkJob.Killed", wrong], "Next": "Failed" }]);
        check_task(&good(), "/Catch", catch, &[(".Catch[0].ErrorEquals[1]", Error, meant)]);
    }
    for (wrong, meant) in [
        ("States.TimedOut", "did you mean `States.Timeout`?"),
        ("States.HeartbeatTimedOut", "did you mean `States.HeartbeatTimeout`?"),
        ("States.RanOutOfMoney", "names of your own should not begin"),
    ] {
        let catch = json!([{ "ErrorEquals": ["SparkJob.Killed", wrong], "Next": "Failed" }]);
        check_task(&good(), "/Catch", catch, &[(".Catch[0].ErrorEquals[1]", Warning, meant)]);
    }
    let mut retry = worth();
    retry.push("SparkJob.Whatever");
    let path = format!(".Retry[0].ErrorEquals[{}]", retry.len() - 1);
    check_task(&good(), "/Retry", json!([{ "ErrorEquals": retry }]), &[(&path, Error, "no task")]);
}

#[test]
fn of_the_errors_of_others_only_those_of_step_functions_are_judged() {
    let mut definition = good();
    definition["States"]["Etl"].as_object_mut().unwrap().remove("End");
    definition["States"]["Etl"]["Next"] = json!("Other");
    let names = ["Lambda.Unknown", "SparkJob.Killd", "sparkjob.timeout", "States.Timeot"];
    definition["States"]["Other"] = json!({
        "Type": "Task", "Resource": "arn:aws:lambda:us-east-1:123456789012:function:f", "End": true,
        "Catch": [{ "ErrorEquals": names, "Next": "Failed" }],
    });
    let timeout = |path| [(path, Warning, "`States.Timeout`")];
    check(&definition, &timeout("$.States.Other.Catch[0].ErrorEquals[3]"));
    // Nor does a Parallel hold a task of this worker because one of its states is filled in later.
    let mut around = good();
    around["StartAt"] = json!("All");
    around["States"]["All"] = json!({
        "Type": "Parallel", "Next": "Etl", "Catch": [{ "ErrorEquals": names, "Next": "Failed" }],
        "Branches": [{ "StartAt": "Later", "States": {
            "Later": { "Type": "Task", "Resource": "${FunctionArn}", "End": true },
        } }],
    });
    check(&around, &timeout("$.States.All.Catch[0].ErrorEquals[3]"));
}

/// A Parallel and a Map that hold the good definition's Task and a Fail state, and catch `name`; with the path of it.
fn around_a_fail_state(fail: &Value, name: &str) -> Vec<(Value, String)> {
    let mut etl = good()["States"]["Etl"].clone();
    etl["Catch"] = json!([{ "ErrorEquals": ["States.ALL"], "Next": "Custom" }]);
    let program = json!({ "StartAt": "Etl", "States": { "Etl": etl, "Custom": fail } });
    let machine = |body: Value| {
        let catch = json!([{ "ErrorEquals": ["Own.Name", name], "Next": "Failed" }]);
        let mut all = changed(&body, "/Catch", catch);
        all["End"] = json!(true);
        json!({ "StartAt": "All", "States": { "All": all, "Failed": { "Type": "Fail" } } })
    };
    let map = json!({ "Type": "Map", "ItemProcessor": program, "End": true });
    let deep = json!({ "StartAt": "Days", "States": { "Days": map } });
    [
        json!({ "Type": "Parallel", "Branches": [program] }),
        json!({ "Type": "Parallel", "Branches": [deep] }),
        map,
    ]
    .map(|body| (machine(body), "$.States.All.Catch[0].ErrorEquals[1]".to_owned()))
    .into()
}

#[test]
fn an_error_that_a_fail_state_of_the_definition_raises_exists() {
    let raised = json!({ "Type": "Fail", "Error": "SparkJob.Custom" });
    for (definition, path) in around_a_fail_state(&raised, "SparkJob.Custm") {
        check(&definition, &[(&path, Error, "no task of this worker fails with")]);
    }
    for (definition, _) in around_a_fail_state(&raised, "SparkJob.Custom") {
        check(&definition, &[]);
    }
    // What is computed or filled in later can be any error.
    for open in [
        json!({ "Type": "Fail", "ErrorPath": "$.Error" }),
        json!({ "Type": "Fail", "Error": "${Error}" }),
        json!({ "Type": "Fail", "Error": { "Ref": "Error" } }),
        json!({ "Type": "Fail", "QueryLanguage": "JSONata", "Error": "{% $states.input.Error %}" }),
    ] {
        for (definition, _) in around_a_fail_state(&open, "SparkJob.Custom") {
            check(&definition, &[]);
        }
    }
    // A Fail state outside raises nothing inside, so what it computes hides no slip.
    for (mut definition, path) in around_a_fail_state(&raised, "SparkJob.Faild") {
        definition["States"]["Failed"] = json!({ "Type": "Fail", "ErrorPath": "$.Error" });
        check(&definition, &[(&path, Error, "did you mean `SparkJob.Failed`?")]);
    }
    let mut definition = good();
    definition["States"]["Failed"] = raised;
    let catch = json!([{ "ErrorEquals": ["SparkJob.Killed", "SparkJob.Custom"], "Next": "Failed" }]);
    check_task(&definition, "/Catch", catch, &[]);
}

#[test]
fn what_is_worth_a_retry_is_retried_and_nothing_else() {
    check_task(&good(), "/Retry", json!(null), &[("", Warning, "has no Retry")]);
    check_task(&good(), "/Retry", json!([]), &[("", Warning, "SparkJob.NodeLost")]);
    let few = json!([{ "ErrorEquals": ["SparkJob.NodeLost", "States.Timeout"] }]);
    let missing = "does not retry SparkJob.LivyUnavailable, SparkJob.ClusterTerminating, \
        SparkJob.WorkerFault, States.HeartbeatTimeout";
    check_task(&good(), "/Retry", few, &[(".Retry", Warning, missing)]);
    let none = json!([{ "ErrorEquals": worth(), "MaxAttempts": 0 }]);
    check_task(&good(), "/Retry", none, &[(".Retry", Warning, "does not retry SparkJob.NodeLost")]);
    let mut more = worth();
    more.extend(["SparkJob.Failed", "SparkJob.Lost", "SparkJob.SubmitFailed"]);
    let vain = [(".Retry[0]", Warning, "retries SparkJob.Failed: the same input")];
    check_task(&good(), "/Retry", json!([{ "ErrorEquals": more }]), &vain);
    let all = json!([{ "ErrorEquals": ["States.ALL"] }]);
    check_task(
        &good(),
        "/Retry",
        all,
        &[(".Retry[0]", Warning, "retries SparkJob.InvalidInput, SparkJob.Rejected")],
    );
    let own: Vec<_> =
        ErrorName::ALL.iter().filter(|name| name.retry() == Retry::No).map(|n| n.as_str()).collect();
    let spared = json!([{ "ErrorEquals": own, "MaxAttempts": 0 }, { "ErrorEquals": ["States.ALL"] }]);
    check_task(&good(), "/Retry", spared, &[]);
    let task_failed =
        json!([{ "ErrorEquals": own, "MaxAttempts": 0 }, { "ErrorEquals": ["States.TaskFailed"] }]);
    check_task(
        &good(),
        "/Retry",
        task_failed,
        &[(".Retry", Warning, "does not retry States.Timeout, States.HeartbeatTimeout")],
    );
}

#[test]
fn a_failure_is_caught_by_the_task_or_by_what_is_around_it() {
    let mut definition = good();
    definition["States"]["Etl"].as_object_mut().unwrap().remove("Catch");
    definition["States"].as_object_mut().unwrap().remove("Failed");
    check(&definition, &[("$.States.Etl", Warning, "has no Catch")]);
    let inner = json!({
        "StartAt": "Inner",
        "States": { "Inner": {
            "Type": "Map", "End": true,
            "ItemProcessor": { "StartAt": "Etl", "States": { "Etl": definition["States"]["Etl"] } },
        } },
    });
    let mut outer = json!({
        "StartAt": "Outer",
        "States": {
            "Outer": { "Type": "Parallel", "End": true, "Branches": [inner] },
            "Failed": { "Type": "Fail" },
        },
    });
    let etl = "$.States.Outer.Branches[0].States.Inner.ItemProcessor.States.Etl";
    outer["States"]["Outer"]["Catch"] = json!([{ "ErrorEquals": ["States.ALL"], "Next": "Failed" }]);
    check(&outer, &[]);
    outer["States"]["Outer"].as_object_mut().unwrap().remove("Catch");
    outer["States"].as_object_mut().unwrap().remove("Failed");
    check(&outer, &[(etl, Warning, "has no Catch")]);
}

#[test]
fn states_inside_parallel_and_map_are_found_with_the_language_that_they_inherit() {
    let task = |base: Value| {
        let mut task = base["States"]["Etl"].clone();
        task.as_object_mut().unwrap().remove("Catch");
        task["HeartbeatSeconds"] = json!(10);
        json!({ "StartAt": "Job", "States": { "Job": task } })
    };
    let around = |kind: &str, field: &str, program: Value| {
        let program = if field == "Branches" { json!([program]) } else { program };
        json!({
            "StartAt": "All",
            "States": {
                "All": { "Type": kind, field: program, "End": true,
                    "Catch": [{ "ErrorEquals": ["States.ALL"], "Next": "Failed" }] },
                "Failed": { "Type": "Fail" },
            },
        })
    };
    for (kind, field, base) in [
        ("Parallel", "Branches", "$.States.All.Branches[0]"),
        ("Map", "ItemProcessor", "$.States.All.ItemProcessor"),
        ("Map", "Iterator", "$.States.All.Iterator"),
    ] {
        let short = format!("{base}.States.Job.HeartbeatSeconds");
        check(&around(kind, field, task(good())), &[(&short, Error, "60 or more")]);
        let mut inherited = around(kind, field, task(jsonata()));
        inherited["QueryLanguage"] = json!("JSONata");
        check(&inherited, &[(&short, Error, "60 or more")]);
        // What is around them hands nothing on: they have the machine's language.
        let mut of_the_state = around(kind, field, task(good()));
        of_the_state["States"]["All"]["QueryLanguage"] = json!("JSONata");
        check(&of_the_state, &[(&short, Error, "60 or more")]);
        let chosen = format!("{}/States/Job/QueryLanguage", base[1..].replace('.', "/").replace("[0]", "/0"));
        check(&changed(&of_the_state, &chosen, json!("JSONPath")), &[(&short, Error, "60 or more")]);
        let refused = changed(&inherited, &chosen, json!("JSONPath"));
        let (at, arguments) =
            (format!("{base}.States.Job.QueryLanguage"), format!("{base}.States.Job.Arguments"));
        check(
            &refused,
            &[
                (&at, Error, "in a machine of JSONata"),
                (&arguments, Error, "is no field"),
                (&short, Error, "60 or more"),
            ],
        );
    }
}

#[test]
fn what_step_functions_refuses_is_an_error() {
    check_task(&good(), "/Argments", json!({}), &[(".Argments", Error, "is no field of a Task state")]);
    check_task(&good(), "/HeartbeatSecond", json!(60), &[(".HeartbeatSecond", Error, "`HeartbeatSeconds`")]);
    check_task(&good(), "/Arguments", json!({}), &[(".Arguments", Error, "write `Parameters`")]);
    check_task(&jsonata(), "/Parameters", json!({}), &[(".Parameters", Error, "write `Arguments`")]);
    check_task(&jsonata(), "/ResultPath", json!("$.x"), &[(".ResultPath", Error, "write `Output`")]);
    check_task(
        &jsonata(),
        "/QueryLanguage",
        json!("JSONPath"),
        &[(".QueryLanguage", Error, "machine of JSONata"), (".Arguments", Error, "is no field")],
    );
    check_task(&good(), "/End", json!(null), &[("", Error, "either a Next or")]);
    check_task(&good(), "/Next", json!("Failed"), &[("", Error, "either a Next or")]);
    let rule = |field: &str, key: &str, value: Value, path: &str, part: &str| {
        check_task(&good(), &format!("/{field}/0/{key}"), value, &[(path, Error, part)]);
    };
    rule("Retry", "IntervalSecond", json!(1), ".Retry[0].IntervalSecond", "`IntervalSeconds`");
    rule("Retry", "BackoffRate", json!(0.5), ".Retry[0].BackoffRate", "1 or more");
    rule("Retry", "BackoffRate", json!("2"), ".Retry[0].BackoffRate", "must be a number");
    rule("Catch", "Path", json!("$.error"), ".Catch[0].Path", "is no field of a Catch");
    rule("Catch", "ErrorEquals", json!([]), ".Catch[0].ErrorEquals", "names no error");
    rule(
        "Catch",
        "ErrorEquals",
        json!(["States.ALL", "SparkJob.Lost"]),
        ".Catch[0].ErrorEquals",
        "stand alone",
    );
    check_task(&good(), "/Retry", json!({}), &[(".Retry", Error, "a list"), ("", Warning, "no Retry")]);
}

#[test]
fn numbers_and_words_of_a_retrier_are_those_that_the_service_takes() {
    let rule = |key: &str, value: Value, part: &str| {
        let path = format!(".Retry[0].{key}");
        check_task(&good(), &format!("/Retry/0/{key}"), value, &[(&path, Error, part)]);
    };
    let good = |key: &str, value: Value| check_task(&good(), &format!("/Retry/0/{key}"), value, &[]);
    for wrong in [json!("PARTIAL"), json!("full"), json!(true)] {
        rule("JitterStrategy", wrong, "`FULL` or `NONE`");
    }
    for right in [json!("FULL"), json!("NONE"), json!("${Jitter}"), json!({ "Ref": "Jitter" })] {
        good("JitterStrategy", right);
    }
    for (key, least, most) in [
        ("IntervalSeconds", 1, 99_999_999),
        ("MaxAttempts", 1, 99_999_999),
        ("MaxDelaySeconds", 1, 31_622_400),
    ] {
        let range = format!("to {most}");
        rule(key, json!(1.5), "an integer");
        rule(key, json!("30"), "an integer");
        rule(key, json!(most + 1), &range);
        rule(key, json!(-1), "an integer");
        good(key, json!(least));
        good(key, json!(most));
        good(key, json!("${Number}"));
    }
    rule("IntervalSeconds", json!(0), "from 1");
    rule("MaxDelaySeconds", json!(0), "from 1");
    good("BackoffRate", json!(1.5));
}

#[test]
fn times_longer_than_the_service_takes_are_refused() {
    for (key, other) in [("TimeoutSeconds", None), ("HeartbeatSeconds", Some(99_999_999))] {
        let mut base = good();
        if let Some(timeout) = other {
            base["States"]["Etl"]["TimeoutSeconds"] = json!(timeout);
        }
        let path = format!(".{key}");
        let most = [(path.as_str(), Error, "99999999 at most")];
        check_task(&base, &format!("/{key}"), json!(100_000_000), &most);
    }
    check_task(&good(), "/TimeoutSeconds", json!(99_999_999), &[]);
}

#[test]
fn an_unknown_function_is_found_inside_another() {
    let path = ".Parameters['Args.$']";
    let args = |text: &str, expected: &[Expected]| {
        check_task(&good(), "/Parameters/Args.$", json!(text), expected);
    };
    args("States.Array(States.Nonsense($.x))", &[(path, Error, "no intrinsic function `States.Nonsense`")]);
    args("States.Array($.a, States.Formt('{}', $.x))", &[(path, Error, "did you mean `States.Format`?")]);
    for good in [
        "States.Array(States.Format('{}/{}', $.a, States.UUID()), $.b)",
        "States.Array('States.Nonsense(1)', $.b)",
        r"States.Array('it\'s States.Nonsense(1)', $.b)",
        "States.Array($.States.Nonsense(1), $.list[?(@.x > 1)])",
        "States.Array($['States.Nonsense(1)'], $$.Execution.Name)",
    ] {
        args(good, &[]);
    }
}

#[test]
fn a_choice_has_choices_a_map_has_a_program_and_a_parallel_has_branches() {
    let with = |body: Value, expected: &[Expected]| {
        let mut definition = changed(&good(), "/StartAt", json!("Other"));
        definition["States"]["Other"] = body;
        check(&definition, expected);
    };
    let path = "$.States.Other";
    let choice = [(path, Error, "needs Choices")];
    with(json!({ "Type": "Choice", "Choices": [], "Default": "Etl" }), &choice);
    with(json!({ "Type": "Choice", "Default": "Etl" }), &choice);
    with(json!({ "Type": "Choice", "Choices": "${Choices}", "Default": "Etl" }), &[]);
    with(json!({ "Type": "Map", "Next": "Etl" }), &[(path, Error, "needs an ItemProcessor")]);
    let parallel = [(path, Error, "needs Branches")];
    with(json!({ "Type": "Parallel", "Branches": [], "Next": "Etl" }), &parallel);
    with(json!({ "Type": "Parallel", "Next": "Etl" }), &parallel);
}

#[test]
fn states_that_do_not_hang_together_are_refused() {
    let catch = changed(&good(), "/States/Etl/Catch/0/Next", json!("Faild"));
    let (nowhere, unreached) = ("$.States.Etl.Catch[0].Next", "$.States.Failed");
    check(&catch, &[(nowhere, Error, "did you mean `Failed`?"), (unreached, Error, "no state leads here")]);
    check(
        &changed(&good(), "/StartAt", json!(null)),
        &[("$", Error, "has no StartAt"), ("$.States.Etl", Error, "no state leads here")],
    );
    check(
        &changed(&good(), "/States/Failed/Type", json!("Failed")),
        &[("$.States.Failed.Type", Error, "`Fail`")],
    );
    let long = "x".repeat(81);
    let mut definition = good();
    definition["StartAt"] = json!(long);
    definition["States"][&long] = json!({ "Type": "Pass", "Next": "Etl" });
    check(&definition, &[(&format!("$.States.{}…", &long[..64]), Error, "80 characters")]);
    let branch = json!({ "StartAt": "Etl", "States": { "Etl": { "Type": "Pass", "End": true } } });
    let mut twice = good();
    twice["StartAt"] = json!("Both");
    twice["States"]["Both"] = json!({ "Type": "Parallel", "Branches": [branch], "Next": "Etl" });
    check(&twice, &[("$.States.Both.Branches[0].States.Etl", Error, "the same name")]);
    check(
        &changed(&good(), "/States/Etl/Resource", json!(null)),
        &[("$.States.Etl", Error, "needs a Resource"), ("$", Warning, "no Task state")],
    );
}

#[test]
fn where_a_state_leads_that_is_filled_in_later_nobody_can_say() {
    for later in [json!("${Next}"), json!("${Prefix}-done"), json!({ "Ref": "Next" })] {
        // `Failed` may be what is filled in, so it is not unreached either.
        check_task(&good(), "/Catch/0/Next", later.clone(), &[]);
        check(&changed(&good(), "/StartAt", later.clone()), &[]);
        let choice = |name: &str, rule: &Value, other: &Value| {
            let mut definition = changed(&good(), "/StartAt", json!(name));
            let rules = json!([{ "Variable": "$.x", "IsPresent": true, "Next": rule }]);
            definition["States"]["Way"] = json!({ "Type": "Choice", "Choices": rules, "Default": other });
            definition["States"]["Alone"] = json!({ "Type": "Succeed" });
            definition
        };
        check(&choice("Way", &later, &json!("Etl")), &[]);
        check(&choice("Way", &json!("Etl"), &later), &[]);
        check(
            &choice("Way", &json!("Etl"), &json!("Etl")),
            &[("$.States.Alone", Error, "no state leads here")],
        );
        let mut next = changed(&good(), "/States/Etl/End", json!(null));
        next["States"]["Etl"]["Next"] = later.clone();
        next["States"]["Alone"] = json!({ "Type": "Succeed" });
        check(&next, &[]);
        // A name that is there is still looked up.
        let slip = changed(&next, "/States/Etl/Catch/0/Next", json!("Faild"));
        check(&slip, &[("$.States.Etl.Catch[0].Next", Error, "did you mean `Failed`?")]);
    }
    // A branch is a world of its own.
    let branch = json!({ "StartAt": "${First}", "States": { "First": { "Type": "Succeed" } } });
    let mut both = changed(&good(), "/StartAt", json!("Both"));
    both["States"]["Both"] = json!({ "Type": "Parallel", "Branches": [branch], "Next": "Etl" });
    check(&both, &[]);
    both["States"]["Alone"] = json!({ "Type": "Succeed" });
    check(&both, &[("$.States.Alone", Error, "no state leads here")]);
    // So is what a whole list of rules, or one of them, leads to.
    for choices in [json!("${Choices}"), json!([{ "Fn::If": ["Full", {}, {}] }])] {
        let mut way = changed(&good(), "/StartAt", json!("Way"));
        way["States"]["Way"] = json!({ "Type": "Choice", "Choices": choices, "Default": "Etl" });
        way["States"]["Alone"] = json!({ "Type": "Succeed" });
        check(&way, &[]);
    }
    // A name that is filled in may be any that is asked for.
    let mut named = changed(&good(), "/States/Etl/Catch/0/Next", json!("Done"));
    named["States"]["${Name}"] = json!({ "Type": "Succeed" });
    named["States"].as_object_mut().unwrap().remove("Failed");
    check(&named, &[]);
}

#[test]
fn what_is_no_definition_is_said_to_be_none() {
    for text in ["[]", "7", "null"] {
        check(
            &serde_json::from_str(text).unwrap(),
            &[("$", Error, "a state machine is a JSON object"), ("$", Warning, "no Task state")],
        );
    }
    check(
        &json!({}),
        &[("$", Error, "has no States"), ("$", Error, "has no StartAt"), ("$", Warning, "no Task state")],
    );
}
