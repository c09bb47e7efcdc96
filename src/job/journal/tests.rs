//! The journal on a real directory: what is written is read back, and what cannot be read is neither lost nor fatal.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;

use proptest::prelude::*;
use tempfile::TempDir;

use super::encoding::{MAGIC, VERSION};
use super::sealed::checksum;
use super::*;
use crate::job::TaskRequest;
use crate::job::application::AppEnd;
use crate::job::document::Document;
use crate::job::goal::Goal;
use crate::job::machine::{Attempt, FinalWord, Hold, OnAbort, Run, Then};
use crate::job::report::{Cost, ErrorName, FailedStage, Failure, Outcome, Reached, Source, Success};
use crate::job::tags;
use crate::job::timestamp::Timestamp;
use crate::job::token::Token;
use std::time::Duration;

const TASK: &str = "0123456789abcdef";
const OTHER: &str = "fedcba9876543210";

fn directory() -> TempDir {
    tempfile::tempdir().expect("a directory can be had")
}

fn open(directory: &Path) -> (Journal, Contents) {
    Journal::open(directory).expect("the journal opens")
}

fn run() -> Run {
    Run {
        number: Some(7),
        application: Some("application_1700000000000_0001".to_owned()),
        submitted: Some(Timestamp(u64::MAX)),
        proxy_user: Some("alice \"🚖\"\n".to_owned()),
        ..Run::new(format!("etl-{TASK}"), tags::of_run(TASK))
    }
}

fn attempt() -> Attempt {
    let held = Hold { since: Timestamp(1), reason: "too many sessions".to_owned() };
    Attempt { run: Run::new(format!("etl-{TASK}"), tags::of_run(TASK)), held: Some(held) }
}

fn success() -> Outcome {
    Outcome::Succeeded(Box::new(Success {
        application_id: Some("application_1700000000000_0001".to_owned()),
        batch_id: Some(7),
        name: format!("etl-{TASK}"),
        verdict_source: Source::Yarn,
        queued_millis: Some(0),
        run_millis: None,
        cost: Cost { memory_seconds: Some(24_249), vcore_seconds: Some(23) },
        tracking_url: Some("http://rm:8088/proxy/application_1".to_owned()),
        driver_log_url: None,
        execution: Some("exec-1".to_owned()),
        spoken: None,
        failed_jobs: 0,
    }))
}

fn failure() -> Outcome {
    let lines = (0..500).map(|line| format!("{line} é🚖 \u{1}\"\\")).collect();
    Outcome::Failed(Box::new(Failure::new(ErrorName::Failed, "Running", "it failed").with_log(lines)))
}

/// Outcomes for which Spark told of failed jobs or stages.
fn of_failed_work() -> Vec<(&'static str, Entry)> {
    let stage = FailedStage {
        stage: 4,
        attempt: 1,
        name: "collect at etl.py:12".to_owned(),
        job: Some(2),
        task: Some(3),
        executor: Some("1".to_owned()),
        host: Some("ip-10-0-0-2".to_owned()),
        reason: "ValueError: bad \u{1} \"row\" é🚖".to_owned(),
    };
    let unplaced = FailedStage { stage: 3, reason: "it has failed".to_owned(), ..FailedStage::default() };
    let (Outcome::Succeeded(success), Outcome::Failed(failure)) = (success(), failure()) else {
        panic!("these are what their names say")
    };
    let success = Outcome::Succeeded(Box::new(Success { failed_jobs: 2, ..*success }));
    let mut failure = Failure { failed_stages: vec![stage, unplaced], ..*failure };
    failure.log.truncate(3);
    let failure = Outcome::Failed(Box::new(failure));
    vec![
        ("Ended", entry_of(TASK, State::Ended { outcome: success, leftover: None })),
        ("EndedFailed", entry_of(TASK, State::Ended { outcome: failure.clone(), leftover: Some(run()) })),
        ("StoppingEnd", entry_of(TASK, State::Stopping { then: Then::End(failure) })),
    ]
}

/// Entries of jobs that may not wait in YARN's queue for ever.
fn of_queue() -> Vec<(&'static str, Entry)> {
    let limited = |state: State| {
        let mut entry = entry_of(TASK, state);
        entry.task.queue_timeout = Some(Duration::from_millis(1_200_500));
        entry
    };
    let failure = Failure::new(ErrorName::QueueTimeout, "Withdrawing", "it waited, and has never run");
    let outcome = Outcome::Failed(Box::new(failure));
    let since = Timestamp(1_700_000_000_123);
    vec![
        ("Received", limited(State::Received { attempt: attempt() })),
        ("Submitting", limited(State::Submitting { attempt: attempt(), since })),
        ("InDoubt", limited(State::InDoubt { attempt: attempt(), since, answered: false })),
        ("Running", limited(State::Running { run: run() })),
        ("Withdrawing", limited(State::Withdrawing { run: run() })),
        ("WithdrawingAlone", entry_of(TASK, State::Withdrawing { run: run() })),
        ("Ended", entry_of(TASK, State::Ended { outcome, leftover: None })),
    ]
}

fn states() -> Vec<State> {
    let since = Timestamp(1_700_000_000_123);
    vec![
        State::Received { attempt: attempt() },
        State::Submitting { attempt: attempt(), since },
        State::InDoubt { attempt: attempt(), since, answered: true },
        State::Running { run: run() },
        State::Judged { run: run(), word: word() },
        State::Ended { outcome: success(), leftover: None },
        State::Ended { outcome: failure(), leftover: Some(run()) },
        State::Orphaned { run: run() },
        State::Settled,
    ]
}

fn word() -> Box<FinalWord> {
    Box::new(FinalWord {
        end: AppEnd::Failed,
        doubled: true,
        diagnostics: "Exit code is 1 \"🚖\"\n".to_owned(),
        started: Some(Timestamp(1)),
        launched: Some(Timestamp(2)),
        finished: Some(Timestamp(3)),
        memory_seconds: Some(4),
        vcore_seconds: None,
        tracking_url: Some("http://rm:8088/proxy/application_1".to_owned()),
        log_url: None,
    })
}

fn entry_of(id: &str, state: State) -> Entry {
    let body = r#"{"file":"s3://b/a.py","args":["\u0000","1e400"]}"#;
    let task = Task {
        id: id.to_owned(),
        token: Some(Token::new("AQB4…/+= \"secret\"".to_owned())),
        document: None,
        activity: "arn:aws:states:eu-west-1:1:activity:spark-job".into(),
        execution: Some("exec-1".to_owned()),
        request: Some(TaskRequest::Checked { body: body.into(), proxy_user: Some("alice".into()) }),
        heartbeat_interval: Duration::from_millis(7_500),
        on_abort: OnAbort::Leave,
        queue_timeout: None,
        received: Timestamp(1_700_000_000_000),
    };
    Entry { task, state, is_old: false }
}

fn bytes_of(entry: &Entry) -> Vec<u8> {
    encode(&entry.task, &entry.state).expect("encoded")
}

fn write(journal: &Journal, entry: &Entry) -> io::Result<()> {
    journal.write(&entry.task, &entry.state)
}

fn entry(task: &str) -> Entry {
    entry_of(task, State::Running { run: run() })
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("it is there").permissions().mode() & 0o7777
}

fn names(directory: &Path) -> BTreeSet<String> {
    let files = fs::read_dir(directory).expect("it can be listed");
    files.map(|file| file.expect("listed").file_name().to_string_lossy().into_owned()).collect()
}

fn set(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// The error with all its causes, as the operator reads it.
fn told(error: &JournalError) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}

/// What only a task that a document answers can be.
fn of_documents() -> Vec<(&'static str, Entry)> {
    let reached = || {
        Outcome::Reached(Box::new(Reached {
            application_id: Some("application_1700000000000_0001".to_owned()),
            batch_id: Some(7),
            name: format!("etl-{TASK}"),
            state: "RUNNING".to_owned(),
            tracking_url: Some("http://rm:8088/proxy/application_1".to_owned()),
            driver_log_url: None,
        }))
    };
    let states = [
        ("DocumentStopping", State::Stopping { then: Then::Run(attempt()) }),
        ("DocumentStoppingEnd", State::Stopping { then: Then::End(reached()) }),
        ("DocumentReached", State::Ended { outcome: reached(), leftover: Some(run()) }),
    ];
    let document = Document {
        place: Token::new("https://bucket/key?X-Amz-Signature=secret".to_owned()),
        form: r#"{"stack":"größe"}"#.to_owned(),
        goal: Goal::Running,
        deadline: Timestamp(1_700_000_000_001),
        expires: Timestamp(1_700_000_000_002),
        adopted: true,
    };
    let entry = |state| {
        let mut entry = entry_of(TASK, state);
        (entry.task.token, entry.task.activity) = (None, "".into());
        entry.task.document = Some(Box::new(document.clone()));
        entry
    };
    states.into_iter().map(|(name, state)| (name, entry(state))).collect()
}

/// Every kind of entry that only statements have.
fn of_sessions() -> Vec<(&'static str, Entry)> {
    use crate::job::SessionRequest;
    use crate::job::machine::Step;
    use crate::job::report::{Exception, Spoken, Stopped};
    use crate::job::statements::check::Told;
    use crate::job::statements::script::{Kind, Script, Statement};
    let script = Script {
        statements: vec![
            Statement { kind: Kind::Pyspark, code: "rows = [1]  # größe\n".to_owned() },
            Statement { kind: Kind::Sql, code: "select 1".to_owned() },
        ],
        variables: r#"{ "day": 1e3 }"#.to_owned(),
        result: Some("rows".to_owned()),
    };
    let request = || {
        Some(TaskRequest::Session(std::sync::Arc::new(SessionRequest {
            body: r#"{"kind":"pyspark"}"#.into(),
            proxy_user: Some("alice".into()),
            script: script.clone(),
        })))
    };
    let session = |step| run().at(step);
    let fresh = Attempt { run: attempt().run.at(Step::Opening), ..attempt() };
    let since = Timestamp(1_700_000_000_123);
    let Outcome::Succeeded(success) = success() else { panic!("a success") };
    let told = Told { kind: "sql".to_owned(), seconds: 1.25, text: "+-+\n".to_owned(), cut: true };
    let spoken = Spoken { session: Some(7), result: Some("[1]".to_owned()), statements: vec![told] };
    let succeeded = Outcome::Succeeded(Box::new(Success {
        batch_id: None,
        verdict_source: Source::Session,
        spoken: Some(Box::new(spoken)),
        ..*success
    }));
    let exception = Exception { name: "E".to_owned(), words: "why".to_owned(), traceback: "t\n".to_owned() };
    let stopped = Stopped { session: Some(7), statement: Some(2), exception: Some(exception) };
    let failed = Outcome::Failed(Box::new(Failure {
        verdict_source: Source::Session,
        stopped: Some(Box::new(stopped)),
        ..Failure::new(ErrorName::StatementFailed, "Listening", "statement 2 raised E")
    }));
    let states = [
        ("Received", State::Received { attempt: fresh.clone() }),
        ("Submitting", State::Submitting { attempt: fresh.clone(), since }),
        ("InDoubt", State::InDoubt { attempt: fresh, since, answered: false }),
        ("Running", State::Running { run: session(Step::Opening) }),
        ("Speaking", State::Speaking { run: session(Step::At(2)), number: 4 }),
        ("Listening", State::Listening { run: session(Step::At(2)), number: 5 }),
        ("Judged", State::Judged { run: session(Step::At(2)), word: word() }),
        ("Ended", State::Ended { outcome: succeeded, leftover: Some(session(Step::Done)) }),
        ("EndedFailed", State::Ended { outcome: failed, leftover: Some(session(Step::At(2))) }),
        ("Orphaned", State::Orphaned { run: session(Step::Done) }),
    ];
    let entry = |(name, state): (&'static str, State)| {
        let mut entry = entry_of(TASK, state);
        let is_over = matches!(entry.state, State::Ended { .. } | State::Orphaned { .. });
        entry.task.request = if is_over { None } else { request() };
        (name, entry)
    };
    states.into_iter().map(entry).collect()
}

mod kept {
    use super::*;

    #[test]
    fn a_task_that_a_document_answers_is_read_back_as_it_was_written() {
        for (name, written) in of_documents() {
            let directory = directory();
            write(&open(directory.path()).0, &written).expect("written");
            assert_eq!(open(directory.path()).1.entries, [written], "{name}");
        }
    }

    #[test]
    fn every_state_is_read_back_as_it_was_written() {
        for state in states() {
            let directory = directory();
            let written = entry_of(TASK, state);
            write(&open(directory.path()).0, &written).expect("written");
            let (_, contents) = open(directory.path());
            assert_eq!(contents.entries, [written]);
            assert_eq!(contents.corrupt, []);
        }
    }

    #[test]
    fn an_entry_without_token_execution_or_input_is_read_back() {
        let directory = directory();
        let mut bare = entry(TASK);
        (bare.task.token, bare.task.execution, bare.task.request) = (None, None, None);
        write(&open(directory.path()).0, &bare).expect("written");
        assert_eq!(open(directory.path()).1.entries, [bare]);
    }

    #[test]
    fn a_later_state_replaces_the_earlier_one_and_removal_leaves_nothing() {
        let directory = directory();
        let (journal, contents) = open(directory.path());
        assert!(contents.entries.is_empty());
        for state in states() {
            write(&journal, &entry_of(TASK, state)).expect("written");
        }
        write(&journal, &entry(OTHER)).expect("written");
        journal.remove(TASK).expect("removed");
        journal.remove(TASK).expect("what is not there needs no removal");
        drop(journal);
        assert_eq!(open(directory.path()).1.entries, [entry(OTHER)]);
        assert_eq!(names(directory.path()), set(&["lock", &format!("{OTHER}.task")]));
    }

    #[test]
    fn an_input_of_a_megabyte_that_needs_escapes_everywhere_is_read_back() {
        let directory = directory();
        let mut large = entry(TASK);
        let body = "\"\u{1}".repeat(1 << 19).into();
        large.task.request = Some(TaskRequest::Checked { body, proxy_user: None });
        write(&open(directory.path()).0, &large).expect("written");
        let (_, contents) = open(directory.path());
        assert!(contents.entries == [large] && contents.corrupt.is_empty());
    }

    #[test]
    fn files_are_for_the_owner_alone_and_so_is_the_directory() {
        let above = directory();
        let directory = above.path().join("var/lib/state");
        let (journal, _) = open(&directory);
        write(&journal, &entry(TASK)).expect("written");
        journal.probe().expect("it can be written");
        assert_eq!(mode(&directory), 0o700);
        assert_eq!(names(&directory), set(&["lock", &format!("{TASK}.task")]));
        for name in names(&directory) {
            assert_eq!(mode(&directory.join(&name)), 0o600, "{name}");
        }
    }

    #[test]
    fn one_entry_is_read_as_it_is_on_disk_and_one_that_is_not_there_is_none() {
        let directory = directory();
        let (journal, _) = open(directory.path());
        write(&journal, &entry(TASK)).expect("written");
        assert_eq!(journal.read_one(TASK).expect("read"), Some(entry(TASK)));
        assert_eq!(journal.read_one(OTHER).expect("nothing to read"), None);
        // Neither is what cannot be read taken for nothing.
        fs::create_dir(directory.path().join(format!("{OTHER}.task"))).expect("made");
        journal.read_one(OTHER).expect_err("a directory is no entry");
        fs::write(directory.path().join(format!("{TASK}.task")), "half an ent").expect("written");
        journal.read_one(TASK).expect_err("half an entry is none");
    }

    #[test]
    fn an_entry_that_is_gone_is_removed_and_one_that_cannot_be_is_said() {
        let directory = directory();
        let (journal, _) = open(directory.path());
        write(&journal, &entry(TASK)).expect("written");
        journal.remove(TASK).expect("removed");
        journal.remove(TASK).expect("gone already");
        fs::create_dir(directory.path().join(format!("{TASK}.task"))).expect("made");
        journal.remove(TASK).expect_err("a directory stays");
    }

    #[test]
    fn a_directory_that_cannot_be_written_is_noticed() {
        let directory = directory();
        let (journal, _) = open(directory.path());
        fs::create_dir(directory.path().join("probe.tmp")).expect("made");
        journal.probe().expect_err("nothing can be written there");
    }

    #[test]
    fn a_file_is_read_up_to_the_size_of_the_largest_entry() {
        let directory = directory();
        let path = directory.path().join("large");
        let file = File::create(&path).expect("made");
        file.set_len(MAX_ENTRY).expect("grown");
        let read = read_bounded(&path).expect("read");
        assert_eq!(read.map(|bytes| bytes.len() as u64), Ok(MAX_ENTRY));
        file.set_len(MAX_ENTRY + 1).expect("grown");
        let refused = read_bounded(&path).expect("looked at").expect_err("too large");
        assert_eq!(refused.to_string(), "it is larger than any entry");
        assert_eq!(Unreadable::Newer(9).to_string(), "it is of format 9");
    }

    #[test]
    fn temporary_files_are_removed_at_the_next_start() {
        let directory = directory();
        write(&open(directory.path()).0, &entry(TASK)).expect("written");
        fs::write(directory.path().join(format!("{TASK}.tmp")), "half an ent").expect("written");
        fs::write(directory.path().join("probe.tmp"), "").expect("written");
        assert_eq!(open(directory.path()).1.entries, [entry(TASK)]);
        assert_eq!(names(directory.path()), set(&["lock", &format!("{TASK}.task")]));
    }

    #[test]
    fn temporary_files_and_entries_that_cannot_be_read_do_not_get_in_each_others_way() {
        let temporary = |directory: &Path| directory.join("0000000000000001.tmp");
        for task in [TASK, OTHER, "0000000000000001", "00112233445566ff"] {
            let directory = directory();
            fs::write(temporary(directory.path()), "x".repeat(20_000)).expect("written");
            fs::write(directory.path().join(format!("{task}.task")), "garbage").expect("written");
            assert_eq!(open(directory.path()).1.corrupt.len(), 1);
            assert!(!temporary(directory.path()).exists());
            assert_eq!(open(directory.path()).1.corrupt, []);
        }
        // Whatever was left there.
        let directory = directory();
        let (journal, _) = open(directory.path());
        fs::write(temporary(directory.path()), "x".repeat(20_000)).expect("written");
        write(&journal, &entry(TASK)).expect("written");
        assert_eq!(journal.read_one(TASK).expect("read"), Some(entry(TASK)));
    }

    #[test]
    fn files_that_are_not_ours_are_left_alone() {
        let directory = directory();
        let foreign = ["README", ".hidden", "0123.task", "0123456789ABCDEF.task", "notes.task", "a.corrupt"];
        for name in foreign {
            fs::write(directory.path().join(name), "not ours").expect("written");
        }
        fs::create_dir(directory.path().join("lost+found")).expect("made");
        let (_, contents) = open(directory.path());
        assert!(contents.entries.is_empty() && contents.corrupt.is_empty());
        for name in foreign {
            assert_eq!(fs::read(directory.path().join(name)).expect("still there"), b"not ours", "{name}");
        }
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "measures real time")]
    fn ten_thousand_entries_are_read_within_five_seconds() {
        let directory = directory();
        // Not through the journal: ten thousand syncs would measure the disk.
        drop(open(directory.path()));
        for number in 0..10_000_u64 {
            let task = format!("{number:016x}");
            let mut entry = entry(&task);
            entry.task.request = Some(TaskRequest::Wrong("x".repeat(2_048).into()));
            let path = directory.path().join(format!("{task}.task"));
            fs::write(path, bytes_of(&entry)).expect("written");
        }
        let begun = std::time::Instant::now();
        let (_, contents) = open(directory.path());
        let took = begun.elapsed();
        println!("10,000 entries of 2 KB read in {took:?}");
        assert_eq!((contents.entries.len(), contents.corrupt.len()), (10_000, 0));
        assert!(took.as_secs() < 5, "{took:?}");
    }
}

mod hidden {
    use super::*;

    #[test]
    fn what_yarn_hides_is_read_back_and_gone_once_nothing_is_hidden() {
        let directory = directory();
        let (journal, contents) = open(directory.path());
        assert!(contents.hidden.is_empty());
        let ids = vec!["application_1_0001".to_owned(), "application_1_0002".to_owned()];
        journal.keep_hidden(&ids).unwrap();
        drop(journal);
        let (journal, contents) = open(directory.path());
        assert_eq!(contents.hidden, ids);
        let mode = fs::metadata(directory.path().join("hidden")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        journal.keep_hidden(&[]).unwrap();
        journal.keep_hidden(&[]).unwrap();
        drop(journal);
        assert!(open(directory.path()).1.hidden.is_empty());
    }

    #[test]
    fn what_the_system_refuses_is_told_and_does_not_count_as_nothing() {
        let directory = directory();
        let (journal, _) = open(directory.path());
        fs::create_dir(directory.path().join("hidden")).unwrap();
        assert!(journal.keep_hidden(&[]).is_err(), "a directory is not removed");
        drop(journal);
        assert!(matches!(Journal::open(directory.path()), Err(JournalError::Io { .. })));
    }

    #[test]
    fn a_file_that_cannot_be_understood_says_that_something_is_hidden() {
        for bytes in [&b""[..], b"application_1_0001", b"spark-job-worker-hidden 2 x\n{}"] {
            let directory = directory();
            fs::write(directory.path().join("hidden"), bytes).unwrap();
            assert_eq!(open(directory.path()).1.hidden.len(), 1, "{bytes:?}");
        }
    }
}

mod unreadable {
    use super::*;

    /// Opens the directory with this under [`TASK`]'s name; what the journal says about it.
    fn quarantined(bytes: &[u8]) -> String {
        let directory = directory();
        let path = directory.path().join(format!("{TASK}.task"));
        write(&open(directory.path()).0, &entry(OTHER)).expect("written");
        fs::write(&path, bytes).expect("written");
        let (task, state) = Task::orphan(TASK);
        let orphan = Entry { task, state, is_old: false };
        assert_eq!(
            orphan.state,
            State::Orphaned { run: Run::new(format!("-{TASK}"), format!("sjw-{TASK}")) }
        );

        let (journal, mut contents) = open(directory.path());
        contents.entries.sort_by(|one, other| one.task.id.cmp(&other.task.id));
        assert_eq!(
            contents.entries,
            [orphan.clone(), entry(OTHER)],
            "an orphan, and the others as they were"
        );
        let [(task, reason)] = &contents.corrupt[..] else { panic!("{:?}", contents.corrupt) };
        assert_eq!(task, TASK);
        let copy = directory.path().join(format!("{TASK}.corrupt"));
        assert_eq!(fs::read(&copy).expect("kept"), bytes);
        assert_eq!(mode(&path), 0o600);
        drop(journal);

        let (_, mut again) = open(directory.path());
        again.entries.sort_by(|one, other| one.task.id.cmp(&other.task.id));
        assert_eq!(again.entries, [orphan, entry(OTHER)]);
        assert_eq!(again.corrupt, [], "it is told once");
        assert_eq!(fs::read(&copy).expect("still kept"), bytes);
        reason.clone()
    }

    #[test]
    fn a_truncated_file_is_kept_and_its_run_is_an_orphan() {
        let whole = bytes_of(&entry(TASK));
        for cut in [0, 1, 20, 90, whole.len() / 2, whole.len() - 1] {
            quarantined(&whole[..cut]);
        }
    }

    #[test]
    fn random_bytes_are_kept_and_their_run_is_an_orphan() {
        let mut dice = fastrand::Rng::with_seed(5);
        for length in [1, 7, 100, 5_000] {
            let bytes: Vec<u8> = std::iter::repeat_with(|| dice.u8(..)).take(length).collect();
            quarantined(&bytes);
        }
        assert!(quarantined(&[0; 4_096]).contains("no first line"));
        assert!(quarantined(b"\xff\xfe\nx").contains("not text"));
        assert!(quarantined(b"hello\nworld").contains("not ours"));
        assert!(quarantined(b"spark-job-worker one 00\n{}").contains("version"));
    }

    #[test]
    fn a_wrong_checksum_is_kept_and_its_run_is_an_orphan() {
        let mut bytes = bytes_of(&entry(TASK));
        let last = bytes.len() - 3;
        bytes[last] ^= 1;
        assert!(quarantined(&bytes).contains("checksum"));
    }

    #[test]
    fn another_tasks_entry_under_this_name_is_kept_and_this_run_is_an_orphan() {
        let bytes = bytes_of(&entry(OTHER));
        assert!(quarantined(&bytes).contains("another task"));
    }

    #[test]
    fn a_file_larger_than_any_entry_is_kept_and_not_read() {
        let directory = directory();
        let path = directory.path().join(format!("{TASK}.task"));
        // A hole: it takes no room on the disk.
        File::create(&path).and_then(|file| file.set_len(MAX_ENTRY + 1)).expect("made");
        let (_, contents) = open(directory.path());
        assert!(contents.corrupt[0].1.contains("larger than any entry"), "{:?}", contents.corrupt);
        assert_eq!(contents.entries[0].state.name(), "Orphaned");
        let kept = directory.path().join(format!("{TASK}.corrupt"));
        assert_eq!(fs::metadata(kept).expect("kept").len(), MAX_ENTRY + 1);
    }

    #[test]
    fn an_entry_that_the_system_does_not_let_be_read_stops_the_start_and_is_not_given_up() {
        let directory = directory();
        let path = directory.path().join(format!("{TASK}.task"));
        fs::create_dir(&path).expect("made");
        let error = Journal::open(directory.path()).expect_err("it cannot be read");
        assert!(matches!(error, JournalError::Io { what: "reading", .. }), "{error}");
        assert!(error.to_string().contains(TASK), "{error}");
        assert!(path.exists() && !directory.path().join(format!("{TASK}.corrupt")).exists());
    }

    #[test]
    fn a_crash_between_the_copy_and_the_orphan_changes_nothing() {
        let directory = directory();
        let path = directory.path().join(format!("{TASK}.task"));
        fs::write(&path, "garbage").expect("written");
        fs::hard_link(&path, directory.path().join(format!("{TASK}.corrupt"))).expect("linked");
        let (_, contents) = open(directory.path());
        assert_eq!(contents.corrupt.len(), 1);
        assert_eq!(contents.entries[0].state.name(), "Orphaned");
        assert_eq!(fs::read(directory.path().join(format!("{TASK}.corrupt"))).expect("kept"), b"garbage");
        assert_ne!(fs::read(&path).expect("an entry"), b"garbage", "the orphan is in its place");
    }

    #[test]
    fn an_unreadable_file_that_cannot_be_copied_is_not_replaced() {
        let directory = directory();
        let (journal, _) = open(directory.path());
        let (orphan, state) = Task::orphan(TASK);
        let missing = directory.path().join("missing");
        journal.quarantine(&orphan, &state, &missing).expect_err("there is nothing to copy");
        assert_eq!(names(directory.path()), set(&["lock"]));
    }

    #[test]
    fn each_of_two_thousand_unreadable_files_is_one_orphan() {
        let directory = directory();
        for number in 0..2_000 {
            fs::write(directory.path().join(format!("{number:016x}.task")), "x").expect("written");
        }
        let (_, contents) = open(directory.path());
        let tasks: BTreeSet<&str> = contents.entries.iter().map(|entry| entry.task.id.as_str()).collect();
        assert_eq!((contents.entries.len(), tasks.len(), contents.corrupt.len()), (2_000, 2_000, 2_000));
    }
}

mod refused {
    use super::*;

    #[test]
    fn a_second_worker_on_the_directory_is_told_to_take_its_own() {
        let directory = directory();
        let (first, _) = open(directory.path());
        let error = Journal::open(directory.path()).expect_err("it is locked");
        assert!(matches!(&error, JournalError::Locked(path) if path == directory.path()), "{error:?}");
        let text = told(&error);
        assert!(text.contains(&*directory.path().to_string_lossy()), "{text}");
        assert!(text.contains("another spark-job-worker") && text.contains("its own directory"), "{text}");
        drop(first);
        open(directory.path());
    }

    #[test]
    fn an_entry_of_a_newer_version_stops_the_start_and_is_left_alone() {
        let directory = directory();
        let path = directory.path().join(format!("{TASK}.task"));
        let bytes = b"spark-job-worker 6 a-checksum-of-another-kind\nbinary \xff\x00";
        fs::write(&path, bytes).expect("written");
        let error = Journal::open(directory.path()).expect_err("it is too new");
        assert!(matches!(error, JournalError::Newer { version: 6, .. }), "{error:?}");
        let text = told(&error);
        for part in [&*path.to_string_lossy(), "format 6", "this one reads 5", "install that version again"] {
            assert!(text.contains(part), "{part} is missing in: {text}");
        }
        assert_eq!(fs::read(&path).expect("still there"), bytes);
    }

    #[test]
    fn a_whole_entry_of_an_unknown_shape_stops_the_start_and_kills_nothing() {
        for (version, payload) in
            [(1, r#"{"task":"0123456789abcdef","surprise":1}"#), (2, "{}"), (3, "{}"), (0, "{}")]
        {
            let directory = directory();
            let path = directory.path().join(format!("{TASK}.task"));
            let sum = checksum(payload.as_bytes());
            let bytes = format!("{MAGIC} {version} {sum}\n{payload}");
            fs::write(&path, &bytes).expect("written");
            let error = Journal::open(directory.path()).expect_err("it is another version's");
            assert!(matches!(error, JournalError::Foreign { .. }), "{error:?}");
            let text = told(&error);
            for part in [&*path.to_string_lossy(), "another version", "install that version again"] {
                assert!(text.contains(part), "{part} is missing in: {text}");
            }
            let [(file, reason)] = &inspect(directory.path()).expect("looked at").unreadable[..] else {
                panic!("it is not told of")
            };
            assert_eq!((file, reason), (&path, &error.to_string()), "`check --journal` says the same");
            assert_eq!(names(directory.path()), set(&["lock", &format!("{TASK}.task")]));
            assert_eq!(fs::read_to_string(&path).expect("still there"), bytes);
        }
    }

    #[test]
    fn what_the_system_refuses_is_told_with_the_path_and_the_reason() {
        let above = directory();
        let file = above.path().join("file");
        fs::write(&file, "").expect("written");
        for path in [file.clone(), file.join("below")] {
            let text = told(&Journal::open(&path).expect_err("that is no directory"));
            assert!(text.contains(&*path.to_string_lossy()), "{text}");
            assert!(text.contains("os error") && text.contains("must be a directory"), "{text}");
        }
    }

    #[test]
    fn a_failed_write_leaves_the_old_entry_and_no_temporary_file() {
        let directory = directory();
        let (journal, _) = open(directory.path());
        write(&journal, &entry(TASK)).expect("written");
        // The system refuses to replace a directory by a file, even for root.
        fs::create_dir(directory.path().join(format!("{OTHER}.task"))).expect("made");
        write(&journal, &entry(OTHER)).expect_err("it cannot be renamed");
        fs::remove_dir(directory.path().join(format!("{OTHER}.task"))).expect("removed");
        assert_eq!(names(directory.path()), set(&["lock", &format!("{TASK}.task")]));
    }
}

#[derive(Debug, Clone)]
enum Mutation {
    Flip(prop::sample::Index, u8),
    Cut(prop::sample::Index, prop::sample::Index),
    Insert(prop::sample::Index, Vec<u8>),
}

impl Mutation {
    fn apply(&self, bytes: &mut Vec<u8>) {
        if bytes.is_empty() {
            return;
        }
        match self {
            Mutation::Flip(at, bits) => {
                let at = at.index(bytes.len());
                bytes[at] ^= *bits;
            }
            Mutation::Cut(one, other) => {
                let (one, other) = (one.index(bytes.len()), other.index(bytes.len()));
                bytes.drain(one.min(other)..one.max(other));
            }
            Mutation::Insert(at, more) => {
                let at = at.index(bytes.len());
                bytes.splice(at..at, more.iter().copied());
            }
        }
    }
}

fn mutation() -> impl Strategy<Value = Mutation> {
    let index = any::<prop::sample::Index>;
    prop_oneof![
        (index(), any::<u8>()).prop_map(|(at, bits)| Mutation::Flip(at, bits)),
        (index(), index()).prop_map(|(one, other)| Mutation::Cut(one, other)),
        (index(), prop::collection::vec(any::<u8>(), 1..20))
            .prop_map(|(at, more)| Mutation::Insert(at, more)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_mutated_entry_is_an_error_or_the_same_entry(
        which in 0..states().len(),
        in_the_first_line in any::<bool>(),
        mutations in prop::collection::vec(mutation(), 1..4),
    ) {
        let written = entry_of(TASK, states().swap_remove(which));
        let mut bytes = bytes_of(&written);
        let rest = if in_the_first_line { bytes.split_off(90) } else { Vec::new() };
        for mutation in &mutations {
            mutation.apply(&mut bytes);
        }
        bytes.extend(rest);
        if let Ok(read) = decode(&bytes) {
            prop_assert_eq!(read, written);
        }
    }

    #[test]
    fn no_bytes_after_a_good_checksum_make_the_reader_panic(payload in prop::collection::vec(any::<u8>(), 0..200)) {
        let mut bytes = format!("{MAGIC} {VERSION} {}\n", checksum(&payload)).into_bytes();
        bytes.extend_from_slice(&payload);
        prop_assert!(decode(&bytes).is_err());
    }
}

mod golden {
    use super::*;

    fn fixture(format: &str, name: &str) -> Vec<u8> {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/journal").join(format);
        fs::read(path.join(format!("{name}.task"))).expect("it is shipped")
    }

    /// Writes a file anew where `SJW_GOLDEN` names its format: when there is a new one, never for those that are shipped.
    fn keep(format: &str, name: &str, bytes: &[u8]) {
        if std::env::var_os("SJW_GOLDEN").is_some_and(|wish| wish == format) {
            let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/journal").join(format);
            fs::write(path.join(format!("{name}.task")), bytes).expect("written");
        }
    }

    /// What 0.1.0 kept is read as a task that still has to be brought under the rules of its activity.
    #[test]
    fn files_that_version_0_1_0_wrote_are_read() {
        for state in states() {
            if matches!(state, State::Judged { .. }) {
                continue;
            }
            let leaves = matches!(state, State::Ended { leftover: Some(_), .. });
            let name = if leaves { "EndedLeftover" } else { state.name() };
            let entry = decode(&fixture("v1", name)).expect(name);
            assert!(entry.is_old);
            assert_eq!(entry.state.name(), state.name());
            match (&entry.state, state) {
                // What format 1 had no room for is not there.
                (State::Ended { outcome: Outcome::Succeeded(read), .. }, State::Ended { outcome, .. }) => {
                    let Outcome::Succeeded(mut wrote) = outcome else { panic!("{name}") };
                    wrote.cost = Cost::default();
                    assert_eq!(*read, wrote);
                }
                (State::Ended { outcome: Outcome::Failed(read), leftover }, _) => {
                    assert_eq!((read.error, &*read.message), (ErrorName::Failed, "it failed"));
                    assert_eq!(leftover.as_ref(), Some(&run()));
                }
                (read, wrote) => assert_eq!(*read, wrote),
            }
            let input = r#"{"File":"s3://b/a.py","Args":["\u0000",1e400]}"#;
            let kept = matches!(name, "Received" | "Submitting" | "InDoubt" | "Settled");
            assert_eq!(entry.task.request, kept.then(|| TaskRequest::Unchecked(input.into())), "{name}");
            assert_eq!(entry.task.token, Some(Token::new("AQB4…/+= \"secret\"".to_owned())));
        }
    }

    /// What this version writes is, byte for byte, what later versions have to read.
    #[test]
    fn files_of_the_second_format_stay_as_they_are() {
        for state in states() {
            let leaves = matches!(state, State::Ended { leftover: Some(_), .. });
            let name = if leaves { "EndedLeftover" } else { state.name() };
            let mut entry = entry_of(TASK, state);
            if let State::Ended { outcome: Outcome::Failed(failure), .. } = &mut entry.state {
                failure.log.truncate(3);
            }
            let bytes = bytes_of(&entry);
            keep("v2", name, &bytes);
            let shipped = fixture("v2", name);
            assert_eq!(String::from_utf8_lossy(&bytes), String::from_utf8_lossy(&shipped), "{name}");
            assert_eq!(decode(&shipped).expect(name), entry);
        }
        for (name, entry) in of_documents() {
            let bytes = bytes_of(&entry);
            keep("v2", name, &bytes);
            let shipped = fixture("v2", name);
            assert_eq!(String::from_utf8_lossy(&bytes), String::from_utf8_lossy(&shipped), "{name}");
            assert_eq!(decode(&shipped).expect(name), entry);
        }
        let others = [TaskRequest::Wrong("$.Fil: unknown key".into()), TaskRequest::Unchecked("{}".into())];
        for (request, name) in others.into_iter().zip(["Wrong", "Unchecked"]) {
            let mut entry = entry_of(TASK, State::Received { attempt: attempt() });
            (entry.task.request, entry.task.on_abort) = (Some(request), OnAbort::Kill);
            let bytes = bytes_of(&entry);
            keep("v2", name, &bytes);
            assert_eq!(decode(&fixture("v2", name)).expect(name), entry);
        }
    }

    #[test]
    fn what_a_session_has_is_of_the_third_format_and_stays_as_it_is() {
        for (name, entry) in of_sessions() {
            let bytes = bytes_of(&entry);
            keep("v3", name, &bytes);
            let shipped = fixture("v3", name);
            assert!(shipped.starts_with(b"spark-job-worker 3 "), "{name}");
            assert_eq!(String::from_utf8_lossy(&bytes), String::from_utf8_lossy(&shipped), "{name}");
            assert_eq!(decode(&shipped).expect(name), entry);
        }
    }

    #[test]
    fn what_spark_told_of_failed_work_is_of_the_fourth_format_and_stays_as_it_is() {
        for (name, entry) in of_failed_work() {
            let bytes = bytes_of(&entry);
            keep("v4", name, &bytes);
            let shipped = fixture("v4", name);
            assert!(shipped.starts_with(b"spark-job-worker 4 "), "{name}");
            assert_eq!(String::from_utf8_lossy(&bytes), String::from_utf8_lossy(&shipped), "{name}");
            assert_eq!(decode(&shipped).expect(name), entry);
        }
    }

    #[test]
    fn what_may_not_wait_in_the_queue_for_ever_is_of_the_fifth_format_and_stays_as_it_is() {
        for (name, entry) in of_queue() {
            let bytes = bytes_of(&entry);
            keep("v5", name, &bytes);
            let shipped = fixture("v5", name);
            assert!(shipped.starts_with(b"spark-job-worker 5 "), "{name}");
            assert_eq!(String::from_utf8_lossy(&bytes), String::from_utf8_lossy(&shipped), "{name}");
            assert_eq!(decode(&shipped).expect(name), entry);
        }
    }

    #[test]
    fn failed_work_of_a_session_is_of_the_fourth_format_too() {
        let mut ended = 0;
        for (name, mut entry) in of_sessions() {
            let State::Ended { outcome, .. } = &mut entry.state else { continue };
            match outcome {
                Outcome::Succeeded(success) => success.failed_jobs = 3,
                Outcome::Failed(failure) => failure.failed_stages = vec![FailedStage::default()],
                Outcome::Reached(_) => panic!("{name}"),
            }
            let bytes = bytes_of(&entry);
            assert!(bytes.starts_with(b"spark-job-worker 4 "), "{name}");
            assert_eq!(decode(&bytes).expect(name), entry);
            ended += 1;
        }
        assert_eq!(ended, 2);
    }

    /// A cluster can go back to an older version while no task with statements is held.
    #[test]
    fn what_has_no_session_is_written_so_that_the_version_before_reads_it() {
        for state in states() {
            let bytes = bytes_of(&entry_of(TASK, state));
            assert!(bytes.starts_with(b"spark-job-worker 2 "));
        }
    }
}
