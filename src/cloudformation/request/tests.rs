//! Messages as SNS and CloudFormation write them, and what is left in the queue.

use serde_json::json;

use super::*;

const TOPIC: &str = "arn:aws:sns:eu-west-1:123456789012:spark-jobs";
const STACK: &str = "arn:aws:cloudformation:eu-west-1:123456789012:stack/etl/5e3f-77";
const URL: &str = "https://cloudformation-custom-resource-response-euwest1.s3.eu-west-1.amazonaws.com/k%7CEtl\
                   ?X-Amz-Signature=secret";
const SENT: Timestamp = Timestamp(1_000);

fn rules() -> Rules {
    Rules {
        topic: TOPIC.to_owned(),
        stacks: vec!["arn:aws:cloudformation:eu-west-1:123456789012:stack/*".to_owned()],
        origins: Vec::new(),
        margin: Duration::from_secs(60),
        goal: Goal::Running,
    }
}

/// A Create as CloudFormation publishes it, with changes.
fn request(changes: &Value) -> Value {
    let mut request = json!({
        "RequestType": "Create", "RequestId": "5e3f-01", "ResponseURL": URL, "StackId": STACK,
        "ResourceType": "Custom::SparkJob", "LogicalResourceId": "Etl", "ServiceToken": TOPIC,
        "ResourceProperties": { "ServiceToken": TOPIC, "File": "s3://b/etl.py" },
    });
    for (key, value) in changes.as_object().expect("an object") {
        let fields = request.as_object_mut().expect("an object");
        if value.is_null() {
            fields.remove(key);
        } else {
            fields.insert(key.clone(), value.clone());
        }
    }
    request
}

fn envelope(message: &Value) -> Value {
    json!({
        "Type": "Notification", "MessageId": "m", "TopicArn": TOPIC, "Message": message.to_string(),
        "Timestamp": "2026-11-22T10:00:00.123Z", "SignatureVersion": "1", "Signature": "s",
        "SigningCertURL": "https://sns", "UnsubscribeURL": "https://sns",
    })
}

fn read(body: &Value) -> Result<Order, Refused> {
    Order::read(&body.to_string(), SENT, &rules())
}

fn refused(body: &Value) -> String {
    let words = read(body).expect_err("it is refused").to_string();
    assert!(!words.contains("secret") && !words.contains('\n'), "{words}");
    words
}

#[test]
fn an_envelope_says_when_it_was_published() {
    let order = read(&envelope(&request(&json!({})))).expect("it is good");
    assert_eq!(order.at, Timestamp(1_795_341_600_123));
    assert_eq!((&*order.request_id, &*order.logical_id, &*order.stack_id), ("5e3f-01", "Etl", STACK));
    assert_eq!((order.kind, order.url.secret()), (Kind::Create, URL));
    assert_eq!(order.timeout, Duration::from_secs(3_600));
}

#[test]
fn a_raw_message_was_published_when_the_queue_took_it() {
    assert_eq!(read(&request(&json!({}))).expect("it is good").at, SENT);
}

#[test]
fn an_update_brings_both_sets_of_properties_and_a_delete_needs_none() {
    let update = json!({
        "RequestType": "Update", "PhysicalResourceId": "etl/1",
        "OldResourceProperties": { "ServiceToken": TOPIC, "File": "s3://b/etl.py", "WaitFor": "SUBMITTED" },
    });
    let order = read(&envelope(&request(&update))).expect("it is good");
    let old = order.properties.fingerprint();
    assert_eq!(order.kind, Kind::Update { physical_id: "etl/1".to_owned(), old }, "only WaitFor differs");
    let delete =
        json!({ "RequestType": "Delete", "PhysicalResourceId": "stack-Etl-1X", "ResourceProperties": null });
    let order = read(&envelope(&request(&delete))).expect("it is good");
    assert_eq!(order.kind, Kind::Delete { physical_id: "stack-Etl-1X".to_owned() });
    assert_eq!(order.properties, Properties::default());
}

#[test]
fn the_time_to_answer_is_at_the_top_or_among_the_properties() {
    let seconds = |changes: Value| read(&request(&changes)).expect("it is good").timeout.as_secs();
    assert_eq!(seconds(json!({ "ServiceTimeout": "30" })), 30);
    assert_eq!(seconds(json!({ "ServiceTimeout": 30 })), 30);
    assert_eq!(seconds(json!({ "ResourceProperties": { "ServiceTimeout": "40" } })), 40);
    for odd in [json!("0"), json!("3601"), json!("soon"), json!({}), json!(-1), json!("")] {
        assert_eq!(seconds(json!({ "ServiceTimeout": odd })), 3_600);
    }
}

#[test]
fn the_deadline_leaves_a_margin_and_a_quarter_of_a_short_time_at_most() {
    let order = |seconds: u64| read(&request(&json!({ "ServiceTimeout": seconds }))).expect("it is good");
    let minute = Duration::from_secs(60);
    assert_eq!(order(3_600).deadline(minute), Timestamp(1_000 + 3_540_000));
    assert_eq!(order(40).deadline(minute), Timestamp(1_000 + 30_000));
    assert_eq!(order(1).deadline(minute), Timestamp(1_000 + 750));
    assert!(!order(40).is_stale(Timestamp(40_999)) && order(40).is_stale(Timestamp(41_000)));
}

#[test]
fn what_is_no_request_is_left_with_a_reason() {
    for (body, words) in [
        ("", "no JSON object"),
        ("hello", "no JSON object"),
        ("[1]", "no JSON object"),
        ("{}", "it has no StackId"),
        (r#"{"Type":"Notification"}"#, "it has no TopicArn"),
        (r#"{"Type":"SubscriptionConfirmation","Token":"secret"}"#, "it has no StackId"),
    ] {
        let told = Order::read(body, SENT, &rules()).expect_err(body).to_string();
        assert!(told.contains(words), "{body}: {told}");
    }
    for (changes, words) in [
        (json!({ "RequestType": "Restart" }), "RequestType is \"Restart\""),
        (json!({ "RequestType": null }), "no RequestType"),
        (json!({ "RequestId": null }), "no RequestId"),
        (json!({ "RequestId": "" }), "RequestId is no text"),
        (json!({ "LogicalResourceId": 7 }), "LogicalResourceId is no text"),
        (json!({ "LogicalResourceId": "x".repeat(257) }), "LogicalResourceId is none of"),
        (json!({ "RequestType": "Update" }), "no PhysicalResourceId"),
        (
            json!({ "RequestType": "Delete", "PhysicalResourceId": "a\u{0}b" }),
            "PhysicalResourceId is none of",
        ),
        (
            json!({ "RequestType": "Delete", "PhysicalResourceId": "x".repeat(1_025) }),
            "PhysicalResourceId is none of",
        ),
        (json!({ "ResponseURL": null }), "no ResponseURL"),
    ] {
        let told = refused(&envelope(&request(&changes)));
        assert!(told.contains(words), "{changes}: {told}");
    }
    let mut late = envelope(&request(&json!({})));
    late["Timestamp"] = json!("yesterday");
    assert!(refused(&late).contains("Timestamp is \"yesterday\""));
}

#[test]
fn another_topic_another_stack_and_another_url_are_left() {
    let mut other = envelope(&request(&json!({})));
    other["TopicArn"] = json!("arn:aws:sns:eu-west-1:123456789012:others\n");
    assert!(refused(&other).contains("others\\n"));
    for stack in [
        "arn:aws:cloudformation:eu-west-1:210987654321:stack/etl/1",
        "arn:aws:cloudformation:us-east-1:123456789012:stack/etl/1",
        "etl",
        "arn:aws:cloudformation:eu-west-1:123456789012:stack/etl",
    ] {
        let told = refused(&envelope(&request(&json!({ "StackId": stack }))));
        assert!(told.contains(stack) && told.contains("none of `stacks`"), "{told}");
    }
    let told =
        refused(&envelope(&request(&json!({ "ResponseURL": "https://evil.example/?Signature=secret" }))));
    assert!(
        told.contains("ResponseURL is not CloudFormation's: evil.example is no host of eu-west-1"),
        "{told}"
    );
}

#[test]
fn a_star_in_a_pattern_stands_for_any_text() {
    for (pattern, text) in [
        ("a*", "a"),
        ("a*", "abc"),
        ("*c", "abc"),
        ("a*b*c", "a-b-b-c"),
        ("*", ""),
        ("abc", "abc"),
        ("a**c", "ac"),
    ] {
        assert!(matches(pattern, text), "{pattern} {text}");
    }
    for (pattern, text) in
        [("a*", "xa"), ("abc", "abcd"), ("a*xa", "axa-"), ("ax*xa", "axa"), ("", "a"), ("a*b", "ac")]
    {
        assert!(!matches(pattern, text), "{pattern} {text}");
    }
}

#[test]
fn a_quarter_of_a_megabyte_of_properties_is_read() {
    let args: Vec<String> = (0..4_000).map(|number| format!("{number:060}")).collect();
    let order =
        read(&envelope(&request(&json!({ "ResourceProperties": { "File": "s3://b/a.py", "Args": args } }))));
    assert!(order.expect("it is good").properties.to_json().len() > 240_000);
}
