//! Livy is a hint and YARN knows: verdicts, kills and doubts where Livy lies, stalls or forgets.

use std::time::{Duration, Instant};

use serde_json::Value;
use spark_job_worker::log::message_id;
use stand_ins::WaitFor;
use stand_ins::http::{Call, Fault};
use stand_ins::livy::{AppState, Livy, Plan};
use stand_ins::sfn::TaskId;
use stand_ins::worker::{Config, Worker};
use stand_ins::yarn::{Rights, Yarn};

use crate::crash::forgotten;
use crate::harness::{Stage, text};

/// A job that runs until something is said about it.
pub(crate) struct Running {
    pub(crate) stage: Stage,
    pub(crate) worker: Worker,
    pub(crate) task: TaskId,
    /// The batch's name.
    pub(crate) name: String,
    /// The application's id.
    pub(crate) id: String,
}

impl Running {
    pub(crate) async fn start() -> Running {
        Running::on(Stage::with_yarn().await).await
    }

    async fn on(stage: Stage) -> Running {
        stage.livy.plan(Plan::running());
        let worker = stage.worker();
        let task = stage.task();
        let name = stage.submitted("etl-").await;
        worker.logged("runs as application_");
        let id = only_application(&stage);
        Running { stage, worker, task, name, id }
    }

    pub(crate) fn yarn(&self) -> &Yarn {
        self.stage.yarn()
    }

    /// Waits until YARN was asked so many more times: at 0.1 s a look, 20 are longer than `lost_after`.
    async fn looked(&self, times: usize) {
        let looks = |yarn: &Yarn| yarn.count("GET /apps") + yarn.count("GET /apps/*");
        let before = looks(self.yarn());
        self.yarn().wait_for(|yarn| looks(yarn) >= before + times, None).await;
    }

    /// Nothing was told, and there was one POST and one application.
    fn still_one_run(&self) {
        assert_eq!(self.stage.sfn.peek(&self.task), None, "nothing is known yet");
        assert_eq!(self.stage.livy.posts_named("etl-").len(), 1, "one POST");
        assert_eq!(self.stage.livy.applications_tagged(&tag(&self.name)).len(), 1, "one run");
    }

    async fn success(&self) -> Value {
        let output = self.stage.output(&self.task).await;
        assert_eq!(output["verdictSource"], "yarn", "{output}");
        assert_eq!(output["applicationId"], self.id.as_str());
        assert_eq!(self.stage.livy.posts_named("etl-").len(), 1, "one POST");
        output
    }

    async fn failure(&self) -> (String, Value) {
        let (error, cause) = self.stage.failure(&self.task).await;
        assert_eq!(cause["verdictSource"], "yarn", "{cause}");
        assert_eq!(cause["applicationId"], self.id.as_str());
        assert_eq!(self.stage.livy.posts_named("etl-").len(), 1, "one POST");
        (error, cause)
    }

    /// Waits until the worker has seen the application's end in YARN.
    fn dead(&self) {
        self.worker.logged("is dead by YARN's word");
        assert_eq!(self.stage.livy.applications()[0].state, AppState::Killed);
    }
}

/// The tag of a batch: its name ends with the task's id.
fn tag(name: &str) -> String {
    format!("sjw-{}", name.rsplit('-').next().unwrap_or_default())
}

/// The id of the only application.
fn only_application(stage: &Stage) -> String {
    let applications = stage.livy.applications();
    assert_eq!(applications.len(), 1, "one run");
    applications[0].id.clone().expect("applications on YARN have ids")
}

#[tokio::test]
async fn a_success_is_yarns_word() {
    let stage = Stage::with_yarn().await;
    stage.livy.plan(Plan::success().running_for(Duration::from_millis(300)));
    let _worker = stage.worker();
    let output = stage.output(&stage.task()).await;
    assert_eq!(output["verdictSource"], "yarn");
    assert_eq!(output["state"], "SUCCEEDED");
    assert_eq!(output["applicationId"], only_application(&stage).as_str());
    assert!(text(&output["driverLogUrl"]).contains("containerlogs"), "{output}");
}

#[tokio::test]
async fn a_failure_is_yarns_word_and_has_its_diagnostics() {
    let stage = Stage::with_yarn().await;
    let diagnostics = "User application exited with status 1";
    stage.livy.plan(Plan::ends("dead").running_for(Duration::from_millis(300)).diagnostics([diagnostics]));
    let _worker = stage.worker();
    let (error, cause) = stage.failure(&stage.task()).await;
    assert_eq!(error, "SparkJob.Failed");
    assert_eq!(cause["verdictSource"], "yarn");
    assert_eq!(cause["diagnostics"], diagnostics);
    assert!(text(&cause["logUrl"]).contains("containerlogs"), "{cause}");
}

#[tokio::test]
async fn a_job_that_livy_calls_dead_while_yarn_runs_it_is_followed_to_its_success() {
    for state in ["dead", "error", "killed"] {
        let job = Running::start().await;
        job.stage.livy.misjudge(&job.name, state);
        job.looked(20).await;
        job.still_one_run();
        job.yarn().set(&job.id, "FINISHED", "SUCCEEDED");
        job.success().await;
    }
}

#[tokio::test]
async fn a_job_that_livy_calls_dead_before_it_knew_the_application_is_found_by_its_tag() {
    let stage = Stage::with_yarn().await;
    stage.livy.plan(Plan::manual());
    let worker = stage.worker();
    let task = stage.task();
    let name = stage.submitted("etl-").await;
    worker.logged("is batch 0 of Livy");
    let id = only_application(&stage);
    stage.livy.misjudge(&name, "dead");
    worker.logged(&format!("runs as {id}"));
    stage.yarn().set(&id, "FINISHED", "SUCCEEDED");
    let output = stage.output(&task).await;
    assert_eq!((text(&output["verdictSource"]), text(&output["applicationId"])), ("yarn", &*id));
}

#[tokio::test]
async fn a_success_of_livy_is_a_failure_where_yarn_says_so() {
    let job = Running::start().await;
    job.yarn().set(&job.id, "FINISHED", "FAILED");
    job.yarn().diagnose(&job.id, "User application exited with status 1");
    job.stage.livy.misjudge(&job.name, "success");
    let (error, cause) = job.failure().await;
    assert_eq!(error, "SparkJob.Failed");
    assert_eq!(cause["diagnostics"], "User application exited with status 1");
}

#[tokio::test]
async fn a_success_of_livy_is_a_failure_where_the_application_left_without_a_word() {
    let job = Running::start().await;
    job.yarn().set(&job.id, "FINISHED", "UNDEFINED");
    job.stage.livy.misjudge(&job.name, "success");
    assert_eq!(job.failure().await.0, "SparkJob.Failed");
}

#[tokio::test]
async fn diagnostics_alone_are_no_failure() {
    let job = Running::start().await;
    job.yarn().set(&job.id, "RUNNING", "SUCCEEDED");
    job.yarn().diagnose(&job.id, "Attempt recovered after RM restart");
    job.stage.livy.misjudge(&job.name, "success");
    job.looked(5).await;
    job.still_one_run();
    job.yarn().set(&job.id, "FINISHED", "SUCCEEDED");
    job.success().await;
}

#[tokio::test]
async fn a_job_that_somebody_killed_says_so_by_yarns_word() {
    let job = Running::start().await;
    assert!(job.stage.livy.kill_application(&job.id));
    assert_eq!(job.failure().await.0, "SparkJob.Killed");
    assert!(job.yarn().kills().is_empty(), "it was dead already");
}

#[tokio::test]
async fn a_job_that_livy_has_forgotten_is_followed_in_yarn_to_its_end() {
    for (status, error) in
        [("SUCCEEDED", None), ("FAILED", Some("SparkJob.Failed")), ("KILLED", Some("SparkJob.Killed"))]
    {
        let job = Running::start().await;
        job.stage.livy.forget(&job.name);
        job.looked(20).await;
        job.still_one_run();
        job.yarn().set(&job.id, "FINISHED", status);
        match error {
            None => drop(job.success().await),
            Some(error) => assert_eq!(job.failure().await.0, error),
        }
    }
}

#[tokio::test]
async fn a_job_that_neither_knows_any_more_is_lost() {
    let job = Running::start().await;
    job.stage.livy.forget(&job.name);
    job.yarn().forget(&job.id);
    let (error, cause) = job.stage.failure(&job.task).await;
    assert_eq!(error, "SparkJob.Lost");
    assert_eq!(cause["applicationId"], job.id.as_str());
    let line = job.worker.logged("ends with SparkJob.Lost");
    assert_eq!(line["fields"]["message_id"], message_id::JOB_LOST);
}

#[tokio::test]
async fn a_stranger_with_our_number_after_a_restart_of_livy_is_not_our_job() {
    let job = Running::start().await;
    job.stage.livy.restart(false).await;
    job.stage.livy.plan(Plan::ends("dead"));
    job.stage.strangers("other", "other").await;
    assert_eq!(job.stage.livy.batch("other").expect("the other batch").id, 0, "our number");
    job.looked(20).await;
    job.still_one_run();
    job.yarn().set(&job.id, "FINISHED", "SUCCEEDED");
    assert_eq!(job.success().await["batchId"], 0);
}

#[tokio::test]
async fn a_bad_word_of_livy_is_waited_out_while_yarn_is_away() {
    for state in ["dead", "killed"] {
        let job = Running::start().await;
        job.yarn().down().await;
        job.stage.livy.misjudge(&job.name, state);
        let beats = job.stage.sfn.heartbeats(&job.task).len();
        // Longer than `lost_after`.
        job.stage.sfn.wait_for(|sfn| sfn.heartbeats(&job.task).len() >= beats + 3, None).await;
        job.still_one_run();
        job.yarn().set(&job.id, "FINISHED", "SUCCEEDED");
        job.yarn().up().await;
        job.success().await;
    }
}

#[tokio::test]
async fn a_restarted_resource_manager_that_keeps_its_applications_is_believed() {
    let job = Running::start().await;
    job.stage.livy.misjudge(&job.name, "dead");
    job.yarn().restart(true).await;
    job.looked(5).await;
    job.still_one_run();
    job.yarn().set(&job.id, "FINISHED", "SUCCEEDED");
    job.success().await;
}

#[tokio::test]
async fn a_standby_is_passed_over_for_looks_and_for_kills() {
    let stage = Stage::with_yarn().await;
    let active = Yarn::start(&stage.livy).await;
    stage.yarn().standby(&active.url());
    stage.livy.plan_for("etl-", Plan::success().running_for(Duration::from_millis(300)));
    stage.livy.plan(Plan::running());
    let worker = stage.worker_with(&stage.config_of(&[stage.yarn(), &active]));
    let output = stage.output(&stage.task()).await;
    assert_eq!(output["verdictSource"], "yarn");
    // They change places, and a kill has to find that out.
    active.standby(&stage.yarn().url());
    stage.yarn().activate();
    let task = stage.schedule(r#"{"Name":"long","File":"s3://b/long.py"}"#);
    stage.submitted("long-").await;
    stage.livy.wait_for(|livy| livy.applications().len() == 2, None).await;
    stage.livy.configure(|settings| settings.kill_fails = true);
    stage.sfn.stop(&task);
    worker.logged("is dead by YARN's word");
    assert_eq!(stage.livy.applications()[1].state, AppState::Killed);
    assert_eq!(stage.yarn().kills()[0].status, Some(202), "the active one was told");
}

#[tokio::test]
async fn a_doubt_is_settled_by_the_memory_of_the_active_resource_manager_alone() {
    let stage = Stage::with_yarn().await;
    let active = Yarn::start(&stage.livy).await;
    // The standby has been up for an hour, and tells so; the active one has been up since after the POST.
    stage.yarn().standby(&active.url());
    stage.livy.fault("POST /batches", Fault::Hang);
    let _worker = stage.worker_with(&stage.config_of(&[stage.yarn(), &active]));
    let task = stage.task();
    stage.livy.wait_for(|livy| livy.posts().len() == 1, None).await;
    active.restart(false).await;
    stage.livy.restart(true).await;
    assert_eq!(stage.failure(&task).await.0, "SparkJob.Lost");
    assert_eq!(stage.livy.posts().len(), 1);
}

#[tokio::test]
async fn a_stopped_execution_kills_its_job_and_yarn_confirms_it() {
    let job = Running::start().await;
    job.stage.sfn.stop(&job.task);
    job.dead();
    assert!(job.stage.sfn.reports(&job.task).is_empty(), "nobody waits for an answer");
    let named = |call: &Call| call.request.parameter("user.name").as_deref() == Some("spark-job-worker");
    assert!(job.yarn().calls().iter().all(named), "simple authentication wants to know who asks");
}

#[tokio::test]
async fn a_stopped_execution_kills_its_job_although_livy_hangs() {
    let job = Running::start().await;
    job.stage.livy.hang_all(true);
    job.stage.sfn.stop(&job.task);
    job.dead();
    assert_eq!(job.yarn().kills()[0].id, job.id);
    assert!(job.stage.livy.deletes().iter().all(|delete| delete.status.is_none()), "Livy did nothing");
}

#[tokio::test]
async fn a_delete_that_kills_nothing_is_not_believed() {
    let job = Running::start().await;
    job.stage.livy.configure(|settings| settings.kill_fails = true);
    // Livy alone is to be heard first.
    job.yarn().down().await;
    job.stage.sfn.stop(&job.task);
    let deleted = |livy: &Livy| livy.deletes().iter().any(|delete| delete.status == Some(200));
    job.stage.livy.wait_for(deleted, None).await;
    assert!(job.stage.livy.batches().is_empty());
    assert_eq!(job.stage.livy.live_applications().len(), 1, "and yet it lives");
    // "Not found" is not believed either.
    let looks = job.stage.livy.count("GET /batches/*");
    job.stage.livy.wait_for(|livy| livy.count("GET /batches/*") >= looks + 5, None).await;
    job.yarn().up().await;
    job.dead();
}

#[tokio::test]
async fn a_kill_that_yarn_refuses_is_repeated_until_the_job_is_dead() {
    let job = Running::start().await;
    job.stage.livy.configure(|settings| settings.kill_fails = true);
    for fault in [Fault::html(500, "Internal Server Error"), Fault::Close, Fault::html(503, "not yet")] {
        job.yarn().fault("PUT /apps/*/state", fault);
    }
    job.stage.sfn.stop(&job.task);
    job.dead();
    assert!(job.yarn().kills().len() >= 4);
}

#[tokio::test]
async fn a_kill_that_is_forbidden_is_an_operators_event_said_once() {
    let job = Running::start().await;
    job.stage.livy.configure(|settings| settings.kill_fails = true);
    for _ in 0..5 {
        job.yarn().fault("PUT /apps/*/state", Fault::html(403, "User is not authorized"));
    }
    job.stage.sfn.stop(&job.task);
    let line = job.worker.logged("YARN does not let the worker kill");
    assert_eq!(line["level"], "ERROR");
    assert!(line["fields"]["message_id"].is_string(), "{line}");
    job.dead();
    assert_eq!(job.worker.count("YARN does not let the worker kill"), 1);
}

#[tokio::test]
async fn a_kill_that_a_standby_answers_with_a_text_was_not_taken() {
    let job = Running::start().await;
    job.stage.livy.configure(|settings| settings.kill_fails = true);
    // A standby that knows no active one says so with a 200 (RMWebAppFilter).
    job.yarn().fault("PUT /apps/*/state", Fault::html(200, "There is no active RM"));
    job.stage.sfn.stop(&job.task);
    job.worker.logged("trying again");
    job.dead();
}

#[tokio::test]
async fn a_kill_waits_until_a_resource_manager_is_active() {
    let job = Running::start().await;
    job.stage.livy.configure(|settings| settings.kill_fails = true);
    // Hadoop 3.3.4 answers so while none is: a redirect to nowhere.
    job.yarn().without_an_active_one();
    job.stage.sfn.stop(&job.task);
    job.worker.logged("Livy was told to delete");
    job.looked(5).await;
    assert_eq!(job.stage.livy.live_applications().len(), 1);
    assert_eq!(job.worker.count("is dead by YARN's word"), 0);
    job.yarn().activate();
    job.dead();
}

/// The list of ten thousand applications takes a ResourceManager its time.
#[tokio::test]
async fn a_list_of_yarn_may_take_longer_than_an_answer_about_one_application() {
    let stage = Stage::with_yarn().await;
    stage.livy.plan(Plan::running());
    stage.yarn().fault_times("GET /apps", usize::MAX, Fault::Delay(Duration::from_secs(6)));
    let worker = stage.worker_with(&stage.config().table("livy", "request_timeout = \"20s\""));
    let task = stage.task();
    let name = stage.submitted("etl-").await;
    stage.yarn().wait_for(|yarn| yarn.count("GET /apps") >= 3, None).await;
    assert_eq!(worker.count("YARN does not answer"), 0);
    stage.yarn().set(&only_application(&stage), "FINISHED", "SUCCEEDED");
    stage.livy.misjudge(&name, "dead");
    assert_eq!(stage.output(&task).await["verdictSource"], "yarn");
}

#[tokio::test]
async fn a_second_application_with_our_tag_is_killed_and_the_oldest_is_kept() {
    let stage = Stage::with_yarn().await;
    stage.livy.plan(Plan::running());
    stage.livy.fault("POST /batches", Fault::HangAfter);
    stage.yarn().fault_times("PUT /apps/*/state", 2, Fault::html(503, "not yet"));
    let worker = stage.worker();
    stage.polling().await;
    // Nobody can look until both are there.
    stage.yarn().hang_all(true);
    let task = stage.task();
    stage.livy.wait_for(|livy| livy.applications().len() == 1, None).await;
    let name = stage.livy.posts()[0].name.clone();
    let id = only_application(&stage);
    stage.livy.restart(false).await;
    worker.logged("may or may not have taken");
    stage.strangers("double", &tag(&name)).await;
    stage.yarn().hang_all(false);
    let line = worker.logged("has a second application");
    assert_eq!(line["level"], "ERROR", "{line}");
    stage.livy.wait_for(|livy| livy.live_applications().len() == 1, None).await;
    assert_eq!(stage.livy.live_applications()[0].id.as_deref(), Some(&*id), "the oldest is ours");
    stage.yarn().set(&id, "FINISHED", "SUCCEEDED");
    assert_eq!(stage.output(&task).await["applicationId"], id.as_str());
}

#[tokio::test]
async fn a_second_application_that_appears_while_ours_runs_is_killed_and_ours_goes_on() {
    let job = Running::start().await;
    job.stage.strangers("stranger", &format!("spark-job-worker,{}", tag(&job.name))).await;
    let line = job.worker.logged("has a second application");
    assert_eq!(line["level"], "ERROR");
    let killed =
        |livy: &Livy| livy.applications().iter().filter(|app| app.state == AppState::Killed).count() == 1;
    job.stage.livy.wait_for(killed, None).await;
    assert_eq!(job.stage.livy.live_applications().len(), 1);
    assert!(job.yarn().kills().iter().all(|kill| kill.id != job.id), "never ours");
    job.yarn().set(&job.id, "FINISHED", "SUCCEEDED");
    job.stage.livy.misjudge(&job.name, "success");
    job.success().await;
}

/// The worker was killed while its POST was out. Before Livy works it off, somebody else's application has our tag, so
/// that YARN's oldest is not the one of Livy's record.
#[tokio::test]
async fn in_doubt_nothing_is_killed_before_livys_record_has_said_which_one_is_ours() {
    let stage = Stage::with_yarn().await;
    stage.livy.plan(Plan::running());
    stage.livy.fault("POST /batches", Fault::Late);
    let mut worker = stage.worker();
    let task = stage.task();
    stage.livy.wait_for(|livy| livy.posts().len() == 1, None).await;
    let name = stage.livy.posts()[0].name.clone();
    worker.kill();
    stage.strangers("double", &tag(&name)).await;
    let double = only_application(&stage);
    stage.livy.release();
    let is_known = |livy: &Livy| livy.batch(&name).is_some_and(|batch| batch.app_id.is_some());
    stage.livy.wait_for(is_known, None).await;
    let ours = stage.livy.batch(&name).expect("the record").app_id.expect("its application");
    assert_ne!(ours, double);

    let worker = stage.worker();
    worker.logged("has a second application");
    stage.livy.wait_for(|livy| livy.live_applications().len() == 1, None).await;
    assert_eq!(stage.livy.live_applications()[0].id.as_deref(), Some(&*ours), "ours goes on");
    stage.yarn().set(&ours, "FINISHED", "SUCCEEDED");
    assert_eq!(stage.output(&task).await["applicationId"], ours.as_str());
}

/// YARN leaves our applications out of its lists, and a job that has ended since has shown that. Nothing runs when the
/// worker is started again, so nothing shows it anew.
#[tokio::test]
async fn a_restart_knows_that_yarn_hides_applications_and_takes_no_list_for_a_proof() {
    let stage = Stage::with_yarn().await;
    // A poll that outlives its worker takes the next task with it.
    stage.sfn.hold_polls(Duration::from_millis(500));
    let mut job = Running::on(stage).await;
    job.yarn().allow(Rights::GlanceById);
    job.worker.logged("YARN hides applications from the worker");
    let is_kept = |job: &Running| job.stage.config().state.join("hidden").exists();
    job.yarn().wait_for(|_| is_kept(&job), None).await;
    job.yarn().set(&job.id, "FINISHED", "SUCCEEDED");
    job.stage.livy.misjudge(&job.name, "success");
    job.stage.output(&job.task).await;
    forgotten(&job.stage).await;
    assert!(job.worker.stop().success());

    job.stage.livy.fault("POST /batches", Fault::HangAfter);
    job.worker = job.stage.worker();
    job.worker.logged("YARN hid applications from the worker before it was started");
    let task = job.stage.task();
    job.stage.livy.wait_for(|livy| livy.applications().len() == 2, None).await;
    job.stage.livy.restart(false).await;
    job.worker.logged("may or may not have taken");
    // Three times as long as a doubt takes to be settled.
    job.looked(30).await;
    assert_eq!(job.stage.livy.posts().len(), 2, "one POST for each task");
    job.yarn().allow(Rights::All);
    job.worker.logged("YARN shows the worker's applications again");
    let applications = job.stage.livy.applications();
    let mut ids = applications.iter().filter_map(|application| application.id.as_deref());
    let id = ids.next_back().expect("its id");
    assert_ne!(id, job.id);
    job.yarn().set(id, "FINISHED", "SUCCEEDED");
    assert_eq!(job.stage.output(&task).await["applicationId"], id);
    job.yarn().wait_for(|_| !is_kept(&job), None).await;
}

#[tokio::test]
async fn a_job_that_ends_while_livy_is_away_is_judged_by_yarn_alone() {
    let job = Running::start().await;
    job.stage.livy.down().await;
    job.worker.logged("Livy does not answer");
    job.looked(5).await;
    job.yarn().set(&job.id, "FINISHED", "SUCCEEDED");
    job.success().await;
}

/// Room for hundreds of jobs, and for their heartbeats.
fn many(stage: &Stage) -> Config {
    let config = stage.config().activity("max_concurrent_jobs = 250\npollers = 5");
    config.table("aws", "heartbeat_rate = 250")
}

#[tokio::test]
async fn one_sweep_of_each_serves_all_jobs_known_or_not_and_also_while_livy_is_away() {
    for jobs in [1, 200] {
        let stage = Stage::with_yarn().await;
        // No application before the test says so.
        stage.livy.plan(Plan::running().starts_after(Duration::from_secs(600)));
        let _worker = stage.worker_with(&many(&stage));
        let tasks: Vec<TaskId> = (0..jobs).map(|_| stage.task()).collect();
        let limit = Duration::from_secs(180);
        stage.livy.wait_for(|livy| livy.posts_named("etl-").len() == jobs, limit).await;
        only_sweeps(&stage, &format!("{jobs} jobs without an application")).await;
        assert!(tasks.iter().all(|task| stage.sfn.peek(task).is_none()));
    }
    for jobs in [1, 200] {
        let stage = Stage::with_yarn().await;
        stage.livy.plan(Plan::running());
        let worker = stage.worker_with(&many(&stage));
        let tasks: Vec<TaskId> = (0..jobs).map(|_| stage.task()).collect();
        let limit = Duration::from_secs(180);
        stage.yarn().wait_for(|_| worker.count("is RUNNING in YARN") >= jobs, limit).await;
        only_sweeps(&stage, &format!("{jobs} running jobs")).await;
        stage.livy.down().await;
        worker.logged("Livy does not answer");
        only_sweeps(&stage, &format!("{jobs} running jobs without Livy")).await;
        assert!(tasks.iter().all(|task| stage.sfn.peek(task).is_none()));
    }
}

/// Over twenty sweeps of YARN nobody asks anything for himself, and no service is asked more often than `interval` says,
/// however many jobs there are.
async fn only_sweeps(stage: &Stage, what: &str) {
    /// `interval` of the harness, less what the clocks of a loaded machine may differ.
    const INTERVAL: Duration = Duration::from_millis(80);
    // What was asked before the jobs settled down is out of the way.
    let settled = stage.yarn().count("GET /apps") + 5;
    stage.yarn().wait_for(|yarn| yarn.count("GET /apps") >= settled, None).await;
    let (sweeps, livy) = (stage.yarn().count("GET /apps"), stage.livy.count("GET /batches/*"));
    let single = stage.yarn().count("GET /apps/*");
    let (lists, begun) = (stage.livy.count("GET /batches"), Instant::now());
    stage.yarn().wait_for(|yarn| yarn.count("GET /apps") >= sweeps + 20, None).await;
    let (took, lists) = (begun.elapsed(), stage.livy.count("GET /batches") - lists);
    assert_eq!(stage.yarn().count("GET /apps/*"), single, "{what}");
    assert_eq!(stage.livy.count("GET /batches/*"), livy, "{what}");
    let calls = stage.yarn().calls_of("GET /apps");
    let tags: Vec<&str> = calls[sweeps..].iter().map(|call| call.operation.key.as_str()).collect();
    assert!(tags.iter().all(|tag| *tag == "spark-job-worker"), "{what}: {tags:?}");
    // One sweep for each job would have made twenty of them in a moment.
    let most = usize::try_from(took.as_millis() / INTERVAL.as_millis()).expect("a small number") + 2;
    assert!(calls.len() - sweeps <= most, "{what}: {} sweeps of YARN in {took:?}", calls.len() - sweeps);
    assert!(lists <= most, "{what}: {lists} sweeps of Livy in {took:?}");
}

#[tokio::test]
async fn a_yarn_that_goes_away_is_said_once_and_again_when_it_is_back() {
    let job = Running::start().await;
    job.yarn().down().await;
    job.worker.logged("YARN does not answer");
    let beats = job.stage.sfn.heartbeats(&job.task).len();
    job.stage.sfn.wait_for(|sfn| sfn.heartbeats(&job.task).len() >= beats + 2, None).await;
    job.yarn().up().await;
    job.worker.logged("YARN answers again");
    assert_eq!(job.worker.count("YARN does not answer"), 1);
    job.yarn().set(&job.id, "FINISHED", "SUCCEEDED");
    job.stage.livy.misjudge(&job.name, "success");
    job.success().await;
}

#[tokio::test]
async fn the_application_is_learned_from_yarn_where_livy_does_not_tell_it_yet() {
    let stage = Stage::with_yarn().await;
    stage.livy.plan(Plan::manual());
    let worker = stage.worker();
    stage.task();
    stage.livy.wait_for(|livy| livy.live_applications().len() == 1, None).await;
    let id = only_application(&stage);
    worker.logged(&format!("runs as {id}"));
    stage.yarn().set(&id, "RUNNING", "UNDEFINED");
    worker.logged("is RUNNING in YARN at http");
}

#[tokio::test]
async fn a_post_that_nobody_but_yarn_remembers_is_adopted_by_its_tag() {
    let stage = Stage::with_yarn().await;
    stage.livy.plan(Plan::running());
    stage.livy.fault("POST /batches", Fault::HangAfter);
    let worker = stage.worker();
    let task = stage.task();
    stage.livy.wait_for(|livy| livy.applications().len() == 1, None).await;
    // Livy dies with the answer, and has no record when it comes back.
    stage.livy.restart(false).await;
    worker.logged("Livy has no record of it");
    let id = only_application(&stage);
    stage.yarn().set(&id, "FINISHED", "SUCCEEDED");
    let output = stage.output(&task).await;
    assert_eq!((text(&output["verdictSource"]), text(&output["applicationId"])), ("yarn", &*id));
    assert_eq!(output["batchId"], Value::Null);
    assert_eq!(stage.livy.posts().len(), 1, "one POST");
    only_application(&stage);
}

#[tokio::test]
async fn a_post_of_which_nothing_came_is_tried_again_once_the_doubt_is_settled() {
    for fault in [Fault::Close, Fault::html(502, "Bad Gateway"), Fault::json(500, &Value::Null)] {
        let stage = Stage::with_yarn().await;
        stage.livy.fault("POST /batches", fault);
        let _worker = stage.worker();
        let output = stage.output(&stage.task()).await;
        assert_eq!(output["verdictSource"], "yarn");
        let posts = stage.livy.posts();
        assert_eq!(posts.len(), 2);
        assert_eq!(posts[0].name, posts[1].name, "the same run");
        assert!(posts[1].at - posts[0].at >= Duration::from_secs(1), "`submit_settle` was waited for");
        only_application(&stage);
    }
}

#[tokio::test]
async fn a_doubt_is_not_settled_while_yarn_is_silent() {
    let stage = Stage::with_yarn().await;
    stage.livy.fault("POST /batches", Fault::Close);
    let worker = stage.worker();
    stage.polling().await;
    stage.yarn().down().await;
    let task = stage.task();
    worker.logged("may or may not have taken");
    // Several times the settle time.
    let beats = stage.sfn.heartbeats(&task).len();
    stage.sfn.wait_for(|sfn| sfn.heartbeats(&task).len() >= beats + 3, None).await;
    assert_eq!(stage.livy.posts().len(), 1);
    let back = Instant::now();
    stage.yarn().up().await;
    stage.output(&task).await;
    let posts = stage.livy.posts();
    assert_eq!(posts.len(), 2);
    assert!(posts[1].at - back >= Duration::from_secs(1), "`submit_settle` counts from its first answer");
    only_application(&stage);
}

#[tokio::test]
async fn a_doubt_that_the_resource_manager_cannot_remember_is_lost_and_not_run_again() {
    let stage = Stage::with_yarn().await;
    stage.livy.fault("POST /batches", Fault::Hang);
    let worker = stage.worker();
    let task = stage.task();
    stage.livy.wait_for(|livy| livy.posts().len() == 1, None).await;
    stage.yarn().restart(false).await;
    stage.livy.restart(true).await;
    let (error, _) = stage.failure(&task).await;
    assert_eq!(error, "SparkJob.Lost");
    assert_eq!(stage.livy.posts().len(), 1);
    // What may still come of it is waited for, and killed.
    worker.logged("is dead by YARN's word");
    assert!(stage.livy.applications().is_empty());
}

#[tokio::test]
async fn a_doubt_over_a_restart_that_keeps_its_applications_is_tried_again() {
    let stage = Stage::with_yarn().await;
    stage.livy.fault("POST /batches", Fault::Hang);
    let _worker = stage.worker();
    let task = stage.task();
    stage.livy.wait_for(|livy| livy.posts().len() == 1, None).await;
    stage.yarn().restart(true).await;
    stage.livy.restart(true).await;
    stage.output(&task).await;
    assert_eq!(stage.livy.posts().len(), 2);
    only_application(&stage);
}

#[tokio::test]
async fn a_doubt_older_than_the_memories_is_lost() {
    let stage = Stage::with_yarn().await;
    stage.livy.fault("POST /batches", Fault::Close);
    let _worker = stage.worker_with(&stage.config().table("watch", "doubt_limit = \"1s\""));
    assert_eq!(stage.failure(&stage.task()).await.0, "SparkJob.Lost");
    assert_eq!(stage.livy.posts().len(), 1);
}

#[tokio::test]
async fn an_application_that_turns_up_after_a_job_was_given_up_is_killed() {
    let stage = Stage::with_yarn().await;
    stage.livy.plan(Plan::running());
    stage.livy.fault("POST /batches", Fault::Late);
    let worker = stage.worker_with(
        &stage
            .config()
            .table("livy", "request_timeout = \"1s\"")
            .table("watch", "doubt_limit = \"1s\"\nkill_settle = \"30s\""),
    );
    let task = stage.task();
    assert_eq!(stage.failure(&task).await.0, "SparkJob.Lost");
    stage.livy.release();
    stage.livy.wait_for(|livy| livy.applications().len() == 1, None).await;
    worker.logged("is dead by YARN's word");
    assert_eq!(stage.livy.applications()[0].state, AppState::Killed);
}
