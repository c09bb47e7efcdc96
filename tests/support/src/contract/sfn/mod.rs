//! What Step Functions must answer about activities, and how its emulator is known to differ.

mod deviations;
mod ends;
mod limits;
mod requests;
mod tasks;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use super::{Reply, cases, client, eventually, run};
pub use deviations::{Deviation, Deviations};

/// How long anything may take to show in an execution: the emulator looks once a second.
const WITHIN: Duration = Duration::from_secs(30);

/// The emulator can miss what comes within milliseconds of the hand-out.
const MOMENT: Duration = Duration::from_millis(300);

/// Runs all cases against the service at `base_url`; returns their names.
///
/// # Panics
/// If a case fails.
pub async fn cases(base_url: &str, deviations: &Deviations) -> Vec<&'static str> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock is past 1970");
    let peer = Arc::new(Peer {
        // The service holds a poll for up to 60 s, its emulator for a little longer.
        client: client(Duration::from_secs(70)),
        url: base_url.to_owned(),
        deviations: deviations.clone(),
        run: format!("contract-{}", since.as_millis()),
        names: AtomicUsize::new(0),
    });
    // Lasts as long as the service holds a poll, and so runs beside all others.
    let empty = tokio::spawn(tasks::an_empty_poll_has_no_token(Arc::clone(&peer)));
    let all = cases![peer;
        requests::an_activity_is_created_once,
        requests::a_missing_activity,
        requests::a_bad_arn,
        requests::missing_members,
        requests::an_unknown_operation,
        requests::an_invalid_name,
        requests::an_execution_without_its_activity,
        tasks::the_input_arrives,
        tasks::a_success_ends_the_execution,
        tasks::a_failure_ends_the_execution,
        tasks::a_failure_needs_no_words,
        tasks::any_language_survives,
        tasks::heartbeats_keep_a_task_alive,
        tasks::a_heartbeat_is_welcome_without_heartbeat_seconds,
        tasks::one_of_two_pollers_gets_the_task,
        tasks::a_poller_that_left_swallows_a_task,
        ends::a_token_that_never_was,
        ends::a_second_success,
        ends::after_the_end,
        ends::a_missed_heartbeat,
        ends::timeout_seconds_in_spite_of_heartbeats,
        ends::a_stopped_execution,
        limits::an_output_that_is_no_json,
        limits::no_output,
        limits::an_output_at_and_over_the_limit,
        limits::an_error_and_a_cause_at_and_over_the_limit,
        limits::a_worker_name_over_the_limit,
        limits::a_token_over_the_limit,
    ];
    let mut passed = run(all).await;
    passed.extend(
        run(vec![("an_empty_poll_has_no_token", Box::pin(async { empty.await.expect("it passes") }))]).await,
    );
    passed
}

/// The service under test.
struct Peer {
    client: reqwest::Client,
    url: String,
    deviations: Deviations,
    run: String,
    names: AtomicUsize,
}

/// An activity, and an execution that waits for it.
struct Stage {
    activity: String,
    execution: String,
}

/// A task that was handed out.
struct Held {
    stage: Stage,
    token: String,
    input: Value,
}

impl Peer {
    fn has(&self, deviation: Deviation) -> bool {
        self.deviations.has(deviation)
    }

    fn name(&self) -> String {
        format!("{}-{}", self.run, self.names.fetch_add(1, Ordering::Relaxed))
    }

    async fn call(&self, operation: &str, body: &Value) -> Reply {
        Reply::of(self.request(operation, body)).await
    }

    /// A request that looks signed; who checks signatures is no server for these cases.
    fn request(&self, operation: &str, body: &Value) -> reqwest::RequestBuilder {
        let scope = "test/20240101/us-east-1/states/aws4_request";
        let signed = "SignedHeaders=content-type;host;x-amz-date;x-amz-target";
        let authorization = format!("AWS4-HMAC-SHA256 Credential={scope}, {signed}, Signature={:0>64}", "0");
        self.client
            .post(format!("{}/", self.url))
            .header("content-type", "application/x-amz-json-1.0")
            .header("x-amz-target", format!("AWSStepFunctions.{operation}"))
            .header("x-amz-date", "20240101T000000Z")
            .header("authorization", authorization)
            .body(body.to_string())
    }

    /// A call that must be accepted.
    async fn must(&self, operation: &str, body: &Value) -> Value {
        let reply = self.call(operation, body).await;
        assert_eq!(reply.status, 200, "{operation}: {reply:?}");
        assert!(reply.header("content-type").starts_with("application/x-amz-json-1.0"), "{reply:?}");
        reply.json()
    }

    async fn activity(&self) -> String {
        let created = self.must("CreateActivity", &json!({ "name": self.name() })).await;
        created["activityArn"].as_str().expect("an ARN").to_owned()
    }

    /// Starts an execution whose one Task has these limits in seconds, and waits until it is scheduled.
    async fn start(&self, limits: (Option<u64>, Option<u64>), input: &str) -> Stage {
        let activity = self.activity().await;
        let execution = self.start_for(&activity, limits, input).await;
        Stage { activity, execution }
    }

    async fn start_for(&self, activity: &str, limits: (Option<u64>, Option<u64>), input: &str) -> String {
        let execution = self.begin(activity, limits, input).await;
        // The emulator loses tasks when executions are started at once.
        self.event(&execution, "ActivityScheduled").await;
        execution
    }

    async fn begin(&self, activity: &str, (beat, end): (Option<u64>, Option<u64>), input: &str) -> String {
        let mut task = json!({ "Type": "Task", "Resource": activity, "End": true });
        for (key, seconds) in [("HeartbeatSeconds", beat), ("TimeoutSeconds", end)] {
            if let Some(seconds) = seconds {
                task[key] = json!(seconds);
            }
        }
        let definition = json!({ "StartAt": "Job", "States": { "Job": task } }).to_string();
        let role = "arn:aws:iam::000000000000:role/contract";
        let machine = json!({ "name": self.name(), "definition": definition, "roleArn": role });
        let machine = self.must("CreateStateMachine", &machine).await;
        let started = json!({ "stateMachineArn": machine["stateMachineArn"], "input": input });
        let started = self.must("StartExecution", &started).await;
        started["executionArn"].as_str().expect("an ARN").to_owned()
    }

    /// Starts an execution, and takes its task.
    async fn hold(&self, limits: (Option<u64>, Option<u64>)) -> Held {
        self.hold_with(limits, "{}").await
    }

    async fn hold_with(&self, limits: (Option<u64>, Option<u64>), input: &str) -> Held {
        let stage = self.start(limits, input).await;
        let polled = self.poll(&stage.activity).await;
        let token = polled["taskToken"].as_str().unwrap_or_default().to_owned();
        assert!(!token.is_empty(), "no task: {polled}");
        tokio::time::sleep(MOMENT).await;
        let input =
            polled["input"].as_str().map(|text| serde_json::from_str(text).expect("an input is JSON"));
        Held { stage, token, input: input.unwrap_or_default() }
    }

    async fn poll(&self, activity: &str) -> Value {
        self.must("GetActivityTask", &json!({ "activityArn": activity, "workerName": "contract" })).await
    }

    async fn describe(&self, execution: &str) -> Value {
        self.must("DescribeExecution", &json!({ "executionArn": execution })).await
    }

    async fn events(&self, execution: &str) -> Vec<Value> {
        let history = self.must("GetExecutionHistory", &json!({ "executionArn": execution })).await;
        history["events"].as_array().cloned().unwrap_or_default()
    }

    /// Waits for an event of this kind.
    async fn event(&self, execution: &str, kind: &str) -> Value {
        let look = || async { self.events(execution).await.into_iter().find(|event| event["type"] == kind) };
        eventually(WITHIN, kind, look).await
    }

    /// Waits until the execution has ended.
    async fn end(&self, execution: &str) -> Value {
        let look =
            || async { Some(self.describe(execution).await).filter(|view| view["status"] != "RUNNING") };
        eventually(WITHIN, "the end of the execution", look).await
    }

    /// Asserts the refusal with this code; the message must begin so.
    fn assert_refused(&self, reply: &Reply, code: &str, message: &str) {
        let body = reply.json();
        let kind = body["__type"].as_str().unwrap_or_default();
        assert_eq!(reply.status, 400, "{reply:?}");
        let namespace = if code == "ValidationException" {
            "com.amazon.coral.validate"
        } else {
            "com.amazonaws.swf.service.v2.model"
        };
        if self.has(Deviation::TypesWithoutNamespace) {
            assert_eq!(kind, code, "{reply:?}");
        } else {
            assert_eq!(kind, format!("{namespace}#{code}"), "{reply:?}");
        }
        if code == "InvalidToken" && self.has(Deviation::OtherWordsForABadToken) {
            return;
        }
        assert!(body["message"].as_str().unwrap_or_default().starts_with(message), "{reply:?}");
    }

    /// Asserts what is said of a token whose task has ended.
    fn assert_gone(&self, reply: &Reply) {
        if self.has(Deviation::EndedTaskIsInvalidToken) {
            self.assert_refused(reply, "InvalidToken", "");
        } else {
            self.assert_refused(
                reply,
                "TaskTimedOut",
                "Task Timed Out: 'Provided task does not exist anymore'",
            );
        }
    }
}
