//! Submissions that come to no application, and a failure with local Spark.

use serde_json::json;

use crate::real::{On, Stage, wait_for};

#[tokio::test]
async fn a_python_job_that_fails_says_why_with_local_spark() {
    let stage = Stage::new(On::Local, "fails").await;
    let execution = stage.run("fails", "fails.py", json!({})).await;
    let end = stage.ended(&execution).await;
    assert_eq!(end.error, "SparkJob.Failed", "{end:?}");
    let cause = end.why();
    assert!(cause["rootCause"].as_str().is_some_and(|line| line.starts_with("ValueError")), "{cause}");
}

#[tokio::test]
async fn a_file_that_is_not_there_fails_the_submission_on_yarn() {
    let stage = Stage::new(On::Yarn, "missing").await;
    let execution = stage.run("missing", "not_there.py", json!({})).await;
    let end = stage.ended(&execution).await;
    assert_eq!(end.error, "SparkJob.SubmitFailed", "{end:?}");
    assert!(end.cause.contains("not_there.py"), "{end:?}");
    stage.nothing_left("missing-").await;
    assert!(stage.applications("missing-").await.is_empty());
}

#[tokio::test]
async fn a_path_that_livy_refuses_is_a_rejection_and_leaves_no_record() {
    let stage = Stage::new(On::Yarn, "refused").await;
    let input = json!({"Name": "refused", "File": "/etc/hosts"});
    let execution = stage.start("refused", &stage.one_task(), &input).await;
    let end = stage.ended(&execution).await;
    assert_eq!(end.error, "SparkJob.Rejected", "{end:?}");
    assert!(end.cause.contains("cannot be added to user sessions"), "{end:?}");
    wait_for("the deletion of the record", async || stage.batches("refused-").await.is_empty().then_some(()))
        .await;
}
