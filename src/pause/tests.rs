//! A pause in memory and on disk.

use super::*;

const SECOND: Duration = Duration::from_secs(1);
const NOW: Timestamp = Timestamp(1_764_000_000_000);

fn at(seconds: u64) -> Timestamp {
    Timestamp(NOW.0 + seconds * 1_000)
}

#[tokio::test(start_paused = true)]
async fn a_pause_is_known_to_the_next_start_until_it_is_ended() {
    let state = tempfile::tempdir().unwrap();
    let pause = Pause::open(state.path(), NOW);
    assert!(pause.paused().is_none() && !*pause.is_on().borrow());
    let begun = pause.begin(NOW, None).await;
    assert_eq!((begun.since, begun.until, &begun.unkept), (Some(NOW), None, &None));
    assert!(*pause.is_on().borrow());
    let again = pause.begin(at(5), Some(SECOND * 60)).await;
    assert_eq!((again.since, again.until), (Some(NOW), Some(at(65))), "it goes on, and has an end now");
    let next = Pause::open(state.path(), at(10));
    assert_eq!(next.paused().map(|paused| (paused.since, paused.until)), Some((Some(NOW), Some(at(65)))));
    assert_eq!(next.end().await, Ok(true));
    assert_eq!(next.end().await, Ok(false));
    assert!(Pause::open(state.path(), at(10)).paused().is_none());
}

#[tokio::test(start_paused = true)]
async fn one_whose_time_is_over_is_none_and_leaves_no_file() {
    let state = tempfile::tempdir().unwrap();
    Pause::open(state.path(), NOW).begin(NOW, Some(SECOND * 60)).await;
    assert!(Pause::open(state.path(), at(59)).paused().is_some());
    assert!(Pause::open(state.path(), at(60)).paused().is_none());
    assert_eq!(read(state.path()), Read::Nothing);
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_is_set_back_makes_no_pause_endless() {
    let state = tempfile::tempdir().unwrap();
    Pause::open(state.path(), NOW).begin(NOW, Some(SECOND * 60)).await;
    let pause = Pause::open(state.path(), Timestamp(0));
    let paused = pause.paused().expect("paused");
    tokio::time::advance(SECOND * 59).await;
    assert!(!paused.is_over(Timestamp(59_000)));
    tokio::time::advance(SECOND).await;
    assert!(paused.is_over(Timestamp(60_000)));
    assert!(
        paused.is_over(at(60)) && Paused { end: None, ..paused }.is_over(at(60)),
        "by the wall clock, too"
    );
}

#[tokio::test(start_paused = true)]
async fn what_the_disk_does_not_take_is_paused_all_the_same_and_says_so() {
    let state = tempfile::tempdir().unwrap();
    let gone = state.path().join("gone");
    let pause = Pause::open(&gone, NOW);
    let begun = pause.begin(NOW, None).await;
    assert!(begun.unkept.is_some_and(|why| why.contains("gone/paused cannot be changed")));
    assert!(*pause.is_on().borrow() && pause.paused().is_some());
    // What is not there needs no removal.
    assert_eq!(pause.end().await, Ok(true));
    assert!(!*pause.is_on().borrow());
}

#[tokio::test(start_paused = true)]
async fn a_file_that_cannot_be_understood_pauses_until_it_is_said_to_go_on() {
    let state = tempfile::tempdir().unwrap();
    std::fs::write(state.path().join("paused"), "what").unwrap();
    let pause = Pause::open(state.path(), NOW);
    let paused = pause.paused().expect("paused");
    assert!(paused.since.is_none() && paused.until.is_none() && paused.unread.is_some());
    assert!(!paused.is_over(Timestamp(u64::MAX)));
    assert_eq!(pause.end().await, Ok(true));
    assert_eq!(read(state.path()), Read::Nothing);
}
