//! Limits, cuts and the reason in a log.

use super::root_cause::root_cause;
use super::*;
use serde::Deserialize;

#[test]
fn a_cause_shows_no_secret() {
    let mut failure = Failure::new(ErrorName::Failed, "Running", "password=hunter2 was refused")
        .with_log(vec!["spark.hadoop.fs.s3a.secret.key=hunter2".into(), "jdbc://u:hunter2@db/x".into()]);
    failure.diagnostics = Some("token: hunter2".into());
    assert!(!failure.message.contains("hunter2"), "the message is logged, too");
    for answer in answers(&Outcome::Failed(Box::new(failure))) {
        let Answer::Failure { cause, .. } = answer else { panic!("a failure stays one") };
        let cause = cause.unwrap_or_default();
        assert!(!cause.contains("hunter2"), "{cause}");
        assert!(cause.is_empty() || cause.contains("***"), "{cause}");
    }
}

#[test]
fn a_cause_keeps_the_last_lines_within_the_limit() {
    let lines: Vec<String> = (0..20_000).map(|n| format!("line {n} — ünïcödé 🚖 \"quoted\"")).collect();
    let cause = only_cause(&failure(lines));
    assert!(units(&cause) <= MAX_CAUSE, "{} units", units(&cause));
    assert!(units(&cause) > MAX_CAUSE * 9 / 10 || parsed(&cause).log.len() == MAX_LINES, "the room is used");
    let log = parsed(&cause).log;
    assert_eq!(log.last().map(String::as_str), Some("line 19999 — ünïcödé 🚖 \"quoted\""));
}

#[test]
fn a_cut_never_falls_inside_a_character() {
    // Two UTF-16 units and four bytes each; no line break anywhere near the limit.
    for length in [32_700, 32_760, 32_768, 40_000] {
        let line = "🚖".repeat(length / 2);
        let cause = only_cause(&failure(vec![line]));
        assert!(units(&cause) <= MAX_CAUSE);
        let log = parsed(&cause).log;
        assert!(log.iter().all(|line| line.chars().all(|c| c == '🚖' || c == '…')), "{length}");
    }
}

#[test]
fn control_characters_that_grow_in_json_still_fit() {
    let lines = vec!["\u{1}".repeat(4_000); 40];
    let mut failure = failure(lines);
    failure.message = "\u{2}".repeat(16_000);
    failure.diagnostics = Some("\u{3}".repeat(4_000));
    let cause = only_cause(&failure);
    assert!(units(&cause) <= MAX_CAUSE);
    assert_eq!(parsed(&cause).error, "SparkJob.Failed");
}

#[test]
fn the_root_cause_is_the_last_caused_by() {
    check(
        &[
            "Exception in thread \"main\" org.apache.spark.SparkException: Job aborted due to stage failure",
            "\tat org.apache.spark.Foo.bar(Foo.scala:1)",
            "Caused by: java.lang.IllegalStateException: first",
            "\tat x",
            "Caused by: java.io.FileNotFoundException: s3://bucket/key (No such file)",
            "\t... 12 more",
        ],
        Some("java.io.FileNotFoundException: s3://bucket/key (No such file)"),
    );
}

#[test]
fn the_root_cause_of_a_traceback_is_its_last_line() {
    check(
        &[
            "Traceback (most recent call last):",
            "  File \"/jobs/fails.py\", line 6, in <module>",
            "    raise ValueError(\"no such rate code: 99\")",
            "ValueError: no such rate code: 99",
            "26/11/24 10:00:00 INFO ShutdownHookManager: Shutdown hook called",
        ],
        Some("ValueError: no such rate code: 99"),
    );
    check(
        &[
            "pyspark.errors.exceptions.captured.AnalysisException: [PATH_ALREADY_EXISTS] Path file:/out already exists.",
        ],
        Some(
            "pyspark.errors.exceptions.captured.AnalysisException: [PATH_ALREADY_EXISTS] Path file:/out already exists.",
        ),
    );
}

#[test]
fn the_reason_of_a_python_job_is_in_its_stdout() {
    let noise = ["org.apache.spark.SparkUserAppException: User application exited with 1"];
    let stdout = ["Traceback (most recent call last):", "ValueError: bad code"];
    let yarn = "User application exited with status 1";
    check_logs(&stdout, &noise, yarn, Some("ValueError: bad code"));
    let stdout = [
        "Traceback (most recent call last):",
        "py4j.protocol.Py4JJavaError: An error occurred while calling o45.save.",
        ": org.apache.spark.SparkException: Job aborted.",
        "Caused by: java.io.IOException: full",
    ];
    check_logs(&stdout, &["java.lang.RuntimeException: later"], "", Some("java.io.IOException: full"));
}

#[test]
fn the_reason_of_a_java_job_is_in_its_stderr() {
    let boom = "java.lang.IllegalStateException: boom";
    let threw =
        ["26/11/24 ERROR ApplicationMaster: User class threw exception:", boom, "\tat Pi.main(Pi.java:7)"];
    check_logs(&[], &threw, "User class threw exception: java.lang.IllegalStateException: boom", Some(boom));
    check_logs(&["all well so far"], &threw, "", Some(boom));
    // Who printed it is not known: it may have been caught.
    check_logs(&[], &["26/11/24 INFO a", "java.lang.ClassNotFoundException: com.example.Missing"], "", None);
}

#[test]
fn where_the_driver_says_nothing_yarn_names_the_reason() {
    let missing = "java.io.FileNotFoundException: File file:/jobs/x.py does not exist";
    check_logs(&[], &[], &format!("User class threw exception: {missing}"), Some(missing));
    let killed = "Container killed on request. Exit code is 137";
    let exited = format!("{killed}\nContainer exited with a non-zero exit code 137.");
    check_logs(&["all well so far"], &["26/11/24 INFO a"], &exited, Some(killed));
    check_logs(&["all well so far"], &["26/11/24 INFO a"], "", None);
}

#[track_caller]
fn check_logs(stdout: &[&str], stderr: &[&str], diagnostics: &str, expected: Option<&str>) {
    let owned = |lines: &[&str]| lines.iter().map(|line| (*line).to_owned()).collect::<Vec<String>>();
    let mut failure = Failure::new(ErrorName::Failed, "Running", "it failed")
        .with_driver_log(DriverLog { stderr: owned(stderr), stdout: owned(stdout) });
    failure.diagnostics = (!diagnostics.is_empty()).then(|| diagnostics.to_owned());
    assert_eq!(root_cause(&failure).as_deref(), expected);
}

#[test]
fn three_long_logs_share_the_room_and_a_short_one_is_whole() {
    let long = |name: &str| -> Vec<String> {
        (0..5_000).map(|n| format!("{name} {n} {}", "x".repeat(60))).collect()
    };
    let failure = Failure::new(ErrorName::Failed, "Running", "it failed")
        .with_log(vec!["spark-submit said this".into()])
        .with_driver_log(DriverLog { stderr: long("stderr"), stdout: long("stdout") });
    let cause = only_cause(&failure);
    assert!((MAX_CAUSE * 9 / 10..=MAX_CAUSE).contains(&units(&cause)), "{}", units(&cause));
    let cause: Value = serde_json::from_str(&cause).unwrap();
    assert_eq!(cause["log"], json!(["spark-submit said this"]));
    for key in ["driverStderr", "driverStdout"] {
        let lines = cause[key].as_array().unwrap();
        assert!(lines.len() > 150, "{key}: {}", lines.len());
        assert!(lines.last().unwrap().as_str().unwrap().contains(" 4999 "));
    }
}

#[test]
fn a_log_without_a_reason_has_no_root_cause() {
    check(&["26/11/24 10:00:00 INFO SparkContext: Running", "no such file"], None);
}

#[test]
fn livys_log_is_taken_apart_under_its_headings() {
    let lines =
        ["stdout: ", "one", "\nstderr: ", "\nYARN Diagnostics: ", "spark-submit start failed", "again"];
    let log = LivyLog::split(lines.map(str::to_owned).into());
    assert_eq!(log.output, ["one"]);
    assert_eq!(log.diagnostics.as_deref(), Some("spark-submit start failed\nagain"));
    assert_eq!(LivyLog::split(vec!["stdout: ".into(), "\nstderr: ".into()]), LivyLog::default());
}

#[test]
fn a_success_falls_back_to_its_two_ids_and_never_to_a_failure() {
    let outcome = Outcome::Succeeded(Box::new(success("x".repeat(300_000))));
    let answers = answers(&outcome);
    assert_eq!(
        answers,
        [Answer::Success { output: r#"{"applicationId":"application_1_0001","batchId":7}"#.into() }]
    );
    let outcome = Outcome::Succeeded(Box::new(success("arn".into())));
    assert_eq!(super::answers(&outcome).len(), 2, "the whole output first");
}

#[test]
fn an_output_has_the_documented_keys() {
    let output: Value =
        serde_json::from_str(&match &answers(&Outcome::Succeeded(Box::new(success("arn".into()))))[0] {
            Answer::Success { output } => output.clone(),
            other => panic!("{other:?}"),
        })
        .expect("JSON");
    assert_eq!(
        output,
        json!({
            "applicationId": "application_1_0001", "batchId": 7, "name": "etl-0", "state": "SUCCEEDED",
            "verdictSource": "livy", "queuedSeconds": 3.1, "runSeconds": 42.0, "memorySeconds": 24249, "vcoreSeconds": 23,
            "trackingUrl": "http://rm/proxy", "driverLogUrl": null, "execution": "arn",
        })
    );
}

#[test]
fn a_failure_falls_back_to_a_shorter_cause_and_then_to_none() {
    let outcome = Outcome::Failed(Box::new(failure(vec!["x".repeat(2_000); 40])));
    let lengths: Vec<Option<usize>> = answers(&outcome)
        .iter()
        .map(|answer| match answer {
            Answer::Failure { error, cause } => {
                assert_eq!(*error, "SparkJob.Failed");
                cause.as_deref().map(units)
            }
            Answer::Success { .. } => panic!("a failure became a success"),
        })
        .collect();
    assert!(
        matches!(lengths[..], [Some(long), Some(short), None] if long > 30_000 && short <= SHORT_CAUSE),
        "{lengths:?}"
    );
}

#[test]
fn a_failure_is_named_by_the_exit_status_of_the_drivers_container() {
    let table = [
        (
            "AM Container exited with exitCode: -104 ... running beyond physical memory limits",
            ErrorName::OutOfMemory,
        ),
        ("exitCode: 137 ... java.lang.OutOfMemoryError: Java heap space", ErrorName::OutOfMemory),
        ("exitCode: 137 Killed by external signal", ErrorName::Failed),
        ("Application failed 1 times due to AM Container exited with exitCode: -100", ErrorName::NodeLost),
        ("exitCode: -102 preempted", ErrorName::NodeLost),
        ("User application exited with status 1", ErrorName::Failed),
        ("", ErrorName::Failed),
    ];
    let silent = DriverLog::default();
    for (diagnostics, name) in table {
        assert_eq!(refine(ErrorName::Failed, diagnostics, &silent), name, "{diagnostics}");
        assert_eq!(refine(ErrorName::Killed, diagnostics, &silent), ErrorName::Killed);
    }
}

#[derive(Deserialize)]
struct Parsed {
    error: String,
    log: Vec<String>,
}

fn parsed(cause: &str) -> Parsed {
    serde_json::from_str(cause).expect("a cause is JSON")
}

#[track_caller]
fn check(lines: &[&str], root: Option<&str>) {
    let failure = failure(lines.iter().map(|line| (*line).to_owned()).collect());
    assert_eq!(root_cause(&failure).as_deref(), root);
}

fn only_cause(failure: &Failure) -> String {
    cause(failure, MAX_CAUSE)
}

fn failure(lines: Vec<String>) -> Failure {
    Failure::new(ErrorName::Failed, "Running", "the job failed").with_log(lines)
}

fn success(execution: String) -> Success {
    Success {
        spoken: None,
        failed_jobs: 0,
        application_id: Some("application_1_0001".into()),
        batch_id: Some(7),
        name: "etl-0".into(),
        verdict_source: Source::Livy,
        queued_millis: Some(3_100),
        run_millis: Some(42_000),
        cost: Cost { memory_seconds: Some(24_249), vcore_seconds: Some(23) },
        tracking_url: Some("http://rm/proxy".into()),
        driver_log_url: None,
        execution: Some(execution),
    }
}
