//! From one end of the worker to the other: a token and its POST, an end and its report, a message and its POST.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use serde_json::json;
use stand_ins::WaitFor;
use stand_ins::bucket::{Bucket, Signed};
use stand_ins::livy::Plan;
use stand_ins::sfn::TaskId;
use stand_ins::sqs::{Sqs, TOPIC, envelope};

use crate::LIMIT;
use crate::board::{Board, median, spread};
use crate::stage::{Journal, Stage, wait};

/// Two entries are durable before a POST.
const ENTRIES: f64 = 2.0;
/// A token's way to its POST, in durable sequences more than in memory: the journal writes beside others.
const SEQUENCES: f64 = 3.0 * ENTRIES;
/// From YARN's end to the report, in intervals between two looks: half of one in the middle, and what is asked after it.
const LOOKS: f64 = 0.75;
/// A job's run.
const RUN: Duration = Duration::from_millis(1_300);
/// From a message to its POST where nothing is durable, milliseconds.
const MESSAGE: f64 = 3.0;

pub(crate) async fn latencies(board: &mut Board) {
    let mut posts = Vec::new();
    for journal in [Journal::OnDisk, Journal::InMemory] {
        let stage = Stage::new(Plan::running()).await;
        let _process = stage.ours(journal);
        stage.sfn.wait_for(|sfn| sfn.open_polls(&stage.arn) == 4, LIMIT).await;
        let (mut to_post, mut to_report, mut bare) = (Vec::new(), Vec::new(), Vec::new());
        for number in 0..60 {
            let task = job(&stage, number, RUN);
            let _ = stage.sfn.outcome_within(&task, LIMIT).await;
            let (posted, reported) = ways(&stage, number, &task, RUN);
            to_post.push(posted);
            to_report.push(reported);
            bare.push(durable(stage.place(journal)));
            // A different phase of the sweep each time.
            wait(Duration::from_millis(37 * (number as u64 % 27))).await;
        }
        let place = journal.as_str();
        board.tell(&format!("token to POST, journal {place}"), &spread(&mut to_post));
        board.tell(&format!("final to report, journal {place}"), &spread(&mut to_report));
        board.tell(&format!("one bare durable write {place}"), &spread(&mut bare));
        board.at_most(
            &format!("final to report p50, journal {place}"),
            median(&mut to_report) / 1e3,
            LOOKS,
            "looks",
        );
        posts.push((median(&mut to_post), median(&mut bare)));
    }
    let ((on_disk, bare), (in_memory, _)) = (posts[0], posts[1]);
    board.at_most(
        "token to POST p50, what the disk adds",
        (on_disk - in_memory) / bare,
        SEQUENCES,
        "bare writes",
    );
}

/// A job whose [`ways`] are measured: it succeeds after it ran for a time.
pub(crate) fn job(stage: &Stage, number: usize, run: Duration) -> TaskId {
    // The latest plan that fits counts: that of job-1 does not fit job-10 once that has its own.
    stage.livy.plan_for(&format!("job-{number}"), Plan::success().running_for(run));
    stage.schedule(number)
}

/// From a token to the POST of its [`job`], and from the job's end to the report.
pub(crate) fn ways(stage: &Stage, number: usize, task: &TaskId, run: Duration) -> (Duration, Duration) {
    let post = stage.posts(number).remove(0);
    let posted = post.at - stage.sfn.handed_out(task).expect("handed out");
    // Every plan: 0.1 s until it runs.
    let ended = post.at + Duration::from_millis(100) + run;
    (posted, stage.sfn.reports(task)[0].at.saturating_duration_since(ended))
}

/// The bare sequence that makes a new entry durable, in the same kind of directory as the journal's.
fn durable(directory: &Path) -> Duration {
    let (new, entry) = (directory.join("bare.tmp"), directory.join("bare"));
    let handle = File::open(directory).expect("a directory");
    let begun = Instant::now();
    let mut file = File::create(&new).expect("a file");
    file.write_all(&[b'.'; 1_500]).expect("written");
    file.sync_all().expect("synced");
    std::fs::rename(new, entry).expect("renamed");
    handle.sync_all().expect("synced");
    begun.elapsed()
}

/// From a message in the queue of CloudFormation's door to the POST of its job.
pub(crate) async fn door(board: &mut Board, journal: Journal) {
    const STACK: &str = "arn:aws:cloudformation:us-east-1:123456789012:stack/etl/5e3f";
    let stage = Stage::new(Plan::running()).await;
    let (sqs, bucket) = (Sqs::start().await, Bucket::start().await);
    let mut config = stage.configured(journal, "").table("log", "filter = \"info\"");
    config.activities.clear();
    let (queue, origin) = (sqs.queue_url(), bucket.url());
    let lines = format!(
        "queue_url = '{queue}'\ntopic_arn = '{TOPIC}'\nresponse_origins = ['{origin}']\nmax_concurrent_jobs = 100"
    );
    let _process = stage.start(&config.table("[cloudformation]", &lines));
    sqs.wait_for(|sqs| sqs.count("ReceiveMessage") > 0, LIMIT).await;
    let mut times = Vec::new();
    for number in 0..60 {
        let (logical, request) = (format!("Job{number}"), format!("request-{number}"));
        let body = json!({
            "RequestType": "Create", "RequestId": request, "StackId": STACK, "LogicalResourceId": logical,
            "ResourceType": "Custom::SparkJob", "ResponseURL": bucket.url_for((STACK, &logical, &request), Signed::V4),
            "ResourceProperties": { "ServiceToken": TOPIC, "File": format!("s3://b/door-{number}.py") },
        });
        let published = humantime::format_rfc3339_millis(SystemTime::now()).to_string();
        let message = envelope(TOPIC, &body, &published).to_string();
        let (sent, name) = (Instant::now(), format!("door-{number}-"));
        sqs.send(&message);
        stage.livy.wait_for(|livy| !livy.posts_named(&name).is_empty(), LIMIT).await;
        times.push(stage.livy.posts_named(&name)[0].at - sent);
        wait(Duration::from_millis(37)).await;
    }
    let what = format!("message to POST, journal {}", journal.as_str());
    board.tell(&what, &spread(&mut times));
    if journal == Journal::InMemory {
        board.at_most(&format!("{what}, p50"), median(&mut times), MESSAGE, "ms");
    }
}
