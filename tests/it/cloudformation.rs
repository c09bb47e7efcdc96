//! The second door from end to end: what a stack sends, and what becomes of it in Livy, in YARN, in the queue and at the
//! place of the answer.

mod storm;

use std::time::{Duration, SystemTime};

use serde_json::{Value, json};
use spark_job_worker::job::tags;
use stand_ins::WaitFor;
use stand_ins::bucket::{Bucket, Signed, refusal as s3_refusal};
use stand_ins::http::{Fault, On};
use stand_ins::livy::{Livy, Plan};
use stand_ins::sqs::{Sqs, TOPIC, envelope, refusal};
use stand_ins::worker::{Config, Worker};

use crate::harness::{Stage, text};
use crate::history::ended;

const STACK: &str = "arn:aws:cloudformation:us-east-1:123456789012:stack/etl/5e3f";
const ETL: &str = "Etl";

/// A cluster, a queue, and the place of the answers.
struct Door {
    stage: Stage,
    sqs: Sqs,
    bucket: Bucket,
}

/// A request in the making.
#[derive(Clone)]
struct Request {
    id: &'static str,
    body: Value,
    published: SystemTime,
}

impl Request {
    fn new(kind: &str, id: &'static str, properties: Value) -> Request {
        let body = json!({
            "RequestType": kind, "RequestId": id, "StackId": STACK, "LogicalResourceId": ETL,
            "ResourceType": "Custom::SparkJob", "ResourceProperties": properties,
        });
        Request { id, body, published: SystemTime::now() }
    }

    fn create(id: &'static str, properties: Value) -> Request {
        Request::new("Create", id, properties)
    }

    fn update(id: &'static str, named: &Value, (old, new): (Value, Value)) -> Request {
        Request::new("Update", id, new)
            .with("PhysicalResourceId", named.clone())
            .with("OldResourceProperties", old)
    }

    fn delete(id: &'static str, named: &Value) -> Request {
        Request::new("Delete", id, etl("s3://b/etl.py")).with("PhysicalResourceId", named.clone())
    }

    fn with(mut self, key: &str, value: impl Into<Value>) -> Request {
        self.body[key] = value.into();
        self
    }

    /// How long CloudFormation waits, in seconds.
    fn waits(self, seconds: u64) -> Request {
        self.with("ServiceTimeout", seconds.to_string())
    }

    fn ago(mut self, seconds: u64) -> Request {
        self.published -= Duration::from_secs(seconds);
        self
    }
}

/// The properties of the usual job with another file.
fn etl(file: &str) -> Value {
    json!({ "ServiceToken": TOPIC, "File": file, "Args": ["in", "7"], "NumExecutors": "2" })
}

fn with(mut properties: Value, key: &str, value: impl Into<Value>) -> Value {
    properties[key] = value.into();
    properties
}

impl Door {
    async fn open() -> Door {
        let door =
            Door { stage: Stage::with_yarn().await, sqs: Sqs::start().await, bucket: Bucket::start().await };
        door.stage.livy.plan(Plan::running());
        door
    }

    fn config(&self) -> Config {
        self.config_with("")
    }

    fn config_with(&self, lines: &str) -> Config {
        let mut config = self.stage.config();
        config.activities.clear();
        let (queue, origin) = (self.sqs.queue_url(), self.bucket.url());
        config.table(
            "[cloudformation]",
            &format!(
                "queue_url = '{queue}'\ntopic_arn = '{TOPIC}'\nresponse_origins = ['{origin}']\n{lines}"
            ),
        )
    }

    fn worker(&self) -> Worker {
        self.stage.worker_with(&self.config())
    }

    /// The message that SNS makes of a request.
    fn message(&self, request: &Request) -> String {
        let url = self.bucket.url_for((STACK, ETL, request.id), Signed::V4);
        let request = request.clone().with("ResponseURL", url);
        let published = humantime::format_rfc3339_millis(request.published).to_string();
        envelope(TOPIC, &request.body, &published).to_string()
    }

    fn send(&self, request: &Request) {
        self.sqs.send(&self.message(request));
    }

    /// Sends it and waits for its answer, which is checked by what CloudFormation wants of each.
    async fn ask(&self, request: Request) -> Value {
        self.send(&request);
        self.answer(request.id).await
    }

    async fn answer(&self, id: &str) -> Value {
        let answer = self.bucket.answered(id, None).await;
        assert_eq!((text(&answer["StackId"]), text(&answer["LogicalResourceId"])), (STACK, ETL));
        assert!(!text(&answer["PhysicalResourceId"]).is_empty() && answer["Reason"].is_string());
        assert!(answer.to_string().len() <= 4_096);
        for name in
            ["ApplicationId", "BatchId", "Name", "State", "TrackingUrl", "DriverLogUrl", "VerdictSource"]
        {
            assert!(answer["Data"][name].is_string(), "{name}: {answer}");
        }
        answer
    }

    /// How often a request was answered.
    fn puts(&self, id: &str) -> usize {
        self.bucket.puts().iter().filter(|call| call.request.json()["RequestId"] == id).count()
    }

    async fn emptied(&self) {
        self.sqs.wait_for(|sqs| sqs.left() == 0, None).await;
    }

    async fn alive(&self, count: usize) {
        self.stage.livy.wait_for(|livy| livy.live_applications().len() == count, None).await;
    }

    fn livy(&self) -> &Livy {
        &self.stage.livy
    }
}

#[track_caller]
fn succeeded(answer: &Value) -> &Value {
    assert_eq!(answer["Status"], "SUCCESS", "{answer}");
    &answer["PhysicalResourceId"]
}

#[track_caller]
fn failed(answer: &Value, words: &str) -> Value {
    assert!(answer["Status"] == "FAILED" && text(&answer["Reason"]).contains(words), "{words}: {answer}");
    answer["PhysicalResourceId"].clone()
}

#[tokio::test]
async fn a_stack_that_is_created_runs_its_job_and_one_that_is_deleted_ends_it() {
    let door = Door::open().await;
    let worker = door.worker();
    let created = door.ask(Request::create("r1", etl("s3://b/etl.py"))).await;
    let id = succeeded(&created);
    assert_eq!(*id, "etl/r1");
    assert_eq!(created["Data"]["State"], "RUNNING");
    let [application] = &door.livy().live_applications()[..] else { panic!("one lives") };
    assert_eq!(created["Data"]["ApplicationId"], json!(application.id));
    door.emptied().await;
    crate::crash::forgotten(&door.stage).await;
    let deleted = door.ask(Request::delete("r2", id)).await;
    assert_eq!((succeeded(&deleted), &deleted["Data"]["State"]), (id, &json!("DELETED")));
    assert!(door.livy().live_applications().is_empty(), "it is dead before the stack hears so");
    door.emptied().await;
    let line = worker.logged("its job is run");
    assert_eq!((text(&line["fields"]["cfn_stack"]), text(&line["fields"]["cfn_resource"])), (STACK, ETL));
    assert_eq!((door.puts("r1"), door.puts("r2"), door.livy().posts().len()), (1, 1, 1));
    assert_eq!(door.sqs.violations(), Vec::<String>::new());
    assert_eq!(worker.count("X-Amz-Signature"), 0, "the URL is a secret");
}

#[tokio::test]
async fn a_job_that_fails_fails_its_stack_with_the_cause_and_its_delete_is_quick() {
    let door = Door::open().await;
    door.livy().plan(Plan::ends("dead").diagnostics(["User application exited with status 3"]));
    let _worker = door.worker();
    let properties = with(etl("s3://b/etl.py"), "WaitFor", "SUCCEEDED");
    let answer = door.ask(Request::create("r1", properties)).await;
    let id = failed(&answer, "SparkJob.Failed");
    assert!(text(&answer["Reason"]).contains("application_"), "{answer}");
    succeeded(&door.ask(Request::delete("r2", &id)).await);
}

#[tokio::test]
async fn a_resource_may_wait_for_the_good_end_of_its_job() {
    let door = Door::open().await;
    door.livy().plan(Plan::success());
    let _worker = door.worker();
    let properties = with(etl("s3://b/etl.py"), "WaitFor", "SUCCEEDED");
    let answer = door.ask(Request::create("r1", properties)).await;
    succeeded(&answer);
    assert_eq!(
        (&answer["Data"]["State"], &answer["Data"]["VerdictSource"]),
        (&json!("SUCCEEDED"), &json!("yarn"))
    );
    // Of what has ended long ago nothing has to be known any more.
    door.stage.yarn().forget(text(&answer["Data"]["ApplicationId"]));
    succeeded(&door.ask(Request::delete("r2", &answer["PhysicalResourceId"])).await);
}

#[tokio::test]
async fn what_became_of_a_resource_is_remembered_under_its_stack() {
    let door = Door::open().await;
    let worker = door.worker();
    let created = door.ask(Request::create("r1", etl("s3://b/etl.py"))).await;
    succeeded(&door.ask(Request::delete("r2", succeeded(&created))).await);
    // Whoever ends the first one's job is no task of anybody's.
    let past = ended(&door.stage, &worker, 2).await;
    crate::crash::forgotten(&door.stage).await;
    let [create, delete] = past["tasks"].as_array().map(Vec::as_slice).expect("tasks") else {
        panic!("{past}")
    };
    for task in [create, delete] {
        assert_eq!((text(&task["stack"]), text(&task["resource"])), (STACK, ETL));
        assert_eq!((text(&task["outcome"]), &task["execution"]), ("reached", &Value::Null));
    }
    assert_eq!(create["application"], created["Data"]["ApplicationId"]);
    let shown = past.to_string();
    assert!(!shown.contains("X-Amz-Signature") && !shown.contains("s3://"), "{shown}");
}

#[tokio::test]
async fn an_update_runs_the_new_job_beside_the_old_one_which_its_own_delete_ends() {
    let door = Door::open().await;
    let _worker = door.worker();
    let old = succeeded(&door.ask(Request::create("r1", etl("s3://b/a.py"))).await).clone();
    let change = (etl("s3://b/a.py"), etl("s3://b/b.py"));
    let new = succeeded(&door.ask(Request::update("r2", &old, change)).await).clone();
    assert_eq!((&old, &new), (&json!("a/r1"), &json!("b/r2")));
    assert_eq!(door.livy().live_applications().len(), 2);
    succeeded(&door.ask(Request::delete("r3", &old)).await);
    let [left] = &door.livy().live_applications()[..] else { panic!("the new one lives") };
    assert!(left.name.as_deref().is_some_and(|name| name.starts_with("b-")), "{left:?}");
    // Nothing about the job has changed.
    let change = (etl("s3://b/b.py"), with(etl("s3://b/b.py"), "NumExecutors", 2));
    let kept = door.ask(Request::update("r4", &new, change)).await;
    assert_eq!(succeeded(&kept), &new);
    assert_eq!(door.livy().posts().len(), 2);
}

#[tokio::test]
async fn stop_first_ends_the_old_job_before_the_new_one_is_posted_and_keeps_the_id() {
    let door = Door::open().await;
    let _worker = door.worker();
    let stream = |file: &str| with(etl(file), "UpdateMode", "STOP_FIRST");
    let id = succeeded(&door.ask(Request::create("r1", stream("s3://b/a.py"))).await).clone();
    // YARN takes its time: nothing may be posted meanwhile.
    door.livy().fault("DELETE /batches/*", Fault::Hang);
    door.stage.yarn().kill_takes(Duration::from_millis(700));
    let updated = door.ask(Request::update("r2", &id, (stream("s3://b/a.py"), stream("s3://b/b.py")))).await;
    assert_eq!(succeeded(&updated), &id);
    let applications = door.livy().applications();
    let [old, new] = &applications[..] else { panic!("{applications:?}") };
    assert!(!old.is_live() && new.is_live());
    succeeded(&door.ask(Request::delete("r3", &id)).await);
    assert!(door.livy().live_applications().is_empty());
}

#[tokio::test]
async fn a_rollback_finds_the_old_job_and_runs_nothing_twice() {
    let door = Door::open().await;
    let _worker = door.worker();
    let id = succeeded(&door.ask(Request::create("r1", etl("s3://b/a.py"))).await).clone();
    door.livy().plan_for("b-", Plan::ends("dead"));
    let change = (etl("s3://b/a.py"), with(etl("s3://b/b.py"), "WaitFor", "SUCCEEDED"));
    let answer = door.ask(Request::update("r2", &id, change)).await;
    assert_eq!(failed(&answer, "SparkJob.Failed"), id, "the stack stays on what lives");
    let change = (etl("s3://b/b.py"), etl("s3://b/a.py"));
    assert_eq!(succeeded(&door.ask(Request::update("r3", &id, change)).await), &id);
    assert_eq!(door.livy().posts_named("a-").len(), 1);
    assert_eq!(door.livy().live_applications().len(), 1);
}

#[tokio::test]
async fn a_delete_under_an_invented_id_ends_a_create_that_is_under_way() {
    let door = Door::open().await;
    let _worker = door.worker();
    door.send(&Request::create("r1", with(etl("s3://b/etl.py"), "WaitFor", "SUCCEEDED")));
    door.alive(1).await;
    let deleted = door.ask(Request::delete("r2", &json!("etl-Etl-1ABCDEFGHIJKL"))).await;
    succeeded(&deleted);
    assert!(door.livy().live_applications().is_empty());
    crate::crash::forgotten(&door.stage).await;
    assert_eq!(door.puts("r1"), 0, "nobody waits for it");
    // The Create comes once more, late.
    let late = Request::create("r3", etl("s3://b/etl.py")).ago(60);
    failed(&door.ask(late).await, "SparkJob.Superseded");
    assert_eq!(door.livy().posts().len(), 1);
}

#[tokio::test]
async fn messages_that_come_twice_or_again_after_they_were_deleted_run_nothing_twice() {
    let door = Door::open().await;
    door.sqs.hide_for(Duration::from_millis(200));
    door.sqs.double(1);
    door.sqs.bring_back(1);
    let worker = door.worker();
    let id = succeeded(&door.ask(Request::create("r1", etl("s3://b/etl.py"))).await).clone();
    door.emptied().await;
    // Published again under another MessageId, while it is done and after all is over.
    door.send(&Request::create("r1", etl("s3://b/etl.py")));
    door.emptied().await;
    succeeded(&door.ask(Request::delete("r2", &id)).await);
    for again in [Request::create("r1", etl("s3://b/etl.py")), Request::delete("r2", &id)] {
        door.send(&again);
    }
    door.emptied().await;
    worker.logged("request r2 came before");
    assert_eq!((door.livy().posts().len(), door.puts("r1"), door.puts("r2")), (1, 1, 1));
}

#[tokio::test]
async fn what_may_not_be_answered_is_not_run_and_ends_among_the_dead_letters() {
    let door = Door::open().await;
    door.sqs.hide_for(Duration::from_millis(20));
    let worker = door.worker();
    let good = || Request::create("r1", etl("s3://b/etl.py"));
    let published = humantime::format_rfc3339_millis(SystemTime::now()).to_string();
    let elsewhere = Bucket::start().await;
    let hostile =
        good().with("ResponseURL", format!("{}.evil.example/k?X-Amz-Signature=s3cr3t", door.bucket.url()));
    let other = good().with("ResponseURL", elsewhere.url_for((STACK, ETL, "r1"), Signed::V4));
    let foreign = "arn:aws:cloudformation:us-east-1:999999999999:stack/etl/5e3f";
    let url = door.bucket.url_for((STACK, ETL, "r1"), Signed::V4);
    let foreign = good().with("StackId", foreign).with("ResponseURL", url.clone());
    let topic = "arn:aws:sns:us-east-1:123456789012:other";
    for message in [
        "not JSON".to_owned(),
        "{}".to_owned(),
        envelope(TOPIC, &hostile.body, &published).to_string(),
        envelope(TOPIC, &other.body, &published).to_string(),
        envelope(TOPIC, &foreign.body, &published).to_string(),
        envelope(topic, &good().with("ResponseURL", url).body, &published).to_string(),
    ] {
        door.sqs.send(&message);
    }
    door.sqs.wait_for(|sqs| sqs.dead().len() == 6, None).await;
    for words in ["it is no JSON", "ResponseURL", "response_origins", "none of `stacks`", "through the topic"]
    {
        worker.logged(words);
    }
    assert_eq!(worker.count("stays in the queue"), 6, "once each");
    assert_eq!(worker.count("s3cr3t"), 0);
    assert_eq!((door.livy().posts().len(), door.bucket.calls().len(), elsewhere.calls().len()), (0, 0, 0));
}

#[tokio::test]
async fn wrong_properties_are_answered_with_every_problem_and_run_nothing() {
    let door = Door::open().await;
    let _worker = door.worker();
    let wrong = json!({
        "ServiceToken": TOPIC, "Fil": "s3://b/etl.py", "NumExecutors": "many", "WaitFor": "DONE", "UpdateMode": 7,
    });
    let answer = door.ask(Request::create("r1", wrong)).await;
    let id = failed(&answer, "SparkJob.InvalidInput");
    for words in ["did you mean `File`", "NumExecutors", "WaitFor", "UpdateMode"] {
        failed(&answer, words);
    }
    succeeded(&door.ask(Request::delete("r2", &id)).await);
    let huge = with(etl("s3://b/etl.py"), "Args", vec!["x".repeat(200_000)]);
    failed(&door.ask(Request::create("r3", huge)).await, "SparkJob.InvalidInput");
    assert!(door.livy().posts().is_empty());
}

#[tokio::test]
async fn what_has_not_ended_at_the_deadline_fails_its_stack_and_is_killed() {
    let door = Door::open().await;
    let _worker = door.worker();
    let properties = with(etl("s3://b/etl.py"), "WaitFor", "SUCCEEDED");
    let answer = door.ask(Request::create("r1", properties).waits(8)).await;
    let id = failed(&answer, "SparkJob.StillRunning");
    door.alive(0).await;
    succeeded(&door.ask(Request::delete("r2", &id)).await);
}

#[tokio::test]
async fn a_delete_that_cannot_be_proved_in_time_fails_and_killing_goes_on() {
    let door = Door::open().await;
    let _worker = door.worker();
    let id = succeeded(&door.ask(Request::create("r1", etl("s3://b/etl.py"))).await).clone();
    // Neither Livy nor YARN ends it at once.
    door.livy().fault("DELETE /batches/*", Fault::Hang);
    door.stage.yarn().kill_takes(Duration::from_secs(6));
    failed(&door.ask(Request::delete("r2", &id).waits(4)).await, "SparkJob.NotStopped");
    assert_eq!(door.livy().live_applications().len(), 1);
    door.alive(0).await;
    succeeded(&door.ask(Request::delete("r3", &id)).await);
}

#[tokio::test]
async fn an_answer_is_put_until_it_is_taken_always_the_same() {
    let door = Door::open().await;
    door.bucket.fault("PUT", s3_refusal(503, "SlowDown", "Reduce your request rate"));
    door.bucket.fault("PUT", Fault::Close);
    let worker = door.worker();
    succeeded(&door.ask(Request::create("r1", etl("s3://b/etl.py"))).await);
    let puts = door.bucket.puts();
    assert_eq!(puts.len(), 3);
    assert!(puts.iter().all(|call| call.request.body == puts[0].request.body));
    worker.logged("503 SlowDown");
    crate::crash::forgotten(&door.stage).await;
    assert_eq!(door.livy().live_applications().len(), 1);
}

#[tokio::test]
async fn a_job_of_which_nobody_can_hear_any_more_is_killed() {
    let door = Door::open().await;
    door.bucket.expire();
    let _worker = door.worker();
    door.send(&Request::create("r1", etl("s3://b/etl.py")));
    door.bucket.wait_for(|bucket| bucket.puts().len() == 2, None).await;
    door.alive(0).await;
    crate::crash::forgotten(&door.stage).await;
    assert_eq!(door.livy().posts().len(), 1);
}

#[tokio::test]
async fn a_delete_gets_through_while_every_place_is_taken() {
    let door = Door::open().await;
    let _worker = door.stage.worker_with(&door.config_with("max_concurrent_jobs = 1"));
    let waiting = with(etl("s3://b/a.py"), "WaitFor", "SUCCEEDED");
    door.send(&Request::create("r1", waiting));
    door.alive(1).await;
    let other = Request::create("r2", etl("s3://b/b.py")).with("LogicalResourceId", "Other").waits(4);
    door.send(&other);
    let answer = door.bucket.answered("r2", None).await;
    failed(&answer, "SparkJob.LivyUnavailable: all places were taken");
    let invented = json!("etl-Etl-1ABCDEFGHIJKL");
    succeeded(&door.ask(Request::delete("r3", &invented)).await);
    // Answered jobs hold none.
    for id in ["r4", "r5"] {
        succeeded(&door.ask(Request::create(id, etl("s3://b/c.py"))).await);
    }
}

#[tokio::test]
async fn a_queue_that_cannot_be_read_is_told_once_and_received_from_again() {
    let door = Door::open().await;
    for _ in 0..2 {
        door.sqs.fault("ReceiveMessage", refusal("ThrottlingException", "Rate exceeded"));
    }
    let worker = door.worker();
    let line = worker.logged("SQS throttles receives");
    assert!(text(&line["message"]).contains(TOPIC));
    worker.logged("answers again after");
    assert_eq!(worker.count("SQS throttles receives"), 1);
    door.sqs.fault("ReceiveMessage", refusal("AccessDeniedException", "no identity-based policy allows it"));
    door.send(&Request::create("r1", etl("s3://b/etl.py")));
    succeeded(&door.answer("r1").await);
    door.sqs.remove();
    worker.logged("the queue does not exist");
}

#[tokio::test]
async fn a_message_that_cannot_be_deleted_comes_again_and_is_known() {
    let door = Door::open().await;
    door.sqs.hide_for(Duration::from_millis(300));
    door.sqs.fault("DeleteMessage", refusal("ServiceUnavailable", "later"));
    let worker = door.worker();
    succeeded(&door.ask(Request::create("r1", etl("s3://b/etl.py"))).await);
    door.emptied().await;
    worker.logged("it will come again");
    assert_eq!((door.livy().posts().len(), door.puts("r1")), (1, 1));
}

#[tokio::test]
async fn a_worker_killed_after_any_of_its_writes_answers_each_request_once() {
    for write in
        ["is kept as Submitting", "is batch", "runs as application_", "is kept as Ended", "its job is run"]
    {
        let door = Door::open().await;
        door.sqs.hide_for(Duration::from_millis(500));
        let mut worker = door.worker();
        door.send(&Request::create("r1", etl("s3://b/etl.py")));
        worker.logged(write);
        worker.kill();
        let _next = door.worker();
        let answer = door.answer("r1").await;
        let id = succeeded(&answer);
        door.emptied().await;
        crate::crash::forgotten(&door.stage).await;
        assert_eq!(door.livy().applications().len(), 1, "{write}");
        assert_eq!(door.livy().live_applications().len(), 1, "{write}");
        let bodies: Vec<Vec<u8>> = door.bucket.puts().iter().map(|call| call.request.body.to_vec()).collect();
        assert!(bodies.iter().all(|body| *body == bodies[0]), "{write}: always the same");
        succeeded(&door.ask(Request::delete("r2", id)).await);
        assert!(door.livy().live_applications().is_empty(), "{write}");
    }
}

#[tokio::test]
async fn a_request_that_was_decided_and_not_begun_before_a_crash_begins_when_it_comes_again() {
    let door = Door::open().await;
    door.sqs.hide_for(Duration::from_secs(1));
    door.livy().down().await;
    door.sqs.fault("DeleteMessage", Fault::Hang);
    let mut worker = door.worker();
    door.send(&Request::create("r1", etl("s3://b/etl.py")));
    door.sqs.wait_for(|sqs| sqs.count("DeleteMessage") == 1, None).await;
    worker.kill();
    // As if it had come no further than to the resource's file.
    for entry in crate::crash::kept(&door.stage, "task") {
        std::fs::remove_file(entry).expect("removed");
    }
    door.sqs.clear_faults();
    door.livy().up().await;
    let _next = door.worker();
    succeeded(&door.answer("r1").await);
    door.emptied().await;
    assert_eq!((door.livy().posts().len(), door.puts("r1")), (1, 1));
}

#[tokio::test]
async fn a_worker_killed_while_it_ends_a_job_goes_on_ending_it() {
    for write in ["its job is ended", "must not live on", "YARN was told to kill"] {
        let door = Door::open().await;
        door.sqs.hide_for(Duration::from_millis(500));
        let mut worker = door.worker();
        let id = succeeded(&door.ask(Request::create("r1", etl("s3://b/etl.py"))).await).clone();
        door.livy().fault("DELETE /batches/*", Fault::Hang);
        door.stage.yarn().kill_takes(Duration::from_secs(2));
        door.send(&Request::delete("r2", &id));
        worker.logged(write);
        worker.kill();
        let _next = door.worker();
        succeeded(&door.answer("r2").await);
        assert!(door.livy().live_applications().is_empty(), "{write}");
        crate::crash::forgotten(&door.stage).await;
        assert_eq!(door.puts("r2"), 1, "{write}");
    }
}

#[tokio::test]
async fn a_stop_drops_the_open_receive_and_the_next_start_follows_the_job() {
    let door = Door::open().await;
    let mut worker = door.worker();
    door.send(&Request::create("r1", with(etl("s3://b/etl.py"), "WaitFor", "SUCCEEDED")));
    let name = door.stage.submitted("etl-").await;
    let begun = std::time::Instant::now();
    assert!(worker.stop().success());
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    assert_eq!(door.livy().live_applications().len(), 1);
    let _next = door.worker();
    door.livy().set_state(&name, "success");
    succeeded(&door.answer("r1").await);
}

#[tokio::test]
async fn a_node_that_goes_down_for_good_fails_what_is_in_flight_and_leaves_answered_jobs() {
    let door = Door::open().await;
    let worker = door.worker();
    succeeded(&door.ask(Request::create("r1", etl("s3://b/a.py"))).await);
    let waiting = with(etl("s3://b/b.py"), "WaitFor", "SUCCEEDED");
    let other = Request::create("r2", waiting).with("LogicalResourceId", "Other");
    door.send(&other);
    door.alive(2).await;
    let told = stand_ins::worker::command(std::path::Path::new(crate::harness::PROGRAM))
        .args(["terminating", "--config"])
        .arg(worker.config())
        .status();
    assert!(told.expect("it runs").success());
    let answer = door.bucket.answered("r2", None).await;
    failed(&answer, "SparkJob.ClusterTerminating");
    assert_eq!(door.puts("r1"), 1);
}

#[tokio::test]
async fn the_answered_job_of_a_deleted_resource_may_be_left_alone() {
    let door = Door::open().await;
    let _worker = door.stage.worker_with(&door.config_with("on_delete = 'leave'"));
    let id = succeeded(&door.ask(Request::create("r1", etl("s3://b/etl.py"))).await).clone();
    succeeded(&door.ask(Request::delete("r2", &id)).await);
    assert_eq!(door.livy().live_applications().len(), 1);
    assert!(door.stage.yarn().kills().is_empty() && door.livy().deletes().is_empty());
}

#[tokio::test]
async fn a_resource_of_which_nothing_is_remembered_is_ended_by_its_tags() {
    let door = Door::open().await;
    door.sqs.hide_for(Duration::from_millis(500));
    let mut worker = door.worker();
    let id = succeeded(&door.ask(Request::create("r1", etl("s3://b/etl.py"))).await).clone();
    crate::crash::forgotten(&door.stage).await;
    worker.kill();
    std::fs::remove_dir_all(door.stage.directory.path().join("state/resources")).expect("removed");
    let _next = door.worker();
    succeeded(&door.ask(Request::delete("r2", &id)).await);
    assert!(door.livy().live_applications().is_empty());
}

#[tokio::test]
async fn stop_first_ends_a_job_of_which_nothing_is_remembered_before_the_new_one_is_posted() {
    let door = Door::open().await;
    door.sqs.hide_for(Duration::from_millis(500));
    let mut worker = door.worker();
    let stream = |file: &str| with(etl(file), "UpdateMode", "STOP_FIRST");
    let id = succeeded(&door.ask(Request::create("r1", stream("s3://b/a.py"))).await).clone();
    crate::crash::forgotten(&door.stage).await;
    door.emptied().await;
    worker.kill();
    std::fs::remove_dir_all(door.stage.directory.path().join("state/resources")).expect("removed");
    let _next = door.worker();
    let updated = door.ask(Request::update("r2", &id, (stream("s3://b/a.py"), stream("s3://b/b.py")))).await;
    assert_eq!(succeeded(&updated), &id);
    let applications = door.livy().applications();
    let [old, new] = &applications[..] else { panic!("{applications:?}") };
    assert!(new.is_live() && old.ended.is_some_and(|ended| ended <= new.started), "{applications:?}");
}

#[tokio::test]
async fn an_idle_queue_costs_one_request_in_twenty_seconds() {
    let door = Door::open().await;
    let _worker = door.worker();
    let receives = |sqs: &Sqs| sqs.calls_of("ReceiveMessage").len();
    door.sqs.wait_for(|sqs| receives(sqs) == 1, None).await;
    let began = std::time::Instant::now();
    door.sqs.wait_for(|sqs| receives(sqs) == 2, Some(Duration::from_secs(60))).await;
    assert!(began.elapsed() >= Duration::from_secs(19), "after {:?}", began.elapsed());
}

#[tokio::test]
async fn dead_letters_and_answered_jobs_are_counted() {
    let door = Door::open().await;
    let worker = door.worker();
    succeeded(&door.ask(Request::create("r1", etl("s3://b/etl.py"))).await);
    let run = |arguments: &[&str]| {
        let mut command = stand_ins::worker::command(std::path::Path::new(crate::harness::PROGRAM));
        command.args(arguments).arg("--config").arg(worker.config());
        async move {
            let output = tokio::task::spawn_blocking(move || command.output()).await.expect("it ends");
            String::from_utf8_lossy(&output.expect("it runs").stdout).into_owned()
        }
    };
    let told = run(&["doctor", "--json"]).await;
    assert!(told.contains(":dead, which is empty"), "{told}");
    door.sqs.bury("nobody's");
    let told = run(&["doctor", "--json"]).await;
    assert!(told.contains("could not be answered lie in") && told.contains(":dead: 1"), "{told}");
    let dead = On::operation("GetQueueAttributes").key(&door.sqs.queue_url().replace("/jobs", "/dead"));
    door.sqs.fault(dead, refusal("AccessDeniedException", "no identity-based policy allows it"));
    let told = run(&["doctor", "--json"]).await;
    assert!(told.contains("whether that is empty cannot be seen: AccessDeniedException"), "{told}");
    // The answered job of r1.
    assert_eq!(run(&["check", "--print", "standing"]).await, "1\n");
    let told = run(&["check", "--journal"]).await;
    assert!(told.contains("whose answered jobs may still run: 1"), "{told}");
}

#[tokio::test]
async fn doctor_check_render_status_and_metrics_know_the_queue() {
    let door = Door::open().await;
    let worker = door.worker();
    succeeded(&door.ask(Request::create("r1", with(etl("s3://b/etl.py"), "WaitFor", "RUNNING"))).await);
    door.send(&Request::create("r2", with(etl("s3://b/b.py"), "WaitFor", "SUCCEEDED")));
    door.alive(2).await;
    let run = |arguments: &[&str]| {
        let mut command = stand_ins::worker::command(std::path::Path::new(crate::harness::PROGRAM));
        command.args(arguments).arg("--config").arg(worker.config());
        async move {
            let output = tokio::task::spawn_blocking(move || command.output()).await.expect("it ends");
            let output = output.expect("it runs");
            format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
        }
    };
    let told = run(&["doctor", "--json"]).await;
    let report: Value = serde_json::from_str(&told).unwrap_or_else(|_| panic!("JSON: {told}"));
    let status = |check: &str| {
        let checks = report["checks"].as_array().expect("a list");
        let found = checks.iter().find(|finding| finding["check"] == check);
        found.map(|finding| text(&finding["status"]).to_owned())
    };
    for check in ["queue", "dead-letters", "answer-place"] {
        assert_eq!(status(check).as_deref(), Some("ok"), "{check}: {report}");
    }
    assert!(told.contains("response_origins is for tests"), "{told}");
    let told = run(&["check"]).await;
    assert!(
        told.contains(&format!("receives requests of {TOPIC}")) && told.contains("is for tests"),
        "{told}"
    );
    let told = run(&["status"]).await;
    assert!(told.contains("Receiving; 1 task") && told.contains("etl/Etl"), "{told}");
    assert!(!told.contains("no task here"), "an answered job is nobody's stranger: {told}");
    let file = door.stage.directory.path().join("properties.json");
    std::fs::write(&file, etl("s3://b/etl.py").to_string()).expect("written");
    let told = run(&["render", file.to_str().expect("a name")]).await;
    assert!(told.contains("sjw-g-0000000000000000") && told.contains("s3://b/etl.py"), "{told}");
    let line = worker.logged("/metrics are at");
    let url = text(&line["message"]).rsplit(' ').next().expect("a URL").to_owned();
    let metrics =
        reqwest::get(format!("{url}/metrics")).await.expect("an answer").text().await.expect("a text");
    for wanted in [
        "sjw_cloudformation_requests_total{type=\"Create\"} 2",
        "sjw_queue_places_free{topic=\"spark-jobs\"} 19",
        "sjw_cloudformation_refused_total 0",
    ] {
        assert!(metrics.contains(wanted), "{wanted}: {metrics}");
    }
    door.sqs.remove();
    let told = run(&["doctor", "--json"]).await;
    assert!(told.contains("the queue does not exist"), "{told}");
}

#[tokio::test]
async fn a_worker_without_a_queue_makes_no_call_to_sqs_and_makes_no_files_for_resources() {
    let (stage, sqs) = (Stage::new().await, Sqs::start().await);
    let path = stage.directory.path().join("config.toml");
    std::fs::write(&path, stage.config().text()).expect("written");
    let program = std::path::Path::new(crate::harness::PROGRAM);
    let url = sqs.url();
    let _worker = Worker::start_with(program, &path, &[("AWS_ENDPOINT_URL_SQS", &url)]);
    stage.output(&stage.task()).await;
    assert!(sqs.calls().is_empty() && !stage.directory.path().join("state/resources").exists());
}

#[tokio::test]
async fn while_paused_deletions_are_carried_out_and_other_requests_wait() {
    let door = Door::open().await;
    let mut worker = door.worker();
    let created = door.ask(Request::create("r1", etl("s3://b/etl.py"))).await;
    let id = succeeded(&created).clone();
    assert_eq!(crate::admin::told(&worker, &["pause"]).0, 0);
    succeeded(&door.ask(Request::delete("r2", &id)).await);
    assert!(door.livy().live_applications().is_empty());
    let late = with(etl("s3://b/late.py"), "WaitFor", "SUCCEEDED");
    let mut other = Request::create("r3", late.clone());
    other.body["LogicalResourceId"] = json!("Late");
    door.send(&other.clone().waits(4));
    let answer = door.bucket.answered("r3", None).await;
    let reason = text(&answer["Reason"]);
    assert!(reason.contains("SparkJob.LivyUnavailable") && reason.contains("paused"), "{answer}");
    let mut waits = Request::create("r4", etl("s3://b/waits.py"));
    waits.body["LogicalResourceId"] = json!("Waits");
    door.send(&waits);
    door.emptied().await;
    // It is kept, so a restart knows of it, and of the pause.
    worker.kill();
    let worker = door.worker();
    worker.logged("still paused");
    let lists = door.livy().count("GET /batches");
    door.livy().wait_for(|livy| livy.count("GET /batches") >= lists + 10, None).await;
    assert_eq!(door.livy().posts().len(), 1, "nothing is begun");
    assert_eq!(crate::admin::told(&worker, &["resume"]).0, 0);
    let answer = door.bucket.answered("r4", None).await;
    assert_eq!(answer["Status"], "SUCCESS", "{answer}");
    assert_eq!(door.livy().posts().len(), 2);
}

#[tokio::test]
async fn a_job_that_waits_too_long_in_yarns_queue_fails_its_stack_once_it_is_dead() {
    let door = Door::open().await;
    door.livy().plan(Plan::running().starts_after(Duration::from_secs(3_600)));
    let _worker = door.worker();
    let properties = with(etl("s3://b/etl.py"), "QueueTimeout", "2s");
    let id = failed(&door.ask(Request::create("r1", properties)).await, "SparkJob.QueueTimeout");
    assert!(door.livy().live_applications().is_empty());
    succeeded(&door.ask(Request::delete("r2", &id)).await);
}
