//! The examples of `config/state-machines` on the real service: each is accepted, and each that needs no cluster of EMR
//! runs to its end. The service integrations of EMR and SNS are not there: such examples are accepted and no more. The
//! taxi pipeline runs in `taxi.rs`.

use serde_json::{Value, json};

use crate::real::{On, Stage, stack};

#[tokio::test]
async fn every_example_is_accepted() {
    let stage = Stage::new(On::Local, "accepted").await;
    for name in [
        "cluster-per-run",
        "migrated-add-step",
        "migrated-java-worker",
        "migrated-lambda-loop",
        "one-job",
        "one-job-jsonata",
        "more-memory",
        "taxi-pipeline",
    ] {
        let created = stage.call(
            "CreateStateMachine",
            json!({"name": format!("{name}-{}", std::process::id()), "definition": stage.example(name).to_string(),
                   "roleArn": "arn:aws:iam::000000000000:role/states"}),
        );
        assert!(created.await["stateMachineArn"].is_string(), "{name}");
    }
}

#[tokio::test]
#[ignore = "slow: tests/stack/run --all"]
async fn the_example_of_one_job_runs() {
    let output = runs(On::Local, "one-job", |definition| definition).await;
    assert_eq!(output["state"], "SUCCEEDED", "{output}");
    assert!(output["execution"].is_string(), "{output}");
}

#[tokio::test]
async fn the_example_in_jsonata_runs() {
    // How long it ran is YARN's to say.
    let output = runs(On::Yarn, "one-job-jsonata", |definition| definition).await;
    assert!(output["seconds"].is_number() && output["applicationId"].is_string(), "{output}");
}

#[tokio::test]
async fn the_example_with_more_memory_succeeds_at_its_second_try() {
    let stage = Stage::new(On::Yarn, "more-memory").await;
    let example = stage.example("more-memory");
    let execution = stage.start("more-memory", &example, &json!({"mebibytes": 1500})).await;
    let end = stage.ended(&execution).await;
    assert_eq!((end.status.as_str(), &end.output["state"]), ("SUCCEEDED", &json!("SUCCEEDED")), "{end:?}");
    let applications = stage.applications("report-").await;
    let mut ends: Vec<_> = applications.iter().map(|app| app["finalStatus"].as_str()).collect();
    ends.sort_unstable();
    assert_eq!(ends, [Some("FAILED"), Some("SUCCEEDED")], "{applications:?}");
}

#[tokio::test]
async fn the_example_with_the_java_workers_input_runs() {
    let output = runs(On::Local, "migrated-java-worker", |mut definition| {
        let livy = stack("LIVY_LOCAL");
        let (host, port) = livy.trim_start_matches("http://").split_once(':').expect("host and port");
        let input = &mut definition["States"]["RunJob"]["Parameters"];
        input["LivyHost"] = json!(host);
        input["LivyPort"] = json!(port);
        definition
    })
    .await;
    assert_eq!(output["state"], "SUCCEEDED", "{output}");
    assert!(output["name"].as_str().is_some_and(|name| name.starts_with("pi-")), "{output}");
}

/// Runs an example, and returns what it gives out.
async fn runs(on: On, name: &str, fitted: impl Fn(Value) -> Value) -> Value {
    let stage = Stage::new(on, name).await;
    let input = json!({"input": stack("TRIPS"), "output": stage.directory.path().join("miles")});
    let execution = stage.start(name, &fitted(stage.example(name)), &input).await;
    let end = stage.ended(&execution).await;
    assert_eq!(end.status, "SUCCEEDED", "{end:?}");
    end.output
}
