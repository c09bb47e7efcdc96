//! What every answer has, and what is left out first where there is no room.

use proptest::prelude::*;

use super::*;
use crate::job::report::{DriverLog, ErrorName};

fn ids() -> Ids {
    Ids {
        stack_id: "arn:aws:cloudformation:eu-west-1:123456789012:stack/etl/5e3f".to_owned(),
        request_id: "5e3f-01".to_owned(),
        logical_id: "Etl".to_owned(),
        physical_id: "etl/5e3f-01".to_owned(),
    }
}

fn attributes() -> Attributes {
    Attributes {
        application_id: "application_1_0001".to_owned(),
        batch_id: "7".to_owned(),
        name: "etl-0123456789abcdef".to_owned(),
        state: "RUNNING".to_owned(),
        tracking_url: "http://rm:8088/proxy/application_1_0001".to_owned(),
        driver_log_url: "http://nm:8042/logs".to_owned(),
        verdict_source: "yarn".to_owned(),
    }
}

fn failed(message: &str, log: &[&str]) -> Verdict {
    Verdict::Failed {
        attributes: attributes(),
        error: "SparkJob.Failed".to_owned(),
        message: message.to_owned(),
        log: log.iter().map(|line| (*line).to_owned()).collect(),
    }
}

/// The answer, checked for what every answer must have.
fn read(ids: &Ids, verdict: &Verdict) -> Value {
    let bytes = body(ids, verdict);
    assert_eq!(bytes, body(ids, verdict), "the same bytes again");
    assert!(bytes.len() <= MAX_BODY, "{} bytes", bytes.len());
    let answer: Value = serde_json::from_slice(&bytes).expect("JSON");
    for (key, id) in [
        ("StackId", &ids.stack_id),
        ("RequestId", &ids.request_id),
        ("LogicalResourceId", &ids.logical_id),
        ("PhysicalResourceId", &ids.physical_id),
    ] {
        assert_eq!(answer[key], **id, "verbatim");
    }
    assert!(answer["Reason"].as_str().is_some_and(|reason| !reason.is_empty()));
    assert_eq!(answer["NoEcho"], false);
    let data = answer["Data"].as_object().expect("attributes");
    let keys: Vec<&str> = data.keys().map(String::as_str).collect();
    assert_eq!(
        keys,
        ["ApplicationId", "BatchId", "Name", "State", "TrackingUrl", "DriverLogUrl", "VerdictSource"]
    );
    assert!(data.values().all(Value::is_string));
    answer
}

#[test]
fn a_success_has_every_attribute_as_text_also_where_nothing_is_known() {
    let answer = read(&ids(), &Verdict::Success(attributes()));
    assert_eq!(answer["Status"], "SUCCESS");
    assert_eq!(answer["Reason"], "application_1_0001 is RUNNING");
    assert_eq!(answer["Data"]["BatchId"], "7");
    let answer = read(&ids(), &Verdict::Success(Attributes::default()));
    assert_eq!(answer["Data"]["ApplicationId"], "");
}

#[test]
fn a_failure_names_error_message_application_and_the_last_lines() {
    let answer = read(&ids(), &failed("it broke", &["first", "", "KeyError: 'x'\u{1b}[2J"]));
    assert_eq!(answer["Status"], "FAILED");
    assert_eq!(
        answer["Reason"],
        "SparkJob.Failed: it broke [application_1_0001, log http://nm:8042/logs] | first | \
         KeyError: 'x'\\u001b[2J"
    );
}

#[test]
fn the_log_is_cut_first_then_the_message_and_never_inside_a_character() {
    let long: Vec<String> = (0..300).map(|number| format!("line {number} größe 🚕")).collect();
    let log: Vec<&str> = long.iter().map(String::as_str).collect();
    let answer = read(&ids(), &failed("it broke", &log));
    let reason = answer["Reason"].as_str().expect("a text");
    assert!(
        reason.starts_with("SparkJob.Failed: it broke [") && reason.ends_with("line 299 größe 🚕"),
        "{reason}"
    );
    assert!(!reason.contains("line 0 "));
    let message = "🚕\"\\".repeat(2_000);
    let answer = read(&ids(), &failed(&message, &log));
    let reason = answer["Reason"].as_str().expect("a text");
    assert!(
        reason.contains("… [application_1_0001, log http://nm:8042/logs]") && !reason.contains("line"),
        "{reason}"
    );
}

#[test]
fn urls_that_leave_no_room_are_left_out_and_their_keys_stay() {
    let long = format!("http://rm/{}", "x".repeat(5_000));
    let attributes = Attributes { tracking_url: long.clone(), driver_log_url: long, ..attributes() };
    let answer = read(&ids(), &Verdict::Success(attributes.clone()));
    assert_eq!(
        (&answer["Data"]["TrackingUrl"], &answer["Data"]["ApplicationId"]),
        (&json!(""), &json!("application_1_0001"))
    );
    let verdict = Verdict::Failed {
        attributes,
        error: "SparkJob.Failed".to_owned(),
        message: "it broke".to_owned(),
        log: vec!["x".to_owned()],
    };
    let answer = read(&ids(), &verdict);
    assert!(answer["Reason"].as_str().expect("a text").starts_with("SparkJob.Failed: it broke"), "{answer}");
}

#[test]
fn the_longest_ids_leave_room_for_a_reason() {
    let ids = Ids {
        stack_id: "s".repeat(256),
        request_id: "r".repeat(256),
        logical_id: "l".repeat(256),
        physical_id: "\"".repeat(1_024),
    };
    let answer = read(&ids, &failed(&"long ".repeat(2_000), &["x"]));
    assert!(answer["Reason"].as_str().expect("a text").starts_with("SparkJob.Failed: long long"));
}

#[test]
fn a_failure_of_a_job_is_told_with_its_root_cause_and_without_secrets() {
    let log = DriverLog {
        stdout: vec![
            "Traceback (most recent call last):".to_owned(),
            "  File \"etl.py\", line 3, in <module>".to_owned(),
            "ValueError: password=hunter2 is wrong".to_owned(),
        ],
        stderr: vec!["INFO".to_owned()],
    };
    let failure = Failure::new(ErrorName::Failed, "Judged", "the application failed").with_driver_log(log);
    let failure = Failure { application_id: Some("application_1_0002".to_owned()), ..failure };
    let verdict = Verdict::failed(&failure, "etl-1");
    let answer = read(&ids(), &verdict);
    let reason = answer["Reason"].as_str().expect("a text");
    assert!(
        reason.starts_with("SparkJob.Failed: the application failed: ValueError: password=*** is wrong"),
        "{reason}"
    );
    assert!(reason.contains("[application_1_0002]") && !reason.contains("hunter2"), "{reason}");
    assert_eq!(answer["Data"]["Name"], "etl-1");
}

proptest! {
    #[test]
    fn whatever_is_told_fits_and_is_valid(
        message in "\\PC{0,3000}", lines in prop::collection::vec(any::<String>(), 0..60),
        url in "[ -~]{0,3000}", name in any::<String>(),
    ) {
        let attributes = Attributes { tracking_url: url.clone(), driver_log_url: url, name, ..attributes() };
        read(&ids(), &Verdict::Success(attributes.clone()));
        let error = "SparkJob.Failed".to_owned();
        let answer = read(&ids(), &Verdict::Failed { attributes, error, message, log: lines });
        let reason = answer["Reason"].as_str().expect("a text");
        prop_assert!(reason.starts_with("SparkJob.Failed: "));
    }
}
