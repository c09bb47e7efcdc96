//! Many resources at once, each of which lives as CloudFormation has them live, while messages come twice and again,
//! POSTs and answers are lost, and the worker is killed at random moments.

use std::collections::BTreeMap;
use std::rc::Rc;

use stand_ins::livy::Application;
use tokio::task::LocalSet;

use super::*;

/// How many resources there are, and how often the worker is killed.
const RESOURCES: usize = 8;
const KILLS: usize = 25;
/// A request without an answer is published once more after this long: it may be a dead letter by then.
const AGAIN: Duration = Duration::from_secs(5);
/// The last life has this long for everything that is left.
const LIMIT: Duration = Duration::from_secs(240);

/// One resource, as CloudFormation knows it.
struct Resource {
    door: Rc<Door>,
    dice: fastrand::Rng,
    logical: String,
    stop_first: bool,
    requests: usize,
    /// Its id and its properties, once it has any.
    now: Option<(Value, Value)>,
}

impl Resource {
    fn new(door: &Rc<Door>, number: usize, seed: u64) -> Resource {
        let mut dice = fastrand::Rng::with_seed(seed.wrapping_mul(1_000).wrapping_add(number as u64));
        let stop_first = dice.bool();
        let logical = format!("Etl{number}");
        Resource { door: Rc::clone(door), dice, logical, stop_first, requests: 0, now: None }
    }

    /// Another job: one that runs, or one that fails.
    fn properties(&mut self, fails: bool) -> Value {
        let kind = if fails { "fails" } else { "runs" };
        let properties = etl(&format!("s3://b/{kind}-{}.py", self.dice.u8(..)));
        let goal = if fails { "SUCCEEDED" } else { "RUNNING" };
        let mode = if self.stop_first { "STOP_FIRST" } else { "REPLACE" };
        with(with(properties, "UpdateMode", mode), "WaitFor", goal)
    }

    fn request(&mut self, kind: &str, properties: &Value, more: &[(&str, Value)]) -> (String, String) {
        self.requests += 1;
        let id = format!("{}-r{}", self.logical, self.requests);
        let mut body = json!({
            "RequestType": kind, "RequestId": id, "StackId": STACK, "LogicalResourceId": self.logical,
            "ResourceType": "Custom::SparkJob", "ResourceProperties": properties,
            "ResponseURL": self.door.bucket.url_for((STACK, &self.logical, &id), Signed::V4),
        });
        for (key, value) in more {
            body[*key] = value.clone();
        }
        let published = humantime::format_rfc3339_millis(SystemTime::now()).to_string();
        (id, envelope(TOPIC, &body, &published).to_string())
    }

    async fn answered(&self, (id, message): &(String, String)) -> Value {
        self.door.sqs.send(message);
        loop {
            let answer = self.door.bucket.answered(id, LIMIT);
            if let Ok(answer) = tokio::time::timeout(AGAIN, answer).await {
                return answer;
            }
            self.door.sqs.send(message);
        }
    }

    /// Whether a request succeeded; its id is the resource's from then on.
    async fn ask(&mut self, kind: &str, properties: &Value, more: &[(&str, Value)]) -> (bool, Value) {
        let request = self.request(kind, properties, more);
        let answer = self.answered(&request).await;
        let good = answer["Status"] == "SUCCESS";
        assert!(good || text(&answer["Reason"]).starts_with("SparkJob."), "{answer}");
        (good, answer["PhysicalResourceId"].clone())
    }

    async fn create(&mut self) {
        let fails = self.dice.u8(0..5) == 0;
        let properties = self.properties(fails);
        if self.dice.u8(0..4) == 0 {
            // A sibling failed: CloudFormation does not wait, and makes an id up.
            let (_, message) = self.request("Create", &properties, &[]);
            self.door.sqs.send(&message);
            self.now = Some((json!("stack-Etl-1ABCDEFGHIJKL"), properties));
            return self.delete().await;
        }
        let (good, id) = self.ask("Create", &properties, &[]).await;
        assert_eq!(good, !fails, "{id}");
        self.now = Some((id, properties));
        if fails {
            self.delete().await;
        }
    }

    async fn update(&mut self) {
        let Some((id, old)) = self.now.clone() else { return };
        let fails = self.dice.u8(0..3) == 0;
        let new = self.properties(fails);
        let named = ("PhysicalResourceId", id.clone());
        let (good, answered) =
            self.ask("Update", &new, &[named.clone(), ("OldResourceProperties", old.clone())]).await;
        assert_eq!(good, !fails, "{answered}");
        if !good {
            assert_eq!(answered, id, "the stack stays on what it had");
            // The rollback asks for what was there.
            let (good, answered) = self.ask("Update", &old, &[named, ("OldResourceProperties", new)]).await;
            assert!(good, "{answered}");
            return self.replaced(id, answered, old).await;
        }
        self.replaced(id, answered, new).await;
    }

    /// CloudFormation deletes what has another id now.
    async fn replaced(&mut self, old: Value, new: Value, properties: Value) {
        if new != old {
            let (good, told) = self.ask("Delete", &properties, &[("PhysicalResourceId", old)]).await;
            assert!(good, "{told}");
        }
        self.now = Some((new, properties));
    }

    async fn delete(&mut self) {
        let Some((id, properties)) = self.now.take() else { return };
        let (good, told) = self.ask("Delete", &properties, &[("PhysicalResourceId", id)]).await;
        assert!(good, "{told}");
        let live: Vec<Application> = self.applications().into_iter().filter(Application::is_live).collect();
        assert!(live.is_empty(), "{} was deleted: {live:?}", self.logical);
    }

    /// Everything that ever ran for it.
    fn applications(&self) -> Vec<Application> {
        let tag = tags::of_resource(&tags::short_id(&[STACK, &self.logical]));
        self.door.livy().applications_tagged(&tag)
    }

    /// From its creation to its deletion, twice.
    async fn lives(mut self) {
        for _ in 0..2 {
            self.create().await;
            for _ in 0..self.dice.u8(0..=2) {
                self.update().await;
            }
            self.delete().await;
        }
        let mut ran = self.applications();
        ran.sort_by_key(|application| application.started);
        if self.stop_first {
            for pair in ran.windows(2) {
                let ended = pair[0].ended.expect("all have ended");
                assert!(ended <= pair[1].started, "two of {} at once: {pair:?}", self.logical);
            }
        }
    }
}

/// Kills the worker at moments that the dice choose, and starts it again.
async fn kills(door: &Door, config: &Config, dice: &mut fastrand::Rng) {
    for kill in 0..KILLS {
        let calls = || door.livy().calls().len() + door.sqs.calls().len() + door.bucket.calls().len();
        let mut worker = door.stage.worker_with(config);
        let wanted = calls() + dice.usize(0..120);
        door.livy().wait_for(|_| calls() >= wanted, None).await;
        tokio::time::sleep(Duration::from_micros(dice.u64(0..8_000))).await;
        assert!(worker.is_running(), "it ended by itself");
        worker.kill();
        door.sqs.double(dice.usize(0..2));
        door.sqs.bring_back(dice.usize(0..2));
        if kill % 4 == 3 {
            let fault = [Fault::AnswerLost, Fault::Close][dice.usize(0..2)].clone();
            door.livy().fault("POST /batches", fault);
        }
        if kill % 4 == 1 {
            let fault = [Fault::AnswerLost, s3_refusal(503, "SlowDown", "")][dice.usize(0..2)].clone();
            door.bucket.fault("PUT", fault);
        }
    }
}

#[tokio::test]
async fn resources_of_which_each_lives_twice_keep_every_promise_while_the_worker_is_killed() {
    let seed = std::env::var("SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(7);
    println!("SEED={seed}");
    let mut dice = fastrand::Rng::with_seed(seed);
    let door = Rc::new(Door::open().await);
    door.livy().plan_for("fails-", Plan::ends("dead"));
    door.sqs.hide_for(Duration::from_millis(400));
    // Nothing ends because this machine is slow.
    let config = door
        .config()
        .table("watch", "interval = \"40ms\"\nidle_interval = \"50ms\"")
        .table("livy", "request_timeout = \"30s\"\npatience = \"10m\"");
    let local = LocalSet::new();
    let lives: Vec<_> =
        (0..RESOURCES).map(|number| local.spawn_local(Resource::new(&door, number, seed).lives())).collect();
    local
        .run_until(async {
            kills(&door, &config, &mut dice).await;
            door.livy().clear_faults();
            let _worker = door.stage.worker_with(&config);
            for one in lives {
                one.await.expect("it lives as promised");
            }
            crate::crash::forgotten(&door.stage).await;
        })
        .await;
    assert!(door.livy().live_applications().is_empty());
    // A request has one application at most, and one answer, however often it is given.
    let mut of_request: BTreeMap<String, usize> = BTreeMap::new();
    for application in door.livy().applications() {
        let run = application.tags.iter().find(|tag| tags::task_of(tag).is_some()).cloned();
        *of_request.entry(run.expect("it has the tag of its task")).or_default() += 1;
    }
    assert!(of_request.values().all(|count| *count == 1), "{of_request:?}");
    let mut answers: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    for put in door.bucket.puts() {
        let (id, body) = (text(&put.request.json()["RequestId"]).to_owned(), put.request.body.to_vec());
        let first = answers.entry(id.clone()).or_insert_with(|| body.clone());
        assert_eq!(*first, body, "two answers to {id}");
    }
    println!("{} requests answered, {} applications, {KILLS} kills", answers.len(), of_request.len());
}
