//! Numbers of the daemon as a process, beside a plain Python worker, on the same stand-ins in the same run.
//!
//! `cargo bench --bench numbers`, or only some of it: `cargo bench --bench numbers -- idle latency door requests looks
//! burst hang restart`. The Python worker needs boto3: `SJW_BENCH_PYTHON` names an interpreter that has it; without one its rows
//! are left out, and that is said. `SJW_BENCH_PROGRAM` names another release's binary: run both, one after the other, to
//! compare them. Bounded: 500 tasks a burst, three bursts a worker.

#![expect(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a measurement prints, and ends at the first surprise"
)]

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

use serde_json::json;
use stand_ins::WaitFor;
use stand_ins::bucket::{Bucket, Signed};
use stand_ins::livy::{Livy, Master, Plan, Version};
use stand_ins::sfn::{Sfn, TaskId};
use stand_ins::sqs::{Sqs, TOPIC, envelope};
use stand_ins::worker::{Config, ENVIRONMENT, command};
use stand_ins::yarn::Yarn;

const BURST: usize = 500;
const LIMIT: Duration = Duration::from_secs(120);

/// The binary that is measured.
fn program() -> PathBuf {
    std::env::var_os("SJW_BENCH_PROGRAM")
        .map_or_else(|| PathBuf::from(env!("CARGO_BIN_EXE_spark-job-worker")), PathBuf::from)
}

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let parts: Vec<String> = std::env::args().skip(1).filter(|part| !part.starts_with("--")).collect();
        let wanted = |part: &str| parts.is_empty() || parts.iter().any(|wanted| wanted == part);
        if wanted("idle") {
            let size = std::fs::metadata(program()).expect("the program").len();
            println!("binary                         {:.2} MB", size as f64 / 1e6);
            start_and_idle().await;
        }
        if wanted("latency") {
            durable_writes();
            latencies("on disk", &ours).await;
            latencies("in memory", &ours_in_memory).await;
        }
        if wanted("door") {
            door("on disk", Stage::on_disk).await;
            door("in memory", Stage::in_memory).await;
        }
        if wanted("requests") {
            requests().await;
        }
        if wanted("looks") {
            looks().await;
        }
        if wanted("burst") {
            for round in 1..=3 {
                burst("journal on disk", round, &ours).await;
                burst("journal in memory", round, &ours_in_memory).await;
                match std::env::var_os("SJW_BENCH_PYTHON") {
                    Some(python) => burst("plain python", round, &move |stage| plain(&python, stage)).await,
                    None => {
                        println!("burst {round}, plain python        left out: SJW_BENCH_PYTHON is not set")
                    }
                }
            }
        }
        if wanted("hang") {
            hang().await;
        }
        if wanted("restart") {
            restart(200, 100, Stage::on_disk).await;
            // With the one place that is free it polls on.
            restart(9_999, 500, Stage::in_memory).await;
        }
    });
}

struct Stage {
    sfn: Sfn,
    livy: Livy,
    arn: String,
    directory: tempfile::TempDir,
    /// Where nothing reaches a disk.
    memory: tempfile::TempDir,
}

impl Stage {
    async fn new(plan: Plan) -> Stage {
        let sfn = Sfn::start().await;
        let arn = sfn.activity("spark-job");
        let livy = Livy::start(Version::V0_8, Master::Yarn).await;
        livy.configure(|settings| settings.max_creation = 10_000);
        livy.plan(plan);
        let directory = tempfile::tempdir().expect("a directory");
        let memory = tempfile::tempdir_in("/dev/shm").expect("a directory in memory");
        Stage { sfn, livy, arn, directory, memory }
    }

    fn on_disk(&self) -> &Path {
        self.directory.path()
    }

    fn in_memory(&self) -> &Path {
        self.memory.path()
    }

    fn schedule(&self, number: usize) -> TaskId {
        let input = format!(r#"{{"Name":"job-{number}","File":"s3://b/a.py","Args":["in","out"]}}"#);
        self.sfn.schedule(&self.arn, &input)
    }
}

/// A process that is stopped at the end.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Process {
    /// CPU seconds (user and system), resident and peak memory in MB.
    fn usage(&self) -> (f64, f64, f64) {
        let pid = self.0.id();
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let fields: Vec<&str> = stat.rsplit(") ").next().unwrap_or_default().split(' ').collect();
        let ticks: f64 = [11, 12].iter().filter_map(|at| fields.get(*at)?.parse::<f64>().ok()).sum();
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        let mb = |key: &str| {
            let line = status.lines().find(|line| line.starts_with(key)).unwrap_or_default();
            line.split_whitespace().nth(1).and_then(|kb| kb.parse::<f64>().ok()).unwrap_or_default() / 1024.0
        };
        (ticks / 100.0, mb("VmRSS:"), mb("VmHWM:"))
    }
}

/// The shipped defaults but for places and pollers.
fn ours(stage: &Stage) -> Process {
    ours_in(stage, stage.directory.path())
}

/// The same with its journal in a file system that writes nothing: what the worker costs without its promises.
fn ours_in_memory(stage: &Stage) -> Process {
    ours_in(stage, stage.memory.path())
}

fn ours_in(stage: &Stage, directory: &Path) -> Process {
    let lines = "max_concurrent_jobs = 600\npollers = 4\nheartbeat_interval = \"20s\"";
    start(stage, &configured(stage, directory, lines).table("log", "filter = \"info\""))
}

fn configured(stage: &Stage, directory: &Path, activity: &str) -> Config {
    Config::new(&stage.sfn.url(), &stage.livy.url(), &stage.arn, directory)
        .activity(activity)
        .table("watch", "interval = \"1s\"\nidle_interval = \"10s\"")
}

fn start(stage: &Stage, config: &Config) -> Process {
    let path = stage.directory.path().join("config.toml");
    std::fs::write(&path, config.text()).expect("written");
    let child = command(&program()).args(["run", "--config"]).arg(&path).stderr(Stdio::null()).spawn();
    Process(child.expect("it starts"))
}

fn plain(python: &std::ffi::OsStr, stage: &Stage) -> Process {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bench/plain_worker.py");
    let child = Command::new(python)
        .arg(script)
        .args([stage.sfn.url(), stage.livy.url(), stage.arn.clone(), "600".to_owned()])
        .envs(ENVIRONMENT)
        .stderr(Stdio::null())
        .spawn();
    Process(child.expect("it starts"))
}

async fn start_and_idle() {
    let mut starts = Vec::new();
    for _ in 0..10 {
        let stage = Stage::new(Plan::success()).await;
        let begun = Instant::now();
        let _process = ours(&stage);
        stage.sfn.wait_for(|sfn| sfn.open_polls(&stage.arn) > 0, LIMIT).await;
        starts.push(begun.elapsed());
    }
    println!("start to first poll            {}", spread(&mut starts));
    let stage = Stage::new(Plan::success()).await;
    let process = ours(&stage);
    stage.sfn.wait_for(|sfn| sfn.open_polls(&stage.arn) == 4, LIMIT).await;
    let before = process.usage().0;
    wait(Duration::from_secs(60)).await;
    let (cpu, resident, _) = process.usage();
    println!("idle resident memory           {resident:.1} MB");
    println!("idle CPU in 60 s               {:.2} s, {:.2} %", cpu - before, (cpu - before) / 0.6);
}

/// The bare sequence that makes an entry durable, in the same kind of directory as the journal's.
fn durable_writes() {
    let directory = tempfile::tempdir().expect("a directory");
    let handle = std::fs::File::open(directory.path()).expect("a directory");
    let mut times = Vec::new();
    for _ in 0..60 {
        let begun = Instant::now();
        let mut file = std::fs::File::create(directory.path().join("a.tmp")).expect("a file");
        std::io::Write::write_all(&mut file, &[b'.'; 1_500]).expect("written");
        file.sync_all().expect("synced");
        std::fs::rename(directory.path().join("a.tmp"), directory.path().join("a.task")).expect("renamed");
        handle.sync_all().expect("synced");
        times.push(begun.elapsed());
    }
    println!("one bare durable write         {}", spread(&mut times));
}

/// Many running jobs with 2 KB of input each; the worker is killed and started again. Ten thousand come as fast as they can:
/// a disk would slow that down.
async fn restart(jobs: usize, rate: u32, directory: fn(&Stage) -> &Path) {
    let stage = Stage::new(Plan::running()).await;
    let padding = "x".repeat(2_000);
    for number in 0..jobs {
        let input = format!(r#"{{"Name":"job-{number}","File":"s3://b/a.py","Args":["{padding}"]}}"#);
        stage.sfn.schedule(&stage.arn, &input);
    }
    let lines = format!("max_concurrent_jobs = {}\npollers = 1\nheartbeat_interval = \"60s\"", jobs + 1);
    let config = configured(&stage, directory(&stage), &lines)
        .table("aws", &format!("heartbeat_rate = {rate}"))
        .table("log", "filter = \"warn\"");
    let first = start(&stage, &config);
    let limit = LIMIT * 3;
    stage.livy.wait_for(|livy| livy.count("POST /batches") >= jobs, limit).await;
    wait(Duration::from_secs(3)).await;
    let (_, _, peak) = first.usage();
    drop(first);
    let (polls, beats) = (stage.sfn.polls(&stage.arn), stage.sfn.count("SendTaskHeartbeat"));
    let begun = Instant::now();
    let second = start(&stage, &config);
    stage.sfn.wait_for(|sfn| sfn.polls(&stage.arn) > polls, limit).await;
    let supervised = begun.elapsed();
    stage.sfn.wait_for(|sfn| sfn.count("SendTaskHeartbeat") >= beats + jobs, limit).await;
    println!(
        "{jobs} running jobs{:<15} peak {peak:.0} MB; after SIGKILL: supervised {:.2} s, all beaten for {:.2} s, peak {:.0} MB",
        "",
        supervised.as_secs_f64(),
        begun.elapsed().as_secs_f64(),
        second.usage().2
    );
    assert_eq!(stage.livy.count("POST /batches"), jobs, "nothing was submitted twice");
}

async fn latencies(place: &str, start: &dyn Fn(&Stage) -> Process) {
    let stage = Stage::new(Plan::success().running_for(Duration::from_millis(1_300))).await;
    let _process = start(&stage);
    stage.sfn.wait_for(|sfn| sfn.open_polls(&stage.arn) == 4, LIMIT).await;
    let (mut to_post, mut to_report) = (Vec::new(), Vec::new());
    for number in 0..60 {
        let task = stage.schedule(number);
        let _ = stage.sfn.outcome_within(&task, LIMIT).await;
        let post = stage.livy.posts_named(&format!("job-{number}-")).remove(0);
        to_post.push(post.at - stage.sfn.handed_out(&task).expect("handed out"));
        // The plan: 0.1 s until it runs, then 1.3 s.
        let ended = post.at + Duration::from_millis(1_400);
        to_report.push(stage.sfn.reports(&task)[0].at.saturating_duration_since(ended));
        // A different phase of the sweep each time.
        wait(Duration::from_millis(37 * (number as u64 % 27))).await;
    }
    println!("journal {place:<9}, token to POST   {}", spread(&mut to_post));
    println!("journal {place:<9}, final to report {}", spread(&mut to_report));
}

/// From a message in the queue to the POST of its job.
async fn door(place: &str, directory: fn(&Stage) -> &Path) {
    const STACK: &str = "arn:aws:cloudformation:us-east-1:123456789012:stack/etl/5e3f";
    let stage = Stage::new(Plan::running()).await;
    let (sqs, bucket) = (Sqs::start().await, Bucket::start().await);
    let yarn = Yarn::start(&stage.livy).await;
    let mut config = configured(&stage, directory(&stage), "")
        .table("yarn", &format!("url = {:?}", yarn.url()))
        .table("log", "filter = \"info\"");
    config.activities.clear();
    let (queue, origin) = (sqs.queue_url(), bucket.url());
    let lines = format!(
        "queue_url = '{queue}'\ntopic_arn = '{TOPIC}'\nresponse_origins = ['{origin}']\nmax_concurrent_jobs = 100"
    );
    let _process = start(&stage, &config.table("[cloudformation]", &lines));
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
    println!("journal {place:<9}, message to POST {}", spread(&mut times));
}

async fn requests() {
    for jobs in [1, 50] {
        let stage = Stage::new(Plan::running()).await;
        let _process = ours(&stage);
        for number in 0..jobs {
            stage.schedule(number);
        }
        stage.livy.wait_for(|livy| livy.live_applications().len() == jobs, LIMIT).await;
        let looks = || stage.livy.calls().len() - stage.livy.count("POST /batches");
        let before = looks();
        wait(Duration::from_secs(20)).await;
        println!("requests to Livy a minute      {} for {jobs} running jobs", (looks() - before) * 3);
    }
}

/// A thousand running jobs, and an operator who looks at them.
async fn looks() {
    const JOBS: usize = 1_000;
    let stage = Stage::new(Plan::running()).await;
    let yarn = Yarn::start(&stage.livy).await;
    let lines = "max_concurrent_jobs = 1001\npollers = 4\nheartbeat_interval = \"20s\"";
    let port = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a port").port();
    let config = configured(&stage, stage.directory.path(), lines)
        .table("yarn", &format!("url = {:?}", yarn.url()))
        .table("admin", &format!("listen = \"127.0.0.1:{port}\""))
        .table("log", "filter = \"warn\"");
    let _process = start(&stage, &config);
    for number in 0..JOBS {
        stage.schedule(number);
    }
    stage.livy.wait_for(|livy| livy.live_applications().len() == JOBS, LIMIT).await;
    wait(Duration::from_secs(3)).await;
    for path in ["/status", "/healthz", "/metrics"] {
        let (mut times, mut bytes) = (Vec::new(), 0);
        for _ in 0..50 {
            let begun = Instant::now();
            let answer = reqwest::get(format!("http://127.0.0.1:{port}{path}")).await.expect("an answer");
            assert!(answer.status().is_success(), "{path}: {}", answer.status());
            bytes = answer.bytes().await.expect("a body").len();
            times.push(begun.elapsed());
            // A different phase of sweeps and heartbeats each time.
            wait(Duration::from_millis(37)).await;
        }
        println!("{path:<9} with {JOBS} jobs       {}, {bytes} bytes", spread(&mut times));
    }
    let mut times = Vec::new();
    for _ in 0..10 {
        let begun = Instant::now();
        let path = stage.directory.path().join("config.toml");
        let shown = command(&program()).args(["status", "--config"]).arg(path).output().expect("it runs");
        times.push(begun.elapsed());
        assert!(shown.status.success() && shown.stdout.len() > JOBS * 60);
    }
    println!("status    with {JOBS} jobs       {}", spread(&mut times));
}

/// A thousand running jobs while Livy hangs for a minute: how late is a heartbeat?
async fn hang() {
    const JOBS: usize = 1_000;
    let stage = Stage::new(Plan::running()).await;
    let lines = "max_concurrent_jobs = 1001\npollers = 4\nheartbeat_interval = \"20s\"";
    let config = configured(&stage, stage.directory.path(), lines)
        .table("livy", "request_timeout = \"30s\"")
        .table("log", "filter = \"warn\"");
    let _process = start(&stage, &config);
    let tasks: Vec<TaskId> = (0..JOBS).map(|number| stage.schedule(number)).collect();
    stage.livy.wait_for(|livy| livy.live_applications().len() == JOBS, LIMIT).await;
    let beaten = |sfn: &Sfn| tasks.iter().all(|task| !sfn.heartbeats(task).is_empty());
    stage.sfn.wait_for(beaten, LIMIT).await;
    stage.livy.hang_all(true);
    let hung = Instant::now();
    wait(Duration::from_secs(60)).await;
    let mut gaps: Vec<Duration> = Vec::new();
    for task in &tasks {
        let times = stage.sfn.heartbeats(task);
        gaps.extend(times.windows(2).filter(|pair| pair[1] > hung).map(|pair| pair[1] - pair[0]));
        gaps.push(Instant::now() - *times.last().expect("it was beaten for"));
    }
    println!("Livy hung 60 s, {JOBS} jobs      gaps of a 20 s heartbeat: {}", spread(&mut gaps));
}

async fn burst(name: &str, round: usize, start: &dyn Fn(&Stage) -> Process) {
    let stage = Stage::new(Plan::running()).await;
    let process = start(&stage);
    stage.sfn.wait_for(|sfn| sfn.open_polls(&stage.arn) > 0, LIMIT).await;
    let cpu = process.usage().0;
    let begun = Instant::now();
    let tasks: Vec<TaskId> = (0..BURST).map(|number| stage.schedule(number)).collect();
    stage.livy.wait_for(|livy| livy.live_applications().len() == BURST, LIMIT).await;
    let submitted = begun.elapsed();
    for batch in stage.livy.batches() {
        stage.livy.set_state(batch.name.as_deref().unwrap_or_default(), "success");
    }
    let ended = Instant::now();
    let all = |sfn: &Sfn| tasks.iter().all(|task| sfn.peek(task).is_some());
    stage.sfn.wait_for(all, LIMIT).await;
    let reported = ended.elapsed();
    let (used, _, peak) = process.usage();
    println!(
        "burst {round} of {BURST}, {name:<17} submitted {:.2} s, all ended to all reported {:.2} s, CPU {:.2} s, peak {peak:.0} MB",
        submitted.as_secs_f64(),
        reported.as_secs_f64(),
        used - cpu,
    );
}

/// Lets a span of a measurement pass.
async fn wait(span: Duration) {
    tokio::time::sleep(span).await;
}

fn spread(values: &mut [Duration]) -> String {
    values.sort();
    let at = |share: f64| values[((values.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e3;
    format!("p50 {:.1} ms, p90 {:.1} ms, most {:.1} ms ({} times)", at(0.5), at(0.9), at(1.0), values.len())
}
