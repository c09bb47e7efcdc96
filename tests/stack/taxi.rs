//! The taxi pipeline: two Spark jobs one after the other, and the second run that finds its output there already.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Value, json};

use crate::real::{On, Stage, stack};

#[tokio::test]
async fn the_taxi_pipeline_runs_on_livy_with_local_spark() {
    pipeline(On::Local).await;
}

#[tokio::test]
async fn the_taxi_pipeline_runs_on_yarn() {
    pipeline(On::Yarn).await;
}

async fn pipeline(on: On) {
    let stage = Stage::new(on, "taxi").await;
    let definition = stage.example("taxi-pipeline");
    let (miles, status) = (stage.directory.path().join("miles"), stage.directory.path().join("status"));
    let input = json!({"jobs": stack("JOBS"), "trips": stack("TRIPS"), "miles": miles, "status": status});

    let first = stage.start("taxi", &definition, &input).await;
    let end = stage.ended(&first).await;
    assert_eq!(end.status, "SUCCEEDED", "{end:?}");
    assert_eq!(end.output["state"], "SUCCEEDED");
    assert!(end.output["name"].as_str().is_some_and(|name| name.starts_with("ratecodestatus-")), "{end:?}");
    assert_eq!(end.output["execution"], json!(first));
    assert_eq!(end.output["applicationId"].is_string(), on == On::Yarn, "{end:?}");
    check_numbers(&miles, &status);

    // The second run finds the output path taken: the first job fails, and the state machine's Catch sees why.
    let second = stage.start("taxi", &definition, &input).await;
    let end = stage.ended(&second).await;
    let seen = format!("{} {} {}", end.error, end.cause, end.output);
    assert!(seen.contains("SparkJob.Failed"), "{end:?}");
    assert!(seen.contains("already exists"), "Spark's own message is in the cause: {end:?}");
    assert_eq!(stage.batches("milesperratecode-").await.len(), 2, "one run each");
    if on == On::Yarn {
        assert_eq!(stage.applications("milesperratecode-").await.len(), 2);
    }
}

/// Compares what Spark wrote with a calculation of our own.
fn check_numbers(miles: &Path, status: &Path) {
    let trips = std::fs::read_to_string(stack("TRIPS")).expect("the trips");
    let mut lines = trips.lines();
    let header: Vec<&str> = lines.next().expect("a header").split(',').collect();
    let column = |name: &str| header.iter().position(|column| *column == name).expect("the column");
    let (code, distance) = (column("rate_code"), column("trip_distance"));
    // Hundredths, so that the order of the additions does not matter.
    let mut expected: BTreeMap<u64, u64> = BTreeMap::new();
    for line in lines {
        let fields: Vec<&str> = line.split(',').collect();
        let hundredths = (fields[distance].parse::<f64>().expect("a distance") * 100.0).round();
        *expected.entry(fields[code].parse().expect("a code")).or_default() += hundredths as u64;
    }
    assert!(expected.len() >= 5, "{expected:?}");
    let totals = |path: &Path| -> BTreeMap<u64, u64> {
        rows(path)
            .iter()
            .map(|row| {
                let total = (row["total"].as_f64().expect("a total") * 100.0).round() as u64;
                (row["rate_code"].as_u64().expect("a code"), total)
            })
            .collect()
    };
    assert_eq!(totals(miles), expected);
    assert_eq!(totals(status), expected);
    let all: u64 = expected.values().sum();
    for row in rows(status) {
        let share = expected[&row["rate_code"].as_u64().expect("a code")] as f64 / all as f64;
        assert!((row["share"].as_f64().expect("a share") - share).abs() < 0.0001, "{row}");
        assert!(row["name"].as_str().is_some_and(|name| !name.is_empty()), "{row}");
    }
}

/// The JSON lines that a job wrote.
fn rows(path: &Path) -> Vec<Value> {
    let files = std::fs::read_dir(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    files
        .map(|file| file.expect("a file").path())
        .filter(|file| file.extension().is_some_and(|end| end == "json"))
        .flat_map(|file| {
            let text = std::fs::read_to_string(file).expect("a file");
            text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect::<Vec<Value>>()
        })
        .collect()
}
