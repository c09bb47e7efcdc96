//! Failed stages in causes, and failed jobs in outputs.

use serde_json::{Value, json};

use super::super::{
    Answer, Cost, DriverLog, ErrorName, Failure, MAX_CAUSE, Outcome, Source, Success, answers,
};
use super::*;

fn stage(number: u64, words: &str) -> FailedStage {
    FailedStage {
        stage: number,
        name: "collect at etl.py:12".to_owned(),
        job: Some(1),
        task: Some(3),
        executor: Some("2".to_owned()),
        host: Some("node-7".to_owned()),
        ..FailedStage::default()
    }
    .because(words)
}

fn failure(stages: Vec<FailedStage>) -> Failure {
    Failure { failed_stages: stages, ..Failure::new(ErrorName::Failed, "Running", "it failed") }
}

/// The causes that are tried, the best first.
fn causes(failure: Failure) -> Vec<(usize, Value)> {
    let tried = answers(&Outcome::Failed(Box::new(failure))).into_iter().filter_map(|answer| match answer {
        Answer::Failure { cause, .. } => cause,
        Answer::Success { .. } => panic!("a failure became a success"),
    });
    tried.map(|cause| (units(&cause), serde_json::from_str(&cause).expect("a cause is JSON"))).collect()
}

#[test]
fn a_cause_names_stage_task_executor_and_reason_and_takes_it_where_nothing_else_tells() {
    let (_, cause) = causes(failure(vec![stage(4, "java.lang.Error: bad\n\tat a.B.c(B.java:1)")])).remove(0);
    let expected = json!({ "stage": 4, "attempt": 0, "name": "collect at etl.py:12", "job": 1, "task": 3,
                           "executor": "2", "host": "node-7", "reason": "java.lang.Error: bad" });
    assert_eq!(cause["failedStages"], json!([expected]));
    assert_eq!(cause["rootCause"], "java.lang.Error: bad");
    let (_, empty) = causes(failure(Vec::new())).remove(0);
    assert!(empty.get("failedStages").is_none(), "nothing is said where nothing was found: {empty}");
}

#[test]
fn the_root_cause_is_the_drivers_own_where_it_has_one_and_yarns_exit_message_only_without_a_failed_job() {
    let stdout = [
        "Traceback (most recent call last):",
        "  File \"etl.py\", line 3, in <module>",
        "    f()",
        "KeyError: 'x'",
    ];
    let log = DriverLog { stdout: stdout.map(str::to_owned).to_vec(), stderr: Vec::new() };
    let own = failure(vec![stage(4, "java.lang.Error: bad")]).with_driver_log(log);
    assert_eq!(causes(own).remove(0).1["rootCause"], "KeyError: 'x'");
    let exit = "User application exited with status 1";
    let said = |stages| {
        let failure = Failure { diagnostics: Some(exit.to_owned()), ..failure(stages) };
        causes(failure).remove(0).1["rootCause"].clone()
    };
    assert_eq!(said(vec![stage(4, "java.lang.Error: bad")]), "java.lang.Error: bad");
    let retried = FailedStage { job: None, ..stage(4, "FetchFailed(x)") };
    assert_eq!(said(vec![retried]), exit, "it was tried again");
}

#[test]
fn secrets_in_what_spark_says_are_masked() {
    let told =
        stage(4, "java.sql.SQLException: cannot connect with password=hunter2 at jdbc:x://me:hunter2@db/");
    let named = FailedStage { name: "load token=hunter2".to_owned(), ..told };
    assert!(!named.sentence().contains("hunter2"), "{}", named.sentence());
    for (_, cause) in causes(failure(vec![named])) {
        assert!(!cause.to_string().contains("hunter2"), "{cause}");
    }
}

#[test]
fn stages_take_a_quarter_of_a_cause_at_most_and_less_than_what_says_more() {
    let odd = "\u{1}".repeat(5_000);
    let stages = (0..5).map(|number| stage(number, &odd)).collect();
    let lines = (0..400).map(|line| format!("{line} {}", "x".repeat(100))).collect();
    let failure = Failure { diagnostics: Some("d".repeat(60_000)), ..failure(stages).with_log(lines) };
    let tried = causes(failure);
    let (length, whole) = &tried[0];
    let told = whole["failedStages"].as_array().map_or(0, Vec::len);
    assert!(*length <= MAX_CAUSE && told == 1, "{length} {told}");
    assert!(whole["diagnostics"].as_str().is_some_and(|text| text.len() > 8_000), "{length}");
    assert!(whole["log"].as_array().is_some_and(|log| log.len() > 50), "{length}");
    let (short, brief) = &tried[1];
    assert!(
        *short <= 1_024 && brief.get("failedStages").is_none() && brief["message"] == "it failed",
        "{brief}"
    );
}

#[test]
fn reasons_and_names_are_cut_between_characters() {
    let long = stage(4, &"é🚖".repeat(5_000));
    assert!(units(&long.reason) <= 1_024 && long.reason.ends_with('…'));
    let named = FailedStage { name: "ü".repeat(5_000), ..FailedStage::default() }.because("");
    assert_eq!((units(&named.name), named.reason.as_str()), (200, ""));
}

#[test]
fn a_success_has_the_number_of_failed_jobs_only_where_there_are_some() {
    let output = |failed_jobs| {
        let success = Success {
            application_id: Some("application_1_0001".to_owned()),
            batch_id: Some(7),
            name: "etl".to_owned(),
            verdict_source: Source::Yarn,
            queued_millis: None,
            run_millis: None,
            cost: Cost::default(),
            tracking_url: None,
            driver_log_url: None,
            execution: None,
            spoken: None,
            failed_jobs,
        };
        match answers(&Outcome::Succeeded(Box::new(success))).remove(0) {
            Answer::Success { output } => serde_json::from_str::<Value>(&output).expect("JSON"),
            Answer::Failure { .. } => panic!("a success became a failure"),
        }
    };
    assert_eq!((&output(2)["failedJobs"], &output(2)["state"]), (&json!(2), &json!("SUCCEEDED")));
    assert!(output(0).get("failedJobs").is_none());
}
