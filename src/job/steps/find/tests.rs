//! What the looks for a doubtful run add up to.

use super::*;
use crate::job::application::AppState;
use crate::job::samples;

const SECOND: Duration = Duration::from_secs(1);
const SETTLE: Duration = Duration::from_secs(4);
const LIMIT: Duration = Duration::from_secs(100);

/// Wall time and the process's own go together.
fn now(millis: u64) -> Now {
    Now {
        wall: Timestamp(millis),
        elapsed: Duration::from_millis(millis),
        answered: Duration::ZERO,
        yarn: Duration::ZERO,
    }
}

fn search(answered: bool) -> Search {
    since(0, SETTLE, answered)
}

/// Of a POST that began at `since`, looked for from then on.
fn since(since: u64, settle: Duration, answered: bool) -> Search {
    let patience = Patience { interval: SECOND, settle, doubt_limit: LIMIT };
    Search::new(Doubt { since: Timestamp(since), answered }, patience, now(since))
}

/// Both services answer, and have nothing.
fn nothing() -> SearchRound {
    let retention = Some(YarnRetention { started: Timestamp(0), keeps: true });
    SearchRound {
        livy: Ok(None),
        yarn: YarnAnswer::Answer(Vec::new()),
        retention,
        carried: TagOnNode::No,
        hides: false,
    }
}

fn application(id: &str) -> Application {
    Application { started: Some(Timestamp(0)), ..samples::application(id, AppState::Active) }
}

fn view(log_is_empty: bool) -> BatchView {
    BatchView { log_is_empty, ..samples::view(BatchState::Starting) }
}

#[test]
fn a_record_with_a_log_is_found_at_once() {
    let round = SearchRound { livy: Ok(Some(view(false))), ..nothing() };
    assert_eq!(search(false).see(round, now(0)), SearchFinding::Batch(view(false)));
}

#[test]
fn what_yarn_shows_of_a_batch_is_known_though_livy_does_not_know_it_yet() {
    let yarn =
        || YarnAnswer::Answer(vec![application("application_1_0001"), application("application_1_0002")]);
    let found = |view: BatchView| {
        let round = SearchRound { livy: Ok(Some(view)), yarn: yarn(), ..nothing() };
        search(false).see(round, now(0))
    };
    let known = |id: &str| BatchView { application: Some(id.into()), ..view(false) };
    assert_eq!(found(view(false)), SearchFinding::Batch(known("application_1_0001")), "the oldest is ours");
    // What Livy says of its own batch is not turned round.
    assert_eq!(found(known("application_1_0002")), SearchFinding::Batch(known("application_1_0002")));
}

#[test]
fn a_hollow_record_with_an_application_or_a_further_state_is_a_batch() {
    let known = BatchView { application: Some("application_1_0001".into()), ..view(true) };
    let running = BatchView { state: BatchState::Running, ..view(true) };
    for batch in [known, running] {
        let round = SearchRound { livy: Ok(Some(batch.clone())), ..nothing() };
        assert_eq!(search(false).see(round, now(0)), SearchFinding::Batch(batch));
    }
}

#[test]
fn the_oldest_application_is_found_where_livy_has_no_record_or_no_answer() {
    for livy in [Ok(None), Err(Unreachable("down".into())), Ok(Some(view(true)))] {
        let yarn =
            YarnAnswer::Answer(vec![application("application_1_0001"), application("application_1_0002")]);
        let round = SearchRound { livy, yarn, ..nothing() };
        let found = SearchFinding::Application(application("application_1_0001"));
        assert_eq!(search(false).see(round, now(0)), found);
    }
}

#[test]
fn a_hollow_record_is_a_zombie_after_ten_seconds_where_the_post_was_answered() {
    let mut search = search(true);
    let log_is_empty = || SearchRound { livy: Ok(Some(view(true))), ..nothing() };
    assert_eq!(search.see(log_is_empty(), now(0)), SearchFinding::Open);
    assert_eq!(search.see(log_is_empty(), now(9_999)), SearchFinding::Open);
    assert_eq!(search.see(log_is_empty(), now(10_000)), SearchFinding::EmptyRecord);
}

#[test]
fn a_hollow_record_that_goes_and_comes_back_is_young_again() {
    let mut search = search(true);
    let log_is_empty = || SearchRound { livy: Ok(Some(view(true))), ..nothing() };
    search.see(log_is_empty(), now(0));
    search.see(nothing(), now(1_000));
    assert_eq!(search.see(log_is_empty(), now(10_000)), SearchFinding::Open);
}

#[test]
fn a_hollow_record_of_an_unanswered_post_guards_the_name_until_absence_is_believed() {
    let mut search = search(false);
    let mut at = 0;
    let finding = loop {
        let round = SearchRound { livy: Ok(Some(view(true))), ..nothing() };
        let finding = search.see(round, now(at));
        if finding != SearchFinding::Open {
            break finding;
        }
        at += 1_000;
    };
    let expected = (SearchFinding::Absent { empty_record: true }, 14_000);
    assert_eq!((finding, at), expected, "ten seconds of hollowness, four of absence");
}

#[test]
fn absence_needs_answers_of_both_and_silence_of_either_adds_none() {
    let mut search = search(false);
    let silent = [
        || SearchRound { livy: Err(Unreachable("refused".into())), ..nothing() },
        || SearchRound { yarn: YarnAnswer::Unreachable("refused".into()), ..nothing() },
    ];
    assert_eq!(search.see(nothing(), now(0)), SearchFinding::Open);
    for (at, round) in [(20_000, silent[0]), (40_000, silent[1])] {
        assert_eq!(search.see(round(), now(at)), SearchFinding::Open);
    }
    for at in [60_000, 61_000] {
        assert_eq!(search.see(nothing(), now(at)), SearchFinding::Open);
    }
    assert_eq!(search.see(nothing(), now(62_000)), SearchFinding::Absent { empty_record: false });
}

#[test]
fn a_process_that_carries_the_tag_starts_the_time_anew() {
    let mut search = search(false);
    for at in 0..4 {
        assert_eq!(search.see(nothing(), now(at * 1_000)), SearchFinding::Open);
    }
    let round = SearchRound { carried: TagOnNode::Yes, ..nothing() };
    assert_eq!(search.see(round, now(4_000)), SearchFinding::Open);
    for at in 5..9 {
        assert_eq!(search.see(nothing(), now(at * 1_000)), SearchFinding::Open);
    }
    assert_eq!(search.see(nothing(), now(9_000)), SearchFinding::Absent { empty_record: false });
}

#[test]
fn absence_is_believed_only_from_a_memory_that_reaches_back_to_the_post() {
    let memories = [
        (
            Some(YarnRetention { started: Timestamp(999), keeps: false }),
            SearchFinding::Absent { empty_record: false },
        ),
        (Some(YarnRetention { started: Timestamp(1_000), keeps: false }), SearchFinding::Unknowable),
        (
            Some(YarnRetention { started: Timestamp(1_001), keeps: true }),
            SearchFinding::Absent { empty_record: false },
        ),
        (None, SearchFinding::Open),
    ];
    for (retention, expected) in memories {
        let round = SearchRound { retention, ..nothing() };
        assert_eq!(since(1_000, Duration::ZERO, false).see(round, now(2_000)), expected, "{retention:?}");
    }
}

#[test]
fn what_lists_and_processes_hide_is_not_absent_and_becomes_unknowable_with_time() {
    let hiding = [
        || SearchRound { hides: true, ..nothing() },
        || SearchRound { carried: TagOnNode::Unknown, ..nothing() },
        || SearchRound { yarn: YarnAnswer::Hidden("403".into()), ..nothing() },
    ];
    for round in hiding {
        let mut search = since(1_000, Duration::ZERO, false);
        assert_eq!(search.see(round(), now(2_000)), SearchFinding::Open);
        assert_eq!(search.see(round(), now(100_999)), SearchFinding::Open);
        assert_eq!(search.see(round(), now(101_000)), SearchFinding::Unknowable);
    }
}

#[test]
fn an_old_doubt_and_one_from_the_future_and_one_without_yarn_are_unknowable() {
    let see = |at: u64, yarn: YarnAnswer| {
        since(1_000, Duration::ZERO, false).see(SearchRound { yarn, ..nothing() }, now(at))
    };
    assert_eq!(see(101_000, YarnAnswer::Answer(Vec::new())), SearchFinding::Unknowable);
    assert_eq!(see(500, YarnAnswer::Answer(Vec::new())), SearchFinding::Unknowable);
    assert_eq!(see(2_000, YarnAnswer::Off), SearchFinding::Unknowable);
    assert_eq!(see(2_000, YarnAnswer::Answer(Vec::new())), SearchFinding::Absent { empty_record: false });
}

#[test]
fn a_clock_that_is_set_back_makes_no_doubt_young_and_no_memory_long() {
    let retention = Some(YarnRetention { started: Timestamp(999_000), keeps: false });
    let round = || SearchRound { retention, ..nothing() };
    let at = |wall: u64, elapsed: u64| Now { wall: Timestamp(wall), ..now(elapsed) };
    let begin = || {
        let patience = Patience { interval: SECOND, settle: Duration::ZERO, doubt_limit: LIMIT };
        let doubt = Doubt { since: Timestamp(1_000_000), answered: false };
        Search::new(doubt, patience, at(1_000_000, 0))
    };
    assert_eq!(begin().see(round(), at(1_005_000, 5_000)), SearchFinding::Absent { empty_record: false });
    assert_eq!(
        begin().see(round(), at(1_000_500, 101_000)),
        SearchFinding::Unknowable,
        "it is old all the same"
    );
    assert_eq!(begin().see(round(), at(1_002_000, 5_000)), SearchFinding::Unknowable, "YARN may be younger");
    assert_eq!(
        begin().see(round(), at(1_004_000, 5_000)),
        SearchFinding::Absent { empty_record: false },
        "within its slew"
    );
}

#[test]
fn a_finding_is_called_by_its_kind() {
    let absent = SearchFinding::Absent { empty_record: true };
    for finding in [SearchFinding::Open, SearchFinding::EmptyRecord, absent, SearchFinding::Unknowable] {
        let shown = format!("{finding:?}");
        assert_eq!(shown.split(' ').next(), Some(finding.name()));
    }
}
