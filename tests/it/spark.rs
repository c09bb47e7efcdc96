//! What Spark itself says of an end: which stage, which task and why in a cause, and failed jobs in a success. It changes
//! no verdict, and where it says nothing nothing is said.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use spark_job_worker::log::message_id;
use stand_ins::http::{Fault, On};
use stand_ins::livy::Plan;
use stand_ins::spark::{Application, FailedTask, Spark};
use stand_ins::worker::{Config, Worker, message};

use crate::harness::{Stage, text};

/// What Python says in a task.
const WORDS: &str = "org.apache.spark.api.python.PythonException: Traceback (most recent call last):\n  File \"worker.py\", \
                     line 1247, in main\n    process()\nValueError: no such rate code: 99\n\n\tat \
                     org.apache.spark.api.python.BasePythonRunner$ReaderIterator.handlePythonException(PythonRunner.scala:572)";
/// What spark-submit says of a driver that exited.
const EXITED: &str = "User application exited with status 1";
/// The longest that an end waits for anything, and what a loaded machine adds.
const AT_MOST: Duration = Duration::from_secs(25);

/// A stage with a history server.
struct Place {
    stage: Stage,
    spark: Spark,
}

impl Place {
    async fn new() -> Place {
        let (stage, spark) = (Stage::with_yarn().await, Spark::start().await);
        stage.yarn().show(&spark);
        Place { stage, spark }
    }

    fn config(&self) -> Config {
        let lines = format!("spark = true\nhistory_url = \"{}\"", self.spark.url());
        self.stage.config().table("verify", &lines)
    }

    fn worker(&self) -> Worker {
        self.stage.worker_with(&self.config())
    }

    /// Runs a job that fails, and returns its cause.
    async fn fails(&self) -> Value {
        let ends = Plan::ends("dead").running_for(Duration::from_millis(200)).diagnostics([EXITED]);
        self.stage.livy.plan(ends);
        let (error, cause) = self.stage.failure(&self.stage.task()).await;
        assert_eq!((error.as_str(), &cause["verdictSource"]), ("SparkJob.Failed", &json!("yarn")), "{cause}");
        cause
    }

    /// Runs a job that succeeds, and returns its output.
    async fn succeeds(&self) -> Value {
        self.stage.livy.plan(Plan::success().running_for(Duration::from_millis(200)));
        let output = self.stage.output(&self.stage.task()).await;
        assert_eq!(
            (&output["state"], &output["verdictSource"]),
            (&json!("SUCCEEDED"), &json!("yarn")),
            "{output}"
        );
        output
    }

    /// Neither a failure nor a success says anything of Spark's.
    async fn says_nothing(&self) {
        let begun = Instant::now();
        let cause = self.fails().await;
        assert!(cause.get("failedStages").is_none() && cause["rootCause"] == EXITED, "{cause}");
        assert!(begun.elapsed() < AT_MOST, "{:?}", begun.elapsed());
        let begun = Instant::now();
        let output = self.succeeds().await;
        assert!(output.get("failedJobs").is_none(), "{output}");
        assert!(begun.elapsed() < AT_MOST, "{:?}", begun.elapsed());
    }
}

fn failed() -> Application {
    Application::default().succeeding(0).failing(&FailedTask::saying(WORDS))
}

#[tokio::test]
async fn a_cause_names_the_stage_the_task_the_executor_and_the_reason() {
    let place = Place::new().await;
    place.spark.knows_all(failed());
    let _worker = place.worker();
    let cause = place.fails().await;
    let stage = json!({ "stage": 4, "attempt": 0, "name": "collect at etl.py:12", "job": 1, "task": 3, "executor": "2",
                        "host": "ip-10-0-0-7.ec2.internal", "reason": "ValueError: no such rate code: 99" });
    assert_eq!(cause["failedStages"], json!([stage]), "{cause}");
    assert_eq!(cause["rootCause"], "ValueError: no such rate code: 99", "the driver's log tells nothing");
    assert_eq!(place.spark.count("GET /applications/*/taskList"), 0, "the stage's reason names the task");
    for asked in place.spark.calls() {
        let path = &asked.request.path;
        let lawful = path.starts_with("/api/v1/applications/application_");
        assert!(lawful && asked.request.header("authorization").is_none(), "{path}");
    }
}

#[tokio::test]
async fn the_drivers_own_words_are_the_root_cause_before_sparks() {
    let place = Place::new().await;
    place.spark.knows_all(failed());
    let worker = place.worker();
    place.stage.livy.plan(Plan::running());
    let task = place.stage.task();
    let name = place.stage.submitted("etl-").await;
    worker.logged("runs as application_");
    let id = place.stage.livy.applications()[0].id.clone().expect("an id");
    let said = "Traceback (most recent call last):\n  File \"etl.py\", line 3, in <module>\n    f()\nKeyError: 'x'\n";
    place.stage.yarn().wrote(&id, "stdout", said);
    place.stage.livy.set_state(&name, "dead");
    let (_, cause) = place.stage.failure(&task).await;
    assert_eq!(
        (&cause["rootCause"], &cause["failedStages"][0]["stage"]),
        (&json!("KeyError: 'x'"), &json!(4))
    );
}

#[tokio::test]
async fn a_stage_that_names_no_task_is_told_by_its_list_of_tasks_in_each_version_of_spark() {
    let task = FailedTask::saying("java.io.IOException: disk full\n\tat a.B.c(B.java:1)");
    let reason = "ShuffleMapStage 4 has failed the maximum allowable number of times: 4.";
    for spark_2 in [false, true] {
        let place = Place::new().await;
        if spark_2 {
            place.spark.is_spark_2();
        }
        place.spark.knows_all(Application::default().failing_because(&task, Some(reason)));
        let _worker = place.worker();
        let cause = place.fails().await;
        let stage = &cause["failedStages"][0];
        assert_eq!((&stage["task"], &stage["executor"]), (&json!(3), &json!("2")), "{cause}");
        assert_eq!(stage["reason"], reason, "{cause}");
        let asked = place.spark.calls_of("GET /applications/*/taskList");
        let query = asked.first().and_then(|call| call.request.query.clone()).unwrap_or_default();
        assert!(asked.len() == 1 && query.contains("length=20"), "a bounded list: {query}");
    }
}

#[tokio::test]
async fn a_success_that_swallowed_failed_jobs_stays_one_and_says_so() {
    let place = Place::new().await;
    place.spark.knows_all(failed());
    let worker = place.worker();
    let output = place.succeeds().await;
    assert_eq!(output["failedJobs"], 1, "{output}");
    let line =
        worker.logged_where("the warning", |line| line["fields"]["message_id"] == message_id::FAILED_WITHIN);
    assert_eq!(
        (&line["level"], &line["fields"]["sfn_execution"]),
        (&json!("WARN"), &json!("exec-1")),
        "{line}"
    );
    let said = message(&line);
    assert!(said.contains("task 3 of stage 4.0 (collect at etl.py:12) on executor 2"), "{said}");
    assert!(said.contains("ValueError: no such rate code: 99"), "{said}");
}

#[tokio::test]
async fn an_empty_list_proves_nothing_and_changes_nothing() {
    let place = Place::new().await;
    place.spark.knows_all(Application::default().succeeding(0));
    let worker = place.worker();
    place.says_nothing().await;
    assert_eq!(place.spark.count("GET /applications/*/jobs"), 2, "each end asked");
    assert!(!worker.lines().iter().any(|line| line["fields"]["message_id"] == message_id::FAILED_WITHIN));
}

#[tokio::test]
async fn a_history_server_that_is_not_there_or_speaks_of_something_else_changes_nothing() {
    let odd = [
        Fault::html(200, "<script>alert(1)</script>"),
        Fault::html(500, "java.lang.OutOfMemoryError"),
        Fault::json(200, &json!({ "attempts": [{ "attemptId": "../../x", "completed": true }] })),
        Fault::json(200, &json!([1, 2])),
        Fault::json(401, &json!("")),
        Fault::Redirect("http://127.0.0.1:1/api/v1/applications".to_owned()),
        Fault::Truncated,
    ];
    for fault in odd {
        let place = Place::new().await;
        place.spark.knows_all(failed());
        place.spark.fault_times("*", usize::MAX, fault.clone());
        let _worker = place.worker();
        let cause = place.fails().await;
        assert!(cause.get("failedStages").is_none() && cause["rootCause"] == EXITED, "{fault:?}: {cause}");
    }
    let place = Place::new().await;
    place.spark.down().await;
    let _worker = place.worker();
    place.says_nothing().await;
}

#[tokio::test]
async fn a_history_server_that_hangs_delays_an_end_by_seconds_only() {
    let place = Place::new().await;
    place.spark.hang_all(true);
    let _worker = place.worker();
    place.says_nothing().await;
}

#[tokio::test]
async fn an_answer_without_end_is_given_up_and_what_else_is_known_is_told() {
    let place = Place::new().await;
    place.spark.knows_all(failed());
    let long: Vec<Value> =
        (0..8_000).map(|at| json!({ "stageId": at, "details": "x".repeat(1_000) })).collect();
    let huge = Fault::json(200, &Value::Array(long));
    place.spark.fault_times("GET /applications/*/stages", usize::MAX, huge);
    let _worker = place.worker();
    let cause = place.fails().await;
    assert!(cause.get("failedStages").is_none(), "{cause}");
    assert_eq!(place.succeeds().await["failedJobs"], 1, "how many failed is known");
}

#[tokio::test]
async fn an_application_that_is_not_loaded_yet_is_waited_for() {
    let place = Place::new().await;
    place.spark.knows_all(failed());
    place.spark.looks_later(2);
    let worker = place.worker();
    assert_eq!(place.fails().await["failedStages"][0]["stage"], 4);
    assert!(place.spark.count("GET /applications/*") >= 3, "it was asked again");
    worker.logged("Spark's history server are waited for, 15 s at most");
}

#[tokio::test]
async fn a_log_without_an_end_is_taken_as_it_is_once_the_patience_is_over() {
    let place = Place::new().await;
    place.spark.knows_all(failed().incomplete());
    let _worker = place.worker();
    let begun = Instant::now();
    assert_eq!(place.fails().await["failedStages"][0]["stage"], 4);
    assert!(begun.elapsed() >= Duration::from_secs(10) && begun.elapsed() < AT_MOST, "{:?}", begun.elapsed());
}

#[tokio::test]
async fn an_application_without_tries_is_asked_about_without_one() {
    let place = Place::new().await;
    place.spark.knows_all(failed().without_tries());
    let _worker = place.worker();
    assert_eq!(place.fails().await["failedStages"][0]["stage"], 4);
}

#[tokio::test]
async fn secrets_in_sparks_words_reach_neither_the_cause_nor_the_log() {
    let place = Place::new().await;
    let words = "java.sql.SQLException: no such user, password=hunter2\n\tat a.B.c(B.java:1)";
    place.spark.knows_all(Application::default().failing(&FailedTask::saying(words)));
    let worker = place.worker();
    let cause = place.fails().await;
    assert_eq!(cause["failedStages"][0]["reason"], "java.sql.SQLException: no such user, password=***");
    assert!(!cause.to_string().contains("hunter2"), "{cause}");
    place.succeeds().await;
    worker.logged_where("the warning", |line| line["fields"]["message_id"] == message_id::FAILED_WITHIN);
    assert!(!worker.lines().iter().any(|line| line.to_string().contains("hunter2")));
}

#[tokio::test]
async fn switched_off_it_asks_nobody() {
    let place = Place::new().await;
    place.spark.knows_all(failed());
    let lines = format!("spark = false\nhistory_url = \"{}\"", place.spark.url());
    let _worker = place.stage.worker_with(&place.stage.config().table("verify", &lines));
    place.says_nothing().await;
    assert_eq!(place.spark.calls().len(), 0);
}

#[tokio::test]
async fn an_end_that_had_no_container_asks_nobody() {
    let place = Place::new().await;
    place.spark.knows_all(failed());
    let _worker = place.worker();
    let refused = "Application application_1_0001 submitted by user hadoop to unknown queue: nosuch";
    place.stage.livy.plan(Plan::ends("dead").diagnostics([refused]));
    let (_, cause) = place.stage.failure(&place.stage.task()).await;
    assert!(text(&cause["rootCause"]).contains("unknown queue: nosuch"), "{cause}");
    assert_eq!(place.spark.calls().len(), 0);
}

#[tokio::test]
async fn the_history_server_is_where_sparks_defaults_say() {
    let place = Place::new().await;
    place.spark.knows_all(failed());
    let conf = place.stage.directory.path().join("spark");
    std::fs::create_dir(&conf).expect("a directory");
    let address = place.spark.address();
    let text = format!("spark.master yarn\nspark.yarn.historyServer.address {address}\n");
    std::fs::write(conf.join("spark-defaults.conf"), text).expect("written");
    let path = place.stage.directory.path().join("config.toml");
    let config = place.stage.config().table("verify", "spark = true");
    std::fs::write(&path, config.text()).expect("written");
    let variables = [("SPARK_CONF_DIR", &*conf.display().to_string())];
    let worker = Worker::start_with(std::path::Path::new(crate::harness::PROGRAM), &path, &variables);
    worker.logged("spark.yarn.historyServer.address in ");
    assert_eq!(place.fails().await["failedStages"][0]["stage"], 4);
}

#[tokio::test]
async fn an_address_that_is_unknown_stops_no_poll() {
    let place = Place::new().await;
    let conf = place.stage.directory.path().join("spark");
    std::fs::create_dir(&conf).expect("a directory");
    std::fs::write(conf.join("spark-defaults.conf"), "spark.yarn.historyServer.address ${x}:1\n")
        .expect("written");
    let path = place.stage.directory.path().join("config.toml");
    let config = place.stage.config().table("verify", "spark = true");
    std::fs::write(&path, config.text()).expect("written");
    let variables = [("SPARK_CONF_DIR", &*conf.display().to_string())];
    let worker = Worker::start_with(std::path::Path::new(crate::harness::PROGRAM), &path, &variables);
    worker.logged("the address of Spark's history server is unknown");
    place.says_nothing().await;
}

fn statements(code: &str) -> String {
    json!({ "Name": "taxi", "Statements": ["x = 1", code], "Result": "x", "Execution": "exec-1" }).to_string()
}

#[tokio::test]
async fn a_statement_that_failed_asks_the_sessions_own_driver_through_yarns_page() {
    let place = Place::new().await;
    place.spark.knows_all(failed());
    let _worker = place.worker();
    let (error, cause) = place.stage.failure(&place.stage.schedule(&statements("1 / 0"))).await;
    assert_eq!((error.as_str(), &cause["ename"]), ("SparkJob.StatementFailed", &json!("ZeroDivisionError")));
    assert_eq!(cause["failedStages"][0]["reason"], "ValueError: no such rate code: 99", "{cause}");
    assert_eq!(cause["rootCause"], "ZeroDivisionError: division by zero");
    assert_eq!(place.spark.calls().len(), 0, "the history server does not have it yet");
    assert_eq!(place.stage.yarn().count("GET /proxy/*/jobs"), 1);
}

#[tokio::test]
async fn statements_that_swallowed_failed_jobs_succeed_and_say_so() {
    let place = Place::new().await;
    place.spark.knows_all(failed());
    let worker = place.worker();
    let output = place.stage.output(&place.stage.schedule(&statements("x = 2"))).await;
    assert_eq!((&output["result"], &output["failedJobs"]), (&json!(2), &json!(1)), "{output}");
    worker.logged_where("the warning", |line| line["fields"]["message_id"] == message_id::FAILED_WITHIN);
}

#[tokio::test]
async fn a_driver_that_shows_nothing_or_sends_elsewhere_changes_nothing() {
    let place = Place::new().await;
    place.spark.knows_all(failed());
    let other = Spark::start().await;
    other.knows_all(failed());
    place.stage.yarn().demand("worker", "hunter2");
    let file = place.stage.directory.path().join("yarn.password");
    std::fs::write(&file, "hunter2\n").expect("written");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    std::fs::set_permissions(&file, mode).expect("it is ours");
    let login = format!("username = \"worker\"\npassword_file = \"{}\"", file.display());
    let _worker = place.stage.worker_with(&place.config().table("yarn", &login));
    let faults = [
        Fault::Redirect(format!("{}/api/v1/applications/x", other.url())),
        Fault::Hang,
        Fault::html(200, "x"),
    ];
    for fault in faults {
        let name = format!("{fault:?}");
        for part in ["jobs", "stages"] {
            let on = On::operation(&format!("GET /proxy/*/{part}"));
            place.stage.yarn().fault(on, fault.clone());
        }
        let begun = Instant::now();
        let (error, cause) = place.stage.failure(&place.stage.schedule(&statements("1 / 0"))).await;
        assert_eq!(error, "SparkJob.StatementFailed", "{name}");
        assert!(cause.get("failedStages").is_none(), "{name}: {cause}");
        assert!(begun.elapsed() < AT_MOST, "{name}: {:?}", begun.elapsed());
    }
    assert_eq!(other.calls().len(), 0, "nobody whom YARN did not name is asked");
}

#[tokio::test]
async fn what_spark_said_outlives_a_crash_before_the_report() {
    let place = Place::new().await;
    place.spark.knows_all(failed());
    let worker = place.worker();
    place.stage.sfn.fault_times("SendTaskFailure", 1, Fault::Hang);
    place.stage.livy.plan(Plan::ends("dead").running_for(Duration::from_millis(200)).diagnostics([EXITED]));
    let task = place.stage.task();
    place.stage.sfn.wait_to_see(|| (place.stage.sfn.count("SendTaskFailure") > 0).then_some(()), None).await;
    drop(worker);
    let asked = place.spark.calls().len();
    let _worker = place.worker();
    let (_, cause) = place.stage.failure(&task).await;
    assert_eq!(cause["failedStages"][0]["stage"], 4, "{cause}");
    assert_eq!(place.spark.calls().len(), asked, "an outcome is settled once");
}
