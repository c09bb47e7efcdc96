//! The shared sweeps, beside what seeds show: what they tell operators and the daemon, how often they ask, and what they
//! keep of a YARN that hides.

use std::sync::{Arc, Mutex};

use spark_job_worker::job::application::{Active, AppState, Application};
use spark_job_worker::job::machine::Run;
use spark_job_worker::job::sweep::{Health, Pace, Progress, Sweep};
use spark_job_worker::job::timestamp::Timestamp;
use spark_job_worker::job::world::{LivyAnswer, Observed, ServiceError};
use tokio::task::JoinHandle;
use tokio::time::{Duration, Instant, sleep};

use crate::lone::{self, ID, Inner, Lone, moving};

const SECOND: Duration = Duration::from_secs(1);
const PACE: Pace = Pace { interval: SECOND, idle: Duration::from_secs(10) };

fn world() -> Arc<Lone> {
    Arc::new(Lone::new(Inner::default(), None, lone::clear()))
}

fn down() -> ServiceError {
    ServiceError::Unavailable("refused".to_owned())
}

fn active(id: &str) -> Application {
    Application {
        id: id.to_owned(),
        state: AppState::Active,
        word: "RUNNING".to_owned(),
        started: Some(Timestamp(1)),
        launched: None,
        finished: None,
        memory_seconds: None,
        vcore_seconds: None,
        diagnostics: String::new(),
        tracking_url: None,
        log_url: None,
    }
}

/// One application for each of these names, with the tag `sjw-<name>`.
fn list(names: &[&str]) -> Active {
    let mut list = Active::default();
    for (at, name) in names.iter().enumerate() {
        let application = active(&format!("application_1_{:04}", at + 1));
        list.add(&format!("sjw-{name}"), moving(name, application), None);
    }
    list
}

fn names(progress: &[Progress]) -> Vec<&str> {
    progress.iter().map(|progress| progress.name.as_str()).collect()
}

/// Both sweeps, until they are dropped.
struct Sweeping([JoinHandle<()>; 2]);

impl Drop for Sweeping {
    fn drop(&mut self) {
        self.0.iter().for_each(JoinHandle::abort);
    }
}

fn begin(sweep: &Sweep, world: &Arc<Lone>) -> Sweeping {
    Sweeping([
        tokio::spawn(sweep.clone().run(Arc::clone(world), |_| {})),
        tokio::spawn(sweep.clone().run_yarn(Arc::clone(world), |_| {})),
    ])
}

#[tokio::test(start_paused = true)]
async fn what_yarns_last_list_shows_can_be_asked_for_by_tag_by_name_and_by_whose_it_is() {
    let (sweep, world) = (Sweep::new(PACE), world());
    assert_eq!((sweep.progress("sjw-a"), sweep.first(9, |_| true).1), (None, 0));
    assert_eq!(sweep.strangers(SECOND * 60, |_| false), None, "nothing was asked yet");
    let before = sweep.number();
    world.inner().yarn = Some(Ok(list(&["b", "c", "a"])));
    sweep.ask_yarn(&*world).await;
    assert!(sweep.number() > before);
    let seen = sweep.progress("sjw-c").expect("it is listed");
    assert_eq!(
        (seen.name.as_str(), seen.application.as_str(), seen.word.as_str()),
        ("c", "application_1_0002", "RUNNING")
    );
    assert_eq!(sweep.progress("sjw-d"), None);
    let (first, count) = sweep.first(2, |tag| tag != "sjw-b");
    assert_eq!((names(&first), count), (vec!["a", "c"], 2));
    assert_eq!(names(&sweep.first(1, |_| true).0), ["a"]);
    let strangers = |known: &str| {
        let known = known.to_owned();
        sweep.strangers(SECOND * 60, move |tag| tag == known)
    };
    assert_eq!(names(&strangers("sjw-a").expect("a fresh list")), ["b", "c"]);
    sleep(SECOND * 60).await;
    assert!(strangers("sjw-a").is_some(), "just not too old");
    sleep(Duration::from_millis(1)).await;
    assert_eq!(strangers("sjw-a"), None, "a list that old says nothing");
    world.inner().yarn = Some(Err(down()));
    sweep.ask_yarn(&*world).await;
    assert_eq!((sweep.progress("sjw-a"), strangers("")), (None, None));
}

#[tokio::test(start_paused = true)]
async fn idle_sweeps_ask_every_ten_seconds_and_every_second_while_a_job_waits_or_a_service_is_away() {
    let (sweep, world) = (Sweep::new(PACE), world());
    let sweeping = begin(&sweep, &world);
    let mut livy = sweep.health();
    livy.wait_for(|health| *health == Health::Up).await.expect("it goes on");
    assert_eq!(sweep.took(), (Some(Duration::ZERO), Some(Duration::ZERO)));
    sleep(Duration::from_millis(25_500)).await;
    assert_eq!(world.inner().asked, [vec![0, 10_000, 20_000], vec![0, 10_000, 20_000]]);

    // A job that comes ends the idle pause at once, and one that leaves begins it again.
    let run = Run::new("a".to_owned(), "sjw-a".to_owned());
    let seen = Observed { livy: LivyAnswer::Missing, active: Some(Arc::new([])), missing: false };
    let look =
        tokio::time::timeout(Duration::from_millis(2_600), sweep.look(&run, sweep.number(), Some(&seen)));
    assert!(look.await.is_err(), "nothing has changed");
    assert_eq!(world.inner().asked[0][3..], [25_500, 26_500, 27_500]);
    assert_eq!(world.inner().asked[1][3..], [25_500, 26_500, 27_500]);
    sleep(Duration::from_millis(8_000)).await;
    assert_eq!(world.inner().asked[0].len(), 6, "its job has left");

    // Away: asked again every second.
    world.inner().livy = Some(Err(down()));
    livy.wait_for(|health| matches!(health, Health::Down { .. })).await.expect("it goes on");
    let before = world.inner().asked[0].len();
    sleep(Duration::from_millis(3_500)).await;
    assert_eq!(world.inner().asked[0].len(), before + 3);
    drop(sweeping);
}

#[tokio::test(start_paused = true)]
async fn a_sweep_says_by_when_the_next_one_must_have_ended_and_how_long_the_last_took() {
    let (sweep, world) = (Sweep::new(PACE), world());
    world.inner().slow = Duration::from_millis(300);
    let begun = Instant::now();
    let told = [Arc::new(Mutex::new(Vec::new())), Arc::new(Mutex::new(Vec::new()))];
    let note = |which: usize| {
        let told = Arc::clone(&told[which]);
        move |by: Option<Instant>| told.lock().expect("no poison").push(by.map(|by| (by - begun).as_millis()))
    };
    let _sweeping = Sweeping([
        tokio::spawn(sweep.clone().run(Arc::clone(&world), note(0))),
        tokio::spawn(sweep.clone().run_yarn(Arc::clone(&world), note(1))),
    ]);
    sleep(SECOND * 5).await;
    let told = |which: usize| told[which].lock().expect("no poison").clone();
    for which in [0, 1] {
        assert_eq!(told(which), [None, Some(22_300)], "a service that hangs is told by its own timeout");
    }
    assert_eq!(sweep.took(), (Some(Duration::from_millis(300)), Some(Duration::from_millis(300))));
}

#[tokio::test(start_paused = true)]
async fn a_livy_that_cannot_be_served_says_why_until_it_can_and_silence_is_another_reason() {
    let (sweep, world) = (Sweep::new(PACE), world());
    assert_eq!(sweep.unsupported(), None);
    world.inner().unsupported = Some("Livy 0.5".to_owned());
    let _sweeping = begin(&sweep, &world);
    let mut livy = sweep.health();
    livy.wait_for(|health| matches!(health, Health::Down { .. })).await.expect("it goes on");
    assert_eq!(sweep.unsupported().as_deref(), Some("Livy 0.5"));
    world.inner().livy = Some(Err(down()));
    sleep(SECOND * 2).await;
    assert_eq!(sweep.unsupported(), None);
    world.inner().livy = None;
    world.inner().unsupported = None;
    livy.wait_for(|health| *health == Health::Up).await.expect("it goes on");
    assert_eq!(sweep.unsupported(), None);
}

#[tokio::test(start_paused = true)]
async fn what_yarn_hides_is_kept_until_the_disk_takes_it_and_given_up_once_a_list_shows_it() {
    let (sweep, world) = (Sweep::new(PACE), world());
    sweep.ask_yarn(&*world).await;
    assert!(!sweep.hides() && world.inner().hidden.is_empty());
    world.inner().is_full = true;
    sweep.hidden(ID, "it is active and not listed");
    assert!(sweep.hides());
    sweep.ask_yarn(&*world).await;
    world.inner().is_full = false;
    sweep.ask_yarn(&*world).await;
    sweep.ask_yarn(&*world).await;
    assert_eq!(world.inner().hidden, [[ID], [ID]], "again after the failure, and then no more");
    world.inner().yarn = Some(Ok(list(&["a"])));
    sweep.ask_yarn(&*world).await;
    assert!(!sweep.hides(), "{ID} is listed");
    assert_eq!(world.inner().hidden.last(), Some(&Vec::new()));
}

#[tokio::test(start_paused = true)]
async fn a_list_that_shows_another_job_is_not_believed_while_one_waits_for_what_is_hidden() {
    let (sweep, world) = (Sweep::new(PACE), world());
    sweep.resume_hidden(Vec::new());
    assert!(!sweep.hides());
    sweep.resume_hidden(vec!["application_9_0001".to_owned()]);
    assert!(sweep.hides(), "an earlier process has kept it");
    let name = "b".to_owned();
    let run =
        Run { application: Some("application_9_0001".to_owned()), ..Run::new(name, "sjw-b".to_owned()) };
    world.inner().yarn = Some(Ok(list(&["a"])));
    let look = async {
        let seen = Observed { livy: LivyAnswer::Missing, active: Some(Arc::new([])), missing: true };
        sweep.look(&run, sweep.number(), Some(&seen)).await
    };
    tokio::select! {
        _ = look => panic!("nothing changes for it"),
        () = async { sleep(SECOND).await; sweep.ask_yarn(&*world).await } => {}
    }
    assert!(sweep.hides(), "somebody waits for what is hidden, and it is not listed");
    sweep.ask_yarn(&*world).await;
    assert!(!sweep.hides(), "nobody waits for it any more, and a job of ours is listed");
    world.inner().yarn = Some(Ok(Active::default()));
    sweep.hidden(ID, "again");
    sweep.ask_yarn(&*world).await;
    assert!(sweep.hides(), "an empty list shows nothing");
}
