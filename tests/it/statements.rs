//! Statements in a session: each at most once, a result that is the last one's own, and a session that is always closed.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use stand_ins::WaitFor;
use stand_ins::http::{Fault, On};
use stand_ins::livy::{Livy, Master, Settings, Version};
use stand_ins::sfn::TaskId;
use stand_ins::worker::Config;

use crate::crash::forgotten;
use crate::harness::Stage;

/// What each statement of a test can write to: the file says how often it ran.
fn counting(stage: &Stage, name: &str) -> (String, std::path::PathBuf) {
    let path = stage.directory.path().join(name);
    (format!("open({:?}, 'a').write('x')", path.display().to_string()), path)
}

/// How often it ran.
fn ran(path: &Path) -> usize {
    std::fs::read_to_string(path).map_or(0, |text| text.len())
}

fn input(statements: &Value, result: Option<&str>) -> String {
    json!({ "Name": "taxi", "Statements": statements, "Result": result, "Execution": "exec-1" }).to_string()
}

/// Waits until the statement that writes there has begun.
async fn begun(stage: &Stage, path: &Path) {
    stage.livy.wait_for(|_| ran(path) == 1, Duration::from_secs(60)).await;
}

/// Times in which a test can wait for a verdict.
fn config(stage: &Stage) -> Config {
    stage
        .config()
        .table("watch", "verdict_patience = \"2s\"\nsession_keep = \"300ms\"\nstart_timeout = \"20s\"")
}

/// The session of a task is closed, and the task is forgotten.
async fn closed(stage: &Stage) {
    forgotten(stage).await;
    assert_eq!(stage.livy.session_state("taxi-"), None, "its record is gone");
    assert!(stage.livy.live_applications().is_empty(), "nothing lives");
    assert_eq!(
        stage.livy.count("GET /sessions/*/statements"),
        0,
        "the list of statements is never asked for"
    );
}

fn schedule(stage: &Stage, statements: Value, result: Option<&str>) -> TaskId {
    stage.sfn.schedule_with(&stage.arn, &input(&statements, result), Some(Duration::from_secs(20)), None)
}

/// Runs statements that fail, and returns error and cause.
async fn fails(stage: &Stage, statements: Value, result: Option<&str>) -> (String, Value) {
    let _worker = stage.worker_with(&config(stage));
    let task = schedule(stage, statements, result);
    let failure = stage.failure(&task).await;
    closed(stage).await;
    failure
}

#[tokio::test]
async fn statements_run_one_after_the_other_and_their_result_is_the_tasks_output() {
    let stage = Stage::with_yarn().await;
    let worker = stage.worker_with(&config(&stage));
    let input = json!({
        "Name": "taxi", "Variables": { "day": "größe", "n": 7 }, "Result": "rows", "Execution": "exec-1",
        "Statements": ["rows = [variables['day'], variables['n']]", { "Code": "select 1 as id", "Kind": "sql" },
                       "print('two'); rows.append(2 ** 70)"],
    });
    let task = stage.schedule(&input.to_string());
    let output = stage.output(&task).await;
    assert_eq!(output["result"].to_string(), "[\"größe\",7,1180591620717411303424]");
    assert_eq!((&output["state"], &output["verdictSource"]), (&json!("SUCCEEDED"), &json!("session")));
    assert_eq!((&output["sessionId"], &output["execution"]), (&json!(0), &json!("exec-1")));
    assert!(output["applicationId"].as_str().is_some_and(|id| id.starts_with("application_")), "{output}");
    assert!(output["runSeconds"].is_number() && output.get("batchId").is_none(), "{output}");
    let kinds: Vec<&Value> = (0..3).map(|at| &output["statements"][at]["kind"]).collect();
    assert_eq!(kinds, ["pyspark", "sql", "pyspark"]);
    assert_eq!(output["statements"][2]["text"], "two\n");
    closed(&stage).await;
    let said = stage.livy.statements("taxi-");
    assert_eq!(
        said.len(),
        10,
        "what opens it, three statements and the result, each with its check: {said:?}"
    );
    assert!(stage.livy.posts().is_empty() && stage.livy.count("POST /sessions") == 1);
    assert_eq!(stage.yarn().kills().len(), 0, "a session that has done its work ends by itself");
    worker.logged("takes statements");
    worker.logged("statement 3 of taxi-");
}

#[tokio::test]
async fn a_statement_that_raises_fails_the_task_with_its_exception_and_nothing_runs_after_it() {
    let stage = Stage::with_yarn().await;
    let (count, path) = counting(&stage, "after");
    let statements = json!(["x = 1", "def f():\n    return x / 0\nf()", count]);
    let (error, cause) = fails(&stage, statements, Some("x")).await;
    assert_eq!(error, "SparkJob.StatementFailed");
    assert_eq!((&cause["statement"], &cause["sessionId"]), (&json!(2), &json!(0)));
    assert_eq!(
        (&cause["ename"], &cause["evalue"]),
        (&json!("ZeroDivisionError"), &json!("division by zero"))
    );
    assert_eq!(cause["rootCause"], "ZeroDivisionError: division by zero");
    let traceback = cause["traceback"].as_str().expect("a traceback");
    assert!(traceback.contains("return x / 0") && traceback.contains("line 2, in f"), "{traceback}");
    assert_eq!((ran(&path), cause["verdictSource"].as_str()), (0, Some("session")));
}

#[tokio::test]
async fn a_syntax_error_runs_nothing_of_its_statement() {
    let stage = Stage::with_yarn().await;
    let (count, path) = counting(&stage, "before");
    let (error, cause) = fails(&stage, json!([format!("{count}\n%json x")]), None).await;
    assert_eq!((error.as_str(), &cause["ename"]), ("SparkJob.StatementFailed", &json!("SyntaxError")));
    assert_eq!((ran(&path), &cause["statement"]), (0, &json!(1)));
}

#[tokio::test]
async fn what_is_printed_past_python_shifts_no_answer_or_breaks_the_session() {
    let stage = Stage::with_yarn().await;
    let _worker = stage.worker_with(&config(&stage));
    let task = schedule(&stage, json!(["import os; os.system('echo hi')", "x = 1"]), Some("x"));
    let output = stage.output(&task).await;
    let text = output["statements"][0]["text"].as_str().expect("a text");
    assert!(output["result"] == 1 && ["hi\n0\n", "0\nhi\n"].contains(&text), "{output}");
    closed(&stage).await;
    // What reaches Livy's own channel all the same shifts every later answer: no failure reads as a success.
    let shifting = "import os
def link(fd):
    try:
        return os.readlink('/proc/self/fd/%d' % fd)
    except OSError:
        return ''
livys = [fd for fd in range(3, 64) if link(fd).startswith('pipe') and link(fd) != link(1)]
os.write(livys[-1], b'shifted\\n')";
    let statements = json!([shifting, "raise ValueError('real failure')"]);
    let task = schedule(&stage, statements, None);
    let (error, cause) = stage.failure(&task).await;
    assert_eq!((error.as_str(), &cause["statement"]), ("SparkJob.SessionBroken", &json!(1)), "{cause}");
    closed(&stage).await;
}

#[tokio::test]
async fn a_result_that_cannot_be_json_is_no_false_success() {
    for (result, ename) in [("nosuch", "NameError"), ("frame", "TypeError"), ("nan", "ValueError")] {
        let stage = Stage::with_yarn().await;
        let statements = json!(["frame = object(); nan = float('nan')"]);
        let (error, cause) = fails(&stage, statements, Some(result)).await;
        assert_eq!((error.as_str(), &cause["ename"]), ("SparkJob.StatementFailed", &json!(ename)), "{cause}");
        assert_eq!(cause["statement"], Value::Null, "it is none of the statements");
    }
}

#[tokio::test]
async fn a_result_that_is_too_large_is_refused_before_livy_has_to_carry_it() {
    let stage = Stage::with_yarn().await;
    let (error, cause) = fails(&stage, json!(["x = 'a' * 60000000"]), Some("x")).await;
    assert_eq!(error, "SparkJob.ResultTooLarge");
    let message = cause["message"].as_str().expect("a message");
    assert!(
        message.contains("60000002 bytes") && message.contains("200000") && message.contains("S3"),
        "{message}"
    );
}

#[tokio::test]
async fn an_answer_over_the_limit_of_livys_channel_breaks_the_session_and_nothing_waits_for_it() {
    let stage = Stage::with_yarn().await;
    // What one statement shows is bounded; the last check, with what all of them printed, is too long here.
    stage.livy.configure(|settings| settings.rpc_max_size = 30_000);
    let _worker = stage.worker_with(&config(&stage).table("livy", "request_timeout = \"1s\""));
    let task = schedule(&stage, json!(["print('a' * 16000)", "print('b' * 16000)"]), None);
    let (error, cause) = stage.failure(&task).await;
    closed(&stage).await;
    assert_eq!(error, "SparkJob.SessionBroken");
    assert!(
        cause["message"].as_str().is_some_and(|text| text.contains("no answer about its statements")),
        "{cause}"
    );
}

#[tokio::test]
async fn an_end_that_livy_shows_before_its_output_is_looked_at_again() {
    let stage = Stage::with_yarn().await;
    let _worker = stage.worker_with(&config(&stage));
    stage.livy.configure(|settings| settings.outputs_lag = true);
    let (count, path) = counting(&stage, "count");
    let task = schedule(&stage, json!([count, "x = 1"]), Some("x"));
    assert_eq!(stage.output(&task).await["result"], json!(1));
    closed(&stage).await;
    assert_eq!(ran(&path), 1);
}

#[tokio::test]
async fn a_call_that_hangs_is_given_up_and_the_statement_runs_once() {
    for operation in ["POST /sessions/*/statements", "GET /sessions/*/statements/*"] {
        for fault in [Fault::Hang, Fault::HangAfter, Fault::Late, Fault::AnswerLost] {
            let stage = Stage::with_yarn().await;
            let (count, path) = counting(&stage, "count");
            let watch = "verdict_patience = \"20s\"\nsession_keep = \"300ms\"";
            let config = stage.config().table("watch", watch).table("livy", "request_timeout = \"1s\"");
            let worker = stage.worker_with(&config);
            let task = schedule(&stage, json!(["x = 1", count]), Some("x"));
            worker.logged("the interpreter of taxi-");
            stage.livy.fault_times(On::operation(operation), 2, fault.clone());
            worker.logged("statement 1 of taxi-");
            stage.livy.release();
            assert_eq!(stage.output(&task).await["result"], 1, "{operation} {fault:?}");
            assert_eq!(ran(&path), 1, "{operation} {fault:?}");
            closed(&stage).await;
        }
    }
}

#[tokio::test]
async fn livys_500_after_a_statement_was_taken_repeats_nothing() {
    let stage = Stage::with_yarn().await;
    let (count, path) = counting(&stage, "count");
    let worker = stage.worker_with(&config(&stage));
    let task = schedule(&stage, json!([count, "x = 2"]), Some("x"));
    worker.logged("takes statements");
    stage.livy.fault_times("POST /sessions/*/statements", 3, Fault::AnswerLost);
    assert_eq!(stage.output(&task).await["result"], 2);
    assert_eq!(ran(&path), 1);
    closed(&stage).await;
}

#[tokio::test]
async fn a_statement_that_runs_for_long_keeps_its_session_from_livys_idle_timeout() {
    let mut settings = Settings::new(Version::V0_8, Master::Yarn);
    settings.session_timeout = Duration::from_secs(2);
    let stage = Stage::of(settings).await.and_yarn().await;
    let _worker = stage.worker_with(&config(&stage));
    let task = schedule(&stage, json!(["import time; time.sleep(5)", "x = 3"]), Some("x"));
    assert_eq!(stage.output(&task).await["result"], 3);
    assert!(stage.livy.count("POST /sessions/*/connect") >= 5);
    closed(&stage).await;
}

#[tokio::test]
async fn a_session_that_livy_ends_for_idleness_in_a_statement_is_not_run_again() {
    let mut settings = Settings::new(Version::V0_8, Master::Yarn);
    settings.session_timeout = Duration::from_secs(2);
    let stage = Stage::of(settings).await.and_yarn().await;
    let (count, path) = counting(&stage, "count");
    let watch = "verdict_patience = \"2s\"\nsession_keep = \"10m\"";
    let _worker = stage.worker_with(&stage.config().table("watch", watch));
    let task = schedule(&stage, json!([format!("{count}\nimport time; time.sleep(30)")]), None);
    let (error, cause) = stage.failure(&task).await;
    assert_eq!((error.as_str(), &cause["statement"]), ("SparkJob.Killed", &json!(1)), "{cause}");
    assert_eq!((ran(&path), stage.livy.count("POST /sessions")), (1, 1));
    closed(&stage).await;
}

#[tokio::test]
async fn a_stopped_execution_ends_its_session_in_the_middle_of_a_statement() {
    let stage = Stage::with_yarn().await;
    let (count, path) = counting(&stage, "count");
    let config = config(&stage).activity("on_abort = \"leave\"");
    let _worker = stage.worker_with(&config);
    let task = schedule(&stage, json!([format!("{count}\nimport time; time.sleep(60)"), count]), None);
    begun(&stage, &path).await;
    stage.sfn.stop(&task);
    closed(&stage).await;
    assert_eq!(
        (ran(&path), stage.yarn().kills().len()),
        (1, 1),
        "it is killed at once, whatever on_abort says"
    );
    assert!(stage.sfn.reports(&task).is_empty());
}

#[tokio::test]
async fn a_success_that_is_confirmed_stays_one_whatever_becomes_of_the_session_then() {
    let stage = Stage::with_yarn().await;
    let _worker = stage.worker_with(&config(&stage));
    let (count, path) = counting(&stage, "count");
    let task = schedule(&stage, json!([format!("{count}\nimport time; time.sleep(2)")]), None);
    begun(&stage, &path).await;
    // What it cost is asked for once all is confirmed.
    stage.yarn().fault("GET /apps/*", Fault::Hang);
    stage.yarn().wait_for(|yarn| yarn.faults_left() == 0, None).await;
    let id = stage.livy.applications()[0].id.clone().expect("an id");
    assert!(stage.livy.kill_application(&id));
    let output = stage.output(&task).await;
    assert_eq!((&output["state"], &output["applicationId"]), (&json!("SUCCEEDED"), &json!(id)));
    closed(&stage).await;
}

#[tokio::test]
async fn one_slow_answer_breaks_no_session_whatever_patience_is_configured() {
    let stage = Stage::with_yarn().await;
    let watch = "verdict_patience = \"0s\"";
    let config = stage.config().table("watch", watch).table("livy", "request_timeout = \"1s\"");
    let worker = stage.worker_with(&config);
    let (count, path) = counting(&stage, "count");
    let task = schedule(&stage, json!([count]), None);
    worker.logged("the interpreter of taxi-");
    stage.livy.fault_times("GET /sessions/*/statements/*", 2, Fault::Hang);
    stage.output(&task).await;
    closed(&stage).await;
    assert_eq!((ran(&path), stage.livy.faults_left()), (1, 0));
}

#[tokio::test]
async fn a_session_whose_entry_cannot_be_read_is_ended_also_by_livys_word_alone() {
    let stage = Stage::new().await;
    stage.sfn.hold_polls(Duration::from_millis(100));
    let (count, path) = counting(&stage, "count");
    let mut worker = stage.worker_with(&config(&stage));
    schedule(&stage, json!([format!("{count}\nimport time; time.sleep(60)")]), None);
    begun(&stage, &path).await;
    worker.kill();
    let entries = std::fs::read_dir(stage.config().state).expect("a state directory");
    let mut paths = entries.map(|entry| entry.expect("an entry").path());
    let entry = paths.find(|path| path.extension().is_some_and(|end| end == "task")).expect("the task's");
    std::fs::write(entry, "garbage").expect("written");
    let _worker = stage.worker_with(&config(&stage));
    stage.livy.wait_for(|livy| livy.session_state("taxi-").is_none(), None).await;
    closed(&stage).await;
}

#[tokio::test]
async fn a_worker_killed_after_any_of_its_writes_goes_on_and_no_statement_runs_twice() {
    let writes = [
        ("is kept as Received", 1),
        ("is kept as Running", 1),
        ("is kept as Speaking", 1),
        ("is kept as Listening", 1),
        ("is kept as Speaking", 2),
        ("is kept as Listening", 2),
        ("is kept as Speaking", 3),
        ("is kept as Listening", 4),
        ("is kept as Ended", 1),
        ("is kept as Orphaned", 1),
    ];
    for (write, times) in writes {
        let stage = Stage::with_yarn().await;
        let (first, one) = counting(&stage, "one");
        let (second, two) = counting(&stage, "two");
        let config = config(&stage);
        let mut worker = stage.worker_with(&config);
        let task = schedule(&stage, json!([first, second]), Some("variables"));
        let until = Instant::now() + Duration::from_secs(30);
        while worker.count(write) < times {
            assert!(Instant::now() < until, "{write} {times}");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        worker.kill();
        let _next = stage.worker_with(&config);
        assert_eq!(stage.output(&task).await["result"], json!({}), "{write} {times}");
        assert_eq!((ran(&one), ran(&two)), (1, 1), "{write} {times}");
        closed(&stage).await;
        assert_eq!(stage.livy.count("POST /sessions"), 1, "{write} {times}");
    }
}

#[tokio::test]
async fn a_livy_that_is_killed_in_mid_statement_and_comes_back_changes_nothing() {
    for version in [Version::V0_7, Version::V0_8, Version::V0_9] {
        let stage = Stage::with(version, Master::Yarn).await.and_yarn().await;
        let (count, path) = counting(&stage, "count");
        let _worker = stage.worker_with(&config(&stage));
        let long = format!("{count}\nimport time; time.sleep(2)");
        let task = schedule(&stage, json!([long, "x = 4"]), Some("x"));
        begun(&stage, &path).await;
        stage.livy.restart(true).await;
        assert_eq!(stage.output(&task).await["result"], 4, "{version:?}");
        assert_eq!(ran(&path), 1);
        closed(&stage).await;
    }
}

#[tokio::test]
async fn a_livy_that_forgot_its_sessions_makes_the_task_lost_and_the_driver_is_killed() {
    let stage = Stage::with_yarn().await;
    let (count, path) = counting(&stage, "count");
    let _worker = stage.worker_with(&config(&stage));
    let task = schedule(&stage, json!([format!("{count}\nimport time; time.sleep(60)")]), None);
    begun(&stage, &path).await;
    stage.livy.restart(false).await;
    let (error, cause) = stage.failure(&task).await;
    assert_eq!((error.as_str(), &cause["statement"]), ("SparkJob.Lost", &json!(1)), "{cause}");
    closed(&stage).await;
    assert_eq!((ran(&path), stage.livy.count("POST /sessions")), (1, 1));
}

#[tokio::test]
async fn a_driver_that_ends_itself_while_livy_is_away_takes_its_results_along() {
    let stage = Stage::with_yarn().await;
    let _worker = stage.worker_with(&config(&stage));
    let (count, path) = counting(&stage, "count");
    let task = schedule(&stage, json!([format!("{count}\nimport time; time.sleep(60)")]), None);
    begun(&stage, &path).await;
    stage.livy.down().await;
    // `livy.rsc.server.idle-timeout` is over: YARN calls that a success.
    let id = stage.livy.applications()[0].id.clone().expect("an id");
    stage.yarn().set(&id, "FINISHED", "SUCCEEDED");
    let (error, cause) = stage.failure(&task).await;
    assert_eq!((error.as_str(), cause["verdictSource"].as_str()), ("SparkJob.Lost", Some("yarn")), "{cause}");
    stage.livy.up().await;
    forgotten(&stage).await;
}

#[tokio::test]
async fn an_application_that_somebody_kills_is_a_killed_task_although_livy_calls_it_idle() {
    for version in [Version::V0_7, Version::V0_8] {
        let stage = Stage::with(version, Master::Yarn).await.and_yarn().await;
        let _worker = stage.worker_with(&config(&stage));
        let (count, path) = counting(&stage, "count");
        let task = schedule(&stage, json!([format!("{count}\nimport time; time.sleep(60)")]), None);
        begun(&stage, &path).await;
        // On a recovered session of 0.7 Livy never notices it.
        stage.livy.restart(true).await;
        let id = stage.livy.applications()[0].id.clone().expect("an id");
        assert!(stage.livy.kill_application(&id));
        let (error, cause) = stage.failure(&task).await;
        assert_eq!((error.as_str(), &cause["applicationId"]), ("SparkJob.Killed", &json!(id)), "{version:?}");
        closed(&stage).await;
    }
}

#[tokio::test]
async fn an_interpreter_that_dies_breaks_the_session_while_its_application_lives_on() {
    let stage = Stage::with_yarn().await;
    let (error, cause) = fails(&stage, json!(["x = 1", "import os; os._exit(1)"]), Some("x")).await;
    assert_eq!((error.as_str(), &cause["statement"]), ("SparkJob.SessionBroken", &json!(2)));
    let message = cause["message"].as_str().expect("a message");
    assert!(message.contains("its interpreter died") && message.contains("confirmed up to 1"), "{message}");
}

#[tokio::test]
async fn a_session_whose_driver_never_calls_back_fails_before_any_statement() {
    let mut settings = Settings::new(Version::V0_8, Master::Yarn);
    settings.sessions_hang = true;
    let stage = Stage::of(settings).await.and_yarn().await;
    let (count, path) = counting(&stage, "count");
    let _worker = stage.worker_with(&stage.config().table("watch", "start_timeout = \"2s\""));
    let task = schedule(&stage, json!([count]), None);
    let (error, cause) = stage.failure(&task).await;
    assert_eq!((error.as_str(), &cause["statement"]), ("SparkJob.SessionFailed", &Value::Null), "{cause}");
    assert_eq!(ran(&path), 0);
    // A DELETE of such a session ends nothing: YARN's kill does.
    closed(&stage).await;
    assert_eq!(stage.yarn().kills().len(), 1);
}

#[tokio::test]
async fn a_post_of_a_session_whose_answer_is_lost_opens_one_session() {
    for fault in [Fault::AnswerLost, Fault::HangAfter, Fault::Close] {
        let stage = Stage::with_yarn().await;
        let _worker = stage.worker_with(&config(&stage).table("livy", "request_timeout = \"1s\""));
        stage.livy.fault("POST /sessions", fault.clone());
        let task = schedule(&stage, json!(["x = 5"]), Some("x"));
        assert_eq!(stage.output(&task).await["result"], 5, "{fault:?}");
        closed(&stage).await;
        assert_eq!(stage.livy.applications().len(), 1, "{fault:?}");
    }
}

#[tokio::test]
async fn batches_cost_no_request_for_sessions_and_sessions_one_a_sweep() {
    let stage = Stage::with_yarn().await;
    let _worker = stage.worker_with(&config(&stage));
    let task = stage.task();
    stage.output(&task).await;
    let of_sessions =
        |livy: &Livy| livy.calls().iter().filter(|call| call.operation.name.contains("/sessions")).count();
    assert_eq!(of_sessions(&stage.livy), 0);
    let task = schedule(&stage, json!(["import time; time.sleep(1)"]), None);
    stage.output(&task).await;
    closed(&stage).await;
    let asked = stage.livy.count("GET /sessions");
    assert!((5..40).contains(&asked), "{asked} lists of sessions in some 1.5 s at an interval of 100 ms");
}

#[tokio::test]
async fn a_statement_follows_the_one_before_within_30_milliseconds_beside_its_own_time() {
    let stage = Stage::with_yarn().await;
    let _worker = stage.worker_with(&config(&stage));
    let statements: Vec<String> = (0..20).map(|at| format!("x = {at}")).collect();
    let task = schedule(&stage, json!(statements), Some("x"));
    assert_eq!(stage.output(&task).await["result"], 19);
    closed(&stage).await;
    let calls = stage.livy.calls_of("POST /sessions/*/statements");
    let steps: Vec<Instant> = calls.iter().step_by(2).map(|call| call.at).collect();
    let mut gaps: Vec<Duration> = steps.windows(2).map(|pair| pair[1] - pair[0]).collect();
    gaps.sort();
    println!(
        "from statement to statement: {:?} (median), {:?} (longest)",
        gaps[gaps.len() / 2],
        gaps[gaps.len() - 1]
    );
    // On a busy machine only the shortest says something.
    assert!(gaps[0] <= Duration::from_millis(30), "{gaps:?}");
}

#[tokio::test]
async fn status_shows_which_statement_is_on() {
    let stage = Stage::with_yarn().await;
    let worker = stage.worker_with(&config(&stage));
    let task = schedule(&stage, json!(["x = 1", "import time; time.sleep(2)"]), Some("x"));
    // What opens the session and the first statement, each with its check; the fifth is the second statement.
    stage.livy.wait_for(|livy| livy.count("POST /sessions/*/statements") >= 5, None).await;
    let shown = stand_ins::worker::command(Path::new(crate::harness::PROGRAM))
        .args(["status", "--config"])
        .arg(worker.config())
        .output()
        .expect("it runs");
    let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
    assert!(shown.contains("statement 2 of 2"), "{shown}");
    stage.output(&task).await;
    closed(&stage).await;
}
