//! Statements on a real Livy, a real Spark and a real YARN. The interpreter half of Livy 0.7.1 is one of our own
//! (`repl/`), since no registry serves Livy's; it does wrong what Livy's does wrong.

use std::path::{Path, PathBuf};
use std::time::Instant;

use serde_json::{Value, json};

use crate::real::{On, Stage, control, get, stack, wait_for};

/// A statement that writes to a file each time it runs, and then sleeps.
fn sleeping(stage: &Stage, seconds: u32) -> (String, PathBuf) {
    let path = stage.directory.path().join("ran");
    let code =
        format!("open({:?}, 'a').write('x')\nimport time\ntime.sleep({seconds})", path.display().to_string());
    (code, path)
}

fn ran(path: &Path) -> usize {
    std::fs::read_to_string(path).map_or(0, |text| text.len())
}

async fn begun(path: &Path) {
    wait_for("the statement", async || (ran(path) == 1).then_some(())).await;
}

async fn say(stage: &Stage, name: &str, statements: Value, result: Option<&str>) -> String {
    let input = json!({ "Name": name, "Statements": statements, "Result": result, "Variables": { "n": 7 } });
    stage.start(name, &stage.one_task(), &input).await
}

/// The session of a task is gone from Livy, and its application has ended in YARN.
async fn closed(stage: &Stage, prefix: &str) -> Value {
    stage.nothing_left(prefix).await;
    let list = get(&format!("{}/sessions?from=0&size=1000", stack("LIVY_YARN"))).await;
    let mut names = list["sessions"].as_array().into_iter().flatten().map(|session| &session["name"]);
    assert!(!names.any(|name| name.as_str().is_some_and(|name| name.starts_with(prefix))), "{list}");
    stage.only(prefix).await
}

#[tokio::test]
async fn statements_with_sql_return_their_result_and_the_session_ends_well() {
    let stage = Stage::new(On::Yarn, "session").await;
    let statements = json!([
        "spark.range(variables['n']).createOrReplaceTempView('numbers')",
        { "Code": "select sum(id) as total, count(*) as many from numbers", "Kind": "sql" },
        "import os; os.system('echo hi')",
        "rows = [row.asDict() for row in spark.sql('select id, cast(id as decimal(5,2)) as d from numbers').collect()]",
    ]);
    let begun = Instant::now();
    let execution = say(&stage, "report", statements, Some("rows")).await;
    let end = stage.ended(&execution).await;
    println!("a session of four statements: {:?}", begun.elapsed());
    assert_eq!(end.status, "SUCCEEDED", "{end:?}");
    let output = &end.output;
    assert_eq!(output["result"][6], json!({ "id": 6, "d": "6.00" }), "{output}");
    let text = |at: usize| output["statements"][at]["text"].as_str().unwrap_or_default().to_owned();
    assert!(text(1).contains("|21   |7   |"), "{output}");
    assert!(text(2).contains("hi"), "{output}");
    assert!(output["memorySeconds"].as_u64().is_some_and(|used| used > 0), "{output}");
    let application = closed(&stage, "report-").await;
    assert_eq!(
        (&application["finalStatus"], &application["id"]),
        (&json!("SUCCEEDED"), &output["applicationId"])
    );
}

#[tokio::test]
async fn statements_that_fail_tell_their_exception_and_leave_nothing() {
    let stage = Stage::new(On::Yarn, "failing").await;
    let table: [(&str, Value, Option<&str>, &str, &str); 4] = [
        (
            "raises",
            json!(["x = 1", "1 / 0"]),
            None,
            "SparkJob.StatementFailed",
            "ZeroDivisionError: division by zero",
        ),
        ("syntax", json!(["x = 1\n%json x"]), None, "SparkJob.StatementFailed", "SyntaxError"),
        (
            "query",
            json!([{ "Code": "select * from nosuch", "Kind": "sql" }]),
            None,
            "SparkJob.StatementFailed",
            "nosuch",
        ),
        ("large", json!(["x = 'a' * 60000000"]), Some("x"), "SparkJob.ResultTooLarge", "60000002 bytes"),
    ];
    for (name, statements, result, error, words) in table {
        let execution = say(&stage, name, statements, result).await;
        let end = stage.ended(&execution).await;
        assert_eq!(end.error, error, "{name}: {end:?}");
        assert!(end.cause.contains(words), "{name}: {end:?}");
        closed(&stage, &format!("{name}-")).await;
    }
}

#[tokio::test]
async fn an_execution_that_is_stopped_in_mid_statement_ends_its_session() {
    let stage = Stage::new(On::Yarn, "stopped").await;
    let (code, path) = sleeping(&stage, 600);
    let execution = say(&stage, "stopped", json!([code]), None).await;
    begun(&path).await;
    stage.stop(&execution).await;
    let application = closed(&stage, "stopped-").await;
    assert_eq!((application["finalStatus"].as_str(), ran(&path)), (Some("KILLED"), 1));
}

#[tokio::test]
async fn a_worker_killed_in_mid_statement_goes_on_with_it() {
    let mut stage = Stage::new(On::Yarn, "mid").await;
    let (code, path) = sleeping(&stage, 15);
    let execution = say(&stage, "mid", json!([code, "x = ran = 1"]), Some("x")).await;
    begun(&path).await;
    stage.worker.kill();
    stage.restart();
    let end = stage.ended(&execution).await;
    assert_eq!((end.status.as_str(), &end.output["result"]), ("SUCCEEDED", &json!(1)), "{end:?}");
    closed(&stage, "mid-").await;
    assert_eq!(ran(&path), 1);
}

#[tokio::test]
async fn livy_killed_in_mid_statement_with_recovery_changes_nothing() {
    let stage = Stage::new(On::Yarn, "livy").await;
    let (code, path) = sleeping(&stage, 20);
    let execution = say(&stage, "livy", json!([code, "x = 2"]), Some("x")).await;
    begun(&path).await;
    control(&["kill", "livy-yarn"], &[]);
    control(&["start", "livy-yarn"], &[]);
    let end = stage.ended(&execution).await;
    assert_eq!((end.status.as_str(), &end.output["result"]), ("SUCCEEDED", &json!(2)), "{end:?}");
    closed(&stage, "livy-").await;
    assert_eq!(ran(&path), 1);
}

#[tokio::test]
async fn an_application_killed_in_yarn_is_a_killed_task_also_where_livy_never_notices() {
    let stage = Stage::new(On::Yarn, "gone").await;
    let (code, path) = sleeping(&stage, 600);
    let execution = say(&stage, "gone", json!([code]), None).await;
    begun(&path).await;
    // Livy 0.7 does not look at the application of a session that it has recovered.
    control(&["kill", "livy-yarn"], &[]);
    control(&["start", "livy-yarn"], &[]);
    let application = stage.only("gone-").await;
    let id = application["id"].as_str().expect("an id");
    let url = format!("{}/ws/v1/cluster/apps/{id}/state?user.name={}", stack("RM"), stack("USER"));
    let request = reqwest::Client::new().put(url).header("content-type", "application/json");
    let killed = request.body(json!({ "state": "KILLED" }).to_string()).send().await;
    assert!(killed.expect("YARN answers").status().is_success());
    let end = stage.ended(&execution).await;
    assert_eq!((end.error.as_str(), &end.why()["statement"]), ("SparkJob.Killed", &json!(1)), "{end:?}");
    closed(&stage, "gone-").await;
    assert_eq!(ran(&path), 1);
}
