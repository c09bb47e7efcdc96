//! A whole conversation: the client and the rules against a Livy whose statements run in a real Python.

use std::time::Duration;

use serde_json::json;
use stand_ins::http::{Fault, On};
use stand_ins::livy::{Livy, Master, Version};

use super::*;
use crate::job::statements::check::{Checked, Told};
use crate::job::statements::script::{Kind, Script, Statement, Turn};
use crate::job::steps::Now;
use crate::job::steps::ask::{Ask, AskStep, Observation, Terms};
use crate::job::steps::listen::{Listen, ListenStep, Patience};
use crate::job::timestamp::Timestamp;
use crate::job::world::SessionState;
use crate::spark::address::Address;
use crate::spark::addresses::{KnownAddresses, ServiceAddress};
use crate::spark::tls::Trust;

const TASK: &str = "0123456789abcdef";
const NAME: &str = "report-0123456789abcdef";
const PATIENCE: Patience = Patience { unanswered: Duration::from_secs(20), dead: Duration::from_secs(2) };

/// A client whose calls are given up after a second.
fn client(livy: &Livy) -> Sessions {
    let url = livy.url();
    let addresses = ServiceAddresses::new("Livy", move || {
        let address = Address::parse(&url).expect("an address");
        let addresses = vec![ServiceAddress { address, source: String::new() }];
        Ok(KnownAddresses { addresses, filters_lists: false })
    });
    let access = Access { table: "livy", trust: Trust::Anyone, login: None };
    Sessions::new(addresses, &access, Duration::from_secs(1)).expect("a client")
}

fn script(statements: &[&str], result: Option<&str>) -> Script {
    let kind = |code: &str| if code.starts_with("select") { Kind::Sql } else { Kind::Pyspark };
    Script {
        statements: statements
            .iter()
            .map(|code| Statement { kind: kind(code), code: (*code).to_owned() })
            .collect(),
        variables: r#"{"day": "2026-11-24"}"#.to_owned(),
        result: result.map(str::to_owned),
    }
}

/// One session of a stand-in.
struct Talk {
    livy: Livy,
    sessions: Sessions,
    script: Script,
    began: tokio::time::Instant,
}

impl Talk {
    /// A session that is idle.
    async fn begin(version: Version, script: Script) -> Talk {
        let livy = Livy::start(version, Master::Yarn).await;
        let sessions = client(&livy);
        let body = json!({ "kind": "pyspark", "name": NAME }).to_string();
        let opened = sessions.open(NAME, &body).await;
        assert!(
            matches!(&opened, Posted::Accepted(view) if view.state == SessionState::Starting),
            "{opened:?}"
        );
        let talk = Talk { livy, sessions, script, began: tokio::time::Instant::now() };
        talk.until("idle", |view| view.state == SessionState::Idle).await;
        talk
    }

    async fn until(&self, what: &str, is: impl Fn(&SessionView) -> bool) -> SessionView {
        for _ in 0..2_000 {
            if let Ok(Some(view)) = self.sessions.find(NAME).await
                && is(&view)
            {
                return view;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("it never becomes {what}");
    }

    fn now(&self) -> Now {
        Now {
            wall: Timestamp(0),
            elapsed: self.began.elapsed(),
            answered: Duration::ZERO,
            yarn: Duration::ZERO,
        }
    }

    async fn post(&self, turn: Turn) -> Observation {
        let code = self.script.text(TASK, turn).expect("there is such a turn");
        Observation::Said(self.sessions.say(NAME, &code).await)
    }

    async fn look(&self, number: u64) -> Observation {
        Observation::Heard(self.sessions.hear(NAME, number).await)
    }

    /// Until Livy has a step; its number.
    async fn speak(&self, step: usize, from: u64) -> Result<u64, String> {
        let turn = Turn::Step(step);
        let terms = Terms { task: TASK, turn, patience: PATIENCE.unanswered };
        let mut ask = Ask::new(terms, from, false);
        let mut seen = Observation::Tick;
        loop {
            seen = match ask.see(seen, true, self.now()) {
                AskStep::Look(number) => self.look(number).await,
                AskStep::Post => self.post(turn).await,
                AskStep::Wait(pause) => {
                    tokio::time::sleep(pause).await;
                    Observation::Tick
                }
                AskStep::Known(number) | AskStep::Done { number, .. } => return Ok(number),
                AskStep::Broken(reason) => return Err(reason),
            };
        }
    }

    /// Until it is known how a step ended, and the number behind its check.
    async fn listen(&self, step: usize, number: u64) -> Result<(Checked, u64), String> {
        let mut listen = Listen::new(TASK, step, number, PATIENCE);
        let mut seen = Observation::Tick;
        loop {
            seen = match listen.see(seen, true, self.now()) {
                ListenStep::Look(number) => self.look(number).await,
                ListenStep::Post(turn) => self.post(turn).await,
                ListenStep::Wait(pause) => {
                    tokio::time::sleep(pause).await;
                    Observation::Tick
                }
                ListenStep::Ended { checked, next } => return Ok((checked, next)),
                ListenStep::Broken(reason) => return Err(reason),
            };
        }
    }

    /// From a step on to the end.
    async fn from(&self, first: usize, mut at: u64) -> Result<Checked, String> {
        for step in first..=self.script.last() {
            let number = self.speak(step, at).await?;
            let (checked, next) = self.listen(step, number).await?;
            if step == self.script.last() || !matches!(checked, Checked::Done { .. }) {
                return Ok(checked);
            }
            at = next;
        }
        Err("there is no such step".to_owned())
    }

    async fn all(&self) -> Result<Checked, String> {
        self.from(0, 0).await
    }

    async fn texts(&self) -> Vec<String> {
        match self.all().await {
            Ok(Checked::Done { told, .. }) => told.into_iter().map(|Told { text, .. }| text).collect(),
            other => panic!("{other:?}"),
        }
    }
}

fn posts() -> On {
    On::operation("POST /sessions/*/statements")
}

#[tokio::test]
async fn a_script_runs_to_its_result_in_every_version() {
    for version in Version::ALL {
        let given = script(&["rows = [variables['day']]", "select a", "rows.append(2)"], Some("rows"));
        let talk = Talk::begin(version, given).await;
        let Ok(Checked::Done { result, told }) = talk.all().await else { panic!("{version:?}") };
        assert_eq!(result.as_deref(), Some(r#"["2026-11-24",2]"#), "{version:?}");
        assert_eq!(told[1].text, "|a|\n");
        // One for each step, and one for each check.
        assert_eq!(talk.livy.count("POST /sessions/*/statements"), 10);
        assert_eq!(talk.livy.count("GET /sessions/*/statements"), 0, "never the list");
        assert_eq!(talk.sessions.delete(NAME).await, Ok(Deleted::Gone));
        assert_eq!(talk.sessions.find(NAME).await, Ok(None));
        assert_eq!(talk.sessions.delete(NAME).await, Ok(Deleted::NotFound));
        assert_eq!(talk.livy.live_applications().len(), 0);
    }
}

#[tokio::test]
async fn a_failing_statement_is_told_with_its_own_words_and_what_follows_does_not_run() {
    let talk = Talk::begin(Version::V0_8, script(&["a = 1", "a / 0", "print('never')"], None)).await;
    let Ok(Checked::Failed { name, words, traceback }) = talk.all().await else { panic!("it fails") };
    assert_eq!((name.as_str(), words.as_str()), ("ZeroDivisionError", "division by zero"));
    assert!(traceback.contains("<statement 2>"), "{traceback}");
    assert_eq!(talk.livy.count("POST /sessions/*/statements"), 6);
}

#[tokio::test]
async fn posts_whose_answers_are_lost_run_a_statement_once() {
    let count = "n = globals().get('n', 0) + 1";
    let talk = Talk::begin(Version::V0_7, script(&[count, count, "print(n)"], None)).await;
    for fault in [Fault::AnswerLost, Fault::Truncated, Fault::Close, Fault::html(502, "Bad Gateway")] {
        talk.livy.fault_times(posts(), 2, fault);
    }
    assert_eq!(talk.texts().await[2], "2\n");
    assert_eq!(talk.livy.faults_left(), 0);
}

#[tokio::test]
async fn posts_that_are_applied_after_they_were_given_up_run_a_statement_once() {
    let count = "n = globals().get('n', 0) + 1";
    let talk = Talk::begin(Version::V0_8, script(&[count, "print(n)", "print(n)"], None)).await;
    // The first tries of the first two turns come back only later.
    talk.livy.fault_times(posts(), 2, Fault::Late);
    let later = async {
        tokio::time::sleep(Duration::from_millis(2_500)).await;
        talk.livy.release();
    };
    let (texts, ()) = tokio::join!(talk.texts(), later);
    assert_eq!((texts[1].as_str(), texts[2].as_str()), ("1\n", "1\n"));
}

#[tokio::test]
async fn a_turn_that_was_said_before_a_crash_is_found_and_not_said_again() {
    let count = "n = globals().get('n', 0) + 1";
    let talk = Talk::begin(Version::V0_8, script(&[count, "print(n)"], None)).await;
    let number = talk.speak(0, 0).await.expect("it opens");
    let (_, next) = talk.listen(0, number).await.expect("it opens");
    let number = talk.speak(1, next).await.expect("it is said");
    // Killed before this was written down: it is looked for from where it would be.
    assert_eq!(talk.speak(1, next).await, Ok(number));
    // Killed while it was listened to, and again after the check was posted.
    let first = talk.listen(1, number).await.expect("it ends");
    assert_eq!(talk.listen(1, number).await, Ok(first.clone()));
    let Ok(Checked::Done { told, .. }) = talk.from(2, first.1).await else { panic!("it ends well") };
    assert_eq!(told[1].text, "1\n");
    assert_eq!(talk.livy.count("POST /sessions/*/statements"), 6);
}

#[tokio::test]
async fn a_livy_that_is_restarted_in_mid_statement_goes_on_where_it_was() {
    let slow = "import time\ntime.sleep(1)\nn = globals().get('n', 0) + 1";
    let talk = Talk::begin(Version::V0_8, script(&[slow, "print(n)"], None)).await;
    let restart = async {
        talk.until("busy", |view| view.state == SessionState::Busy).await;
        talk.livy.restart(true).await;
    };
    let (texts, ()) = tokio::join!(talk.texts(), restart);
    assert_eq!(texts[1], "1\n");
}

#[tokio::test]
async fn a_livy_that_forgot_its_sessions_has_none_of_the_name() {
    let talk = Talk::begin(Version::V0_8, script(&["1"], None)).await;
    let number = talk.speak(0, 0).await.expect("it opens");
    talk.livy.restart(false).await;
    let mut heard = talk.sessions.hear(NAME, number).await;
    if matches!(heard, Heard::Silent(_)) {
        // Over a kept connection that the old Livy has just closed.
        heard = talk.sessions.hear(NAME, number).await;
    }
    assert_eq!(heard, Heard::NoSession);
    assert_eq!(talk.sessions.say(NAME, "1").await, Said::NoSession);
    assert_eq!((talk.sessions.find(NAME).await, talk.sessions.keep(NAME).await), (Ok(None), Ok(None)));
    assert_eq!(talk.livy.live_applications().len(), 1, "the driver lives on");
}

#[tokio::test]
async fn an_application_that_was_killed_leaves_an_interpreter_that_died() {
    let talk = Talk::begin(Version::V0_7, script(&["import time; time.sleep(60)"], None)).await;
    let number = talk.speak(0, 0).await.expect("it opens");
    let (_, next) = talk.listen(0, number).await.expect("it opens");
    let number = talk.speak(1, next).await.expect("it is said");
    talk.until("busy", |view| view.state == SessionState::Busy).await;
    let id = talk.livy.live_applications()[0].id.clone().expect("an id");
    assert!(talk.livy.kill_application(&id));
    assert_eq!(talk.sessions.hear(NAME, number).await, Heard::NotActive);
    assert_eq!(talk.sessions.say(NAME, "1").await, Said::NotActive);
    let view = talk.until("killed", |view| view.state == SessionState::Killed).await;
    assert_eq!(view.application, Some(id));
}

#[tokio::test]
async fn a_call_that_hangs_is_given_up_and_its_session_is_broken_in_the_end() {
    let talk = Talk::begin(Version::V0_8, script(&["1"], None)).await;
    talk.livy.configure(|settings| settings.rpc_max_size = 100);
    let broken = talk.all().await.expect_err("no answer comes through");
    assert!(broken.contains("no answer about its statements for 20 s"), "{broken}");
    let view = talk.until("idle", |_| true).await;
    assert_eq!(view.state, SessionState::Idle, "that is the trap");
}

#[tokio::test]
async fn a_session_is_kept_by_what_counts_as_activity_and_by_nothing_else() {
    let talk = Talk::begin(Version::V0_8, script(&["import time; time.sleep(2)"], None)).await;
    talk.livy.configure(|settings| settings.session_timeout = Duration::from_millis(700));
    let keep = async {
        loop {
            tokio::time::sleep(Duration::from_millis(200)).await;
            talk.sessions.keep(NAME).await.expect("an answer");
        }
    };
    tokio::select! {
        checked = talk.all() => assert!(matches!(checked, Ok(Checked::Done { .. })), "{checked:?}"),
        () = keep => {}
    }
    // Looking alone keeps nothing.
    for _ in 0..30 {
        let seen = talk.sessions.find(NAME).await.expect("an answer");
        if seen.is_none() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("nothing new was done, and it is still there");
}

#[tokio::test]
async fn statements_wait_for_a_session_that_starts() {
    let livy = Livy::start(Version::V0_8, Master::Yarn).await;
    livy.configure(|settings| settings.sessions_hang = true);
    let sessions = client(&livy);
    let body = json!({ "kind": "pyspark", "name": NAME }).to_string();
    assert!(matches!(sessions.open(NAME, &body).await, Posted::Accepted(_)));
    assert!(matches!(sessions.say(NAME, "1").await, Said::NotNow(_)));
    assert!(matches!(sessions.hear(NAME, 0).await, Heard::Silent(_)), "Livy waits for the driver");
    let again = sessions.open(NAME, &body).await;
    assert!(matches!(again, Posted::Unsure { .. }), "a duplicate is ours, by its name: {again:?}");
    let refused = sessions.open("other", &json!({ "kind": "pyspark", "file": "/f" }).to_string()).await;
    assert!(matches!(refused, Posted::Refused(_)), "{refused:?}");
    let listed = sessions.list(|name| name == NAME).await.expect("a list");
    assert_eq!(listed.len(), 1);
}
