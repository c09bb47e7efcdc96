//! The main job, from end to end, without any real server: stand-ins for Step Functions and Livy on loopback, the
//! daemon itself as a process, three jobs. Ends with 0 only if all three ended as they should.

#![expect(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a demo prints, and ends at the first surprise"
)]

use std::process::ExitCode;
use std::time::{Duration, Instant};

use serde_json::Value;
use stand_ins::WaitFor;
use stand_ins::livy::{Livy, Master, Plan, Version};
use stand_ins::sfn::{Outcome, Sfn, TaskId};
use stand_ins::worker::{Config, Worker, message};
use stand_ins::yarn::Yarn;

/// What a failing Python job prints.
const TRACE: [&str; 6] = [
    "Traceback (most recent call last):",
    "  File \"/jobs/rate_code_status.py\", line 12, in <module>",
    "    trips.write.parquet(sys.argv[2])",
    "pyspark.errors.exceptions.captured.AnalysisException: [PATH_ALREADY_EXISTS] Path s3://taxi/status already exists.",
    "26/11/24 02:00:07 INFO SparkContext: Invoking stop() from shutdown hook",
    "26/11/24 02:00:07 INFO ShutdownHookManager: Shutdown hook called",
];

fn main() -> ExitCode {
    // The child that this program starts below: the daemon itself.
    if std::env::args().nth(1).as_deref() == Some("run") {
        return spark_job_worker::cli::main();
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("a runtime can be had");
    if runtime.block_on(demo()) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// What becomes of each job.
fn plan(livy: &Livy) {
    livy.plan_for("miles", Plan::success().running_for(Duration::from_millis(1_200)));
    livy.plan_for("status", Plan::ends("dead").running_for(Duration::from_millis(800)).log(TRACE));
    livy.plan_for("endless", Plan::running());
}

async fn demo() -> bool {
    let began = Instant::now();
    let say = |who: &str, text: &str| println!("{:>6.2} s  {who:<15} {text}", began.elapsed().as_secs_f64());
    let sfn = Sfn::start().await;
    let livy = Livy::start(Version::V0_8, Master::Yarn).await;
    let yarn = Yarn::start(&livy).await;
    plan(&livy);
    let (steps, manager) = (sfn.url(), yarn.url());
    say("demo", &format!("stand-ins: Step Functions {steps}, Livy 0.8 {}, YARN {manager}", livy.url()));

    sfn.hold_polls(Duration::from_secs(1));
    let arn = sfn.activity("spark-job");
    let directory = tempfile::tempdir().expect("a directory can be had");
    let program = std::env::current_exe().expect("this program has a path");
    let config = Config::new(&sfn.url(), &livy.url(), &arn, directory.path())
        .activity("max_concurrent_jobs = 3\npollers = 3")
        .table("yarn", &format!("url = \"{manager}\""))
        .table("log", "filter = \"info\"");
    let mut worker = Worker::start(&program, directory.path(), &config);
    worker.logged("started");
    say("worker", &format!("polls {arn}"));

    let input = |name: &str| {
        format!(
            r#"{{"Name":"{name}","File":"s3://taxi/{name}.py","NumExecutors":4,"DriverMemory":"2g",
                "Args":["s3://taxi/trips","s3://taxi/{name}",7],"Execution":"{name}-2026-11-24"}}"#
        )
    };
    let tasks = ["miles", "status", "endless"].map(|name| {
        say("Step Functions", &format!("execution {name}-2026-11-24 starts its Spark job"));
        (name, sfn.schedule_with(&arn, &input(name), Some(Duration::from_secs(5)), None))
    });
    livy.wait_for(
        |livy| livy.live_applications().iter().any(|job| named(job.name.as_deref(), "endless")),
        None,
    )
    .await;
    say("Step Functions", "execution endless-2026-11-24 is stopped by its owner");
    sfn.stop(&tasks[2].1);

    let mut good = true;
    for (name, task) in &tasks[..2] {
        let outcome = sfn.outcome(task).await;
        good &= say_outcome(&say, name, &outcome);
    }
    livy.wait_for(|livy| livy.live_applications().is_empty(), None).await;
    let beats: usize = tasks.iter().map(|(_, task)| sfn.heartbeats(task).len()).sum();
    say("Livy", "the job of the stopped execution is killed; nothing is left running");
    say("worker", &format!("sent {beats} heartbeats, {} POSTs for 3 tasks", livy.posts().len()));
    good &= livy.posts().len() == 3 && never_reported(&sfn, &tasks[2].1);
    good &= worker.stop().success();
    say("worker", "stopped on SIGTERM with exit code 0");
    println!("\nwhat the worker logged:");
    for line in worker.lines() {
        println!("  {:<5} {}", line["level"].as_str().unwrap_or_default(), message(&line));
    }
    println!(
        "\n{}",
        if good { "all three jobs ended as they should" } else { "something went wrong, see above" }
    );
    good
}

fn named(name: Option<&str>, start: &str) -> bool {
    name.is_some_and(|name| name.starts_with(start))
}

fn never_reported(sfn: &Sfn, task: &TaskId) -> bool {
    sfn.reports(task).is_empty()
}

/// Prints an outcome; whether it is the one that this job must have.
fn say_outcome(say: &impl Fn(&str, &str), name: &str, outcome: &Outcome) -> bool {
    match outcome {
        Outcome::Succeeded { output } => {
            let output: Value = serde_json::from_str(output).unwrap_or_default();
            say("Step Functions", &format!("{name} succeeded: {output}"));
            name == "miles" && output["state"] == "SUCCEEDED" && output["batchId"].is_u64()
        }
        Outcome::Failed { error, cause } => {
            let cause: Value = serde_json::from_str(cause.as_deref().unwrap_or_default()).unwrap_or_default();
            let error = error.as_deref().unwrap_or_default();
            say("Step Functions", &format!("{name} failed with {error}: {}", cause["message"]));
            say("", &format!("root cause {}", cause["rootCause"]));
            name == "status"
                && error == "SparkJob.Failed"
                && cause["rootCause"].as_str().is_some_and(|line| line.contains("PATH_ALREADY_EXISTS"))
        }
        Outcome::TimedOut | Outcome::Aborted => {
            say("Step Functions", &format!("{name} ended without an answer: {outcome:?}"));
            false
        }
    }
}
