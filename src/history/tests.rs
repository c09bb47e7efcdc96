//! What is remembered, how much of it, and what becomes of a file that is none.

use std::os::unix::fs::PermissionsExt;

use tempfile::TempDir;

use super::*;
use crate::cloudformation::errand;
use crate::job::Task;
use crate::job::document::Document;
use crate::job::goal::Goal;
use crate::job::journal::{Unreadable, seal};
use crate::job::machine::{Run, Step};
use crate::job::report::{Cost, DriverLog, ErrorName, Failure, Outcome, Reached, Source, Spoken, Success};
use crate::job::timestamp::Timestamp;
use crate::job::token::Token;

const TASK: &str = "0123456789abcdef";
/// 2026-11-28T02:03:04.567Z
const ENDED: Timestamp = Timestamp(1_795_831_384_567);
const RECEIVED: Timestamp = Timestamp(1_795_831_300_000);

fn task() -> Task {
    Task {
        token: Some(Token::new("AQB-secret-token".to_owned())),
        activity: "arn:aws:states:us-east-1:123456789012:activity:spark-job".into(),
        execution: Some("exec-1".to_owned()),
        ..Task::orphan(TASK).0
    }
}

fn run() -> Run {
    Run {
        number: Some(7),
        application: Some("application_1_0001".to_owned()),
        ..Run::new(format!("etl-{TASK}"), format!("sjw-{TASK}"))
    }
}

fn success() -> Success {
    Success {
        application_id: Some("application_1_0002".to_owned()),
        batch_id: Some(8),
        name: format!("etl-{TASK}"),
        verdict_source: Source::Yarn,
        queued_millis: Some(3_100),
        run_millis: Some(42_000),
        cost: Cost { memory_seconds: Some(24_249), vcore_seconds: Some(23) },
        tracking_url: Some("http://rm:8088/proxy/application_1".to_owned()),
        driver_log_url: None,
        execution: Some("exec-1".to_owned()),
        spoken: None,
        failed_jobs: 2,
    }
}

/// A failure whose driver said this last.
fn failure(said: &str) -> Outcome {
    let stdout =
        format!("Traceback (most recent call last):\n  File \"etl.py\", line 9, in <module>\n{said}");
    let driver = DriverLog { stdout: stdout.lines().map(str::to_owned).collect(), stderr: Vec::new() };
    let failure = Failure {
        diagnostics: Some("User application exited with status 1".to_owned()),
        verdict_source: Source::Yarn,
        application_id: Some("application_1_0001".to_owned()),
        batch_id: Some(7),
        ..Failure::new(ErrorName::Failed, "Running", "it failed").with_driver_log(driver)
    };
    Outcome::Failed(Box::new(failure))
}

fn finished(outcome: Option<&Outcome>) -> Finished {
    Finished::of(&task(), Some(&run()), outcome).from_to(RECEIVED, ENDED)
}

/// One of each kind.
fn of_every_kind() -> [Finished; 4] {
    let succeeded = finished(Some(&Outcome::Succeeded(Box::new(success()))));
    let reached = Outcome::Reached(Box::new(Reached { name: "stream".to_owned(), ..Reached::default() }));
    let stack = Some("arn:aws:cloudformation:us-east-1:123456789012:stack/etl/1".to_owned());
    let named = |task: &str, finished| Finished { task: task.to_owned(), ..finished };
    [
        succeeded,
        named("1123456789abcdef", finished(Some(&failure("ValueError: no such rate: 99 \u{1b}[2J é🚖")))),
        named("2123456789abcdef", finished(None)),
        Finished {
            stack,
            resource: Some("Etl".to_owned()),
            ..named("3123456789abcdef", finished(Some(&reached)))
        },
    ]
}

fn ring(finished: impl IntoIterator<Item = Finished>) -> Ring {
    let mut ring = Ring::default();
    finished.into_iter().for_each(|finished| ring.push(finished));
    ring
}

fn numbered(number: usize) -> Finished {
    Finished { task: format!("{number:016x}"), ..finished(None) }
}

#[test]
fn a_success_is_remembered_with_what_it_cost() {
    let told = finished(Some(&Outcome::Succeeded(Box::new(success()))));
    assert!(told.is_good() && told.root_cause.is_none());
    assert_eq!((told.outcome.as_str(), told.verdict_source.as_deref()), ("succeeded", Some("yarn")));
    assert_eq!((told.batch, told.application.as_deref()), (Some(8), Some("application_1_0002")));
    assert_eq!(told.failed_jobs, Some(2));
    let quiet = Outcome::Succeeded(Box::new(Success { failed_jobs: 0, ..success() }));
    assert_eq!(finished(Some(&quiet)).failed_jobs, None);
    assert_eq!((told.queued_seconds, told.run_seconds), (Some(3.1), Some(42.0)));
    assert_eq!((told.memory_seconds, told.vcore_seconds), (Some(24_249), Some(23)));
    assert_eq!(told.job, Some(format!("etl-{TASK}")));
    assert_eq!(
        (told.received.as_deref(), told.ended.as_str()),
        (Some("2026-11-28T02:01:40Z"), "2026-11-28T02:03:04Z")
    );
    assert_eq!(told.seconds, Some(84));
}

#[test]
fn a_session_is_remembered_by_its_number() {
    let spoken = Spoken { session: Some(3), result: Some("\"a result\"".to_owned()), statements: Vec::new() };
    let success = Success { batch_id: None, spoken: Some(Box::new(spoken)), ..success() };
    let session = run().at(Step::Done);
    let told = Finished::of(&task(), Some(&session), Some(&Outcome::Succeeded(Box::new(success))));
    assert_eq!((told.batch, told.session), (None, Some(3)));
    assert!(!serde_json::to_string(&told).unwrap().contains("a result"));
    assert_eq!(Finished::of(&task(), Some(&session), None).session, Some(7));
}

#[test]
fn a_failure_is_remembered_by_its_root_cause_without_secrets_and_control_characters() {
    let told = finished(Some(&failure("ValueError: password=hunter2 in \u{1b}[2J\u{202e}x")));
    assert_eq!(told.outcome, "SparkJob.Failed");
    let cause = told.root_cause.expect("a cause");
    assert!(
        cause.starts_with("ValueError: password=") && cause.ends_with("in \\u001b[2J\\u202ex"),
        "{cause}"
    );
    assert!(!cause.contains("hunter2"), "{cause}");
    assert_eq!((told.batch, told.application.as_deref()), (Some(7), Some("application_1_0001")));
}

#[test]
fn a_root_cause_is_cut_at_300_characters_and_never_inside_one() {
    for letter in ["x", "é", "🚖", "\u{7}"] {
        let cause = finished(Some(&failure(&format!("ValueError: {}", letter.repeat(400))))).root_cause;
        let cause = cause.expect("a cause");
        assert!(cause.chars().count() <= 300 && cause.ends_with('…'), "{cause}");
        assert!(cause.encode_utf16().count() >= 299, "{cause}");
    }
}

#[test]
fn a_task_that_nobody_waits_for_is_remembered_as_aborted_and_is_no_success() {
    let told = finished(None);
    assert_eq!((told.outcome.as_str(), told.root_cause), ("aborted", None));
    assert!(!finished(None).is_good());
    let unknown = Finished::of(&Task::orphan(TASK).0, None, None).from_to(Timestamp(0), Timestamp(u64::MAX));
    assert_eq!((unknown.received, unknown.seconds), (None, None));
    assert_eq!(unknown.ended, "9999-12-31T23:59:59Z");
}

#[test]
fn a_resources_task_is_remembered_with_its_stack_and_nothing_of_the_documents_place() {
    let place = "https://cloudformation-custom-resource-response.s3.amazonaws.com/secret?X-Amz-Signature=1";
    let form = serde_json::json!({
        "stack": "arn:aws:cloudformation:us-east-1:1:stack/etl/1", "logical": "Etl", "request": "r-1",
        "succeeded": "etl/1", "failed": "etl/1", "name": "etl", "topic": "arn:aws:sns:us-east-1:1:jobs",
    });
    let document = Document {
        place: Token::new(place.to_owned()),
        form: form.to_string(),
        goal: Goal::Running,
        deadline: Timestamp(1),
        expires: Timestamp(1),
        adopted: false,
    };
    assert!(errand::whose(&document.form).is_some(), "a form as it is");
    let of_stack = Task { document: Some(Box::new(document)), ..Task::orphan(TASK).0 };
    let reached = Outcome::Reached(Box::new(Reached { name: "etl".to_owned(), ..Reached::default() }));
    let told = Finished::of(&of_stack, None, Some(&reached));
    assert!(told.is_good());
    assert_eq!(told.stack.as_deref(), Some("arn:aws:cloudformation:us-east-1:1:stack/etl/1"));
    assert_eq!((told.resource.as_deref(), told.job.as_deref()), (Some("Etl"), Some("etl")));
    assert!(!serde_json::to_string(&told).unwrap().contains("Signature"));
}

#[test]
fn names_of_any_length_take_bounded_room() {
    let long = Task { execution: Some("x".repeat(1 << 20)), ..task() };
    let run = Run { name: "y".repeat(1 << 20), ..run() };
    let told = Finished::of(&long, Some(&run), Some(&failure(&"z".repeat(1 << 20))));
    assert!(serde_json::to_string(&told).unwrap().len() < 2_500);
}

#[test]
fn two_hundred_are_kept_and_the_oldest_goes_first() {
    let ring = ring((0..=200).map(numbered));
    let tasks = ring.tasks();
    assert_eq!(tasks.len(), 200);
    assert_eq!((&tasks[0], &tasks[199]), (&numbered(1), &numbered(200)));
}

#[test]
fn a_task_that_ends_again_after_a_crash_is_told_once() {
    let again = Finished { outcome: "succeeded".to_owned(), ..numbered(1) };
    assert_eq!(ring([numbered(1), numbered(2), again.clone()]).tasks(), [numbered(2), again]);
}

#[test]
fn a_ring_of_the_first_format_stays_as_it_is() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/history/v1/history");
    let ring = ring(of_every_kind());
    let bytes = ring.encode().unwrap();
    // When there is a new format, never for those that are shipped.
    if std::env::var_os("SJW_GOLDEN").is_some_and(|wish| wish == "history-v1") {
        fs::write(&path, &bytes).unwrap();
    }
    let shipped = fs::read(&path).expect("it is shipped");
    assert_eq!(String::from_utf8_lossy(&bytes), String::from_utf8_lossy(&shipped));
    assert_eq!(Ring::decode(&shipped), Ok(ring));
}

#[test]
fn what_is_no_ring_of_ours_is_told_apart() {
    let good = ring(of_every_kind()).encode().unwrap();
    for torn in [&b""[..], b"x", &good[..good.len() - 1], &good[1..]] {
        assert!(matches!(Ring::decode(torn), Err(Unreadable::Malformed(_))), "{}", torn.len());
    }
    assert_eq!(Ring::decode(b"spark-job-worker-history 2 x\n"), Err(Unreadable::Newer(2)));
    let other = seal("spark-job-worker-history", 1, b"7\n");
    assert!(matches!(Ring::decode(&other), Err(Unreadable::Foreign(_))));
    // Keys may come and go.
    let grown = seal("spark-job-worker-history", 1, b"{\"task\":\"00ff\",\"mood\":\"good\"}\n");
    assert_eq!(Ring::decode(&grown).unwrap().tasks()[0].task, "00ff");
}

fn kept_in(directory: &TempDir) -> PathBuf {
    directory.path().join(FILE)
}

#[tokio::test]
async fn what_is_kept_is_there_at_the_next_start_and_the_owners_alone() {
    let directory = tempfile::tempdir().unwrap();
    let history = History::open(directory.path());
    history.close().await;
    assert!(!kept_in(&directory).exists(), "nothing has ended");
    of_every_kind().into_iter().for_each(|finished| history.add(finished));
    history.close().await;
    assert_eq!(fs::metadata(kept_in(&directory)).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1, "and nothing beside it");
    let next = History::open(directory.path());
    assert_eq!(next.shown(), FinishedTasks { file: None, tasks: of_every_kind().to_vec() });
    let file = Some(kept_in(&directory));
    assert_eq!(read(directory.path()).unwrap(), FinishedTasks { file, ..next.shown() });
    let text = fs::read_to_string(kept_in(&directory)).unwrap();
    assert!(!text.contains("secret"), "{text}");
}

#[tokio::test]
async fn a_file_that_cannot_be_read_is_begun_anew() {
    let directory = tempfile::tempdir().unwrap();
    for text in ["", "torn", "spark-job-worker-history 2 x\n"] {
        fs::write(kept_in(&directory), text).unwrap();
        assert!(read(directory.path()).is_err(), "{text:?}");
        let history = History::open(directory.path());
        assert_eq!(history.shown(), FinishedTasks::default());
        history.add(numbered(1));
        history.close().await;
        assert_eq!(read(directory.path()).unwrap().tasks, [numbered(1)]);
    }
}

#[tokio::test]
async fn what_cannot_be_written_stays_in_memory_and_is_written_once_it_can() {
    let directory = tempfile::tempdir().unwrap();
    let history = History::open(directory.path());
    // Even root cannot put a file in the place of a directory.
    fs::create_dir(kept_in(&directory)).unwrap();
    history.add(numbered(1));
    history.close().await;
    assert_eq!(history.shown().tasks, [numbered(1)]);
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1, "no temporary file is left");
    fs::remove_dir(kept_in(&directory)).unwrap();
    history.close().await;
    assert_eq!(read(directory.path()).unwrap().tasks, [numbered(1)]);
}

#[tokio::test(start_paused = true)]
async fn many_ends_at_once_are_one_write_and_what_comes_within_a_second_waits_for_the_next() {
    let directory = tempfile::tempdir().unwrap();
    let history = Arc::new(History::open(directory.path()));
    let keeping = tokio::spawn(Arc::clone(&history).keep());
    let written = || read(directory.path()).map_or(0, |past| past.tasks.len());
    (0..10).for_each(|number| history.add(numbered(number)));
    while written() < 10 {
        tokio::task::yield_now().await;
    }
    let began = tokio::time::Instant::now();
    history.add(numbered(10));
    while written() < 11 {
        sleep(Duration::from_millis(10)).await;
    }
    assert!(began.elapsed() >= PAUSE - Duration::from_millis(20), "{:?}", began.elapsed());
    keeping.abort();
}
