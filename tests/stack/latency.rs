//! How soon an end is told, with a Livy that looks at YARN every five seconds, as it is shipped.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use crate::real::{On, Stage, control};

const JOBS: usize = 10;
/// From YARN's `finishedTime` to the moment when Step Functions has the outcome, for half of the jobs.
const HALF_WITHIN: Duration = Duration::from_secs(1);

#[tokio::test]
#[ignore = "slow: tests/stack/run --all"]
async fn an_end_is_told_within_a_second_although_livy_looks_every_five() {
    control(&["stop", "livy-yarn"], &[]);
    control(&["start", "livy-yarn"], &[("LIVY_EXTRA", "livy.server.yarn.poll-interval = 5s")]);
    let stage = Stage::new(On::Yarn, "prompt").await;
    // Two at once, so that the ends are spread over Livy's looks, and none waits for a place until its time is up.
    for _ in 0..JOBS / 2 {
        let mut pair = Vec::new();
        for _ in 0..2 {
            pair.push(stage.run("prompt", "sleeps.py", json!({"Args": [1]})).await);
        }
        for execution in &pair {
            let end = stage.ended(execution).await;
            assert_eq!(
                (end.status.as_str(), &end.output["verdictSource"]),
                ("SUCCEEDED", &json!("yarn")),
                "{end:?}"
            );
        }
    }
    let applications = stage.applications("prompt-").await;
    assert_eq!(applications.len(), JOBS);
    let mut took: Vec<Duration> = applications.iter().map(|application| told(&stage, application)).collect();
    took.sort_unstable();
    println!("YARN's end to the answer of Step Functions, Livy looking every 5 s: {took:?}");
    control(&["stop", "livy-yarn"], &[]);
    control(&["start", "livy-yarn"], &[]);
    assert!(took[JOBS / 2] <= HALF_WITHIN, "{took:?}");
}

/// From an application's end to the worker's word that Step Functions took it, on the one clock of this machine.
fn told(stage: &Stage, application: &Value) -> Duration {
    let line = stage.worker.logged_where("the outcome of an application", |line| {
        let text = line.to_string();
        text.contains("Step Functions has the outcome")
            && text.contains(application["id"].as_str().unwrap_or("?"))
    });
    let at = humantime::parse_rfc3339(line["timestamp"].as_str().expect("a time")).expect("a time");
    let at = at.duration_since(UNIX_EPOCH).expect("after 1970");
    let ended = Duration::from_millis(application["finishedTime"].as_u64().expect("it has ended"));
    assert!(ended.as_secs() > 0 && SystemTime::now() > UNIX_EPOCH + ended, "{application}");
    at.saturating_sub(ended)
}
